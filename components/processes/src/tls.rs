//! The TLS side of a listener.

use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use sluice_config::config;
use sluice_engine::BuildError;
use tokio_rustls::TlsAcceptor;

config! {
    /// Which certificate to show.
    pub struct SocketTls {
        /// File with the certificate chain.
        cert_file: Option<String>,
        /// File with the private key.
        key_file: Option<String>,
        /// Makes a certificate of its own, which nobody can verify, when there are no files.
        self_signed: bool = false,
    }
}

/// # Errors
/// There is no certificate, or it cannot be used.
pub(crate) fn acceptor(config: Option<&SocketTls>) -> Result<TlsAcceptor, BuildError> {
    let set = |file: &Option<String>| file.clone().filter(|file| !file.is_empty());
    let files = config.and_then(|config| set(&config.cert_file).zip(set(&config.key_file)));
    let (chain, key) = match files {
        Some((cert, key)) => from_files(&cert, &key)?,
        None if config.is_some_and(|config| config.self_signed) => self_signed()?,
        None => {
            return Err(BuildError::new(
                "must specify either a certificate file or enable self signed",
            ));
        }
    };
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
        .map_err(|error| BuildError::new(format!("field tls: {error}")))?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

type Identity = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

fn from_files(cert: &str, key: &str) -> Result<Identity, BuildError> {
    let bad = |field: &str, file: &str, error: &dyn std::fmt::Display| {
        BuildError::new(format!("field tls.{field}: {file}: {error}"))
    };
    let chain = CertificateDer::pem_file_iter(cert)
        .and_then(Iterator::collect)
        .map_err(|error| bad("cert_file", cert, &error))?;
    let key = PrivateKeyDer::from_pem_file(key).map_err(|error| bad("key_file", key, &error))?;
    Ok((chain, key))
}

fn self_signed() -> Result<Identity, BuildError> {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()])
        .map_err(|error| BuildError::new(format!("cannot make a certificate: {error}")))?;
    let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    Ok((vec![made.cert.der().clone()], key.into()))
}
