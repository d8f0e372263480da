//! `get`: what stands at a path that is only known at run time.

use std::borrow::Cow;

use sluice_value::Value;

use crate::{
    Context, Error, Outcome,
    builtin::{Args, Category, Example, Method, MethodCode, Param},
    path,
};

pub(super) const METHOD: Method = Method::new(
    "get",
    &[Category::ObjectAndArray],
    "The value at a dot path below the target, `null` where nothing stands.",
    MethodCode::Eval(get),
)
.params(&[Param::string("path", "The dot path of the field.")])
.examples(&[Example::new(
    "root.price = this.prices.get(this.currency)",
    &[
        (r#"{"currency":"eur","prices":{"eur":9,"usd":10}}"#, r#"{"price":9}"#),
        (r#"{"currency":"gbp","prices":{"eur":9,"usd":10}}"#, r#"{"price":null}"#),
    ],
)]);

/// Literal paths never come here: the parser joins them to the path of the target.
fn get<'a>(
    target: Cow<'a, Value>,
    args: &Args<'_, 'a>,
    _context: &Context<'a>,
) -> Result<Outcome<'a>, Error> {
    let keys = path::split(&args.text(0));
    Ok(match &target {
        Cow::Borrowed(value) => path::search(value, &keys).map(Outcome::from),
        Cow::Owned(value) => {
            path::search(value, &keys).map(|found| Outcome::Owned(found.into_owned()))
        }
    }
    .unwrap_or_else(Outcome::null))
}
