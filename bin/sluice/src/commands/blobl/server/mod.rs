//! `sluice blobl server`: a page on which mappings are written and tried.
//!
//! The page is part of the program and loads nothing from elsewhere. Mappings it sends run here,
//! so requests are taken only from the page itself (`guard`), and what they may cost is bounded:
//! their size, how many run at once, how long an answer is waited for. Functions that read the
//! machine's files and environment are taken away, as in the reference.
//!
//! Lives elsewhere: completion and documentation (`sluice_bloblang::assist`).

mod answer;
mod guard;
mod session;

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use sluice_bloblang::{Environment, NoHost};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

use crate::cli::BloblServer;
use crate::console;
use crate::service::signals::Signals;
use answer::Playground;
use guard::Guard;
use session::Session;

/// Connections served at once; a browser opens six.
const MAX_CONNECTIONS: usize = 64;
/// How long a client may take to send the head of a request.
const HEAD_PATIENCE: Duration = Duration::from_secs(10);
/// How often changes are written to files.
const WRITE_EVERY: Duration = Duration::from_secs(2);
/// How long open connections may take to end.
const END_PATIENCE: Duration = Duration::from_secs(2);

/// What a page on the network must not reach.
const HIDDEN: [&str; 5] = ["env", "file", "file_rel", "file_rel_json", "hostname"];

pub(super) fn run(language: &Environment, args: &BloblServer) -> ExitCode {
    let result = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("cannot start")
        .and_then(|runtime| runtime.block_on(serve(language, args)));
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            super::complain(format_args!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

async fn serve(language: &Environment, args: &BloblServer) -> anyhow::Result<()> {
    let session = Arc::new(Session::open(args)?);
    let host = args.host.trim_start_matches('[').trim_end_matches(']');
    let listener = TcpListener::bind((host, args.port))
        .await
        .with_context(|| format!("cannot listen on {}:{}", args.host, args.port))?;
    let address = listener.local_addr()?;
    let mut language = language.clone().without(&HIDDEN);
    if let Some(path) = &args.mapping_file {
        language = super::beside(&language, path);
    }
    if !address.ip().is_loopback() {
        // Who reaches this may be anyone: not even maps are imported.
        language = language.with_host(Arc::new(NoHost));
    }
    let playground = Arc::new(Playground::new(language, session.clone()));
    let guard = Arc::new(Guard::new(&args.host, address));
    let mut signals = Signals::new()?;
    let url = url(&args.host, address);
    console::line(format_args!("Playground at {url}"));
    if !args.no_open {
        open_browser(&url);
    }
    let connections = TaskTracker::new();
    let slots = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let mut writing = tokio::time::interval(WRITE_EVERY);
    loop {
        tokio::select! {
            _ = signals.next() => break,
            _ = writing.tick() => session.write_in_background(),
            accepted = listener.accept() => {
                // Out of file descriptors, for instance: the next one may fare better.
                let Ok((stream, _)) = accepted else { continue };
                let Ok(slot) = slots.clone().try_acquire_owned() else { continue };
                let (playground, guard) = (playground.clone(), guard.clone());
                connections.spawn(async move {
                    let service = service_fn(|request| {
                        let (playground, guard) = (playground.clone(), guard.clone());
                        async move { Ok::<_, std::convert::Infallible>(answer::answer(&playground, &guard, request).await) }
                    });
                    let connection = http1::Builder::new()
                        .timer(TokioTimer::new())
                        .header_read_timeout(HEAD_PATIENCE)
                        .serve_connection(TokioIo::new(stream), service);
                    // A client that breaks off is no news.
                    let _ = connection.await;
                    drop(slot);
                });
            }
        }
    }
    connections.close();
    let _ = tokio::time::timeout(END_PATIENCE, connections.wait()).await;
    session.write().context("cannot write what was changed")
}

/// What to type into a browser.
fn url(host: &str, address: SocketAddr) -> String {
    let port = address.port();
    if address.ip().is_unspecified() {
        return format!("http://localhost:{port}");
    }
    let host = if host.contains(':') && !host.starts_with('[') {
        format!("[{host}]")
    } else {
        host.to_owned()
    };
    format!("http://{host}:{port}")
}

/// Shows the page, where there is a screen. That it cannot is no error: the address was printed.
fn open_browser(url: &str) {
    let has_screen = ["DISPLAY", "WAYLAND_DISPLAY"]
        .iter()
        .any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()));
    let opener = match std::env::consts::OS {
        "macos" => "open",
        _ if has_screen => "xdg-open",
        _ => return,
    };
    let _ = tokio::process::Command::new(opener)
        .arg(url)
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn();
}
