//! Values to the binary form and back, and what is not to be read.

use sluice_bloblang::formats::compression::Algorithm;
use sluice_value::{Value, json};

use super::container::Container;
use super::{Dialect, Schema, decode, encode};

const ALL: &str = r#"{"type":"record","name":"All","namespace":"n","fields":[
    {"name":"b","type":"boolean"},{"name":"i","type":"int"},{"name":"l","type":"long"},
    {"name":"f","type":"float"},{"name":"d","type":"double"},{"name":"y","type":"bytes"},
    {"name":"s","type":"string"},{"name":"a","type":{"type":"array","items":"int"}},
    {"name":"m","type":{"type":"map","values":"string"}},
    {"name":"x","type":{"type":"fixed","name":"X","size":2}},
    {"name":"e","type":{"type":"enum","name":"E","symbols":["P","Q"]}},
    {"name":"u","type":["null","string","E","All"],"default":null},
    {"name":"t","type":{"type":"long","logicalType":"timestamp-millis"}},
    {"name":"c","type":{"type":"bytes","logicalType":"decimal","precision":6,"scale":2}}]}"#;

fn schema(text: &str) -> Schema {
    Schema::parse(text).unwrap()
}

fn value(text: &str) -> Value {
    json::parse(text.as_bytes()).unwrap()
}

#[track_caller]
fn check(schema: &Schema, dialect: Dialect, text: &str) -> Vec<u8> {
    let binary = encode(schema, dialect, &value(text)).unwrap();
    assert_eq!(decode(schema, dialect, &binary).unwrap().to_string(), text);
    binary
}

