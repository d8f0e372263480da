//! Where Redis is, who we are there, and how a connection to it is opened.

use std::fmt::Write as _;
use std::time::Duration;

use percent_encoding::percent_decode_str;
use redis::cluster::{ClusterClient, ClusterConfig};
use redis::cluster_async::ClusterConnection;
use redis::{
    Client, ClientTlsConfig, ConnectionAddr, ErrorKind, IntoConnectionInfo, ProtocolVersion,
    RedisConnectionInfo, RedisError, TlsCertificates, TlsMode,
};
use sluice_engine::BuildError;
use sluice_tls::TlsConfig;
use tokio::time::timeout;

/// Longest wait for a connection.
pub(crate) const CONNECTING: Duration = Duration::from_secs(5);
const PORT: u16 = 6379;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Simple,
    Cluster,
    Failover,
}

/// A server, a cluster, or a master behind sentinels.
#[derive(Clone)]
pub(crate) struct Server {
    pub(crate) kind: Kind,
    nodes: Vec<Node>,
    login: Login,
    master: String,
    tls: Option<Tls>,
    key: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Node {
    host: String,
    port: u16,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Login {
    user: String,
    password: String,
    database: i64,
}

#[derive(Clone)]
struct Tls {
    skip_verify: bool,
    certificates: TlsCertificates,
}

impl Server {
    /// # Errors
    /// The address or the TLS settings make no sense.
    pub(crate) fn new(
        url: &str,
        kind: &str,
        master: &str,
        tls: &TlsConfig,
    ) -> Result<Self, BuildError> {
        let kind = match kind.to_ascii_lowercase().as_str() {
            "simple" => Kind::Simple,
            "cluster" => Kind::Cluster,
            "failover" => Kind::Failover,
            other => return Err(BuildError::new(format!("invalid redis kind: {other}"))),
        };
        if kind == Kind::Failover && master.is_empty() {
            return Err(BuildError::new("field master is required when kind is failover"));
        }
        let (mut nodes, mut login, mut is_encrypted) = (Vec::new(), Login::default(), tls.enabled);
        for part in url.split(',') {
            let parsed = parse(part.trim()).map_err(BuildError::new)?;
            is_encrypted |= parsed.is_encrypted;
            nodes.push(parsed.node);
            login = parsed.login; // of several addresses the last one says who we are
        }
        let mut key = format!("{kind:?} {master} {nodes:?} {login:?}");
        let tls = if is_encrypted {
            let pem = tls.pem()?;
            // Writing to a text does not fail.
            let _ = write!(key, "{} {:?} {:?}", tls.skip_cert_verify, pem.roots, pem.identity);
            let client_tls = pem.identity.map(|(certificate, private)| ClientTlsConfig {
                client_cert: certificate.into_bytes(),
                client_key: private.into_bytes(),
            });
            let root_cert = pem.roots.map(String::into_bytes);
            Some(Tls {
                skip_verify: tls.enabled && tls.skip_cert_verify,
                certificates: TlsCertificates { client_tls, root_cert },
            })
        } else {
            None
        };
        let server = Self { kind, nodes, login, master: master.to_owned(), tls, key };
        for node in &server.nodes {
            server.client(node, ProtocolVersion::RESP2).map_err(|error| refused(&error))?;
        }
        if kind == Kind::Cluster {
            server.cluster().map_err(|error| refused(&error))?;
        }
        Ok(server)
    }

    /// Equal for components that can share connections. Holds secrets: not for logs.
    pub(crate) fn key(&self) -> &str {
        &self.key
    }

    /// The address, for people.
    pub(crate) fn target(&self) -> String {
        let nodes: Vec<String> =
            self.nodes.iter().map(|node| format!("{}:{}", node.host, node.port)).collect();
        nodes.join(",")
    }

    /// A client of the server: of the current master behind sentinels, of one of the nodes of a
    /// cluster that takes connections.
    pub(crate) async fn node(&self, protocol: ProtocolVersion) -> Result<Client, RedisError> {
        match self.kind {
            Kind::Simple => self.client(&self.nodes[0], protocol),
            Kind::Failover => self.client(&self.find_master().await?, protocol),
            Kind::Cluster => {
                let mut last = None;
                for node in &self.nodes {
                    let client = self.client(node, protocol)?;
                    match client.get_multiplexed_async_connection().await {
                        Ok(_) => return Ok(client),
                        Err(error) => last = Some(error),
                    }
                }
                Err(last.unwrap_or_else(|| unreachable("no node of the cluster is configured")))
            }
        }
    }

    /// Connections to all nodes of the cluster.
    pub(crate) async fn cluster_connection(
        &self,
        response_timeout: Option<Duration>,
    ) -> Result<ClusterConnection, RedisError> {
        let mut config = ClusterConfig::new().set_connection_timeout(CONNECTING);
        // No timeout at all is not to be had.
        let longest = response_timeout.unwrap_or(Duration::from_hours(24));
        config = config.set_response_timeout(longest);
        self.cluster()?.get_async_connection_with_config(config).await
    }

    fn cluster(&self) -> Result<ClusterClient, RedisError> {
        let infos = self.nodes.iter().map(|node| self.address(node)).collect::<Vec<_>>();
        let mut builder = ClusterClient::builder(infos).use_protocol(ProtocolVersion::RESP2);
        if !self.login.user.is_empty() {
            builder = builder.username(&self.login.user);
        }
        if !self.login.password.is_empty() {
            builder = builder.password(&self.login.password);
        }
        if let Some(tls) = &self.tls {
            let mode = if tls.skip_verify { TlsMode::Insecure } else { TlsMode::Secure };
            builder = builder.tls(mode).certs(tls.certificates.clone());
        }
        builder.build()
    }

    fn address(&self, node: &Node) -> ConnectionAddr {
        let (host, port) = (node.host.clone(), node.port);
        match &self.tls {
            None => ConnectionAddr::Tcp(host, port),
            Some(tls) => {
                ConnectionAddr::TcpTls { host, port, insecure: tls.skip_verify, tls_params: None }
            }
        }
    }

    fn client(&self, node: &Node, protocol: ProtocolVersion) -> Result<Client, RedisError> {
        let database = if self.kind == Kind::Cluster { 0 } else { self.login.database };
        let login = RedisConnectionInfo::default().set_db(database).set_protocol(protocol);
        self.client_as(node, self.identified(login))
    }

    fn client_as(&self, node: &Node, login: RedisConnectionInfo) -> Result<Client, RedisError> {
        let info = self.address(node).into_connection_info()?.set_redis_settings(login);
        match &self.tls {
            None => Client::open(info),
            Some(tls) => Client::build_with_tls(info, tls.certificates.clone()),
        }
    }

    fn identified(&self, mut login: RedisConnectionInfo) -> RedisConnectionInfo {
        if !self.login.user.is_empty() {
            login = login.set_username(&self.login.user);
        }
        if !self.login.password.is_empty() {
            login = login.set_password(&self.login.password);
        }
        login
    }

    /// Asks the sentinels, one after the other, where the master is.
    async fn find_master(&self) -> Result<Node, RedisError> {
        let mut last = None;
        for sentinel in &self.nodes {
            match timeout(CONNECTING, self.ask(sentinel)).await {
                Ok(Ok(Some((host, port)))) => return Ok(Node { host, port }),
                Ok(Ok(None)) => {
                    let unknown = format!("no sentinel knows a master '{}'", self.master);
                    last = Some(unreachable(&unknown));
                }
                Ok(Err(error)) => last = Some(error),
                Err(_) => last = Some(unreachable("the sentinels do not answer")),
            }
        }
        Err(last.unwrap_or_else(|| unreachable("no sentinel is configured")))
    }

    async fn ask(&self, sentinel: &Node) -> Result<Option<(String, u16)>, RedisError> {
        let login = RedisConnectionInfo::default().set_protocol(ProtocolVersion::RESP2);
        let client = self.client_as(sentinel, login)?; // sentinels have users of their own
        let mut connection = client.get_multiplexed_async_connection().await?;
        let mut question = redis::cmd("SENTINEL");
        question.arg("GET-MASTER-ADDR-BY-NAME").arg(&self.master);
        question.query_async(&mut connection).await
    }
}

fn unreachable(problem: &str) -> RedisError {
    (ErrorKind::Io, "cannot find the server", problem.to_owned()).into()
}

fn refused(error: &RedisError) -> BuildError {
    BuildError::new(format!("Redis cannot be used with these settings: {error}"))
}

#[derive(Debug, PartialEq, Eq)]
struct Parsed {
    node: Node,
    login: Login,
    is_encrypted: bool,
}

/// Reads `scheme://[[user]:password@][host][:port][/database]`.
fn parse(url: &str) -> Result<Parsed, String> {
    let Some((scheme, rest)) = url.split_once("://") else {
        return Err(format!("redis: invalid URL scheme: {}", url.split(':').next().unwrap_or("")));
    };
    let is_encrypted = match scheme.to_ascii_lowercase().as_str() {
        "redis" | "tcp" => false,
        "rediss" => true,
        other => return Err(format!("redis: invalid URL scheme: {other}")),
    };
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let (identity, address) = match authority.rsplit_once('@') {
        Some((identity, address)) => (identity, address),
        None => ("", authority),
    };
    let (user, password) = identity.split_once(':').unwrap_or((identity, ""));
    let mut database = path.trim_end_matches('/').to_owned();
    if database.contains('/') {
        return Err(format!("redis: invalid URL path: /{path}"));
    }
    for option in query.split('&').filter(|option| !option.is_empty()) {
        match option.split_once('=') {
            Some(("db", value)) => value.clone_into(&mut database),
            _ => {
                let name = option.split('=').next().unwrap_or_default();
                return Err(format!("redis: unexpected option: {name}"));
            }
        }
    }
    let database = match database.as_str() {
        "" => 0,
        text => text
            .parse()
            .ok()
            .filter(|number| *number >= 0)
            .ok_or_else(|| format!("redis: invalid database number: {text:?}"))?,
    };
    Ok(Parsed {
        node: node(address)?,
        login: Login { user: decoded(user)?, password: decoded(password)?, database },
        is_encrypted,
    })
}

fn node(address: &str) -> Result<Node, String> {
    let (host, port) = match address.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, rest)) => (host, rest.strip_prefix(':').unwrap_or_default()),
        None => address.rsplit_once(':').unwrap_or((address, "")),
    };
    let port = match port {
        "" => PORT,
        text => text.parse().map_err(|_| format!("redis: invalid port {text:?}"))?,
    };
    let host = if host.is_empty() { "localhost" } else { host };
    Ok(Node { host: host.to_owned(), port })
}

