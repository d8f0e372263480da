//! Builds values out of the events of a document.

use std::{borrow::Cow, collections::HashMap};

use base64::{Engine, prelude::BASE64_STANDARD};
use saphyr_parser::{Event, Parser, ScalarStyle, Span, StrInput, Tag};
use sluice_value::{EcoString, EcoVec, Object, Value, json::MAX_DEPTH};

use super::resolve::{Kind, resolve, timestamp};
use crate::number;

/// Most places that are listed where a document says keys twice.
const MAX_PROBLEMS: usize = 100;

/// Reads the first document. An empty text is `null`.
///
/// # Errors
/// The text is not YAML, says a key twice, is nested too deeply or explodes by its aliases.
pub fn parse(text: &str) -> Result<Value, String> {
    let mut reader = Reader {
        parser: Parser::new_from_str(text),
        anchors: HashMap::new(),
        nodes: 0,
        alias_nodes: 0,
        depth: 0,
        problems: Vec::new(),
    };
    let document = reader.document().map_err(|problem| format!("yaml: {problem}"))?;
    if reader.problems.is_empty() {
        return Ok(document);
    }
    Err(format!("yaml: unmarshal errors:\n  {}", reader.problems.join("\n  ")))
}

struct Reader<'a> {
    parser: Parser<'a, StrInput<'a>>,
    anchors: HashMap<usize, Anchored>,
    /// Values so far, with those that aliases repeat.
    nodes: usize,
    alias_nodes: usize,
    depth: usize,
    problems: Vec<String>,
}

/// A value that aliases may repeat. Repeating costs nothing until something looks at all of it.
#[derive(Clone)]
struct Anchored {
    value: Value,
    nodes: usize,
    height: usize,
}

struct Node<'a> {
    value: Value,
    /// How many levels are inside.
    height: usize,
    /// The text of a scalar, and whether it may say `<<`.
    scalar: Option<(Cow<'a, str>, bool)>,
}

impl<'a> Reader<'a> {
    fn document(&mut self) -> Result<Value, String> {
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::StreamEnd | Event::DocumentEnd => return Ok(Value::Null),
                Event::StreamStart | Event::DocumentStart(_) | Event::Nothing => {}
                event => {
                    let node = self.node(event, span)?;
                    self.next()?; // what follows must at least be well-formed
                    return Ok(node.value);
                }
            }
        }
    }

    fn next(&mut self) -> Result<(Event<'a>, Span), String> {
        match self.parser.next_event() {
            Some(Ok(event)) => Ok(event),
            Some(Err(error)) => {
                let info = error.info();
                let problem = match info.strip_prefix("while ").and_then(|i| i.split_once(", ")) {
                    Some((_, problem)) => problem,
                    None => info,
                };
                Err(format!("line {}: {problem}", error.marker().line()))
            }
            None => Ok((Event::StreamEnd, Span::default())),
        }
    }

    fn node(&mut self, event: Event<'a>, span: Span) -> Result<Node<'a>, String> {
        self.nodes += 1;
        let nodes_before = self.nodes;
        let (node, anchor) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                let may_merge = style == ScalarStyle::Plain && tag.is_none();
                let value = scalar(&text, style, tag.as_deref())?;
                (Node { value, height: 0, scalar: Some((text, may_merge)) }, anchor)
            }
            Event::SequenceStart(anchor, _) => (self.nested(span, Self::sequence)?, anchor),
            Event::MappingStart(anchor, _) => (self.nested(span, Self::mapping)?, anchor),
            Event::Alias(anchor) => return self.alias(anchor, span),
            _ => return Err(format!("line {}: unexpected end", span.start.line())),
        };
        if anchor > 0 {
            let nodes = self.nodes - nodes_before + 1;
            let anchored = Anchored { value: node.value.clone(), nodes, height: node.height };
            self.anchors.insert(anchor, anchored);
        }
        Ok(node)
    }

    fn alias(&mut self, anchor: usize, span: Span) -> Result<Node<'a>, String> {
        let Some(anchored) = self.anchors.get(&anchor) else {
            return Err(format!("line {}: anchor value contains itself", span.start.line()));
        };
        let Anchored { value, nodes, height } = anchored.clone();
        self.nodes += nodes;
        self.alias_nodes += nodes;
        let ratio = self.alias_nodes as f64 / self.nodes as f64;
        if self.alias_nodes > 100 && self.nodes > 1000 && ratio > allowed_alias_ratio(self.nodes) {
            return Err("document contains excessive aliasing".into());
        }
        if self.depth + height > MAX_DEPTH {
            return Err(too_deep(span));
        }
        Ok(Node { value, height, scalar: None })
    }

    fn nested(
        &mut self,
        span: Span,
        read: fn(&mut Self) -> Result<(Value, usize), String>,
    ) -> Result<Node<'a>, String> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(too_deep(span));
        }
        let (value, height) = read(self)?;
        self.depth -= 1;
        Ok(Node { value, height: height + 1, scalar: None })
    }

    fn sequence(&mut self) -> Result<(Value, usize), String> {
        let mut items = EcoVec::new();
        let mut height = 0;
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok((Value::Array(items), height)),
                (event, span) => {
                    let node = self.node(event, span)?;
                    height = height.max(node.height);
                    items.push(node.value);
                }
            }
        }
    }

    fn mapping(&mut self) -> Result<(Value, usize), String> {
        let mut fields: Vec<(EcoString, Value)> = Vec::new();
        let mut lines = Vec::new();
        let mut merged = None;
        let mut height = 0;
        loop {
            let (event, span) = self.next()?;
            if matches!(event, Event::MappingEnd) {
                break;
            }
            let line = span.start.line();
            let key = self.node(event, span)?;
            let (event, span) = self.next()?;
            let node = self.node(event, span)?;
            height = height.max(node.height);
            let (key, is_merge) = match (key.scalar, key.value) {
                (Some((text, may_merge)), _) => {
                    let is_merge = may_merge && text == "<<";
                    (EcoString::from(&*text), is_merge)
                }
                (None, Value::Array(_) | Value::Object(_)) => {
                    return Err(format!("line {line}: invalid map key: it is not a scalar"));
                }
                (None, value) => (value.to_text().into(), false),
            };
            lines.push(line);
            if is_merge {
                merged = Some(node.value.clone());
            }
            // A merge keeps its place for the search for keys that are there twice.
            fields.push((key, if is_merge { Value::Null } else { node.value }));
        }
        self.report_duplicates(&fields, &lines);
        if merged.is_some() {
            fields.retain(|(key, value)| !(key == "<<" && value.is_null()));
        }
        let mut object: Object = fields.into_iter().collect();
        if let Some(merged) = merged {
            merge(&mut object, merged)?;
        }
        Ok((Value::Object(object), height))
    }

    fn report_duplicates(&mut self, fields: &[(EcoString, Value)], lines: &[usize]) {
        let mut first: HashMap<&str, usize> = HashMap::with_capacity(fields.len());
        let is_unique = fields.iter().all(|(key, _)| first.insert(key, 0).is_none());
        if is_unique {
            return;
        }
        let mut places: HashMap<&str, Vec<usize>> = HashMap::new();
        for ((key, _), line) in fields.iter().zip(lines) {
            places.entry(key).or_default().push(*line);
        }
        for (key, _) in fields {
            let Some((line, later)) = places
                .get_mut(key.as_str())
                .and_then(|lines| (!lines.is_empty()).then(|| (lines.remove(0), lines.clone())))
            else {
                continue;
            };
            for other in later {
                if self.problems.len() == MAX_PROBLEMS {
                    return;
                }
                let key = number::quote(key);
                self.problems.push(format!(
                    "line {other}: mapping key {key} already defined at line {line}"
                ));
            }
        }
    }
}

