//! Reading everything that is defined anew, and serving what can be served.

use std::sync::Arc;

use sluice_model::{Api, Revision, Snapshot};
use sluice_store::Definition as Record;
use tracing::{error, info};

use crate::{
    Catalogue, Definition, FileContent, FileDefinition, Origin, Report, Trouble, owner::Owner,
};

impl Owner {
    /// Reads files and store anew and serves what they define.
    pub(crate) async fn reload(&mut self) -> Report {
        let previous = self.catalogue.load_full();
        let mut reading = Reading { previous: &previous, taken: Vec::new(), troubles: Vec::new() };
        let files = match self.files.load().await {
            Ok(files) => files,
            Err((place, reason)) => {
                reading.trouble(None, &place, &place, reason, true);
                reading.keep(|origin| matches!(origin, Origin::File(_)));
                Vec::new()
            }
        };
        match self.store.definitions().await {
            Ok(records) => self.merge(files, records, &mut reading).await,
            Err(error) => {
                error!(%error, "the store can't be read: its definitions stay as they are");
                reading.keep(|origin| matches!(origin, Origin::Store { .. }));
                for file in files {
                    reading.take_file(file);
                }
            }
        }
        let Reading { taken, mut troubles, .. } = reading;
        let snapshot = snapshot(&taken, &previous, &mut troubles);
        let refused = self.serving.apply(&snapshot).await;
        troubles.extend(refused.into_iter().map(|(api, reason, still_serving)| Trouble {
            id: Some(api.id.to_string()),
            what: api.name.to_string(),
            origin: api.origin.to_string(),
            reason,
            still_serving,
        }));
        self.publish(Catalogue::new(taken));
        let report = Report { apis: snapshot.apis().len(), troubles };
        report.log();
        report
    }

    /// Puts files and records together: a record may stand in for a file's document, as long as that
    /// document stays what it was.
    async fn merge(
        &self,
        files: Vec<FileDefinition>,
        records: Vec<Record>,
        reading: &mut Reading<'_>,
    ) {
        let mut records: Vec<Option<Record>> = records.into_iter().map(Some).collect();
        for file in files {
            let Ok(content) = &file.content else {
                reading.take_file(file);
                continue;
            };
            let same_id = |slot: &&mut Option<Record>| {
                slot.as_ref().is_some_and(|record| *record.id == *content.id)
            };
            let Some(slot) = records.iter_mut().find(same_id) else {
                reading.take_file(file);
                continue;
            };
            let Some(record) = slot.take() else { continue };
            match (&record.replaces, revision(content)) {
                (Some(replaced), Some(found)) if *replaced == found.0 => {
                    self.take_record(record, reading);
                }
                (Some(_), _) => {
                    info!(file = %file.path, id = %record.id, "the file changed and counts again");
                    self.forget(&record.id).await;
                    reading.take_file(file);
                }
                (None, _) => {
                    let reason = format!("the store holds an API with its id `{}`", record.id);
                    reading.trouble(Some(&record.id), &file.path, &file.path, reason, true);
                    self.take_record(record, reading);
                }
            }
        }
        for record in records.into_iter().flatten() {
            if record.hidden {
                // The file that it hid is gone.
                self.forget(&record.id).await;
            } else {
                self.take_record(record, reading);
            }
        }
    }

    async fn forget(&self, id: &str) {
        if let Err(error) = self.store.delete_definition(id).await {
            error!(%error, %id, "a superseded record can't be deleted");
        }
    }

    fn take_record(&self, record: Record, reading: &mut Reading<'_>) {
        if record.hidden {
            return;
        }
        let replaces = record.replaces.and_then(|bytes| bytes.try_into().ok()).map(Revision);
        let origin = Origin::Store { replaces };
        let document = match serde_json::from_str(&record.document) {
            Ok(document) => document,
            Err(error) => {
                let reason = format!("the stored document is no JSON: {error}");
                reading.take_last_good(&record.id, "store", reason);
                return;
            }
        };
        match self.define(&record.dialect, &record.id, &record.storage_id, document, origin) {
            Ok(definition) => reading.taken.push(definition),
            Err(error) => reading.take_last_good(&record.id, "store", error.to_string()),
        }
    }
}

/// The definitions of a catalogue in the making.
struct Reading<'a> {
    previous: &'a Catalogue,
    taken: Vec<Arc<Definition>>,
    troubles: Vec<Trouble>,
}

impl Reading<'_> {
    fn take_file(&mut self, file: FileDefinition) {
        let FileDefinition { path, content } = file;
        let last_good = self.previous.of_file(&path).cloned();
        let (id, problems) = match content {
            Ok(content) => match content.api {
                Ok(api) => {
                    self.taken.push(Arc::new(Definition {
                        id: content.id.clone(),
                        storage_id: content.id,
                        dialect: content.dialect,
                        document: content.document,
                        origin: Origin::File(path),
                        api,
                    }));
                    return;
                }
                Err(problems) => (Some(content.id), problems),
            },
            Err(problems) => (None, problems),
        };
        let what = last_good.as_ref().map_or(&*path, |good| &*good.api.name).to_owned();
        let id = id.or_else(|| last_good.as_ref().map(|good| good.id.clone()));
        let reason = problems.to_string();
        self.trouble(id.as_deref(), &what, &path, reason, last_good.is_some());
        self.taken.extend(last_good);
    }

    fn take_last_good(&mut self, id: &str, origin: &str, reason: String) {
        let last_good = self.previous.get(id).cloned();
        let what = last_good.as_ref().map_or(id, |good| &*good.api.name).to_owned();
        self.trouble(Some(id), &what, origin, reason, last_good.is_some());
        self.taken.extend(last_good);
    }

    /// Takes over what a source that can't be read held before.
    fn keep(&mut self, from: impl Fn(&Origin) -> bool) {
        let kept = self.previous.definitions().iter().filter(|known| from(&known.origin));
        self.taken.extend(kept.cloned());
    }

    fn trouble(
        &mut self,
        id: Option<&str>,
        what: &str,
        origin: &str,
        reason: String,
        still_serving: bool,
    ) {
        self.troubles.push(Trouble {
            id: id.map(str::to_owned),
            what: what.to_owned(),
            origin: origin.to_owned(),
            reason,
            still_serving,
        });
    }
}

/// The snapshot of these definitions. One that claims what another has stays at its previous version,
/// if that version is still free to.
fn snapshot(
    taken: &[Arc<Definition>],
    previous: &Catalogue,
    troubles: &mut Vec<Trouble>,
) -> Snapshot {
    let (snapshot, conflicts) = Snapshot::build(taken.iter().map(|taken| taken.api.clone()));
    if conflicts.is_empty() {
        return snapshot;
    }
    let fallback = |api: &Arc<Api>| Some(previous.get(&api.id)?.api.clone());
    let fallbacks = conflicts.iter().filter_map(|conflict| fallback(&conflict.refused));
    let (snapshot, _) = Snapshot::build(snapshot.apis().iter().cloned().chain(fallbacks));
    for conflict in conflicts {
        let refused = &conflict.refused;
        let old = fallback(refused);
        let served = |old: &Arc<Api>| snapshot.apis().iter().any(|api| Arc::ptr_eq(api, old));
        troubles.push(Trouble {
            id: Some(refused.id.to_string()),
            what: refused.name.to_string(),
            origin: refused.origin.to_string(),
            reason: conflict.to_string(),
            still_serving: old.as_ref().is_some_and(served),
        });
    }
    snapshot
}

fn revision(content: &FileContent) -> Option<Revision> {
    content.api.as_ref().ok().map(|api| api.revision)
}
