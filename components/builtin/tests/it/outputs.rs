use std::time::Duration;

use sluice_testkit::{Action, Answer, FakeInput, FakeOutput, Running, batch};

use crate::support::{refusal, settle, start};

/// A stream from a fake input to an output of which `$1`, `$2` stand for fake outputs.
struct Setup {
    input: FakeInput,
    outputs: Vec<FakeOutput>,
    running: Running,
}

fn setup(name: &str, output: &str) -> Setup {
    let names: Vec<String> = (1..=3).map(|n| format!("{name}_{n}")).collect();
    let outputs = names.iter().map(|name| FakeOutput::new(name)).collect();
    let mut output = output.to_owned();
    for (at, fake) in names.iter().enumerate() {
        output =
            output.replace(&format!("${}", at + 1), &format!("{{ fake: {{ name: {fake} }} }}"));
    }
    let input = FakeInput::new(name);
    let running = start(&format!(
        "input: {{ fake: {{ name: {name} }} }}\npipeline: {{ threads: 1 }}\noutput: {output}\n"
    ));
    Setup { input, outputs, running }
}

impl Setup {
    async fn ends(&mut self) {
        self.input.end();
        assert!(self.running.ends().await, "the stream did not end");
    }

    fn messages(&self, output: usize) -> Vec<String> {
        self.outputs[output - 1].messages()
    }

    fn script(&self, output: usize, actions: impl IntoIterator<Item = Action>) {
        self.outputs[output - 1].script(actions);
    }
}

fn no() -> Action {
    Action::Fail("no".into())
}

#[tokio::test(start_paused = true)]
async fn fan_out_retries_a_failing_output_alone() {
    let mut it = setup("fan_out", "{ broker: { outputs: [ $1, $2 ] } }");
    it.script(2, [no(), Action::FailMembers(vec![0]), Action::Take]);
    it.input.push(&["a", "b"]);
    settle().await;
    assert_eq!((it.messages(1), it.input.answers().len()), (vec!["a".into(), "b".into()], 0));
    it.ends().await;
    assert_eq!(it.messages(1), ["a", "b"]);
    assert_eq!(it.messages(2), ["b", "a"]);
    assert_eq!(it.input.answers().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_burst_that_fans_out_is_answered_batch_by_batch() {
    let output = "{ broker: { outputs: [ \
        { fake: { name: burst_1, gathers: true, max_in_flight: 2 } }, $2 ] } }";
    let mut it = setup("burst", output);
    it.script(1, [Action::Take, no(), Action::FailMembers(vec![0]), no()]);
    it.input.push_all([&["a"][..], &["b"], &["c", "d"]].map(batch).into());
    settle().await;
    assert_eq!((it.messages(1), it.input.answers().len()), (vec!["a".into(), "d".into()], 1));
    assert_eq!(it.messages(2), ["a", "b", "c", "d"], "the other output waits for nobody");
    it.ends().await;
    let mut all = it.messages(1);
    all.sort_unstable();
    assert_eq!(all, ["a", "b", "c", "d"]);
    let answers = it.input.answers();
    assert!(answers.iter().all(|answer| matches!(answer, Answer::Delivered(_))));
    assert_eq!((answers.len(), it.outputs[1].messages().len()), (3, 4));
}

#[tokio::test(start_paused = true)]
async fn bursts_to_outputs_of_different_policies_leave_room_for_the_next() {
    let it = setup(
        "large_batches",
        "{ broker: { outputs: [
        { fake: { name: large_batches_1, batching: { count: 50 } } },
        { fake: { name: large_batches_2, max_in_flight: 60, batching: { count: 2 } } } ] } }",
    );
    // At the first output one is left of the first burst, which waits with the second for the third.
    for size in [51, 30, 45] {
        it.input.push_all((0..size).map(|n| batch(&[&n.to_string()])).collect());
    }
    settle().await;
    assert_eq!([1, 2].map(|output| it.messages(output).len()), [100, 126]);
}

