//! The most used functions of the Sprig library.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use regex::Regex;
use sluice_bloblang::layout::Layout;
use sluice_value::{EcoVec, Kind, Object, Value, json};

use super::functions::compare;
use super::run::{Run, is_true, printed};
use super::{sprig_crypto, sprig_more, sprig_rare};

/// Most items that a function may make up.
const MAX_ITEMS: i64 = 1_000_000;

/// The functions there are.
pub(super) const NAMES: &[&str] = &[
    "abbrev",
    "add",
    "add1",
    "append",
    "b64dec",
    "b64enc",
    "camelcase",
    "cat",
    "ceil",
    "coalesce",
    "compact",
    "concat",
    "contains",
    "date",
    "dateInZone",
    "default",
    "dict",
    "div",
    "empty",
    "fail",
    "first",
    "float64",
    "floor",
    "fromJson",
    "get",
    "has",
    "hasKey",
    "hasPrefix",
    "hasSuffix",
    "indent",
    "initial",
    "int",
    "int64",
    "join",
    "kebabcase",
    "keys",
    "kindOf",
    "last",
    "list",
    "lower",
    "max",
    "merge",
    "min",
    "mod",
    "mul",
    "nindent",
    "nospace",
    "now",
    "omit",
    "pick",
    "plural",
    "prepend",
    "quote",
    "regexFind",
    "regexMatch",
    "regexReplaceAll",
    "repeat",
    "replace",
    "rest",
    "reverse",
    "round",
    "set",
    "snakecase",
    "sortAlpha",
    "split",
    "splitList",
    "squote",
    "sub",
    "substr",
    "ternary",
    "title",
    "toJson",
    "toPrettyJson",
    "toString",
    "toStrings",
    "trim",
    "trimAll",
    "trimPrefix",
    "trimSuffix",
    "trunc",
    "uniq",
    "unixEpoch",
    "unset",
    "until",
    "untilStep",
    "untitle",
    "upper",
    "values",
    "without",
];

/// # Errors
/// The arguments do not fit.
pub(super) fn call(run: &mut Run<'_>, name: &str, arguments: &[Value]) -> Result<Value, String> {
    let found = texts(run, name, arguments)?;
    let found = match found {
        None => numbers(name, arguments)?,
        found => found,
    };
    let found = match found {
        None => collections(name, arguments)?,
        found => found,
    };
    let found = match found {
        None => others(name, arguments)?,
        found => found,
    };
    let found = match found {
        None => sprig_more::call(run, name, arguments)?,
        found => found,
    };
    let found = match found {
        None => sprig_crypto::call(run, name, arguments)?,
        found => found,
    };
    let found = match found {
        None => sprig_rare::call(run, name, arguments)?,
        found => found,
    };
    found.ok_or_else(|| format!("wrong arguments: {}", arguments.len()))
}

/// What Go calls the kind of a value.
pub(super) fn kind(value: &Value) -> &'static str {
    match value.kind() {
        Kind::Null => "invalid",
        Kind::Bool => "bool",
        Kind::Number if value.as_i64().is_some() => "int",
        Kind::Number => "float64",
        Kind::String | Kind::Bytes | Kind::Timestamp => "string",
        Kind::Array => "slice",
        Kind::Object => "map",
    }
}

/// A value as text, as functions of texts take it: nothing is the empty text.
pub(super) fn text(value: &Value) -> String {
    if value.is_null() { String::new() } else { printed(value) }
}

pub(super) fn whole(value: &Value) -> i64 {
    match value {
        Value::String(text) => text.parse().unwrap_or(0),
        Value::Bool(truth) => i64::from(*truth),
        other => other.as_i64().or_else(|| other.as_f64().map(|it| it as i64)).unwrap_or(0),
    }
}

pub(super) fn float(value: &Value) -> f64 {
    match value {
        Value::String(text) => text.parse().unwrap_or(0.0),
        other => other.as_f64().unwrap_or(0.0),
    }
}

