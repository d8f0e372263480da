//! `/tyk/apis`: APIs in classic form.

use axum::{
    body::Bytes,
    extract::{Path, State},
    http::StatusCode,
    response::Response,
};
use serde_json::{Value, json};
use sluice_service::{Change, Draft, Effect, ServiceError, random_hex};

use super::{Shared, elsewhere, reply};
use crate::document::{CLASSIC, classic_view, parse_json};

pub(crate) async fn list(State(context): State<Shared>) -> Response {
    let catalogue = context.service.catalogue();
    let views = catalogue.definitions().iter().map(|definition| classic_view(definition));
    reply::json(StatusCode::OK, &views.collect())
}

pub(crate) async fn show(State(context): State<Shared>, Path(id): Path<String>) -> Response {
    match context.service.get(&id) {
        Ok(definition) => reply::json(StatusCode::OK, &classic_view(&definition)),
        Err(_) => reply::not_found(),
    }
}

/// Creates a classic API; an id in the path means nothing.
pub(crate) async fn create(State(context): State<Shared>, body: Bytes) -> Response {
    if context.read_only {
        return elsewhere();
    }
    let Some(mut document) = object(&body) else { return malformed() };
    let stated = document["api_id"].as_str().filter(|id| !id.is_empty());
    let id = stated.map_or_else(|| random_hex(16), str::to_owned);
    document["api_id"] = id.clone().into();
    let draft = Draft { dialect: CLASSIC, id, storage_id: random_hex(12), document };
    match context.service.create(draft, Effect::AtReload).await {
        Ok(created) => reply::changed(&created.id, "added"),
        Err(error) => reply::refused(&error),
    }
}

pub(crate) async fn replace(
    State(context): State<Shared>,
    Path(id): Path<String>,
    body: Bytes,
) -> Response {
    if context.read_only {
        return elsewhere();
    }
    let Some(document) = object(&body) else { return malformed() };
    let Ok(known) = context.service.get(&id) else { return reply::not_found() };
    if &*known.dialect != CLASSIC {
        let message = "the API is an OAS one: use /tyk/apis/oas";
        return reply::failure(StatusCode::BAD_REQUEST, message);
    }
    if document["api_id"].as_str() != Some(&*known.id) {
        return mismatch();
    }
    let change = Change { dialect: CLASSIC, id, document };
    match context.service.replace(change, Effect::AtReload).await {
        Ok(()) => reply::changed(&known.id, "modified"),
        Err(error) => reply::refused(&error),
    }
}

/// Deletes an API of either form.
pub(crate) async fn delete(State(context): State<Shared>, Path(id): Path<String>) -> Response {
    if context.read_only {
        return elsewhere();
    }
    match context.service.delete(&id, Effect::AtReload).await {
        Ok(()) => reply::changed(&id, "deleted"),
        Err(ServiceError::Store(_)) => {
            reply::failure(StatusCode::INTERNAL_SERVER_ERROR, "Delete failed")
        }
        Err(error) => reply::refused(&error),
    }
}

/// Every API is its own and only version.
pub(crate) async fn versions(State(context): State<Shared>, Path(id): Path<String>) -> Response {
    let Ok(definition) = context.service.get(&id) else { return reply::not_found() };
    let api = &definition.api;
    let version = json!({
        "id": &*api.id,
        "name": &*api.name,
        "versionName": "",
        "internal": api.state.internal,
        "expirationDate": "",
        "isDefaultVersion": true
    });
    reply::json(StatusCode::OK, &json!({"status": "success", "apis": [version]}))
}

pub(crate) fn malformed() -> Response {
    reply::failure(StatusCode::BAD_REQUEST, "Request malformed")
}

pub(crate) fn mismatch() -> Response {
    let message =
        "Request APIID does not match that in Definition! For Update operations these must match.";
    reply::failure(StatusCode::BAD_REQUEST, message)
}

fn object(body: &[u8]) -> Option<Value> {
    let document = parse_json(std::str::from_utf8(body).ok()?).ok()?;
    document.is_object().then_some(document)
}
