//! `format_xml`: objects as XML.

use sluice_value::Value;

use crate::{
    Error,
    builtin::{Args, Category, Default, Example, Method, MethodCode, Param, PreparedMethod},
    formats::xml::{self, Layout},
};

pub(super) const METHOD: Method = Method::new(
    "format_xml",
    &[Category::Parsing],
    "An object as an XML document, in bytes, by the rules of [`parse_xml`](#parse_xml): `-name` is \
     an attribute, `#text` the text of an element that has attributes, and an array repeats its \
     element. Several fields at the top get a root element called `doc`. Text is written as it \
     is: escape what may hold markup with [`escape_html`](#escape_html).",
    MethodCode::Prepare(format_xml),
)
.plain_errors()
.params(&[
    Param::string("indent", "What to indent each level by.").or(Default::String("    ")),
    Param::bool("no_indent", "Write one line.").or(Default::Bool(false)),
])
.examples(&[
    Example::new(
        "root = this.format_xml()",
        &[(
            r#"{"order":{"-id":"7","item":["bolt","wire"]}}"#,
            "<order id=\"7\">\n    <item>bolt</item>\n    <item>wire</item>\n</order>",
        )],
    ),
    Example::new(
        "root.doc = this.format_xml(no_indent: true).string()",
        &[(
            r#"{"name":"bolt","qty":12}"#,
            r#"{"doc":"<doc><name>bolt</name><qty>12</qty></doc>"}"#,
        )],
    ),
]);

fn format_xml(args: &Args<'_, '_>) -> Result<PreparedMethod, Error> {
    let indent = args.text(0).into_owned();
    let one_line = args.bool(1);
    Ok(PreparedMethod::new(move |target| {
        let Value::Object(fields) = target else {
            return Err(Error::expected(&["object"], target));
        };
        let layout = if one_line { Layout::OneLine } else { Layout::Indented(&indent) };
        xml::write(fields, layout).map(Value::bytes).map_err(Error::new)
    }))
}
