//! Which member of a union a value is of.

use sluice_value::{EcoString, Value};

use super::schema::{Kind, Schema, TypeId};

/// The member that a value names, and the value inside: `{"string": "a"}`, or null.
///
/// # Errors
/// It names none of the members.
pub(super) fn named<'v>(
    schema: &Schema,
    members: &[TypeId],
    value: &'v Value,
) -> Result<(usize, &'v Value), String> {
    let is_null = |id: &TypeId| matches!(schema.get(*id).kind, Kind::Null);
    let names = || members.iter().map(|id| schema.name(*id)).collect::<Vec<EcoString>>();
    match value {
        Value::Null => match members.iter().position(is_null) {
            Some(at) => Ok((at, value)),
            None => Err(format!("null is no member of the union: {:?}", names())),
        },
        Value::Object(fields) if fields.len() == 1 => {
            let (name, inner) = fields.iter().next().ok_or("no member is named")?;
            let names = names();
            let at = names.iter().position(|known| known == name).or_else(|| {
                // Without the namespace, where that is clear, or without the logical type.
                let short = |known: &EcoString| {
                    known.rsplit('.').next() == Some(name) || known.split('.').next() == Some(name)
                };
                let mut fitting = (0..names.len()).filter(|at| short(&names[*at]));
                fitting.next().filter(|_| fitting.next().is_none())
            });
            let at =
                at.ok_or_else(|| format!("no member schema types support {name:?}: {names:?}"))?;
            Ok((at, inner))
        }
        other => Err(format!(
            "value of a union ought to be null or an object with the name of a member of {:?}, \
             not {}",
            names(),
            other.kind()
        )),
    }
}
