//! What can be said of a program without running it.

use sluice_value::{EcoString, Value};

use crate::{
    Base, Case, Expr, ExprKind, Operator, Outcome, Params, Program, Statement, StatementKind,
    Target, TextPart,
};

/// A program that keeps only messages with a certain text at a path, or fewer still.
///
/// Of every message that is a document and has something else there, the program surely makes
/// nothing: it deletes it, without an error. What it makes of others is not known.
#[derive(Clone, Debug, PartialEq)]
pub struct Filter {
    /// At least one key, no wildcard.
    pub path: Vec<EcoString>,
    pub text: FilterText,
}

/// The text that a [`Filter`] asks for, made of placeholders.
#[derive(Clone, Debug, PartialEq)]
pub enum FilterText {
    Param(EcoString),
    Parts(Vec<TextPart>),
}

impl FilterText {
    /// The text with these values; `None` when they make a number or a boolean of it.
    pub fn resolve(&self, params: &dyn Params) -> Option<String> {
        match self {
            Self::Param(name) => {
                let text = params.get(name).unwrap_or_default();
                match crate::eval::bare_param(text) {
                    Value::String(text) => Some(text.to_string()),
                    _ => None,
                }
            }
            Self::Parts(parts) => Some(
                parts
                    .iter()
                    .map(|part| match part {
                        TextPart::Plain(plain) => plain.as_str(),
                        TextPart::Param(name) => params.get(name).unwrap_or_default(),
                    })
                    .collect(),
            ),
        }
    }
}

/// The filter that a program is, if it is one that can be recognised: its last statement deletes
/// the message depending on a comparison of a path with a placeholder, and what stands before can
/// neither fail nor matter.
pub fn filter(program: &Program) -> Option<Filter> {
    let (last, before) = program.statements().split_last()?;
    if before.iter().all(is_copy) { of_statement(last) } else { None }
}

/// `root = this`.
fn is_copy(statement: &Statement) -> bool {
    let StatementKind::Assign { target: Target::Root(keys), value } = &statement.kind else {
        return false;
    };
    let is_document = matches!(
        &value.kind,
        ExprKind::Path { base: Base::This, keys } if keys.is_empty()
    );
    keys.is_empty() && is_document
}

fn of_statement(statement: &Statement) -> Option<Filter> {
    match &statement.kind {
        StatementKind::Assign { target: Target::Root(keys), value } if keys.is_empty() => {
            of_value(value)
        }
        StatementKind::Assign { .. } => None,
        StatementKind::If(branches) => {
            let deletes = |at: usize| {
                let (_, statements) = &branches[at];
                matches!(statements.as_slice(), [only] if is_deletion(only))
            };
            let (condition, _) = branches.first()?;
            let condition = condition.as_ref()?;
            let otherwise_deletes = branches.len() == 2 && branches[1].0.is_none() && deletes(1);
            decide(condition, deletes(0), otherwise_deletes)
        }
    }
}

/// `root = deleted()`.
fn is_deletion(statement: &Statement) -> bool {
    matches!(
        &statement.kind,
        StatementKind::Assign { target: Target::Root(keys), value }
            if keys.is_empty() && is_deleted(value)
    )
}

/// What is assigned to `root`.
fn of_value(value: &Expr) -> Option<Filter> {
    match &value.kind {
        ExprKind::If { branches, otherwise } => {
            let (condition, body) = branches.first()?;
            let otherwise_deletes =
                branches.len() == 1 && otherwise.as_deref().is_some_and(is_deleted);
            decide(condition, is_deleted(body), otherwise_deletes)
        }
        ExprKind::Match { subject: None, cases } => {
            let (Case::When(condition), body) = cases.first()? else { return None };
            let otherwise_deletes =
                matches!(&cases[1..], [(Case::Always, body)] if is_deleted(body));
            decide(condition, is_deleted(body), otherwise_deletes)
        }
        _ => None,
    }
}

/// By a condition and what deletes: the case that it holds, or all others.
fn decide(condition: &Expr, holds_deletes: bool, otherwise_deletes: bool) -> Option<Filter> {
    if holds_deletes {
        return holds_for_others(condition);
    }
    if otherwise_deletes { fails_for_others(condition) } else { None }
}

/// The filter for whose other messages a condition holds, without an error.
fn holds_for_others(condition: &Expr) -> Option<Filter> {
    match &condition.kind {
        ExprKind::Not(inner) => fails_for_others(inner),
        ExprKind::Binary { op: Operator::NotEqual, left, right } => comparison(left, right),
        ExprKind::Binary { op: Operator::Or, left, right } => holds_for_others(left)
            .or_else(|| if never_fails(left) { holds_for_others(right) } else { None }),
        _ => None,
    }
}

/// The filter for whose other messages a condition does not hold, without an error.
fn fails_for_others(condition: &Expr) -> Option<Filter> {
    match &condition.kind {
        ExprKind::Not(inner) => holds_for_others(inner),
        ExprKind::Binary { op: Operator::Equal, left, right } => comparison(left, right),
        ExprKind::Binary { op: Operator::And, left, right } => fails_for_others(left)
            .or_else(|| if never_fails(left) { fails_for_others(right) } else { None }),
        _ => None,
    }
}

/// A path of the document on one side, placeholders on the other. Nothing but a text equals a text.
fn comparison(left: &Expr, right: &Expr) -> Option<Filter> {
    let found =
        |path: &Expr, text: &Expr| Some(Filter { path: path_of(path)?, text: text_of(text)? });
    found(left, right).or_else(|| found(right, left))
}

