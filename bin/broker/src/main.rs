//! `sluice-broker`: a Kafka-compatible broker that needs no set-up.
//!
//! The protocol, the consumer groups and the storage are tansu's; this program gives them a command line,
//! a data directory with one owner, topics created at start or on first use, fetches that wake up when
//! data arrives, and an orderly end.
//!
//! Holds always: a batch is acknowledged after its SQLite transaction was committed, so it survives the
//! end of the process, however that comes; a data directory is used by one broker at a time.

mod arrivals;
mod cli;
mod delete;
mod fetch;
mod groups;
mod metadata;
mod offsets;
mod produce;
mod records;
mod routes;
mod server;
mod store;
mod tables;
mod topics;

use std::{
    io::{self, Write as _},
    process::ExitCode,
    time::{Duration, Instant},
};

use clap::Parser as _;
use tokio::{
    io::AsyncReadExt as _,
    signal::unix::{SignalKind, signal},
};
use tokio_util::sync::CancellationToken;
use tracing::error;
use tracing_subscriber::EnvFilter;

use crate::{
    cli::Options,
    server::{Ended, Server},
    store::DataDirectory,
};

fn main() -> ExitCode {
    let options = Options::parse();
    log_to_stderr(&options.log);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return report(&anyhow::Error::new(error).context("cannot start")),
    };
    let outcome = runtime.block_on(run(options));
    // A storage call that hangs must not keep the process from ending.
    runtime.shutdown_timeout(Duration::from_secs(2));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => report(&error),
    }
}

async fn run(options: Options) -> anyhow::Result<()> {
    let began = Instant::now();
    let stop = CancellationToken::new();
    stop_on_signal(&stop)?;
    if options.stop_with_stdin {
        stop_with_stdin(stop.clone());
    }

    // The port first: without it nothing is created on disk.
    let server = Server::bind(&options.listen).await?;
    let advertised = options.advertise.clone().unwrap_or_else(|| server.reachable_address());
    let directory = DataDirectory::take(&options.data)?;
    let mut store = directory.open(&advertised).await?;
    let created =
        topics::create_missing(store.storage(), &options.create_topics, options.partitions).await?;
    announce(&options, &server, &advertised, &created, began.elapsed())?;

    loop {
        let broker = routes::Broker::new(&store, options.new_topics())?;
        let ended = server.serve(&broker, &store, &stop).await?;
        store.close().await;
        match ended {
            Ended::Stopped => break,
            Ended::StorageFailed(error) => error!(%error, "starting the storage anew"),
        }
        store = directory.open(&advertised).await?;
    }
    say("stopped")
}

/// The first line is for programs that wait for it; the others are for people.
fn announce(
    options: &Options,
    server: &Server,
    advertised: &cli::Address,
    created: &[String],
    took: Duration,
) -> anyhow::Result<()> {
    say(&format!("listening on {}", server.local_address()))?;
    say(&format!("  clients are sent to  {advertised}"))?;
    say(&format!("  data                 {}", options.data.display()))?;
    if !created.is_empty() {
        say(&format!("  topics created       {}", created.join(", ")))?;
    }
    let others = if options.no_auto_create { "refused" } else { "created on first use" };
    say(&format!("  unknown topics       {others}"))?;
    say(&format!("ready after {} ms; Ctrl-C stops", took.as_millis()))
}

/// The one place that writes to stdout. A reader that went away is no reason to stop serving.
fn say(line: &str) -> anyhow::Result<()> {
    match writeln!(io::stdout().lock(), "{line}") {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

fn report(error: &anyhow::Error) -> ExitCode {
    // Nothing can be done about a closed stderr.
    let _ = writeln!(io::stderr().lock(), "error: {error:#}");
    ExitCode::FAILURE
}

fn log_to_stderr(filter: &str) {
    tracing_subscriber::fmt()
        .with_writer(io::stderr)
        .with_env_filter(EnvFilter::new(filter))
        .with_target(false)
        .init();
}

fn stop_on_signal(stop: &CancellationToken) -> io::Result<()> {
    for kind in [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()] {
        let mut arrived = signal(kind)?;
        let stop = stop.clone();
        tokio::spawn(async move {
            if arrived.recv().await.is_some() {
                stop.cancel();
            }
        });
    }
    Ok(())
}

/// Ends the broker when its parent closes the pipe, which also happens when the parent is killed.
fn stop_with_stdin(stop: CancellationToken) {
    tokio::spawn(async move {
        let mut ignored = [0; 64];
        let mut stdin = tokio::io::stdin();
        while matches!(stdin.read(&mut ignored).await, Ok(read) if read > 0) {}
        stop.cancel();
    });
}
