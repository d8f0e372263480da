//! The seam for everything that answers requests without an upstream.
//!
//! An API document may carry a part that the data plane does not understand
//! ([`Api::extension`](sluice_model::Api::extension)). The one [`ApiExtension`] of a plane turns such
//! a part into an [`ApiHandler`] when the API is loaded; the handler then sees every request of the API
//! that passed the earlier phases.

use std::sync::Arc;

use async_trait::async_trait;
use http::{Request, Response};
use serde_json::Value;
use sluice_model::Api;

use crate::{Body, BoxError, RequestContext};

/// What became of a request.
#[derive(Debug)]
pub enum Outcome {
    /// The handler answered; nothing else runs.
    Answered(Response<Body>),
    /// Not this handler's request: the proxy takes it, or it is `not found` without an upstream.
    Continue(Request<Body>),
}

/// One tenant of a handler: someone for whom things run that run for nobody else.
#[derive(Clone, Debug, PartialEq)]
pub struct Tenant {
    /// What serves it, such as the name of a stream.
    pub stream: String,
    /// Its group at the broker; empty for none.
    pub group: String,
    /// Everything an operator may see.
    pub line: serde_json::Map<String, Value>,
}

/// Why an extension can't serve a document. Reported with the API's name.
pub type ExtensionError = BoxError;

/// Answers the requests of one version of one API.
#[async_trait]
pub trait ApiHandler: Send + Sync {
    /// Answers `request`, or hands it back.
    ///
    /// To serve a WebSocket, answer 101 and drive `hyper::upgrade::on(&mut request)` in a task
    /// started with [`Connection::spawn`](crate::Connection::spawn), so that shutdown waits for it, and
    /// end it when [`Connection::draining`](crate::Connection::draining) is cancelled or the handler
    /// retires. An answer of unknown length ends by itself when the gateway drains.
    async fn handle(&self, request: Request<Body>, context: &RequestContext) -> Outcome;

    /// What does not work yet, in words for an operator; empty when all is well.
    fn unready(&self) -> Vec<String> {
        Vec::new()
    }

    /// Calls `visit` with a line about each tenant the handler serves, in an order that stays, until
    /// that says no.
    fn tenants(&self, _visit: &mut dyn FnMut(Tenant) -> bool) {}

    /// Ends the handler: called once, after requests stopped arriving, because the API changed,
    /// disappeared or the gateway stops. Live responses end cleanly; returns when all is released.
    async fn retire(&self) {}
}

/// Makes handlers for APIs that carry an extension part.
#[async_trait]
pub trait ApiExtension: Send + Sync {
    /// Makes the handler for `document`, the extension part of `api`.
    ///
    /// Called for new and changed APIs only; an unchanged one keeps its handler. `previous` is the
    /// handler of the version being replaced: it serves until the new one is in place and is retired
    /// after that, so what both can share may be taken over.
    /// # Errors
    /// The previous version, if any, goes on serving and the error is reported by API name.
    async fn load(
        &self,
        api: &Arc<Api>,
        document: &Arc<Value>,
        previous: Option<&Arc<dyn ApiHandler>>,
    ) -> Result<Arc<dyn ApiHandler>, ExtensionError>;

    /// Problems of a document that is not loaded yet, as `path: message` lines; for the management
    /// dialects that check before they store.
    fn check(&self, _document: &Value) -> Vec<String> {
        Vec::new()
    }
}
