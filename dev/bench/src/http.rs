//! POST through the stream `in` to Kafka with a reply, against a bare hyper echo server.

use std::convert::Infallible;
use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;

use crate::events::event;
use crate::load::{Outcome, post_for};
use crate::process::{Running, free_port};
use crate::report::{figure, ratio};

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Keep-alive clients.
    #[arg(long, default_value_t = 64)]
    clients: usize,
    /// Seconds of each run.
    #[arg(long, default_value_t = 3)]
    seconds: u64,
    /// Runs of each, in turns: a machine's speed changes from minute to minute.
    #[arg(long, default_value_t = 5)]
    turns: usize,
    /// Seconds before it, in which a fresh broker compiles what it runs most.
    #[arg(long, default_value_t = 40)]
    warm_up: u64,
    /// Address of a Kafka broker.
    #[arg(long, env = "SLUICE_TEST_KAFKA")]
    kafka: String,
}

#[derive(clap::Args)]
pub(crate) struct Echo {
    /// Loopback port to listen on.
    #[arg(long)]
    port: u16,
}

/// Serves until it is ended.
pub(crate) fn echo(options: &Echo) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(echo_server(options.port))
}

pub(crate) fn run(program: &Path, options: &Options) -> Result<()> {
    // One thread for all clients: where the cores are few, a load that takes turns on each of them with
    // what it measures measures itself.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let duration = Duration::from_secs(options.seconds);
    let body = event(7);
    let directory = tempfile::tempdir()?;
    let echo_port = free_port()?;
    let arguments = ["echo", "--port", &echo_port.to_string()];
    let mut echo = Running::start(&std::env::current_exe()?, &arguments, directory.path())?;
    echo.wait_for_port(echo_port, Duration::from_secs(5))?;

    let (mut gateway, _directory, port) = start_gateway(program, &options.kafka)?;
    let path = "/stream-demo/push-event?user=alice";
    let warm_up = Duration::from_secs(options.warm_up);
    runtime.block_on(post_for(port, path, &body, options.clients, warm_up))?;
    let (mut cpu, mut bare, mut ours) = (Duration::ZERO, Vec::new(), Vec::new());
    for _ in 0..options.turns.max(1) {
        bare.push(runtime.block_on(post_for(echo_port, "/", &body, options.clients, duration))?);
        let before = gateway.cpu()?;
        ours.push(runtime.block_on(post_for(port, path, &body, options.clients, duration))?);
        cpu += gateway.cpu()?.saturating_sub(before);
    }
    drop(echo);
    let (bare, ours) = (Outcome::of_turns(bare), Outcome::of_turns(ours));
    figure("bare hyper echo, requests per second", format!("{:.0}", bare.per_second));
    figure("stream to Kafka with reply, requests per second", format!("{:.0}", ours.per_second));
    figure(
        "  p50 / p99, ms",
        format!("{:.1} / {:.1}", millis(ours.quantile(0.5)), millis(ours.quantile(0.99))),
    );
    figure(
        "  gateway CPU per request, µs",
        format!("{:.0}", cpu.as_secs_f64() * 1e6 / ours.latencies.len() as f64),
    );
    ratio("stream / bare", ours.per_second / bare.per_second, "at least 0.25");
    gateway.wait_for_port(port, Duration::from_secs(1))?;
    Ok(())
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

/// The demo's API with its stream `in` alone.
fn api(kafka: &str) -> serde_json::Value {
    let mapping =
        "root = this\nroot.user_id = \"$tyk_context.request_data_user\"\nroot.job_id = uuid_v4()";
    serde_json::json!({
        "info": { "title": "streams-demo", "version": "1.0.0" },
        "openapi": "3.0.3",
        "paths": {},
        "x-tyk-api-gateway": {
            "info": { "name": "stream-demo", "state": { "active": true } },
            "middleware": { "global": { "contextVariables": { "enabled": true } } },
            "server": { "listenPath": { "strip": true, "value": "/stream-demo/" } },
            "upstream": { "url": "" },
        },
        "x-tyk-streaming": { "streams": { "in": {
            "input": { "http_server": { "path": "/push-event", "ws_path": "/ws-out" } },
            "pipeline": { "processors": [{ "mapping": mapping }] },
            "output": { "broker": { "outputs": [
                { "kafka": { "addresses": [kafka], "topic": "jobs" } },
                { "sync_response": {} },
            ] } },
        } } },
    })
}

/// Starts the gateway with that API on a port of its own.
pub(crate) fn start_gateway(
    program: &Path,
    kafka: &str,
) -> Result<(Running, tempfile::TempDir, u16)> {
    serve_api(program, &api(kafka).to_string())
}

/// Starts the gateway with an API's document, YAML or JSON, on a port of its own.
pub(crate) fn serve_api(program: &Path, api: &str) -> Result<(Running, tempfile::TempDir, u16)> {
    let directory = tempfile::tempdir()?;
    let (port, dashboard) = (free_port()?, free_port()?);
    std::fs::write(directory.path().join("api.yaml"), api)?;
    let conf = serde_json::json!({
        "listen_address": "127.0.0.1", "listen_port": port, "secret": "bench",
        "streaming": { "enabled": true }, "app_path": "apps",
        "dashboard": { "listen_port": dashboard },
    });
    std::fs::create_dir(directory.path().join("apps"))?;
    std::fs::write(directory.path().join("tyk.conf"), conf.to_string())?;
    let arguments = ["gateway", "--conf", "tyk.conf", "--api", "api.yaml"];
    let mut gateway = Running::start(program, &arguments, directory.path())?;
    gateway.wait_for_port(port, Duration::from_secs(10))?;
    Ok((gateway, directory, port))
}

async fn echo_server(port: u16) -> Result<()> {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        tokio::spawn(async move {
            let service = service_fn(|request: Request<Incoming>| async move {
                let body =
                    request.into_body().collect().await.map(http_body_util::Collected::to_bytes);
                Ok::<_, Infallible>(Response::new(Full::<Bytes>::new(body.unwrap_or_default())))
            });
            let http = hyper::server::conn::http1::Builder::new();
            // A client that goes away ends its connection; that is all.
            let _ = http.serve_connection(TokioIo::new(stream), service).await;
        });
    }
}
