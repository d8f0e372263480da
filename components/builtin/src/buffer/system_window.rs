//! `system_window`: messages grouped by time.

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use sluice_bloblang::time::get_timestamp;
use sluice_config::{Query, config, format_duration, parse_duration};
use sluice_engine::wiring::resumable::Resumable;
use sluice_engine::{
    BuildError, BuiltBuffer, Burst, LinkState, Program, Registry, Scope, Source, Stop,
};
use sluice_message::{Batch, DeliveryError, Join, Message, Transaction, Verdict};
use sluice_value::{Value, json};
use smallvec::smallvec;
use tracing::error;

use super::window::{Moment, Window, Windows};
use crate::outstanding::Outstanding;

pub(crate) fn register(registry: &mut Registry) {
    registry
        .buffer("system_window", build)
        .doc(
            "Groups messages into windows of time, which leave as a batch when the clock has \
             passed their end.\n\n\
             With `slide` windows overlap, and a message is part of several. A mapping may say \
             when a message happened; what is too old for the window that is open is dropped. On a \
             stop, messages of an unfinished window are left to their source to deliver again. \
             Each message gets the metadata `window_end_timestamp`.",
        )
        .categories(&["Windowing"]);
}

config! {
    /// Windows of time.
    struct SystemWindowConfig {
        /// A mapping to the time of a message: seconds since 1970 or an ISO 8601 text.
        timestamp_mapping: Query = "root = now()",
        /// Length of a window.
        size: String => lint_required,
        /// Time from the beginning of one window to that of the next, if they overlap.
        slide: String = "",
        /// Moves the beginnings of windows, which else are those of whole hours and days (UTC).
        offset: String = "",
        /// How long after its end a window waits for messages that come late.
        allowed_lateness: String = "",
    }
}

fn build(config: SystemWindowConfig, scope: &Scope) -> Result<BuiltBuffer, BuildError> {
    let failed = |name: &str, error: String| {
        BuildError::new(format!("failed to parse field '{name}' as duration: {error}"))
    };
    let required =
        |name: &str, text: &str| parse_duration(text).map_err(|error| failed(name, error));
    let optional = |name: &str, text: &str| match text {
        "" => Ok(Duration::ZERO),
        text => required(name, text),
    };
    let size = required("size", &config.size)?;
    let slide = optional("slide", &config.slide)?;
    let lateness = optional("allowed_lateness", &config.allowed_lateness)?;
    // Only an offset may be negative.
    let (offset, is_negative) = match config.offset.strip_prefix('-') {
        Some(offset) => (required("offset", offset)?, true),
        None => (optional("offset", &config.offset)?, false),
    };
    let too_large = |what: &str, value: Duration, than: &str, limit: Duration| {
        let (value, limit) = (format_duration(value), format_duration(limit));
        BuildError::new(format!("invalid {what} '{value}' must be lower than the {than} '{limit}'"))
    };
    if slide >= size {
        return Err(too_large("window slide", slide, "size", size));
    }
    if !is_negative && offset >= size {
        return Err(too_large("offset", offset, "size", size));
    }
    if !is_negative && !slide.is_zero() && offset >= slide {
        return Err(too_large("offset", offset, "slide", slide));
    }
    if lateness >= size {
        return Err(too_large("allowed_lateness", lateness, "size", size));
    }
    let offset = offset.as_nanos() as i128 * if is_negative { -1 } else { 1 };
    let timestamp = scope.query(&config.timestamp_mapping)?;
    let (stop, label, path) =
        (scope.stop().clone(), scope.label().to_owned(), scope.path().to_owned());
    Ok(Box::new(move |source| {
        Box::new(WindowBuffer {
            source: Resumable::new(source),
            windows: Windows::new(size, slide, offset),
            lateness,
            timestamp,
            pending: Vec::new(),
            due: None,
            outstanding: Outstanding::default(),
            has_ended: false,
            stop,
            label,
            path,
        })
    }))
}

struct WindowBuffer {
    source: Resumable,
    windows: Windows,
    lateness: Duration,
    timestamp: Program,
    pending: Vec<Pending>,
    /// The window that leaves next.
    due: Option<Window>,
    outstanding: Outstanding,
    has_ended: bool,
    stop: Stop,
    label: String,
    path: String,
}

/// A message that waits for its windows.
struct Pending {
    at: Moment,
    message: Message,
    /// Given up with the first window that the message leaves in; `None` after that.
    duty: Option<Transaction>,
}

fn now() -> Moment {
    Timestamp::now().as_nanosecond()
}

