//! Whether inputs hear that nobody looks at metadata.

use std::cell::RefCell;

use async_trait::async_trait;
use sluice_config::{Interpolated, Query, Reader, config};
use sluice_engine::{
    BuiltInput, BuiltOutput, ConnectError, Input, Mode, Output, Registry, Scope, StreamConfig,
    Writer,
};

use crate::support::{Nothing, map, registry};

config! {
    /// Text for each message.
    struct Labelled {
        /// The text.
        text: Interpolated = "",
    }
}

/// Components that are only built.
struct Built;

#[async_trait]
impl Input for Built {
    async fn connect(&self) -> Result<Box<dyn sluice_engine::Reader>, ConnectError> {
        Err(ConnectError::new("nowhere", "never started"))
    }
}

#[async_trait]
impl Output for Built {
    async fn connect(&self) -> Result<Box<dyn Writer>, ConnectError> {
        Err(ConnectError::new("nowhere", "never started"))
    }
}

thread_local! {
    static INPUT: RefCell<Option<Scope>> = const { RefCell::new(None) };
}

/// The components of all tests, which do not say whether they read metadata, and some that do.
fn outspoken() -> Registry {
    let mut registry = registry();
    registry
        .input("asking", |_: Nothing, scope| {
            INPUT.set(Some(scope.clone()));
            Ok(BuiltInput::connector(Built, true))
        })
        .ignores_metadata();
    registry.buffer("none", |_: Nothing, _| Ok(Box::new(|source| source))).ignores_metadata();
    registry
        .processor("quiet", |query: Query, scope| map(&query, Mode::Mapping, scope))
        .ignores_metadata();
    registry
        .output("labelled", |config: Labelled, scope| {
            scope.text(&config.text)?;
            Ok(BuiltOutput::connector(Built, 1))
        })
        .ignores_metadata();
    registry
        .output("headers", |_: Nothing, scope| {
            scope.reads_metadata();
            Ok(BuiltOutput::connector(Built, 1))
        })
        .ignores_metadata();
    registry
}

/// What an input hears of a stream that goes on like this.
fn is_read(processors: &str, output: &str) -> bool {
    let text = format!(
        "input: {{ asking: {{}} }}\n\
         pipeline: {{ processors: [ {processors} ] }}\n\
         output: {{ {output} }}\n"
    );
    let config: StreamConfig = Reader::new().read(&sluice_config::parse(&text).unwrap()).unwrap();
    let scope = Scope::root(sluice_testkit::environment(outspoken()));
    config.build(&scope).map(drop).unwrap();
    INPUT.take().unwrap().metadata_is_read()
}

#[test]
fn nobody_reads_metadata_where_all_say_so() {
    assert!(!is_read("", "labelled: {}"));
    assert!(!is_read(r#"quiet: 'root = this.merge({"a": 1})'"#, "labelled: {}"));
    assert!(!is_read("", r#"labelled: { text: 'x-${! json("id") }' }"#));
}

#[test]
fn components_that_say_nothing_count_as_readers() {
    assert!(is_read("split: {}", "labelled: {}"));
    assert!(is_read("mapping: 'root = this'", "labelled: {}"));
    assert!(is_read("", "headers: {}"));
}

#[test]
fn programs_that_look_at_metadata_are_found() {
    for mapping in [
        r#"root = meta("k")"#,
        "root = @k",
        "root = @",
        "root = metadata().length()",
        r#"root.k = root_meta("k")"#,
        "meta = @.filter(i -> true)",
        r#"root = "meta(\"k\")".bloblang(this)"#,
    ] {
        assert!(is_read(&format!("quiet: '{mapping}'"), "labelled: {}"), "{mapping}");
    }
    assert!(is_read("", r#"labelled: { text: '${! meta("k") }' }"#));
}

/// Whoever reads from an input without a stream may want everything.
#[test]
fn an_input_on_its_own_makes_metadata() {
    let scope = Scope::root(sluice_testkit::environment(registry()));
    assert!(scope.metadata_is_read());
}
