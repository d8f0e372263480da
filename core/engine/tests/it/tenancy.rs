//! A selection never keeps a message from a program that would have made something of it.

use std::borrow::Cow;
use std::sync::Arc;

use proptest::prelude::*;
use sluice_config::{Parameters, Position, Query};
use sluice_engine::{Environment, Mode, Scope};
use sluice_message::{Batch, Message};

use crate::support::environment;

struct User(String);

impl Parameters for User {
    fn substitute<'a>(&self, text: &'a str) -> Cow<'a, str> {
        Cow::Owned(text.replace("$tyk_context.user", &self.0))
    }
}

/// Values of users, awkward ones included.
const USERS: [&str; 9] = ["a", "b", "", "7", "true", "null", "a\"", "-", "7.0"];
/// What stands at the path of an event.
const FIELDS: [&str; 14] = [
    "\"a\"",
    "\"b\"",
    "\"\"",
    "\"7\"",
    "7",
    "7.0",
    "true",
    "\"true\"",
    "null",
    "[\"a\"]",
    "{\"a\":1}",
    "\"null\"",
    "\"a\\\"\"",
    "1e999",
];

fn comparison() -> impl Strategy<Value = (String, bool)> {
    let operand = prop_oneof![
        4 => Just("\"$tyk_context.user\""), 1 => Just("$tyk_context.user"),
        1 => Just("\"$tyk_context.user\\\"\""), 1 => Just("\"a\""),
        1 => Just("$tyk_context.user.string()"), 1 => Just("$bound"),
    ];
    let path = prop_oneof![
        8 => Just("this.id"), 1 => Just("this.list.0"), 1 => Just("this"),
        2 => Just("this.id.or(\"\")"), 1 => Just("(this.id | \"a\")"), 1 => Just("this.id.or(7)"),
        3 => Just("this.id.string()"), 1 => Just("this.id.or(true).string()"), 1 => Just("$field"),
    ];
    (operand, path, any::<bool>(), any::<bool>()).prop_map(|(operand, path, swapped, equal)| {
        let sign = if equal { "==" } else { "!=" };
        let (left, right) = if swapped { (operand, path) } else { (path, operand) };
        (format!("{left} {sign} {right}"), equal)
    })
}

fn condition() -> impl Strategy<Value = String> {
    let other = prop_oneof![
        Just("this.n == 1"),
        Just("this.n > 1"),
        Just("this.n.uppercase() == \"A\""),
        Just("this.n"),
    ];
    (comparison(), other, 0..7_u8).prop_map(|((comparison, _), other, shape)| match shape {
        0 | 1 => comparison,
        2 => format!("!({comparison})"),
        3 => format!("{comparison} || {other}"),
        4 => format!("{other} || {comparison}"),
        5 => format!("{comparison} && {other}"),
        _ => format!("{other} && {comparison}"),
    })
}

fn program() -> impl Strategy<Value = String> {
    let body = prop_oneof![
        4 => Just("deleted()"), 2 => Just("this"), 1 => Just("this.n.uppercase()"),
        1 => Just("{\"x\": this.n}"),
    ];
    let before = prop_oneof![
        6 => Just(""), 2 => Just("root = this\n"), 1 => Just("root.x = this.n\n"),
        1 => Just("root = this.n.uppercase()\n"), 1 => Just("root = this\nroot.x = this.n\n"),
        1 => Just("meta k = this.n\n"), 1 => Just("root.a.b = this.n\nroot.a = 1\n"),
    ];
    let after = prop_oneof![
        6 => Just(""), 1 => Just("\nroot.y = 1"), 1 => Just("\nmeta k = 1"),
        1 => Just("\nmeta k = this.n"), 1 => Just("\nlet k = this.id"), 1 => Just("\nroot = this"),
        1 => Just("\nroot.n = deleted()"), 1 => Just("\nroot = if this.n == 1 { deleted() }"),
        1 => Just("\nif this.n != 1 { root.n = deleted() }"), 1 => Just("\nmeta k = @k + 1"),
    ];
    (condition(), body.clone(), body, before, after, 0..7_u8).prop_map(
        |(condition, first, second, before, after, shape)| {
            let middle = match shape {
                0 => format!("root = if {condition} {{ {first} }}"),
                1 => format!("root = if {condition} {{ {first} }} else {{ {second} }}"),
                2 => format!("root = match {{ {condition} => {first}, _ => {second} }}"),
                3 => format!("if {condition} {{ root = {first} }} else {{ root = {second} }}"),
                4 => format!("if {condition} {{ root = {first} }}"),
                5 => format!(
                    "root = match this.id {{ \"$tyk_context.user\" => {first}, _ => {second} }}"
                ),
                _ => format!("root = match this.id {{ {condition} => {first}, _ => {second} }}"),
            };
            let bound = "let bound = \"$tyk_context.user\"\nlet field = this.id\n";
            let bound =
                if middle.contains("$bound") || middle.contains("$field") { bound } else { "" };
            format!("{bound}{before}{middle}{after}")
        },
    )
}

fn event() -> impl Strategy<Value = String> {
    let field = prop::sample::select(&FIELDS[..]);
    let n = prop_oneof![Just("1"), Just("2"), Just("\"A\""), Just("null"), Just("true")];
    prop_oneof![
        12 => (field.clone(), n).prop_map(|(field, n)| {
            format!("{{\"id\":{field},\"list\":[{field}],\"n\":{n}}}")
        }),
        2 => Just("{\"n\":1}".to_owned()),
        1 => field.prop_map(str::to_owned),
        1 => prop_oneof![Just(""), Just("no json"), Just("[]"), Just("{\"id\":")]
            .prop_map(str::to_owned),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10_000, ..ProptestConfig::default() })]

    #[test]
    fn what_a_selection_leaves_out_the_program_would_have_deleted(
        program in program(),
        event in event(),
        user in prop::sample::select(&USERS[..]),
        mutation in any::<bool>(),
    ) {
        let parameters: Arc<dyn Parameters> = Arc::new(User(user.to_owned()));
        let environment = Environment { parameters: Some(parameters), ..environment() };
        let scope = Scope::root(environment);
        let mode = if mutation { Mode::Mutation } else { Mode::Mapping };
        let query = Query { text: program, at: Position::default(), path: String::new() };
        let Ok(mapping) = scope.mapping(&query, mode) else { return Ok(()) };
        let Some(selection) = mapping.selection() else { return Ok(()) };
        let message = Message::from(event.as_str());
        if selection.keeps(&message) {
            return Ok(());
        }
        // The same for a message that was parsed before and for one that was not.
        for message in [message, Message::from(event.as_str())] {
            let made = mapping.apply(&Batch::from(message), 0);
            prop_assert!(made.error.is_none(), "{:?}: {:?}", query.text, made.error);
            prop_assert!(made.message.is_none(), "{:?} kept {event} for {user:?}", query.text);
        }
    }
}
