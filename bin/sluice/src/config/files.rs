//! Paths on the command line, and reading files with messages in the reference's words.

use std::io::ErrorKind;
use std::path::{Component, Path, PathBuf};

/// Expands patterns, and directories that end with `...`, to files. Paths without a pattern stay,
/// whether they exist or not. No path comes out twice.
///
/// # Errors
/// A pattern that is none, or a directory that cannot be read.
pub fn expand(paths: &[String]) -> Result<Vec<String>, String> {
    let mut found: Vec<String> = Vec::new();
    for path in paths {
        let these = match path.strip_suffix("...") {
            Some(directory) => yaml_files_below(directory)?,
            None => patterns(path)?,
        };
        for path in these {
            if !found.contains(&path) {
                found.push(path);
            }
        }
    }
    Ok(found)
}

/// Expands patterns only.
///
/// # Errors
/// A pattern that is none.
pub fn expand_patterns(paths: &[String]) -> Result<Vec<String>, String> {
    let lists: Result<Vec<Vec<String>>, String> = paths.iter().map(|path| patterns(path)).collect();
    Ok(lists?.concat())
}

fn patterns(path: &str) -> Result<Vec<String>, String> {
    if !path.contains(['*', '?', '[']) {
        return Ok(vec![path.to_owned()]);
    }
    let matches = glob::glob(path).map_err(|error| format!("{path}: {error}"))?;
    Ok(matches.flatten().map(|path| clean(&path)).collect())
}

fn yaml_files_below(directory: &str) -> Result<Vec<String>, String> {
    let directory = match directory.trim_end_matches('/') {
        "" if directory.starts_with('/') => "/",
        "" => ".",
        directory => directory,
    };
    let mut found = Vec::new();
    walk(Path::new(directory), &mut found)?;
    Ok(found)
}

/// Files with the ending `.yaml` or `.yml` below a directory, by name.
pub fn walk(directory: &Path, found: &mut Vec<String>) -> Result<(), String> {
    let failed = |error| open_error(&clean(directory), &error);
    let entries = std::fs::read_dir(directory).map_err(failed)?;
    let mut paths: Vec<PathBuf> = entries
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()
        .map_err(failed)?;
    paths.sort();
    for path in paths {
        if path.is_dir() {
            walk(&path, found)?;
        } else if path.extension().is_some_and(|ending| ending == "yaml" || ending == "yml") {
            found.push(clean(&path));
        }
    }
    Ok(())
}

/// The path without `.` and superfluous slashes, and `..` resolved where that needs no look.
pub fn clean(path: &Path) -> String {
    let mut parts = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir
                if matches!(parts.components().next_back(), Some(Component::Normal(_))) =>
            {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    let text = parts.to_string_lossy().into_owned();
    if text.is_empty() { ".".into() } else { text }
}

/// Reads a file.
///
/// # Errors
/// `open <path>: <why>`.
pub fn read(path: &str) -> Result<Vec<u8>, String> {
    std::fs::read(path).map_err(|error| open_error(path, &error))
}

/// `open <path>: <why>`, in words that do not depend on the platform.
pub fn open_error(path: &str, error: &std::io::Error) -> String {
    let why = match error.kind() {
        ErrorKind::NotFound => "no such file or directory".to_owned(),
        ErrorKind::PermissionDenied => "permission denied".to_owned(),
        ErrorKind::IsADirectory => return format!("read {path}: is a directory"),
        _ => error.to_string(),
    };
    format!("open {path}: {why}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_come_out_clean_and_once() {
        for (path, expected) in
            [("./a/../b//c.yaml", "b/c.yaml"), (".", "."), ("../x", "../x"), ("/a/./b", "/a/b")]
        {
            assert_eq!(clean(Path::new(path)), expected);
        }
        let directory = tempfile::tempdir().unwrap();
        let file = |name: &str| {
            let path = directory.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, "").unwrap();
            path.to_string_lossy().into_owned()
        };
        let (b, a, _) = (file("b.yml"), file("a/a.yaml"), file("a/x.txt"));
        let all = format!("{}/...", directory.path().display());
        let star = format!("{}/*.yml", directory.path().display());
        assert_eq!(
            expand(&[all, star, b.clone(), "none.yaml".into()]).unwrap(),
            [a, b, "none.yaml".into()]
        );
        assert_eq!(read("absent").unwrap_err(), "open absent: no such file or directory");
    }
}
