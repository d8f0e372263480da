//! The connection to NATS: one for all components with the same servers and identity.
//!
//! The client connects again by itself and keeps its subscriptions. What acknowledgements have to
//! send goes through one task, so that answering never waits.
//!
//! Holds always: the connection lives as long as somebody uses it; what waits to be sent as an
//! acknowledgement is bounded by what was delivered and not answered.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_nats::{Client, ConnectOptions, Event, HeaderMap, Subject};
use bytes::Bytes;
use nkeys::KeyPair;
use percent_encoding::percent_decode_str;
use sluice_config::Secret;
use sluice_engine::inbox::Pool;
use sluice_engine::{BuildError, Scope};
use sluice_tls::{TlsConfig, read};
use tokio::sync::{Notify, OnceCell, watch};
use tokio_util::sync::{CancellationToken, DropGuard};
use tracing::{info, warn};

use crate::fields::AuthConfig;

/// Bytes that wait for all readers of a connection together.
const ROOM_OF_ALL: usize = 512 << 20;
/// Messages of one subscription that wait to be put into its reader's inbox, which costs nothing.
const HANDING_OVER: usize = 65_536;
const CONNECTING: Duration = Duration::from_secs(5);

pub(crate) struct Link {
    addresses: Vec<String>,
    options: Mutex<Box<dyn FnMut() -> ConnectOptions + Send>>,
    client: OnceCell<Client>,
    pub(crate) pool: Arc<Pool>,
    letters: Arc<Letters>,
    /// Counts how often the connection was made.
    connections: Arc<watch::Sender<u64>>,
    stop: CancellationToken,
    _guard: DropGuard,
}

/// What is sent without waiting for it, in order.
#[derive(Default)]
pub(crate) struct Letters {
    waiting: Mutex<VecDeque<Letter>>,
    written: Notify,
}

struct Letter {
    to: Subject,
    headers: Option<HeaderMap>,
    payload: Bytes,
}

impl Letters {
    pub(crate) fn send(&self, to: Subject, payload: impl Into<Bytes>) {
        self.send_with(to, None, payload.into());
    }

    pub(crate) fn send_with(&self, to: Subject, headers: Option<HeaderMap>, payload: Bytes) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.push_back(Letter { to, headers, payload });
        drop(waiting);
        self.written.notify_one();
    }

    fn take(&self) -> VecDeque<Letter> {
        std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Sends what waits now.
    async fn post(&self, client: &Client) {
        for Letter { to, headers, payload } in self.take() {
            let sent = match headers {
                Some(headers) => client.publish_with_headers(to, headers, payload).await,
                None => client.publish(to, payload).await,
            };
            if let Err(problem) = sent {
                warn!("Failed to acknowledge a message: {problem}");
            }
        }
    }
}

impl Link {
    pub(crate) fn shared(
        urls: &[String],
        tls: &TlsConfig,
        auth: &AuthConfig,
        scope: &Scope,
    ) -> Result<Arc<Self>, BuildError> {
        let plan = Plan::new(urls, tls, auth)?;
        let key = plan.key.clone();
        let name = scope.label().to_owned();
        scope.environment().shared.get_or_try_init(&key, || Self::new(plan, tls, name))
    }

    fn new(plan: Plan, tls: &TlsConfig, name: String) -> Result<Self, BuildError> {
        let Plan { addresses, identity, requires_tls, .. } = plan;
        let tls = if requires_tls { Some(tls.client(&[])?) } else { None };
        let connections = Arc::new(watch::Sender::new(0));
        let told = connections.clone();
        let shown = addresses.join(",");
        let make = move || {
            let mut options = identity.options();
            if !name.is_empty() {
                options = options.name(&name);
            }
            if let Some(tls) = &tls {
                options = options.require_tls(true).tls_client_config(tls.clone());
            }
            let (told, shown) = (told.clone(), shown.clone());
            options
                .connection_timeout(CONNECTING)
                .subscription_capacity(HANDING_OVER)
                .event_callback(move |event| {
                    tell(&shown, &event, &told);
                    std::future::ready(())
                })
        };
        let stop = CancellationToken::new();
        Ok(Self {
            addresses,
            options: Mutex::new(Box::new(make)),
            client: OnceCell::new(),
            pool: Pool::new(ROOM_OF_ALL),
            letters: Arc::default(),
            connections,
            _guard: stop.clone().drop_guard(),
            stop,
        })
    }

    /// The addresses, for people.
    pub(crate) fn target(&self) -> String {
        self.addresses.join(",")
    }

