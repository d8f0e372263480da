//! A deadline for response headers that starts over while the request body still flows.
//!
//! A fixed deadline would cut long uploads; none at all would wait for ever. So the body notes when it
//! last gave a piece, and the wait is counted from there.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use tokio::time::{Instant, sleep_until};

use crate::{Body, BodyError};

/// When something last moved, as milliseconds since `start`.
#[derive(Debug)]
pub(crate) struct Activity {
    start: Instant,
    last_ms: AtomicU64,
}

/// A request body that reports each piece it gives.
pub(crate) struct WatchedBody {
    body: Body,
    activity: Arc<Activity>,
}

/// Nothing moved for the whole time.
#[derive(Debug)]
pub(crate) struct Elapsed;

impl Activity {
    fn touch(&self) {
        self.last_ms.store(self.start.elapsed().as_millis() as u64, Ordering::Relaxed);
    }

    fn last(&self) -> Instant {
        self.start + Duration::from_millis(self.last_ms.load(Ordering::Relaxed))
    }

    /// Waits for `future` until `limit` after the last activity.
    pub(crate) async fn within<F: Future>(
        &self,
        limit: Duration,
        future: F,
    ) -> Result<F::Output, Elapsed> {
        tokio::pin!(future);
        loop {
            let deadline = self.last() + limit;
            tokio::select! {
                biased;
                output = &mut future => return Ok(output),
                () = sleep_until(deadline) => if self.last() + limit <= deadline {
                    return Err(Elapsed);
                }
            }
        }
    }
}

/// Makes `body` report its activity.
pub(crate) fn watch(body: Body) -> (WatchedBody, Arc<Activity>) {
    let activity = Arc::new(Activity { start: Instant::now(), last_ms: AtomicU64::new(0) });
    (WatchedBody { body, activity: activity.clone() }, activity)
}

impl HttpBody for WatchedBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        if polled.is_ready() {
            self.activity.touch();
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::sleep;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn silence_ends_the_wait() {
        let (_body, activity) = watch(Body::empty());
        let began = Instant::now();
        assert!(
            activity.within(Duration::from_secs(5), sleep(Duration::from_mins(1))).await.is_err()
        );
        assert_eq!(began.elapsed().as_secs(), 5);
    }

    #[tokio::test(start_paused = true)]
    async fn activity_prolongs_the_wait() {
        let (_body, activity) = watch(Body::empty());
        let upload = async {
            for _ in 0..4 {
                sleep(Duration::from_secs(3)).await;
                activity.touch();
            }
            sleep(Duration::from_secs(3)).await;
        };
        assert!(activity.within(Duration::from_secs(5), upload).await.is_ok());
    }
}
