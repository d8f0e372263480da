use sluice_testkit::{FakeInput, FakeOutput};

use crate::support::{refusal, start, through};

/// What each message says of itself at the end of the pipeline.
const SHOW: &str = "{ mapping: 'root = \"%v %v/%v %v\".format(content().string(), batch_index(), \
                    batch_size(), error())' }";

#[track_caller]
fn check(name: &str, processors: &str, batch: &[&str], expected: &[&str]) {
    let rest = format!("pipeline: {{ threads: 1, processors: [ {processors}, {SHOW} ] }}\n");
    assert_eq!(through(name, &rest, &[batch]).concat(), expected);
}

#[test]
fn try_and_catch_work_on_each_message_by_itself() {
    check(
        "try_catch",
        "{ try: [ { mapping: 'root = this + batch_size()' }, { mapping: 'root = this * 10' } ] }",
        &["1", "x"],
        &[
            "20 0/2 <nil>",
            "x 1/2 failed assignment (line 1): unable to reference message as structured (with \
             'this'): parse as json: invalid character 'x' looking for beginning of value",
        ],
    );
    check(
        "catch_each",
        "{ mapping: 'root = if content() != \"b\" { throw(\"no\") }' }, \
         { catch: [ { insert_part: { content: extra } } ] }",
        &["a", "b", "c"],
        &["a 0/5 <nil>", "extra 1/5 <nil>", "b 2/5 <nil>", "c 3/5 <nil>", "extra 4/5 <nil>"],
    );
}

#[test]
fn switch_keeps_the_order_of_a_batch() {
    let cases = "[ { check: 'content() == \"b\"', fallthrough: true, processors: [ { mapping: 'root = content() + \"1\"' } ] }, \
                   { check: 'content() == \"c\"', processors: [ { mapping: 'root = content() + \"2\"' } ] }, \
                   { check: 'this.nope == 1', processors: [ { mapping: 'root = deleted()' } ] } ]";
    let error = "failed assignment (line 1): unable to reference message as structured (with \
                 'this.nope'): parse as json: invalid character 'a' looking for beginning of value";
    let expected = [format!("a 0/3 {error}"), "b12 1/3 <nil>".into(), "c2 2/3 <nil>".into()];
    let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
    check("switch_order", &format!("{{ switch: {cases} }}"), &["a", "b", "c"], &expected);
    // The list may stand below a field, as documents in use have it.
    check(
        "switch_cases",
        &format!("{{ switch: {{ cases: {cases} }} }}"),
        &["a", "b", "c"],
        &expected,
    );
}

#[test]
fn grouping_divides_batches() {
    let rest =
        "pipeline: { threads: 1, processors: [ { group_by_value: { value: '${! this % 2 }' } } ] }";
    assert_eq!(through("by_value", rest, &[&["1", "2", "3"]]), [vec!["1", "3"], vec!["2"]]);
    let rest = "pipeline: { threads: 1, processors: [ { group_by: [ { check: 'this > 2', processors: [ { mapping: 'root = this * 10' } ] } ] } ] }";
    assert_eq!(
        through("by_check", rest, &[&["1", "3", "x", "4"]]),
        [vec!["30", "40"], vec!["1", "x"]]
    );
}

#[test]
fn while_loops_until_its_check_fails_or_its_limit_is_reached() {
    let add = "processors: [ { mapping: 'root = this + 1' } ]";
    check(
        "while_check",
        &format!("{{ while: {{ check: 'this < 4', {add} }} }}"),
        &["0", "9"],
        &["4 0/2 <nil>", "13 1/2 <nil>"],
    );
    check(
        "while_limit",
        &format!("{{ while: {{ check: 'true', max_loops: 3, {add} }} }}"),
        &["0"],
        &["3 0/1 <nil>"],
    );
    assert!(
        refusal("input: { generate: { mapping: root = 1 } }\noutput: { drop: {} }\npipeline: { processors: [ { while: { processors: [] } } ] }\n")
            .contains("a check query is required")
    );
}

#[test]
fn retry_repeats_from_the_original_message() {
    let rest = "pipeline: { threads: 1, processors: [ \
        { retry: { max_retries: 4, processors: [ { mapping: 'root = content() + \"!\"' }, \
          { mapping: 'root = if count(\"retry_it\") < 3 { throw(\"not yet\") }' } ] } }, \
        { mapping: 'root = \"%v %v\".format(content().string(), @retry_count)' } ] }";
    assert_eq!(through("retry_processor", rest, &[&["a"]]), [["a! 2"]]);
}

