//! Classic definitions: the older form, and the form in which `/tyk/apis` shows every API.

use std::sync::Arc;

use serde_json::{Value, json};
use sluice_config::Problems;
use sluice_model::{
    Api, Expiration, ListenPath, Secrets, State, Target, TlsProfile, TlsVersion, Upstream,
};
use sluice_service::{Definition, Dialect};

use super::{
    fields::{Field, Misfits},
    identity::revision,
    unsupported::Unsupported,
};
use crate::secrets::resolve_all;

/// Name of the dialect in the store.
pub(crate) const CLASSIC: &str = "tyk-classic";

/// Flags that keep someone out.
const GUARDS: &[&str] = &[
    "use_basic_auth",
    "use_oauth2",
    "use_openid",
    "use_mutual_tls_auth",
    "enable_jwt",
    "enable_signature_checking",
    "enable_coprocess_auth",
    "use_go_plugin_auth",
    "enable_ip_whitelisting",
    "enable_ip_blacklisting",
];

/// Reads classic definitions.
pub(crate) struct ClassicDialect {
    pub secrets: Secrets,
    pub custom_domains: bool,
    pub unsupported: Arc<Unsupported>,
}

impl Dialect for ClassicDialect {
    fn name(&self) -> &'static str {
        CLASSIC
    }

    fn translate(&self, document: &Value, id: &str, origin: &str) -> Result<Api, Problems> {
        let mut document = document.clone();
        let mut misfits = Misfits(resolve_all(&mut document, &self.secrets));
        let root = Field::root(&document);
        let name = root.get("name").text(&mut misfits).unwrap_or_default();
        if name.trim().is_empty() {
            misfits.add(&root.get("name"), "is required");
        }
        check_guards(&root, &mut misfits);
        let proxy = root.get("proxy");
        let listen_path = listen_path(&proxy, &mut misfits);
        let upstream = upstream(&proxy, &mut misfits);
        let expiration = expiration(&root, &mut misfits);
        let active = root.get("active");
        let state = State {
            active: !active.exists() || active.flag(&mut misfits),
            internal: root.get("internal").flag(&mut misfits),
        };
        let domain = root.get("domain").text(&mut misfits).filter(|domain| {
            let off = root.get("domain_disabled").value() == Some(&Value::Bool(true));
            self.custom_domains && !off && !domain.is_empty()
        });
        let organisation = root.get("org_id").text(&mut misfits).unwrap_or_default();
        let context_variables = root.get("enable_context_vars").flag(&mut misfits);
        let versions = root.get("version_data").get("versions").get("Default");
        let limit = versions.get("global_size_limit").integer(&mut misfits);
        let (true, Some(listen_path)) = (misfits.0.is_empty(), listen_path) else {
            return Err(Problems(misfits.0));
        };
        let revision = revision(&document, id);
        let paths = versions.get("extended_paths").value().and_then(Value::as_object);
        if paths.is_some_and(|paths| !paths.is_empty()) {
            self.unsupported.note(
                name,
                revision,
                &["version_data.versions.Default.extended_paths"],
            );
        }
        Ok(Api {
            id: id.into(),
            name: name.into(),
            organisation: organisation.into(),
            revision,
            origin: origin.into(),
            domain: domain.map(|domain| domain.to_ascii_lowercase().into()),
            listen_path,
            state,
            expiration,
            upstream,
            context_variables,
            request_size_limit: limit
                .and_then(|limit| u64::try_from(limit).ok())
                .filter(|l| *l > 0),
            extension: None,
        })
    }
}

