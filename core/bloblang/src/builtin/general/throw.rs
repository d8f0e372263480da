//! `throw`: fails the mapping with a reason of one's own.

use crate::{
    Context, Error, Outcome,
    builtin::{Args, Category, Example, Function, FunctionCode, Param},
};

pub(super) const FUNCTION: Function = Function::new(
    "throw",
    Category::General,
    "Fails like any other error in a mapping, with the given text as the reason.",
    FunctionCode::Eval(throw),
)
.params(&[Param::string("why", "The reason, which becomes part of the error.")])
.examples(&[Example::new(
    "root.kind = match {\n  this.exists(\"order.id\") => \"order\"\n  \
     this.exists(\"refund.id\") => \"refund\"\n  _ => throw(\"neither order nor refund\")\n}",
    &[
        (r#"{"order":{"id":1}}"#, r#"{"kind":"order"}"#),
        (r#"{"other":1}"#, r#"Error("failed assignment (line 1): neither order nor refund")"#),
    ],
)]);

fn throw<'a>(args: &Args<'_, 'a>, _context: &Context<'a>) -> Result<Outcome<'a>, Error> {
    Err(Error::new(args.text(0).as_ref()))
}
