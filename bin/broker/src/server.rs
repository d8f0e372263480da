//! The listener: accepts connections, runs them, ends them.

use std::{io::ErrorKind, net::SocketAddr, time::Duration};

use anyhow::Context as _;
use rama::{Context, Service as _};
use tansu_broker::Error;
use tokio::{
    net::{TcpListener, TcpStream},
    time::{Instant, MissedTickBehavior, interval, interval_at, sleep},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{debug, warn};

use crate::{
    cli::Address,
    routes::{Broker, Connection},
    store::Store,
};

/// How long requests under way may take to end once the broker stops. A client whose request is cut off
/// sees a lost connection and repeats it.
const GRACE: Duration = Duration::from_millis(300);

/// How long accepting pauses after the system refused, which it does when descriptors have run out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

const HEALTH_CHECK: Duration = Duration::from_secs(1);

const MAINTENANCE: Duration = Duration::from_mins(10);

/// Why serving ended.
#[derive(Debug)]
pub(crate) enum Ended {
    Stopped,
    StorageFailed(anyhow::Error),
}

/// A bound port.
#[derive(Debug)]
pub(crate) struct Server {
    listener: TcpListener,
    address: SocketAddr,
    host: String,
}

impl Server {
    pub(crate) async fn bind(wanted: &Address) -> anyhow::Result<Self> {
        let listener =
            TcpListener::bind(wanted.to_string()).await.map_err(|error| match error.kind() {
                ErrorKind::AddrInUse => anyhow::anyhow!(
                    "cannot listen on {wanted}: another program uses this port; choose another with --listen"
                ),
                _ => anyhow::Error::new(error).context(format!("cannot listen on {wanted}")),
            })?;
        let address = listener.local_addr().context("cannot tell the port listened on")?;
        Ok(Self { listener, address, host: wanted.host.clone() })
    }

    pub(crate) fn local_address(&self) -> SocketAddr {
        self.address
    }

    /// Where clients on this machine reach the port. `0.0.0.0` is an address to listen on, not to go to.
    pub(crate) fn reachable_address(&self) -> Address {
        let host =
            if self.address.ip().is_unspecified() { "localhost" } else { self.host.as_str() };
        Address { host: host.to_owned(), port: self.address.port() }
    }

    /// Serves until `stop` or a failure of the storage. All connections have ended when this returns.
    pub(crate) async fn serve(
        &self,
        broker: &Broker,
        store: &Store,
        stop: &CancellationToken,
    ) -> anyhow::Result<Ended> {
        let connections = TaskTracker::new();
        let cut = stop.child_token();
        let mut health = interval(HEALTH_CHECK);
        health.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut maintenance = interval_at(Instant::now() + MAINTENANCE, MAINTENANCE);
        let ended = loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => break Ended::Stopped,
                _ = health.tick() => if let Err(error) = store.check().await {
                    break Ended::StorageFailed(error);
                },
                _ = maintenance.tick() => store.maintain().await,
                accepted = self.listener.accept() => match accepted {
                    Ok((stream, peer)) => {
                        let connection = broker.connection()?;
                        connections.spawn(serve_connection(connection, stream, peer, cut.clone()));
                    }
                    Err(error) => {
                        warn!(%error, "cannot accept a connection");
                        sleep(ACCEPT_PAUSE).await;
                    }
                },
            }
        };
        cut.cancel();
        connections.close();
        connections.wait().await;
        Ok(ended)
    }
}

async fn serve_connection(
    connection: Connection,
    stream: TcpStream,
    peer: SocketAddr,
    stop: CancellationToken,
) {
    let cut = async {
        stop.cancelled().await;
        sleep(GRACE).await;
    };
    // Small answers must not wait for the acknowledgement of earlier ones.
    if let Err(error) = stream.set_nodelay(true) {
        debug!(%peer, %error, "cannot set TCP_NODELAY");
    }
    tokio::select! {
        ended = connection.serve(Context::default(), stream) => match ended {
            Err(Error::Io(error)) if is_goodbye(error.kind()) => debug!(%peer, "disconnected"),
            Err(error) => warn!(%peer, %error, "connection closed"),
            Ok(()) => debug!(%peer, "disconnected"),
        },
        () = cut => debug!(%peer, "cut off"),
    }
}

fn is_goodbye(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::UnexpectedEof | ErrorKind::BrokenPipe | ErrorKind::ConnectionReset)
}
