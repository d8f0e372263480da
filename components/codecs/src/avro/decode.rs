//! The binary form into values.

use sluice_bloblang::builtin::MAX_ELEMENTS;
use sluice_value::{EcoString, EcoVec, Object, Value};

use super::schema::{Kind, Schema, TypeId};
use super::{Dialect, MAX_DEPTH};

type Result<T> = std::result::Result<T, String>;

/// Reads a value. What follows it is not looked at.
///
/// # Errors
/// The content does not conform to the schema, or holds too much.
pub(crate) fn decode(schema: &Schema, dialect: Dialect, content: &[u8]) -> Result<Value> {
    let mut rest = content;
    let mut budget = MAX_ELEMENTS;
    decode_next(schema, dialect, &mut rest, &mut budget)
}

/// Reads a value and goes past it. `budget` is how many values may still be made.
pub(super) fn decode_next(
    schema: &Schema,
    dialect: Dialect,
    rest: &mut &[u8],
    budget: &mut usize,
) -> Result<Value> {
    Decoder { schema, dialect, rest, budget }.any(schema.root(), 0)
}

struct Decoder<'a, 'c> {
    schema: &'a Schema,
    dialect: Dialect,
    rest: &'a mut &'c [u8],
    budget: &'a mut usize,
}

impl<'c> Decoder<'_, 'c> {
    fn any(&mut self, id: TypeId, depth: usize) -> Result<Value> {
        if depth > MAX_DEPTH {
            return Err(format!("data is nested more than {MAX_DEPTH} deep"));
        }
        *self.budget = self
            .budget
            .checked_sub(1)
            .ok_or_else(|| format!("data holds more than {MAX_ELEMENTS} values"))?;
        let schema = self.schema;
        let ty = schema.get(id);
        let word = ty.kind.word();
        let native = ty.logical.filter(|_| self.dialect == Dialect::Native);
        let problem = |error: String| format!("cannot decode binary {word}: {error}");
        Ok(match &ty.kind {
            Kind::Null => Value::Null,
            Kind::Boolean => match self.take(1).map_err(problem)?[0] {
                0 => Value::Bool(false),
                1 => Value::Bool(true),
                other => return Err(problem(format!("expected: 0 or 1; received: {other}"))),
            },
            Kind::Int => {
                let number = self.long().map_err(problem)?;
                let number = i32::try_from(number).map_err(|_| problem("int overflow".into()))?;
                native.map_or(Value::Int(number.into()), |logical| logical.of_number(number.into()))
            }
            Kind::Long => {
                let number = self.long().map_err(problem)?;
                native.map_or(Value::Int(number), |logical| logical.of_number(number))
            }
            Kind::Float => {
                let number = f32::from_le_bytes(self.array().map_err(problem)?);
                // The shortest decimal that means it, as it was probably written once.
                Value::Float(number.to_string().parse().unwrap_or_else(|_| f64::from(number)))
            }
            Kind::Double => Value::Float(f64::from_le_bytes(self.array().map_err(problem)?)),
            Kind::Bytes => {
                let content = self.sized().map_err(problem)?;
                native.and_then(|it| it.of_bytes(content)).unwrap_or_else(|| self.bytes(content))
            }
            Kind::Fixed { size, .. } => {
                let content = self.take(*size).map_err(problem)?;
                native.and_then(|it| it.of_bytes(content)).unwrap_or_else(|| self.bytes(content))
            }
            Kind::String => {
                let content = self.sized().map_err(problem)?;
                Value::string(String::from_utf8_lossy(content))
            }
            Kind::Enum { name, symbols } => {
                let at = self.long().map_err(problem)?;
                let symbol = usize::try_from(at).ok().and_then(|at| symbols.get(at));
                let symbol = symbol.ok_or_else(|| {
                    let last = symbols.len() - 1;
                    format!(
                        "cannot decode binary enum {name:?}: index ought to be between 0 and \
                         {last}; read index: {at}"
                    )
                })?;
                Value::String(symbol.clone())
            }
            Kind::Array(items) => {
                let mut values = EcoVec::new();
                while let Some(count) = self.block().map_err(problem)? {
                    for _ in 0..count {
                        values.push(self.any(*items, depth + 1).map_err(|error| {
                            let at = values.len() + 1;
                            format!("cannot decode binary array item {at}: {error}")
                        })?);
                    }
                }
                Value::Array(values)
            }
            Kind::Map(values) => {
                let mut fields: Vec<(EcoString, Value)> = Vec::new();
                while let Some(count) = self.block().map_err(problem)? {
                    for _ in 0..count {
                        let key = self.sized().map_err(problem)?;
                        let key: EcoString = String::from_utf8_lossy(key).into();
                        let value = self.any(*values, depth + 1).map_err(|error| {
                            format!("cannot decode binary map value for key {key:?}: {error}")
                        })?;
                        fields.push((key, value));
                    }
                }
                Value::Object(fields.into_iter().collect())
            }
            Kind::Union(members) => {
                let at = self.long().map_err(problem)?;
                let member = usize::try_from(at).ok().and_then(|at| members.get(at));
                let member = *member.ok_or_else(|| {
                    let last = members.len() - 1;
                    problem(format!("index ought to be between 0 and {last}; read index: {at}"))
                })?;
                let value = self.any(member, depth + 1)?;
                let is_bare =
                    self.dialect == Dialect::Raw || matches!(schema.get(member).kind, Kind::Null);
                if is_bare {
                    value
                } else {
                    Value::Object([(schema.name(member), value)].into_iter().collect())
                }
            }
            Kind::Record { name, fields } => {
                let mut object = Object::with_capacity(fields.len());
                for field in fields {
                    let value = self.any(field.ty, depth + 1).map_err(|error| {
                        let field = &field.name;
                        format!("cannot decode binary record {name:?} field {field:?}: {error}")
                    })?;
                    object.insert(field.name.clone(), value);
                }
                Value::Object(object)
            }
        })
    }

    fn bytes(&self, content: &[u8]) -> Value {
        if self.dialect == Dialect::Native {
            return Value::bytes(content.to_vec());
        }
        Value::string(content.iter().map(|byte| char::from(*byte)).collect::<String>())
    }

    /// How many items a block has; `None` behind the last one.
    fn block(&mut self) -> Result<Option<u64>> {
        let count = self.long()?;
        if count < 0 {
            self.long()?; // the size of the block, for who wants to skip it
        }
        let count = count.unsigned_abs();
        if count > *self.budget as u64 {
            return Err(format!("block of {count} items is too large"));
        }
        Ok((count > 0).then_some(count))
    }

    fn sized(&mut self) -> Result<&'c [u8]> {
        let length = self.long()?;
        let length = usize::try_from(length).map_err(|_| format!("negative length: {length}"))?;
        self.take(length)
    }

    fn take(&mut self, length: usize) -> Result<&'c [u8]> {
        let Some((taken, rest)) = self.rest.split_at_checked(length) else {
            return Err("short buffer".into());
        };
        *self.rest = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }

    fn long(&mut self) -> Result<i64> {
        long(self.rest)
    }
}

/// Reads a number and goes past it.
pub(super) fn long(rest: &mut &[u8]) -> Result<i64> {
    let mut number = 0_u64;
    for (at, byte) in rest.iter().enumerate() {
        if at == 10 {
            return Err("number is too long".into());
        }
        number |= u64::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            *rest = &rest[at + 1..];
            return Ok((number >> 1).cast_signed() ^ -(number & 1).cast_signed());
        }
    }
    Err("short buffer".into())
}
