//! Definitions in the operator's files: a folder of them, and single ones.
//!
//! A file holds one Tyk OAS document (JSON or YAML), a classic definition, or half of a pair: of
//! `x.json` and `x-oas.json` the second is the document, the first only names it.

use std::{
    collections::BTreeSet,
    ffi::OsStr,
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use async_trait::async_trait;
use serde_json::Value;
use sluice_config::{Problem, Problems};
use sluice_plane::ApiExtension;
use sluice_service::{Dialect, FileContent, FileDefinition, Library};

use tracing::warn;

use super::{
    CLASSIC, ClassicDialect, EXTENSION, OAS, OasDialect, identity, locate, parse, parse_json,
    parse_yaml, pointer, problem, said,
};

/// Largest file that is read.
const MAX_FILE: u64 = 16 << 20;

/// All files that may define APIs.
#[derive(Clone)]
pub(crate) struct DefinitionFiles {
    pub folder: PathBuf,
    /// Read whatever they are called, before the folder.
    pub single: Vec<PathBuf>,
    pub oas: Arc<OasDialect>,
    pub classic: Arc<ClassicDialect>,
    /// Who understands the streams of documents, if anybody.
    pub streams: Option<Arc<dyn ApiExtension>>,
}

#[async_trait]
impl Library for DefinitionFiles {
    async fn load(&self) -> Result<Vec<FileDefinition>, (String, String)> {
        let files = self.clone();
        let reading = tokio::task::spawn_blocking(move || files.read());
        let place = || self.folder.display().to_string();
        match reading.await {
            Ok(read) => read.map_err(|error| (place(), format!("can't be read: {error}"))),
            Err(error) => Err((place(), format!("reading broke off: {error}"))),
        }
    }
}

impl DefinitionFiles {
    fn read(&self) -> io::Result<Vec<FileDefinition>> {
        let folder = list(&self.folder)?;
        let mut read = Vec::new();
        let single = self.single.iter().filter(|path| !is_inside(path, &folder));
        for path in single.chain(&folder) {
            // Half of a pair is read with the other half.
            if index_of(path).is_some_and(|index| folder.contains(&index) && is_index_file(&index))
            {
                continue;
            }
            let name: Arc<str> = path.display().to_string().into();
            let content = self.read_definition(path, &name);
            read.push(FileDefinition { path: name, content });
        }
        Ok(read)
    }

    fn read_definition(&self, path: &Path, name: &str) -> Result<FileContent, Problems> {
        let (text, document) = read_document(path)?;
        if is_index(&document) {
            let other = document_of(path).filter(|other| other.is_file()).ok_or_else(|| {
                let message = "is the index of an OAS document, but that has no file beside it";
                Problems(vec![problem("is_oas", message)])
            })?;
            let id = pointer(&document, &["api_id"]).and_then(Value::as_str).map(str::to_owned);
            let (text, document) = read_document(&other)?;
            return Ok(self.oas(document, id, name, &text));
        }
        if document.get(EXTENSION).is_some() {
            return Ok(self.oas(document, None, name, &text));
        }
        if document.get("proxy").is_some() {
            return Ok(self.classic(document, name, &text));
        }
        let message = format!("is no API definition: it has neither {EXTENSION} nor proxy");
        Err(Problems(vec![problem("", message)]))
    }

    fn oas(
        &self,
        document: Value,
        index_id: Option<String>,
        name: &str,
        text: &str,
    ) -> FileContent {
        let index_id = index_id.filter(|id| !id.is_empty());
        let id = match identity::stated_id(&document) {
            Some(id) => id.to_owned(),
            None => index_id.unwrap_or_else(|| identity::id_of(&document)),
        };
        let api = self.oas.translate(&document, &id, name).map_err(|found| locate(found, text));
        if let Ok(Some(streams)) = api.as_ref().map(|api| api.extension.as_deref()) {
            self.check_streams(streams, name, text);
        }
        FileContent {
            dialect: OAS.into(),
            id: id.into(),
            document: document.into(),
            api: api.map(Arc::new),
        }
    }

    /// Tells where the document is at fault when its streams cannot start. The API is served
    /// nevertheless: its other streams may be fine.
    fn check_streams(&self, streams: &Value, name: &str, text: &str) {
        let Some(checker) = &self.streams else { return };
        let found = checker.check(streams).into_iter().map(|line| said(&line));
        for Problem { at, path, message, .. } in locate(Problems(found.collect()), text).0 {
            warn!("{name}({},{}) {path}: {message}", at.line, at.column);
        }
    }

    fn classic(&self, document: Value, name: &str, text: &str) -> FileContent {
        let member = |path: &[&str]| pointer(&document, path).and_then(Value::as_str);
        let id = match member(&["api_id"]).filter(|id| !id.is_empty()) {
            Some(id) => id.to_owned(),
            None => identity::stable_id(
                member(&["name"]).unwrap_or_default(),
                member(&["proxy", "listen_path"]).unwrap_or_default(),
            ),
        };
        let api = self.classic.translate(&document, &id, name).map_err(|found| locate(found, text));
        FileContent {
            dialect: CLASSIC.into(),
            id: id.into(),
            document: document.into(),
            api: api.map(Arc::new),
        }
    }
}

/// The definition files of a folder, by name; none if there is no such folder.
fn list(folder: &Path) -> io::Result<BTreeSet<PathBuf>> {
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeSet::new()),
        entries => entries?,
    };
    let mut files = BTreeSet::new();
    for entry in entries {
        let path = entry?.path();
        let hidden = path.file_name().is_none_or(|name| name.as_encoded_bytes().starts_with(b"."));
        let known =
            ["json", "yaml", "yml"].map(OsStr::new).contains(&path.extension().unwrap_or_default());
        if known && !hidden && path.is_file() {
            files.insert(path);
        }
    }
    Ok(files)
}

