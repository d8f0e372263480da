//! What happens to messages on their way.

use async_trait::async_trait;
use futures_util::FutureExt;
use sluice_message::Batch;
use smallvec::SmallVec;

/// What a batch became: usually one batch, none when everything was dropped.
pub type Batches = SmallVec<[Batch; 1]>;

/// A processor, by whether it ever waits. Failures are marks on messages, never errors of the
/// processor: a message that failed goes on.
pub enum Processor {
    Direct(Box<dyn DirectProcessor>),
    Waiting(Box<dyn WaitingProcessor>),
}

/// Never waits: called as a plain function.
pub trait DirectProcessor: Send + Sync {
    fn process(&self, batch: Batch) -> Batches;
}

/// May wait for other systems or for time.
#[async_trait]
pub trait WaitingProcessor: Send + Sync {
    async fn process(&self, batch: Batch) -> Batches;

    async fn close(&self) {}
}

/// A processor made of others: written once, as a future. It never waits if its children do not.
pub trait Composite: Send + Sync + 'static {
    /// Whether no child ever waits, so that `run` is ready when first polled.
    fn is_direct(&self) -> bool;

    fn run(&self, batch: Batch) -> impl Future<Output = Batches> + Send;

    fn close(&self) -> impl Future<Output = ()> + Send;
}

impl Processor {
    pub fn direct(processor: impl DirectProcessor + 'static) -> Self {
        Self::Direct(Box::new(processor))
    }

    pub fn waiting(processor: impl WaitingProcessor + 'static) -> Self {
        Self::Waiting(Box::new(processor))
    }

    pub fn composite(composite: impl Composite) -> Self {
        if composite.is_direct() {
            Self::direct(Composed(composite))
        } else {
            Self::waiting(Composed(composite))
        }
    }

    pub fn is_direct(&self) -> bool {
        matches!(self, Self::Direct(_))
    }

    pub async fn process(&self, batch: Batch) -> Batches {
        match self {
            Self::Direct(processor) => processor.process(batch),
            Self::Waiting(processor) => processor.process(batch).await,
        }
    }

    pub async fn close(&self) {
        if let Self::Waiting(processor) = self {
            processor.close().await;
        }
    }
}

struct Composed<C>(C);

impl<C: Composite> DirectProcessor for Composed<C> {
    fn process(&self, batch: Batch) -> Batches {
        self.0.run(batch).now_or_never().expect("a composite of direct processors never waits")
    }
}

#[async_trait]
impl<C: Composite> WaitingProcessor for Composed<C> {
    async fn process(&self, batch: Batch) -> Batches {
        self.0.run(batch).await
    }

    async fn close(&self) {
        self.0.close().await;
    }
}
