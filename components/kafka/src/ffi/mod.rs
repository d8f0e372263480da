//! Calls of librdkafka that its Rust wrapper does not have, or not for every input. The only unsafe
//! code of this crate.
#![allow(unsafe_code)]

mod fetched;
mod queue;
mod topic;

use std::ffi::{CStr, CString, c_char};

use rdkafka::bindings;
use rdkafka::client::NativeClient;
use rdkafka::message::{BorrowedHeaders, Headers};

pub(crate) use self::fetched::Fetched;
pub(crate) use self::queue::{AT_ONCE, Filled, Queue};
pub(crate) use self::topic::{PlainRecord, Topic};
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
