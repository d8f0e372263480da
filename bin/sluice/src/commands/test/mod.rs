//! `sluice test`: the unit tests of configurations.
//!
//! A test takes the processors of a configuration (or a mapping), feeds them batches, and checks
//! what comes out. `target` builds what is under test, `case` feeds it, `conditions` judges.

mod case;
mod conditions;
mod json_diff;
mod target;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;

use sluice_config::lint::{Lint, LintKind, LintOptions};
use sluice_config::{Normal, parse};

use super::Setting;
use crate::cli::TestArgs;
use crate::config::document::{Document, Findings};
use crate::config::load::{LoadError, read_part};
use crate::config::settings::{LoggerSettings, ProgramSettings};
use crate::config::tests::{TestCase, Tests};
use crate::config::{files, root};
use crate::console::{self, Colour};
use crate::log;

/// Endings of files that hold the tests of the file without that ending.
const ENDINGS: [&str; 3] = ["_sluice_test", "_bento_test", "_benthos_test"];

/// A test and the line it begins at.
pub(super) struct Located {
    line: u32,
    case: TestCase,
}

/// What went wrong in a test.
struct Failure {
    name: String,
    line: u32,
    reason: String,
}

/// A configuration that did not pass.
struct Failed {
    path: String,
    lints: Vec<Lint>,
    failures: Vec<Failure>,
}

pub fn run(setting: &Setting, args: &TestArgs) -> ExitCode {
    if !setting.globals.set.is_empty() {
        console::complain_line("Cannot override fields with --set (-s) during unit tests");
        return ExitCode::FAILURE;
    }
    if let Some(level) = &args.log {
        let settings: Result<ProgramSettings, _> =
            read_part(&sluice_config::Node::empty_map(), |_| true);
        let settings: Option<LoggerSettings> = settings.ok().map(|settings| settings.logger);
        let started = settings.map(|it| log::init(&it, Some(level), log::Stream::Stdout));
        if let Some(Err(error)) = started {
            console::complain_line(format_args!("Failed to init logger: {error}"));
            return ExitCode::FAILURE;
        }
    }
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            console::complain_line(format_args!("cannot start: {error}"));
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(run_all(setting, &args.paths)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(message) => {
            console::complain_line(message);
            ExitCode::FAILURE
        }
    }
}

/// Whether there were tests and all passed.
async fn run_all(setting: &Setting, paths: &[String]) -> Result<bool, String> {
    let targets = targets(setting, paths)
        .map_err(|error| format!("Failed to obtain test targets: {error}"))?;
    let colours = console::stdout_has_colours();
    if targets.is_empty() {
        console::line(Colour::Yellow.paint("No tests were found", colours));
        return Ok(false);
    }
    let mut failed = Vec::new();
    for (path, cases) in targets {
        let unable = |error: String| format!("Failed to execute test target '{path}': {error}");
        let lints = lint(setting, &path).map_err(unable)?;
        let mut failures = Vec::new();
        for (at, located) in cases.iter().enumerate() {
            let reasons = case::run(setting, &path, &located.case)
                .await
                .map_err(|error| unable(format!("test case {at} failed: {error}")))?;
            failures.extend(reasons.into_iter().map(|reason| Failure {
                name: located.case.name.clone(),
                line: located.line,
                reason,
            }));
        }
        if lints.is_empty() && failures.is_empty() {
            console::line(format_args!(
                "Test '{path}' {}",
                Colour::Green.paint("succeeded", colours)
            ));
        } else {
            console::line(format_args!("Test '{path}' {}", Colour::Red.paint("failed", colours)));
            failed.push(Failed { path, lints, failures });
        }
    }
    report(&failed);
    Ok(failed.is_empty())
}

fn report(failed: &[Failed]) {
    if failed.is_empty() {
        return;
    }
    console::out("\nFailures:\n\n");
    for (at, Failed { path, lints, failures }) in failed.iter().enumerate() {
        if at > 0 {
            console::line("");
        }
        console::out(&format!("--- {path} ---\n\n"));
        for lint in lints {
            console::line(format_args!("Lint: {lint}"));
        }
        if !lints.is_empty() && !failures.is_empty() {
            console::line("");
        }
        let mut previous = "";
        for (at, failure) in failures.iter().enumerate() {
            if failure.name != previous {
                if at > 0 {
                    console::line("");
                }
                console::line(format_args!("{} [line {}]:", failure.name, failure.line));
                previous = &failure.name;
            }
            console::line(&failure.reason);
        }
    }
}

/// The tests of each configuration that has some.
fn targets(setting: &Setting, paths: &[String]) -> Result<BTreeMap<String, Vec<Located>>, String> {
    let mut targets = BTreeMap::new();
    for path in files::expand(paths)? {
        let (config, definitions) = path_pair(&path);
        let cases = definition(setting, &config, &definitions)?;
        if !cases.is_empty() {
            targets.insert(config, cases);
        }
    }
    Ok(targets)
}

/// The configuration that a path is about, and where its tests may be.
fn path_pair(path: &str) -> (String, Vec<String>) {
    let path = Path::new(path);
    let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let extension =
        path.extension().map(|it| format!(".{}", it.to_string_lossy())).unwrap_or_default();
    let named = |stem: &str| files::clean(&path.with_file_name(format!("{stem}{extension}")));
    match ENDINGS.iter().find_map(|ending| stem.strip_suffix(ending)) {
        Some(stem) => (named(stem), vec![files::clean(path)]),
        None => {
            let beside = ENDINGS.iter().map(|ending| named(&format!("{stem}{ending}")));
            (files::clean(path), beside.collect())
        }
    }
}

fn definition(
    setting: &Setting,
    config: &str,
    definitions: &[String],
) -> Result<Vec<Located>, String> {
    if let Err(error) = std::fs::metadata(config) {
        let why = files::open_error(config, &error).replacen("open", "stat", 1);
        return Err(format!("unable to access target config file '{config}': {why}"));
    }
    let is_there = |path: &&String| std::fs::exists(path).unwrap_or(false);
    let path = match definitions.iter().find(is_there) {
        Some(path) => path,
        None if config.ends_with(".yaml") || config.ends_with(".yml") => config,
        None => return Ok(Vec::new()),
    };
    let failed = |error: String| format!("failed to parse test definition from '{path}': {error}");
    let text = files::read(path)
        .map_err(|error| format!("failed to read test definition from '{path}': {error}"))?;
    let root = parse(&String::from_utf8_lossy(&text)).map_err(|error| failed(error.to_string()))?;
    // Fields that tests do not have are the linter's business.
    let known = Normal::default().document(&*setting.registry, Tests::fields(), &root);
    let tests: Tests = read_part(&known, |_| true).map_err(|error| failed(error.to_string()))?;
    let lines = known.get("tests").and_then(sluice_config::Node::as_list).unwrap_or_default();
    let cases = tests.tests.unwrap_or_default().into_iter().zip(lines);
    Ok(cases.map(|(case, node)| Located { line: node.at.line, case }).collect())
}

/// What is wrong with the configuration itself. Variables may be set by its tests.
fn lint(setting: &Setting, path: &str) -> Result<Vec<Lint>, String> {
    let registry = &*setting.registry;
    let document = Document::read(path, &setting.variables).map_err(|error| error.to_string())?;
    let found = document.examine(registry, root::full(), LintOptions::default());
    let files = [(String::new(), found)];
    if let Some(error) = LoadError::of_findings(&files, false) {
        return Err(error.to_string());
    }
    let [(_, Findings { mut lints, .. })] = files;
    lints.retain(|lint| lint.kind != LintKind::MissingVariable);
    Ok(lints)
}
