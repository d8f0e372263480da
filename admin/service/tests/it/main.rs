//! The use cases with a made-up dialect, files from memory, and a list in place of a data plane.

#![allow(clippy::unwrap_used)] // helpers of tests are tests

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use serde_json::{Value, json};
use sluice_model::{Api, ListenPath, Revision, Snapshot, State, Upstream};
use sluice_service::{
    Change, Dialect, Draft, Effect, FileContent, FileDefinition, Library, Problem, Problems,
    Service, ServiceError, Serving, Settings,
};
use sluice_store::{SqliteStore, Store};
use tokio::task::JoinHandle;

/// Documents are `{"id", "name", "path"}`; `"broken"` instead of a path is an error.
struct Plain;

fn problem(path: &str, message: &str) -> Problems {
    let at = sluice_service::Position::default();
    Problems(vec![Problem { at, path: path.into(), message: message.into(), hint: None }])
}

impl Dialect for Plain {
    fn name(&self) -> &'static str {
        "plain"
    }

    fn translate(&self, document: &Value, id: &str, origin: &str) -> Result<Api, Problems> {
        let path = document["path"].as_str().unwrap_or_default();
        let listen_path =
            ListenPath::new(path, true).map_err(|e| problem("path", &e.to_string()))?;
        let mut revision = [0; 32];
        for (index, byte) in document.to_string().bytes().enumerate() {
            revision[index % 32] ^= byte.rotate_left(index as u32 / 32);
        }
        Ok(Api {
            id: id.into(),
            name: document["name"].as_str().unwrap_or_default().into(),
            organisation: "".into(),
            revision: Revision(revision),
            origin: origin.into(),
            domain: None,
            listen_path,
            state: State::default(),
            expiration: None,
            upstream: Upstream::default(),
            context_variables: false,
            request_size_limit: None,
            extension: None,
        })
    }
}

/// File name to document; `None` is a file that is no document at all.
type Files = Arc<Mutex<BTreeMap<&'static str, Option<Value>>>>;

struct Shelf(Files);

#[async_trait]
impl Library for Shelf {
    async fn load(&self) -> Result<Vec<FileDefinition>, (String, String)> {
        let files = self.0.lock().unwrap().clone();
        if files.contains_key("unreadable") {
            return Err(("apps/".into(), "permission denied".into()));
        }
        let read = files.into_iter().map(|(name, document)| {
            let content = document.ok_or_else(|| problem("", "is no JSON")).map(|document| {
                let id = document["id"].as_str().unwrap_or_default();
                let api = Plain.translate(&document, id, name).map(Arc::new);
                FileContent {
                    dialect: "plain".into(),
                    id: id.into(),
                    document: document.into(),
                    api,
                }
            });
            FileDefinition { path: name.into(), content }
        });
        Ok(read.collect())
    }
}

/// What is served, as `id path` lines; APIs named `unservable` are refused.
type Served = Arc<Mutex<(Vec<String>, usize)>>;

struct List(Served);

#[async_trait]
impl Serving for List {
    async fn apply(&mut self, snapshot: &Snapshot) -> Vec<(Arc<Api>, String, bool)> {
        let (refused, served): (Vec<_>, Vec<_>) =
            snapshot.apis().iter().cloned().partition(|api| &*api.name == "unservable");
        let lines = served.iter().map(|api| format!("{} {}", api.id, api.listen_path.value()));
        let mut state = self.0.lock().unwrap();
        *state = (lines.collect(), state.1 + 1);
        refused.into_iter().map(|api| (api, "no way".to_owned(), false)).collect()
    }

    async fn finish(self: Box<Self>) {
        self.0.lock().unwrap().0 = vec!["finished".into()];
    }
}

struct Setup {
    service: Service,
    task: JoinHandle<()>,
    files: Files,
    served: Served,
}

async fn on(store: impl Store + 'static, files: &Files) -> Setup {
    let served = Served::default();
    let (service, task) = Service::start(Settings {
        store: Arc::new(store),
        dialects: vec![Arc::new(Plain)],
        library: Box::new(Shelf(files.clone())),
        serving: Box::new(List(served.clone())),
        reload_interval: Duration::from_millis(1),
    });
    service.reload().await.unwrap();
    Setup { service, task, files: files.clone(), served }
}

async fn start() -> Setup {
    on(SqliteStore::in_memory().await.unwrap(), &Files::default()).await
}

fn document(id: &str, name: &str, path: &str) -> Value {
    json!({ "id": id, "name": name, "path": path })
}

fn draft(id: &str, path: &str) -> Draft {
    let document = document(id, &format!("name of {id}"), path);
    Draft { dialect: "plain", id: id.into(), storage_id: format!("s-{id}"), document }
}

