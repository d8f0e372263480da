//! Evaluating expressions.

mod index;
mod operator;
mod shape;

use sluice_value::{EcoString, EcoVec, Object, Value};
use smallvec::SmallVec;

use crate::{
    Base, Case, Context, Error, Expr, ExprKind, Fields, Key, Operator, Outcome, TextPart,
    context::{Root, lookup},
    gofmt,
};

/// Free stack below which evaluation continues on a new segment.
const RED_ZONE: usize = 192 * 1024;
/// Levels of nesting that always fit into the red zone, so that nobody looks.
const SHALLOW: u32 = 16;
const SEGMENT: usize = 2 * 1024 * 1024;

/// Runs `work` with enough stack for another level of nesting.
pub(crate) fn with_stack<T>(work: impl FnOnce() -> T) -> T {
    stacker::maybe_grow(RED_ZONE, SEGMENT, work)
}

impl Expr {
    /// # Errors
    /// What the mapping's author is told through `error()`.
    pub fn eval<'a>(&'a self, context: &Context<'a>) -> Result<Outcome<'a>, Error> {
        match &self.kind {
            ExprKind::Literal(literal) => Ok(match &literal.outcome {
                Outcome::Owned(value) => Outcome::Borrowed(value),
                Outcome::Borrowed(value) => Outcome::Borrowed(value),
                Outcome::Deleted => Outcome::Deleted,
                Outcome::Nothing => Outcome::Nothing,
            }),
            ExprKind::Path { base, keys } => path(base, keys, context),
            ExprKind::Metadata(key) => Ok(metadata(key.as_ref(), context)),
            ExprKind::Variable { slot, name } => variable(*slot, name, context),
            ExprKind::Param(name) => Ok(Outcome::Owned(param(name, context))),
            ExprKind::Text(parts) => Ok(Outcome::Owned(text(parts, context))),
            _ if self.height <= SHALLOW => self.eval_nested(context),
            _ => with_stack(|| self.eval_nested(context)),
        }
    }

    fn eval_nested<'a>(&'a self, context: &Context<'a>) -> Result<Outcome<'a>, Error> {
        match &self.kind {
            ExprKind::Get { target, keys } => Ok(match target.eval(context)? {
                Outcome::Borrowed(value) => lookup(value, keys),
                Outcome::Owned(value) => lookup(&value, keys).into_owned(),
                Outcome::Deleted | Outcome::Nothing => Outcome::null(),
            }),
            ExprKind::Index { target, index } => index::element(target, index, context),
            ExprKind::Slice { target, bounds } => index::slice(target, bounds, context),
            ExprKind::Array(items) => array(items, context),
            ExprKind::Object(fields) => object(fields, context),
            ExprKind::Not(inner) => not(inner, context),
            ExprKind::Binary { op: Operator::Coalesce, left, right } => match left.eval(context) {
                Ok(outcome) if !outcome.is_null() => Ok(outcome),
                _ => right.eval(context),
            },
            ExprKind::Binary { op, left, right } => operator::eval(*op, left, right, context),
            ExprKind::If { branches, otherwise } => choose(branches, otherwise.as_deref(), context),
            ExprKind::Match { subject, cases } => matching(subject.as_deref(), cases, context),
            ExprKind::Lambda { name, body } => lambda(name, body, context),
            ExprKind::Map { target, body } => match target.eval(context)? {
                Outcome::Borrowed(value) => body.eval(&context.with_this(value)),
                other => {
                    // The result may borrow from the target, which lives here only.
                    let value = other.into_cow();
                    context.budget().check(&value)?;
                    body.eval(&context.with_this(&value)).map(Outcome::into_owned)
                }
            },
            ExprKind::Function(call) => call.eval(context),
            ExprKind::Method(call) => call.eval(context),
            _ => self.eval(context),
        }
    }
}

pub(crate) use operator::fold;
pub(crate) use shape::{array_literal, object_literal};

fn path<'a>(base: &Base, keys: &[EcoString], context: &Context<'a>) -> Result<Outcome<'a>, Error> {
    match base {
        Base::This => context.this_path(keys),
        Base::Name { depth, name } => match context.name(*depth) {
            Some(value) => Ok(lookup(value, keys)),
            None => Err(Error::new(format!("named context {name} was not found"))),
        },
        Base::Root => match context.root {
            None => Err(Error::new("unable to reference `root` from this context")),
            Some(Root::Value(value)) => Ok(lookup(value, keys)),
            Some(_) if !keys.is_empty() => Ok(Outcome::null()),
            Some(Root::Untouched) => Ok(Outcome::Nothing),
            Some(Root::Deleted) => Ok(Outcome::Deleted),
        },
    }
}

