//! Batching policies: when messages that wait together leave as one batch.

mod sink;
mod source;

use std::time::Duration;

use sluice_config::{Block, Kinds, Node, Query, config};
use sluice_message::{Batch, Message};
use sluice_telemetry::Counter;
use tokio::time::Instant;

pub use sink::batched_sink;
pub use source::batched_source;

use crate::backoff::random_fraction;
use crate::mapping::Check;
use crate::wiring::Chain;
use crate::{BuildError, Scope};

config! {
    /// When to flush a batch. A trigger of `0` or `""` is off.
    pub struct BatchPolicy {
        /// Messages at which the batch is flushed.
        count: usize = 0,
        /// Bytes of content at which the batch is flushed.
        byte_size: usize = 0,
        /// Time after which an incomplete batch is flushed.
        period: Duration = "",
        /// Random share of the period that is added to it, as a factor.
        jitter: f64 = 0.0 => rule(jitter_problem),
        /// A query; the batch is flushed after a message for which it is true.
        check: Query = "",
        /// Processors of each formed batch, which may split or join it.
        processors: Option<Vec<Block<Kinds::Processor>>> => advanced,
    }
}

/// What the linter says of a jitter.
pub fn jitter_problem(node: &Node) -> Vec<String> {
    let number: Option<f64> = node.as_text().and_then(|text| text.parse().ok());
    let is_negative = number.is_some_and(|number| number < 0.0);
    is_negative.then(|| "Cannot set a negative jitter factor".to_owned()).into_iter().collect()
}

impl BatchPolicy {
    /// Whether the policy does anything: a count of 1 alone is the same as no policy.
    pub fn is_active(&self) -> bool {
        self.count > 1
            || self.byte_size > 0
            || !self.period.is_zero()
            || !self.check.text.is_empty()
            || self.processors.as_ref().is_some_and(|list| !list.is_empty())
    }

    /// Whether something flushes a batch: `processors` alone do not.
    pub fn has_trigger(&self) -> bool {
        self.count > 0
            || self.byte_size > 0
            || !self.period.is_zero()
            || !self.check.text.is_empty()
    }
}

/// Gathers messages by a policy. Knows nothing of where they come from.
pub struct Batcher {
    policy: BatchPolicy,
    check: Option<Check>,
    chain: Chain,
    gathered: Vec<Message>,
    bytes: usize,
    flush_at: Option<Instant>,
    mechanisms: Mechanisms,
    reached: Option<Mechanism>,
}

#[derive(Clone, Copy)]
enum Mechanism {
    Count,
    Size,
    Check,
}

struct Mechanisms {
    count: Counter,
    size: Counter,
    check: Counter,
    period: Counter,
}

impl Batcher {
    /// # Errors
    /// The policy has no trigger; the check or a processor cannot be built.
    pub fn new(policy: &BatchPolicy, scope: &Scope) -> Result<Self, BuildError> {
        if !policy.has_trigger() {
            return Err(BuildError::new("batch policy must have at least one active trigger"));
        }
        let check = (!policy.check.text.is_empty()).then(|| scope.check(&policy.check));
        let processors = policy.processors.as_deref().unwrap_or_default();
        let counter = |mechanism: &str| {
            let mut labels = scope.labels();
            labels.insert("mechanism", mechanism.to_owned());
            scope.environment().metrics.counter("batch_created", &labels)
        };
        Ok(Self {
            check: check.transpose()?,
            chain: scope.build_chain(processors, "processors")?,
            policy: policy.clone(),
            gathered: Vec::new(),
            bytes: 0,
            flush_at: None,
            mechanisms: Mechanisms {
                count: counter("count"),
                size: counter("size"),
                check: counter("check"),
                period: counter("period"),
            },
            reached: None,
        })
    }

    /// Adds a message; true when the batch is now to be flushed.
    pub fn add(&mut self, message: Message) -> bool {
        if self.gathered.is_empty() {
            self.continue_period();
        }
        self.bytes += if self.policy.byte_size > 0 { message.bytes().len() } else { 0 };
        self.gathered.push(message);
        let policy = &self.policy;
        if self.reached.is_none() {
            if policy.count > 0 && self.gathered.len() >= policy.count {
                self.reached = Some(Mechanism::Count);
            } else if policy.byte_size > 0 && self.bytes >= policy.byte_size {
                self.reached = Some(Mechanism::Size);
            } else if let Some(check) = &self.check {
                let at = self.gathered.len() - 1;
                if check.is_true(&self.gathered, at).unwrap_or(false) {
                    self.reached = Some(Mechanism::Check);
                }
            }
        }
        self.reached.is_some()
    }

    pub fn is_empty(&self) -> bool {
        self.gathered.is_empty()
    }

    pub fn len(&self) -> usize {
        self.gathered.len()
    }

    /// When the period ends; `None` without one, or while there is nothing to flush.
    pub fn flush_at(&self) -> Option<Instant> {
        self.flush_at.filter(|_| !self.gathered.is_empty())
    }

    /// Takes what was gathered; `None` if that is nothing. Starts a new period.
    pub fn take(&mut self) -> Option<Batch> {
        let period_ended = self.flush_at().is_some_and(|at| at <= Instant::now());
        self.restart_period();
        self.bytes = 0;
        let reached = self.reached.take();
        if self.gathered.is_empty() {
            return None;
        }
        match reached {
            Some(Mechanism::Count) => self.mechanisms.count.add(1),
            Some(Mechanism::Size) => self.mechanisms.size.add(1),
            Some(Mechanism::Check) => self.mechanisms.check.add(1),
            None if period_ended => self.mechanisms.period.add(1),
            None => {}
        }
        Some(Batch::new(std::mem::take(&mut self.gathered)))
    }

    /// The policy's processors, to run on what was taken.
    pub fn chain(&self) -> &Chain {
        &self.chain
    }

    fn restart_period(&mut self) {
        let period = self.policy.period;
        if !period.is_zero() {
            let jitter = period.mul_f64(self.policy.jitter.max(0.0) * random_fraction());
            self.flush_at = Some(Instant::now() + period + jitter);
        }
    }

    /// Periods go on while nothing is gathered, without anybody waiting for them: the end of the
    /// running one is only worked out when a message comes.
    fn continue_period(&mut self) {
        let now = Instant::now();
        match self.flush_at {
            None => self.restart_period(),
            Some(end) if end <= now => {
                let period = self.policy.period.as_nanos().max(1);
                let into_period = (now - end).as_nanos() % period;
                let rest = u64::try_from(period - into_period).unwrap_or(u64::MAX);
                self.flush_at = Some(now + Duration::from_nanos(rest));
            }
            Some(_) => {}
        }
    }
}

/// Waits for the end of a period; forever without one.
pub async fn until(flush_at: Option<Instant>) {
    match flush_at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}
