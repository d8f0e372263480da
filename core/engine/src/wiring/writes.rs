//! Writes that overlap, and the thread that waits for them.

use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use sluice_message::{DeliveryError, Transaction};

/// Writes that were not done when first polled.
#[derive(Default)]
pub(super) struct Writes<'a> {
    pending: FuturesUnordered<Write<'a>>,
    pub(super) size: Size,
}

/// How much of the limit writes take.
#[derive(Clone, Copy, Default)]
pub(super) struct Size {
    pub(super) writes: usize,
    pub(super) messages: usize,
}

impl<'a> Writes<'a> {
    pub(super) fn push(&mut self, write: Write<'a>) {
        self.size.writes += write.size.writes;
        self.size.messages += write.size.messages;
        self.pending.push(write);
    }

    /// Takes note of writes that are done; ready when there was one, or none is left.
    fn poll_done(&mut self, context: &mut Context<'_>) -> Poll<Option<()>> {
        let done = std::task::ready!(self.pending.poll_next_unpin(context));
        if let Some(done) = done {
            self.size.writes -= done.writes;
            self.size.messages -= done.messages;
        }
        Poll::Ready(done.map(|_| ()))
    }

    /// Waits until one is done; `None` when there is none.
    pub(super) async fn done(&mut self) -> Option<()> {
        std::future::poll_fn(|context| self.poll_done(context)).await
    }
}

/// A write and who hears of it.
pub(super) struct Write<'a> {
    pub(super) delivery: Delivery<'a>,
    pub(super) size: Size,
}

pub(super) enum Delivery<'a> {
    One {
        result: BoxFuture<'a, Result<(), DeliveryError>>,
        duty: Option<Transaction>,
    },
    /// The sink answers itself.
    Several(BoxFuture<'a, ()>),
}

impl Future for Write<'_> {
    /// What is free again.
    type Output = Size;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Size> {
        match &mut self.delivery {
            Delivery::One { result, duty } => {
                let result = std::task::ready!(result.as_mut().poll(context));
                if let Some(duty) = duty.take() {
                    duty.resolve_result(result);
                }
            }
            Delivery::Several(answered) => std::task::ready!(answered.as_mut().poll(context)),
        }
        Poll::Ready(self.size)
    }
}

/// Runs `future` to its end while the writes go on.
pub(super) async fn alongside<T>(writes: &mut Writes<'_>, future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    std::future::poll_fn(|context| {
        while let Poll::Ready(Some(())) = writes.poll_done(context) {}
        future.as_mut().poll(context)
    })
    .await
}