fn check_guards(root: &Field<'_>, misfits: &mut Misfits) {
    let unguarded = "is not supported, and the API must not be served without it";
    if !root.get("use_keyless").flag(misfits) {
        misfits.add(
            &root.get("use_keyless"),
            "must be true: authentication is not supported, and the API must not be served without it",
        );
    }
    for guard in GUARDS.iter().map(|name| root.get(name)) {
        if guard.flag(misfits) {
            misfits.add(&guard, unguarded);
        }
    }
    let rate = root.get("global_rate_limit").get("rate");
    let limited = rate.value().and_then(Value::as_f64).is_some_and(|rate| rate > 0.0);
    if limited && !root.get("global_rate_limit").get("disabled").flag(misfits) {
        misfits.add(&rate, unguarded);
    }
    let versioned = root.get("version_data").get("not_versioned");
    if versioned.exists() && !versioned.flag(misfits) {
        misfits.add(&versioned, "versions are not supported");
    }
}

fn listen_path(proxy: &Field<'_>, misfits: &mut Misfits) -> Option<ListenPath> {
    let field = proxy.get("listen_path");
    if !field.exists() {
        misfits.add(&field, "is required");
    }
    let strip = proxy.get("strip_listen_path").flag(misfits);
    let value = field.text(misfits)?;
    ListenPath::new(value, strip).map_err(|error| misfits.add(&field, error.to_string())).ok()
}

fn expiration(root: &Field<'_>, misfits: &mut Misfits) -> Option<Expiration> {
    let field = root.get("expiration");
    let text = field.text(misfits).filter(|text| !text.is_empty())?;
    Expiration::parse(text).map_err(|error| misfits.add(&field, error.to_string())).ok()
}

fn upstream(proxy: &Field<'_>, misfits: &mut Misfits) -> Upstream {
    let url = proxy.get("target_url");
    let text = url.text(misfits).filter(|text| !text.is_empty());
    let target = text.and_then(|text| {
        Target::parse(text).map_err(|error| misfits.add(&url, error.to_string())).ok()
    });
    let transport = proxy.get("transport");
    let version = |name: &str, misfits: &mut Misfits| match transport.get(name).integer(misfits)? {
        769..=771 => Some(TlsVersion::V1_2),
        772 => Some(TlsVersion::V1_3),
        _ => None,
    };
    Upstream {
        target,
        preserve_host: proxy.get("preserve_host_header").flag(misfits),
        preserve_trailing_slash: proxy.get("disable_strip_slash").flag(misfits),
        timeout: None,
        tls: TlsProfile {
            insecure_skip_verify: transport.get("ssl_insecure_skip_verify").flag(misfits),
            min_version: version("ssl_min_version", misfits),
            max_version: version("ssl_max_version", misfits),
        },
    }
}

/// An API in classic form, whatever form it was defined in.
pub(crate) fn classic_view(definition: &Definition) -> Value {
    if &*definition.dialect == CLASSIC {
        return (*definition.document).clone();
    }
    let api = &definition.api;
    let upstream = super::pointer(&definition.document, &[super::EXTENSION, "upstream", "url"]);
    let expiration =
        super::pointer(&definition.document, &[super::EXTENSION, "info", "expiration"]);
    json!({
        "id": &*definition.storage_id,
        "name": &*api.name,
        "api_id": &*api.id,
        "org_id": &*api.organisation,
        "is_oas": true,
        "active": api.state.active,
        "internal": api.state.internal,
        "use_keyless": true,
        "expiration": expiration.and_then(Value::as_str).unwrap_or_default(),
        "enable_context_vars": api.context_variables,
        "domain": api.domain.as_deref().unwrap_or_default(),
        "domain_disabled": api.domain.is_none(),
        "version_data": {
            "not_versioned": true,
            "default_version": "",
            "versions": {"": {"name": "", "global_size_limit": api.request_size_limit.unwrap_or(0)}}
        },
        "proxy": {
            "listen_path": api.listen_path.value(),
            "target_url": upstream.and_then(Value::as_str).unwrap_or_default(),
            "strip_listen_path": api.listen_path.strip(),
            "preserve_host_header": api.upstream.preserve_host,
            "disable_strip_slash": api.upstream.preserve_trailing_slash,
            "transport": {"ssl_insecure_skip_verify": api.upstream.tls.insecure_skip_verify}
        }
    })
}
