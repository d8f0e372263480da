//! Metrics as log lines.

use std::time::Duration;

use sluice_config::config;
use sluice_engine::BuildError;
use sluice_telemetry::Reading;
use tokio_util::sync::CancellationToken;
use tracing::info;

use crate::mapping::Series;

config! {
    /// Logs metrics at intervals and in the end.
    pub struct LoggerMetrics {
        /// How often; only in the end without it.
        push_interval: Option<Duration>,
        /// Whether counters and timings begin anew after each time.
        flush_metrics: bool = false,
    }
}

impl LoggerMetrics {
    pub(crate) fn build(config: Self) -> Result<Self, BuildError> {
        if config.push_interval.is_some_and(|interval| interval.is_zero()) {
            return Err(BuildError::new("push_interval must be longer than nothing"));
        }
        Ok(config)
    }

    pub(crate) async fn run(&self, read: impl Fn() -> Vec<Series>, stop: CancellationToken) {
        let mut before: Vec<Series> = Vec::new();
        loop {
            let goes_on = match self.push_interval {
                Some(interval) => {
                    stop.run_until_cancelled(tokio::time::sleep(interval)).await.is_some()
                }
                None => {
                    stop.cancelled().await;
                    false
                }
            };
            let now = read();
            for series in &now {
                let old = before.iter().find(|old| self.flush_metrics && old.shown == series.shown);
                log(series, old.map(|old| &old.reading));
            }
            before = now;
            if !goes_on {
                return;
            }
        }
    }
}

/// Logs a series; of numbers that only grow, what was added since `old`.
fn log(series: &Series, old: Option<&Reading>) {
    let name = &series.shown.name;
    let mut fields: sluice_value::Object = series
        .shown
        .labels
        .iter()
        .map(|(name, value)| (name.as_str().into(), value.as_str().into()))
        .collect();
    let (kind, value) = match (&series.reading, old) {
        (Reading::Counter(n), Some(Reading::Counter(old))) => {
            ("counter", (n.saturating_sub(*old)).to_string())
        }
        (Reading::Counter(n), _) => ("counter", n.to_string()),
        (Reading::Gauge(n), _) => ("gauge", n.to_string()),
        (Reading::Timing(summary), old) => {
            let mut summary = summary.clone();
            if let Some(Reading::Timing(old)) = old {
                for (bound, count) in &mut summary.buckets {
                    let seen = old.buckets.iter().find(|(other, _)| other == bound);
                    *count -= seen.map_or(0, |(_, seen)| (*seen).min(*count));
                }
                summary.buckets.retain(|(_, count)| *count > 0);
                summary.count = summary.buckets.iter().map(|(_, count)| count).sum();
            }
            for (name, share) in [("p50", 0.5), ("p90", 0.9), ("p99", 0.99)] {
                fields.insert(name, summary.quantile(share).unwrap_or_default().into());
            }
            ("timing", summary.count.to_string())
        }
    };
    fields.insert("name", name.as_str().into());
    fields.insert("value", value.into());
    info!(fields = %sluice_value::Value::Object(fields), "{kind}");
}
