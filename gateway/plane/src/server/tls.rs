//! TLS for listeners: certificates by server name, versions, cipher suites.

use std::{fmt, path::PathBuf, sync::Arc};

use rustls::{
    ServerConfig, SupportedProtocolVersion,
    client::verify_server_name,
    crypto::{CryptoProvider, ring},
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject},
    server::{ClientHello, ParsedCertificate, ResolvesServerCert},
    sign::CertifiedKey,
};
use sluice_model::TlsVersion;

/// What a TLS listener offers.
#[derive(Clone, Debug, Default)]
pub struct TlsSettings {
    /// The first one also serves clients that name no known server.
    pub certificates: Vec<Certificate>,
    pub min_version: Option<TlsVersion>,
    pub max_version: Option<TlsVersion>,
    /// Names of cipher suites for TLS 1.2, such as `TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256`; all if empty.
    pub cipher_suites: Vec<String>,
    /// Offer HTTP/2.
    pub http2: bool,
}

/// Files of one certificate with its key; may be the same file.
#[derive(Clone, Debug)]
pub struct Certificate {
    pub chain: PathBuf,
    pub key: PathBuf,
    /// Serve it to clients that ask for this name, whatever names it holds itself.
    pub domain: Option<String>,
}

/// Why TLS can't be offered.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("it has no certificates")]
    NoCertificate,
    #[error("can't read the certificates in {}", path.display())]
    Chain { path: PathBuf, source: rustls::pki_types::pem::Error },
    #[error("can't read the private key in {}", path.display())]
    Key { path: PathBuf, source: rustls::pki_types::pem::Error },
    #[error("the key in {} does not fit its certificate", path.display())]
    Mismatch { path: PathBuf, source: rustls::Error },
    #[error("no known TLS version lies between the least and the greatest allowed")]
    Versions,
    #[error("none of these cipher suites is known: {0}")]
    CipherSuites(String),
    #[error("these versions and cipher suites don't go together")]
    Combination(#[source] rustls::Error),
}

impl TlsSettings {
    pub(crate) fn server_config(&self) -> Result<ServerConfig, TlsError> {
        let provider = Arc::new(self.provider()?);
        let resolver = Resolver::load(&self.certificates, &provider)?;
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&self.versions()?)
            .map_err(TlsError::Combination)?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(resolver));
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        if self.http2 {
            config.alpn_protocols.insert(0, b"h2".to_vec());
        }
        Ok(config)
    }

    fn versions(&self) -> Result<Vec<&'static SupportedProtocolVersion>, TlsError> {
        let min = self.min_version.unwrap_or(TlsVersion::V1_2);
        let max = self.max_version.unwrap_or(TlsVersion::V1_3);
        let mut versions = Vec::new();
        if (min..=max).contains(&TlsVersion::V1_2) {
            versions.push(&rustls::version::TLS12);
        }
        if (min..=max).contains(&TlsVersion::V1_3) {
            versions.push(&rustls::version::TLS13);
        }
        if versions.is_empty() { Err(TlsError::Versions) } else { Ok(versions) }
    }

    fn provider(&self) -> Result<CryptoProvider, TlsError> {
        let mut provider = ring::default_provider();
        if self.cipher_suites.is_empty() {
            return Ok(provider);
        }
        let wanted = |suite: &rustls::SupportedCipherSuite| {
            suite.tls13().is_some() || {
                self.cipher_suites.contains(&format!("{:?}", suite.suite()))
            }
        };
        provider.cipher_suites.retain(wanted);
        let any_named = provider.cipher_suites.iter().any(|suite| suite.tls13().is_none());
        if any_named || self.min_version == Some(TlsVersion::V1_3) {
            Ok(provider)
        } else {
            Err(TlsError::CipherSuites(self.cipher_suites.join(", ")))
        }
    }
}

/// Picks a certificate for the name a client asks for.
struct Resolver {
    certificates: Vec<(Option<String>, Arc<CertifiedKey>)>,
}

impl Resolver {
    fn load(files: &[Certificate], provider: &CryptoProvider) -> Result<Self, TlsError> {
        let mut certificates = Vec::with_capacity(files.len());
        for file in files {
            let path = || file.chain.clone();
            let chain = CertificateDer::pem_file_iter(&file.chain)
                .and_then(Iterator::collect::<Result<Vec<_>, _>>)
                .map_err(|source| TlsError::Chain { path: path(), source })?;
            let key = PrivateKeyDer::from_pem_file(&file.key)
                .map_err(|source| TlsError::Key { path: file.key.clone(), source })?;
            let certified = CertifiedKey::from_der(chain, key, provider)
                .map_err(|source| TlsError::Mismatch { path: path(), source })?;
            certificates.push((file.domain.clone(), Arc::new(certified)));
        }
        if certificates.is_empty() {
            Err(TlsError::NoCertificate)
        } else {
            Ok(Self { certificates })
        }
    }

    fn find(&self, name: &str) -> Option<&Arc<CertifiedKey>> {
        let by_domain = self.certificates.iter().find(|(domain, _)| {
            domain.as_deref().is_some_and(|domain| domain.eq_ignore_ascii_case(name))
        });
        let by_content = || {
            let server = ServerName::try_from(name).ok()?;
            self.certificates.iter().find(|(_, certified)| {
                let parsed = certified.end_entity_cert().and_then(ParsedCertificate::try_from);
                parsed.is_ok_and(|parsed| verify_server_name(&parsed, &server).is_ok())
            })
        };
        by_domain.or_else(by_content).map(|(_, certified)| certified)
    }
}

impl ResolvesServerCert for Resolver {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let named = hello.server_name().and_then(|name| self.find(name));
        named.or_else(|| self.certificates.first().map(|(_, certified)| certified)).cloned()
    }
}

impl fmt::Debug for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Resolver({} certificates)", self.certificates.len())
    }
}
