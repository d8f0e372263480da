//! What every store promises, tried on the SQLite one.

#![allow(clippy::unwrap_used)] // helpers of tests are tests

use sluice_store::{Definition, SqliteStore, Store, StoreError};

fn definition(id: &str, document: &str) -> Definition {
    Definition {
        id: id.into(),
        storage_id: format!("storage-{id}"),
        dialect: "test".into(),
        document: document.into(),
        replaces: None,
        hidden: false,
    }
}

#[tokio::test]
async fn definitions_survive_reopening_in_their_order() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("deep/er/store.db");
    let store = SqliteStore::open(&path).await.unwrap();
    let second = Definition { replaces: Some(vec![1, 2]), hidden: true, ..definition("b", "{}") };
    store.put_definition(&definition("c", "{\"z\":1,\"a\":\"ü\"}")).await.unwrap();
    store.put_definition(&second).await.unwrap();
    store.put_definition(&definition("c", "{\"changed\":true}")).await.unwrap();
    store.close().await;

    let store = SqliteStore::open(&path).await.unwrap();
    let expected = [definition("c", "{\"changed\":true}"), second];
    assert_eq!(store.definitions().await.unwrap(), expected);
    assert!(store.delete_definition("c").await.unwrap());
    assert!(!store.delete_definition("c").await.unwrap());
    assert_eq!(store.definitions().await.unwrap().len(), 1);
}

#[tokio::test]
async fn the_first_credential_of_a_name_stays() {
    let store = SqliteStore::in_memory().await.unwrap();
    assert_eq!(store.credential("dashboard").await.unwrap(), None);
    assert!(store.add_credential("dashboard", b"one").await.unwrap());
    assert!(!store.add_credential("dashboard", b"two").await.unwrap());
    assert_eq!(store.credential("dashboard").await.unwrap().as_deref(), Some(&b"one"[..]));
}

#[tokio::test]
async fn two_storage_ids_never_meet() {
    let store = SqliteStore::in_memory().await.unwrap();
    store.put_definition(&definition("a", "{}")).await.unwrap();
    let clash = Definition { storage_id: "storage-a".into(), ..definition("b", "{}") };
    assert!(matches!(store.put_definition(&clash).await, Err(StoreError::Failed { .. })));
    assert_eq!(store.definitions().await.unwrap().len(), 1);
}

#[cfg(unix)]
#[tokio::test]
async fn only_the_owner_may_read_the_file() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let store = SqliteStore::open(&path).await.unwrap();
    store.put_definition(&definition("a", "{}")).await.unwrap();
    for file in std::fs::read_dir(folder.path()).unwrap() {
        let file = file.unwrap();
        let mode = file.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{:?} has mode {mode:o}", file.path());
    }
}

#[tokio::test]
async fn what_a_newer_program_wrote_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    SqliteStore::open(&path).await.unwrap().close().await;
    // Bytes 60..64 of an SQLite file are its user version.
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[60..64].copy_from_slice(&999_u32.to_be_bytes());
    std::fs::write(&path, bytes).unwrap();
    let error = SqliteStore::open(&path).await.unwrap_err();
    assert!(matches!(error, StoreError::Newer { found: 999, .. }), "{error}");
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    std::fs::write(&path, "this is certainly not a database, however long it may be".repeat(99))
        .unwrap();
    let error = SqliteStore::open(&path).await.unwrap_err();
    assert!(error.to_string().contains("store.db"), "{error}");
}
