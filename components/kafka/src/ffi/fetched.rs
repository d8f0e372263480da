//! Messages taken out of a consumer's queue.

use std::ffi::{CStr, c_void};
use std::ptr::{self, NonNull};

use rdkafka::bindings;
use rdkafka::error::{IsError, KafkaError, KafkaResult};
use rdkafka::message::{BorrowedHeaders, Message, Timestamp};

/// A message, or an error that came instead. Drop it before its consumer.
pub(crate) struct Fetched(NonNull<bindings::rd_kafka_message_t>);

// SAFETY: messages belong to whoever took them and may be read and destroyed by every thread.
unsafe impl Send for Fetched {}

impl Fetched {
    /// # Safety
    /// A message that was taken from a queue and that nobody else has.
    pub(super) unsafe fn new(native: NonNull<bindings::rd_kafka_message_t>) -> Self {
        Self(native)
    }

    fn native(&self) -> &bindings::rd_kafka_message_t {
        // SAFETY: valid until `drop`.
        unsafe { self.0.as_ref() }
    }

    /// Bytes of its content.
    pub(crate) fn len(&self) -> usize {
        self.native().len
    }

    /// # Errors
    /// What came instead of a message.
    pub(crate) fn checked(&self) -> KafkaResult<&Self> {
        match self.native().err {
            error if !error.is_error() => Ok(self),
            error @ bindings::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR__FATAL => {
                Err(KafkaError::MessageConsumptionFatal(error.into()))
            }
            error => Err(KafkaError::MessageConsumption(error.into())),
        }
    }

    /// What `start` and `length` say, which live as long as the message.
    fn bytes(&self, start: *const c_void, length: usize) -> Option<&[u8]> {
        // SAFETY: called with what the message says of its parts.
        (!start.is_null()).then(|| unsafe { std::slice::from_raw_parts(start.cast(), length) })
    }
}

impl Drop for Fetched {
    fn drop(&mut self) {
        // SAFETY: ours, and not used any more.
        unsafe { bindings::rd_kafka_message_destroy(self.0.as_ptr()) }
    }
}

impl Message for Fetched {
    type Headers = BorrowedHeaders;

    fn key(&self) -> Option<&[u8]> {
        self.bytes(self.native().key, self.native().key_len)
    }

    fn payload(&self) -> Option<&[u8]> {
        self.bytes(self.native().payload, self.native().len)
    }

    unsafe fn payload_mut(&mut self) -> Option<&mut [u8]> {
        None // nobody changes what was fetched
    }

    fn topic(&self) -> &str {
        // SAFETY: the name lives as long as the topic, and that as long as the message.
        let name = unsafe { CStr::from_ptr(bindings::rd_kafka_topic_name(self.native().rkt)) };
        name.to_str().unwrap_or_default()
    }

    fn partition(&self) -> i32 {
        self.native().partition
    }

    fn offset(&self) -> i64 {
        self.native().offset
    }

    fn timestamp(&self) -> Timestamp {
        use bindings::rd_kafka_timestamp_type_t as Kind;
        let mut kind = Kind::RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
        // SAFETY: the message is valid, and the result points to a local.
        let time = unsafe { bindings::rd_kafka_message_timestamp(self.0.as_ptr(), &raw mut kind) };
        match kind {
            _ if time == -1 => Timestamp::NotAvailable,
            Kind::RD_KAFKA_TIMESTAMP_CREATE_TIME => Timestamp::CreateTime(time),
            Kind::RD_KAFKA_TIMESTAMP_LOG_APPEND_TIME => Timestamp::LogAppendTime(time),
            Kind::RD_KAFKA_TIMESTAMP_NOT_AVAILABLE => Timestamp::NotAvailable,
        }
    }

    fn headers(&self) -> Option<&BorrowedHeaders> {
        let mut headers = ptr::null_mut();
        // SAFETY: the message is valid, and the result points to a local.
        let error =
            unsafe { bindings::rd_kafka_message_headers(self.0.as_ptr(), &raw mut headers) };
        if error.is_error() || headers.is_null() {
            return None;
        }
        // SAFETY: the list lives as long as the message; this is the type under which the wrapper
        // hands it out, which has no content of its own.
        Some(unsafe { &*headers.cast_const().cast::<BorrowedHeaders>() })
    }
}
