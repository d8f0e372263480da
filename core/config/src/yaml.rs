//! Nodes as YAML text, in the form the reference prints.

use std::fmt::Write;

use crate::node::{Scalar, plain_kind};
use crate::{Node, NodeValue, ScalarKind, Style};

/// The document as text: indented by two, strings quoted only where they must be, everything that
/// came from a document in the style it had there.
pub fn to_text(node: &Node) -> String {
    let mut out = String::new();
    if is_inline(node) {
        inline(node, Place::Block, &mut out);
        out.push('\n');
    } else {
        block(node, 0, &mut out);
    }
    out
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// At the end of a line of its own.
    Block,
    /// Inside brackets.
    Flow,
    Key,
}

/// Whether the node's text stays on the line it begins at.
fn is_inline(node: &Node) -> bool {
    match &node.value {
        NodeValue::Scalar(_) => true,
        NodeValue::List(items) => items.is_empty() || node.form.style == Style::Flow,
        NodeValue::Map(fields) => fields.is_empty() || node.form.style == Style::Flow,
    }
}

fn block(node: &Node, indent: usize, out: &mut String) {
    match &node.value {
        NodeValue::Map(fields) => {
            for (at, (key, value)) in fields.iter().enumerate() {
                if at > 0 {
                    pad(indent, out);
                }
                quoted(&Scalar::string(&*key.name), Style::Plain, Place::Key, out);
                out.push(':');
                below(value, indent + 2, true, out);
            }
        }
        NodeValue::List(items) => {
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    pad(indent, out);
                }
                out.push('-');
                below(item, indent + 2, false, out);
            }
        }
        NodeValue::Scalar(_) => inline(node, Place::Block, out),
    }
}

/// What follows a `key:` or a `-`, to the end of its last line.
fn below(node: &Node, indent: usize, after_key: bool, out: &mut String) {
    if let NodeValue::Scalar(scalar) = &node.value
        && is_literal(scalar, node.form.style)
    {
        literal(&scalar.text, node.form.style, indent, out);
        return;
    }
    if is_inline(node) {
        out.push(' ');
        inline(node, Place::Block, out);
        if !node.form.comment.is_empty() {
            out.push_str(" # ");
            out.push_str(node.form.comment);
        }
        out.push('\n');
    } else if after_key {
        out.push('\n');
        pad(indent, out);
        block(node, indent, out);
    } else {
        out.push(' ');
        block(node, indent, out);
    }
}

fn inline(node: &Node, place: Place, out: &mut String) {
    match &node.value {
        NodeValue::Scalar(scalar) => quoted(scalar, node.form.style, place, out),
        NodeValue::List(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                out.push_str(if at > 0 { ", " } else { "" });
                inline(item, Place::Flow, out);
            }
            out.push(']');
        }
        NodeValue::Map(fields) => {
            out.push('{');
            for (at, (key, value)) in fields.iter().enumerate() {
                out.push_str(if at > 0 { ", " } else { "" });
                quoted(&Scalar::string(&*key.name), Style::Plain, Place::Flow, out);
                out.push_str(": ");
                inline(value, Place::Flow, out);
            }
            out.push('}');
        }
    }
}

fn pad(indent: usize, out: &mut String) {
    out.extend(std::iter::repeat_n(' ', indent));
}

fn is_literal(scalar: &Scalar, style: Style) -> bool {
    let asked = matches!(style, Style::Literal | Style::Folded)
        || (style == Style::Plain && scalar.text.contains('\n'));
    // Characters that only escapes can show, and leading blanks that would be taken for indent.
    asked && scalar.text.chars().all(is_printable) && !scalar.text.starts_with([' ', '\n'])
}

fn literal(text: &str, style: Style, indent: usize, out: &mut String) {
    let chomping = if !text.ends_with('\n') {
        "-"
    } else if text.ends_with("\n\n") || text == "\n" {
        "+"
    } else {
        ""
    };
    let is_folded = style == Style::Folded;
    out.push_str(if is_folded { " >" } else { " |" });
    out.push_str(chomping);
    out.push('\n');
    let body = text.strip_suffix('\n').unwrap_or(text);
    for line in body.split('\n') {
        if !line.is_empty() {
            pad(indent, out);
            out.push_str(line);
        }
        // A single break inside folded text would read as a blank.
        out.push_str(if is_folded && !line.is_empty() { "\n\n" } else { "\n" });
    }
    if is_folded {
        out.pop();
    }
}