pub(super) fn items(value: &Value) -> Result<&EcoVec<Value>, String> {
    value.as_array().ok_or_else(|| format!("expected a list, found {}", value.kind()))
}

pub(super) fn fields(value: &Value) -> Result<&Object, String> {
    value.as_object().ok_or_else(|| format!("expected an object, found {}", value.kind()))
}

pub(super) fn regex(source: &Value) -> Result<Regex, String> {
    Regex::new(&text(source)).map_err(|_| format!("invalid regex: {}", text(source)))
}

fn texts(run: &mut Run<'_>, name: &str, arguments: &[Value]) -> Result<Option<Value>, String> {
    let truth = |truth: bool| Ok(Some(Value::Bool(truth)));
    Ok(Some(Value::from(match (name, arguments) {
        ("upper", [s]) => text(s).to_uppercase(),
        ("lower", [s]) => text(s).to_lowercase(),
        ("title", [s]) => capitals(&text(s), true),
        ("untitle", [s]) => capitals(&text(s), false),
        ("trim", [s]) => text(s).trim().to_owned(),
        ("trimAll", [cut, s]) => {
            let cut: Vec<char> = text(cut).chars().collect();
            text(s).trim_matches(&cut[..]).to_owned()
        }
        ("trimPrefix", [cut, s]) => {
            let s = text(s);
            s.strip_prefix(&text(cut)).unwrap_or(&s).to_owned()
        }
        ("trimSuffix", [cut, s]) => {
            let s = text(s);
            s.strip_suffix(&text(cut)).unwrap_or(&s).to_owned()
        }
        ("nospace", [s]) => text(s).split_whitespace().collect(),
        ("replace", [old, new, s]) => {
            let (s, new) = (text(s), text(new));
            run.spend(s.len().saturating_mul(new.len().max(1)))?;
            s.replace(&text(old), &new)
        }
        ("repeat", [times, s]) => {
            let (s, times) = (text(s), usize::try_from(whole(times)).unwrap_or(0));
            run.spend(s.len().saturating_mul(times))?;
            s.repeat(times)
        }
        ("substr", [start, end, s]) => {
            let s: Vec<char> = text(s).chars().collect();
            let start = (whole(start).max(0) as usize).min(s.len());
            let end = usize::try_from(whole(end)).unwrap_or(s.len()).clamp(start, s.len());
            s[start..end].iter().collect()
        }
        ("trunc", [length, s]) => {
            let s: Vec<char> = text(s).chars().collect();
            let length = whole(length);
            let kept = (length.unsigned_abs() as usize).min(s.len());
            if length < 0 { &s[s.len() - kept..] } else { &s[..kept] }.iter().collect()
        }
        ("abbrev", [length, s]) => {
            let (s, length) = (text(s), usize::try_from(whole(length)).unwrap_or(0));
            if length < 4 || s.chars().count() <= length {
                s
            } else {
                s.chars().take(length - 3).collect::<String>() + "..."
            }
        }
        ("quote", _) => quoted(arguments, '"'),
        ("squote", _) => quoted(arguments, '\''),
        ("cat", _) => arguments.iter().map(text).collect::<Vec<_>>().join(" "),
        ("indent" | "nindent", [width, s]) => {
            let (s, width) = (text(s), whole(width).clamp(0, 1000) as usize);
            run.spend(s.matches('\n').count() * width)?;
            let pad = " ".repeat(width);
            let newline = if name == "nindent" { "\n" } else { "" };
            format!("{newline}{pad}{}", s.replace('\n', &format!("\n{pad}")))
        }
        ("plural", [one, many, count]) => text(if whole(count) == 1 { one } else { many }),
        ("join", [separator, list]) => {
            let parts: Vec<String> = match list {
                Value::Array(items) => items.iter().map(text).collect(),
                other => vec![text(other)],
            };
            parts.join(&text(separator))
        }
        ("snakecase", [s]) => words(&text(s)).join("_"),
        ("kebabcase", [s]) => words(&text(s)).join("-"),
        ("camelcase", [s]) => words(&text(s)).iter().map(|word| capitals(word, true)).collect(),
        ("b64enc", [s]) => STANDARD.encode(text(s)),
        ("b64dec", [s]) => {
            let decoded = STANDARD.decode(text(s)).map_err(|error| error.to_string())?;
            String::from_utf8_lossy(&decoded).into_owned()
        }
        ("toString", [s]) => text(s),
        ("regexFind", [pattern, s]) => regex(pattern)?
            .find(&text(s))
            .map(|found| found.as_str().to_owned())
            .unwrap_or_default(),
        ("regexReplaceAll", [pattern, s, new]) => {
            let (s, new) = (text(s), text(new));
            run.spend(s.len().saturating_mul(new.len().max(1)))?;
            regex(pattern)?.replace_all(&s, new.as_str()).into_owned()
        }
        ("regexMatch", [pattern, s]) => return truth(regex(pattern)?.is_match(&text(s))),
        ("contains", [part, s]) => return truth(text(s).contains(&text(part))),
        ("hasPrefix", [part, s]) => return truth(text(s).starts_with(&text(part))),
        ("hasSuffix", [part, s]) => return truth(text(s).ends_with(&text(part))),
        ("splitList", [separator, s]) => {
            let (s, separator) = (text(s), text(separator));
            return Ok(Some(Value::Array(s.split(&separator).map(Value::from).collect())));
        }
        ("split", [separator, s]) => {
            let (s, separator) = (text(s), text(separator));
            let mut parts = Object::new();
            for (at, part) in s.split(&separator).enumerate() {
                parts.insert(format!("_{at}"), Value::from(part));
            }
            return Ok(Some(Value::Object(parts)));
        }
        ("toStrings", [list]) => {
            let texts = items(list)?.iter().map(|item| Value::from(text(item)));
            return Ok(Some(Value::Array(texts.collect())));
        }
        _ => return Ok(None),
    })))
}

