//! Metrics reach those who ask for them, and those they are pushed to.

use serde_json::json;
use std::net::UdpSocket;

use crate::support::{PATIENCE, Place, collector};

/// A stream of ten messages, of which five fail, that then waits for its end.
fn config(metrics: &str) -> String {
    format!(
        "
http: {{ address: '127.0.0.1:PORT' }}
input:
  label: source
  generate: {{ count: 10, interval: '', mapping: 'root = count(\"metrics\")' }}
pipeline:
  threads: 1
  processors:
    - label: odd
      mapping: 'root = if this % 2 == 1 {{ throw(\"odd\") }}'
output:
  drop_on: {{ error: true, output: {{ reject: 'no' }} }}
metrics: {metrics}
"
    )
}

#[test]
fn prometheus_scrapes_counters_and_quantiles() {
    let place = Place::with(&[("config.yaml", &config("{ prometheus: {} }"))]);
    let program = place.start(&["-w", "-c", "config.yaml"]);
    let last = "input_received{label=\"source\",path=\"root.input\"} 10\n";
    let text = program.until("ten messages", || {
        let text = program.get("/metrics").body;
        (text.contains(last)
            && text
                .contains("processor_error{label=\"odd\",path=\"root.pipeline.processors.0\"} 5\n"))
        .then_some(text)
    });
    for line in [
        "# HELP input_received Sluice Counter metric\n# TYPE input_received counter\n",
        "# HELP processor_latency_ns Sluice Timing metric\n# TYPE processor_latency_ns summary\n",
        "processor_latency_ns{label=\"odd\",path=\"root.pipeline.processors.0\",quantile=\"0.99\"} ",
        "processor_latency_ns_count{label=\"odd\",path=\"root.pipeline.processors.0\"} ",
        "input_connection_up{label=\"source\",path=\"root.input\"} 1\n",
    ] {
        assert!(text.contains(line), "no {line:?} in\n{text}");
    }
    assert!(!text.contains("go_") && !text.contains("process_cpu"), "{text}");
    assert_eq!(program.get("/stats").body.lines().count(), text.lines().count());
    assert_eq!(program.stop(), Some(0));
}

#[test]
fn prometheus_shows_histograms_in_seconds_and_what_a_mapping_leaves() {
    let metrics = "
  mapping: |
    root = if this == \"input_received\" { \"got\" } else if !this.has_prefix(\"processor_\") { deleted() }
    meta path = deleted()
    meta zone = \"north\"
  prometheus: { use_histogram_timing: true, histogram_buckets: [ 0.5, 1 ], add_process_metrics: true }
";
    let place = Place::with(&[("config.yaml", &config(metrics))]);
    let program = place.start(&["-w", "-c", "config.yaml"]);
    let text = program.until("ten messages", || {
        let text = program.get("/metrics").body;
        text.contains("got{label=\"source\",zone=\"north\"} 10\n").then_some(text)
    });
    for line in [
        "# TYPE processor_latency_ns histogram\n",
        "processor_latency_ns_bucket{label=\"odd\",zone=\"north\",le=\"0.5\"} ",
        "processor_latency_ns_bucket{label=\"odd\",zone=\"north\",le=\"+Inf\"} ",
        "process_cpu_seconds_total ",
    ] {
        assert!(text.contains(line), "no {line:?} in\n{text}");
    }
    assert!(!text.contains("output_sent") && !text.contains("path="), "{text}");
    assert_eq!(program.stop(), Some(0));
}

#[test]
fn prometheus_pushes_while_it_runs_and_in_the_end() {
    let (port, requests) = collector();
    let metrics = format!(
        "{{ prometheus: {{ push_url: 'http://localhost:{port}', push_interval: 50ms, push_job_name: shop, push_basic_auth: {{ username: u, password: p }} }} }}"
    );
    let place = Place::with(&[("config.yaml", &config(&metrics))]);
    let program = place.start(&["-w", "-c", "config.yaml"]);
    let line = "input_received{label=\"source\",path=\"root.input\"} 10\n";
    let (mut pushed, mut told) = (0, String::new());
    while pushed < 2 || !told.contains(line) {
        let (head, body) = requests.recv_timeout(PATIENCE).unwrap();
        assert!(head.starts_with("PUT /metrics/job/shop HTTP/1.1\r\n"), "{head}");
        assert!(head.contains("authorization: Basic dTpw\r\n"), "{head}");
        (pushed, told) = (pushed + 1, String::from_utf8(body).unwrap());
    }
    assert_eq!(program.stop(), Some(0));
    let last = requests.try_iter().last().map(|(_, body)| String::from_utf8(body).unwrap());
    assert!(last.as_ref().is_some_and(|last| last.contains(line)), "{last:?}");
}

