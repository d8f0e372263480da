//! The rules hold for this repository.

use std::path::Path;

#[test]
fn the_repository_is_tidy() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let problems = xtask::tidy(&root).unwrap();
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
}
