//! TLS settings of clients, and of the listeners that share their files: one field table, one way to trust.
//!
//! Holds always: rustls with ring, and no other cryptography; a field that cannot be used is refused by name.

mod pem;

use std::fmt::Debug;
use std::sync::Arc;

use pkcs8::EncryptedPrivateKeyInfo;
use pkcs8::der::pem::PemLabel;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName, UnixTime};
use rustls::sign::CertifiedKey;
use rustls::{
    ClientConfig, DigitallySignedStruct, Error, RootCertStore, ServerConfig, SignatureScheme,
};
use sluice_config::{Secret, config};
use sluice_engine::BuildError;

pub use pem::Pem;

const EMPTY: [&str; 0] = [];

config! {
    /// How a client uses TLS.
    pub struct TlsConfig {
        /// Whether these settings are used. URLs that ask for encryption by their scheme, such as `https`,
        /// are encrypted in any case.
        enabled: bool = false => advanced,
        /// Whether to accept any certificate. For tests only.
        skip_cert_verify: bool = false => advanced,
        /// Renegotiation on the server's request. Not supported.
        enable_renegotiation: bool = false => advanced,
        /// Certificates, as PEM text, to trust instead of the system's.
        root_cas: Secret = "" => advanced,
        /// File with certificates to trust instead of the system's.
        root_cas_file: String = "" => advanced,
        /// Certificates to show to servers that ask for one.
        client_certs: Vec<ClientCertConfig> = EMPTY => advanced,
    }
}

config! {
    /// A client certificate and its key, each as text or as a file.
    pub struct ClientCertConfig {
        /// Certificate chain as PEM text.
        cert: String = "" => advanced,
        /// Private key as PEM text.
        key: Secret = "" => advanced,
        /// File with the certificate chain.
        cert_file: String = "" => advanced,
        /// File with the private key.
        key_file: String = "" => advanced,
        /// Password of an encrypted PKCS#8 key.
        password: Secret = "" => advanced,
    }
}

/// The TLS side of a listener, from its two files.
///
/// # Errors
/// A file cannot be read, or there is no certificate or key in it.
pub fn server(
    cert_file: &str,
    key_file: &str,
    protocols: &[&str],
) -> Result<ServerConfig, BuildError> {
    let chain = chain(&read("cert_file", cert_file)?, "cert_file")?;
    let key = private_key(&read("key_file", key_file)?, "key_file", "")?;
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
        .map_err(|error| BuildError::new(format!("fields cert_file and key_file: {error}")))?;
    config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
    Ok(config)
}

impl TlsConfig {
    /// The TLS side of a client. Without `enabled` only the system's certificates are trusted.
    ///
    /// `protocols` are offered to the server (ALPN), best first.
    ///
    /// # Errors
    /// A file cannot be read, or a field cannot be used.
    pub fn client(&self, protocols: &[&str]) -> Result<ClientConfig, BuildError> {
        let builder = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(|error| BuildError::new(format!("field tls: {error}")))?;
        let mut config = if self.enabled && self.skip_cert_verify {
            let verifier = Arc::new(TrustAll(provider()));
            self.with_certificate(builder.dangerous().with_custom_certificate_verifier(verifier))?
        } else {
            self.with_certificate(builder.with_root_certificates(self.roots()?))?
        };
        config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        Ok(config)
    }

    /// Equal for settings that come to the same, such as those of clients that may share a connection.
    /// Holds secrets.
    pub fn key(&self) -> String {
        if !self.enabled {
            return String::new();
        }
        let certs = self.client_certs.iter();
        let certs: Vec<_> = certs
            .map(|it| {
                (&it.cert, it.key.expose(), &it.cert_file, &it.key_file, it.password.expose())
            })
            .collect();
        format!("{:?}", (self.skip_cert_verify, self.root_cas.expose(), &self.root_cas_file, certs))
    }

    fn with_certificate(
        &self,
        builder: rustls::ConfigBuilder<ClientConfig, rustls::client::WantsClientCert>,
    ) -> Result<ClientConfig, BuildError> {
        let mut certified = Vec::new();
        if self.enabled {
            if self.enable_renegotiation {
                return Err(BuildError::new("field tls.enable_renegotiation is not supported"));
            }
            for cert in &self.client_certs {
                certified.push(cert.certified()?);
            }
        }
        if certified.is_empty() {
            return Ok(builder.with_no_client_auth());
        }
        Ok(builder.with_client_cert_resolver(Arc::new(Certificates(certified))))
    }

