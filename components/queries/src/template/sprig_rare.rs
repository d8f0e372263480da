//! Functions of the Sprig library about versions, addresses and the environment.

use semver::{Version, VersionReq};
use sluice_bloblang::formats::url::Url;
use sluice_value::{Object, Value};

use super::run::Run;
use super::sprig::{fields, text, whole};

pub(super) const NAMES: &[&str] =
    &["abbrevboth", "env", "expandenv", "hello", "semver", "semverCompare", "urlJoin", "urlParse"];

/// Names of functions that are the same under another name.
pub(super) fn same_as(name: &str) -> &str {
    match name {
        "osBase" => "base",
        "osDir" => "dir",
        "osExt" => "ext",
        "osClean" => "clean",
        "osIsAbs" => "isAbs",
        "push" => "append",
        other => other,
    }
}

/// # Errors
/// The arguments do not fit.
pub(super) fn call(
    run: &mut Run<'_>,
    name: &str,
    arguments: &[Value],
) -> Result<Option<Value>, String> {
    Ok(Some(match (name, arguments) {
        ("hello", []) => Value::from("Hello!"),
        ("abbrevboth", [left, right, s]) => {
            Value::from(abbreviated(&text(s), whole(left), whole(right)))
        }
        ("env", [name]) => Value::from(run.surroundings.variable(&text(name)).unwrap_or_default()),
        ("expandenv", [s]) => Value::from(expanded(run, &text(s))?),
        ("semver", [version]) => parts(&text(version))?,
        ("semverCompare", [constraint, version]) => {
            let version = lenient(&text(version))?;
            Value::Bool(satisfies(&text(constraint), &version)?)
        }
        ("urlParse", [address]) => address_parts(&text(address))?,
        ("urlJoin", [parts]) => Value::from(joined(fields(parts)?)),
        _ => return Ok(None),
    }))
}

/// The text from `offset` on, with dots where something was cut off.
fn abbreviated(text: &str, offset: i64, width: i64) -> String {
    let letters: Vec<char> = text.chars().collect();
    let (offset, width) = (offset.max(0) as usize, width.max(0) as usize);
    if width < 4 || (offset > 0 && width < 7) || letters.len() <= width {
        return text.to_owned();
    }
    let cut = |part: &[char]| part.iter().collect::<String>();
    let offset = offset.min(letters.len()).min(letters.len() - (width - 3));
    if offset <= 4 {
        return cut(&letters[..width - 3]) + "...";
    }
    if offset + width - 3 < letters.len() {
        return format!("...{}...", cut(&letters[offset..offset + width - 6]));
    }
    format!("...{}", cut(&letters[letters.len() - (width - 3)..]))
}

/// The text with `$NAME` and `${NAME}` replaced.
fn expanded(run: &mut Run<'_>, text: &str) -> Result<String, String> {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        let behind = &rest[at + 1..];
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let (name, after) = match behind.strip_prefix('{').and_then(|it| it.split_once('}')) {
            Some(found) => found,
            None => behind.split_at(behind.find(|c| !is_name(c)).unwrap_or(behind.len())),
        };
        if name.is_empty() {
            out.push('$');
        }
        let value = run.surroundings.variable(name).unwrap_or_default();
        run.spend(value.len())?;
        out.push_str(&value);
        rest = after;
    }
    Ok(out + rest)
}

/// A version that may lack its last numbers and begin with a `v`.
fn lenient(text: &str) -> Result<Version, String> {
    let bare = text.trim().trim_start_matches('v');
    let end = bare.find(['-', '+']).unwrap_or(bare.len());
    let (numbers, rest) = bare.split_at(end);
    let missing = 3_usize.saturating_sub(numbers.split('.').count());
    let full = format!("{numbers}{}{rest}", ".0".repeat(missing));
    Version::parse(&full).map_err(|_| "Invalid Semantic Version".to_owned())
}

fn parts(text: &str) -> Result<Value, String> {
    let version = lenient(text)?;
    let mut parts = Object::new();
    parts.insert("Major", Value::from(version.major));
    parts.insert("Minor", Value::from(version.minor));
    parts.insert("Patch", Value::from(version.patch));
    parts.insert("Prerelease", Value::from(version.pre.as_str()));
    parts.insert("Metadata", Value::from(version.build.as_str()));
    parts.insert("Original", Value::from(text));
    Ok(Value::Object(parts))
}

