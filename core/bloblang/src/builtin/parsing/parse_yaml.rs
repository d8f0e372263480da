//! `parse_yaml`: documents out of YAML.

use sluice_value::Value;

use crate::{
    Error,
    builtin::{Category, Example, Method, MethodCode},
    formats::yaml,
};

pub(super) const METHOD: Method = Method::new(
    "parse_yaml",
    &[Category::Parsing],
    "Reads text as a YAML document; of several documents the first. Keys become strings, dates \
     without quotes timestamps. Aliases and merge keys (`<<`) are resolved.",
    MethodCode::Value(parse_yaml),
)
.examples(&[Example::new(
    "root.settings = this.text.parse_yaml()",
    &[(
        r#"{"text":"name: relay\nports: [80, 443]\nlimits: {rate: 2.5, burst: null}\n"}"#,
        r#"{"settings":{"limits":{"burst":null,"rate":2.5},"name":"relay","ports":[80,443]}}"#,
    )],
)]);

fn parse_yaml(target: &Value) -> Result<Value, Error> {
    let failed = |problem| Error::new(format!("failed to parse value as YAML: {problem}"));
    let text = std::str::from_utf8(super::content_of(target)?)
        .map_err(|_| failed("yaml: invalid UTF-8".into()))?;
    yaml::parse(text).map_err(failed)
}
