//! `schema_registry_decode`: messages that name their schema become JSON.

use std::sync::Arc;

use async_trait::async_trait;
use sluice_config::config;
use sluice_engine::{Batches, BuildError, Owner, Processor, Registry, Scope, WaitingProcessor};
use sluice_http::api::{
    ApiSettings, ApiTlsConfig, BasicAuthConfig, JwtConfig, OauthConfig, TransportConfig,
};
use sluice_message::Batch;
use smallvec::smallvec;

use super::cache::{Cache, Found};
use super::client::Client;
use super::codec::Codec;
use super::{MAGIC, TIMEOUT};
use crate::avro::Dialect;

pub(crate) fn register(registry: &mut Registry) {
    registry
        .processor("schema_registry_decode", build)
        .categories(&["Parsing", "Integration"])
        .doc(
            "Decodes messages that begin with the number of their schema, as clients of Confluent's \
             schema registry write them, and makes them JSON. Schemas may be of Avro, Protobuf or \
             JSON. Messages that do not conform to their schema fail and stay what they are.\n\n\
             Avro messages become \
             [Avro JSON](https://avro.apache.org/docs/current/specification/#json-encoding): \
             values of unions are objects with the name of the member, such as \
             `{\"string\": \"a\"}`, or null.",
        );
}

config! {
    /// Which registry, and what messages become.
    struct DecodeConfig {
        /// Whether Avro messages become plain JSON: values of unions do not name their member.
        avro_raw_json: bool = false => advanced,
        /// Accepted for documents written for the reference engine. Avro schemas that refer to
        /// others are put together in any case, wherever they refer to them.
        avro_nested_schemas: bool = false => advanced,
        /// The registry's URL.
        url: String => lint_required,
        /// Connections and how long they are kept.
        transport: TransportConfig => advanced,
        /// Whether characters are removed from namespaces of Avro types that must not be in them.
        sanitize_namespace_names: bool = false => advanced,
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

struct Decode {
    client: Client,
    dialect: Dialect,
    codecs: Cache<u32, Codec>,
    owner: Owner,
}

fn build(config: DecodeConfig, scope: &Scope) -> Result<Processor, BuildError> {
    let settings = ApiSettings {
        transport: &config.transport,
        tls: &config.tls,
        oauth: config.oauth.as_ref(),
        basic_auth: config.basic_auth.as_ref(),
        jwt: &config.jwt,
        timeout: TIMEOUT,
    };
    Ok(Processor::waiting(Decode {
        client: Client::new(&config.url, settings, config.sanitize_namespace_names, scope)?,
        dialect: Dialect::raw(config.avro_raw_json),
        codecs: Cache::new(),
        owner: scope.owner(),
    }))
}

impl Decode {
    async fn decode(&self, content: &[u8]) -> Result<Vec<u8>, String> {
        let (id, rest) = split(content)?;
        self.codec(id).await?.decode(rest)
    }

    async fn codec(&self, id: u32) -> Result<Arc<Codec>, String> {
        if let Found::Fresh(codec) = self.codecs.get(&id) {
            return Ok(codec);
        }
        let _turn = self.codecs.fetching.lock().await;
        if let Found::Fresh(codec) = self.codecs.get(&id) {
            return Ok(codec);
        }
        let schema = self.client.by_id(id).await?;
        let codec = Arc::new(Codec::new(&self.client, &schema, self.dialect).await?);
        // What a number stands for never changes.
        self.codecs.set(id, codec.clone(), None);
        Ok(codec)
    }
}

/// The number of a message's schema, and what follows it.
fn split(content: &[u8]) -> Result<(u32, &[u8]), String> {
    match content {
        [] => Err("message is empty".into()),
        [MAGIC, rest @ ..] => match rest.split_first_chunk::<4>() {
            Some((id, rest)) => Ok((u32::from_be_bytes(*id), rest)),
            None => Err("message is too short for the number of a schema".into()),
        },
        [version, ..] => {
            Err(format!("serialization format version number {version} not supported"))
        }
    }
}

#[async_trait]
impl WaitingProcessor for Decode {
    async fn process(&self, mut batch: Batch) -> Batches {
        for message in batch.iter_mut() {
            match self.decode(message.bytes()).await {
                Ok(content) => message.set_bytes(content),
                Err(problem) => self.owner.fail(message, problem),
            }
        }
        smallvec![batch]
    }

    async fn close(&self) {
        self.codecs.clear();
    }
}
