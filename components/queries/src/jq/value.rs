//! Values as jq programs see them: an engine value with jq's order, paths and texts of errors.

use std::cmp::Ordering;
use std::fmt;

use bytes::Bytes;
use jaq_core::path::Opt;
use jaq_core::val::Range;
use jaq_core::{Error, ValR, ValT, ValX};
use sluice_value::json::MAX_DEPTH;
use sluice_value::{EcoString, EcoVec, Kind, Number, Object, Value};

use super::budget;

/// Largest index that an assignment may fill a list up to.
const MAX_INDEX: i64 = 1 << 20;

/// A value of a program.
#[derive(Clone, Debug)]
pub(super) struct Val {
    pub(super) value: Value,
    /// At most this deeply nested: an estimate from above, see [`Val::check_depth`].
    depth: u32,
    /// Whether it was thrown with `error`.
    pub(super) is_thrown: bool,
}

pub(super) type Fault = Error<Val>;

impl Val {
    /// A value from outside, parsed within the limits of documents.
    pub(super) fn input(value: Value) -> Self {
        let value = match value {
            Value::Bytes(bytes) | Value::RawString(bytes) => {
                Value::string(String::from_utf8_lossy(&bytes).as_ref())
            }
            at @ Value::Timestamp(_) => Value::from(at.to_text()),
            other => other,
        };
        Self { value, depth: MAX_DEPTH as u32, is_thrown: false }
    }

    pub(super) fn null() -> Self {
        Self::leaf(Value::Null)
    }

    pub(super) fn leaf(value: impl Into<Value>) -> Self {
        Self { value: value.into(), depth: 0, is_thrown: false }
    }

    /// A part of this value.
    fn part(&self, value: Value) -> Self {
        Self { value, depth: self.depth.saturating_sub(1), is_thrown: false }
    }

    /// The same place in the nesting with another value, that holds parts as deep as `inner`.
    fn around(value: Value, inner: u32) -> Self {
        Self { value, depth: inner.saturating_add(1), is_thrown: false }
    }

    /// Refuses values that are nested more deeply than documents may be. Depths are estimated from
    /// above while values are built and taken apart, and counted when the estimate grows large.
    pub(super) fn check_depth(&mut self) -> Result<(), Fault> {
        if self.depth as usize > 2 * MAX_DEPTH {
            self.depth = depth_of(&self.value);
        }
        if self.depth as usize > 2 * MAX_DEPTH {
            Err(fault("value nested too deeply"))
        } else {
            Ok(())
        }
    }

    /// The value for a document.
    pub(super) fn output(self) -> Result<Value, Fault> {
        let too_deep =
            self.depth as usize > MAX_DEPTH && depth_of(&self.value) as usize > MAX_DEPTH;
        if too_deep { Err(fault("value nested too deeply")) } else { Ok(self.value) }
    }

    /// The value as thrown with `error`.
    pub(super) fn thrown(self) -> Self {
        Self { is_thrown: true, ..self }
    }

    pub(super) fn depth(&self) -> u32 {
        self.depth
    }

    pub(super) fn with(value: Value, depth: u32) -> Self {
        Self { value, depth, is_thrown: false }
    }

