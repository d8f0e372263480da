//! The data directory: one owner, one SQLite database.

use std::{
    env,
    fs::{File, TryLockError, create_dir_all},
    path::Path,
    sync::Arc,
    time::SystemTime,
};

use anyhow::{Context as _, bail};
use tansu_storage::{BrokerRegistrationRequest, Storage as _, StorageContainer};
use tokio_util::sync::CancellationToken;
use tracing::debug;
use url::Url;
use uuid::Uuid;

use crate::{cli::Address, tables::Tables};

/// Name and node of this one-node cluster. Part of the stored data: changing them hides it.
pub(crate) const CLUSTER: &str = "sluice";
const NODE: i32 = 1;

const DATABASE: &str = "broker.db";

/// The data directory, ours as long as this lives.
#[derive(Debug)]
pub(crate) struct DataDirectory {
    _owner: File,
}

impl DataDirectory {
    /// Takes `directory`, creating it where missing.
    ///
    /// The process changes into it: tansu takes the database's path from a URL without decoding it, so a
    /// path with a space in it would become another one.
    pub(crate) fn take(directory: &Path) -> anyhow::Result<Self> {
        let named = || format!("cannot use data directory {}", directory.display());
        if directory.exists() && !directory.is_dir() {
            bail!("{}: it is not a directory", named());
        }
        create_dir_all(directory).with_context(named)?;
        let owner = take_ownership(directory).with_context(named)?;
        env::set_current_dir(directory).with_context(named)?;
        Ok(Self { _owner: owner })
    }

    /// Opens the database; clients will be sent to `advertised`.
    pub(crate) async fn open(&self, advertised: &Address) -> anyhow::Result<Store> {
        Store::open_here(advertised).await.with_context(|| {
            let here = env::current_dir().unwrap_or_default();
            format!("cannot use the database {}", here.join(DATABASE).display())
        })
    }
}

/// The open database.
#[derive(Debug)]
pub(crate) struct Store {
    storage: StorageContainer,
    tables: Arc<Tables>,
    cancel: CancellationToken,
}

impl Store {
    async fn open_here(advertised: &Address) -> anyhow::Result<Self> {
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
        let tables = Arc::new(Tables::open(Path::new(DATABASE)).await?);
        Ok(Self { storage, tables, cancel })
    }

    pub(crate) fn storage(&self) -> &StorageContainer {
        &self.storage
    }

    pub(crate) fn tables(&self) -> Arc<Tables> {
        self.tables.clone()
    }

    /// Fails once the storage task has ended, which a panic in tansu brings about.
    pub(crate) async fn check(&self) -> anyhow::Result<()> {
        self.storage.ping().await.context("the storage stopped working")
    }

    /// Applies the retention that topics were created with.
    pub(crate) async fn maintain(&self) {
        if let Err(error) = self.storage.maintain(SystemTime::now()).await {
            debug!(%error, "maintenance");
        }
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
