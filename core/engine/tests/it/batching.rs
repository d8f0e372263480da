use std::sync::{Arc, Mutex};
use std::time::Duration;

use sluice_engine::Sink;
use sluice_message::{Transaction, Verdict};
use sluice_testkit::{Action, Answer, FakeInput, FakeOutput, World, batch, contents};
use tokio::task::JoinHandle;
use tokio::time::Instant;

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

/// A sink that is in no stream, and what was heard of what it got, in order.
struct Alone {
    sink: Arc<dyn Sink>,
    heard: Arc<Mutex<Vec<String>>>,
}

impl Alone {
    async fn new(name: &str, policy: &str) -> Self {
        let config = format!("fake: {{ name: {name}, batching: {policy} }}");
        let sink = World::new(sluice_testkit::register).output(&config).await;
        Self { sink, heard: Arc::default() }
    }

    /// Hands in batches as one burst.
    fn write(&self, batches: &[&[&str]]) -> JoinHandle<()> {
        let transaction = |members: &&[&str]| {
            let mut batch = batch(members);
            batch.number();
            let (heard, name) = (self.heard.clone(), members.concat());
            let ack = move |verdict| {
                let heard_of = match verdict {
                    Verdict::Delivered => format!("{name}: delivered"),
                    Verdict::Failed(error) => {
                        let of = |member: &sluice_message::Member| member.lineage;
                        let members: Option<Vec<u32>> =
                            error.members().map(|members| members.iter().map(of).collect());
                        format!("{name}: {error} {members:?}")
                    }
                };
                heard.lock().unwrap().push(heard_of);
            };
            Transaction::new(batch, Box::new(ack))
        };
        let transactions: Vec<Transaction> = batches.iter().map(transaction).collect();
        let sink = self.sink.clone();
        tokio::spawn(async move { sink.write_each(transactions).await })
    }

    fn heard(&self) -> Vec<String> {
        std::mem::take(&mut *self.heard.lock().unwrap())
    }
}

