//! The rules hold for this repository.

use std::path::Path;

#[test]
fn the_repository_is_tidy() {
    let problems = xtask::tidy(Path::new("../..")).unwrap();
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
}
