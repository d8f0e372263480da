//! Cross-origin resource sharing.

use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD, HeaderMap, HeaderValue, ORIGIN,
    VARY,
};
use http::{Method, Request, Response, StatusCode};
use sluice_engine::BuildError;
use sluice_engine::http::HttpBody;

use crate::fields::CorsConfig;
use crate::headers::text;
use crate::reply;

/// Headers that any request may carry.
const SIMPLE_HEADERS: [&str; 4] = ["accept", "accept-language", "content-language", "origin"];

/// Methods that need no mention in a preflight's answer.
const SIMPLE_METHODS: [&str; 3] = ["GET", "HEAD", "POST"];

#[derive(Debug)]
pub(crate) struct Cors {
    origins: Vec<String>,
    headers: Vec<String>,
    methods: Vec<String>,
}

pub(super) enum Verdict {
    Answer(Response<HttpBody>),
    /// Handle it; these headers belong into the response.
    Pass(HeaderMap),
}

impl Cors {
    /// `None` when not enabled.
    pub(crate) fn new(config: &CorsConfig) -> Result<Option<Self>, BuildError> {
        if !config.enabled {
            return Ok(None);
        }
        if config.allowed_origins.is_empty() {
            let message = "bad CORS configuration: must specify at least one allowed origin";
            return Err(BuildError::new(message));
        }
        Ok(Some(Self {
            origins: config.allowed_origins.clone(),
            headers: config.allowed_headers.iter().map(|name| name.to_ascii_lowercase()).collect(),
            methods: config.allowed_methods.clone(),
        }))
    }

    pub(crate) fn allows_origin(&self, origin: &str) -> bool {
        self.origins.iter().any(|allowed| allowed == "*" || allowed == origin)
    }

    pub(super) fn check(&self, request: &Request<HttpBody>) -> Verdict {
        let headers = request.headers();
        let origin = text(headers, ORIGIN).filter(|origin| !origin.is_empty());
        let is_preflight = request.method() == Method::OPTIONS;
        let Some(origin) = origin.filter(|origin| self.allows_origin(origin)) else {
            return if is_preflight {
                Verdict::Answer(reply::empty(StatusCode::OK))
            } else {
                Verdict::Pass(HeaderMap::new())
            };
        };
        let mut allowed = HeaderMap::new();
        if self.origins.len() > 1 {
            allowed.insert(VARY, HeaderValue::from_static("Origin"));
        }
        let any = self.origins.iter().any(|allowed| allowed == "*");
        let echoed = HeaderValue::from_str(if any { "*" } else { origin });
        if let Ok(echoed) = echoed {
            allowed.insert(ACCESS_CONTROL_ALLOW_ORIGIN, echoed);
        }
        if !is_preflight {
            return Verdict::Pass(allowed);
        }
        Verdict::Answer(match self.preflight(headers, &mut allowed) {
            Err(status) => reply::empty(status),
            Ok(()) => {
                let mut response = reply::empty(StatusCode::OK);
                *response.headers_mut() = allowed;
                response
            }
        })
    }

    fn preflight(&self, headers: &HeaderMap, allowed: &mut HeaderMap) -> Result<(), StatusCode> {
        let method = text(headers, ACCESS_CONTROL_REQUEST_METHOD).ok_or(StatusCode::BAD_REQUEST)?;
        if !self.methods.iter().any(|allowed| allowed == method) {
            return Err(StatusCode::METHOD_NOT_ALLOWED);
        }
        let wanted = text(headers, ACCESS_CONTROL_REQUEST_HEADERS).unwrap_or("");
        let mut granted = Vec::new();
        for name in wanted.split(',').map(|name| name.trim().to_ascii_lowercase()) {
            if name.is_empty() || SIMPLE_HEADERS.contains(&name.as_str()) {
                continue;
            }
            if !self.headers.iter().any(|allowed| allowed == "*" || *allowed == name) {
                return Err(StatusCode::FORBIDDEN);
            }
            granted.push(name);
        }
        if let Ok(granted) = HeaderValue::from_str(&granted.join(",")) {
            if !granted.is_empty() {
                allowed.insert(ACCESS_CONTROL_ALLOW_HEADERS, granted);
            }
        }
        if !SIMPLE_METHODS.contains(&method) {
            if let Ok(method) = HeaderValue::from_str(method) {
                allowed.insert(ACCESS_CONTROL_ALLOW_METHODS, method);
            }
        }
        Ok(())
    }
}
