//! Reading records out of the tables and putting them into the form the protocol sends.

use libsql::{Connection, Row, Value, params};
use tansu_sans_io::record::{Header, Record, deflated, header, inflated};
use tansu_storage::Error;

use crate::tables::Partition;

/// Records in the form the protocol sends them, and about how many bytes they are.
#[derive(Debug)]
pub(crate) struct Records {
    pub(crate) batch: deflated::Batch,
    pub(crate) bytes: usize,
}

const RECORDS: &str = "
    select offset_id, timestamp, k, v from record
    where topition = ?1 and offset_id >= ?2 and offset_id < ?3
    order by offset_id";

const HEADERS: &str = "
    select offset_id, k, v from header
    where topition = ?1 and offset_id between ?2 and ?3
    order by offset_id, rowid";

/// What a record costs beyond its key and value, roughly: lengths, deltas, attributes.
const OVERHEAD: usize = 16;

/// Reads from offset `from` on, up to `budget` bytes; the first record even if it is larger.
pub(crate) async fn read(
    connection: &Connection,
    partition: &Partition,
    from: i64,
    budget: usize,
) -> Result<Option<Records>, Error> {
    let stored = read_records(connection, partition, from, budget).await?;
    let (Some(first), Some(last)) = (stored.first(), stored.last()) else { return Ok(None) };
    let headers = read_headers(connection, partition, first.offset, last.offset).await?;
    encode(stored, headers).map(Some)
}

struct StoredRecord {
    offset: i64,
    timestamp: i64,
    key: Option<Vec<u8>>,
    value: Option<Vec<u8>>,
}

impl StoredRecord {
    fn read(row: &Row) -> Result<Self, Error> {
        Ok(Self {
            offset: row.get(0)?,
            timestamp: row.get(1)?,
            key: bytes(row, 2)?,
            value: bytes(row, 3)?,
        })
    }

    fn size(&self) -> usize {
        OVERHEAD + self.key.as_ref().map_or(0, Vec::len) + self.value.as_ref().map_or(0, Vec::len)
    }
}

struct StoredHeader {
    offset: i64,
    key: Option<Vec<u8>>,
    value: Option<Vec<u8>>,
}

async fn read_records(
    connection: &Connection,
    partition: &Partition,
    from: i64,
    budget: usize,
) -> Result<Vec<StoredRecord>, Error> {
    let mut rows = connection.query(RECORDS, params![partition.id, from, partition.high]).await?;
    let mut records: Vec<StoredRecord> = Vec::new();
    let mut size = 0;
    while let Some(row) = rows.next().await? {
        let record = StoredRecord::read(&row)?;
        size += record.size();
        if size > budget && !records.is_empty() {
            break;
        }
        records.push(record);
    }
    Ok(records)
}

async fn read_headers(
    connection: &Connection,
    partition: &Partition,
    first: i64,
    last: i64,
) -> Result<Vec<StoredHeader>, Error> {
    let mut rows = connection.query(HEADERS, params![partition.id, first, last]).await?;
    let mut headers = Vec::new();
    while let Some(row) = rows.next().await? {
        headers.push(StoredHeader {
            offset: row.get(0)?,
            key: bytes(&row, 1)?,
            value: bytes(&row, 2)?,
        });
    }
    Ok(headers)
}

/// The database keeps what it was given: bytes that tansu bound as text come back as text.
fn bytes(row: &Row, column: i32) -> Result<Option<Vec<u8>>, Error> {
    match row.get_value(column)? {
        Value::Null => Ok(None),
        Value::Blob(bytes) => Ok(Some(bytes)),
        Value::Text(text) => Ok(Some(text.into_bytes())),
        other => Err(Error::Message(format!("expected bytes in column {column}, found {other:?}"))),
    }
}

/// Makes one batch. Both lists are in the order of offsets.
fn encode(records: Vec<StoredRecord>, headers: Vec<StoredHeader>) -> Result<Records, Error> {
    let mut bytes = 0;
    let mut headers = headers.into_iter().peekable();
    let base_offset = records.first().map_or(0, |record| record.offset);
    let base_timestamp = records.first().map_or(0, |record| record.timestamp);
    let mut max_timestamp = base_timestamp;
    let mut batch =
        inflated::Batch::builder().base_offset(base_offset).base_timestamp(base_timestamp);
    for record in records {
        bytes += record.size();
        max_timestamp = max_timestamp.max(record.timestamp);
        let offset_delta = i32::try_from(record.offset - base_offset)?;
        let mut builder = Record::builder()
            .offset_delta(offset_delta)
            .timestamp_delta(record.timestamp - base_timestamp)
            .key(record.key.map(Into::into))
            .value(record.value.map(Into::into));
        while let Some(header) = headers.next_if(|header| header.offset <= record.offset) {
            builder = builder.header(encode_header(header));
        }
        batch = batch.record(builder).last_offset_delta(offset_delta);
    }
    let batch = batch.max_timestamp(max_timestamp).build()?;
    Ok(Records { batch: batch.try_into()?, bytes })
}

fn encode_header(header: StoredHeader) -> header::Builder {
    let mut builder = Header::builder();
    if let Some(key) = header.key {
        builder = builder.key(key.into());
    }
    if let Some(value) = header.value {
        builder = builder.value(value.into());
    }
    builder
}
