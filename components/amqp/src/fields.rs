//! Fields of the input and the output.

use std::time::Duration;

use sluice_config::{Interpolated, config};
use sluice_tls::TlsConfig;

const EMPTY: [&str; 0] = [];

config! {
    /// A queue to declare.
    pub struct QueueDeclare {
        /// Whether the queue is declared.
        enabled: bool = false => advanced,
        /// Whether the queue outlives a restart of the broker.
        durable: bool = true => advanced,
        /// Whether the queue goes when its last reader does.
        auto_delete: bool = false => advanced,
    }
}

config! {
    /// A binding of the queue.
    pub struct BindingDeclare {
        /// The exchange that messages come from.
        exchange: String = "" => advanced,
        /// The routing key of the binding.
        key: String = "" => advanced,
    }
}

config! {
    /// Reads a queue of an AMQP 0.9.1 broker such as RabbitMQ.
    pub struct AmqpInput {
        /// URLs of the broker, tried in order. An item with commas is several URLs.
        urls: Vec<String>,
        /// The queue to read.
        queue: String => lint_required,
        /// Declares the queue. If it is there already, it must have these properties.
        queue_declare: Option<QueueDeclare> => advanced,
        /// Binds the queue to exchanges.
        bindings_declare: Option<Vec<BindingDeclare>> => advanced,
        /// Name of this reader at the broker.
        consumer_tag: String = "",
        /// Whether messages count as delivered as soon as they are read. What is on its way is lost by a
        /// crash then.
        auto_ack: bool = false => advanced,
        /// Regular expressions: a message whose error matches one of them is not delivered again, but
        /// dropped or given to the queue's dead letter exchange.
        nack_reject_patterns: Vec<String> = EMPTY => advanced,
        /// Most messages that are read and not acknowledged yet; 0 for 65535.
        prefetch_count: i64 = 10,
        /// Most bytes that are read and not acknowledged yet. Brokers do not support it: only 0 is taken.
        prefetch_size: i64 = 0 => advanced,
        /// How TLS is used with `amqps` URLs.
        tls: TlsConfig => advanced,
    }
}

config! {
    /// An exchange to declare.
    pub struct ExchangeDeclare {
        /// Whether the exchange is declared.
        enabled: bool = false => advanced,
        /// Kind of the exchange.
        r#type: String = "direct" => options("direct", "fanout", "topic", "x-custom") advanced,
        /// Whether the exchange outlives a restart of the broker.
        durable: bool = true => advanced,
    }
}

config! {
    /// Which metadata become headers.
    pub struct MetadataFilter {
        /// Metadata whose names begin with one of these are left out.
        exclude_prefixes: Vec<String> = EMPTY,
    }
}

config! {
    /// Writes to an exchange of an AMQP 0.9.1 broker such as RabbitMQ.
    pub struct AmqpOutput {
        /// URLs of the broker, tried in order. An item with commas is several URLs.
        urls: Vec<String>,
        /// The exchange to write to.
        exchange: Interpolated => lint_required,
        /// Declares the exchange. If it is there already, it must have these properties.
        exchange_declare: Option<ExchangeDeclare> => advanced,
        /// Routing key of each message. `/` becomes `.`.
        key: Interpolated = "",
        /// Type of each message. `/` becomes `.`.
        r#type: Interpolated = "",
        /// Content type of each message.
        content_type: Interpolated = "application/octet-stream" => advanced,
        /// Content encoding of each message.
        content_encoding: Interpolated = "" => advanced,
        /// Correlation id of each message.
        correlation_id: Interpolated = "" => advanced,
        /// Queue for answers to each message.
        reply_to: Interpolated = "" => advanced,
        /// Milliseconds for which a message may wait in a queue.
        expiration: Interpolated = "" => advanced,
        /// Id of each message.
        message_id: Interpolated = "" => advanced,
        /// Name of the user who writes, which must be the connection's.
        user_id: Interpolated = "" => advanced,
        /// Id of the application that writes.
        app_id: Interpolated = "" => advanced,
        /// Which metadata become headers. `_` in names becomes `-`.
        metadata: MetadataFilter,
        /// Priority of each message: 0 to 9.
        priority: Interpolated = "" => advanced,
        /// Messages that may be on their way at once.
        max_in_flight: usize = 64,
        /// Whether queues keep messages over a restart of the broker.
        persistent: bool = false => advanced,
        /// Whether a message that no queue gets is an error. Such messages are written one by one.
        mandatory: bool = false => advanced,
        /// Whether a message that no reader waits for is an error. RabbitMQ does not support it.
        immediate: bool = false => advanced,
        /// Longest wait for the broker to confirm a message; empty for no limit.
        timeout: Duration = "" => advanced,
        /// How TLS is used with `amqps` URLs.
        tls: TlsConfig => advanced,
    }
}
