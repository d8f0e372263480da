//! Secrets of management: compared in constant time, kept as hashes, never shown.

use std::fmt;

use ring::{
    digest::{SHA256, digest},
    rand::{SecureRandom, SystemRandom},
};
use sluice_store::{Store, StoreError};
use subtle::ConstantTimeEq;

/// SHA-256 of a key. Keys made here carry 256 random bits, so a slow hash would add nothing.
#[derive(Clone, Copy)]
pub struct KeyHash([u8; 32]);

impl KeyHash {
    pub fn of(key: &str) -> Self {
        let mut hash = [0; 32];
        hash.copy_from_slice(digest(&SHA256, key.as_bytes()).as_ref());
        Self(hash)
    }

    /// Whether `presented` is the key, in time that says nothing about either.
    pub fn matches(&self, presented: &str) -> bool {
        Self::of(presented).0.ct_eq(&self.0).into()
    }
}

impl fmt::Debug for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyHash(***)")
    }
}

/// A configured secret; an empty one matches nothing.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    pub fn new(secret: impl Into<String>) -> Self {
        Self(secret.into())
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The secret itself, for whoever has to show it to another system.
    pub fn expose(&self) -> &str {
        &self.0
    }

    pub fn hash(&self) -> Option<KeyHash> {
        (!self.is_empty()).then(|| KeyHash::of(&self.0))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_empty() { "Secret(none)" } else { "Secret(***)" })
    }
}

/// The key of a management API.
#[derive(Clone, Debug)]
pub struct ApiKey {
    pub hash: KeyHash,
    /// Set once, when the key was made just now: the only moment anyone can learn it.
    pub fresh: Option<String>,
}

impl ApiKey {
    /// The configured key; else the one stored under `name`; else a new one, stored as a hash.
    pub async fn establish(
        store: &dyn Store,
        name: &str,
        configured: &Secret,
    ) -> Result<Self, StoreError> {
        if let Some(hash) = configured.hash() {
            return Ok(Self { hash, fresh: None });
        }
        if let Some(hash) = stored(store, name).await? {
            return Ok(Self { hash, fresh: None });
        }
        let key = random_hex(32);
        let hash = KeyHash::of(&key);
        if store.add_credential(name, &hash.0).await? {
            return Ok(Self { hash, fresh: Some(key) });
        }
        // Another program on the same store was quicker: its key counts.
        let theirs = stored(store, name).await?;
        Ok(Self { hash: theirs.unwrap_or(hash), fresh: None })
    }
}

async fn stored(store: &dyn Store, name: &str) -> Result<Option<KeyHash>, StoreError> {
    let hash = store.credential(name).await?;
    Ok(hash.and_then(|hash| hash.try_into().ok()).map(KeyHash))
}

/// `bytes` random bytes as hexadecimal text.
pub fn random_hex(bytes: usize) -> String {
    let mut random = vec![0; bytes];
    SystemRandom::new().fill(&mut random).expect("the system has a source of randomness");
    random.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat()
}

#[cfg(test)]
mod tests {
    use sluice_store::SqliteStore;

    use super::*;

    #[test]
    fn an_empty_secret_matches_nothing_and_none_is_shown() {
        assert!(Secret::new("").hash().is_none());
        let secret = Secret::new("s3cret");
        assert!(secret.hash().unwrap().matches("s3cret"));
        assert!(!secret.hash().unwrap().matches(""));
        assert!(!format!("{secret:?} {:?}", secret.hash()).contains("s3cret"));
    }

    #[tokio::test]
    async fn a_key_is_made_once_and_known_by_its_hash_afterwards() {
        let store = SqliteStore::in_memory().await.unwrap();
        let none = Secret::default();
        let first = ApiKey::establish(&store, "dashboard", &none).await.unwrap();
        let key = first.fresh.unwrap();
        assert_eq!(key.len(), 64);
        let second = ApiKey::establish(&store, "dashboard", &none).await.unwrap();
        assert!(second.fresh.is_none() && second.hash.matches(&key));
        let configured = ApiKey::establish(&store, "dashboard", &Secret::new("own")).await.unwrap();
        assert!(configured.hash.matches("own") && !configured.hash.matches(&key));
    }
}
