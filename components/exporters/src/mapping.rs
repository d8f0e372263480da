//! The `mapping` of a metrics block: renames series and labels, or drops them.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use sluice_bloblang::{Body, Diagnostics, Environment, Input, Program, Single};
use sluice_telemetry::{Labels, Reading, Rename, Series as Counted};
use sluice_value::{Object, Value};
use tracing::warn;

/// Names and labels of a series as it is shown.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Shown {
    pub(crate) name: String,
    pub(crate) labels: BTreeMap<String, String>,
}

/// A series as it is shown, and what it shows.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Series {
    pub(crate) shown: Shown,
    pub(crate) reading: Reading,
}

pub(crate) struct SeriesMapping {
    program: Option<Program>,
    /// What became of each series; `None` for dropped ones.
    known: Mutex<HashMap<(String, Labels), Option<Shown>>>,
}

impl SeriesMapping {
    pub(crate) fn new(text: &str, language: &Environment) -> Result<Self, Diagnostics> {
        let program = match text {
            "" => None,
            text => Some(Program::parse(text, language)?),
        };
        Ok(Self { program, known: Mutex::default() })
    }

    /// The series as they are shown, by name and labels.
    pub(crate) fn map(&self, all: Vec<Counted>) -> Vec<Series> {
        self.forget(&all);
        let mut all: Vec<Series> = all
            .into_iter()
            .filter_map(|series| {
                let shown = self.shown(series.name, series.labels)?;
                Some(Series { shown, reading: series.reading })
            })
            .collect();
        all.sort_by(|a, b| a.shown.cmp(&b.shown));
        all
    }

    /// Streams come and go, and their series with them: what is remembered stays in proportion.
    fn forget(&self, present: &[Counted]) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() > present.len() * 2 + 64 {
            known.clear();
        }
    }

    fn shown(&self, name: String, labels: Labels) -> Option<Shown> {
        let Some(program) = &self.program else { return Some(unmapped(name, &labels)) };
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (name, labels);
        if let Some(shown) = known.get(&key) {
            return shown.clone();
        }
        let shown = map(program, unmapped(key.0.clone(), &key.1));
        known.insert(key, shown.clone());
        shown
    }
}

/// Renames series as the mapping of a template says.
///
/// # Errors
/// What is wrong with the mapping.
pub fn rename(text: &str, language: &Environment) -> Result<Arc<Rename>, Diagnostics> {
    let program = Program::parse(text, language)?;
    Ok(Arc::new(move |name, labels| {
        let shown = map(&program, unmapped(name.to_owned(), labels))?;
        let known = |name: &str| labels.keys().find(|known| **known == name).copied();
        let label = |(name, value): (String, String)| {
            // Names of labels live as long as the program; a configuration has few of its own.
            let name: &'static str = known(&name).unwrap_or_else(|| name.leak());
            (name, value)
        };
        Some((shown.name, shown.labels.into_iter().map(label).collect()))
    }))
}

fn unmapped(name: String, labels: &Labels) -> Shown {
    let labels = labels.iter().map(|(name, value)| ((*name).into(), value.clone()));
    Shown { name, labels: labels.collect() }
}

/// Series under their own names.
pub(crate) fn plain(series: &[Counted]) -> Vec<Series> {
    let shown = |series: &Counted| Series {
        shown: unmapped(series.name.clone(), &series.labels),
        reading: series.reading.clone(),
    };
    series.iter().map(shown).collect()
}

fn map(program: &Program, series: Shown) -> Option<Shown> {
    let metadata: Object = series
        .labels
        .iter()
        .map(|(name, value)| (name.as_str().into(), Value::from(value.as_str())))
        .collect();
    let message = Single { value: series.name.as_str().into(), metadata };
    let mapped = match program.map(&Input::new(&message, 0)) {
        Ok(mapped) => mapped,
        Err(error) => {
            warn!(series = series.name, "the mapping of metrics failed: {error}");
            return Some(series);
        }
    };
    let name = match mapped.body {
        Body::Deleted => return None,
        Body::Unchanged => series.name,
        Body::Value(value @ (Value::String(_) | Value::Bytes(_))) => value.to_text(),
        Body::Value(value) => {
            warn!(series = series.name, "the mapping of metrics gave no name but {value}");
            series.name
        }
    };
    let labels =
        mapped.metadata.iter().map(|(name, value)| (name.to_string(), value.to_text())).collect();
    Some(Shown { name, labels })
}

#[cfg(test)]
mod tests {
    use sluice_telemetry::Metrics;

    use super::*;

    #[test]
    fn series_are_renamed_and_dropped() {
        let metrics = Metrics::default();
        let labels = |label: &str| Labels::from([("label", label.into()), ("path", "p".into())]);
        metrics.counter("input_received", &labels("a")).add(1);
        metrics.counter("noise", &labels("a")).add(1);
        let text = "root = if this == \"noise\" { deleted() } else { \"x_\" + this }\n\
                    meta path = deleted()\nmeta more = \"1\"";
        let mapping = SeriesMapping::new(text, &Environment::default()).unwrap();
        for _ in 0..2 {
            let read = mapping.map(metrics.read());
            let [series] = read.as_slice() else { panic!("{read:?}") };
            assert_eq!(series.shown.name, "x_input_received");
            let labels: Vec<_> =
                series.shown.labels.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
            assert_eq!(labels, [("label", "a"), ("more", "1")]);
        }
    }
}
