//! Reads records from tansu's tables, for fetches.
//!
//! tansu's own reading runs in the one task that also stores records and keeps groups, looks at every
//! record behind a position however few it returns, and at every header for each of them: a backlog of
//! fifty thousand records kept heartbeats waiting until their members were thrown out. SQLite allows any
//! number of readers beside the writer, so here each fetch has a connection and reads what it returns.
//!
//! Tied to the tables of tansu-storage 0.6 (`src/ddl` there), which is why its version is pinned.

use std::{
    fmt,
    path::Path,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use libsql::{Connection, Database, Row, Value, params};
use tansu_sans_io::record::{Header, Record, deflated, inflated};
use tansu_storage::Error;
use uuid::Uuid;

use crate::store::CLUSTER;

/// How a client names a topic.
#[derive(Clone, Debug)]
pub(crate) enum TopicName<'a> {
    Name(&'a str),
    Id(Uuid),
}

/// A partition and the offsets it holds: `low` is the first, `high` the next to be written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Partition {
    id: i64,
    pub(crate) low: i64,
    pub(crate) high: i64,
}

/// Records in the form the protocol sends them, and about how many bytes they are.
#[derive(Debug)]
pub(crate) struct Records {
    pub(crate) batch: deflated::Batch,
    pub(crate) bytes: usize,
}

/// The database, opened for reading.
pub(crate) struct Reader {
    database: Database,
    /// Connections not in use: as many as there have ever been fetches at the same moment, which the
    /// runtime's threads bound because reading never waits.
    idle: Mutex<Vec<Connection>>,
}

const PARTITION_BY_NAME: &str = "
    select tp.id, coalesce(w.low, 0), coalesce(w.high, 0)
    from cluster c
    join topic t on t.cluster = c.id
    join topition tp on tp.topic = t.id
    left join watermark w on w.topition = tp.id
    where c.name = ?1 and t.name = ?2 and tp.partition = ?3";

const PARTITION_BY_ID: &str = "
    select tp.id, coalesce(w.low, 0), coalesce(w.high, 0)
    from cluster c
    join topic t on t.cluster = c.id
    join topition tp on tp.topic = t.id
    left join watermark w on w.topition = tp.id
    where c.name = ?1 and t.uuid = ?2 and tp.partition = ?3";

const RECORDS: &str = "
    select offset_id, timestamp, k, v from record
    where topition = ?1 and offset_id >= ?2 and offset_id < ?3
    order by offset_id";

const HEADERS: &str = "
    select offset_id, k, v from header
    where topition = ?1 and offset_id between ?2 and ?3
    order by offset_id, rowid";

/// tansu has no index on either, so it scans both tables.
const INDEXES: &str = "
    create index if not exists sluice_header on header (topition, offset_id);
    create index if not exists sluice_watermark on watermark (topition);";

/// What a record costs beyond its key and value, roughly: lengths, deltas, attributes.
const OVERHEAD: usize = 16;

impl Reader {
    /// Opens a database that tansu has already set up.
    pub(crate) async fn open(path: &Path) -> Result<Self, Error> {
        let database = libsql::Builder::new_local(path).build().await?;
        let reader = Self { database, idle: Mutex::default() };
        reader.connection()?.execute_batch(INDEXES).await?;
        Ok(reader)
    }

    pub(crate) async fn partition(
        &self,
        topic: &TopicName<'_>,
        index: i32,
    ) -> Result<Option<Partition>, Error> {
        let (sql, topic) = match topic {
            TopicName::Name(name) => (PARTITION_BY_NAME, (*name).to_owned()),
            TopicName::Id(id) => (PARTITION_BY_ID, id.to_string()),
        };
        let connection = self.connection()?;
        let mut rows = connection.query(sql, params![CLUSTER, topic, index]).await?;
        let partition = match rows.next().await? {
            Some(row) => Some(Partition { id: row.get(0)?, low: row.get(1)?, high: row.get(2)? }),
            None => None,
        };
        drop(rows);
        self.put_back(connection);
        Ok(partition)
    }

    /// Records from offset `from` on, up to `budget` bytes; the first one even if it is larger.
    pub(crate) async fn records(
        &self,
        partition: &Partition,
        from: i64,
        budget: usize,
    ) -> Result<Option<Records>, Error> {
        let connection = self.connection()?;
        let stored = read_records(&connection, partition, from, budget).await?;
        let headers = match (stored.first(), stored.last()) {
            (Some(first), Some(last)) => {
                read_headers(&connection, partition, first.offset, last.offset).await?
            }
            _ => return Ok(None),
        };
        self.put_back(connection);
        encode(stored, headers).map(Some)
    }

    fn connection(&self) -> Result<Connection, Error> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        if let Some(connection) = idle {
            return Ok(connection);
        }
        let connection = self.database.connect()?;
        connection.busy_timeout(Duration::from_secs(5))?;
        Ok(connection)
    }

    fn put_back(&self, connection: Connection) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
    }
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader").finish_non_exhaustive()
    }
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

fn encode_header(header: StoredHeader) -> tansu_sans_io::record::header::Builder {
    let mut builder = Header::builder();
    if let Some(key) = header.key {
        builder = builder.key(key.into());
    }
    if let Some(value) = header.value {
        builder = builder.value(value.into());
    }
    builder
}
