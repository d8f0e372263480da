//! How much one message or one chunk of a stream may become.

pub(crate) use sluice_bloblang::builtin::MAX_GROWTH;

/// Most messages that one message may become.
pub(crate) const MAX_MESSAGES: usize = 4_000_000;

/// What may still be made of one message.
pub(crate) struct Budget {
    messages: usize,
    bytes: usize,
}

impl Default for Budget {
    fn default() -> Self {
        Self { messages: MAX_MESSAGES, bytes: MAX_GROWTH }
    }
}

impl Budget {
    /// Counts a message of so many bytes.
    ///
    /// # Errors
    /// It is one too many.
    pub(crate) fn spend(&mut self, bytes: usize) -> Result<(), String> {
        let left = self.messages.checked_sub(1).zip(self.bytes.checked_sub(bytes));
        let (messages, bytes) = left.ok_or_else(|| {
            format!("content exceeds the limit of {MAX_MESSAGES} messages or {MAX_GROWTH} bytes")
        })?;
        (self.messages, self.bytes) = (messages, bytes);
        Ok(())
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }
}
