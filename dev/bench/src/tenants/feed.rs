//! Events for users, at a steady rate, through a program of their own.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant, UNIX_EPOCH};

use anyhow::{Result, ensure};

use crate::load::Client;
use crate::process::{Running, free_port};

const SENDERS: usize = 32;

/// Whom events are for.
#[derive(Clone, Copy)]
pub(super) enum Audience {
    /// Users who are not there.
    Nobody,
    /// Users below a number, picked at random.
    Among(usize),
    /// Users below a number, in turns.
    InTurns(usize),
}

/// A program that writes what is posted to it into a topic.
pub(super) struct Feed {
    _program: Running,
    _directory: tempfile::TempDir,
    sender: Sender,
}

/// Writes events through a feed.
#[derive(Clone)]
pub(super) struct Sender {
    port: u16,
    serial: Arc<AtomicU64>,
}

impl Feed {
    pub(super) fn start(program: &Path, kafka: &str, topic: &str) -> Result<Self> {
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
        let sender = Sender { port, serial: Arc::default() };
        Ok(Self { _program: feed, _directory: directory, sender })
    }

    pub(super) fn sender(&self) -> Sender {
        self.sender.clone()
    }
}

impl Sender {
    /// Events that were begun to be written.
    pub(super) fn count(&self) -> u64 {
        self.serial.load(Ordering::Relaxed)
    }

    /// Writes events at `rate` per second for a time. Returns the users they were for.
    pub(super) async fn send(
        &self,
        audience: Audience,
        rate: usize,
        duration: Duration,
    ) -> Result<Vec<usize>> {
        let total = (rate as f64 * duration.as_secs_f64()).ceil() as usize;
        self.send_until(audience, rate, total, &Arc::default()).await
    }

    /// The same for a number of events, or until `stop` is set.
    pub(super) async fn send_until(
        &self,
        audience: Audience,
        rate: usize,
        total: usize,
        stop: &Arc<AtomicBool>,
    ) -> Result<Vec<usize>> {
        let began = Instant::now();
        // Events of one user go through one sender, so that they are written in their order.
        let senders = match audience {
            Audience::InTurns(users) => users.min(SENDERS),
            Audience::Nobody | Audience::Among(_) => SENDERS,
        };
        let mut sending = tokio::task::JoinSet::new();
        for sender in 0..senders {
            let (port, serial, stop) = (self.port, self.serial.clone(), stop.clone());
            sending.spawn(async move {
                let mut client = Client::connect(port).await?;
                let mut sent = Vec::new();
                for number in 0..total {
                    let user = audience.user(number);
                    let is_own = match audience {
                        Audience::InTurns(_) => user % senders == sender,
                        Audience::Nobody | Audience::Among(_) => number % senders == sender,
                    };
                    if !is_own {
                        continue;
                    }
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                    let due = Duration::from_secs_f64(number as f64 / rate as f64);
                    tokio::time::sleep(due.saturating_sub(began.elapsed())).await;
                    let event = audience.event(user, serial.fetch_add(1, Ordering::Relaxed))?;
                    let (status, _) = client.post("/feed", &event).await?;
                    ensure!(status == 200, "the feed answered {status}");
                    sent.push(user);
                }
                Ok(sent)
            });
        }
        let mut sent = Vec::new();
        while let Some(done) = sending.join_next().await {
            sent.extend(done??);
        }
        Ok(sent)
    }
}

impl Audience {
    fn user(self, number: usize) -> usize {
        match self {
            // A multiplicative hash is random enough to spread users.
            Self::Among(users) => (number.wrapping_mul(2_654_435_761) >> 7) % users,
            Self::InTurns(users) => number % users,
            Self::Nobody => number,
        }
    }

    fn event(self, user: usize, serial: u64) -> Result<String> {
        let name = if matches!(self, Self::Nobody) { "stranger" } else { "user" };
        let now = UNIX_EPOCH.elapsed()?.as_secs_f64() * 1e3;
        Ok(format!(
            "{{\"user_id\":\"{name}-{user}\",\"n\":{user},\"at\":{now:.3},\"serial\":{serial},\
             \"job\":\"bake\"}}"
        ))
    }
}
