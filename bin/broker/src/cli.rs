//! The command line: options, their bounds and their help.

use std::{fmt, net::SocketAddr, path::PathBuf, str::FromStr};

use clap::Parser;

use crate::topics::{NewTopics, Topic};

/// Kafka-compatible broker that needs no set-up: one program, one data directory.
#[derive(Debug, Parser)]
#[command(name = "sluice-broker", version, after_help = EXAMPLES)]
pub(crate) struct Options {
    /// Address to listen on; port 0 picks a free one
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:9092")]
    pub(crate) listen: Address,

    /// Address that clients are told to connect to [default: the one listened on]
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) advertise: Option<Address>,

    /// Directory for topics and group positions; created where missing, survives restarts
    #[arg(long, value_name = "DIR")]
    pub(crate) data: PathBuf,

    /// Topics to create where missing, separated by commas; NAME:N asks for N partitions
    #[arg(long, value_name = "TOPICS", value_delimiter = ',')]
    pub(crate) create_topics: Vec<Topic>,

    /// Partitions of a new topic that does not say how many
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(i32).range(1..=1000))]
    pub(crate) partitions: i32,

    /// Refuse unknown topics instead of creating them when a client first names them
    #[arg(long)]
    pub(crate) no_auto_create: bool,

    /// Stop when standard input ends, so that the broker never outlives the program that started it
    #[arg(long)]
    pub(crate) stop_with_stdin: bool,

    /// What to log to stderr, as a tracing filter such as `info` or `warn,tansu_storage=debug`
    #[arg(long, value_name = "FILTER", env = "SLUICE_BROKER_LOG", default_value = DEFAULT_LOG)]
    pub(crate) log: String,
}

/// tansu logs as errors what clients do every day, such as asking for a group that is new.
const DEFAULT_LOG: &str =
    "warn,tansu_broker=off,tansu_service=off,tansu_storage=off,tansu_sans_io=off";

const EXAMPLES: &str = "\
Examples:
  sluice-broker --data ./broker
      Listen on 127.0.0.1:9092; topics come into being when a client first names them.

  sluice-broker --listen 127.0.0.1:9093 --data ./broker --create-topics jobs,completed:4
      Have two topics from the start, the second with four partitions.

  sluice-broker --listen 0.0.0.0:9092 --advertise broker.example:9092 --data /var/lib/sluice-broker
      Serve other machines. There is no authentication: do so on a trusted network only.

Any Kafka client can be used; transactions are not supported.";

impl Options {
    pub(crate) fn new_topics(&self) -> NewTopics {
        NewTopics { on_first_use: !self.no_auto_create, partitions: self.partitions }
    }
}

/// A host, by name or number, and a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) host: String,
    pub(crate) port: u16,
}

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let expected = || format!("expected HOST:PORT, such as 127.0.0.1:9092, found `{text}`");
        let (host, port) = text.rsplit_once(':').ok_or_else(expected)?;
        let bare_v6 = host.contains(':') && !(host.starts_with('[') && host.ends_with(']'));
        if host.is_empty() || bare_v6 {
            return Err(expected());
        }
        Ok(Self { host: host.to_owned(), port: port.parse().map_err(|_| expected())? })
    }
}

impl From<SocketAddr> for Address {
    fn from(address: SocketAddr) -> Self {
        let host = match address {
            SocketAddr::V4(address) => address.ip().to_string(),
            SocketAddr::V6(address) => format!("[{}]", address.ip()),
        };
        Self { host, port: address.port() }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        use clap::CommandFactory as _;
        Options::command().debug_assert();
    }

    #[test]
    fn addresses_keep_names_and_bracketed_numbers() {
        for text in ["127.0.0.1:9092", "localhost:0", "[::1]:9092"] {
            assert_eq!(text.parse::<Address>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn an_address_without_host_or_port_is_refused() {
        for text in ["9092", ":9092", "localhost", "localhost:", "localhost:70000", "::1"] {
            let error = text.parse::<Address>().unwrap_err();
            assert!(error.contains("HOST:PORT") && error.contains(text), "{error}");
        }
    }
}
