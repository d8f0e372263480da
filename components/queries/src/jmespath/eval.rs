//! Asking a JMESPath expression of a value.

use std::cell::Cell;

use sluice_value::{EcoVec, Kind, Object, Value};

use super::functions;
use super::parse::{Node, STACK};

/// Items that one run may visit or make.
const MAX_ITEMS: usize = 10_000_000;

/// One run over one document.
pub(super) struct Run {
    items: Cell<usize>,
}

impl Run {
    pub(super) fn new() -> Self {
        Self { items: Cell::new(0) }
    }

    /// Counts an item.
    ///
    /// # Errors
    /// There were too many.
    pub(super) fn count(&self, items: usize) -> Result<(), String> {
        self.items.set(self.items.get().saturating_add(items));
        if self.items.get() > MAX_ITEMS {
            return Err("the JMESPath query visits more than 10 million values".into());
        }
        Ok(())
    }

    /// # Errors
    /// A function was given what it cannot take, or there is no such function.
    pub(super) fn ask(&self, node: &Node, value: &Value) -> Result<Value, String> {
        self.count(1)?;
        stacker::maybe_grow(STACK / 4, STACK, || self.ask_here(node, value))
    }

    fn ask_here(&self, node: &Node, value: &Value) -> Result<Value, String> {
        Ok(match node {
            Node::Current => value.clone(),
            Node::Field(name) => value.get(name).cloned().unwrap_or_default(),
            Node::Index(at) => index(value, *at),
            Node::Slice(start, stop, step) => slice(value, *start, *stop, *step)?,
            Node::Literal(literal) => literal.clone(),
            Node::Then(left, right) => self.ask(right, &self.ask(left, value)?)?,
            Node::Each(list, then) => match self.ask(list, value)? {
                Value::Array(items) => self.each(items.iter(), then)?,
                _ => Value::Null,
            },
            Node::EachValue(object, then) => match self.ask(object, value)? {
                Value::Object(fields) => self.each(fields.values(), then)?,
                _ => Value::Null,
            },
            Node::Filter { list, then, condition } => {
                let Value::Array(items) = self.ask(list, value)? else { return Ok(Value::Null) };
                let mut kept = EcoVec::new();
                for item in items {
                    if is_true(&self.ask(condition, &item)?) {
                        let found = self.ask(then, &item)?;
                        if !found.is_null() {
                            kept.push(found);
                        }
                    }
                }
                Value::Array(kept)
            }
            Node::Flatten(list) => self.flatten(&self.ask(list, value)?)?,
            Node::List(items) if !value.is_null() => {
                let items = items.iter().map(|item| self.ask(item, value));
                Value::Array(items.collect::<Result<_, _>>()?)
            }
            Node::Object(fields) if !value.is_null() => {
                let mut object = Object::with_capacity(fields.len());
                for (key, field) in fields {
                    object.insert(key.as_str(), self.ask(field, value)?);
                }
                Value::Object(object)
            }
            Node::List(_) | Node::Object(_) => Value::Null,
            Node::Or(left, right) => {
                let left = self.ask(left, value)?;
                if is_true(&left) { left } else { self.ask(right, value)? }
            }
            Node::And(left, right) => {
                let left = self.ask(left, value)?;
                if is_true(&left) { self.ask(right, value)? } else { left }
            }
            Node::Not(inner) => Value::Bool(!is_true(&self.ask(inner, value)?)),
            Node::Compare(sign, left, right) => {
                compare(sign, &self.ask(left, value)?, &self.ask(right, value)?)
            }
            Node::Call(name, arguments) => functions::call(self, name, arguments, value)?,
            Node::Reference(_) => return Err("an expression reference is not a value".into()),
        })
    }

