//! Which cluster to talk to, and as whom: what inputs and outputs have in common.

use std::sync::Arc;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::config::RDKafkaLogLevel;
use sluice_config::Secret;
use sluice_engine::{BuildError, Scope};

use crate::fields::{ClientCert, FranzSasl, KafkaSasl, Tls};
use crate::tokens::{TokenSource, Tokens};

/// Where and as whom to connect.
#[derive(Clone)]
pub(crate) struct Cluster {
    /// The brokers as configured, joined by commas.
    pub(crate) brokers: String,
    /// Settings of the client library.
    config: ClientConfig,
    /// Where `OAUTHBEARER` tokens come from.
    pub(crate) tokens: Option<Arc<Tokens>>,
    /// Everything that sets this cluster and identity apart from others. Holds secrets.
    key: String,
}

/// What a cluster is made of.
pub(crate) struct Parts<'a> {
    pub(crate) brokers: &'a [String],
    pub(crate) client_id: &'a str,
    pub(crate) rack_id: &'a str,
    pub(crate) tls: &'a Tls,
    pub(crate) sasl: Option<Sasl>,
}

/// An identity, whichever family of fields it came from.
pub(crate) struct Sasl {
    mechanism: String,
    user: String,
    password: Secret,
    tokens: Option<TokenSource>,
}

impl Cluster {
    /// # Errors
    /// No broker is named, or certificates do not fit together.
    pub(crate) fn new(parts: Parts<'_>) -> Result<Self, BuildError> {
        let brokers = split_list(parts.brokers);
        if brokers.is_empty() {
            return Err(BuildError::new("you must provide at least one address in 'seed_brokers'"));
        }
        let mut cluster = Self {
            brokers: brokers.join(","),
            config: ClientConfig::new(),
            tokens: None,
            key: String::new(),
        };
        cluster.set("bootstrap.servers", cluster.brokers.clone());
        cluster.set("client.id", parts.client_id);
        if !parts.rack_id.is_empty() {
            cluster.set("client.rack", parts.rack_id);
        }
        cluster.set("security.protocol", protocol(parts.tls.enabled, parts.sasl.is_some()));
        if parts.tls.enabled {
            cluster.set_tls(parts.tls)?;
        }
        if let Some(sasl) = parts.sasl {
            cluster.set_sasl(sasl);
        }
        // Losses of idle connections and short outages are ordinary: back soon, without noise.
        cluster.set("socket.keepalive.enable", "true");
        cluster.set("log.connection.close", "false");
        cluster.set("reconnect.backoff.ms", "100");
        cluster.set("reconnect.backoff.max.ms", "2000");
        cluster.set("statistics.interval.ms", "0");
        cluster.config.set_log_level(RDKafkaLogLevel::Warning);
        Ok(cluster)
    }

    /// Adds a setting of the client library.
    pub(crate) fn set(&mut self, name: &str, value: impl Into<String>) {
        let value = value.into();
        self.key.push_str(&format!("{name}={value}\n"));
        self.config.set(name, value);
    }

    pub(crate) fn set_millis(&mut self, name: &str, value: Duration) {
        self.set(name, value.as_millis().to_string());
    }

    /// The same without a group: clients that serve many groups are shared.
    pub(crate) fn without_group(&self) -> Self {
        let mut cluster = self.clone();
        let is_group = |line: &&str| line.starts_with("group.id=");
        cluster.key =
            self.key.lines().filter(|line| !is_group(line)).fold(String::new(), |mut key, line| {
                key.push_str(line);
                key.push('\n');
                key
            });
        cluster.config.set("group.id", "sluice-without-group");
        cluster
    }

    /// Lets the client library tell what it does.
    pub(crate) fn verbose(&mut self) {
        self.set("debug", "cgrp,topic,fetch,security,consumer");
        self.config.set_log_level(RDKafkaLogLevel::Debug);
    }

    pub(crate) fn config(&self) -> &ClientConfig {
        &self.config
    }

    /// Equal for clients that may be shared. Holds secrets: never to be shown.
    pub(crate) fn key(&self) -> &str {
        &self.key
    }

    fn set_tls(&mut self, tls: &Tls) -> Result<(), BuildError> {
        if tls.skip_cert_verify {
            self.set("enable.ssl.certificate.verification", "false");
        }
        match (tls.root_cas.is_empty(), tls.root_cas_file.is_empty()) {
            (true, true) => {}
            (false, true) => self.set("ssl.ca.pem", tls.root_cas.expose()),
            (true, false) => self.set("ssl.ca.location", tls.root_cas_file.as_str()),
            (false, false) => {
                return Err(BuildError::new(
                    "only one field between root_cas and root_cas_file can be specified",
                ));
            }
        }
        match tls.client_certs.as_slice() {
            [] => Ok(()),
            [cert] => self.set_client_cert(cert),
            _ => Err(BuildError::new(
                "tls.client_certs: a Kafka connection can show one certificate, but there are several",
            )),
        }
    }

