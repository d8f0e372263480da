//! Fields of the input and the output, and those that they have in common.

use std::time::Duration;

use sluice_config::{Interpolated, Secret, config};
use sluice_tls::TlsConfig;

config! {
    /// What the broker publishes when this client goes away without saying so.
    pub struct WillConfig {
        /// Whether there is a last will.
        enabled: bool = false => advanced,
        /// Its quality of service: 0, 1 or 2.
        qos: i64 = 0 => advanced,
        /// Whether the broker keeps it for later subscribers.
        retained: bool = false => advanced,
        /// The topic it is published to.
        topic: String = "" => advanced,
        /// Its content.
        payload: String = "" => advanced,
    }
}

/// The fields that say which broker, and who is asking.
pub(crate) struct ClientFields<'a> {
    pub(crate) urls: &'a [String],
    pub(crate) client_id: &'a str,
    pub(crate) suffix: Option<&'a str>,
    pub(crate) connect_timeout: Duration,
    pub(crate) will: &'a WillConfig,
    pub(crate) user: &'a str,
    pub(crate) password: &'a str,
    pub(crate) keepalive: i64,
    pub(crate) tls: &'a TlsConfig,
}

/// Declares a configuration with the common fields first.
macro_rules! client_config {
    ($(#[doc = $doc:literal])* pub struct $name:ident { $($own:tt)* }) => {
        config! {
            $(#[doc = $doc])*
            pub struct $name {
                /// URLs of the broker, tried in order: `tcp://` or `mqtt://`, encrypted `ssl://`, `tls://`
                /// or `mqtts://`. An item with commas is several URLs.
                urls: Vec<String>,
                /// Name of this client at the broker. Inputs and outputs with equal settings share a
                /// connection under this name; further connections get a suffix. Without a name, the
                /// broker gives one.
                client_id: String = "",
                /// Appends a random suffix to `client_id`.
                dynamic_client_id_suffix: Option<String> => advisory_options("nanoid") advanced,
                /// Longest wait for a connection.
                connect_timeout: Duration = "30s",
                /// What the broker publishes when this client goes away without saying so.
                will: WillConfig => advanced,
                /// User name.
                user: String = "" => advanced,
                /// Password.
                password: Secret = "" => advanced,
                /// Seconds without traffic after which the connection is probed; 0 for never.
                keepalive: i64 = 30 => advanced,
                /// How TLS is used with URLs that ask for it.
                tls: TlsConfig => advanced,
                $($own)*
            }
        }

        impl $name {
            pub(crate) fn client(&self) -> ClientFields<'_> {
                ClientFields {
                    urls: &self.urls,
                    client_id: &self.client_id,
                    suffix: self.dynamic_client_id_suffix.as_deref(),
                    connect_timeout: self.connect_timeout,
                    will: &self.will,
                    user: &self.user,
                    password: self.password.expose(),
                    keepalive: self.keepalive,
                    tls: &self.tls,
                }
            }
        }
    };
}

client_config! {
    /// Subscribes to topics of an MQTT broker.
    pub struct MqttInput {
        /// Topics to read, also with the wildcards `+` and `#`.
        topics: Vec<String>,
        /// Quality of service of the subscription: 0, 1 or 2.
        qos: i64 = 1 => advanced,
        /// Whether the broker forgets this client when it goes away. If not, it keeps messages for it, and
        /// this input has a connection of its own.
        clean_session: bool = true => advanced,
        /// Whether messages that failed are sent through the stream again.
        auto_replay_nacks: bool = true,
    }
}

client_config! {
    /// Publishes to topics of an MQTT broker.
    pub struct MqttOutput {
        /// Topic of each message.
        topic: Interpolated => lint_required,
        /// Quality of service: 0, 1 or 2. With 0 nothing tells whether a message arrived.
        qos: i64 = 1,
        /// Longest wait until the connection takes a message; 0 for no limit.
        write_timeout: Duration = "3s",
        /// Whether the broker keeps the last message of the topic for later subscribers.
        retained: bool = false,
        /// The same for each message: a text that comes to `true` or `false`.
        retained_interpolated: Option<Interpolated> => advanced,
        /// Messages that may be on their way at once.
        max_in_flight: usize = 64,
    }
}
