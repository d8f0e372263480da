//! The fields that all HTTP clients have.
//!
//! `config!` tables cannot include others, so [`client_config!`] writes the common fields into each.

use std::collections::BTreeMap;
use std::time::Duration;

use sluice_config::{Interpolated, Node, Secret, config};
use sluice_value::Value;

use crate::fields::EMPTY;
use crate::filter::FilterConfig;
use sluice_tls::TlsConfig;

pub(crate) const NO_CODES: [i32; 0] = [];

config! {
    /// OAuth version 1.
    pub struct OauthConfig {
        /// Whether requests are signed.
        enabled: bool = false => advanced,
        /// Identifies the client.
        consumer_key: String = "" => advanced,
        /// Proves the client's identity.
        consumer_secret: Secret = "" => advanced,
        /// The token that grants access.
        access_token: String = "" => advanced,
        /// Proves that the token is the client's.
        access_token_secret: Secret = "" => advanced,
    }
}

config! {
    /// OAuth version 2, by client credentials or by a refresh token.
    pub struct Oauth2Config {
        /// Whether a token is fetched and sent.
        enabled: bool = false => advanced,
        /// Identifies the client to the token server.
        client_key: String = "" => advanced,
        /// Proves the client's identity.
        client_secret: Secret = "" => advanced,
        /// URL of the token server.
        token_url: String = "" => advanced,
        /// Permissions asked for.
        scopes: Vec<String> = EMPTY => advanced,
        /// Further parameters of the token request, each a list of texts. With a `grant_type` of
        /// `refresh_token`, the `refresh_token` given here is exchanged.
        endpoint_params: BTreeMap<String, Value> =
            Node::empty_map() => optional advanced rule(texts_in_lists),
    }
}

/// Values of the parameters are lists of texts.
fn texts_in_lists(params: &Node) -> Vec<String> {
    let mut problems = Vec::new();
    for (_, values) in params.as_map().unwrap_or_default() {
        let got = |node: &Node| {
            let value = node.to_value();
            format!("got {value} ({})", value.kind())
        };
        match values.as_list() {
            None => problems.push(format!(
                "field must be an object containing arrays of strings, {}",
                got(values)
            )),
            Some(items) => {
                let odd = items.iter().filter(|item| item.to_value().as_str().is_none());
                problems
                    .extend(odd.map(|item| format!("field values must be strings, {}", got(item))));
            }
        }
    }
    problems
}

config! {
    /// A user name and password.
    pub struct BasicAuthConfig {
        /// Whether they are sent.
        enabled: bool = false => advanced,
        /// The user name.
        username: String = "" => advanced,
        /// The password.
        password: Secret = "" => advanced,
    }
}

config! {
    /// A signed token made for each request.
    pub struct JwtConfig {
        /// Whether a token is sent.
        enabled: bool = false => advanced,
        /// File with the private key, PKCS#1 or PKCS#8 in PEM.
        private_key_file: String = "" => advanced,
        /// How the token is signed: `RS256`, `RS384`, `RS512` or `EdDSA`.
        signing_method: String = "" => advanced,
        /// The token's claims.
        claims: BTreeMap<String, Value> = Node::empty_map() => advanced,
        /// Further headers of the token.
        headers: BTreeMap<String, Value> = Node::empty_map() => advanced,
    }
}

config! {
    /// Digest access authentication.
    pub struct DigestAuthConfig {
        /// Whether the server's challenges are answered.
        enabled: bool = false => advanced,
        /// The user name.
        username: String = "" => advanced,
        /// The password.
        password: String = "" => advanced,
    }
}

config! {
    /// Kerberos or NTLM. Not supported.
    pub struct NegotiateConfig {
        /// Whether negotiation is used.
        enabled: bool = false => advanced,
        /// Which implementation to use.
        api: String = "pure" => options("sspi", "pure") advanced,
        /// Whether the user's password is only used when the rest fails.
        user_only_for_fallback: bool = false => advanced,
        /// A user with a password.
        user: Option<NegotiateUserConfig> => advanced,
        /// Kerberos files.
        kerberos: Option<KerberosConfig> => advanced,
    }
}

config! {
    /// A user with a password.
    pub struct NegotiateUserConfig {
        /// The user's domain.
        domain: String = "" => advanced,
        /// The user's name.
        name: String = "" => advanced,
        /// The user's password.
        password: Secret = "" => advanced,
    }
}

config! {
    /// Kerberos files.
    pub struct KerberosConfig {
        /// Path of the configuration file.
        config_file_path: String = "" => advanced,
        /// Name of the credential cache.
        ccname: String = "" => advanced,
    }
}

config! {
    /// Connections and how long they are kept.
    pub struct TransportConfig {
        /// How connections are opened.
        dial_context: Option<DialConfig> => advanced,
        /// Whether HTTP/2 is used where the server offers it over TLS.
        force_http2: bool = true => advanced,
        /// Most idle connections kept for one host.
        max_idle_connections: usize = 100 => advanced,
        /// How long an idle connection is kept.
        idle_connection_timeout: Duration = "90s" => advanced,
        /// Longest time for a TLS handshake.
        tls_handshake_timeout: Duration = "10s" => advanced,
        /// Longest wait for the server's go-ahead to a request with `Expect: 100-continue`. Such
        /// requests are not supported.
        expect_continue_timeout: Duration = "1s" => advanced,
    }
}

config! {
    /// How connections are opened.
    pub struct DialConfig {
        /// Longest time to connect.
        timeout: Duration = "30s" => advanced,
        /// How long a connection is silent before the peer is probed.
        keep_alive: Duration = "30s" => advanced,
    }
}

