//! What components with the same broker and identity share: connections.

use std::sync::{Arc, Weak};
use std::time::Instant;

use tokio::sync::Mutex;

use crate::client::{Client, Manner, Place, Seat};
use crate::link;
use crate::settings::Settings;

pub(crate) struct House {
    settings: Settings,
    clients: Mutex<Clients>,
}

#[derive(Default)]
struct Clients {
    open: Vec<Weak<Client>>,
    /// When connecting last failed, and why: whoever waited for that attempt makes none of their own.
    failure: Option<(Instant, String)>,
}

impl House {
    pub(crate) fn new(settings: Settings) -> Self {
        Self { settings, clients: Mutex::default() }
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// A seat on a connection: on one that is there and has a place, or on a new one.
    ///
    /// # Errors
    /// What the broker or the network said.
    pub(crate) async fn seat(
        &self,
        place: Arc<Place>,
        filters: &[String],
        manner: Manner,
    ) -> Result<Seat, String> {
        if manner == Manner::Own {
            return self.open(manner).await?.join(place).confirmed().await;
        }
        let joining = {
            let fits = |client: &Client| client.has_place_for(filters);
            let (client, _clients) = self.shared(fits).await?;
            client.join(place)
        };
        joining.confirmed().await
    }

    /// A shared connection to publish on.
    ///
    /// # Errors
    /// What the broker or the network said.
    pub(crate) async fn publisher(&self) -> Result<Arc<Client>, String> {
        let (client, _clients) = self.shared(|_| true).await?;
        Ok(client)
    }

    /// A connection that fits, and the lock under which it does.
    async fn shared(
        &self,
        fits: impl Fn(&Client) -> bool,
    ) -> Result<(Arc<Client>, tokio::sync::MutexGuard<'_, Clients>), String> {
        let asked = Instant::now();
        let mut clients = self.clients.lock().await;
        let found = clients.up().find(|it| it.manner == Manner::Shared && fits(it));
        if let Some(client) = found {
            return Ok((client, clients));
        }
        if let Some((when, error)) = &clients.failure
            && *when >= asked
        {
            return Err(error.clone());
        }
        let is_further = clients.up().next().is_some();
        match self.connect(is_further, Manner::Shared).await {
            Ok(client) => {
                clients.add(&client);
                Ok((client, clients))
            }
            Err(error) => {
                clients.failure = Some((Instant::now(), error.clone()));
                Err(error)
            }
        }
    }

    async fn open(&self, manner: Manner) -> Result<Arc<Client>, String> {
        let is_further = self.clients.lock().await.up().next().is_some();
        let client = self.connect(is_further, manner).await?;
        self.clients.lock().await.add(&client);
        Ok(client)
    }

    async fn connect(&self, is_further: bool, manner: Manner) -> Result<Arc<Client>, String> {
        let opened = link::open(&self.settings, &self.settings.name(is_further)).await?;
        Ok(Client::start(opened, manner, self.settings.keepalive))
    }
}

impl Clients {
    fn add(&mut self, client: &Arc<Client>) {
        self.open.retain(|client| client.strong_count() > 0);
        self.open.push(Arc::downgrade(client));
    }

    fn up(&self) -> impl Iterator<Item = Arc<Client>> {
        self.open.iter().filter_map(Weak::upgrade).filter(|client| client.is_up())
    }
}
