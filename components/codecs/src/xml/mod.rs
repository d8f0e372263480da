//! XML documents: the processor `xml` and the scanner `xml_documents`.

mod boundaries;
mod scanner;

use sluice_bloblang::formats::xml;
use sluice_config::config;
use sluice_engine::{BuildError, Processor, Registry, Scope, Status};

use crate::each::each;

pub(crate) fn register(registry: &mut Registry) {
    registry.processor("xml", build).status(Status::Beta).categories(&["Parsing"]).doc(
        "Reads each message as an XML document and makes it an object. An element becomes a \
             field: its text, or an object with its children, with `-name` for each attribute and \
             `#text` for its text. Elements of the same name become an array.",
    );
    scanner::register(registry);
}

config! {
    /// What to do with documents.
    struct XmlConfig {
        /// What to do.
        operator: String = "" => options("to_json"),
        /// Whether text that spells a number or a truth value becomes one.
        cast: bool = false,
    }
}

fn build(config: XmlConfig, scope: &Scope) -> Result<Processor, BuildError> {
    check_operator(&config.operator)?;
    Ok(each(scope, move |message| {
        let document = xml::parse(message.bytes(), config.cast)?;
        message.set_value(document);
        Ok(())
    }))
}

fn check_operator(operator: &str) -> Result<(), BuildError> {
    if operator.eq_ignore_ascii_case("to_json") {
        return Ok(());
    }
    Err(BuildError::new(format!("operator not recognised: {operator}")))
}
