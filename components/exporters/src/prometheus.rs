//! Metrics for Prometheus: scraped, pushed, or written to a file in the end.

use std::fmt::Write;
use std::time::Duration;

use sluice_config::{Node, Secret, config};
use sluice_engine::BuildError;
use sluice_telemetry::{Reading, TimingSummary};
use sluice_value::format_float_general;
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use crate::json_api::quoted;
use crate::mapping::{Series, Shown};
use crate::process;
use crate::push::Pusher;

config! {
    /// Serves metrics in the text format of Prometheus, on the endpoints `/metrics` and `/stats`.
    pub struct Prometheus {
        /// Shows durations as histograms, in seconds, instead of summaries in nanoseconds.
        use_histogram_timing: bool = false => advanced,
        /// Upper bounds of the buckets of histograms, in seconds.
        histogram_buckets: Vec<f64> = EMPTY => advanced,
        /// Quantiles that summaries show, and how far off they may be.
        summary_quantiles_objectives: Vec<Quantile> = default_quantiles() => advanced,
        /// Adds metrics of the process, such as its memory.
        add_process_metrics: bool = false => advanced,
        /// Adds metrics of the Go runtime. This program has none: only a warning is logged.
        add_go_metrics: bool = false => advanced,
        /// A Pushgateway to push to.
        push_url: Option<String> => advanced,
        /// How often to push; only in the end without it.
        push_interval: Option<Duration> => advanced,
        /// Name of the job that pushes.
        push_job_name: String = "sluice_push" => advanced,
        /// User name and password of the Pushgateway.
        push_basic_auth: PushAuth => advanced,
        /// A file to write all metrics to in the end.
        file_output_path: String = "" => advanced,
        /// Adds what other parts of the process registered. There are none: only a warning is
        /// logged.
        use_default_registry: bool = false => advanced,
    }
}

const EMPTY: [f64; 0] = [];

config! {
    /// A quantile.
    pub struct Quantile {
        /// The share of observations below it, from 0 to 1.
        quantile: f64 = 0.0 => advanced,
        /// How far off it may be. Smaller errors than an eighth are not reached here.
        error: f64 = 0.0 => advanced,
    }
}

config! {
    /// User name and password.
    pub struct PushAuth {
        /// The user name.
        username: String = "" => advanced,
        /// The password.
        password: Secret = "" => advanced,
    }
}

fn default_quantiles() -> Node {
    let all = [(0.5, 0.05), (0.9, 0.01), (0.99, 0.001)].map(|(quantile, error)| {
        let mut node = Node::empty_map();
        node.insert("error", Node::from(error));
        node.insert("quantile", Node::from(quantile));
        node
    });
    Node::from(all)
}

/// Bounds that histograms have unless told otherwise, in seconds.
const BUCKETS: [f64; 11] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

impl Prometheus {
    pub(crate) fn build(mut config: Self) -> Result<Self, BuildError> {
        if config.add_go_metrics {
            warn!("add_go_metrics: there is no Go runtime here, and no metrics of it");
        }
        if config.use_default_registry {
            warn!("use_default_registry: there is no other registry here");
        }
        if config.histogram_buckets.is_empty() {
            config.histogram_buckets = BUCKETS.to_vec();
        }
        config.histogram_buckets.sort_by(f64::total_cmp);
        if let Some(quantile) = config
            .summary_quantiles_objectives
            .iter()
            .find(|it| !(0.0..=1.0).contains(&it.quantile))
        {
            let quantile = quantile.quantile;
            return Err(BuildError::new(format!("not a quantile from 0 to 1: {quantile}")));
        }
        Ok(config)
    }

    pub(crate) fn render(&self, series: &[Series]) -> String {
        let mut out = String::new();
        let mut previous = "";
        for Series { shown, reading } in series {
            if shown.name != previous {
                self.header(&shown.name, reading, &mut out);
                previous = &shown.name;
            }
            self.samples(shown, reading, &mut out);
        }
        if self.add_process_metrics {
            process::render(&mut out);
        }
        out
    }

    fn header(&self, name: &str, reading: &Reading, out: &mut String) {
        let (help, kind) = match reading {
            Reading::Counter(_) => ("Counter", "counter"),
            Reading::Gauge(_) => ("Gauge", "gauge"),
            Reading::Timing(_) if self.use_histogram_timing => ("Timing", "histogram"),
            Reading::Timing(_) => ("Timing", "summary"),
        };
        line(out, format_args!("# HELP {name} Sluice {help} metric"));
        line(out, format_args!("# TYPE {name} {kind}"));
    }

    fn samples(&self, shown: &Shown, reading: &Reading, out: &mut String) {
        let name = &shown.name;
        match reading {
            Reading::Counter(n) => {
                line(out, format_args!("{name}{} {}", labels(shown, None), number(*n as f64)));
            }
            Reading::Gauge(n) => {
                line(out, format_args!("{name}{} {}", labels(shown, None), number(*n as f64)));
            }
            Reading::Timing(summary) if self.use_histogram_timing => {
                self.histogram(shown, summary, out);
            }
            Reading::Timing(summary) => {
                for Quantile { quantile, .. } in &self.summary_quantiles_objectives {
                    let labels = labels(shown, Some(("quantile", number(*quantile))));
                    let value = summary.quantile(*quantile);
                    let value = value.map_or("NaN".to_owned(), |nanos| number(nanos as f64));
                    line(out, format_args!("{name}{labels} {value}"));
                }
                let labels = labels(shown, None);
                line(out, format_args!("{name}_sum{labels} {}", number(summary.sum as f64)));
                line(out, format_args!("{name}_count{labels} {}", number(summary.count as f64)));
            }
        }
    }

