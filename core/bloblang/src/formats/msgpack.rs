//! MessagePack.

use jiff::{Timestamp, tz::TimeZone};
use rmp::{Marker, encode};
use sluice_value::{EcoString, EcoVec, Value, json::MAX_DEPTH};

/// The extension type of timestamps.
const TIMESTAMP: i8 = -1;

type Result<T> = std::result::Result<T, String>;

/// Reads the first value; what follows it is not looked at.
///
/// # Errors
/// The content ends early, holds keys that are no strings or extensions besides timestamps, or is
/// nested too deeply.
pub fn parse(content: &[u8]) -> Result<Value> {
    Reader { rest: content }.value(0)
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn value(&mut self, depth: usize) -> Result<Value> {
        if depth > MAX_DEPTH {
            return Err(format!("msgpack: nested more than {MAX_DEPTH} deep"));
        }
        let code = self.take(1)?[0];
        Ok(match Marker::from_u8(code) {
            Marker::Null => Value::Null,
            Marker::False => Value::Bool(false),
            Marker::True => Value::Bool(true),
            Marker::FixPos(n) => Value::Int(n.into()),
            Marker::FixNeg(n) => Value::Int(n.into()),
            Marker::U8 => unsigned(self.unsigned(1)?),
            Marker::U16 => unsigned(self.unsigned(2)?),
            Marker::U32 => unsigned(self.unsigned(4)?),
            Marker::U64 => unsigned(self.unsigned(8)?),
            Marker::I8 => Value::Int(i8::from_be_bytes(self.array()?).into()),
            Marker::I16 => Value::Int(i16::from_be_bytes(self.array()?).into()),
            Marker::I32 => Value::Int(i32::from_be_bytes(self.array()?).into()),
            Marker::I64 => Value::Int(i64::from_be_bytes(self.array()?)),
            Marker::F32 => {
                // The shortest decimal that means it, as it was probably written once.
                let f = f32::from_be_bytes(self.array()?);
                Value::Float(f.to_string().parse().unwrap_or_else(|_| f64::from(f)))
            }
            Marker::F64 => Value::Float(f64::from_be_bytes(self.array()?)),
            Marker::FixStr(length) => self.text(length.into())?,
            Marker::Str8 => self.text_of(1)?,
            Marker::Str16 => self.text_of(2)?,
            Marker::Str32 => self.text_of(4)?,
            Marker::Bin8 => self.binary(1)?,
            Marker::Bin16 => self.binary(2)?,
            Marker::Bin32 => self.binary(4)?,
            Marker::FixArray(length) => self.items(length.into(), depth)?,
            Marker::Array16 => self.items_of(2, depth)?,
            Marker::Array32 => self.items_of(4, depth)?,
            Marker::FixMap(length) => self.fields(length.into(), depth)?,
            Marker::Map16 => self.fields_of(2, depth)?,
            Marker::Map32 => self.fields_of(4, depth)?,
            Marker::FixExt1 => self.extension(1)?,
            Marker::FixExt2 => self.extension(2)?,
            Marker::FixExt4 => self.extension(4)?,
            Marker::FixExt8 => self.extension(8)?,
            Marker::FixExt16 => self.extension(16)?,
            Marker::Ext8 => self.extension_of(1)?,
            Marker::Ext16 => self.extension_of(2)?,
            Marker::Ext32 => self.extension_of(4)?,
            Marker::Reserved => {
                return Err(format!("msgpack: unknown code {code:x} decoding interface{{}}"));
            }
        })
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8]> {
        let Some((taken, rest)) = self.rest.split_at_checked(length) else {
            return Err(if self.rest.is_empty() { "EOF" } else { "unexpected EOF" }.into());
        };
        self.rest = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }

    fn unsigned(&mut self, length: usize) -> Result<u64> {
        let bytes = self.take(length)?;
        Ok(bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    fn length(&mut self, length: usize) -> Result<usize> {
        usize::try_from(self.unsigned(length)?).map_err(|error| error.to_string())
    }

    fn text_of(&mut self, size: usize) -> Result<Value> {
        let length = self.length(size)?;
        self.text(length)
    }

    fn text(&mut self, length: usize) -> Result<Value> {
        Ok(Value::text(self.take(length)?.to_vec()))
    }

    fn binary(&mut self, size: usize) -> Result<Value> {
        let length = self.length(size)?;
        Ok(Value::bytes(self.take(length)?.to_vec()))
    }

    fn items_of(&mut self, size: usize, depth: usize) -> Result<Value> {
        let length = self.length(size)?;
        self.items(length, depth)
    }

    fn items(&mut self, length: usize, depth: usize) -> Result<Value> {
        // Each takes at least a byte, so that no length reserves more than there is.
        let mut items = EcoVec::with_capacity(length.min(self.rest.len()));
        for _ in 0..length {
            items.push(self.value(depth + 1)?);
        }
        Ok(Value::Array(items))
    }

    fn fields_of(&mut self, size: usize, depth: usize) -> Result<Value> {
        let length = self.length(size)?;
        self.fields(length, depth)
    }

    fn fields(&mut self, length: usize, depth: usize) -> Result<Value> {
        let mut fields = Vec::with_capacity(length.min(self.rest.len()));
        for _ in 0..length {
            let code = self.rest.first().copied().unwrap_or_default();
            let key = match self.value(depth + 1)? {
                Value::Null => EcoString::new(),
                Value::String(key) => key,
                Value::RawString(key) | Value::Bytes(key) => String::from_utf8_lossy(&key).into(),
                _ => {
                    return Err(format!(
                        "msgpack: invalid code={code:x} decoding string/bytes length"
                    ));
                }
            };
            fields.push((key, self.value(depth + 1)?));
        }
        Ok(Value::Object(fields.into_iter().collect()))
    }

    fn extension_of(&mut self, size: usize) -> Result<Value> {
        let length = self.length(size)?;
        self.extension(length)
    }

    fn extension(&mut self, length: usize) -> Result<Value> {
        let kind = i8::from_be_bytes(self.array()?);
        if kind != TIMESTAMP {
            return Err(format!("msgpack: unknown ext id={kind}"));
        }
        let content = self.take(length)?;
        let mut reader = Reader { rest: content };
        let (seconds, nanos) = match length {
            4 => (i64::try_from(reader.unsigned(4)?).unwrap_or_default(), 0),
            8 => {
                let both = reader.unsigned(8)?;
                ((both & 0x3_ffff_ffff) as i64, both >> 34)
            }
            12 => {
                let nanos = reader.unsigned(4)?;
                (i64::from_be_bytes(reader.array()?), nanos)
            }
            _ => return Err(format!("msgpack: invalid ext len={length} decoding time")),
        };
        let nanos = i32::try_from(nanos).map_err(|error| error.to_string())?;
        let moment = Timestamp::new(seconds, nanos).map_err(|error| error.to_string())?;
        Ok(Value::timestamp(moment.to_zoned(TimeZone::UTC)))
    }
}

fn unsigned(n: u64) -> Value {
    i64::try_from(n).map_or(Value::UInt(n), Value::Int)
}

/// Writes a value. Integers that were `from_document` take as little space as they can; others
/// take eight bytes.
pub fn write(value: &Value, from_document: bool) -> Vec<u8> {
    let mut out = Vec::new();
    write_to(value, from_document, &mut out);
    out
}

fn write_to(value: &Value, from_document: bool, out: &mut Vec<u8>) {
    match value {
        Value::Null => out.push(Marker::Null.to_u8()),
        Value::Bool(true) => out.push(Marker::True.to_u8()),
        Value::Bool(false) => out.push(Marker::False.to_u8()),
        Value::Int(n) if from_document => {
            // Writing to memory cannot fail.
            let _ = encode::write_sint(out, *n);
        }
        Value::Int(n) => {
            out.push(Marker::I64.to_u8());
            out.extend_from_slice(&n.to_be_bytes());
        }
        Value::UInt(n) => {
            out.push(Marker::U64.to_u8());
            out.extend_from_slice(&n.to_be_bytes());
        }
        Value::Float(f) => write_float(*f, out),
        Value::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(n), _) => {
                let _ = encode::write_sint(out, n);
            }
            (None, Some(n)) => {
                let _ = encode::write_uint(out, n);
            }
            (None, None) => write_float(number.as_f64(), out),
        },
        Value::String(text) => write_text(text.as_bytes(), out),
        Value::RawString(content) => write_text(content, out),
        Value::Bytes(content) => {
            let _ = encode::write_bin_len(out, length(content.len()));
            out.extend_from_slice(content);
        }
        Value::Timestamp(moment) => {
            let moment = moment.timestamp();
            let (seconds, nanos) = (moment.as_second(), moment.subsec_nanosecond());
            write_timestamp(seconds, nanos, out);
        }
        Value::Array(items) => {
            let _ = encode::write_array_len(out, length(items.len()));
            for item in items {
                write_to(item, from_document, out);
            }
        }
        Value::Object(fields) => {
            let _ = encode::write_map_len(out, length(fields.len()));
            for (key, value) in fields.iter() {
                write_text(key.as_bytes(), out);
                write_to(value, from_document, out);
            }
        }
    }
}

