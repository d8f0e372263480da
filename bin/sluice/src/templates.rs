//! Templates: components that files define as blocks of other components.
//!
//! A template has fields of its own and a mapping from them to the block it stands for. What is
//! registered lives as long as the program, because field tables do.

use std::sync::Arc;

use sluice_bloblang::{Body, Input, Program, Single};
use sluice_config::lint::{LintOptions, Linter};
use sluice_config::{ComponentKind, Field, Node, Query, Reader, Shape, Type, config, parse};
use sluice_engine::{BuildError, Registry, Status};
use sluice_value::{Object, Value};

use crate::config::files;

config! {
    /// A file that defines a component.
    pub struct TemplateFile {
        /// Name of the component.
        name: String,
        /// What kind of component it is.
        r#type: String => options("cache", "input", "output", "processor", "rate_limit"),
        /// How mature it is.
        status: String = "stable" => options("stable", "beta", "experimental"),
        /// Groups it belongs to in documentation.
        categories: Vec<String> = [""; 0],
        /// What it does, in a sentence.
        summary: String = "",
        /// What it does, at length.
        description: String = "",
        /// Its fields.
        fields: Option<Vec<TemplateField>>,
        /// From its fields (`this`) to the block it stands for.
        mapping: Query,
        /// Renames its metrics.
        metrics_mapping: Query = "",
        /// Tests of the mapping.
        tests: Option<Vec<TemplateTest>>,
    }
}

config! {
    /// A field of a template.
    pub struct TemplateField {
        /// Name of the field.
        name: String,
        /// What it is for.
        description: String = "",
        /// Type of its scalars.
        r#type: String => options("string", "int", "float", "bool", "unknown"),
        /// How they are arranged.
        kind: String = "scalar" => options("scalar", "map", "list"),
        /// Its value when absent. Without one the field must be present.
        default: Option<Node>,
        /// Whether most users need not know it.
        advanced: bool = false,
    }
}

config! {
    /// A test of a template.
    pub struct TemplateTest {
        /// What the test is called.
        name: String,
        /// Values of the fields.
        config: Node,
        /// The block that should come out.
        expected: Option<Node>,
    }
}

/// A template that was read and compiled.
pub struct Template {
    pub file: TemplateFile,
    pub kind: ComponentKind,
    fields: &'static [Field],
    mapping: Program,
}

/// Reads template files and registers what they define. Returns what the linter says of them.
///
/// # Errors
/// A file that cannot be used.
pub fn register(registry: &mut Registry, patterns: &[String]) -> Result<Vec<String>, String> {
    let mut lints = Vec::new();
    for path in files::expand_patterns(patterns)? {
        let failed = |error: String| format!("template {path}: {error}");
        let text = files::read(&path).map_err(&failed)?;
        let text = String::from_utf8_lossy(&text);
        let root = parse(&text).map_err(|error| failed(error.to_string()))?;
        let mut linter = Linter::new(registry, LintOptions::default());
        linter.object(TemplateFile::fields(), &root);
        let found = linter.finish();
        lints.extend(found.iter().map(|lint| format!("template file {path}: {lint}")));
        if found.is_empty() {
            add(registry, Template::compile(&root, registry).map_err(&failed)?);
        }
    }
    Ok(lints)
}

fn add(registry: &mut Registry, template: Template) {
    let kind = template.kind;
    let file = &template.file;
    let name: &'static str = file.name.clone().leak();
    let doc: &'static str = format!("{}\n\n{}", file.summary, file.description).leak();
    let categories: Vec<&'static str> =
        file.categories.iter().map(|category| &*category.clone().leak()).collect();
    let status = match file.status.as_str() {
        "beta" => Status::Beta,
        "experimental" => Status::Experimental,
        _ => Status::Stable,
    };
    let mut config = Field::new(name);
    config.ty = Type::Object;
    config.fields = template.fields;
    let metrics_mapping = file.metrics_mapping.text.clone();
    let expand = move |config: &Node| template.expand(config).map_err(BuildError::new);
    let language = registry.language().clone();
    let spec = registry.template(kind, name, config, Box::new(expand));
    if !metrics_mapping.is_empty() {
        spec.renames_metrics(Box::new(move |label| {
            sluice_exporters::rename(&with_label(&metrics_mapping, label), &language)
                .unwrap_or_else(|_| Arc::new(|name, labels| Some((name.into(), labels.clone()))))
        }));
    }
    spec.doc(doc.trim()).status(status).categories(categories.leak());
}

/// The mapping of metrics, with the variable that holds the component's label.
fn with_label(mapping: &str, label: &str) -> String {
    format!("let label = {}\n{mapping}", Value::from(label))
}

impl Template {
    /// # Errors
    /// What is wrong with the file.
    pub fn compile(root: &Node, registry: &Registry) -> Result<Self, String> {
        let file: TemplateFile = Reader::new().read(root).map_err(|error| error.to_string())?;
        let kind = ComponentKind::ALL.into_iter().find(|kind| kind.name() == file.r#type);
        let Some(kind) = kind else {
            return Err(format!("unable to register template for component type {}", file.r#type));
        };
        let metrics_mapping = &file.metrics_mapping.text;
        if !metrics_mapping.is_empty() {
            let text = with_label(metrics_mapping, "");
            sluice_exporters::rename(&text, registry.language())
                .map_err(|problems| format!("parse metrics mapping: {problems}"))?;
        }
        let mapping = Program::parse(&file.mapping.text, registry.language())
            .map_err(|problems| format!("parse mapping: {problems}"))?;
        let fields = file.fields.iter().flatten().map(table_field).collect::<Vec<_>>().leak();
        Ok(Self { file, kind, fields, mapping })
    }

    /// The block that this configuration stands for.
    ///
    /// # Errors
    /// A field is missing, or the mapping fails.
    pub fn expand(&self, config: &Node) -> Result<Node, String> {
        let mut values = Object::new();
        for field in self.fields {
            match config.get(field.name).or(field.default.as_ref()) {
                Some(node) => values.insert(field.name, typed(field, node)),
                None => {
                    return Err(format!(
                        "invalid config for template component: field '{}' is required and was \
                         not present in the config",
                        field.name
                    ));
                }
            };
        }
        let message = Single { value: Value::Object(values), ..Single::default() };
        let mapped = self
            .mapping
            .map(&Input::new(&message, 0))
            .map_err(|error| format!("mapping failed for template component: {error}"))?;
        match mapped.body {
            Body::Value(value @ Value::Object(_)) => Ok(Node::from_value(&value)),
            Body::Unchanged => Ok(Node::from_value(&message.value)),
            Body::Value(_) | Body::Deleted => {
                Err("mapping for template component resulted in invalid config".into())
            }
        }
    }
}

fn table_field(from: &TemplateField) -> Field {
    let mut field = Field::new(from.name.clone().leak());
    field.doc.clone_from(&from.description);
    field.ty = match from.r#type.to_ascii_lowercase().as_str() {
        "string" => Type::String,
        "int" => Type::Int,
        "float" => Type::Float,
        "bool" => Type::Bool,
        _ => Type::Unknown,
    };
    field.shape = match from.kind.to_ascii_lowercase().as_str() {
        "map" => Shape::Map,
        "list" => Shape::Array,
        _ => Shape::Scalar,
    };
    field.default.clone_from(&from.default);
    field.advanced = from.advanced;
    field
}

/// A number where text is wanted is text.
fn typed(field: &Field, node: &Node) -> Value {
    match (field.ty, node.as_text()) {
        (Type::String, Some(text)) => text.into(),
        _ => node.to_value(),
    }
}
