//! The less used functions of the Sprig library.

use std::time::Duration;

use jiff::Timestamp;
use ring::digest;
use sluice_bloblang::layout::Layout;
use sluice_value::{EcoVec, Object, Value};

use super::functions::compare;
use super::run::{Run, is_true, printed};
use super::sprig::{date, fields, float, items, kind, regex, text, whole};

/// The functions there are.
pub(super) const NAMES: &[&str] = &[
    "add1f",
    "addf",
    "adler32sum",
    "ago",
    "all",
    "any",
    "atoi",
    "b32dec",
    "b32enc",
    "base",
    "biggest",
    "chunk",
    "clean",
    "date_in_zone",
    "date_modify",
    "dateModify",
    "deepCopy",
    "deepEqual",
    "dig",
    "dir",
    "divf",
    "duration",
    "durationRound",
    "ext",
    "htmlDate",
    "htmlDateInZone",
    "initials",
    "isAbs",
    "kindIs",
    "maxf",
    "mergeOverwrite",
    "minf",
    "mulf",
    "pluck",
    "regexFindAll",
    "regexQuoteMeta",
    "regexReplaceAllLiteral",
    "regexSplit",
    "seq",
    "sha1sum",
    "sha256sum",
    "sha512sum",
    "splitn",
    "subf",
    "swapcase",
    "toDate",
    "toDecimal",
    "toRawJson",
    "trimall",
    "tuple",
    "typeIs",
    "typeIsLike",
    "typeOf",
    "uuidv4",
    "wrap",
    "wrapWith",
];

/// The base of functions whose name begins with `must`: failing, which they add, is what all
/// functions here do.
pub(super) fn without_must(name: &str) -> Option<String> {
    let rest = name.strip_prefix("must")?;
    let first = rest.chars().next().filter(char::is_ascii_uppercase)?;
    Some(format!("{}{}", first.to_ascii_lowercase(), &rest[1..]))
}

/// # Errors
/// The arguments do not fit.
pub(super) fn call(
    run: &mut Run<'_>,
    name: &str,
    arguments: &[Value],
) -> Result<Option<Value>, String> {
    for part in [texts, patterns, numbers, collections, kinds, times] {
        if let Some(found) = part(run, name, arguments)? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

type Found = Result<Option<Value>, String>;

fn texts(run: &mut Run<'_>, name: &str, arguments: &[Value]) -> Found {
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let sum = |algorithm, content: &Value| {
        hex(digest::digest(algorithm, text(content).as_bytes()).as_ref())
    };
    Ok(Some(Value::from(match (name, arguments) {
        ("initials", [s]) => {
            let text = text(s);
            text.split_whitespace().filter_map(|word| word.chars().next()).collect()
        }
        ("swapcase", [s]) => text(s)
            .chars()
            .flat_map(|c| -> Vec<char> {
                if c.is_uppercase() {
                    c.to_lowercase().collect()
                } else {
                    c.to_uppercase().collect()
                }
            })
            .collect(),
        ("trimall", [cut, s]) => text(s).replace(&text(cut), ""),
        ("wrap", [width, s]) => wrapped(run, &text(s), whole(width), "\n")?,
        ("wrapWith", [width, separator, s]) => {
            wrapped(run, &text(s), whole(width), &text(separator))?
        }
        ("sha1sum", [s]) => sum(&digest::SHA1_FOR_LEGACY_USE_ONLY, s),
        ("sha256sum", [s]) => sum(&digest::SHA256, s),
        ("sha512sum", [s]) => sum(&digest::SHA512, s),
        ("adler32sum", [s]) => adler32(text(s).as_bytes()).to_string(),
        ("b32enc", [s]) => base32(text(s).as_bytes()),
        ("b32dec", [s]) => from_base32(&text(s))?,
        ("uuidv4", []) => uuid::Uuid::new_v4().to_string(),
        ("toRawJson", [value]) => value.to_string(),
        ("base" | "dir" | "ext" | "clean", [path]) => part_of_path(name, &text(path)),
        ("isAbs", [path]) => return Ok(Some(Value::Bool(text(path).starts_with('/')))),
        ("splitn", [separator, most, s]) => {
            let (s, separator) = (text(s), text(separator));
            let most = usize::try_from(whole(most)).unwrap_or(usize::MAX);
            let mut parts = Object::new();
            for (at, part) in s.splitn(most, &separator).enumerate() {
                parts.insert(format!("_{at}"), Value::from(part));
            }
            return Ok(Some(Value::Object(parts)));
        }
        _ => return Ok(None),
    })))
}

/// Words on lines of a width; words that are longer stay whole.
fn wrapped(run: &mut Run<'_>, text: &str, width: i64, separator: &str) -> Result<String, String> {
    run.spend(text.len().saturating_mul(separator.len().max(1)))?;
    let width = usize::try_from(width).unwrap_or(1).max(1);
    let mut out = String::new();
    let mut column = 0;
    for word in text.split(' ') {
        let length = word.chars().count();
        if column > 0 && column + 1 + length > width {
            out.push_str(separator);
            column = 0;
        } else if column > 0 {
            out.push(' ');
            column += 1;
        }
        out.push_str(word);
        column += length;
    }
    Ok(out)
}

fn adler32(bytes: &[u8]) -> u32 {
    const MODULUS: u32 = 65_521;
    let (mut a, mut b) = (1_u32, 0_u32);
    for byte in bytes {
        a = (a + u32::from(*byte)) % MODULUS;
        b = (b + a) % MODULUS;
    }
    b << 16 | a
}

const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

fn base32(bytes: &[u8]) -> String {
    let mut out = String::new();
    for chunk in bytes.chunks(5) {
        let mut block = [0; 5];
        block[..chunk.len()].copy_from_slice(chunk);
        let bits = block.iter().fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte));
        let digits = (chunk.len() * 8).div_ceil(5);
        for at in 0..8 {
            let digit = BASE32[(bits >> (35 - 5 * at) & 31) as usize];
            out.push(if at < digits { char::from(digit) } else { '=' });
        }
    }
    out
}

