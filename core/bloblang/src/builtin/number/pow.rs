//! `pow`: a power of the target.

use std::borrow::Cow;

use sluice_value::Value;

use super::float_of;
use crate::{
    Context, Error, Outcome,
    builtin::{Args, Category, Example, Method, MethodCode, Param},
};

pub(super) const METHOD: Method =
    Method::new("pow", &[Category::Number], "The target raised to a power.", MethodCode::Eval(pow))
        .plain_errors()
        .params(&[Param::float("exponent", "The power.")])
        .examples(&[Example::new(
            "root.n = this.n.pow(2)\nroot.small = this.n.pow(-1)",
            &[(r#"{"n":4}"#, r#"{"n":16,"small":0.25}"#)],
        )]);

fn pow<'a>(
    target: Cow<'a, Value>,
    args: &Args<'_, 'a>,
    _context: &Context<'a>,
) -> Result<Outcome<'a>, Error> {
    Ok(Outcome::from(float_of(&target)?.powf(args.float(0))))
}
