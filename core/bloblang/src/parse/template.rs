//! Interpolated text: `plain ${! query } plain`.

use std::sync::Arc;

use super::{Fail, Parser};
use crate::{Diagnostics, Environment, Expr, Program, TextPart};

/// A piece of a template.
#[derive(Clone, Debug)]
pub(crate) enum Segment {
    Text(String),
    Param(ecow::EcoString),
    Query(Expr),
}

/// Splits a template. The program returned beside holds what queries need around them.
pub(crate) fn segments(
    text: &str,
    environment: &Environment,
) -> Result<(Vec<Segment>, Program), Diagnostics> {
    let mut parser = Parser::new(text, environment);
    match parser.segments() {
        Ok(segments) => {
            let program = Program {
                statements: Vec::new(),
                assembly: None,
                maps: parser.maps,
                variables: parser.slots.0.into(),
                placeholders: parser.placeholders,
                host: Arc::clone(environment.host()),
                directory: Arc::from(environment.directory()),
                scan: false,
                once: false,
                shares: true,
                limits: environment.limits(),
            };
            Ok((segments, program))
        }
        Err(fail) => Err(Diagnostics(vec![parser.diagnostic(fail)])),
    }
}

impl Parser<'_> {
    fn segments(&mut self) -> Result<Vec<Segment>, Fail> {
        let mut segments = Vec::new();
        let mut plain = String::new();
        let mut at = 0;
        while at < self.text.len() {
            let rest = &self.text[at..];
            if let Some(rest) = rest.strip_prefix("${{!") {
                let Some(length) = rest.find("}}") else {
                    let fail = Fail::expected(at + 4, "end of escaped expression");
                    return Err(fail.required());
                };
                plain.push_str("${!");
                plain.push_str(&rest[..length]);
                plain.push('}');
                at += length + 6;
            } else if rest.starts_with("${!") {
                self.flush(&mut plain, &mut segments);
                let (query, end) = self.query(self.spaces(at + 3)).map_err(Fail::required)?;
                at = self
                    .term(self.spaces(end), "}")
                    .map_err(|fail| fail.as_expected("end of expression").required())?;
                segments.push(Segment::Query(query));
            } else {
                let length = match rest.find('$') {
                    Some(0) => self.dollar(rest),
                    Some(length) => length,
                    None => rest.len(),
                };
                plain.push_str(&rest[..length]);
                at += length;
            }
        }
        self.flush(&mut plain, &mut segments);
        Ok(segments)
    }

    /// How much of the text after a plain dollar sign belongs to it.
    fn dollar(&self, rest: &str) -> usize {
        1 + self.placeholder(&rest[1..]).map_or(0, str::len)
    }

    fn flush(&mut self, plain: &mut String, segments: &mut Vec<Segment>) {
        if plain.is_empty() {
            return;
        }
        match self.text_parts(plain) {
            None => segments.push(Segment::Text(std::mem::take(plain))),
            Some(parts) => {
                plain.clear();
                segments.extend(parts.into_iter().map(|part| match part {
                    TextPart::Plain(text) => Segment::Text(text.to_string()),
                    TextPart::Param(name) => Segment::Param(name),
                }));
            }
        }
    }
}
