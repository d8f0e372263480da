//! Saying once how an unusual setting was understood.

use std::collections::HashSet;
use std::sync::{Mutex, OnceLock, PoisonError};

use sluice_engine::Scope;
use tracing::info;

/// Most places remembered; further ones are not logged.
const MAX_PLACES: usize = 1000;

/// Logs `meaning` once for this place in the configuration, however many instances it has.
pub(crate) fn log_once(scope: &Scope, field: &str, meaning: &str) {
    static SEEN: OnceLock<Mutex<HashSet<String>>> = OnceLock::new();
    let place = format!("{}\n{}\n{field}", scope.environment().stream, scope.path());
    let seen = SEEN.get_or_init(Mutex::default);
    let is_new = {
        let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.len() < MAX_PLACES && seen.insert(place)
    };
    if is_new {
        info!(label = %scope.label(), path = %scope.path(), "Field {field} understood: {meaning}");
    }
}
