//! The `redis_list` input.
//!
//! Holds always: an element that was popped is delivered, or put back when the input ends first.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::BoxFuture;
use redis::{RedisError, Value as Answer};
use sluice_engine::{
    BuildError, BuiltInput, ConnectError, Delivery, Input, ReadError, Reader, Registry, Scope,
};
use sluice_message::{Ack, Batch, Message};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::time::{sleep, timeout};

use super::End;
use super::popper::{Popper, put_back};
use crate::convert::bytes;
use crate::fields::redis_config;
use crate::link::{Link, is_broken, reason};
use crate::server::Kind;

/// Elements that one request pops.
const AT_ONCE: usize = 10;
/// How often a list of a cluster is looked at, if not less.
const LOOK_AT_CLUSTER: Duration = Duration::from_millis(100);

redis_config! {
    /// Elements of a list.
    pub struct ListInput {
        /// Key of the list.
        key: String,
        /// Whether messages that failed are kept and sent again, instead of being dropped.
        auto_replay_nacks: bool = true,
        /// Most elements that are popped and not answered for yet; 0 for as many as the stream takes.
        max_in_flight: usize = 0 => advanced,
        /// How long the input waits for an element before it asks again.
        timeout: Duration = "5s" => advanced,
        /// From which end elements are popped.
        command: String = "blpop" => options("blpop", "brpop") advanced,
    }
}

const DOC: &str = "\
Pops elements from a Redis list.

What was popped is gone from Redis: when the program is killed, the elements that are on their way are lost, up to ten that are \
read ahead and those the stream holds. In order, the input puts back what it read ahead.

All inputs with the same server and identity share two connections: one that pops, and one that waits for elements of all lists \
together. So thousands of users may have a list each. In a cluster, whose keys are on several nodes, the inputs look ten times a \
second instead.

The input adds no metadata.";

pub(crate) fn register(registry: &mut Registry) {
    registry.input("redis_list", build).doc(DOC).categories(&["Services"]);
}

fn build(config: ListInput, scope: &Scope) -> Result<BuiltInput, BuildError> {
    let end = match config.command.to_ascii_lowercase().as_str() {
        "blpop" => End::Left,
        "brpop" => End::Right,
        other => return Err(BuildError::new(format!("invalid redis command: {other}"))),
    };
    let server = config.server()?;
    let key = format!("{end:?} {}", server.key());
    let link = Link::shared(server, scope);
    let make = || Ok::<_, BuildError>(Popper::new(link.clone(), end));
    let popper = scope.environment().shared.get_or_try_init(&key, make)?;
    let places = (config.max_in_flight > 0).then(|| Arc::new(Semaphore::new(config.max_in_flight)));
    let list = List { link, popper, key: config.key, end, timeout: config.timeout, places };
    Ok(BuiltInput::connector(Lists(Arc::new(list)), config.auto_replay_nacks))
}

struct Lists(Arc<List>);

struct List {
    link: Arc<Link>,
    popper: Arc<Popper>,
    key: String,
    end: End,
    timeout: Duration,
    /// For elements that are on their way, where they are limited.
    places: Option<Arc<Semaphore>>,
}

impl List {
    /// Pops what is there, up to so many.
    async fn pop(self: Arc<Self>, count: usize) -> Result<Vec<Vec<u8>>, RedisError> {
        let mut command = redis::cmd(self.end.pop());
        command.arg(&self.key);
        let answers = self.link.call_all(vec![command; count]).await?;
        let mut popped = Vec::new();
        let mut failed = None;
        for answer in answers {
            match answer {
                Ok(Answer::Nil) => {}
                Ok(element) => popped.push(bytes(element)),
                Err(error) => failed = Some(error),
            }
        }
        match failed {
            Some(error) if popped.is_empty() => Err(error),
            _ => Ok(popped),
        }
    }
}

#[async_trait]
impl Input for Lists {
    async fn connect(&self) -> Result<Box<dyn Reader>, ConnectError> {
        let list = self.0.clone();
        let answer = list.link.ping().await;
        answer.map_err(|error| ConnectError::new(list.link.server.target(), reason(&error)))?;
        Ok(Box::new(ListReader { list, popping: None, coming: None, places: Vec::new() }))
    }
}