fn change(id: &str, name: &str, path: &str) -> Change {
    Change { dialect: "plain", id: id.into(), document: document(id, name, path) }
}

impl Setup {
    fn put_file(&self, name: &'static str, document: Option<Value>) {
        self.files.lock().unwrap().insert(name, document);
    }

    /// Reloads; returns what was in trouble, as text.
    async fn reload(&self) -> Vec<String> {
        let report = self.service.reload().await.unwrap();
        report.troubles.iter().map(ToString::to_string).collect()
    }

    #[track_caller]
    fn serves(&self, expected: &[&str]) {
        assert_eq!(self.served.lock().unwrap().0, expected);
    }
}

#[tokio::test]
async fn changes_are_stored_at_once_and_effective_with_the_next_reload() {
    let setup = start().await;
    setup.service.create(draft("a", "/a/"), Effect::AtReload).await.unwrap();
    setup.serves(&[]);
    assert_eq!(&*setup.service.get("s-a").unwrap().id, "a");
    setup.reload().await;
    setup.serves(&["a /a/"]);
    setup.service.replace(change("a", "new", "/b/"), Effect::AtReload).await.unwrap();
    setup.serves(&["a /a/"]);
    assert_eq!(&*setup.service.get("a").unwrap().api.name, "new");
    setup.reload().await;
    setup.serves(&["a /b/"]);
    setup.service.delete("a", Effect::AtReload).await.unwrap();
    setup.serves(&["a /b/"]);
    assert!(matches!(setup.service.get("a"), Err(ServiceError::Unknown(_))));
    setup.reload().await;
    setup.serves(&[]);
}

#[tokio::test]
async fn changes_may_be_effective_at_once() {
    let setup = start().await;
    setup.service.create(draft("a", "/a/"), Effect::AtOnce).await.unwrap();
    setup.serves(&["a /a/"]);
    setup.service.delete("s-a", Effect::AtOnce).await.unwrap();
    setup.serves(&[]);
}

#[tokio::test]
async fn nothing_bad_is_stored() {
    let setup = start().await;
    setup.service.create(draft("a", "/a/"), Effect::AtOnce).await.unwrap();
    let again = setup.service.create(draft("a", "/other/"), Effect::AtOnce).await.unwrap_err();
    assert_eq!(again.to_string(), "the id `a` belongs to `name of a` (store)");
    let taken = setup.service.create(draft("b", "/a/"), Effect::AtOnce).await.unwrap_err();
    assert_eq!(taken.to_string(), "the listen path `/a/` belongs to `name of a` (store)");
    let broken = setup.service.create(draft("c", "broken"), Effect::AtOnce).await.unwrap_err();
    assert!(broken.to_string().starts_with("path: must start with"), "{broken}");
    let unknown = setup.service.replace(change("z", "z", "/z/"), Effect::AtOnce).await.unwrap_err();
    assert!(matches!(unknown, ServiceError::Unknown(_)));
    assert_eq!(setup.service.catalogue().definitions().len(), 1);
    setup.serves(&["a /a/"]);
}

#[tokio::test]
async fn what_can_not_be_served_at_once_is_undone() {
    let setup = start().await;
    let mut refused = draft("a", "/a/");
    refused.document["name"] = "unservable".into();
    let error = setup.service.create(refused, Effect::AtOnce).await.unwrap_err();
    assert!(matches!(error, ServiceError::NotServed(reason) if reason == "no way"));
    assert!(setup.service.get("a").is_err());
    setup.service.create(draft("a", "/a/"), Effect::AtOnce).await.unwrap();
    let refused = change("a", "unservable", "/b/");
    assert!(setup.service.replace(refused, Effect::AtOnce).await.is_err());
    assert_eq!(&*setup.service.get("a").unwrap().api.name, "name of a");
    setup.serves(&["a /a/"]);
}

#[tokio::test]
async fn definitions_survive_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let files = Files::default();
    let setup = on(SqliteStore::open(&path).await.unwrap(), &files).await;
    setup.service.create(draft("a", "/a/"), Effect::AtReload).await.unwrap();
    let Setup { service, task, served, .. } = setup;
    drop(service);
    task.await.unwrap();
    assert_eq!(served.lock().unwrap().0, ["finished"]);

    let setup = on(SqliteStore::open(&path).await.unwrap(), &files).await;
    setup.serves(&["a /a/"]);
    assert_eq!(*setup.service.get("a").unwrap().document, document("a", "name of a", "/a/"));
}

