//! Tyk OAS documents: what `x-tyk-api-gateway` means to the data plane.

use std::sync::Arc;

use serde_json::Value;
use sluice_config::Problems;
use sluice_model::{
    Api, Expiration, ListenPath, Secrets, State, Target, TlsProfile, TlsVersion, Upstream,
};
use sluice_service::Dialect;

use super::{
    fields::{Field, Misfits},
    identity::revision,
    unsupported::{Unsupported, check_guards},
};
use crate::secrets::resolve_all;

/// The vendor member that makes an OpenAPI document an API definition.
pub(crate) const EXTENSION: &str = "x-tyk-api-gateway";
/// The vendor member with the API's streams.
pub(crate) const STREAMING: &str = "x-tyk-streaming";
/// Name of the dialect in the store.
pub(crate) const OAS: &str = "tyk-oas";

/// Reads Tyk OAS documents.
pub(crate) struct OasDialect {
    pub secrets: Secrets,
    pub custom_domains: bool,
    pub unsupported: Arc<Unsupported>,
}

impl Dialect for OasDialect {
    fn name(&self) -> &'static str {
        OAS
    }

    fn translate(&self, document: &Value, id: &str, origin: &str) -> Result<Api, Problems> {
        let mut document = document.clone();
        let mut misfits = Misfits(resolve_all(&mut document, &self.secrets));
        let extension = Field::root(&document).get(EXTENSION);
        if extension.members(&mut misfits).is_none() && misfits.0.is_empty() {
            misfits.add(&extension, format!("the payload should contain {EXTENSION}"));
        }
        let info = extension.get("info");
        let server = extension.get("server");
        let name = name(&info, &mut misfits);
        let listen_path = listen_path(&server, &mut misfits);
        let global = extension.get("middleware").get("global");
        let upstream = upstream(&extension.get("upstream"), &mut misfits);
        let streaming = Field::root(&document).get(STREAMING);
        streaming.members(&mut misfits);
        check_guards(&extension, &mut misfits);
        let (state, expiration) = (state(&info, &mut misfits), expiration(&info, &mut misfits));
        let domain = self.domain(&server, &mut misfits);
        let organisation = info.get("orgId").text(&mut misfits).unwrap_or_default();
        let context_variables = global.get("contextVariables").enabled(&mut misfits);
        let request_size_limit = size_limit(&global.get("requestSizeLimit"), &mut misfits);
        let (true, Some(listen_path)) = (misfits.0.is_empty(), listen_path) else {
            return Err(Problems(misfits.0));
        };
        let revision = revision(&document, id);
        self.unsupported.note_oas(&name, revision, &extension);
        Ok(Api {
            id: id.into(),
            name: name.into(),
            organisation: organisation.into(),
            revision,
            origin: origin.into(),
            domain,
            listen_path,
            state,
            expiration,
            upstream,
            context_variables,
            request_size_limit,
            extension: streaming.value().cloned().map(Arc::new),
        })
    }
}

impl OasDialect {
    fn domain(&self, server: &Field<'_>, misfits: &mut Misfits) -> Option<Arc<str>> {
        let custom = server.get("customDomain");
        if !self.custom_domains || !custom.enabled(misfits) {
            return None;
        }
        let name = custom.get("name").text(misfits)?;
        if name.contains(['{', '}']) {
            misfits.add(&custom.get("name"), "templates in host names are not supported");
        }
        (!name.is_empty()).then(|| name.to_ascii_lowercase().into())
    }
}

fn name(info: &Field<'_>, misfits: &mut Misfits) -> String {
    let name = info.get("name").text(misfits).unwrap_or_default();
    if name.trim().is_empty() {
        misfits.add(info, "name is required");
    }
    name.to_owned()
}

fn listen_path(server: &Field<'_>, misfits: &mut Misfits) -> Option<ListenPath> {
    let listen = server.get("listenPath");
    if !listen.exists() {
        misfits.add(server, "listenPath is required");
        return None;
    }
    let value = listen.get("value");
    if !value.exists() {
        misfits.add(&listen, "value is required");
    }
    let strip = listen.get("strip").flag(misfits);
    match ListenPath::new(value.text(misfits)?, strip) {
        Ok(listen_path) => Some(listen_path),
        Err(error) => {
            misfits.add(&value, error.to_string());
            None
        }
    }
}

fn state(info: &Field<'_>, misfits: &mut Misfits) -> State {
    let state = info.get("state");
    state.members(misfits);
    let active = state.get("active");
    State {
        active: !active.exists() || active.flag(misfits),
        internal: state.get("internal").flag(misfits),
    }
}

fn expiration(info: &Field<'_>, misfits: &mut Misfits) -> Option<Expiration> {
    let field = info.get("expiration");
    let text = field.text(misfits).filter(|text| !text.is_empty())?;
    Expiration::parse(text).map_err(|error| misfits.add(&field, error.to_string())).ok()
}

fn size_limit(limit: &Field<'_>, misfits: &mut Misfits) -> Option<u64> {
    if !limit.enabled(misfits) {
        return None;
    }
    let bytes = limit.get("value").integer(misfits).unwrap_or(0);
    u64::try_from(bytes).ok().filter(|bytes| *bytes > 0)
}

fn upstream(upstream: &Field<'_>, misfits: &mut Misfits) -> Upstream {
    upstream.members(misfits);
    let url = upstream.get("url");
    let text = url.text(misfits).filter(|text| !text.is_empty());
    let target = text.and_then(|text| {
        Target::parse(text).map_err(|error| misfits.add(&url, error.to_string())).ok()
    });
    let timeout = upstream.get("enforceTimeout");
    let timeout = if timeout.enabled(misfits) {
        let limit = timeout.get("duration").duration(misfits);
        limit.filter(|limit| !limit.is_zero())
    } else {
        None
    };
    Upstream {
        target,
        preserve_host: upstream.get("preserveHostHeader").enabled(misfits),
        preserve_trailing_slash: upstream.get("preserveTrailingSlash").enabled(misfits),
        timeout,
        tls: tls(&upstream.get("tlsTransport"), misfits),
    }
}

fn tls(tls: &Field<'_>, misfits: &mut Misfits) -> TlsProfile {
    tls.members(misfits);
    TlsProfile {
        insecure_skip_verify: tls.get("insecureSkipVerify").flag(misfits),
        min_version: tls_version(&tls.get("minVersion"), misfits),
        max_version: tls_version(&tls.get("maxVersion"), misfits),
    }
}

/// `1.0` and `1.1` are not spoken any more: as a lower bound they mean 1.2.
fn tls_version(field: &Field<'_>, misfits: &mut Misfits) -> Option<TlsVersion> {
    match field.text(misfits)? {
        "" => None,
        "1.0" | "1.1" | "1.2" => Some(TlsVersion::V1_2),
        "1.3" => Some(TlsVersion::V1_3),
        other => {
            misfits.add(field, format!("expected a TLS version like `1.2`, found `{other}`"));
            None
        }
    }
}
