//! Ten thousand users on one stream, each with an own consumer group and an own WebSocket.
//!
//! Clients, the feed of events and the gateway are processes of their own; the clients spread over
//! several loopback addresses, because one has too few ports for them.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use crate::http::serve_api;
use crate::load::Client;
use crate::process::{Running, free_port};
use crate::report::figure;

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Users.
    #[arg(long, default_value_t = 10_000)]
    tenants: usize,
    /// Events per second.
    #[arg(long, default_value_t = 1000)]
    rate: usize,
    /// Seconds of the long run.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Seconds of connecting and leaving.
    #[arg(long, default_value_t = 30)]
    churn: u64,
    /// Connects and disconnects per second meanwhile.
    #[arg(long, default_value_t = 200)]
    churn_rate: usize,
    /// Users that begin with a backlog.
    #[arg(long, default_value_t = 100)]
    late: usize,
    /// Events that each of them finds.
    #[arg(long, default_value_t = 1000)]
    backlog: usize,
    /// Address of a Kafka broker.
    #[arg(long, env = "SLUICE_TEST_KAFKA")]
    kafka: String,
}

/// Connections that are opened at once.
const CONNECTING: usize = 64;
/// Clients of one loopback address.
const PER_ADDRESS: usize = 5000;
/// Set once the limit of descriptors was raised.
const RAISED: &str = "SLUICE_BENCH_RAISED";

/// Kinds of WebSocket frames: the first two kinds, text and binary, carry events.
const BINARY: u8 = 2;
const PING: u8 = 9;

/// What the clients saw.
#[derive(Default)]
struct Seen {
    /// Milliseconds from writing to arrival.
    latencies: Mutex<Vec<f64>>,
    received: AtomicUsize,
    strangers: AtomicUsize,
}

pub(crate) fn run(program: &Path, options: &Options) -> Result<()> {
    raise_limit()?;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let stamp = UNIX_EPOCH.elapsed()?.as_millis();
    let topic = format!("completed-{stamp}");
    let (gateway, _directory, port) = start_gateway(program, &options.kafka, stamp)?;
    let (_feed, _feed_directory, feed) = start_feed(program, &options.kafka, &topic)?;
    let broker_port = options.kafka.rsplit(':').next().unwrap_or_default().parse()?;
    runtime.block_on(async {
        let seen = Arc::new(Seen::default());
        let mut clients: HashMap<usize, JoinHandle<()>> = HashMap::new();
        send(feed, 1, Duration::from_secs(1), options.tenants).await?; // makes the topic
        for few in [1, 100] {
            connect(port, clients.len()..few.min(options.tenants), &seen, &mut clients).await?;
            cost(&gateway, feed, options, clients.len()).await?;
        }
        let (memory, descriptors) = (gateway.memory()?, gateway.descriptors()?);
        let few_brokers = gateway.connections_to(broker_port)?;
        let before = clients.len();
        let began = Instant::now();
        connect(port, before..options.tenants, &seen, &mut clients).await?;
        figure(
            &format!("{} WebSocket clients connected, s (goal: under 30)", options.tenants),
            format!("{:.1}", began.elapsed().as_secs_f64()),
        );
        tokio::time::sleep(Duration::from_secs(10)).await;
        let added = (clients.len() - before).max(1) as f64;
        let grown = gateway.memory()?.saturating_sub(memory) as f64 / added;
        figure("memory of each, KB (goal: under 40)", format!("{:.1}", grown / 1024.0));
        let opened = gateway.descriptors()?.saturating_sub(descriptors) as f64;
        figure("descriptors of each (goal: 1)", format!("{:.3}", opened / added));
        let cpu = gateway.cpu()?;
        tokio::time::sleep(Duration::from_secs(10)).await;
        let idle = gateway.cpu()?.saturating_sub(cpu).as_secs_f64() * 10.0;
        figure("idle processor use, % of a core (goal: under 5)", format!("{idle:.1}"));
        cost(&gateway, feed, options, clients.len()).await?;
        long_run(&gateway, feed, options, &seen).await?;
        let brokers = gateway.connections_to(broker_port)?;
        figure(
            "connections to brokers, before / with all users",
            format!("{few_brokers} / {brokers}"),
        );
        backlog(&gateway, port, feed, options, &seen, program, stamp).await?;
        churn(&gateway, port, options, &seen).await?;
        let brokers = gateway.connections_to(broker_port)?;
        figure("connections to brokers at the end", brokers);
        stop(gateway, clients).await
    })
}

