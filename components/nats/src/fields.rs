//! What all components say about the servers they use.

use sluice_config::{Secret, config};

pub(crate) const NONE: [&str; 0] = [];

/// Declares a configuration that begins with the fields of the connection.
macro_rules! nats_config {
    (
        $(#[doc = $doc:literal])*
        pub struct $name:ident { $($own:tt)* }
    ) => {
        sluice_config::config! {
            $(#[doc = $doc])*
            pub struct $name {
                /// Addresses of servers, such as `nats://user:password@127.0.0.1:4222`; `tls://` asks for TLS.
                /// An item may hold several, with commas between them.
                urls: Vec<String>,
                /// How TLS is used.
                tls: sluice_tls::TlsConfig => advanced,
                /// How the client says who it is, where the addresses do not.
                auth: crate::fields::AuthConfig => advanced,
                $($own)*
            }
        }

        impl $name {
            /// The connection that components with these servers and this identity share.
            ///
            /// # Errors
            /// The addresses, the TLS settings or the identity make no sense.
            fn link(
                &self,
                scope: &sluice_engine::Scope,
            ) -> Result<std::sync::Arc<crate::link::Link>, sluice_engine::BuildError> {
                crate::link::Link::shared(&self.urls, &self.tls, &self.auth, scope)
            }
        }
    };
}

pub(crate) use nats_config;

config! {
    /// Identity of a client.
    pub struct AuthConfig {
        /// File with the seed of an NKey.
        nkey_file: Option<String> => advanced,
        /// File with a user's JWT and the seed of its NKey.
        user_credentials_file: Option<String> => advanced,
        /// A user's JWT; `user_nkey_seed` belongs to it.
        user_jwt: Option<Secret> => advanced,
        /// Seed of the NKey that belongs to `user_jwt`.
        user_nkey_seed: Option<Secret> => advanced,
    }
}

config! {
    /// Some metadata.
    pub struct FilterConfig {
        /// Beginnings of names that are taken.
        include_prefixes: Vec<String> = NONE,
        /// Regular expressions for names that are taken.
        include_patterns: Vec<String> = NONE,
    }
}
