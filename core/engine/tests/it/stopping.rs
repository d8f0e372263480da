use std::time::Duration;

use sluice_testkit::{Action, Answer, FakeInput, FakeOutput};
use tokio::time::Instant;

use crate::support::{settle, through};

#[tokio::test(start_paused = true)]
async fn draining_stops_reading_and_waits_for_what_is_on_its_way() {
    let (input, output) = (FakeInput::new("drain"), FakeOutput::new("drain"));
    let running = through("drain", "");
    output.behave(|_| Action::TakeLate(Duration::from_secs(3)));
    input.push(&["a"]);
    settle().await;
    let began = Instant::now();
    let stopping = tokio::spawn(running.stream.stop(Duration::from_secs(20)));
    settle().await;
    input.push(&["too late"]);
    assert!(stopping.await.unwrap());
    assert!(began.elapsed() >= Duration::from_secs(2));
    assert_eq!(output.messages(), ["a"]);
    assert_eq!(input.answers(), [Answer::Delivered(vec!["a".into()])]);
    assert_eq!((input.closes(), output.closes()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_stop_that_takes_too_long_gives_up_what_is_on_its_way() {
    let (input, output) = (FakeInput::new("abort"), FakeOutput::new("abort"));
    let running = through("abort", "");
    output.behave(|_| Action::Hold);
    input.push(&["a"]);
    settle().await;
    let began = Instant::now();
    assert!(running.stream.stop(Duration::from_secs(8)).await);
    assert_eq!(began.elapsed().as_secs(), 6);
    // It was kept for replay, and is left to the source now.
    assert!(output.messages().is_empty() && input.answers().is_empty());
    assert_eq!((output.writing(), output.closes()), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn failed_batches_are_sent_again_while_draining() {
    let (input, output) = (FakeInput::new("drain_replay"), FakeOutput::new("drain_replay"));
    let running = through("drain_replay", "");
    output.script([
        Action::TakeLate(Duration::from_secs(1)),
        Action::Fail("no".into()),
        Action::Fail("no".into()),
    ]);
    input.push(&["a"]);
    input.push(&["b"]);
    settle().await;
    assert!(running.stream.stop(Duration::from_secs(20)).await);
    assert_eq!(output.messages(), ["a", "b"]);
}

#[tokio::test(start_paused = true)]
async fn dropping_a_stream_ends_it() {
    let (input, output) = (FakeInput::new("dropping"), FakeOutput::new("dropping"));
    let running = through("dropping", "");
    output.behave(|_| Action::Hold);
    input.push(&["a"]);
    settle().await;
    assert_eq!(output.writing(), 1);
    drop(running);
    settle().await;
    assert_eq!(output.writing(), 0);
}

#[tokio::test(start_paused = true)]
async fn an_input_that_ends_while_it_cannot_connect_ends_the_stream() {
    let (input, _output) = (FakeInput::new("unreachable"), FakeOutput::new("unreachable"));
    input.refuse(usize::MAX);
    let running = through("unreachable", "");
    settle().await;
    let began = Instant::now();
    assert!(running.stream.stop(Duration::from_secs(20)).await);
    assert!(began.elapsed() < Duration::from_secs(1));
}
