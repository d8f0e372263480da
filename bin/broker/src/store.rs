//! The data directory: one owner, one SQLite database.

use std::{
    env,
    fs::{File, TryLockError, create_dir_all},
    path::Path,
    sync::Arc,
};

use anyhow::{Context as _, bail};
use tansu_storage::{BrokerRegistrationRequest, Storage as _, StorageContainer};
use tokio_util::sync::CancellationToken;
use url::Url;
use uuid::Uuid;

use crate::{cli::Address, reader::Reader};

/// Name and node of this one-node cluster. Part of the stored data: changing them hides it.
pub(crate) const CLUSTER: &str = "sluice";
const NODE: i32 = 1;

const DATABASE: &str = "broker.db";

/// An open data directory.
#[derive(Debug)]
pub(crate) struct Store {
    storage: StorageContainer,
    reader: Arc<Reader>,
    cancel: CancellationToken,
    _owner: File,
}

impl Store {
    /// Opens `directory`, creating it where missing. Clients will be sent to `advertised`.
    ///
    /// The process changes into the directory: tansu takes the database's path from a URL without
    /// decoding it, so a path with a space in it would become another one.
    pub(crate) async fn open(directory: &Path, advertised: &Address) -> anyhow::Result<Self> {
        let named = || format!("cannot use data directory {}", directory.display());
        if directory.exists() && !directory.is_dir() {
            bail!("{}: it is not a directory", named());
        }
        create_dir_all(directory).with_context(named)?;
        let owner = take_ownership(directory).with_context(named)?;
        env::set_current_dir(directory).with_context(named)?;
        let store = Self::open_here(advertised, owner).await.with_context(named)?;
        Ok(store)
    }

    async fn open_here(advertised: &Address, owner: File) -> anyhow::Result<Self> {
        let cancel = CancellationToken::new();
        let storage = StorageContainer::builder()
            .cluster_id(CLUSTER)
            .node_id(NODE)
            .advertised_listener(Url::parse(&format!("tcp://{advertised}"))?)
            .storage(Url::parse(&format!("sqlite:///{DATABASE}"))?)
            .cancellation(cancel.clone())
            .silent(true)
            .build()
            .await?;
        storage
            .register_broker(BrokerRegistrationRequest {
                broker_id: NODE,
                cluster_id: CLUSTER.to_owned(),
                incarnation_id: Uuid::nil(),
                rack: None,
            })
            .await?;
        // Opening ignores a file that is no database; reading does not.
        storage.metadata(None).await?;
        let reader = Arc::new(Reader::open(Path::new(DATABASE)).await?);
        Ok(Self { storage, reader, cancel, _owner: owner })
    }

    pub(crate) fn storage(&self) -> &StorageContainer {
        &self.storage
    }

    pub(crate) fn reader(&self) -> Arc<Reader> {
        self.reader.clone()
    }

    /// Fails once the storage task has ended: the broker could then only let its clients wait.
    pub(crate) async fn check(&self) -> anyhow::Result<()> {
        self.storage.ping().await.context("the storage stopped working")
    }

    /// Ends the storage task, which closes the database.
    pub(crate) async fn close(self) {
        self.cancel.cancel();
        drop(self.storage);
        tokio::task::yield_now().await;
    }
}

/// Two brokers on one directory would each believe they lead its groups.
fn take_ownership(directory: &Path) -> anyhow::Result<File> {
    let owner = File::create(directory.join("owner.lock"))?;
    match owner.try_lock() {
        Ok(()) => Ok(owner),
        Err(TryLockError::WouldBlock) => bail!("another sluice-broker is using it"),
        Err(TryLockError::Error(error)) => Err(error.into()),
    }
}
