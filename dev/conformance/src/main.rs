//! `sluice-conformance bloblang|engine DIR`: runs recorded cases and prints what differs.

use std::{
    io::Write,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Result, bail};
use sluice_conformance::Report;
use sluice_conformance::bloblang;
use sluice_conformance::engine::Runner;

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

const USAGE: &str = "usage: sluice-conformance bloblang PATH...
       sluice-conformance engine [--program PROGRAM] PATH...";

/// Whether all cases passed.
fn run() -> Result<bool> {
    let arguments: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let report = match arguments.as_slice() {
        [kind, paths @ ..] if kind == Path::new("bloblang") && !paths.is_empty() => {
            each(paths, bloblang::run_directory, bloblang::run_file)?
        }
        [kind, flag, program, paths @ ..]
            if kind == Path::new("engine")
                && flag == Path::new("--program")
                && !paths.is_empty() =>
        {
            run_engine(&Runner::new(std::path::absolute(program)?), paths)?
        }
        [kind, paths @ ..] if kind == Path::new("engine") && !paths.is_empty() => {
            run_engine(&Runner::with_built_program()?, paths)?
        }
        _ => bail!(USAGE),
    };
    let mut out = std::io::stdout().lock();
    for failure in &report.failures {
        writeln!(out, "{failure}")?;
    }
    writeln!(out, "{} passed, {} failed", report.passed, report.failures.len())?;
    Ok(report.failures.is_empty())
}

fn run_engine(runner: &Runner, paths: &[PathBuf]) -> Result<Report> {
    each(paths, |path| runner.run_directory(path), |path| runner.run_file(path))
}

/// Runs the cases of files, and of all files of directories.
fn each(
    paths: &[PathBuf],
    run_directory: impl Fn(&Path) -> Result<Report>,
    run_file: impl Fn(&Path) -> Result<Report>,
) -> Result<Report> {
    let mut report = Report::default();
    for path in paths {
        report.merge(if path.is_dir() { run_directory(path)? } else { run_file(path)? });
    }
    Ok(report)
}
