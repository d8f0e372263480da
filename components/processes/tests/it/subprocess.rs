use std::time::Duration;

use crate::support::{SCENES, eventually};

const TELL: &str = r"{ mapping: 'root = [ content().string(), error() ]' }";

async fn check(subprocess: &str, messages: &[&str], expected: &[&str]) {
    let out = SCENES.through(&format!("{{ subprocess: {subprocess} }}, {TELL}"), messages).await;
    assert_eq!(out, expected, "{subprocess}");
}

/// A program of the shell that answers each line.
fn answering(script: &str) -> String {
    format!(r#"{{ name: sh, args: [ "-c", "while read -r l; do {script}; done" ] }}"#)
}

#[tokio::test]
async fn each_line_is_answered() {
    check("{ name: cat }", &["a", "b"], &[r#"["a",null]"#, r#"["b",null]"#]).await;
    let sed = r#"{ name: sed, args: [ -u, "s/o/0/g" ] }"#;
    check(sed, &["foo\nboo\n", ""], &[r#"["f00\nb00\n",null]"#, r#"["",null]"#]).await;
}

#[tokio::test]
async fn binary_framings_carry_anything() {
    for codec in ["length_prefixed_uint32_be", "netstring"] {
        let cat = format!("{{ name: cat, codec_send: {codec}, codec_recv: {codec} }}");
        check(&cat, &["a\nb", ""], &[r#"["a\nb",null]"#, r#"["",null]"#]).await;
    }
}

#[tokio::test]
async fn complaints_fail_the_message_and_the_program_goes_on() {
    let script = answering("if [ $l = bad ]; then echo no >&2; else echo ok-$l; fi");
    check(
        &script,
        &["a", "bad", "c"],
        &[r#"["ok-a",null]"#, r#"["bad","no"]"#, r#"["ok-c",null]"#],
    )
    .await;
}

#[tokio::test]
async fn a_program_that_ends_is_started_again() {
    let script = answering("if [ $l = die ]; then exit 1; fi; echo $l");
    check(
        &script,
        &["a", "die", "b"],
        &[r#"["a",null]"#, r#"["die","type was closed"]"#, r#"["b",null]"#],
    )
    .await;
}

#[tokio::test]
async fn the_last_words_of_a_program_are_the_error() {
    let script = answering("if [ $l = die ]; then echo why >&2; exit 1; fi; echo $l");
    check(&script, &["die", "b"], &[r#"["die","why"]"#, r#"["b",null]"#]).await;
}

#[tokio::test]
async fn an_answer_that_is_too_long_fails_its_message() {
    let script = "{ name: cat, max_buffer: 10 }";
    let long = "x".repeat(100);
    let error = r"a message exceeds max_buffer (10 bytes)";
    check(
        script,
        &["a", &long, "b"],
        &[r#"["a",null]"#, &format!(r#"["{long}","{error}"]"#), r#"["b",null]"#],
    )
    .await;
}

#[test]
fn a_missing_program_is_refused_at_start() {
    let error = SCENES.refusal(
        "input: { generate: { mapping: 'root = 1' } }\noutput: { drop: {} }\n\
         pipeline: { processors: [ { subprocess: { name: no-such-program } } ] }",
    );
    assert!(
        error.ends_with(r#"exec: "no-such-program": executable file not found in $PATH"#),
        "{error}"
    );
}

#[tokio::test]
async fn an_input_reads_what_a_program_prints_and_ends_with_it() {
    let (mut running, output) =
        SCENES.from_input(r#"{ subprocess: { name: printf, args: [ "a\\nb\\n\\nc" ] } }"#);
    assert!(running.ends().await);
    assert_eq!(output.messages(), ["a", "b", "", "c"]);
}

#[tokio::test]
async fn an_input_can_start_its_program_again() {
    let (running, output) =
        SCENES.from_input("{ subprocess: { name: echo, args: [ x ], restart_on_exit: true } }");
    let seen = output.clone();
    eventually(move || seen.messages().len() >= 2).await;
    running.stream.stop(Duration::from_secs(5)).await;
}

#[tokio::test]
async fn stopping_an_input_ends_its_program() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pid").display().to_string();
    let script = format!("echo $$ > {file}; echo started; exec sleep 1000");
    let (running, output) = SCENES
        .from_input(&format!(r#"{{ subprocess: {{ name: sh, args: [ "-c", "{script}" ] }} }}"#));
    let seen = output.clone();
    eventually(move || !seen.messages().is_empty()).await;
    let pid = std::fs::read_to_string(&file).unwrap();
    let process = format!("/proc/{}", pid.trim());
    assert!(std::path::Path::new(&process).exists());
    running.stream.stop(Duration::from_secs(5)).await;
    assert!(!std::path::Path::new(&process).exists(), "the program is still there");
}

#[tokio::test]
async fn an_output_feeds_a_program_and_lets_it_finish() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("out").display().to_string();
    let (mut running, input) = SCENES.to_output(&format!(
        r#"{{ subprocess: {{ name: sh, args: [ "-c", "sort > {file}" ] }} }}"#
    ));
    input.push(&["b"]);
    input.push(&["c", "a"]);
    input.end();
    assert!(running.ends().await);
    running.stream.stop(Duration::from_secs(5)).await;
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "a\nb\nc\n");
}
