//! Bodies of maps and of dynamic mappings: documents of their own, with variables of their own.

use std::sync::Arc;

use sluice_value::EcoString;

use super::{Statement, StatementKind, Target, as_condition, assign};
use crate::{
    Context, Error, Expr, Outcome,
    context::{MAX_MAPS, Root, Variables},
    eval,
};

/// Applies a map to `this` of the context.
pub(crate) fn apply_map(name: &str, context: &Context<'_>) -> Result<Outcome<'static>, Error> {
    let maps = context.frame.maps.ok_or_else(|| Error::new("no maps were found"))?;
    let body = maps.get(name).ok_or_else(|| Error::new(format!("map {name} was not found")))?;
    let entered = context.maps_entered + 1;
    if entered > MAX_MAPS {
        return Err(Error::recursion(format!("map {}", body.name), MAX_MAPS));
    }
    context.budget().spend(1)?;
    let context = Context { maps_entered: entered, ..*context };
    eval::with_stack(|| run_body(&body.statements, &body.variables, &context))
}

/// Runs statements that build a document of their own and have variables of their own.
pub(super) fn run_body(
    statements: &[Statement],
    names: &Arc<[EcoString]>,
    context: &Context<'_>,
) -> Result<Outcome<'static>, Error> {
    let mut root = Root::Untouched;
    let mut variables = Variables::new(names);
    for statement in statements {
        body_statement(statement, &mut root, &mut variables, context)
            .map_err(|error| error.in_map_statement(statement.line))?;
    }
    Ok(match root {
        Root::Untouched => Outcome::Nothing,
        Root::Deleted => Outcome::Deleted,
        Root::Value(value) => Outcome::Owned(value),
    })
}

fn body_statement(
    statement: &Statement,
    root: &mut Root,
    variables: &mut Variables,
    context: &Context<'_>,
) -> Result<(), Error> {
    let eval = |expr: &Expr, root: &Root, variables: &Variables| {
        let context = Context { root: Some(root), variables: Some(variables), ..*context };
        expr.eval(&context).map(Outcome::into_owned)
    };
    match &statement.kind {
        StatementKind::Assign { target, value } => {
            let outcome = eval(value, root, variables)?;
            match target {
                _ if outcome == Outcome::Nothing => Ok(()),
                Target::Root(keys) => assign::root(root, keys, outcome),
                Target::Variable(slot) => {
                    context.budget().check(outcome.value_or_null())?;
                    variables.assign(*slot, outcome);
                    Ok(())
                }
                Target::Metadata(_) => {
                    Err(Error::new("unable to assign metadata in the current context"))
                }
            }
        }
        StatementKind::If(branches) => {
            for (at, (condition, statements)) in branches.iter().enumerate() {
                let holds = match condition {
                    Some(condition) => {
                        let outcome = eval(condition, root, variables).map_err(|error| {
                            error.context(format!("failed to check if condition {}", at + 1))
                        })?;
                        as_condition(condition, &outcome)?
                    }
                    None => true,
                };
                if holds {
                    return statements
                        .iter()
                        .try_for_each(|inner| body_statement(inner, root, variables, context));
                }
            }
            Ok(())
        }
    }
}
