//! A broker, and components built as a stream builds them.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use sluice_message::Transaction;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

pub(crate) use sluice_testkit::{
    OwnService, PATIENCE, Reading, World, batch, run, service, texts, unique, until,
};

/// The URL of the broker for tests; `None` when there is none and that is fine.
pub(crate) fn broker() -> Option<String> {
    service("SLUICE_TEST_AMQP")
}

/// Runs a test with a broker, or says that it was skipped.
pub(crate) fn with_broker<F: Future<Output = ()>>(test: impl FnOnce(String) -> F) {
    if let Some(broker) = broker() {
        run(test(broker));
    }
}

/// Connections that a broker has, by its own sockets.
pub(crate) fn connections(broker: &OwnService) -> usize {
    let port = broker.address.rsplit_once(':').unwrap().1.split('/').next().unwrap();
    let port: u16 = port.parse().unwrap();
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let of_broker = |line: &&str| {
        let mut words = line.split_whitespace().skip(1);
        let (local, _, state) = (words.next(), words.next(), words.next());
        local.is_some_and(|it| it.ends_with(&format!(":{port:04X}"))) && state == Some("01")
    };
    table.lines().filter(of_broker).count()
}

/// Something between the components and the broker, which counts connections.
pub(crate) struct Proxy {
    pub(crate) port: u16,
    count: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Proxy {
    /// `tls`: what clients speak to it.
    pub(crate) async fn start(broker: &str, tls: Option<TlsAcceptor>) -> Self {
        let address = broker.rsplit_once('@').unwrap().1.split('/').next().unwrap().to_owned();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let count = Arc::new(AtomicUsize::new(0));
        let counted = count.clone();
        let task = tokio::spawn(async move {
            loop {
                let (mut client, _) = listener.accept().await.unwrap();
                counted.fetch_add(1, Ordering::Relaxed);
                let mut server = tokio::net::TcpStream::connect(&address).await.unwrap();
                let tls = tls.clone();
                tokio::spawn(async move {
                    // Either side may go away at any time.
                    if let Some(tls) = tls {
                        let Ok(mut client) = tls.accept(client).await else { return };
                        let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
                    } else {
                        let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
                    }
                });
            }
        });
        Self { port, count, task }
    }

    pub(crate) fn url(&self) -> String {
        format!("amqp://guest:guest@127.0.0.1:{}/", self.port)
    }

    /// Connections so far.
    pub(crate) fn connections(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Where the components are built.
pub(crate) fn world() -> World {
    World::new(sluice_amqp::register)
}

/// The next message, and what to do with it.
#[track_caller]
pub(crate) fn one(input: &mut Reading) -> impl Future<Output = (String, Transaction)> + '_ {
    let next = input.next();
    async move {
        let (batch, duty) = next.await.take_batch();
        (texts(&batch).remove(0), duty)
    }
}
