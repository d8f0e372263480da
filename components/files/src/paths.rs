//! Paths as messages give them, and what the system says of them.

use std::path::{Component, Path, PathBuf};

/// The shortest path of the same meaning: without `.`, and without `..` where that is possible.
pub(crate) fn clean(path: &str) -> PathBuf {
    let mut clean = PathBuf::new();
    for component in Path::new(path).components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => match clean.components().next_back() {
                Some(Component::Normal(_)) => {
                    clean.pop();
                }
                Some(Component::RootDir) => {}
                _ => clean.push(".."),
            },
            component => clean.push(component),
        }
    }
    if clean.as_os_str().is_empty() { PathBuf::from(".") } else { clean }
}

/// An error in the words that operators know: `open x: no such file or directory`.
pub(crate) fn system_error(operation: &str, path: &Path, error: &std::io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or(&text);
    let mut letters = text.chars();
    let text = match letters.next() {
        Some(first) => first.to_lowercase().chain(letters).collect(),
        None => String::new(),
    };
    format!("{operation} {}: {text}", path.display())
}

/// Makes the directories above a file.
pub(crate) fn make_directory(path: &Path) -> std::io::Result<()> {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => std::fs::create_dir_all(parent),
        _ => Ok(()),
    }
}

/// A file beside another one, to be written before it takes that one's place. Its name is not used
/// by anybody else.
pub(crate) fn beside(path: &Path) -> PathBuf {
    use std::sync::atomic::{AtomicUsize, Ordering};
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    path.with_file_name(format!(".{name}.{}-{number}.tmp", std::process::id()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_shortened() {
        for (path, short) in [
            ("./a//b/../c", "a/c"),
            ("a/..", "."),
            ("../../x", "../../x"),
            ("/../x/./", "/x"),
            ("", "."),
        ] {
            assert_eq!(clean(path), Path::new(short), "{path}");
        }
    }

    #[test]
    fn errors_read_like_those_of_the_reference() {
        let error = std::fs::File::open("/nope/none.txt").unwrap_err();
        assert_eq!(
            system_error("open", Path::new("none.txt"), &error),
            "open none.txt: no such file or directory"
        );
    }
}