fn quoted(scalar: &Scalar, style: Style, place: Place, out: &mut String) {
    let text = scalar.text.as_str();
    let is_string = scalar.kind == ScalarKind::String;
    if !is_string {
        out.push_str(if text.is_empty() { "null" } else { text });
        return;
    }
    let fits_a_line = text.chars().all(|c| c != '\n' && is_printable(c));
    match style {
        _ if !fits_a_line => double_quoted(text, out),
        Style::DoubleQuoted => double_quoted(text, out),
        Style::SingleQuoted => single_quoted(text, out),
        _ if plain_kind(text) != ScalarKind::String || is_old_word(text) => {
            double_quoted(text, out);
        }
        _ if may_be_plain(text, place) => out.push_str(text),
        _ => single_quoted(text, out),
    }
}

/// Words that older YAML takes for truth values, and `<<`.
fn is_old_word(text: &str) -> bool {
    let words = ["y", "n", "yes", "no", "on", "off"];
    text == "<<" || words.iter().any(|word| text.eq_ignore_ascii_case(word))
}

fn may_be_plain(text: &str, place: Place) -> bool {
    let Some(first) = text.chars().next() else { return false };
    let second_is_blank = text.chars().nth(1).is_none_or(char::is_whitespace);
    let starts_badly = match first {
        '#' | ',' | '[' | ']' | '{' | '}' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%'
        | '@' | '`' => true,
        '-' | '?' | ':' => second_is_blank || place == Place::Flow,
        _ => false,
    };
    let in_flow = |c: char| place != Place::Block && matches!(c, ',' | '[' | ']' | '{' | '}' | '?');
    !starts_badly
        && !text.starts_with(char::is_whitespace)
        && !text.ends_with(char::is_whitespace)
        && !text.starts_with("---")
        && !text.starts_with("...")
        && !text.contains(": ")
        && !text.ends_with(':')
        && !text.contains(" #")
        && !(place == Place::Flow && text.contains(':'))
        && !(place != Place::Key && text.contains(in_flow))
}

fn is_printable(c: char) -> bool {
    c == '\n' || (!c.is_control() && c != '\u{feff}')
}

fn single_quoted(text: &str, out: &mut String) {
    out.push('\'');
    out.push_str(&text.replace('\'', "''"));
    out.push('\'');
}

fn double_quoted(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if !is_printable(c) && (c as u32) < 0x100 => {
                let _ = write!(out, "\\x{:02X}", c as u32); // writing to a String never fails
            }
            c if !is_printable(c) => {
                let _ = write!(out, "\\u{:04X}", c as u32);
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse;

    #[track_caller]
    fn keeps(text: &str) {
        assert_eq!(to_text(&parse(text).unwrap()), text);
    }

    #[test]
    fn what_a_document_wrote_is_printed_as_it_was() {
        keeps("a: 1\nb:\n  - x\n  - w: \"2\"\n    z: 'q'\nc: [\"f\", {g: h}]\nd: {}\ne: []\n");
        keeps("m: |\n  root.a = 1\n  root.b = 2\nk: |-\n  x\n\n  y\no: last\n");
        keeps("l:\n  - - 1\n    - 2\n  - mapping: |\n      root = this\n");
    }

    #[test]
    fn generated_strings_are_quoted_only_where_they_must_be() {
        let value = sluice_value::json::parse(
            br#"{"a":"","b":"true","c":"0.0.0.0:80","d":"!x","e":"a: b","f":"l1\nl2\n","g":"tab\t"}"#,
        );
        let text = to_text(&Node::from_value(&value.unwrap()));
        assert_eq!(
            text,
            "a: \"\"\nb: \"true\"\nc: 0.0.0.0:80\nd: '!x'\ne: 'a: b'\nf: |\n  l1\n  l2\ng: \"tab\\t\"\n"
        );
        assert_eq!(to_text(&parse("'@k': v").unwrap()), "'@k': v\n");
    }

    #[test]
    fn what_is_printed_reads_as_the_same_value() {
        for text in ["- ' lead'", "a: \"\\n\\nx\"", "a: 'x '", "a: '- b'", "'a b': [',', '}']"] {
            let node = parse(text).unwrap();
            let again = parse(&to_text(&node)).unwrap();
            assert_eq!(again.to_value(), node.to_value(), "{text}");
        }
    }
}
