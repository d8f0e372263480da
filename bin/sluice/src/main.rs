//! `sluice`: the program. Reads the command line and hands over to the command.
//!
//! The way through the crate: [`cli`] says what can be asked for, `commands` has one file for each
//! command, `config` reads files into documents and settings, `service` runs streams until they
//! end or a signal comes, `log` writes log lines.
//!
//! Holds always: results go to standard output through `console`, complaints to standard error;
//! every command answers with an exit code and never ends the process from within.
//! Lives elsewhere: what streams do (`sluice-engine`), components (`sluice-components`).

#![allow(unreachable_pub)] // a program has no outside

mod cli;
mod commands;
mod config;
mod console;
mod demo;
mod language;
mod log;
mod service;
mod templates;

use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;

use cli::Cli;

/// Messages are made on one thread and dropped on another, many small pieces each.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match Cli::try_parse() {
        Ok(cli) => commands::run(cli),
        Err(error) => refuse(&error),
    }
}

/// Answers a command line that cannot be run. The commands of the reference end with code 0
/// after a wrong flag, as scripts written for it expect.
fn refuse(error: &clap::Error) -> ExitCode {
    let own = ["gateway", "demo", "completions", "version", "lsp"];
    let own_of_blobl = ["fmt", "list", "doc"];
    let mut words = std::env::args().skip(1);
    let is_own = match words.next().as_deref() {
        Some("blobl") => words.next().is_some_and(|word| own_of_blobl.contains(&word.as_str())),
        Some(command) => own.contains(&command),
        None => false,
    };
    match error.kind() {
        ErrorKind::DisplayHelp
        | ErrorKind::DisplayVersion
        | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            console::out(&error.render().ansi_if(console::stdout_has_colours()));
            ExitCode::SUCCESS
        }
        ErrorKind::InvalidSubcommand => {
            console::complain(&error.render().ansi_if(console::stderr_has_colours()));
            ExitCode::FAILURE
        }
        _ => {
            console::complain(&error.render().ansi_if(console::stderr_has_colours()));
            if is_own { ExitCode::from(2) } else { ExitCode::SUCCESS }
        }
    }
}

/// Text of the command-line parser, with or without colours.
trait Rendered {
    fn ansi_if(&self, colours: bool) -> String;
}

impl Rendered for clap::builder::StyledStr {
    fn ansi_if(&self, colours: bool) -> String {
        if colours { self.ansi().to_string() } else { self.to_string() }
    }
}
