//! OAuth 1.0 signatures (RFC 5849).

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use ring::hmac;
use ring::rand::{SecureRandom, SystemRandom};
use sluice_config::Secret;

use super::secret;
use crate::client::config::OauthConfig;
use crate::client::request::Outgoing;
use crate::query;

/// Everything but the characters that RFC 3986 calls unreserved.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

pub(super) struct Oauth1 {
    consumer_key: String,
    consumer_secret: Secret,
    access_token: String,
    access_token_secret: Secret,
}

impl Oauth1 {
    pub(super) fn new(config: &OauthConfig) -> Self {
        Self {
            consumer_key: config.consumer_key.clone(),
            consumer_secret: config.consumer_secret.clone(),
            access_token: config.access_token.clone(),
            access_token_secret: config.access_token_secret.clone(),
        }
    }

    pub(super) fn authorization(&self, request: &Outgoing) -> Result<HeaderValue, String> {
        let mut random = [0; 16];
        SystemRandom::new().fill(&mut random).map_err(|_| "no randomness for a nonce")?;
        let nonce = u128::from_le_bytes(random).to_string();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        secret(self.header(request, &nonce, now))
    }

    fn header(&self, request: &Outgoing, nonce: &str, timestamp: u64) -> String {
        let timestamp = timestamp.to_string();
        let mut own = vec![
            ("oauth_consumer_key", self.consumer_key.as_str()),
            ("oauth_nonce", nonce),
            ("oauth_signature_method", "HMAC-SHA1"),
            ("oauth_timestamp", &timestamp),
            ("oauth_token", &self.access_token),
            ("oauth_version", "1.0"),
        ];
        let signature = self.signature(request, &own);
        own.push(("oauth_signature", &signature));
        own.sort_unstable();
        let fields: Vec<_> =
            own.iter().map(|(name, value)| format!("{name}=\"{}\"", escape(value))).collect();
        format!("OAuth {}", fields.join(", "))
    }

    fn signature(&self, request: &Outgoing, own: &[(&str, &str)]) -> String {
        let uri = &request.target.uri;
        let mut parameters: Vec<(String, String)> =
            own.iter().map(|(name, value)| (escape(name), escape(value))).collect();
        for (name, value) in query::pairs(uri.query().unwrap_or("")) {
            parameters.push((escape(&name), escape(&value)));
        }
        parameters.sort_unstable();
        let joined: Vec<_> =
            parameters.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let scheme = uri.scheme_str().unwrap_or("http").to_ascii_lowercase();
        let host = uri.host().unwrap_or("").to_ascii_lowercase();
        let default_port = if scheme == "https" { 443 } else { 80 };
        let port = uri.port_u16().filter(|port| *port != default_port);
        let port = port.map(|port| format!(":{port}")).unwrap_or_default();
        let base = [
            request.method.as_str().to_ascii_uppercase(),
            escape(&format!("{scheme}://{host}{port}{}", uri.path())),
            escape(&joined.join("&")),
        ];
        let secrets = [&self.consumer_secret, &self.access_token_secret];
        let key = secrets.map(|secret| escape(secret.expose())).join("&");
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, key.as_bytes());
        STANDARD.encode(hmac::sign(&key, base.join("&").as_bytes()))
    }
}

fn escape(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

#[cfg(test)]
mod tests {
    use http::Method;

    use super::*;
    use crate::client::target::Target;

    /// The worked example of the protocol's first provider, which everybody tests against.
    #[test]
    fn a_published_signature_is_met() {
        let oauth = Oauth1 {
            consumer_key: "dpf43f3p2l4k3l03".into(),
            consumer_secret: Secret::new("kd94hf93k423kf44"),
            access_token: "nnch734d00sl2jdk".into(),
            access_token_secret: Secret::new("pfkkdhi9sl3r4s00"),
        };
        let url = "http://photos.example.net/photos?file=vacation.jpg&size=original";
        let request = Outgoing::new(Method::GET, Target::http(url).unwrap());
        let header = oauth.header(&request, "kllo9940pd9333jh", 1_191_242_096);
        assert!(header.contains("oauth_signature=\"tR3%2BTy81lMeYAr%2FFid0kMTYa%2FWM%3D\""));
    }
}
