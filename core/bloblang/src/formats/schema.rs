//! JSON Schema.

use std::fmt;

use jsonschema::{
    Draft, PatternOptions, ValidationError, Validator,
    error::{TypeKind, ValidationErrorKind},
};
use sluice_value::{Value, json};

/// What a field is called that is the whole document.
const ROOT: &str = "(root)";

/// What names that are no URLs are resolved against, by the library's own choice.
const NOWHERE: &str = "json-schema:///";

/// A compiled schema. References lead to documents that were given with it, to nothing else.
pub struct Schema(Validator);

/// What is wrong with a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The path of the value, or `(root)`.
    pub field: String,
    pub description: String,
    /// The name of a field that is missing or should not be there.
    pub property: Option<String>,
}

impl fmt::Display for Problem {
    /// The description is in lower case, except for the name of a field that leads it; where it
    /// does not lead, the name is put in front once more.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let description = self.description.to_lowercase();
        let property = self.property.as_deref().unwrap_or_default();
        let rest = description.strip_prefix(&property.to_lowercase()).unwrap_or(&description);
        write!(f, "{} {property}{rest}", self.field)
    }
}

impl Schema {
    /// # Errors
    /// The text is not JSON, or no schema.
    pub fn new(text: &str) -> Result<Self, String> {
        Self::with_references(text, &[])
    }

    /// A schema that refers to others (by `$ref`) under the names given here.
    ///
    /// # Errors
    /// A text is not JSON or no schema, or a name leads nowhere.
    pub fn with_references(text: &str, references: &[(String, String)]) -> Result<Self, String> {
        let schema = parse(text)?;
        let has_draft = schema.get("$schema").is_some();
        let mut registry = jsonschema::Registry::new();
        let id = schema.get("$id").and_then(serde_json::Value::as_str).unwrap_or_default();
        let base = id.rfind('/').filter(|_| id.contains(':')).map_or(NOWHERE, |end| &id[..=end]);
        for (name, text) in references {
            let uri = if name.contains(':') { name.clone() } else { format!("{base}{name}") };
            let other = parse(text).map_err(|error| format!("{name}: {error}"))?;
            registry = registry.add(uri, other).map_err(|error| format!("{name}: {error}"))?;
        }
        let registry = registry.prepare().map_err(|error| error.to_string())?;
        let build = |draft: Option<Draft>| {
            let options = jsonschema::options()
                .with_pattern_options(PatternOptions::regex())
                .with_registry(&registry)
                .should_validate_formats(true);
            let options = match draft {
                Some(draft) => options.with_draft(draft),
                None => options,
            };
            options.build(&schema)
        };
        let validator = if has_draft {
            build(None)
        } else {
            // Schemas that do not say their draft may use what only an older one knows.
            build(Some(Draft::Draft7))
                .or_else(|error| build(Some(Draft::Draft4)).map_err(|_| error))
        };
        validator.map(Self).map_err(|error| error.to_string())
    }

    /// # Errors
    /// All that is wrong with the document.
    pub fn check(&self, document: &Value) -> Result<(), Vec<Problem>> {
        let document = to_json(document);
        if self.0.is_valid(&document) {
            return Ok(());
        }
        let mut problems = Vec::new();
        for error in self.0.iter_errors(&document) {
            describe(&error, &mut problems);
        }
        Err(problems)
    }
}

fn parse(text: &str) -> Result<serde_json::Value, String> {
    if text.trim_ascii().is_empty() {
        return Err("EOF".into());
    }
    let schema =
        json::parse(text.as_bytes()).map_err(|error| error.in_document(text.as_bytes()))?;
    Ok(to_json(&schema))
}

fn describe(error: &ValidationError<'_>, problems: &mut Vec<Problem>) {
    use ValidationErrorKind as Kind;
    let field = field(error.instance_path().as_str());
    let mut add = |description: String, property: Option<&str>| {
        let property = property.map(ToOwned::to_owned);
        problems.push(Problem { field: field.clone(), description, property });
    };
    match error.kind() {
        Kind::Required { property } => {
            let name = property.as_str().unwrap_or_default();
            add(format!("{name} is required"), Some(name));
        }
        Kind::AdditionalProperties { unexpected } => {
            for name in unexpected {
                add(format!("Additional property {name} is not allowed"), Some(name));
            }
        }
        Kind::PropertyNames { error } => {
            let name = error.instance().as_str().unwrap_or_default();
            add(format!("Property name of \"{name}\" does not match"), Some(name));
            describe(error, problems);
        }
        Kind::AnyOf { context } => {
            add("Must validate at least one schema (anyOf)".into(), None);
            describe_closest(context, problems);
        }
        Kind::OneOfNotValid { context } => {
            add("Must validate one and only one schema (oneOf)".into(), None);
            describe_closest(context, problems);
        }
        _ => add(description(error, &field), None),
    }
}

