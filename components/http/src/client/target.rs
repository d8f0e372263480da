//! URLs of requests: from text, and from one to the next by redirects.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::uri::{Authority, Parts, PathAndQuery};
use http::{HeaderValue, Uri};
use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};

/// What may not stand in a URL as it is. Escapes that are there already stay.
const FORBIDDEN: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'<')
    .add(b'>')
    .add(b'\\')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// Where a request goes.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) uri: Uri,
    /// From a user name and password in the URL.
    pub(crate) authorization: Option<HeaderValue>,
}

impl Target {
    /// Reads a URL with one of these schemes.
    ///
    /// # Errors
    /// What is wrong with the text, without a password that may be in it.
    pub(crate) fn parse(text: &str, schemes: &[&str]) -> Result<Self, String> {
        let text = text.trim().split('#').next().unwrap_or("");
        let escaped = utf8_percent_encode(text, FORBIDDEN).to_string();
        let uri: Uri = escaped.parse().map_err(|error| format!("invalid URL: {error}"))?;
        let mut parts = uri.into_parts();
        match &parts.scheme {
            Some(scheme) if schemes.contains(&scheme.as_str()) => {}
            Some(scheme) => return Err(format!("unsupported protocol scheme \"{scheme}\"")),
            None => return Err("unsupported protocol scheme \"\"".into()),
        }
        let authorization = take_credentials(&mut parts)?;
        let authority = parts.authority.as_ref().ok_or("no Host in request URL")?;
        let port = authority.as_str().strip_prefix(authority.host()).unwrap_or("");
        if authority.host().is_empty() {
            return Err("no Host in request URL".into());
        }
        if !matches!(port, "" | ":") && authority.port_u16().is_none() {
            return Err(format!("invalid port {port:?} after host"));
        }
        parts.path_and_query.get_or_insert_with(|| PathAndQuery::from_static("/"));
        let uri = Uri::from_parts(parts).map_err(|error| format!("invalid URL: {error}"))?;
        Ok(Self { uri, authorization })
    }

    pub(crate) fn http(text: &str) -> Result<Self, String> {
        Self::parse(text, &["http", "https"])
    }

    /// Where `location` leads from here.
    pub(crate) fn resolve(&self, location: &str) -> Result<Self, String> {
        let scheme = self.uri.scheme_str().unwrap_or("http");
        let authority = self.uri.authority().map_or("", Authority::as_str);
        let path = self.uri.path();
        let location = location.trim();
        let is_absolute = location.find([':', '/', '?', '#']).is_some_and(|at| {
            location[at..].starts_with(':')
                && location.starts_with(|c: char| c.is_ascii_alphabetic())
        });
        let resolved = if is_absolute {
            location.to_owned()
        } else if location.starts_with("//") {
            format!("{scheme}:{location}")
        } else if location.starts_with(['?', '#']) || location.is_empty() {
            format!("{scheme}://{authority}{path}{location}")
        } else {
            let (to, query) = match location.find(['?', '#']) {
                Some(at) => location.split_at(at),
                None => (location, ""),
            };
            let joined = if to.starts_with('/') {
                to.to_owned()
            } else {
                let folder = &path[..=path.rfind('/').unwrap_or(0)];
                format!("{folder}{to}")
            };
            format!("{scheme}://{authority}{}{query}", without_dots(&joined))
        };
        Self::http(&resolved)
    }

    /// Whether a redirect from here to `other` may carry credentials.
    pub(crate) fn shares_credentials_with(&self, other: &Self) -> bool {
        let host = |target: &Self| target.uri.host().unwrap_or("").to_ascii_lowercase();
        let (from, to) = (host(self), host(other));
        to == from || to.ends_with(&format!(".{from}"))
    }
}

fn take_credentials(parts: &mut Parts) -> Result<Option<HeaderValue>, String> {
    let Some(authority) = &parts.authority else { return Ok(None) };
    let Some((credentials, host)) = authority.as_str().rsplit_once('@') else { return Ok(None) };
    let (username, password) = credentials.split_once(':').unwrap_or((credentials, ""));
    let plain = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    let value = basic(&plain(username), &plain(password))?;
    let host = host.parse().map_err(|error| format!("invalid URL: {error}"))?;
    parts.authority = Some(host);
    Ok(Some(value))
}

/// A user name and password as a header.
pub(crate) fn basic(username: &str, password: &str) -> Result<HeaderValue, String> {
    let encoded = STANDARD.encode(format!("{username}:{password}"));
    let mut value = HeaderValue::try_from(format!("Basic {encoded}")).map_err(|e| e.to_string())?;
    value.set_sensitive(true);
    Ok(value)
}

/// A path with `.` and `..` resolved.
fn without_dots(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let mut segments = path.split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        let is_last = segments.peek().is_none();
        match segment {
            "." => {}
            ".." => {
                kept.pop();
            }
            segment => {
                kept.push(segment);
                continue;
            }
        }
        if is_last {
            kept.push("");
        }
    }
    format!("/{}", kept.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let target = Target::http(text).map(|target| target.uri.to_string());
        assert_eq!(target.unwrap_or_else(|error| error), expected);
    }

    #[test]
    fn urls_are_escaped_where_they_must_be() {
        check("http://h/a b?q=ü&r=%20", "http://h/a%20b?q=%C3%BC&r=%20");
        check("https://h:8443", "https://h:8443/");
        check("http://h/p#fragment", "http://h/p");
        check("ftp://h/", "unsupported protocol scheme \"ftp\"");
        check("/p", "unsupported protocol scheme \"\"");
        for broken in ["h/p", "http://", "http://h:port/", "http://[::1/"] {
            assert!(Target::http(broken).is_err(), "{broken}");
        }
    }

    #[test]
    fn credentials_leave_the_url() {
        let target = Target::http("http://us%40er:pa:ss@h:1/p").unwrap();
        assert_eq!(target.uri, "http://h:1/p");
        assert_eq!(target.authorization.unwrap(), "Basic dXNAZXI6cGE6c3M=");
    }

    #[test]
    fn redirects_lead_on() {
        let from = Target::http("http://h:1/a/b/c?q=1").unwrap();
        for (location, expected) in [
            ("https://other/x", "https://other/x"),
            ("//other/x", "http://other/x"),
            ("/x?y=/z", "http://h:1/x?y=/z"),
            ("x", "http://h:1/a/b/x"),
            ("../x/./y/..", "http://h:1/a/x/"),
            ("?r=2", "http://h:1/a/b/c?r=2"),
            ("../../../../x", "http://h:1/x"),
        ] {
            assert_eq!(from.resolve(location).unwrap().uri, expected, "{location}");
        }
    }
}
