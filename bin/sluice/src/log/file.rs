//! Where log lines are written, and log files that do not grow for ever.

use std::fs::{File, OpenOptions};
use std::io::{Result, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use flate2::Compression;
use flate2::write::GzEncoder;
use jiff::Timestamp;

use crate::config::settings::LogFile;

/// Size at which a file is put aside.
const MAX_SIZE: u64 = 10 * 1024 * 1024;

/// Files kept that were put aside.
const MAX_BACKUPS: usize = 1;

pub(super) enum LogWriter {
    Stdout,
    Stderr,
    File(File),
    Rotating(Rotating),
}

impl LogWriter {
    pub(super) fn open(settings: &LogFile) -> std::result::Result<Self, String> {
        let path = PathBuf::from(&settings.path);
        let failed = |error| crate::config::files::open_error(&settings.path, &error);
        let file = open(&path).map_err(failed)?;
        if !settings.rotate {
            return Ok(Self::File(file));
        }
        let size = file.metadata().map(|it| it.len()).map_err(failed)?;
        let days = u64::try_from(settings.rotate_max_age_days).unwrap_or_default();
        let max_age = (days > 0).then(|| Duration::from_secs(days * 24 * 60 * 60));
        Ok(Self::Rotating(Rotating { path, file, size, max_size: MAX_SIZE, max_age }))
    }
}

impl Write for LogWriter {
    fn write(&mut self, text: &[u8]) -> Result<usize> {
        match self {
            Self::Stdout => std::io::stdout().lock().write(text),
            Self::Stderr => std::io::stderr().lock().write(text),
            Self::File(file) => file.write(text),
            Self::Rotating(file) => file.write(text),
        }
    }

    fn flush(&mut self) -> Result<()> {
        Ok(())
    }
}

fn open(path: &Path) -> Result<File> {
    if let Some(directory) = path.parent() {
        std::fs::create_dir_all(directory)?;
    }
    OpenOptions::new().create(true).append(true).open(path)
}

/// A file that is put aside when it is full.
pub(super) struct Rotating {
    path: PathBuf,
    file: File,
    size: u64,
    max_size: u64,
    max_age: Option<Duration>,
}

impl Rotating {
    /// Lines are written whole, so each call is a line.
    fn write(&mut self, line: &[u8]) -> Result<usize> {
        if self.size > 0 && self.size + line.len() as u64 > self.max_size {
            self.put_aside()?;
        }
        self.file.write_all(line)?;
        self.size += line.len() as u64;
        Ok(line.len())
    }

    fn put_aside(&mut self) -> Result<()> {
        let stamp = Timestamp::now().strftime("%Y-%m-%dT%H-%M-%S%.3f").to_string();
        let mut backup = File::create(self.beside(&format!("-{stamp}"), ".gz"))?;
        let mut packed = GzEncoder::new(&mut backup, Compression::default());
        std::io::copy(&mut File::open(&self.path)?, &mut packed)?;
        packed.finish()?;
        self.file.set_len(0)?;
        self.size = 0;
        self.delete_old()
    }

    /// `dir/name-stamp.log.gz` for `dir/name.log`.
    fn beside(&self, stamp: &str, ending: &str) -> PathBuf {
        let stem = self.path.file_stem().unwrap_or_default().to_string_lossy();
        let extension = self.path.extension().map(|it| format!(".{}", it.to_string_lossy()));
        self.path.with_file_name(format!("{stem}{stamp}{}{ending}", extension.unwrap_or_default()))
    }

    fn delete_old(&self) -> Result<()> {
        let prefix = self.beside("-", "");
        let stem = prefix.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let directory = self.path.parent().filter(|it| !it.as_os_str().is_empty());
        let mut backups: Vec<PathBuf> = std::fs::read_dir(directory.unwrap_or(Path::new(".")))?
            .flatten()
            .map(|entry| entry.path())
            .filter(|path| {
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                name.starts_with(&stem) && path.extension().is_some_and(|it| it == "gz")
            })
            .collect();
        backups.sort();
        let keep_from = backups.len().saturating_sub(MAX_BACKUPS);
        for (at, backup) in backups.iter().enumerate() {
            let made = backup.metadata().and_then(|it| it.modified()).unwrap_or(SystemTime::now());
            let age = made.elapsed().unwrap_or_default();
            if at < keep_from || self.max_age.is_some_and(|max| age > max) {
                std::fs::remove_file(backup)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn a_full_file_is_put_aside_and_packed() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("s.log");
        let mut file = Rotating {
            file: open(&path).unwrap(),
            path: path.clone(),
            size: 0,
            max_size: 20,
            max_age: None,
        };
        for line in ["0123456789\n", "abcdefgh\n", "second\n", "0123456789abcd\n"] {
            file.write(line.as_bytes()).unwrap();
            std::thread::sleep(Duration::from_millis(2)); // names have milliseconds
        }
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "0123456789abcd\n");
        let backups: Vec<PathBuf> =
            std::fs::read_dir(directory.path()).unwrap().map(|it| it.unwrap().path()).collect();
        let packed: Vec<_> = backups.iter().filter(|it| **it != path).collect();
        let [packed] = packed.as_slice() else { panic!("{backups:?}") };
        let mut text = String::new();
        flate2::read::GzDecoder::new(File::open(packed).unwrap())
            .read_to_string(&mut text)
            .unwrap();
        assert_eq!(text, "second\n");
    }
}