/// A request whose elements must not be forgotten.
type Popping = BoxFuture<'static, Result<Vec<Vec<u8>>, RedisError>>;

struct ListReader {
    list: Arc<List>,
    popping: Option<Popping>,
    /// The list was empty: the next element comes here.
    coming: Option<oneshot::Receiver<Vec<u8>>>,
    /// Places for the elements of the request, where they are limited.
    places: Vec<OwnedSemaphorePermit>,
}

impl ListReader {
    /// Takes places for the next elements: at least one, and as many as there are.
    async fn reserve(&mut self) -> usize {
        let Some(semaphore) = &self.list.places else { return AT_ONCE };
        if self.places.is_empty() {
            // It is never closed.
            self.places.extend(semaphore.clone().acquire_owned().await);
        }
        while self.places.len() < AT_ONCE {
            let Ok(place) = semaphore.clone().try_acquire_owned() else { break };
            self.places.push(place);
        }
        self.places.len().max(1)
    }

    fn delivery(&mut self, element: Vec<u8>) -> Delivery {
        let place = self.places.pop();
        let ack: Option<Ack> = place.map(|place| -> Ack { Box::new(move |_| drop(place)) });
        Delivery { batch: Batch::from(Message::from_bytes(element)), ack }
    }

    fn deliveries(&mut self, elements: Vec<Vec<u8>>) -> Vec<Delivery> {
        let deliveries = elements.into_iter().map(|element| self.delivery(element)).collect();
        self.places.clear();
        deliveries
    }

    /// Waits for an element of the empty list; `None` when it is time to look again.
    async fn wait(&mut self) -> Option<Vec<u8>> {
        let list = &self.list;
        if list.link.server.kind == Kind::Cluster {
            sleep(LOOK_AT_CLUSTER).await;
            return None;
        }
        let patience = list.popper.patience(list.timeout.max(LOOK_AT_CLUSTER));
        let coming = self.coming.get_or_insert_with(|| list.popper.ask(&list.key));
        let came = timeout(patience, &mut *coming).await;
        let came = came.map_or_else(
            |_| {
                coming.close();
                coming.try_recv().ok()
            },
            Result::ok,
        );
        self.coming = None;
        came
    }
}

#[async_trait]
impl Reader for ListReader {
    async fn read(&mut self) -> Result<Vec<Delivery>, ReadError> {
        let mut is_idle = false;
        loop {
            if self.coming.is_some() {
                if let Some(element) = self.wait().await {
                    return Ok(self.deliveries(vec![element]));
                }
                is_idle = true;
            }
            if self.popping.is_none() {
                let most = self.reserve().await;
                let count = if is_idle { 1 } else { most };
                self.popping = Some(Box::pin(self.list.clone().pop(count)));
            }
            let Some(popping) = &mut self.popping else { continue };
            let popped = popping.await;
            self.popping = None;
            match popped {
                Ok(elements) if !elements.is_empty() => return Ok(self.deliveries(elements)),
                Ok(_) => {
                    self.places.truncate(1); // one element may come
                    if let Some(element) = self.wait().await {
                        return Ok(self.deliveries(vec![element]));
                    }
                    is_idle = true;
                }
                Err(error) if is_broken(&error) => {
                    return Err(ReadError::Disconnected(reason(&error).into()));
                }
                Err(error) => return Err(ReadError::Failed(reason(&error).into())),
            }
        }
    }

    async fn close(&mut self) {
        let mut left = Vec::new();
        if let Some(mut coming) = self.coming.take() {
            coming.close();
            left.extend(coming.try_recv());
            self.list.popper.settle().await;
        }
        if let Some(popping) = self.popping.take() {
            left.extend(popping.await.unwrap_or_default());
        }
        let list = &self.list;
        for element in left.into_iter().rev() {
            put_back(&list.link, list.end, &list.key, element).await;
        }
    }
}
