//! `sluice demo`: see the module of the same name.

use std::process::ExitCode;

use crate::console;
use crate::demo::{self, DemoArgs};

use super::Setting;

pub fn run(setting: &Setting, args: DemoArgs) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            console::complain_line(format_args!("cannot start: {error}"));
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(demo::run(args, setting.registry.clone())) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            console::complain_line(format_args!("demo: {error:#}"));
            ExitCode::FAILURE
        }
    }
}
