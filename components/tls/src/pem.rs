//! The settings of a client as PEM text, for libraries that make their own TLS of it.

use pkcs8::der::pem::LineEnding;
use sluice_engine::BuildError;

use crate::{ClientCertConfig, PrivateKeyDer, TlsConfig, chain, private_key, read};

/// What a client trusts and shows. Holds a private key: not for logs.
#[derive(Clone)]
pub struct Pem {
    /// Certificates to trust; `None` for those of the system.
    pub roots: Option<String>,
    /// The certificate to show and its key, not encrypted.
    pub identity: Option<(String, String)>,
}

impl TlsConfig {
    /// Without `enabled` only the system's certificates are trusted, and none is shown.
    ///
    /// # Errors
    /// A file cannot be read, or a field cannot be used.
    pub fn pem(&self) -> Result<Pem, BuildError> {
        self.client(&[])?; // finds what makes no sense
        if !self.enabled {
            return Ok(Pem { roots: None, identity: None });
        }
        let roots = match (self.root_cas.expose(), self.root_cas_file.as_str()) {
            ("", "") => None,
            ("", file) => Some(read("tls.root_cas_file", file)?),
            (text, _) => Some(text.to_owned()),
        };
        let identity = match self.client_certs.as_slice() {
            [] => None,
            [one] => Some(one.pem()?),
            _ => return Err(BuildError::new("field tls.client_certs: only one is supported here")),
        };
        Ok(Pem { roots, identity })
    }
}

impl ClientCertConfig {
    fn pem(&self) -> Result<(String, String), BuildError> {
        let certificate = self.text(&self.cert, &self.cert_file, "cert")?;
        chain(&certificate, "tls.client_certs.cert")?;
        let key = self.text(self.key.expose(), &self.key_file, "key")?;
        let field = "tls.client_certs.key";
        let der = private_key(&key, field, self.password.expose())?;
        let label = match der {
            PrivateKeyDer::Pkcs1(_) => "RSA PRIVATE KEY",
            PrivateKeyDer::Sec1(_) => "EC PRIVATE KEY",
            _ => "PRIVATE KEY",
        };
        let document = pkcs8::SecretDocument::try_from(der.secret_der());
        let text = document.and_then(|it| it.to_pem(label, LineEnding::LF));
        let text = text.map_err(|error| BuildError::new(format!("field {field}: {error}")))?;
        Ok((certificate, text.to_string()))
    }
}
