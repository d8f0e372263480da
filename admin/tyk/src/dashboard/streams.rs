//! `/api/apis/streams`: stream APIs, effective as soon as they are stored.

use axum::{
    body::Bytes,
    extract::{Path, State},
    http::{HeaderMap, StatusCode, header::CONTENT_TYPE},
    response::Response,
};
use serde_json::Value;
use sluice_service::{Change, Draft, Effect, Problems, random_hex};

use super::{
    Context, Shared,
    envelope::{created, done, failure, invalid, json, refused},
};
use crate::document::{EXTENSION, OAS, STREAMING, locate, missing, parse, pointer, said, set_info};

const CONTENT_TYPES: &[&str] = &[
    "application/vnd.tyk.streams.oas",
    "application/json",
    "application/x-yaml",
    "application/yaml",
];

pub(crate) async fn create(
    State(context): State<Shared>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let mut document = match read(&context, &headers, &body) {
        Ok(document) => document,
        Err(response) => return *response,
    };
    let stated = stated_id(&document).map(str::to_owned);
    let id = stated.unwrap_or_else(|| random_hex(16));
    let storage_id = random_hex(12);
    set_info(&mut document, "id", &id);
    set_info(&mut document, "dbId", &storage_id);
    let draft = Draft { dialect: OAS, id, storage_id, document };
    match context.service.create(draft, Effect::AtOnce).await {
        Ok(ids) => created("API created", &ids.storage_id, &ids.id),
        Err(error) => refused(&error),
    }
}

pub(crate) async fn show(State(context): State<Shared>, Path(id): Path<String>) -> Response {
    match context.service.get(&id) {
        Ok(definition) => json(StatusCode::OK, &definition.document),
        Err(error) => refused(&error),
    }
}

pub(crate) async fn replace(
    State(context): State<Shared>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let Ok(known) = context.service.get(&id) else {
        return failure(StatusCode::NOT_FOUND, "API definition does not exist");
    };
    let mut document = match read(&context, &headers, &body) {
        Ok(document) => document,
        Err(response) => return *response,
    };
    if stated_id(&document).is_some_and(|stated| *stated != *known.id) {
        return failure(StatusCode::BAD_REQUEST, "Invalid `ID` value");
    }
    set_info(&mut document, "id", &known.id);
    set_info(&mut document, "dbId", &known.storage_id);
    let change = Change { dialect: OAS, id: known.id.to_string(), document };
    match context.service.replace(change, Effect::AtOnce).await {
        Ok(()) => done("API updated."),
        Err(error) => refused(&error),
    }
}

pub(crate) async fn delete(State(context): State<Shared>, Path(id): Path<String>) -> Response {
    match context.service.delete(&id, Effect::AtOnce).await {
        Ok(()) => done("API deleted."),
        Err(error) => refused(&error),
    }
}

/// A document that may become a stream API.
fn read(context: &Context, headers: &HeaderMap, body: &[u8]) -> Result<Value, Box<Response>> {
    let refuse = |status, message: &str| Err(Box::new(failure(status, message)));
    if !context.streaming_enabled {
        return refuse(StatusCode::FORBIDDEN, "Streams are switched off: streaming.enabled");
    }
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = content_type.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    if !CONTENT_TYPES.iter().any(|known| essence.eq_ignore_ascii_case(known)) {
        let message =
            format!("Unsupported content type `{essence}`; send application/vnd.tyk.streams.oas");
        return refuse(StatusCode::UNSUPPORTED_MEDIA_TYPE, &message);
    }
    let Ok(text) = std::str::from_utf8(body) else {
        return refuse(StatusCode::BAD_REQUEST, "Couldn't read body.");
    };
    let document = parse(text).map_err(|found| Box::new(invalid(&Problems(vec![found]))))?;
    if [EXTENSION, STREAMING].iter().any(|member| !document[*member].is_object()) {
        let message = "The payload should contain x-tyk-api-gateway and/or x-tyk-streaming.";
        return refuse(StatusCode::BAD_REQUEST, message);
    }
    let mut problems = missing(&document, false);
    let check = context.streams.as_ref().map(|streams| streams.check(&document[STREAMING]));
    problems.0.extend(check.into_iter().flatten().map(|line| said(&line)));
    if problems.is_empty() { Ok(document) } else { Err(Box::new(invalid(&locate(problems, text)))) }
}

fn stated_id(document: &Value) -> Option<&str> {
    let id = pointer(document, &[EXTENSION, "info", "id"]).and_then(Value::as_str);
    id.filter(|id| !id.is_empty())
}
