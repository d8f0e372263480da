//! What the phases before a handler learned about a request.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use http::{HeaderMap, Uri, header::HOST, request::Parts};
use serde_json::{Map, Value};
use sluice_model::Api;

use super::{
    RequestHead, VariableSource, client_ip,
    variables::{claim, claim_text, path_parts, substituted},
};
use crate::server::Connection;

/// A request as the gateway understands it; goes with it to the API's handler.
#[derive(Debug)]
pub struct RequestContext {
    pub api: Arc<Api>,
    /// Full path, percent-decoded.
    pub path: String,
    /// Path without the listen path, percent-decoded, starting with `/`. Always stripped, whatever
    /// the API says about its upstream; whole when the API was reached by its id.
    pub stripped_path: String,
    /// The client's address, as far as headers can be believed; may be any text.
    pub client_ip: String,
    /// The connection the request came on: socket peer, TLS, drain, tasks.
    pub connection: Arc<Connection>,
    /// Header and payload members of the token that authenticated the request.
    pub claims: Option<Map<String, Value>>,
    /// The credential's session id.
    pub token: Option<String>,
    /// The session's `meta_data`.
    pub meta: Option<Map<String, Value>>,
    request_id: OnceLock<String>,
    variables: Option<VariableSource>,
}

impl RequestContext {
    /// The context of a request to `api`, without credentials.
    ///
    /// `path` is the decoded path; `by_id` says that the API's id led here, not its listen path.
    pub fn new(
        api: Arc<Api>,
        parts: &Parts,
        path: &str,
        by_id: bool,
        connection: Arc<Connection>,
        xff_depth: usize,
    ) -> Self {
        let stripped_path = if by_id { path.to_owned() } else { api.listen_path.strip_from(path) };
        let variables = api.context_variables.then(VariableSource::default);
        Self {
            client_ip: client_ip(&parts.headers, &connection.peer_ip, xff_depth),
            path: path.to_owned(),
            stripped_path,
            api,
            connection,
            claims: None,
            token: None,
            meta: None,
            request_id: OnceLock::new(),
            variables,
        }
    }

    /// Gives the variables the body of a form.
    pub(crate) fn set_form(&mut self, form: Bytes) {
        if let Some(variables) = &mut self.variables {
            variables.form = Some(form);
        }
    }

    /// Unique per request.
    pub fn request_id(&self) -> &str {
        self.request_id.get_or_init(|| uuid::Uuid::new_v4().to_string())
    }

    /// The text that stands for `$tyk_context.<name>` in the request with this head, escaping
    /// included.
    ///
    /// Empty for unknown names, and for all names unless the API enables context variables.
    pub fn variable<'a>(&self, name: &str, head: impl Into<RequestHead<'a>>) -> String {
        let Some(source) = &self.variables else { return String::new() };
        let value = match name {
            "path" => Some(self.path.clone()),
            "path_parts" => Some(path_parts(&self.path)),
            "remote_addr" | "request_ip" => Some(self.client_ip.clone()),
            "request_id" => Some(self.request_id().to_owned()),
            "token" => self.token.clone(),
            _ => match claim_name(name) {
                Some(name) => self.claims.as_ref().and_then(|claims| claim(claims, name)),
                None => source.lookup(name, head.into()),
            },
        };
        value.map(substituted).unwrap_or_default()
    }

    /// The text that stands for `$tyk_meta.<name>`, escaping included; empty for unknown names.
    pub fn meta_variable(&self, name: &str) -> String {
        let value = self.meta.as_ref().and_then(|meta| meta.get(name)).and_then(claim_text);
        value.map(substituted).unwrap_or_default()
    }
}

/// Both spellings of a claim: the reference's, and the one its documentation uses.
fn claim_name(name: &str) -> Option<&str> {
    name.strip_prefix("jwt_claims_").or_else(|| name.strip_prefix("jwt.claims."))
}

/// The host a request is for, with its port.
pub(crate) fn host<'a>(uri: &'a Uri, headers: &'a HeaderMap) -> Option<&'a str> {
    match uri.authority() {
        Some(authority) => Some(authority.as_str()),
        None => headers.get(HOST)?.to_str().ok(),
    }
}
