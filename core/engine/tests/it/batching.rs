use std::time::Duration;

use sluice_testkit::{Action, Answer, FakeInput, FakeOutput, batch};

use crate::support::{settle, start};

fn batched(name: &str, policy: &str) -> sluice_testkit::Running {
    start(&format!(
        "input: {{ fake: {{ name: {name} }} }}\n\
         pipeline: {{ threads: 1 }}\n\
         output: {{ fake: {{ name: {name}, batching: {policy} }} }}\n"
    ))
}

#[tokio::test(start_paused = true)]
async fn messages_gather_to_batches_and_the_rest_leaves_at_the_end() {
    let (input, output) = (FakeInput::new("gather"), FakeOutput::new("gather"));
    let mut running = batched("gather", "{ count: 3 }");
    for n in 0..8 {
        input.push(&[&n.to_string()]);
    }
    settle().await;
    assert_eq!(output.taken(), [["0", "1", "2"], ["3", "4", "5"]]);
    assert_eq!(input.answers().len(), 6);
    input.end();
    assert!(running.ends().await);
    assert_eq!(output.taken()[2], ["6", "7"]);
    assert_eq!(running.count("batch_created"), 2);
}

#[tokio::test(start_paused = true)]
async fn the_rest_leaves_when_the_stream_is_stopped() {
    let (input, output) = (FakeInput::new("rest"), FakeOutput::new("rest"));
    let running = batched("rest", "{ count: 100 }");
    input.push(&["a"]);
    settle().await;
    assert!(output.taken().is_empty());
    assert!(running.stream.stop(Duration::from_secs(10)).await);
    assert_eq!(output.taken(), [["a"]]);
}

#[tokio::test(start_paused = true)]
async fn a_period_flushes_an_incomplete_batch() {
    let (input, output) = (FakeInput::new("period"), FakeOutput::new("period"));
    let running = batched("period", "{ count: 100, period: 1s }");
    settle().await;
    tokio::time::sleep(Duration::from_secs(30)).await; // periods without messages cost nothing
    input.push(&["a"]);
    input.push(&["b"]);
    tokio::time::sleep(Duration::from_millis(1100)).await;
    assert_eq!(output.taken(), [["a", "b"]]);
    assert!(running.stream.stop(Duration::from_secs(10)).await);
}

#[tokio::test(start_paused = true)]
async fn a_check_or_a_size_flushes() {
    let (input, output) = (FakeInput::new("check"), FakeOutput::new("check"));
    let mut running = batched("check", "{ check: 'content() == \"end\"', byte_size: 10 }");
    for content in ["a", "end", "12345", "67890", "rest"] {
        input.push(&[content]);
    }
    input.end();
    assert!(running.ends().await);
    assert_eq!(output.taken(), [vec!["a", "end"], vec!["12345", "67890"], vec!["rest"]]);
}

#[tokio::test(start_paused = true)]
async fn each_source_batch_hears_of_its_own_members() {
    let (input, output) = (FakeInput::new("own"), FakeOutput::new("own"));
    let mut running = batched("own", "{ count: 4 }");
    // Member 2 of the formed batch is the second batch's first.
    output.script([Action::FailMembers(vec![2])]);
    input.push(&["a", "b"]);
    input.push(&["c", "d"]);
    settle().await;
    assert_eq!(input.answers(), [Answer::Delivered(vec!["a".into(), "b".into()])]);
    input.end();
    assert!(running.ends().await);
    assert_eq!(output.taken(), [vec!["a", "b", "d"], vec!["c"]]);
}

#[tokio::test(start_paused = true)]
async fn processors_of_a_policy_that_split_lose_nothing() {
    let (input, output) = (FakeInput::new("policy"), FakeOutput::new("policy"));
    let mut running = batched("policy", "{ count: 3, processors: [ { split: {} } ] }");
    output.script([Action::Fail("no".into())]);
    input.push_all(["a", "b", "c"].map(|name| batch(&[name])).into());
    input.end();
    assert!(running.ends().await);
    assert_eq!(output.taken(), [["b"], ["c"], ["a"]]);
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_can_never_be_complete_does_not_hold_the_stream_up() {
    let (input, output) = (FakeInput::new("never"), FakeOutput::new("never"));
    let running = batched("never", "{ byte_size: 1000000000 }");
    input.push_all((0..30_000).map(|n| batch(&[&n.to_string()])).collect());
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert!(output.messages().len() >= 20_000, "{}", output.messages().len());
    assert!(running.stream.stop(Duration::from_secs(10)).await);
    assert_eq!(output.messages().len(), 30_000);
}

#[test]
fn a_policy_needs_a_trigger() {
    let (_input, _output) = (FakeInput::new("trigger"), FakeOutput::new("trigger"));
    let error = sluice_testkit::Running::start(
        "input: { fake: { name: trigger } }\n\
         output: { fake: { name: trigger, batching: { processors: [ { split: {} } ] } } }\n",
        crate::support::environment(),
    )
    .err()
    .unwrap();
    assert_eq!(
        error.to_string(),
        "failed to init output <no label> path root.output: batch policy must have at least one \
         active trigger"
    );
}
