//! Settings of the program itself, beside those of the stream it runs.

use std::collections::BTreeMap;

use sluice_config::{Block, Kinds, Node, config};
use sluice_http::ServiceConfig;

config! {
    /// What is logged, and how.
    pub struct LoggerSettings {
        /// Lowest level that is logged.
        level: String = "INFO" => advisory_options("OFF", "FATAL", "ERROR", "WARN", "INFO", "DEBUG", "TRACE", "ALL", "NONE"),
        /// Form of a log line. On a terminal lines are for people unless this is set.
        format: String = "logfmt" => options("json", "logfmt"),
        /// Whether lines say when.
        add_timestamp: bool = false,
        /// Name of the field with the level.
        level_name: String = "level",
        /// Name of the field with the time.
        timestamp_name: String = "time",
        /// Name of the field with the message.
        message_name: String = "msg",
        /// Fields of every line.
        static_fields: BTreeMap<String, String> = service_field(),
        /// Logs to a file instead of the standard streams.
        file: LogFile,
        /// Whether every failure of a processor is logged as an error.
        log_all_errors: bool = false => advanced,
    }
}

fn service_field() -> Node {
    let mut fields = Node::empty_map();
    fields.insert("@service", Node::from("sluice"));
    fields
}

config! {
    /// A file to log to.
    pub struct LogFile {
        /// The file; none when empty.
        path: String = "",
        /// Whether a full file (10 MB) is put aside, compressed, and a new one begun.
        rotate: bool = false,
        /// Days after which a file put aside is deleted; 0 for never.
        rotate_max_age_days: i64 = 0,
    }
}

config! {
    /// What of a configuration concerns the program alone.
    pub struct ProgramSettings {
        /// The HTTP server.
        http: ServiceConfig,
        /// Logging.
        logger: LoggerSettings,
        /// How metrics are exported.
        metrics: Block<Kinds::Metrics> = default_metrics(),
        /// Where traces are sent.
        tracer: Block<Kinds::Tracer> = Node::component("none"),
    }
}

fn default_metrics() -> Node {
    let mut block = Node::component("prometheus");
    block.insert("mapping", Node::from(""));
    block
}
