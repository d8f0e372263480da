use std::time::Duration;

use sluice_testkit::{Action, FakeInput, FakeOutput};

use crate::support::{refusal, settle, start};

fn buffered(name: &str, buffer: &str) -> sluice_testkit::Running {
    start(&format!(
        "input: {{ fake: {{ name: {name} }} }}\n\
         buffer: {buffer}\n\
         pipeline: {{ threads: 1 }}\n\
         output: {{ fake: {{ name: {name} }} }}\n"
    ))
}

#[tokio::test(start_paused = true)]
async fn a_memory_buffer_answers_when_it_keeps_a_message() {
    let (input, output) = (FakeInput::new("keeps"), FakeOutput::new("keeps"));
    let mut running = buffered("keeps", "{ memory: {} }");
    output.behave(|_| Action::Hold);
    for name in ["a", "b", "c"] {
        input.push(&[name]);
    }
    settle().await;
    assert_eq!((input.answers().len(), output.taken().len()), (3, 0));
    output.release();
    input.end();
    assert!(running.ends().await);
    assert_eq!(output.messages(), ["a", "b", "c"]);
}

#[tokio::test(start_paused = true)]
async fn a_full_buffer_makes_the_input_wait() {
    let (input, output) = (FakeInput::new("full"), FakeOutput::new("full"));
    let mut running = buffered("full", "{ memory: { limit: 10 } }");
    output.behave(|_| Action::Hold);
    for _ in 0..10 {
        input.push(&["1234"]);
    }
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(input.answers().len(), 2);
    output.release();
    input.end();
    assert!(running.ends().await);
    assert_eq!(output.messages().len(), 10);
}

#[tokio::test(start_paused = true)]
async fn with_spillover_a_full_buffer_drops() {
    let (input, output) = (FakeInput::new("spills"), FakeOutput::new("spills"));
    let mut running = buffered("spills", "{ memory: { limit: 10, spillover: true } }");
    output.behave(|_| Action::Hold);
    for _ in 0..10 {
        input.push(&["1234"]);
    }
    settle().await;
    assert_eq!(input.answers().len(), 10);
    output.release();
    input.end();
    assert!(running.ends().await);
    assert_eq!(output.messages().len(), 2);
    assert_eq!(running.count("buffer_spillover"), 32);
}

#[tokio::test(start_paused = true)]
async fn what_a_buffer_hands_on_in_vain_it_hands_on_again() {
    let (input, output) = (FakeInput::new("vain"), FakeOutput::new("vain"));
    let policy = "{ memory: { batch_policy: { enabled: true, count: 2 } } }";
    let mut running = buffered("vain", policy);
    output.script([Action::FailMembers(vec![1]), Action::Fail("no".into())]);
    for name in ["a", "b", "c"] {
        input.push(&[name]);
    }
    input.end();
    assert!(running.ends().await);
    let mut messages = output.messages();
    messages.sort();
    assert_eq!(messages, ["a", "b", "c"]);
    assert_eq!(input.answers().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_buffer_is_emptied_on_a_stop() {
    let (input, output) = (FakeInput::new("emptied"), FakeOutput::new("emptied"));
    let policy = "{ memory: { batch_policy: { enabled: true, count: 100 } } }";
    let running = buffered("emptied", policy);
    input.push(&["a"]);
    settle().await;
    assert_eq!((input.answers().len(), output.taken().len()), (1, 0));
    assert!(running.stream.stop(Duration::from_secs(10)).await);
    assert_eq!(output.messages(), ["a"]);
}

#[tokio::test]
async fn windows_leave_when_they_end() {
    let (input, output) = (FakeInput::new("window"), FakeOutput::new("window"));
    let mut running = buffered(
        "window",
        "{ system_window: { timestamp_mapping: 'root = if this == 9 { 1000 } else { now() }', size: 3s } }",
    );
    // From the beginning of a window on, so that its end does not come in between.
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    tokio::time::sleep(Duration::from_millis(3005 - since.as_millis() as u64 % 3000)).await;
    input.push(&["1", "9"]);
    input.push(&["2"]);
    input.end();
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert!(input.answers().is_empty());
    assert!(running.ends().await);
    assert_eq!(output.messages(), ["1", "2"]);
    assert_eq!(input.answers().len(), 2);
}

#[test]
fn windows_that_make_no_sense_are_refused() {
    for (window, expected) in [
        (
            "{ size: long }",
            "failed to parse field 'size' as duration: time: \
             invalid duration \"long\"",
        ),
        ("{ size: 1s, slide: 2s }", "invalid window slide '2s' must be lower than the size '1s'"),
        ("{ size: 1s, offset: 2s }", "invalid offset '2s' must be lower than the size '1s'"),
    ] {
        let error = refusal(&format!(
            "input: {{ generate: {{ mapping: root = 1 }} }}\nbuffer: {{ system_window: {window} }}\noutput: {{ drop: {{}} }}\n"
        ));
        assert_eq!(error, format!("failed to init buffer <no label> path root.buffer: {expected}"));
    }
}
