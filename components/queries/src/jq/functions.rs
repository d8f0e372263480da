//! Functions of jq that depend on the kind of value, and those that differ from the library's.

use jaq_core::box_iter::box_once;
use jaq_core::data::JustLut;
use jaq_core::native::{Fun, bome, run, unary, v};
use jaq_core::{Error, Native, ValR, ValT as _};
use sluice_value::{EcoVec, Kind, Object, Value, json};

use super::budget;
use super::value::{Fault, Val, compare, fault, number};

pub(super) type Data = JustLut<Val>;

/// What programs are instrumented with: lets its input pass, and takes a step.
pub(super) const STEP: &str = "sluice_step";

/// The functions of this file, those of the library they do not replace, and none that reach out
/// of the program (environment, standard error).
pub(super) fn all() -> Vec<Fun<Data>> {
    let own = own();
    let replaced: Vec<&str> = own.iter().map(|(name, ..)| *name).chain(["env"]).collect();
    let library = jaq_core::funs::<Data>().chain(jaq_std::funs::<Data>());
    let library = library.filter(|(name, ..)| !replaced.contains(name)).collect::<Vec<_>>();
    own.into_iter().chain(library).collect()
}

fn own() -> Vec<Fun<Data>> {
    let step = Native::new(|cv| bome(stepped(cv.1)))
        .with_paths(|cv| {
            let (value, path) = cv.1;
            box_once(stepped(value).map(|value| (value, path)).map_err(Into::into))
        })
        .with_update(|cv, update| match stepped(cv.1) {
            Ok(value) => update(value),
            Err(error) => box_once(Err(error.into())),
        });
    vec![
        (STEP, v(0), step),
        run(("error_empty", v(0), |cv| bome(Err(Error::new(cv.1.thrown()))))),
        run(("infinite", v(0), |_| bome(Ok(Val::leaf(f64::INFINITY))))),
        run(("nan", v(0), |_| bome(Ok(Val::leaf(f64::NAN))))),
        run(("isnan", v(0), |cv| {
            bome(match cv.1.value.as_f64() {
                Some(float) => Ok(Val::leaf(float.is_nan())),
                None => Err(not_for("isnan", &cv.1)),
            })
        })),
        run(("length", v(0), |cv| bome(length(&cv.1)))),
        run(("keys_unsorted", v(0), |cv| bome(keys(&cv.1)))),
        run(("has", v(1), |cv| unary(cv, |value, key| has(&value, &key)))),
        run(("contains", v(1), |cv| {
            unary(cv, |value, part| contains(&value, &part).map(Val::leaf))
        })),
        run(("indices", v(1), |cv| unary(cv, |value, part| indices(&value, &part)))),
        run(("bsearch", v(1), |cv| unary(cv, |list, item| search(&list, &item)))),
        run(("delpaths", v(1), |cv| unary(cv, |value, paths| delete_paths(value, &paths)))),
        run(("tojson", v(0), |cv| bome(Ok(Val::from(cv.1.value.to_string()))))),
        run(("fromjson", v(0), |cv| bome(parse(&cv.1)))),
        run(("tonumber", v(0), |cv| bome(to_number(cv.1)))),
        run(("format_csv", v(0), |cv| bome(row(&cv.1, "csv", ",", quoted)))),
        run(("format_tsv", v(0), |cv| bome(row(&cv.1, "tsv", "\t", escaped)))),
        run(("encode_base32", v(0), |cv| bome(encode_base32(&cv.1)))),
        run(("decode_base32", v(0), |cv| bome(decode_base32(&cv.1)))),
    ]
}

fn stepped(mut value: Val) -> ValR<Val> {
    budget::step().map_err(fault)?;
    value.check_depth()?;
    Ok(value)
}

fn not_for(name: &str, value: &Val) -> Fault {
    fault(format!("{name} cannot be applied to: {}", value.preview()))
}

fn length(value: &Val) -> ValR<Val> {
    Ok(match &value.value {
        Value::Null => Val::leaf(0_i64),
        Value::String(text) => Val::leaf(text.chars().count() as i64),
        Value::Array(items) => Val::leaf(items.len() as i64),
        Value::Object(fields) => Val::leaf(fields.len() as i64),
        other => match (other.as_i64().and_then(i64::checked_abs), other.as_f64()) {
            (Some(whole), _) => Val::leaf(whole),
            (None, Some(float)) => Val::leaf(number(float.abs())),
            (None, None) => return Err(not_for("length", value)),
        },
    })
}