#[test]
fn branch_maps_a_result_onto_its_origin() {
    check(
        "branch_map",
        "{ branch: { request_map: 'root = if this.id == 2 { deleted() } else { this.id }', \
           processors: [ { mapping: 'root = this * 10' } ], result_map: 'root.r = this' } }",
        &[r#"{"id":1}"#, r#"{"id":2}"#, r#"{"id":"x"}"#],
        &[
            r#"{"id":1,"r":10} 0/3 <nil>"#,
            r#"{"id":2} 1/3 <nil>"#,
            r#"{"id":"x"} 2/3 processors failed: failed assignment (line 1): unable to reference message as structured (with 'this'): parse as json: invalid character 'x' looking for beginning of value"#,
        ],
    );
}

#[test]
fn workflow_orders_branches_by_what_they_read_and_write() {
    let rest = "pipeline: { threads: 1, processors: [ { workflow: { branches: { \
        c: { request_map: 'root = json(\"b\") + this.a', processors: [ { noop: {} } ], result_map: 'root.c = this' }, \
        b: { request_map: 'root = this.a', processors: [ { mapping: 'root = this + 1' } ], result_map: 'root.b = this' }, \
        a: { request_map: 'root = this.x.(this.y)', processors: [ { noop: {} } ], result_map: 'root.a = this' } } } } ] }";
    assert_eq!(
        through("workflow_order", rest, &[&[r#"{"x":{"y":1}}"#]]).concat(),
        [r#"{"a":1,"b":2,"c":3,"meta":{"workflow":{"succeeded":["a","b","c"]}},"x":{"y":1}}"#]
    );
    let error = refusal(
        "input: { generate: { mapping: root = 1 } }\noutput: { drop: {} }\n\
         pipeline: { processors: [ { workflow: { branches: { \
         a: { request_map: 'root = this.q', processors: [ { noop: {} } ], result_map: 'root.p = this' }, \
         b: { request_map: 'root = this.p', processors: [ { noop: {} } ], result_map: 'root.q = this' } } } } ] }\n",
    );
    let expected =
        "failed to automatically resolve DAG, circular dependencies detected for branches: [a b]";
    assert!(error.ends_with(expected), "{error}");
}

#[test]
fn caches_remember_between_messages() {
    let rest = "pipeline: { threads: 1, processors: [ \
        { dedupe: { cache: seen, key: '${! this.id }', strategy: LIFO } }, \
        { cached: { cache: results, key: '${! this.id }', processors: [ { mapping: 'root = \"r%v\".format(count(\"cached_it\"))' } ] } } ] }\n\
        cache_resources:\n- { label: seen, lru: { cap: 10, algorithm: arc } }\n- { label: results, ttlru: {} }\n";
    let out = through(
        "caches",
        rest,
        &[&[r#"{"id":1,"v":1}"#, r#"{"id":2}"#, r#"{"id":1,"v":2}"#], &[r#"{"id":2}"#]],
    );
    assert_eq!(out, [["r1", "r2"]]);
}

#[tokio::test(start_paused = true)]
async fn chains_of_processors_that_never_wait_are_direct() {
    let (input, output) = (FakeInput::new("direct"), FakeOutput::new("direct"));
    let running = start(
        "input: { fake: { name: direct } }\n\
         output: { fake: { name: direct } }\n\
         processor_resources:\n\
         - label: all_direct\n  processors:\n  - for_each: [ { try: [ { mapping: root = this } ] } ]\n  \
           - switch: [ { processors: [ { branch: { processors: [ { noop: {} } ] } } ] } ]\n\
         - { label: waits, for_each: [ { sleep: { duration: 1s } } ] }\n",
    );
    assert!(running.resources.processor("all_direct").unwrap().is_direct());
    assert!(!running.resources.processor("waits").unwrap().is_direct());
    input.end();
    drop(output);
}

#[test]
fn metrics_of_ones_own_are_counted() {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.unwrap().block_on(async {
        let (input, _output) = (FakeInput::new("metric"), FakeOutput::new("metric"));
        let mut running = start(
            "input: { fake: { name: metric } }\n\
             pipeline: { processors: [ { metric: { type: counter_by, name: sum, labels: { kind: '${! this.k }' }, value: '${! this.n }' } } ] }\n\
             output: { fake: { name: metric } }\n",
        );
        input.push(&[r#"{"k":"a","n":2}"#, r#"{"k":"b","n":"3.7"}"#, r#"{"k":"a","n":-1}"#, "bad"]);
        input.end();
        assert!(running.ends().await);
        assert_eq!(running.count("sum"), 5);
    });
}
