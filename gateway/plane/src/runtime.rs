//! An API in service: its description, its handler, its way upstream.

use std::sync::Arc;

use http::HeaderValue;
use sluice_model::Api;

use crate::{ApiHandler, proxy::UpstreamClient, router::Router};

/// One version of one API as requests meet it.
pub(crate) struct ApiRuntime {
    pub api: Arc<Api>,
    pub handler: Option<Arc<dyn ApiHandler>>,
    pub upstream: Option<UpstreamClient>,
    /// The expiry as responses announce it.
    pub expires: Option<HeaderValue>,
}

impl ApiRuntime {
    pub(crate) fn new(
        api: Arc<Api>,
        handler: Option<Arc<dyn ApiHandler>>,
        upstream: Option<UpstreamClient>,
    ) -> Self {
        let expires = api.expiration.as_ref();
        let expires = expires.and_then(|expiration| expiration.header().parse().ok());
        Self { api, handler, upstream, expires }
    }

    #[cfg(test)]
    pub(crate) fn inert(api: Arc<Api>) -> Self {
        Self::new(api, None, None)
    }
}

/// Everything in service at one moment.
#[derive(Default)]
pub(crate) struct Table {
    pub runtimes: Vec<Arc<ApiRuntime>>,
    pub router: Router,
}

impl Table {
    pub(crate) fn new(runtimes: Vec<Arc<ApiRuntime>>) -> Self {
        Self { router: Router::new(&runtimes), runtimes }
    }
}
