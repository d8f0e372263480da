//! Reading bodies whole, within bounds of size and time.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body::Body;
use http_body_util::BodyExt;
use tokio::time::timeout;

/// Why a body was not read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ContentError {
    #[error("body is larger than {0} bytes")]
    TooLarge(usize),
    #[error("no data for {0:?}")]
    Stalled(Duration),
    #[error("too much content is waiting already")]
    Crowded,
    #[error("{0}")]
    Broken(String),
}

/// How much content one component may hold at once, over all its requests.
#[derive(Clone, Debug)]
pub(crate) struct Budget {
    left: Arc<AtomicUsize>,
}

/// A share of a budget, given back when dropped.
#[derive(Debug)]
pub(crate) struct Share {
    budget: Budget,
    bytes: usize,
}

impl Budget {
    pub(crate) fn new(bytes: usize) -> Self {
        Self { left: Arc::new(AtomicUsize::new(bytes)) }
    }

    fn share(&self) -> Share {
        Share { budget: self.clone(), bytes: 0 }
    }
}

impl Share {
    fn grow(&mut self, bytes: usize) -> Result<(), ContentError> {
        let taken = self
            .budget
            .left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(bytes));
        taken.map_err(|_| ContentError::Crowded)?;
        self.bytes += bytes;
        Ok(())
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.budget.left.fetch_add(self.bytes, Ordering::Relaxed);
    }
}

/// Reads `body` to its end. The content of a single frame is not copied.
///
/// `patience` bounds every silence within.
pub(crate) async fn read<B>(
    body: B,
    limit: usize,
    patience: Duration,
    budget: &Budget,
) -> Result<(Bytes, Share), ContentError>
where
    B: Body<Data = Bytes>,
    B::Error: std::fmt::Display,
{
    let mut share = budget.share();
    if body.size_hint().lower() > limit as u64 {
        return Err(ContentError::TooLarge(limit));
    }
    let expected = body.size_hint().exact().unwrap_or(0).min(limit as u64) as usize;
    let mut body = std::pin::pin!(body);
    let mut first = Bytes::new();
    let mut joined: Option<BytesMut> = None;
    while !body.is_end_stream() {
        let frame = timeout(patience, body.frame());
        let frame = match frame.await.map_err(|_| ContentError::Stalled(patience))? {
            None => break,
            Some(frame) => frame.map_err(|error| ContentError::Broken(error.to_string()))?,
        };
        let Ok(data) = frame.into_data() else { continue };
        share.grow(data.len())?;
        if share.bytes > limit {
            return Err(ContentError::TooLarge(limit));
        }
        if first.is_empty() && joined.is_none() {
            first = data;
            continue;
        }
        let joined = joined.get_or_insert_with(|| {
            // What a client announces is trusted for a moderate reservation only.
            let mut joined = BytesMut::with_capacity(expected.min(1 << 20));
            joined.extend_from_slice(&std::mem::take(&mut first));
            joined
        });
        joined.extend_from_slice(&data);
    }
    Ok((joined.map_or(first, BytesMut::freeze), share))
}

#[cfg(test)]
mod tests {
    use futures_util::stream;
    use http_body::Frame;
    use http_body_util::{Full, StreamBody};

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test]
    async fn a_single_frame_is_not_copied() {
        let content = Bytes::from(vec![1, 2, 3]);
        let budget = Budget::new(10);
        let body = Full::new(content.clone());
        let (read, share) = read(body, 10, SECOND, &budget).await.unwrap();
        assert_eq!(read.as_ptr(), content.as_ptr());
        assert_eq!(budget.left.load(Ordering::Relaxed), 7);
        drop(share);
        assert_eq!(budget.left.load(Ordering::Relaxed), 10);
    }

    #[tokio::test(start_paused = true)]
    async fn bounds_of_size_time_and_budget_hold() {
        let frames = |sizes: &[usize]| {
            let frames: Vec<_> = sizes
                .iter()
                .map(|size| Ok::<_, String>(Frame::data(Bytes::from(vec![0; *size]))))
                .collect();
            StreamBody::new(stream::iter(frames))
        };
        let budget = Budget::new(100);
        let read_of = |sizes: &'static [usize], limit| read(frames(sizes), limit, SECOND, &budget);
        assert_eq!(read_of(&[4, 4, 2], 10).await.unwrap().0.len(), 10);
        assert!(matches!(read_of(&[4, 4, 3], 10).await, Err(ContentError::TooLarge(10))));
        assert!(matches!(read_of(&[60, 60], 200).await, Err(ContentError::Crowded)));
        let stalled = StreamBody::new(stream::pending::<Result<Frame<Bytes>, String>>());
        assert!(matches!(read(stalled, 10, SECOND, &budget).await, Err(ContentError::Stalled(_))));
        assert_eq!(budget.left.load(Ordering::Relaxed), 100);
    }
}
