//! Benchmarks of the built program. Each measures the program and its limit in one run and prints
//! their ratio, so that the figures mean something on any machine.

mod bloblang;
mod engine;
mod events;
mod http;
mod load;
mod pipeline;
mod process;
mod report;
mod soak;
mod start;
mod tenants;
mod threads;
mod users;

use std::path::PathBuf;

use anyhow::Result;
use clap::{Parser, Subcommand};

/// Measures the built program against its limits.
#[derive(Parser)]
#[command(after_help = "Build first: make build. Kafka benches need a broker: \
    dev/services/with kafka -- cargo run --release -p sluice-bench -- http")]
struct Arguments {
    /// The program to measure.
    #[arg(long, default_value = "target/release/sluice", global = true)]
    program: PathBuf,
    #[command(subcommand)]
    bench: Bench,
}

#[derive(Subcommand)]
enum Bench {
    /// Mappings, against parsing and printing their messages; needs no built program.
    Bloblang(bloblang::Options),
    /// Lines of a file through two mappings, against parsing and printing them in a bare loop.
    Pipeline(pipeline::Options),
    /// POST through a stream to Kafka and back, against a bare hyper echo server.
    Http(http::Options),
    /// The bare hyper echo server, a process of its own like the program it is compared with.
    #[command(hide = true)]
    Echo(http::Echo),
    /// What one more user of a stream costs.
    Users(users::Options),
    /// What the engine costs: an empty pipeline, single processors, a fan-out.
    Engine(engine::Options),
    /// What a second pipeline thread gains on processors that burn CPU.
    Threads(threads::Options),
    /// Minutes of random faults: nothing is lost, memory stays flat.
    Soak(soak::Options),
    /// Many users, each with an own consumer group and WebSocket.
    Tenants(tenants::Options),
    /// Users who work off a backlog, a process of their own beside those that are measured.
    #[command(hide = true)]
    LateTenants(tenants::Late),
    /// Size of the program and time until it listens with many APIs.
    Start(start::Options),
}

fn main() -> Result<()> {
    let Arguments { program, bench } = Arguments::parse();
    let built = || {
        program.canonicalize().map_err(|error| {
            anyhow::anyhow!("{}: {error} (build it first: make build)", program.display())
        })
    };
    match bench {
        Bench::Bloblang(options) => bloblang::run(&options),
        Bench::Pipeline(options) => pipeline::run(&built()?, &options),
        Bench::Http(options) => http::run(&built()?, &options),
        Bench::Echo(options) => http::echo(&options),
        Bench::Users(options) => users::run(&built()?, &options),
        Bench::Engine(options) => engine::run(&built()?, &options),
        Bench::Threads(options) => threads::run(&built()?, &options),
        Bench::Soak(options) => soak::run(&built()?, &options),
        Bench::Start(options) => start::run(&built()?, &options),
        Bench::LateTenants(options) => tenants::late(&options),
        Bench::Tenants(options) => tenants::run(&built()?, &options),
    }
}