    /// Name of the type in jq.
    pub(super) fn type_name(&self) -> &'static str {
        match self.value.kind() {
            Kind::Bool => "boolean",
            Kind::Bytes | Kind::Timestamp => "string",
            other => other.name(),
        }
    }

    /// Type and the beginning of the value, as errors show it.
    pub(super) fn preview(&self) -> String {
        if self.value.is_null() {
            return "null".into();
        }
        let text = self.value.to_string();
        let ending = match self.value.kind() {
            Kind::String => " ...\"",
            Kind::Array => " ...]",
            Kind::Object => " ...}",
            _ => " ...",
        };
        let shown = if text.len() > 30 {
            let room = 30 - ending.len();
            let mut end = 0;
            for (at, c) in text.char_indices() {
                end = at + c.len_utf8();
                if end >= room {
                    break;
                }
            }
            format!("{}{ending}", &text[..end])
        } else {
            text
        };
        format!("{} ({shown})", self.type_name())
    }

    /// The position that an index means in a list of `length`; may lie outside of it.
    fn position(index: &Self, length: usize) -> Option<i64> {
        let at = index.value.as_f64()?;
        let at = if at.is_nan() { return None } else { at.floor() as i64 };
        Some(if at < 0 { at.saturating_add(length as i64) } else { at })
    }

    /// The bounds of a slice of something of `length`.
    fn bounds(range: &Range<&Self>, length: usize) -> Result<(usize, usize), Fault> {
        let bound = |bound: Option<&Self>, default: usize, round: fn(f64) -> f64| match bound {
            None => Ok(default),
            Some(bound) if bound.value.is_null() => Ok(default),
            Some(bound) => match bound.value.as_f64() {
                Some(at) => {
                    let at = round(at);
                    let at = if at < 0.0 { at + length as f64 } else { at };
                    Ok((at.max(0.0) as usize).min(length))
                }
                None => Err(fault(format!(
                    "expected \"start\" and \"end\" for slicing but got: {}",
                    bound.preview()
                ))),
            },
        };
        let start = bound(range.start, 0, f64::floor)?;
        let end = bound(range.end, length, f64::ceil)?;
        Ok((start, end.max(start)))
    }

    fn slice_of(&self) -> Option<(Val, Val)> {
        let fields = self.value.as_object()?;
        let bound = |key| self.part(fields.get(key).cloned().unwrap_or_default());
        Some((bound("start"), bound("end")))
    }
}

/// An error of a program's own making.
pub(super) fn fault(message: impl Into<String>) -> Fault {
    Error::new(Val::leaf(message.into()))
}

/// How deeply a value is nested.
pub(super) fn depth_of(value: &Value) -> u32 {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth_of).max().unwrap_or(0),
        Value::Object(fields) => 1 + fields.values().map(depth_of).max().unwrap_or(0),
        _ => 0,
    }
}

/// A number without what its text had beyond its value.
pub(super) fn number(value: f64) -> Value {
    if value.fract() == 0.0 && value.abs() < 9e15 && !(value == 0.0 && value.is_sign_negative()) {
        Value::Int(value as i64)
    } else {
        Value::Float(value)
    }
}

impl ValT for Val {
    fn from_num(text: &str) -> ValR<Self> {
        let value = match text.parse::<i64>() {
            Ok(whole) => Value::Int(whole),
            Err(_) => match Number::parse(text) {
                Some(number) => Value::Number(number),
                None => number(text.parse().map_err(|_| fault(format!("invalid number: {text}")))?),
            },
        };
        Ok(Self::leaf(value))
    }

    fn from_map<I: IntoIterator<Item = (Self, Self)>>(fields: I) -> ValR<Self> {
        budget::step().map_err(fault)?;
        let (mut object, mut depth) = (Object::new(), 0);
        for (key, value) in fields {
            let Value::String(key) = &key.value else {
                let shown = key.preview();
                return Err(fault(format!("expected a string for object key but got: {shown}")));
            };
            depth = depth.max(value.depth);
            object.insert(key.clone(), value.value);
        }
        budget::pay(object.len() * size_of::<(EcoString, Value)>());
        Ok(Self::around(Value::Object(object), depth))
    }

    fn key_values(self) -> Box<dyn Iterator<Item = ValR<(Self, Self), Self>>> {
        match self.value.clone() {
            Value::Array(items) => Box::new(
                items
                    .into_iter()
                    .enumerate()
                    .map(move |(at, item)| Ok((Self::leaf(at as i64), self.part(item)))),
            ),
            Value::Object(fields) => Box::new(
                fields.into_iter().map(move |(key, value)| Ok((Self::leaf(key), self.part(value)))),
            ),
            _ => once(Err(fault(format!("cannot iterate over: {}", self.preview())))),
        }
    }

    fn values(self) -> Box<dyn Iterator<Item = ValR<Self>>> {
        match self.value.clone() {
            Value::Array(items) => Box::new(items.into_iter().map(move |item| Ok(self.part(item)))),
            Value::Object(fields) => {
                Box::new(fields.into_iter().map(move |(_, value)| Ok(self.part(value))))
            }
            _ => once(Err(fault(format!("cannot iterate over: {}", self.preview())))),
        }
    }

