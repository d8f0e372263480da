//! Between the bodies of the listeners and those of the admin routers.

use std::{convert::Infallible, sync::Arc};

use axum::{Router, extract::DefaultBodyLimit};
use http::{Request, Response, Uri};
use sluice_plane::{Body, Connection};
use tower::ServiceExt;

/// Largest document that management takes.
pub(crate) const MAX_DOCUMENT: usize = 16 << 20;

/// Answers `request` with `router`, a trailing slash making no difference. Handlers find the
/// connection among the request's extensions.
pub(crate) async fn route(
    router: Router,
    mut request: Request<Body>,
    connection: &Arc<Connection>,
) -> Response<Body> {
    if let Some(uri) = without_slash(request.uri()) {
        *request.uri_mut() = uri;
    }
    request.extensions_mut().insert(connection.clone());
    let answer: Result<_, Infallible> = router.oneshot(request.map(axum::body::Body::new)).await;
    match answer {
        Ok(response) => response.map(Body::new),
    }
}

/// The limit for a router whose handlers read documents.
pub(crate) fn document_limit() -> DefaultBodyLimit {
    DefaultBodyLimit::max(MAX_DOCUMENT)
}

fn without_slash(uri: &Uri) -> Option<Uri> {
    let path = uri.path().strip_suffix('/').filter(|path| !path.is_empty())?;
    let path = match uri.query() {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    };
    path.parse().ok()
}