/// Begins again with as many descriptors as are allowed.
fn raise_limit() -> Result<()> {
    if std::env::var_os(RAISED).is_some() {
        return Ok(());
    }
    let script = "ulimit -n $(ulimit -Hn); exec \"$0\" \"$@\"";
    let own = std::env::current_exe()?;
    let failed = Command::new("sh")
        .args(["-c", script])
        .arg(own)
        .args(std::env::args_os().skip(1))
        .env(RAISED, "1")
        .exec();
    bail!("cannot begin again with more descriptors: {failed}")
}

/// The demo's API with topics of this run.
fn start_gateway(
    program: &Path,
    kafka: &str,
    stamp: u128,
) -> Result<(Running, tempfile::TempDir, u16)> {
    let demo = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/streams-demo/api.yaml");
    let mut api = std::fs::read_to_string(demo).context(demo)?.replace("localhost:9093", kafka);
    for name in ["jobs", "completed"] {
        api = api.replace(&format!("topics: [{name}]"), &format!("topics: [{name}-{stamp}]"));
        api = api.replace(&format!("topic: {name}"), &format!("topic: {name}-{stamp}"));
    }
    let group = "consumer_group: $tyk_context";
    api = api.replace(group, &format!("consumer_group: {stamp}-$tyk_context"));
    let out = api.rfind("    out:").context("the demo has no stream `out`")?;
    let behind = api[out..]
        .replace("out:", "behind:")
        .replace(&format!("completed-{stamp}"), &format!("backlog-{stamp}"))
        .replace("/get-event", "/get-behind")
        .replace("/ws-in", "/ws-behind");
    api.push_str(&behind);
    serve_api(program, &api)
}

/// A program that writes what is posted to it into the topic.
fn start_feed(
    program: &Path,
    kafka: &str,
    topic: &str,
) -> Result<(Running, tempfile::TempDir, u16)> {
    let directory = tempfile::tempdir()?;
    let port = free_port()?;
    let config = format!(
        "http: {{ address: '127.0.0.1:{port}' }}\n\
         input: {{ http_server: {{ path: /feed }} }}\n\
         output: {{ kafka: {{ addresses: ['{kafka}'], topic: '{topic}' }} }}\n"
    );
    std::fs::write(directory.path().join("feed.yaml"), config)?;
    let mut feed = Running::start(program, &["run", "feed.yaml"], directory.path())?;
    feed.wait_for_port(port, Duration::from_secs(10))?;
    Ok((feed, directory, port))
}

/// Connects clients, some at once.
async fn connect(
    port: u16,
    users: std::ops::Range<usize>,
    seen: &Arc<Seen>,
    clients: &mut HashMap<usize, JoinHandle<()>>,
) -> Result<()> {
    let slots = Arc::new(Semaphore::new(CONNECTING));
    let mut opening = tokio::task::JoinSet::new();
    for user in users {
        let slot = slots.clone().acquire_owned().await?;
        opening.spawn(async move {
            let opened = open(port, user).await;
            drop(slot);
            opened.map(|stream| (user, stream))
        });
    }
    while let Some(opened) = opening.join_next().await {
        let (user, stream) = opened??;
        clients.insert(user, tokio::spawn(listen(stream, user, seen.clone())));
    }
    Ok(())
}

/// Opens a WebSocket as a user.
async fn open(port: u16, user: usize) -> Result<TcpStream> {
    open_at(port, "ws-in", user).await
}

