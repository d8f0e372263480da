//! Topics of a producer.

use std::ffi::CString;
use std::ptr::{self, NonNull};

use rdkafka::bindings;
use rdkafka::client::NativeClient;
use rdkafka::error::KafkaError;
use rdkafka::util::IntoOpaque;

use crate::output::Slot;

/// What a producer knows of a topic, so that it need not be looked up for each record. Drop it before
/// the producer.
pub(crate) struct Topic(NonNull<bindings::rd_kafka_topic_t>);

// SAFETY: the client library's functions for topics may be called from every thread.
unsafe impl Send for Topic {}
// SAFETY: as above.
unsafe impl Sync for Topic {}

/// A record without headers.
pub(crate) struct PlainRecord<'a> {
    pub(crate) key: Option<&'a [u8]>,
    /// Chosen by the producer if not here.
    pub(crate) partition: Option<i32>,
    pub(crate) payload: &'a [u8],
}

impl Topic {
    /// A topic of a producer's client. `None` for a name that no topic can have.
    pub(crate) fn of(client: &NativeClient, name: &str) -> Option<Self> {
        let name = CString::new(name).ok()?;
        // SAFETY: the client is alive while borrowed, the name is a C string that is copied, and
        // without settings those of the client hold. `drop` gives the reference back.
        let topic =
            unsafe { bindings::rd_kafka_topic_new(client.ptr(), name.as_ptr(), ptr::null_mut()) };
        NonNull::new(topic).map(Self)
    }

    /// Hands over a record, of which the producer keeps a copy. `slot` comes back with what becomes of
    /// it, as all producers here have slots.
    ///
    /// # Errors
    /// Why it was not taken, and the slot.
    pub(crate) fn produce(
        &self,
        record: &PlainRecord<'_>,
        slot: Box<Slot>,
    ) -> Result<(), (KafkaError, Box<Slot>)> {
        let (key, key_length) = match record.key {
            Some(key) => (key.as_ptr().cast(), key.len()),
            None => (ptr::null(), 0),
        };
        let slot = slot.into_ptr();
        // SAFETY: the topic is alive while borrowed; key and payload are as long as is said, and with
        // this flag they are copied, not written to.
        let refused = unsafe {
            bindings::rd_kafka_produce(
                self.0.as_ptr(),
                record.partition.unwrap_or(ANY_PARTITION),
                bindings::RD_KAFKA_MSG_F_COPY,
                record.payload.as_ptr().cast_mut().cast(),
                record.payload.len(),
                key,
                key_length,
                slot,
            )
        };
        if refused == 0 {
            return Ok(());
        }
        // SAFETY: asked by the thread that was refused.
        let why = unsafe { bindings::rd_kafka_last_error() };
        // SAFETY: made of the slot above, and the library forgets what it refuses.
        Err((KafkaError::MessageProduction(why.into()), unsafe { Box::from_ptr(slot) }))
    }
}

/// `RD_KAFKA_PARTITION_UA`, which the bindings lack.
const ANY_PARTITION: i32 = -1;

impl Drop for Topic {
    fn drop(&mut self) {
        // SAFETY: the reference is valid until given back here.
        unsafe { bindings::rd_kafka_topic_destroy(self.0.as_ptr()) };
    }
}
