//! `json`: the document, whatever `this` is at the moment.

use crate::{
    Error, Outcome,
    builtin::{Args, Category, Default, Example, Function, FunctionCode, Param, PreparedFunction},
    number::Num,
    path,
};
use sluice_value::Value;

pub(super) const FUNCTION: Function = Function::new(
    "json",
    Category::MessageInfo,
    "The value at a dot path of the message's document, or the whole document. Always refers to \
     the document, also where `this` is something else. Works with [`from`](#from).",
    FunctionCode::Prepare(json),
)
.params(&[Param::string("path", "The dot path of a field.").or(Default::String(""))])
.examples(&[
    Example::new(
        "root.name = json(\"user.name\")",
        &[(r#"{"user":{"name":"Ada"}}"#, r#"{"name":"Ada"}"#)],
    ),
    Example::new("root.doc = json()", &[(r#"{"a":1}"#, r#"{"doc":{"a":1}}"#)]),
]);

fn json(args: &Args<'_, '_>) -> Result<PreparedFunction, Error> {
    let text = args.text(0);
    let keys = if text.is_empty() { Vec::new() } else { path::split(&text) };
    let annotation = format!("json path `{}`", path::join(&keys));
    Ok(PreparedFunction::new(move |context| {
        let document = context.message_value()?;
        let found = path::search(document, &keys);
        // A number on its own is read at once, so that its text is not kept.
        Ok(match found.as_deref() {
            Some(number @ Value::Number(_)) => {
                Num::of(number).map_or_else(Outcome::null, |number| Outcome::Owned(number.into()))
            }
            _ => found.map_or_else(Outcome::null, Outcome::from),
        })
    })
    .annotated(annotation))
}
