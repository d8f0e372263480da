//! Bytes both ways after a protocol switch, until either side ends or the gateway drains.

use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncWriteExt, copy_bidirectional};
use tokio_util::sync::CancellationToken;
use tracing::debug;

pub(crate) async fn tunnel(client: OnUpgrade, upstream: OnUpgrade, drain: CancellationToken) {
    let (client, upstream) = match tokio::try_join!(client, upstream) {
        Ok(sides) => sides,
        Err(error) => {
            debug!(%error, "a protocol switch was not completed");
            return;
        }
    };
    let (mut client, mut upstream) = (TokioIo::new(client), TokioIo::new(upstream));
    tokio::select! {
        copied = copy_bidirectional(&mut client, &mut upstream) => match copied {
            Ok((up, down)) => debug!(up, down, "tunnel closed"),
            Err(error) => debug!(%error, "tunnel broke"),
        },
        () = drain.cancelled() => {
            // The bytes are opaque here, so closing both sides is all that can be said.
            let _ = client.shutdown().await;
            let _ = upstream.shutdown().await;
        }
    }
}
