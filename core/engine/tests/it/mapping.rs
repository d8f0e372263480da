use std::borrow::Cow;
use std::sync::Arc;

use sluice_config::{Interpolated, Parameters, Position, Query};
use sluice_engine::{Environment, Mode, Scope};
use sluice_message::{Batch, Failure, Message};
use sluice_testkit::{batch, contents};

use crate::support::environment;

fn query(text: &str) -> Query {
    Query { text: text.into(), at: Position { line: 7, column: 5 }, path: "p.mapping".into() }
}

fn text(text: &str) -> Interpolated {
    Interpolated { text: text.into(), at: Position { line: 7, column: 5 }, path: "p.text".into() }
}

fn scope(environment: Environment) -> Scope {
    Scope::root(environment)
}

fn run(mapping: &str, mode: Mode, batch: Batch) -> Batch {
    let scope = scope(environment());
    scope.mapping(&query(mapping), mode).unwrap().process(batch, &scope.owner())
}

#[test]
fn a_mapping_builds_anew_and_a_mutation_changes_in_place() {
    let document = || batch(&[r#"{"a":1,"b":2}"#]);
    let made = run("root.c = this.a", Mode::Mapping, document());
    assert_eq!(contents(&made), [r#"{"c":1}"#]);
    let made = run("root.c = this.a", Mode::Mutation, document());
    assert_eq!(contents(&made), [r#"{"a":1,"b":2,"c":1}"#]);
}

#[test]
fn a_failed_mapping_changes_nothing_and_a_failed_mutation_keeps_what_it_wrote() {
    let mapping = "meta k = \"v\"\nroot.z = 1\nroot.a = this.a.uppercase()";
    let document = || batch(&[r#"{"a":1}"#]);
    let failed = run(mapping, Mode::Mapping, document());
    assert_eq!(contents(&failed), [r#"{"a":1}"#]);
    assert!(failed[0].metadata().is_empty());
    let error = &failed[0].failure().unwrap().message;
    assert!(error.starts_with("failed assignment (line 3): expected string value"), "{error}");
    let failed = run(mapping, Mode::Mutation, document());
    assert_eq!(contents(&failed), [r#"{"a":1,"z":1}"#]);
    assert!(failed[0].failure().is_some() && failed[0].metadata().contains_key("k"));
}

#[test]
fn mappings_see_the_batch_as_it_came() {
    let made = run(
        "root = if batch_index() == 1 { deleted() } else { json(\"n\").from_all() }",
        Mode::Mapping,
        batch(&[r#"{"n":1}"#, r#"{"n":2}"#, r#"{"n":3}"#]),
    );
    assert_eq!(contents(&made), ["[1,2,3]", "[1,2,3]"]);
}

#[test]
fn untouched_content_keeps_its_bytes_and_errors_are_readable() {
    let mut message = Message::from("{ \"a\" : 1.0 }");
    message.lineage = 4;
    message.set_failure(Failure {
        message: "broke".into(),
        label: "l".into(),
        component: "http".into(),
        path: "pipeline.processors.3".into(),
    });
    let made = run(
        "meta e = error() + error_source_label() + error_source_type() + error_source_path()",
        Mode::Mapping,
        message.into(),
    );
    assert_eq!(contents(&made), ["{ \"a\" : 1.0 }"]);
    assert_eq!(made[0].metadata_text("e"), "brokelhttppipeline.processors.3");
    assert_eq!((made[0].lineage, made[0].failure().is_some()), (4, true));
}

#[test]
fn single_paths_are_read_without_parsing() {
    let batch = batch(&[r#"{"a":{"b":[1,{"c":true}]},"x":1}"#]);
    let scope = scope(environment());
    let check = scope.check(&query("this.a.b.1.c")).unwrap();
    assert_eq!(check.is_true(&batch, 0), Ok(true));
    assert!(batch[0].parsed().is_none());
    let star = scope.query(&query(r#"root = this.a.b."*".c"#)).unwrap();
    assert_eq!(star.eval(&batch, 0).unwrap().to_string(), "[true]");
}

#[test]
fn checks_must_yield_truth() {
    let scope = scope(environment());
    let is_true = |text: &str, content: &str| {
        scope.check(&query(text)).unwrap().is_true(&batch(&[content]), 0)
    };
    assert_eq!(is_true("content() == \"x\"", "x"), Ok(true));
    assert_eq!(
        is_true("this.a", r#"{"a":"str"}"#).unwrap_err(),
        "invalid character 's' looking for beginning of value"
    );
    assert!(is_true("this.a", "text").unwrap_err().starts_with("failed assignment (line 1)"));
}

#[test]
fn mistakes_are_reported_with_their_place_in_the_document() {
    let error = scope(environment()).mapping(&query("root.a = 1\nroot.b = = 2"), Mode::Mapping);
    let error = error.err().unwrap();
    let problem = &error.problems().0[0];
    assert_eq!((problem.at.line, problem.at.column), (8, 14));
    assert_eq!(
        (problem.path.as_str(), problem.message.as_str()),
        (
            "p.mapping",
            "expected an expression (a value, a path, a function or an operation), found `=`"
        )
    );
    let error = scope(environment()).text(&text("x ${! nope() } y")).err().unwrap();
    assert!(error.to_string().contains("there is no function `nope`"), "{error}");
}

struct Values(&'static str);

impl Parameters for Values {
    fn substitute<'a>(&self, text: &'a str) -> Cow<'a, str> {
        text.replace("$tyk_context.user", self.0).into()
    }
}

fn with_value(value: &'static str) -> Environment {
    Environment { parameters: Some(Arc::new(Values(value))), ..environment() }
}

const HOSTILE: &str = "x\" + deleted() + \"\n${! content() } ${HOME}";

#[test]
fn values_of_placeholders_are_data_to_programs() {
    let environment = with_value(HOSTILE);
    let scope = scope(environment);
    let mapping = scope
        .mapping(
            &query("root.u = \"$tyk_context.user\"\nroot.v = $tyk_context.user"),
            Mode::Mapping,
        )
        .unwrap();
    let made = mapping.map(&batch(&["{}"]), 0).unwrap().unwrap();
    let value = made.value().unwrap();
    assert_eq!(value.get("u").and_then(|it| it.as_str()), Some(HOSTILE));
    assert_eq!(value.get("v").and_then(|it| it.as_str()), Some(HOSTILE));
}

#[test]
fn values_of_placeholders_are_data_to_texts() {
    let scope = scope(with_value(HOSTILE));
    let fixed = scope.text(&text("k-$tyk_context.user")).unwrap();
    assert_eq!(fixed.fixed(), Some(format!("k-{HOSTILE}").as_str()));
    let dynamic = scope.text(&text("${! content() }-$tyk_context.user")).unwrap();
    assert_eq!(dynamic.fixed(), None);
    assert_eq!(dynamic.render(&batch(&["c"]), 0).unwrap(), format!("c-{HOSTILE}"));
}

#[test]
fn instances_of_a_template_share_their_programs() {
    let registry = environment().registry;
    let instance = |value: &'static str| {
        let environment = Environment { registry: registry.clone(), ..with_value(value) };
        scope(environment)
            .mapping(&query("root = \"$tyk_context.user\" + content()"), Mode::Mapping)
            .unwrap()
    };
    let (alice, bob) = (instance("alice "), instance("bob "));
    assert!(std::ptr::eq(alice.program(), bob.program()));
    let map = |mapping: &sluice_engine::Mapping| mapping.map(&batch(&["x"]), 0).unwrap().unwrap();
    assert_eq!(&map(&alice).bytes()[..], b"alice x");
    assert_eq!(&map(&bob).bytes()[..], b"bob x");
    // Without placeholders the same text is another program.
    let plain = scope(Environment { registry, ..environment() });
    let plain = plain.mapping(&query("root = \"$tyk_context.user\" + content()"), Mode::Mapping);
    assert_eq!(&map(&plain.unwrap()).bytes()[..], b"$tyk_context.userx");
}

/// Where the result takes the message's place, a document that is read once is not copied: nothing
/// else may differ.
#[test]
fn what_replaces_a_message_is_what_is_made_beside_it() {
    let documents = [
        r#"{"a":1,"b":[1,2],"c":{"d":"x"}}"#,
        r#"[1,{"a":2}]"#,
        "\"text\"",
        "7",
        "not json",
        "",
        r#"{"a":1} {"a":2}"#,
    ];
    let mappings = [
        "root = this",
        r#"root = this.merge({"e": 5})"#,
        "root.copy = this",
        "root = this\nroot.n = 1\nroot.s = content().string()",
        "root = [this]",
        "root = if true { this } else { deleted() }",
        "if true {\nroot = this\n}",
        r#"root = this.without("a")"#,
        "root = this.map_each(i -> i)",
        "root = this.set(\"a\", 9).string()",
        "root = this | \"nothing\"",
        "root = this.catch(\"caught\")",
        "meta m = this.string()",
        "root = this.uppercase()",
        "root = range(0, 3).map_each(n -> this)",
        "root = this.(this.a)",
        "root = match this { this.a == 1 => this, _ => \"other\" }",
        "root = this.apply(\"m\")\nmap m {\nroot = this\n}",
        "let v = this\nroot = [$v, $v]",
        "root = json(\"a\").from_all()",
        "root = this.from(1)",
    ];
    for mapping in mappings {
        let scope = scope(environment());
        let compiled = scope.mapping(&query(mapping), Mode::Mapping).unwrap();
        for document in documents {
            let batch = batch(&[document, r#"{"a":8}"#]);
            let beside = compiled.apply(&batch, 0);
            let replaced = compiled.process(batch, &scope.owner());
            let told = |message: &Message| {
                let text = String::from_utf8_lossy(message.bytes()).into_owned();
                (text, message.metadata().clone())
            };
            let failed = replaced[0].failure().map(|failure| failure.message.clone());
            assert_eq!(failed, beside.error, "{mapping} of {document}");
            let beside = beside.message.as_ref().map(told);
            assert_eq!(Some(told(&replaced[0])), beside, "{mapping} of {document}");
        }
    }
}