    fn set_client_cert(&mut self, cert: &ClientCert) -> Result<(), BuildError> {
        let as_text = !cert.cert.is_empty() || !cert.key.is_empty();
        let as_file = !cert.cert_file.is_empty() || !cert.key_file.is_empty();
        match (as_text, as_file) {
            (true, false) if !cert.cert.is_empty() && !cert.key.is_empty() => {
                self.set("ssl.certificate.pem", cert.cert.as_str());
                self.set("ssl.key.pem", cert.key.expose());
            }
            (false, true) if !cert.cert_file.is_empty() && !cert.key_file.is_empty() => {
                self.set("ssl.certificate.location", cert.cert_file.as_str());
                self.set("ssl.key.location", cert.key_file.as_str());
            }
            _ => {
                return Err(BuildError::new(
                    "tls.client_certs: needs either cert and key or cert_file and key_file",
                ));
            }
        }
        if !cert.password.is_empty() {
            self.set("ssl.key.password", cert.password.expose());
        }
        Ok(())
    }

    fn set_sasl(&mut self, sasl: Sasl) {
        self.set("sasl.mechanism", sasl.mechanism);
        if let Some(source) = sasl.tokens {
            self.key.push_str(&format!("tokens={}\n", source.key()));
            self.tokens = Some(Arc::new(Tokens::new(source)));
        } else {
            self.set("sasl.username", sasl.user);
            self.set("sasl.password", sasl.password.expose());
        }
    }
}

impl Sasl {
    /// # Errors
    /// The mechanism is not supported, or lacks what it needs. The same holds for `from_franz`.
    pub(crate) fn from_kafka(
        fields: Option<&KafkaSasl>,
        scope: &Scope,
    ) -> Result<Option<Self>, BuildError> {
        let Some(fields) = fields else { return Ok(None) };
        let tokens = |fields: &KafkaSasl| match &fields.oauth2 {
            Some(oauth2) if oauth2.enabled => TokenSource::from_kafka_oauth2(oauth2),
            _ if !fields.token_cache.is_empty() => {
                let cache = scope.resources().cache(&fields.token_cache)?;
                Ok(TokenSource::cached(cache, &fields.token_key))
            }
            _ => TokenSource::fixed(&fields.access_token, "access_token"),
        };
        Self::new(&fields.mechanism, &fields.user, &fields.password, || tokens(fields))
    }

    pub(crate) fn from_franz(fields: Option<&[FranzSasl]>) -> Result<Option<Self>, BuildError> {
        let mut found = None;
        for fields in fields.unwrap_or_default() {
            let tokens = || match &fields.oauth2 {
                Some(oauth2) if oauth2.enabled => {
                    TokenSource::from_franz_oauth2(oauth2, fields.extensions.as_ref())
                }
                _ => Ok(TokenSource::fixed(&fields.token, "token")?
                    .with_extensions(fields.extensions.as_ref())),
            };
            let sasl = Self::new(&fields.mechanism, &fields.username, &fields.password, tokens)?;
            if found.is_some() && sasl.is_some() {
                return Err(BuildError::new(
                    "sasl: falling back from one mechanism to another is not supported, name only one",
                ));
            }
            found = found.or(sasl);
        }
        Ok(found)
    }

    fn new(
        mechanism: &str,
        user: &str,
        password: &Secret,
        tokens: impl FnOnce() -> Result<TokenSource, BuildError>,
    ) -> Result<Option<Self>, BuildError> {
        let mechanism = mechanism.to_ascii_uppercase();
        let tokens = match mechanism.as_str() {
            "" | "NONE" => return Ok(None),
            "PLAIN" | "SCRAM-SHA-256" | "SCRAM-SHA-512" => None,
            "OAUTHBEARER" => Some(tokens()?),
            other => {
                return Err(BuildError::new(format!(
                    "sasl.mechanism: {other} is not supported by this build"
                )));
            }
        };
        Ok(Some(Self { mechanism, user: user.into(), password: password.clone(), tokens }))
    }
}

fn protocol(tls: bool, sasl: bool) -> &'static str {
    match (tls, sasl) {
        (false, false) => "plaintext",
        (true, false) => "ssl",
        (false, true) => "sasl_plaintext",
        (true, true) => "sasl_ssl",
    }
}

