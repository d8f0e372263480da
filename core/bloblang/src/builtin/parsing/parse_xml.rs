//! `parse_xml`: documents out of XML.

use crate::{
    Error,
    builtin::{
        Args, Category, Default, Example, Method, MethodCode, Param, PreparedMethod, bytes_of,
    },
    formats::xml,
};

pub(super) const METHOD: Method = Method::new(
    "parse_xml",
    &[Category::Parsing],
    "Reads an XML document as an object. An element becomes a field: its text, or an object with \
     its children, with `-name` for each attribute and `#text` for its text. Elements of the same \
     name become an array. Prefixes of namespaces, comments and instructions are left out, and \
     white space around text is removed.",
    MethodCode::Prepare(parse_xml),
)
.plain_errors()
.params(&[Param::bool("cast", "Whether text that spells a number or a truth value becomes one.")
    .or(Default::Bool(false))])
.examples(&[
    Example::new(
        "root = this.doc.parse_xml()",
        &[(
            r#"{"doc":"<order id=\"7\"><item>bolt</item><item unit=\"m\">wire</item></order>"}"#,
            r##"{"order":{"-id":"7","item":["bolt",{"#text":"wire","-unit":"m"}]}}"##,
        )],
    ),
    Example::new(
        "root = this.doc.parse_xml(cast: true)",
        &[(
            r#"{"doc":"<item><qty>12</qty><paid>false</paid></item>"}"#,
            r#"{"item":{"paid":false,"qty":12}}"#,
        )],
    ),
]);

fn parse_xml(args: &Args<'_, '_>) -> Result<PreparedMethod, Error> {
    let cast = args.opt_bool(0).unwrap_or_default();
    Ok(PreparedMethod::new(move |target| {
        xml::parse(&bytes_of(target)?, cast)
            .map_err(|error| Error::new(format!("failed to parse value as XML: {error}")))
    }))
}
