//! Queries: terms with their tails, joined by operators.

use std::sync::Arc;

use ecow::EcoString;

use super::{Fail, MAX_HEIGHT, Parsed, Parser, one_of};
use crate::{Base, Bounds, Expr, ExprKind, Operator, Span, eval, path};

impl Parser<'_> {
    /// An expression; white space may come first.
    pub(super) fn query(&mut self, at: usize) -> Parsed<Expr> {
        let start = self.spaces(at);
        self.nested(start, |this| this.operators(start))
    }

    fn operators(&mut self, start: usize) -> Parsed<Expr> {
        let (first, mut at) = self.operand(start)?;
        let mut operands = vec![first];
        let mut operators = Vec::new();
        while let Some((operator, end)) = self.operator(self.spaces(at)) {
            let (operand, end) = self.operand(self.blank(end))?;
            operators.push(operator);
            operands.push(operand);
            at = end;
            if operands.len() > MAX_HEIGHT as usize {
                let span = Span { start, end };
                let message = "the expression has too many parts".to_owned();
                return Err(Fail::semantic(at, "nesting", message, span));
            }
        }
        let expr = combine(operands, operators).map_err(|(error, span)| {
            Fail::semantic(start, "constant", error.to_string(), span)
                .hint("these are constants, so this would fail for every message")
        })?;
        Ok((Self::bounded(expr)?, at))
    }

    fn operator(&self, at: usize) -> Option<(Operator, usize)> {
        let rest = &self.text.as_bytes()[at..];
        let (operator, length) = match rest {
            [b'+', ..] => (Operator::Add, 1),
            [b'-', ..] => (Operator::Subtract, 1),
            [b'/', ..] => (Operator::Divide, 1),
            [b'*', ..] => (Operator::Multiply, 1),
            [b'%', ..] => (Operator::Modulo, 1),
            [b'&', b'&', ..] => (Operator::And, 2),
            [b'|', b'|', ..] => (Operator::Or, 2),
            [b'=', b'=', ..] => (Operator::Equal, 2),
            [b'!', b'=', ..] => (Operator::NotEqual, 2),
            [b'>', b'=', ..] => (Operator::GreaterOrEqual, 2),
            [b'<', b'=', ..] => (Operator::LessOrEqual, 2),
            [b'>', ..] => (Operator::Greater, 1),
            [b'<', ..] => (Operator::Less, 1),
            [b'|', ..] => (Operator::Coalesce, 1),
            _ => return None,
        };
        Some((operator, at + length))
    }

    /// A term, possibly after a minus sign, which subtracts it from zero.
    fn operand(&mut self, at: usize) -> Parsed<Expr> {
        if self.peek(at) != Some(b'-') {
            return self.term_with_tails(at);
        }
        let (term, end) = self.term_with_tails(self.blank(at + 1))?;
        let zero = Expr::literal(0_i64, Span { start: at, end: at + 1 });
        let negated = eval::fold(Operator::Subtract, zero, term).map_err(|error| {
            let span = Span { start: at, end };
            Fail::semantic(at, "constant", error.to_string(), span)
                .hint("the minus sign applies to the whole term with its methods; use brackets")
        })?;
        Ok((negated, end))
    }

    /// A term and what is chained to it with dots, possibly after an exclamation mark.
    fn term_with_tails(&mut self, start: usize) -> Parsed<Expr> {
        let is_not = self.peek(start) == Some(b'!');
        let at = if is_not { self.spaces(start + 1) } else { start };
        let (mut expr, mut at) = self.one_term(at).map_err(|fail| fail.as_expected("query"))?;
        loop {
            if self.peek(at) == Some(b'[') {
                match self.square_brackets(expr, at) {
                    Ok((indexed, end)) => (expr, at) = (Self::bounded(indexed)?, end),
                    Err(target) => {
                        expr = target;
                        break;
                    }
                }
                continue;
            }
            if self.peek(at) != Some(b'.') {
                break;
            }
            let tail = self.blank(at + 1);
            (expr, at) = self.tail(expr, tail).map_err(Fail::required)?;
            expr = Self::bounded(expr)?;
        }
        if is_not {
            expr = Expr::new(ExprKind::Not(Box::new(expr)), Span { start, end: at });
        }
        Ok((expr, at))
    }

    /// `[index]` or `[start:end:step]` behind a term. What does not read as one is left for others
    /// to complain about, as in the reference; why it does not is kept for the hint.
    fn square_brackets(&mut self, target: Expr, at: usize) -> Result<(Expr, usize), Expr> {
        let placeholders = self.placeholders.len();
        match self.nested(at, |this| this.bounds(at)) {
            Ok(((index, bounds), end)) => {
                let span = Span { start: target.span.start, end };
                let target = Box::new(target);
                let kind = match index {
                    Some(index) => ExprKind::Index { target, index: Box::new(index) },
                    None => ExprKind::Slice { target, bounds: Box::new(bounds) },
                };
                Ok((Expr::new(kind, span), end))
            }
            Err(fail) => {
                self.placeholders.truncate(placeholders);
                self.bracket_problem = Some((at, fail));
                Err(target)
            }
        }
    }

    /// What stands between square brackets: an index, or the bounds of a slice.
    fn bounds(&mut self, at: usize) -> Parsed<(Option<Expr>, Bounds)> {
        let mut at = self.blank(self.term(at, "[")?);
        let mut bounds = Bounds::default();
        if self.peek(at) != Some(b':') {
            let (start, end) = self.query(at)?;
            at = self.blank(end);
            if self.peek(at) != Some(b':') {
                let end = self.term(at, "]").map_err(|fail| fail.as_expected("closing bracket"))?;
                return Ok(((Some(start), bounds), end));
            }
            bounds.start = Some(start);
        }
        at = self.blank(at + 1);
        if !matches!(self.peek(at), Some(b':' | b']')) {
            let (end_bound, end) = self.query(at)?;
            bounds.end = Some(end_bound);
            at = self.blank(end);
        }
        if self.peek(at) == Some(b':') {
            at = self.blank(at + 1);
            if self.peek(at) != Some(b']') {
                let (step, end) = self.query(at)?;
                bounds.step = Some(step);
                at = self.blank(end);
            }
        }
        let end = self.term(at, "]")?;
        Ok(((None, bounds), end))
    }

    fn one_term(&mut self, at: usize) -> Parsed<Expr> {
        one_of!(
            self.match_expression(at),
            self.if_expression(at),
            self.lambda(at),
            self.brackets(at),
            self.literal(at),
            self.function(at),
            self.metadata_reference(at),
            self.variable_reference(at),
            self.field_reference(at),
        )
    }

    fn tail(&mut self, target: Expr, at: usize) -> Parsed<Expr> {
        if self.peek(at) == Some(b'(') {
            return self.map_tail(target, at);
        }
        // A method that turns out to be a field gives its target back.
        let mut target = Some(target);
        one_of!(self.method(&mut target, at), self.field_tail(&mut target, at))
    }

    /// `.(query)`
    fn map_tail(&mut self, target: Expr, at: usize) -> Parsed<Expr> {
        let (body, end) = self.query(self.blank(at + 1))?;
        let end = self.term(self.blank(end), ")")?;
        let span = Span { start: target.span.start, end };
        let kind = ExprKind::Map { target: Box::new(target), body: Arc::new(body) };
        Ok((Expr::new(kind, span), end))
    }

    /// `.name` or `."any name"`
    fn field_tail(&mut self, target: &mut Option<Expr>, at: usize) -> Parsed<Expr> {
        let (key, end) = one_of!(
            self.name(at, "field path").map(|(name, end)| (EcoString::from(name), end)),
            self.quoted_text(at).map(|(name, end)| (EcoString::from(name), end)),
        )
        .map_err(|fail| fail.as_expected("field path"))?;
        let target = target.take().ok_or_else(|| Fail::expected(at, "field path"))?;
        Ok((get(target, vec![key], end), end))
    }

    /// `@`, `@name` or `@"any name"`
    fn metadata_reference(&mut self, at: usize) -> Parsed<Expr> {
        let start = self.term(at, "@")?;
        let key = match self.peek(start) {
            Some(b'"') => {
                let (name, end) = self.quoted_text(start)?;
                Some((EcoString::from(name), end))
            }
            _ => self.name(start, "").ok().map(|(name, end)| (name.into(), end)),
        };
        let (key, end) =
            key.map_or((None, start), |(key, end)| ((!key.is_empty()).then_some(key), end));
        Ok((Expr::new(ExprKind::Metadata(key), Span { start: at, end }), end))
    }

    /// `$name`, or a placeholder such as `$tyk_context.user`
    fn variable_reference(&mut self, at: usize) -> Parsed<Expr> {
        let start = self.term(at, "$")?;
        if let Some(expr) = self.placeholder_reference(at) {
            return Ok(expr);
        }
        let (name, end) = self.name(start, "variable path")?;
        let name = EcoString::from(name);
        let slot = self.slots.slot(&name);
        Ok((Expr::new(ExprKind::Variable { slot, name }, Span { start: at, end }), end))
    }

    /// A placeholder outside of strings. Its name ends before a method call.
    fn placeholder_reference(&mut self, at: usize) -> Option<(Expr, usize)> {
        let mut name = self.placeholder(&self.text[at + 1..])?;
        if self.peek(at + 1 + name.len()) == Some(b'(')
            && let Some((before, _)) = name.rsplit_once('.')
            && before.contains('.')
        {
            name = before;
        }
        let name = EcoString::from(name.trim_end_matches('.'));
        let end = at + 1 + name.len();
        self.note_placeholder(&name);
        Some((Expr::new(ExprKind::Param(name), Span { start: at, end }), end))
    }

    /// `this`, `root`, a lambda's name, or a field of `this`.
    fn field_reference(&mut self, at: usize) -> Parsed<Expr> {
        let (name, end) = self.name(at, "field path")?;
        let name = EcoString::from(name);
        let span = Span { start: at, end };
        let (base, keys) = match name.as_str() {
            "this" => (Base::This, Vec::new()),
            "root" => (Base::Root, Vec::new()),
            _ => match self.names.iter().rev().position(|known| *known == name) {
                Some(depth) => (Base::Name { depth, name }, Vec::new()),
                None => (Base::This, vec![name]),
            },
        };
        Ok((Expr::new(ExprKind::Path { base, keys }, span), end))
    }
}

