//! `sluice completions`: scripts that let shells complete command lines.

use std::process::ExitCode;

use clap::CommandFactory;
use clap_complete::Shell;

use crate::cli::Cli;
use crate::console;

pub fn run(shell: Shell) -> ExitCode {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "sluice", &mut script);
    console::out(&String::from_utf8_lossy(&script));
    ExitCode::SUCCESS
}
