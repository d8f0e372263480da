//! Tokens for `OAUTHBEARER`: where they come from, and giving them to clients before they expire.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sluice_engine::backoff::Backoff;
use sluice_engine::{BuildError, Cache};
use sluice_value::Value;
use tokio::task::JoinHandle;
use tracing::warn;

use crate::fields::{FranzOAuth2, KafkaOAuth2};
use crate::oauth2::ClientCredentials;

/// How long a token counts as valid when its source does not say.
const UNKNOWN_LIFETIME: Duration = Duration::from_hours(365 * 24);
/// A cached token is looked up again after this time: whoever fills the cache renews it there.
const CACHED_LIFETIME: Duration = Duration::from_mins(1);

/// A token and what goes with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) text: String,
    pub(crate) lifetime: Duration,
    pub(crate) extensions: Vec<(String, String)>,
}

/// Where tokens come from.
pub(crate) struct TokenSource {
    kind: Kind,
    extensions: Vec<(String, String)>,
}

enum Kind {
    Fixed(String),
    Cached { cache: Arc<dyn Cache>, key: String },
    Fetched(ClientCredentials),
}

impl TokenSource {
    /// # Errors
    /// The token, in the field of this name, is empty.
    pub(crate) fn fixed(token: &str, field: &str) -> Result<Self, BuildError> {
        if token.is_empty() {
            return Err(BuildError::new(format!(
                "sasl.{field}: OAUTHBEARER needs a token or oauth2 settings"
            )));
        }
        Ok(Self { kind: Kind::Fixed(token.into()), extensions: Vec::new() })
    }

    pub(crate) fn cached(cache: Arc<dyn Cache>, key: &str) -> Self {
        Self { kind: Kind::Cached { cache, key: key.into() }, extensions: Vec::new() }
    }

    /// # Errors
    /// The URL or a parameter is unusable. The same holds for `from_franz_oauth2`.
    pub(crate) fn from_kafka_oauth2(fields: &KafkaOAuth2) -> Result<Self, BuildError> {
        let credentials = ClientCredentials::new(
            &fields.client_key,
            &fields.client_secret,
            &fields.token_url,
            &fields.scopes,
            fields.endpoint_params.as_ref(),
        )?;
        let text = |(key, value): (&String, &Value)| (key.clone(), value.to_text());
        let extensions = fields.extensions.iter().flatten().map(text).collect();
        Ok(Self { kind: Kind::Fetched(credentials), extensions })
    }

    pub(crate) fn from_franz_oauth2(
        fields: &FranzOAuth2,
        extensions: Option<&BTreeMap<String, String>>,
    ) -> Result<Self, BuildError> {
        let credentials = ClientCredentials::new(
            &fields.client_key,
            &fields.client_secret,
            &fields.token_url,
            &fields.scopes,
            fields.endpoint_params.as_ref(),
        )?;
        let source = Self { kind: Kind::Fetched(credentials), extensions: Vec::new() };
        Ok(source.with_extensions(extensions))
    }

    pub(crate) fn with_extensions(mut self, extensions: Option<&BTreeMap<String, String>>) -> Self {
        self.extensions =
            extensions.into_iter().flatten().map(|(k, v)| (k.clone(), v.clone())).collect();
        self
    }

    /// Tells sources apart. Holds secrets.
    pub(crate) fn key(&self) -> String {
        let kind = match &self.kind {
            Kind::Fixed(token) => format!("fixed {token}"),
            Kind::Cached { cache, key } => format!("cache {:p} {key}", Arc::as_ptr(cache)),
            Kind::Fetched(credentials) => credentials.key(),
        };
        format!("{kind} {:?}", self.extensions)
    }

    async fn fetch(&self) -> Result<Token, String> {
        let (text, lifetime) = match &self.kind {
            Kind::Fixed(token) => (token.clone(), UNKNOWN_LIFETIME),
            Kind::Cached { cache, key } => {
                let found =
                    cache.get(key).await.map_err(|error| format!("token cache: {error}"))?;
                let token = found.ok_or_else(|| format!("token cache: no token under {key}"))?;
                let token = String::from_utf8(token.to_vec())
                    .map_err(|_| "token cache: the token is not text".to_owned())?;
                (token, CACHED_LIFETIME)
            }
            Kind::Fetched(credentials) => {
                let (token, lifetime) = credentials.fetch().await?;
                (token, lifetime.unwrap_or(UNKNOWN_LIFETIME))
            }
        };
        Ok(Token { text, lifetime, extensions: self.extensions.clone() })
    }
}

/// Provides clients with tokens.
pub(crate) struct Tokens {
    source: TokenSource,
}

impl Tokens {
    pub(crate) fn new(source: TokenSource) -> Self {
        Self { source }
    }

    /// Gives a client its first token, then new ones before they expire, until the returned renewal
    /// is dropped.
    ///
    /// # Errors
    /// There is no first token to be had, or the client refuses it.
    pub(crate) async fn provide(
        self: &Arc<Self>,
        give: impl Fn(&Token) -> Result<(), String> + Send + Sync + 'static,
    ) -> Result<Renewal, String> {
        let token = self.source.fetch().await?;
        give(&token)?;
        let tokens = self.clone();
        let task = tokio::spawn(async move {
            let mut pause = renew_after(token.lifetime);
            let mut backoff = Backoff::for_links();
            loop {
                tokio::time::sleep(pause).await;
                let renewed = tokens.source.fetch().await;
                match renewed.and_then(|token| give(&token).map(|()| token)) {
                    Ok(token) => {
                        backoff.reset();
                        pause = renew_after(token.lifetime);
                    }
                    Err(error) => {
                        warn!(%error, "failed to renew an access token for Kafka");
                        pause = backoff.pause();
                    }
                }
            }
        });
        Ok(Renewal(task))
    }
}

/// Keeps a client's token fresh while it lives.
pub(crate) struct Renewal(JoinHandle<()>);

impl Drop for Renewal {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Three quarters of the lifetime: the client library itself asks at four fifths.
fn renew_after(lifetime: Duration) -> Duration {
    lifetime.mul_f64(0.75).max(Duration::from_millis(100))
}

impl Token {
    /// When it expires, in milliseconds since 1970.
    pub(crate) fn expires_ms(&self) -> i64 {
        let at = SystemTime::now() + self.lifetime;
        at.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[tokio::test]
    async fn a_client_gets_its_token_at_once() {
        let extensions = BTreeMap::from([("tenant".to_owned(), "a".to_owned())]);
        let source =
            TokenSource::fixed("secret", "token").unwrap().with_extensions(Some(&extensions));
        let given = Arc::new(Mutex::new(Vec::new()));
        let give = {
            let given = given.clone();
            move |token: &Token| {
                given.lock().unwrap().push(token.clone());
                Ok(())
            }
        };
        let renewal = Arc::new(Tokens::new(source)).provide(give).await.unwrap();
        let given = given.lock().unwrap();
        assert_eq!(given[0].text, "secret");
        assert_eq!(given[0].extensions, [("tenant".to_owned(), "a".to_owned())]);
        drop(renewal);
    }

    #[test]
    fn a_missing_token_names_its_field() {
        let error = TokenSource::fixed("", "access_token").err().unwrap().to_string();
        assert!(error.contains("access_token"), "{error}");
    }
}
