//! Headers that belong to one hop, and those a proxy adds.

use std::net::IpAddr;

use http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{
        CONNECTION, EXPECT, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE, TRAILER,
        TRANSFER_ENCODING, UPGRADE,
    },
};

const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");
const HTTP2_SETTINGS: HeaderName = HeaderName::from_static("http2-settings");
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The protocol a message switches to, if it does.
///
/// HTTP/2 by upgrade is not passed on: inside it a client would speak to the upstream past every
/// check of the gateway.
pub(crate) fn upgrade_of(headers: &HeaderMap) -> Option<HeaderValue> {
    let asks = tokens(headers, &CONNECTION).any(|token| token.eq_ignore_ascii_case("upgrade"));
    let to_http2 = tokens(headers, &UPGRADE).any(|token| token.eq_ignore_ascii_case("h2c"));
    if asks && !to_http2 { headers.get(UPGRADE).cloned() } else { None }
}

/// Removes what concerns only the connection a message came on.
pub(crate) fn remove_hop_by_hop(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> =
        tokens(headers, &CONNECTION).filter_map(|token| token.parse().ok()).collect();
    let trailers = tokens(headers, &TE).any(|token| token.eq_ignore_ascii_case("trailers"));
    let fixed = [
        CONNECTION,
        KEEP_ALIVE,
        PROXY_CONNECTION,
        PROXY_AUTHENTICATE,
        PROXY_AUTHORIZATION,
        TE,
        TRAILER,
        TRANSFER_ENCODING,
        UPGRADE,
    ];
    for name in named.into_iter().chain(fixed) {
        headers.remove(name);
    }
    if trailers {
        // gRPC servers insist on it.
        headers.insert(TE, HeaderValue::from_static("trailers"));
    }
}

/// Prepares a request's headers for the next hop.
pub(crate) fn prepare_request(headers: &mut HeaderMap, peer: IpAddr, upgrade: Option<HeaderValue>) {
    remove_hop_by_hop(headers);
    headers.remove(HTTP2_SETTINGS);
    // The gateway has answered it itself by reading the body.
    headers.remove(EXPECT);
    if let Some(protocol) = upgrade {
        headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(UPGRADE, protocol);
    }
    let mut hops: Vec<u8> = Vec::new();
    for earlier in headers.get_all(FORWARDED_FOR) {
        hops.extend_from_slice(earlier.as_bytes());
        hops.extend_from_slice(b", ");
    }
    hops.extend_from_slice(peer.to_canonical().to_string().as_bytes());
    if let Ok(hops) = HeaderValue::from_bytes(&hops) {
        headers.insert(FORWARDED_FOR, hops);
    }
}

fn tokens<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    let lines = headers.get_all(name).into_iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).map(str::trim).filter(|token| !token.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in pairs {
            map.append(name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
        }
        map
    }

    #[test]
    fn headers_of_one_hop_stay_behind() {
        let mut map = headers(&[
            ("connection", "close, X-Secret"),
            ("connection", "keep-alive"),
            ("x-secret", "1"),
            ("keep-alive", "timeout=5"),
            ("te", "gzip, trailers"),
            ("transfer-encoding", "chunked"),
            ("proxy-authorization", "x"),
            ("x-kept", "1"),
        ]);
        remove_hop_by_hop(&mut map);
        assert_eq!(map, headers(&[("x-kept", "1"), ("te", "trailers")]));
    }

    #[test]
    fn the_peer_is_appended_to_all_earlier_hops() {
        let mut map = headers(&[("x-forwarded-for", "1.1.1.1"), ("x-forwarded-for", "2.2.2.2")]);
        prepare_request(&mut map, "::ffff:9.9.9.9".parse().unwrap(), None);
        assert_eq!(map, headers(&[("x-forwarded-for", "1.1.1.1, 2.2.2.2, 9.9.9.9")]));
    }

    #[test]
    fn only_a_connection_header_makes_an_upgrade() {
        assert!(upgrade_of(&headers(&[("upgrade", "websocket")])).is_none());
        let asked = headers(&[("upgrade", "websocket"), ("connection", "keep-alive, Upgrade")]);
        assert_eq!(upgrade_of(&asked).unwrap(), "websocket");
        let http2 = headers(&[("upgrade", "websocket, H2C"), ("connection", "Upgrade")]);
        assert!(upgrade_of(&http2).is_none());
    }
}
