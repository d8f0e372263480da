//! What others make of a message's bytes, made once for all copies of the message.

use std::sync::{Mutex, PoisonError};

use bytes::Bytes;

/// Encoded forms by name. The names are constants of the program, so there are few.
#[derive(Debug, Default)]
pub(crate) struct Forms(Mutex<Vec<(&'static str, Bytes)>>);

impl Forms {
    /// The form of this name, made by whoever asks first; the others wait meanwhile.
    pub(crate) fn get(&self, name: &'static str, make: impl FnOnce() -> Bytes) -> Bytes {
        let mut forms = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, form)) = forms.iter().find(|(other, _)| *other == name) {
            return form.clone();
        }
        let form = make();
        forms.push((name, form.clone()));
        form
    }
}