#[tokio::test(start_paused = true)]
async fn a_burst_that_is_larger_than_the_count_becomes_several_batches() {
    let output = FakeOutput::new("larger");
    let it = Alone::new("larger", "{ count: 3 }").await;
    let burst = it.write(&[&["a"], &["b"], &["c"], &["d"], &["e", "f", "g"], &["h"]]);
    settle().await;
    // What came together stays together.
    assert_eq!(output.taken(), [vec!["a", "b", "c"], vec!["d", "e", "f", "g"]]);
    assert_eq!((it.heard().len(), burst.is_finished()), (5, false));
    it.write(&[&["i", "j"]]).await.unwrap();
    assert_eq!(output.taken()[2], ["h", "i", "j"]);
    assert_eq!(it.heard(), ["h: delivered", "ij: delivered"]);
    burst.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_rest_of_a_burst_leaves_after_the_period() {
    let output = FakeOutput::new("rest_period");
    let it = Alone::new("rest_period", "{ count: 2, period: 1s }").await;
    let began = Instant::now();
    it.write(&[&["a"], &["b"], &["c"]]).await.unwrap();
    assert_eq!(output.taken(), [vec!["a", "b"], vec!["c"]]);
    assert!((900..1100).contains(&began.elapsed().as_millis()), "{:?}", began.elapsed());
    assert_eq!(it.heard().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn of_a_burst_only_the_batch_with_the_failed_member_fails() {
    let output = FakeOutput::new("one_failed");
    let it = Alone::new("one_failed", "{ count: 6 }").await;
    output.script([Action::FailMembers(vec![3]), Action::Fail("down".into())]);
    it.write(&[&["a", "b"], &["c", "d"], &["e", "f"], &["g"], &["h", "i", "j", "k", "l"]])
        .await
        .unwrap();
    let heard = it.heard();
    assert_eq!(heard[..3], ["ab: delivered", "cd: member 3 refused Some([1])", "ef: delivered"]);
    assert_eq!(heard[3..], ["g: down None", "hijkl: down None"]);
}

#[tokio::test(start_paused = true)]
async fn writes_that_are_given_up_hear_the_truth_and_hold_nobody_up() {
    let output = FakeOutput::new("given_up");
    let it = Alone::new("given_up", "{ count: 2 }").await;
    output.behave(|_| Action::Hold);
    // The first is being written, the second waits in line, the third stands before it.
    let first = it.write(&[&["a"], &["b"]]);
    settle().await;
    let second = it.write(&[&["c"], &["d"]]);
    settle().await;
    let third = it.write(&[&["e"], &["f"]]);
    settle().await;
    assert!(it.heard().is_empty());
    second.abort();
    third.abort();
    settle().await;
    let given_up = |name| format!("{name}: dropped without a verdict None");
    assert_eq!(it.heard(), ["e", "f"].map(given_up));
    let fourth = it.write(&[&["g"], &["h"]]);
    output.release();
    first.await.unwrap();
    fourth.await.unwrap();
    // What was handed over before goes its way.
    assert_eq!(output.taken(), [["a", "b"], ["c", "d"], ["g", "h"]]);
    let delivered = |name| format!("{name}: delivered");
    assert_eq!(it.heard(), ["a", "b", "c", "d", "g", "h"].map(delivered));
}

#[tokio::test(start_paused = true)]
async fn closing_writes_the_batch_that_forms_and_refuses_what_comes_later() {
    let output = FakeOutput::new("close_forming");
    let it = Alone::new("close_forming", "{ count: 5 }").await;
    let burst = it.write(&[&["a"], &["b"], &["c"], &["d"], &["e"], &["f"], &["g"]]);
    settle().await;
    assert_eq!((it.heard().len(), output.closes()), (5, 0));
    it.sink.close().await;
    assert_eq!((output.taken()[1].concat(), output.closes()), ("fg".into(), 1));
    assert_eq!(it.heard(), ["f: delivered", "g: delivered"]);
    burst.await.unwrap();
    it.write(&[&["h"], &["i"]]).await.unwrap();
    assert_eq!(it.heard(), ["h: output is closed None", "i: output is closed None"]);
    assert_eq!(it.sink.write(batch(&["j"])).await.unwrap_err().to_string(), "output is closed");
}

#[tokio::test(start_paused = true)]
async fn what_an_aborted_stream_holds_does_not_count_as_delivered() {
    let (input, output) = (FakeInput::new("aborted"), FakeOutput::new("aborted"));
    let running = start(
        "input: { fake: { name: aborted, auto_replay_nacks: false } }\n\
         output: { fake: { name: aborted, batching: { count: 3 } } }\n",
    );
    output.behave(|_| Action::Hold);
    input.push_all((0..8).map(|n| batch(&[&n.to_string()])).collect());
    settle().await;
    assert_eq!(output.writing(), 1);
    assert!(running.stream.stop(Duration::from_secs(8)).await);
    let delivered = |answer: &Answer| matches!(answer, Answer::Delivered(_));
    assert!(!input.answers().iter().any(delivered), "{:?}", input.answers());
    assert_eq!((output.writing(), output.closes(), output.messages().len()), (0, 1, 0));
}

#[tokio::test(start_paused = true)]
async fn no_more_waits_than_a_batch_that_forms_and_those_that_are_written() {
    let (input, output) = (FakeInput::new("bound"), FakeOutput::new("bound"));
    let running = batched("bound", "{ count: 5 }");
    output.behave(|_| Action::Hold);
    for n in 0..100 {
        input.push_all(["a", "b", "c"].map(|name| batch(&[&format!("{name}{n}")])).into());
    }
    settle().await;
    // Ten of them, and the thread has the next burst in its hands.
    assert!((10..=13).contains(&input.handed_out()), "{}", input.handed_out());
    output.release();
    settle().await;
    assert_eq!(output.messages().len(), 300);
    drop(running);
}

#[tokio::test(start_paused = true)]
async fn bursts_that_are_answered_in_part_leave_room_for_the_next() {
    let (input, output) = (FakeInput::new("in_part"), FakeOutput::new("in_part"));
    let running = batched("in_part", "{ count: 50 }");
    // Of the first one is left, which waits with the second for the third.
    for size in [51, 30, 45] {
        input.push_all((0..size).map(|n| batch(&[&n.to_string()])).collect());
    }
    settle().await;
    assert_eq!(output.messages().len(), 100);
    assert!(running.stream.stop(Duration::from_secs(10)).await);
    assert_eq!(output.messages().len(), 126);
}

#[tokio::test(start_paused = true)]
async fn any_bursts_keep_their_order_and_stay_together_with_many_in_flight() {
    let (input, output) = (FakeInput::new("any"), FakeOutput::new("any"));
    let mut running = start(
        "input: { fake: { name: any } }\n\
         pipeline: { threads: 1 }\n\
         output: { fake: { name: any, max_in_flight: 8, batching: { count: 7, \
           check: 'content().has_suffix(\"3!\")', period: 20ms } } }\n",
    );
    let begun: Arc<Mutex<Vec<Vec<String>>>> = Arc::default();
    let (noted, mut random) = (begun.clone(), 1_u64);
    output.behave(move |batch| {
        noted.lock().unwrap().push(contents(batch));
        random = random * 16_807 % 2_147_483_647;
        Action::TakeLate(Duration::from_millis(random % 23))
    });
    let (mut names, mut random) = (Vec::new(), 7_u64);
    let mut next = |below: u64| {
        random = random * 16_807 % 2_147_483_647;
        random % below
    };
    for burst in 0..60 {
        let mut batches = Vec::new();
        for n in 0..=next(30) {
            let mut members: Vec<String> =
                (0..=next(3)).map(|at| format!("{burst}.{n}.{at}")).collect();
            members.last_mut().unwrap().push('!');
            batches.push(batch(&members.iter().map(String::as_str).collect::<Vec<_>>()));
            names.extend(members);
        }
        input.push_all(batches);
        if next(4) == 0 {
            tokio::time::sleep(Duration::from_millis(next(30))).await;
        }
    }
    input.end();
    assert!(running.ends().await);
    let begun = begun.lock().unwrap();
    assert_eq!(begun.concat(), names);
    assert!(begun.iter().all(|batch| batch.last().unwrap().ends_with('!')));
    assert!(begun.iter().all(|batch| batch.len() < 7 + 3), "{begun:?}");
    assert!(output.most_writing() > 4, "{}", output.most_writing());
    assert_eq!(output.messages().len(), names.len());
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
