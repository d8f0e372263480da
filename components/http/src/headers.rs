//! Header names as the reference writes them.

use http::{HeaderMap, HeaderName};
use sluice_value::EcoString;
use smallvec::SmallVec;

/// `content-type` as `Content-Type`.
pub(crate) fn canonical(name: &HeaderName) -> EcoString {
    let mut text: SmallVec<[u8; 64]> = SmallVec::from_slice(name.as_str().as_bytes());
    let mut upper = true;
    for byte in &mut text {
        if upper {
            byte.make_ascii_uppercase();
        }
        upper = *byte == b'-';
    }
    std::str::from_utf8(&text).unwrap_or(name.as_str()).into()
}

/// The first value of a header when it is text.
pub(crate) fn text(headers: &HeaderMap, name: impl http::header::AsHeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

/// Whether a comma-separated header holds `token`, letter case aside.
pub(crate) fn has_token(headers: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    let lines = headers.get_all(name).iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).any(|item| item.trim().eq_ignore_ascii_case(token))
}

/// Whether a header with weighted items (`gzip;q=0.5`) accepts `item` by name.
pub(crate) fn accepts(headers: &HeaderMap, name: &HeaderName, item: &str) -> bool {
    let lines = headers.get_all(name).iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).any(|offer| {
        let mut parts = offer.split(';');
        let named = parts.next().is_some_and(|name| name.trim().eq_ignore_ascii_case(item));
        let refused = parts.any(|part| {
            let weight = part.trim().strip_prefix("q=").and_then(|q| q.trim().parse::<f32>().ok());
            weight.is_some_and(|weight| weight <= 0.0)
        });
        named && !refused
    })
}

#[cfg(test)]
mod tests {
    use http::header::{ACCEPT_ENCODING, CONNECTION};

    use super::*;

    #[test]
    fn names_are_written_as_the_reference_writes_them() {
        for (name, expected) in
            [("content-type", "Content-Type"), ("foo_a", "Foo_a"), ("x-1-b", "X-1-B")]
        {
            assert_eq!(canonical(&HeaderName::from_static(name)), expected);
        }
    }

    #[test]
    fn weights_of_zero_refuse() {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT_ENCODING, "br, GZIP;q=0.1".parse().unwrap());
        assert!(accepts(&headers, &ACCEPT_ENCODING, "gzip"));
        headers.insert(ACCEPT_ENCODING, "gzip;q=0, br".parse().unwrap());
        assert!(!accepts(&headers, &ACCEPT_ENCODING, "gzip"));
        headers.insert(CONNECTION, "keep-alive, Upgrade".parse().unwrap());
        assert!(has_token(&headers, &CONNECTION, "upgrade"));
    }
}
