//! Tracers: where spans are sent.

mod export;
mod otlp;
mod thrift;

pub use export::TraceExporter;

use std::collections::BTreeMap;
use std::time::Duration;

use sluice_config::{ComponentKind, Node, config};
use sluice_engine::{Registry, Status};

const EMPTY: [&str; 0] = [];

config! {
    /// Traces nothing.
    pub struct NoTracer {}
}

config! {
    /// Sends traces to Jaeger.
    pub struct Jaeger {
        /// Address of an agent, for UDP.
        agent_address: String = "",
        /// URL of a collector, for HTTP.
        collector_url: String = "",
        /// How it is decided which traces are kept.
        sampler_type: String = "const" => options("const"),
        /// What the sampler needs to know.
        sampler_param: f64 = 1.0 => advanced,
        /// Tags of every trace.
        tags: BTreeMap<String, String> = Node::empty_map() => advanced,
        /// How often traces are sent.
        flush_interval: Option<Duration>,
    }
}

config! {
    /// Sends traces to an OpenTelemetry collector.
    pub struct OpenTelemetry {
        /// Collectors over HTTP.
        http: Vec<HttpCollector> = EMPTY,
        /// Collectors over gRPC.
        grpc: Vec<GrpcCollector> = EMPTY,
        /// Tags of every trace.
        tags: BTreeMap<String, String> = Node::empty_map() => advanced,
        /// Which traces are kept.
        sampling: Sampling,
    }
}

config! {
    /// A collector over HTTP.
    pub struct HttpCollector {
        /// Its address.
        address: Option<String>,
        /// Its address, by an older name.
        url: String = "localhost:4318" => deprecated,
        /// Whether to use TLS.
        secure: bool = false,
    }
}

config! {
    /// A collector over gRPC.
    pub struct GrpcCollector {
        /// Its address.
        address: Option<String>,
        /// Its address, by an older name.
        url: String = "localhost:4317" => deprecated,
        /// Whether to use TLS.
        secure: bool = false,
    }
}

config! {
    /// Which traces are kept.
    pub struct Sampling {
        /// Whether any are left out.
        enabled: bool = false,
        /// The share that is kept, from 0 to 1.
        ratio: Option<f64>,
    }
}

pub(crate) fn register(registry: &mut Registry) {
    let kind = ComponentKind::Tracer;
    registry.described::<NoTracer>(kind, "none").doc(NoTracer::DOC);
    registry.described::<Jaeger>(kind, "jaeger").doc(Jaeger::DOC);
    registry
        .described::<OpenTelemetry>(kind, "open_telemetry_collector")
        .doc(OpenTelemetry::DOC)
        .status(Status::Experimental);
}
