//! Where requests go that nothing in the gateway answers.

use std::time::Duration;

use http::uri::{Authority, PathAndQuery, Uri};

/// How to talk to an upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    Http,
    Https,
    /// HTTP/2 without TLS, known in advance.
    H2c,
}

/// The address requests are forwarded to; its path is put before theirs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    pub scheme: Scheme,
    pub authority: Authority,
    path: String,
    query: Option<String>,
}

/// Why a text can't be an upstream address.
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    #[error("is not a URL: `{0}`")]
    Malformed(String),
    #[error("needs a scheme and a host, like `http://host:port/path`; found `{0}`")]
    Incomplete(String),
    #[error("has a scheme that can't be proxied: `{0}`")]
    Scheme(String),
}

/// Versions of TLS that the gateway speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TlsVersion {
    V1_2,
    V1_3,
}

/// What a connection to an upstream demands of TLS. Connections are shared per profile.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct TlsProfile {
    /// Accept any certificate. For test systems only.
    pub insecure_skip_verify: bool,
    pub min_version: Option<TlsVersion>,
    pub max_version: Option<TlsVersion>,
}

/// An API's way out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Upstream {
    /// `None` for APIs that answer everything themselves.
    pub target: Option<Target>,
    /// Forward the client's `Host` instead of the target's.
    pub preserve_host: bool,
    /// Keep the target's trailing slash for requests to the API's root.
    pub preserve_trailing_slash: bool,
    /// Time until response headers must arrive; the gateway's default if `None`.
    pub timeout: Option<Duration>,
    pub tls: TlsProfile,
}

impl Target {
    /// Reads `http://`, `https://`, `h2c://`, `ws://` or `wss://` URLs.
    pub fn parse(url: &str) -> Result<Self, TargetError> {
        let uri: Uri = url.parse().map_err(|_| TargetError::Malformed(url.to_owned()))?;
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err(TargetError::Incomplete(url.to_owned()));
        };
        let scheme = match scheme {
            "http" | "ws" => Scheme::Http,
            "https" | "wss" => Scheme::Https,
            "h2c" => Scheme::H2c,
            other => return Err(TargetError::Scheme(other.to_owned())),
        };
        Ok(Self {
            scheme,
            authority: authority.clone(),
            path: uri.path().to_owned(),
            query: uri.query().map(str::to_owned),
        })
    }

    /// The address of `path` and `query` below this target; both as they came over the wire.
    ///
    /// Exactly one slash joins the two paths. For the root of the API the target's trailing slash is
    /// dropped, unless `keep_slash`.
    pub fn join(&self, path: &str, query: Option<&str>, keep_slash: bool) -> Option<Uri> {
        let path = join_paths(&self.path, path, keep_slash);
        let full = match (self.query.as_deref(), query.filter(|query| !query.is_empty())) {
            (None, None) => path,
            (Some(query), None) | (None, Some(query)) => format!("{path}?{query}"),
            (Some(own), Some(theirs)) => format!("{path}?{own}&{theirs}"),
        };
        let scheme = if self.scheme == Scheme::Https { "https" } else { "http" };
        Uri::builder()
            .scheme(scheme)
            .authority(self.authority.clone())
            .path_and_query(PathAndQuery::try_from(full).ok()?)
            .build()
            .ok()
    }
}

fn join_paths(base: &str, path: &str, keep_slash: bool) -> String {
    let rest = path.trim_start_matches('/');
    if rest.is_empty() && keep_slash {
        return base.to_owned();
    }
    let base = base.trim_end_matches('/');
    if rest.is_empty() && !base.is_empty() { base.to_owned() } else { format!("{base}/{rest}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(target: &str, path: &str, query: Option<&str>, expected: &str) {
        let uri = Target::parse(target).unwrap().join(path, query, false).unwrap();
        assert_eq!(uri.to_string(), expected);
    }

    #[test]
    fn one_slash_joins_target_and_path() {
        check("http://h:1/base/", "/x/", None, "http://h:1/base/x/");
        check("http://h:1/base", "/x", Some("a=1"), "http://h:1/base/x?a=1");
        check("http://h:1/base/?k=v", "/", Some("a=1"), "http://h:1/base?k=v&a=1");
        check("https://h", "/", None, "https://h/");
        check("h2c://h", "/a%2Fb", None, "http://h/a%2Fb");
    }

    #[test]
    fn the_targets_slash_stays_on_request() {
        let target = Target::parse("http://h/base/").unwrap();
        assert_eq!(target.join("/", None, true).unwrap().path(), "/base/");
    }

    #[test]
    fn unusable_addresses_say_why() {
        for (url, reason) in [
            ("localhost:80/x", "URL"),
            ("localhost:8080", "scheme and a host"),
            ("/x", "scheme and a host"),
            ("ftp://h/", "ftp"),
        ] {
            let error = Target::parse(url).unwrap_err().to_string();
            assert!(error.contains(reason), "{url}: {error}");
        }
    }
}
