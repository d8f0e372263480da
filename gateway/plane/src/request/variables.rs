//! Context variables: the values behind `$tyk_context.NAME`.
//!
//! Names are resolved against what the request says, on demand. A name without a value is the empty
//! text, never an error. Values are data: whoever puts them into documents must keep them
//! from being read as anything else.

use std::sync::OnceLock;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, Request, Uri, header::COOKIE, request::Parts};
use serde_json::{Map, Value};

use super::{
    escape::{query_escape, query_pairs},
    host,
};

/// The head of a request, whose variables are asked for.
#[derive(Clone, Copy, Debug)]
pub struct RequestHead<'a> {
    pub headers: &'a HeaderMap,
    pub uri: &'a Uri,
}

impl<'a, B> From<&'a Request<B>> for RequestHead<'a> {
    fn from(request: &'a Request<B>) -> Self {
        Self { headers: request.headers(), uri: request.uri() }
    }
}

impl<'a> From<&'a Parts> for RequestHead<'a> {
    fn from(parts: &'a Parts) -> Self {
        Self { headers: &parts.headers, uri: &parts.uri }
    }
}

/// What is kept of a request for as long as its variables may be asked for.
#[derive(Debug, Default)]
pub(crate) struct VariableSource {
    /// The body, if it was a form.
    pub form: Option<Bytes>,
    parameters: OnceLock<Vec<(String, String)>>,
}

impl VariableSource {
    /// The value of a variable that comes from the request itself, unescaped.
    pub(crate) fn lookup(&self, name: &str, head: RequestHead<'_>) -> Option<String> {
        if name == "request_data" {
            return Some(self.request_data(head));
        }
        if let Some(parameter) = name.strip_prefix("request_data_") {
            return self.parameter(parameter, head);
        }
        if let Some(header) = name.strip_prefix("headers_") {
            return head.header(header);
        }
        name.strip_prefix("cookies_").and_then(|cookie| head.cookie(cookie))
    }

    /// Form fields first, then the query, each in the order sent.
    fn parameters(&self, head: RequestHead<'_>) -> &[(String, String)] {
        self.parameters.get_or_init(|| {
            let form = self.form.as_deref().and_then(|form| std::str::from_utf8(form).ok());
            let query = head.uri.query().unwrap_or_default();
            query_pairs(form.unwrap_or_default()).chain(query_pairs(query)).collect()
        })
    }

    fn parameter(&self, wanted: &str, head: RequestHead<'_>) -> Option<String> {
        let found = self.parameters(head).iter().find(|(name, _)| same_name(name, wanted));
        found.map(|(_, value)| value.clone())
    }

    /// `k:v1,v2;k2:v`, names in order of their first appearance.
    fn request_data(&self, head: RequestHead<'_>) -> String {
        let mut groups: Vec<(&str, String)> = Vec::new();
        for (name, value) in self.parameters(head) {
            match groups.iter_mut().find(|(known, _)| known == name) {
                Some((_, values)) => {
                    values.push(',');
                    values.push_str(value);
                }
                None => groups.push((name, value.clone())),
            }
        }
        let groups: Vec<_> =
            groups.into_iter().map(|(name, values)| format!("{name}:{values}")).collect();
        groups.join(";")
    }
}

impl RequestHead<'_> {
    /// `X_Foo` is the header `X-Foo`; only the canonical spelling counts.
    fn header(self, wanted: &str) -> Option<String> {
        if wanted == "Host" {
            return Some(host(self.uri, self.headers).unwrap_or_default().to_owned());
        }
        let name = self.headers.keys().find(|name| canonical_equals(name, wanted))?;
        Some(String::from_utf8_lossy(self.headers.get(name)?.as_bytes()).into_owned())
    }

    fn cookie(self, wanted: &str) -> Option<String> {
        let lines = self.headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
        let found = lines.flat_map(|line| line.split(';')).find_map(|pair| {
            let (name, value) = pair.trim().split_once('=')?;
            same_name(name, wanted).then_some(value)
        })?;
        let unquoted = found.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
        Some(unquoted.unwrap_or(found).to_owned())
    }
}

/// Whether `name` is what `wanted` means, `-` in the name being spelled `_`.
fn same_name(name: &str, wanted: &str) -> bool {
    name.len() == wanted.len()
        && name.bytes().zip(wanted.bytes()).all(|(a, b)| a == b || (a == b'-' && b == b'_'))
}