    /// The client, connected by whoever needs it first.
    ///
    /// # Errors
    /// No server can be reached, or they refuse.
    pub(crate) async fn client(&self) -> Result<&Client, String> {
        let connect = || async {
            let options = {
                let mut make = self.options.lock().unwrap_or_else(PoisonError::into_inner);
                make()
            };
            let addresses = self.addresses.as_slice();
            let client = options.connect(addresses).await.map_err(|error| error.to_string())?;
            let (letters, postman, stop) =
                (self.letters.clone(), client.clone(), self.stop.clone());
            tokio::spawn(stop.run_until_cancelled_owned(async move {
                loop {
                    letters.written.notified().await;
                    letters.post(&postman).await;
                }
            }));
            Ok(client)
        };
        self.client.get_or_try_init(connect).await
    }

    pub(crate) fn letters(&self) -> &Arc<Letters> {
        &self.letters
    }

    /// Sends what acknowledgements have left to send.
    pub(crate) async fn settle(&self) {
        let Some(client) = self.client.get() else { return };
        self.letters.post(client).await;
        let _ = tokio::time::timeout(CONNECTING, client.flush()).await; // then it is not there
    }

    /// Changes whenever the connection was made again.
    pub(crate) fn connections(&self) -> watch::Receiver<u64> {
        self.connections.subscribe()
    }
}

fn tell(servers: &str, event: &Event, connections: &watch::Sender<u64>) {
    match event {
        Event::Connected => connections.send_modify(|count| *count += 1),
        Event::Disconnected => warn!(%servers, "Lost connection to NATS"),
        // Readers count what they lose.
        Event::SlowConsumer(_) => {}
        Event::ServerError(_) | Event::ClientError(_) => warn!(%servers, "NATS: {event}"),
        other => info!(%servers, "NATS: {other}"),
    }
}

/// What a connection is made of.
struct Plan {
    addresses: Vec<String>,
    identity: Identity,
    requires_tls: bool,
    /// Equal for components that can share. Holds secrets: not for logs.
    key: String,
}

/// Who the client is.
#[derive(Clone, Default)]
struct Identity {
    user: Option<(String, String)>,
    token: Option<String>,
    nkey: Option<String>,
    /// A JWT and the seed that belongs to it.
    jwt: Option<(String, String)>,
}

impl Identity {
    fn options(&self) -> ConnectOptions {
        let mut options = ConnectOptions::new();
        if let Some((user, password)) = &self.user {
            options = options.user_and_password(user.clone(), password.clone());
        }
        if let Some(token) = &self.token {
            options = options.token(token.clone());
        }
        if let Some(seed) = &self.nkey {
            options = options.nkey(seed.clone());
        }
        if let Some((jwt, seed)) = &self.jwt {
            let seed = seed.clone();
            options = options.jwt(jwt.clone(), move |nonce| {
                let signed = KeyPair::from_seed(&seed).and_then(|pair| pair.sign(&nonce));
                std::future::ready(signed.map_err(async_nats::AuthError::new))
            });
        }
        options
    }
}

impl Plan {
    fn new(urls: &[String], tls: &TlsConfig, auth: &AuthConfig) -> Result<Self, BuildError> {
        let mut identity = Identity::default();
        let (mut addresses, mut requires_tls) = (Vec::new(), tls.enabled);
        let parts = urls.iter().flat_map(|url| url.split(','));
        for part in parts.map(str::trim).filter(|part| !part.is_empty()) {
            let (scheme, rest) = part.split_once("://").unwrap_or(("nats", part));
            match scheme.to_ascii_lowercase().as_str() {
                "nats" => {}
                "tls" => requires_tls = true,
                other => return Err(BuildError::new(format!("nats: invalid URL scheme: {other}"))),
            }
            let place = match rest.rsplit_once('@') {
                None => rest,
                Some((who, place)) => {
                    match who.split_once(':') {
                        Some((user, password)) => {
                            identity.user = Some((decoded(user)?, decoded(password)?));
                        }
                        None => identity.token = Some(decoded(who)?),
                    }
                    place
                }
            };
            let address = format!("nats://{}", place.trim_end_matches('/'));
            address.parse::<async_nats::ServerAddr>().map_err(|error| {
                BuildError::new(format!("field urls: {}: {error}", place.trim_end_matches('/')))
            })?;
            addresses.push(address);
        }
        if addresses.is_empty() {
            return Err(BuildError::new("field urls: at least one address is required"));
        }
        identify(&mut identity, auth)?;
        let mut key = format!("{addresses:?} {requires_tls}");
        let Identity { user, token, nkey, jwt } = &identity;
        // Writing to a text does not fail.
        let _ = write!(key, " {user:?} {token:?} {nkey:?} {jwt:?}");
        if requires_tls {
            let pem = tls.pem()?;
            let _ = write!(key, " {} {:?} {:?}", tls.skip_cert_verify, pem.roots, pem.identity);
        }
        Ok(Self { addresses, identity, requires_tls, key })
    }
}

