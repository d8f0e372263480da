//! Keep-alive HTTP/1.1 clients that send one request after the other.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// What a run of clients saw.
pub(crate) struct Outcome {
    pub(crate) per_second: f64,
    /// Latencies in ascending order.
    pub(crate) latencies: Vec<Duration>,
}

impl Outcome {
    /// Several runs of the same length as one.
    pub(crate) fn of_turns(turns: Vec<Self>) -> Self {
        let count = turns.len().max(1) as f64;
        let per_second = turns.iter().map(|turn| turn.per_second).sum::<f64>() / count;
        let mut latencies: Vec<_> = turns.into_iter().flat_map(|turn| turn.latencies).collect();
        latencies.sort_unstable();
        Self { per_second, latencies }
    }

    pub(crate) fn quantile(&self, q: f64) -> Duration {
        let at = ((self.latencies.len() as f64 * q) as usize).min(self.latencies.len() - 1);
        self.latencies[at]
    }
}

/// One connection.
pub(crate) struct Client {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Client {
    pub(crate) async fn connect(port: u16) -> Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port)).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::with_capacity(4096) })
    }

    /// Posts a body and returns the status and the length of the answer.
    pub(crate) async fn post(&mut self, path: &str, body: &str) -> Result<(u16, usize)> {
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        self.stream.write_all(request.as_bytes()).await?;
        self.buffer.clear();
        let head_end = loop {
            if let Some(at) = find(&self.buffer, b"\r\n\r\n") {
                break at + 4;
            }
            let read = self.stream.read_buf(&mut self.buffer).await?;
            ensure!(read > 0, "connection closed");
        };
        let head = std::str::from_utf8(&self.buffer[..head_end])?.to_ascii_lowercase();
        let status: u16 = head.get(9..12).context("no status")?.parse()?;
        let Some(length) = head.split("content-length: ").nth(1) else {
            bail!("an answer without length: {head}");
        };
        let length: usize = length.split("\r\n").next().unwrap_or_default().trim().parse()?;
        while self.buffer.len() < head_end + length {
            let read = self.stream.read_buf(&mut self.buffer).await?;
            ensure!(read > 0, "connection closed in mid-body");
        }
        Ok((status, length))
    }
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

/// `clients` connections post for `duration`; every answer must be 200.
pub(crate) async fn post_for(
    port: u16,
    path: &str,
    body: &str,
    clients: usize,
    duration: Duration,
) -> Result<Outcome> {
    let stop = Arc::new(AtomicBool::new(false));
    let mut tasks = tokio::task::JoinSet::new();
    let began = Instant::now();
    for _ in 0..clients {
        let (stop, path, body) = (stop.clone(), path.to_owned(), body.to_owned());
        tasks.spawn(async move {
            let mut client = Client::connect(port).await?;
            let mut latencies = Vec::new();
            while !stop.load(Ordering::Relaxed) {
                let began = Instant::now();
                let (status, _) = client.post(&path, &body).await?;
                ensure!(status == 200, "status {status}");
                latencies.push(began.elapsed());
            }
            Ok(latencies)
        });
    }
    tokio::time::sleep(duration).await;
    stop.store(true, Ordering::Relaxed);
    let mut latencies = Vec::new();
    while let Some(result) = tasks.join_next().await {
        latencies.extend(result??);
    }
    let elapsed = began.elapsed();
    latencies.sort_unstable();
    ensure!(!latencies.is_empty(), "no answers");
    Ok(Outcome { per_second: latencies.len() as f64 / elapsed.as_secs_f64(), latencies })
}
