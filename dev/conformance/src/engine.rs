//! Running cases of the program: its command line and the streams it runs.
//!
//! Each case gets an empty directory, almost no environment and twenty seconds. Cases name the
//! TCP ports they listen on; they are moved to free ones, so that runs do not meet.

mod case;
mod compare;
mod process;

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result, anyhow, bail};
use sluice_config::Node;

use crate::{Failure, Report};
use case::Case;

/// Cases run at once. Most of them mainly wait.
const AT_ONCE: usize = 4;

/// Runs cases with one program.
#[derive(Clone, Debug)]
pub struct Runner {
    program: PathBuf,
}

impl Runner {
    pub fn new(program: impl Into<PathBuf>) -> Self {
        Self { program: program.into() }
    }

    /// Runs with the program that this workspace builds, built if need be.
    ///
    /// # Errors
    /// It cannot be built.
    pub fn with_built_program() -> Result<Self> {
        let own = std::env::current_exe().context("cannot tell where this program is")?;
        let directory = own.parent().context("this program is nowhere")?;
        let mut build =
            std::process::Command::new(std::env::var_os("CARGO").unwrap_or("cargo".into()));
        build.args(["build", "--quiet", "--package", "sluice", "--bin", "sluice"]);
        if directory.ends_with("release") {
            build.arg("--release");
        }
        build.arg("--target-dir").arg(directory.parent().unwrap_or(directory));
        let status = build.status().context("cannot run cargo")?;
        if !status.success() {
            bail!("the program cannot be built");
        }
        Ok(Self::new(directory.join("sluice")))
    }

    /// Runs all case files (`*.yaml`) of a directory, in order of their names.
    ///
    /// # Errors
    /// A file that cannot be read or is no case file.
    pub fn run_directory(&self, directory: &Path) -> Result<Report> {
        let mut files: Vec<_> = std::fs::read_dir(directory)
            .with_context(|| format!("cannot read {}", directory.display()))?
            .filter_map(|entry| entry.ok().map(|entry| entry.path()))
            .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
            .collect();
        files.sort();
        if files.is_empty() {
            bail!("there are no case files in {}", directory.display());
        }
        let mut report = Report::default();
        for file in files {
            report.merge(self.run_file(&file)?);
        }
        Ok(report)
    }

    /// Runs all cases of a file.
    ///
    /// # Errors
    /// The file cannot be read or is no case file.
    pub fn run_file(&self, path: &Path) -> Result<Report> {
        let cases = read(path)?;
        let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let next = AtomicUsize::new(0);
        let results = Mutex::new(Vec::new());
        let work = || {
            while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                let outcome = case.run(&self.program);
                let mut results = results.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                results.push((case, outcome));
            }
        };
        std::thread::scope(|scope| {
            for _ in 0..AT_ONCE {
                scope.spawn(work);
            }
        });
        let mut results = results.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
        results.sort_by_key(|(case, _)| case.at);
        let mut report = Report::default();
        for (case, outcome) in results {
            match outcome {
                Ok(()) => report.passed += 1,
                Err(differences) => report.failures.push(Failure {
                    file: file.clone(),
                    name: case.name.clone(),
                    program: case.shown(),
                    expected: differences.expected,
                    actual: differences.actual,
                }),
            }
        }
        Ok(report)
    }
}

fn read(path: &Path) -> Result<Vec<Case>> {
    let shown = path.display();
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {shown}"))?;
    let root = sluice_config::parse(&text).map_err(|error| anyhow!("{shown}: {error}"))?;
    let Some(cases) = root.get("cases").and_then(Node::as_list) else {
        bail!("{shown} has no cases");
    };
    let read = |(at, node)| Case::read(at, node).with_context(|| format!("{shown}: case {at}"));
    cases.iter().enumerate().map(read).collect()
}
