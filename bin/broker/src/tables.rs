//! Direct access to tansu's tables, where going through its storage is wrong or slow.
//!
//! tansu's own reading runs in the one task that also stores records and keeps groups, looks at every
//! record behind a position however few it returns, and at every header for each of them: a backlog of
//! fifty thousand records kept heartbeats waiting until their members were thrown out. SQLite allows any
//! number of readers beside the writer, so here each request has a connection and reads what it returns.
//! And tansu's deletion of a topic deletes every topic.
//!
//! Tied to the tables of tansu-storage 0.6.0 (`src/ddl` there), which is why its version is pinned.

use std::{
    fmt,
    path::Path,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use libsql::{Connection, Database, params, params::IntoParams};
use tansu_storage::Error;
use uuid::Uuid;

use crate::{
    records::{self, Records},
    store::CLUSTER,
};

/// How a client names a topic.
#[derive(Clone, Debug)]
pub(crate) enum TopicName<'a> {
    Name(&'a str),
    Id(Uuid),
}

/// A partition and the offsets it holds: `low` is the first, `high` the next to be written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Partition {
    pub(crate) id: i64,
    pub(crate) low: i64,
    pub(crate) high: i64,
}

/// A record's place in time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    pub(crate) offset: i64,
    pub(crate) timestamp: i64,
}

/// The database, opened beside tansu.
pub(crate) struct Tables {
    database: Database,
    /// Connections not in use: as many as there have ever been requests at the same moment, which the
    /// runtime's threads bound because SQLite's calls return only when done.
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

const FIRST_SINCE: &str = "
    select offset_id, timestamp from record
    where topition = ?1 and timestamp >= ?2
    order by offset_id limit 1";

const NEWEST: &str = "
    select offset_id, timestamp from record
    where topition = ?1
    order by timestamp desc, offset_id limit 1";

const TOPIC: &str = "
    select t.id, t.name from cluster c join topic t on t.cluster = c.id
    where c.name = ?1 and (t.name = ?2 or t.uuid = ?2)";

/// tansu has no index on either, so it scans both tables.
const INDEXES: &str = "
    create index if not exists sluice_header on header (topition, offset_id);
    create index if not exists sluice_watermark on watermark (topition);";

const ORPHANS: &str = "select id from topition where topic not in (select id from topic)";

/// A large topic goes piecemeal, so that other writers get their turn.
const SOME_ORPHANED_RECORDS: &str = "
    delete from record where topition = ?1 and offset_id in
    (select offset_id from record where topition = ?1 order by offset_id limit 2000)";

impl Tables {
    /// Opens a database that tansu has already set up.
    pub(crate) async fn open(path: &Path) -> Result<Self, Error> {
        let database = libsql::Builder::new_local(path).build().await?;
        let tables = Self { database, idle: Mutex::default() };
        let connection = tables.connection()?;
        connection.execute_batch(INDEXES).await?;
        sweep(&connection).await?;
        tables.put_back(connection);
        Ok(tables)
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
        let records = records::read(&connection, partition, from, budget).await?;
        self.put_back(connection);
        Ok(records)
    }

    /// The first record written at `timestamp` or later.
    pub(crate) async fn first_since(
        &self,
        partition: &Partition,
        timestamp: i64,
    ) -> Result<Option<Moment>, Error> {
        self.moment(FIRST_SINCE, params![partition.id, timestamp]).await
    }

    /// The record with the latest timestamp.
    pub(crate) async fn newest(&self, partition: &Partition) -> Result<Option<Moment>, Error> {
        self.moment(NEWEST, params![partition.id]).await
    }

    async fn moment(&self, sql: &str, params: impl IntoParams) -> Result<Option<Moment>, Error> {
        let connection = self.connection()?;
        let mut rows = connection.query(sql, params).await?;
        let moment = match rows.next().await? {
            Some(row) => Some(Moment { offset: row.get(0)?, timestamp: row.get(1)? }),
            None => None,
        };
        drop(rows);
        self.put_back(connection);
        Ok(moment)
    }

    /// Deletes a topic and returns its name; none if there is no such topic.
    ///
    /// The topic itself goes first, alone, so that it disappears at once and whole. What belonged to it
    /// is swept afterwards, at the next start if not now.
    pub(crate) async fn delete_topic(
        &self,
        topic: &TopicName<'_>,
    ) -> Result<Option<String>, Error> {
        let topic = match topic {
            TopicName::Name(name) => (*name).to_owned(),
            TopicName::Id(id) => id.to_string(),
        };
        let connection = self.connection()?;
        let mut rows = connection.query(TOPIC, params![CLUSTER, topic]).await?;
        let Some(row) = rows.next().await? else { return Ok(None) };
        let (id, name) = (row.get::<i64>(0)?, row.get::<String>(1)?);
        drop(rows);
        connection.execute("pragma foreign_keys = off", ()).await?; // no cascade yet
        connection.execute("delete from topic where id = ?1", params![id]).await?;
        connection.execute("pragma foreign_keys = on", ()).await?;
        sweep(&connection).await?;
        self.put_back(connection);
        Ok(Some(name))
    }

    fn connection(&self) -> Result<Connection, Error> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        if let Some(connection) = idle {
            return Ok(connection);
        }
        let connection = self.database.connect()?;
        // Writers wait for each other instead of failing.
        connection.busy_timeout(Duration::from_secs(5))?;
        Ok(connection)
    }

    fn put_back(&self, connection: Connection) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
    }
}

impl fmt::Debug for Tables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tables").finish_non_exhaustive()
    }
}

/// Deletes what belonged to topics that are gone.
async fn sweep(connection: &Connection) -> Result<(), Error> {
    let mut orphans = Vec::new();
    let mut rows = connection.query(ORPHANS, ()).await?;
    while let Some(row) = rows.next().await? {
        orphans.push(row.get::<i64>(0)?);
    }
    drop(rows);
    for partition in orphans {
        while connection.execute(SOME_ORPHANED_RECORDS, params![partition]).await? > 0 {}
        // The rest follows by the tables' own rules.
        connection.execute("delete from topition where id = ?1", params![partition]).await?;
    }
    let settings = "delete from topic_configuration where topic not in (select id from topic)";
    connection.execute(settings, ()).await?;
    Ok(())
}