fn metadata<'a>(key: Option<&EcoString>, context: &Context<'a>) -> Outcome<'a> {
    let metadata = context.new_metadata();
    match key {
        Some(key) => metadata.get(key).map_or_else(Outcome::null, Outcome::Borrowed),
        None => Outcome::Owned(Value::Object(metadata.clone())),
    }
}

fn variable<'a>(
    slot: usize,
    name: &EcoString,
    context: &Context<'a>,
) -> Result<Outcome<'a>, Error> {
    let Some(variables) = context.variables else {
        return Err(Error::new("variables were undefined"));
    };
    match variables.slots.get(slot).and_then(Option::as_ref) {
        Some(value) => Ok(Outcome::Borrowed(value)),
        None => Err(Error::new(format!("variable '{name}' undefined"))),
    }
}

/// A placeholder on its own: a number or boolean if its text is one, otherwise the text.
fn param(name: &str, context: &Context<'_>) -> Value {
    bare_param(context.input().params.get(name).unwrap_or_default())
}

/// What the text of a placeholder on its own stands for.
pub(crate) fn bare_param(text: &str) -> Value {
    match text {
        "true" => Value::Bool(true),
        "false" => Value::Bool(false),
        _ if text.starts_with(|c: char| c == '-' || c.is_ascii_digit()) => {
            match sluice_value::json::parse(text.as_bytes()) {
                Ok(number @ (Value::Int(_) | Value::Number(_))) => number,
                _ => Value::string(text),
            }
        }
        _ => Value::string(text),
    }
}

fn text(parts: &[TextPart], context: &Context<'_>) -> Value {
    let params = context.input().params;
    let mut text = EcoString::new();
    for part in parts {
        text.push_str(match part {
            TextPart::Plain(plain) => plain,
            TextPart::Param(name) => params.get(name).unwrap_or_default(),
        });
    }
    Value::String(text)
}

fn array<'a>(items: &'a [Expr], context: &Context<'a>) -> Result<Outcome<'a>, Error> {
    let mut values = EcoVec::with_capacity(items.len());
    for item in items {
        match item.eval(context)? {
            Outcome::Borrowed(value) => values.push(value.clone()),
            Outcome::Owned(value) => values.push(value),
            Outcome::Deleted | Outcome::Nothing => {}
        }
    }
    Ok(Outcome::Owned(Value::Array(values)))
}

fn object<'a>(fields: &'a Fields, context: &Context<'a>) -> Result<Outcome<'a>, Error> {
    if let Some(order) = fields.order() {
        return ordered_object(fields, order, context);
    }
    let mut values = EcoVec::with_capacity(fields.len());
    for (key, expr) in fields {
        let key = match key {
            Key::Literal(key) => key.clone(),
            Key::Computed(expr) => computed_key(expr, context)?,
        };
        if let Some(value) = field(&key, expr, context)? {
            values.push((key, value));
        }
    }
    Ok(Outcome::Owned(Value::Object(Object::from_unsorted(values))))
}

/// Computes fields as they stand in the text, and puts them in the order of their keys.
fn ordered_object<'a>(
    fields: &'a [(Key, Expr)],
    order: &[usize],
    context: &Context<'a>,
) -> Result<Outcome<'a>, Error> {
    let mut values: SmallVec<[Option<Value>; 8]> = SmallVec::with_capacity(fields.len());
    for (key, expr) in fields {
        if let Key::Literal(key) = key {
            values.push(field(key, expr, context)?);
        }
    }
    let mut made = EcoVec::with_capacity(fields.len());
    for at in order {
        if let (Key::Literal(key), Some(value)) = (&fields[*at].0, values[*at].take()) {
            made.push((key.clone(), value));
        }
    }
    Ok(Outcome::Owned(Value::Object(Object::from_sorted(made))))
}

