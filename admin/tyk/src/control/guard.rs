//! Who may use the Gateway API.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::StatusCode,
    middleware::Next,
    response::Response,
};
use sluice_plane::Connection;
use tracing::warn;

use super::{Shared, reply::failure};

/// Lets requests with the secret pass.
pub(crate) async fn admit(State(context): State<Shared>, request: Request, next: Next) -> Response {
    let presented = request.headers().get("x-tyk-authorization");
    let presented = presented.and_then(|value| value.to_str().ok()).unwrap_or_default();
    let known = context.secret.is_some_and(|secret| secret.matches(presented));
    let peer = request.extensions().get::<Arc<Connection>>().map(|connection| connection.peer.ip());
    let near = peer.is_some_and(|ip| ip.is_loopback());
    if known && context.loopback_only && !near {
        warn!(?peer, "the shipped secret is accepted from this machine only: set `secret`");
    }
    if known && (near || !context.loopback_only) {
        return next.run(request).await;
    }
    let message = "Attempted administrative access with invalid or missing key!";
    failure(StatusCode::FORBIDDEN, message)
}