fn path_of(expr: &Expr) -> Option<Vec<EcoString>> {
    match &expr.kind {
        ExprKind::Path { base: Base::This, keys } => {
            let is_plain = !keys.is_empty() && !keys.iter().any(|key| key == "*");
            is_plain.then(|| keys.clone())
        }
        _ => None,
    }
}

fn text_of(expr: &Expr) -> Option<FilterText> {
    match &expr.kind {
        ExprKind::Param(name) => Some(FilterText::Param(name.clone())),
        ExprKind::Text(parts) => {
            let varies = parts.iter().any(|part| matches!(part, TextPart::Param(_)));
            varies.then(|| FilterText::Parts(parts.clone()))
        }
        _ => None,
    }
}

fn is_deleted(expr: &Expr) -> bool {
    expr.as_literal().is_some_and(|literal| literal.outcome == Outcome::Deleted)
}

/// Whether a condition yields a boolean for every document.
fn never_fails(condition: &Expr) -> bool {
    match &condition.kind {
        ExprKind::Not(inner) => never_fails(inner),
        ExprKind::Binary { op: Operator::And | Operator::Or, left, right } => {
            never_fails(left) && never_fails(right)
        }
        ExprKind::Binary { op: Operator::Equal | Operator::NotEqual, left, right } => {
            is_plain(left) && is_plain(right)
        }
        _ => false,
    }
}

fn is_plain(expr: &Expr) -> bool {
    matches!(
        &expr.kind,
        ExprKind::Path { base: Base::This, .. }
            | ExprKind::Literal(_)
            | ExprKind::Metadata(_)
            | ExprKind::Param(_)
            | ExprKind::Text(_)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Environment;

    fn filter_of(text: &str) -> Option<Filter> {
        let environment = Environment::default().with_placeholders(["tyk_context"]);
        filter(&Program::parse(text, &environment).unwrap())
    }

    #[track_caller]
    fn check(text: &str) {
        let filter = filter_of(text).unwrap_or_else(|| panic!("not recognised: {text}"));
        assert_eq!(filter.path, ["user", "id"]);
        struct User;
        impl Params for User {
            fn get(&self, name: &str) -> Option<&str> {
                (name == "tyk_context.u").then_some("x")
            }
        }
        assert_eq!(filter.text.resolve(&User).as_deref(), Some("x"), "{text}");
    }

    #[test]
    fn usual_spellings_are_recognised() {
        for condition in [
            "this.user.id != \"$tyk_context.u\"",
            "\"$tyk_context.u\" != this.user.id",
            "this.user.id != $tyk_context.u",
            "!(this.user.id == \"$tyk_context.u\")",
            "this.user.id != \"$tyk_context.u\" || this.kind.uppercase() == \"A\"",
            "this.kind == \"a\" || this.user.id != \"$tyk_context.u\"",
            "!(this.user.id == \"$tyk_context.u\" && this.n > 3)",
        ] {
            check(&format!("root = if {condition} {{ deleted() }}"));
            check(&format!("root = this\nroot = if {condition} {{ deleted() }}"));
            check(&format!("root = if {condition} {{ deleted() }} else {{ this.a + 1 }}"));
            check(&format!("if {condition} {{ root = deleted() }}"));
            check(&format!("root = match {{ {condition} => deleted(), _ => this }}"));
        }
        for condition in [
            "this.user.id == \"$tyk_context.u\"",
            "$tyk_context.u == this.user.id",
            "!(this.user.id != \"$tyk_context.u\")",
            "this.user.id == \"$tyk_context.u\" && this.n > 3",
        ] {
            check(&format!("root = if {condition} {{ this }} else {{ deleted() }}"));
            check(&format!("root = match {{ {condition} => this, _ => deleted() }}"));
            check(&format!("if {condition} {{ root.a = this.b }} else {{ root = deleted() }}"));
        }
    }

    #[test]
    fn what_might_keep_other_messages_is_not() {
        for text in [
            "root = this",
            "root = if this.user.id != \"fixed\" { deleted() }",
            "root = if this.user.id == \"$tyk_context.u\" { deleted() }",
            "root = if this.user.id == \"$tyk_context.u\" { this }",
            "root = if this.user.id.string() != \"$tyk_context.u\" { deleted() }",
            "root = if this.users.\"*\".id != \"$tyk_context.u\" { deleted() }",
            "root = if this != \"$tyk_context.u\" { deleted() }",
            "root = if this.n > 3 || this.user.id != \"$tyk_context.u\" { deleted() }",
            "root = if this.user.id != \"$tyk_context.u\" && this.n == 3 { deleted() }",
            "root = if this.user.id != \"$tyk_context.u\" { deleted() }\nroot.a = 1",
            "root.a = this.b\nroot = if this.user.id != \"$tyk_context.u\" { deleted() }",
            "root.a = if this.user.id != \"$tyk_context.u\" { deleted() }",
            "root = if this.a { this } else if this.user.id != \"$tyk_context.u\" { deleted() }",
            "root = if this.user.id == $tyk_context.u { 1 } else if this.a { 2 } else { deleted() }",
        ] {
            assert_eq!(filter_of(text), None, "{text}");
        }
    }

    #[test]
    fn a_value_that_reads_as_a_number_is_no_text() {
        struct Number;
        impl Params for Number {
            fn get(&self, _: &str) -> Option<&str> {
                Some("42")
            }
        }
        let bare = filter_of("root = if this.id != $tyk_context.u { deleted() }").unwrap();
        assert_eq!(bare.text.resolve(&Number), None);
        let quoted = filter_of("root = if this.id != \"$tyk_context.u\" { deleted() }").unwrap();
        assert_eq!(quoted.text.resolve(&Number).as_deref(), Some("42"));
    }
}
