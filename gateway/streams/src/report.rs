//! One line about each instance of a template, for operators.

use serde_json::{Map, Value, json};
use sluice_plane::Tenant;

use crate::instance::Instance;
use crate::placeholders::Values;
use crate::template::Template;

/// Longest value that is shown whole.
const MOST_SHOWN: usize = 64;
/// Placeholders whose values are credentials, by a part of their name.
const SECRETS: [&str; 6] = ["authorization", "cookie", "token", "secret", "password", "key"];

pub(crate) fn line(template: &Template, values: &Values, instance: &Instance) -> Tenant {
    let mut line = Map::new();
    line.insert("stream".into(), template.id.clone().into());
    line.insert("values".into(), shown(values));
    line.insert("clients".into(), instance.seat.clients().into());
    line.insert("idle_seconds".into(), instance.idle_for().as_secs().into());
    let status = instance.status();
    line.insert("connected".into(), (status.input_connected() && status.output_connected()).into());
    let Some(standing) = instance.seat.input().map(|input| input.describe()) else {
        return Tenant { stream: template.id.clone(), group: String::new(), line };
    };
    let position = |it: &sluice_engine::tenancy::Position| json!({ "topic": &*it.topic, "partition": it.partition, "offset": it.next, "end": it.end });
    line.insert("group".into(), standing.group.clone().into());
    line.insert("mode".into(), standing.mode.into());
    line.insert("lag".into(), standing.lag().into());
    line.insert("catching_up".into(), standing.catching_up.into());
    line.insert("queued".into(), standing.queued.into());
    line.insert("queued_bytes".into(), standing.queued_bytes.into());
    line.insert("positions".into(), standing.positions.iter().map(position).collect());
    line.insert("filter".into(), standing.filter.into());
    Tenant { stream: template.id.clone(), group: standing.group, line }
}

fn shown(values: &Values) -> Value {
    let show = |(name, value): (&str, &str)| {
        let lower = name.to_ascii_lowercase();
        let value: String = if SECRETS.iter().any(|secret| lower.contains(secret)) {
            "***".into()
        } else {
            value.chars().take(MOST_SHOWN).collect()
        };
        (name.to_owned(), value.into())
    };
    Value::Object(values.iter().map(show).collect())
}
