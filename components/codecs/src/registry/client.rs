//! Asking a registry, by the protocol that Confluent's has and others speak.

use bytes::Bytes;
use sluice_engine::{BuildError, Scope};
use sluice_http::api::{ApiClient, ApiSettings};
use sluice_value::{EcoString, Value, json};
use tracing::error;

const ACCEPT: &str = "application/vnd.schemaregistry.v1+json";
/// How often a request is sent that gets no response.
const ATTEMPTS: usize = 3;
/// Most schemas that one may refer to, directly and through others.
const MAX_REFERENCES: usize = 500;

/// A registry.
pub(super) struct Client {
    api: ApiClient,
    url: String,
    /// Whether characters are removed from names of Avro types that must not be in them.
    sanitize: bool,
}

/// A schema as registered.
#[derive(Clone, Debug)]
pub(super) struct Registered {
    pub(super) id: u32,
    pub(super) kind: Kind,
    pub(super) text: String,
    references: Vec<Reference>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Avro,
    Json,
    Protobuf,
}

#[derive(Clone, Debug)]
struct Reference {
    name: String,
    subject: String,
    version: i64,
}

type Result<T> = std::result::Result<T, String>;

impl Client {
    pub(super) fn new(
        url: &str,
        settings: ApiSettings<'_>,
        sanitize: bool,
        scope: &Scope,
    ) -> std::result::Result<Self, BuildError> {
        let url = url.trim_end_matches('/').to_owned();
        let has_scheme = ["http://", "https://"].iter().any(|scheme| url.starts_with(scheme));
        if !has_scheme {
            return Err(BuildError::new(format!(
                "failed to parse url: {url} does not begin with http:// or https://"
            )));
        }
        Ok(Self { api: ApiClient::new(settings, scope)?, url, sanitize })
    }

    pub(super) async fn by_id(&self, id: u32) -> Result<Registered> {
        self.schema(&format!("/schemas/ids/{id}"), &format!("schema '{id}'")).await
    }

    /// The schema of a subject: a version, or the latest.
    pub(super) async fn by_subject(
        &self,
        subject: &str,
        version: Option<i64>,
    ) -> Result<Registered> {
        let version = version.map_or("latest".to_owned(), |version| version.to_string());
        let path = format!("/subjects/{}/versions/{version}", escaped(subject));
        self.schema(&path, &format!("schema subject '{subject}'")).await
    }

    /// The schemas that one refers to, by the names it has for them, each behind those that it
    /// refers to itself.
    pub(super) async fn references(&self, schema: &Registered) -> Result<Vec<(String, String)>> {
        let mut found: Vec<(String, String)> = Vec::new();
        let mut seen: Vec<(String, i64)> = Vec::new();
        // What is to be done next is on top: fetch a schema, or note one whose own are noted.
        let mut stack: Vec<Step> = Vec::new();
        stack.extend(schema.references.iter().rev().cloned().map(Step::Fetch));
        while let Some(step) = stack.pop() {
            let reference = match step {
                Step::Note(name, text) => {
                    found.push((name, text));
                    continue;
                }
                Step::Fetch(reference) => reference,
            };
            let Reference { name, subject, version } = reference;
            if let Some((_, known)) = seen.iter().find(|(known, _)| *known == name) {
                if *known == version {
                    continue;
                }
                return Err(format!(
                    "duplicate reference '{name}' version mismatch of {known} and {version}, \
                     aborting in order to avoid invalid state"
                ));
            }
            if seen.len() == MAX_REFERENCES {
                return Err(format!("schema refers to more than {MAX_REFERENCES} others"));
            }
            let fetched = self.by_subject(&subject, Some(version)).await?;
            seen.push((name.clone(), version));
            stack.push(Step::Note(name, fetched.text));
            stack.extend(fetched.references.into_iter().rev().map(Step::Fetch));
        }
        Ok(found)
    }

