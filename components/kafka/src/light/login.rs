//! Saying who we are on a connection of our own: TLS and SASL, from the client library's settings.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rdkafka::ClientConfig;
use ring::rand::SecureRandom;
use ring::{digest, hmac, pbkdf2, rand};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// How connections are made and who is behind them.
pub(super) struct Identity {
    pub(super) client_id: String,
    pub(super) tls: Option<Arc<rustls::ClientConfig>>,
    pub(super) sasl: Option<Sasl>,
}

#[derive(Clone)]
pub(super) struct Sasl {
    pub(super) mechanism: String,
    user: String,
    password: String,
}

/// What keeps connections of our own from being made like the client library's.
pub(crate) fn obstacle(config: &ClientConfig) -> Option<&'static str> {
    if config.get("enable.ssl.certificate.verification") == Some("false") {
        return Some("tls.skip_cert_verify");
    }
    if config.get("ssl.key.password").is_some() {
        return Some("the password of a client certificate");
    }
    (config.get("sasl.mechanism") == Some("OAUTHBEARER")).then_some("OAUTHBEARER")
}

impl Identity {
    /// # Errors
    /// Certificates cannot be read.
    pub(super) fn new(config: &ClientConfig) -> Result<Self, String> {
        let protocol = config.get("security.protocol").unwrap_or_default();
        let text = |name: &str| config.get(name).unwrap_or_default().to_owned();
        let sasl = protocol.starts_with("sasl_").then(|| Sasl {
            mechanism: text("sasl.mechanism"),
            user: text("sasl.username"),
            password: text("sasl.password"),
        });
        let tls = protocol.ends_with("ssl").then(|| tls(config)).transpose()?;
        Ok(Self { client_id: text("client.id"), tls: tls.map(Arc::new), sasl })
    }
}

fn tls(config: &ClientConfig) -> Result<rustls::ClientConfig, String> {
    let pem = |text: &str, file: &str| match (config.get(text), config.get(file)) {
        (Some(text), _) => Ok(Some(text.as_bytes().to_vec())),
        (None, Some(file)) => {
            std::fs::read(file).map(Some).map_err(|error| format!("{file}: {error}"))
        }
        (None, None) => Ok(None),
    };
    let certificates = |pem: &[u8]| {
        let list: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
        list.map_err(|error| format!("a certificate cannot be read: {error}"))
    };
    let mut roots = rustls::RootCertStore::empty();
    match pem("ssl.ca.pem", "ssl.ca.location")? {
        Some(pem) => roots.add_parsable_certificates(certificates(&pem)?),
        None => roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs),
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots);
    let own = pem("ssl.certificate.pem", "ssl.certificate.location")?;
    let key = pem("ssl.key.pem", "ssl.key.location")?;
    let (Some(own), Some(key)) = (own, key) else { return Ok(builder.with_no_client_auth()) };
    let key = PrivateKeyDer::from_pem_slice(&key)
        .map_err(|error| format!("the key of the client certificate cannot be read: {error}"))?;
    let own = certificates(&own)?;
    builder.with_client_auth_cert(own, key).map_err(|error| error.to_string())
}

/// What is still to be said in an exchange.
pub(super) enum Exchange {
    Plain,
    ScramFirst {
        hash: Hash,
        nonce: String,
    },
    /// What the server has to show.
    ScramFinal(Vec<u8>),
}

#[derive(Clone, Copy)]
pub(super) enum Hash {
    Sha256,
    Sha512,
}

impl Hash {
    fn digest(self) -> &'static digest::Algorithm {
        match self {
            Self::Sha256 => &digest::SHA256,
            Self::Sha512 => &digest::SHA512,
        }
    }

    fn hmac(self) -> hmac::Algorithm {
        match self {
            Self::Sha256 => hmac::HMAC_SHA256,
            Self::Sha512 => hmac::HMAC_SHA512,
        }
    }

    fn pbkdf2(self) -> pbkdf2::Algorithm {
        match self {
            Self::Sha256 => pbkdf2::PBKDF2_HMAC_SHA256,
            Self::Sha512 => pbkdf2::PBKDF2_HMAC_SHA512,
        }
    }
}

impl Sasl {
    /// The first thing to say, and what will follow.
    pub(super) fn begin(&self) -> Result<(Vec<u8>, Exchange), String> {
        let hash = match self.mechanism.as_str() {
            "PLAIN" => {
                let said = format!("\0{}\0{}", self.user, self.password);
                return Ok((said.into_bytes(), Exchange::Plain));
            }
            "SCRAM-SHA-256" => Hash::Sha256,
            "SCRAM-SHA-512" => Hash::Sha512,
            other => return Err(format!("the mechanism {other} is not supported here")),
        };
        let mut random = [0; 24];
        rand::SystemRandom::new().fill(&mut random).map_err(|_| "no random numbers".to_owned())?;
        let nonce = STANDARD.encode(random);
        let said = format!("n,,{}", self.bare(&nonce));
        Ok((said.into_bytes(), Exchange::ScramFirst { hash, nonce }))
    }

