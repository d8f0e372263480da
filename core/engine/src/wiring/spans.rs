//! Spans of messages as they pass components.
//!
//! A message belongs to the span that its context names. A component that handles it becomes a
//! child of that span, and while it does, the message belongs to the child: what nested components
//! do, and what a client injects into other systems, hangs below it.

use std::collections::HashMap;
use std::sync::Arc;

use sluice_message::{Ack, Batch, DeliveryError, Verdict};
use sluice_telemetry::{Span, Tracer};

use crate::Delivery;

/// A component's spans, for each message it is handed.
pub struct Spans {
    tracer: Tracer,
    name: Arc<str>,
}

/// Messages that belong to the spans of a component. The spans end when this is dropped.
pub struct Entered(Vec<Member>);

struct Member {
    span: Span,
    /// The text of the span, as the message has it.
    own: Arc<str>,
    /// What the message belonged to before.
    outer: Option<Arc<str>>,
    had_failed: bool,
}

impl Spans {
    /// Spans of this name, if anything is traced.
    pub fn new(tracer: &Tracer, name: impl Into<Arc<str>>) -> Option<Self> {
        tracer.is_active().then(|| Self { tracer: tracer.clone(), name: name.into() })
    }

    /// Begins a span for each message.
    pub fn enter(&self, batch: &mut Batch) -> Entered {
        let mut members = Vec::with_capacity(batch.len());
        for message in batch.iter_mut() {
            let outer = message.context().trace.clone();
            let link = message.context_mut().link.take();
            let origin = message.context_mut().origin.take();
            let name = origin.map_or_else(|| self.name.clone(), Into::into);
            let Some(span) = self.tracer.start(&name, outer.as_deref(), link.as_deref()) else {
                continue;
            };
            let own: Arc<str> = span.context().to_string().into();
            message.context_mut().trace = Some(own.clone());
            members.push(Member { span, own, outer, had_failed: message.failure().is_some() });
        }
        Entered(members)
    }

    /// Begins a span for each message that was read; they end with the source's answer.
    pub(crate) fn follow(&self, delivery: &mut Delivery) {
        let entered = self.enter(&mut delivery.batch);
        let ack = delivery.ack.take();
        let answer: Ack = Box::new(move |verdict| {
            if let Verdict::Failed(error) = &verdict {
                entered.fail(error);
            }
            if let Some(ack) = ack {
                ack(verdict);
            }
        });
        delivery.ack = Some(answer);
    }
}

impl Entered {
    /// Ends the spans; what came out belongs to what it belonged to before.
    pub fn leave(mut self, batches: &mut [Batch]) {
        let texts: Vec<Arc<str>> = self.0.iter().map(|member| member.own.clone()).collect();
        let places: HashMap<&str, usize> =
            texts.iter().enumerate().map(|(at, own)| (&**own, at)).collect();
        for message in batches.iter_mut().flat_map(|batch| batch.iter_mut()) {
            let at = message.context().trace.as_deref().and_then(|own| places.get(own));
            let Some(member) = at.and_then(|at| self.0.get_mut(*at)) else { continue };
            if let Some(failure) = message.failure().filter(|_| !member.had_failed) {
                member.span.fail(&failure.message);
            }
            message.context_mut().trace.clone_from(&member.outer);
        }
    }

    /// Ends the spans of what failed.
    pub fn fail(mut self, error: &DeliveryError) {
        for member in &mut self.0 {
            member.span.fail(&error.to_string());
        }
    }
}
