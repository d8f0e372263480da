//! The Dashboard API, as far as it creates and changes stream APIs: `/api/apis/streams`.

mod envelope;
mod streams;

use std::sync::Arc;

use axum::{
    Router, middleware,
    routing::{get, post},
};
use http::{Request, Response};
use sluice_plane::{ApiExtension, Body, Connection};
use sluice_service::{KeyHash, Service};

use crate::http_body::{document_limit, route};

/// The dashboard over HTTP.
pub(crate) struct DashboardApi {
    router: Router,
}

/// What handlers work with.
pub(crate) struct Context {
    pub service: Service,
    pub key: KeyHash,
    /// Checks streams before they are stored; `None` while streams are switched off.
    pub streams: Option<Arc<dyn ApiExtension>>,
    /// Whether the configuration switches streams on.
    pub streaming_enabled: bool,
}

pub(crate) type Shared = Arc<Context>;

impl DashboardApi {
    pub(crate) fn new(context: Context) -> Self {
        let context = Arc::new(context);
        let router = Router::new()
            .route("/api/apis/streams", post(streams::create))
            .route(
                "/api/apis/streams/{id}",
                get(streams::show).put(streams::replace).delete(streams::delete),
            )
            .method_not_allowed_fallback(envelope::wrong_method)
            .fallback(envelope::unknown)
            .layer(middleware::from_fn_with_state(context.clone(), envelope::admit))
            .layer(document_limit())
            .with_state(context);
        Self { router }
    }

    pub(crate) async fn answer(
        &self,
        request: Request<Body>,
        connection: &Arc<Connection>,
    ) -> Response<Body> {
        route(self.router.clone(), request, connection).await
    }
}
