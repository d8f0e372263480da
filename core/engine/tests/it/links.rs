use std::time::Duration;

use sluice_testkit::{Action, FakeInput, FakeOutput};

use crate::support::{settle, start, through};

#[tokio::test(start_paused = true)]
async fn links_are_opened_until_it_works() {
    let (input, output) = (FakeInput::new("opened"), FakeOutput::new("opened"));
    input.refuse(3);
    output.refuse(2);
    let mut running = through("opened", "");
    let status = running.stream.status().clone();
    settle().await;
    assert!(!status.input_connected() && !status.output_connected());
    input.push(&["a"]);
    tokio::time::sleep(Duration::from_secs(20)).await;
    assert!(status.input_connected() && status.output_connected());
    assert_eq!(output.taken(), [["a"]]);
    input.end();
    assert!(running.ends().await);
    assert!(status.has_ended());
    assert_eq!(running.count("input_connection_failed"), 3);
    assert_eq!(running.count("output_connection_failed"), 2);
}

#[tokio::test(start_paused = true)]
async fn a_lost_input_is_closed_and_opened_again() {
    let (input, output) = (FakeInput::new("lost_input"), FakeOutput::new("lost_input"));
    let mut running = through("lost_input", "");
    input.push(&["a"]);
    input.disconnect();
    input.push(&["b"]);
    input.end();
    assert!(running.ends().await);
    assert_eq!(output.messages(), ["a", "b"]);
    assert_eq!((input.connects(), input.closes()), (2, 2));
    assert_eq!(running.count("input_connection_lost"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_lost_output_gets_the_same_batch_after_it_is_opened_again() {
    let (input, output) = (FakeInput::new("lost_output"), FakeOutput::new("lost_output"));
    let mut running = start(
        "input: { fake: { name: lost_output } }\n\
         output: { fake: { name: lost_output, max_in_flight: 4 } }\n",
    );
    output.script([Action::Take, Action::Disconnect, Action::Disconnect]);
    for name in ["a", "b", "c", "d"] {
        input.push(&[name]);
    }
    input.end();
    assert!(running.ends().await);
    let mut messages = output.messages();
    messages.sort();
    assert_eq!(messages, ["a", "b", "c", "d"]);
    assert_eq!(running.count("output_error"), 0);
    assert!(output.connects() >= 2);
}

#[tokio::test(start_paused = true)]
async fn answers_do_not_break_off_an_attempt_to_connect() {
    let (input, output) = (FakeInput::new("attempt"), FakeOutput::new("attempt"));
    let running = through("attempt", "");
    // A batch that fails again and again wakes the input all the time.
    output.behave(|batch| match &batch[0].bytes()[..] {
        b"bad" => Action::Fail("no".into()),
        _ => Action::Take,
    });
    input.push(&["bad"]);
    settle().await;
    input.refuse(2);
    input.disconnect();
    input.push(&["good"]);
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(output.messages(), ["good"]);
    // Pauses between attempts are kept, too.
    assert_eq!(running.count("input_connection_failed"), 2);
    assert!(!running.stream.stop(Duration::from_secs(2)).await || output.messages() == ["good"]);
}