#[test]
fn values_of_all_types_come_back() {
    let schema = schema(ALL);
    let inner = |u: &str, y: &str, t: &str, c: &str| {
        format!(
            r#"{{"a":[1,-2],"b":true,"c":{c},"d":-0.5,"e":"Q","f":1.1,"i":-70000,"l":9007199254740993,"m":{{"k":"v"}},"s":"ü","t":{t},"u":{u},"x":{y},"y":{y}}}"#
        )
    };
    let avro = |u: &str| inner(u, r#""\u00ff\u0000""#, "1600000000123", r#""\u0001:""#);
    let avro = |u: &str| avro(u).replace(r"\u00ff", "ÿ");
    check(&schema, Dialect::Avro, &avro("null"));
    let nested = format!(r#"{{"n.All":{}}}"#, avro(r#"{"n.E":"P"}"#));
    let binary = check(&schema, Dialect::Avro, &avro(&nested));
    check(&schema, Dialect::Raw, &avro(&avro(r#""text""#)));

    let native = decode(&schema, Dialect::Native, &binary).unwrap();
    assert_eq!(native.get("y"), Some(&Value::bytes(vec![255, 0])));
    assert_eq!(native.get("c"), Some(&Value::from("157/50")));
    assert_eq!(native.get("t").unwrap().to_text(), "2020-09-13T12:26:40.123Z");
    assert_eq!(encode(&schema, Dialect::Native, &native).unwrap(), binary);
}

#[test]
fn binary_forms_are_those_of_the_specification() {
    for (text, value, hex) in [
        (r#""long""#, "-64", "7f"),
        (r#""long""#, "64", "8001"),
        (r#""string""#, r#""foo""#, "06666f6f"),
        (r#"{"type":"array","items":"long"}"#, "[3,27]", "04063600"),
        (r#"["null","string"]"#, r#"{"string":"a"}"#, "020261"),
        (r#"["null","string"]"#, "null", "00"),
        (
            r#"{"type":"record","name":"test","fields":[{"name":"a","type":"long"},{"name":"b","type":"string"}]}"#,
            r#"{"a":27,"b":"foo"}"#,
            "3606666f6f",
        ),
    ] {
        let binary = check(&schema(text), Dialect::Avro, value);
        let expected: Vec<u8> = (0..hex.len() / 2)
            .map(|at| u8::from_str_radix(&hex[2 * at..][..2], 16).unwrap())
            .collect();
        assert_eq!(binary, expected, "{text}");
    }
}

#[test]
fn fields_that_are_missing_take_their_default() {
    let schema = schema(
        r#"{"type":"record","name":"r","fields":[{"name":"a","type":"int","default":7},
           {"name":"u","type":["string","null"],"default":"x"},{"name":"z","type":"int"}]}"#,
    );
    let binary = encode(&schema, Dialect::Avro, &value(r#"{"z":1}"#)).unwrap();
    let back = decode(&schema, Dialect::Avro, &binary).unwrap().to_string();
    assert_eq!(back, r#"{"a":7,"u":{"string":"x"},"z":1}"#);
    let error = encode(&schema, Dialect::Avro, &value("{}")).unwrap_err();
    assert!(error.contains(r#"field "z": schema does not specify default value"#), "{error}");
    let error = encode(&schema, Dialect::Raw, &value(r#"{"z":1,"w":2}"#)).unwrap_err();
    assert!(error.contains("cannot determine codec: \"w\""), "{error}");
}

#[test]
fn hostile_content_is_refused() {
    let nulls = schema(r#"{"type":"array","items":"null"}"#);
    let endless = [0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
    assert!(decode(&nulls, Dialect::Avro, &endless).unwrap_err().contains("too large"));
    let million = [0x80, 0x89, 0x7a].repeat(50);
    assert!(decode(&nulls, Dialect::Avro, &million).is_err());
    let itself = schema(r#"{"type":"record","name":"r","fields":[{"name":"r","type":"r"}]}"#);
    assert!(decode(&itself, Dialect::Avro, b"").unwrap_err().contains("deep"));
    let long = schema(r#""string""#);
    assert!(decode(&long, Dialect::Avro, &endless).is_err());
    for text in ["", "{}", "[]", "7", r#"["null","null"]"#, r#"{"type":"x"}"#, "nope"] {
        assert!(Schema::parse(text).is_err(), "{text}");
    }
    let deep =
        format!("{}\"int\"{}", "{\"type\":\"array\",\"items\":".repeat(300), "}".repeat(300));
    assert!(Schema::parse(&deep).is_err());
}

#[test]
fn broken_content_is_refused() {
    let schema = schema(ALL);
    let text = r#"{"a":[1,-2],"b":true,"c":"\u0001","d":-0.5,"e":"Q","f":1.1,"i":-7,"l":9,"m":{"k":"v"},"s":"ü","t":1,"u":{"string":"x"},"x":"ab","y":"abc"}"#;
    let binary = encode(&schema, Dialect::Avro, &value(text)).unwrap();
    let mut random = fastrand::Rng::with_seed(2);
    for _ in 0..20_000 {
        let mut broken = binary.clone();
        for _ in 0..random.usize(1..5) {
            let at = random.usize(..broken.len());
            broken[at] = random.u8(..);
        }
        broken.truncate(random.usize(..=broken.len()));
        let dialect = *random.choice(&[Dialect::Native, Dialect::Avro, Dialect::Raw]).unwrap();
        if let Ok(value) = decode(&schema, dialect, &broken) {
            let _ = encode(&schema, dialect, &value);
        }
    }
}

/// A container file of the two values 1 and 2 in two blocks.
fn container(codec: &str, compress: impl Fn(&[u8]) -> Vec<u8>) -> Vec<u8> {
    let mut file = b"Obj\x01\x04\x16avro.schema\x0a\"int\"\x14avro.codec".to_vec();
    file.push(codec.len() as u8 * 2);
    file.extend_from_slice(codec.as_bytes());
    file.push(0);
    file.extend_from_slice(&[9; 16]);
    for number in [2, 4] {
        let block = compress(&[number]);
        file.extend_from_slice(&[2, block.len() as u8 * 2]);
        file.extend_from_slice(&block);
        file.extend_from_slice(&[9; 16]);
    }
    file
}

fn read(file: &[u8], size: usize) -> Result<Vec<String>, String> {
    let mut container = Container::new(Dialect::Avro);
    let mut values = Vec::new();
    for chunk in file.chunks(size) {
        container.feed(chunk, |value| values.push(value.to_string()))?;
    }
    container.end()?;
    Ok(values)
}

#[test]
fn container_files_are_read_whatever_the_chunks() {
    let with = |algorithm: Algorithm| move |block: &[u8]| algorithm.compress(block, -1).unwrap();
    let snappy = |block: &[u8]| {
        let mut crc = flate2::Crc::new();
        crc.update(block);
        [with(Algorithm::Snappy)(block), crc.sum().to_be_bytes().to_vec()].concat()
    };
    let files = [
        container("null", <[u8]>::to_vec),
        container("deflate", with(Algorithm::Flate)),
        container("zstandard", with(Algorithm::Zstd)),
        container("snappy", snappy),
    ];
    for file in &files {
        for size in [1, 3, 1000] {
            assert_eq!(read(file, size).unwrap(), ["1", "2"]);
        }
        for length in 0..file.len() {
            let cut = read(&file[..length], 7);
            assert!(cut.is_err() || cut.is_ok_and(|values| values.len() < 2), "{length}");
        }
    }
    assert!(read(&container("lzw", <[u8]>::to_vec), 9).unwrap_err().contains("not supported"));
    let mut random = fastrand::Rng::with_seed(4);
    for _ in 0..20_000 {
        let mut broken = random.choice(&files).unwrap().clone();
        for _ in 0..random.usize(1..4) {
            let at = random.usize(..broken.len());
            broken[at] = random.u8(..);
        }
        let _ = read(&broken, 50);
    }
}
