//! `set`: the target with another value at a path.

use sluice_value::{EcoString, Value};

use crate::{
    Base, Context, Error, Expr, ExprKind, Outcome,
    builtin::{Args, Category, Example, Method, MethodCode, Param},
    context::{Place, Write},
    path,
};

pub(super) const METHOD: Method = Method::new(
    "set",
    &[Category::ObjectAndArray],
    "The target with a value written at a dot path; `deleted()` removes what stands there. Later \
     statements that read the same field of `this`, or the same variable, see the change, too.",
    MethodCode::Lazy(set),
)
.params(&[
    Param::string("path", "The dot path to write to."),
    Param::any("value", "What to write."),
])
.examples(&[
    Example::new(
        "root = this.set(\"nested.field\", \"foo\")",
        &[(r#"{"bar":1}"#, r#"{"bar":1,"nested":{"field":"foo"}}"#)],
    ),
    Example::new("root = this.set(\"a\", deleted())", &[(r#"{"a":1,"b":2}"#, r#"{"b":2}"#)]),
]);

fn set<'a>(
    target: &'a Expr,
    args: &Args<'_, 'a>,
    context: &Context<'a>,
) -> Result<Outcome<'a>, Error> {
    let keys = path::split(&args.text(0));
    let mut changed = target.eval(context)?.into_cow().into_owned();
    let new = match args.outcome(1) {
        Some(Outcome::Deleted) => None,
        Some(outcome) => Some(outcome.value_or_null().clone()),
        None => Some(Value::Null),
    };
    match new.clone() {
        None => path::delete(&mut changed, &keys)?,
        Some(value) => {
            path::set(&mut changed, &keys, value).map_err(|error| Error::new(error.to_string()))?;
        }
    }
    if let (Some(writes), Some((place, mut all))) = (context.frame.writes, place(target, context)) {
        all.extend(keys);
        writes.borrow_mut().push(Write { place, keys: all, value: new });
    }
    Ok(Outcome::Owned(changed))
}

/// Where the target comes from, if a change to it is seen by later statements.
fn place(target: &Expr, context: &Context<'_>) -> Option<(Place, Vec<EcoString>)> {
    if context.maps_entered > 0 {
        return None;
    }
    match &target.kind {
        ExprKind::Path { base: Base::This, keys } if context.this_is_document() => {
            Some((Place::Document, keys.clone()))
        }
        ExprKind::Variable { slot, .. } => Some((Place::Variable(*slot), Vec::new())),
        ExprKind::Get { target, keys } => match &target.kind {
            ExprKind::Variable { slot, .. } => Some((Place::Variable(*slot), keys.clone())),
            _ => None,
        },
        _ => None,
    }
}
