//! Stored positions of groups that have no members: asked for and stored for any number of groups
//! over a few connections to each coordinator.
//!
//! Brokers take positions from outside of a group's generations while the group has no members, and
//! say so when it has some. The client library can do that only with a client for each group, or
//! with requests for operators that end the process when a broker goes away at the wrong moment;
//! so these three requests are made here.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;

use super::link::Link;
use super::login::Identity;
use super::wire::{self, Position, Request};
use crate::cluster::{Cluster, split_list};

/// Requests on their way at once: enough to keep a coordinator busy, few enough for its queue.
const MOST_REQUESTS: usize = 256;
/// Attempts while a coordinator moves, loads or is away, and the pause between them.
const ATTEMPTS: u32 = 20;
const PAUSE: Duration = Duration::from_millis(200);
/// Connections to a coordinator: it works off one request of each at a time, and thousands of groups
/// may have to be stored before the program ends.
const LINKS: usize = 4;
/// Groups whose coordinator is remembered.
const MOST_GROUPS: usize = 200_000;

/// Codes of brokers.
const COORDINATOR_LOAD_IN_PROGRESS: i16 = 14;
const COORDINATOR_NOT_AVAILABLE: i16 = 15;
const NOT_COORDINATOR: i16 = 16;
const ILLEGAL_GENERATION: i16 = 22;
const UNKNOWN_MEMBER_ID: i16 = 25;
const REBALANCE_IN_PROGRESS: i16 = 27;
const REQUEST_TIMED_OUT: i16 = 7;

/// Positions of groups at one cluster.
pub(super) struct GroupOffsets {
    identity: Identity,
    brokers: Vec<Address>,
    links: [tokio::sync::Mutex<HashMap<Address, Arc<Link>>>; LINKS],
    hasher: RandomState,
    coordinators: Mutex<HashMap<Arc<str>, Address>>,
    requests: Semaphore,
}

type Address = (Arc<str>, u16);

/// Why positions were not read or stored.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum GroupError {
    /// The group has members, so whoever wants to store positions must be one.
    #[error("the consumer group has members elsewhere")]
    HasMembers,
    #[error("{0}")]
    Failed(String),
}

impl GroupOffsets {
    /// # Errors
    /// Certificates cannot be read, or a broker's address makes no sense.
    pub(super) fn new(cluster: &Cluster) -> Result<Self, String> {
        let brokers = split_list(std::slice::from_ref(&cluster.brokers));
        let brokers: Result<Vec<_>, _> = brokers.iter().map(|text| address(text)).collect();
        Ok(Self {
            identity: Identity::new(cluster.config())?,
            brokers: brokers?,
            links: Default::default(),
            hasher: RandomState::new(),
            coordinators: Mutex::default(),
            requests: Semaphore::new(MOST_REQUESTS),
        })
    }

    /// The stored positions of a group, in the order of `partitions`; `None` where there is none.
    ///
    /// # Errors
    /// The coordinator did not answer, or refused.
    pub(super) async fn fetch(
        &self,
        group: &Arc<str>,
        partitions: &[(Arc<str>, i32)],
    ) -> Result<Vec<Option<i64>>, GroupError> {
        let client_id = &self.identity.client_id;
        let request = || wire::offset_fetch(client_id, group, partitions);
        let found = self.ask(group, request, wire::fetched).await?;
        // An answer that leaves a partition out does not say that nothing is stored.
        let position = |(topic, id): &(Arc<str>, i32)| {
            let found = found.iter().find(|it| it.1 == *id && it.0 == **topic);
            let (.., offset) = found.ok_or_else(|| {
                GroupError::Failed(format!("no word on partition {id} of {topic}"))
            })?;
            Ok(Some(*offset).filter(|offset| *offset >= 0))
        };
        partitions.iter().map(position).collect()
    }

    /// Stores positions of a group.
    ///
    /// # Errors
    /// The coordinator did not answer, or refused.
    pub(super) async fn store(
        &self,
        group: &Arc<str>,
        positions: &[Position],
    ) -> Result<(), GroupError> {
        let request = || wire::offset_commit(&self.identity.client_id, group, positions);
        self.ask(group, request, wire::committed).await
    }

    /// The group is not in use any more.
    pub(super) fn forget(&self, group: &str) {
        self.coordinators().remove(group);
    }

