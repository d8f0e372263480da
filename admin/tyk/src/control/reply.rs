//! The answers of the Gateway API: JSON with a line end.

use axum::{
    http::{HeaderValue, StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};
use sluice_service::ServiceError;
use tracing::error;

pub(crate) fn json(status: StatusCode, value: &Value) -> Response {
    let mut response = (status, format!("{value}\n")).into_response();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

pub(crate) fn message(text: &str) -> Response {
    json(StatusCode::OK, &json!({"status": "ok", "message": text}))
}

pub(crate) fn failure(status: StatusCode, text: impl AsRef<str>) -> Response {
    json(status, &json!({"status": "error", "message": text.as_ref()}))
}

/// A change was made to the object with this id.
pub(crate) fn changed(id: &str, action: &str) -> Response {
    json(StatusCode::OK, &json!({"key": id, "status": "ok", "action": action}))
}

pub(crate) fn not_found() -> Response {
    failure(StatusCode::NOT_FOUND, "API not found")
}

pub(crate) fn refused(error: &ServiceError) -> Response {
    match error {
        ServiceError::Unknown(_) => not_found(),
        ServiceError::Invalid(_)
        | ServiceError::IdTaken { .. }
        | ServiceError::AddressTaken { .. }
        | ServiceError::NotServed(_) => failure(StatusCode::BAD_REQUEST, error.to_string()),
        ServiceError::Store(cause) => {
            error!(error = %cause, "a change was not stored");
            failure(StatusCode::INTERNAL_SERVER_ERROR, "file object creation failed, write error")
        }
        ServiceError::Stopped => failure(StatusCode::SERVICE_UNAVAILABLE, error.to_string()),
    }
}

pub(crate) async fn unknown() -> Response {
    let text = HeaderValue::from_static("text/plain; charset=utf-8");
    let mut response = (StatusCode::NOT_FOUND, "404 page not found\n").into_response();
    response.headers_mut().insert(CONTENT_TYPE, text);
    response
}

pub(crate) async fn wrong_method() -> Response {
    failure(StatusCode::METHOD_NOT_ALLOWED, "Method not supported")
}
