//! Writes values in block form, as the reference's library lays them out.

use base64::{Engine, prelude::BASE64_STANDARD};
use sluice_value::{EcoVec, Object, Value, json};

use super::{
    order,
    scalar::{Findings, Style, is_break, is_printable, wanted},
};

const INDENT: usize = 4;
/// How long the lines of binary content are.
const BINARY_LINE: usize = 70;

/// Writes a value as a document. Integers that were `from_document` are quoted: their texts, not
/// their values, were read there.
pub fn write(value: &Value, from_document: bool) -> Vec<u8> {
    let mut writer = Writer {
        out: String::new(),
        column: 0,
        after_space: true,
        at_indention: true,
        from_document,
    };
    writer.node(value, Place { indent: None, in_sequence: false });
    writer.indent(0);
    writer.out.into_bytes()
}

struct Writer {
    out: String,
    column: usize,
    after_space: bool,
    /// Nothing but indention and indicators is on the line so far.
    at_indention: bool,
    from_document: bool,
}

/// Where a value stands.
#[derive(Clone, Copy)]
struct Place {
    /// How far the surrounding block is indented; there is none around the document.
    indent: Option<usize>,
    in_sequence: bool,
}

impl Place {
    /// How far a block that is the value is indented.
    fn block(self) -> usize {
        self.indent.map_or(0, |indent| self.deeper(indent))
    }

    /// How far the further lines of a scalar are indented.
    fn scalar(self) -> usize {
        self.indent.map_or(INDENT, |indent| self.deeper(indent))
    }

    fn deeper(self, indent: usize) -> usize {
        if self.in_sequence { indent + 2 } else { (indent + INDENT) / INDENT * INDENT }
    }
}

impl Writer {
    fn node(&mut self, value: &Value, place: Place) {
        match value {
            Value::Array(items) => self.sequence(items, place),
            Value::Object(fields) => self.mapping(fields, place),
            Value::Bytes(content) => {
                let items: EcoVec<Value> =
                    content.iter().map(|byte| Value::UInt(u64::from(*byte))).collect();
                self.sequence(&items, place);
            }
            Value::String(text) => self.text(text, wanted(text), place, false),
            Value::RawString(content) => self.binary(content, place),
            Value::Number(number) => {
                self.text(number.as_str(), wanted(number.as_str()), place, false);
            }
            Value::Int(n) if self.from_document => {
                self.text(&n.to_string(), Style::DoubleQuoted, place, false);
            }
            Value::Float(f) if f.is_nan() => self.text(".nan", Style::Plain, place, false),
            Value::Float(f) if f.is_infinite() => {
                let text = if *f > 0.0 { ".inf" } else { "-.inf" };
                self.text(text, Style::Plain, place, false);
            }
            Value::Timestamp(moment) => {
                self.text(&json::timestamp_text(moment), Style::Plain, place, false);
            }
            Value::Null | Value::Bool(_) | Value::Int(_) | Value::UInt(_) | Value::Float(_) => {
                self.text(&value.to_text(), Style::Plain, place, false);
            }
        }
    }

    fn sequence(&mut self, items: &EcoVec<Value>, place: Place) {
        if items.is_empty() {
            self.indicator("[]", true, false);
            return;
        }
        let indent = place.block();
        for item in items {
            self.indent(indent);
            self.indicator("-", true, true);
            self.node(item, Place { indent: Some(indent), in_sequence: true });
        }
    }

    fn mapping(&mut self, fields: &Object, place: Place) {
        if fields.is_empty() {
            self.indicator("{}", true, false);
            return;
        }
        let indent = place.block();
        let inner = Place { indent: Some(indent), in_sequence: false };
        for (key, value) in order::sort(fields.iter().collect()) {
            self.indent(indent);
            if Findings::of(key).is_simple_key(key.len()) {
                self.text(key, wanted(key), inner, true);
                self.indicator(":", false, false);
            } else {
                self.indicator("?", true, true);
                self.text(key, wanted(key), inner, false);
                self.indent(indent);
                self.indicator(":", true, true);
            }
            self.node(value, inner);
        }
    }

    /// Content that is no text, as base64.
    fn binary(&mut self, content: &[u8], place: Place) {
        let digits = BASE64_STANDARD.encode(content);
        self.indicator("!!binary", true, false);
        if digits.len() < BINARY_LINE {
            self.text(&digits, Style::Plain, place, false);
            return;
        }
        let lines: Vec<&str> = digits
            .as_bytes()
            .chunks(BINARY_LINE)
            .map(|line| std::str::from_utf8(line).unwrap_or_default())
            .collect();
        self.text(&format!("{}\n", lines.join("\n")), Style::Literal, place, false);
    }

