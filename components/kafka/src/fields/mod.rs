//! The field tables of the four components, and what they share.

mod franz;
mod sarama;
mod security;

pub(crate) use franz::{FranzInput, FranzOutput};
pub(crate) use sarama::{Backoff, KafkaInput, KafkaOutput, TopicCreation};
pub(crate) use security::{ClientCert, FranzOAuth2, FranzSasl, KafkaOAuth2, KafkaSasl, Tls};

/// The default of lists.
const EMPTY: [&str; 0] = [];
