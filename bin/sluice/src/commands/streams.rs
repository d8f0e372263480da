//! `sluice streams`: many streams, managed by files and over HTTP.

use std::process::ExitCode;

use super::Setting;
use crate::cli::StreamsArgs;
use crate::config::load::{Main, Scope};
use crate::service::{self, Start, StreamsMode};

pub fn run(setting: Setting, args: StreamsArgs) -> ExitCode {
    let main = Main::find(setting.globals.config.as_deref(), &setting.variables);
    let mode = StreamsMode {
        paths: args.paths,
        has_api: !args.no_api,
        prefix_endpoints: args.prefix_stream_endpoints,
    };
    match Start::prepare(setting, main, Scope::WithoutStream) {
        Ok(start) => service::run_streams(start, mode),
        Err(code) => code,
    }
}
