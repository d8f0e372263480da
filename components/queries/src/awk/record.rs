//! The current record and its fields, each made from the other when asked for.

use sluice_value::EcoString;

#[derive(Clone, Debug, Default)]
pub(super) struct Record {
    text: EcoString,
    /// `None` until somebody asks.
    fields: Option<Vec<EcoString>>,
    /// Whether the text no longer is what the fields are.
    is_stale: bool,
}

impl Record {
    pub(super) fn set(&mut self, text: EcoString) {
        *self = Self { text, fields: None, is_stale: false };
    }

    /// The whole; fields that changed are joined by `separator`.
    pub(super) fn text(&mut self, separator: &str) -> EcoString {
        if self.is_stale {
            self.text = self.fields.as_deref().unwrap_or_default().join(separator).into();
            self.is_stale = false;
        }
        self.text.clone()
    }

    pub(super) fn is_split(&self) -> bool {
        self.fields.is_some()
    }

    pub(super) fn set_fields(&mut self, fields: Vec<EcoString>) {
        self.fields = Some(fields);
    }

    pub(super) fn count(&self) -> usize {
        self.fields.as_ref().map_or(0, Vec::len)
    }

    /// A field, counted from 1.
    pub(super) fn field(&self, number: usize) -> Option<EcoString> {
        self.fields.as_ref()?.get(number.checked_sub(1)?).cloned()
    }

    pub(super) fn set_field(&mut self, number: usize, text: EcoString) {
        let fields = self.fields.get_or_insert_default();
        if fields.len() < number {
            fields.resize(number, EcoString::new());
        }
        fields[number - 1] = text;
        self.is_stale = true;
    }

    pub(super) fn set_count(&mut self, count: usize) {
        self.fields.get_or_insert_default().resize(count, EcoString::new());
        self.is_stale = true;
    }
}
