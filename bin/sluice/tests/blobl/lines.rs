//! A mapping on lines of standard input: output, complaints and exit codes are those of the
//! reference's command.

use crate::support::{Directory, blobl};

#[track_caller]
fn prints(args: &[&str], input: &str, expected: &str) {
    let ran = blobl(args, input);
    assert_eq!(ran.out, expected, "{}", ran.err);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
}

#[test]
fn each_line_is_mapped() {
    let input = "{\"a\":\"x\"}\n{\"a\":\"y\"}\n";
    prints(&["root.up = this.a.uppercase()"], input, "{\"up\":\"X\"}\n{\"up\":\"Y\"}\n");
    prints(&["root.up = this.a"], "{\"a\":1}", "{\"up\":1}\n");
    prints(&["root.up = this.a"], "{\"a\":1}\r\n", "{\"up\":1}\n");
}

#[test]
fn texts_are_printed_without_quotes_and_deleted_ones_as_empty_lines() {
    prints(&["root = this.a"], "{\"a\":\"x\"}\n", "x\n");
    prints(&["root = deleted()"], "{\"a\":1}\n", "\n");
    prints(&["let x = 1"], "{ \"b\": 1, \"a\": 2 }\n", "{\"a\":2,\"b\":1}\n");
}

#[test]
fn raw_lines_are_texts() {
    prints(&["--raw", "root = content().uppercase()"], "plain\n", "PLAIN\n");
    prints(&["-r", "root.n = this.length()"], "plain\n\n", "{\"n\":5}\n{\"n\":0}\n");
}

#[test]
fn pretty_results_take_several_lines() {
    prints(&["-p", "root.a = this.a"], "{\"a\":[1]}\n", "{\n  \"a\": [\n    1\n  ]\n}\n");
}

#[test]
fn what_html_gives_a_meaning_is_escaped_inside_documents() {
    prints(
        &["root.a = this.a"],
        "{\"a\":\"<b> & c\"}\n",
        "{\"a\":\"\\u003cb\\u003e \\u0026 c\"}\n",
    );
    prints(&["root = this.a"], "{\"a\":\"<b>\"}\n", "<b>\n");
}

#[test]
fn a_line_that_fails_is_reported_and_the_rest_goes_on() {
    let ran = blobl(&["root = this.a.uppercase()"], "{\"a\":1}\n{\"a\":\"x\"}\n");
    assert_eq!((ran.code, ran.out.as_str()), (0, "X\n"));
    assert_eq!(
        ran.err,
        "failed to execute map: failed assignment (line 1): \
         expected string value, got number from field `this.a` (1)\n"
    );
    let ran = blobl(&["root = this.a"], "no json\n{\"a\":\"x\"}\n");
    assert_eq!((ran.code, ran.out.as_str()), (0, "X\n".to_lowercase().as_str()));
    assert!(ran.err.starts_with("failed to execute map: "), "{}", ran.err);
    assert!(ran.err.contains("parse as json"), "{}", ran.err);
}

#[test]
fn mappings_come_from_files_and_import_beside_them() {
    let directory = Directory::new();
    let maps = directory.write("maps.blobl", "map twice { root = this * 2 }\n");
    assert!(maps.ends_with("maps.blobl"));
    let file =
        directory.write("m.blobl", "import \"./maps.blobl\"\nroot.b = this.a.apply(\"twice\")\n");
    prints(&["-f", &file], "{\"a\":2}\n", "{\"b\":4}\n");
    let ran = blobl(&["-f", &file, "root = 1"], "");
    assert_eq!(ran.code, 1);
    assert_eq!(
        ran.err,
        "invalid flags, unable to execute both a file mapping and an inline mapping\n"
    );
    let ran = blobl(&["-f", &directory.path("none.blobl")], "");
    assert_eq!(ran.code, 1);
    assert!(ran.err.starts_with("failed to read mapping file: "), "{}", ran.err);
}

#[test]
fn a_mapping_that_is_none_ends_the_command() {
    let ran = blobl(&["root = this.a.uppercas()"], "{}\n");
    assert_eq!((ran.code, ran.out.as_str()), (1, ""));
    assert!(ran.err.starts_with("failed to parse mapping: "), "{}", ran.err);
    assert!(ran.err.contains("did you mean `uppercase`?"), "{}", ran.err);
    assert_eq!(blobl(&[], "{}\n").code, 1);
}

#[test]
fn a_line_that_is_too_long_ends_the_command() {
    let line = format!("\"{}\"", "x".repeat(70_000));
    let ran = blobl(&["root = this.length()"], &format!("\"a\"\n{line}\n"));
    assert_eq!((ran.code, ran.out.as_str()), (1, "1\n"));
    assert!(ran.err.contains("--max-token-length"), "{}", ran.err);
    let args = ["--max-token-length", "100000", "root = this.length()"];
    prints(&args, &format!("{line}\n"), "70000\n");
    // The end of the line counts, as in the reference.
    prints(&["--max-token-length", "5", "root = this"], "1234\n", "1234\n");
    assert_eq!(blobl(&["--max-token-length", "5", "root = this"], "12345\n").code, 1);
}

#[test]
fn threads_map_every_line_once() {
    let input: String = (0..2000).map(|n| format!("{{\"n\":{n}}}\n")).collect();
    for threads in ["0", "1", "4"] {
        let ran = blobl(&["-t", threads, "root = this.n"], &input);
        let mut numbers: Vec<u32> =
            ran.out.lines().map(|line| line.parse().expect("a number")).collect();
        numbers.sort_unstable();
        assert_eq!(numbers, (0..2000).collect::<Vec<_>>(), "{threads} threads");
        assert_eq!(ran.code, 0);
    }
}

#[test]
fn results_do_not_wait_for_the_next_line() {
    use std::io::{BufRead, BufReader, Write};
    use std::process::Stdio;
    let mut child = crate::support::program()
        .args(["blobl", "root = this.a"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut stdin = child.stdin.take().expect("it is piped");
    let mut stdout = BufReader::new(child.stdout.take().expect("it is piped"));
    for text in ["x", "y"] {
        writeln!(stdin, "{{\"a\":\"{text}\"}}").expect("it reads");
        let mut line = String::new();
        stdout.read_line(&mut line).expect("it answers");
        assert_eq!(line, format!("{text}\n"));
    }
    drop(stdin);
    assert!(child.wait().expect("it ends").success());
}

#[test]
fn a_wrong_flag_ends_with_code_zero_as_in_the_reference() {
    assert_eq!(blobl(&["--wrong", "root = this"], "").code, 0);
    // The commands the reference does not have say that they were not understood.
    assert_eq!(blobl(&["fmt", "--wrong"], "").code, 2);
}
