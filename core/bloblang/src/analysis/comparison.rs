//! Comparisons of a path of the document, or of metadata, with a placeholder, in their usual
//! spellings.

use std::collections::HashMap;

use sluice_value::{EcoString, Value};

use super::{Filter, FilterText, Origin, Reading};
use crate::{
    Base, Expr, ExprKind, Operator, TextPart,
    builtin::{ArgExpr, Call, MethodCall},
};

/// What is known where a comparison stands.
#[derive(Clone, Default)]
pub(super) struct Known<'p> {
    /// Variables that were bound to something plain.
    variables: HashMap<usize, &'p Expr>,
    /// Where `this` is in the document.
    base: Vec<EcoString>,
    /// `root` is the document already.
    pub(super) is_copied: bool,
    /// Metadata that is not as it came any more.
    assigned: Vec<EcoString>,
}

impl<'p> Known<'p> {
    pub(super) fn bind(&mut self, slot: usize, value: &'p Expr) {
        // What a variable stands for is looked up once: no chains, no circles.
        let value = self.meaning(value);
        self.variables.insert(slot, value);
    }

    /// Metadata was assigned.
    pub(super) fn assign(&mut self, key: &EcoString) {
        self.assigned.push(key.clone());
    }

    /// The same, in the cases of a `match`. `None` where its subject is not understood.
    pub(super) fn below(&self, subject: Option<&'p Expr>) -> Option<Self> {
        let Some(subject) = subject else { return Some(self.clone()) };
        match self.meaning(subject).kind {
            ExprKind::Path { base: Base::This, ref keys } => {
                let base = self.base.iter().chain(keys).cloned().collect();
                // Variables were bound where `this` was all of the document.
                Some(Self { variables: HashMap::new(), base, ..self.clone() })
            }
            _ => None,
        }
    }

    fn meaning<'a>(&self, expr: &'a Expr) -> &'a Expr
    where
        'p: 'a,
    {
        match &expr.kind {
            ExprKind::Variable { slot, .. } => self.variables.get(slot).copied().unwrap_or(expr),
            _ => expr,
        }
    }
}

/// A path on one side, placeholders on the other.
pub(super) fn comparison(left: &Expr, right: &Expr, known: &Known<'_>) -> Option<Filter> {
    let found = |field: &Expr, text: &Expr| {
        let Field { origin, path, reading, defaults } = field_of(field, known)?;
        let text = text_of(text, known)?;
        Some(Filter { origin, path, is_blind: false, reading, defaults, text })
    };
    found(left, right).or_else(|| found(right, left))
}

/// What is read of the message.
struct Field {
    origin: Origin,
    path: Vec<EcoString>,
    reading: Reading,
    defaults: Vec<Value>,
}

impl Field {
    fn new(origin: Origin, path: Vec<EcoString>) -> Self {
        Self { origin, path, reading: Reading::AsItIs, defaults: Vec::new() }
    }
}

fn field_of(expr: &Expr, known: &Known<'_>) -> Option<Field> {
    let of_metadata = |origin, key: &EcoString| {
        let is_as_it_came = !known.assigned.contains(key);
        is_as_it_came.then(|| Field::new(origin, vec![key.clone()]))
    };
    match &known.meaning(expr).kind {
        ExprKind::Path { base: Base::This, keys } => {
            let path: Vec<_> = known.base.iter().chain(keys).cloned().collect();
            let is_plain = !path.is_empty() && !path.iter().any(|key| key == "*");
            is_plain.then(|| Field::new(Origin::Document, path))
        }
        ExprKind::Metadata(Some(key)) => of_metadata(Origin::Metadata, key),
        ExprKind::Function(call) => {
            let (origin, key) = metadata_of(call)?;
            of_metadata(origin, &key)
        }
        ExprKind::Method(call) if is_call(call, "string") => {
            let field = field_of(call.target(), known)?;
            let defaults = field.defaults.iter().map(|it| Value::string(it.to_text())).collect();
            let can_be = field.reading != Reading::Lowercase;
            can_be.then_some(Field { reading: Reading::Text, defaults, ..field })
        }
        ExprKind::Method(call) if is_call(call, "lowercase") => {
            let field = field_of(call.target(), known)?;
            let can_be = field.reading == Reading::AsItIs;
            can_be.then_some(Field { reading: Reading::Lowercase, ..field })
        }
        ExprKind::Method(call) if call.method().name == "or" => {
            let [ArgExpr::Query(fallback)] = call.args().args.as_slice() else { return None };
            with_default(call.target(), fallback.expr(), known)
        }
        ExprKind::Binary { op: Operator::Coalesce, left, right } => {
            with_default(left, right, known)
        }
        _ => None,
    }
}

