//! Between Redis' values and ours.

use redis::Value as Answer;
use sluice_value::{Object, Value};

use crate::link::reason_of;

/// An answer as a document.
pub(crate) fn document(answer: Answer) -> Value {
    match answer {
        Answer::Nil => Value::Null,
        Answer::Int(number) => number.into(),
        Answer::BulkString(bytes) => Value::text(bytes),
        Answer::Array(items) | Answer::Set(items) => list(items),
        Answer::SimpleString(text) | Answer::VerbatimString { text, .. } => text.into(),
        Answer::Okay => "OK".into(),
        Answer::Map(entries) => {
            let mut object = Object::with_capacity(entries.len());
            for (key, value) in entries {
                object.insert(document(key).to_text(), document(value));
            }
            object.into()
        }
        Answer::Attribute { data, .. } => document(*data),
        Answer::Double(number) => number.into(),
        Answer::Boolean(truth) => truth.into(),
        Answer::BigNumber(digits) => Value::text(digits),
        Answer::Push { data, .. } => list(data),
        Answer::ServerError(error) => reason_of(&error).into(),
        // The type may grow.
        other => format!("{other:?}").into(),
    }
}

fn list(items: Vec<Answer>) -> Value {
    items.into_iter().map(document).collect::<Vec<Value>>().into()
}

/// A value as an argument of a command. `None` for lists and objects, which Redis does not have.
pub(crate) fn argument(value: &Value) -> Option<Vec<u8>> {
    match value {
        Value::String(text) => Some(text.as_bytes().to_vec()),
        Value::Bytes(bytes) | Value::RawString(bytes) => Some(bytes.to_vec()),
        Value::Bool(truth) => Some(if *truth { b"1".to_vec() } else { b"0".to_vec() }),
        Value::Null => Some(Vec::new()),
        Value::Array(_) | Value::Object(_) => None,
        other => Some(other.to_text().into_bytes()),
    }
}

/// The pairs of a map, of a list of pairs, or of a list that has keys and values in turn.
pub(crate) fn pairs(answer: Answer) -> Vec<(Answer, Answer)> {
    let items = match answer {
        Answer::Map(entries) => return entries,
        Answer::Array(items) => items,
        _ => return Vec::new(),
    };
    let are_pairs = items.iter().all(|item| matches!(item, Answer::Array(pair) if pair.len() == 2));
    let flat: Vec<Answer> = if are_pairs {
        let pairs = items.into_iter().filter_map(|item| match item {
            Answer::Array(pair) => Some(pair),
            _ => None,
        });
        pairs.flatten().collect()
    } else {
        items
    };
    let mut flat = flat.into_iter();
    let mut pairs = Vec::with_capacity(flat.len() / 2);
    while let (Some(key), Some(value)) = (flat.next(), flat.next()) {
        pairs.push((key, value));
    }
    pairs
}

/// The text of an answer, such as an id or a name.
pub(crate) fn text(answer: Answer) -> String {
    match answer {
        Answer::BulkString(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Answer::SimpleString(text) => text,
        other => document(other).to_text(),
    }
}

/// The bytes of an answer.
pub(crate) fn bytes(answer: Answer) -> Vec<u8> {
    match answer {
        Answer::BulkString(bytes) => bytes,
        other => text(other).into_bytes(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bulk(text: &str) -> Answer {
        Answer::BulkString(text.as_bytes().to_vec())
    }

    #[test]
    fn maps_come_in_three_forms() {
        let expected = vec![(bulk("a"), Answer::Int(1)), (bulk("b"), Answer::Int(2))];
        let flat = vec![bulk("a"), Answer::Int(1), bulk("b"), Answer::Int(2)];
        assert_eq!(pairs(Answer::Array(flat)), expected);
        let nested = expected.iter().cloned().map(|(key, value)| Answer::Array(vec![key, value]));
        assert_eq!(pairs(Answer::Array(nested.collect())), expected);
        assert_eq!(pairs(Answer::Map(expected.clone())), expected);
        assert!(pairs(Answer::Nil).is_empty());
    }

    #[test]
    fn answers_become_documents() {
        let answer = Answer::Array(vec![
            Answer::Okay,
            Answer::Nil,
            Answer::Map(vec![(bulk("k"), Answer::Double(1.5))]),
            Answer::Boolean(true),
        ]);
        assert_eq!(document(answer).to_json(), br#"["OK",null,{"k":1.5},true]"#);
    }
}
