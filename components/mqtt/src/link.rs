//! The way to a broker: addresses, encryption, the first packets, and packets out of bytes.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use rumqttc::mqttbytes::v4::{ConnAck, Connect, ConnectReturnCode, Login, Packet};
use rumqttc::mqttbytes::{Error, Protocol};
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::settings::{Server, Settings};

/// Largest packet that the protocol knows.
pub(crate) const MOST_BYTES: usize = 268_435_460;
/// Bytes read at once, at least.
const CHUNK: usize = 8 << 10;

pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// Packets of a connection, as they come in.
pub(crate) struct Packets<R> {
    stream: R,
    buffer: BytesMut,
}

impl<R: AsyncRead + Unpin> Packets<R> {
    /// # Errors
    /// The connection is gone, or what came is no packet.
    ///
    /// # Cancel safety
    /// Dropping the future loses no byte.
    pub(crate) async fn next(&mut self) -> Result<Packet, String> {
        loop {
            match Packet::read(&mut self.buffer, MOST_BYTES) {
                Ok(packet) => return Ok(packet),
                Err(Error::InsufficientBytes(missing)) => self.buffer.reserve(missing.max(CHUNK)),
                Err(error) => return Err(format!("protocol Violation: {error}")),
            }
            match self.stream.read_buf(&mut self.buffer).await {
                Ok(0) => return Err("EOF".to_owned()),
                Ok(_) => {}
                Err(error) => return Err(error.to_string()),
            }
        }
    }
}

/// A connection on which the broker said yes.
pub(crate) struct Opened {
    pub(crate) packets: Packets<tokio::io::ReadHalf<Box<dyn Stream>>>,
    pub(crate) writer: tokio::io::WriteHalf<Box<dyn Stream>>,
}

/// Connects to the first server that takes us, under this name.
///
/// # Errors
/// What the last server said.
pub(crate) async fn open(settings: &Settings, name: &str) -> Result<Opened, String> {
    let mut problem = String::new();
    for server in &settings.servers {
        match within(settings.connect_timeout, to_server(settings, server, name)).await {
            Ok(opened) => return Ok(opened),
            Err(error) => problem = error,
        }
    }
    Err(problem)
}

async fn within<T>(
    limit: Duration,
    work: impl Future<Output = Result<T, String>>,
) -> Result<T, String> {
    if limit.is_zero() {
        return work.await;
    }
    let late = || Err("network Error : dial tcp: i/o timeout".to_owned());
    tokio::time::timeout(limit, work).await.unwrap_or_else(|_| late())
}

async fn to_server(settings: &Settings, server: &Server, name: &str) -> Result<Opened, String> {
    let address = (server.host.as_str(), server.port);
    let network = |error: io::Error| {
        format!("network Error : dial tcp {}:{}: {error}", server.host, server.port)
    };
    let tcp = TcpStream::connect(address).await.map_err(network)?;
    tcp.set_nodelay(true).map_err(network)?;
    let stream: Box<dyn Stream> = if server.is_encrypted {
        let host = ServerName::try_from(server.host.clone())
            .map_err(|_| format!("network Error : '{}' is no name of a host", server.host))?;
        let connector = TlsConnector::from(Arc::clone(&settings.tls));
        Box::new(connector.connect(host, tcp).await.map_err(network)?)
    } else {
        Box::new(tcp)
    };
    let (reader, mut writer) = tokio::io::split(stream);
    let mut bytes = BytesMut::new();
    let packet = Packet::Connect(connect(settings, server, name));
    packet.write(&mut bytes, MOST_BYTES).map_err(|error| error.to_string())?;
    writer.write_all(&bytes).await.map_err(network)?;
    let mut packets = Packets { stream: reader, buffer: BytesMut::new() };
    match packets.next().await {
        Ok(Packet::ConnAck(answer)) => check(&answer)?,
        Ok(other) => return Err(format!("protocol Violation: the broker began with {other:?}")),
        Err(error) => return Err(format!("network Error : {error}")),
    }
    Ok(Opened { packets, writer })
}

fn connect(settings: &Settings, server: &Server, name: &str) -> Connect {
    let own = (settings.user.clone(), settings.password.clone());
    let (username, password) = server.login.clone().unwrap_or(own);
    Connect {
        protocol: Protocol::V4,
        keep_alive: settings.keepalive,
        client_id: name.to_owned(),
        clean_session: settings.clean_session,
        last_will: settings.will.clone(),
        login: (!username.is_empty()).then_some(Login { username, password }),
    }
}

fn check(answer: &ConnAck) -> Result<(), String> {
    let refusal = match answer.code {
        ConnectReturnCode::Success => return Ok(()),
        ConnectReturnCode::RefusedProtocolVersion => "unacceptable protocol version",
        ConnectReturnCode::BadClientId => "identifier rejected",
        ConnectReturnCode::ServiceUnavailable => "server Unavailable",
        ConnectReturnCode::BadUserNamePassword => "bad user name or password",
        ConnectReturnCode::NotAuthorized => "not Authorized",
    };
    Err(refusal.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_worded_as_the_reference_does() {
        for (code, text) in [
            (ConnectReturnCode::RefusedProtocolVersion, "unacceptable protocol version"),
            (ConnectReturnCode::BadClientId, "identifier rejected"),
            (ConnectReturnCode::ServiceUnavailable, "server Unavailable"),
            (ConnectReturnCode::BadUserNamePassword, "bad user name or password"),
            (ConnectReturnCode::NotAuthorized, "not Authorized"),
        ] {
            assert_eq!(check(&ConnAck::new(code, false)), Err(text.to_owned()));
        }
        assert_eq!(check(&ConnAck::new(ConnectReturnCode::Success, false)), Ok(()));
    }
}