/// Whether a version meets one of the alternatives between `||`.
fn satisfies(constraint: &str, version: &Version) -> Result<bool, String> {
    let mut met = false;
    for alternative in constraint.split("||") {
        met |= meets_all(alternative, version)?;
    }
    Ok(met)
}

fn meets_all(alternative: &str, version: &Version) -> Result<bool, String> {
    let improper = || format!("improper constraint: {}", alternative.trim());
    if let Some((low, high)) = alternative.split_once(" - ") {
        let range = format!(">={}, <={}", low.trim(), high.trim());
        let range = VersionReq::parse(&range).map_err(|_| improper())?;
        return Ok(range.matches(version));
    }
    let is_separator = |c: char| c == ',' || c.is_whitespace();
    let mut words = alternative.split(is_separator).filter(|word| !word.is_empty()).peekable();
    if words.peek().is_none() {
        return Err(improper());
    }
    let mut met = true;
    while let Some(word) = words.next() {
        let start = word.find(|c: char| !"=!<>~^".contains(c)).unwrap_or(word.len());
        let (operator, mut number) = word.split_at(start);
        if number.is_empty() {
            number = words.next().ok_or_else(improper)?;
        }
        met &= meets(operator, number.trim_start_matches('v'), version).ok_or_else(improper)?;
    }
    Ok(met)
}

/// `None` for what is no constraint.
fn meets(operator: &str, number: &str, version: &Version) -> Option<bool> {
    let number = match number {
        "x" | "X" | "*" => return Some(operator != "!="),
        number => number.trim_end_matches(['.', 'x', 'X', '*']),
    };
    let (operator, is_negated) = match operator {
        "" | "=" | "==" => ("=", false),
        "!=" => ("=", true),
        "=>" => (">=", false),
        "=<" => ("<=", false),
        "~>" => ("~", false),
        other => (other, false),
    };
    let met = VersionReq::parse(&format!("{operator}{number}")).ok()?.matches(version);
    Some(met != is_negated)
}

fn address_parts(address: &str) -> Result<Value, String> {
    let url = Url::parse(address).map_err(|error| format!("unable to parse url: {error}"))?;
    let shown = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let host = shown(&url.host);
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => &host,
    };
    let user = url.user.as_ref().map(|user| match &user.password {
        Some(password) => format!("{}:{}", shown(&user.name), shown(password)),
        None => shown(&user.name),
    });
    let mut parts = Object::new();
    parts.insert("hostname", Value::from(name.trim_matches(['[', ']'])));
    parts.insert("scheme", Value::from(url.scheme));
    parts.insert("host", Value::from(host));
    parts.insert("path", Value::from(shown(&url.path)));
    parts.insert("query", Value::from(url.raw_query));
    parts.insert("opaque", Value::from(url.opaque));
    parts.insert("fragment", Value::from(shown(&url.fragment)));
    parts.insert("userinfo", Value::from(user.unwrap_or_default()));
    Ok(Value::Object(parts))
}

fn joined(parts: &Object) -> String {
    let part = |name: &str| parts.get(name).map(text).unwrap_or_default();
    let (scheme, host, path) = (part("scheme"), part("host"), part("path"));
    let mut out = if scheme.is_empty() { String::new() } else { format!("{scheme}:") };
    let opaque = part("opaque");
    if opaque.is_empty() {
        let user = part("userinfo");
        if !scheme.is_empty() || !host.is_empty() || !user.is_empty() {
            let at = if user.is_empty() { "" } else { "@" };
            out.push_str(&format!("//{user}{at}{host}"));
        }
        if !path.is_empty() && !path.starts_with('/') && !host.is_empty() {
            out.push('/');
        }
        out.push_str(&path);
    } else {
        out.push_str(&opaque);
    }
    for (mark, name) in [('?', "query"), ('#', "fragment")] {
        let part = part(name);
        if !part.is_empty() {
            out.push(mark);
            out.push_str(&part);
        }
    }
    out
}
