//! `sluice blobl fmt`.

use crate::support::{Directory, blobl, read};

#[test]
fn standard_input_is_formatted_to_standard_output() {
    let ran = blobl(&["fmt"], "root.a   =  this.b+1\n# why\n");
    assert_eq!((ran.code, ran.out.as_str()), (0, "root.a = this.b + 1\n# why\n"));
    let ran = blobl(&["fmt", "-"], "root = [ 1 ]");
    assert_eq!((ran.code, ran.out.as_str()), (0, "root = [1]\n"));
}

#[test]
fn files_are_printed_or_rewritten() {
    let directory = Directory::new();
    let wild = directory.write("wild.blobl", "root.a   =  1\n");
    let neat = directory.write("neat.blobl", "root.a = 1\n");
    let ran = blobl(&["fmt", &wild], "");
    assert_eq!((ran.code, ran.out.as_str()), (0, "root.a = 1\n"));
    assert_eq!(read(&wild), "root.a   =  1\n");
    let ran = blobl(&["fmt", "--check", &directory.path("*.blobl")], "");
    assert_eq!((ran.code, ran.out), (1, format!("{wild}\n")));
    let ran = blobl(&["fmt", "-w", &wild, &neat], "");
    assert_eq!((ran.code, ran.out), (0, format!("{wild}\n")));
    assert_eq!(read(&wild), "root.a = 1\n");
    let ran = blobl(&["fmt", "--check", &wild, &neat], "");
    assert_eq!((ran.code, ran.out.as_str()), (0, ""));
}

#[test]
fn a_rewritten_file_keeps_its_mode() {
    use std::os::unix::fs::PermissionsExt;
    let directory = Directory::new();
    let path = directory.write("m.blobl", "root.a   =  1\n");
    let mode = std::fs::Permissions::from_mode(0o640);
    std::fs::set_permissions(&path, mode).expect("it is ours");
    assert_eq!(blobl(&["fmt", "-w", &path], "").code, 0);
    let mode = std::fs::metadata(&path).expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o640);
}

#[test]
fn what_is_no_mapping_stays_and_is_reported() {
    let directory = Directory::new();
    let broken = directory.write("broken.blobl", "root = \n");
    let wild = directory.write("wild.blobl", "root =   1\n");
    let ran = blobl(&["fmt", "-w", &broken, &wild], "");
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("broken.blobl"), "{}", ran.err);
    assert_eq!(read(&broken), "root = \n");
    assert_eq!(read(&wild), "root = 1\n", "the others are formatted");
    assert_eq!(blobl(&["fmt", "root ="], "").code, 2);
    assert_eq!(blobl(&["fmt"], "root = ").code, 2);
}
