//! Rows to files and back, and files that are none.

use std::sync::Arc;

use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use sluice_bloblang::formats::parquet::{Budget, Reader, Shape, parse_as};
use sluice_engine::{Registry, Scope};
use sluice_message::Batch;
use sluice_testkit::{batch, contents, environment};

fn scope() -> Scope {
    let mut registry = Registry::default();
    crate::register(&mut registry);
    Scope::root(environment(registry))
}

/// The processor of a block, such as `parquet_decode: {}`.
fn step(block: &str) -> sluice_engine::wiring::Step {
    scope().processor(&sluice_config::parse(block).unwrap()).unwrap()
}

fn run(block: &str, batch: Batch) -> Batch {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(step(block).process(batch)).into_iter().next().unwrap_or_default()
}

const SCHEMA: &str = "schema: [
    { name: id, type: INT64 }, { name: as, type: DOUBLE, repeated: true },
    { name: b, type: BYTE_ARRAY }, { name: d, type: BOOLEAN }, { name: e, type: INT8, optional: true },
    { name: g, type: UTF8 }, { name: f, type: FLOAT },
    { name: n, optional: true, fields: [ { name: x, type: UTF8 }, { name: y, type: INT32, repeated: true } ] },
    { name: h, type: DECIMAL32, decimal_precision: 3, optional: true },
    { name: m, type: MAP, optional: true, fields: [ { name: key, type: UTF8 }, { name: value, type: INT64 } ] },
    { name: l, type: LIST, fields: [ { name: element, type: UTF8, optional: true } ] },
    { name: s, repeated: true, fields: [ { name: t, type: LIST, fields: [ { name: element, type: INT16 } ] } ] },
]";

const FULL: &str = r#"{"as":[0.1,0.2],"b":"bytes","d":true,"e":-6,"f":0.15,"g":"text","h":1,"id":3,"l":["a",null,"b"],"m":{"k":1,"l":2},"n":{"x":"y","y":[1,2]},"s":[{"t":[1,2]},{"t":[]},{"t":[3]}]}"#;
const EMPTY: &str = r#"{"as":[],"b":"","d":false,"e":null,"f":0,"g":"","h":null,"id":0,"l":[],"m":null,"n":null,"s":[]}"#;

fn encode(rest: &str, rows: &[&str]) -> Batch {
    run(&format!("parquet_encode: {{ {SCHEMA}, {rest} }}"), batch(rows))
}

