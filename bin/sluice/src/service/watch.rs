//! Files that are watched for changes.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::config::seen::{Seen, Stamp, stamp};

/// How often files are looked at. Looking is cheap and works on every file system; notices of
/// the kernel miss files that editors replace and directories that are mounted.
const EVERY: Duration = Duration::from_millis(500);

/// How long a file must stay the same before it counts as written.
const SETTLED: Duration = Duration::from_millis(50);

/// What happened to files since the last time.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// New or changed.
    pub changed: Vec<String>,
    pub gone: Vec<String>,
}

/// Files and how they looked last. Which files there are may itself change.
pub struct Watch<L> {
    list: L,
    files: BTreeMap<String, Stamp>,
}

impl<L: Fn() -> Vec<String>> Watch<L> {
    /// What has changed since files were `seen` is told, too: a program that has read its
    /// configuration and now begins to watch may have taken its time in between.
    pub fn new(list: L, seen: Seen) -> Self {
        let mut files = look(&list);
        for (path, stamp) in seen {
            match stamp {
                Some(stamp) => files.insert(path, stamp),
                None => files.remove(&path),
            };
        }
        Self { list, files }
    }

    /// Waits until files have changed and then stayed the same for a moment.
    ///
    /// # Cancel safety
    /// Dropping the future may report a change later, but loses none.
    pub async fn changed(&mut self) -> Changes {
        loop {
            tokio::time::sleep(EVERY).await;
            let now = look(&self.list);
            if now == self.files {
                continue;
            }
            tokio::time::sleep(SETTLED).await;
            if look(&self.list) != now {
                continue; // still being written
            }
            let is_new = |(path, stamp): &(&String, &Stamp)| self.files.get(*path) != Some(*stamp);
            let changed = now.iter().filter(is_new).map(|(path, _)| path.clone()).collect();
            let is_gone = |path: &&String| !now.contains_key(*path);
            let gone = self.files.keys().filter(is_gone).cloned().collect();
            self.files = now;
            return Changes { changed, gone };
        }
    }
}

fn look(list: &impl Fn() -> Vec<String>) -> BTreeMap<String, Stamp> {
    let stamped = |path: String| {
        let stamp = stamp(&path)?;
        Some((path, stamp))
    };
    list().into_iter().filter_map(stamped).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn new_changed_and_vanished_files_are_told() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name).to_string_lossy().into_owned();
        std::fs::write(path("a"), "1").unwrap();
        std::fs::write(path("b"), "1").unwrap();
        let all = ["a", "b", "c"].map(path).to_vec();
        let mut watch = Watch::new(|| all.clone(), Seen::default());
        std::fs::write(path("a"), "12").unwrap();
        std::fs::remove_file(path("b")).unwrap();
        std::fs::write(path("c"), "1").unwrap();
        let changes = watch.changed().await;
        assert_eq!(changes, Changes { changed: vec![path("a"), path("c")], gone: vec![path("b")] });
    }

    #[tokio::test]
    async fn what_changed_between_reading_and_watching_is_told() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name).to_string_lossy().into_owned();
        let mut seen = Seen::default();
        for name in ["a", "b", "c", "d"] {
            if name != "d" {
                std::fs::write(path(name), "1").unwrap();
            }
            seen.note(&path(name));
        }
        std::fs::write(path("b"), "12").unwrap();
        std::fs::remove_file(path("c")).unwrap();
        std::fs::write(path("d"), "1").unwrap();
        let all = ["a", "b", "c", "d"].map(path).to_vec();
        let changes = Watch::new(|| all.clone(), seen).changed().await;
        assert_eq!(changes, Changes { changed: vec![path("b"), path("d")], gone: vec![path("c")] });
    }
}