/// Like [`same_name`] for the canonical spelling of a header: `x-foo` is `X-Foo`.
fn canonical_equals(name: &HeaderName, wanted: &str) -> bool {
    let mut upper = true;
    let canonical = name.as_str().bytes().map(move |byte| {
        let canonical = if upper { byte.to_ascii_uppercase() } else { byte };
        upper = byte == b'-';
        canonical
    });
    name.as_str().len() == wanted.len()
        && canonical.zip(wanted.bytes()).all(|(a, b)| a == b || (a == b'-' && b == b'_'))
}

/// `/a/b` as `a,b`.
pub(crate) fn path_parts(path: &str) -> String {
    let joined = path.replace('/', ",");
    joined.strip_prefix(',').map(str::to_owned).unwrap_or(joined)
}

/// The claim `name`, which may be one member or a dotted path into objects; unescaped.
pub(crate) fn claim(claims: &Map<String, Value>, name: &str) -> Option<String> {
    if let Some(value) = claims.get(name) {
        return claim_text(value);
    }
    let (first, rest) = name.split_once('.')?;
    claim(claims.get(first)?.as_object()?, rest)
}

/// Texts and numbers as they are, lists joined with each element escaped; nothing for the rest.
pub(crate) fn claim_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Array(values) => {
            let texts = values.iter().filter_map(claim_text).filter(|text| !text.is_empty());
            Some(texts.map(|text| query_escape(&text)).collect::<Vec<_>>().join(","))
        }
        Value::Null | Value::Bool(_) | Value::Object(_) => None,
    }
}

/// How a value stands in place of its variable: URL-escaped, unless it looks like a URL itself.
pub(crate) fn substituted(value: String) -> String {
    if value.starts_with("http") { value } else { query_escape(&value) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn request() -> Request<()> {
        let mut headers = HeaderMap::new();
        headers.insert("host", "h:1".parse().unwrap());
        headers.insert("x-foo", "a b/c".parse().unwrap());
        headers.append(COOKIE, "a-b=1; q=\"two\"".parse().unwrap());
        headers.append(COOKIE, "c=3".parse().unwrap());
        let uri = "/?user=al%20ice&user=bob&x-y=1";
        let mut request = Request::builder().uri(uri).body(()).unwrap();
        *request.headers_mut() = headers;
        request
    }

    #[track_caller]
    fn check(name: &str, expected: Option<&str>) {
        let source =
            VariableSource { form: Some("user=form&z=2".into()), ..VariableSource::default() };
        let value = source.lookup(name, RequestHead::from(&request()));
        assert_eq!(value.as_deref(), expected, "{name}");
    }

    #[test]
    fn parameters_come_from_form_and_query() {
        check("request_data_user", Some("form"));
        check("request_data_x_y", Some("1"));
        check("request_data_User", None);
        check("request_data", Some("user:form,al ice,bob;z:2;x-y:1"));
    }

    #[test]
    fn headers_want_their_canonical_name() {
        check("headers_X_Foo", Some("a b/c"));
        check("headers_x_foo", None);
        check("headers_Host", Some("h:1"));
        check("headers", None);
    }

    #[test]
    fn cookies_are_found_in_every_line() {
        check("cookies_a_b", Some("1"));
        check("cookies_q", Some("two"));
        check("cookies_c", Some("3"));
        check("cookies_d", None);
    }

    #[test]
    fn claims_are_texts_numbers_lists_or_reached_by_path() {
        let claims = json!({
            "sub": "al", "n": 1_700_000_001, "l": ["a", "b c"], "b": true, "r": {"x": {"y": "z"}},
            "dotted.name": "d"
        });
        let claims = claims.as_object().unwrap();
        for (name, expected) in [
            ("sub", Some("al")),
            ("n", Some("1700000001")),
            ("l", Some("a,b+c")),
            ("b", None),
            ("r", None),
            ("r.x.y", Some("z")),
            ("dotted.name", Some("d")),
            ("r.x", None),
            ("sub.x", None),
        ] {
            assert_eq!(claim(claims, name).as_deref(), expected, "{name}");
        }
        assert_eq!(substituted("a,b+c".into()), "a%2Cb%2Bc");
    }
}
