//! Values into the binary form.

use sluice_value::Value;

use super::logical::Logical;
use super::schema::{Kind, Schema, TypeId};
use super::{Dialect, MAX_DEPTH, decimal, union};

type Result<T> = std::result::Result<T, String>;

/// # Errors
/// The value does not conform to the schema.
pub(crate) fn encode(schema: &Schema, dialect: Dialect, value: &Value) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    Encoder { schema, dialect, out: &mut out }.any(schema.root(), value, 0)?;
    Ok(out)
}

struct Encoder<'a> {
    schema: &'a Schema,
    dialect: Dialect,
    out: &'a mut Vec<u8>,
}

impl Encoder<'_> {
    fn any(&mut self, id: TypeId, value: &Value, depth: usize) -> Result<()> {
        if depth > MAX_DEPTH {
            return Err(format!("data is nested more than {MAX_DEPTH} deep"));
        }
        let schema = self.schema;
        let ty = schema.get(id);
        let word = ty.kind.word();
        let mismatch = || format!("cannot encode binary {word}: received: {}", shown(value));
        match &ty.kind {
            Kind::Null => value.is_null().then_some(()).ok_or_else(mismatch)?,
            Kind::Boolean => self.out.push(value.as_bool().ok_or_else(mismatch)?.into()),
            Kind::Int => {
                let number = self.number(ty.logical, value).and_then(|n| i32::try_from(n).ok());
                self.long(number.ok_or_else(mismatch)?.into());
            }
            Kind::Long => self.long(self.number(ty.logical, value).ok_or_else(mismatch)?),
            Kind::Float => {
                let number = self.float(value).ok_or_else(mismatch)? as f32;
                self.out.extend_from_slice(&number.to_le_bytes());
            }
            Kind::Double => {
                let number = self.float(value).ok_or_else(mismatch)?;
                self.out.extend_from_slice(&number.to_le_bytes());
            }
            Kind::Bytes => {
                let content = self.content(ty.logical, value).ok_or_else(mismatch)?;
                self.sized(&content);
            }
            Kind::String => match value {
                Value::String(text) => self.sized(text.as_bytes()),
                Value::RawString(text) | Value::Bytes(text) => self.sized(text),
                Value::Timestamp(_) => self.sized(value.to_text().as_bytes()),
                _ => return Err(mismatch()),
            },
            Kind::Fixed { name, size } => {
                let content = self.content(ty.logical, value).ok_or_else(mismatch)?;
                let content = match ty.logical {
                    Some(_) if self.dialect == Dialect::Native => {
                        decimal::widened(&content, *size).ok_or_else(mismatch)?
                    }
                    _ => content,
                };
                if content.len() != *size {
                    return Err(format!(
                        "cannot encode binary fixed {name:?}: datum size ought to equal schema \
                         size: {} != {size}",
                        content.len()
                    ));
                }
                self.out.extend_from_slice(&content);
            }
            Kind::Enum { name, symbols } => {
                let symbol = value.as_str().ok_or_else(mismatch)?;
                let at = symbols.iter().position(|known| known == symbol);
                let at = at.ok_or_else(|| {
                    format!("cannot encode binary enum {name:?}: value ought to be member of symbols: {symbols:?}; {symbol:?}")
                })?;
                self.long(at as i64);
            }
            Kind::Array(items) => {
                let values = value.as_array().ok_or_else(mismatch)?;
                if !values.is_empty() {
                    self.long(values.len() as i64);
                    for (at, value) in values.iter().enumerate() {
                        self.any(*items, value, depth + 1).map_err(|error| {
                            format!("cannot encode binary array item {}: {error}", at + 1)
                        })?;
                    }
                }
                self.out.push(0);
            }
            Kind::Map(values) => {
                let fields = value.as_object().ok_or_else(mismatch)?;
                if !fields.is_empty() {
                    self.long(fields.len() as i64);
                    for (key, value) in fields.iter() {
                        self.sized(key.as_bytes());
                        self.any(*values, value, depth + 1).map_err(|error| {
                            format!("cannot encode binary map value for key {key:?}: {error}")
                        })?;
                    }
                }
                self.out.push(0);
            }
            Kind::Union(members) => self.union(members, value, depth)?,
            Kind::Record { .. } => self.record(id, value, depth)?,
        }
        Ok(())
    }

    fn record(&mut self, id: TypeId, value: &Value, depth: usize) -> Result<()> {
        let schema = self.schema;
        let Kind::Record { name, fields } = &schema.get(id).kind else { return Ok(()) };
        let object = value.as_object().ok_or_else(|| {
            format!("cannot encode binary record {name:?}: received: {}", shown(value))
        })?;
        if self.dialect != Dialect::Native {
            let is_unknown = |key: &str| fields.iter().all(|field| field.name != key);
            if let Some(key) = object.keys().find(|key| is_unknown(key)) {
                return Err(format!(
                    "cannot decode textual record {name:?}: cannot determine codec: {key:?}"
                ));
            }
        }
        for field in fields {
            let problem = |error: String| {
                format!("cannot encode binary record {name:?} field {:?}: {error}", field.name)
            };
            match (object.get(&field.name), &field.default) {
                (Some(value), _) => self.any(field.ty, value, depth + 1).map_err(|error| {
                    problem(format!("value does not match its schema: {error}"))
                })?,
                (None, Some(default)) => {
                    self.default(field.ty, default, depth + 1).map_err(problem)?;
                }
                (None, None) => {
                    let error = "schema does not specify default value and no value provided";
                    return Err(problem(error.into()));
                }
            }
        }
        Ok(())
    }

    /// Defaults are written in a dialect of their own: of unions they are values of the first
    /// member, without its name.
    fn default(&mut self, id: TypeId, default: &Value, depth: usize) -> Result<()> {
        let schema = self.schema;
        let own = std::mem::replace(&mut self.dialect, Dialect::Raw);
        let encoded = match &schema.get(id).kind {
            Kind::Union(members) => self.raw_union(members, default, depth),
            _ => self.any(id, default, depth),
        };
        self.dialect = own;
        encoded
    }

    fn union(&mut self, members: &[TypeId], value: &Value, depth: usize) -> Result<()> {
        if self.dialect == Dialect::Raw {
            return self.raw_union(members, value, depth);
        }
        let (at, inner) = union::named(self.schema, members, value)
            .map_err(|error| format!("cannot encode binary union: {error}"))?;
        self.long(at as i64);
        self.any(members[at], inner, depth + 1)
    }

    /// Takes the first member that the value conforms to.
    fn raw_union(&mut self, members: &[TypeId], value: &Value, depth: usize) -> Result<()> {
        let start = self.out.len();
        let mut problems = Vec::new();
        for (at, member) in members.iter().enumerate() {
            self.long(at as i64);
            match self.any(*member, value, depth + 1) {
                Ok(()) => return Ok(()),
                Err(problem) => problems.push(problem),
            }
            self.out.truncate(start);
        }
        Err(format!("cannot encode binary union: {}", problems.join("; ")))
    }

    fn number(&self, logical: Option<Logical>, value: &Value) -> Option<i64> {
        match logical {
            Some(logical) if self.dialect == Dialect::Native => logical.number_of(value),
            _ => value.as_i64(),
        }
    }

    fn float(&self, value: &Value) -> Option<f64> {
        match value {
            Value::Null if self.dialect == Dialect::Avro => Some(f64::NAN), // as it prints
            value => value.as_f64(),
        }
    }

    /// The bytes that a value stands for.
    fn content(&self, logical: Option<Logical>, value: &Value) -> Option<Vec<u8>> {
        if let (Dialect::Native, Some(Logical::Decimal { scale })) = (self.dialect, logical) {
            return match value {
                Value::String(text) => decimal::from_text(text, scale),
                Value::Int(_) | Value::UInt(_) | Value::Float(_) | Value::Number(_) => {
                    decimal::from_text(&value.to_string(), scale)
                }
                _ => None,
            };
        }
        match value {
            Value::Bytes(content) | Value::RawString(content) => Some(content.to_vec()),
            Value::String(text) if self.dialect == Dialect::Native => {
                Some(text.as_bytes().to_vec())
            }
            Value::String(text) => text.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect(),
            _ => None,
        }
    }

    fn sized(&mut self, content: &[u8]) {
        self.long(content.len() as i64);
        self.out.extend_from_slice(content);
    }

    fn long(&mut self, number: i64) {
        let mut rest = (number.cast_unsigned() << 1) ^ (number >> 63).cast_unsigned();
        while rest >= 0x80 {
            self.out.push(rest as u8 | 0x80);
            rest >>= 7;
        }
        self.out.push(rest as u8);
    }
}

/// A value in an error: what kind it is, and itself if it is short.
fn shown(value: &Value) -> String {
    match value {
        Value::Array(_) | Value::Object(_) => value.kind().to_string(),
        value => {
            let text = value.to_string();
            let text: String = text.chars().take(40).collect();
            format!("{} {text}", value.kind())
        }
    }
}