/// The common fields as read.
#[derive(Clone, Debug)]
pub(crate) struct ClientConfig {
    pub(crate) url: Interpolated,
    pub(crate) verb: String,
    pub(crate) headers: BTreeMap<String, Interpolated>,
    pub(crate) metadata: Option<FilterConfig>,
    pub(crate) dump_request_log_level: String,
    pub(crate) oauth: Option<OauthConfig>,
    pub(crate) oauth2: Option<Oauth2Config>,
    pub(crate) basic_auth: Option<BasicAuthConfig>,
    pub(crate) jwt: JwtConfig,
    pub(crate) tls: TlsConfig,
    pub(crate) extract_headers: FilterConfig,
    pub(crate) rate_limit: Option<String>,
    pub(crate) timeout: Duration,
    pub(crate) retry_period: Duration,
    pub(crate) max_retry_backoff: Duration,
    pub(crate) retries: i64,
    pub(crate) follow_redirects: bool,
    pub(crate) backoff_on: Vec<u16>,
    pub(crate) drop_on: Vec<u16>,
    pub(crate) successful_on: Vec<u16>,
    pub(crate) proxy_url: Option<String>,
    pub(crate) digest_auth: Option<DigestAuthConfig>,
    pub(crate) negotiate: Option<NegotiateConfig>,
    pub(crate) transport: TransportConfig,
    pub(crate) payload: Option<Interpolated>,
    pub(crate) body: Option<Interpolated>,
}

/// Declares a configuration with the common fields first.
macro_rules! client_config {
    (
        $(#[doc = $doc:literal])*
        pub struct $name:ident with $verb:literal { $($own:tt)* }
    ) => {
        sluice_config::config! {
            $(#[doc = $doc])*
            pub struct $name {
                /// URL to send requests to.
                url: sluice_config::Interpolated => lint_required,
                /// Method of the requests.
                verb: String = $verb,
                /// Headers of the requests.
                headers: std::collections::BTreeMap<String, sluice_config::Interpolated> =
                    sluice_config::Node::empty_map(),
                /// Which metadata of a message become headers of its request.
                metadata: Option<crate::filter::FilterConfig> => advanced,
                /// Level at which each request and response is logged; empty for none.
                dump_request_log_level: String = "" =>
                    options("TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL", "") advanced,
                /// OAuth version 1.
                oauth: Option<crate::client::config::OauthConfig> => advanced,
                /// OAuth version 2.
                oauth2: Option<crate::client::config::Oauth2Config> => advanced,
                /// A user name and password.
                basic_auth: Option<crate::client::config::BasicAuthConfig> => advanced,
                /// A signed token made for each request.
                jwt: crate::client::config::JwtConfig => advanced,
                /// How TLS is used.
                tls: sluice_tls::TlsConfig => advanced,
                /// Which headers of a response, in lower case, become metadata.
                extract_headers: crate::filter::FilterConfig => advanced,
                /// A rate limit that requests wait for. A duration that names none means one
                /// request in that time.
                rate_limit: Option<String>,
                /// Longest time for a request and its response.
                timeout: std::time::Duration = "5s",
                /// Pause before a failed request is tried again.
                retry_period: std::time::Duration = "1s" => advanced,
                /// Longest pause, where pauses grow.
                max_retry_backoff: std::time::Duration = "300s" => advanced,
                /// How often a failed request is tried again.
                retries: i64 = 3 => advanced,
                /// Whether redirects are followed. If not, they are responses like others.
                follow_redirects: bool = true => advanced,
                /// Status codes after which a request is tried again with growing pauses.
                backoff_on: Vec<u16> = [429] => advanced,
                /// Status codes after which a request is not tried again.
                drop_on: Vec<u16> = crate::client::config::NO_CODES => advanced,
                /// Status codes that count as success beside 200 to 299.
                successful_on: Vec<u16> = crate::client::config::NO_CODES => advanced,
                /// URL of a proxy (`http`, `https` or `socks5`).
                proxy_url: Option<String> => advanced,
                /// Digest access authentication.
                digest_auth: Option<crate::client::config::DigestAuthConfig> => advanced,
                /// Kerberos or NTLM. Not supported.
                negotiate: Option<crate::client::config::NegotiateConfig> => advanced,
                /// Connections and how long they are kept.
                transport: crate::client::config::TransportConfig => advanced,
                /// Another name for `payload`, as some documentation has it.
                body: Option<sluice_config::Interpolated> => advanced,
                $($own)*
            }
        }

        impl $name {
            pub(crate) fn client(&self) -> crate::client::config::ClientConfig {
                crate::client::config::ClientConfig {
                    url: self.url.clone(),
                    verb: self.verb.clone(),
                    headers: self.headers.clone(),
                    metadata: self.metadata.clone(),
                    dump_request_log_level: self.dump_request_log_level.clone(),
                    oauth: self.oauth.clone(),
                    oauth2: self.oauth2.clone(),
                    basic_auth: self.basic_auth.clone(),
                    jwt: self.jwt.clone(),
                    tls: self.tls.clone(),
                    extract_headers: self.extract_headers.clone(),
                    rate_limit: self.rate_limit.clone(),
                    timeout: self.timeout,
                    retry_period: self.retry_period,
                    max_retry_backoff: self.max_retry_backoff,
                    retries: self.retries,
                    follow_redirects: self.follow_redirects,
                    backoff_on: self.backoff_on.clone(),
                    drop_on: self.drop_on.clone(),
                    successful_on: self.successful_on.clone(),
                    proxy_url: self.proxy_url.clone(),
                    digest_auth: self.digest_auth.clone(),
                    negotiate: self.negotiate.clone(),
                    transport: self.transport.clone(),
                    payload: self.payload.clone(),
                    body: self.body.clone(),
                }
            }
        }
    };
}
pub(crate) use client_config;
