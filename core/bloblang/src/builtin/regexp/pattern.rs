//! A compiled regular expression, and what to put in place of its matches.

use std::ops::Range;

use regex_automata::{
    meta::{Config, Regex},
    util::captures::Captures,
};
use sluice_value::Value;

use super::syntax::{self, failed};
use crate::{Error, builtin::MAX_GROWTH};

/// Most memory that a compiled expression may take.
const MAX_SIZE: usize = 10 * 1024 * 1024;

/// A compiled expression. Matches never begin or end inside a character.
#[derive(Clone, Debug)]
pub(crate) struct Pattern {
    regex: Regex,
    /// Of all groups, the whole match first; unnamed ones have none.
    names: Vec<String>,
}

impl Pattern {
    pub(crate) fn new(text: &str) -> Result<Self, Error> {
        let expression = syntax::parse(text)?;
        let config = Config::new()
            .utf8_empty(true)
            .nfa_size_limit(Some(MAX_SIZE))
            .hybrid_cache_capacity(MAX_SIZE);
        let regex = Regex::builder()
            .configure(config)
            .build_from_hir(&expression.hir)
            .map_err(|_| failed("expression too large", text))?;
        Ok(Self { regex, names: expression.names })
    }

    pub(crate) fn is_match(&self, text: &[u8]) -> bool {
        self.regex.is_match(text)
    }

    /// All matches that do not overlap.
    pub(super) fn matches<'t>(&self, text: &'t [u8]) -> impl Iterator<Item = &'t [u8]> {
        self.regex.find_iter(text).map(|found| &text[found.range()])
    }

    /// All matches that do not overlap, with their groups. A group that took no part is empty.
    pub(super) fn groups<'t>(&self, text: &'t [u8]) -> impl Iterator<Item = Vec<&'t [u8]>> {
        self.regex.captures_iter(text).map(move |found| {
            (0..self.names.len()).map(|group| slice(text, &found, group)).collect()
        })
    }

    /// The keys of groups in objects: names, or positions.
    pub(super) fn keys(&self) -> Vec<String> {
        let key = |(at, name): (usize, &String)| {
            if name.is_empty() { at.to_string() } else { name.clone() }
        };
        self.names.iter().enumerate().map(key).collect()
    }

    /// Puts the replacement in place of all matches; `None` where there are none.
    pub(super) fn replace_all(
        &self,
        text: &[u8],
        replacement: &Replacement,
    ) -> Result<Option<Value>, Error> {
        let mut splice = Splice { text, out: Vec::new(), copied: 0, is_changed: false };
        match &replacement.parts[..] {
            // Groups cost more to find than matches.
            [Part::Literal(literal)] => {
                for found in self.regex.find_iter(text) {
                    splice.put(found.range(), |out| out.extend_from_slice(literal))?;
                }
            }
            _ => {
                for found in self.regex.captures_iter(text) {
                    let Some(whole) = found.get_match() else { break };
                    splice.put(whole.range(), |out| replacement.write(text, &found, out))?;
                }
            }
        }
        Ok(splice.finish())
    }
}

/// A text while parts of it are replaced, from left to right.
struct Splice<'t> {
    text: &'t [u8],
    out: Vec<u8>,
    copied: usize,
    is_changed: bool,
}

impl Splice<'_> {
    fn put(&mut self, range: Range<usize>, write: impl FnOnce(&mut Vec<u8>)) -> Result<(), Error> {
        if !self.is_changed {
            self.out.reserve(self.text.len());
            self.is_changed = true;
        }
        self.out.extend_from_slice(&self.text[self.copied..range.start]);
        write(&mut self.out);
        self.copied = range.end;
        if self.out.len() <= MAX_GROWTH {
            return Ok(());
        }
        Err(Error::new(format!("replacing would yield more than the limit of {MAX_GROWTH} bytes")))
    }

    /// `None` where nothing was replaced.
    fn finish(mut self) -> Option<Value> {
        if !self.is_changed {
            return None;
        }
        self.out.extend_from_slice(&self.text[self.copied..]);
        Some(match String::from_utf8(self.out) {
            Ok(text) => Value::string(text),
            Err(broken) => Value::text(broken.into_bytes()),
        })
    }
}

fn slice<'t>(text: &'t [u8], found: &Captures, group: usize) -> &'t [u8] {
    found.get_group(group).map_or(&[], |span| &text[span.range()])
}

/// A replacement with `$1`, `$name`, `${name}` and `$$` inside.
#[derive(Debug)]
pub(super) struct Replacement {
    parts: Vec<Part>,
}

#[derive(Debug)]
enum Part {
    Literal(Vec<u8>),
    /// The first of these groups that took part: a name may stand for several.
    Group(Vec<usize>),
}

impl Replacement {
    pub(super) fn new(text: &[u8], pattern: &Pattern) -> Self {
        let mut parts = Vec::new();
        let mut literal = Vec::new();
        let mut rest = text;
        while let Some(at) = rest.iter().position(|byte| *byte == b'$') {
            literal.extend_from_slice(&rest[..at]);
            rest = &rest[at + 1..];
            if let Some(after) = rest.strip_prefix(b"$") {
                literal.push(b'$');
                rest = after;
            } else if let Some((name, after)) = reference(rest) {
                parts.push(Part::Literal(std::mem::take(&mut literal)));
                parts.push(Part::Group(pattern.groups_named(&name)));
                rest = after;
            } else {
                literal.push(b'$');
            }
        }
        literal.extend_from_slice(rest);
        parts.push(Part::Literal(literal));
        Self { parts }
    }

    fn write(&self, text: &[u8], found: &Captures, out: &mut Vec<u8>) {
        for part in &self.parts {
            match part {
                Part::Literal(literal) => out.extend_from_slice(literal),
                Part::Group(groups) => {
                    let span = groups.iter().find_map(|group| found.get_group(*group));
                    out.extend_from_slice(span.map_or(&[], |span| &text[span.range()]));
                }
            }
        }
    }
}

impl Pattern {
    fn groups_named(&self, name: &str) -> Vec<usize> {
        let is_position = name.bytes().all(|byte| byte.is_ascii_digit())
            && (name.len() == 1 || !name.starts_with('0'));
        if is_position {
            return name.parse().into_iter().filter(|at| *at < self.names.len()).collect();
        }
        let named = self.names.iter().enumerate().filter(|(_, other)| *other == name);
        named.map(|(at, _)| at).collect()
    }
}

/// The name of a group behind a dollar sign: as long as possible, or in brackets.
fn reference(rest: &[u8]) -> Option<(String, &[u8])> {
    let (inside, is_bracketed) = match rest.strip_prefix(b"{") {
        Some(inside) => (inside, true),
        None => (rest, false),
    };
    let text = inside.utf8_chunks().next().map_or("", |chunk| chunk.valid());
    let length = text.find(|c: char| c != '_' && !c.is_alphanumeric()).unwrap_or(text.len());
    if length == 0 {
        return None;
    }
    let after = &inside[length..];
    let after = if is_bracketed { after.strip_prefix(b"}")? } else { after };
    Some((text[..length].to_owned(), after))
}
