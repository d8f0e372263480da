//! The canonical form of schemas, and the fingerprints that single messages carry.

use std::sync::OnceLock;

use sluice_value::json;

use super::schema::{Kind, Schema, TypeId};

/// The two bytes that single messages begin with.
const MARK: [u8; 2] = [0xc3, 0x01];

/// What the fingerprint of the empty text is.
const EMPTY: u64 = 0xc15d_213a_a4d7_a795;

impl Schema {
    /// What a single message of this schema begins with: a mark and the schema's fingerprint.
    pub(super) fn single_header(&self) -> [u8; 10] {
        let mut header = [0; 10];
        header[..2].copy_from_slice(&MARK);
        header[2..].copy_from_slice(&fingerprint(&self.canonical()).to_le_bytes());
        header
    }

    fn canonical(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.write(self.root(), &mut Vec::new(), &mut out);
        out
    }

    /// Writes a type: only what decides how it is read, in an order that is always the same.
    /// Types that were written before are named.
    fn write(&self, id: TypeId, written: &mut Vec<TypeId>, out: &mut Vec<u8>) {
        let ty = self.get(id);
        let text = |text: &str, out: &mut Vec<u8>| json::write_string(text, out);
        let named = |name: &str, out: &mut Vec<u8>| {
            out.extend_from_slice(b"{\"name\":");
            text(name, out);
            out.extend_from_slice(b",\"type\":");
            text(ty.kind.word(), out);
        };
        match &ty.kind {
            Kind::Record { name, .. } | Kind::Enum { name, .. } | Kind::Fixed { name, .. }
                if written.contains(&id) =>
            {
                text(name, out);
            }
            Kind::Array(items) => {
                out.extend_from_slice(b"{\"type\":\"array\",\"items\":");
                self.write(*items, written, out);
                out.push(b'}');
            }
            Kind::Map(values) => {
                out.extend_from_slice(b"{\"type\":\"map\",\"values\":");
                self.write(*values, written, out);
                out.push(b'}');
            }
            Kind::Union(members) => {
                out.push(b'[');
                for (at, member) in members.iter().enumerate() {
                    if at > 0 {
                        out.push(b',');
                    }
                    self.write(*member, written, out);
                }
                out.push(b']');
            }
            Kind::Fixed { name, size } => {
                written.push(id);
                named(name, out);
                out.extend_from_slice(format!(",\"size\":{size}}}").as_bytes());
            }
            Kind::Enum { name, symbols } => {
                written.push(id);
                named(name, out);
                out.extend_from_slice(b",\"symbols\":[");
                for (at, symbol) in symbols.iter().enumerate() {
                    if at > 0 {
                        out.push(b',');
                    }
                    text(symbol, out);
                }
                out.extend_from_slice(b"]}");
            }
            Kind::Record { name, fields } => {
                written.push(id);
                named(name, out);
                out.extend_from_slice(b",\"fields\":[");
                for (at, field) in fields.iter().enumerate() {
                    if at > 0 {
                        out.push(b',');
                    }
                    out.extend_from_slice(b"{\"name\":");
                    text(&field.name, out);
                    out.extend_from_slice(b",\"type\":");
                    self.write(field.ty, written, out);
                    out.push(b'}');
                }
                out.extend_from_slice(b"]}");
            }
            primitive => text(primitive.word(), out),
        }
    }
}

/// CRC-64-AVRO.
fn fingerprint(content: &[u8]) -> u64 {
    static TABLE: OnceLock<[u64; 256]> = OnceLock::new();
    let table = TABLE.get_or_init(|| {
        std::array::from_fn(|at| {
            (0..8).fold(at as u64, |print, _| (print >> 1) ^ (EMPTY & (print & 1).wrapping_neg()))
        })
    });
    content.iter().fold(EMPTY, |print, byte| {
        (print >> 8) ^ table[((print ^ u64::from(*byte)) & 0xff) as usize]
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fingerprints that the Avro project publishes with its tests.
    #[test]
    fn published_fingerprints_are_met() {
        for (schema, expected) in [
            (r#""null""#, 7_195_948_357_588_979_594_i64),
            (r#"{"type":"boolean"}"#, -6_970_731_678_124_411_036),
            (r#"{"type":"fixed","size":15,"doc":"x","name":"foo"}"#, 1_756_455_273_707_447_556),
            (
                r#"{"type":"record","name":"PigValue","fields":[{"name":"value","type":["null","int","long","PigValue"],"default":null}]}"#,
                -1_759_257_747_318_642_341,
            ),
        ] {
            let schema = Schema::parse(schema).unwrap();
            assert_eq!(fingerprint(&schema.canonical()).cast_signed(), expected);
        }
    }
}
