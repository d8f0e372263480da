//! Quoted texts inside paths.

/// A text without its quotes and with its escapes replaced.
pub(super) fn unquote(text: &str) -> Option<String> {
    let quote = text.chars().next()?;
    let inner = text.strip_prefix(quote)?.strip_suffix(quote)?;
    if quote == '`' {
        return Some(inner.replace('\r', ""));
    }
    let mut out = Vec::with_capacity(inner.len());
    let mut rest = inner;
    while let Some((before, after)) = rest.split_once('\\') {
        out.extend_from_slice(before.as_bytes());
        let escape = after.chars().next()?;
        let number = |from: usize, digits: usize, radix: u32| {
            let digits = after.get(from..from + digits)?;
            let is_plain = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
            u32::from_str_radix(digits, radix).ok().filter(|_| is_plain)
        };
        let (content, length) = match escape {
            'a' => (Content::Char('\u{7}'), 1),
            'b' => (Content::Char('\u{8}'), 1),
            'f' => (Content::Char('\u{c}'), 1),
            'n' => (Content::Char('\n'), 1),
            'r' => (Content::Char('\r'), 1),
            't' => (Content::Char('\t'), 1),
            'v' => (Content::Char('\u{b}'), 1),
            '\\' | '\'' | '"' => (Content::Char(escape), 1),
            'x' => (Content::Byte(u8::try_from(number(1, 2, 16)?).ok()?), 3),
            '0'..='7' => (Content::Byte(u8::try_from(number(0, 3, 8)?).ok()?), 3),
            'u' => (Content::Char(char::from_u32(number(1, 4, 16)?)?), 5),
            'U' => (Content::Char(char::from_u32(number(1, 8, 16)?)?), 9),
            _ => return None,
        };
        match content {
            Content::Char(c) => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
            Content::Byte(byte) => out.push(byte),
        }
        rest = after.get(length..)?;
    }
    out.extend_from_slice(rest.as_bytes());
    Some(String::from_utf8_lossy(&out).into_owned())
}

/// What an escape stands for.
enum Content {
    Char(char),
    Byte(u8),
}
