//! `metric`: metrics about messages.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use sluice_config::{Interpolated, config};
use sluice_engine::{Batches, BuildError, DirectProcessor, Processor, Registry, Scope, Text};
use sluice_message::Batch;
use sluice_telemetry::{Counter, Gauge, Labels, Metrics, Timer};
use smallvec::smallvec;
use tracing::{error, warn};

use crate::names::interned;

/// Most series that one processor makes: label values come with messages.
const MAX_SERIES: usize = 10_000;

pub(crate) fn register(registry: &mut Registry) {
    registry
        .processor("metric", build)
        .doc(
            "Counts or measures messages in a metric of your own; they pass unchanged.\n\n\
             A `counter` counts messages, `counter_by` adds the value of each, `gauge` shows the \
             last value, `timing` takes values as nanoseconds. A value that is no number of the \
             kind is logged and left out. One processor makes at most 10,000 series.",
        )
        .categories(&["Utility"]);
}

config! {
    /// A metric.
    struct MetricConfig {
        /// What kind of metric it is.
        r#type: String => lint_required options("counter", "counter_by", "gauge", "timing"),
        /// Name of the metric.
        name: String => lint_required,
        /// Labels of the series that a message belongs to.
        labels: Option<BTreeMap<String, Interpolated>>,
        /// The value, for each message.
        value: Interpolated = "",
    }
}

struct Metric {
    kind: Kind,
    name: String,
    value: Text,
    labels: Vec<(&'static str, Text)>,
    metrics: Metrics,
    series: Mutex<HashMap<Vec<String>, Series>>,
    label: String,
    path: String,
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Counter,
    CounterBy,
    Gauge,
    Timing,
}

#[derive(Clone)]
enum Series {
    Counter(Counter),
    Gauge(Gauge),
    Timing(Timer),
}

fn build(config: MetricConfig, scope: &Scope) -> Result<Processor, BuildError> {
    if config.name.is_empty() {
        return Err(BuildError::new("metric name must not be empty"));
    }
    let kind = match config.r#type.to_ascii_lowercase().as_str() {
        "counter" => Kind::Counter,
        "counter_by" => Kind::CounterBy,
        "gauge" => Kind::Gauge,
        "timing" => Kind::Timing,
        other => return Err(BuildError::new(format!("metric type unrecognised: {other}"))),
    };
    let labels = config.labels.iter().flatten();
    let labels = labels.map(|(name, value)| Ok((interned(name), scope.text(value)?)));
    let metric = Metric {
        kind,
        name: config.name,
        value: scope.text(&config.value)?,
        labels: labels.collect::<Result<_, BuildError>>()?,
        metrics: scope.environment().metrics.clone(),
        series: Mutex::default(),
        label: scope.label().to_owned(),
        path: scope.path().to_owned(),
    };
    if metric.labels.is_empty() {
        metric.series(Vec::new()); // shows from the start
    }
    Ok(Processor::direct(metric))
}

impl Metric {
    fn observe(&self, batch: &Batch, at: usize) -> Result<(), String> {
        let value = self
            .value
            .render(batch, at)
            .map_err(|problem| format!("Value interpolation error: {problem}"))?;
        let values = self.labels.iter().map(|(_, text)| text.render(batch, at));
        let values = values
            .collect::<Result<Vec<_>, _>>()
            .map_err(|problem| format!("Handler error: label interpolation error: {problem}"))?;
        let handler = |problem| format!("Handler error: {problem}");
        match self.series(values) {
            None => Ok(()),
            Some(Series::Counter(counter)) if self.kind == Kind::Counter => {
                counter.add(1);
                Ok(())
            }
            Some(Series::Counter(counter)) => {
                counter.add(number(&value).map_err(handler)? as usize);
                Ok(())
            }
            Some(Series::Gauge(gauge)) => {
                gauge.set(number(&value).map_err(handler)?);
                Ok(())
            }
            Some(Series::Timing(timer)) => {
                let nanos: i64 = value.parse().map_err(|_| handler(not_a_number(&value)))?;
                let nanos =
                    u64::try_from(nanos).map_err(|_| handler("value is negative".into()))?;
                timer.record(Duration::from_nanos(nanos));
                Ok(())
            }
        }
    }

    /// The series of these label values; `None` when there are too many already.
    fn series(&self, values: Vec<String>) -> Option<Series> {
        let mut known = self.series.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(series) = known.get(&values) {
            return Some(series.clone());
        }
        if known.len() >= MAX_SERIES {
            if known.len() == MAX_SERIES {
                warn!(label = %self.label, path = %self.path, "Metric has too many series, further label values are left out");
                known.insert(Vec::from([String::new(); 1]), self.new_series(&Labels::new()));
            }
            return None;
        }
        let names = self.labels.iter().map(|(name, _)| *name);
        let labels: Labels = names.zip(values.iter().cloned()).collect();
        let series = self.new_series(&labels);
        known.insert(values, series.clone());
        Some(series)
    }

    fn new_series(&self, labels: &Labels) -> Series {
        match self.kind {
            Kind::Counter | Kind::CounterBy => {
                Series::Counter(self.metrics.counter(&self.name, labels))
            }
            Kind::Gauge => Series::Gauge(self.metrics.gauge(&self.name, labels)),
            Kind::Timing => Series::Timing(self.metrics.timer(&self.name, labels)),
        }
    }
}

/// A number that is not negative; what is behind the point is cut off.
fn number(text: &str) -> Result<i64, String> {
    if let Ok(n) = text.parse::<i64>() {
        return if n < 0 { Err(format!("value {n} is negative")) } else { Ok(n) };
    }
    match text.parse::<f64>() {
        Ok(f) if f < 0.0 => Err(format!("value {f:.6} is negative")),
        Ok(f) if f.is_finite() => Ok(f as i64),
        _ => Err(not_a_number(text)),
    }
}

fn not_a_number(text: &str) -> String {
    format!("\"{text}\" is not a number")
}

impl DirectProcessor for Metric {
    fn process(&self, batch: Batch) -> Batches {
        for at in 0..batch.len() {
            if let Err(problem) = self.observe(&batch, at) {
                error!(label = %self.label, path = %self.path, "{problem}");
            }
        }
        smallvec![batch]
    }
}
