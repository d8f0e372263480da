//! `format_yaml`: values as YAML.

use sluice_value::Value;

use crate::{
    Context, Error, Expr, Outcome,
    builtin::{Args, Category, Example, Method, MethodCode},
    formats::yaml,
    gofmt,
};

pub(super) const METHOD: Method = Method::new(
    "format_yaml",
    &[Category::Parsing],
    "The value as a YAML document, in bytes. Strings are quoted where they could be taken for \
     something else, and so are whole numbers read from a document.",
    MethodCode::Lazy(format_yaml),
)
.examples(&[
    Example::new(
        "root = this.format_yaml()",
        &[(
            r#"{"name":"relay","up":true,"tags":["a","no"],"note":"one\ntwo"}"#,
            "name: relay\nnote: |-\n    one\n    two\ntags:\n    - a\n    - \"no\"\nup: true\n",
        )],
    ),
    Example::new(
        "root.text = {\"a\": 1}.format_yaml().string()",
        &[("{}", r#"{"text":"a: 1\n"}"#)],
    ),
]);

fn format_yaml<'a>(
    target: &'a Expr,
    _: &Args<'_, 'a>,
    context: &Context<'a>,
) -> Result<Outcome<'a>, Error> {
    let value = target.eval(context)?;
    let text = yaml::write(value.value_or_null(), gofmt::is_from_document(target));
    Ok(Outcome::Owned(Value::bytes(text)))
}