/// Words with their first letters large or small.
fn capitals(text: &str, large: bool) -> String {
    let mut begins = true;
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match (begins, large) {
            (true, true) => out.extend(c.to_uppercase()),
            (true, false) => out.extend(c.to_lowercase()),
            (false, _) => out.push(c),
        }
        begins = !c.is_alphanumeric();
    }
    out
}

/// The words of a name, in lower case.
fn words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut begins = true;
    let mut was_lower = false;
    for c in text.chars() {
        if !c.is_alphanumeric() {
            begins = true;
            continue;
        }
        if begins || (c.is_uppercase() && was_lower) {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut() {
            word.extend(c.to_lowercase());
        }
        (begins, was_lower) = (false, !c.is_uppercase());
    }
    words
}

fn quoted(arguments: &[Value], quote: char) -> String {
    let texts = arguments.iter().filter(|it| !it.is_null()).map(|argument| match quote {
        '"' => Value::from(text(argument)).to_string(),
        _ => format!("'{}'", text(argument)),
    });
    texts.collect::<Vec<_>>().join(" ")
}

fn numbers(name: &str, arguments: &[Value]) -> Result<Option<Value>, String> {
    let wholes = || arguments.iter().map(whole);
    let over = |result: Option<i64>| result.ok_or_else(|| "integer overflow".to_owned());
    Ok(Some(match (name, arguments) {
        ("add", _) => Value::Int(wholes().fold(0, i64::wrapping_add)),
        ("add1", [n]) => Value::Int(whole(n).wrapping_add(1)),
        ("sub", [a, b]) => Value::Int(whole(a).wrapping_sub(whole(b))),
        ("mul", _) => Value::Int(wholes().fold(1, i64::wrapping_mul)),
        ("div" | "mod", [_, b]) if whole(b) == 0 => return Err("integer divide by zero".into()),
        ("div", [a, b]) => Value::Int(over(whole(a).checked_div(whole(b)))?),
        ("mod", [a, b]) => Value::Int(over(whole(a).checked_rem(whole(b)))?),
        ("max", [_, ..]) => Value::Int(wholes().max().unwrap_or(0)),
        ("min", [_, ..]) => Value::Int(wholes().min().unwrap_or(0)),
        ("floor", [n]) => Value::Float(float(n).floor()),
        ("ceil", [n]) => Value::Float(float(n).ceil()),
        ("round", [n, places, ..]) => {
            let scale = 10_f64.powi(whole(places).clamp(0, 15) as i32);
            Value::Float((float(n) * scale).round() / scale)
        }
        ("int" | "int64", [n]) => Value::Int(whole(n)),
        ("float64", [n]) => Value::Float(float(n)),
        ("until", [end]) => steps(0, whole(end), if whole(end) < 0 { -1 } else { 1 })?,
        ("untilStep", [start, end, step]) => steps(whole(start), whole(end), whole(step))?,
        _ => return Ok(None),
    }))
}