#[tokio::test(start_paused = true)]
async fn fan_out_fail_fast_tells_the_source() {
    let output = "{ broker: { pattern: fan_out_fail_fast, outputs: [ $1, $2 ] } }";
    let mut it = setup("fail_fast", output);
    it.script(1, [no()]);
    it.script(2, [Action::TakeLate(Duration::from_secs(1))]);
    it.input.push(&["a"]);
    it.ends().await;
    // The write that was slower went on, and the replay came to both again.
    assert_eq!((it.messages(1), it.messages(2)), (vec!["a".into()], vec!["a".into(), "a".into()]));
}

#[tokio::test(start_paused = true)]
async fn sequential_fan_out_writes_in_turn() {
    let output = "{ broker: { pattern: fan_out_sequential_fail_fast, outputs: [ $1, $2 ] } }";
    let mut it = setup("in_turn", output);
    it.script(1, [Action::TakeLate(Duration::from_secs(1)), no()]);
    it.input.push(&["a"]);
    settle().await;
    assert_eq!(it.outputs[1].writing(), 0);
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(it.messages(2), ["a"]);
    it.input.push(&["b"]);
    it.ends().await;
    assert_eq!(it.messages(2), ["a", "b"]);
}

#[tokio::test(start_paused = true)]
async fn round_robin_takes_turns() {
    let mut it = setup("robin", "{ broker: { pattern: round_robin, outputs: [ $1, $2 ] } }");
    for name in ["a", "b", "c", "d"] {
        it.input.push(&[name]);
    }
    it.ends().await;
    assert_eq!(
        (it.messages(1), it.messages(2)),
        (vec!["a".into(), "c".into()], vec!["b".into(), "d".into()])
    );
}

#[tokio::test(start_paused = true)]
async fn greedy_uses_whichever_output_is_free() {
    let mut it = setup("greedy", "{ broker: { pattern: greedy, outputs: [ $1, $2 ] } }");
    it.script(1, [Action::TakeLate(Duration::from_secs(5))]);
    for name in ["a", "b", "c", "d"] {
        it.input.push(&[name]);
    }
    settle().await;
    assert_eq!(it.messages(2), ["b", "c", "d"]);
    it.ends().await;
    assert_eq!(it.messages(1), ["a"]);
}

#[tokio::test(start_paused = true)]
async fn a_broker_forms_batches_and_repeats_its_outputs() {
    let output = "{ broker: { copies: 2, batching: { count: 2 }, outputs: [ $1 ] } }";
    let mut it = setup("copies", output);
    for name in ["a", "b", "c"] {
        it.input.push(&[name]);
    }
    it.ends().await;
    assert_eq!(it.outputs[0].taken(), [vec!["a", "b"], vec!["a", "b"], vec!["c"], vec!["c"]]);
}

#[tokio::test(start_paused = true)]
async fn switch_divides_a_batch_and_reports_failures_by_member() {
    let output = "{ switch: { strict_mode: true, cases: [ \
                  { check: 'content() == \"a\"', continue: true, output: $1 }, \
                  { check: 'content() != \"x\"', output: $2 } ] } }";
    let it = setup("switch_output", output);
    it.script(2, [Action::FailMembers(vec![1])]);
    it.input.push(&["a", "b", "c"]);
    settle().await;
    assert_eq!(
        (it.messages(1), it.messages(2)),
        (vec!["a".into()], vec!["a".into(), "c".into(), "b".into()])
    );
    it.input.push(&["x"]);
    settle().await;
    assert_eq!(it.input.answers().len(), 1);
    assert!(it.running.stream.stop(Duration::from_secs(4)).await);
}

