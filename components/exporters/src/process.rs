//! Metrics of the process, where the system tells them.

use crate::prometheus::{line, number};

/// Ticks per second in which the kernel counts processor time: the same on every Linux.
const TICKS: f64 = 100.0;
const PAGE: f64 = 4096.0;

/// Appends what `/proc` knows; nothing on systems without it.
pub(crate) fn render(out: &mut String) {
    let Ok(stat) = std::fs::read_to_string("/proc/self/stat") else { return };
    // The name in brackets may hold anything; fields are counted behind it.
    let fields: Vec<f64> = stat
        .rsplit_once(") ")
        .map(|(_, rest)| rest.split(' ').skip(1).filter_map(|it| it.trim().parse().ok()).collect())
        .unwrap_or_default();
    let field = |at: usize| fields.get(at - 4).copied().unwrap_or_default();
    let booted: f64 = std::fs::read_to_string("/proc/stat")
        .ok()
        .and_then(|text| text.lines().find_map(|line| line.strip_prefix("btime ")?.parse().ok()))
        .unwrap_or_default();
    let open = std::fs::read_dir("/proc/self/fd").map_or(0, Iterator::count);
    let limit: f64 = std::fs::read_to_string("/proc/self/limits")
        .ok()
        .and_then(|text| {
            let line = text.lines().find_map(|line| line.strip_prefix("Max open files"))?;
            line.split_whitespace().next()?.parse().ok()
        })
        .unwrap_or_default();
    let all = [
        (
            "process_cpu_seconds_total",
            "counter",
            "Processor time in seconds",
            (field(14) + field(15)) / TICKS,
        ),
        ("process_max_fds", "gauge", "Most files that may be open", limit),
        ("process_open_fds", "gauge", "Open files", open as f64),
        ("process_resident_memory_bytes", "gauge", "Memory in use, in bytes", field(24) * PAGE),
        (
            "process_start_time_seconds",
            "gauge",
            "Start as seconds since 1970",
            booted + field(22) / TICKS,
        ),
        ("process_virtual_memory_bytes", "gauge", "Address space in use, in bytes", field(23)),
    ];
    for (name, kind, help, value) in all {
        line(out, format_args!("# HELP {name} {help}"));
        line(out, format_args!("# TYPE {name} {kind}"));
        line(out, format_args!("{name} {}", number(value)));
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn this_process_has_memory_and_files() {
        let mut out = String::new();
        super::render(&mut out);
        let value = |name: &str| -> f64 {
            let line = out.lines().find_map(|line| line.strip_prefix(&format!("{name} "))).unwrap();
            line.parse().unwrap()
        };
        assert!(value("process_resident_memory_bytes") > 1e5);
        assert!(value("process_open_fds") >= 3.0);
        assert!(value("process_start_time_seconds") > 1.6e9);
    }
}
