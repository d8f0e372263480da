//! The `websocket` output.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use sluice_config::{Interpolated, Node, config};
use sluice_engine::{
    BuildError, BuiltOutput, ConnectError, Output, Registry, Scope, WriteError, Writer,
};
use sluice_message::Batch;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use tokio_websockets::{CloseCode, Message as Frame, WebSocketStream};

use super::client::{Dialer, Settings};
use crate::client::config::{BasicAuthConfig, JwtConfig, OauthConfig};
use sluice_tls::TlsConfig;

config! {
    /// Sends messages over a WebSocket connection.
    pub struct WebsocketOutput {
        /// URL to connect to, such as `ws://localhost:4195/post/ws`.
        url: String => lint_required,
        /// URL of a proxy (`http`, `https` or `socks5`).
        proxy_url: Option<String> => advanced,
        /// Headers of the handshake.
        headers: BTreeMap<String, Interpolated> = Node::empty_map() => optional advanced,
        /// How TLS is used.
        tls: TlsConfig => advanced,
        /// OAuth version 1.
        oauth: Option<OauthConfig> => advanced,
        /// A user name and password.
        basic_auth: Option<BasicAuthConfig> => advanced,
        /// A signed token.
        jwt: JwtConfig => advanced,
    }
}

const DOC: &str = "\
Sends messages over a WebSocket connection.

Each message is one binary frame. What the server sends is read and ignored.";

/// A server that takes no data for so long is given up.
const WRITE_PATIENCE: Duration = Duration::from_secs(10);
const PING_PERIOD: Duration = Duration::from_secs(54);
const SILENCE: Duration = Duration::from_secs(114);

pub(super) fn register(registry: &mut Registry) {
    registry.output("websocket", build).categories(&["Network"]).doc(DOC);
}

fn build(config: WebsocketOutput, scope: &Scope) -> Result<BuiltOutput, BuildError> {
    let settings = Settings {
        url: &config.url,
        proxy_url: config.proxy_url.as_deref(),
        headers: &config.headers,
        tls: &config.tls,
        oauth: config.oauth.as_ref(),
        basic_auth: config.basic_auth.as_ref(),
        jwt: &config.jwt,
    };
    Ok(BuiltOutput::connector(Client(Dialer::new(&settings, scope)?), 1))
}

struct Client(Dialer);

#[async_trait]
impl Output for Client {
    async fn connect(&self) -> Result<Box<dyn Writer>, ConnectError> {
        let session = self.0.dial().await;
        let session = session.map_err(|problem| ConnectError::new(self.0.url(), problem))?;
        let (orders, inbox) = mpsc::channel(1);
        let task = tokio::spawn(serve(session, inbox));
        Ok(Box::new(Connection { url: self.0.url(), orders, task: Some(task).into() }))
    }
}

/// Frames to write and who waits for that.
type Order = (Vec<Bytes>, oneshot::Sender<Result<(), String>>);

/// An open connection. A task owns the socket, because the server's pings want answers between
/// writes, too.
struct Connection {
    url: String,
    orders: mpsc::Sender<Order>,
    task: std::sync::Mutex<Option<JoinHandle<()>>>,
}

#[async_trait]
impl Writer for Connection {
    async fn write(&self, batch: &Batch) -> Result<(), WriteError> {
        let frames = batch.iter().map(|message| message.bytes().clone()).collect();
        let (answer, answered) = oneshot::channel();
        let lost = |problem: String| WriteError::Disconnected {
            target: self.url.clone(),
            source: problem.into(),
        };
        let closed = || "the connection is closed".to_owned();
        self.orders.send((frames, answer)).await.map_err(|_| lost(closed()))?;
        match answered.await {
            Ok(result) => result.map_err(lost),
            Err(_) => Err(lost(closed())),
        }
    }

    async fn close(&self) {
        let task = self.task.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
        if let Some(task) = task {
            // An order without frames says that there will be no more.
            let (answer, _) = oneshot::channel();
            let _ = self.orders.send((Vec::new(), answer)).await;
            let _ = timeout(WRITE_PATIENCE, task).await;
        }
    }
}

/// Ends when the connection does, or when nobody can order anything any more.
async fn serve<S>(mut session: WebSocketStream<S>, mut inbox: mpsc::Receiver<Order>)
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    let mut ping = interval(PING_PERIOD);
    ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ping.reset();
    let mut heard = Instant::now();
    loop {
        tokio::select! {
            received = session.next() => match received {
                Some(Ok(message)) => {
                    heard = Instant::now();
                    let is_ping = message.is_ping();
                    if is_ping && !matches!(timeout(WRITE_PATIENCE, session.flush()).await, Ok(Ok(()))) {
                        return;
                    }
                }
                Some(Err(problem)) => tracing::debug!("WebSocket ended: {problem}"),
                None => return,
            },
            order = inbox.recv() => match order {
                None => break,
                Some((frames, _)) if frames.is_empty() => break,
                Some((frames, answer)) => {
                    let result = write(&mut session, frames).await;
                    let failed = result.is_err();
                    let _ = answer.send(result); // whoever waited may have been aborted
                    if failed {
                        return;
                    }
                }
            },
            _ = ping.tick() => {
                let sent = timeout(WRITE_PATIENCE, session.send(Frame::ping(Bytes::new()))).await;
                if heard.elapsed() > SILENCE || !matches!(sent, Ok(Ok(()))) {
                    return;
                }
            }
        }
    }
    super::close(&mut session, CloseCode::NORMAL_CLOSURE, "").await;
}

async fn write<S>(session: &mut WebSocketStream<S>, frames: Vec<Bytes>) -> Result<(), String>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    for content in frames {
        match timeout(WRITE_PATIENCE, session.send(Frame::binary(content))).await {
            Ok(written) => written.map_err(|error| error.to_string())?,
            Err(_) => return Err("the server takes no data".into()),
        }
    }
    Ok(())
}
