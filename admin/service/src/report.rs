//! What a reload achieved.

use std::fmt;

use tracing::{error, warn};

/// The outcome of making everything that is defined effective.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Number of APIs that were handed over for serving.
    pub apis: usize,
    pub troubles: Vec<Trouble>,
}

/// Something that is not served as defined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// The id of the API, where it is known.
    pub id: Option<String>,
    /// Name of the API if known, else of its file.
    pub what: String,
    /// Where it is defined.
    pub origin: String,
    pub reason: String,
    /// An earlier version goes on serving.
    pub still_serving: bool,
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, origin, reason, still_serving, .. } = self;
        let state =
            if *still_serving { "its last good version keeps serving" } else { "not served" };
        write!(f, "{what}")?;
        if what != origin {
            write!(f, " ({origin})")?;
        }
        write!(f, ": {reason} [{state}]")
    }
}

impl Report {
    /// The trouble that concerns one API.
    pub fn about(&self, id: &str) -> Option<&Trouble> {
        self.troubles.iter().find(|trouble| trouble.id.as_deref() == Some(id))
    }

    pub(crate) fn log(&self) {
        for trouble in &self.troubles {
            let Trouble { what, origin, reason, still_serving, .. } = trouble;
            if *still_serving {
                warn!(api = %what, %origin, %reason, "definition refused, its last good version keeps serving");
            } else {
                error!(api = %what, %origin, %reason, "definition refused, not served");
            }
        }
    }
}