fn decoded(text: &str) -> Result<String, String> {
    let decoded = percent_decode_str(text).decode_utf8();
    decoded.map(String::from).map_err(|_| "redis: the URL's user or password is no text".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(url: &str, host: &str, port: u16, login: (&str, &str, i64), is_encrypted: bool) {
        let (user, password, database) = login;
        let expected = Parsed {
            node: Node { host: host.into(), port },
            login: Login { user: user.into(), password: password.into(), database },
            is_encrypted,
        };
        assert_eq!(parse(url), Ok(expected));
    }

    #[test]
    fn addresses_have_a_host_a_user_and_a_database() {
        check("redis://:6397", "localhost", 6397, ("", "", 0), false);
        check("tcp://localhost", "localhost", 6379, ("", "", 0), false);
        check("redis://foo:b%40r@place:1/3", "place", 1, ("foo", "b@r", 3), false);
        check("redis://:secret@place", "place", 6379, ("", "secret", 0), false);
        check("rediss://[::1]:7/2/", "::1", 7, ("", "", 2), true);
        check("redis://place?db=4", "place", 6379, ("", "", 4), false);
    }

    #[test]
    fn addresses_that_make_no_sense_are_refused() {
        for (url, problem) in [
            ("http://x", "redis: invalid URL scheme: http"),
            ("localhost:6379", "redis: invalid URL scheme: localhost"),
            ("redis://x/a", "redis: invalid database number: \"a\""),
            ("redis://x/1/2", "redis: invalid URL path: /1/2"),
            ("redis://x?pool_size=3", "redis: unexpected option: pool_size"),
            ("redis://x:y", "redis: invalid port \"y\""),
        ] {
            assert_eq!(parse(url), Err(problem.into()), "{url}");
        }
    }
}