impl WindowBuffer {
    /// Keeps the messages of a transaction until their windows end.
    fn add(&mut self, transaction: Transaction) {
        let (batch, duty) = transaction.take_batch();
        let times: Vec<_> = (0..batch.len()).map(|at| self.time_of(&batch, at)).collect();
        let parts = batch.into_iter().map(Batch::from);
        for (part, at) in duty.split(parts).into_iter().zip(times) {
            let (mut batch, duty) = part.take_batch();
            let too_old = |at: Moment| self.due.is_some_and(|due| at < due.start);
            match (at, batch.pop()) {
                (Ok(at), Some(message)) if !too_old(at) => {
                    self.pending.push(Pending { at, message, duty: Some(duty) });
                }
                (Err(problem), _) => {
                    error!(label = %self.label, path = %self.path, "Timestamp mapping failed for message: {problem}");
                    duty.resolve(Verdict::Delivered); // dropped: its time will never be known
                }
                _ => duty.resolve(Verdict::Delivered),
            }
        }
    }

    fn time_of(&self, batch: &Batch, at: usize) -> Result<Moment, String> {
        let value = match self.timestamp.eval(batch, at)? {
            Value::Bytes(text) => Value::from(String::from_utf8_lossy(&text).into_owned()),
            value => value,
        };
        // A number that is text counts as a number, as content of a message would.
        let value = match &value {
            Value::String(text) => match json::parse(text.as_bytes()) {
                Ok(number) if number.as_f64().is_some() => number,
                _ => value,
            },
            _ => value,
        };
        match get_timestamp(&value).map_err(|error| error.to_string())? {
            Value::Timestamp(at) => Ok(at.timestamp().as_nanosecond()),
            other => Err(format!("{} is no time", other.kind())),
        }
    }

    /// The window that leaves next. When nobody asked for long, the ones before the last that
    /// ended are passed over, and their messages dropped with the next that leaves.
    fn due(&mut self) -> Window {
        let open = self.windows.next(now());
        let due = match self.due {
            None => open,
            Some(due) if due.end < self.windows.before(open).start => self.windows.before(open),
            Some(due) => due,
        };
        self.due = Some(due);
        due
    }

    /// The messages of a window as a batch; drops what no later window needs.
    fn leave(&mut self, window: Window) -> Option<Transaction> {
        let next_start = self.windows.after(window).start;
        let end = end_text(window.end);
        let mut join = Join::default();
        let mut batch = Batch::default();
        self.pending.retain_mut(|pending| {
            let stays = pending.at >= next_start;
            if (window.start..=window.end).contains(&pending.at) {
                let mut message = pending.message.clone();
                message.set_metadata("window_end_timestamp", end.clone());
                let duty = pending.duty.take();
                let transaction = duty.unwrap_or_else(|| Transaction::unanswered(Batch::default()));
                batch.extend(join.add(transaction.with_batch(message.into())));
            } else if !stays {
                if let Some(duty) = pending.duty.take() {
                    duty.resolve(Verdict::Delivered);
                }
            }
            stays
        });
        (!batch.is_empty()).then(|| self.outstanding.track(join.finish(batch)))
    }

    /// Leaves unfinished windows to the source, and waits for what is on its way.
    async fn give_up(&mut self) {
        for pending in self.pending.drain(..) {
            if let Some(duty) = pending.duty {
                let error = DeliveryError::new("message rejected as window did not complete");
                duty.resolve(Verdict::Failed(error));
            }
        }
        self.outstanding.answered().await;
    }
}

fn end_text(end: Moment) -> Value {
    let end = Timestamp::from_nanosecond(end).unwrap_or(Timestamp::MAX);
    Value::from(json::timestamp_text(&end.to_zoned(jiff::tz::TimeZone::UTC)))
}

#[async_trait]
impl Source for WindowBuffer {
    async fn next(&mut self) -> Option<Burst> {
        loop {
            let due = self.due();
            let left = due.end + self.lateness.as_nanos() as i128 + 1 - now();
            let left = Duration::from_nanos(u64::try_from(left).unwrap_or(0));
            let drain = self.stop.drain.clone();
            tokio::select! {
                biased;
                () = drain.cancelled() => {
                    self.give_up().await;
                    return None;
                }
                () = tokio::time::sleep(left) => {
                    self.due = Some(self.windows.after(due));
                    if let Some(transaction) = self.leave(due) {
                        return Some(smallvec![transaction]);
                    }
                }
                burst = self.source.next(), if !self.has_ended => match burst {
                    Some(burst) if burst.is_empty() => return Some(burst),
                    Some(burst) => burst.into_iter().for_each(|it| self.add(it)),
                    None => {
                        self.has_ended = true;
                        self.give_up().await;
                        return None;
                    }
                },
            }
        }
    }

    fn links(&self) -> Vec<LinkState> {
        self.source.links()
    }
}
