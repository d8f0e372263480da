//! The `http_client` input: polls a URL, or reads an endless response.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use http::response::Parts;
use sluice_config::{Block, Kinds, Node, config};
use sluice_engine::{
    BuildError, BuiltInput, ConnectError, Delivery, Input, ReadError, Reader, Registry, Scan,
    Scanner, Scope,
};
use sluice_message::Message;

use super::client_config;
use super::request::BodyTemplate;
use super::requester::{Failure, Requester, payload};
use super::response::Arriving;

client_config! {
    /// Sends requests to a URL, one after the other, and reads their responses.
    pub struct HttpClientInput with "GET" {
        /// Body of the requests.
        payload: Option<sluice_config::Interpolated>,
        /// Whether empty responses are left out.
        drop_empty_bodies: bool = true => advanced,
        /// Reading an endless response.
        stream: Option<StreamConfig>,
        /// Whether messages that fail are kept and sent again.
        auto_replay_nacks: bool = true,
    }
}

config! {
    /// Reading an endless response.
    pub struct StreamConfig {
        /// Whether a response is read as it arrives.
        enabled: bool = false,
        /// Whether to connect again when the response ends.
        reconnect: bool = true,
        /// How the response is cut into messages, in an older notation.
        codec: Option<String> => deprecated advisory_options(
            "auto", "all-bytes", "avro-ocf:marshaler=x", "chunker:x", "csv", "csv:x", "csv-safe",
            "csv-safe:x", "delim:x", "gzip", "pgzip", "lines", "multipart",
            "regex:(?m)^\\d\\d:\\d\\d:\\d\\d", "skipbom", "tar",
        ),
        /// Longest message, with `codec`.
        max_buffer: usize = 1_000_000 => deprecated,
        /// How the response is cut into messages.
        scanner: Block<Kinds::Scanner> = Node::component("lines") => optional,
    }
}

const DOC: &str = "\
Sends requests to a URL, one after the other, and reads their responses.

URL, headers and payload may refer to the message read before, which is enough to follow simple pagination. With `stream.enabled` one \
response is read as it arrives, cut into messages by a scanner. Metadata: `http_status_code`, and the response's headers that \
`extract_headers` selects, in lower case.";

pub(super) fn register(registry: &mut Registry) {
    registry.input("http_client", build).categories(&["Network"]).doc(DOC);
}

fn build(config: HttpClientInput, scope: &Scope) -> Result<BuiltInput, BuildError> {
    let mut client = config.client();
    let body = payload(&client, scope)?.map_or(BodyTemplate::Nothing, BodyTemplate::Text);
    let stream = config.stream.as_ref().filter(|stream| stream.enabled);
    if stream.is_some() {
        client.timeout = Duration::ZERO;
    }
    let requester = Arc::new(Requester::new(&client, body, scope)?);
    let drop_empty = config.drop_empty_bodies;
    let replay = config.auto_replay_nacks;
    let Some(stream) = stream else {
        return Ok(BuiltInput::connector(Polling { requester, drop_empty }, replay));
    };
    let scanner = match &stream.codec {
        None => scope.build_scanner(&stream.scanner, "stream.scanner")?,
        Some(codec) => {
            let node = scanner_of(codec, stream.max_buffer)?;
            scope.build_scanner(&Block::new(node, "stream.codec"), "stream.codec")?
        }
    };
    let streaming = Streaming {
        requester,
        scanner,
        drop_empty,
        reconnect: stream.reconnect,
        pause: client.retry_period,
    };
    Ok(BuiltInput::connector(streaming, replay))
}

/// The scanner that an old codec name stands for. Those that unwrap come first: `gzip/lines`.
fn scanner_of(codec: &str, max_buffer: usize) -> Result<Node, BuildError> {
    for (wrapper, name) in
        [("gzip", "decompress"), ("pgzip", "decompress"), ("skipbom", "skip_bom")]
    {
        let rest = match codec.strip_prefix(wrapper) {
            Some("") => "all-bytes",
            Some(rest) if rest.starts_with('/') => &rest[1..],
            _ => continue,
        };
        let mut fields = vec![("into", scanner_of(rest, max_buffer)?)];
        if name == "decompress" {
            fields.push(("algorithm", Node::from(wrapper)));
        }
        return Ok(scanner(name, fields));
    }
    let (name, argument) = codec.split_once(':').unwrap_or((codec, ""));
    let buffer = ("max_buffer_size", Node::from(i64::try_from(max_buffer).unwrap_or(i64::MAX)));
    let delimiter =
        Some(("custom_delimiter", Node::from(argument))).filter(|_| !argument.is_empty());
    Ok(match name {
        "lines" => scanner("lines", [buffer]),
        "delim" => scanner("lines", delimiter.into_iter().chain([buffer])),
        "all-bytes" => scanner("to_the_end", []),
        "chunker" => scanner("chunker", [("size", Node::from(argument))]),
        "csv" => scanner("csv", delimiter),
        "csv-safe" => {
            scanner("csv", delimiter.into_iter().chain([("continue_on_error", Node::from(true))]))
        }
        "regex" => scanner("re_match", [("pattern", Node::from(argument)), buffer]),
        "tar" => scanner("tar", []),
        "avro-ocf" => scanner("avro", []),
        _ => {
            return Err(BuildError::new(format!(
                "codec {codec:?} is not supported: use a scanner"
            )));
        }
    })
}

fn scanner<'a>(name: &str, fields: impl IntoIterator<Item = (&'a str, Node)>) -> Node {
    let mut block = Node::component(name);
    for (key, node) in fields {
        if let Some(inner) = block.get_mut(name) {
            inner.insert(key, node);
        }
    }
    block
}