    async fn schema(&self, path: &str, what: &str) -> Result<Registered> {
        let (status, body) = self.get(path).await.map_err(|problem| {
            let problem = format!("request failed for {what}: {problem}");
            error!("{problem}");
            problem
        })?;
        match status {
            404 => return Err(format!("{what} not found by registry")),
            200 => {}
            _ => {
                let text = String::from_utf8_lossy(&body);
                let text: String = text.trim().chars().take(1000).collect();
                let colon = if text.is_empty() { "" } else { ": " };
                let problem =
                    format!("request failed for {what}: status code {status}{colon}{text}");
                error!("{problem}");
                return Err(problem);
            }
        }
        if body.is_empty() {
            return Err("schema request returned an empty body".into());
        }
        let parsed = json::parse(&body)
            .map_err(|error| format!("failed to parse response for {what}: {error}"))?;
        Registered::read(&parsed, self.sanitize)
            .map_err(|error| format!("failed to parse response for {what}: {error}"))
    }

    async fn get(&self, path: &str) -> Result<(u16, Bytes)> {
        let url = format!("{}{path}", self.url);
        let mut attempt = 1;
        loop {
            match self.api.get(&url, ACCEPT).await {
                Err(problem) if attempt < ATTEMPTS => {
                    error!("request failed: {problem}");
                    attempt += 1;
                }
                answer => return answer,
            }
        }
    }
}

enum Step {
    Fetch(Reference),
    Note(String, String),
}

impl Registered {
    fn read(answer: &Value, sanitize: bool) -> Result<Self> {
        let text =
            |value: &Value, key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
        let kind = match text(answer, "schemaType").as_deref() {
            None | Some("" | "AVRO") => Kind::Avro,
            Some("JSON") => Kind::Json,
            Some("PROTOBUF") => Kind::Protobuf,
            Some(other) => return Err(format!("schema type {other} not supported")),
        };
        let mut schema = text(answer, "schema").ok_or("it has no schema")?;
        if sanitize && kind == Kind::Avro {
            schema = sanitized(&schema)?;
        }
        let id = answer.get("id").and_then(Value::as_i64).unwrap_or_default();
        let references = answer.get("references").and_then(Value::as_array);
        let references = references.into_iter().flatten().map(|reference| {
            let name = text(reference, "name")?;
            let subject = text(reference, "subject")?;
            let version = reference.get("version").and_then(Value::as_i64)?;
            Some(Reference { name, subject, version })
        });
        let references = references.collect::<Option<Vec<_>>>();
        Ok(Self {
            id: u32::try_from(id).map_err(|_| format!("id {id} is out of range"))?,
            kind,
            text: schema,
            references: references.ok_or("a reference lacks its name, subject or version")?,
        })
    }
}

/// A schema whose namespaces have only characters that they may have.
fn sanitized(schema: &str) -> Result<String> {
    let mut schema = json::parse(schema.as_bytes()).map_err(|error| error.to_string())?;
    sanitize(&mut schema);
    Ok(schema.to_string())
}

fn sanitize(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            let keys: Vec<EcoString> = fields.keys().cloned().collect();
            for key in keys {
                let Some(field) = fields.get_mut(&key) else { continue };
                match (key.as_str(), &*field) {
                    ("namespace", Value::String(name)) => *field = Value::from(clean(name)),
                    ("name", Value::String(name)) => {
                        // The last part is the name itself.
                        if let Some((namespace, name)) = name.rsplit_once('.') {
                            *field = Value::from(format!("{}.{name}", clean(namespace)));
                        }
                    }
                    _ => sanitize(field),
                }
            }
        }
        Value::Array(items) => items.make_mut().iter_mut().for_each(sanitize),
        _ => {}
    }
}

fn clean(namespace: &str) -> String {
    namespace.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.')).collect()
}

/// A part of a path.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => out.push(char::from(byte)),
            b'-' | b'_' | b'.' | b'~' | b'$' | b'&' | b'+' | b'=' | b':' | b'@' => {
                out.push(char::from(byte));
            }
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod unit {
    use super::*;

    #[test]
    fn namespaces_lose_what_they_must_not_have() {
        let schema = r#"{"type":"record","namespace":"a-b.c!","name":"x-y.N","fields":[{"name":"f-g","type":"int"}]}"#;
        let clean = r#"{"fields":[{"name":"f-g","type":"int"}],"name":"xy.N","namespace":"ab.c","type":"record"}"#;
        assert_eq!(sanitized(schema).unwrap(), clean);
    }

    #[test]
    fn subjects_are_parts_of_a_path() {
        assert_eq!(escaped("a/b c?d"), "a%2Fb%20c%3Fd");
    }
}
