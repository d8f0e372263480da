//! Databases and their records.

use std::{fmt, net::IpAddr};

use bytes::Bytes;
use maxminddb::Reader;
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use sluice_value::{EcoString, EcoVec, Value};

use super::{Subject, record};

pub(super) struct Database {
    reader: Reader<Bytes>,
    subjects: &'static [Subject],
}

impl Database {
    pub(super) fn new(content: Bytes) -> Result<Self, String> {
        let reader = Reader::from_source(content).map_err(|error| error.to_string())?;
        let kind = &reader.metadata().database_type;
        let subjects = subjects(kind).ok_or_else(|| {
            let kind = crate::number::quote(kind);
            format!("geoip2: reader does not support the {kind} database type")
        })?;
        Ok(Self { reader, subjects })
    }

    pub(super) fn look_up(&self, address: &str, subject: Subject) -> Result<Value, String> {
        let ip: IpAddr = address.parse().map_err(|_| {
            format!("value {address} does not appear to be a valid v4 or v6 IP address")
        })?;
        let shape = record::shape(subject);
        if !self.subjects.contains(&subject) {
            return Err(format!(
                "geoip2: the {} method does not support the {} database",
                record::name(subject),
                self.reader.metadata().database_type
            ));
        }
        let ip = ip.to_canonical();
        let found = self.reader.lookup(ip).map_err(|error| error.to_string())?;
        let raw: Option<Raw> = found.decode().map_err(|error| error.to_string())?;
        Ok(shape.of(&raw.map_or(Value::Null, |raw| raw.0)))
    }
}

/// What can be asked of a kind of database.
fn subjects(kind: &str) -> Option<&'static [Subject]> {
    Some(match kind {
        "GeoIP2-Anonymous-IP" => &[Subject::AnonymousIp],
        "DBIP-ASN-Lite (compat=GeoLite2-ASN)" | "GeoLite2-ASN" => &[Subject::Asn],
        "DBIP-City-Lite"
        | "DBIP-Country-Lite"
        | "DBIP-Country"
        | "DBIP-Location (compat=City)"
        | "GeoLite2-City"
        | "GeoIP2-City"
        | "GeoIP2-City-Africa"
        | "GeoIP2-City-Asia-Pacific"
        | "GeoIP2-City-Europe"
        | "GeoIP2-City-North-America"
        | "GeoIP2-City-South-America"
        | "GeoIP2-Precision-City"
        | "GeoLite2-Country"
        | "GeoIP2-Country" => &[Subject::City, Subject::Country],
        "GeoIP2-Connection-Type" => &[Subject::ConnectionType],
        "GeoIP2-Domain" => &[Subject::Domain],
        "DBIP-ISP (compat=Enterprise)"
        | "DBIP-Location-ISP (compat=Enterprise)"
        | "GeoIP2-Enterprise" => &[Subject::Enterprise, Subject::City, Subject::Country],
        "GeoIP2-ISP" | "GeoIP2-Precision-ISP" => &[Subject::Isp, Subject::Asn],
        _ => return None,
    })
}

/// A record as it is stored.
struct Raw(Value);

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a record of a MaxMind database")
    }

    fn visit_bool<E>(self, b: bool) -> Result<Raw, E> {
        Ok(Raw(Value::Bool(b)))
    }

    fn visit_i64<E>(self, n: i64) -> Result<Raw, E> {
        Ok(Raw(Value::Int(n)))
    }

    fn visit_u64<E>(self, n: u64) -> Result<Raw, E> {
        Ok(Raw(i64::try_from(n).map_or(Value::UInt(n), Value::Int)))
    }

    fn visit_u128<E>(self, n: u128) -> Result<Raw, E> {
        Ok(Raw(Value::Float(n as f64)))
    }

    fn visit_f64<E>(self, f: f64) -> Result<Raw, E> {
        Ok(Raw(Value::Float(f)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Raw, E> {
        Ok(Raw(Value::string(text)))
    }

    fn visit_bytes<E>(self, content: &[u8]) -> Result<Raw, E> {
        Ok(Raw(Value::bytes(content.to_vec())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Raw, A::Error> {
        let mut all = EcoVec::new();
        while let Some(Raw(item)) = items.next_element()? {
            all.push(item);
        }
        Ok(Raw(Value::Array(all)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Raw, A::Error> {
        let mut all = Vec::new();
        while let Some((key, Raw(value))) = fields.next_entry::<String, Raw>()? {
            all.push((EcoString::from(key), value));
        }
        Ok(Raw(Value::Object(all.into_iter().collect())))
    }
}
