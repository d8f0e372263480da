use std::time::Duration;

use sluice_testkit::{Action, FakeInput, FakeOutput, batch};

use crate::support::{refusal, settle, start};

#[tokio::test(start_paused = true)]
async fn generate_counts_what_it_sends() {
    let output = FakeOutput::new("generate");
    let mut running = start(
        "input: { generate: { interval: '', count: 5, batch_size: 2, mapping: 'root = if count(\"gen\") % 2 == 0 { deleted() } else { content().length() }' } }\n\
         output: { fake: { name: generate } }\n",
    );
    assert!(running.ends().await);
    assert_eq!(output.messages(), ["0"; 5]);
}

#[tokio::test(start_paused = true)]
async fn generate_keeps_its_interval() {
    let output = FakeOutput::new("interval");
    let running = start(
        "input: { generate: { interval: 10s, mapping: root = 1 } }\n\
         output: { fake: { name: interval } }\n",
    );
    settle().await;
    assert_eq!(output.messages().len(), 1); // the first comes at once
    tokio::time::sleep(Duration::from_secs(35)).await;
    assert_eq!(output.messages().len(), 4);
    assert!(running.stream.stop(Duration::from_secs(1)).await);
}

#[tokio::test(start_paused = true)]
async fn a_broker_reads_its_inputs_side_by_side() {
    let (one, two) = (FakeInput::new("side_1"), FakeInput::new("side_2"));
    let output = FakeOutput::new("side");
    let mut running = start(
        "input: { broker: { batching: { count: 2 }, inputs: [ { fake: { name: side_1 } }, { fake: { name: side_2 } } ] } }\n\
         output: { fake: { name: side } }\n",
    );
    one.push(&["a"]);
    one.end();
    settle().await;
    assert!(output.taken().is_empty()); // the other may still complete the batch
    two.push(&["b"]);
    two.push(&["c"]);
    settle().await;
    assert_eq!(output.taken(), [["a", "b"]]);
    two.end();
    assert!(running.ends().await);
    assert_eq!(output.taken()[1], ["c"]);
    assert_eq!((one.answers().len(), two.answers().len()), (1, 2));
}

#[tokio::test(start_paused = true)]
async fn batched_joins_transactions_and_divides_their_answers() {
    let (input, output) = (FakeInput::new("batched"), FakeOutput::new("batched"));
    let mut running = start(
        "input: { batched: { child: { fake: { name: batched } }, policy: { count: 3 } } }\n\
         output: { fake: { name: batched } }\n",
    );
    output.script([Action::FailMembers(vec![1])]);
    for name in ["a", "b", "c"] {
        input.push(&[name]);
    }
    settle().await;
    assert_eq!(input.answers().len(), 2);
    assert_eq!(output.taken(), [["a", "c"]]);
    input.push(&["d"]);
    input.end();
    assert!(running.ends().await);
    assert_eq!(output.messages(), ["a", "c", "b", "d"]);
}

#[tokio::test(start_paused = true)]
async fn read_until_leaves_what_it_has_not_seen() {
    let (input, output) = (FakeInput::new("until"), FakeOutput::new("until"));
    let mut running = start(
        "input: { read_until: { check: 'content() == \"c\"', input: { fake: { name: until } } } }\n\
         pipeline: { processors: [ { mapping: 'root = content() + @bento_read_until.or(\"\")' } ] }\n\
         output: { fake: { name: until } }\n",
    );
    output.script([Action::Fail("no".into()), Action::Fail("no".into())]);
    input.push_all(["a", "b", "c", "d", "e"].map(|name| batch(&[name])).into());
    assert!(running.ends().await);
    let mut messages = output.messages();
    messages.sort();
    assert_eq!(messages, ["a", "b", "cfinal"]);
    // `d` and `e` were read, and are neither delivered nor acknowledged.
    assert_eq!((input.answers().len(), input.closes()), (3, 1));
}

#[tokio::test(start_paused = true)]
async fn read_until_ends_after_silence_and_starts_ended_inputs_again() {
    let output = FakeOutput::new("silence");
    let mut running = start(
        "input: { read_until: { idle_timeout: 3s, restart_input: true, check: 'count(\"silence\") >= 5', \
                  input: { generate: { count: 2, interval: '', mapping: root = \"m\" } } } }\n\
         output: { fake: { name: silence } }\n",
    );
    assert!(running.ends().await);
    assert_eq!(output.messages().len(), 5);

    let (input, output) = (FakeInput::new("idle"), FakeOutput::new("idle"));
    let mut running = start(
        "input: { read_until: { idle_timeout: 3s, input: { fake: { name: idle } } } }\n\
         output: { fake: { name: idle } }\n",
    );
    input.push(&["a"]);
    assert!(running.ends().await);
    assert_eq!((output.messages().len(), input.answers().len()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_sequence_reads_one_input_after_the_other() {
    let (one, two) = (FakeInput::new("seq_1"), FakeInput::new("seq_2"));
    let output = FakeOutput::new("seq");
    let mut running = start(
        "input: { sequence: { inputs: [ { fake: { name: seq_1 } }, { fake: { name: seq_2 } } ] } }\n\
         output: { fake: { name: seq } }\n",
    );
    two.push(&["b"]);
    settle().await;
    assert_eq!(two.connects(), 0);
    one.push(&["a"]);
    one.end();
    two.end();
    assert!(running.ends().await);
    assert_eq!(output.messages(), ["a", "b"]);
}

#[tokio::test(start_paused = true)]
async fn a_sharded_join_merges_documents_and_keeps_what_was_refused() {
    let output = FakeOutput::new("joined");
    output.script([Action::Fail("no".into())]);
    let mut running = start(
        "input: { sequence: { sharded_join: { type: full-outer, id_path: id, iterations: 3 }, inputs: [ \
           { generate: { count: 1, interval: '', mapping: 'root = {\"id\":\"a\",\"v\":1}' } }, \
           { generate: { count: 1, interval: '', mapping: 'root = {\"id\":\"b\",\"v\":1}' } }, \
           { generate: { count: 1, interval: '', mapping: 'root = {\"id\":\"a\",\"v\":2,\"w\":{\"x\":1}}' } } ] } }\n\
         output: { fake: { name: joined } }\n",
    );
    assert!(running.ends().await);
    let mut messages = output.messages();
    messages.sort();
    assert_eq!(messages, [r#"{"id":"a","v":[1,2],"w":{"x":1}}"#, r#"{"id":"b","v":1}"#]);
}

#[test]
fn inputs_that_make_no_sense_are_refused() {
    let cases = [
        ("{ broker: { inputs: [] } }", "attempting to create broker input type with no inputs"),
        (
            "{ batched: { child: { generate: { mapping: root = 1 } }, policy: {} } }",
            "batch policy must have at least one active trigger",
        ),
        ("{ resource: none }", "input resource 'none' was not found"),
        (
            "{ read_until: { input: { generate: { mapping: root = 1 } } } }",
            "it is required to set either check or idle_timeout",
        ),
    ];
    for (input, expected) in cases {
        let error = refusal(&format!("input: {input}\noutput: {{ drop: {{}} }}\n"));
        assert_eq!(error, format!("failed to init input <no label> path root.input: {expected}"));
    }
    let error = refusal(
        "input: { generate: { interval: soonish, mapping: root = 1 } }\noutput: { drop: {} }\n",
    );
    assert!(error.contains("failed to parse interval as duration string: "), "{error}");
}
