//! Metrics to a statsd server, over UDP.

use std::collections::HashMap;
use std::fmt::Write;
use std::time::Duration;

use sluice_config::config;
use sluice_engine::BuildError;
use sluice_telemetry::Reading;
use tokio::net::UdpSocket;
use tokio_util::sync::CancellationToken;
use tracing::{debug, error};

use crate::mapping::{Series, Shown};

config! {
    /// Sends metrics to a statsd server.
    pub struct Statsd {
        /// Address of the server.
        address: String => lint_required,
        /// How often changes are sent.
        flush_period: Duration = "100ms",
        /// How labels are written.
        tag_format: String = "none" => options("none", "datadog", "influxdb"),
    }
}

/// Largest datagram that no network cuts.
const MAX_DATAGRAM: usize = 1432;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Tags {
    None,
    Datadog,
    Influxdb,
}

impl Statsd {
    pub(crate) fn build(config: Self) -> Result<Self, BuildError> {
        if config.flush_period.is_zero() {
            return Err(BuildError::new("flush_period must be longer than nothing"));
        }
        Ok(config)
    }

    fn tags(&self) -> Tags {
        match self.tag_format.to_ascii_lowercase().as_str() {
            "datadog" => Tags::Datadog,
            "influxdb" => Tags::Influxdb,
            _ => Tags::None,
        }
    }

    /// Sends what has changed until `stop`, and once more then.
    pub(crate) async fn run(&self, read: impl Fn() -> Vec<Series>, stop: CancellationToken) {
        let mut sent = Sent::default();
        let mut socket = None;
        loop {
            let goes_on =
                stop.run_until_cancelled(tokio::time::sleep(self.flush_period)).await.is_some();
            if socket.is_none() {
                socket = connect(&self.address).await;
            }
            if let Some(link) = &socket {
                for datagram in datagrams(&sent.changes(&read(), self.tags())) {
                    // Statsd is fire and forget: nobody may be listening yet.
                    if let Err(error) = link.send(datagram.as_bytes()).await {
                        debug!("cannot send metrics to {}: {error}", self.address);
                    }
                }
            }
            if !goes_on {
                return;
            }
        }
    }
}

async fn connect(address: &str) -> Option<UdpSocket> {
    let open = async {
        let target = tokio::net::lookup_host(address).await?.next();
        let target = target.ok_or_else(|| std::io::Error::other("the name has no address"))?;
        let local = if target.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
        let socket = UdpSocket::bind(local).await?;
        socket.connect(target).await?;
        Ok::<_, std::io::Error>(socket)
    };
    open.await.map_err(|error| error!("cannot send metrics to {address}: {error}")).ok()
}

/// What the server knows already.
#[derive(Default)]
struct Sent {
    counters: HashMap<Shown, u64>,
    gauges: HashMap<Shown, i64>,
    /// By series and bucket.
    timings: HashMap<(Shown, u64), u64>,
}

impl Sent {
    fn changes(&mut self, series: &[Series], tags: Tags) -> Vec<String> {
        let mut lines = Vec::new();
        for Series { shown, reading } in series {
            match reading {
                Reading::Counter(n) => {
                    let before = self.counters.insert(shown.clone(), *n).unwrap_or_default();
                    if *n > before {
                        lines.push(line(shown, &format!("{}|c", n - before), tags));
                    }
                }
                Reading::Gauge(n) => {
                    if self.gauges.insert(shown.clone(), *n) != Some(*n) {
                        lines.push(line(shown, &format!("{n}|g"), tags));
                    }
                }
                Reading::Timing(summary) => {
                    for (bound, count) in &summary.buckets {
                        let key = (shown.clone(), *bound);
                        let before = self.timings.insert(key, *count).unwrap_or_default();
                        let more = count - before.min(*count);
                        if more > 0 {
                            // A rate of 1/n stands for n observations.
                            let millis = *bound as f64 / 1e6;
                            let rate = 1.0 / more as f64;
                            let value = if more == 1 {
                                format!("{millis}|ms")
                            } else {
                                format!("{millis}|ms|@{rate}")
                            };
                            lines.push(line(shown, &value, tags));
                        }
                    }
                }
            }
        }
        lines
    }
}

fn line(shown: &Shown, value: &str, tags: Tags) -> String {
    let clean = |text: &str| text.replace([':', '|', '@', ',', '#', '\n'], "_");
    let mut out = clean(&shown.name);
    let labels = shown.labels.iter().filter(|(_, value)| !value.is_empty());
    if tags == Tags::Influxdb {
        for (name, value) in labels.clone() {
            let _ = write!(out, ",{}={}", clean(name), clean(value)); // a String takes everything
        }
    }
    let _ = write!(out, ":{value}");
    if tags == Tags::Datadog {
        let all: Vec<String> =
            labels.map(|(name, value)| format!("{}:{}", clean(name), clean(value))).collect();
        if !all.is_empty() {
            let _ = write!(out, "|#{}", all.join(","));
        }
    }
    out
}

/// Lines joined to as few datagrams as fit.
fn datagrams(lines: &[String]) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for line in lines {
        match all.last_mut() {
            Some(last) if last.len() + 1 + line.len() <= MAX_DATAGRAM => {
                last.push('\n');
                last.push_str(line);
            }
            _ => all.push(line.clone()),
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use sluice_bloblang::Environment;
    use sluice_telemetry::{Labels, Metrics};

    use super::*;
    use crate::mapping::SeriesMapping;

    #[test]
    fn only_changes_are_sent() {
        let metrics = Metrics::default();
        let labels = Labels::from([("label", "a:b".to_owned()), ("path", String::new())]);
        let counter = metrics.counter("received", &labels);
        let timer = metrics.timer("latency_ns", &Labels::new());
        let mapping = SeriesMapping::new("", &Environment::default()).unwrap();
        let mut sent = Sent::default();
        counter.add(3);
        for _ in 0..4 {
            timer.record(Duration::from_nanos(8));
        }
        let first = sent.changes(&mapping.map(metrics.read()), Tags::Datadog);
        assert_eq!(first, ["latency_ns:0.000008|ms|@0.25", "received:3|c|#label:a_b"]);
        assert!(sent.changes(&mapping.map(metrics.read()), Tags::Datadog).is_empty());
        counter.add(2);
        assert_eq!(
            sent.changes(&mapping.map(metrics.read()), Tags::Influxdb),
            ["received,label=a_b:2|c"]
        );
    }

    #[test]
    fn datagrams_stay_small() {
        let lines: Vec<String> = (0..300).map(|n| format!("metric_{n}:1|c")).collect();
        let all = datagrams(&lines);
        assert!(all.len() > 1 && all.iter().all(|it| it.len() <= MAX_DATAGRAM));
        assert_eq!(all.join("\n"), lines.join("\n"));
    }
}
