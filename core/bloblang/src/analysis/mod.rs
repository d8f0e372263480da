//! What can be said of a program without running it.
//!
//! A program is a [`Filter`] when one statement of it deletes the message depending on a
//! comparison of a path, or of metadata, with a placeholder, what stands before can neither fail
//! nor matter, and what stands after can neither fail nor bring a deleted message back.
//!
//! Lives elsewhere: which comparisons are understood ([`comparison`]), finding the tenants that a
//! message concerns (`sluice_engine::tenancy`).

mod comparison;
#[cfg(test)]
mod tests;

use sluice_value::{EcoString, Value};

use crate::{
    Base, Case, Expr, ExprKind, Operator, Outcome, Params, Program, Statement, StatementKind,
    Target, TextPart, compare,
};

use comparison::{Known, comparison, is_plain, never_fails, reads_content};

/// A program that keeps only messages with a certain value at a path, or fewer still.
///
/// Of every message that is a document and has something else there, the program surely makes
/// nothing: it deletes it, without an error. What it makes of others is not known.
#[derive(Clone, Debug, PartialEq)]
pub struct Filter {
    pub origin: Origin,
    /// At least one key, no wildcard; of metadata it is one key.
    pub path: Vec<EcoString>,
    /// The same holds for messages that are no documents: the program does not look at the content
    /// of those that it deletes.
    pub is_blind: bool,
    pub reading: Reading,
    /// What stands for a value that is missing: `this.id.or("")`.
    pub defaults: Vec<Value>,
    pub text: FilterText,
}

/// What the path of a [`Filter`] leads into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    Document,
    Metadata,
    /// Metadata as `meta("key")` shows it: as text, and nothing where that is empty.
    MetadataText,
}

/// What the value of a [`Filter`] is compared as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    AsItIs,
    /// As text, whatever it is: `this.id.string()`.
    Text,
    /// In small letters: `this.id.lowercase()`. What becomes of other values than texts is not
    /// known.
    Lowercase,
}

/// A text in small letters, as the method `lowercase` makes them.
pub fn lowercase(text: &str) -> String {
    crate::builtin::lowercase(text)
}

/// What a [`Filter`] asks for, made of placeholders.
#[derive(Clone, Debug, PartialEq)]
pub enum FilterText {
    Param(EcoString),
    /// A placeholder that was made a text: `$tyk_context.id.string()`.
    Shown(EcoString),
    Parts(Vec<TextPart>),
    /// The same in small letters: `"$tyk_context.id".lowercase()`.
    Lowercase(Vec<TextPart>),
}

/// What a [`Filter`] asks for, with the values of one tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Needle {
    Text(String),
    /// A number that a float holds exactly.
    Integer(i64),
}

/// Integers below this are what they are as floats, as which numbers are compared.
const MOST_EXACT: u64 = 1 << 53;

impl Filter {
    /// What the field must be with these values; `None` when the filter says nothing then, such as
    /// for a number with a fraction, or a text that also stands for a missing field.
    pub fn needle(&self, params: &dyn Params) -> Option<Needle> {
        let value = match &self.text {
            FilterText::Param(name) => {
                crate::eval::bare_param(params.get(name).unwrap_or_default())
            }
            FilterText::Shown(name) => {
                match crate::eval::bare_param(params.get(name).unwrap_or_default()) {
                    shown @ (Value::String(_) | Value::Int(_)) => Value::string(shown.to_text()),
                    _ => return None,
                }
            }
            FilterText::Parts(parts) => Value::string(spelled(parts, params)),
            FilterText::Lowercase(parts) => Value::string(lowercase(&spelled(parts, params))),
        };
        if self.defaults.iter().any(|default| compare::equal(default, &value)) {
            return None;
        }
        match value {
            Value::String(text) => Some(Needle::Text(text.to_string())),
            Value::Int(number) => {
                let is_exact = number.unsigned_abs() < MOST_EXACT;
                (self.reading == Reading::AsItIs && is_exact).then_some(Needle::Integer(number))
            }
            _ => None,
        }
    }
}

fn spelled(parts: &[TextPart], params: &dyn Params) -> String {
    let spelled = parts.iter().map(|part| match part {
        TextPart::Plain(plain) => plain.as_str(),
        TextPart::Param(name) => params.get(name).unwrap_or_default(),
    });
    spelled.collect()
}

/// The filter that a program is, if it is one that can be recognised. `in_place`: the program
/// changes a message, and `this` is what it made so far.
pub fn filter(program: &Program, in_place: bool) -> Option<Filter> {
    let mut known = Known::default();
    let statements = program.statements();
    for (at, statement) in statements.iter().enumerate() {
        if let Some(filter) = of_statement(statement, &known) {
            let (before, after) = (&statements[..at], &statements[at + 1..]);
            let is_blind = !in_place
                && condition_of(statement).is_some_and(|it| !reads_content(it))
                && before.iter().chain(after).all(is_blind);
            let is_filter = after.iter().all(|after| stays_deleted(after, &known, in_place));
            return is_filter.then_some(Filter { is_blind, ..filter });
        }
        if !is_harmless(statement, &mut known, in_place) {
            return None;
        }
    }
    None
}

/// What alone is evaluated of a filter's statement when a message is deleted.
fn condition_of(statement: &Statement) -> Option<&Expr> {
    match &statement.kind {
        StatementKind::If(branches) => branches.first()?.0.as_ref(),
        StatementKind::Assign { value, .. } => match &value.kind {
            ExprKind::If { branches, .. } => Some(&branches.first()?.0),
            ExprKind::Match { subject: None, cases } => match cases.first()? {
                (Case::When(condition), _) => Some(condition),
                _ => None,
            },
            _ => None,
        },
    }
}

