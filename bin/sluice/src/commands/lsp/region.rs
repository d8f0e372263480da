//! Mappings inside documents: where they are, and positions in them.
//!
//! An editor counts lines and, within a line, bytes or UTF-16 units; the language counts bytes of
//! the mapping. In a YAML file the mapping begins at some line and each line behind some spaces.

use lsp_types::{Position, Range};
use sluice_bloblang::Span;

/// What editors count within a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Units {
    Bytes,
    Utf16,
}

/// A mapping and where it stands in its document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Region {
    /// Without the spaces in front of each line.
    pub(super) text: String,
    /// Line of the document that it begins in.
    first_line: usize,
    lines: usize,
    /// Spaces in front of each line.
    indent: usize,
}

/// A document that is a mapping.
pub(super) fn whole(text: &str) -> Region {
    let lines = text.matches('\n').count() + 1;
    Region { text: text.to_owned(), first_line: 0, lines, indent: 0 }
}

/// Fields of configurations that hold mappings, and processors that are one.
const FIELDS: [&str; 14] = [
    "application_properties_map",
    "args_mapping",
    "bloblang",
    "check",
    "extract_tracing_map",
    "fields_mapping",
    "inject_tracing_map",
    "keys_mapping",
    "mapping",
    "mutation",
    "request_map",
    "result_map",
    "skip_on",
    "timestamp_mapping",
];

/// Mappings in literal block scalars: `mapping: |` and the indented lines behind it.
pub(super) fn yaml_blocks(text: &str) -> Vec<Region> {
    let lines: Vec<&str> = text.lines().collect();
    let mut blocks = Vec::new();
    let mut at = 0;
    while at < lines.len() {
        let Some(parent) = block_field(lines[at]) else {
            at += 1;
            continue;
        };
        at += 1;
        let first_line = at;
        let is_inside = |line: &str| line.trim().is_empty() || indent_of(line) > parent;
        while at < lines.len() && is_inside(lines[at]) {
            at += 1;
        }
        let body = &lines[first_line..at];
        let Some(indent) = body.iter().find(|line| !line.trim().is_empty()).map(|it| indent_of(it))
        else {
            continue;
        };
        let cut: Vec<&str> = body.iter().map(|line| line.get(indent..).unwrap_or("")).collect();
        let lines = body.len();
        blocks.push(Region { text: cut.join("\n") + "\n", first_line, lines, indent });
    }
    blocks
}

/// The indentation of a line that begins a mapping's block.
fn block_field(line: &str) -> Option<usize> {
    // In `- mapping: |` the field stands behind the dash, and its block further right than that.
    let field = line.trim_start_matches([' ', '-']);
    let (name, value) = field.split_once(':')?;
    let is_block = matches!(value.split('#').next()?.trim(), "|" | "|-" | "|+");
    (FIELDS.contains(&name.trim()) && is_block).then_some(line.len() - field.len())
}

fn indent_of(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}

impl Region {
    pub(super) fn has_line(&self, line: usize) -> bool {
        (self.first_line..self.first_line + self.lines).contains(&line)
    }

    /// The byte of the mapping at a position of the document. Positions outside of a line are at
    /// its nearer end, as the protocol has it.
    pub(super) fn offset(&self, position: Position, units: Units) -> usize {
        let line = (position.line as usize).saturating_sub(self.first_line);
        let Some((start, text)) = nth_line(&self.text, line) else { return self.text.len() };
        let column = (position.character as usize).saturating_sub(self.indent);
        let column = match units {
            Units::Bytes => text.floor_char_boundary(column),
            Units::Utf16 => bytes_of(text, column),
        };
        start + column
    }

    /// The range of the document that a span of the mapping is.
    pub(super) fn range(&self, span: Span, units: Units) -> Range {
        let start = self.position(span.start, units);
        Range { start, end: self.position(span.end.max(span.start), units) }
    }

    fn position(&self, offset: usize, units: Units) -> Position {
        let before = &self.text[..self.text.floor_char_boundary(offset)];
        let line = before.matches('\n').count();
        let on_line = before.rsplit('\n').next().unwrap_or_default();
        let column = match units {
            Units::Bytes => on_line.len(),
            Units::Utf16 => on_line.encode_utf16().count(),
        };
        let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Position { line: number(self.first_line + line), character: number(self.indent + column) }
    }

    /// All of it.
    pub(super) fn full_range(&self, units: Units) -> Range {
        self.range(Span { start: 0, end: self.text.len() }, units)
    }
}

/// Where a line begins, and its text without its end.
fn nth_line(text: &str, wanted: usize) -> Option<(usize, &str)> {
    let mut start = 0;
    for (at, line) in text.split('\n').enumerate() {
        if at == wanted {
            return Some((start, line.trim_end_matches('\r')));
        }
        start += line.len() + 1;
    }
    None
}

/// Bytes before the character that the unit is in.
fn bytes_of(line: &str, units: usize) -> usize {
    let mut counted = 0;
    for (at, c) in line.char_indices() {
        counted += c.len_utf16();
        if counted > units {
            return at;
        }
    }
    line.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(line: u32, character: u32) -> Position {
        Position { line, character }
    }

    #[test]
    fn positions_count_utf_16_units() {
        let region = whole("a = \"é😀x\"\nb");
        let x = region.text.find('x').unwrap();
        assert_eq!(region.position(x, Units::Utf16), at(0, 8));
        assert_eq!(region.position(x, Units::Bytes), at(0, 11));
        assert_eq!(region.offset(at(0, 8), Units::Utf16), x);
        assert_eq!(region.offset(at(0, 11), Units::Bytes), x);
        // In the middle of a character is in front of it; behind the line is at its end.
        assert_eq!(region.offset(at(0, 7), Units::Utf16), x - 4);
        assert_eq!(region.offset(at(0, 99), Units::Utf16), region.text.len() - 2);
        assert_eq!(region.offset(at(9, 0), Units::Utf16), region.text.len());
    }

    #[test]
    fn blocks_of_yaml_are_found_with_their_place() {
        let text = "pipeline:\n  processors:\n    - mapping: |  # why\n        root = this\n\n        # x\n    - log:\n        message: |\n          no mapping\n    - branch:\n        request_map: |-\n          root.é = 1\ntail: 1\n";
        let blocks = yaml_blocks(text);
        assert_eq!(blocks.len(), 2);
        assert_eq!(blocks[0].text, "root = this\n\n# x\n");
        assert_eq!(blocks[1].text, "root.é = 1\n");
        let one = blocks[1].text.find('1').unwrap();
        assert_eq!(blocks[1].position(one, Units::Utf16), at(11, 19));
        assert_eq!(blocks[1].offset(at(11, 19), Units::Utf16), one);
        assert!(blocks[0].has_line(5) && !blocks[0].has_line(6));
    }
}
