//! `/tyk/reload`: makes stored and edited definitions effective.

use std::collections::HashMap;

use axum::{
    extract::{Query, State},
    response::Response,
};

use super::{Shared, reply};

/// Queues a reload; `?block=true` waits for it.
pub(crate) async fn node(
    State(context): State<Shared>,
    Query(query): Query<HashMap<String, String>>,
) -> Response {
    if query.get("block").is_some_and(|block| block == "true") {
        return match context.service.reload().await {
            Ok(_) => reply::message(""),
            Err(error) => reply::refused(&error),
        };
    }
    context.service.request_reload();
    reply::message("")
}

/// The group is this one node.
pub(crate) async fn group(State(context): State<Shared>) -> Response {
    context.service.request_reload();
    reply::message("")
}
