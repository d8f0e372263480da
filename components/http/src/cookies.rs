//! Cookies that a client sends.

use http::HeaderMap;
use http::header::COOKIE;

/// Names and values of all cookies, quotes around values taken off.
pub(crate) fn of(headers: &HeaderMap) -> impl Iterator<Item = (&str, &str)> {
    let lines = headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(';')).filter_map(|pair| {
        let (name, value) = pair.trim().split_once('=')?;
        let unquoted = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
        (!name.is_empty()).then_some((name, unquoted.unwrap_or(value)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_cookies_share_a_line() {
        let mut headers = HeaderMap::new();
        headers.insert(COOKIE, "a=1; b=\"two\"; broken; c=x=y".parse().unwrap());
        assert_eq!(of(&headers).collect::<Vec<_>>(), [("a", "1"), ("b", "two"), ("c", "x=y")]);
    }
}
