//! `dynamic` input.

use std::collections::BTreeMap;

use async_trait::async_trait;
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use sluice_config::{Block, ComponentKind, Kinds, Node, config};
use sluice_engine::http::Mount;
use sluice_engine::{BuildError, BuiltInput, Burst, LinkState, Registry, Scope, Source, Stop};
use tokio::sync::mpsc;

use super::api::{Api, Host};
use super::children::{Child, Children};

config! {
    /// Inputs that come and go.
    pub struct DynamicInput {
        /// The inputs to begin with, by name.
        inputs: BTreeMap<String, Block<Kinds::Input>> = Node::empty_map(),
        /// Put before the paths of the endpoints.
        prefix: String = "",
    }
}

pub(crate) fn register(registry: &mut Registry) {
    registry.input("dynamic", build).categories(&["Utility"]).doc(
        "Reads several inputs at the same time, which are added, changed and removed over HTTP \
         while the stream runs.\n\n\
         `GET /inputs` lists them; `GET`, `POST` and `DELETE` on `/inputs/{id}` read, set and remove \
         one; `GET /inputs/{id}/uptime` says how long it has been running. A configuration that \
         cannot be built changes nothing. The input never ends by itself.",
    );
}

fn build(config: DynamicInput, scope: &Scope) -> Result<BuiltInput, BuildError> {
    let (added, arrivals) = mpsc::channel(16);
    let children = Children::default();
    let place = scope.below("dynamic").below("inputs");
    let host = Arrivals { scope: place.clone(), added };
    let api = Api::new(host, ComponentKind::Input, &config.prefix, scope, children.clone());
    let mut source = Dynamic {
        asked: FuturesUnordered::new(),
        idle: BTreeMap::new(),
        next_key: 0,
        arrivals,
        stop: scope.stop().clone(),
        links: Vec::new(),
        mounts: Vec::new(),
    };
    for (name, block) in &config.inputs {
        let child = api.child(&block.node);
        let built = place.below(name).with_stop(child.stop.clone()).input(&block.node)?;
        children.insert(name, child.clone()).map_err(BuildError::new)?;
        source.links.extend(built.links());
        source.add(built, child);
    }
    source.mounts = api.mount();
    Ok(BuiltInput::source(source))
}

/// Where new inputs go in.
struct Arrivals {
    scope: Scope,
    added: mpsc::Sender<(Box<dyn Source>, Child)>,
}

#[async_trait]
impl Host for Arrivals {
    type Built = Box<dyn Source>;

    fn build(&self, name: &str, config: &Node, stop: &Stop) -> Result<Self::Built, String> {
        let scope = self.scope.below(name).with_stop(stop.clone());
        scope.input(config).map_err(|error| error.to_string())
    }

    async fn start(&self, _: &str, built: Self::Built, child: &Child) -> Result<(), String> {
        let sent = self.added.send((built, child.clone())).await;
        sent.map_err(|_| "the stream has ended".to_owned())
    }
}

/// An input and what it gave; the input comes back to be asked again.
type Asked = BoxFuture<'static, (u64, Box<dyn Source>, Child, Option<Burst>)>;

/// Inputs read side by side.
struct Dynamic {
    asked: FuturesUnordered<Asked>,
    /// Which inputs are there, and whether they only wait for answers.
    idle: BTreeMap<u64, bool>,
    next_key: u64,
    arrivals: mpsc::Receiver<(Box<dyn Source>, Child)>,
    stop: Stop,
    links: Vec<LinkState>,
    mounts: Vec<Mount>,
}

fn ask(key: u64, mut source: Box<dyn Source>, child: Child) -> Asked {
    Box::pin(async move {
        let burst = source.next().await;
        (key, source, child, burst)
    })
}

impl Dynamic {
    fn add(&mut self, source: Box<dyn Source>, child: Child) {
        let key = self.next_key;
        self.next_key += 1;
        self.idle.insert(key, false);
        self.asked.push(ask(key, source, child));
    }

    fn all_wait(&self) -> bool {
        !self.idle.is_empty() && self.idle.values().all(|idle| *idle)
    }
}

#[async_trait]
impl Source for Dynamic {
    async fn next(&mut self) -> Option<Burst> {
        loop {
            let is_stopping = self.stop.drain.is_cancelled() || self.stop.abort.is_cancelled();
            if is_stopping {
                self.arrivals.close();
            }
            tokio::select! {
                biased;
                Some((source, child)) = self.arrivals.recv() => self.add(source, child),
                Some((key, source, child, burst)) = self.asked.next() => {
                    let Some(burst) = burst else {
                        self.idle.remove(&key);
                        drop(source);
                        child.ended.cancel();
                        if self.all_wait() {
                            return Some(Burst::new());
                        }
                        continue;
                    };
                    self.idle.insert(key, burst.is_empty());
                    self.asked.push(ask(key, source, child));
                    if !burst.is_empty() || self.all_wait() {
                        return Some(burst);
                    }
                }
                () = self.stop.drain.cancelled(), if !is_stopping => {}
                () = self.stop.abort.cancelled(), if !is_stopping => {}
                else => return None,
            }
        }
    }

    fn links(&self) -> Vec<LinkState> {
        self.links.clone()
    }
}
