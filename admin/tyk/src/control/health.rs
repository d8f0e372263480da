//! `/hello` (is it alive?) and `/ready` (may it get traffic?).

use std::sync::atomic::{AtomicBool, Ordering};

use axum::{
    extract::State,
    http::{Method, StatusCode},
    response::Response,
};
use jiff::Timestamp;
use serde_json::{Value, json};
use sluice_plane::Unready;

use super::{
    Shared,
    reply::{failure, json},
};

/// What the gateway has got to since it started.
#[derive(Debug, Default)]
pub(crate) struct Readiness {
    loaded: AtomicBool,
    was_ready: AtomicBool,
}

impl Readiness {
    /// Definitions have been loaded.
    pub(crate) fn loaded(&self) {
        self.loaded.store(true, Ordering::Release);
    }

    /// Why the gateway is not ready yet.
    ///
    /// Everything must have been connected once. Later trouble with one broker is no reason to take
    /// the whole node out of service: it is shown, not refused.
    fn obstacle(&self, waiting: &[Unready]) -> Option<String> {
        if !self.loaded.load(Ordering::Acquire) {
            return Some("A successful API reload did not happen".to_owned());
        }
        if waiting.is_empty() {
            self.was_ready.store(true, Ordering::Release);
            return None;
        }
        (!self.was_ready.load(Ordering::Acquire))
            .then(|| format!("Not connected yet: {}", list(waiting)))
    }
}

pub(crate) async fn hello(State(context): State<Shared>, method: Method) -> Response {
    match method {
        Method::GET => json(StatusCode::OK, &state("Tyk GW", &context.plane.unready())),
        _ => wrong_method(),
    }
}

pub(crate) async fn ready(State(context): State<Shared>, method: Method) -> Response {
    if method != Method::GET {
        return wrong_method();
    }
    if context.drain.draining().is_cancelled() {
        return failure(StatusCode::SERVICE_UNAVAILABLE, "Gateway is shutting down");
    }
    let waiting = context.plane.unready();
    match context.readiness.obstacle(&waiting) {
        Some(obstacle) => failure(StatusCode::SERVICE_UNAVAILABLE, obstacle),
        None => json(StatusCode::OK, &state("Tyk GW Ready", &waiting)),
    }
}

fn state(description: &str, waiting: &[Unready]) -> Value {
    let version = env!("CARGO_PKG_VERSION");
    if waiting.is_empty() {
        return json!({"status": "pass", "version": version, "description": description});
    }
    json!({
        "status": "warn",
        "version": version,
        "description": description,
        "details": {"streams": {
            "status": "fail",
            "componentType": "system",
            "output": list(waiting),
            "time": Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
        }}
    })
}

fn list(waiting: &[Unready]) -> String {
    let lines: Vec<_> =
        waiting.iter().map(|Unready { api, detail }| format!("{api}: {detail}")).collect();
    lines.join("; ")
}

fn wrong_method() -> Response {
    failure(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readiness_waits_for_the_first_connection_only() {
        let readiness = Readiness::default();
        let waiting = [Unready { api: "a".into(), detail: "broker down".into() }];
        let obstacle = readiness.obstacle(&[]).unwrap();
        assert_eq!(obstacle, "A successful API reload did not happen");
        readiness.loaded();
        let obstacle = readiness.obstacle(&waiting).unwrap();
        assert_eq!(obstacle, "Not connected yet: a: broker down");
        assert_eq!(readiness.obstacle(&[]), None);
        assert_eq!(readiness.obstacle(&waiting), None);
    }
}
