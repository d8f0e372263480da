//! Running streams: from a configuration to an exit code.
//!
//! A [`Start`] is everything that must be right before anything runs. `single` runs one stream,
//! `streams` many; both live under the same signals, with the same two-step stop.

mod debug;
mod endpoints;
mod observe;
mod observers;
pub mod signals;
mod single;
mod streams;
mod watch;

pub use observers::StreamObservers;
pub use signals::Signals;

pub use streams::StreamsMode;

use std::process::ExitCode;
use std::time::Duration;

use sluice_config::Node;
use sluice_config::lint::Lint;
use sluice_engine::StreamConfig;
use tokio::runtime::{Builder, Runtime};
use tracing::{error, info, warn};

use crate::commands::{Setting, VERSION};
use crate::config::load::{FileLint, Loaded, Main, Scope, load};
use crate::config::settings::ProgramSettings;
use crate::{console, log};

/// What is known before anything runs.
pub struct Start {
    pub setting: Setting,
    pub loaded: Loaded,
    pub stream: StreamConfig,
    pub settings: ProgramSettings,
}

impl Start {
    /// Reads the configuration, starts logging and checks that the linter lets it pass.
    ///
    /// # Errors
    /// The exit code; why was said already.
    pub fn prepare(setting: Setting, main: Main, scope: Scope) -> Result<Self, ExitCode> {
        let refuse = |error: &dyn std::fmt::Display| {
            console::complain_line(format_args!("Configuration file read error: {error}"));
            ExitCode::FAILURE
        };
        let loaded = load(main, &setting.globals, &setting.variables, &setting.registry, scope)
            .map_err(|error| refuse(&error))?;
        let settings = loaded.settings().map_err(|error| {
            refuse(&error);
            let lints = loaded.lints.iter().filter(|found| !found.lint.is_warning);
            lints.for_each(|found| console::complain_line(found.located()));
            loaded.misfits().iter().for_each(console::complain_line);
            ExitCode::FAILURE
        })?;
        let is_stdout = scope == Scope::Full && writes_to_stdout(&loaded.root);
        let log_stream = if is_stdout { log::Stream::Stderr } else { log::Stream::Stdout };
        log::init(&settings.logger, setting.globals.log_level.as_deref(), log_stream).map_err(
            |error| {
                console::complain_line(format_args!("Failed to create logger: {error}"));
                ExitCode::FAILURE
            },
        )?;
        match &loaded.main {
            Main::Nothing => info!(sluice_version = VERSION, "Running without a main config file"),
            Main::File(path) => {
                info!(sluice_version = VERSION, path, "Running main config from specified file");
            }
            Main::DefaultFile(path) => info!(
                sluice_version = VERSION,
                path, "Running main config from file found in a default path"
            ),
            Main::Variable(name, _) => {
                info!(
                    sluice_version = VERSION,
                    variable = name,
                    "Running main config from a variable"
                );
            }
        }
        if !passes_lint(&loaded.lints, setting.globals.chilled) {
            loaded.misfits().iter().for_each(|misfit| error!("{misfit}"));
            error!(
                "Shutting down due to linter errors, to prevent shutdown run Sluice with --chilled"
            );
            return Err(ExitCode::FAILURE);
        }
        let misfits = loaded.misfits();
        misfits.iter().for_each(|misfit| error!("{misfit}"));
        let stream = loaded.stream().map_err(|_| ExitCode::FAILURE)?;
        if !misfits.is_empty() {
            return Err(ExitCode::FAILURE);
        }
        Ok(Self { setting, loaded, stream, settings })
    }
}

/// Logs what the linter says. Chilled, nothing of it stops a start.
fn passes_lint(lints: &[FileLint], chilled: bool) -> bool {
    let (warnings, errors): (Vec<_>, Vec<_>) =
        lints.iter().partition(|found| found.lint.is_warning);
    for found in &errors {
        let Lint { path, place, hint, .. } = &found.lint;
        let path = Some(path.as_str()).filter(|path| !path.is_empty());
        let (at, hint) = (path.map(|_| place.to_string()), hint.as_deref());
        if chilled {
            warn!(lint = %found, path, at, hint, "Config lint error");
        } else {
            error!(lint = %found, path, at, hint, "Config lint error");
        }
    }
    let passes = chilled || errors.is_empty();
    if passes {
        for found in warnings {
            warn!(lint = %found, "Config lint warning");
        }
    }
    passes
}

/// Whether the main output writes where logs would go.
fn writes_to_stdout(root: &Node) -> bool {
    match root.get("output") {
        None => true,
        Some(output) => {
            let named = output.get("type").and_then(Node::as_text);
            named == Some("stdout") || (named.is_none() && output.get("stdout").is_some())
        }
    }
}

/// Runs one stream to its end.
pub fn run_stream(start: Start) -> ExitCode {
    with_runtime(single::run(start))
}

/// Runs many streams until a signal comes.
pub fn run_streams(start: Start, mode: StreamsMode) -> ExitCode {
    with_runtime(streams::run(start, mode))
}

/// Waits before a stop begins; another signal cuts that short.
async fn delay(delay: Duration, signals: &mut Signals) {
    if delay.is_zero() {
        return;
    }
    info!("Shutdown delay is in effect for {}", sluice_config::format_duration(delay));
    tokio::select! {
        () = tokio::time::sleep(delay) => {}
        signal = signals.next() => warn!("shutdown delay interrupted by signal: {signal}"),
    }
}

/// Default of `pipeline.threads`.
fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Stack of a thread, of which only what was used takes memory. Programs of processors (`jq`) that find
/// little left get a stack of their own for each message, which costs more than most of them, and
/// threads wait for each other when they ask the kernel for it.
const STACK: usize = 8 << 20;

/// A runtime for streams.
///
/// # Errors
/// The system has no threads left.
pub(crate) fn runtime() -> std::io::Result<Runtime> {
    builder().build()
}

fn builder() -> Builder {
    let mut builder = Builder::new_multi_thread();
    builder.enable_all().thread_stack_size(STACK);
    builder
}

/// The runtimes of a program that serves connections.
pub(crate) struct Serving {
    pub(crate) connections: Runtime,
    /// Where streams work that one thread cannot keep up with.
    pub(crate) crew: Runtime,
}

impl Serving {
    /// So many workers for connections; one less than there are cores by default. The last core has
    /// enough to do: the kernel's part of receiving, and threads of clients such as Kafka's. A worker
    /// that is not interrupted, on a core of its own, needs a fifth less time for a request.
    ///
    /// # Errors
    /// The system has no threads left.
    pub(crate) fn new(workers: Option<usize>) -> std::io::Result<Self> {
        let workers = workers.unwrap_or_else(|| cores().saturating_sub(1).max(1));
        let connections = builder().worker_threads(workers).build()?;
        Ok(Self { connections, crew: runtime()? })
    }
}

/// Runs a future on a runtime of its own. A thread that still waits for standard input does not
/// keep the program from ending.
fn with_runtime(future: impl Future<Output = ExitCode>) -> ExitCode {
    match runtime() {
        Ok(runtime) => {
            let code = runtime.block_on(future);
            runtime.shutdown_timeout(Duration::from_millis(100));
            code
        }
        Err(error) => {
            error!("cannot start: {error}");
            ExitCode::FAILURE
        }
    }
}