fn from_base32(text: &str) -> Result<String, String> {
    let mut bytes = Vec::new();
    let (mut bits, mut count) = (0_u32, 0);
    for (at, byte) in text.trim_end_matches('=').bytes().enumerate() {
        let digit = BASE32.iter().position(|known| *known == byte);
        let digit = digit.ok_or_else(|| format!("illegal base32 data at input byte {at}"))?;
        bits = (bits << 5 | digit as u32) & 0xfff;
        count += 5;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
        }
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn part_of_path(name: &str, path: &str) -> String {
    let last = path.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    match name {
        "base" if path.is_empty() => ".".into(),
        "base" if last.is_empty() => "/".into(),
        "base" => last.into(),
        "ext" => last.rfind('.').map(|dot| last[dot..].to_owned()).unwrap_or_default(),
        "dir" => cleaned(path.rfind('/').map_or("", |slash| &path[..=slash])),
        _ => cleaned(path),
    }
}

/// A path without empty parts, `.` and the parts that `..` takes back.
fn cleaned(path: &str) -> String {
    let is_absolute = path.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            ".." if is_absolute => {}
            part => parts.push(part),
        }
    }
    match (is_absolute, parts.is_empty()) {
        (true, _) => format!("/{}", parts.join("/")),
        (false, true) => ".".into(),
        (false, false) => parts.join("/"),
    }
}

