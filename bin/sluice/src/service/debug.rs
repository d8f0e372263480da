//! Endpoints for whoever looks for a fault (`http.debug_endpoints`).
//!
//! The reference also serves profiles of the Go runtime. Here these paths answer 501 and say what
//! to use instead: profilers of the system see every function of this program.

use std::fmt::Write;
use std::path::Path;

use http::StatusCode;
use sluice_config::{Field, Normal, yaml};
use sluice_engine::http::{HttpHost, Mount};

use super::Start;
use super::endpoints::{endpoint, json, text};

/// Profiles of the Go runtime, and what tells the same of this program.
const PROFILES: [(&str, &str, &str); 8] = [
    ("profile", "CPU profile", "perf record -g -p PID -- sleep 30; perf report"),
    ("trace", "execution trace", "perf trace -p PID, or a `tracer` in the configuration"),
    ("heap", "heap profile", "heaptrack -p PID; the total stands in /debug/stack"),
    ("allocs", "profile of allocations", "heaptrack -p PID"),
    ("goroutine", "list of goroutines", "/debug/stack for threads and the number of tasks"),
    ("block", "profile of waiting", "perf sched record -p PID -- sleep 30; perf sched latency"),
    ("mutex", "profile of locks", "perf lock record -p PID -- sleep 30; perf lock report"),
    ("symbol", "symbol lookup", "perf or gdb, which read the symbols of the binary"),
];

/// Mounts the endpoints, if the configuration asks for them.
pub(super) fn mount(host: &dyn HttpHost, start: &Start, fields: &[Field]) -> Vec<Mount> {
    if !start.settings.http.debug_endpoints {
        return Vec::new();
    }
    let normal = Normal { scrub: true, ..Normal::default() };
    let document = normal.document(&*start.setting.registry, fields, &start.loaded.root);
    let (as_json, as_yaml) = (document.to_value(), yaml::to_text(&document));
    let mut mounts = Vec::new();
    let description = "DEBUG: Returns the loaded config as JSON.";
    mounts.extend(endpoint(host, "/debug/config/json", description, move || json(&as_json)));
    let description = "DEBUG: Returns the loaded config as YAML.";
    mounts.extend(endpoint(host, "/debug/config/yaml", description, move || {
        text(StatusCode::OK, as_yaml.clone())
    }));
    let description = "DEBUG: Returns the threads of the process, what they do, and its tasks.";
    mounts.extend(endpoint(host, "/debug/stack", description, || text(StatusCode::OK, stack())));
    for (name, what, instead) in PROFILES {
        let description = "DEBUG: Not available; says what to use instead.";
        mounts.extend(endpoint(host, &format!("/debug/pprof/{name}"), description, move || {
            let instead = instead.replace("PID", &std::process::id().to_string());
            let message = format!("A {what} of the Go runtime is not available. Use: {instead}\n");
            text(StatusCode::NOT_IMPLEMENTED, message)
        }));
    }
    mounts
}

/// Tasks of the runtime and threads of the process.
fn stack() -> String {
    let mut out = String::new();
    let runtime = tokio::runtime::Handle::current().metrics();
    let (workers, tasks) = (runtime.num_workers(), runtime.num_alive_tasks());
    let waiting = runtime.global_queue_depth();
    let _ = writeln!(out, "runtime: {workers} workers, {tasks} tasks, {waiting} in its queue");
    let process = Path::new("/proc/self");
    let status = std::fs::read_to_string(process.join("status")).unwrap_or_default();
    for name in ["VmRSS", "VmHWM", "Threads"] {
        if let Some(value) = field(&status, name) {
            let _ = writeln!(out, "process: {name} {value}");
        }
    }
    let mut threads: Vec<(u64, String)> = std::fs::read_dir(process.join("task"))
        .into_iter()
        .flatten()
        .filter_map(|entry| thread(&entry.ok()?.path()))
        .collect();
    threads.sort();
    if threads.is_empty() {
        out.push_str("threads: this system does not tell\n");
    }
    threads.iter().for_each(|(_, line)| out.push_str(line));
    out
}

/// A thread that is still there: its number, and a line about it.
fn thread(directory: &Path) -> Option<(u64, String)> {
    let number: u64 = directory.file_name()?.to_str()?.parse().ok()?;
    let read = |name: &str| std::fs::read_to_string(directory.join(name)).unwrap_or_default();
    let status = read("status");
    let (name, state) = (field(&status, "Name")?, field(&status, "State")?);
    let switches = field(&status, "nonvoluntary_ctxt_switches").unwrap_or("?");
    // Nanoseconds on a processor, and waiting for one.
    let schedule = read("schedstat");
    let mut times =
        schedule.split_whitespace().map(|it| it.parse::<u64>().unwrap_or(0) / 1_000_000);
    let (ran, waited) = (times.next().unwrap_or(0), times.next().unwrap_or(0));
    let kernel = read("wchan");
    let kernel = if matches!(kernel.trim(), "" | "0") { "-" } else { kernel.trim() };
    let line = format!(
        "thread {number} {name}: {state}, in kernel {kernel}, ran {ran} ms, waited {waited} ms, \
         interrupted {switches} times\n"
    );
    Some((number, line))
}

/// A line of `/proc/*/status`.
fn field<'t>(status: &'t str, name: &str) -> Option<&'t str> {
    status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
}
