//! Spans: which component handled a message, when, and what came of it.
//!
//! A [`Tracer`] hands out [`Span`]s, which tell its sink when they are dropped. Between components
//! spans travel as W3C `traceparent` texts. Without a sink nothing is started and nothing costs.

use std::fmt;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

/// A span by its ids, as others know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SpanContext {
    pub trace_id: u128,
    pub span_id: u64,
    /// Whether the span is recorded.
    pub is_sampled: bool,
}

impl SpanContext {
    /// Reads a `traceparent`; `None` for what is none.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.trim().split('-');
        let (version, trace, span, flags) =
            (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        if version.len() != 2 || version == "ff" || trace.len() != 32 || span.len() != 16 {
            return None;
        }
        let context = Self {
            trace_id: u128::from_str_radix(trace, 16).ok()?,
            span_id: u64::from_str_radix(span, 16).ok()?,
            is_sampled: u8::from_str_radix(flags, 16).ok()? & 1 == 1,
        };
        (context.trace_id != 0 && context.span_id != 0).then_some(context)
    }
}

impl fmt::Display for SpanContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "00-{:032x}-{:016x}-{:02x}",
            self.trace_id,
            self.span_id,
            u8::from(self.is_sampled)
        )
    }
}

/// A span that has ended.
#[derive(Clone, Debug)]
pub struct FinishedSpan {
    pub context: SpanContext,
    /// The span it is part of.
    pub parent: Option<u64>,
    pub name: Arc<str>,
    pub began: SystemTime,
    pub ended: SystemTime,
    /// Spans of other traces that led to it.
    pub links: Vec<SpanContext>,
    /// Why it failed.
    pub error: Option<String>,
}

/// Takes spans that have ended. It must not block.
pub trait SpanSink: Send + Sync {
    fn take(&self, span: FinishedSpan);
}

/// Starts spans. Clones are the same tracer; the default one traces nothing.
#[derive(Clone, Default)]
pub struct Tracer(Option<Arc<Inner>>);

struct Inner {
    sink: Box<dyn SpanSink>,
    /// Traces whose id is below this are recorded.
    bound: u64,
}

impl Tracer {
    /// A tracer that records this share of all traces, from 0 to 1.
    pub fn new(sink: impl SpanSink + 'static, ratio: f64) -> Self {
        // Ids are compared by 63 bits, as other programs do, so that all keep the same traces.
        let bound = (ratio.clamp(0.0, 1.0) * 2f64.powi(63)) as u64;
        Self(Some(Arc::new(Inner { sink: Box::new(sink), bound })))
    }

    pub fn is_active(&self) -> bool {
        self.0.is_some()
    }

    /// Starts a span below `parent`, or a new trace. `None` when nothing is traced.
    pub fn start(&self, name: &Arc<str>, parent: Option<&str>, link: Option<&str>) -> Option<Span> {
        let inner = self.0.as_ref()?;
        let parent = parent.and_then(SpanContext::parse);
        let trace_id = parent.map_or_else(
            || (u128::from(random()) << 64) | u128::from(random()),
            |parent| parent.trace_id,
        );
        let is_sampled = (trace_id as u64) >> 1 < inner.bound;
        let context = SpanContext { trace_id, span_id: random(), is_sampled };
        let now = SystemTime::now();
        let record = is_sampled.then(|| FinishedSpan {
            context,
            parent: parent.map(|parent| parent.span_id),
            name: name.clone(),
            began: now,
            ended: now,
            links: link.and_then(SpanContext::parse).into_iter().collect(),
            error: None,
        });
        Some(Span { context, record, tracer: inner.clone() })
    }
}

/// A span that goes on until it is dropped.
pub struct Span {
    context: SpanContext,
    record: Option<FinishedSpan>,
    tracer: Arc<Inner>,
}

impl Span {
    pub fn context(&self) -> SpanContext {
        self.context
    }

    /// Notes that what the span is about failed.
    pub fn fail(&mut self, error: &str) {
        if let Some(record) = &mut self.record {
            record.error = Some(error.to_owned());
        }
    }
}

impl Drop for Span {
    fn drop(&mut self) {
        if let Some(mut record) = self.record.take() {
            record.ended = SystemTime::now();
            self.tracer.sink.take(record);
        }
    }
}

/// A random number, never 0. Ids need to be unique, not secret.
fn random() -> u64 {
    static STATE: AtomicU64 = AtomicU64::new(0);
    let mut state = STATE.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
    if state == 0 {
        // The first call: the standard library's hash keys are random in each process.
        let seed = RandomState::new().build_hasher().finish();
        state = STATE.fetch_add(seed, Ordering::Relaxed) ^ seed;
    }
    let mut mixed = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (mixed ^ (mixed >> 31)).max(1)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::Mutex;

    use super::*;

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<FinishedSpan>>>);

    impl SpanSink for Kept {
        fn take(&self, span: FinishedSpan) {
            self.0.lock().unwrap().push(span);
        }
    }

    #[test]
    fn texts_of_contexts_are_read_back() {
        let text = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let context = SpanContext::parse(text).unwrap();
        assert!(context.is_sampled);
        assert_eq!(context.to_string(), text);
        for bad in ["", "00-0-0-0", &text.replace("00-", "ff-"), &text.replace('b', "x")] {
            assert_eq!(SpanContext::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn spans_tell_their_sink_when_they_end() {
        let kept = Kept::default();
        let tracer = Tracer::new(kept.clone(), 1.0);
        let name: Arc<str> = "work".into();
        let parent = tracer.start(&name, None, None).unwrap();
        let text = parent.context().to_string();
        let mut child = tracer.start(&name, Some(&text), Some(&text)).unwrap();
        child.fail("no");
        drop(child);
        assert_eq!(kept.0.lock().unwrap().len(), 1);
        drop(parent);
        let kept = kept.0.lock().unwrap();
        assert_eq!(kept[0].parent, Some(kept[1].context.span_id));
        assert_eq!(kept[0].context.trace_id, kept[1].context.trace_id);
        assert_eq!((kept[0].links.len(), kept[0].error.as_deref()), (1, Some("no")));
        assert!(kept[0].ended >= kept[0].began);
    }

    #[test]
    fn a_share_of_the_traces_is_kept() {
        let kept = Kept::default();
        let tracer = Tracer::new(kept.clone(), 0.5);
        let name: Arc<str> = "work".into();
        let ids: BTreeSet<_> = (0..1000)
            .map(|_| tracer.start(&name, None, None).unwrap().context().trace_id)
            .collect();
        assert_eq!(ids.len(), 1000);
        assert!((350..650).contains(&kept.0.lock().unwrap().len()));
        assert!(Tracer::default().start(&name, None, None).is_none());
    }
}
