//! Batches and the numbering of their members.

use std::ops::{Deref, DerefMut};

use smallvec::SmallVec;

use crate::{DeliveryError, Member, Message, WHOLE_BATCH};

/// Messages that travel together. An empty batch never travels.
#[derive(Clone, Debug, Default)]
pub struct Batch(Vec<Message>);

/// What the members of a batch were called before it was renumbered.
#[derive(Debug)]
pub struct Numbering(SmallVec<[u32; 4]>);

impl Batch {
    pub fn new(messages: Vec<Message>) -> Self {
        Self(messages)
    }

    /// Sum of the members' content sizes in bytes.
    pub fn byte_size(&self) -> usize {
        self.0.iter().map(|message| message.bytes().len()).sum()
    }

    /// Numbers the members 0, 1, 2, ... so that a component which spreads or joins them can tell
    /// them apart, and returns their former lineages for [`Numbering::restore`].
    pub fn renumber(&mut self) -> Numbering {
        let mut former = SmallVec::with_capacity(self.0.len());
        for (at, message) in self.0.iter_mut().enumerate() {
            former.push(std::mem::replace(&mut message.lineage, at as u32));
        }
        Numbering(former)
    }

    /// Keeps the members that an error names; all of them when it names none.
    pub fn retain_failed(&mut self, error: &DeliveryError) {
        let has_failed = |message: &Message| error.of(message.lineage).is_some();
        if !error.is_of_whole_batch() && self.0.iter().any(has_failed) {
            self.0.retain(has_failed);
        }
    }

    /// Numbers the members 0, 1, 2, ... where nobody needs their former lineages.
    pub fn number(&mut self) {
        for (at, message) in self.0.iter_mut().enumerate() {
            message.lineage = at as u32;
        }
    }

    pub fn into_messages(self) -> Vec<Message> {
        self.0
    }
}

impl Numbering {
    /// The former lineage of the member with this number.
    pub fn former(&self, number: u32) -> u32 {
        self.0.get(number as usize).copied().unwrap_or(WHOLE_BATCH)
    }

    /// Rewrites an error about the renumbered batch into one about the batch as it was before.
    pub fn restore(&self, error: DeliveryError) -> DeliveryError {
        let Some(members) = error.members() else { return error };
        let mut restored = Vec::with_capacity(members.len());
        for member in members {
            match self.0.get(member.lineage as usize) {
                Some(&lineage) if lineage != WHOLE_BATCH => {
                    restored.push(Member { lineage, error: member.error.clone() });
                }
                _ => return error.of_whole_batch(),
            }
        }
        error.of_members(restored)
    }
}

impl Deref for Batch {
    type Target = Vec<Message>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl DerefMut for Batch {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.0
    }
}

impl From<Message> for Batch {
    fn from(message: Message) -> Self {
        Self(vec![message])
    }
}

impl From<Vec<Message>> for Batch {
    fn from(messages: Vec<Message>) -> Self {
        Self(messages)
    }
}

impl FromIterator<Message> for Batch {
    fn from_iter<I: IntoIterator<Item = Message>>(messages: I) -> Self {
        Self(messages.into_iter().collect())
    }
}

impl IntoIterator for Batch {
    type Item = Message;
    type IntoIter = std::vec::IntoIter<Message>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_about_renumbered_members_names_the_former_ones() {
        let mut batch: Batch = [7, 9]
            .map(|lineage| {
                let mut message = Message::from("x");
                message.lineage = lineage;
                message
            })
            .into_iter()
            .collect();
        let numbering = batch.renumber();
        let error = DeliveryError::new("refused").of_members(vec![Member::new(1, "refused")]);
        let restored = numbering.restore(error);
        assert_eq!(restored.members().unwrap()[0].lineage, 9);
    }
}
