//! Writes objects as XML. Text is written as it is, markup in it included.

use sluice_value::{EcoVec, Object, Value, json};

use crate::gofmt;

const TEXT: &str = "#text";
const DEFAULT_ROOT: &str = "doc";

/// Where line breaks go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout<'a> {
    OneLine,
    /// Each element on a line of its own, with this much in front for each level.
    Indented(&'a str),
}

struct Writer<'a> {
    out: Vec<u8>,
    indent: Option<&'a str>,
}

/// Writes an object. Its only field is the root element; several get one named `doc`.
///
/// # Errors
/// An attribute is not a plain value.
pub fn write(fields: &Object, layout: Layout<'_>) -> Result<Vec<u8>, String> {
    let indent = match layout {
        Layout::OneLine => None,
        Layout::Indented(indent) => Some(indent),
    };
    let mut writer = Writer { out: Vec::new(), indent };
    let mut entries = fields.iter();
    match (entries.next(), entries.next()) {
        (Some((name, value)), None) if can_be_root(value, layout) => {
            writer.element(name, value, 0)?;
        }
        _ => writer.object(DEFAULT_ROOT, fields, 0)?,
    }
    Ok(writer.out)
}

/// An array makes several roots: only on one line, and only of objects.
fn can_be_root(value: &Value, layout: Layout<'_>) -> bool {
    match value {
        Value::Array(items) => {
            layout == Layout::OneLine && items.iter().all(|item| matches!(item, Value::Object(_)))
        }
        _ => true,
    }
}

impl Writer<'_> {
    fn element(&mut self, name: &str, value: &Value, level: usize) -> Result<(), String> {
        match value {
            Value::Array(items) => return self.array(name, items, level),
            Value::Object(fields) => return self.object(name, fields, level),
            _ => {}
        }
        self.pad(level);
        self.put(&["<", name]);
        let text = text_of(value);
        if text.is_empty() {
            self.put(&["/>"]);
        } else {
            self.put(&[">"]);
            self.out.extend_from_slice(&text);
            self.put(&["</", name, ">"]);
        }
        self.end_line(level);
        Ok(())
    }

    fn array(&mut self, name: &str, items: &EcoVec<Value>, level: usize) -> Result<(), String> {
        if items.is_empty() {
            self.pad(level + 1);
            self.put(&["<", name]);
            self.pad(level);
            self.put(&["/>"]);
            self.end_line(level);
        }
        for item in items {
            self.element(name, item, level + 1)?;
        }
        Ok(())
    }

    fn object(&mut self, name: &str, fields: &Object, level: usize) -> Result<(), String> {
        self.pad(level);
        self.put(&["<", name]);
        let is_attribute = |key: &str| key.len() > 1 && key.starts_with('-');
        let mut attributes = 0;
        for (key, value) in fields.iter().filter(|(key, _)| is_attribute(key)) {
            if matches!(
                value,
                Value::Null
                    | Value::UInt(_)
                    | Value::Array(_)
                    | Value::Object(_)
                    | Value::Timestamp(_)
            ) {
                let kind = gofmt::type_of(value, false);
                return Err(format!("invalid attribute value for: {key}:<{kind}>"));
            }
            self.put(&[" ", &key[1..], "=\""]);
            self.out.extend_from_slice(&text_of(value));
            self.put(&["\""]);
            attributes += 1;
        }
        if attributes == fields.len() {
            self.put(&["/>"]);
            self.end_line(level);
            return Ok(());
        }
        self.put(&[">"]);
        if let Some(text) = fields.get(TEXT) {
            match text {
                Value::Bytes(content) => self.out.extend_from_slice(content),
                Value::RawString(content) => self.out.extend_from_slice(content),
                other => self.put(&[&gofmt::plain_value(other)]),
            }
            if attributes + 1 == fields.len() {
                self.put(&["</", name, ">"]);
                self.end_line(level);
                return Ok(());
            }
        }
        if self.indent.is_some() {
            self.put(&["\n"]);
        }
        for (key, value) in fields.iter().filter(|(key, _)| *key != TEXT && !is_attribute(key)) {
            let deeper = usize::from(!matches!(value, Value::Array(_)));
            self.element(key, value, level + deeper)?;
        }
        self.pad(level);
        self.put(&["</", name, ">"]);
        self.end_line(level);
        Ok(())
    }

    fn put(&mut self, parts: &[&str]) {
        for part in parts {
            self.out.extend_from_slice(part.as_bytes());
        }
    }

    fn pad(&mut self, level: usize) {
        for _ in 0..level {
            self.out.extend_from_slice(self.indent.unwrap_or_default().as_bytes());
        }
    }

    fn end_line(&mut self, level: usize) {
        if self.indent.is_some() && level > 0 {
            self.out.push(b'\n');
        }
    }
}

/// What an element or attribute says for a plain value.
fn text_of(value: &Value) -> Vec<u8> {
    match value {
        Value::Null => Vec::new(),
        Value::Bytes(content) | Value::RawString(content) => content.to_vec(),
        Value::Timestamp(moment) => {
            format!("<Time>{}</Time>", json::timestamp_text(moment)).into_bytes()
        }
        other => gofmt::plain_value(other).into_bytes(),
    }
}