fn patterns(run: &mut Run<'_>, name: &str, arguments: &[Value]) -> Found {
    let limited = |most: &Value| usize::try_from(whole(most)).unwrap_or(usize::MAX);
    let list = |texts: Vec<Value>| Ok(Some(Value::Array(texts.into_iter().collect())));
    match (name, arguments) {
        ("regexFindAll", [pattern, s, most]) => {
            let (regex, s) = (regex(pattern)?, text(s));
            list(regex.find_iter(&s).take(limited(most)).map(|it| it.as_str().into()).collect())
        }
        ("regexSplit", [pattern, s, most]) => {
            let (regex, s) = (regex(pattern)?, text(s));
            match limited(most) {
                0 => list(Vec::new()),
                most => list(regex.splitn(&s, most).map(Value::from).collect()),
            }
        }
        ("regexReplaceAllLiteral", [pattern, s, new]) => {
            let (s, new) = (text(s), text(new));
            run.spend(s.len().saturating_mul(new.len().max(1)))?;
            let replaced = regex(pattern)?.replace_all(&s, regex::NoExpand(&new)).into_owned();
            Ok(Some(Value::from(replaced)))
        }
        ("regexQuoteMeta", [s]) => Ok(Some(Value::from(regex::escape(&text(s))))),
        _ => Ok(None),
    }
}

fn numbers(run: &mut Run<'_>, name: &str, arguments: &[Value]) -> Found {
    let floats = || arguments.iter().map(float);
    let reduced = |by: fn(f64, f64) -> f64| Value::Float(floats().reduce(by).unwrap_or(0.0));
    Ok(Some(match (name, arguments) {
        ("addf", _) => Value::Float(floats().sum()),
        ("add1f", [n]) => Value::Float(float(n) + 1.0),
        ("subf", [_, ..]) => reduced(|a, b| a - b),
        ("mulf", [_, ..]) => reduced(|a, b| a * b),
        ("divf", [_, ..]) => reduced(|a, b| a / b),
        ("maxf", [_, ..]) => reduced(f64::max),
        ("minf", [_, ..]) => reduced(f64::min),
        ("biggest", [_, ..]) => Value::Int(arguments.iter().map(whole).max().unwrap_or(0)),
        ("atoi", [s]) => Value::Int(text(s).parse().unwrap_or(0)),
        ("toDecimal", [s]) => Value::Int(i64::from_str_radix(&text(s), 8).unwrap_or(0)),
        ("seq", _) => {
            let ends: Vec<i64> = arguments.iter().map(whole).collect();
            let (start, step, end) = match ends[..] {
                [] => return Ok(Some(Value::from(""))),
                [end] => (1, if end < 1 { -1 } else { 1 }, end),
                [start, end] => (start, if end < start { -1 } else { 1 }, end),
                [start, step, end, ..] => (start, step, end),
            };
            let (mut out, mut at) = (Vec::new(), start);
            while (step > 0 && at <= end) || (step < 0 && at >= end) {
                run.spend(8)?;
                out.push(at.to_string());
                at = at.saturating_add(step);
            }
            Value::from(out.join(" "))
        }
        _ => return Ok(None),
    }))
}

fn collections(run: &mut Run<'_>, name: &str, arguments: &[Value]) -> Found {
    Ok(Some(match (name, arguments) {
        ("tuple", _) => Value::Array(arguments.iter().cloned().collect()),
        ("all", _) => Value::Bool(arguments.iter().all(is_true)),
        ("any", _) => Value::Bool(arguments.iter().any(is_true)),
        ("deepCopy", [value]) => value.clone(),
        ("deepEqual", [left, right]) => Value::Bool(
            left == right || compare(left, right).is_some_and(std::cmp::Ordering::is_eq),
        ),
        ("chunk", [size, list]) => {
            let items: Vec<Value> = items(list)?.iter().cloned().collect();
            let size = usize::try_from(whole(size)).unwrap_or(0).max(1);
            let chunks = items.chunks(size).map(|it| Value::Array(it.iter().cloned().collect()));
            Value::Array(chunks.collect())
        }
        ("pluck", [key, objects @ ..]) => {
            let mut found = EcoVec::new();
            for object in objects {
                found.extend(fields(object)?.get(&text(key)).cloned());
            }
            Value::Array(found)
        }
        ("dig", [path @ .., default, object]) => {
            let step = |value: Value, key: &Value| value.get(&text(key)).cloned();
            let found = path.iter().try_fold(object.clone(), step);
            found.unwrap_or_else(|| default.clone())
        }
        ("mergeOverwrite", [target, sources @ ..]) => {
            let mut merged = target.clone();
            for source in sources {
                overwrite(run, &mut merged, source)?;
            }
            merged
        }
        _ => return Ok(None),
    }))
}

