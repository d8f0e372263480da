//! Which broker, and who is asking: from fields that were checked.

use std::sync::Arc;
use std::time::Duration;

use http::Uri;
use percent_encoding::percent_decode_str;
use rumqttc::mqttbytes::QoS;
use rumqttc::mqttbytes::v4::LastWill;
use rustls::ClientConfig;
use sluice_engine::{BuildError, Scope};

use crate::fields::{ClientFields, WillConfig};

/// Letters of a suffix, and how many it has.
const LETTERS: &[u8; 64] = b"_-0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
const SUFFIX: usize = 21;

pub(crate) struct Settings {
    /// Not empty.
    pub(crate) servers: Vec<Server>,
    pub(crate) client_id: String,
    pub(crate) has_suffix: bool,
    pub(crate) connect_timeout: Duration,
    pub(crate) will: Option<LastWill>,
    pub(crate) user: String,
    pub(crate) password: String,
    pub(crate) keepalive: u16,
    pub(crate) clean_session: bool,
    pub(crate) tls: Arc<ClientConfig>,
    /// Equal where connections may be shared. Holds secrets.
    pub(crate) key: String,
}

/// A broker's address.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) is_encrypted: bool,
    /// User name and password that stand in the URL.
    pub(crate) login: Option<(String, String)>,
}

impl Settings {
    /// # Errors
    /// A field cannot be used.
    pub(crate) fn new(
        fields: &ClientFields<'_>,
        clean_session: bool,
        scope: &Scope,
    ) -> Result<Self, BuildError> {
        let servers = servers(fields.urls)?;
        if fields.tls.enabled && !servers.iter().all(|server| server.is_encrypted) {
            return Err(BuildError::new(
                "field tls.enabled: URLs decide about encryption here, use ssl:// instead of tcp://",
            ));
        }
        let has_suffix = match fields.suffix {
            Some("nanoid") => true,
            None | Some("") => false,
            Some(other) => {
                return Err(BuildError::new(format!("unknown dynamic_client_id_suffix: {other}")));
            }
        };
        let keepalive = u16::try_from(fields.keepalive).map_err(|_| {
            BuildError::new(format!(
                "field keepalive: expected 0 to 65535, found {}",
                fields.keepalive
            ))
        })?;
        // One name for each user would mean one connection for each.
        let is_shared_name = clean_session && scope.is_filled("client_id");
        let client_id = if is_shared_name { "" } else { fields.client_id };
        let key = format!(
            "{:?}",
            (
                fields.urls,
                (client_id, has_suffix, keepalive, clean_session, fields.connect_timeout),
                (fields.user, fields.password),
                (fields.will.enabled.then(|| will_key(fields.will)), fields.tls.key()),
            )
        );
        Ok(Self {
            servers,
            client_id: client_id.to_owned(),
            has_suffix,
            connect_timeout: fields.connect_timeout,
            will: will(fields.will)?,
            user: fields.user.to_owned(),
            password: fields.password.to_owned(),
            keepalive,
            clean_session,
            tls: Arc::new(fields.tls.client(&[])?),
            key,
        })
    }

    /// The client's name for a connection. A `further` one beside others needs a name of its own.
    pub(crate) fn name(&self, further: bool) -> String {
        let mut name = self.client_id.clone();
        if self.has_suffix || (further && !name.is_empty()) {
            name.extend((0..SUFFIX).map(|_| char::from(LETTERS[fastrand::usize(..LETTERS.len())])));
        }
        name
    }

    /// The addresses as errors tell them.
    pub(crate) fn target(&self) -> String {
        let texts: Vec<String> =
            self.servers.iter().map(|server| format!("{}:{}", server.host, server.port)).collect();
        texts.join(",")
    }
}

/// # Errors
/// It is none of the three.
pub(crate) fn quality(value: i64, field: &str) -> Result<QoS, BuildError> {
    match value {
        0 => Ok(QoS::AtMostOnce),
        1 => Ok(QoS::AtLeastOnce),
        2 => Ok(QoS::ExactlyOnce),
        _ => Err(BuildError::new(format!("field {field}: expected 0, 1 or 2, found {value}"))),
    }
}

fn will(config: &WillConfig) -> Result<Option<LastWill>, BuildError> {
    if !config.enabled {
        return Ok(None);
    }
    if config.topic.is_empty() {
        return Err(BuildError::new("include topic to register a last will"));
    }
    let qos = quality(config.qos, "will.qos")?;
    Ok(Some(LastWill::new(&config.topic, config.payload.as_bytes(), qos, config.retained)))
}

fn will_key(will: &WillConfig) -> (i64, bool, &str, &str) {
    (will.qos, will.retained, &will.topic, &will.payload)
}

fn servers(urls: &[String]) -> Result<Vec<Server>, BuildError> {
    let texts = urls.iter().flat_map(|url| url.split(',')).map(str::trim);
    let servers: Result<Vec<Server>, _> =
        texts.filter(|text| !text.is_empty()).map(server).collect();
    let servers = servers?;
    if servers.is_empty() {
        return Err(BuildError::new("must specify at least one URL"));
    }
    Ok(servers)
}

fn server(text: &str) -> Result<Server, BuildError> {
    // The text may hold a password: errors do not repeat it.
    let wrong = |problem: String| BuildError::new(format!("field urls: {problem}"));
    let uri: Uri = text.parse().map_err(|error| wrong(format!("not a URL: {error}")))?;
    let scheme = uri.scheme_str().unwrap_or_default().to_ascii_lowercase();
    let is_encrypted = match scheme.as_str() {
        "tcp" | "mqtt" => false,
        "ssl" | "tls" | "mqtts" | "mqtt+ssl" | "tcps" => true,
        other => return Err(wrong(format!("the scheme '{other}' is not supported"))),
    };
    let host = uri.host().filter(|host| !host.is_empty());
    let host = host.ok_or_else(|| wrong("a URL has no host".to_owned()))?;
    let login = uri.authority().and_then(|it| it.as_str().rsplit_once('@')).map(|(login, _)| {
        let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        let (user, password) = login.split_once(':').unwrap_or((login, ""));
        (decoded(user), decoded(password))
    });
    Ok(Server {
        host: host.trim_start_matches('[').trim_end_matches(']').to_owned(),
        port: uri.port_u16().unwrap_or(if is_encrypted { 8883 } else { 1883 }),
        is_encrypted,
        login,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> Server {
        servers(&[text.to_owned()]).unwrap().remove(0)
    }

    #[test]
    fn urls_say_where_and_whether_encrypted() {
        let plain = one("tcp://localhost:1884");
        assert_eq!(
            (plain.host.as_str(), plain.port, plain.is_encrypted),
            ("localhost", 1884, false)
        );
        assert_eq!(one("mqtt://a").port, 1883);
        assert_eq!((one("ssl://[::1]").host.as_str(), one("ssl://[::1]").port), ("::1", 8883));
        let login = one("tcp://me:p%40ss@host:1").login.unwrap();
        assert_eq!(login, ("me".to_owned(), "p@ss".to_owned()));
        assert_eq!(
            servers(&["tcp://a,tcp://b".to_owned(), "tcp://c".to_owned()]).unwrap().len(),
            3
        );
    }

    #[test]
    fn urls_that_lead_nowhere_are_refused_without_telling_passwords() {
        for text in ["ws://me:secret@a", "a:1", "", "tcp://"] {
            let error = servers(&[text.to_owned()]).unwrap_err().to_string();
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
