//! Connecting to a broker.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use async_rs::Runtime;
use lapin::tcp::AsyncTcpStream;
use lapin::types::LongString;
use lapin::uri::{AMQPScheme, AMQPUri, SASLMechanism};
use lapin::{Connection, ConnectionProperties};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use sluice_engine::BuildError;
use sluice_tls::TlsConfig;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::kit::{self, Kit, Stream};
use crate::problem;

/// Seconds between signs of life, unless a URL says otherwise.
const HEARTBEAT: u16 = 10;
/// Longest wait for a connection, unless a URL says otherwise.
const PATIENCE: Duration = Duration::from_secs(30);

/// Where brokers are, and how to get there.
pub(crate) struct Dial {
    /// Not empty.
    uris: Vec<AMQPUri>,
    tls: Arc<ClientConfig>,
    /// Equal where connections may be shared. Holds secrets.
    pub(crate) key: String,
}

impl Dial {
    /// # Errors
    /// A URL or the TLS settings cannot be used.
    pub(crate) fn new(urls: &[String], tls: &TlsConfig) -> Result<Self, BuildError> {
        let texts = urls.iter().flat_map(|url| url.split(',')).map(str::trim);
        let uris: Result<Vec<AMQPUri>, BuildError> =
            texts.filter(|text| !text.is_empty()).map(|text| uri(text, tls)).collect();
        let uris = uris?;
        if uris.is_empty() {
            return Err(BuildError::new("must specify at least one URL"));
        }
        let key = format!("{:?}", (urls, tls.key()));
        Ok(Self { uris, tls: Arc::new(tls.client(&[])?), key })
    }

    /// The addresses as errors tell them.
    pub(crate) fn target(&self) -> String {
        let texts: Vec<String> = self.uris.iter().map(address).collect();
        texts.join(",")
    }

    /// Connects to the first broker that takes us.
    ///
    /// # Errors
    /// What the last one said.
    pub(crate) async fn connect(&self) -> Result<Connection, String> {
        let mut problem = String::new();
        for uri in &self.uris {
            let patience = uri.query.connection_timeout.map_or(PATIENCE, Duration::from_millis);
            let late = || Err(format!("dial tcp {}: i/o timeout", address(uri)));
            match tokio::time::timeout(patience, self.to(uri)).await.unwrap_or_else(|_| late()) {
                Ok(connection) => return Ok(connection),
                Err(error) => problem = format!("failed to connect to server: {error}"),
            }
        }
        Err(problem)
    }

    async fn to(&self, uri: &AMQPUri) -> Result<Connection, String> {
        let network = |error: io::Error| format!("dial tcp {}: {error}", address(uri));
        let stream = open(uri, self.tls.clone()).await.map_err(network)?;
        // The library asks for a connection once: without recovery, the engine makes the next.
        let stream = std::sync::Mutex::new(Some(stream));
        let connect = async move |_: AMQPUri, _: Runtime<Kit>| {
            let taken = stream.lock().ok().and_then(|mut stream| stream.take());
            let gone = || io::Error::new(io::ErrorKind::NotConnected, "the connection is gone");
            Ok(AsyncTcpStream::Plain(taken.ok_or_else(gone)?))
        };
        let properties = ConnectionProperties::default()
            .with_connection_name(LongString::from("sluice"))
            .with_client_property("product".into(), LongString::from("Sluice"));
        let runtime = Runtime::new(Kit::current());
        Connection::connector(uri.clone(), runtime, connect, properties)
            .await
            .map_err(|error| problem::refusal(&error))
    }
}

async fn open(uri: &AMQPUri, tls: Arc<ClientConfig>) -> io::Result<Stream> {
    let host = uri.authority.host.trim_start_matches('[').trim_end_matches(']');
    let tcp = TcpStream::connect((host, uri.authority.port)).await?;
    tcp.set_nodelay(true)?;
    match uri.scheme {
        AMQPScheme::AMQP => Ok(kit::stream(tcp)),
        AMQPScheme::AMQPS => {
            let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
            Ok(kit::stream(TlsConnector::from(tls).connect(name, tcp).await?))
        }
    }
}

fn uri(text: &str, tls: &TlsConfig) -> Result<AMQPUri, BuildError> {
    // The text may hold a password: errors do not repeat it.
    let wrong = |problem: String| BuildError::new(format!("field urls: {problem}"));
    let mut uri: AMQPUri =
        text.parse().map_err(|error| wrong(format!("invalid AMQP URL: {error}")))?;
    if tls.enabled && uri.scheme == AMQPScheme::AMQP {
        return Err(BuildError::new(
            "field tls.enabled: URLs decide about encryption here, use amqps:// instead of amqp://",
        ));
    }
    if uri.vhost.is_empty() {
        "/".clone_into(&mut uri.vhost); // a URL that ends with a slash means the default one
    }
    if uri.vhost.len() > 255 {
        return Err(wrong("the virtual host has more than 255 bytes".to_owned()));
    }
    uri.query.heartbeat.get_or_insert(HEARTBEAT);
    let names_nobody = !text.contains('@');
    if tls.enabled && names_nobody && uri.query.auth_mechanism.is_none() {
        uri.query.auth_mechanism = Some(SASLMechanism::External); // the certificate says who we are
    }
    Ok(uri)
}

fn address(uri: &AMQPUri) -> String {
    format!("{}:{}", uri.authority.host, uri.authority.port)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dial(url: &str) -> Dial {
        let nothing = sluice_config::Node::empty_map();
        let tls: TlsConfig = sluice_config::Reader::new().read(&nothing).unwrap();
        Dial::new(&[url.to_owned()], &tls).unwrap()
    }

    #[test]
    fn a_url_that_ends_with_a_slash_means_the_default_virtual_host() {
        for url in ["amqp://a", "amqp://a/", "amqp://a/%2f"] {
            assert_eq!(dial(url).uris[0].vhost, "/", "{url}");
        }
        assert_eq!(dial("amqp://a/b").uris[0].vhost, "b");
        assert_eq!(dial("amqp://a, amqp://b:1").target(), "a:5672,b:1");
    }

    #[tokio::test]
    async fn refusals_are_worded_as_the_reference_does() {
        let nobody = dial("amqp://127.0.0.1:1/").connect().await.err().unwrap();
        assert!(
            nobody.starts_with("failed to connect to server: dial tcp 127.0.0.1:1: "),
            "{nobody}"
        );
        let Some(url) = std::env::var("SLUICE_TEST_AMQP").ok().filter(|it| !it.is_empty()) else {
            return; // the tests beside `src` say that services are missing
        };
        let wrong = dial(&url.replace("guest:guest", "guest:wrong")).connect().await.err();
        let text = "failed to connect to server: Exception (403) Reason: \
                    \"username or password not allowed\"";
        assert_eq!(wrong.as_deref(), Some(text));
        let nowhere = dial(&url.replace("%2f", "nowhere")).connect().await.err();
        let text =
            "failed to connect to server: Exception (403) Reason: \"no access to this vhost\"";
        assert_eq!(nowhere.as_deref(), Some(text));
        dial(&url).connect().await.unwrap();
    }
}
