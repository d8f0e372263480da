//! `parquet_encode`: a batch becomes a file.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use parquet::basic::{BrotliLevel, Compression, Encoding, GzipLevel, Type as Physical, ZstdLevel};
use parquet::data_type::{BoolType, ByteArrayType, DoubleType, FloatType, Int32Type, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::{SchemaDescriptor, Type};
use sluice_config::config;
use sluice_engine::{
    Batches, BuildError, DirectProcessor, Owner, Processor, Registry, Scope, Status,
};
use sluice_message::{Batch, WHOLE_BATCH};
use smallvec::smallvec;

use super::column::{Column, ColumnConfig, columns, schema};
use super::shred::{Entries, Shredder, Values};

pub(crate) fn register(registry: &mut Registry) {
    registry
        .processor("parquet_encode", build)
        .status(Status::Experimental)
        .categories(&["Parsing"])
        .doc(
            "Makes a [Parquet](https://parquet.apache.org/) file of the messages of a batch, each \
             a row. The file has the metadata of the first.\n\n\
             Values that are missing are null where their column is optional, and zero where it \
             is not. If one message does not fit the schema, all fail and stay what they are.",
        );
}

config! {
    /// What files look like.
    struct ParquetEncodeConfig {
        /// The columns.
        schema: Vec<ColumnConfig>,
        /// How columns are compressed.
        default_compression: String = "uncompressed" => options(
            "uncompressed", "snappy", "gzip", "brotli", "zstd", "lz4raw",
        ),
        /// How texts and bytes are written, or, with `RLE_DICTIONARY`, all columns. Some readers
        /// do not know the default.
        default_encoding: String = "DELTA_LENGTH_BYTE_ARRAY" => options(
            "DELTA_LENGTH_BYTE_ARRAY", "PLAIN", "RLE_DICTIONARY",
        ) advanced,
    }
}

struct Encode {
    columns: Vec<Column>,
    schema: Arc<Type>,
    properties: Arc<WriterProperties>,
    owner: Owner,
}

fn build(config: ParquetEncodeConfig, scope: &Scope) -> Result<Processor, BuildError> {
    let columns = columns(&config.schema, scope, 0)?;
    if columns.is_empty() {
        return Err(BuildError::new("schema has no columns"));
    }
    let schema = schema(&columns).map_err(BuildError::new)?;
    let compression = match config.default_compression.to_ascii_lowercase().as_str() {
        "uncompressed" => Compression::UNCOMPRESSED,
        "snappy" => Compression::SNAPPY,
        "gzip" => Compression::GZIP(GzipLevel::default()),
        "brotli" => Compression::BROTLI(BrotliLevel::default()),
        "zstd" => Compression::ZSTD(ZstdLevel::default()),
        "lz4raw" => Compression::LZ4_RAW,
        other => {
            let problem = format!("default_compression type {other} not recognised");
            return Err(BuildError::new(problem));
        }
    };
    let encoding = config.default_encoding.to_ascii_uppercase();
    let mut properties = WriterProperties::builder()
        .set_created_by("sluice".into())
        .set_compression(compression)
        .set_dictionary_enabled(encoding == "RLE_DICTIONARY");
    if encoding == "DELTA_LENGTH_BYTE_ARRAY" {
        for column in SchemaDescriptor::new(schema.clone()).columns() {
            if column.physical_type() == Physical::BYTE_ARRAY {
                let encoding = Encoding::DELTA_LENGTH_BYTE_ARRAY;
                properties = properties.set_column_encoding(column.path().clone(), encoding);
            }
        }
    }
    let properties = Arc::new(properties.build());
    Ok(Processor::direct(Encode { columns, schema, properties, owner: scope.owner() }))
}

impl Encode {
    fn encode(&self, batch: &Batch) -> Result<Vec<u8>, String> {
        let mut shredder = Shredder::new(&self.columns);
        for message in batch.iter() {
            let row = message.value().map_err(|error| error.in_document(message.bytes()))?;
            shredder.add(row)?;
        }
        let columns = shredder.finish();
        // As when reading, the library does not return an error for everything.
        catch_unwind(AssertUnwindSafe(|| self.write(columns)))
            .unwrap_or_else(|_| Err(ParquetError::General("encoding panic".into())))
            .map_err(|error| error.to_string())
    }

    fn write(&self, columns: Vec<Entries>) -> Result<Vec<u8>, ParquetError> {
        let mut file =
            SerializedFileWriter::new(Vec::new(), self.schema.clone(), self.properties.clone())?;
        let mut group = file.next_row_group()?;
        let mut columns = columns.into_iter();
        while let (Some(mut column), Some(entries)) = (group.next_column()?, columns.next()) {
            let definitions = Some(&entries.definitions[..]);
            let repetitions = Some(&entries.repetitions[..]);
            macro_rules! write {
                ($ty:ty, $values:expr) => {
                    column.typed::<$ty>().write_batch($values, definitions, repetitions)
                };
            }
            match &entries.values {
                Values::Bool(values) => write!(BoolType, values),
                Values::Int32(values) => write!(Int32Type, values),
                Values::Int64(values) => write!(Int64Type, values),
                Values::Float(values) => write!(FloatType, values),
                Values::Double(values) => write!(DoubleType, values),
                Values::Bytes(values) => write!(ByteArrayType, values),
            }?;
            column.close()?;
        }
        group.close()?;
        file.into_inner()
    }
}

impl DirectProcessor for Encode {
    fn process(&self, mut batch: Batch) -> Batches {
        match self.encode(&batch) {
            Ok(file) => {
                let members = batch.len();
                batch.truncate(1);
                let Some(message) = batch.first_mut() else { return Batches::new() };
                message.set_bytes(file);
                if members > 1 {
                    message.lineage = WHOLE_BATCH;
                }
            }
            Err(problem) => self.owner.fail_all(&mut batch, problem),
        }
        smallvec![batch]
    }
}
