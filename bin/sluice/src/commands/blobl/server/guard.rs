//! Who may talk to the playground: its own page, and programs on this machine.
//!
//! A page from elsewhere can make a browser send requests here. It cannot choose their `Origin`,
//! and with a name of its own that leads here (DNS rebinding) it cannot choose their `Host`.

use std::net::{IpAddr, SocketAddr};

use http::header::{HOST, HeaderMap, ORIGIN};

pub(super) struct Guard {
    /// The host as it was asked for.
    host: String,
    address: SocketAddr,
}

impl Guard {
    pub(super) fn new(host: &str, address: SocketAddr) -> Self {
        let host = host.trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
        Self { host, address }
    }

    /// Why a request is refused, if it is.
    pub(super) fn refuses(&self, headers: &HeaderMap) -> Option<&'static str> {
        let text = |name| headers.get(name).map(|value: &http::HeaderValue| value.to_str());
        let Some(Ok(host)) = text(HOST) else { return Some("the request names no host") };
        if !self.is_ours(host) {
            return Some("this is not the host of the playground");
        }
        match text(ORIGIN) {
            None => {}
            Some(Ok(origin)) if origin.strip_prefix("http://") == Some(host) => {}
            Some(_) => return Some("requests are taken from the playground's own page only"),
        }
        let site = headers.get("sec-fetch-site").map(http::HeaderValue::as_bytes);
        match site {
            None | Some(b"same-origin" | b"none") => None,
            Some(_) => Some("requests are taken from the playground's own page only"),
        }
    }

    /// Whether a `Host` header means this server. Addresses always do: only names can be made to
    /// lead here by others.
    fn is_ours(&self, host: &str) -> bool {
        let (name, port) = split(host);
        if port.unwrap_or(80) != self.address.port() {
            return false;
        }
        let name = name.to_ascii_lowercase();
        name == "localhost" || name == self.host || name.parse::<IpAddr>().is_ok()
    }
}

/// Name and port of `name:port`, `[v6]:port` or either without the port.
fn split(host: &str) -> (&str, Option<u16>) {
    if let Some((name, rest)) = host.strip_prefix('[').and_then(|host| host.split_once(']')) {
        return (name, rest.strip_prefix(':').map(|port| port.parse().unwrap_or(0)));
    }
    match host.split_once(':') {
        Some((name, port)) => (name, Some(port.parse().unwrap_or(0))),
        None => (host, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(headers: &[(&'static str, &str)], expected: bool) {
        let guard = Guard::new("localhost", "127.0.0.1:4195".parse().unwrap());
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, value.parse().unwrap());
        }
        assert_eq!(guard.refuses(&map).is_none(), expected, "{headers:?}");
    }

    #[test]
    fn only_the_own_page_and_programs_are_taken() {
        check(&[("host", "localhost:4195")], true);
        check(&[("host", "127.0.0.1:4195")], true);
        check(&[("host", "[::1]:4195")], true);
        check(&[("host", "localhost:4195"), ("origin", "http://localhost:4195")], true);
        check(&[("host", "localhost:4195"), ("sec-fetch-site", "same-origin")], true);
        check(&[], false);
        check(&[("host", "evil.example:4195")], false);
        check(&[("host", "localhost:80")], false);
        check(&[("host", "localhost")], false);
        check(&[("host", "localhost:4195"), ("origin", "http://evil.example")], false);
        check(&[("host", "localhost:4195"), ("origin", "null")], false);
        check(&[("host", "localhost:4195"), ("sec-fetch-site", "cross-site")], false);
    }
}
