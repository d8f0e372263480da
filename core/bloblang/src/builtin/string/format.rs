//! `format`: text with values filled in.

use std::borrow::Cow;

use sluice_value::Value;

use crate::{
    Context, Error, Outcome,
    builtin::{Args, Category, Example, Method, MethodCode, text_of},
    gofmt,
};

pub(super) const METHOD: Method = Method::new(
    "format",
    &[Category::String],
    "Fills the arguments into the target, which says where and how with verbs: `%v` for any value, \
     `%s` and `%q` for text, `%d`, `%x`, `%o`, `%b` for whole numbers, `%f`, `%e`, `%g` for \
     floating point numbers, `%t` for booleans, `%%` for a percent sign. Width, precision and \
     flags stand between: `%-8s`, `%.2f`, `%+05d`. Numbers read from a document are no numbers to \
     `%d` and `%f` until they are converted, as with `.number()` or `.int64()`.",
    MethodCode::Eval(format),
)
.variadic()
.examples(&[Example::new(
    "root.line = \"%s(%v): %.1f\".format(this.name, this.age, this.size.number())",
    &[(r#"{"age":37,"name":"lance","size":13}"#, r#"{"line":"lance(37): 13.0"}"#)],
)]);

fn format<'a>(
    target: Cow<'a, Value>,
    args: &Args<'_, 'a>,
    _context: &Context<'a>,
) -> Result<Outcome<'a>, Error> {
    let text = text_of(&target)?;
    let values: Vec<gofmt::Operand<'_>> = (0..args.len())
        .map(|at| gofmt::Operand {
            value: args.value(at),
            from_document: args.is_from_document(at),
        })
        .collect();
    gofmt::sprintf(&text, &values).map(Outcome::from)
}
