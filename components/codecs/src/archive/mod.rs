//! Several messages in one and back: the processors `archive` and `unarchive`, the scanner `tar`.
//!
//! Names of files in archives come from strangers. One that leads out of the place where somebody
//! may unpack it is refused.

mod binary;
mod pack;
mod tar;
mod tar_scanner;
mod unpack;
mod zip;

use sluice_engine::Registry;

pub(crate) fn register(registry: &mut Registry) {
    pack::register(registry);
    unpack::register(registry);
    tar_scanner::register(registry);
}

/// Whether a file of this name stays below the directory it is unpacked in.
fn is_local(name: &str) -> bool {
    let is_absolute = name.starts_with(['/', '\\']) || name.contains('\0');
    let mut depth = 0_usize;
    for part in name.split(['/', '\\']) {
        match part {
            "" | "." => {}
            ".." => match depth.checked_sub(1) {
                Some(above) => depth = above,
                None => return false,
            },
            _ => depth += 1,
        }
    }
    !is_absolute
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_below() {
        for name in ["a", "", "a/b.txt", "./a", "a/../b", "..a/b"] {
            assert!(is_local(name), "{name}");
        }
        for name in ["/etc/passwd", "../a", "a/../../b", "..\\a", "\\a", "a\0b"] {
            assert!(!is_local(name), "{name}");
        }
    }
}
