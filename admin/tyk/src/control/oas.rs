//! `/tyk/apis/oas`: Tyk OAS documents.

use std::collections::HashMap;

use axum::{
    body::Bytes,
    extract::{Path, Query, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};
use sluice_service::{Change, Definition, Draft, Effect, random_hex};

use super::{
    Shared,
    apis::mismatch,
    elsewhere,
    rebuild::{Rebuild, add_server, default_extension},
    reply,
};
use crate::document::{EXTENSION, OAS, STREAMING, missing, parse, pointer, set_info};

type Parameters = Query<HashMap<String, String>>;

pub(crate) async fn list(State(context): State<Shared>) -> Response {
    let catalogue = context.service.catalogue();
    let documents = catalogue.definitions().iter().filter(|definition| is_oas(definition));
    reply::json(
        StatusCode::OK,
        &documents.map(|definition| (*definition.document).clone()).collect(),
    )
}

pub(crate) async fn show(State(context): State<Shared>, Path(id): Path<String>) -> Response {
    match oas_definition(&context, &id) {
        Some(definition) => reply::json(StatusCode::OK, &definition.document),
        None => reply::not_found(),
    }
}

pub(crate) async fn create(
    State(context): State<Shared>,
    Query(query): Parameters,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if context.read_only {
        return elsewhere();
    }
    if query.get("base_api_id").is_some_and(|id| !id.is_empty()) {
        let message = "base_api_id: versions are not supported";
        return reply::failure(StatusCode::BAD_REQUEST, message);
    }
    let Some(document) = read(&body) else { return malformed() };
    if document.get(EXTENSION).is_none() {
        let message = format!("the payload should contain {EXTENSION}");
        return reply::failure(StatusCode::BAD_REQUEST, message);
    }
    store_new(&context, document, &headers).await
}

/// Takes a plain OpenAPI document and gives it an extension.
pub(crate) async fn import(
    State(context): State<Shared>,
    Query(query): Parameters,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if context.read_only {
        return elsewhere();
    }
    let Some(mut document) = read(&body) else { return malformed() };
    if document.get(EXTENSION).is_some() {
        let message = format!("the import payload should not contain {EXTENSION}");
        return reply::failure(StatusCode::BAD_REQUEST, message);
    }
    document[EXTENSION] = default_extension(&document);
    if let Err(message) = Rebuild::from_query(&query).apply(&mut document) {
        return reply::failure(StatusCode::BAD_REQUEST, message);
    }
    let upstream = pointer(&document, &[EXTENSION, "upstream", "url"]).and_then(Value::as_str);
    if upstream.is_none_or(str::is_empty) {
        let message = "servers: the document names no upstream, and neither does upstreamURL";
        return reply::failure(StatusCode::BAD_REQUEST, message);
    }
    store_new(&context, document, &headers).await
}

async fn store_new(context: &Shared, mut document: Value, headers: &HeaderMap) -> Response {
    let problems = missing(&document, true);
    if !problems.is_empty() {
        return reply::failure(StatusCode::BAD_REQUEST, problems.to_string());
    }
    let stated = pointer(&document, &[EXTENSION, "info", "id"]).and_then(Value::as_str);
    let stated = stated.filter(|id| !id.is_empty()).map(str::to_owned);
    let id = stated.unwrap_or_else(|| random_hex(16));
    let storage_id = random_hex(12);
    set_info(&mut document, "id", &id);
    set_info(&mut document, "dbId", &storage_id);
    add_server(&mut document, headers, context.tls);
    let draft = Draft { dialect: OAS, id, storage_id, document };
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
    let Some(known) = oas_definition(&context, &id) else { return reply::not_found() };
    let Some(document) = read(&body) else { return malformed() };
    if document.get(EXTENSION).is_none() {
        let message = format!("the payload should contain {EXTENSION}");
        return reply::failure(StatusCode::BAD_REQUEST, message);
    }
    store_changed(&context, &known, document).await
}

/// Replaces the OpenAPI part; the extension stays unless the body brings one, then follows the query.
pub(crate) async fn patch(
    State(context): State<Shared>,
    Path(id): Path<String>,
    Query(query): Parameters,
    body: Bytes,
) -> Response {
    if context.read_only {
        return elsewhere();
    }
    let Some(known) = oas_definition(&context, &id) else { return reply::not_found() };
    let Some(mut document) = read(&body) else { return malformed() };
    for member in [EXTENSION, STREAMING] {
        if document.get(member).is_none()
            && let Some(old) = known.document.get(member)
        {
            document[member] = old.clone();
        }
    }
    if let Err(message) = Rebuild::from_query(&query).apply(&mut document) {
        return reply::failure(StatusCode::BAD_REQUEST, message);
    }
    store_changed(&context, &known, document).await
}

async fn store_changed(context: &Shared, known: &Definition, mut document: Value) -> Response {
    let problems = missing(&document, true);
    if !problems.is_empty() {
        return reply::failure(StatusCode::BAD_REQUEST, problems.to_string());
    }
    let stated = pointer(&document, &[EXTENSION, "info", "id"]).and_then(Value::as_str);
    if stated.is_some_and(|stated| !stated.is_empty() && *stated != *known.id) {
        return mismatch();
    }
    set_info(&mut document, "id", &known.id);
    let change = Change { dialect: OAS, id: known.id.to_string(), document };
    match context.service.replace(change, Effect::AtReload).await {
        Ok(()) => reply::changed(&known.id, "modified"),
        Err(error) => reply::refused(&error),
    }
}

pub(crate) async fn export(
    State(context): State<Shared>,
    Path(id): Path<String>,
    Query(query): Parameters,
) -> Response {
    match oas_definition(&context, &id) {
        Some(definition) => {
            let name = format!("TykOasApiDef-{}.json", definition.id);
            attachment(&name, &exported(&definition, &query))
        }
        None => reply::not_found(),
    }
}

pub(crate) async fn export_all(
    State(context): State<Shared>,
    Query(query): Parameters,
) -> Response {
    let catalogue = context.service.catalogue();
    let documents = catalogue.definitions().iter().filter(|definition| is_oas(definition));
    let documents = documents.map(|definition| exported(definition, &query)).collect();
    attachment("TykOasApiDef.json", &documents)
}

pub(crate) async fn schema(Query(query): Parameters) -> Response {
    let version = query.get("oasVersion").map_or("", String::as_str);
    let known = version.is_empty() || ["3.0", "3.1"].iter().any(|known| version.starts_with(known));
    if !known {
        let message = format!("Schema not found for version \"{version}\"");
        let body = json!({"status": "Failed", "message": message});
        return reply::json(StatusCode::NOT_FOUND, &body);
    }
    let schema: Value = serde_json::from_str(include_str!("schema.json")).unwrap_or_default();
    let body = json!({"status": "Success", "message": "", "schema": schema});
    reply::json(StatusCode::OK, &body)
}

fn exported(definition: &Definition, query: &HashMap<String, String>) -> Value {
    let mut document = (*definition.document).clone();
    if query.get("mode").is_some_and(|mode| mode == "public")
        && let Some(members) = document.as_object_mut()
    {
        members.shift_remove(EXTENSION);
        members.shift_remove(STREAMING);
    }
    document
}

fn attachment(name: &str, document: &Value) -> Response {
    let mut response = format!("{document:#}\n").into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    // Ids from documents may hold anything; one that a header can't carry goes without a name.
    let disposition = HeaderValue::try_from(format!("attachment; filename=\"{name}\""))
        .unwrap_or(HeaderValue::from_static("attachment"));
    headers.insert(header::CONTENT_DISPOSITION, disposition);
    response
}

fn is_oas(definition: &Definition) -> bool {
    &*definition.dialect == OAS
}

fn oas_definition(context: &Shared, id: &str) -> Option<std::sync::Arc<Definition>> {
    context.service.get(id).ok().filter(|definition| is_oas(definition))
}

fn malformed() -> Response {
    reply::failure(StatusCode::BAD_REQUEST, "request malformed")
}

/// An object in JSON or YAML, whatever the content type says.
fn read(body: &[u8]) -> Option<Value> {
    let document = parse(std::str::from_utf8(body).ok()?).ok()?;
    document.is_object().then_some(document)
}