    fn each<'v>(
        &self,
        items: impl Iterator<Item = &'v Value>,
        then: &Node,
    ) -> Result<Value, String> {
        let mut found = EcoVec::new();
        for item in items {
            let value = self.ask(then, item)?;
            if !value.is_null() {
                found.push(value);
            }
        }
        Ok(Value::Array(found))
    }

    fn flatten(&self, value: &Value) -> Result<Value, String> {
        let Value::Array(items) = value else { return Ok(Value::Null) };
        let mut flat = EcoVec::new();
        for item in items {
            match item {
                Value::Array(inner) => {
                    self.count(inner.len())?;
                    flat.extend(inner.iter().cloned());
                }
                other => flat.push(other.clone()),
            }
        }
        Ok(Value::Array(flat))
    }

    /// The result for a document: numbers as they were computed with, not as they were written.
    pub(super) fn plain(&self, value: Value) -> Result<Value, String> {
        self.count(1)?;
        Ok(match value {
            Value::Array(items) => {
                let items = items.into_iter().map(|item| self.plain(item));
                Value::Array(items.collect::<Result<_, _>>()?)
            }
            Value::Object(fields) => {
                let mut plain = Object::with_capacity(fields.len());
                for (key, field) in fields {
                    plain.insert(key, self.plain(field)?);
                }
                Value::Object(plain)
            }
            number if number.kind() == Kind::Number => {
                Value::Float(number.as_f64().unwrap_or_default())
            }
            other => other,
        })
    }
}

pub(super) fn is_true(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(fields) => !fields.is_empty(),
        _ => true,
    }
}

fn index(value: &Value, at: i64) -> Value {
    let Value::Array(items) = value else { return Value::Null };
    let at = if at < 0 { at.saturating_add(items.len() as i64) } else { at };
    let item = usize::try_from(at).ok().and_then(|at| items.get(at));
    item.cloned().unwrap_or_default()
}

fn slice(
    value: &Value,
    start: Option<i64>,
    stop: Option<i64>,
    step: Option<i64>,
) -> Result<Value, String> {
    let Value::Array(items) = value else { return Ok(Value::Null) };
    let (length, step) = (items.len() as i64, step.unwrap_or(1));
    if step == 0 {
        return Err("Invalid slice, step cannot be 0".into());
    }
    let (lowest, highest) = if step < 0 { (-1, length - 1) } else { (0, length) };
    let bound = |bound: Option<i64>, default: i64| match bound {
        None => default,
        Some(at) if at < 0 => at.saturating_add(length).max(lowest),
        Some(at) => at.min(highest),
    };
    let (first, last) = if step < 0 { (length - 1, -1) } else { (0, length) };
    let (mut at, stop) = (bound(start, first), bound(stop, last));
    let mut found = EcoVec::new();
    while if step > 0 { at < stop } else { at > stop } {
        found.extend(usize::try_from(at).ok().and_then(|at| items.get(at)).cloned());
        at = at.saturating_add(step);
    }
    Ok(Value::Array(found))
}

pub(super) fn equal(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(a, b)| equal(a, b))
        }
        (Value::Object(left), Value::Object(right)) => {
            let same = |((a, left), (b, right)): ((_, &Value), (_, &Value))| {
                let (a, b): (&sluice_value::EcoString, &sluice_value::EcoString) = (a, b);
                a == b && equal(left, right)
            };
            left.len() == right.len() && left.iter().zip(right.iter()).all(same)
        }
        _ => match (left.as_f64(), right.as_f64()) {
            (Some(left), Some(right)) => left == right,
            _ => left == right,
        },
    }
}

fn compare(sign: &str, left: &Value, right: &Value) -> Value {
    let ordered = left.as_f64().zip(right.as_f64());
    let ordered = |holds: fn(f64, f64) -> bool| {
        ordered.map_or(Value::Null, |(left, right)| Value::Bool(holds(left, right)))
    };
    match sign {
        "==" => Value::Bool(equal(left, right)),
        "!=" => Value::Bool(!equal(left, right)),
        "<" => ordered(|a, b| a < b),
        "<=" => ordered(|a, b| a <= b),
        ">" => ordered(|a, b| a > b),
        _ => ordered(|a, b| a >= b),
    }
}
