//! `broker`: several inputs as one.

use async_trait::async_trait;
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use sluice_config::{Block, Kinds, config};
use sluice_engine::wiring::batching::{BatchPolicy, batched_source};
use sluice_engine::{BuildError, BuiltInput, Burst, LinkState, Registry, Scope, Source};

pub(crate) fn register(registry: &mut Registry) {
    registry
        .input("broker", build)
        .doc(
            "Reads several inputs at the same time; there is no order between them. It ends when \
             all of them have ended.",
        )
        .categories(&["Utility"]);
}

config! {
    /// Several inputs as one.
    struct BrokerConfig {
        /// How often the list of inputs is repeated.
        copies: usize = 1 => advanced,
        /// The inputs.
        inputs: Vec<Block<Kinds::Input>>,
        /// Forms batches of what all of them read.
        batching: BatchPolicy,
    }
}

fn build(config: BrokerConfig, scope: &Scope) -> Result<BuiltInput, BuildError> {
    let place = scope.below("broker");
    let list = place.below("inputs");
    let mut sources: Vec<Box<dyn Source>> = Vec::new();
    for _ in 0..config.copies.max(1) {
        for (at, input) in config.inputs.iter().enumerate() {
            sources.push(list.build_input(input, at)?);
        }
    }
    let source: Box<dyn Source> = match sources.len() {
        0 => {
            let message = "attempting to create broker input type with no inputs";
            return Err(BuildError::new(message));
        }
        1 => sources.remove(0),
        _ => Box::new(Merged::new(sources)),
    };
    if !config.batching.is_active() {
        return Ok(BuiltInput::Source(source));
    }
    let source = batched_source(source, &config.batching, &place.below("batching"))?;
    Ok(BuiltInput::Source(source))
}

/// A source and what it gave; the source comes back to be asked again.
type Asked = BoxFuture<'static, (usize, Box<dyn Source>, Option<Burst>)>;

/// Sources read side by side.
struct Merged {
    asked: FuturesUnordered<Asked>,
    /// Which sources only wait for answers.
    is_idle: Vec<bool>,
    links: Vec<LinkState>,
}

impl Merged {
    fn new(sources: Vec<Box<dyn Source>>) -> Self {
        let links = sources.iter().flat_map(sluice_engine::Source::links).collect();
        let is_idle = vec![false; sources.len()];
        let asked = sources.into_iter().enumerate().map(|(at, source)| ask(at, source)).collect();
        Self { asked, is_idle, links }
    }
}

fn ask(at: usize, mut source: Box<dyn Source>) -> Asked {
    Box::pin(async move {
        let burst = source.next().await;
        (at, source, burst)
    })
}

#[async_trait]
impl Source for Merged {
    async fn next(&mut self) -> Option<Burst> {
        loop {
            let (at, source, burst) = self.asked.next().await?;
            self.is_idle[at] = burst.as_ref().is_none_or(smallvec::SmallVec::is_empty);
            let Some(burst) = burst else {
                // The others may have been waiting for this one to say that all wait.
                if !self.asked.is_empty() && self.is_idle.iter().all(|idle| *idle) {
                    return Some(Burst::new());
                }
                continue;
            };
            self.asked.push(ask(at, source));
            // While one still reads, what it brings may complete a batch.
            if !burst.is_empty() || self.is_idle.iter().all(|idle| *idle) {
                return Some(burst);
            }
        }
    }

    fn links(&self) -> Vec<LinkState> {
        self.links.clone()
    }
}