#[tokio::test(start_paused = true)]
async fn fallback_gets_what_failed_and_why() {
    let output = "{ fallback: [ $1, { drop_on: { error_patterns: [ 'never' ], output: { switch: { cases: [ \
                  { check: '@fallback_error != \"member 1 refused\"', output: { reject: 'wrong error ${! @fallback_error }' } }, \
                  { output: $2 } ] } } } }, $3 ] }";
    let mut it = setup("fallback", output);
    it.script(1, [Action::FailMembers(vec![1])]);
    it.script(2, [no()]);
    it.input.push(&["a", "b", "c"]);
    it.ends().await;
    assert_eq!(it.messages(1), ["a", "c"]);
    assert_eq!(it.messages(2), Vec::<String>::new());
    assert_eq!(it.messages(3), ["b"]);
    assert_eq!(it.input.answers().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn drop_on_gives_up_on_a_stuck_output() {
    let mut it = setup("drop_on", "{ drop_on: { error: true, back_pressure: 1s, output: $1 } }");
    it.script(1, [Action::Hold]);
    it.input.push(&["a"]);
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert_eq!(it.input.answers().len(), 1);
    it.input.push(&["b"]);
    settle().await; // at once, while the output is still busy
    assert_eq!(it.input.answers().len(), 2);
    it.outputs[0].release();
    settle().await;
    it.input.push(&["c"]);
    it.ends().await;
    assert_eq!(it.messages(1), ["a", "c"]);
}

#[tokio::test(start_paused = true)]
async fn retry_gives_up_after_its_last_attempt() {
    let output = "{ fallback: [ { retry: { max_retries: 2, output: $1 } }, $2 ] }";
    let mut it = setup("retry_output", output);
    it.script(1, [no(), Action::FailMembers(vec![0]), no(), no()]);
    it.input.push(&["a", "b"]);
    it.ends().await;
    assert_eq!((it.messages(1), it.messages(2)), (vec!["b".into()], vec!["a".into()]));
}

#[tokio::test(start_paused = true)]
async fn reject_errored_refuses_only_what_failed() {
    let input = FakeInput::new("errored");
    let output = FakeOutput::new("errored");
    let mut running = start(
        "input: { fake: { name: errored, auto_replay_nacks: false } }\n\
         pipeline: { processors: [ { mapping: 'root = this + 1' } ] }\n\
         output: { reject_errored: { fake: { name: errored } } }\n",
    );
    input.push(&["1", "x"]);
    input.end();
    assert!(running.ends().await);
    assert_eq!(output.messages(), ["2"]);
    let [Answer::Failed(_, error)] = &input.answers()[..] else { panic!("not refused") };
    assert!(error.starts_with("rejecting due to failed processing: failed assignment"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn inproc_joins_streams_and_their_answers() {
    let (input, output) = (FakeInput::new("pipe"), FakeOutput::new("pipe"));
    let environment = crate::support::environment();
    let mut first = Running::start(
        "input: { fake: { name: pipe } }\noutput: { inproc: pipe_name }\n",
        environment.clone(),
    )
    .unwrap();
    input.push(&["a", "b"]);
    settle().await;
    assert!(input.answers().is_empty());
    let second = Running::start(
        "input: { inproc: pipe_name }\noutput: { fake: { name: pipe } }\n",
        environment,
    )
    .unwrap();
    output.script([Action::FailMembers(vec![0])]);
    input.end();
    assert!(first.ends().await);
    assert_eq!(output.taken(), [["b"], ["a"]]);
    assert_eq!(input.answers().len(), 1);
    assert!(second.stream.stop(Duration::from_secs(1)).await);
}

#[test]
fn outputs_that_make_no_sense_are_refused() {
    let cases = [
        ("{ broker: { outputs: [] } }", "attempting to create broker output type with no outputs"),
        ("{ fallback: [] }", "attempting to create broker output type with no outputs"),
        (
            "{ switch: { cases: [ { output: { drop: {} } } ] } }",
            "attempting to create switch with fewer than 2 cases",
        ),
        ("{ resource: nosink }", "output resource 'nosink' was not found"),
        ("{ cache: { target: nope, key: a } }", "cache resource 'nope' was not found"),
    ];
    for (output, expected) in cases {
        let error =
            refusal(&format!("input: {{ generate: {{ mapping: root = 1 }} }}\noutput: {output}\n"));
        assert_eq!(error, format!("failed to init output <no label> path root.output: {expected}"));
    }
}