    fn text(&mut self, text: &str, style: Style, place: Place, is_simple_key: bool) {
        match Findings::of(text).style(style, text, is_simple_key) {
            Style::Plain => {
                if !text.is_empty() {
                    if !self.after_space {
                        self.put(' ');
                    }
                    self.put_all(text);
                    self.after_space = false;
                }
                self.at_indention = false;
            }
            Style::SingleQuoted => self.single_quoted(text, place.scalar()),
            Style::DoubleQuoted => self.double_quoted(text),
            Style::Literal => self.literal(text, place.scalar()),
        }
    }

    fn single_quoted(&mut self, text: &str, indent: usize) {
        self.indicator("'", true, false);
        let mut after_break = false;
        for c in text.chars() {
            if is_break(c) {
                self.line_break(c);
                after_break = true;
                continue;
            }
            if c != ' ' {
                if after_break {
                    self.indent(indent);
                }
                after_break = false;
                self.at_indention = false;
            }
            if c == '\'' {
                self.put('\'');
            }
            self.put(c);
        }
        self.indicator("'", false, false);
        self.at_indention = false;
    }

    fn double_quoted(&mut self, text: &str) {
        self.indicator("\"", true, false);
        let escape_all = text.starts_with('\u{FEFF}');
        for c in text.chars() {
            if is_printable(c) && !is_break(c) && !escape_all && !matches!(c, '"' | '\\') {
                self.put(c);
                continue;
            }
            let code = c as u32;
            let escape = match c {
                '\0' => "\\0".into(),
                '\u{7}' => "\\a".into(),
                '\u{8}' => "\\b".into(),
                '\t' => "\\t".into(),
                '\n' => "\\n".into(),
                '\u{b}' => "\\v".into(),
                '\u{c}' => "\\f".into(),
                '\r' => "\\r".into(),
                '\u{1b}' => "\\e".into(),
                '"' => "\\\"".into(),
                '\\' => "\\\\".into(),
                '\u{85}' => "\\N".into(),
                '\u{A0}' => "\\_".into(),
                '\u{2028}' => "\\L".into(),
                '\u{2029}' => "\\P".into(),
                _ if code <= 0xFF => format!("\\x{code:02X}"),
                _ if code <= 0xFFFF => format!("\\u{code:04X}"),
                _ => format!("\\U{code:08X}"),
            };
            self.put_all(&escape);
        }
        self.indicator("\"", false, false);
        self.at_indention = false;
    }

    fn literal(&mut self, text: &str, indent: usize) {
        self.indicator("|", true, false);
        if text.starts_with(|c| c == ' ' || is_break(c)) {
            self.indicator(&INDENT.to_string(), false, false);
        }
        let mut from_end = text.chars().rev();
        match (from_end.next().is_some_and(is_break), from_end.next()) {
            (false, _) => self.indicator("-", false, false),
            (true, None) => self.indicator("+", false, false),
            (true, Some(before)) if is_break(before) => self.indicator("+", false, false),
            (true, Some(_)) => {}
        }
        self.after_space = true;
        let mut after_break = true;
        for c in text.chars() {
            if is_break(c) {
                self.line_break(c);
                after_break = true;
                continue;
            }
            if after_break {
                self.indent(indent);
            }
            self.put(c);
            self.at_indention = false;
            after_break = false;
        }
    }

    /// Begins a line that is indented so far, unless this one is it.
    fn indent(&mut self, indent: usize) {
        let is_past = self.column > indent || (self.column == indent && !self.after_space);
        if !self.at_indention || is_past {
            self.line_break('\n');
        }
        while self.column < indent {
            self.put(' ');
        }
        self.after_space = true;
    }

    fn indicator(&mut self, indicator: &str, needs_space: bool, is_indention: bool) {
        if needs_space && !self.after_space {
            self.put(' ');
        }
        self.put_all(indicator);
        self.after_space = false;
        self.at_indention &= is_indention;
    }

    fn line_break(&mut self, c: char) {
        self.out.push(c);
        self.column = 0;
        self.at_indention = true;
    }

    fn put(&mut self, c: char) {
        self.out.push(c);
        self.column += 1;
    }

    fn put_all(&mut self, text: &str) {
        self.out.push_str(text);
        self.column += text.chars().count();
    }
}