/// A statement that does not look at the content of the message.
fn is_blind(statement: &Statement) -> bool {
    match &statement.kind {
        StatementKind::Assign { value, .. } => !reads_content(value),
        StatementKind::If(branches) => branches.iter().all(|(condition, statements)| {
            !condition.iter().any(reads_content) && statements.iter().all(is_blind)
        }),
    }
}

/// A statement before the filter that cannot fail and does not change what the filter sees.
fn is_harmless<'p>(statement: &'p Statement, known: &mut Known<'p>, in_place: bool) -> bool {
    let StatementKind::Assign { target, value } = &statement.kind else { return false };
    match target {
        Target::Variable(slot) => {
            let is_plain = is_plain(value, known);
            known.bind(*slot, value);
            is_plain
        }
        Target::Metadata(Some(key)) => {
            known.assign(key);
            is_plain(value, known)
        }
        Target::Metadata(None) => false,
        Target::Root(keys) if keys.is_empty() => {
            known.is_copied = true;
            is_document(value)
        }
        // Onto a document that begins empty; what `this` is may not have fields.
        Target::Root(keys) => {
            let is_new = !in_place && !known.is_copied;
            is_new && keys.len() == 1 && is_plain(value, known)
        }
    }
}

/// `this`, all of it.
fn is_document(value: &Expr) -> bool {
    matches!(&value.kind, ExprKind::Path { base: Base::This, keys } if keys.is_empty())
}

/// A statement that does not fail once the message is deleted, and leaves it deleted.
fn stays_deleted(statement: &Statement, known: &Known<'_>, in_place: bool) -> bool {
    // Of a deleted message in place nothing is left to read.
    let can_read = |value: &Expr| !in_place || !comparison::reads_document(value);
    match &statement.kind {
        StatementKind::Assign { target: Target::Root(keys), value } => match &value.kind {
            ExprKind::If { branches, otherwise } => {
                keys.is_empty()
                    && otherwise.as_deref().is_none_or(is_deleted)
                    && branches.iter().all(|(condition, body)| {
                        never_fails(condition, known) && can_read(condition) && is_deleted(body)
                    })
            }
            _ => is_deleted(value),
        },
        StatementKind::Assign { target: Target::Metadata(None), .. } => false,
        StatementKind::Assign { value, .. } => is_plain(value, known) && can_read(value),
        StatementKind::If(branches) => branches.iter().all(|(condition, statements)| {
            condition.iter().all(|it| never_fails(it, known) && can_read(it))
                && statements.iter().all(|inner| stays_deleted(inner, known, in_place))
        }),
    }
}

fn of_statement(statement: &Statement, known: &Known<'_>) -> Option<Filter> {
    match &statement.kind {
        StatementKind::Assign { target: Target::Root(keys), value } if keys.is_empty() => {
            of_value(value, known)
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
            decide(condition, deletes(0), otherwise_deletes, known)
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
fn of_value(value: &Expr, known: &Known<'_>) -> Option<Filter> {
    match &value.kind {
        ExprKind::If { branches, otherwise } => {
            let (condition, body) = branches.first()?;
            let otherwise_deletes =
                branches.len() == 1 && otherwise.as_deref().is_some_and(is_deleted);
            decide(condition, is_deleted(body), otherwise_deletes, known)
        }
        ExprKind::Match { subject, cases } => {
            let known = known.below(subject.as_deref())?;
            let (Case::When(condition), body) = cases.first()? else { return None };
            let otherwise_deletes =
                matches!(&cases[1..], [(Case::Always, body)] if is_deleted(body));
            decide(condition, is_deleted(body), otherwise_deletes, &known)
        }
        _ => None,
    }
}

/// By a condition and what deletes: the case that it holds, or all others.
fn decide(
    condition: &Expr,
    holds_deletes: bool,
    otherwise_deletes: bool,
    known: &Known<'_>,
) -> Option<Filter> {
    if holds_deletes {
        return holds_for_others(condition, known);
    }
    if otherwise_deletes { fails_for_others(condition, known) } else { None }
}

/// The filter for whose other messages a condition holds, without an error.
fn holds_for_others(condition: &Expr, known: &Known<'_>) -> Option<Filter> {
    match &condition.kind {
        ExprKind::Not(inner) => fails_for_others(inner, known),
        ExprKind::Binary { op: Operator::NotEqual, left, right } => comparison(left, right, known),
        ExprKind::Binary { op: Operator::Or, left, right } => {
            holds_for_others(left, known).or_else(|| {
                if never_fails(left, known) { holds_for_others(right, known) } else { None }
            })
        }
        _ => None,
    }
}

/// The filter for whose other messages a condition does not hold, without an error.
fn fails_for_others(condition: &Expr, known: &Known<'_>) -> Option<Filter> {
    match &condition.kind {
        ExprKind::Not(inner) => holds_for_others(inner, known),
        ExprKind::Binary { op: Operator::Equal, left, right } => comparison(left, right, known),
        ExprKind::Binary { op: Operator::And, left, right } => {
            fails_for_others(left, known).or_else(|| {
                if never_fails(left, known) { fails_for_others(right, known) } else { None }
            })
        }
        _ => None,
    }
}

fn is_deleted(expr: &Expr) -> bool {
    expr.as_literal().is_some_and(|literal| literal.outcome == Outcome::Deleted)
}
