//! The capitalised answers of the Dashboard API, and who gets them.

use axum::{
    extract::{Request, State},
    http::{
        HeaderValue, StatusCode,
        header::{AUTHORIZATION, CONTENT_TYPE},
    },
    middleware::Next,
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};
use sluice_service::{Problems, ServiceError};
use tracing::error;

use super::Shared;

pub(crate) fn json(status: StatusCode, value: &Value) -> Response {
    let mut response = (status, format!("{value}\n")).into_response();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

pub(crate) fn done(message: &str) -> Response {
    json(StatusCode::OK, &json!({"Status": "OK", "Message": message, "Meta": null}))
}

pub(crate) fn created(message: &str, storage_id: &str, id: &str) -> Response {
    let body = json!({"Status": "OK", "Message": message, "Meta": storage_id, "ID": id});
    json(StatusCode::OK, &body)
}

pub(crate) fn failure(status: StatusCode, message: &str) -> Response {
    json(status, &json!({"Status": "Error", "Message": message, "Meta": null}))
}

/// A document that can't be used, problem by problem.
pub(crate) fn invalid(problems: &Problems) -> Response {
    let errors: Vec<Value> = problems
        .0
        .iter()
        .map(|problem| {
            let mut error = json!({"path": problem.path, "message": problem.message});
            if problem.at.line > 0 {
                error["line"] = problem.at.line.into();
                error["column"] = problem.at.column.into();
            }
            error
        })
        .collect();
    let body = json!({
        "Status": "Error", "Message": problems.to_string(), "Meta": null, "Errors": errors
    });
    json(StatusCode::BAD_REQUEST, &body)
}

pub(crate) fn refused(error: &ServiceError) -> Response {
    match error {
        ServiceError::Invalid(problems) => invalid(problems),
        ServiceError::Unknown(_) => failure(StatusCode::NOT_FOUND, "API not found."),
        ServiceError::AddressTaken { .. } => {
            let detail = json!([{"path": "x-tyk-api-gateway.server.listenPath.value",
                "message": error.to_string()}]);
            let body = json!({"Status": "Error", "Message": "Found API with same url.",
                "Meta": null, "Errors": detail});
            json(StatusCode::FORBIDDEN, &body)
        }
        ServiceError::IdTaken { .. } => {
            failure(StatusCode::CONFLICT, "Found API with the same ID.")
        }
        ServiceError::NotServed(reason) => failure(StatusCode::BAD_REQUEST, reason),
        ServiceError::Store(cause) => {
            error!(error = %cause, "a change was not stored");
            failure(StatusCode::INTERNAL_SERVER_ERROR, "Error while creating API.")
        }
        ServiceError::Stopped => failure(StatusCode::SERVICE_UNAVAILABLE, &error.to_string()),
    }
}

pub(crate) async fn unknown() -> Response {
    failure(StatusCode::NOT_FOUND, "Not found")
}

pub(crate) async fn wrong_method() -> Response {
    failure(StatusCode::METHOD_NOT_ALLOWED, "Method not allowed")
}

/// Lets requests with the API key pass: bare, or behind `Bearer`.
pub(crate) async fn admit(State(context): State<Shared>, request: Request, next: Next) -> Response {
    let presented = request.headers().get(AUTHORIZATION);
    let presented = presented.and_then(|value| value.to_str().ok()).unwrap_or_default().trim();
    let key = match presented.split_once(' ') {
        Some((scheme, key)) if scheme.eq_ignore_ascii_case("bearer") => key.trim(),
        _ => presented,
    };
    if context.key.matches(key) {
        return next.run(request).await;
    }
    failure(StatusCode::UNAUTHORIZED, "Not authorised")
}