fn too_deep(span: Span) -> String {
    format!("line {}: exceeded max depth of {MAX_DEPTH}", span.start.line())
}

/// How much of a document may come out of aliases: the larger it is, the less.
fn allowed_alias_ratio(nodes: usize) -> f64 {
    const LOW: usize = 400_000;
    const HIGH: usize = 4_000_000;
    match nodes {
        ..=LOW => 0.99,
        HIGH.. => 0.10,
        _ => 0.99 - 0.89 * ((nodes - LOW) as f64 / (HIGH - LOW) as f64),
    }
}

/// Adds the fields that are not there yet.
fn merge(object: &mut Object, source: Value) -> Result<(), String> {
    let sources = match source {
        Value::Array(sources) => sources,
        source => EcoVec::from([source]),
    };
    for source in sources {
        let Value::Object(fields) = source else {
            return Err("map merge requires map or sequence of maps as the value".into());
        };
        for (key, value) in fields.iter() {
            if !object.contains_key(key) {
                object.insert(key.clone(), value.clone());
            }
        }
    }
    Ok(())
}

fn scalar(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> Result<Value, String> {
    let name = tag.and_then(core_tag);
    match name {
        // `!` alone says nothing, and other tags are not known.
        None if tag.is_some_and(|tag| !(tag.handle.is_empty() && tag.suffix == "!")) => {
            Ok(Value::string(text))
        }
        None if style != ScalarStyle::Plain => Ok(Value::string(text)),
        None => Ok(resolve(text, false).1),
        Some("str") => Ok(Value::string(text)),
        Some("binary") => {
            let digits: String = text.chars().filter(|c| !matches!(c, '\r' | '\n')).collect();
            let content = BASE64_STANDARD
                .decode(digits)
                .map_err(|_| "!!binary value contains invalid base64 data")?;
            Ok(Value::text(content))
        }
        Some("timestamp") => match timestamp(text) {
            Some(moment) => Ok(Value::timestamp(moment)),
            None => Err(undecodable(resolve(text, true).0, text, "timestamp")),
        },
        Some(name @ ("null" | "bool" | "int" | "float")) => {
            let (kind, value) = resolve(text, true);
            match (kind, value) {
                (Kind::Int, value) if name == "float" => {
                    Ok(value.as_f64().map_or(Value::Null, Value::Float))
                }
                (kind, value) if kind.tag().trim_start_matches('!') == name => Ok(value),
                (kind, _) => Err(undecodable(kind, text, name)),
            }
        }
        Some(_) => Ok(Value::string(text)),
    }
}

/// The name of a tag of YAML itself.
fn core_tag(tag: &Tag) -> Option<&str> {
    if tag.is_yaml_core_schema() {
        return Some(&tag.suffix);
    }
    if tag.handle == "!!" {
        return Some(&tag.suffix);
    }
    tag.suffix.strip_prefix("tag:yaml.org,2002:").filter(|_| tag.handle.is_empty())
}

fn undecodable(kind: Kind, text: &str, wanted: &str) -> String {
    format!("cannot decode {} `{text}` as a !!{wanted}", kind.tag())
}