    fn bare(&self, nonce: &str) -> String {
        let user = self.user.replace('=', "=3D").replace(',', "=2C");
        format!("n={user},r={nonce}")
    }

    /// The next thing to say; `None` when the server has proved itself and all is said.
    ///
    /// # Errors
    /// The server did not say what it must.
    pub(super) fn go_on(
        &self,
        exchange: Exchange,
        heard: &[u8],
    ) -> Result<Option<(Vec<u8>, Exchange)>, String> {
        let heard = String::from_utf8_lossy(heard);
        let field = |name: &str| {
            heard.split(',').find_map(|part| part.strip_prefix(name)).map(str::to_owned)
        };
        let wrong = || "the broker's part of SCRAM is wrong".to_owned();
        match exchange {
            Exchange::Plain => Ok(None),
            Exchange::ScramFirst { hash, nonce } => {
                let both = field("r=").filter(|both| both.starts_with(&nonce)).ok_or_else(wrong)?;
                let salt = field("s=").and_then(|salt| STANDARD.decode(salt).ok());
                let rounds = field("i=").and_then(|rounds| rounds.parse::<u32>().ok());
                // A broker must not make us compute for hours.
                let rounds = rounds.filter(|rounds| *rounds <= 1_000_000);
                let rounds = rounds.and_then(std::num::NonZeroU32::new);
                let (Some(salt), Some(rounds)) = (salt, rounds) else { return Err(wrong()) };
                let without_proof = format!("c=biws,r={both}");
                let signed = format!("{},{heard},{without_proof}", self.bare(&nonce));
                let (proof, server) = prove(hash, &self.password, &salt, rounds, &signed);
                let said = format!("{without_proof},p={}", STANDARD.encode(proof));
                Ok(Some((said.into_bytes(), Exchange::ScramFinal(server))))
            }
            Exchange::ScramFinal(proof) => {
                let shown = field("v=").and_then(|shown| STANDARD.decode(shown).ok());
                let is_right = shown.is_some_and(|shown| shown == proof);
                if is_right { Ok(None) } else { Err(wrong()) }
            }
        }
    }
}

/// The client's proof and the one that the server has to show.
fn prove(
    hash: Hash,
    password: &str,
    salt: &[u8],
    rounds: std::num::NonZeroU32,
    signed: &str,
) -> (Vec<u8>, Vec<u8>) {
    let mut salted = vec![0; hash.digest().output_len()];
    pbkdf2::derive(hash.pbkdf2(), rounds, salt, password.as_bytes(), &mut salted);
    let sign = |key: &[u8], text: &[u8]| {
        hmac::sign(&hmac::Key::new(hash.hmac(), key), text).as_ref().to_vec()
    };
    let client = sign(&salted, b"Client Key");
    let stored = digest::digest(hash.digest(), &client);
    let signature = sign(stored.as_ref(), signed.as_bytes());
    let proof = client.iter().zip(&signature).map(|(key, mask)| key ^ mask).collect();
    let server = sign(&sign(&salted, b"Server Key"), signed.as_bytes());
    (proof, server)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of RFC 7677.
    #[test]
    fn scram_is_as_the_standard_shows_it() {
        let sasl = Sasl {
            mechanism: "SCRAM-SHA-256".into(),
            user: "user".into(),
            password: "pencil".into(),
        };
        let nonce = "rOprNGfwEbeRWgbNEkqO".to_owned();
        assert_eq!(sasl.bare(&nonce), "n=user,r=rOprNGfwEbeRWgbNEkqO");
        let heard = "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
                     s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
        let first = Exchange::ScramFirst { hash: Hash::Sha256, nonce };
        let (said, next) = sasl.go_on(first, heard.as_bytes()).unwrap().unwrap();
        assert_eq!(
            String::from_utf8(said).unwrap(),
            "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
             p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
        );
        let last = b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";
        assert!(sasl.go_on(next, last).unwrap().is_none());
    }

    #[test]
    fn a_server_that_cannot_prove_itself_is_not_believed() {
        let sasl =
            Sasl { mechanism: "SCRAM-SHA-512".into(), user: "u".into(), password: "p".into() };
        let (_, exchange) = sasl.begin().unwrap();
        assert!(sasl.go_on(exchange, b"r=other,s=AAAA,i=4096").is_err());
        let next = Exchange::ScramFinal(vec![1; 64]);
        assert!(sasl.go_on(next, b"v=AAAA").is_err());
    }
}