    fn index(self, index: &Self) -> ValR<Self> {
        budget::step().map_err(fault)?;
        match (&self.value, &index.value) {
            (Value::Object(fields), Value::String(key)) => {
                Ok(self.part(fields.get(key).cloned().unwrap_or_default()))
            }
            (Value::Null, Value::String(_) | Value::Null) => Ok(Self::null()),
            (Value::Null, key) if key.kind() == Kind::Number => Ok(Self::null()),
            (Value::Array(items), key) if key.kind() == Kind::Number => {
                let at = Self::position(index, items.len());
                let at = at.and_then(|at| usize::try_from(at).ok());
                let item = at.and_then(|at| items.get(at)).cloned();
                Ok(self.part(item.unwrap_or_default()))
            }
            (Value::Array(_), Value::Array(_)) => super::functions::indices(&self, index),
            (Value::Array(_) | Value::String(_) | Value::Null, Value::Object(_)) => {
                let (start, end) = index.slice_of().expect("an object");
                self.range(Some(&start)..Some(&end))
            }
            (Value::Object(_), _) => {
                Err(fault(format!("expected a string for object key but got: {}", index.preview())))
            }
            (_, key) if key.kind() == Kind::Number => {
                Err(fault(format!("expected an array but got: {}", self.preview())))
            }
            _ => Err(fault(format!("expected an object but got: {}", self.preview()))),
        }
    }

    fn range(self, range: Range<&Self>) -> ValR<Self> {
        match &self.value {
            Value::Null => Ok(self),
            Value::Array(items) => {
                let (start, end) = Self::bounds(&range, items.len())?;
                let slice: EcoVec<Value> = items[start..end].iter().cloned().collect();
                budget::pay(size_of_val(&*slice));
                Ok(Self { value: Value::Array(slice), ..self })
            }
            Value::String(text) => {
                let (start, end) = Self::bounds(&range, text.chars().count())?;
                let slice: EcoString = text.chars().skip(start).take(end - start).collect();
                budget::pay(slice.len());
                Ok(Self::leaf(slice))
            }
            _ => Err(fault(format!("expected an array but got: {}", self.preview()))),
        }
    }

