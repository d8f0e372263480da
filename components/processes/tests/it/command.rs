use crate::support::SCENES;

const TELL: &str = r"{ mapping: 'root = [ content().string(), error(), @command_stderr ]' }";

async fn check(command: &str, message: &str, expected: &str) {
    let out = SCENES.through(&format!("{{ command: {command} }}, {TELL}"), &[message]).await;
    assert_eq!(out, [expected], "{command}");
}

#[tokio::test]
async fn output_becomes_the_content() {
    check(r#"{ name: tr, args_mapping: '[ "a-z", "A-Z" ]' }"#, "hello", r#"["HELLO",null,null]"#)
        .await;
    let args = r#"{ name: printf, args_mapping: '[ "%s|%s", this.w, 5 ]' }"#;
    check(args, r#"{"w":"a b"}"#, r#"["a b|5",null,null]"#).await;
    let interpolated = r#"{ name: '${! "ca" + "t" }' }"#;
    check(interpolated, "x", r#"["x",null,null]"#).await;
}

#[tokio::test]
async fn a_complaint_is_metadata_or_the_error() {
    let sh = |script: &str| format!(r#"{{ name: sh, args_mapping: '[ "-c", "{script}" ]' }}"#);
    check(&sh("echo out; echo hm >&2"), "x", r#"["out\n",null,"hm\n"]"#).await;
    check(
        &sh("echo bad >&2; exit 3"),
        "x",
        r#"["x","execution error: exit status 3: bad\n",null]"#,
    )
    .await;
    check(&sh("kill -9 $$"), "x", r#"["x","execution error: signal: killed: ",null]"#).await;
    let absent = r#"["x","execution error: exec: \"no-such-program\": executable file not found in $PATH: ",null]"#;
    check("{ name: no-such-program }", "x", absent).await;
    let args = r#"{ name: cat, args_mapping: 'root = "x"' }"#;
    check(args, "x", r#"["x","args mapping result error: expected array value, got string",null]"#)
        .await;
}

#[tokio::test]
async fn a_program_need_not_read_its_input_and_may_print_much() {
    let large = "x".repeat(1_000_000);
    let ignoring = r#"{ command: { name: echo, args_mapping: '[ "hi" ]' } }"#;
    assert_eq!(SCENES.through(ignoring, &[&large]).await, ["hi\n"]);
    let echoing = SCENES.through("{ command: { name: cat } }", &[&large]).await;
    assert_eq!(echoing[0].len(), large.len());
    let noisy = r#"{ command: { name: sh, args_mapping: '[ "-c", "head -c 1000000 /dev/zero >&2; echo ok" ]' } }"#;
    let length = format!("{noisy}, {{ mapping: 'root = @command_stderr.length()' }}");
    assert_eq!(SCENES.through(&length, &["x"]).await, ["65536"]);
}

#[tokio::test]
async fn arguments_never_reach_a_shell() {
    let command = r"{ command: { name: echo, args_mapping: '[ content().string() ]' } }";
    assert_eq!(SCENES.through(command, &["$(id); `id` && x"]).await, ["$(id); `id` && x\n"]);
}

#[test]
fn a_bad_mapping_is_refused() {
    let error = SCENES.refusal(
        "input: { fake: { name: none } }\npipeline: { processors: [ { command: { name: x, args_mapping: '[' } } ] }\n",
    );
    assert!(!error.is_empty());
}
