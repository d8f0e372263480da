//! The client's address as the gateway believes it.

use http::{HeaderMap, HeaderName};

const REAL_IP: HeaderName = HeaderName::from_static("x-real-ip");
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// `X-Real-IP` if sent, else the `X-Forwarded-For` entry that `depth` picks, else the socket's peer.
///
/// The result is what the client claims, hence a text: it may be anything, and empty when the list of
/// proxies is shorter than `depth`.
pub(crate) fn client_ip(headers: &HeaderMap, peer_ip: &str, depth: usize) -> String {
    let text = |name: &HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(ip) = text(&REAL_IP).filter(|ip| !ip.is_empty()) {
        return ip.to_owned();
    }
    let Some(list) = text(&FORWARDED_FOR).filter(|list| !list.is_empty()) else {
        return peer_ip.to_owned();
    };
    let entry = if depth == 0 { list.split(',').next() } else { list.rsplit(',').nth(depth - 1) };
    entry.unwrap_or_default().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(headers: &[(&'static str, &'static str)], depth: usize, expected: &str) {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().unwrap());
        }
        assert_eq!(client_ip(&map, "10.0.0.9", depth), expected);
    }

    #[test]
    fn headers_win_over_the_socket() {
        check(&[], 0, "10.0.0.9");
        check(&[("x-forwarded-for", "1.1.1.1, 2.2.2.2")], 0, "1.1.1.1");
        check(&[("x-real-ip", "3.3.3.3"), ("x-forwarded-for", "1.1.1.1")], 0, "3.3.3.3");
    }

    #[test]
    fn depth_counts_from_the_right() {
        let list = [("x-forwarded-for", "1.1.1.1, 2.2.2.2,3.3.3.3")];
        check(&list, 1, "3.3.3.3");
        check(&list, 3, "1.1.1.1");
        check(&list, 4, "");
    }
}