/// Tells what is wrong by the alternative with the least problems.
fn describe_closest(alternatives: &[Vec<ValidationError<'static>>], problems: &mut Vec<Problem>) {
    let closest = alternatives.iter().filter(|a| !a.is_empty()).min_by_key(|a| a.len());
    for error in closest.into_iter().flatten() {
        describe(error, problems);
    }
}

fn description(error: &ValidationError<'_>, field: &str) -> String {
    use ValidationErrorKind as Kind;
    match error.kind() {
        Kind::Type { kind } => {
            let expected = match kind {
                TypeKind::Single(kind) => kind.to_string(),
                TypeKind::Multiple(kinds) => {
                    let kinds: Vec<String> = kinds.iter().map(|kind| kind.to_string()).collect();
                    format!("[{}]", kinds.join(","))
                }
            };
            format!("Invalid type. Expected: {expected}, given: {}", type_of(error.instance()))
        }
        Kind::OneOfMultipleValid { .. } => "Must validate one and only one schema (oneOf)".into(),
        Kind::Not { .. } => "Must not validate the schema (not)".into(),
        Kind::Constant { expected_value } => format!("{field} does not match: {expected_value}"),
        Kind::Enum { options } => {
            let options: Vec<String> =
                options.as_array().into_iter().flatten().map(ToString::to_string).collect();
            format!("{field} must be one of the following: {}", options.join(", "))
        }
        Kind::AdditionalItems { .. } => "No additional items allowed on array".into(),
        Kind::MinItems { limit } => format!("Array must have at least {limit} items"),
        Kind::MaxItems { limit } => format!("Array must have at most {limit} items"),
        Kind::UniqueItems => match first_repetition(error.instance()) {
            Some((i, j)) => format!("array items[{i},{j}] must be unique"),
            None => "array items must be unique".into(),
        },
        Kind::Contains => "At least one of the items must match".into(),
        Kind::MinProperties { limit } => format!("Must have at least {limit} properties"),
        Kind::MaxProperties { limit } => format!("Must have at most {limit} properties"),
        Kind::MinLength { limit } => {
            format!("String length must be greater than or equal to {limit}")
        }
        Kind::MaxLength { limit } => format!("String length must be less than or equal to {limit}"),
        Kind::Pattern { pattern } => format!("Does not match pattern '{pattern}'"),
        Kind::Format { format } => format!("Does not match format '{format}'"),
        Kind::MultipleOf { multiple_of } => format!("Must be a multiple of {multiple_of}"),
        Kind::Minimum { limit } => format!("Must be greater than or equal to {limit}"),
        Kind::ExclusiveMinimum { limit } => format!("Must be greater than {limit}"),
        Kind::Maximum { limit } => format!("Must be less than or equal to {limit}"),
        Kind::ExclusiveMaximum { limit } => format!("Must be less than {limit}"),
        Kind::FalseSchema => "False always fails validation".into(),
        _ => error.to_string(),
    }
}

/// `/a/0/b~1c` as `a.0.b/c`
fn field(pointer: &str) -> String {
    if pointer.is_empty() {
        return ROOT.into();
    }
    let names: Vec<String> =
        pointer.split('/').skip(1).map(|name| name.replace("~1", "/").replace("~0", "~")).collect();
    names.join(".")
}

fn type_of(value: &serde_json::Value) -> &'static str {
    match value {
        serde_json::Value::Null => "null",
        serde_json::Value::Bool(_) => "boolean",
        serde_json::Value::Number(number) => {
            let is_whole = number.as_f64().is_some_and(|f| f.fract() == 0.0);
            if is_whole { "integer" } else { "number" }
        }
        serde_json::Value::String(_) => "string",
        serde_json::Value::Array(_) => "array",
        serde_json::Value::Object(_) => "object",
    }
}

fn first_repetition(value: &serde_json::Value) -> Option<(usize, usize)> {
    let items = value.as_array()?;
    let mut seen = std::collections::HashMap::with_capacity(items.len());
    items.iter().enumerate().find_map(|(j, item)| seen.insert(item.to_string(), j).map(|i| (i, j)))
}

fn to_json(value: &Value) -> serde_json::Value {
    use serde_json::Value as Json;
    match value {
        Value::Null => Json::Null,
        Value::Bool(b) => Json::Bool(*b),
        Value::Int(n) => (*n).into(),
        Value::UInt(n) => (*n).into(),
        Value::Float(f) => (*f).into(),
        Value::Number(number) => match number.as_u64() {
            Some(n) => n.into(),
            None => number.as_f64().into(),
        },
        Value::String(text) => Json::String(text.as_str().into()),
        Value::Array(items) => Json::Array(items.iter().map(to_json).collect()),
        Value::Object(fields) => Json::Object(
            fields.iter().map(|(key, value)| (key.as_str().into(), to_json(value))).collect(),
        ),
        // As they print in JSON.
        Value::RawString(_) | Value::Bytes(_) | Value::Timestamp(_) => {
            let text = value.to_json();
            let inner = text.get(1..text.len().saturating_sub(1)).unwrap_or_default();
            Json::String(String::from_utf8_lossy(inner).into_owned())
        }
    }
}
