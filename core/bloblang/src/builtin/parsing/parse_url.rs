//! `parse_url`: addresses taken apart.

use sluice_value::{Object, Value};

use crate::{
    Error,
    builtin::{Category, Example, Method, MethodCode},
    formats::url::Url,
};

pub(super) const METHOD: Method = Method::new(
    "parse_url",
    &[Category::Parsing],
    "Takes an address apart into `scheme`, `user`, `host` (with the port), `path`, `raw_query`, \
     `fragment` and `opaque`. Path and fragment are decoded; `raw_path` and `raw_fragment` hold \
     their text where it was encoded in an unusual way.",
    MethodCode::Value(parse_url),
)
.examples(&[
    Example::new(
        "root = this.page.parse_url()",
        &[(
            r#"{"page":"https://shop.example:8443/a%20b?q=1#top"}"#,
            r#"{"fragment":"top","host":"shop.example:8443","opaque":"","path":"/a b","raw_fragment":"","raw_path":"","raw_query":"q=1","scheme":"https"}"#,
        )],
    ),
    Example::new(
        "root.user = this.page.parse_url().user",
        &[(
            r#"{"page":"ftp://ann:secret@files.example/"}"#,
            r#"{"user":{"name":"ann","password":"secret"}}"#,
        )],
    ),
    Example::new(
        "root.params = this.page.parse_url().raw_query.parse_form_url_encoded()",
        &[(
            r#"{"page":"/search?q=bolts+%26+nuts&page=2"}"#,
            r#"{"params":{"page":"2","q":"bolts & nuts"}}"#,
        )],
    ),
]);

fn parse_url(target: &Value) -> Result<Value, Error> {
    let text = String::from_utf8_lossy(super::content_of(target)?);
    let url = Url::parse(&text).map_err(Error::new)?;
    let mut fields: Object = [
        ("fragment", Value::text(url.fragment)),
        ("host", Value::text(url.host)),
        ("opaque", Value::string(url.opaque)),
        ("path", Value::text(url.path)),
        ("raw_fragment", Value::string(url.raw_fragment)),
        ("raw_path", Value::string(url.raw_path)),
        ("raw_query", Value::string(url.raw_query)),
        ("scheme", Value::string(url.scheme)),
    ]
    .map(|(key, value)| (key.into(), value))
    .into_iter()
    .collect();
    if let Some(user) = url.user {
        let mut parts = Object::new();
        parts.insert("name", Value::text(user.name));
        if let Some(password) = user.password {
            parts.insert("password", Value::text(password));
        }
        fields.insert("user", Value::Object(parts));
    }
    Ok(Value::Object(fields))
}
