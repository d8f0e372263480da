//! Metrics as one flat JSON object.

use sluice_config::config;
use sluice_telemetry::Reading;
use sluice_value::{Object, Value};

use crate::mapping::{Series, Shown};

config! {
    /// Serves metrics as a JSON object, on the endpoints `/stats` and `/metrics`.
    pub struct JsonApi {}
}

/// `{"name{label=\"a\"}":1}`; durations as their 50th, 90th and 99th percentile in nanoseconds.
pub(crate) fn object(series: &[Series]) -> Object {
    series
        .iter()
        .map(|series| (key(&series.shown).as_str().into(), value(&series.reading)))
        .collect()
}

fn key(shown: &Shown) -> String {
    if shown.labels.is_empty() {
        return shown.name.clone();
    }
    let labels = shown.labels.iter().map(|(name, value)| format!("{name}={}", quoted(value)));
    format!("{}{{{}}}", shown.name, labels.collect::<Vec<_>>().join(","))
}

pub(crate) fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '"' => out.push_str("\\\""),
            '\n' => out.push_str("\\n"),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

fn value(reading: &Reading) -> Value {
    match reading {
        Reading::Counter(n) => Value::from(*n),
        Reading::Gauge(n) => Value::from(*n),
        Reading::Timing(summary) => {
            let quantiles = [("p50", 0.5), ("p90", 0.9), ("p99", 0.99)];
            let fields = quantiles.into_iter().map(|(name, share)| {
                (name.into(), Value::from(summary.quantile(share).unwrap_or_default()))
            });
            Value::Object(fields.collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use sluice_bloblang::Environment;
    use sluice_telemetry::{Labels, Metrics};

    use super::*;
    use crate::mapping::SeriesMapping;

    #[test]
    fn series_become_fields() {
        let metrics = Metrics::default();
        let labels = Labels::from([("label", String::new()), ("path", "root.\"x\"".into())]);
        metrics.counter("received", &labels).add(3);
        metrics.gauge("depth", &Labels::new()).set(-2);
        metrics.timer("latency_ns", &Labels::new()).record(Duration::from_nanos(8));
        let mapping = SeriesMapping::new("", &Environment::default()).unwrap();
        assert_eq!(
            Value::Object(object(&mapping.map(metrics.read()))).to_string(),
            r#"{"depth":-2,"latency_ns":{"p50":8,"p90":8,"p99":8},"received{label=\"\",path=\"root.\\\"x\\\"\"}":3}"#
        );
    }
}
