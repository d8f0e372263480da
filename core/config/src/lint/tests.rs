#![allow(dead_code)] // tables are read, not the structs

use crate::lint::{
    Catalogue, ComponentEntry, Components, Lint, LintOptions, Linter, TextProblem, check_shape,
};
use crate::{
    Block, ComponentKind, Field, FieldType, Interpolated, Kinds, Node, Position, Query, config,
    parse,
};

config! {
    struct Lines {
        /// Files.
        paths: Vec<String>,
        mapping: Query => lint_required,
        interval: String = "1s",
        codec: Option<String> => deprecated,
        level: String = "one" => options("one", "all"),
        count: i64 = 0 => rule(not_negative),
        named: std::collections::BTreeMap<String, String> = Node::empty_map(),
        text: Option<Interpolated>,
        child: Option<Block<Kinds::Input>>,
    }
}

config! {
    struct Root {
        input: Block<Kinds::Input>,
        pipeline: Pipeline,
        threads: i32 = -1,
    }
}

config! {
    struct Pipeline {
        processors: Vec<Block<Kinds::Processor>> = [""; 0],
    }
}

fn not_negative(node: &Node) -> Vec<String> {
    let is_negative = node.as_text().is_some_and(|text| text.starts_with('-'));
    is_negative.then(|| "cannot be less than zero".to_owned()).into_iter().collect()
}

struct Two {
    lines: Field,
}

impl Two {
    fn new() -> Self {
        let mut lines = Field::new("lines");
        Lines::describe(&mut lines);
        Self { lines }
    }
}

impl Components for Two {
    fn component(&self, kind: ComponentKind, name: &str) -> Option<ComponentEntry<'_>> {
        let name = match (kind, name) {
            (ComponentKind::Input, "lines") => "lines",
            (ComponentKind::Input, "other") => "other",
            _ => return None,
        };
        Some(ComponentEntry { name, config: &self.lines, is_deprecated: name == "other" })
    }

    fn names(&self, kind: ComponentKind) -> Vec<&str> {
        if kind == ComponentKind::Input { vec!["lines", "other"] } else { Vec::new() }
    }
}

impl Catalogue for Two {
    fn mapping_problem(&self, text: &str) -> Option<TextProblem> {
        let line = text.lines().position(|line| line.contains("bad"))?;
        let column = text.lines().nth(line)?.find("bad")? as u32 + 1;
        Some(TextProblem { line: line as u32 + 1, column, message: "bad word".into() })
    }

    fn interpolation_problem(&self, text: &str) -> Option<TextProblem> {
        self.mapping_problem(text)
    }
}

#[track_caller]
fn check(options: LintOptions, text: &str, expected: &[&str]) {
    let catalogue = Two::new();
    let mut linter = Linter::new(&catalogue, options);
    linter.object(Root::fields(), &parse(text).unwrap());
    let found: Vec<String> = linter.finish().iter().map(ToString::to_string).collect();
    assert_eq!(found, expected);
}

#[track_caller]
fn plain(text: &str, expected: &[&str]) {
    check(LintOptions::default(), text, expected);
}

#[test]
fn fields_are_told_by_their_tables() {
    plain(
        "input:\n  lines:\n    wat: 1\n    paths: x\n    interval: [1s]\n    level: ALL\n    count: -1\n    named: []\n",
        &[
            "(3,1) field wat not recognised",
            "(4,1) expected array value",
            "(5,1) expected string value",
            "(7,1) cannot be less than zero",
            "(8,1) expected object value, got !!seq",
            "(3,1) field mapping is required",
        ],
    );
    plain(
        "input:\n  lines: { mapping: a, level: two }\n",
        &["(2,26) "].map(|_| "(2,1) value two is not a valid option for this field"),
    );
}

#[test]
fn program_texts_are_reported_where_the_reference_does() {
    plain("input:\n  lines:\n    mapping: a bad\n", &["(3,17) bad word"]);
    plain("input:\n  lines:\n    mapping: |\n      a\n      b bad\n", &["(5,17) bad word"]);
    plain("input:\n  lines:\n    mapping: |\n\n      b bad\n", &["(5,17) bad word"]);
    plain("input:\n  lines: { mapping: a, text: \"bad\" }\n", &["(2,31) bad word"]);
}

#[test]
fn the_true_place_of_a_mistake_is_known_too() {
    let catalogue = Two::new();
    let mut linter = Linter::new(&catalogue, LintOptions::default());
    let text = "input:\n  lines:\n    mapping: |\n      a\n      b bad\n    text: \"xbad\"\n";
    linter.object(Root::fields(), &parse(text).unwrap());
    let lints = linter.finish();
    for lint in &lints {
        let line = text.lines().nth(lint.place.line as usize - 1).unwrap();
        assert!(line[lint.place.column as usize - 1..].starts_with("bad"), "{lint:?}");
    }
    assert_eq!(lints[0].path, "input.lines.mapping");
}

#[test]
fn labels_are_unique_and_well_formed() {
    plain(
        "input:\n  label: _x\n  lines: { mapping: m, child: { label: a, lines: { mapping: m, child: { label: a, lines: { mapping: m } } } } }\n",
        &[
            "(3,1) label 'a' collides with a previously defined label at line 3",
            "(2,1) invalid label '_x': should match the regular expression /^[a-z0-9_]+$/ and must not start with an underscore",
        ],
    );
    let strict = LintOptions { require_labels: true, ..LintOptions::default() };
    check(strict, "input:\n  lines: { mapping: m }", &["(2,1) label is required for lines"]);
}