fn with_default(target: &Expr, fallback: &Expr, known: &Known<'_>) -> Option<Field> {
    let mut field = field_of(target, known)?;
    field.defaults.push(fallback.as_literal()?.outcome.as_value()?.clone());
    Some(field)
}

/// A function that reads one key of the metadata.
fn metadata_of(call: &Call) -> Option<(Origin, EcoString)> {
    let origin = match call.function().name {
        "metadata" => Origin::Metadata,
        "meta" => Origin::MetadataText,
        _ => return None,
    };
    let [ArgExpr::Literal(key)] = call.args().args.as_slice() else { return None };
    match key.as_value()? {
        Value::String(key) if !key.is_empty() => Some((origin, key.clone())),
        _ => None,
    }
}

/// A method without arguments.
fn is_call(call: &MethodCall, name: &str) -> bool {
    call.method().name == name && call.args().args.is_empty()
}

fn text_of(expr: &Expr, known: &Known<'_>) -> Option<FilterText> {
    match &known.meaning(expr).kind {
        ExprKind::Param(name) => Some(FilterText::Param(name.clone())),
        ExprKind::Text(parts) => {
            let varies = parts.iter().any(|part| matches!(part, TextPart::Param(_)));
            varies.then(|| FilterText::Parts(parts.clone()))
        }
        ExprKind::Method(call) if is_call(call, "string") => match text_of(call.target(), known)? {
            FilterText::Param(name) => Some(FilterText::Shown(name)),
            text => Some(text),
        },
        ExprKind::Method(call) if is_call(call, "lowercase") => {
            match text_of(call.target(), known)? {
                FilterText::Parts(parts) => Some(FilterText::Lowercase(parts)),
                _ => None, // a number has no letters
            }
        }
        _ => None,
    }
}

/// Whether a condition yields a boolean for every document.
pub(super) fn never_fails(condition: &Expr, known: &Known<'_>) -> bool {
    match &condition.kind {
        ExprKind::Not(inner) => never_fails(inner, known),
        ExprKind::Binary { op: Operator::And | Operator::Or, left, right } => {
            never_fails(left, known) && never_fails(right, known)
        }
        ExprKind::Binary { op: Operator::Equal | Operator::NotEqual, left, right } => {
            is_plain(left, known) && is_plain(right, known)
        }
        _ => false,
    }
}

/// Whether an expression yields a value, or nothing, for every document.
pub(super) fn is_plain(expr: &Expr, known: &Known<'_>) -> bool {
    match &known.meaning(expr).kind {
        ExprKind::Path { base: Base::This, .. }
        | ExprKind::Metadata(_)
        | ExprKind::Param(_)
        | ExprKind::Text(_) => true,
        ExprKind::Literal(literal) => literal.outcome.as_value().is_some(),
        _ => {
            let field = field_of(expr, known);
            let is_plain = field.is_some_and(|field| field.reading != Reading::Lowercase);
            is_plain || text_of(expr, known).is_some()
        }
    }
}

/// Whether an expression looks at the content of the message.
pub(super) fn reads_content(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Metadata(_) => false,
        ExprKind::Function(call) if metadata_of(call).is_some() => false,
        ExprKind::Not(_) | ExprKind::Binary { .. } | ExprKind::If { .. } | ExprKind::Method(_) => {
            let mut found = false;
            expr.for_each_child(&mut |child, _| found |= reads_content(child));
            found
        }
        _ => reads_document(expr),
    }
}

/// Whether an expression looks at the message.
pub(super) fn reads_document(expr: &Expr) -> bool {
    let mut found = !matches!(
        expr.kind,
        ExprKind::Literal(_)
            | ExprKind::Param(_)
            | ExprKind::Text(_)
            | ExprKind::Variable { .. }
            | ExprKind::Not(_)
            | ExprKind::Binary { .. }
            | ExprKind::Method(_)
    );
    expr.for_each_child(&mut |child, _| found |= reads_document(child));
    found
}
