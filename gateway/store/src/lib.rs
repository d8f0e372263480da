//! Saves what management creates: API definitions and credentials.
//!
//! [`Store`] is the contract; [`SqliteStore`] keeps everything in one file and is the default. A stored
//! definition is the document of its dialect, word for word: what it means is for the dialect to say,
//! at every start anew.
//!
//! Holds always: what a call reported as stored survives a crash; schema changes go forward only and
//! run when the store is opened; credentials are kept as hashes.
//! Lives elsewhere: what the documents mean (`admin/*`), files of definitions (`admin/tyk`).

mod schema;
mod sqlite;

use async_trait::async_trait;

pub use sqlite::SqliteStore;

/// One stored API definition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Definition {
    /// Id of the API, unique in the store.
    pub id: String,
    /// Second id under which some dialects know the record; unique as well.
    pub storage_id: String,
    /// The dialect that understands the document.
    pub dialect: String,
    /// The document as text.
    pub document: String,
    /// Fingerprint of the file's document that this one stands in for, if it does.
    pub replaces: Option<Vec<u8>>,
    /// The API was deleted, although a file still defines it.
    pub hidden: bool,
}

/// Why the store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file was written by a newer program.
    #[error("{place} has schema version {found}, this program knows up to {known}")]
    Newer { place: String, found: i64, known: i64 },
    #[error("can't create {place}")]
    Create { place: String, source: std::io::Error },
    #[error("can't open {place}")]
    Open { place: String, source: Box<dyn std::error::Error + Send + Sync> },
    #[error("can't {action} in {place}")]
    Failed { action: &'static str, place: String, source: Box<dyn std::error::Error + Send + Sync> },
}

/// Where management keeps what must survive a restart.
#[async_trait]
pub trait Store: Send + Sync {
    /// All definitions, oldest first.
    async fn definitions(&self) -> Result<Vec<Definition>, StoreError>;

    /// Inserts a definition, or replaces the one with its id in its place.
    async fn put_definition(&self, definition: &Definition) -> Result<(), StoreError>;

    /// Whether there was such a definition.
    async fn delete_definition(&self, id: &str) -> Result<bool, StoreError>;

    /// The hash kept under `name`.
    async fn credential(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError>;

    /// Keeps `hash` under `name` unless there is one already; returns whether it was kept.
    async fn add_credential(&self, name: &str, hash: &[u8]) -> Result<bool, StoreError>;

    /// Writes out everything and lets go of the file.
    async fn close(&self);
}
