//! Query strings and percent-encoding in paths.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

/// The pairs of a query, decoded, in order. Pairs that are no valid text are left out.
pub(crate) fn pairs(query: &str) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
    query.split('&').filter(|pair| !pair.is_empty() && !pair.contains(';')).filter_map(|pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        Some((component(key)?, component(value)?))
    })
}

/// One key or value: `+` is a space, `%XX` a byte.
fn component(text: &str) -> Option<Cow<'_, str>> {
    if !text.contains(['+', '%']) {
        return Some(text.into());
    }
    if !has_valid_escapes(text) {
        return None;
    }
    let spaced = text.replace('+', " ");
    let decoded = percent_decode_str(&spaced).decode_utf8_lossy().into_owned();
    Some(decoded.into())
}

fn has_valid_escapes(text: &str) -> bool {
    let mut rest = text.as_bytes();
    while let Some(at) = memchr::memchr(b'%', rest) {
        let valid =
            rest.get(at + 1..at + 3).is_some_and(|two| two.iter().all(u8::is_ascii_hexdigit));
        if !valid {
            return false;
        }
        rest = &rest[at + 3..];
    }
    true
}

/// A path with its escapes resolved.
pub(crate) fn decode_path(path: &str) -> Cow<'_, str> {
    if path.contains('%') { percent_decode_str(path).decode_utf8_lossy() } else { path.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_decoded_and_broken_ones_left_out() {
        let found: Vec<_> = pairs("a=1&b=x%20y+z&c&bad=%zz&d=1;2&%41=").collect();
        let expected = [("a", "1"), ("b", "x y z"), ("c", ""), ("A", "")];
        assert_eq!(found, expected.map(|(k, v)| (k.into(), v.into())));
    }
}