#[test]
fn what_stands_beside_a_component_is_checked() {
    plain(
        "input:\n  type: lines\n  lines: { mapping: m }\n  other: {}\n  processors: []\n  plugin: {}\n",
        &[
            "(4,1) field other is invalid when the component type is lines (input)",
            "(5,1) field processors is empty and can be removed",
            "(6,1) plugin object is ineffective",
        ],
    );
    plain(
        "input:\n  lines:\n    mapping: m\n    child:\n      wat: {}\n",
        &["(5,1) unable to infer component type"],
    );
}

#[test]
fn deprecated_things_are_told_when_asked() {
    let text = "input:\n  lines: { mapping: m, codec: x, child: { other: { mapping: m } } }\n";
    plain(text, &[]);
    let warn = LintOptions { warn_deprecated: true, ..LintOptions::default() };
    check(warn, text, &["(2,1) field codec is deprecated", "(2,1) component other is deprecated"]);
}

/// Everything that is said of a document that cannot be read, as a person sees it.
fn refusals(text: &str) -> Vec<String> {
    let (catalogue, root) = (Two::new(), parse(text).unwrap());
    let shape = check_shape(&catalogue, Root::fields(), &root);
    let paths = shape.iter().map(|found| found.path.clone()).collect();
    let mut linter = Linter::new(&catalogue, LintOptions::default()).leaving_out(paths);
    linter.object(Root::fields(), &root);
    let shape = shape.into_iter().enumerate().map(|(at, found)| found.into_lint(at == 0));
    let shown = |lint: Lint| {
        let hint = lint.hint.as_ref().map(|hint| format!(" ({hint})")).unwrap_or_default();
        let Position { line, column } = lint.place;
        format!("{lint}{hint} at {line}:{column} {}", lint.path)
    };
    shape.chain(linter.finish()).map(shown).collect()
}

#[test]
fn a_document_without_shape_is_refused() {
    #[track_caller]
    fn refused(text: &str, expected: &str) {
        let found = check_shape(&Two::new(), Root::fields(), &parse(text).unwrap());
        assert_eq!(found.iter().map(ToString::to_string).collect::<Vec<_>>(), [expected]);
    }
    refused(
        "input: { lines: {} }\npipeline:\n  processors:\n    mapping: x\n",
        "field 'pipeline': field 'processors': line 4: expected array value, got !!map",
    );
    refused(
        "input: { what: {}, ever: {} }",
        "(1,1) unable to infer input type from candidates: [ever what]",
    );
    refused(
        "input:\n  other: {}\n  lines: {}\n",
        "(2,1) unable to infer input type, multiple candidates 'lines' and 'other'",
    );
    refused("input: { type: nope }", "(1,1) input type 'nope' was not recognised");
    refused("input: {}", "(1,1) an explicit input type must be specified");
    refused(
        "input: { lines: {} }\nthreads: many",
        "field 'threads': yaml: line 2: cannot read !!str `many` as int",
    );
    refused(
        "input: { lines: {} }\npipeline: { processors: [ { x: {} } ] }",
        "(2,1) unable to infer processor type from candidates: [x]",
    );
    let fine = parse("pipeline: [a]\ninput: {lines: {}}").unwrap();
    assert!(check_shape(&Two::new(), Root::fields(), &fine).is_empty());
}

#[test]
fn everything_that_is_wrong_comes_out_at_once_and_no_follow_ups() {
    assert_eq!(
        refusals(
            "threads: many\ninput:\n  lines: {}\n  other: { wat: 1 }\n  processors: [ x ]\n\
             pipeline:\n  processors:\n    mapping: x\nwat: 1\n"
        ),
        [
            "(1,1) field 'threads': yaml: line 1: cannot read !!str `many` as int at 1:10 threads",
            "(8,5) field 'pipeline': field 'processors': line 8: expected array value, got !!map \
             at 8:5 pipeline.processors",
            "(3,3) unable to infer input type, multiple candidates 'lines' and 'other' at 3:3 input",
            "(9,1) field wat not recognised at 9:1 wat",
        ]
    );
    assert_eq!(
        refusals("input: { linse: {} }\nthreds: 1\npipeline: {}\n"),
        [
            "(1,1) unable to infer input type from candidates: [linse] (did you mean lines?) \
             at 1:8 input",
            "(2,1) field threds not recognised (did you mean threads?) at 2:1 threds",
        ]
    );
    assert_eq!(
        refusals("pipeline: { processors: [] }\nwat: 1\ninput: { lines: { child: { x: 1 } } }\n"),
        [
            "(2,1) field wat not recognised at 2:1 wat",
            "(3,1) unable to infer component type \
             (unable to infer input type from candidates: [x]) at 3:26 input.lines.child",
            "(3,1) field mapping is required at 3:17 input.lines.mapping",
        ]
    );
    assert_eq!(
        refusals("threads: x\npipeline: {}\n")[1..],
        ["(1,1) field 'input' is required and was not present in the config at 1:1 input"]
    );
}

#[test]
fn aliases_are_walked_once() {
    plain(
        "input: &i\n  label: a\n  lines: { mapping: m, child: { lines: &l { mapping: m, q: 1 } } }\n",
        &["(3,1) field q not recognised"],
    );
    plain(
        "input:\n  lines:\n    <<: { mapping: m }\n    child: { label: a, lines: { mapping: m } }\n",
        &[],
    );
}
