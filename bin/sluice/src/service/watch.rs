//! Files that are watched for changes.

use std::path::Path;
use std::time::{Duration, SystemTime};

/// How often files are looked at. Looking is cheap and works on every file system; notices of
/// the kernel miss files that editors replace and directories that are mounted.
const EVERY: Duration = Duration::from_millis(500);

/// What is compared: when a file was changed, and its size.
type Stamp = Option<(SystemTime, u64)>;

/// Files and how they looked last.
pub struct Watch {
    files: Vec<(String, Stamp)>,
}

impl Watch {
    pub fn new(paths: impl IntoIterator<Item = String>) -> Self {
        let stamped = |path: String| {
            let stamp = stamp(path.as_ref());
            (path, stamp)
        };
        Self { files: paths.into_iter().map(stamped).collect() }
    }

    /// Waits until files have changed and then stayed the same for a moment, and names them. A
    /// file that is gone counts as unchanged until it is back: editors write anew what they save.
    ///
    /// # Cancel safety
    /// Dropping the future may report a change later, but loses none.
    pub async fn changed(&mut self) -> Vec<String> {
        loop {
            tokio::time::sleep(EVERY).await;
            let now: Vec<Stamp> = self.files.iter().map(|(path, _)| stamp(path.as_ref())).collect();
            let is_new = |(at, now): (usize, &Stamp)| now.is_some() && *now != self.files[at].1;
            if !now.iter().enumerate().any(is_new) {
                continue;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
            let later: Vec<Stamp> =
                self.files.iter().map(|(path, _)| stamp(path.as_ref())).collect();
            if later != now {
                continue; // still being written
            }
            let mut changed = Vec::new();
            for ((path, old), new) in self.files.iter_mut().zip(now) {
                if new.is_some() && *old != new {
                    *old = new;
                    changed.push(path.clone());
                }
            }
            return changed;
        }
    }
}

fn stamp(path: &Path) -> Stamp {
    let metadata = std::fs::metadata(path).ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}
