//! `sluice docs`: the reference of components, written from their field tables.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::process::ExitCode;

use sluice_config::{ComponentKind, Field, Node, NodeValue, Normal, Position, Shape, Type, yaml};
use sluice_engine::{ComponentSpec, Status};

use super::list::{KINDS, json_schema};
use super::{Setting, schema};
use crate::console;

const GENERATED: &str = "<!-- Written by `sluice docs`. Change the component instead. -->";

/// A file that holds the schema of configurations, for editors.
const SCHEMA: &str = "schema.json";

pub fn run(setting: &Setting, directory: &Path) -> ExitCode {
    match write(setting, directory) {
        Ok(pages) => {
            console::line(format_args!("wrote {pages} files to {}", directory.display()));
            ExitCode::SUCCESS
        }
        Err(error) => {
            console::complain_line(format_args!("{}: {error}", directory.display()));
            ExitCode::FAILURE
        }
    }
}

/// Writes all pages and takes away those of components that are gone.
fn write(setting: &Setting, directory: &Path) -> std::io::Result<usize> {
    let pages = pages(setting);
    for (name, text) in &pages {
        let path = directory.join(name);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        std::fs::write(path, text)?;
    }
    for (folder, ..) in KINDS {
        let Ok(entries) = std::fs::read_dir(directory.join(folder)) else { continue };
        for entry in entries {
            let entry = entry?;
            let name = format!("{folder}/{}", entry.file_name().to_string_lossy());
            if name.ends_with(".md") && !pages.contains_key(&name) {
                std::fs::remove_file(entry.path())?;
            }
        }
    }
    Ok(pages.len())
}

/// Texts by the names of their files.
fn pages(setting: &Setting) -> BTreeMap<String, String> {
    let mut pages = BTreeMap::new();
    let mut index = format!("{GENERATED}\n\n# Components\n");
    for (folder, title, kind) in KINDS {
        let _ = write!(index, "\n## {title}\n\n");
        for spec in setting.registry.of_kind(kind) {
            let summary = summary(spec);
            let _ = writeln!(index, "- [{0}]({folder}/{0}.md): {summary}", spec.name);
            pages.insert(format!("{folder}/{}.md", spec.name), page(setting, spec));
        }
    }
    let _ = write!(
        index,
        "\nWhat a whole configuration may hold stands in [{SCHEMA}]({SCHEMA}), a JSON schema that \
         editors\ncheck and complete configurations by.\n"
    );
    pages.insert("README.md".into(), index);
    let schema = schema::pretty(&json_schema(setting));
    pages.insert(SCHEMA.into(), format!("{}\n", schema.trim_end()));
    pages
}

fn summary(spec: &ComponentSpec) -> String {
    let first = spec.doc.trim().split("\n\n").next().unwrap_or_default();
    first.lines().collect::<Vec<_>>().join(" ")
}

fn page(setting: &Setting, spec: &ComponentSpec) -> String {
    let mut page = format!("{GENERATED}\n\n# {}\n\n", spec.name);
    let kind = spec.kind.name().replace('_', " ");
    let _ = write!(page, "*{kind}, {}", spec.status.name());
    for category in spec.categories {
        let _ = write!(page, ", {category}");
    }
    let _ = write!(page, "*\n\n{}\n\n## Configuration\n\n", spec.doc.trim());
    if spec.status == Status::Deprecated {
        page.push_str("It will go away; new configurations should do without it.\n\n");
    }
    let common = example(setting, spec, true);
    let full = example(setting, spec, false);
    let _ = write!(page, "```yaml\n{common}```\n");
    if full != common {
        let _ = write!(page, "\nWith all fields:\n\n```yaml\n{full}```\n");
    }
    page.push_str("\n## Fields\n\n");
    if spec.config.ty == Type::Object && spec.config.shape == Shape::Scalar {
        if spec.config.fields.is_empty() {
            page.push_str("There are none.\n");
        }
        fields(&mut page, "", spec.config.fields);
    } else {
        let _ = writeln!(page, "The value itself: {}.", type_of(&spec.config));
        if !spec.config.doc.is_empty() {
            let _ = write!(page, "\n{}\n", spec.config.doc);
        }
        fields(&mut page, &element(&spec.config, ""), spec.config.fields);
    }
    page
}

