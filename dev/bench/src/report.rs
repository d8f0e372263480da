//! Lines of figures.

use std::io::Write;

/// Prints one figure. Benchmarks talk to people on standard output.
pub(crate) fn figure(name: &str, value: impl std::fmt::Display) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{name:<46} {value}"); // nobody is left to tell
}

/// Prints a ratio and the bound it is held against.
pub(crate) fn ratio(name: &str, value: f64, bound: &str) {
    figure(name, format!("{value:.2} ×   (goal: {bound})"));
}
