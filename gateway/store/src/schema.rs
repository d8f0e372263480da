//! The versions of the schema. Append only: a published step never changes.

use sqlx::{Connection, Row, SqliteConnection};

/// Step n leads from version n to n + 1.
const STEPS: &[&[&str]] = &[&[
    "CREATE TABLE definitions (
        position INTEGER PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL UNIQUE,
        storage_id TEXT NOT NULL UNIQUE,
        dialect TEXT NOT NULL,
        document TEXT NOT NULL,
        replaces BLOB,
        hidden INTEGER NOT NULL DEFAULT 0,
        created_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
        updated_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
    )",
    "CREATE TABLE credentials (
        name TEXT PRIMARY KEY,
        hash BLOB NOT NULL,
        created_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
    )",
]];

pub(crate) const VERSION: i64 = STEPS.len() as i64;

/// Brings the database to [`VERSION`]; returns the version it had, which may be newer.
pub(crate) async fn migrate(connection: &mut SqliteConnection) -> Result<i64, sqlx::Error> {
    // One transaction that writes from its start: of two programs that open a new file at once, the
    // second waits and finds nothing to do.
    let mut change = connection.begin_with("BEGIN IMMEDIATE").await?;
    let row = sqlx::query("PRAGMA user_version").fetch_one(&mut *change).await?;
    let found: i64 = row.try_get(0)?;
    let done = usize::try_from(found).unwrap_or(0);
    for step in STEPS.iter().skip(done) {
        for statement in *step {
            sqlx::query(*statement).execute(&mut *change).await?;
        }
    }
    if found < VERSION {
        // A pragma takes no parameters; the number is our own.
        let text = sqlx::AssertSqlSafe(format!("PRAGMA user_version = {VERSION}"));
        sqlx::query(text).execute(&mut *change).await?;
    }
    change.commit().await?;
    Ok(found)
}
