//! `schema_registry_encode`: JSON becomes messages that name their schema.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use sluice_config::{Interpolated, config};
use sluice_engine::{
    Batches, BuildError, Owner, Processor, Registry, Scope, Text, WaitingProcessor,
};
use sluice_http::api::{
    ApiSettings, ApiTlsConfig, BasicAuthConfig, JwtConfig, OauthConfig, TransportConfig,
};
use sluice_message::Batch;
use smallvec::smallvec;
use tracing::error;

use super::cache::{Cache, Found};
use super::client::Client;
use super::codec::Codec;
use super::{MAGIC, TIMEOUT};
use crate::avro::Dialect;

pub(crate) fn register(registry: &mut Registry) {
    registry
        .processor("schema_registry_encode", build)
        .categories(&["Parsing", "Integration"])
        .doc(
            "Encodes messages by the latest schema of a subject in a schema registry and puts the \
             schema's number before them, as clients of Confluent's registry expect it. Schemas \
             may be of Avro, Protobuf or JSON. Messages that do not conform to their schema fail \
             and stay what they are.\n\n\
             Messages for Avro schemas are \
             [Avro JSON](https://avro.apache.org/docs/current/specification/#json-encoding): \
             values of unions are objects with the name of the member, such as \
             `{\"string\": \"a\"}`, or null. Of Protobuf schemas with several messages the first \
             is taken that the document fits.",
        );
}

config! {
    /// Which registry, and what messages are.
    struct EncodeConfig {
        /// The registry's URL.
        url: String => lint_required,
        /// The subject, for each message.
        subject: Interpolated => lint_required,
        /// How old a schema may be before the registry is asked for a newer one. While it cannot
        /// be reached, the old one stays in use.
        refresh_period: Duration = "10m",
        /// Whether messages for Avro schemas are plain JSON: values of unions do not name their
        /// member, and are of the first that they fit.
        avro_raw_json: bool = false => advanced,
        /// Accepted for documents written for the reference engine. Avro schemas that refer to
        /// others are put together in any case, wherever they refer to them.
        avro_nested_schemas: bool = false => advanced,
        /// Connections and how long they are kept.
        transport: TransportConfig => advanced,
        /// OAuth version 1.
        oauth: Option<OauthConfig> => advanced,
        /// A user name and password.
        basic_auth: Option<BasicAuthConfig> => advanced,
        /// A signed token made for each request.
        jwt: JwtConfig => advanced,
        /// How TLS is used.
        tls: ApiTlsConfig => advanced,
    }
}

struct Encode {
    client: Client,
    subject: Text,
    dialect: Dialect,
    refresh_period: Duration,
    schemas: Cache<String, Latest>,
    owner: Owner,
}

/// The latest schema of a subject.
struct Latest {
    id: u32,
    codec: Codec,
}

fn build(config: EncodeConfig, scope: &Scope) -> Result<Processor, BuildError> {
    let settings = ApiSettings {
        transport: &config.transport,
        tls: &config.tls,
        oauth: config.oauth.as_ref(),
        basic_auth: config.basic_auth.as_ref(),
        jwt: &config.jwt,
        timeout: TIMEOUT,
    };
    Ok(Processor::waiting(Encode {
        client: Client::new(&config.url, settings, false, scope)?,
        subject: scope.text(&config.subject)?,
        dialect: Dialect::raw(config.avro_raw_json),
        refresh_period: config.refresh_period,
        schemas: Cache::new(),
        owner: scope.owner(),
    }))
}

impl Encode {
    async fn encode(&self, batch: &Batch, at: usize) -> Result<Vec<u8>, String> {
        let subject = self
            .subject
            .render(batch, at)
            .map_err(|problem| format!("subject interpolation error: {problem}"))?;
        let latest = self.latest(&subject).await?;
        let content = batch.get(at).map(|message| message.bytes().clone()).unwrap_or_default();
        let encoded = latest.codec.encode(&content)?;
        let mut out = Vec::with_capacity(encoded.len() + 5);
        out.push(MAGIC);
        out.extend_from_slice(&latest.id.to_be_bytes());
        out.extend_from_slice(&encoded);
        Ok(out)
    }

    async fn latest(&self, subject: &str) -> Result<Arc<Latest>, String> {
        if let Found::Fresh(latest) = self.schemas.get(subject) {
            return Ok(latest);
        }
        let _turn = self.schemas.fetching.lock().await;
        let old = match self.schemas.get(subject) {
            Found::Fresh(latest) => return Ok(latest),
            Found::Expired(old) => Some(old),
            Found::Nothing => None,
        };
        let (latest, lifetime) = match (self.fetch(subject).await, old) {
            (Ok(latest), _) => (Arc::new(latest), self.refresh_period),
            (Err(problem), Some(old)) => {
                error!("Failed to refresh schema subject '{subject}': {problem}");
                let pause = (self.refresh_period / 10).max(Duration::from_secs(1));
                (old, pause)
            }
            (Err(problem), None) => return Err(problem),
        };
        self.schemas.set(subject.to_owned(), latest.clone(), Some(lifetime));
        Ok(latest)
    }

    async fn fetch(&self, subject: &str) -> Result<Latest, String> {
        let schema = self.client.by_subject(subject, None).await?;
        let codec = Codec::new(&self.client, &schema, self.dialect).await?;
        Ok(Latest { id: schema.id, codec })
    }
}

#[async_trait]
impl WaitingProcessor for Encode {
    async fn process(&self, mut batch: Batch) -> Batches {
        // Each subject sees the messages as they came.
        let mut encoded = Vec::with_capacity(batch.len());
        for at in 0..batch.len() {
            encoded.push(self.encode(&batch, at).await);
        }
        for (message, encoded) in batch.iter_mut().zip(encoded) {
            match encoded {
                Ok(content) => message.set_bytes(content),
                Err(problem) => self.owner.fail(message, problem),
            }
        }
        smallvec![batch]
    }

    async fn close(&self) {
        self.schemas.clear();
    }
}