/// Reads what the `auth` block says.
fn identify(identity: &mut Identity, auth: &AuthConfig) -> Result<(), BuildError> {
    let wrong =
        |field: &str, problem: &str| BuildError::new(format!("field auth.{field}: {problem}"));
    let check = |field: &str, seed: &str| {
        let pair = KeyPair::from_seed(seed);
        pair.map(drop).map_err(|error| wrong(field, &error.to_string()))
    };
    if let Some(file) = auth.nkey_file.as_deref().filter(|file| !file.is_empty()) {
        let text = read("auth.nkey_file", &expanded(file))?;
        let seed = seed_in(&text).ok_or_else(|| wrong("nkey_file", "no seed in it"))?;
        check("nkey_file", &seed)?;
        identity.nkey = Some(seed);
    }
    if let Some(file) = auth.user_credentials_file.as_deref().filter(|file| !file.is_empty()) {
        let text = read("auth.user_credentials_file", &expanded(file))?;
        let field = "user_credentials_file";
        let jwt = jwt_in(&text).ok_or_else(|| wrong(field, "no user JWT in it"))?;
        let seed = seed_in(&text).ok_or_else(|| wrong(field, "no seed in it"))?;
        check(field, &seed)?;
        identity.jwt = Some((jwt, seed));
    }
    match (&auth.user_jwt, &auth.user_nkey_seed) {
        (None, None) => {}
        (None, Some(_)) => return Err(BuildError::new("missing auth.user_jwt config field")),
        (Some(_), None) => return Err(BuildError::new("missing auth.user_nkey_seed config field")),
        (Some(jwt), Some(seed)) if !jwt.is_empty() && !seed.is_empty() => {
            let text = |secret: &Secret| secret.expose().trim().to_owned();
            check("user_nkey_seed", &text(seed))?;
            identity.jwt = Some((text(jwt), text(seed)));
        }
        (Some(_), Some(_)) => {}
    }
    Ok(())
}

/// A path with `~` and variables in it.
fn expanded(path: &str) -> String {
    let mut made = String::with_capacity(path.len());
    let mut rest = path;
    while let Some((before, after)) = rest.split_once('$') {
        made.push_str(before);
        let (name, behind) = match after.strip_prefix('{').and_then(|it| it.split_once('}')) {
            Some(braced) => braced,
            None => {
                let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
                after.split_at(after.find(|c| !is_part(c)).unwrap_or(after.len()))
            }
        };
        made.push_str(&std::env::var(name).unwrap_or_default());
        rest = behind;
    }
    made.push_str(rest);
    match (made.strip_prefix('~'), std::env::var_os("HOME")) {
        (Some(below), Some(home)) => {
            let home = PathBuf::from(home);
            home.join(below.trim_start_matches('/')).to_string_lossy().into_owned()
        }
        _ => made,
    }
}

/// The first line that is a seed.
fn seed_in(text: &str) -> Option<String> {
    let is_seed = |line: &&str| line.starts_with('S') && line.len() > 50 && !line.contains(' ');
    text.lines().map(str::trim).find(is_seed).map(str::to_owned)
}

/// The user's JWT of a credentials file.
fn jwt_in(text: &str) -> Option<String> {
    let is_jwt = |line: &&str| line.starts_with("ey") && line.matches('.').count() == 2;
    text.lines().map(str::trim).find(is_jwt).map(str::to_owned)
}

fn decoded(text: &str) -> Result<String, BuildError> {
    let decoded = percent_decode_str(text).decode_utf8();
    decoded
        .map(String::from)
        .map_err(|_| BuildError::new("field urls: a user or password is no text"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_found_in_decorated_files() {
        let pair = KeyPair::new_user();
        let seed = pair.seed().unwrap();
        let text = format!(
            "-----BEGIN NATS USER JWT-----\neyJ0.eyJq.c2ln\n------END NATS USER JWT------\n\n\
             -----BEGIN USER NKEY SEED-----\n{seed}\n------END USER NKEY SEED------\n"
        );
        assert_eq!(jwt_in(&text).as_deref(), Some("eyJ0.eyJq.c2ln"));
        assert_eq!(seed_in(&text), Some(seed));
        assert_eq!(seed_in("nothing"), None);
    }

    #[test]
    fn paths_may_begin_at_home() {
        let home = std::env::var("HOME").unwrap();
        assert_eq!(expanded("~/a"), format!("{home}/a"));
        assert_eq!(expanded("$HOME/a"), format!("{home}/a"));
        assert_eq!(expanded("${HOME}x"), format!("{home}x"));
        assert_eq!(expanded("/a/b"), "/a/b");
    }
}
