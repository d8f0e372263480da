//! `match`, `if`, lambdas and brackets.

use ecow::EcoString;

use super::{Fail, Parsed, Parser, one_of};
use crate::{Base, Case, Expr, ExprKind, Operator, Outcome, Span};

impl Parser<'_> {
    /// `match subject { case => query, ... }`
    pub(super) fn match_expression(&mut self, at: usize) -> Parsed<Expr> {
        let start = self.some_spaces(self.term(at, "match")?)?;
        let before = self.remember_at;
        if self.peek(start) == Some(b'{') {
            self.remember_at = Some(self.blank(start + 1));
        }
        let subject = self.query(start);
        self.remember_at = before;
        let (subject, end) = match subject {
            Ok((subject, end)) => (Some(Box::new(subject)), end),
            Err(fail) if fail.fatal => return Err(fail),
            Err(_) => (None, self.spaces(start)),
        };
        let (cases, end) = self.match_cases(self.blank(end)).map_err(Fail::required)?;
        let kind = ExprKind::Match { subject, cases };
        Ok((Expr::new(kind, Span { start: at, end }), end))
    }

    fn match_cases(&mut self, at: usize) -> Parsed<Vec<(Case, Expr)>> {
        let open = self.blank(self.term(at, "{")?);
        self.delimited(
            open,
            Self::match_case,
            |this, at| {
                let at = this.spaces(at);
                let end = one_of!(
                    this.term(at, ",").map(|end| (end, end)),
                    this.line_break(at).map(|end| (end, end)),
                )?;
                Ok(this.blank(end.0))
            },
            |this, at| this.term(this.blank(at), "}"),
        )
    }

    fn match_case(&mut self, at: usize) -> Parsed<(Case, Expr)> {
        let (case, end) = one_of!(self.default_case(at), self.tested_case(at))?;
        let (body, end) = self.query(self.spaces(end))?;
        Ok(((case, body), end))
    }

    fn default_case(&mut self, at: usize) -> Parsed<Case> {
        let end = self.term(at, "_").map_err(|fail| fail.as_expected("match case"))?;
        Ok((Case::Always, self.term(self.spaces(end), "=>")?))
    }

    fn tested_case(&mut self, at: usize) -> Parsed<Case> {
        let remembered = self.memo.remove(&at);
        let (expr, end) = remembered
            .unwrap_or_else(|| self.query(at))
            .map_err(|fail| fail.as_expected("match case"))?;
        let end = self.term(self.spaces(end), "=>")?;
        let case = match expr.as_literal().map(|literal| literal.outcome.clone()) {
            Some(Outcome::Owned(value)) => Case::Equal(value),
            Some(Outcome::Borrowed(value)) => Case::Equal(value.clone()),
            // Nothing equals a control outcome.
            Some(Outcome::Deleted | Outcome::Nothing) => {
                Case::When(Expr::literal(false, expr.span))
            }
            // A literal too, once the placeholders in it have values.
            None if matches!(expr.kind, ExprKind::Param(_) | ExprKind::Text(_)) => {
                let span = expr.span;
                let subject = ExprKind::Path { base: Base::This, keys: Vec::new() };
                Case::When(Expr::new(
                    ExprKind::Binary {
                        op: Operator::Equal,
                        left: Box::new(Expr::new(subject, span)),
                        right: Box::new(expr),
                    },
                    span,
                ))
            }
            None => Case::When(expr),
        };
        Ok((case, end))
    }

    /// `if condition { query } else if condition { query } else { query }`
    pub(super) fn if_expression(&mut self, at: usize) -> Parsed<Expr> {
        let start = self.some_spaces(self.term(at, "if")?)?;
        let (branch, mut end) = self.branch(start)?;
        let mut branches = vec![branch];
        while let Some(start) = self.else_if(end) {
            let (branch, next) = self.branch(start)?;
            branches.push(branch);
            end = next;
        }
        let mut otherwise = None;
        if let Ok(start) = self.term(self.blank(end), "else") {
            let (body, next) = self.block(self.blank(start))?;
            otherwise = Some(Box::new(body));
            end = next;
        }
        let kind = ExprKind::If { branches, otherwise };
        Ok((Expr::new(kind, Span { start: at, end }), end))
    }

    /// Where the condition of an `else if` begins, if one follows.
    pub(super) fn else_if(&self, at: usize) -> Option<usize> {
        self.some_spaces(self.term(self.blank(at), "else if").ok()?).ok()
    }

    fn branch(&mut self, at: usize) -> Parsed<(Expr, Expr)> {
        let (condition, end) = self.query(at).map_err(Fail::required)?;
        let (body, end) = self.block(self.blank(end))?;
        Ok(((condition, body), end))
    }

    /// `{ query }`
    fn block(&mut self, at: usize) -> Parsed<Expr> {
        let open = self.term(at, "{").map_err(Fail::required)?;
        let (body, end) = self.query(self.blank(open)).map_err(Fail::required)?;
        let end = self.term(self.blank(end), "}").map_err(Fail::required)?;
        Ok((body, end))
    }

    /// `name -> query`
    pub(super) fn lambda(&mut self, at: usize) -> Parsed<Expr> {
        let (name, body_at) = self.lambda_name(at).map_err(|fail| fail.as_expected("function"))?;
        let span = Span { start: at, end: at + name.len() };
        if name == "root" || name == "this" {
            let message = format!("a context cannot be named `{name}`");
            return Err(Fail::semantic(at, "context-name", message, span));
        }
        let is_named = name != "_";
        if is_named && self.names.contains(&name) {
            let message = format!("the name `{name}` is already taken by a context around this");
            return Err(Fail::semantic(at, "context-name", message, span)
                .hint("choose another name for the inner context"));
        }
        if is_named {
            self.names.push(name.clone());
        }
        let body = self.query(body_at);
        if is_named {
            self.names.pop();
        }
        let (body, end) = body.map_err(Fail::required)?;
        if let ExprKind::Lambda { name: inner, .. } = &body.kind {
            let inner = if inner.is_empty() { "_" } else { inner };
            let message = format!("`{name}` and `{inner}` would name the same context");
            return Err(
                Fail::semantic(at, "context-name", message, span).hint("one name is enough")
            );
        }
        let name = if is_named { name } else { EcoString::new() };
        let kind = ExprKind::Lambda { name, body: Box::new(body) };
        Ok((Expr::new(kind, Span { start: at, end }), end))
    }

    fn lambda_name(&self, at: usize) -> Parsed<EcoString> {
        let (name, end) = self.name(at, "context name")?;
        let arrow = self.some_spaces(end)?;
        let after = self.some_spaces(self.term(arrow, "->")?)?;
        Ok((name.into(), after))
    }

    /// `(query)`
    pub(super) fn brackets(&mut self, at: usize) -> Parsed<Expr> {
        let open = self.term(at, "(")?;
        let (expr, end) = self.query(self.blank(open))?;
        let end = self
            .term(self.blank(end), ")")
            .map_err(|fail| fail.as_expected("closing bracket").required())?;
        Ok((expr, end))
    }
}
