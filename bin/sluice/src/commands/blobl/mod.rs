//! `sluice blobl`: run a mapping on lines, and tools for those who write mappings.

mod format;
mod lines;
mod server;
mod words;

use std::process::ExitCode;

use sluice_bloblang::Environment;

use super::Setting;
use crate::cli::{BloblArgs, BloblCommand};
use crate::config::files;
use crate::console::{self, Colour};

pub fn run(setting: &Setting, args: BloblArgs) -> ExitCode {
    let language = setting.registry.language();
    match args.command {
        None => lines::run(language, &args.lines),
        Some(BloblCommand::Fmt(args)) => format::run(language, &args),
        Some(BloblCommand::Server(args)) => server::run(language, &args),
        Some(BloblCommand::List(args)) => words::list(language, &args),
        Some(BloblCommand::Doc { name, format }) => words::doc(language, &name, format),
    }
}

fn complain(message: impl std::fmt::Display) {
    console::complain_line(Colour::Red.paint(message, console::stderr_has_colours()));
}

/// The language for the mapping in a file: what it imports is looked for beside it.
fn beside(language: &Environment, path: &str) -> Environment {
    let directory = std::path::Path::new(path).parent();
    let directory = directory.map_or_else(|| ".".into(), files::clean);
    language.clone().with_directory(&directory)
}
