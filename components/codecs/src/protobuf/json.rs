//! Messages in their [JSON form](https://protobuf.dev/programming-guides/json/), fields in the
//! order of their declaration.
//!
//! The library's own writer leaves out messages that are not set even when all fields are asked
//! for, which is why there is one here. Well-known types are left to it.

use prost_reflect::prost_types::FieldDescriptorProto;
use prost_reflect::{
    DynamicMessage, FieldDescriptor, Kind, MapKey, ReflectMessage, SerializeOptions, Value,
};
use sluice_value::{format_float_json, json};

/// How to write messages.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct JsonOptions {
    /// Names of fields as they were declared, rather than in camel case.
    pub(crate) use_proto_names: bool,
    /// Also fields that are not set.
    pub(crate) emit_unpopulated: bool,
}

/// # Errors
/// A well-known type holds what it must not, such as a time out of range.
pub(crate) fn to_json(message: &DynamicMessage, options: JsonOptions) -> Result<Vec<u8>, String> {
    let mut out = Vec::new();
    Writer { options, out: &mut out }.message(message)?;
    Ok(out)
}

struct Writer<'a> {
    options: JsonOptions,
    out: &'a mut Vec<u8>,
}

/// Types with a JSON form of their own.
const WELL_KNOWN: [&str; 17] = [
    "Any",
    "Timestamp",
    "Duration",
    "Struct",
    "FloatValue",
    "DoubleValue",
    "Int32Value",
    "Int64Value",
    "UInt32Value",
    "UInt64Value",
    "BoolValue",
    "StringValue",
    "BytesValue",
    "FieldMask",
    "ListValue",
    "Value",
    "Empty",
];

type Written = Result<(), String>;

impl Writer<'_> {
    fn message(&mut self, message: &DynamicMessage) -> Written {
        let descriptor = message.descriptor();
        let name = descriptor.full_name();
        if name.strip_prefix("google.protobuf.").is_some_and(|name| WELL_KNOWN.contains(&name)) {
            return self.well_known(message);
        }
        let mut is_first = true;
        self.out.push(b'{');
        // The library knows them by their number only.
        let declared = descriptor.descriptor_proto().field.iter();
        let number = |field: &FieldDescriptorProto| field.number().cast_unsigned();
        for field in declared.filter_map(|field| descriptor.get_field(number(field))) {
            let is_set = message.has_field(&field);
            let is_wanted = self.options.emit_unpopulated && field.containing_oneof().is_none();
            if !is_set && !is_wanted {
                continue;
            }
            self.separate(&mut is_first);
            let as_declared = self.options.use_proto_names;
            let name = if as_declared { field.name() } else { field.json_name() };
            json::write_string(name, self.out);
            self.out.push(b':');
            // Of what is not set, only that says so which could have been set to its default.
            if !is_set && field.supports_presence() {
                self.out.extend_from_slice(b"null");
            } else {
                self.field(&field, &message.get_field(&field))?;
            }
        }
        for (extension, value) in message.extensions() {
            self.separate(&mut is_first);
            json::write_string(extension.json_name(), self.out);
            self.out.push(b':');
            self.any(&extension.kind(), value)?;
        }
        self.out.push(b'}');
        Ok(())
    }

    fn well_known(&mut self, message: &DynamicMessage) -> Written {
        let options = SerializeOptions::new()
            .skip_default_fields(!self.options.emit_unpopulated)
            .use_proto_field_name(self.options.use_proto_names);
        let mut json = serde_json::Serializer::new(&mut *self.out);
        message.serialize_with_options(&mut json, &options).map_err(|error| error.to_string())
    }

    fn field(&mut self, field: &FieldDescriptor, value: &Value) -> Written {
        let Value::Map(entries) = value else { return self.any(&field.kind(), value) };
        let kind = match field.kind() {
            Kind::Message(entry) => entry.map_entry_value_field().kind(),
            kind => kind,
        };
        let mut entries: Vec<_> = entries.iter().collect();
        entries.sort_by(|(a, _), (b, _)| order(a).cmp(&order(b)));
        let mut is_first = true;
        self.out.push(b'{');
        for (key, value) in entries {
            self.separate(&mut is_first);
            let key = match key {
                MapKey::Bool(key) => key.to_string(),
                MapKey::I32(key) => key.to_string(),
                MapKey::I64(key) => key.to_string(),
                MapKey::U32(key) => key.to_string(),
                MapKey::U64(key) => key.to_string(),
                MapKey::String(key) => key.clone(),
            };
            json::write_string(&key, self.out);
            self.out.push(b':');
            self.any(&kind, value)?;
        }
        self.out.push(b'}');
        Ok(())
    }

    fn any(&mut self, kind: &Kind, value: &Value) -> Written {
        match value {
            Value::Bool(value) => self.text(&value.to_string()),
            Value::I32(value) => self.text(&value.to_string()),
            Value::U32(value) => self.text(&value.to_string()),
            Value::I64(value) => self.text(&format!("\"{value}\"")),
            Value::U64(value) => self.text(&format!("\"{value}\"")),
            Value::F32(value) => {
                // The shortest decimal that means it.
                let wide = value.to_string().parse().unwrap_or_else(|_| f64::from(*value));
                self.float(wide);
            }
            Value::F64(value) => self.float(*value),
            Value::String(value) => json::write_string(value, self.out),
            Value::Bytes(value) => {
                let value = sluice_value::Value::bytes(value.clone());
                self.out.extend_from_slice(&value.to_json());
            }
            Value::EnumNumber(number) => match kind {
                Kind::Enum(names) if names.full_name() == "google.protobuf.NullValue" => {
                    self.text("null");
                }
                Kind::Enum(names) => match names.get_value(*number) {
                    Some(value) => json::write_string(value.name(), self.out),
                    None => self.text(&number.to_string()),
                },
                _ => self.text(&number.to_string()),
            },
            Value::Message(message) => return self.message(message),
            Value::List(items) => {
                let mut is_first = true;
                self.out.push(b'[');
                for item in items {
                    self.separate(&mut is_first);
                    self.any(kind, item)?;
                }
                self.out.push(b']');
            }
            Value::Map(_) => return Err("a map inside of a list".into()),
        }
        Ok(())
    }

    fn float(&mut self, value: f64) {
        match value {
            value if value.is_nan() => self.text("\"NaN\""),
            f64::INFINITY => self.text("\"Infinity\""),
            f64::NEG_INFINITY => self.text("\"-Infinity\""),
            value => self.text(&format_float_json(value)),
        }
    }

    fn text(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
    }

    fn separate(&mut self, is_first: &mut bool) {
        if !std::mem::take(is_first) {
            self.out.push(b',');
        }
    }
}

