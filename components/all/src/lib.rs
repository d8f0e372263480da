//! Every component of the engine, by name: the only crate that knows them all.
//!
//! Each crate of components stands behind a feature of the same name, so that a build can leave
//! out what it does not need; `full` is what the program ships with.

use sluice_engine::Registry;

/// Registers the components of all crates that this build has.
pub fn register_all(registry: &mut Registry) {
    #[cfg(feature = "amqp")]
    sluice_amqp::register(registry);
    #[cfg(feature = "aws")]
    sluice_aws::register(registry);
    #[cfg(feature = "builtin")]
    sluice_builtin::register(registry);
    #[cfg(feature = "codecs")]
    sluice_codecs::register(registry);
    #[cfg(feature = "exporters")]
    sluice_exporters::register(registry);
    #[cfg(feature = "files")]
    sluice_files::register(registry);
    #[cfg(feature = "http")]
    sluice_http::register(registry);
    #[cfg(feature = "kafka")]
    sluice_kafka::register(registry);
    #[cfg(feature = "mqtt")]
    sluice_mqtt::register(registry);
    #[cfg(feature = "nats")]
    sluice_nats::register(registry);
    #[cfg(feature = "processes")]
    sluice_processes::register(registry);
    #[cfg(feature = "queries")]
    sluice_queries::register(registry);
    #[cfg(feature = "redis")]
    sluice_redis::register(registry);
}

/// A registry with all components.
pub fn registry() -> Registry {
    let mut registry = Registry::default();
    register_all(&mut registry);
    registry
}