fn steps(start: i64, end: i64, step: i64) -> Result<Value, String> {
    let mut items = EcoVec::new();
    let mut at = start;
    while step != 0 && (if step > 0 { at < end } else { at > end }) {
        if items.len() as i64 >= MAX_ITEMS {
            return Err(format!("more than {MAX_ITEMS} items"));
        }
        items.push(Value::Int(at));
        at = at.saturating_add(step);
    }
    Ok(Value::Array(items))
}

fn collections(name: &str, arguments: &[Value]) -> Result<Option<Value>, String> {
    let equal =
        |left: &Value, right: &Value| compare(left, right).is_some_and(std::cmp::Ordering::is_eq);
    let list = |items: EcoVec<Value>| Value::Array(items);
    Ok(Some(match (name, arguments) {
        ("list", _) => list(arguments.iter().cloned().collect()),
        ("first", [l]) => items(l)?.first().cloned().unwrap_or_default(),
        ("last", [l]) => items(l)?.last().cloned().unwrap_or_default(),
        ("rest", [l]) => list(items(l)?.iter().skip(1).cloned().collect()),
        ("initial", [l]) => {
            let items = items(l)?;
            list(items.iter().take(items.len().saturating_sub(1)).cloned().collect())
        }
        ("append", [l, item]) => list(items(l)?.iter().chain([item]).cloned().collect()),
        ("prepend", [l, item]) => list([item].into_iter().chain(items(l)?).cloned().collect()),
        ("concat", _) => {
            let mut all = EcoVec::new();
            for argument in arguments {
                all.extend(items(argument)?.iter().cloned());
            }
            list(all)
        }
        ("reverse", [l]) => list(items(l)?.iter().rev().cloned().collect()),
        ("compact", [l]) => list(items(l)?.iter().filter(|it| is_true(it)).cloned().collect()),
        ("uniq", [l]) => {
            let mut seen = std::collections::BTreeSet::new();
            list(items(l)?.iter().filter(|item| seen.insert(item.to_json())).cloned().collect())
        }
        ("without", [l, unwanted @ ..]) => {
            let stays = |item: &&Value| !unwanted.iter().any(|it| equal(it, item));
            list(items(l)?.iter().filter(stays).cloned().collect())
        }
        ("has", [item, l]) => Value::Bool(items(l)?.iter().any(|it| equal(it, item))),
        ("sortAlpha", [l]) => {
            let mut texts: Vec<String> = items(l)?.iter().map(text).collect();
            texts.sort();
            list(texts.into_iter().map(Value::from).collect())
        }
        ("dict", _) => {
            let mut object = Object::new();
            for pair in arguments.chunks(2) {
                object.insert(text(&pair[0]), pair.get(1).cloned().unwrap_or_else(|| "".into()));
            }
            Value::Object(object)
        }
        ("get", [o, key]) => fields(o)?.get(&text(key)).cloned().unwrap_or_else(|| Value::from("")),
        ("set", [o, key, value]) => {
            let mut object = fields(o)?.clone();
            object.insert(text(key), value.clone());
            Value::Object(object)
        }
        ("unset", [o, key]) => {
            let mut object = fields(o)?.clone();
            object.remove(&text(key));
            Value::Object(object)
        }
        ("hasKey", [o, key]) => Value::Bool(fields(o)?.contains_key(&text(key))),
        ("keys", [o, ..]) => list(fields(o)?.keys().cloned().map(Value::String).collect()),
        ("values", [o, ..]) => list(fields(o)?.values().cloned().collect()),
        ("pick" | "omit", [o, names @ ..]) => {
            let names: Vec<String> = names.iter().map(text).collect();
            let mut object = fields(o)?.clone();
            let picks = name == "pick";
            object.retain(|key, _| names.iter().any(|name| name == key) == picks);
            Value::Object(object)
        }
        ("merge", [target, sources @ ..]) => {
            let mut object = fields(target)?.clone();
            for source in sources {
                for (key, value) in fields(source)?.iter() {
                    if !object.contains_key(key) {
                        object.insert(key.clone(), value.clone());
                    }
                }
            }
            Value::Object(object)
        }
        _ => return Ok(None),
    }))
}

