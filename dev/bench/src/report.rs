//! Lines and tables of figures.

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

/// Prints a table, its columns as wide as they have to be. All rows have as many cells as `head`.
pub(crate) fn table(title: &str, head: &[&str], rows: &[Vec<String>]) {
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.chain([head[column].chars().count()]).max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    let line = |cells: &mut dyn Iterator<Item = &str>| {
        let cells = cells.zip(&widths).enumerate().map(|(at, (cell, &width))| match at {
            0 => format!("{cell:<width$}"),
            _ => format!("{cell:>width$}"),
        });
        format!("  {}", cells.collect::<Vec<_>>().join("  "))
    };
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{title}\n{}", line(&mut head.iter().copied()));
    for row in rows {
        let _ = writeln!(out, "{}", line(&mut row.iter().map(String::as_str)));
    }
}