#[test]
fn json_is_one_flat_object() {
    let place = Place::with(&[("config.yaml", &config("{ json_api: {} }"))]);
    let program = place.start(&["-w", "-c", "config.yaml"]);
    let name = "input_received{label=\"source\",path=\"root.input\"}";
    let errors = "processor_error{label=\"odd\",path=\"root.pipeline.processors.0\"}";
    let stats = program.until("ten messages", || {
        let stats = program.get("/stats");
        let all = stats.json("");
        (all[name] == json!(10) && all[errors] == json!(5)).then_some(stats)
    });
    let latency = "processor_latency_ns{label=\"odd\",path=\"root.pipeline.processors.0\"}";
    assert!(stats.json("")[latency]["p99"].as_u64().unwrap() > 0, "{stats:?}");
    assert_eq!(program.stop(), Some(0));
}

#[test]
fn statsd_gets_datagrams() {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let address = socket.local_addr().unwrap();
    let metrics = format!(
        "{{ statsd: {{ address: '{address}', flush_period: 20ms, tag_format: datadog }} }}"
    );
    let place = Place::with(&[("config.yaml", &config(&metrics))]);
    let program = place.start(&["-w", "-c", "config.yaml"]);
    let mut all = String::new();
    let mut received = 0;
    while received < 10 {
        let mut datagram = vec![0; 65_536];
        let length = socket.recv(&mut datagram).unwrap();
        let text = std::str::from_utf8(&datagram[..length]).unwrap();
        all.push_str(text);
        all.push('\n');
        let counts = all.lines().filter(|line| line.starts_with("input_received:"));
        received =
            counts.map(|line| line[15..].split('|').next().unwrap().parse::<u64>().unwrap()).sum();
    }
    assert!(all.contains("|c|#label:source,path:root.input"), "{all}");
    assert_eq!(program.get("/metrics").status, 404);
    assert_eq!(program.stop(), Some(0));
}

#[test]
fn metrics_are_logged_at_intervals() {
    let metrics = "{ logger: { push_interval: 50ms, flush_metrics: false } }";
    let place = Place::with(&[("config.yaml", &config(metrics))]);
    let program = place.start(&["-w", "-c", "config.yaml"]);
    program.says("input_received");
    assert_eq!(program.stop(), Some(0));
}

#[test]
fn a_metrics_block_that_cannot_work_keeps_the_program_from_starting() {
    let metrics = "{ prometheus: { push_interval: soon } }";
    let place = Place::with(&[("config.yaml", &config(metrics))]);
    let outcome = place.run(&["-c", "config.yaml"]);
    assert_eq!(outcome.code, 1, "{outcome:?}");
}

/// The address of a service, or a word that the test is skipped.
#[track_caller]
fn service(name: &str, variable: &str) -> Option<String> {
    let address = std::env::var(variable).ok().filter(|address| !address.is_empty());
    if address.is_none() {
        let required =
            ["CI", "SLUICE_REQUIRE_SERVICES"].iter().any(|name| std::env::var_os(name).is_some());
        assert!(!required, "{variable} is not set, and services are required");
        eprintln!("skipped: no {name} (dev/services/with {name} -- cargo test)");
    }
    address
}

/// The body of an answer to GET.
fn fetch(url: &str) -> String {
    let output = std::process::Command::new("curl").args(["-fsS", url]).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_pushgateway_takes_what_is_pushed() {
    let Some(gateway) = service("pushgateway", "SLUICE_TEST_PUSHGATEWAY") else { return };
    let job = format!("test_{}", std::process::id()); // the gateway keeps what earlier runs pushed
    let metrics = format!(
        "{{ prometheus: {{ push_url: '{gateway}', push_interval: 100ms, push_job_name: {job} }} }}"
    );
    let place = Place::with(&[("config.yaml", &config(&metrics))]);
    let program = place.start(&["-w", "-c", "config.yaml"]);
    program.until("pushed metrics", || {
        let all = fetch(&format!("{gateway}/metrics"));
        let pushed = all.lines().any(|line| {
            line.starts_with("input_received{")
                && line.contains(&format!("job=\"{job}\""))
                && line.contains("label=\"source\"")
                && line.ends_with(" 10")
        });
        pushed.then_some(())
    });
    assert_eq!(program.stop(), Some(0));
}

#[test]
fn prometheus_understands_what_it_scrapes() {
    let Some(prometheus) = service("prometheus", "SLUICE_TEST_PROMETHEUS") else { return };
    let targets = std::env::var("SLUICE_RUN").unwrap() + "/prometheus/targets";
    let metrics = "{ prometheus: { use_histogram_timing: true } }";
    let place = Place::with(&[("config.yaml", &config(metrics))]);
    let program = place.start(&["-w", "-c", "config.yaml"]);
    let target = json!([{ "targets": [format!("127.0.0.1:{}", place.port)] }]);
    std::fs::write(format!("{targets}/sluice.json"), target.to_string()).unwrap();
    let value = |series: &str| {
        let answer = fetch(&format!("{prometheus}/api/v1/query?query={series}"));
        let answer: serde_json::Value = serde_json::from_str(&answer).unwrap_or_default();
        answer.pointer("/data/result/0/value/1")?.as_str().map(str::to_owned)
    };
    program.until("scraped counters", || (value("input_received")? == "10").then_some(()));
    program.until("scraped histograms", || value("processor_latency_ns_bucket").map(drop));
    assert_eq!(program.stop(), Some(0));
    std::fs::remove_file(format!("{targets}/sluice.json")).unwrap();
}
