//! WebSocket: handshakes, sessions, and the `websocket` input and output.

mod client;
mod frame;
mod handshake;
mod input;
mod output;

use std::time::Duration;

use bytes::Bytes;
use futures_util::SinkExt;
use sluice_engine::Registry;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use tokio_websockets::{CloseCode, Config, Limits, Message, WebSocketStream};

pub(crate) use frame::server_frame;
pub(crate) use handshake::{Session, is_same_origin, upgrade};

/// How long a peer may take for our farewell.
const FAREWELL: Duration = Duration::from_secs(1);

pub(crate) fn register(registry: &mut Registry) {
    input::register(registry);
    output::register(registry);
}

/// A message as one frame. Text frames hold valid text only: what is none goes as binary.
pub(crate) fn frame(content: Bytes, as_text: bool) -> Message {
    if as_text && std::str::from_utf8(&content).is_ok() {
        Message::text(content)
    } else {
        Message::binary(content)
    }
}

/// One message is one frame, whatever its size.
pub(crate) fn config() -> Config {
    Config::default().frame_size(usize::MAX)
}

pub(crate) fn limits(max_message: usize) -> Limits {
    Limits::default().max_payload_len(Some(max_message))
}

/// Says goodbye, briefly.
pub(crate) async fn close<S>(socket: &mut WebSocketStream<S>, code: CloseCode, reason: &str)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let farewell = async {
        let _ = socket.send(Message::close(Some(code), reason)).await;
        let _ = socket.close().await;
    };
    let _ = timeout(FAREWELL, farewell).await;
}
