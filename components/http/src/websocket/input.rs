//! The `websocket` input.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{Sink, SinkExt, Stream, StreamExt};
use sluice_config::{Interpolated, Node, config};
use sluice_engine::{
    BuildError, BuiltInput, ConnectError, Delivery, Input, ReadError, Reader, Registry, Scope,
};
use sluice_message::Message;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval};
use tokio_websockets::{Error, Message as Frame};

use super::client::{Dialer, Settings};
use crate::client::config::{BasicAuthConfig, JwtConfig, OauthConfig};
use sluice_tls::TlsConfig;

config! {
    /// Connects to a WebSocket server and reads its messages.
    pub struct WebsocketInput {
        /// URL to connect to, such as `ws://localhost:4195/get/ws`.
        url: String => lint_required,
        /// URL of a proxy (`http`, `https` or `socks5`).
        proxy_url: Option<String> => advanced,
        /// Headers of the handshake.
        headers: BTreeMap<String, Interpolated> = Node::empty_map() => optional advanced,
        /// A message to send after connecting.
        open_message: Option<String> => advanced deprecated,
        /// Messages to send after connecting.
        open_messages: Option<Vec<String>> => advanced,
        /// Type of the frames in which they are sent.
        open_message_type: String = "binary" => options("binary", "text") advanced,
        /// Whether messages that fail are kept and sent again.
        auto_replay_nacks: bool = true,
        /// How TLS is used.
        tls: TlsConfig => advanced,
        /// How connections are kept up.
        connection: Option<ConnectionConfig> => advanced,
        /// OAuth version 1.
        oauth: Option<OauthConfig> => advanced,
        /// A user name and password.
        basic_auth: Option<BasicAuthConfig> => advanced,
        /// A signed token.
        jwt: JwtConfig => advanced,
    }
}

config! {
    /// How connections are kept up.
    pub struct ConnectionConfig {
        /// How often connecting is tried in a row before the input ends; without limit if absent.
        max_retries: Option<u64> => advanced,
    }
}

const DOC: &str = "\
Connects to a WebSocket server and reads its messages.

After connecting, and each time again after a lost connection, `open_messages` are sent first.";

/// A silent server is asked whether it is still there.
const PING_PERIOD: Duration = Duration::from_secs(54);
const SILENCE: Duration = Duration::from_secs(114);

pub(super) fn register(registry: &mut Registry) {
    registry.input("websocket", build).categories(&["Network"]).doc(DOC).lint(one_opening);
}

const BOTH: &str = "both open_message and open_messages cannot be set";

/// The older field and the newer one exclude each other.
fn one_opening(config: &Node) -> Vec<String> {
    let is_set = |field: &str| match config.get(field) {
        None => false,
        Some(node) => node.as_list().map_or(!node.is_null(), |list| !list.is_empty()),
    };
    if is_set("open_message") && is_set("open_messages") { vec![BOTH.into()] } else { Vec::new() }
}

fn build(config: WebsocketInput, scope: &Scope) -> Result<BuiltInput, BuildError> {
    let several = config.open_messages.clone().unwrap_or_default();
    let single = config.open_message.clone().filter(|message| !message.is_empty());
    if single.is_some() && !several.is_empty() {
        return Err(BuildError::new(BOTH));
    }
    let settings = Settings {
        url: &config.url,
        proxy_url: config.proxy_url.as_deref(),
        headers: &config.headers,
        tls: &config.tls,
        oauth: config.oauth.as_ref(),
        basic_auth: config.basic_auth.as_ref(),
        jwt: &config.jwt,
    };
    let client = Client {
        dialer: Dialer::new(&settings, scope)?,
        opening: single.into_iter().chain(several).collect(),
        opens_with_text: config.open_message_type.eq_ignore_ascii_case("text"),
        max_retries: config.connection.and_then(|connection| connection.max_retries),
        failures: AtomicU64::new(0),
    };
    Ok(BuiltInput::connector(client, config.auto_replay_nacks))
}

struct Client {
    dialer: Dialer,
    opening: Vec<String>,
    opens_with_text: bool,
    max_retries: Option<u64>,
    /// Attempts in a row that failed.
    failures: AtomicU64,
}

#[async_trait]
impl Input for Client {
    async fn connect(&self) -> Result<Box<dyn Reader>, ConnectError> {
        match self.open().await {
            Ok(session) => {
                self.failures.store(0, Ordering::Relaxed);
                let mut ping = interval(PING_PERIOD);
                ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
                ping.reset();
                Ok(Box::new(Frames { session, ping, heard: Instant::now() }))
            }
            Err(problem) => {
                let failures = self.failures.fetch_add(1, Ordering::Relaxed) + 1;
                if self.max_retries.is_some_and(|most| failures > most) {
                    tracing::error!(
                        "WebSocket input gives up after {failures} attempts: {problem}"
                    );
                    return Err(ConnectError::End);
                }
                Err(ConnectError::new(self.dialer.url(), problem))
            }
        }
    }
}

trait Session: Stream<Item = Result<Frame, Error>> + Sink<Frame, Error = Error> + Send {}
impl<T: Stream<Item = Result<Frame, Error>> + Sink<Frame, Error = Error> + Send> Session for T {}

impl Client {
    async fn open(&self) -> Result<Pin<Box<dyn Session>>, String> {
        let mut session = Box::pin(self.dialer.dial().await?);
        for message in &self.opening {
            let frame = super::frame(Bytes::from(message.clone()), self.opens_with_text);
            session.send(frame).await.map_err(|error| error.to_string())?;
        }
        Ok(session)
    }
}

struct Frames {
    session: Pin<Box<dyn Session>>,
    ping: Interval,
    heard: Instant,
}

#[async_trait]
impl Reader for Frames {
    async fn read(&mut self) -> Result<Vec<Delivery>, ReadError> {
        loop {
            tokio::select! {
                frame = self.session.next() => match frame {
                    None => return Err(ReadError::Disconnected("the server closed".into())),
                    Some(Err(error)) => return Err(ReadError::Disconnected(error.into())),
                    Some(Ok(frame)) => {
                        self.heard = Instant::now();
                        if frame.is_ping() {
                            // The pong must leave before more is read, or pongs could pile up.
                            let flushed = self.session.flush().await;
                            flushed.map_err(|error| ReadError::Disconnected(error.into()))?;
                        }
                        if frame.is_text() || frame.is_binary() {
                            let content = Bytes::from(frame.into_payload());
                            return Ok(vec![Delivery {
                                batch: Message::from_bytes(content).into(),
                                ack: None,
                            }]);
                        }
                    }
                },
                _ = self.ping.tick() => {
                    if self.heard.elapsed() > SILENCE {
                        return Err(ReadError::Disconnected("the server fell silent".into()));
                    }
                    let sent = self.session.send(Frame::ping(Bytes::new())).await;
                    sent.map_err(|error| ReadError::Disconnected(error.into()))?;
                }
            }
        }
    }

    async fn close(&mut self) {
        let _ = tokio::time::timeout(super::FAREWELL, self.session.close()).await;
    }
}