/// Keys of one map are all of a kind.
fn order(key: &MapKey) -> (i128, &str) {
    match key {
        MapKey::Bool(key) => (i128::from(*key), ""),
        MapKey::I32(key) => (i128::from(*key), ""),
        MapKey::I64(key) => (i128::from(*key), ""),
        MapKey::U32(key) => (i128::from(*key), ""),
        MapKey::U64(key) => (i128::from(*key), ""),
        MapKey::String(key) => (0, key),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use prost::Message;
    use prost_reflect::MessageDescriptor;

    use super::*;
    use crate::protobuf::{compile, decode, from_json};

    const SHOP: &str = r#"syntax = "proto3"; package shop;
        import "google/protobuf/timestamp.proto"; import "google/protobuf/struct.proto";
        import "parts/size.proto";
        message Item {
            string item_name = 9; int64 n = 1; repeated float f = 2; map<uint32, Item> m = 3;
            bytes b = 4; Size size = 5; google.protobuf.Timestamp at = 6;
            google.protobuf.Value any = 7; oneof one { bool yes = 10; double d = 11; }
            optional int32 maybe = 12;
        }"#;
    const SIZE: &str = r#"syntax = "proto3"; package shop; enum Size { SMALL = 0; LARGE = 1; }"#;

    fn item() -> MessageDescriptor {
        let files = [("shop.proto", SHOP), ("parts/size.proto", SIZE)];
        let files: BTreeMap<_, _> =
            files.map(|(name, text)| (name.to_owned(), text.to_owned())).into_iter().collect();
        compile(files).unwrap().get_message_by_name("shop.Item").unwrap()
    }

    const FULL: &str = r#"{"itemName":"ü","n":"-9007199254740993","f":[0.1,1e+30,"NaN"],"m":{"2":{"maybe":0},"10":{}},"b":"/wA=","size":"LARGE","at":"2020-01-02T03:04:05.006Z","any":{"a":[null,1.0]},"yes":false}"#;

    #[test]
    fn messages_come_back() {
        let item = item();
        let message = from_json(&item, FULL.as_bytes(), false).unwrap();
        let back = decode(&item, &message.encode_to_vec()).unwrap();
        let json = to_json(&back, JsonOptions::default()).unwrap();
        assert_eq!(String::from_utf8(json).unwrap(), FULL);
    }

    #[test]
    fn what_is_not_set_is_written_when_asked_for() {
        let options = JsonOptions { use_proto_names: true, emit_unpopulated: true };
        let message = DynamicMessage::new(item());
        assert_eq!(
            String::from_utf8(to_json(&message, options).unwrap()).unwrap(),
            r#"{"item_name":"","n":"0","f":[],"m":{},"b":"","size":"SMALL","at":null,"any":null}"#
        );
    }

    #[test]
    fn unknown_fields_are_refused_or_discarded() {
        let item = item();
        assert!(from_json(&item, br#"{"x":1}"#, false).is_err());
        assert!(from_json(&item, br#"{"x":1}"#, true).is_ok());
        assert!(from_json(&item, br#"{"n":1} x"#, true).is_err());
        assert!(from_json(&item, br#"{"n":"y"}"#, true).is_err());
    }

    #[test]
    fn broken_definitions_are_refused() {
        let files = |text: &str| BTreeMap::from([("a.proto".to_owned(), text.to_owned())]);
        assert!(compile(files("syntax = \"proto3\"; message {")).is_err());
        let missing = compile(files("syntax = \"proto3\"; import \"nope.proto\";")).unwrap_err();
        assert!(missing.contains("nope.proto"), "{missing}");
    }

    #[test]
    fn broken_messages_are_refused() {
        let item = item();
        let content = from_json(&item, FULL.as_bytes(), false).unwrap().encode_to_vec();
        let mut random = fastrand::Rng::with_seed(6);
        for _ in 0..5_000 {
            let mut broken = content.clone();
            for _ in 0..random.usize(1..5) {
                let at = random.usize(..broken.len());
                broken[at] = random.u8(..);
            }
            broken.truncate(random.usize(..=broken.len()));
            if let Ok(message) = decode(&item, &broken) {
                let _ = to_json(&message, JsonOptions::default());
            }
        }
        // Messages inside of each other, as deep as a stack cannot be.
        let mut deep = Vec::new();
        for _ in 0..20_000 {
            let length = deep.len();
            let mut entry = vec![0x12];
            prost::encoding::encode_varint(length as u64, &mut entry);
            entry.extend_from_slice(&deep);
            deep = vec![0x1a];
            prost::encoding::encode_varint(entry.len() as u64, &mut deep);
            deep.extend_from_slice(&entry);
            if deep.len() > 100_000 {
                break;
            }
        }
        assert!(decode(&item, &deep).is_err());
    }
}
