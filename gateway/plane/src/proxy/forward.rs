//! One request to an upstream and its answer back.

use std::{sync::Arc, time::Duration};

use http::{
    HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode, Version,
    header::{CONNECTION, CONTENT_TYPE, HOST},
};
use hyper::body::Incoming;
use hyper_util::client::legacy::Error as ClientError;
use sluice_model::{Api, Target};

use super::{
    client::UpstreamClient,
    deadline::watch,
    headers::{prepare_request, remove_hop_by_hop, upgrade_of},
    tunnel::tunnel,
};
use crate::{Body, Fault, applier::describe, plane::oversized, request::host, server::Connection};

/// Where one request goes.
pub(crate) struct Forward<'a> {
    pub api: &'a Arc<Api>,
    pub target: &'a Target,
    /// Path for the upstream, as it came over the wire.
    pub path: &'a str,
    pub timeout: Duration,
    pub connection: &'a Arc<Connection>,
}

/// Why an upstream gave no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ForwardError {
    #[error("the upstream address can't carry this path")]
    Address,
    #[error("no response headers within {0:?}")]
    TimedOut(Duration),
    #[error("{}", describe(.0))]
    Client(ClientError),
    #[error("the upstream switched protocols without being asked")]
    Switched,
}

impl ForwardError {
    pub(crate) fn is_oversized_request(&self) -> bool {
        matches!(self, Self::Client(error) if oversized(error))
    }

    pub(crate) fn fault(&self) -> Fault {
        match self {
            Self::TimedOut(_) => {
                Fault::new(StatusCode::GATEWAY_TIMEOUT, "Upstream service reached hard timeout.")
            }
            Self::Client(error) if error.is_connect() && describe(error).contains("dns error") => {
                Fault::new(StatusCode::INTERNAL_SERVER_ERROR, "Upstream host lookup failed")
            }
            _ => Fault::proxying(),
        }
    }
}

impl UpstreamClient {
    pub(crate) async fn forward(
        &self,
        mut request: Request<Body>,
        to: Forward<'_>,
    ) -> Result<Response<Body>, ForwardError> {
        let upgrade = upgrade_of(request.headers());
        let on_upgrade = upgrade.is_some().then(|| hyper::upgrade::on(&mut request));
        let request = self.readdress(request, &to, upgrade.clone())?;
        let (parts, body) = request.into_parts();
        let (body, activity) = watch(body);
        let sent = self.pool.request(Request::from_parts(parts, body));
        let mut response = match activity.within(to.timeout, sent).await {
            Ok(answered) => answered.map_err(ForwardError::Client)?,
            Err(_) => return Err(ForwardError::TimedOut(to.timeout)),
        };
        *response.version_mut() = Version::HTTP_11;
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            let client = on_upgrade.ok_or(ForwardError::Switched)?;
            let upstream = hyper::upgrade::on(&mut response);
            to.connection.spawn(tunnel(client, upstream, to.connection.draining().clone()));
            return Ok(switched(response));
        }
        Ok(answered(response, &to))
    }

    /// Turns the client's request into the gateway's own.
    fn readdress(
        &self,
        request: Request<Body>,
        to: &Forward<'_>,
        upgrade: Option<HeaderValue>,
    ) -> Result<Request<Body>, ForwardError> {
        let (mut parts, body) = request.into_parts();
        let upstream = &to.api.upstream;
        let original_host = host(&parts.uri, &parts.headers).map(HeaderValue::from_str);
        let original_host = original_host.and_then(Result::ok);
        let query = parts.uri.query();
        parts.uri = to
            .target
            .join(to.path, query, upstream.preserve_trailing_slash)
            .ok_or(ForwardError::Address)?;
        parts.version = Version::HTTP_11;
        // Left over extensions (the connection's own) mean nothing to the next hop.
        parts.extensions.clear();
        prepare_request(&mut parts.headers, to.connection.peer.ip(), upgrade);
        parts.headers.remove(HOST);
        if upstream.preserve_host
            && let Some(host) = original_host
        {
            parts.headers.insert(HOST, host);
        }
        if self.close_connections {
            parts.headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        Ok(Request::from_parts(parts, body))
    }
}

/// A 101 keeps the headers that seal the handshake.
fn switched(response: Response<Incoming>) -> Response<Body> {
    let (mut parts, _) = response.into_parts();
    let protocol = upgrade_of(&parts.headers);
    remove_hop_by_hop(&mut parts.headers);
    if let Some(protocol) = protocol {
        parts.headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
        parts.headers.insert(http::header::UPGRADE, protocol);
    }
    parts.extensions.clear();
    Response::from_parts(parts, Body::empty())
}

fn answered(response: Response<Incoming>, to: &Forward<'_>) -> Response<Body> {
    let (mut parts, body) = response.into_parts();
    remove_hop_by_hop(&mut parts.headers);
    parts.extensions.clear();
    // Without a key there is no allowance to report.
    for name in ["x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"] {
        parts.headers.insert(HeaderName::from_static(name), HeaderValue::from_static("0"));
    }
    let body = Body::from_upstream(body);
    // An event stream never ends by itself: let shutdown end it instead of waiting for it.
    let endless = is_event_stream(&parts.headers);
    let body = if endless { body.until(to.connection.draining().clone()) } else { body };
    Response::from_parts(parts, body)
}

fn is_event_stream(headers: &HeaderMap) -> bool {
    let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    value.is_some_and(|value| value.trim_start().starts_with("text/event-stream"))
}
