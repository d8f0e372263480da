//! Components that others lean on: caches, rate limits, scanners.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use sluice_message::Message;

use super::BoxError;

/// A shared key-value store.
#[async_trait]
pub trait Cache: Send + Sync {
    /// The value of a key; `None` when there is none.
    async fn get(&self, key: &str) -> Result<Option<Bytes>, CacheError>;

    /// `ttl` is the value's own lifetime, where the cache has one per value.
    async fn set(&self, key: &str, value: Bytes, ttl: Option<Duration>) -> Result<(), CacheError>;

    /// Sets a key that must not exist yet.
    async fn add(&self, key: &str, value: Bytes, ttl: Option<Duration>) -> Result<(), CacheError>;

    /// Deleting a missing key is fine.
    async fn delete(&self, key: &str) -> Result<(), CacheError>;

    async fn close(&self) {}
}

#[derive(Debug, thiserror::Error)]
pub enum CacheError {
    #[error("key already exists: {0}")]
    Exists(String),
    #[error("{0}")]
    Failed(BoxError),
}

/// A limit that several components may share.
#[async_trait]
pub trait RateLimit: Send + Sync {
    /// Asks for one message of `bytes` bytes: `None` when it may go, else how long to wait before
    /// asking again.
    async fn access(&self, bytes: usize) -> Result<Option<Duration>, BoxError>;

    async fn close(&self) {}
}

/// Cuts a stream of bytes into messages.
pub trait Scanner: Send + Sync {
    /// Begins a stream. `name` is the file name or similar that some scanners choose by.
    fn begin(&self, name: &str) -> Result<Box<dyn Scan>, ScanError>;
}

/// One stream being cut. Fed with chunks as they arrive, so it works over any source.
pub trait Scan: Send {
    /// Takes the next chunk and appends the messages it completes.
    ///
    /// # Errors
    /// The stream cannot go on; the messages appended before still count.
    fn feed(&mut self, chunk: Bytes, out: &mut Vec<Message>) -> Result<(), ScanError>;

    /// Ends the stream and appends what was still held.
    fn end(&mut self, out: &mut Vec<Message>) -> Result<(), ScanError>;
}

#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ScanError(pub String);