/// Fields and those below them, each by its path.
fn fields(page: &mut String, prefix: &str, list: &[Field]) {
    for field in list {
        let path = format!("{prefix}{}", field.name);
        let _ = write!(page, "- **`{path}`** ({}", type_of(field));
        let flags = [
            (field.is_required(), "required"),
            (field.optional && field.default.is_none(), "optional"),
            (field.interpolated, "may hold `${! }`"),
            (field.advanced, "advanced"),
            (field.deprecated, "deprecated"),
            (field.secret, "secret"),
        ];
        for (_, flag) in flags.into_iter().filter(|(is_set, _)| *is_set) {
            let _ = write!(page, ", {flag}");
        }
        if let Some(default) = field.default.as_ref().filter(|_| field.fields.is_empty()) {
            let _ = write!(page, ", default `{}`", default.to_value());
        }
        let doc = field.doc.trim().replace('\n', "\n  ");
        let _ = writeln!(page, "): {doc}");
        if !field.options.is_empty() {
            let options: Vec<String> =
                field.options.iter().map(|option| format!("`{option}`")).collect();
            let _ = writeln!(page, "  Options: {}.", options.join(", "));
        }
        fields(page, &element(field, &path), field.fields);
    }
}

/// How paths below a field begin.
fn element(field: &Field, path: &str) -> String {
    match field.shape {
        Shape::Scalar => format!("{path}."),
        Shape::Array => format!("{path}[]."),
        Shape::Array2d => format!("{path}[][]."),
        Shape::Map => format!("{path}.<name>."),
    }
}

fn type_of(field: &Field) -> String {
    let name = match field.ty {
        Type::String if field.bloblang => "mapping",
        Type::Unknown => "anything",
        ty => ty.name(),
    };
    let name = name.replace('_', " ");
    match field.shape {
        Shape::Scalar => name,
        Shape::Array => format!("list of {name}"),
        Shape::Array2d => format!("list of lists of {name}"),
        Shape::Map => format!("map of {name}"),
    }
}

/// A configuration with the component, all its fields at their defaults.
fn example(setting: &Setting, spec: &ComponentSpec, hide_advanced: bool) -> String {
    let normal = Normal { expand: true, hide_advanced, hide_deprecated: true, scrub: false };
    let block = {
        let mut block = Node::empty_map();
        block.insert("type", Node::from(spec.name));
        normal.block(&*setting.registry, spec.kind, &block)
    };
    yaml::to_text(&surrounded(spec.kind, block))
}

/// The component where configurations have its kind.
fn surrounded(kind: ComponentKind, block: Node) -> Node {
    let one = |node: Node| Node::new(Position::default(), NodeValue::List(vec![node]));
    let below = |key: &str, node: Node| {
        let mut map = Node::empty_map();
        map.insert(key, node);
        map
    };
    let labelled = |block: &Node| {
        let mut labelled = below("label", Node::from("example"));
        for (key, node) in block.as_map().unwrap_or_default() {
            labelled.insert(&key.name, node.clone());
        }
        one(labelled)
    };
    match kind {
        ComponentKind::Cache => below("cache_resources", labelled(&block)),
        ComponentKind::RateLimit => below("rate_limit_resources", labelled(&block)),
        ComponentKind::Processor => below("pipeline", below("processors", one(block))),
        ComponentKind::Scanner => {
            let mut file = below("paths", one(Node::from("./data/*")));
            file.insert("scanner", block);
            below("input", below("file", file))
        }
        other => below(other.name(), block),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::root;

    #[test]
    fn every_field_of_a_configuration_is_documented() {
        fn check(path: &str, list: &[Field]) {
            for field in list {
                let path = format!("{path}.{}", field.name);
                assert!(!field.doc.trim().is_empty(), "{path} has no documentation");
                check(&path, field.fields);
            }
        }
        check("", root::full());
    }
}
