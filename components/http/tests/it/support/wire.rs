//! HTTP byte by byte, and WebSocket through a client that is not the one under test.

use std::net::SocketAddr;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use super::PATIENCE;

/// A connection to a server.
pub(crate) struct Wire {
    socket: BufReader<TcpStream>,
}

/// A response as it came.
#[derive(Clone, Debug, Default)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Names as on the wire.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let named = |(known, _): &&(String, String)| known.eq_ignore_ascii_case(name);
        self.headers.iter().find(named).map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    /// Status and body of an error that clients see as plain text.
    #[track_caller]
    pub(crate) fn is_line(&self, status: u16, line: &str) {
        assert_eq!((self.status, self.text()), (status, format!("{line}\n").as_str()));
        assert_eq!(self.header("content-type"), Some("text/plain; charset=utf-8"));
        assert_eq!(self.header("x-content-type-options"), Some("nosniff"));
    }
}

impl Wire {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        let socket = TcpStream::connect(address).await.unwrap();
        socket.set_nodelay(true).unwrap();
        Self { socket: BufReader::new(socket) }
    }

    /// A request with `body` and one line of `headers` each.
    pub(crate) async fn request(
        &mut self,
        method: &str,
        target: &str,
        headers: &[&str],
        body: &[u8],
    ) -> Answer {
        self.send(method, target, headers, body).await;
        self.answer().await
    }

    pub(crate) async fn send(&mut self, method: &str, target: &str, headers: &[&str], body: &[u8]) {
        let mut head = format!("{method} {target} HTTP/1.1\r\nHost: test\r\n");
        for header in headers {
            head.push_str(header);
            head.push_str("\r\n");
        }
        if !body.is_empty() {
            head.push_str(&format!("Content-Length: {}\r\n", body.len()));
        }
        head.push_str("\r\n");
        self.write(head.as_bytes()).await;
        self.write(body).await;
    }

    pub(crate) async fn write(&mut self, data: &[u8]) {
        self.socket.get_mut().write_all(data).await.unwrap();
    }

    /// Reads a response to its end.
    pub(crate) async fn answer(&mut self) -> Answer {
        let mut answer = self.head().await;
        if answer.header("transfer-encoding") == Some("chunked") {
            while let Some(chunk) = self.chunk().await {
                answer.body.extend(chunk);
            }
        } else if let Some(length) = answer.header("content-length") {
            let mut body = vec![0; length.parse().unwrap()];
            timeout(PATIENCE, self.socket.read_exact(&mut body)).await.unwrap().unwrap();
            answer.body = body;
        }
        answer
    }

    /// Reads status line and headers.
    pub(crate) async fn head(&mut self) -> Answer {
        let status = self.line().await.expect("no answer");
        let status = status.split(' ').nth(1).unwrap().parse().unwrap();
        let mut answer = Answer { status, ..Answer::default() };
        loop {
            let line = self.line().await.expect("the answer broke off");
            if line.is_empty() {
                return answer;
            }
            let (name, value) = line.split_once(": ").unwrap_or((line.trim_end_matches(':'), ""));
            answer.headers.push((name.into(), value.into()));
        }
    }

    /// The next chunk of a chunked body; `None` at its end.
    pub(crate) async fn chunk(&mut self) -> Option<Vec<u8>> {
        let size = self.line().await.expect("the body broke off");
        let size = usize::from_str_radix(&size, 16).unwrap();
        let mut chunk = vec![0; size + 2];
        timeout(PATIENCE, self.socket.read_exact(&mut chunk)).await.unwrap().unwrap();
        chunk.truncate(size);
        (size > 0).then_some(chunk)
    }

    pub(crate) async fn chunk_text(&mut self) -> String {
        String::from_utf8(self.chunk().await.expect("the body ended")).unwrap()
    }

    /// Waits for the next byte, and leaves it there.
    pub(crate) async fn goes_on(&mut self) {
        let more = timeout(PATIENCE, self.socket.fill_buf()).await.expect("nothing comes");
        assert!(!more.unwrap().is_empty(), "the connection ended");
    }

    /// Whether the server closes without another byte.
    pub(crate) async fn is_closed(&mut self) -> bool {
        let mut byte = [0];
        match timeout(PATIENCE, self.socket.read(&mut byte)).await {
            Ok(Ok(0) | Err(_)) => true,
            Ok(Ok(_)) => false,
            Err(late) => panic!("the connection stays open: {late}"),
        }
    }

    async fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        let read = timeout(PATIENCE, self.socket.read_line(&mut line)).await.expect("no line");
        (read.ok()? > 0).then(|| line.trim_end().to_owned())
    }
}

/// One request on a connection of its own.
pub(crate) async fn request(
    address: SocketAddr,
    method: &str,
    target: &str,
    headers: &[&str],
    body: &[u8],
) -> Answer {
    Wire::connect(address).await.request(method, target, headers, body).await
}

pub(crate) async fn post(address: SocketAddr, target: &str, body: &str) -> Answer {
    request(address, "POST", target, &[], body.as_bytes()).await
}

pub(crate) async fn get(address: SocketAddr, target: &str) -> Answer {
    request(address, "GET", target, &[], b"").await
}

pub(crate) type WebSocket = WebSocketStream<MaybeTlsStream<TcpStream>>;

pub(crate) async fn websocket(address: SocketAddr, target: &str) -> WebSocket {
    try_websocket(address, target, &[]).await.unwrap()
}

pub(crate) async fn try_websocket(
    address: SocketAddr,
    target: &str,
    headers: &[(&'static str, &str)],
) -> Result<WebSocket, tungstenite::Error> {
    let mut request = format!("ws://{address}{target}").into_client_request().unwrap();
    for (name, value) in headers {
        request.headers_mut().insert(*name, value.parse().unwrap());
    }
    let limitless = WebSocketConfig::default().max_message_size(None).max_frame_size(None);
    let connecting = tokio_tungstenite::connect_async_with_config(request, Some(limitless), true);
    timeout(PATIENCE, connecting).await.unwrap().map(|(socket, _)| socket)
}

/// The next data frame.
pub(crate) async fn next_frame(socket: &mut WebSocket) -> Message {
    loop {
        let message = timeout(PATIENCE, socket.next()).await.expect("no frame");
        match message.expect("the connection ended").expect("the connection broke") {
            Message::Ping(_) | Message::Pong(_) => {}
            message => return message,
        }
    }
}

pub(crate) async fn send_text(socket: &mut WebSocket, text: &str) {
    socket.send(Message::text(text)).await.unwrap();
}

pub(crate) fn binary(content: &'static str) -> Message {
    Message::binary(Bytes::from_static(content.as_bytes()))
}
