//! A user name and password in front of every endpoint.

use std::sync::{Arc, PoisonError, RwLock};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{AUTHORIZATION, HeaderMap, HeaderValue, WWW_AUTHENTICATE};
use http::{Response, StatusCode};
use md5::{Digest, Md5};
use ring::digest::{SHA256, digest};
use sluice_config::config;
use sluice_engine::BuildError;
use sluice_engine::http::HttpBody;
use subtle::ConstantTimeEq;
use tokio::sync::Semaphore;

use crate::headers::text;
use crate::reply;

config! {
    /// Basic authentication.
    pub struct BasicAuthConfig {
        /// Whether endpoints ask for a user name and password.
        enabled: bool = false => advanced,
        /// Realm that clients are told.
        realm: String = "restricted" => advanced,
        /// The user name.
        username: String = "" => advanced,
        /// Hash of the password, in base64.
        password_hash: String = "" => advanced,
        /// How the hash was made: `md5`, `sha256`, `bcrypt` or `scrypt`.
        algorithm: String = "sha256" => advanced,
        /// Salt of `scrypt`, in base64.
        salt: String = "" => advanced,
    }
}

/// Slow hashes checked at once: they cost whole cores.
const MAX_CHECKS: usize = 2;

pub(crate) struct BasicAuth {
    credential: Arc<Credential>,
    challenge: HeaderValue,
    /// Digest of the last header that passed, so that slow hashes are computed once.
    known: RwLock<Option<[u8; 32]>>,
    checks: Semaphore,
}

struct Credential {
    username: String,
    hash: Vec<u8>,
    algorithm: Algorithm,
}

enum Algorithm {
    Md5,
    Sha256,
    Bcrypt,
    Scrypt { salt: Vec<u8>, params: scrypt::Params },
}

impl BasicAuth {
    /// `None` when not enabled.
    ///
    /// # Errors
    /// A setting is missing or unusable.
    pub(crate) fn new(config: &BasicAuthConfig) -> Result<Option<Self>, BuildError> {
        if !config.enabled {
            return Ok(None);
        }
        if config.username.is_empty() || config.password_hash.is_empty() {
            return Err(BuildError::new("both username and password_hash are required"));
        }
        let decode = |field: &str, text: &str| {
            STANDARD
                .decode(text)
                .map_err(|error| BuildError::new(format!("invalid {field}: {error}")))
        };
        let algorithm = match config.algorithm.as_str() {
            "md5" => Algorithm::Md5,
            "sha256" => Algorithm::Sha256,
            "bcrypt" => Algorithm::Bcrypt,
            "scrypt" if config.salt.is_empty() => {
                return Err(BuildError::new("salt is required for scrypt"));
            }
            "scrypt" => Algorithm::Scrypt {
                salt: decode("salt", &config.salt)?,
                params: scrypt::Params::new(15, 8, 1, 32)
                    .map_err(|error| BuildError::new(format!("scrypt: {error}")))?,
            },
            _ => {
                let message = "algorithm should be one of md5, sha256, bcrypt, or scrypt";
                return Err(BuildError::new(message));
            }
        };
        let realm = config.realm.replace('\\', "\\\\").replace('"', "\\\"");
        let challenge =
            HeaderValue::try_from(format!("Basic realm=\"{realm}\", charset=\"UTF-8\""))
                .map_err(|_| BuildError::new("invalid realm"))?;
        let credential = Credential {
            username: config.username.clone(),
            hash: decode("password_hash", &config.password_hash)?,
            algorithm,
        };
        Ok(Some(Self {
            credential: Arc::new(credential),
            challenge,
            known: RwLock::new(None),
            checks: Semaphore::new(MAX_CHECKS),
        }))
    }

    /// # Errors
    /// The answer for a client that must not pass.
    pub(crate) async fn check(&self, headers: &HeaderMap) -> Result<(), Response<HttpBody>> {
        let header = text(headers, AUTHORIZATION).unwrap_or("");
        if self.passes(header).await {
            return Ok(());
        }
        let mut response = reply::line(StatusCode::UNAUTHORIZED, "Unauthorized");
        response.headers_mut().insert(WWW_AUTHENTICATE, self.challenge.clone());
        Err(response)
    }

    async fn passes(&self, header: &str) -> bool {
        let Some((username, password)) = parse(header) else { return false };
        let print = digest(&SHA256, header.as_bytes());
        let known = *self.known.read().unwrap_or_else(PoisonError::into_inner);
        if known.is_some_and(|known| known.ct_eq(print.as_ref()).into()) {
            return true;
        }
        let Ok(_slot) = self.checks.acquire().await else { return false };
        let credential = self.credential.clone();
        let check = move || credential.fits(&username, &password);
        if !tokio::task::spawn_blocking(check).await.unwrap_or(false) {
            return false;
        }
        let print = <[u8; 32]>::try_from(print.as_ref()).ok();
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = print;
        true
    }
}

impl Credential {
    fn fits(&self, username: &str, password: &str) -> bool {
        // Both are always compared, so that time tells nothing about the user name.
        let name_fits: bool = self.username.as_bytes().ct_eq(username.as_bytes()).into();
        let computed = match &self.algorithm {
            Algorithm::Md5 => Md5::digest(password).to_vec(),
            Algorithm::Sha256 => digest(&SHA256, password.as_bytes()).as_ref().to_vec(),
            Algorithm::Bcrypt => {
                let hash = std::str::from_utf8(&self.hash).unwrap_or("");
                return bcrypt::verify(password, hash).unwrap_or(false) && name_fits;
            }
            Algorithm::Scrypt { salt, params } => {
                let mut key = vec![0; 32];
                if scrypt::scrypt(password.as_bytes(), salt, params, &mut key).is_err() {
                    return false;
                }
                key
            }
        };
        let password_fits: bool = self.hash.ct_eq(&computed).into();
        name_fits && password_fits
    }
}

fn parse(header: &str) -> Option<(String, String)> {
    let (scheme, encoded) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (username, password) = decoded.split_once(':')?;
    Some((username.to_owned(), password.to_owned()))
}