#[test]
fn rows_come_back_however_they_are_written() {
    for compression in ["uncompressed", "snappy", "gzip", "brotli", "zstd", "lz4raw"] {
        for encoding in ["DELTA_LENGTH_BYTE_ARRAY", "PLAIN", "RLE_DICTIONARY"] {
            let how = format!("default_compression: {compression}, default_encoding: {encoding}");
            let file = encode(&how, &[FULL, "{}", FULL, r#"{"canary":1}"#]);
            assert_eq!(file.len(), 1);
            assert!(file[0].failure().is_none(), "{:?}", file[0].failure());
            let rows = run("parquet_decode: { use_parquet_list_format: false }", file);
            assert_eq!(contents(&rows), [FULL, EMPTY, FULL, EMPTY], "{how}");
        }
    }
}

#[test]
fn lists_are_as_they_are_stored_unless_told_otherwise() {
    let schema = "schema: [ { name: l, type: LIST, fields: [ { name: element, type: INT64 } ] } ]";
    let file = run(&format!("parquet_encode: {{ {schema} }}"), batch(&[r#"{"l":[1,2]}"#, "{}"]));
    let rows = run("parquet_decode: {}", file);
    assert_eq!(
        contents(&rows),
        [r#"{"l":{"list":[{"element":1},{"element":2}]}}"#, r#"{"l":{"list":[]}}"#]
    );
}

#[test]
fn what_does_not_fit_fails_the_batch() {
    for (row, problem) in [
        (r#"{"e":128}"#, "failed to set field e: cannot represent 128 as int8"),
        (r#"{"id":1e300}"#, "cannot represent 1e300 as int64"),
        (
            r#"{"n":{"y":["x"]}}"#,
            "failed to set field n: failed to set field y: cannot convert string to int32",
        ),
        (r#"{"d":1}"#, "cannot convert number to bool"),
        (r#"{"m":[]}"#, "cannot convert array to map"),
        ("[]", "unable to encode message type array as parquet row"),
        ("x", "invalid character 'x' looking for beginning of value"),
    ] {
        let failed = encode("", &["{}", row]);
        assert_eq!(failed.len(), 2);
        let failure = &failed[0].failure().unwrap().message;
        assert!(failure.contains(problem), "{failure}");
    }
}

#[test]
fn schemas_that_cannot_be_are_refused() {
    for (schema, problem) in [
        ("{ name: m, type: MAP, fields: [ { name: key, type: UTF8 } ] }", "exactly two fields"),
        ("{ name: l, type: LIST }", "exactly one field (element), got 0"),
        ("{ name: s, type: STRUCT }", "at least one field"),
        ("{ name: s }", "at least one field"),
        ("{ name: s, type: UTF8, repeated: true, optional: true }", "both repeated and optional"),
        ("{ name: a, type: UTF8 }, { name: a, type: UTF8 }", "declared twice"),
    ] {
        let block = format!("parquet_encode: {{ schema: [ {schema} ] }}");
        let error = scope().processor(&sluice_config::parse(&block).unwrap()).err().unwrap();
        assert!(error.to_string().contains(problem), "{error}");
    }
}

#[test]
fn broken_files_are_refused() {
    let file = encode("default_compression: snappy", &[FULL, "{}", FULL]);
    let content = file[0].bytes().clone();
    let mut random = fastrand::Rng::with_seed(8);
    std::panic::set_hook(Box::new(|_| {})); // the library's own, which are caught
    for _ in 0..1500 {
        let mut broken = content.to_vec();
        for _ in 0..random.usize(1..5) {
            let at = random.usize(..broken.len());
            broken[at] = random.u8(..);
        }
        if random.usize(..4) == 0 {
            broken.truncate(random.usize(..broken.len()));
        }
        let _ = parse_as(broken.into(), Shape::default());
    }
    let _ = std::panic::take_hook();
    for content in ["", "x", "PAR1", "PAR1PAR1", "PAR1xxxxxxxxPAR1"] {
        assert!(parse_as(content.into(), Shape::default()).is_err(), "{content}");
    }
}

#[test]
fn files_are_read_a_few_rows_at_a_time() {
    let columns = "schema: [ { name: id, type: INT64 }, { name: r, type: INT64, repeated: true } ]";
    let rows: Vec<String> = (0..50)
        .map(|id| {
            let items: Vec<String> = (0..id % 5).map(|item: i32| item.to_string()).collect();
            format!(r#"{{"id":{id},"r":[{}]}}"#, items.join(","))
        })
        .collect();
    let texts: Vec<&str> = rows.iter().map(String::as_str).collect();
    let file = run(&format!("parquet_encode: {{ {columns} }}"), batch(&texts));
    for most in [1, 7, 100] {
        let mut reader = Reader::open(file[0].bytes().clone(), Shape::default()).unwrap();
        let mut found = Vec::new();
        loop {
            let more = reader.rows(most, &mut Budget::default()).unwrap();
            if more.is_empty() {
                break;
            }
            assert!(more.len() <= most);
            found.extend(more.iter().map(ToString::to_string));
        }
        assert_eq!(found, rows, "{most} at a time");
    }
}

#[test]
fn a_file_without_rows_is_no_message() {
    let columns = sluice_config::parse("{ name: id, type: INT64 }").unwrap();
    let config: super::column::ColumnConfig = scope().read(&columns).unwrap();
    let columns = super::column::columns(&[config], &scope(), 0).unwrap();
    let schema = super::column::schema(&columns).unwrap();
    let properties = Arc::new(WriterProperties::builder().build());
    let writer = SerializedFileWriter::new(Vec::new(), schema, properties).unwrap();
    let empty = sluice_message::Message::from_bytes(writer.into_inner().unwrap());
    assert!(run("parquet_decode: {}", empty.into()).is_empty());
}
