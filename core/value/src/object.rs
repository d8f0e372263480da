//! Objects: unique keys, kept sorted, shared until written to.

use std::cmp::Ordering;

use ecow::{EcoString, EcoVec};

use crate::Value;

/// So few fields are looked through faster than searched: keys of other lengths take one
/// comparison.
const FEW: usize = 10;

/// Fields sorted by key. Printing needs no sort, lookups are binary searches, and a clone is one
/// reference count.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Object {
    fields: EcoVec<(EcoString, Value)>,
}

impl Object {
    pub const fn new() -> Self {
        Self { fields: EcoVec::new() }
    }

    pub fn with_capacity(fields: usize) -> Self {
        Self { fields: EcoVec::with_capacity(fields) }
    }

    /// Takes fields in any order; of equal keys the last one stays, as in JSON text.
    pub fn from_unsorted(mut fields: EcoVec<(EcoString, Value)>) -> Self {
        if fields.len() <= FEW {
            match first_unsorted(&fields) {
                None => return Self { fields },
                Some(from) if insert_sort(fields.make_mut(), from) => return Self { fields },
                Some(_) => {}
            }
        }
        let in_order = |pair: &[(EcoString, Value)]| order(&pair[0].0, &pair[1].0).is_lt();
        if !fields.windows(2).all(in_order) {
            let slice = fields.make_mut();
            slice.sort_by(|a, b| order(&a.0, &b.0)); // stable: equal keys keep their order
            if slice.windows(2).any(|pair| pair[0].0 == pair[1].0) {
                fields = keep_last_of_equal_keys(fields);
            }
        }
        Self { fields }
    }

    /// Takes fields in the order of their keys, which differ.
    pub fn from_sorted(fields: EcoVec<(EcoString, Value)>) -> Self {
        debug_assert!(first_unsorted(&fields).is_none());
        Self { fields }
    }

    pub fn len(&self) -> usize {
        self.fields.len()
    }

    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    pub fn get(&self, key: &str) -> Option<&Value> {
        if self.fields.len() <= FEW {
            return self.fields.iter().find(|(probe, _)| probe == key).map(|(_, value)| value);
        }
        self.find(key).ok().map(|at| &self.fields[at].1)
    }

    pub fn contains_key(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    /// The field for writing; the object is copied first when it is shared.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Value> {
        let at = self.find(key).ok()?;
        Some(&mut self.fields.make_mut()[at].1)
    }

    /// The field for writing, made as `null` when missing.
    pub fn entry(&mut self, key: &str) -> &mut Value {
        let at = self.find(key).unwrap_or_else(|at| {
            self.fields.insert(at, (key.into(), Value::Null));
            at
        });
        &mut self.fields.make_mut()[at].1
    }

    /// Sets a field and returns what it held before.
    pub fn insert(&mut self, key: impl Into<EcoString>, value: Value) -> Option<Value> {
        let key = key.into();
        match self.find(&key) {
            Ok(at) => Some(std::mem::replace(&mut self.fields.make_mut()[at].1, value)),
            Err(at) if at == self.fields.len() => {
                self.fields.push((key, value));
                None
            }
            Err(at) => {
                self.fields.insert(at, (key, value));
                None
            }
        }
    }

    pub fn remove(&mut self, key: &str) -> Option<Value> {
        let at = self.find(key).ok()?;
        Some(self.fields.remove(at).1)
    }

    /// Keeps the fields for which `keep` answers true.
    pub fn retain(&mut self, mut keep: impl FnMut(&str, &mut Value) -> bool) {
        self.fields.retain(|(key, value)| keep(key, value));
    }

    pub fn iter(
        &self,
    ) -> impl DoubleEndedIterator<Item = (&EcoString, &Value)> + ExactSizeIterator {
        self.fields.iter().map(|(key, value)| (key, value))
    }

    pub fn keys(&self) -> impl DoubleEndedIterator<Item = &EcoString> + ExactSizeIterator {
        self.fields.iter().map(|(key, _)| key)
    }

