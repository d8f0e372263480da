//! Named secrets that documents refer to instead of spelling them out.

use std::{collections::HashMap, fmt};

/// Which kind of reference a document made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretStore {
    /// `env://NAME`, `$secret_env.NAME`: the environment variable `TYK_SECRET_NAME`.
    Environment,
    /// `secrets://NAME`, `$secret_conf.NAME`: the `secrets` map of the system configuration.
    Configuration,
}

/// The secrets known to this process, captured once at start.
#[derive(Clone, Default)]
pub struct Secrets {
    environment: HashMap<String, String>,
    configuration: HashMap<String, String>,
}

const ENVIRONMENT_PREFIX: &str = "TYK_SECRET_";

impl Secrets {
    /// Keeps the `TYK_SECRET_*` variables of `environment`, and all of `configuration`.
    pub fn new(
        environment: impl IntoIterator<Item = (String, String)>,
        configuration: HashMap<String, String>,
    ) -> Self {
        let environment = environment
            .into_iter()
            .filter_map(|(name, value)| {
                let name = name.strip_prefix(ENVIRONMENT_PREFIX)?;
                Some((name.to_ascii_uppercase(), value))
            })
            .collect();
        Self { environment, configuration }
    }

    /// All secrets of the system configuration.
    pub fn configuration(&self) -> &HashMap<String, String> {
        &self.configuration
    }

    pub fn lookup(&self, store: SecretStore, name: &str) -> Option<&str> {
        match store {
            SecretStore::Environment => self.environment.get(&name.to_ascii_uppercase()),
            SecretStore::Configuration => self.configuration.get(name),
        }
        .map(String::as_str)
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.environment.len() + self.configuration.len();
        write!(f, "Secrets({count} hidden)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn environment_names_are_upper_case_and_prefixed() {
        let environment = [("TYK_SECRET_DB".to_owned(), "x".to_owned()), ("DB".into(), "y".into())];
        let secrets = Secrets::new(environment, HashMap::from([("db".into(), "z".into())]));
        assert_eq!(secrets.lookup(SecretStore::Environment, "db"), Some("x"));
        assert_eq!(secrets.lookup(SecretStore::Configuration, "db"), Some("z"));
        assert_eq!(secrets.lookup(SecretStore::Configuration, "DB"), None);
        assert_eq!(format!("{secrets:?}"), "Secrets(2 hidden)");
    }
}
