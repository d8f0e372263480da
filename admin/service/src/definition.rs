//! API definitions and where they come from.

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use serde_json::Value;
use sluice_config::Problems;
use sluice_model::{Api, Revision, Snapshot};

/// One API definition: its document and what that means.
#[derive(Clone, Debug)]
pub struct Definition {
    pub id: Arc<str>,
    /// The id of the record for dialects that have two; that of the API for files.
    pub storage_id: Arc<str>,
    /// Name of the dialect that reads the document.
    pub dialect: Arc<str>,
    pub document: Arc<Value>,
    pub origin: Origin,
    pub api: Arc<Api>,
}

/// Where a definition is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A file that the operator keeps.
    File(Arc<str>),
    /// The store; it may stand in for a file's document of the given fingerprint.
    Store { replaces: Option<Revision> },
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => f.write_str(path),
            Self::Store { .. } => f.write_str("store"),
        }
    }
}

/// Gives documents their meaning.
pub trait Dialect: Send + Sync {
    /// The name under which stored documents refer to this dialect.
    fn name(&self) -> &'static str;

    /// What `document` means; `origin` says where it came from, for messages.
    ///
    /// The id of the result is `id`, its revision a fingerprint of the document.
    /// # Errors
    /// All problems of the document, by document path.
    fn translate(&self, document: &Value, id: &str, origin: &str) -> Result<Api, Problems>;
}

/// The operator's files.
#[async_trait]
pub trait Library: Send + Sync {
    /// Reads all files anew, in a stable order.
    /// # Errors
    /// The place that can't be looked into, and why; what it held before stays.
    async fn load(&self) -> Result<Vec<FileDefinition>, (String, String)>;
}

/// A file that should define an API.
#[derive(Debug)]
pub struct FileDefinition {
    /// The file's path.
    pub path: Arc<str>,
    /// What it defines, or why that can't be said.
    pub content: Result<FileContent, Problems>,
}

/// A readable document of a file.
#[derive(Debug)]
pub struct FileContent {
    pub dialect: Arc<str>,
    /// Taken from the document, or derived from it in a stable way.
    pub id: Arc<str>,
    pub document: Arc<Value>,
    pub api: Result<Arc<Api>, Problems>,
}

/// Whoever serves snapshots.
#[async_trait]
pub trait Serving: Send + Sync {
    /// Serves `snapshot` from now on; returns each API that could not be, with the reason and
    /// whether its previous version goes on serving.
    async fn apply(&mut self, snapshot: &Snapshot) -> Vec<(Arc<Api>, String, bool)>;

    /// Stops serving and waits until everything has ended.
    async fn finish(self: Box<Self>);
}
