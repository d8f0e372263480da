//! What all components say about the server they use.

/// Declares a configuration that begins with the fields of the connection.
macro_rules! redis_config {
    (
        $(#[doc = $doc:literal])*
        pub struct $name:ident { $($own:tt)* }
    ) => {
        sluice_config::config! {
            $(#[doc = $doc])*
            pub struct $name {
                /// Address of the server: `redis://[[user]:password@]host[:port][/database]`, or `rediss://`
                /// for TLS. Several, with commas between them, for a cluster or its sentinels.
                url: String,
                /// What the address leads to: one server (`simple`), any node of a cluster (`cluster`), or
                /// sentinels that know where the master is (`failover`).
                kind: String = "simple" => options("simple", "cluster", "failover") advanced,
                /// How the sentinels call the master, where `kind` is `failover`.
                master: String = "" => advanced,
                /// How TLS is used.
                tls: sluice_tls::TlsConfig => advanced,
                $($own)*
            }
        }

        impl $name {
            /// # Errors
            /// The address or the TLS settings make no sense.
            fn server(&self) -> Result<crate::server::Server, sluice_engine::BuildError> {
                crate::server::Server::new(&self.url, &self.kind, &self.master, &self.tls)
            }
        }
    };
}

pub(crate) use redis_config;
