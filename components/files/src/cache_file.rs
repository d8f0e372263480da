//! `file` cache: a file for each key.

use std::io::ErrorKind;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use sluice_config::config;
use sluice_engine::{BuildError, Cache, CacheError, Registry, Scope};

use crate::paths::{beside, make_directory, system_error};

config! {
    /// Where the files are.
    pub struct FileCacheConfig {
        /// The directory.
        directory: String => lint_required,
    }
}

pub(crate) fn register(registry: &mut Registry) {
    registry.cache("file", build).doc(
        "Keeps each value in a file of a directory, named by its key. Values have no lifetime. \
         Keys that lead out of the directory are refused.",
    );
}

struct FileCache {
    directory: PathBuf,
}

fn build(config: FileCacheConfig, _: &Scope) -> Result<Arc<dyn Cache>, BuildError> {
    Ok(Arc::new(FileCache { directory: PathBuf::from(config.directory) }))
}

impl FileCache {
    fn path(&self, key: &str) -> Result<PathBuf, CacheError> {
        let key_path = Path::new(key);
        let is_inside = key_path.components().all(|part| matches!(part, Component::Normal(_)));
        if key.is_empty() || !is_inside {
            let text = format!("key {key:?} does not name a file of the cache's directory");
            return Err(CacheError::Failed(text.into()));
        }
        Ok(self.directory.join(key_path))
    }
}

/// Does something with files where it may take its time.
async fn off_thread<T: Send + 'static>(
    act: impl FnOnce() -> Result<T, CacheError> + Send + 'static,
) -> Result<T, CacheError> {
    match tokio::task::spawn_blocking(act).await {
        Ok(done) => done,
        Err(error) => Err(CacheError::Failed(error.into())),
    }
}

fn failed(operation: &str, path: &Path, error: &std::io::Error) -> CacheError {
    CacheError::Failed(system_error(operation, path, error).into())
}

/// Writes a value beside its place, so that nobody reads half of it.
fn write_beside(path: &Path, value: &[u8]) -> Result<PathBuf, CacheError> {
    let beside = beside(path);
    make_directory(path).map_err(|error| failed("mkdir", path, &error))?;
    std::fs::write(&beside, value).map_err(|error| failed("open", path, &error))?;
    Ok(beside)
}

#[async_trait]
impl Cache for FileCache {
    async fn get(&self, key: &str) -> Result<Option<Bytes>, CacheError> {
        let path = self.path(key)?;
        off_thread(move || match std::fs::read(&path) {
            Ok(value) => Ok(Some(value.into())),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failed("open", &path, &error)),
        })
        .await
    }

    async fn set(&self, key: &str, value: Bytes, _: Option<Duration>) -> Result<(), CacheError> {
        let path = self.path(key)?;
        off_thread(move || {
            let beside = write_beside(&path, &value)?;
            std::fs::rename(&beside, &path).map_err(|error| {
                let _ = std::fs::remove_file(&beside); // the first error is the one to tell
                failed("rename", &path, &error)
            })
        })
        .await
    }

    async fn add(&self, key: &str, value: Bytes, _: Option<Duration>) -> Result<(), CacheError> {
        let path = self.path(key)?;
        let key = key.to_owned();
        off_thread(move || {
            let beside = write_beside(&path, &value)?;
            // A link, unlike a rename, does not take the place of what is there.
            let linked = std::fs::hard_link(&beside, &path);
            let _ = std::fs::remove_file(&beside);
            linked.map_err(|error| match error.kind() {
                ErrorKind::AlreadyExists => CacheError::Exists(key),
                _ => failed("link", &path, &error),
            })
        })
        .await
    }

    async fn delete(&self, key: &str) -> Result<(), CacheError> {
        let path = self.path(key)?;
        off_thread(move || match std::fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(failed("remove", &path, &error))
            }
            _ => Ok(()),
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn values_are_files_and_keys_stay_inside() {
        let directory = tempfile::tempdir().unwrap();
        let cache = FileCache { directory: directory.path().into() };
        let value = || Bytes::from_static(b"v");
        assert!(cache.get("k").await.unwrap().is_none());
        cache.add("k", value(), None).await.unwrap();
        assert!(matches!(cache.add("k", value(), None).await, Err(CacheError::Exists(_))));
        cache.set("below/k", value(), None).await.unwrap();
        assert_eq!(std::fs::read(directory.path().join("below/k")).unwrap(), b"v");
        cache.delete("k").await.unwrap();
        cache.delete("k").await.unwrap();
        assert!(cache.get("k").await.unwrap().is_none());
        for key in ["", "../out", "/etc/passwd", "a/../../b", "."] {
            assert!(cache.set(key, value(), None).await.is_err(), "{key}");
            assert!(cache.get(key).await.is_err(), "{key}");
        }
        let left: Vec<_> = std::fs::read_dir(directory.path()).unwrap().collect();
        assert_eq!(left.len(), 1); // only `below`: nothing half written
    }
}