async fn open_at(port: u16, path: &str, user: usize) -> Result<TcpStream> {
    let from = Ipv4Addr::new(127, 0, 0, 2 + (user / PER_ADDRESS) as u8);
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(SocketAddr::from((from, 0)))?;
    let mut stream = socket.connect(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await?;
    let request = format!(
        "GET /stream-demo/{path}?user=user-{user} HTTP/1.1\r\nHost: localhost\r\n\
         Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    ensure!(head.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&head));
    Ok(stream)
}

/// Notes what a client receives until the connection ends.
async fn listen(stream: TcpStream, user: usize, seen: Arc<Seen>) {
    let mut stream = BufReader::with_capacity(512, stream);
    while let Ok((kind, content)) = frame(&mut stream).await {
        if kind == PING {
            // Frames of clients are masked; a mask of zeros changes nothing.
            let mut pong = vec![0x8a, 0x80 | content.len() as u8, 0, 0, 0, 0];
            pong.extend(content);
            if stream.get_mut().write_all(&pong).await.is_err() {
                return;
            }
            continue;
        }
        if kind > BINARY {
            continue;
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let Ok(event) = serde_json::from_slice::<serde_json::Value>(&content) else { continue };
        seen.received.fetch_add(1, Ordering::Relaxed);
        if event["n"].as_u64() != Some(user as u64) {
            seen.strangers.fetch_add(1, Ordering::Relaxed);
        }
        let sent = event["at"].as_f64().unwrap_or_default();
        let mut latencies = seen.latencies.lock().unwrap_or_else(PoisonError::into_inner);
        latencies.push(now.as_secs_f64() * 1e3 - sent);
    }
}

async fn frame(stream: &mut BufReader<TcpStream>) -> Result<(u8, Vec<u8>)> {
    let kind = stream.read_u8().await? & 0x0f;
    let length = match stream.read_u8().await? & 0x7f {
        126 => usize::from(stream.read_u16().await?),
        127 => stream.read_u64().await? as usize,
        short => usize::from(short),
    };
    let mut content = vec![0; length];
    stream.read_exact(&mut content).await?;
    Ok((kind, content))
}

/// Writes events to users picked at random, at a steady rate. Returns how many.
async fn send(port: u16, rate: usize, duration: Duration, users: usize) -> Result<Vec<usize>> {
    const SENDERS: usize = 16;
    let began = Instant::now();
    let total = (rate as f64 * duration.as_secs_f64()).ceil() as usize;
    let mut senders = tokio::task::JoinSet::new();
    for sender in 0..SENDERS {
        senders.spawn(async move {
            let mut client = Client::connect(port).await?;
            let mut sent = Vec::new();
            for number in (sender..total).step_by(SENDERS) {
                let due = Duration::from_secs_f64(number as f64 / rate as f64);
                tokio::time::sleep(due.saturating_sub(began.elapsed())).await;
                // A multiplicative hash is random enough to spread users.
                let user = (number.wrapping_mul(2_654_435_761) >> 7) % users;
                let now = UNIX_EPOCH.elapsed()?.as_secs_f64() * 1e3;
                let event = format!(
                    "{{\"user_id\":\"user-{user}\",\"n\":{user},\"at\":{now:.3},\"job\":\"bake\"}}"
                );
                let (status, _) = client.post("/feed", &event).await?;
                ensure!(status == 200, "the feed answered {status}");
                sent.push(user);
            }
            Ok(sent)
        });
    }
    let mut sent = Vec::new();
    while let Some(done) = senders.join_next().await {
        sent.extend(done??);
    }
    Ok(sent)
}

/// Processor time of the gateway for each event.
async fn cost(gateway: &Running, feed: u16, options: &Options, tenants: usize) -> Result<()> {
    let cpu = gateway.cpu()?;
    let sent = send(feed, options.rate, Duration::from_secs(10), tenants).await?;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let used = gateway.cpu()?.saturating_sub(cpu).as_secs_f64();
    figure(
        &format!("processor time per event with {tenants} tenants, µs"),
        format!("{:.0}", used * 1e6 / sent.len() as f64),
    );
    Ok(())
}

/// Every event reaches exactly its user, and soon.
async fn long_run(gateway: &Running, feed: u16, options: &Options, seen: &Seen) -> Result<()> {
    seen.latencies.lock().unwrap_or_else(PoisonError::into_inner).clear();
    let received = seen.received.load(Ordering::Relaxed);
    let cpu = gateway.cpu()?;
    let duration = Duration::from_secs(options.seconds);
    let sent = send(feed, options.rate, duration, options.tenants).await?.len();
    let used = gateway.cpu()?.saturating_sub(cpu).as_secs_f64() / duration.as_secs_f64();
    tokio::time::sleep(Duration::from_secs(3)).await;
    figure(
        &format!("{} events per second for {} s: sent / received", options.rate, options.seconds),
        format!("{sent} / {}", seen.received.load(Ordering::Relaxed) - received),
    );
    figure("  events for somebody else (goal: 0)", seen.strangers.load(Ordering::Relaxed));
    figure("  p50 / p99, ms (goal: p99 under 100)", quantiles(seen));
    figure("  processor use, % of a core (goal: under 100)", format!("{:.0}", used * 100.0));
    Ok(())
}

fn quantiles(seen: &Seen) -> String {
    let mut latencies = seen.latencies.lock().unwrap_or_else(PoisonError::into_inner).clone();
    latencies.sort_by(f64::total_cmp);
    let at =
        |q: f64| latencies.get((latencies.len() as f64 * q) as usize).copied().unwrap_or(f64::NAN);
    format!("{:.1} / {:.1}", at(0.5), at(0.99))
}

/// Users who find a backlog get all of it, and the others notice nothing.
async fn backlog(
    gateway: &Running,
    port: u16,
    feed: u16,
    options: &Options,
    seen: &Seen,
    program: &Path,
    stamp: u128,
) -> Result<()> {
    let (late, each) = (options.late, options.backlog);
    if late * each == 0 {
        return Ok(());
    }
    fill(program, options, stamp).context("cannot fill the topic")?;
    seen.latencies.lock().unwrap_or_else(PoisonError::into_inner).clear();
    let own = Arc::new(Seen::default());
    let (memory, cpu, began) = (gateway.memory()?, gateway.cpu()?, Instant::now());
    let mut clients = Vec::new();
    for user in 0..late {
        let stream = open_at(port, "ws-behind", user).await?;
        clients.push(tokio::spawn(listen(stream, user, own.clone())));
    }
    let mut most = memory;
    let sending = tokio::spawn(send(feed, options.rate, Duration::from_secs(10), options.tenants));
    while own.received.load(Ordering::Relaxed) < late * each {
        ensure!(began.elapsed() < Duration::from_mins(10), "the backlog is not worked off");
        most = most.max(gateway.memory()?);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let (took, used) = (began.elapsed().as_secs_f64(), gateway.cpu()?.saturating_sub(cpu));
    sending.await??;
    tokio::time::sleep(Duration::from_secs(1)).await;
    figure(
        &format!("{late} users work off {each} events each: s / processor s"),
        format!("{took:.1} / {:.1}", used.as_secs_f64()),
    );
    figure("  events for somebody else (goal: 0)", own.strangers.load(Ordering::Relaxed));
    figure("  memory grew by at most, MB", format!("{:.0}", (most - memory) as f64 / 1e6));
    figure("  p50 / p99 of the others meanwhile, ms", quantiles(seen));
    clients.into_iter().for_each(|client| client.abort());
    Ok(())
}

/// Writes the backlog, the users in turns.
fn fill(program: &Path, options: &Options, stamp: u128) -> Result<()> {
    let directory = tempfile::tempdir()?;
    let (late, total) = (options.late, options.late * options.backlog);
    let config = format!(
        "input:\n  generate:\n    count: {total}\n    interval: ''\n    batch_size: 500\n    mapping: |\n      \
         let n = counter() % {late}\n      root = {{\"user_id\": \"user-%v\".format($n), \"n\": $n, \"at\": 0, \
         \"job\": \"bake\"}}\n\
         output: {{ kafka: {{ addresses: ['{}'], topic: 'backlog-{stamp}' }} }}\n",
        options.kafka
    );
    std::fs::write(directory.path().join("fill.yaml"), config)?;
    Running::start(program, &["run", "fill.yaml"], directory.path())?.wait()
}

/// The end of the gateway with all users: their positions are stored.
async fn stop(mut gateway: Running, clients: HashMap<usize, JoinHandle<()>>) -> Result<()> {
    let began = Instant::now();
    gateway.terminate()?;
    let ended = tokio::task::spawn_blocking(move || gateway.wait());
    ended.await??;
    figure(
        &format!("stopping with {} users, s", clients.len()),
        format!("{:.1}", began.elapsed().as_secs_f64()),
    );
    clients.into_values().for_each(|client| client.abort());
    Ok(())
}

/// Users that come and go leave nothing behind.
async fn churn(gateway: &Running, port: u16, options: &Options, seen: &Arc<Seen>) -> Result<()> {
    if options.churn == 0 {
        return Ok(());
    }
    let began = Instant::now();
    let mut memory = Vec::new();
    let mut visits = tokio::task::JoinSet::new();
    for number in 0..options.churn as usize * options.churn_rate {
        let due = Duration::from_secs_f64(number as f64 / options.churn_rate as f64);
        tokio::time::sleep(due.saturating_sub(began.elapsed())).await;
        let (user, seen) = (options.tenants + number, seen.clone());
        visits.spawn(async move {
            let opened = open(port, user % (PER_ADDRESS * 40)).await?;
            let listening = tokio::spawn(listen(opened, user, seen));
            tokio::time::sleep(Duration::from_secs(1)).await;
            listening.abort();
            anyhow::Ok(())
        });
        while let Some(visit) = visits.try_join_next() {
            visit??;
        }
        if number % (options.churn_rate * 5) == 0 {
            memory.push(gateway.memory()?);
        }
    }
    while let Some(visit) = visits.join_next().await {
        visit??;
    }
    let megabytes: Vec<String> =
        memory.iter().map(|bytes| format!("{:.0}", *bytes as f64 / 1e6)).collect();
    figure(
        &format!("{} users per second come and go: memory every 5 s, MB", options.churn_rate),
        megabytes.join(" "),
    );
    Ok(())
}