fn others(name: &str, arguments: &[Value]) -> Result<Option<Value>, String> {
    Ok(Some(match (name, arguments) {
        ("default", [default, value]) => {
            if is_true(value) {
                value.clone()
            } else {
                default.clone()
            }
        }
        ("default", [default]) => default.clone(),
        ("empty", [value]) => Value::Bool(!is_true(value)),
        ("coalesce", _) => arguments.iter().find(|it| is_true(it)).cloned().unwrap_or_default(),
        ("ternary", [yes, no, check]) => if is_true(check) { yes } else { no }.clone(),
        ("fail", [message]) => return Err(text(message)),
        ("kindOf", [value]) => Value::from(kind(value)),
        ("toJson", [value]) => {
            let mut text = value.to_json();
            json::escape_html(&mut text);
            Value::from(String::from_utf8_lossy(&text).into_owned())
        }
        ("toPrettyJson", [value]) => Value::from(pretty(value, 0)),
        ("fromJson", [s]) => json::parse(text(s).as_bytes()).unwrap_or_default(),
        ("now", []) => Value::Int(Timestamp::now().as_second()),
        ("unixEpoch", [at]) => Value::from(whole(at).to_string()),
        ("date", [layout, at]) => Value::from(date(&text(layout), at, "UTC")?),
        ("dateInZone", [layout, at, zone]) => Value::from(date(&text(layout), at, &text(zone))?),
        _ => return Ok(None),
    }))
}

pub(super) fn date(layout: &str, at: &Value, zone: &str) -> Result<String, String> {
    let at = Timestamp::from_second(whole(at)).map_err(|error| error.to_string())?;
    let zone = TimeZone::get(zone).map_err(|error| error.to_string())?;
    Ok(Layout::new(layout).format(&at.to_zoned(zone)))
}

/// JSON on several lines.
fn pretty(value: &Value, depth: usize) -> String {
    let pad = "  ".repeat(depth + 1);
    let end = "  ".repeat(depth);
    match value {
        Value::Array(items) if !items.is_empty() => {
            let items: Vec<_> =
                items.iter().map(|item| format!("{pad}{}", pretty(item, depth + 1))).collect();
            format!("[\n{}\n{end}]", items.join(",\n"))
        }
        Value::Object(fields) if !fields.is_empty() => {
            let fields: Vec<_> = fields
                .iter()
                .map(|(key, field)| {
                    let key = Value::from(key.as_str());
                    format!("{pad}{key}: {}", pretty(field, depth + 1))
                })
                .collect();
            format!("{{\n{}\n{end}}}", fields.join(",\n"))
        }
        other => other.to_string(),
    }
}
