//! Queues of a client: hearing that one was filled, and taking messages out of it.

use std::collections::VecDeque;
use std::ffi::{CStr, c_void};
use std::ptr::{self, NonNull};
use std::sync::Arc;

use rdkafka::bindings;
use rdkafka::client::NativeClient;
use tokio::sync::Notify;

use super::Fetched;

/// Most messages taken by one call.
pub(crate) const AT_ONCE: usize = 64;

/// Hears that a queue is no longer empty. Called by threads of the client library with the queue
/// locked, so it must neither wait nor call the library.
pub(crate) trait Filled: Send + Sync {
    fn filled(&self);
}

impl Filled for Notify {
    fn filled(&self) {
        self.notify_one();
    }
}

/// A queue and who hears of it. Drop it before its client.
pub(crate) struct Queue<S: Filled> {
    native: NonNull<bindings::rd_kafka_queue_t>,
    /// The client library keeps its address.
    signal: Arc<S>,
}

// SAFETY: the client library's functions for queues may be called from every thread, and signals may
// be shared.
unsafe impl<S: Filled> Send for Queue<S> {}
// SAFETY: as above.
unsafe impl<S: Filled> Sync for Queue<S> {}

impl<S: Filled> Queue<S> {
    /// The queue of a client's events. `None` when there is none, which does not happen to a client
    /// that is alive.
    pub(crate) fn of_events(client: &NativeClient, signal: Arc<S>) -> Option<Self> {
        // SAFETY: the client is alive while borrowed; the result is a reference of its own, which
        // `drop` gives back.
        let native = unsafe { bindings::rd_kafka_queue_get_main(client.ptr()) };
        Some(Self::new(NonNull::new(native)?, signal))
    }

    /// The queue of a partition's messages, which come nowhere else from here on. `None` where the
    /// client has no such partition.
    pub(crate) fn of_partition(
        client: &NativeClient,
        topic: &CStr,
        id: i32,
        signal: Arc<S>,
    ) -> Option<Self> {
        // SAFETY: as above; the topic is a C string.
        let native =
            unsafe { bindings::rd_kafka_queue_get_partition(client.ptr(), topic.as_ptr(), id) };
        let native = NonNull::new(native)?;
        // SAFETY: the reference is valid.
        unsafe { bindings::rd_kafka_queue_forward(native.as_ptr(), ptr::null_mut()) };
        Some(Self::new(native, signal))
    }

    fn new(native: NonNull<bindings::rd_kafka_queue_t>, signal: Arc<S>) -> Self {
        let address = Arc::as_ptr(&signal).cast_mut().cast::<c_void>();
        // SAFETY: the signal outlives the callback: `drop` takes that back first.
        unsafe {
            bindings::rd_kafka_queue_cb_event_enable(native.as_ptr(), Some(filled::<S>), address);
        }
        Self { native, signal }
    }

    pub(crate) fn signal(&self) -> &S {
        &self.signal
    }

    pub(crate) fn is_empty(&self) -> bool {
        // SAFETY: the reference is valid until `drop`.
        unsafe { bindings::rd_kafka_queue_length(self.native.as_ptr()) == 0 }
    }

    /// Takes messages, at most so many and [`AT_ONCE`], without waiting. Only for queues of messages.
    pub(crate) fn take(&self, most: usize, out: &mut VecDeque<Fetched>) {
        let mut messages = [ptr::null_mut(); AT_ONCE];
        let room = &mut messages[..most.min(AT_ONCE)];
        // SAFETY: the reference is valid until `drop`, and there is room for so many messages.
        let taken = unsafe {
            bindings::rd_kafka_consume_batch_queue(
                self.native.as_ptr(),
                0,
                room.as_mut_ptr(),
                room.len(),
            )
        };
        let taken = usize::try_from(taken).unwrap_or(0); // negative: none
        out.extend(messages.into_iter().take(taken).filter_map(NonNull::new).map(|message| {
            // SAFETY: the call gave us this message, and nobody else has it.
            unsafe { Fetched::new(message) }
        }));
    }
}

extern "C" fn filled<S: Filled>(_: *mut bindings::rd_kafka_t, signal: *mut c_void) {
    // SAFETY: the address of the signal of a queue that is not dropped yet, see there.
    let signal = unsafe { &*signal.cast_const().cast::<S>() };
    signal.filled();
}

impl<S: Filled> Drop for Queue<S> {
    fn drop(&mut self) {
        let native = self.native.as_ptr();
        // SAFETY: the reference is valid until given back here. Taking back the callback waits for
        // one that runs, for both happen with the queue locked.
        unsafe {
            bindings::rd_kafka_queue_cb_event_enable(native, None, ptr::null_mut());
            bindings::rd_kafka_queue_destroy(native);
        }
    }
}
