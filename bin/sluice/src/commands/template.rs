//! `sluice template lint`: checks templates and runs their tests.

use std::process::ExitCode;

use sluice_config::lint::{LintOptions, Linter};
use sluice_config::parse;
use sluice_value::Value;

use super::Setting;
use crate::config::files;
use crate::console::{self, Colour};
use crate::templates::{Template, TemplateFile};

pub fn lint(setting: &Setting, paths: &[String]) -> ExitCode {
    let targets = match files::expand(paths) {
        Ok(targets) => targets,
        Err(error) => {
            console::complain_line(format_args!("Lint paths error: {error}"));
            return ExitCode::FAILURE;
        }
    };
    let mut findings = Vec::new();
    for path in targets {
        let found = check(setting, &path).unwrap_or_else(|error| vec![format!("(1,1) {error}")]);
        findings.extend(found.into_iter().map(|finding| format!("{path}: {finding}")));
    }
    let colours = console::stderr_has_colours();
    for finding in &findings {
        console::complain_line(Colour::Yellow.paint(finding, colours));
    }
    if findings.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// What is wrong with a template.
fn check(setting: &Setting, path: &str) -> Result<Vec<String>, String> {
    let text = files::read(path)?;
    let root = parse(&String::from_utf8_lossy(&text)).map_err(|error| error.to_string())?;
    let registry = &*setting.registry;
    let mut linter = Linter::new(registry, LintOptions::default());
    linter.object(TemplateFile::fields(), &root);
    let mut findings: Vec<String> = linter.finish().iter().map(ToString::to_string).collect();
    if !findings.is_empty() {
        return Ok(findings);
    }
    let template = Template::compile(&root, registry)?;
    for test in template.file.tests.iter().flatten() {
        let failed = |error: String| format!("test '{}': {error}", test.name);
        let block = template.expand(&test.config).map_err(&failed)?;
        let mut linter = Linter::new(registry, LintOptions::default());
        linter.component(template.kind, &block);
        findings.extend(
            linter
                .finish()
                .iter()
                .map(|lint| failed(format!("lint error in resulting config: {lint}"))),
        );
        let Some(expected) = test.expected.as_ref().map(sluice_config::Node::to_value) else {
            continue;
        };
        let actual = block.to_value();
        if !matches!(&expected, Value::Null) && expected != actual {
            findings.push(failed(format!(
                "mismatch between expected and actual resulting config:\n  expected: {expected}\n  actual:   {actual}"
            )));
        }
    }
    Ok(findings)
}
