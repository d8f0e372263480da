//! Random templates, events and tenants: shared reading with its index gives each tenant exactly
//! what a stream of its own would give.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use proptest::prelude::*;
use sluice_config::{Parameters, Position, Query};
use sluice_engine::{Environment, Mapping, Mode, Registry, Scope};
use sluice_message::{Batch, Message};
use sluice_value::Value;

use super::index::Index;
use super::ring::{Entry, Ring};
use super::subscriber::{Joined, Source, Start, Subscriber};

/// Values of users, awkward ones included.
const USERS: [&str; 9] = ["a", "b", "A", "", "7", "true", "null", "a\"", "7.0"];
/// What stands at the path of an event.
const FIELDS: [&str; 14] = [
    "\"a\"",
    "\"A\"",
    "\"B\"",
    "\"b\"",
    "\"\"",
    "\"7\"",
    "7",
    "7.0",
    "true",
    "null",
    "[\"a\"]",
    "{\"a\":1}",
    "\"null\"",
    "\"a\\\"\"",
];

struct User(&'static str);

impl Parameters for User {
    fn substitute<'a>(&self, text: &'a str) -> Cow<'a, str> {
        Cow::Owned(text.replace("$tyk_context.user", self.0))
    }
}

/// A comparison with the user, as people write it.
fn comparison() -> impl Strategy<Value = String> {
    let field = prop_oneof![
        6 => Just("this.id"), 1 => Just("this.list.0"), 1 => Just("this.id.string()"),
        2 => Just("this.id.lowercase()"), 1 => Just("this.id.or(\"B\").lowercase()"),
        1 => Just("this.id.lowercase().or(\"b\")"), 1 => Just("meta(\"user\").lowercase()"),
        1 => Just("@user.lowercase()"), 1 => Just("this.id.or(\"\")"), 1 => Just("(this.id | \"a\")"), 2 => Just("@user"),
        2 => Just("meta(\"user\")"), 2 => Just("metadata(\"user\")"), 1 => Just("@user.string()"),
        1 => Just("meta(\"user\").string()"), 1 => Just("(meta(\"user\") | \"a\")"),
        1 => Just("@user.or(\"\")"), 1 => Just("$field"), 1 => Just("this.n"),
    ];
    let user = prop_oneof![
        6 => Just("\"$tyk_context.user\""), 2 => Just("$tyk_context.user"), 1 => Just("$user"),
        1 => Just("$tyk_context.user.string()"), 1 => Just("\"$tyk_context.user\".lowercase()"),
        1 => Just("$tyk_context.user.lowercase()"), 1 => Just("\"a\""),
    ];
    (field, user, any::<bool>(), any::<bool>()).prop_map(|(field, user, swapped, equal)| {
        let sign = if equal { "==" } else { "!=" };
        let (left, right) = if swapped { (user, field) } else { (field, user) };
        format!("{left} {sign} {right}")
    })
}

fn condition() -> impl Strategy<Value = String> {
    let other = prop_oneof![Just("this.n == 1"), Just("this.n > 1"), Just("@user == \"a\"")];
    (comparison(), comparison(), other, 0..9_u8).prop_map(|(first, second, other, shape)| {
        match shape {
            0..3 => first,
            3 => format!("!({first})"),
            4 => format!("({first}).not()"),
            5 => format!("{first} || {other}"),
            6 => format!("{other} || {first}"),
            7 => format!("{first} && {other}"),
            _ => format!("{first} || {second}"),
        }
    })
}

fn template() -> impl Strategy<Value = String> {
    let body = prop_oneof![
        4 => Just("deleted()"), 3 => Just("this"), 1 => Just("this.n.uppercase()"),
        1 => Just("{\"n\": this.n, \"user\": \"$tyk_context.user\"}"),
    ];
    let before = prop_oneof![
        6 => Just(""), 1 => Just("root = this\n"), 1 => Just("root.x = this.n\n"),
        1 => Just("root = this.n.uppercase()\n"), 1 => Just("meta k = this.n\n"),
        1 => Just("meta user = this.n\n"), 1 => Just("meta user = \"a\"\n"),
        1 => Just("meta k = @user\n"),
    ];
    let after = prop_oneof![
        6 => Just(""), 1 => Just("\nmeta k = \"seen\""), 1 => Just("\nroot.n = deleted()"),
        1 => Just("\nroot.y = 1"), 1 => Just("\nroot = if this.n == 1 { deleted() }"),
    ];
    (condition(), body.clone(), body, before, after, 0..7_u8).prop_map(
        |(condition, first, second, before, after, shape)| {
            let middle = match shape {
                0 | 1 => format!("root = if {condition} {{ {first} }}"),
                2 => format!("root = if {condition} {{ {first} }} else {{ {second} }}"),
                3 => format!("root = match {{ {condition} => {first}, _ => {second} }}"),
                4 => format!("if {condition} {{ root = {first} }} else {{ root = {second} }}"),
                5 => format!("if {condition} {{ root = {first} }}"),
                _ => format!(
                    "root = match this.id {{ \"$tyk_context.user\" => {first}, _ => {second} }}"
                ),
            };
            let bound = "let user = \"$tyk_context.user\"\nlet field = this.id\n";
            let is_bound = ["$user", "$field"].iter().any(|name| middle.contains(name));
            format!("{}{before}{middle}{after}", if is_bound { bound } else { "" })
        },
    )
}

