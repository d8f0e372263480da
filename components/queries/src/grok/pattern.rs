//! Expressions that name patterns, as regular expressions.

use std::collections::{BTreeMap, HashMap};

use regex::bytes::{Regex, RegexBuilder};
use sluice_value::{Object, Value, path};

/// Deepest nesting of patterns within patterns.
const MAX_DEPTH: usize = 50;
/// Longest regular expression that patterns may add up to.
const MAX_LENGTH: usize = 1 << 20;
/// Most memory that a compiled expression may take.
const MAX_SIZE: usize = 64 << 20;

/// Patterns by name.
pub(super) type Patterns = BTreeMap<String, String>;

/// The patterns that are there without being defined.
pub(super) fn defaults() -> Patterns {
    let mut patterns = Patterns::new();
    read(include_str!("default.patterns"), &mut patterns);
    patterns
}

/// Adds the patterns of a file: a name, a space and the pattern on each line; `#` begins a comment.
pub(super) fn read(text: &str, patterns: &mut Patterns) {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    for (name, pattern) in lines.filter_map(|line| line.split_once(' ')) {
        patterns.insert(name.to_owned(), pattern.to_owned());
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cast {
    Text,
    Int,
    Float,
    Bool,
}

/// What a group of the regular expression is called, and what its text is read as.
struct Capture {
    name: String,
    cast: Cast,
}

/// A compiled expression.
pub(super) struct Grok {
    regex: Regex,
    captures: Vec<Option<Capture>>,
    keeps_empty: bool,
}

impl Grok {
    /// # Errors
    /// A pattern that is named is not there, or the whole is not a regular expression.
    pub(super) fn compile(
        expression: &str,
        patterns: &Patterns,
        named_only: bool,
        keeps_empty: bool,
    ) -> Result<Self, String> {
        let mut expansion = Expansion { patterns, named_only, captures: HashMap::new(), length: 0 };
        let text = expansion.expand(expression, 0)?;
        let compile =
            |unicode| RegexBuilder::new(&text).unicode(unicode).size_limit(MAX_SIZE).build();
        // Classes such as \w mean ASCII here; only what cannot do without Unicode gets it.
        let regex = compile(false).or_else(|_| compile(true)).map_err(|error| error.to_string())?;
        let mut known = expansion.captures;
        let captures = regex.capture_names().map(|name| {
            let name = name?;
            let own = || Capture { name: name.to_owned(), cast: Cast::Text };
            Some(known.remove(name).unwrap_or_else(own))
        });
        Ok(Self { captures: captures.collect(), regex, keeps_empty })
    }

    /// What the expression finds in a text; nothing when it does not match, or a value is not of
    /// the type it should be.
    pub(super) fn parse(&self, text: &[u8]) -> Option<Object> {
        let found = self.regex.captures(text)?;
        let mut values = Value::Object(Object::new());
        for (capture, group) in self.captures.iter().zip(found.iter()) {
            let Some(capture) = capture else { continue };
            let text = group.map(|group| group.as_bytes()).unwrap_or_default();
            if text.is_empty() && !self.keeps_empty {
                continue;
            }
            let value = capture.cast.read(&String::from_utf8_lossy(text))?;
            // A name that runs through a value of another one loses, as in the reference.
            let _ = values.set(&path::split(&capture.name), value);
        }
        match values {
            Value::Object(values) => Some(values).filter(|values| !values.is_empty()),
            _ => None,
        }
    }
}

impl Cast {
    fn parse(name: &str) -> Result<Self, String> {
        match name.to_ascii_lowercase().as_str() {
            "string" => Ok(Self::Text),
            "int" => Ok(Self::Int),
            "float" => Ok(Self::Float),
            "bool" => Ok(Self::Bool),
            _ => Err(format!(
                "values cannot be converted to {name}: must be int, float, bool or string"
            )),
        }
    }

    fn read(self, text: &str) -> Option<Value> {
        match self {
            Self::Text => Some(Value::from(text)),
            Self::Int => text.parse::<i64>().ok().map(Value::Int),
            Self::Float => text.parse::<f64>().ok().map(Value::Float),
            Self::Bool => match text {
                "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(Value::Bool(true)),
                "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(Value::Bool(false)),
                _ => None,
            },
        }
    }
}

struct Expansion<'p> {
    patterns: &'p Patterns,
    named_only: bool,
    /// By name of the group.
    captures: HashMap<String, Capture>,
    length: usize,
}

impl Expansion<'_> {
    fn expand(&mut self, expression: &str, depth: usize) -> Result<String, String> {
        if depth > MAX_DEPTH {
            return Err("patterns that stand for each other never end".into());
        }
        let mut out = String::new();
        let mut rest = expression;
        while let Some(start) = rest.find("%{") {
            let (before, reference) = rest.split_at(start);
            out.push_str(before);
            let end = reference.find('}').filter(|end| is_reference(&reference[2..*end]));
            let Some(end) = end else {
                out.push_str("%{");
                rest = &reference[2..];
                continue;
            };
            out.push_str(&self.group(&reference[2..end], depth)?);
            rest = &reference[end + 1..];
        }
        out.push_str(rest);
        self.length += out.len();
        if self.length > MAX_LENGTH {
            return Err("the pattern is too large".into());
        }
        Ok(out)
    }

    /// The group for `NAME`, `NAME:alias` or `NAME:alias:type`.
    fn group(&mut self, reference: &str, depth: usize) -> Result<String, String> {
        let mut parts = reference.split(':');
        let name = parts.next().unwrap_or_default();
        let (alias, cast) = (parts.next(), parts.next());
        let pattern = self.patterns.get(name);
        let pattern = pattern.ok_or_else(|| format!("no pattern found for %{{{name}}}"))?.clone();
        let cast = cast.map_or(Ok(Cast::Text), Cast::parse)?;
        if alias.is_none() && self.named_only {
            return Ok(format!("(?:{})", self.expand(&pattern, depth + 1)?));
        }
        // Names need not be unique, and may hold what names of groups may not.
        let group = format!("grok{}", self.captures.len());
        let alias = alias.unwrap_or(name).to_owned();
        self.captures.insert(group.clone(), Capture { name: alias, cast });
        Ok(format!("(?P<{group}>{})", self.expand(&pattern, depth + 1)?))
    }
}

fn is_reference(text: &str) -> bool {
    let mut parts = text.split(':');
    let is_name = |part: &str| {
        !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c))
    };
    parts.clone().count() <= 3 && parts.all(is_name)
}
