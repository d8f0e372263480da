//! `sluice-conformance bloblang DIR`: runs recorded cases and prints what differs.

use std::{
    io::Write,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Result, bail};
use sluice_conformance::bloblang;

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "{error:#}");
            ExitCode::from(2)
        }
    }
}

/// Whether all cases passed.
fn run() -> Result<bool> {
    let arguments: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let [kind, directories @ ..] = arguments.as_slice() else {
        bail!("usage: sluice-conformance bloblang DIR...")
    };
    if kind != Path::new("bloblang") || directories.is_empty() {
        bail!("usage: sluice-conformance bloblang DIR...");
    }
    let mut out = std::io::stdout().lock();
    let mut report = sluice_conformance::Report::default();
    for path in directories {
        report.merge(match path.is_dir() {
            true => bloblang::run_directory(path)?,
            false => bloblang::run_file(path)?,
        });
    }
    for failure in &report.failures {
        writeln!(out, "{failure}")?;
    }
    writeln!(out, "{} passed, {} failed", report.passed, report.failures.len())?;
    Ok(report.failures.is_empty())
}