fn write_float(f: f64, out: &mut Vec<u8>) {
    out.push(Marker::F64.to_u8());
    out.extend_from_slice(&f.to_be_bytes());
}

fn write_text(content: &[u8], out: &mut Vec<u8>) {
    let _ = encode::write_str_len(out, length(content.len()));
    out.extend_from_slice(content);
}

/// Values of more than 4 GiB do not occur.
fn length(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

fn write_timestamp(seconds: i64, nanos: i32, out: &mut Vec<u8>) {
    // Before the epoch the fraction is negative.
    let (seconds, nanos) = match u32::try_from(nanos) {
        Ok(nanos) => (seconds, nanos),
        Err(_) => (seconds - 1, (nanos + 1_000_000_000).unsigned_abs()),
    };
    let kind = TIMESTAMP.to_be_bytes()[0];
    match u64::try_from(seconds).ok().filter(|seconds| seconds >> 34 == 0) {
        Some(seconds) if nanos == 0 && u32::try_from(seconds).is_ok() => {
            out.extend_from_slice(&[Marker::FixExt4.to_u8(), kind]);
            out.extend_from_slice(&(seconds as u32).to_be_bytes());
        }
        Some(seconds) => {
            out.extend_from_slice(&[Marker::FixExt8.to_u8(), kind]);
            out.extend_from_slice(&(u64::from(nanos) << 34 | seconds).to_be_bytes());
        }
        None => {
            out.extend_from_slice(&[Marker::Ext8.to_u8(), 12, kind]);
            out.extend_from_slice(&nanos.to_be_bytes());
            out.extend_from_slice(&seconds.to_be_bytes());
        }
    }
}