    fn histogram(&self, shown: &Shown, summary: &TimingSummary, out: &mut String) {
        let name = &shown.name;
        for bound in &self.histogram_buckets {
            let within = |(upper, _): &&(u64, u64)| seconds(*upper) <= *bound;
            let count: u64 = summary.buckets.iter().filter(within).map(|(_, count)| count).sum();
            let labels = labels(shown, Some(("le", number(*bound))));
            line(out, format_args!("{name}_bucket{labels} {count}"));
        }
        let all = labels(shown, Some(("le", "+Inf".to_owned())));
        line(out, format_args!("{name}_bucket{all} {}", summary.count));
        let labels = labels(shown, None);
        line(out, format_args!("{name}_sum{labels} {}", number(seconds(summary.sum))));
        line(out, format_args!("{name}_count{labels} {}", summary.count));
    }

    /// Pushes at intervals; in the end pushes once more and writes the file.
    pub(crate) async fn run(&self, read: impl Fn() -> Vec<Series>, stop: CancellationToken) {
        let pusher = match &self.push_url {
            None => None,
            Some(url) => match Pusher::new(url, &self.push_job_name, &self.push_basic_auth) {
                Ok(pusher) => Some(pusher),
                Err(error) => {
                    error!("metrics will not be pushed to {url}: {error}");
                    None
                }
            },
        };
        let push = async || {
            if let Some(pusher) = &pusher
                && let Err(error) = pusher.push(self.render(&read())).await
            {
                error!("Failed to push metrics: {error}");
            }
        };
        match self.push_interval.filter(|interval| pusher.is_some() && !interval.is_zero()) {
            None => stop.cancelled().await,
            Some(interval) => {
                while stop.run_until_cancelled(tokio::time::sleep(interval)).await.is_some() {
                    push().await;
                }
            }
        }
        push().await;
        if !self.file_output_path.is_empty()
            && let Err(error) = tokio::fs::write(&self.file_output_path, self.render(&read())).await
        {
            error!(file = self.file_output_path, "Failed to write metrics: {error}");
        }
    }
}

fn seconds(nanos: u64) -> f64 {
    Duration::from_nanos(nanos).as_secs_f64()
}

pub(crate) fn number(n: f64) -> String {
    format_float_general(n)
}

pub(crate) fn line(out: &mut String, text: std::fmt::Arguments<'_>) {
    let _ = writeln!(out, "{text}"); // writing to a String never fails
}

fn labels(shown: &Shown, more: Option<(&str, String)>) -> String {
    let own = shown.labels.iter().map(|(name, value)| (name.as_str(), value.clone()));
    let all: Vec<String> =
        own.chain(more).map(|(name, value)| format!("{name}={}", quoted(&value))).collect();
    if all.is_empty() { String::new() } else { format!("{{{}}}", all.join(",")) }
}

#[cfg(test)]
mod tests {
    use sluice_bloblang::Environment;
    use sluice_config::{Reader, parse};
    use sluice_telemetry::{Labels, Metrics};

    use super::*;
    use crate::mapping::SeriesMapping;

    #[track_caller]
    fn check(config: &str, expected: &[&str]) {
        let metrics = Metrics::default();
        let labels = Labels::from([("label", "a".to_owned()), ("path", "root.input".to_owned())]);
        metrics.counter("input_received", &labels).add(1_000_000);
        metrics.timer("input_latency_ns", &labels);
        metrics.timer("output_latency_ns", &labels).record(Duration::from_millis(30));
        let config = Reader::new().read(&parse(config).unwrap()).unwrap();
        let prometheus = Prometheus::build(config).unwrap();
        let mapping = SeriesMapping::new("", &Environment::default()).unwrap();
        let text = prometheus.render(&mapping.map(metrics.read()));
        for expected in expected {
            assert!(text.lines().any(|line| line == *expected), "{expected} is not in\n{text}");
        }
    }

    #[test]
    fn durations_are_summaries_in_nanoseconds() {
        check(
            "{}",
            &[
                "# HELP input_received Sluice Counter metric",
                "# TYPE input_received counter",
                "input_received{label=\"a\",path=\"root.input\"} 1e+06",
                "# TYPE input_latency_ns summary",
                "input_latency_ns{label=\"a\",path=\"root.input\",quantile=\"0.99\"} NaN",
                "input_latency_ns_count{label=\"a\",path=\"root.input\"} 0",
                "output_latency_ns_sum{label=\"a\",path=\"root.input\"} 3e+07",
            ],
        );
    }

    #[test]
    fn durations_may_be_histograms_in_seconds() {
        check(
            "use_histogram_timing: true",
            &[
                "# TYPE output_latency_ns histogram",
                "output_latency_ns_bucket{label=\"a\",path=\"root.input\",le=\"0.025\"} 0",
                "output_latency_ns_bucket{label=\"a\",path=\"root.input\",le=\"0.05\"} 1",
                "output_latency_ns_bucket{label=\"a\",path=\"root.input\",le=\"+Inf\"} 1",
                "output_latency_ns_sum{label=\"a\",path=\"root.input\"} 0.03",
            ],
        );
    }
}