#[tokio::test]
async fn a_broken_file_is_named_and_its_last_good_version_serves() {
    let setup = start().await;
    setup.put_file("a.json", Some(document("a", "first", "/a/")));
    setup.put_file("b.json", None);
    assert_eq!(setup.reload().await, ["b.json: is no JSON [not served]"]);
    setup.serves(&["a /a/"]);
    for broken in [None, Some(document("a", "first", "broken"))] {
        setup.put_file("a.json", broken);
        let told = &setup.reload().await[0];
        assert!(told.starts_with("first (a.json): "), "{told}");
        assert!(told.ends_with("[its last good version keeps serving]"), "{told}");
        setup.serves(&["a /a/"]);
    }
    setup.put_file("a.json", Some(document("a", "first", "/fixed/")));
    setup.put_file("b.json", Some(document("b", "b", "/b/")));
    assert_eq!(setup.reload().await, [""; 0]);
    setup.serves(&["a /fixed/", "b /b/"]);
}

#[tokio::test]
async fn two_files_at_one_listen_path_are_both_named() {
    let setup = start().await;
    setup.put_file("a.json", Some(document("a", "first", "/a/")));
    setup.put_file("b.json", Some(document("b", "second", "/a/")));
    let expected = "second (b.json): `second` (b.json) has the same listen path `/a/` as `first` \
                    (a.json) [not served]";
    assert_eq!(setup.reload().await, [expected]);
    setup.serves(&["a /a/"]);
    // One that served elsewhere before goes on there.
    setup.put_file("b.json", Some(document("b", "second", "/b/")));
    setup.reload().await;
    setup.put_file("b.json", Some(document("b", "second", "/a/")));
    assert!(setup.reload().await[0].ends_with("[its last good version keeps serving]"));
    setup.serves(&["a /a/", "b /b/"]);
}

#[tokio::test]
async fn an_unreadable_folder_takes_nothing_down() {
    let setup = start().await;
    setup.put_file("a.json", Some(document("a", "first", "/a/")));
    setup.service.create(draft("s", "/s/"), Effect::AtOnce).await.unwrap();
    setup.put_file("unreadable", None);
    assert_eq!(setup.reload().await.len(), 1);
    setup.serves(&["a /a/", "s /s/"]);
}

#[tokio::test]
async fn a_change_to_a_file_definition_counts_until_the_file_changes() {
    let setup = start().await;
    setup.put_file("a.json", Some(document("a", "from file", "/a/")));
    setup.reload().await;
    setup.service.replace(change("a", "from API", "/api/"), Effect::AtOnce).await.unwrap();
    setup.reload().await;
    setup.serves(&["a /api/"]);
    setup.service.delete("a", Effect::AtOnce).await.unwrap();
    setup.reload().await;
    setup.serves(&[]);
    setup.put_file("a.json", Some(document("a", "from file again", "/again/")));
    setup.reload().await;
    setup.serves(&["a /again/"]);
}

#[tokio::test]
async fn a_file_with_the_id_of_a_stored_api_is_reported() {
    let setup = start().await;
    setup.service.create(draft("a", "/a/"), Effect::AtOnce).await.unwrap();
    setup.put_file("a.json", Some(document("a", "copy", "/copy/")));
    let told = setup.reload().await;
    assert!(told[0].contains("the store holds an API with its id `a`"), "{told:?}");
    setup.serves(&["a /a/"]);
}

#[tokio::test]
async fn reloads_that_come_together_are_one() {
    let setup = start().await;
    let before = setup.served.lock().unwrap().1;
    for _ in 0..50 {
        setup.service.request_reload();
    }
    setup.service.reload().await.unwrap();
    let reloads = setup.served.lock().unwrap().1 - before;
    assert!((1..=3).contains(&reloads), "{reloads} reloads");
}

#[tokio::test]
async fn reloads_keep_their_distance_but_changes_do_not_wait() {
    let (service, _task) = Service::start(Settings {
        store: Arc::new(SqliteStore::in_memory().await.unwrap()),
        dialects: vec![Arc::new(Plain)],
        library: Box::new(Shelf(Files::default())),
        serving: Box::new(List(Served::default())),
        reload_interval: Duration::from_secs(4),
    });
    let began = Instant::now();
    service.reload().await.unwrap();
    let second = tokio::spawn({
        let service = service.clone();
        async move { service.reload().await }
    });
    tokio::time::sleep(Duration::from_millis(50)).await;
    service.create(draft("a", "/a/"), Effect::AtOnce).await.unwrap();
    assert!(!second.is_finished(), "the change has waited for the reload");
    second.await.unwrap().unwrap();
    assert!(began.elapsed() >= Duration::from_secs(4), "{:?}", began.elapsed());
}
