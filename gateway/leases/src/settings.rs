//! Where Redis is.

use std::path::PathBuf;
use std::time::Duration;

use redis::{
    Client, ClientTlsConfig, ConnectionAddr, IntoConnectionInfo, ProtocolVersion,
    RedisConnectionInfo, TlsCertificates,
};

/// The `storage` block of a gateway, as far as one server goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedisSettings {
    pub host: String,
    pub port: u16,
    pub username: String,
    pub password: String,
    pub database: i64,
    /// Longest wait for a connection or an answer.
    pub timeout: Duration,
    pub tls: Option<Tls>,
}

/// How the connection is secured.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tls {
    pub skip_verify: bool,
    /// Files with certificates in PEM.
    pub ca: Option<PathBuf>,
    pub certificate: Option<PathBuf>,
    pub key: Option<PathBuf>,
}

/// Why Redis cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    #[error("cannot read {}", path.display())]
    File { path: PathBuf, source: std::io::Error },
    #[error("Redis cannot be used with these settings")]
    Refused(#[from] redis::RedisError),
}

impl RedisSettings {
    pub(crate) fn client(&self) -> Result<Client, SettingsError> {
        let (host, port) = (self.host.clone(), self.port);
        let address = match &self.tls {
            None => ConnectionAddr::Tcp(host, port),
            Some(tls) => {
                let insecure = tls.skip_verify;
                ConnectionAddr::TcpTls { host, port, insecure, tls_params: None }
            }
        };
        let mut login = RedisConnectionInfo::default()
            .set_db(self.database)
            .set_protocol(ProtocolVersion::RESP2);
        if !self.username.is_empty() {
            login = login.set_username(&self.username);
        }
        if !self.password.is_empty() {
            login = login.set_password(&self.password);
        }
        let info = address.into_connection_info()?.set_redis_settings(login);
        let Some(tls) = &self.tls else { return Ok(Client::open(info)?) };
        let client_tls = match (read(tls.certificate.as_ref())?, read(tls.key.as_ref())?) {
            (Some(client_cert), Some(client_key)) => {
                Some(ClientTlsConfig { client_cert, client_key })
            }
            _ => None,
        };
        let root_cert = read(tls.ca.as_ref())?;
        Ok(Client::build_with_tls(info, TlsCertificates { client_tls, root_cert })?)
    }
}

fn read(path: Option<&PathBuf>) -> Result<Option<Vec<u8>>, SettingsError> {
    let Some(path) = path else { return Ok(None) };
    let content = std::fs::read(path);
    content.map(Some).map_err(|source| SettingsError::File { path: path.clone(), source })
}
