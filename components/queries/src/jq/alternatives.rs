//! Patterns with alternatives (`. as [$a] ?// $a | ...`), which the library does not know.
//!
//! They are written in words it knows, before it sees the program: each alternative is tried, with
//! the variables of the others set to null, and gives way to the next when the pattern does not
//! fit or what follows fails.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt::Write;

/// Longest program that may come out: what follows the patterns is repeated for each.
const MAX_TEXT: usize = 1 << 20;

/// Deepest nesting of such patterns.
const MAX_DEPTH: usize = 20;

const MARK: &str = "?//";

/// # Errors
/// The patterns stand where no `|` follows, or the program gets too large.
pub(super) fn written_out(text: &str) -> Result<Cow<'_, str>, String> {
    if !text.contains(MARK) {
        return Ok(Cow::Borrowed(text));
    }
    Writer { names: 0 }.write(text, 0).map(Cow::Owned)
}

struct Writer {
    /// How many names were made up.
    names: usize,
}

impl Writer {
    fn write(&mut self, text: &str, depth: usize) -> Result<String, String> {
        let mut out = String::new();
        let mut copied = 0;
        let mut at = 0;
        while at < text.len() {
            let next = after(text, at);
            if &text[at..next] != "as" {
                at = next;
                continue;
            }
            at = next;
            let Some((patterns, end)) = alternatives(text, next) else { continue };
            if depth >= MAX_DEPTH {
                return Err(format!("more than {MAX_DEPTH} `{MARK}` in each other"));
            }
            let Some(body) = text[end..].trim_start().strip_prefix('|') else {
                return Err(format!("`{MARK}` is only understood where a `|` follows"));
            };
            let start = text.len() - body.len();
            let end = end_of_body(text, start);
            let body = self.write(&text[start..end], depth + 1)?;
            out.push_str(&text[copied..next]);
            self.alternatives(&mut out, &patterns, &body);
            if out.len() > MAX_TEXT {
                return Err("the program is too large".into());
            }
            (copied, at) = (end, end);
        }
        out.push_str(&text[copied..]);
        Ok(out)
    }

    fn alternatives(&mut self, out: &mut String, patterns: &[&str], body: &str) {
        let name = self.names;
        self.names += 1;
        let all: BTreeSet<&str> = patterns.iter().flat_map(|pattern| variables(pattern)).collect();
        let _ = write!(out, " $__value{name} | (. as $__input{name} | ");
        for (at, pattern) in patterns.iter().enumerate() {
            let is_last = at + 1 == patterns.len();
            out.push_str(if is_last { "" } else { "try (" });
            let own = variables(pattern);
            let _ = write!(out, "$__value{name} as {pattern} | ");
            for other in all.iter().filter(|other| !own.contains(*other)) {
                let _ = write!(out, "null as {other} | ");
            }
            let _ = write!(out, "({body})");
            if !is_last {
                let _ = write!(out, ") catch ($__input{name} | ");
            }
        }
        out.push_str(&")".repeat(patterns.len()));
    }
}

/// The patterns after an `as`, if there are several, and where they end.
fn alternatives(text: &str, from: usize) -> Option<(Vec<&str>, usize)> {
    let mut patterns = Vec::new();
    let mut at = from;
    loop {
        let start = text.len() - text[at..].trim_start().len();
        let first = text[start..].chars().next().filter(|c| matches!(c, '$' | '[' | '{'))?;
        let end = if first == '$' { after(text, start) } else { after_bracket(text, start) };
        patterns.push(&text[start..end]);
        match text[end..].trim_start().strip_prefix(MARK) {
            Some(rest) => at = text.len() - rest.len(),
            None if patterns.len() > 1 => return Some((patterns, end)),
            None => return None,
        }
    }
}

/// The variables that a pattern sets: not those of the expressions in brackets.
fn variables(pattern: &str) -> BTreeSet<&str> {
    let mut found = BTreeSet::new();
    let mut at = 0;
    while at < pattern.len() {
        let next = match pattern.as_bytes()[at] {
            b'(' => after_bracket(pattern, at),
            _ => after(pattern, at),
        };
        if pattern[at..next].starts_with('$') {
            found.insert(&pattern[at..next]);
        }
        at = next;
    }
    found
}

/// Where the expression behind a `|` ends: with the bracket, branch or argument it stands in.
fn end_of_body(text: &str, from: usize) -> usize {
    let mut branches = 0;
    let mut at = from;
    while at < text.len() {
        let next = match text.as_bytes()[at] {
            b')' | b']' | b'}' | b';' => return at,
            b'(' | b'[' | b'{' => after_bracket(text, at),
            _ => after(text, at),
        };
        match &text[at..next] {
            "if" => branches += 1,
            "then" | "elif" | "else" | "end" if branches == 0 => return at,
            "end" => branches -= 1,
            _ => {}
        }
        at = next;
    }
    text.len()
}

/// Behind the bracket that opens here.
fn after_bracket(text: &str, from: usize) -> usize {
    let mut depth = 0_usize;
    let mut at = from;
    while at < text.len() {
        let next = after(text, at);
        match text.as_bytes()[at] {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        at = next;
        if depth == 0 {
            break;
        }
    }
    at
}

/// Behind the word, text, comment or sign that begins here.
fn after(text: &str, from: usize) -> usize {
    let rest = &text[from..];
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let length = match rest.chars().next() {
        None => 0,
        Some('"') => return after_text(text, from),
        Some('#') => rest.find('\n').unwrap_or(rest.len()),
        Some(c) if is_word(c) || matches!(c, '$' | '.' | '@') => {
            1 + rest[1..].find(|c| !is_word(c)).unwrap_or(rest.len() - 1)
        }
        Some(c) => c.len_utf8(),
    };
    from + length
}

/// Behind the text in quotes that begins here, with the programs in it.
fn after_text(text: &str, from: usize) -> usize {
    let mut at = from + 1;
    while at < text.len() {
        let rest = &text[at..];
        if rest.starts_with("\\(") {
            at = after_bracket(text, at + 1);
        } else if let Some(escaped) = rest.strip_prefix('\\') {
            at += 1 + escaped.chars().next().map_or(0, char::len_utf8);
        } else if rest.starts_with('"') {
            return at + 1;
        } else {
            at += rest.chars().next().map_or(1, char::len_utf8);
        }
    }
    text.len()
}
