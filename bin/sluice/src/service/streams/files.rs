//! Configurations of streams in files: which there are, and what their streams are called.

use std::path::Path;

use sluice_config::lint::LintOptions;
use sluice_config::{Node, Normal};
use sluice_engine::StreamConfig;

use crate::commands::Setting;
use crate::config::document::{Document, Findings};
use crate::config::load::{FileLint, LoadError, read_part};
use crate::config::{files, root};

/// Endings of files that hold tests, not streams.
const TEST_ENDINGS: [&str; 3] = ["_sluice_test", "_bento_test", "_benthos_test"];

/// A file and the id of its stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct StreamFile {
    pub(super) id: String,
    pub(super) path: String,
}

/// The files that the command line names: single ones, patterns, whole directories.
pub(super) struct StreamFiles {
    paths: Vec<String>,
}

impl StreamFiles {
    pub(super) fn new(paths: Vec<String>) -> Self {
        Self { paths }
    }

    /// All files.
    ///
    /// # Errors
    /// A path that cannot be read, or two files for one stream.
    pub(super) fn list(&self) -> Result<Vec<StreamFile>, String> {
        let mut all: Vec<StreamFile> = Vec::new();
        let targets = files::expand_patterns(&self.paths)
            .map_err(|error| format!("failed to resolve stream glob pattern: {error}"))?;
        for target in targets {
            let target = files::clean(target.as_ref());
            let is_directory = std::fs::metadata(&target)
                .map_err(|error| files::open_error(&target, &error).replacen("open", "stat", 1))?
                .is_dir();
            let mut found = Vec::new();
            if is_directory {
                files::walk(target.as_ref(), &mut found)?;
            } else {
                found.push(target.clone());
            }
            for path in found {
                let directory = is_directory.then_some(target.as_str());
                let id = id(directory, &path);
                if is_directory && TEST_ENDINGS.iter().any(|ending| id.ends_with(ending)) {
                    continue;
                }
                if id.is_empty() {
                    return Err(format!("stream id could not be inferred from file: {path}"));
                }
                if all.iter().any(|file| file.id == id) {
                    return Err(format!("stream id ({id}) collision from file: {path}"));
                }
                all.push(StreamFile { id, path });
            }
        }
        Ok(all)
    }

    /// The paths of all files at the moment; none while they cannot be listed.
    pub(super) fn paths(&self) -> Vec<String> {
        self.list().unwrap_or_default().into_iter().map(|file| file.path).collect()
    }

    /// The id of a file, whether it is still there or not.
    pub(super) fn id_of(&self, path: &str) -> Option<String> {
        let below =
            |directory: &&String| Path::new(path).starts_with(files::clean(directory.as_ref()));
        let directory = self.paths.iter().filter(|it| Path::new(it).is_dir()).find(below);
        let directory = directory.map(|directory| files::clean(directory.as_ref()));
        Some(id(directory.as_deref(), path)).filter(|id| !id.is_empty())
    }
}

/// The id of a file: its name without ending, behind those of the directories it was found in.
fn id(directory: Option<&str>, path: &str) -> String {
    let path = Path::new(path);
    let relative = match directory {
        Some(directory) => path.strip_prefix(directory).unwrap_or(path),
        None => Path::new(path.file_name().unwrap_or_default()),
    };
    let id = relative.to_string_lossy();
    let id = id.trim_matches('/').trim_end_matches(".yaml").trim_end_matches(".yml");
    id.replace('/', "_")
}

/// A stream's configuration as it was submitted and as it is understood.
pub(super) struct LoadedStream {
    pub(super) submitted: Node,
    pub(super) config: StreamConfig,
    pub(super) lints: Vec<FileLint>,
    /// What building would refuse besides.
    pub(super) misfits: Vec<String>,
}

/// # Errors
/// The file cannot be read or is no configuration of a stream.
pub(super) fn read(setting: &Setting, path: &str) -> Result<LoadedStream, String> {
    let registry = &*setting.registry;
    let document = Document::read(path, &setting.variables).map_err(|error| error.to_string())?;
    let options = LintOptions { warn_deprecated: true, ..LintOptions::default() };
    let found = document.examine(registry, root::stream_file(), options);
    let files = [(path.to_owned(), found)];
    if let Some(LoadError { error, others, .. }) =
        LoadError::of_findings(&files, setting.globals.chilled)
    {
        let others: String = others.iter().map(|it| format!("\n{}", it.located())).collect();
        return Err(format!("{error}{others}"));
    }
    let [(_, Findings { lints, misfits, .. })] = files;
    let lints = lints.into_iter().map(|lint| FileLint { path: path.to_owned(), lint }).collect();
    let known = Normal::default().document(registry, root::stream(), &document.root);
    let config = read_part(&known, root::is_of_engine).map_err(|error| error.to_string())?;
    let misfits = misfits.iter().map(ToString::to_string).collect();
    Ok(LoadedStream { submitted: document.root, config, lints, misfits })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_come_from_paths() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().to_string_lossy().into_owned();
        for name in ["a.yaml", "b/c.yml", "b/c_bento_test.yaml", "x.txt"] {
            let path = directory.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
        let ids = |paths: &[String]| -> Result<Vec<String>, String> {
            let files = StreamFiles::new(paths.to_vec()).list()?;
            Ok(files.into_iter().map(|file| file.id).collect())
        };
        assert_eq!(ids(std::slice::from_ref(&root)).unwrap(), ["a", "b_c"]);
        assert_eq!(ids(&[format!("{root}/b/*.yml")]).unwrap(), ["c"]);
        let twice = ids(&[root.clone(), format!("{root}/a.yaml")]).unwrap_err();
        assert!(twice.starts_with("stream id (a) collision from file: "), "{twice}");
        let files = StreamFiles::new(vec![root.clone()]);
        assert_eq!(files.id_of(&format!("{root}/b/gone.yaml")).as_deref(), Some("b_gone"));
    }
}
