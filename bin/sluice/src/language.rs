//! The mapping language as this program offers it: with files and environment variables.

use std::sync::Arc;

use sluice_bloblang::{Environment, Host};

use crate::config::files;
use crate::config::variables::Variables;

/// The language with the files of this machine and these variables.
pub fn environment(variables: &Variables) -> Environment {
    Environment::default().with_host(Arc::new(ThisMachine { variables: variables.clone() }))
}

struct ThisMachine {
    variables: Variables,
}

impl Host for ThisMachine {
    fn read_file(&self, path: &str) -> Result<bytes::Bytes, String> {
        files::read(path).map(Into::into)
    }

    fn env(&self, name: &str) -> Option<String> {
        self.variables.get(name)
    }

    fn hostname(&self) -> Result<String, String> {
        let name = std::fs::read_to_string("/proc/sys/kernel/hostname")
            .or_else(|_| std::fs::read_to_string("/etc/hostname"))
            .map_err(|error| error.to_string())?;
        Ok(name.trim().to_owned())
    }
}