fn keys(value: &Val) -> ValR<Val> {
    match &value.value {
        Value::Array(items) => Ok((0..items.len()).map(Val::from).collect()),
        Value::Object(fields) => Ok(fields.keys().cloned().map(Val::leaf).collect()),
        _ => Err(not_for("keys", value)),
    }
}

fn has(value: &Val, key: &Val) -> ValR<Val> {
    match (&value.value, &key.value) {
        (Value::Object(fields), Value::String(key)) => Ok(Val::leaf(fields.contains_key(key))),
        (Value::Array(items), at) if at.kind() == Kind::Number => {
            let at = at.as_f64().unwrap_or(-1.0);
            Ok(Val::leaf(at >= 0.0 && at < items.len() as f64))
        }
        _ => Err(fault(format!(
            "cannot check whether {} has a key: {}",
            value.preview(),
            key.preview()
        ))),
    }
}

fn contains(whole: &Val, part: &Val) -> Result<bool, Fault> {
    budget::step().map_err(fault)?;
    let inner = |value: &Value| Val::with(value.clone(), whole.depth());
    match (&whole.value, &part.value) {
        (Value::String(whole), Value::String(part)) => Ok(whole.contains(part.as_str())),
        (Value::Array(items), Value::Array(parts)) => {
            for part in parts {
                let mut found = false;
                for item in items {
                    found = item.kind() == part.kind() && contains(&inner(item), &inner(part))?;
                    if found {
                        break;
                    }
                }
                if !found {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        (Value::Object(fields), Value::Object(parts)) => {
            for (key, part) in parts.iter() {
                let Some(field) = fields.get(key) else { return Ok(false) };
                if field.kind() != part.kind() || !contains(&inner(field), &inner(part))? {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        (left, right) if left.kind() == right.kind() => Ok(compare(left, right).is_eq()),
        _ => {
            let part = part.value.to_string();
            Err(fault(format!("cannot check contains({part}): {}", whole.preview())))
        }
    }
}

/// Where a part is found in a text or list.
pub(super) fn indices(whole: &Val, part: &Val) -> ValR<Val> {
    let found = |at: usize| Val::leaf(at as i64);
    match (&whole.value, &part.value) {
        (Value::Null, _) => Ok(Val::null()),
        (Value::String(text), Value::String(part)) => {
            if part.is_empty() {
                return Ok(Val::null());
            }
            let starts = text.char_indices().enumerate();
            let hits = starts.filter(|(_, (byte, _))| text[*byte..].starts_with(part.as_str()));
            Ok(hits.map(|(at, _)| found(at)).collect())
        }
        (Value::Array(items), Value::Array(parts)) => {
            if parts.is_empty() {
                return Ok(Val::null());
            }
            let equal = |window: &[Value]| {
                window.iter().zip(parts).all(|(item, part)| compare(item, part).is_eq())
            };
            let windows = items.windows(parts.len()).enumerate();
            Ok(windows.filter(|(_, window)| equal(window)).map(|(at, _)| found(at)).collect())
        }
        (Value::Array(items), item) => {
            let hits = items.iter().enumerate().filter(|(_, it)| compare(it, item).is_eq());
            Ok(hits.map(|(at, _)| found(at)).collect())
        }
        _ => Err(not_for("indices", whole)),
    }
}

/// The place of an item in a sorted list; where it would have to go, as `-1 - place`.
fn search(list: &Val, item: &Val) -> ValR<Val> {
    let Value::Array(items) = &list.value else {
        return Err(fault(format!("expected an array but got: {}", list.preview())));
    };
    Ok(match items.binary_search_by(|probe| compare(probe, &item.value)) {
        Ok(at) => Val::leaf(at as i64),
        Err(at) => Val::leaf(-1 - at as i64),
    })
}

/// Deletes from the last path to the first, so that places do not move before their turn.
fn delete_paths(value: Val, paths: &Val) -> ValR<Val> {
    let Value::Array(paths) = &paths.value else {
        return Err(fault(format!("expected an array but got: {}", paths.preview())));
    };
    let mut paths: Vec<&Value> = paths.iter().collect();
    paths.sort_by(|a, b| compare(b, a));
    let mut value = value;
    for path in paths {
        let Value::Array(keys) = path else {
            let shown = Val::leaf(path.clone()).preview();
            return Err(fault(format!("expected an array but got: {shown}")));
        };
        value = delete_path(value, keys)?;
    }
    Ok(value)
}

fn delete_path(value: Val, path: &[Value]) -> ValR<Val> {
    budget::step().map_err(fault)?;
    let Some((key, rest)) = path.split_first() else { return Ok(Val::null()) };
    if value.value.is_null() {
        return Ok(value);
    }
    let key = Val::leaf(key.clone());
    let child = value.clone().index(&key)?;
    if !rest.is_empty() && child.value.is_null() {
        return Ok(value);
    }
    let replaced = value.map_index(&key, jaq_core::path::Opt::Essential, |child| {
        let left = (!rest.is_empty()).then(|| delete_path(child, rest));
        left.map(|left| left.map_err(Into::into)).into_iter()
    });
    replaced.map_err(|error| match error.get_err() {
        Ok(error) => error,
        Err(_) => fault("cannot delete this path"),
    })
}

fn parse(text: &Val) -> ValR<Val> {
    let Value::String(text) = &text.value else { return Err(not_for("fromjson", text)) };
    budget::afford(text.len()).map_err(fault)?;
    json::parse(text.as_bytes())
        .map(Val::input)
        .map_err(|error| fault(format!("fromjson cannot be applied to this text: {error}")))
}

fn to_number(value: Val) -> ValR<Val> {
    match &value.value {
        Value::String(text) => {
            let looks_right = text.bytes().all(|b| b.is_ascii_digit() || b"+-.eE".contains(&b));
            let parsed = looks_right.then(|| Val::from_num(text).ok()).flatten();
            parsed.ok_or_else(|| not_for("tonumber", &value))
        }
        other if other.kind() == Kind::Number => Ok(value),
        _ => Err(not_for("tonumber", &value)),
    }
}

fn row(cells: &Val, format: &str, separator: &str, text: fn(&str) -> String) -> ValR<Val> {
    let Value::Array(items) = &cells.value else {
        return Err(not_for(&format!("@{format}"), cells));
    };
    let cells = items.iter().map(|item| match item {
        Value::Null => Ok(String::new()),
        Value::String(cell) => Ok(text(cell)),
        Value::Array(_) | Value::Object(_) => {
            let shown = Val::leaf(item.clone()).preview();
            Err(fault(format!("invalid {format} row: {shown}")))
        }
        other => Ok(other.to_string()),
    });
    Ok(Val::from(cells.collect::<Result<Vec<_>, Fault>>()?.join(separator)))
}

fn quoted(cell: &str) -> String {
    format!("\"{}\"", cell.replace('"', "\"\""))
}

fn escaped(cell: &str) -> String {
    cell.replace('\\', "\\\\").replace('\t', "\\t").replace('\n', "\\n").replace('\r', "\\r")
}

const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

fn encode_base32(value: &Val) -> ValR<Val> {
    let Value::String(text) = &value.value else { return Err(not_for("@base32", value)) };
    let mut out = String::with_capacity(text.len().div_ceil(5) * 8);
    for group in text.as_bytes().chunks(5) {
        let mut bits = [0_u8; 8];
        bits[3..3 + group.len()].copy_from_slice(group);
        let bits = u64::from_be_bytes(bits);
        let used = (group.len() * 8).div_ceil(5);
        for at in 0..8 {
            let digit = BASE32[(bits >> (35 - 5 * at)) as usize & 31];
            out.push(if at < used { char::from(digit) } else { '=' });
        }
    }
    Ok(Val::from(out))
}

fn decode_base32(value: &Val) -> ValR<Val> {
    let Value::String(text) = &value.value else { return Err(not_for("@base32d", value)) };
    let (mut bits, mut count, mut out) = (0_u32, 0, Vec::new());
    for byte in text.trim_end_matches('=').bytes() {
        let digit = BASE32.iter().position(|digit| *digit == byte);
        let digit = digit.ok_or_else(|| not_for("@base32d", value))?;
        bits = bits << 5 | digit as u32;
        count += 5;
        if count >= 8 {
            count -= 8;
            out.push((bits >> count) as u8);
            bits &= (1 << count) - 1;
        }
    }
    Ok(Val::from(String::from_utf8_lossy(&out).into_owned()))
}

/// What `env` and `$ENV` give: the program's environment is not a stream's business.
pub(super) fn no_environment() -> Val {
    Val::with(Value::Object(Object::new()), 1)
}

/// A list of values, for results that are several.
pub(super) fn list(values: Vec<Value>) -> Value {
    Value::Array(EcoVec::from(values))
}
