//! The mapping language as this program offers it: with files and environment variables.

use std::sync::{Arc, Mutex, PoisonError};

use sluice_bloblang::{Environment, Host};

use crate::config::files;
use crate::config::seen::Seen;
use crate::config::variables::Variables;

/// Most files that are remembered as parts of programs; those after them are not watched.
const MOST_IMPORTS: usize = 10_000;

/// The files that programs were made of so far, to be watched.
#[derive(Clone, Default)]
pub struct Imports(Arc<Mutex<Seen>>);

impl Imports {
    pub fn paths(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).paths().cloned().collect()
    }

    /// How they looked when they were read for the first time.
    pub fn seen(&self) -> Seen {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn note(&self, path: &str) {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() < MOST_IMPORTS {
            seen.note(path);
        }
    }
}

/// The language with the files of this machine and these variables.
pub fn environment(variables: &Variables, imports: &Imports) -> Environment {
    let host = ThisMachine { variables: variables.clone(), imports: imports.clone() };
    Environment::default().with_host(Arc::new(host))
}

struct ThisMachine {
    variables: Variables,
    imports: Imports,
}

impl Host for ThisMachine {
    fn read_file(&self, path: &str) -> Result<bytes::Bytes, String> {
        files::read(path).map(Into::into)
    }

    fn read_program(&self, path: &str) -> Result<bytes::Bytes, String> {
        self.imports.note(path);
        self.read_file(path)
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
