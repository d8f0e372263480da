//! Pipes between the streams of one program.

use std::convert::Infallible;
use std::sync::Arc;

use async_channel::{Receiver, Sender};
use sluice_engine::{Delivery, Scope};
use sluice_message::{Batch, DeliveryError, Verdict};
use tokio::sync::oneshot;

/// A pipe, shared by the inputs and outputs that name it. It ends with the last of them.
pub(crate) struct Pipe {
    sender: Sender<Delivery>,
    receiver: Receiver<Delivery>,
}

impl Pipe {
    pub(crate) fn named(name: &str, scope: &Scope) -> Arc<Self> {
        let made = scope.environment().shared.get_or_try_init(name, || {
            let (sender, receiver) = async_channel::bounded(1);
            Ok::<_, Infallible>(Self { sender, receiver })
        });
        match made {
            Ok(pipe) => pipe,
            Err(never) => match never {},
        }
    }

    /// Hands a batch over and waits for what becomes of it.
    pub(crate) async fn write(&self, mut batch: Batch) -> Result<(), DeliveryError> {
        let numbering = batch.renumber(); // as the input at the other end does, too
        let (sender, receiver) = oneshot::channel();
        let answer = move |verdict| {
            let _ = sender.send(verdict); // the writer may have been aborted
        };
        let delivery = Delivery { batch, ack: Some(Box::new(answer)) };
        let closed = || DeliveryError::new("the other end of the pipe is gone");
        self.sender.send(delivery).await.map_err(|_| closed())?;
        match receiver.await {
            Ok(Verdict::Delivered) => Ok(()),
            Ok(Verdict::Failed(error)) => Err(numbering.restore(error)),
            Err(_) => Err(closed()),
        }
    }

    /// The next batch.
    pub(crate) async fn read(&self) -> Option<Delivery> {
        self.receiver.recv().await.ok()
    }
}