/// An event: its content, and the user in its metadata, if there is one.
fn event() -> impl Strategy<Value = (String, Option<Value>)> {
    let field = prop::sample::select(&FIELDS[..]);
    let n = prop_oneof![Just("1"), Just("2"), Just("\"A\""), Just("null")];
    let content = prop_oneof![
        12 => (field.clone(), n).prop_map(|(field, n)| {
            format!("{{\"id\":{field},\"list\":[{field}],\"n\":{n}}}")
        }),
        1 => Just("{\"n\":1}".to_owned()),
        1 => field.prop_map(str::to_owned),
        2 => prop_oneof![Just(""), Just("no json"), Just("[]")].prop_map(str::to_owned),
    ];
    let user = prop_oneof![
        8 => prop::sample::select(&USERS[..]).prop_map(|user| Some(user.into())),
        1 => Just(None),
        1 => Just(Some(Value::Null)),
        1 => Just(Some(7_i64.into())),
        1 => Just(Some(7.5_f64.into())),
        1 => Just(Some(true.into())),
        1 => Just(Some(Value::bytes(Bytes::from_static(b"a")))),
        1 => Just(Some(Value::bytes(Bytes::from_static(b"\xff")))),
        1 => Just(Some(vec![Value::from("a")].into())),
    ];
    (content, user)
}

/// What a tenant's program makes of a message; `None` of one that it deletes.
fn made(mapping: &Mapping, message: &Message) -> Option<String> {
    let made = mapping.apply(&Batch::from(message.clone()), 0);
    let shown = made.message.map(|message| {
        let content = String::from_utf8_lossy(message.bytes()).into_owned();
        format!("{content} {:?}", message.metadata())
    });
    (shown.is_some() || made.error.is_some()).then(|| format!("{shown:?} {:?}", made.error))
}

struct Tenant {
    subscriber: Arc<Subscriber>,
    mapping: Mapping,
    got: Vec<String>,
}

impl Tenant {
    /// `None` when the template cannot be built with this user's value.
    fn new(id: u64, user: &'static str, template: &str, mode: Mode) -> Option<Self> {
        let parameters: Arc<dyn Parameters> = Arc::new(User(user));
        let environment = sluice_testkit::environment(Registry::default());
        let environment = Environment { parameters: Some(parameters), ..environment };
        let query = Query { text: template.into(), at: Position::default(), path: String::new() };
        let mapping = Scope::root(environment).mapping(&query, mode).ok()?;
        let names: Arc<[_]> = [(Arc::from("t"), 0)].into();
        let starts = [(Start::At(0), None)].into_iter();
        let selection = mapping.selection();
        let subscriber = Subscriber::new(id, "g".into(), selection, 1024, names, starts);
        Some(Self { subscriber: Arc::new(subscriber), mapping, got: Vec::new() })
    }

    /// Takes what there is, and goes on behind it.
    fn read(&mut self, ring: &Ring, source: &Arc<Source>) {
        loop {
            let taken = self.subscriber.take(16, false);
            for handed in taken.handed {
                self.got.extend(made(&self.mapping, &handed.entry.message));
                handed.checkpoint.answer(handed.ticket, true);
            }
            if self.subscriber.load().queued == 0 && taken.adrift.is_empty() {
                return;
            }
            if !taken.adrift.is_empty() {
                let joined = self.subscriber.join(0, ring, source);
                assert!(!matches!(joined, Joined::Behind(_)), "everything is in the ring");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, ..ProptestConfig::default() })]

    #[test]
    fn everyone_gets_what_a_stream_of_their_own_would_give(
        template in template(),
        events in prop::collection::vec(event(), 1..150),
        lazy in prop::collection::vec(1..120_usize, USERS.len()),
        mutation in any::<bool>(),
    ) {
        let mode = if mutation { Mode::Mutation } else { Mode::Mapping };
        let made_of = |(id, user)| Tenant::new(id as u64, user, &template, mode);
        let mut tenants: Vec<_> = USERS.into_iter().enumerate().filter_map(made_of).collect();
        let (mut ring, source, mut index) = (Ring::new(0, 1 << 30), Source::new(0), Index::default());
        for tenant in &tenants {
            index.insert(tenant.subscriber.clone());
            prop_assert_eq!(tenant.subscriber.join(0, &ring, &source), Joined::Aboard);
        }
        let messages = events.iter().map(|(content, user)| {
            let mut message = Message::from(content.as_str());
            if let Some(user) = user {
                message.set_metadata("user", user.clone());
            }
            message
        });
        let messages: Vec<_> = messages.collect();
        for (offset, message) in messages.iter().enumerate() {
            let entry = Arc::new(Entry::new(offset as i64, message.clone()));
            ring.push(entry.clone());
            index.concerned(&entry.message, &mut |subscriber| {
                subscriber.offer(0, &source, &entry, None, true);
            });
            source.advance(entry.offset + 1);
            // Some read at once, others fall behind until their queues are full.
            for (tenant, lazy) in tenants.iter_mut().zip(&lazy) {
                if offset % lazy == 0 {
                    tenant.read(&ring, &source);
                }
            }
        }
        for tenant in &mut tenants {
            tenant.read(&ring, &source);
            let alone: Vec<_> =
                messages.iter().filter_map(|message| made(&tenant.mapping, message)).collect();
            prop_assert_eq!(&tenant.got, &alone, "{}", template);
        }
    }
}
