//! Extensions made or changed by query parameters.

use std::collections::HashMap;

use axum::http::{HeaderMap, header::HOST};
use serde_json::{Value, json};

use crate::document::{EXTENSION, pointer, set_info};

/// What query parameters ask of an extension.
pub(crate) struct Rebuild<'a> {
    query: &'a HashMap<String, String>,
}

/// Parameters that derive middleware from the OpenAPI part.
const DERIVED: &[&str] = &["authentication", "validateRequest", "allowList", "mockResponse"];

impl<'a> Rebuild<'a> {
    pub(crate) fn from_query(query: &'a HashMap<String, String>) -> Self {
        Self { query }
    }

    /// Changes the extension of `document`.
    ///
    /// # Errors
    /// Names the parameter that asks for what is not supported.
    pub(crate) fn apply(&self, document: &mut Value) -> Result<(), String> {
        for name in DERIVED {
            if self.text(name) == Some("true") {
                return Err(format!("{name}: is not supported"));
            }
        }
        if let Some(url) = self.text("upstreamURL") {
            document[EXTENSION]["upstream"]["url"] = url.into();
        }
        if let Some(path) = self.text("listenPath") {
            document[EXTENSION]["server"]["listenPath"]["value"] = path.into();
        }
        if let Some(domain) = self.text("customDomain") {
            document[EXTENSION]["server"]["customDomain"] =
                json!({"enabled": true, "name": domain});
        }
        if let Some(id) = self.text("apiID") {
            set_info(document, "id", id);
        }
        Ok(())
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.query.get(name).map(String::as_str).filter(|text| !text.is_empty())
    }
}

/// The extension of an imported document: its title names it, its first server is the upstream.
pub(crate) fn default_extension(document: &Value) -> Value {
    let title = pointer(document, &["info", "title"]).and_then(Value::as_str).unwrap_or_default();
    let server = document.pointer("/servers/0/url").and_then(Value::as_str).unwrap_or_default();
    json!({
        "info": {"name": title, "state": {"active": true, "internal": false}},
        "upstream": {"url": server},
        "server": {"listenPath": {"value": format!("/{}/", slug(title)), "strip": true}},
        "middleware": {"global": {
            "contextVariables": {"enabled": true},
            "trafficLogs": {"enabled": true}
        }}
    })
}

/// Puts the address under which clients reach the API before the document's other servers.
pub(crate) fn add_server(document: &mut Value, headers: &HeaderMap, tls: bool) {
    let listen = pointer(document, &[EXTENSION, "server", "listenPath", "value"]);
    let listen = listen.and_then(Value::as_str).unwrap_or_default();
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    let Some(host) = host.filter(|_| !listen.contains('{')) else { return };
    let scheme = if tls { "https" } else { "http" };
    let url = format!("{scheme}://{host}{listen}");
    let mut servers = vec![json!({ "url": url })];
    let old = document.get("servers").and_then(Value::as_array);
    servers.extend(old.into_iter().flatten().filter(|server| server["url"] != url).cloned());
    document["servers"] = servers.into();
}

fn slug(title: &str) -> String {
    let words = title.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_ascii_lowercase).collect::<Vec<_>>().join("-")
}
