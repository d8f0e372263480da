//! What the demo's users do: post, poll, listen.

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use http_body_util::{BodyExt, BodyStream, Full};
use hyper::Request;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;

/// Longest time any one answer may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// A user of the demo's API.
#[derive(Clone)]
pub(super) struct User {
    pub(super) name: &'static str,
    pub(super) port: u16,
}

impl User {
    fn path(&self, endpoint: &str) -> String {
        format!("/stream-demo/{endpoint}?user={}", self.name)
    }

    pub(super) fn url(&self, endpoint: &str) -> String {
        format!("http://localhost:{}{}", self.port, self.path(endpoint))
    }

    /// Posts an event and returns the job it became.
    pub(super) async fn push(&self, event: &Value) -> Result<Value> {
        let request = Request::post(self.path("push-event"))
            .header("content-type", "application/json")
            .body(Full::new(Bytes::from(event.to_string())))?;
        let response = self.send(request).await?;
        let status = response.status();
        let body = response.into_body().collect().await?.to_bytes();
        ensure!(status == 200, "{status}: {}", String::from_utf8_lossy(&body).trim());
        Ok(serde_json::from_slice(&body)?)
    }

    /// Asks once for the next event; `None` when there was none in time.
    pub(super) async fn poll(&self) -> Result<Option<Value>> {
        let request = Request::get(self.path("get-event")).body(Full::default())?;
        let response = self.send(request).await?;
        let status = response.status();
        let body = response.into_body().collect().await?.to_bytes();
        match status.as_u16() {
            200 => Ok(Some(serde_json::from_slice(&body)?)),
            408 => Ok(None),
            _ => bail!("{status}: {}", String::from_utf8_lossy(&body).trim()),
        }
    }

    /// Listens to server-sent events.
    pub(super) async fn listen(&self) -> Result<impl Stream<Item = Result<Value>> + use<>> {
        let request = Request::get(self.path("get-event"))
            .header("accept", "text/event-stream")
            .body(Full::default())?;
        let response = self.send(request).await?;
        ensure!(response.status() == 200, "{}", response.status());
        let kind = response.headers().get("content-type").and_then(|value| value.to_str().ok());
        ensure!(kind == Some("text/event-stream"), "content type {kind:?}");
        let frames = BodyStream::new(response.into_body());
        let events = frames.scan(String::new(), |held, frame| {
            let complete = frame.map_err(anyhow::Error::from).map(|frame| {
                if let Some(data) = frame.data_ref() {
                    held.push_str(&String::from_utf8_lossy(data));
                }
                take_events(held)
            });
            std::future::ready(Some(complete))
        });
        Ok(events.flat_map(|events| {
            let events = match events {
                Ok(events) => events.into_iter().map(|text| parse(&text)).collect(),
                Err(error) => vec![Err(error)],
            };
            futures_util::stream::iter(events)
        }))
    }

    /// Listens on a WebSocket.
    pub(super) async fn watch(&self) -> Result<impl Stream<Item = Result<Value>> + use<>> {
        let url = self.url("ws-in").replacen("http", "ws", 1);
        let (socket, _) = tokio::time::timeout(PATIENCE, async {
            let stream = TcpStream::connect(("127.0.0.1", self.port)).await?;
            anyhow::Ok(tokio_tungstenite::client_async(url, stream).await?)
        })
        .await??;
        Ok(socket.filter_map(|frame| {
            let value = match frame {
                Ok(Message::Text(text)) => Some(parse(&text)),
                Ok(Message::Binary(bytes)) => Some(parse(&String::from_utf8_lossy(&bytes))),
                Ok(_) => None,
                Err(error) => Some(Err(error.into())),
            };
            std::future::ready(value)
        }))
    }

    async fn send(
        &self,
        request: Request<Full<Bytes>>,
    ) -> Result<hyper::Response<hyper::body::Incoming>> {
        let stream =
            TcpStream::connect(("127.0.0.1", self.port)).await.context("the gateway is gone")?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        // Ends with the connection; an error shows at the request.
        tokio::spawn(async move { connection.await.ok() });
        let (mut parts, body) = request.into_parts();
        parts.headers.insert("host", format!("localhost:{}", self.port).parse()?);
        let answer = sender.send_request(Request::from_parts(parts, body));
        Ok(tokio::time::timeout(PATIENCE, answer).await.context("no answer in time")??)
    }
}

/// Takes the complete events out of what was received: the text after `data:` of each.
fn take_events(held: &mut String) -> Vec<String> {
    let mut events = Vec::new();
    while let Some(end) = held.find("\n\n") {
        let event: String = held.drain(..end + 2).collect();
        let data: Vec<&str> = event
            .lines()
            .filter_map(|line| line.strip_prefix("data:"))
            .map(str::trim_start)
            .collect();
        if !data.is_empty() {
            events.push(data.join("\n"));
        }
    }
    events
}

fn parse(text: &str) -> Result<Value> {
    serde_json::from_str(text).with_context(|| format!("not JSON: {text}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_cut_at_blank_lines_and_comments_skipped() {
        let mut held = ": heartbeat\n\nid: 1\ndata: {\"a\":\ndata: 1}\n\ndata: half".to_owned();
        assert_eq!(take_events(&mut held), ["{\"a\":\n1}"]);
        assert_eq!(held, "data: half");
    }
}
