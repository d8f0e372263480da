//! `replace_all_many`: several replacements, one after the other.

use sluice_value::Value;

use super::{changed, content_of, replace_all::bounded};
use crate::{
    Error, Outcome,
    builtin::{Args, Category, Example, Method, MethodCode, Param, PreparedMethod, text_of},
    gofmt,
};

pub(super) const METHOD: Method = Method::new(
    "replace_all_many",
    &[Category::String],
    "Replaces texts pair by pair: the array holds what to replace and what to put there, in turn. \
     Each replacement works on the result of the one before.",
    MethodCode::Prepare(prepare),
)
.params(PARAMS)
.examples(&[Example::new(
    "root.v = this.v.replace_all_many([\"<b>\", \"*\", \"</b>\", \"*\"])",
    &[(r#"{"v":"<b>Hi</b> you"}"#, r#"{"v":"*Hi* you"}"#)],
)]);

pub(super) const PARAMS: &[Param] = &[Param::array("values", "What to replace, and by what.")];

pub(super) fn prepare(args: &Args<'_, '_>) -> Result<PreparedMethod, Error> {
    let items = args.array(0);
    if !items.len().is_multiple_of(2) {
        return Err(Error::new(format!(
            "invalid arg, replacements should be in pairs and must therefore be even: {}",
            gofmt::plain(&Outcome::Borrowed(args.value(0)))
        )));
    }
    let mut texts = Vec::with_capacity(items.len());
    for (at, item) in items.iter().enumerate() {
        let text = text_of(item)
            .map_err(|error| error.context(format!("invalid replacement value at index {at}")))?;
        texts.push(text.into_owned());
    }
    Ok(PreparedMethod::new(move |value| {
        let mut result = value.clone();
        content_of(&result)?;
        for pair in texts.chunks_exact(2) {
            bounded(content_of(&result)?.len(), &pair[0], &pair[1])?;
            result = changed(&result, |text| text.replace(&pair[0], &pair[1]))?;
        }
        Ok::<Value, Error>(result)
    }))
}
