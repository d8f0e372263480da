//! Addresses taken apart.

use super::form::unescape;
use crate::number;

/// The parts of an address, decoded. The raw forms are empty where encoding the decoded form in
/// the usual way gives them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Url {
    pub scheme: String,
    /// What follows the scheme where that is no path, as in `mailto:`.
    pub opaque: String,
    pub user: Option<User>,
    /// With the port.
    pub host: Vec<u8>,
    pub path: Vec<u8>,
    pub raw_path: String,
    pub raw_query: String,
    pub fragment: Vec<u8>,
    pub raw_fragment: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    pub name: Vec<u8>,
    pub password: Option<Vec<u8>>,
}

/// The parts whose rules differ.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Path,
    Fragment,
    Host,
    Zone,
}

impl Url {
    /// # Errors
    /// The text is not an address.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (address, fragment) = text.split_once('#').unwrap_or((text, ""));
        let failed = |shown: &str, why: String| format!("parse {}: {why}", number::quote(shown));
        let mut url = Self::without_fragment(address).map_err(|why| failed(address, why))?;
        if !fragment.is_empty() {
            url.fragment = decode(fragment).map_err(|why| failed(text, why))?;
            if encode(&url.fragment, Part::Fragment) != fragment {
                url.raw_fragment = fragment.into();
            }
        }
        Ok(url)
    }

    fn without_fragment(text: &str) -> Result<Self, String> {
        if text.bytes().any(|byte| byte < b' ' || byte == 0x7f) {
            return Err("net/url: invalid control character in URL".into());
        }
        let mut url = Self::default();
        if text == "*" {
            url.path = b"*".into();
            return Ok(url);
        }
        let (scheme, rest) = split_scheme(text)?;
        url.scheme = scheme.to_ascii_lowercase();
        let (mut rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        url.raw_query = query.into();
        if !rest.starts_with('/') {
            if !url.scheme.is_empty() {
                url.opaque = rest.into();
                return Ok(url);
            }
            // A colon would make a scheme of what stands before it.
            if rest.split('/').next().is_some_and(|segment| segment.contains(':')) {
                return Err("first path segment in URL cannot contain colon".into());
            }
        }
        if rest.starts_with("//") && !(url.scheme.is_empty() && rest.starts_with("///")) {
            let end = rest[2..].find('/').map_or(rest.len(), |at| at + 2);
            let authority = &rest[2..end];
            rest = &rest[end..];
            url.set_authority(authority)?;
        }
        url.path = decode(rest)?;
        if encode(&url.path, Part::Path) != rest {
            url.raw_path = rest.into();
        }
        Ok(url)
    }

    fn set_authority(&mut self, authority: &str) -> Result<(), String> {
        let Some((user, host)) = authority.rsplit_once('@') else {
            self.host = parse_host(authority)?;
            return Ok(());
        };
        self.host = parse_host(host)?;
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "-._:~!$&'()*+,;=%@".contains(c);
        if !user.chars().all(is_plain) {
            return Err("net/url: invalid userinfo".into());
        }
        self.user = Some(match user.split_once(':') {
            Some((name, password)) => {
                User { name: decode(name)?, password: Some(decode(password)?) }
            }
            None => User { name: decode(user)?, password: None },
        });
        Ok(())
    }
}

fn split_scheme(text: &str) -> Result<(&str, &str), String> {
    for (at, c) in text.char_indices() {
        match c {
            'a'..='z' | 'A'..='Z' => {}
            '0'..='9' | '+' | '-' | '.' if at > 0 => {}
            ':' if at == 0 => return Err("missing protocol scheme".into()),
            ':' => return Ok((&text[..at], &text[at + 1..])),
            _ => break,
        }
    }
    Ok(("", text))
}

fn parse_host(host: &str) -> Result<Vec<u8>, String> {
    if !host.starts_with('[') {
        if let Some(colon) = host.rfind(':') {
            check_port(&host[colon..])?;
        }
        return decode_host(host, Part::Host);
    }
    let Some(end) = host.rfind(']') else { return Err("missing ']' in host".into()) };
    check_port(&host[end + 1..])?;
    // A zone may hold what a host may not.
    let Some(zone) = host[..end].find("%25") else { return decode_host(host, Part::Host) };
    let mut decoded = decode_host(&host[..zone], Part::Host)?;
    decoded.extend(decode_host(&host[zone..end], Part::Zone)?);
    decoded.extend(decode_host(&host[end..], Part::Host)?);
    Ok(decoded)
}

fn check_port(port: &str) -> Result<(), String> {
    let digits = port.strip_prefix(':').unwrap_or(port);
    if port.is_empty() || (digits.len() < port.len() && digits.bytes().all(|b| b.is_ascii_digit()))
    {
        return Ok(());
    }
    Err(format!("invalid port {} after host", number::quote(port)))
}

fn decode(text: &str) -> Result<Vec<u8>, String> {
    unescape(text.as_bytes(), false).map_err(|error| error.to_string())
}

fn decode_host(text: &str, part: Part) -> Result<Vec<u8>, String> {
    let decoded = decode(text)?;
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if c != '%' {
            if c.is_ascii() && must_be_escaped(c as u8, part) {
                let shown = number::quote(&c.to_string());
                return Err(format!("invalid character {shown} in host name"));
            }
            rest = &rest[c.len_utf8()..];
            continue;
        }
        // Only what is not ASCII may be written with escapes, and in zones what needs none.
        let (escape, after) = rest.split_at(3);
        let byte = u8::from_str_radix(&escape[1..], 16).unwrap_or_default();
        let is_fine = match part {
            Part::Zone => byte == b' ' || !must_be_escaped(byte, Part::Host),
            _ => byte >= 0x80,
        };
        if escape != "%25" && !is_fine {
            return Err(format!("invalid URL escape {}", number::quote(escape)));
        }
        rest = after;
    }
    Ok(decoded)
}

fn encode(content: &[u8], part: Part) -> String {
    use std::fmt::Write;
    let mut out = String::with_capacity(content.len());
    for &byte in content {
        if must_be_escaped(byte, part) {
            let _ = write!(out, "%{byte:02X}");
        } else {
            out.push(char::from(byte));
        }
    }
    out
}

fn must_be_escaped(byte: u8, part: Part) -> bool {
    if byte.is_ascii_alphanumeric() {
        return false;
    }
    let is_host = matches!(part, Part::Host | Part::Zone);
    match byte {
        b'-' | b'_' | b'.' | b'~' => false,
        b'!' | b'(' | b')' | b'*' => part == Part::Path,
        b'$' | b'&' | b'+' | b',' | b':' | b';' | b'=' => false,
        b'/' | b'@' => is_host,
        b'?' => part != Part::Fragment,
        b'\'' | b'[' | b']' | b'<' | b'>' | b'"' => !is_host,
        _ => true,
    }
}
