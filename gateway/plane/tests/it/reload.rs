use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Empty;
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use serde_json::{Value, json};
use sluice_model::{Api, Revision};
use sluice_plane::{
    ApiExtension, ApiHandler, Body, ExtensionError, Outcome, RequestContext, Unready,
};
use tokio::sync::Semaphore;

use crate::support::{Gateway, Options, PATIENCE, api};

/// Handlers that answer their own word, and a log of what happened to them.
#[derive(Default)]
struct Words {
    log: Arc<Mutex<Vec<String>>>,
    held: Arc<AtomicUsize>,
    release: Arc<OnceGate>,
}

struct OnceGate(Semaphore);

impl Default for OnceGate {
    fn default() -> Self {
        Self(Semaphore::new(0))
    }
}

struct Word {
    word: String,
    log: Arc<Mutex<Vec<String>>>,
    held: Arc<AtomicUsize>,
    release: Arc<OnceGate>,
}

#[async_trait]
impl ApiExtension for Words {
    async fn load(
        &self,
        _api: &Arc<Api>,
        document: &Arc<Value>,
        previous: Option<&Arc<dyn ApiHandler>>,
    ) -> Result<Arc<dyn ApiHandler>, ExtensionError> {
        let word = document["word"].as_str().ok_or("word: expected a string")?.to_owned();
        let replacing = if previous.is_some() { " over another" } else { "" };
        self.log.lock().unwrap().push(format!("load {word}{replacing}"));
        let (log, held, release) = (self.log.clone(), self.held.clone(), self.release.clone());
        Ok(Arc::new(Word { word, log, held, release }))
    }
}

#[async_trait]
impl ApiHandler for Word {
    async fn handle(&self, _request: Request<Body>, context: &RequestContext) -> Outcome {
        if context.stripped_path == "/hold" {
            self.held.fetch_add(1, Ordering::SeqCst);
            let _ = self.release.0.acquire().await;
        }
        Outcome::Answered(Response::new(Body::from(self.word.clone())))
    }

    fn unready(&self) -> Vec<String> {
        if self.word == "slow" { vec!["still slow".into()] } else { vec![] }
    }

    async fn retire(&self) {
        self.log.lock().unwrap().push(format!("retire {}", self.word));
    }
}

fn word(id: &str, listen: &str, word: &Value, revision: u8) -> Api {
    let mut api = api(id, listen);
    api.extension = Some(Arc::new(json!({ "word": word })));
    api.revision = Revision([revision; 32]);
    api
}

struct Setup {
    gateway: Gateway,
    log: Arc<Mutex<Vec<String>>>,
    held: Arc<AtomicUsize>,
    release: Arc<OnceGate>,
}

async fn start(apis: impl IntoIterator<Item = Api>) -> Setup {
    let words = Words::default();
    let (log, held, release) = (words.log.clone(), words.held.clone(), words.release.clone());
    let options = Options { extension: Some(Arc::new(words)), ..Options::default() };
    Setup { gateway: Gateway::with(options, apis).await, log, held, release }
}