fn is_inside(path: &Path, folder: &BTreeSet<PathBuf>) -> bool {
    let same = |other: &PathBuf| match (path.canonicalize(), other.canonicalize()) {
        (Ok(one), Ok(other)) => one == other,
        _ => path == other,
    };
    folder.iter().any(same)
}

/// `x.json` to `x-oas.json`.
fn document_of(index: &Path) -> Option<PathBuf> {
    let name = index.file_name()?.to_str()?.strip_suffix(".json")?;
    Some(index.with_file_name(format!("{name}-oas.json")))
}

/// `x-oas.json` to `x.json`.
fn index_of(document: &Path) -> Option<PathBuf> {
    let name = document.file_name()?.to_str()?.strip_suffix("-oas.json")?;
    Some(document.with_file_name(format!("{name}.json")))
}

fn is_index_file(path: &Path) -> bool {
    read_document(path).is_ok_and(|(_, document)| is_index(&document))
}

/// Whether this is the classic half of a pair.
fn is_index(document: &Value) -> bool {
    document.get("is_oas") == Some(&Value::Bool(true)) && document.get(EXTENSION).is_none()
}

fn read_document(path: &Path) -> Result<(String, Value), Problems> {
    let failed = |message: String| Problems(vec![problem("", message)]);
    let size = std::fs::metadata(path).map(|metadata| metadata.len());
    if size.as_ref().is_ok_and(|size| *size > MAX_FILE) {
        return Err(failed(format!("is larger than {MAX_FILE} bytes")));
    }
    let text =
        std::fs::read_to_string(path).map_err(|error| failed(format!("can't be read: {error}")))?;
    let document = match path.extension().and_then(OsStr::to_str) {
        Some("json") => parse_json(text.trim_start_matches('\u{feff}')),
        Some("yaml" | "yml") => parse_yaml(&text),
        _ => parse(&text),
    };
    let document = document.map_err(|problem| Problems(vec![problem]))?;
    Ok((text, document))
}
