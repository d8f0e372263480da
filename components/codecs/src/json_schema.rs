//! `json_schema`: messages checked against a schema.

use sluice_bloblang::formats::schema::Schema;
use sluice_config::config;
use sluice_engine::{BuildError, Processor, Registry, Scope};

use crate::each::each;
use crate::source;

pub(crate) fn register(registry: &mut Registry) {
    registry.processor("json_schema", build).categories(&["Mapping"]).doc(
        "Checks each message against a [JSON Schema](https://json-schema.org/). Messages pass \
         unchanged; those that do not conform fail, with all that is wrong with them.\n\n\
         A schema that does not name its draft is read as draft 7.",
    );
}

config! {
    /// Where the schema is.
    struct JsonSchemaConfig {
        /// The schema.
        schema: Option<String>,
        /// The place of the schema, such as `file://./schema.json`.
        schema_path: Option<String>,
    }
}

fn build(config: JsonSchemaConfig, scope: &Scope) -> Result<Processor, BuildError> {
    let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    let text = match (given(&config.schema_path), given(&config.schema)) {
        (Some(path), _) => source::at(&path, scope)?,
        (None, Some(text)) => text,
        (None, None) => {
            return Err(BuildError::new("either schema or schema_path must be provided"));
        }
    };
    let schema = Schema::new(&text).map_err(|error| {
        BuildError::new(format!("failed to load JSON schema definition: {error}"))
    })?;
    Ok(each(scope, move |message| {
        let document = message.value().map_err(|error| error.in_document(message.bytes()))?;
        schema.check(document).map_err(|problems| {
            let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
            problems.join("\n")
        })
    }))
}
