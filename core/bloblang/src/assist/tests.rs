//! What is offered and shown, at the place of a `^` in the text.

use proptest::prelude::*;

use super::{Completion, ItemKind, complete, definition, hover, signature};
use crate::Environment;

fn at_mark(text: &str) -> (String, usize) {
    let offset = text.find('^').expect("a place is marked");
    (text.replacen('^', "", 1), offset)
}

fn completion(text: &str) -> Completion {
    let (text, offset) = at_mark(text);
    complete(&text, offset, &Environment::default())
}

fn labels(text: &str, kind: ItemKind) -> Vec<String> {
    let items = completion(text).items.into_iter();
    items.filter(|item| item.kind == kind).map(|item| item.label).collect()
}

#[track_caller]
fn offers(text: &str, kind: ItemKind, label: &str) {
    let labels = labels(text, kind);
    assert!(labels.iter().any(|it| it == label), "{text}: {labels:?}");
}

#[track_caller]
fn offers_nothing(text: &str) {
    let items = completion(text).items;
    assert!(items.is_empty(), "{text}: {}", items[0].label);
}

fn shows(text: &str) -> Option<String> {
    let (text, offset) = at_mark(text);
    hover(&text, offset, &Environment::default()).map(|hover| hover.text)
}

#[test]
fn methods_are_offered_behind_a_dot() {
    offers("root.a = this.b.^", ItemKind::Method, "uppercase");
    offers("root.a = this.b.upp^", ItemKind::Method, "uppercase");
    offers("root.a = this.b.\n  # which\n  up^", ItemKind::Method, "uppercase");
    assert!(labels("root.a = this.b.^", ItemKind::Function).is_empty());
}

#[test]
fn functions_names_and_words_are_offered_in_expressions() {
    offers("root.a = ^", ItemKind::Function, "uuid_v4");
    offers("root.a = uu^", ItemKind::Function, "uuid_v4");
    offers("root.a = ^", ItemKind::Keyword, "match");
    offers("let total = 1\nroot.a = ^", ItemKind::Variable, "$total");
    offers("let \"total\" = 1\nroot.a = 1 + $t^", ItemKind::Variable, "$total");
    offers("root.a = this.map_each(item -> ^)", ItemKind::Context, "item");
    assert!(labels("root.a = this.map_each(item -> item) + ^", ItemKind::Context).is_empty());
    offers("meta topic = 1\nroot.a = @^", ItemKind::Metadata, "@topic");
}

#[test]
fn parameters_are_offered_inside_their_call() {
    offers("root.a = this.b.replace_all(^)", ItemKind::Parameter, "old:");
    offers("root.a = this.b.replace_all(old: \"a\", n^)", ItemKind::Parameter, "new:");
    offers("root.a = range(^", ItemKind::Parameter, "start:");
    assert!(labels("root.a = range(1, (^", ItemKind::Parameter).is_empty());
}

#[test]
fn maps_are_offered_where_they_are_applied() {
    let text = "map person { root = this }\nroot.a = this.apply(\"^\")";
    offers(text, ItemKind::Map, "person");
    let replace = completion(text).replace;
    assert_eq!(replace.start, replace.end, "the quotes stay");
}

#[test]
fn statements_begin_with_their_words() {
    offers("^", ItemKind::Keyword, "let");
    offers("root.a = 1\nm^", ItemKind::Keyword, "map");
    offers("if this.a {\n  ^\n}", ItemKind::Keyword, "root");
    assert!(!labels("root.a = this.b +\n  ^", ItemKind::Keyword).contains(&"let".to_owned()));
}

#[test]
fn nothing_is_offered_where_names_are_the_authors_own() {
    offers_nothing("# this.^");
    offers_nothing("root.a = \"this.^\"");
    offers_nothing("root.^");
    offers_nothing("root.a.b^ = 1");
    offers_nothing("let ^");
    offers_nothing("root.a = 1^");
    offers_nothing("root.a = this.b ^");
}

#[test]
fn what_is_typed_is_replaced() {
    let completion = completion("root.a = this.b.upp^er()");
    assert_eq!((completion.replace.start, completion.replace.end), (16, 21));
}

#[test]
fn functions_methods_parameters_and_words_are_explained() {
    let text = shows("root.a = this.b.upper^case()").expect("it is a method");
    assert!(text.contains(".uppercase()"), "{text}");
    let text = shows("root.a = ^range(1, 2)").expect("it is a function");
    assert!(text.contains("range(start: integer, stop: integer, step: integer = 1)"), "{text}");
    let text = shows("root.a = range(start: 1, sto^p: 2)").expect("it is a parameter");
    assert!(text.contains("stop: integer"), "{text}");
    let text = shows("root.a = mat^ch this { _ => 1 }").expect("it is a word");
    assert!(text.contains("case"), "{text}");
    let text = shows("let x = 1 + 2\nroot.a = $x^").expect("it is a variable");
    assert!(text.contains("let x = 1 + 2"), "{text}");
    assert_eq!(shows("root.a = this.ma^tch"), None);
    assert_eq!(shows("root.a = \"ran^ge\""), None);
}

#[test]
fn variables_and_maps_have_a_place_of_definition() {
    let place = |text: &str| {
        let (text, offset) = at_mark(text);
        let span = definition(&text, offset, &Environment::default())?;
        Some(text[..span.start].to_owned())
    };
    assert_eq!(place("let x = 1\nlet x = 2\nroot = $x^"), Some("let x = 1\nlet ".into()));
    assert_eq!(place("map m { root = 1 }\nroot = this.apply(\"m^\")"), Some("map ".into()));
    assert_eq!(place("root = thi^s"), None);
}

#[test]
fn the_call_being_written_is_shown_with_its_argument() {
    let active = |text: &str| {
        let (text, offset) = at_mark(text);
        let signature = signature(&text, offset, &Environment::default())?;
        Some((signature.label.split('(').next()?.to_owned(), signature.active))
    };
    let range = |at| Some(("range".to_owned(), at));
    assert_eq!(active("root = range(^"), range(Some(0)));
    assert_eq!(active("root = range(1, ^)"), range(Some(1)));
    assert_eq!(active("root = range([1, 2, {\"a\": 3}].length(), ^"), range(Some(1)));
    assert_eq!(active("root = range(step: 1, start: 2^)"), range(Some(0)));
    assert_eq!(active("root = range(1, 2, 3, 4^)"), range(None));
    assert_eq!(active("root = range(1, [2, ^"), range(Some(1)));
    assert_eq!(active("root = this.a.repeat(^)"), Some((".repeat".into(), Some(0))));
    assert_eq!(active("root = range(1, 2) ^"), None);
    assert_eq!(active("root = nope(^"), None);
}

proptest! {
    /// Any text, any place.
    #[test]
    fn nothing_panics(text in "[a-z$@.\"(){}\\[\\]#:,\n =>é-]{0,60}", offset in 0_usize..70) {
        let environment = Environment::default();
        let replace = complete(&text, offset, &environment).replace;
        prop_assert!(replace.start <= replace.end && text.get(replace.start..replace.end).is_some());
        hover(&text, offset, &environment);
        signature(&text, offset, &environment);
        definition(&text, offset, &environment);
    }
}
