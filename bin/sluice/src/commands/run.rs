//! `sluice run`: one stream, until it ends or is told to.

use std::process::ExitCode;

use super::Setting;
use crate::config::load::{Main, Scope};
use crate::service::{self, Start};

pub fn run(setting: Setting) -> ExitCode {
    let main = Main::find(setting.globals.config.as_deref(), &setting.variables);
    match Start::prepare(setting, main, Scope::Full) {
        Ok(start) => service::run_stream(start),
        Err(code) => code,
    }
}
