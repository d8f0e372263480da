//! The commands, one file each.
//!
//! A command gets its arguments and the [`Setting`] that the flags before it make, and answers
//! with an exit code.

mod blobl;
mod completions;
mod create;
mod demo;
mod docs;
mod echo;
pub mod gateway;
mod lint;
mod list;
mod lsp;
mod run;
mod schema;
mod streams;
mod template;
mod test;

use std::process::ExitCode;
use std::sync::Arc;

use sluice_bloblang::Environment;
use sluice_config::lint::Lint;
use sluice_engine::Registry;

use crate::cli::{Cli, Command, Globals, TemplateCommand};
use crate::config::variables::Variables;
use crate::console;
use crate::language::{self, Imports};
use crate::templates;

/// Version of the program, and when it was built if the build said so.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
pub const BUILT: &str = match option_env!("SLUICE_BUILD_DATE") {
    Some(date) => date,
    None => "unknown",
};

/// What the flags make: the variables and components that configurations may use.
pub struct Setting {
    pub globals: Globals,
    pub variables: Variables,
    pub registry: Arc<Registry>,
    /// The files that mappings of the registry's language were made of.
    pub imports: Imports,
}

impl Setting {
    /// # Errors
    /// What to tell the user: a file of variables or templates that cannot be used.
    pub fn new(globals: Globals) -> Result<Self, String> {
        let variables = Variables::from_files(&globals.env_file)?;
        let mut registry = sluice_components::registry();
        let imports = Imports::default();
        registry.set_language(language::environment(&variables, &imports));
        let lints = templates::register(&mut registry, &globals.templates)
            .map_err(|error| format!("Template file read error: {error}"))?;
        if !globals.chilled && !lints.is_empty() {
            let why =
                "Shutting down due to linter errors, to prevent shutdown run Sluice with --chilled";
            return Err(format!("{}\n{why}", lints.join("\n")));
        }
        Ok(Self { globals, variables, registry: Arc::new(registry), imports })
    }

    /// The same components with another language.
    ///
    /// # Errors
    /// A template that cannot be used.
    pub fn registry_with(&self, language: Environment) -> Result<Registry, String> {
        let mut registry = sluice_components::registry();
        registry.set_language(language);
        templates::register(&mut registry, &self.globals.templates)?;
        Ok(registry)
    }
}

/// Runs what the command line asks for.
pub fn run(cli: Cli) -> ExitCode {
    if cli.version {
        return version();
    }
    let globals = cli.globals;
    match cli.command {
        None => with_setting(globals, run::run),
        Some(Command::Run(args)) => {
            let mut globals = globals.with(args.globals);
            globals.config = args.file.or(globals.config);
            with_setting(globals, run::run)
        }
        Some(Command::Lint(args)) => {
            with_setting(globals.with(args.globals.clone()), |setting| lint::run(&setting, &args))
        }
        Some(Command::List(args)) => with_setting(globals, |setting| list::run(&setting, &args)),
        Some(Command::Docs { directory }) => {
            with_setting(globals, |setting| docs::run(&setting, &directory))
        }
        Some(Command::Create(args)) => {
            with_setting(globals, |setting| create::run(&setting, &args))
        }
        Some(Command::Echo(args)) => {
            let mut globals = globals.with(args.globals);
            globals.config = args.file.or(globals.config);
            with_setting(globals, |setting| echo::run(&setting))
        }
        Some(Command::Test(args)) => {
            with_setting(globals.with(args.globals.clone()), |setting| test::run(&setting, &args))
        }
        Some(Command::Blobl(args)) => with_setting(globals, |setting| blobl::run(&setting, args)),
        Some(Command::Streams(args)) => {
            with_setting(globals.with(args.globals.clone()), |setting| streams::run(setting, args))
        }
        Some(Command::Template(TemplateCommand::Lint { paths })) => {
            with_setting(globals, |setting| template::lint(&setting, &paths))
        }
        Some(Command::Gateway(args)) => {
            with_setting(globals, |setting| gateway::run(setting, &args))
        }
        Some(Command::Demo(args)) => with_setting(globals, |setting| demo::run(&setting, args)),
        Some(Command::Lsp { .. }) => with_setting(globals, |setting| lsp::run(&setting)),
        Some(Command::Completions { shell }) => completions::run(shell),
        Some(Command::Version) => version(),
    }
}

fn with_setting(globals: Globals, run: impl FnOnce(Setting) -> ExitCode) -> ExitCode {
    match Setting::new(globals) {
        Ok(setting) => run(setting),
        Err(message) => {
            console::complain_line(message);
            ExitCode::FAILURE
        }
    }
}

fn version() -> ExitCode {
    console::line(format_args!("Version: {VERSION}\nDate: {BUILT}"));
    ExitCode::SUCCESS
}

/// The line of a text with a finding, the place marked, its document path and what to do; for a
/// person at a terminal.
pub fn excerpt(text: &str, lint: &Lint) -> Option<String> {
    let number = lint.place.line;
    let line = text.lines().nth((number as usize).checked_sub(1)?)?;
    let column = (lint.place.column as usize).saturating_sub(1);
    let lead: String =
        line.chars().take(column).map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
    let gutter = " ".repeat(number.to_string().len());
    let path = if lint.path.is_empty() { String::new() } else { format!(" {}", lint.path) };
    let hint = lint.hint.as_ref().map(|hint| format!("{gutter} = {hint}\n")).unwrap_or_default();
    Some(format!("{gutter} |\n{number} | {line}\n{gutter} | {lead}^{path}\n{hint}"))
}