    pub fn values(&self) -> impl DoubleEndedIterator<Item = &Value> + ExactSizeIterator {
        self.fields.iter().map(|(_, value)| value)
    }

    /// The values for writing; the object is copied first when it is shared.
    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut Value> {
        self.fields.make_mut().iter_mut().map(|(_, value)| value)
    }

    fn find(&self, key: &str) -> Result<usize, usize> {
        self.fields.binary_search_by(|(probe, _)| order(probe, key))
    }
}

/// The order of two keys. Most differ in their first byte, which needs no call to find out.
#[inline]
fn order(a: &str, b: &str) -> Ordering {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    match (a.first(), b.first()) {
        (Some(first), Some(other)) if first != other => first.cmp(other),
        _ => a.cmp(b),
    }
}

/// The first field whose key does not come after the one before.
fn first_unsorted(fields: &[(EcoString, Value)]) -> Option<usize> {
    (1..fields.len()).find(|at| !order(&fields[at - 1].0, &fields[*at].0).is_lt())
}

/// Sorts few fields, all before `from` being sorted; false where keys are equal.
fn insert_sort(fields: &mut [(EcoString, Value)], from: usize) -> bool {
    for at in from..fields.len() {
        let mut to = at;
        while to > 0 {
            match order(&fields[to - 1].0, &fields[at].0) {
                Ordering::Less => break,
                Ordering::Equal => return false,
                Ordering::Greater => to -= 1,
            }
        }
        fields[to..=at].rotate_right(1);
    }
    true
}

fn keep_last_of_equal_keys(fields: EcoVec<(EcoString, Value)>) -> EcoVec<(EcoString, Value)> {
    let mut unique: Vec<(EcoString, Value)> = Vec::with_capacity(fields.len());
    for field in fields {
        match unique.last_mut() {
            Some(last) if last.0 == field.0 => *last = field,
            _ => unique.push(field),
        }
    }
    unique.into()
}

impl FromIterator<(EcoString, Value)> for Object {
    fn from_iter<I: IntoIterator<Item = (EcoString, Value)>>(fields: I) -> Self {
        Self::from_unsorted(fields.into_iter().collect())
    }
}

impl Extend<(EcoString, Value)> for Object {
    fn extend<I: IntoIterator<Item = (EcoString, Value)>>(&mut self, fields: I) {
        for (key, value) in fields {
            self.insert(key, value);
        }
    }
}

impl IntoIterator for Object {
    type Item = (EcoString, Value);
    type IntoIter = ecow::vec::IntoIter<(EcoString, Value)>;

    fn into_iter(self) -> Self::IntoIter {
        self.fields.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(fields: &[(&str, i64)]) -> Object {
        fields.iter().map(|(key, n)| (EcoString::from(*key), Value::Int(*n))).collect()
    }

    #[test]
    fn keys_come_out_sorted_and_the_last_of_equals_stays() {
        let it = object(&[("b", 1), ("a", 2), ("b", 3)]);
        assert_eq!(it.keys().collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(it.get("b"), Some(&Value::Int(3)));
    }

    #[test]
    fn writing_to_a_copy_leaves_the_original_alone() {
        let original = object(&[("a", 1)]);
        let mut copy = original.clone();
        copy.insert("a", Value::Int(9));
        copy.insert("0", Value::Int(0));
        assert_eq!(original, object(&[("a", 1)]));
        assert_eq!(copy, object(&[("0", 0), ("a", 9)]));
    }

    #[test]
    fn entry_makes_a_missing_field() {
        let mut it = object(&[("a", 1)]);
        *it.entry("c") = Value::Bool(true);
        *it.entry("a") = Value::Null;
        assert_eq!(it.get("c"), Some(&Value::Bool(true)));
        assert_eq!(it.get("a"), Some(&Value::Null));
        assert_eq!(it.remove("a"), Some(Value::Null));
        assert_eq!(it.len(), 1);
    }
}