/// The items of a list whose elements may hold several, separated by commas.
pub(crate) fn split_list(list: &[String]) -> Vec<String> {
    list.iter()
        .flat_map(|item| item.split(','))
        .map(str::trim)
        .filter(|item| !item.is_empty())
        .map(str::to_owned)
        .collect()
}

/// # Errors
/// The text is no version of Kafka.
pub(crate) fn check_version(version: Option<&str>) -> Result<(), BuildError> {
    let Some(version) = version.filter(|version| !version.is_empty()) else { return Ok(()) };
    let parts: Vec<&str> = version.split('.').collect();
    let numbers = parts.iter().all(|part| part.parse::<u16>().is_ok());
    // Up to 0.11 versions had four numbers.
    let length = if parts.first() == Some(&"0") { 4 } else { 3 };
    if numbers && parts.len() == length {
        return Ok(());
    }
    Err(BuildError::new(format!("target_version: invalid version `{version}`")))
}

#[cfg(test)]
mod tests {
    use sluice_config::{Reader, parse};

    use super::*;

    fn cluster(tls: &str, sasl: Option<Sasl>) -> Result<Cluster, BuildError> {
        let tls: Tls = Reader::new().read(&parse(tls).unwrap()).unwrap();
        let brokers = ["a:1, b:2".to_owned(), String::new()];
        Cluster::new(Parts { brokers: &brokers, client_id: "x", rack_id: "", tls: &tls, sasl })
    }

    fn franz_sasl(text: &str) -> Result<Option<Sasl>, BuildError> {
        let list: Vec<FranzSasl> = Reader::new().read(&parse(text).unwrap()).unwrap();
        Sasl::from_franz(Some(&list))
    }

    #[test]
    fn brokers_may_be_listed_in_one_item() {
        let cluster = cluster("{}", None).unwrap();
        assert_eq!(cluster.brokers, "a:1,b:2");
        assert_eq!(cluster.config().get("security.protocol"), Some("plaintext"));
        assert_eq!(cluster.config().get("client.id"), Some("x"));
        assert_eq!(cluster.config().get("client.rack"), None);
    }

    #[test]
    fn credentials_and_certificates_reach_the_client() {
        let sasl = franz_sasl("[{mechanism: scram-sha-512, username: u, password: p}]").unwrap();
        let tls = "{enabled: true, skip_cert_verify: true, root_cas_file: /ca, client_certs: \
                   [{cert_file: /c, key_file: /k, password: s}]}";
        let cluster = cluster(tls, sasl).unwrap();
        for (name, value) in [
            ("security.protocol", "sasl_ssl"),
            ("sasl.mechanism", "SCRAM-SHA-512"),
            ("sasl.username", "u"),
            ("sasl.password", "p"),
            ("ssl.ca.location", "/ca"),
            ("ssl.certificate.location", "/c"),
            ("ssl.key.location", "/k"),
            ("ssl.key.password", "s"),
            ("enable.ssl.certificate.verification", "false"),
        ] {
            assert_eq!(cluster.config().get(name), Some(value), "{name}");
        }
    }

    #[test]
    fn what_cannot_be_done_is_refused_by_name() {
        let error = franz_sasl("[{mechanism: AWS_MSK_IAM}]").err().unwrap().to_string();
        assert!(error.contains("AWS_MSK_IAM is not supported"), "{error}");
        let error = franz_sasl("[{mechanism: PLAIN}, {mechanism: SCRAM-SHA-256}]").err().unwrap();
        assert!(error.to_string().contains("sasl"), "{error}");
        let error = cluster("{enabled: true, client_certs: [{cert: x}]}", None).err().unwrap();
        assert!(error.to_string().contains("client_certs"), "{error}");
    }

    #[test]
    fn a_disabled_identity_is_none() {
        assert!(franz_sasl("[{mechanism: none}]").unwrap().is_none());
    }

    #[test]
    fn different_identities_have_different_keys() {
        let key = |user: &str| {
            let text = format!("[{{mechanism: PLAIN, username: {user}}}]");
            cluster("{}", franz_sasl(&text).unwrap()).unwrap().key().to_owned()
        };
        assert_ne!(key("a"), key("b"));
        assert_eq!(key("a"), key("a"));
    }

    #[test]
    fn versions_are_checked_for_their_form() {
        assert!(check_version(Some("3.1.0")).is_ok());
        assert!(check_version(Some("0.10.2.1")).is_ok());
        assert!(check_version(Some("three")).is_err());
        assert!(check_version(None).is_ok());
    }
}
