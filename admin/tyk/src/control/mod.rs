//! The Gateway API: `/tyk/*`, `/hello`, `/ready`.

mod apis;
mod guard;
mod health;
mod oas;
mod rebuild;
mod reload;
mod reply;
mod tenants;

use std::sync::Arc;

use axum::{
    Router,
    http::StatusCode,
    middleware,
    routing::{any, get, post},
};
use http::{Request, Response};
use sluice_plane::{Body, Connection, Drain, Plane};
use sluice_service::{KeyHash, Service};

pub(crate) use health::Readiness;

use crate::{
    http_body::{document_limit, route},
    settings::Settings,
};

/// Management of a gateway over HTTP.
pub(crate) struct Control {
    router: Router,
    /// Paths outside `/tyk` that are answered here.
    probes: [String; 2],
}

/// What handlers work with.
pub(crate) struct Context {
    pub service: Service,
    pub plane: Arc<Plane>,
    pub readiness: Arc<Readiness>,
    pub drain: Drain,
    /// `None` lets nobody in.
    pub secret: Option<KeyHash>,
    /// The secret is the one everybody knows: only this machine may use it.
    pub loopback_only: bool,
    /// Definitions are managed elsewhere.
    pub read_only: bool,
    pub tls: bool,
}

pub(crate) type Shared = Arc<Context>;

impl Control {
    pub(crate) fn new(settings: &Settings, context: Context) -> Self {
        let probes = [&settings.health_endpoint, &settings.readiness_endpoint];
        let probes = probes.map(|name| format!("/{name}"));
        let context = Arc::new(context);
        let guarded = Router::new()
            .route("/tyk/apis", get(apis::list).post(apis::create))
            .route("/tyk/apis/oas", get(oas::list).post(oas::create))
            .route("/tyk/apis/oas/import", post(oas::import))
            .route("/tyk/apis/oas/export", get(oas::export_all))
            .route(
                "/tyk/apis/oas/{id}",
                get(oas::show).put(oas::replace).patch(oas::patch).delete(apis::delete),
            )
            .route("/tyk/apis/oas/{id}/export", get(oas::export))
            .route("/tyk/apis/oas/{id}/versions", get(apis::versions))
            .route(
                "/tyk/apis/{id}",
                get(apis::show).post(apis::create).put(apis::replace).delete(apis::delete),
            )
            .route("/tyk/apis/{id}/versions", get(apis::versions))
            .route("/tyk/reload", get(reload::node))
            .route("/tyk/reload/group", get(reload::group))
            .route("/tyk/streams/tenants", get(tenants::list))
            .route("/tyk/schema", get(oas::schema))
            .route("/tyk", any(reply::unknown))
            .route("/tyk/{*rest}", any(reply::unknown))
            .method_not_allowed_fallback(reply::wrong_method)
            .layer(middleware::from_fn_with_state(context.clone(), guard::admit))
            .layer(document_limit());
        let open = Router::new()
            .route(&probes[0], any(health::hello))
            .route(&probes[1], any(health::ready));
        let router = guarded.merge(open).fallback(reply::unknown).with_state(context);
        Self { router, probes }
    }

    /// Whether a path of the data listener belongs to management.
    pub(crate) fn claims(&self, path: &str) -> bool {
        let inside = |rest: &str| rest.is_empty() || rest.starts_with('/');
        path.strip_prefix("/tyk").is_some_and(inside)
            || self.probes.iter().any(|probe| path.trim_end_matches('/') == probe)
    }

    pub(crate) async fn answer(
        &self,
        request: Request<Body>,
        connection: &Arc<Connection>,
    ) -> Response<Body> {
        route(self.router.clone(), request, connection).await
    }
}

/// The answer when definitions are managed elsewhere.
pub(crate) fn elsewhere() -> axum::response::Response {
    let message = "Due to enabled use_db_app_configs, please use the Dashboard API";
    reply::failure(StatusCode::INTERNAL_SERVER_ERROR, message)
}