/// One request after the other.
struct Polling {
    requester: Arc<Requester>,
    drop_empty: bool,
}

#[async_trait]
impl Input for Polling {
    async fn connect(&self) -> Result<Box<dyn Reader>, ConnectError> {
        Ok(Box::new(Poller {
            requester: self.requester.clone(),
            drop_empty: self.drop_empty,
            previous: Vec::new(),
            pending: None,
        }))
    }
}

type Exchange = Pin<Box<dyn Future<Output = Result<Vec<Message>, Failure>> + Send>>;

struct Poller {
    requester: Arc<Requester>,
    drop_empty: bool,
    /// What the next request may refer to.
    previous: Vec<Message>,
    /// The request under way: kept when `read` is dropped, since its response may be the only one.
    pending: Option<Exchange>,
}

#[async_trait]
impl Reader for Poller {
    async fn read(&mut self) -> Result<Vec<Delivery>, ReadError> {
        loop {
            let pending = self.pending.get_or_insert_with(|| {
                let (requester, previous) = (self.requester.clone(), self.previous.clone());
                Box::pin(async move { requester.exchange(&previous).await })
            });
            let result = pending.await;
            self.pending = None;
            let messages = result.map_err(|failure| ReadError::Failed(failure.into()))?;
            let is_empty = match messages.as_slice() {
                [] => true,
                [message] => self.drop_empty && message.bytes().is_empty(),
                _ => false,
            };
            if !is_empty {
                self.previous.clone_from(&messages);
                return Ok(vec![Delivery { batch: messages.into(), ack: None }]);
            }
            tokio::task::yield_now().await;
        }
    }
}

/// One endless response after the other.
struct Streaming {
    requester: Arc<Requester>,
    scanner: Arc<dyn Scanner>,
    drop_empty: bool,
    reconnect: bool,
    /// Before connecting again after a response that held nothing.
    pause: Duration,
}

#[async_trait]
impl Input for Streaming {
    async fn connect(&self) -> Result<Box<dyn Reader>, ConnectError> {
        let opened = self.requester.open(&[]).await;
        let (parts, body) = opened.map_err(|failure| ConnectError::new("server", failure))?;
        let scan = self.scanner.begin("");
        let scan = scan.map_err(|error| ConnectError::new("scanner", error))?;
        Ok(Box::new(Response {
            requester: self.requester.clone(),
            parts,
            body,
            scan,
            found: Vec::new(),
            ended: None,
            was_empty: true,
            drop_empty: self.drop_empty,
            reconnect: self.reconnect,
            pause: self.pause,
        }))
    }
}

struct Response {
    requester: Arc<Requester>,
    parts: Parts,
    body: Arriving,
    scan: Box<dyn Scan>,
    /// Messages found but not given out.
    found: Vec<Message>,
    ended: Option<Result<(), String>>,
    was_empty: bool,
    drop_empty: bool,
    reconnect: bool,
    pause: Duration,
}

#[async_trait]
impl Reader for Response {
    async fn read(&mut self) -> Result<Vec<Delivery>, ReadError> {
        loop {
            let mut found = std::mem::take(&mut self.found);
            found.retain(|message| !(self.drop_empty && message.bytes().is_empty()));
            if !found.is_empty() {
                self.was_empty = false;
                return Ok(found.into_iter().map(|message| self.deliver(message)).collect());
            }
            if let Some(ended) = self.ended.clone() {
                if !self.reconnect && ended.is_ok() {
                    return Err(ReadError::End);
                }
                if self.was_empty {
                    // A server that has nothing must not be asked in a hot loop.
                    tokio::time::sleep(self.pause).await;
                }
                let reason = ended.err().unwrap_or_else(|| "the response ended".into());
                return Err(ReadError::Disconnected(reason.into()));
            }
            self.advance().await;
        }
    }
}

impl Response {
    fn deliver(&self, mut message: Message) -> Delivery {
        self.requester.extract.annotate(&mut message, self.parts.status, &self.parts.headers);
        Delivery { batch: message.into(), ack: None }
    }

    /// Reads the next piece of the response.
    async fn advance(&mut self) {
        let piece = self.body.next().await;
        let fed = match piece {
            Some(Ok(piece)) => self.scan.feed(piece, &mut self.found).map_err(|e| e.to_string()),
            Some(Err(error)) => {
                self.ended = Some(Err(error));
                return;
            }
            None => {
                let ended = self.scan.end(&mut self.found).map_err(|error| error.to_string());
                self.ended = Some(ended);
                return;
            }
        };
        if let Err(error) = fed {
            self.ended = Some(Err(error));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(codec: &str, expected: &str) {
        let node = scanner_of(codec, 5).map(|node| node.to_value().to_string());
        assert_eq!(node.unwrap_or_else(|error| error.to_string()), expected);
    }

    #[test]
    fn old_codecs_have_scanners() {
        check("lines", r#"{"lines":{"max_buffer_size":5}}"#);
        check("delim:x", r#"{"lines":{"custom_delimiter":"x","max_buffer_size":5}}"#);
        check(
            "gzip/csv:;",
            r#"{"decompress":{"algorithm":"gzip","into":{"csv":{"custom_delimiter":";"}}}}"#,
        );
        check("regex:a/b", r#"{"re_match":{"max_buffer_size":5,"pattern":"a/b"}}"#);
        check("multipart", r#"codec "multipart" is not supported: use a scanner"#);
    }
}
