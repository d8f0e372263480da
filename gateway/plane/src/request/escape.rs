//! URL escaping with the rules of the reference's standard library.

use std::borrow::Cow;

const HEX: &[u8; 16] = b"0123456789ABCDEF";

fn unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~')
}

fn escape(text: &str, keep: impl Fn(u8) -> bool, space_is_plus: bool) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if keep(byte) {
            escaped.push(char::from(byte));
        } else if byte == b' ' && space_is_plus {
            escaped.push('+');
        } else {
            escaped.push('%');
            escaped.push(char::from(HEX[usize::from(byte >> 4)]));
            escaped.push(char::from(HEX[usize::from(byte & 15)]));
        }
    }
    escaped
}

/// Escapes a value for a query string: `al ice/x` becomes `al+ice%2Fx`.
pub fn query_escape(text: &str) -> String {
    escape(text, unreserved, true)
}

/// Escapes a decoded path for a request line or a `Location`.
pub fn path_escape(path: &str) -> String {
    escape(path, |byte| unreserved(byte) || b"$&+,/:;=@".contains(&byte), false)
}

/// Undoes percent escapes; `None` when one is malformed. Bytes that are no UTF-8 become U+FFFD.
pub(crate) fn unescape(text: &str, plus_is_space: bool) -> Option<Cow<'_, str>> {
    let escaped = |byte| byte == b'%' || (plus_is_space && byte == b'+');
    if !text.bytes().any(escaped) {
        return Some(Cow::Borrowed(text));
    }
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'%' => {
                let high = char::from(bytes.next()?).to_digit(16)?;
                let low = char::from(bytes.next()?).to_digit(16)?;
                (high * 16 + low) as u8
            }
            b'+' if plus_is_space => b' ',
            other => other,
        });
    }
    Some(Cow::Owned(match String::from_utf8(decoded) {
        Ok(text) => text,
        Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
    }))
}

/// The decoded pairs of a query string or form body, in order; malformed ones are left out.
pub fn query_pairs(query: &str) -> impl Iterator<Item = (String, String)> + '_ {
    query.split('&').filter(|pair| !pair.is_empty() && !pair.contains(';')).filter_map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        Some((unescape(name, true)?.into_owned(), unescape(value, true)?.into_owned()))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn query_values_escape_as_the_reference_does() {
        for (value, expected) in [
            ("al ice", "al+ice"),
            ("a b/c", "a+b%2Fc"),
            ("\"q\":é", "%22q%22%3A%C3%A9"),
            ("a-b_c.d~e", "a-b_c.d~e"),
        ] {
            assert_eq!(query_escape(value), expected);
        }
    }

    #[test]
    fn malformed_pairs_do_not_spoil_the_others() {
        let pairs: Vec<_> = query_pairs("a=1&b=%zz&c;d=2&e&=f&a=%41+b").collect();
        let expected = [("a", "1"), ("e", ""), ("", "f"), ("a", "A b")];
        assert_eq!(pairs, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }

    proptest! {
        #[test]
        fn escaped_values_come_back(value: String) {
            for (escaped, plus) in [(query_escape(&value), true), (path_escape(&value), false)] {
                let back = unescape(&escaped, plus);
                prop_assert_eq!(back.as_deref(), Some(value.as_str()));
            }
        }

        #[test]
        fn any_text_may_be_unescaped(text: String) {
            let _ = unescape(&text, true);
            let _ = query_pairs(&text).count();
        }
    }
}
