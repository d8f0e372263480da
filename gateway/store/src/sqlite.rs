//! One SQLite file.

use std::{fs::OpenOptions, path::Path, time::Duration};

use async_trait::async_trait;
use sqlx::{
    Row, SqlitePool,
    sqlite::{
        SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteRow, SqliteSynchronous,
    },
};
use tracing::info;

use crate::{Definition, Store, StoreError, schema};

/// How long a write waits for another program's.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// A store in one file, readable by its owner only.
#[derive(Clone, Debug)]
pub struct SqliteStore {
    pool: SqlitePool,
    place: String,
}

impl SqliteStore {
    /// Opens the file, creating it if it does not exist, and brings its schema up to date.
    pub async fn open(path: &Path) -> Result<Self, StoreError> {
        let place = path.display().to_string();
        create_private(path)
            .map_err(|source| StoreError::Create { place: place.clone(), source })?;
        let options = SqliteConnectOptions::new()
            .filename(path)
            .busy_timeout(BUSY_TIMEOUT)
            .journal_mode(SqliteJournalMode::Wal)
            // Reported as stored means stored: a create is rare, a flush affordable.
            .synchronous(SqliteSynchronous::Full);
        Self::connect(options, place).await
    }

    /// A store that forgets everything when dropped.
    pub async fn in_memory() -> Result<Self, StoreError> {
        Self::connect(SqliteConnectOptions::new().in_memory(true), "memory".to_owned()).await
    }

    async fn connect(options: SqliteConnectOptions, place: String) -> Result<Self, StoreError> {
        let open =
            |source: sqlx::Error| StoreError::Open { place: place.clone(), source: source.into() };
        // One connection: writes queue here instead of failing on each other's locks, and an
        // in-memory database exists only as long as its connection.
        let pool = SqlitePoolOptions::new()
            .max_connections(1)
            .min_connections(1)
            .idle_timeout(None)
            .max_lifetime(None)
            .connect_with(options)
            .await
            .map_err(open)?;
        let mut connection = pool.acquire().await.map_err(open)?;
        let found = schema::migrate(&mut connection).await.map_err(open)?;
        drop(connection);
        if found > schema::VERSION {
            return Err(StoreError::Newer { place, found, known: schema::VERSION });
        }
        if found < schema::VERSION {
            info!(%place, from = found, to = schema::VERSION, "store schema brought up to date");
        }
        Ok(Self { pool, place })
    }

    fn failed(&self, action: &'static str) -> impl FnOnce(sqlx::Error) -> StoreError {
        let place = self.place.clone();
        move |source| StoreError::Failed { action, place, source: source.into() }
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn definitions(&self) -> Result<Vec<Definition>, StoreError> {
        let rows = sqlx::query(
            "SELECT id, storage_id, dialect, document, replaces, hidden
             FROM definitions ORDER BY position",
        )
        .fetch_all(&self.pool)
        .await
        .map_err(self.failed("read definitions"))?;
        rows.iter()
            .map(read_definition)
            .collect::<Result<_, _>>()
            .map_err(self.failed("read a definition"))
    }

    async fn put_definition(&self, definition: &Definition) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO definitions (id, storage_id, dialect, document, replaces, hidden)
             VALUES (?, ?, ?, ?, ?, ?)
             ON CONFLICT (id) DO UPDATE SET storage_id = excluded.storage_id,
                dialect = excluded.dialect, document = excluded.document,
                replaces = excluded.replaces, hidden = excluded.hidden,
                updated_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now')",
        )
        .bind(&definition.id)
        .bind(&definition.storage_id)
        .bind(&definition.dialect)
        .bind(&definition.document)
        .bind(definition.replaces.as_deref())
        .bind(definition.hidden)
        .execute(&self.pool)
        .await
        .map_err(self.failed("store a definition"))?;
        Ok(())
    }

    async fn delete_definition(&self, id: &str) -> Result<bool, StoreError> {
        let deleted = sqlx::query("DELETE FROM definitions WHERE id = ?")
            .bind(id)
            .execute(&self.pool)
            .await
            .map_err(self.failed("delete a definition"))?;
        Ok(deleted.rows_affected() > 0)
    }

    async fn credential(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let row = sqlx::query("SELECT hash FROM credentials WHERE name = ?")
            .bind(name)
            .fetch_optional(&self.pool)
            .await
            .map_err(self.failed("read a credential"))?;
        row.map(|row| row.try_get(0)).transpose().map_err(self.failed("read a credential"))
    }

    async fn add_credential(&self, name: &str, hash: &[u8]) -> Result<bool, StoreError> {
        let added = sqlx::query("INSERT OR IGNORE INTO credentials (name, hash) VALUES (?, ?)")
            .bind(name)
            .bind(hash)
            .execute(&self.pool)
            .await
            .map_err(self.failed("store a credential"))?;
        Ok(added.rows_affected() > 0)
    }

    async fn close(&self) {
        self.pool.close().await;
    }
}

fn read_definition(row: &SqliteRow) -> Result<Definition, sqlx::Error> {
    Ok(Definition {
        id: row.try_get("id")?,
        storage_id: row.try_get("storage_id")?,
        dialect: row.try_get("dialect")?,
        document: row.try_get("document")?,
        replaces: row.try_get("replaces")?,
        hidden: row.try_get("hidden")?,
    })
}

/// Definitions may hold passwords of brokers: nobody else may read the file (nor those that SQLite
/// puts beside it, which get the same mode).
fn create_private(path: &Path) -> std::io::Result<()> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder)?;
    }
    let mut options = OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    options.open(path).map(drop)
}
