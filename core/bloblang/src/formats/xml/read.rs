//! Builds objects out of tokens.

use std::collections::HashMap;

use sluice_value::{EcoString, EcoVec, Value, json::MAX_DEPTH};

use super::tokens::{Token, Tokens};
use crate::number;

/// What is around and inside text without meaning anything.
const BLANK: &[char] = &['\t', '\r', '\u{8}', '\n', ' '];
const TEXT: &str = "#text";

/// An element that is still open.
struct Element {
    name: EcoString,
    /// Text that came before any child.
    text: Option<Value>,
    fields: HashMap<EcoString, Value>,
}

/// Reads the first element of a document as an object with one field. With `cast` text that spells
/// a number or a truth value becomes one.
///
/// # Errors
/// The document is not XML, or nested too deeply.
pub fn parse(document: &[u8], cast: bool) -> Result<Value, String> {
    read(&mut Tokens::new(document), cast)?.ok_or_else(|| "EOF".into())
}

/// Reads all documents that follow each other, as [`parse`] reads one.
///
/// # Errors
/// A document is not XML, or nested too deeply.
pub fn parse_all(documents: &[u8], cast: bool) -> Result<Vec<Value>, String> {
    let mut tokens = Tokens::new(documents);
    std::iter::from_fn(|| read(&mut tokens, cast).transpose()).collect()
}

/// The next element with all there is in it; `None` when none is left.
fn read(tokens: &mut Tokens<'_>, cast: bool) -> Result<Option<Value>, String> {
    let mut open: Vec<Element> = Vec::new();
    loop {
        let token = tokens.next().map_err(|error| format!("xml.Decoder.Token() - {error}"))?;
        match token {
            None => return Ok(None),
            Some(Token::Start { name, attributes }) => {
                if open.len() == MAX_DEPTH {
                    return Err(format!("elements are nested more than {MAX_DEPTH} deep"));
                }
                let fields = attributes
                    .into_iter()
                    .map(|(key, value)| (format!("-{key}").into(), value_of(&value, cast)))
                    .collect();
                open.push(Element { name: name.into(), text: None, fields });
            }
            Some(Token::Text(text)) => {
                let text = text.trim_matches(BLANK);
                if let Some(element) = open.last_mut().filter(|_| !text.is_empty()) {
                    let value = value_of(text, cast);
                    if element.fields.is_empty() {
                        element.text = Some(value);
                    } else {
                        element.fields.insert(TEXT.into(), value);
                    }
                }
            }
            Some(Token::End) => {
                let Some(element) = open.pop() else { continue };
                let (name, value) = element.close();
                match open.last_mut() {
                    Some(parent) => parent.add(name, value),
                    None => return Ok(Some(Value::Object([(name, value)].into_iter().collect()))),
                }
            }
            Some(Token::Other) => {}
        }
    }
}

impl Element {
    fn close(mut self) -> (EcoString, Value) {
        let value = match self.text {
            None if self.fields.is_empty() => Value::string(""),
            Some(text) if self.fields.is_empty() => text,
            text => {
                if let Some(text) = text {
                    self.fields.insert(TEXT.into(), text);
                }
                Value::Object(self.fields.into_iter().collect())
            }
        };
        (self.name, value)
    }

    /// A child; one that repeats makes an array.
    fn add(&mut self, name: EcoString, value: Value) {
        let Some(earlier) = self.fields.get_mut(&name) else {
            self.fields.insert(name, value);
            return;
        };
        match earlier {
            Value::Array(items) => items.push(value),
            _ => *earlier = Value::Array(EcoVec::from([std::mem::take(earlier), value])),
        }
    }
}

fn value_of(text: &str, cast: bool) -> Value {
    if !cast || ["nan", "inf", "-inf"].iter().any(|word| text.eq_ignore_ascii_case(word)) {
        return Value::string(text);
    }
    if let Ok(f) = number::parse_float(text) {
        return Value::Float(f);
    }
    match text {
        "t" | "T" | "true" | "TRUE" | "True" => Value::Bool(true),
        "f" | "F" | "false" | "FALSE" | "False" => Value::Bool(false),
        _ => Value::string(text),
    }
}