/// The value of a field; `None` where there shall be none.
fn field(key: &str, expr: &Expr, context: &Context<'_>) -> Result<Option<Value>, Error> {
    let outcome = expr
        .eval(context)
        .map_err(|error| error.context(format!("failed to resolve '{key}' value")))?;
    Ok(match outcome {
        Outcome::Borrowed(value) => Some(value.clone()),
        Outcome::Owned(value) => Some(value),
        Outcome::Deleted | Outcome::Nothing => None,
    })
}

fn computed_key(expr: &Expr, context: &Context<'_>) -> Result<EcoString, Error> {
    let outcome = expr.eval(context).map_err(|error| error.context("failed to resolve key"))?;
    match outcome.as_value() {
        Some(Value::String(key)) => Ok(key.clone()),
        Some(Value::RawString(key) | Value::Bytes(key)) => Ok(String::from_utf8_lossy(key).into()),
        _ => Err(Error::new(format!(
            "mapping returned invalid key type: {}",
            gofmt::type_of_result(expr, &outcome)
        ))),
    }
}

fn not<'a>(inner: &'a Expr, context: &Context<'a>) -> Result<Outcome<'a>, Error> {
    let outcome = inner.eval(context)?;
    match outcome.as_value() {
        Some(Value::Bool(b)) => Ok(Outcome::from(!b)),
        _ => {
            Err(Error::expected_outcome(&["bool"], &outcome).from_expression(|| inner.annotation()))
        }
    }
}

fn choose<'a>(
    branches: &'a [(Expr, Expr)],
    otherwise: Option<&'a Expr>,
    context: &Context<'a>,
) -> Result<Outcome<'a>, Error> {
    for (at, (condition, body)) in branches.iter().enumerate() {
        let outcome = condition.eval(context).map_err(|error| {
            error.context(match at {
                0 => "failed to check if condition".to_owned(),
                _ => format!("failed to check if condition {at}"),
            })
        })?;
        match outcome.as_value() {
            Some(Value::Bool(true)) => return body.eval(context),
            Some(Value::Bool(false) | Value::Null) => {}
            _ => return Err(not_a_condition(condition, &outcome)),
        }
    }
    otherwise.map_or(Ok(Outcome::Nothing), |body| body.eval(context))
}

/// The error of a condition that yields something other than a boolean.
pub(crate) fn not_a_condition(condition: &Expr, outcome: &Outcome<'_>) -> Error {
    Error::new(format!(
        "{} resolved to a non-boolean value {} ({})",
        condition.annotation(),
        gofmt::plain(outcome),
        gofmt::type_of_result(condition, outcome)
    ))
}

fn matching<'a>(
    subject: Option<&'a Expr>,
    cases: &'a [(Case, Expr)],
    context: &Context<'a>,
) -> Result<Outcome<'a>, Error> {
    let outcome = match subject {
        Some(subject) => subject.eval(context)?,
        None => context.this().map_or_else(|_| Outcome::null(), Outcome::Borrowed),
    };
    match outcome {
        Outcome::Borrowed(value) => match_value(value, cases, context),
        other => {
            let value = other.into_cow();
            context.budget().check(&value)?;
            match_value(&value, cases, context).map(Outcome::into_owned)
        }
    }
}

fn match_value<'b>(
    value: &'b Value,
    cases: &'b [(Case, Expr)],
    context: &Context<'b>,
) -> Result<Outcome<'b>, Error> {
    let context = context.with_this(value);
    for (at, (case, body)) in cases.iter().enumerate() {
        let holds = match case {
            Case::Always => true,
            Case::Equal(literal) => crate::compare::equal(value, literal),
            Case::When(condition) => {
                let outcome = condition
                    .eval(&context)
                    .map_err(|error| error.context(format!("failed to check match case {at}")))?;
                outcome.as_value() == Some(&Value::Bool(true))
            }
        };
        if holds {
            return body.eval(&context);
        }
    }
    Ok(Outcome::Nothing)
}

fn lambda<'a>(
    name: &EcoString,
    body: &'a Expr,
    context: &Context<'a>,
) -> Result<Outcome<'a>, Error> {
    let (value, inner) = context.pop_this().map_err(|error| {
        let name = if name.is_empty() { "_" } else { name };
        error.context(format!("failed to capture context {name}"))
    })?;
    if name.is_empty() {
        return body.eval(&inner);
    }
    inner.named(value, |inner| body.eval(inner).map(Outcome::into_owned))
}