    fn roots(&self) -> Result<RootCertStore, BuildError> {
        let own = match (self.enabled, self.root_cas.expose(), self.root_cas_file.as_str()) {
            (true, text, "") if !text.is_empty() => Some((text.to_owned(), "root_cas")),
            (true, "", file) if !file.is_empty() => {
                Some((read("tls.root_cas_file", file)?, "root_cas_file"))
            }
            (true, text, file) if !text.is_empty() && !file.is_empty() => {
                let message = "fields tls.root_cas and tls.root_cas_file exclude each other";
                return Err(BuildError::new(message));
            }
            _ => None,
        };
        let mut roots = RootCertStore::empty();
        match own {
            Some((text, field)) => {
                for certificate in chain(&text, &format!("tls.{field}"))? {
                    roots
                        .add(certificate)
                        .map_err(|error| BuildError::new(format!("field tls.{field}: {error}")))?;
                }
            }
            None => {
                roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            }
        }
        Ok(roots)
    }
}

impl ClientCertConfig {
    fn certified(&self) -> Result<Arc<CertifiedKey>, BuildError> {
        let certificate = self.text(&self.cert, &self.cert_file, "cert")?;
        let chain = chain(&certificate, "tls.client_certs.cert")?;
        let key_text = self.text(self.key.expose(), &self.key_file, "key")?;
        let key = private_key(&key_text, "tls.client_certs.key", self.password.expose())?;
        CertifiedKey::from_der(chain, key, &provider())
            .map(Arc::new)
            .map_err(|error| BuildError::new(format!("field tls.client_certs: {error}")))
    }

    /// What the field or the file says.
    fn text(&self, text: &str, file: &str, name: &str) -> Result<String, BuildError> {
        match (text, file) {
            ("", "") => Err(BuildError::new(format!("field tls.client_certs.{name} is required"))),
            ("", file) => read(&format!("tls.client_certs.{name}_file"), file),
            (text, _) => Ok(text.to_owned()),
        }
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

/// A file's text, for the field that names it.
///
/// # Errors
/// It cannot be read.
pub fn read(field: &str, file: &str) -> Result<String, BuildError> {
    std::fs::read_to_string(file)
        .map_err(|error| BuildError::new(format!("field {field}: {file}: {error}")))
}

fn chain(pem: &str, field: &str) -> Result<Vec<CertificateDer<'static>>, BuildError> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
    match chain {
        Ok(chain) if !chain.is_empty() => Ok(chain),
        Ok(_) => Err(BuildError::new(format!("field {field}: no certificate in it"))),
        Err(error) => Err(BuildError::new(format!("field {field}: {error}"))),
    }
}

/// A private key, decrypted when it is an encrypted PKCS#8 one.
fn private_key(
    pem: &str,
    field: &str,
    password: &str,
) -> Result<PrivateKeyDer<'static>, BuildError> {
    let wrong = |problem: String| BuildError::new(format!("field {field}: {problem}"));
    if pem.contains("Proc-Type: 4,ENCRYPTED") {
        let problem = "keys encrypted the PKCS#1 way are not supported: convert it to PKCS#8";
        return Err(wrong(problem.into()));
    }
    if !pem.contains(EncryptedPrivateKeyInfo::PEM_LABEL) {
        return PrivateKeyDer::from_pem_slice(pem.as_bytes())
            .map_err(|error| wrong(error.to_string()));
    }
    let begin = pem.find("-----BEGIN ENCRYPTED").unwrap_or_default();
    let (_, document) =
        pkcs8::SecretDocument::from_pem(&pem[begin..]).map_err(|error| wrong(error.to_string()))?;
    let encrypted = EncryptedPrivateKeyInfo::try_from(document.as_bytes())
        .map_err(|error| wrong(error.to_string()))?;
    let key = encrypted.decrypt(password).map_err(|error| wrong(error.to_string()))?;
    Ok(PrivatePkcs8KeyDer::from(key.as_bytes().to_vec()).into())
}

/// Shows the first certificate that fits what the server asks for.
#[derive(Debug)]
struct Certificates(Vec<Arc<CertifiedKey>>);

impl rustls::client::ResolvesClientCert for Certificates {
    fn resolve(&self, _: &[&[u8]], schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.0.iter().find(|certified| certified.key.choose_scheme(schemes).is_some()).cloned()
    }

    fn has_certs(&self) -> bool {
        true
    }
}

/// Checks signatures but no certificate.
#[derive(Debug)]
struct TrustAll(Arc<CryptoProvider>);

impl ServerCertVerifier for TrustAll {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
