//! `sluice create`: a configuration to start from.

use std::process::ExitCode;

use sluice_config::{ComponentKind, Node, NodeValue, Normal, Position, yaml};

use super::Setting;
use crate::cli::CreateArgs;
use crate::config::root;
use crate::console;

pub fn run(setting: &Setting, args: &CreateArgs) -> ExitCode {
    match document(setting, args.expression.as_deref().unwrap_or_default()) {
        Ok(document) => {
            let fields = if args.small { root::stream() } else { root::full() };
            let normal = Normal {
                expand: true,
                hide_advanced: args.small,
                hide_deprecated: true,
                scrub: false,
            };
            let document = normal.document(&*setting.registry, fields, &document);
            console::line(yaml::to_text(&document));
            ExitCode::SUCCESS
        }
        Err(error) => {
            console::complain_line(format_args!("Generate error: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// A document that names the components of the expression and configures nothing.
fn document(setting: &Setting, expression: &str) -> Result<Node, String> {
    let mut parts = expression.split('/').map(|part| {
        part.split(',').map(str::trim).filter(|name| !name.is_empty()).collect::<Vec<_>>()
    });
    let inputs = parts.next().unwrap_or_default();
    let processors = parts.next().unwrap_or_default();
    let outputs = parts.next().unwrap_or_default();
    if parts.next().is_some() {
        return Err("more component separators than expected".into());
    }
    let blocks = |kind, names: &[&str]| -> Result<Vec<Node>, String> {
        names.iter().map(|name| block(setting, kind, name)).collect()
    };
    let mut document = Node::empty_map();
    document.insert("input", Node::component("stdin"));
    document.insert("output", Node::component("stdout"));
    if let Some(node) = several(blocks(ComponentKind::Input, &inputs)?, "inputs") {
        document.insert("input", node);
    }
    let processors = blocks(ComponentKind::Processor, &processors)?;
    let mut pipeline = Node::empty_map();
    pipeline.insert("processors", list(processors));
    document.insert("pipeline", pipeline);
    if let Some(node) = several(blocks(ComponentKind::Output, &outputs)?, "outputs") {
        document.insert("output", node);
    }
    Ok(document)
}

fn block(setting: &Setting, kind: ComponentKind, name: &str) -> Result<Node, String> {
    if setting.registry.get(kind, name).is_none() {
        return Err(format!("unrecognised {kind} type '{name}'"));
    }
    let mut block = Node::empty_map();
    block.insert("type", Node::from(name));
    Ok(block)
}

/// One block as it is, several as children of a broker.
fn several(mut blocks: Vec<Node>, key: &str) -> Option<Node> {
    if blocks.len() < 2 {
        return blocks.pop();
    }
    let mut broker = Node::empty_map();
    broker.insert(key, list(blocks));
    let mut node = Node::empty_map();
    node.insert("broker", broker);
    Some(node)
}

fn list(items: Vec<Node>) -> Node {
    Node::new(Position::default(), NodeValue::List(items))
}
