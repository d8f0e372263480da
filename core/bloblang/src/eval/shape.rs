//! Array and object literals whose parts are all known.

use sluice_value::{EcoVec, Object, Value};

use crate::{Expr, ExprKind, Fields, Key, Literal, Outcome, Span};

/// An array literal; a constant when all items are.
pub(crate) fn array_literal(items: Vec<Expr>, span: Span) -> Expr {
    let constant: Option<EcoVec<Value>> = items
        .iter()
        .filter_map(|item| match item.as_literal() {
            None => Some(None),
            Some(literal) => literal.outcome.as_value().map(|value| Some(value.clone())),
        })
        .collect();
    match constant {
        Some(values) => Expr::literal(Value::Array(values), span),
        None => Expr::new(ExprKind::Array(items), span),
    }
}

/// An object literal; a constant when all keys and values are.
pub(crate) fn object_literal(fields: Vec<(Key, Expr)>, span: Span) -> Expr {
    let mut constant = Object::new();
    for (key, expr) in &fields {
        match (key, expr.as_literal().map(|literal| &literal.outcome)) {
            (Key::Literal(key), Some(Outcome::Owned(value))) => {
                constant.insert(key.clone(), value.clone());
            }
            (Key::Literal(_), Some(Outcome::Deleted | Outcome::Nothing)) => {}
            _ => return Expr::new(ExprKind::Object(Fields::new(fields)), span),
        }
    }
    Expr::new(ExprKind::Literal(Literal::value(Value::Object(constant))), span)
}