fn overwrite(run: &mut Run<'_>, target: &mut Value, source: &Value) -> Result<(), String> {
    run.spend(16)?;
    let mut object = fields(target)?.clone();
    for (key, value) in fields(source)?.iter() {
        match object.get_mut(key) {
            Some(old @ Value::Object(_)) if value.as_object().is_some() => {
                overwrite(run, old, value)?;
            }
            _ => {
                object.insert(key.clone(), value.clone());
            }
        }
    }
    *target = Value::Object(object);
    Ok(())
}

fn kinds(_: &mut Run<'_>, name: &str, arguments: &[Value]) -> Found {
    let type_of = |value: &Value| match kind(value) {
        "slice" => "[]interface {}",
        "map" => "map[string]interface {}",
        "invalid" => "<nil>",
        other => other,
    };
    Ok(Some(match (name, arguments) {
        ("typeOf", [value]) => Value::from(type_of(value)),
        ("typeIs", [wanted, value]) => Value::Bool(type_of(value) == text(wanted)),
        ("typeIsLike", [wanted, value]) => {
            Value::Bool(type_of(value) == text(wanted).trim_start_matches('*'))
        }
        ("kindIs", [wanted, value]) => Value::Bool(kind(value) == text(wanted)),
        _ => return Ok(None),
    }))
}

fn times(_: &mut Run<'_>, name: &str, arguments: &[Value]) -> Found {
    let seconds = |at: &Value| Duration::from_secs(whole(at).unsigned_abs());
    Ok(Some(match (name, arguments) {
        ("htmlDate", [at]) => Value::from(date("2006-01-02", at, "UTC")?),
        ("htmlDateInZone", [at, zone]) => Value::from(date("2006-01-02", at, &text(zone))?),
        ("date_in_zone", [layout, at, zone]) => Value::from(date(&text(layout), at, &text(zone))?),
        ("toDate", [layout, s]) => {
            let parsed = Layout::new(&text(layout)).parse(text(s).as_bytes());
            Value::Int(parsed.map_err(|error| error.to_string())?.timestamp().as_second())
        }
        ("dateModify" | "date_modify", [change, at]) => {
            let change = text(change);
            let (sign, length) = match change.strip_prefix('-') {
                Some(rest) => (-1, rest),
                None => (1, change.trim_start_matches('+')),
            };
            let length = sluice_config::parse_duration(length)?;
            let length = i64::try_from(length.as_secs()).unwrap_or(i64::MAX);
            Value::Int(whole(at).saturating_add(sign * length))
        }
        ("ago", [at]) => {
            let passed = Timestamp::now().as_second().saturating_sub(whole(at)).max(0);
            Value::from(in_words(Duration::from_secs(passed.unsigned_abs())))
        }
        ("duration", [length]) => Value::from(in_words(seconds(length))),
        ("durationRound", [length]) => Value::from(rounded(seconds(length))),
        _ => return Ok(None),
    }))
}

/// As Go prints a length of time in whole seconds: `1h2m3s`.
fn in_words(length: Duration) -> String {
    let seconds = length.as_secs();
    let (hours, minutes, rest) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match (hours, minutes) {
        (0, 0) => format!("{rest}s"),
        (0, _) => format!("{minutes}m{rest}s"),
        _ => format!("{hours}h{minutes}m{rest}s"),
    }
}

/// In the largest unit that it fills.
fn rounded(length: Duration) -> String {
    let seconds = length.as_secs();
    let units =
        [("y", 31_536_000), ("mo", 2_592_000), ("d", 86_400), ("h", 3600), ("m", 60), ("s", 1)];
    let unit = units.iter().find(|(_, size)| seconds > *size || *size == 1);
    unit.map_or_else(|| printed(&Value::Int(0)), |(name, size)| format!("{}{name}", seconds / size))
}