/// What stands at `keys` below `target`.
pub(super) fn get(target: Expr, keys: Vec<EcoString>, end: usize) -> Expr {
    let span = Span { start: target.span.start, end };
    let kind = match target.kind {
        ExprKind::Path { base, keys: mut all } => {
            all.extend(keys);
            ExprKind::Path { base, keys: all }
        }
        ExprKind::Get { target, keys: mut all } => {
            all.extend(keys);
            ExprKind::Get { target, keys: all }
        }
        _ => ExprKind::Get { target: Box::new(target), keys },
    };
    Expr::new(kind, span)
}

/// A dot path as keys, as `get` and `exists` read it.
pub(super) fn dot_path(text: &str) -> Vec<EcoString> {
    path::split(text)
}

/// Joins operands by precedence: `* / % |`, then `+ -`, then comparisons, then `&& ||`.
fn combine(
    mut operands: Vec<Expr>,
    mut operators: Vec<Operator>,
) -> Result<Expr, (crate::Error, Span)> {
    const LEVELS: [&[Operator]; 4] = [
        &[Operator::Multiply, Operator::Divide, Operator::Modulo, Operator::Coalesce],
        &[Operator::Add, Operator::Subtract],
        &[
            Operator::Equal,
            Operator::NotEqual,
            Operator::Greater,
            Operator::Less,
            Operator::GreaterOrEqual,
            Operator::LessOrEqual,
        ],
        &[Operator::And, Operator::Or],
    ];
    for level in LEVELS {
        let mut rest = operands.into_iter();
        let mut joined: Vec<Expr> = rest.next().into_iter().collect();
        let mut kept = Vec::new();
        for (operator, right) in operators.into_iter().zip(rest) {
            match joined.pop() {
                Some(left) if level.contains(&operator) => {
                    let span = Span { start: left.span.start, end: right.span.end };
                    joined.push(eval::fold(operator, left, right).map_err(|error| (error, span))?);
                }
                left => {
                    joined.extend(left);
                    kept.push(operator);
                    joined.push(right);
                }
            }
        }
        (operands, operators) = (joined, kept);
    }
    Ok(operands.swap_remove(0))
}
