use std::time::Duration;

use sluice_engine::Environment;
use sluice_testkit::{Action, Answer, FakeInput, FakeOutput, Running, batch};

use crate::support::{environment, settle, start, through};

fn delivered(contents: &[&str]) -> Answer {
    Answer::Delivered(contents.iter().map(|content| (*content).to_owned()).collect())
}

#[tokio::test(start_paused = true)]
async fn a_source_hears_of_delivery_when_the_output_has_the_batch() {
    let (input, output) = (FakeInput::new("hears"), FakeOutput::new("hears"));
    let mut running = through("hears", "");
    output.behave(|_| Action::Hold);
    input.push(&["a"]);
    settle().await;
    assert_eq!((output.writing(), input.answers()), (1, vec![]));
    output.release();
    settle().await;
    assert_eq!(input.answers(), [delivered(&["a"])]);
    input.end();
    assert!(running.ends().await);
    assert_eq!(running.count("output_sent"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_failed_batch_is_sent_again_from_its_original_content() {
    let (input, output) = (FakeInput::new("again"), FakeOutput::new("again"));
    let mut running = through("again", "{ mapping: 'root = content() + \"-p\"' }");
    output.script([Action::Fail("no".into()), Action::Fail("no".into())]);
    input.push(&["a"]);
    input.end();
    assert!(running.ends().await);
    assert_eq!(output.taken(), [["a-p"]]);
    assert_eq!(input.answers(), [delivered(&["a"])]);
    assert_eq!(running.count("output_error"), 2);
}

#[tokio::test(start_paused = true)]
async fn only_the_members_that_failed_are_sent_again() {
    let (input, output) = (FakeInput::new("members"), FakeOutput::new("members"));
    let mut running = through("members", "");
    output.script([Action::FailMembers(vec![1, 3]), Action::FailMembers(vec![0])]);
    input.push(&["a", "b", "c", "d"]);
    input.end();
    assert!(running.ends().await);
    assert_eq!(output.taken(), [vec!["a", "c"], vec!["d"], vec!["b"]]);
    assert_eq!(input.answers(), [delivered(&["a", "b", "c", "d"])]);
}

#[tokio::test(start_paused = true)]
async fn of_a_batch_that_was_split_only_the_failed_part_is_sent_again() {
    let (input, output) = (FakeInput::new("parts"), FakeOutput::new("parts"));
    let mut running = through("parts", "{ split: {} }");
    output.script([Action::Take, Action::Fail("no".into()), Action::Take]);
    input.push(&["a", "b", "c"]);
    input.end();
    assert!(running.ends().await);
    assert_eq!(output.taken(), [["a"], ["c"], ["b"]]);
}

#[tokio::test(start_paused = true)]
async fn without_replay_the_source_hears_of_the_failure() {
    let (input, output) = (FakeInput::new("nack"), FakeOutput::new("nack"));
    let mut running = start(
        "input: { fake: { name: nack, auto_replay_nacks: false } }\n\
         output: { fake: { name: nack } }\n",
    );
    output.script([Action::Fail("no room".into())]);
    input.push(&["a"]);
    input.push(&["b"]);
    input.end();
    assert!(running.ends().await);
    let failed = Answer::Failed(vec!["a".into()], "no room".into());
    let answers = input.answers();
    assert!(answers.contains(&failed) && answers.contains(&delivered(&["b"])), "{answers:?}");
}

#[tokio::test(start_paused = true)]
async fn what_processors_drop_counts_as_delivered() {
    let (input, output) = (FakeInput::new("dropped"), FakeOutput::new("dropped"));
    let mut running = through("dropped", "{ mapping: 'root = deleted()' }");
    input.push(&["a", "b"]);
    input.end();
    assert!(running.ends().await);
    assert_eq!((output.taken().len(), input.answers()), (0, vec![delivered(&["a", "b"])]));
}

#[tokio::test(start_paused = true)]
async fn one_thread_and_one_write_at_a_time_keep_the_order() {
    let (input, output) = (FakeInput::new("order"), FakeOutput::new("order"));
    let mut running = through("order", "{ nap: {} }");
    let mut n = 0_u64;
    output.behave(move |_| {
        n += 7;
        Action::TakeLate(Duration::from_millis(n % 11))
    });
    let names: Vec<String> = (0..50).map(|n| n.to_string()).collect();
    input.push_all(names.iter().take(30).map(|name| batch(&[name])).collect());
    names.iter().skip(30).for_each(|name| input.push(&[name]));
    input.end();
    assert!(running.ends().await);
    assert_eq!(output.messages(), names);
    assert_eq!(output.most_writing(), 1);
}

#[tokio::test(start_paused = true)]
async fn writes_overlap_up_to_the_outputs_limit() {
    let (input, output) = (FakeInput::new("overlap"), FakeOutput::new("overlap"));
    let mut running = start(
        "input: { fake: { name: overlap } }\n\
         pipeline: { threads: 1 }\n\
         output: { fake: { name: overlap, max_in_flight: 3 } }\n",
    );
    output.behave(|_| Action::TakeLate(Duration::from_millis(10)));
    input.push_all((0..9).map(|n| batch(&[&n.to_string()])).collect());
    input.end();
    assert!(running.ends().await);
    assert_eq!((output.most_writing(), output.messages().len()), (3, 9));
}

fn gathering(name: &str) -> sluice_testkit::Running {
    start(&format!(
        "input: {{ fake: {{ name: {name} }} }}\n\
         pipeline: {{ threads: 1, processors: [ {{ mapping: 'root = content() + \"-p\"' }} ] }}\n\
         output: {{ fake: {{ name: {name}, max_in_flight: 2, gathers: true }} }}\n"
    ))
}

#[tokio::test(start_paused = true)]
async fn what_came_together_is_written_together_where_writes_are_gathered() {
    let (input, output) = (FakeInput::new("together"), FakeOutput::new("together"));
    let mut running = gathering("together");
    output.behave(|_| Action::TakeLate(Duration::from_millis(10)));
    input.push_all((0..9).map(|n| batch(&[&n.to_string()])).collect());
    input.end();
    assert!(running.ends().await);
    let names: Vec<String> = (0..9).map(|n| format!("{n}-p")).collect();
    assert_eq!((output.most_writing(), output.messages()), (9, names));
    assert_eq!((running.count("output_sent"), running.count("output_batch_sent")), (9, 9));
    assert_eq!(input.answers().len(), 9);
}

#[tokio::test(start_paused = true)]
async fn of_what_was_written_together_only_what_failed_is_sent_again() {
    let (input, output) = (FakeInput::new("apart"), FakeOutput::new("apart"));
    let mut running = gathering("apart");
    output.script([
        Action::Take,
        Action::Fail("no".into()),
        Action::FailMembers(vec![0]),
        Action::Disconnect,
    ]);
    input.push_all(vec![batch(&["a"]), batch(&["b"]), batch(&["c", "d"]), batch(&["e"])]);
    input.end();
    assert!(running.ends().await);
    let mut messages = output.messages();
    messages.sort_unstable();
    assert_eq!(messages, ["a-p", "b-p", "c-p", "d-p", "e-p"]);
    assert_eq!((output.connects(), running.count("output_error")), (2, 2));
    let answers: Vec<Answer> = input.answers();
    assert!(answers.iter().all(|answer| matches!(answer, Answer::Delivered(_))));
    assert_eq!(answers.len(), 4);
}

#[tokio::test(start_paused = true)]
async fn several_threads_deliver_everything() {
    let (input, output) = (FakeInput::new("threads"), FakeOutput::new("threads"));
    let mut running = start(
        "input: { fake: { name: threads } }\n\
         pipeline: { threads: 3, processors: [ { nap: {} } ] }\n\
         output: { fake: { name: threads, max_in_flight: 2 } }\n",
    );
    output.script([Action::Take, Action::Fail("no".into()), Action::Disconnect]);
    for n in 0..20 {
        input.push(&[&n.to_string()]);
    }
    input.end();
    assert!(running.ends().await);
    let mut messages: Vec<u32> = output.messages().iter().map(|m| m.parse().unwrap()).collect();
    messages.sort_unstable();
    assert!(messages.into_iter().eq(0..20));
}

#[tokio::test]
async fn a_thread_that_cannot_keep_up_is_helped_by_the_crew() {
    let (input, output) = (FakeInput::new("crew"), FakeOutput::new("crew"));
    let crew = tokio::runtime::Builder::new_multi_thread().thread_name("crew").build().unwrap();
    let document = "input: { fake: { name: crew } }\n\
                    pipeline: { threads: 2, processors: [ { toil: {} } ] }\n\
                    output: { fake: { name: crew } }\n";
    let environment = Environment { crew: Some(crew.handle().clone()), ..environment() };
    let mut running = Running::start(document, environment).unwrap();
    for n in 0..40 {
        input.push(&[&n.to_string()]);
    }
    input.end();
    assert!(running.ends().await);
    let threads = output.messages();
    let helped = threads.iter().filter(|thread| *thread == "crew").count();
    assert!(threads.len() == 40 && (1..40).contains(&helped), "{threads:?}");
    crew.shutdown_background();
}

#[tokio::test(start_paused = true)]
async fn a_stalled_output_stops_the_reading() {
    let (input, output) = (FakeInput::new("stalled"), FakeOutput::new("stalled"));
    let running = through("stalled", "");
    output.behave(|_| Action::Hold);
    for n in 0..100 {
        input.push(&[&n.to_string()]);
    }
    tokio::time::sleep(Duration::from_secs(5)).await;
    // One is written, one waits behind it; the next is read only when there is room.
    assert!(input.handed_out() <= 3, "{}", input.handed_out());
    output.release();
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(output.messages().len(), 100);
    assert!(running.stream.stop(Duration::from_secs(1)).await);
}

#[tokio::test(start_paused = true)]
async fn rejecting_strategy_refuses_the_members_that_failed() {
    refuses_the_members_that_failed("reject", "", "error_handling: { strategy: reject }\n").await;
}

#[tokio::test(start_paused = true)]
async fn strict_pipelines_refuse_the_members_that_failed() {
    refuses_the_members_that_failed("strict", "strict_mode: true, ", "").await;
}

async fn refuses_the_members_that_failed(name: &str, pipeline: &str, root: &str) {
    let (input, output) = (FakeInput::new(name), FakeOutput::new(name));
    let mut running = start(&format!(
        "input: {{ fake: {{ name: {name}, auto_replay_nacks: false }} }}\n\
         pipeline: {{ {pipeline}processors: [ {{ mapping: 'root = this.number()' }} ] }}\n\
         output: {{ fake: {{ name: {name} }} }}\n{root}"
    ));
    input.push(&["1", "x", "3"]);
    input.end();
    assert!(running.ends().await);
    assert_eq!(output.taken(), [["1", "3"]]);
    let [Answer::Failed(_, error)] = &input.answers()[..] else { panic!("not refused") };
    assert!(error.starts_with("failed assignment (line 1)"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn retrying_strategy_runs_the_pipeline_again() {
    let (input, output) = (FakeInput::new("retrying"), FakeOutput::new("retrying"));
    let mut running = start(
        "input: { fake: { name: retrying } }\n\
         pipeline: { threads: 1, processors: [ { mapping: 'root = if count(\"retrying_it\") < 3 { throw(\"not yet\") }' } ] }\n\
         output: { fake: { name: retrying } }\n\
         error_handling: { strategy: retry }\n",
    );
    input.push(&["a"]);
    input.end();
    assert!(running.ends().await);
    assert_eq!(output.taken(), [["a"]]);
    assert_eq!(running.count("processor_error"), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_processors_the_order_of_the_input_is_kept() {
    let name = "in-order";
    let (input, output) = (FakeInput::new(name), FakeOutput::new(name));
    let mut stream = start(&format!(
        "input: {{ fake: {{ name: {name} }} }}\n\
         pipeline: {{ threads: 8 }}\n\
         output: {{ fake: {{ name: {name} }} }}\n"
    ));
    let numbers: Vec<String> = (0..2000).map(|n| n.to_string()).collect();
    for number in &numbers {
        input.push(&[number]);
    }
    input.end();
    assert!(stream.ends().await);
    assert_eq!(output.messages(), numbers);
}
