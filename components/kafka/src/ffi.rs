//! Calls of librdkafka that its Rust wrapper does not have, or not for every input. The only unsafe
//! code of this crate.
#![allow(unsafe_code)]

use std::ffi::{CStr, CString, c_char, c_void};
use std::ptr::NonNull;

use rdkafka::bindings;
use rdkafka::client::NativeClient;
use rdkafka::message::{BorrowedHeaders, Headers};
use tokio::sync::Notify;

use crate::tokens::Token;

/// The end of a partition as the last fetch told it, without asking the broker.
pub(crate) fn known_end(client: &NativeClient, topic: &CStr, partition: i32) -> Option<i64> {
    let (mut low, mut high) = (-1, -1);
    // SAFETY: the client is alive while borrowed, the topic is a C string, and both results point to
    // locals that outlive the call.
    let code = unsafe {
        bindings::rd_kafka_get_watermark_offsets(
            client.ptr(),
            topic.as_ptr(),
            partition,
            &raw mut low,
            &raw mut high,
        )
    };
    (code == bindings::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR && high >= 0).then_some(high)
}

/// The headers of a message, names as they came: the wrapper's own way panics at a name that is not
/// UTF-8, which whoever may write to a topic can bring about.
pub(crate) fn headers(
    headers: &BorrowedHeaders,
) -> impl Iterator<Item = (&[u8], Option<&[u8]>)> + use<'_> {
    // The wrapper hands out the native list under this type.
    let native = std::ptr::from_ref(headers).cast::<bindings::rd_kafka_headers_t>();
    (0..headers.count()).map_while(move |at| {
        let (mut name, mut value, mut size) = (std::ptr::null(), std::ptr::null(), 0);
        // SAFETY: the list is alive while borrowed, and the results point to locals.
        let code = unsafe {
            bindings::rd_kafka_header_get_all(
                native,
                at,
                &raw mut name,
                &raw mut value,
                &raw mut size,
            )
        };
        if code != bindings::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR || name.is_null() {
            return None;
        }
        // SAFETY: a header's name is a C string that lives as long as the list.
        let name = unsafe { CStr::from_ptr(name) }.to_bytes();
        let value = (!value.is_null()).then(|| {
            // SAFETY: a header's value has this size and lives as long as the list.
            unsafe { std::slice::from_raw_parts(value.cast::<u8>(), size) }
        });
        Some((name, value))
    })
}

/// Says when a client's queue of events is no longer empty. Drop it before the client.
pub(crate) struct QueueSignal {
    queue: NonNull<bindings::rd_kafka_queue_t>,
    // Boxed, for the client library keeps its address.
    notify: Box<Notify>,
}

// SAFETY: the client library's functions for queues may be called from every thread, and `Notify` may
// be shared.
unsafe impl Send for QueueSignal {}
// SAFETY: as above.
unsafe impl Sync for QueueSignal {}

impl QueueSignal {
    /// `None` when the client has no such queue, which does not happen to one that is alive.
    pub(crate) fn of(client: &NativeClient) -> Option<Self> {
        // SAFETY: the client is alive while borrowed; the result is a reference of its own, which
        // `drop` gives back.
        let queue = NonNull::new(unsafe { bindings::rd_kafka_queue_get_main(client.ptr()) })?;
        let signal = Self { queue, notify: Box::default() };
        let notify = std::ptr::from_ref(&*signal.notify).cast_mut().cast::<c_void>();
        // SAFETY: the box outlives the callback: `drop` takes it back first.
        unsafe {
            bindings::rd_kafka_queue_cb_event_enable(queue.as_ptr(), Some(filled), notify);
        }
        Some(signal)
    }

    /// Waits until there may be events.
    pub(crate) async fn filled(&self) {
        self.notify.notified().await;
    }

    pub(crate) fn is_empty(&self) -> bool {
        // SAFETY: the reference is valid until `drop`.
        unsafe { bindings::rd_kafka_queue_length(self.queue.as_ptr()) == 0 }
    }
}

/// Called by threads of the client library, with the queue locked: never calls back.
extern "C" fn filled(_: *mut bindings::rd_kafka_t, notify: *mut c_void) {
    // SAFETY: the address of the box of a signal that is not dropped yet, see there.
    let notify = unsafe { &*notify.cast_const().cast::<Notify>() };
    notify.notify_one();
}

impl Drop for QueueSignal {
    fn drop(&mut self) {
        let queue = self.queue.as_ptr();
        // SAFETY: the reference is valid until given back here. Taking back the callback waits for
        // one that runs, for both happen with the queue locked.
        unsafe {
            bindings::rd_kafka_queue_cb_event_enable(queue, None, std::ptr::null_mut());
            bindings::rd_kafka_queue_destroy(queue);
        }
    }
}

/// Gives a client the token to authenticate with.
pub(crate) fn set_token(client: &NativeClient, token: &Token) -> Result<(), String> {
    let c_string =
        |text: &str| CString::new(text).map_err(|_| "token contains a zero byte".to_owned());
    let text = c_string(&token.text)?;
    let mut owned = Vec::with_capacity(token.extensions.len() * 2);
    for (key, value) in &token.extensions {
        owned.push(c_string(key)?);
        owned.push(c_string(value)?);
    }
    let mut extensions: Vec<*const c_char> = owned.iter().map(|text| text.as_ptr()).collect();
    let mut problem = [0 as c_char; 512];
    // SAFETY: all strings and the list of them live until the call returns, which copies what it
    // keeps; the buffer for the problem has the length that is passed, and comes back terminated.
    let code = unsafe {
        bindings::rd_kafka_oauthbearer_set_token(
            client.ptr(),
            text.as_ptr(),
            token.expires_ms(),
            c"sluice".as_ptr(),
            extensions.as_mut_ptr(),
            extensions.len(),
            problem.as_mut_ptr(),
            problem.len(),
        )
    };
    if code == bindings::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR {
        return Ok(());
    }
    // SAFETY: zero-filled before the call and written to as a C string within its length.
    let problem = unsafe { CStr::from_ptr(problem.as_ptr()) };
    Err(problem.to_string_lossy().into_owned())
}