impl Setup {
    async fn log_is(&self, expected: &[&str]) {
        // Retiring happens after the switch.
        let began = std::time::Instant::now();
        while *self.log.lock().unwrap() != expected && began.elapsed() < PATIENCE {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        assert_eq!(*self.log.lock().unwrap(), expected);
    }
}

#[tokio::test]
async fn unchanged_apis_keep_their_handler() {
    let (one, two) = (json!("one"), json!("two"));
    let mut setup = start([word("a", "/a/", &one, 1), word("b", "/b/", &one, 1)]).await;
    let refusals =
        setup.gateway.apply([word("a", "/a/", &one, 1), word("b", "/b/", &two, 2)]).await;
    assert_eq!(refusals.len(), 0);
    setup.log_is(&["load one", "load one", "load two over another", "retire one"]).await;
    setup.gateway.get("/a/").await.expect(200, "one");
    setup.gateway.get("/b/").await.expect(200, "two");
}

#[tokio::test]
async fn removed_apis_are_gone_and_retired() {
    let mut setup = start([word("a", "/a/", &json!("one"), 1)]).await;
    setup.gateway.apply([]).await;
    setup.gateway.get("/a/").await.expect(404, "Not Found");
    setup.log_is(&["load one", "retire one"]).await;
}

#[tokio::test]
async fn a_refused_version_leaves_the_last_good_one_serving() {
    let mut setup = start([word("a", "/a/", &json!("one"), 1)]).await;
    let refusals = setup
        .gateway
        .apply([word("a", "/a/", &json!(7), 2), word("new", "/new/", &json!(8), 1)])
        .await;
    let told: Vec<_> =
        refusals.iter().map(|r| (&*r.api.name, r.reason.as_str(), r.still_serving)).collect();
    let reason = "word: expected a string";
    assert_eq!(told, [("api a", reason, true), ("api new", reason, false)]);
    setup.gateway.get("/a/").await.expect(200, "one");
    setup.gateway.get("/new/").await.expect(404, "Not Found");
    setup.gateway.apply([word("a", "/a/", &json!("three"), 3)]).await;
    setup.gateway.get("/a/").await.expect(200, "three");
}

#[tokio::test]
async fn a_last_good_version_defends_its_listen_path() {
    let mut setup = start([word("a", "/a/", &json!("one"), 1)]).await;
    // `a` moves away but is broken, so it stays; `b` wanted its place.
    let refusals = setup
        .gateway
        .apply([word("a", "/moved/", &json!(7), 2), word("b", "/a/", &json!("two"), 1)])
        .await;
    assert_eq!(refusals.len(), 2);
    let reason = "`api b` (b.json) has the same listen path `/a/` as `api a` (a.json)";
    assert_eq!(refusals[1].reason, reason);
    setup.gateway.get("/a/").await.expect(200, "one");
}

#[tokio::test]
async fn a_request_finishes_on_the_version_it_began_with() {
    let mut setup = start([word("a", "/a/", &json!("one"), 1)]).await;
    let address = setup.gateway.address;
    let held = tokio::spawn(async move {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let mut socket = tokio::net::TcpStream::connect(address).await.unwrap();
        let request = "GET /a/hold HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
        socket.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).await.unwrap();
        answer
    });
    while setup.held.load(Ordering::SeqCst) == 0 {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    setup.gateway.apply([word("a", "/a/", &json!("two"), 2)]).await;
    setup.gateway.get("/a/").await.expect(200, "two");
    setup.release.0.add_permits(1);
    assert!(held.await.unwrap().ends_with("one"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_request_is_lost_while_apis_are_swapped() {
    let mut setup = start([word("a", "/a/", &json!("0"), 0)]).await;
    let address = setup.gateway.address;
    let client = Client::builder(TokioExecutor::new()).build_http::<Empty<Bytes>>();
    let done = Arc::new(AtomicUsize::new(0));
    let asking: Vec<_> = (0..4)
        .map(|_| {
            let (client, done) = (client.clone(), done.clone());
            tokio::spawn(async move {
                let mut asked = 0;
                while done.load(Ordering::SeqCst) == 0 || asked < 50 {
                    let uri = format!("http://{address}/a/").parse().unwrap();
                    assert_eq!(client.get(uri).await.unwrap().status(), 200);
                    asked += 1;
                }
            })
        })
        .collect();
    for revision in 1..=50 {
        let next = word("a", "/a/", &json!(revision.to_string()), revision);
        assert_eq!(setup.gateway.apply([next]).await.len(), 0);
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    }
    done.store(1, Ordering::SeqCst);
    for asked in asking {
        asked.await.unwrap();
    }
}

#[tokio::test]
async fn what_is_not_ready_is_named() {
    let setup =
        start([word("a", "/a/", &json!("slow"), 1), word("b", "/b/", &json!("one"), 1)]).await;
    let expected = Unready { api: "api a".into(), detail: "still slow".into() };
    assert_eq!(setup.gateway.applier.plane().unready(), [expected]);
}