    /// Asks a group's coordinator, again while that is about to come or to move.
    async fn ask<T>(
        &self,
        group: &Arc<str>,
        request: impl Fn() -> Request,
        read: impl Fn(&[u8]) -> Result<Result<T, i16>, wire::Garbled>,
    ) -> Result<T, GroupError> {
        let mut attempt = 0;
        loop {
            attempt += 1;
            let answered = {
                let permit = self.requests.acquire().await;
                let _permit = permit.map_err(|error| GroupError::Failed(error.to_string()))?;
                self.ask_once(group, request()).await
            };
            let problem = match answered {
                Err(problem) => problem,
                Ok(answer) => match read(&answer) {
                    Ok(Ok(found)) => return Ok(found),
                    Ok(Err(UNKNOWN_MEMBER_ID | ILLEGAL_GENERATION | REBALANCE_IN_PROGRESS)) => {
                        return Err(GroupError::HasMembers);
                    }
                    Ok(Err(code)) if is_passing(code) => format!("the coordinator says {code}"),
                    Ok(Err(code)) => {
                        return Err(GroupError::Failed(format!(
                            "the coordinator refuses: {}",
                            name(code)
                        )));
                    }
                    Err(garbled) => return Err(GroupError::Failed(garbled.to_string())),
                },
            };
            self.forget(group);
            if attempt >= ATTEMPTS {
                return Err(GroupError::Failed(problem));
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn ask_once(&self, group: &Arc<str>, request: Request) -> Result<Vec<u8>, String> {
        let known = self.coordinators().get(group).cloned();
        let coordinator = match known {
            Some(coordinator) => coordinator,
            None => self.find(group).await?,
        };
        self.link(&coordinator, group).await?.ask(request).await
    }

    /// Asks any broker for a group's coordinator.
    async fn find(&self, group: &Arc<str>) -> Result<Address, String> {
        let mut problem = "no broker is named".to_owned();
        for broker in &self.brokers {
            let asked = async {
                let request = wire::find_coordinator(&self.identity.client_id, group);
                self.link(broker, group).await?.ask(request).await
            };
            let answer = match asked.await {
                Ok(answer) => answer,
                Err(failed) => {
                    problem = failed;
                    continue;
                }
            };
            let (host, port) = match wire::coordinator(&answer) {
                Ok(Ok(found)) => found,
                Ok(Err(code)) => return Err(format!("no coordinator: {}", name(code))),
                Err(garbled) => return Err(garbled.to_string()),
            };
            let found: Address = (host.into(), port);
            let mut coordinators = self.coordinators();
            if coordinators.len() < MOST_GROUPS {
                coordinators.insert(group.clone(), found.clone());
            }
            return Ok(found);
        }
        Err(problem)
    }

    /// The connection to a broker for a group, opened by whoever needs it first. Always the same
    /// one, so that what is stored first is not stored last.
    async fn link(&self, address: &Address, group: &str) -> Result<Arc<Link>, String> {
        let at = self.hasher.hash_one(group) as usize % LINKS;
        let mut links = self.links[at].lock().await;
        if let Some(link) = links.get(address).filter(|link| link.is_open()) {
            return Ok(link.clone());
        }
        let link = Arc::new(Link::open(&address.0, address.1, &self.identity).await?);
        links.insert(address.clone(), link.clone());
        Ok(link)
    }

    fn coordinators(&self) -> MutexGuard<'_, HashMap<Arc<str>, Address>> {
        self.coordinators.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `host:port`, the host perhaps in brackets, the port perhaps left out.
fn address(text: &str) -> Result<Address, String> {
    let text = text.rsplit_once("://").map_or(text, |(_, rest)| rest);
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => (host, Some(port)),
        _ => (text, None),
    };
    let port = port.map_or(Ok(9092), str::parse);
    let port = port.map_err(|_| format!("{text} is no address of a broker"))?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    Ok((host.into(), port))
}

fn is_passing(code: i16) -> bool {
    [COORDINATOR_LOAD_IN_PROGRESS, COORDINATOR_NOT_AVAILABLE, NOT_COORDINATOR, REQUEST_TIMED_OUT]
        .contains(&code)
}

/// What a code means, for the few that operators can do something about.
fn name(code: i16) -> String {
    match code {
        24 => "invalid group id".into(),
        29 => "not allowed to use the topic".into(),
        30 => "not allowed to use the group".into(),
        COORDINATOR_NOT_AVAILABLE => "coordinator not available".into(),
        code => format!("error {code}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_brokers_are_understood() {
        for (text, host, port) in [
            ("a:1", "a", 1),
            ("a", "a", 9092),
            ("[::1]:9093", "::1", 9093),
            ("PLAINTEXT://b.c:9094", "b.c", 9094),
        ] {
            assert_eq!(address(text), Ok((host.into(), port)), "{text}");
        }
        assert!(address("a:b").is_err());
    }
}