    fn map_values<'a, I: Iterator<Item = ValX<'a, Self>>>(
        self,
        opt: Opt,
        f: impl Fn(Self) -> I,
    ) -> ValX<'a, Self> {
        let mut depth = 0;
        let value = match self.value.clone() {
            Value::Array(items) => {
                let mut mapped = EcoVec::with_capacity(items.len());
                for item in items {
                    for value in f(self.part(item)) {
                        let value = value?;
                        depth = depth.max(value.depth);
                        mapped.push(value.value);
                    }
                }
                Value::Array(mapped)
            }
            Value::Object(fields) => {
                let mut mapped = Object::with_capacity(fields.len());
                for (key, value) in fields {
                    if let Some(value) = f(self.part(value)).next().transpose()? {
                        depth = depth.max(value.depth);
                        mapped.insert(key, value.value);
                    }
                }
                Value::Object(mapped)
            }
            _ => {
                return opt.fail(self, |value| {
                    fault(format!("cannot iterate over: {}", value.preview())).into()
                });
            }
        };
        Ok(Self::around(value, depth))
    }

    fn map_index<'a, I: Iterator<Item = ValX<'a, Self>>>(
        mut self,
        index: &Self,
        opt: Opt,
        f: impl Fn(Self) -> I,
    ) -> ValX<'a, Self> {
        if let (Value::Array(_) | Value::Null, Some((start, end))) = (&self.value, index.slice_of())
        {
            return self.map_range(Some(&start)..Some(&end), opt, f);
        }
        if self.value.is_null() {
            self.value = match index.value.kind() {
                Kind::String => Value::Object(Object::new()),
                Kind::Number => Value::Array(EcoVec::new()),
                _ => Value::Null,
            };
        }
        let inner = self.depth.saturating_sub(1);
        match (&mut self.value, &index.value) {
            (Value::Object(fields), Value::String(key)) => {
                let old = fields.get_mut(key).map(std::mem::take).unwrap_or_default();
                match f(Self::with(old, inner)).next().transpose()? {
                    Some(new) => {
                        self.depth = self.depth.max(new.depth.saturating_add(1));
                        fields.insert(key.clone(), new.value);
                    }
                    None => _ = fields.remove(key),
                }
                Ok(self)
            }
            (Value::Array(items), key) if key.kind() == Kind::Number => {
                let at = Self::position(index, items.len()).unwrap_or(0);
                let Ok(at) = usize::try_from(at) else {
                    return opt.fail(self, |_| fault("out of bounds negative array index").into());
                };
                if at as i64 > MAX_INDEX && at >= items.len() {
                    let error = format!("array index too large: {}", index.value);
                    return opt.fail(self, |_| fault(error).into());
                }
                let old = items.get(at).cloned().unwrap_or_default();
                match f(Self::with(old, inner)).next().transpose()? {
                    Some(new) => {
                        if at >= items.len() {
                            budget::pay((at + 1 - items.len()) * size_of::<Value>());
                            items.extend(std::iter::repeat_n(Value::Null, at + 1 - items.len()));
                        }
                        self.depth = self.depth.max(new.depth.saturating_add(1));
                        items.make_mut()[at] = new.value;
                    }
                    None if at < items.len() => _ = items.remove(at),
                    None => {}
                }
                Ok(self)
            }
            (_, key) => {
                let expected = match key.kind() {
                    Kind::Number => "an array",
                    _ => "an object",
                };
                opt.fail(self, |value| {
                    fault(format!("expected {expected} but got: {}", value.preview())).into()
                })
            }
        }
    }

    fn map_range<'a, I: Iterator<Item = ValX<'a, Self>>>(
        mut self,
        range: Range<&Self>,
        opt: Opt,
        f: impl Fn(Self) -> I,
    ) -> ValX<'a, Self> {
        if self.value.is_null() {
            self.value = Value::Array(EcoVec::new());
        }
        let Value::Array(items) = &self.value else {
            return opt.fail(self, |value| {
                fault(format!("expected an array but got: {}", value.preview())).into()
            });
        };
        let (start, end) = match Self::bounds(&range, items.len()) {
            Ok(bounds) => bounds,
            Err(error) => return opt.fail(self, |_| error.into()),
        };
        let slice: EcoVec<Value> = items[start..end].iter().cloned().collect();
        let slice = Self::with(Value::Array(slice), self.depth);
        let (new, depth) = match f(slice).next().transpose()? {
            None => (EcoVec::new(), 0),
            Some(Self { value: Value::Array(new), depth, .. }) => (new, depth),
            Some(other) => {
                return Err(fault(format!("expected an array but got: {}", other.preview())).into());
            }
        };
        let parts = [&items[..start], &new, &items[end..]];
        let joined: EcoVec<Value> = parts.into_iter().flatten().cloned().collect();
        budget::pay(size_of_val(&*joined));
        Ok(Self::with(Value::Array(joined), self.depth.max(depth)))
    }

    fn as_bool(&self) -> bool {
        !matches!(self.value, Value::Null | Value::Bool(false))
    }

    fn into_string(self) -> Self {
        match &self.value {
            Value::String(_) => self,
            other => {
                let text = other.to_string();
                budget::pay(text.len());
                Self::leaf(text)
            }
        }
    }
}

fn once<T: 'static>(item: T) -> Box<dyn Iterator<Item = T>> {
    Box::new(std::iter::once(item))
}

impl jaq_std::ValT for Val {
    fn into_seq<S: FromIterator<Self>>(self) -> Result<S, Self> {
        match self.value.clone() {
            Value::Array(items) => Ok(items.into_iter().map(|item| self.part(item)).collect()),
            _ => Err(self),
        }
    }

    fn is_int(&self) -> bool {
        self.value.as_i64().is_some()
    }

    fn as_isize(&self) -> Option<isize> {
        self.value.as_i64().and_then(|n| n.try_into().ok())
    }

    fn as_f64(&self) -> Option<f64> {
        self.value.as_f64()
    }

    fn is_utf8_str(&self) -> bool {
        matches!(self.value, Value::String(_))
    }

