//! What answers on which listener.

use std::sync::Arc;

use http::{Request, Response};
use sluice_plane::{Body, Connection, Plane, Serve};

use crate::{control::Control, dashboard::DashboardApi};

/// The data listener; management answers here too unless it has a listener of its own.
pub(crate) struct DataPort {
    pub plane: Arc<Plane>,
    pub control: Option<Arc<Control>>,
}

/// The listener of management alone.
pub(crate) struct ControlPort(pub Arc<Control>);

/// The listener of the dashboard API.
pub(crate) struct DashboardPort(pub Arc<DashboardApi>);

impl Serve for DataPort {
    async fn serve(&self, request: Request<Body>, connection: &Arc<Connection>) -> Response<Body> {
        match &self.control {
            Some(control) if control.claims(request.uri().path()) => {
                control.answer(request, connection).await
            }
            _ => self.plane.serve(request, connection).await,
        }
    }
}

impl Serve for ControlPort {
    async fn serve(&self, request: Request<Body>, connection: &Arc<Connection>) -> Response<Body> {
        self.0.answer(request, connection).await
    }
}

impl Serve for DashboardPort {
    async fn serve(&self, request: Request<Body>, connection: &Arc<Connection>) -> Response<Body> {
        self.0.answer(request, connection).await
    }
}