    fn as_bytes(&self) -> Option<&[u8]> {
        match &self.value {
            Value::String(text) => Some(text.as_bytes()),
            _ => None,
        }
    }

    fn as_sub_str(&self, sub: &[u8]) -> Self {
        Self::from_utf8_bytes(sub.to_vec())
    }

    fn from_utf8_bytes(bytes: impl AsRef<[u8]> + Send + 'static) -> Self {
        budget::pay(bytes.as_ref().len());
        Self::leaf(String::from_utf8_lossy(bytes.as_ref()).as_ref())
    }
}

impl fmt::Display for Val {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value.fmt(f)
    }
}

impl PartialEq for Val {
    fn eq(&self, other: &Self) -> bool {
        compare(&self.value, &other.value) == Ordering::Equal
    }
}

impl Eq for Val {}

impl PartialOrd for Val {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Val {
    fn cmp(&self, other: &Self) -> Ordering {
        compare(&self.value, &other.value)
    }
}

/// jq's order of all values.
pub(super) fn compare(left: &Value, right: &Value) -> Ordering {
    let rank = |value: &Value| match value.kind() {
        Kind::Null => 0,
        Kind::Bool => 1,
        Kind::Number => 2,
        Kind::String | Kind::Bytes | Kind::Timestamp => 3,
        Kind::Array => 4,
        Kind::Object => 5,
    };
    match (left, right) {
        (Value::Bool(left), Value::Bool(right)) => left.cmp(right),
        (Value::Int(left), Value::Int(right)) => left.cmp(right),
        (Value::String(left), Value::String(right)) => left.cmp(right),
        (Value::Array(left), Value::Array(right)) => {
            let pairs = left.iter().zip(right.iter()).map(|(left, right)| compare(left, right));
            let unequal = pairs.into_iter().find(|order| order.is_ne());
            unequal.unwrap_or_else(|| left.len().cmp(&right.len()))
        }
        (Value::Object(left), Value::Object(right)) => {
            left.keys().cmp(right.keys()).then_with(|| {
                let pairs = left.values().zip(right.values());
                let mut pairs = pairs.map(|(left, right)| compare(left, right));
                pairs.find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
            })
        }
        _ => rank(left).cmp(&rank(right)).then_with(|| match (left.as_f64(), right.as_f64()) {
            (Some(left), Some(right)) => left.partial_cmp(&right).unwrap_or_else(|| {
                right.is_nan().cmp(&left.is_nan()) // not-a-number comes first
            }),
            _ => Ordering::Equal,
        }),
    }
}

impl FromIterator<Val> for Val {
    fn from_iter<I: IntoIterator<Item = Val>>(items: I) -> Self {
        let mut depth = 0;
        let items: EcoVec<Value> = items
            .into_iter()
            .map(|item| {
                depth = depth.max(item.depth);
                item.value
            })
            .collect();
        budget::pay(size_of_val(&*items));
        Self::around(Value::Array(items), depth)
    }
}

impl From<bool> for Val {
    fn from(value: bool) -> Self {
        Self::leaf(value)
    }
}

impl From<isize> for Val {
    fn from(value: isize) -> Self {
        Self::leaf(value as i64)
    }
}

impl From<usize> for Val {
    fn from(value: usize) -> Self {
        Self::leaf(value as u64)
    }
}

impl From<f64> for Val {
    fn from(value: f64) -> Self {
        Self::leaf(number(value))
    }
}

impl From<String> for Val {
    fn from(text: String) -> Self {
        budget::pay(text.len());
        Self::leaf(text)
    }
}

impl From<Bytes> for Val {
    fn from(bytes: Bytes) -> Self {
        Self::leaf(String::from_utf8_lossy(&bytes).as_ref())
    }
}

/// The index by which paths name a slice.
impl From<Range<Val>> for Val {
    fn from(range: Range<Val>) -> Self {
        let bound = |bound: Option<Val>| bound.map(|bound| bound.value).unwrap_or_default();
        let mut object = Object::new();
        object.insert("start", bound(range.start));
        object.insert("end", bound(range.end));
        Self::around(Value::Object(object), 0)
    }
}
