//! `protobuf` processor: messages of one type.

use prost::Message as _;
use sluice_config::{Node, Secret, config};
use sluice_engine::{BuildError, Processor, Registry, Scope};

use super::{JsonOptions, decode, from_json, load, to_json};
use crate::each::each;

pub(crate) fn register(registry: &mut Registry) {
    registry.processor("protobuf", build).categories(&["Parsing"]).lint(has_definitions).doc(
        "Converts each message from Protobuf to its \
             [JSON form](https://protobuf.dev/programming-guides/json/), or back. Messages are \
             defined by `.proto` files, which are read when the processor is built.",
    );
}

const NONE: [&str; 0] = [];

config! {
    /// What to convert, and where its definition is.
    struct ProtobufConfig {
        /// From what to what.
        operator: String => lint_required options("to_json", "from_json"),
        /// Full name of the message's type.
        message: String => lint_required,
        /// Whether fields that the type does not have are passed over, when converting from JSON.
        discard_unknown: bool = false,
        /// Whether fields are named as in their definition, rather than in camel case.
        use_proto_names: bool = false,
        /// Whether fields that are not set are written, too.
        emit_unpopulated: bool = false,
        /// Directories of `.proto` files: all below them are read. Imports start here.
        import_paths: Vec<String> = NONE,
        /// Modules of a Buf schema registry. Not supported: a processor that names one is refused.
        bsr: Vec<BsrConfig> = NONE,
    }
}

config! {
    /// A module of a Buf schema registry.
    struct BsrConfig {
        /// The module.
        module: String => lint_required,
        /// The registry, if the module does not tell.
        url: String = "" => advanced,
        /// A key for the registry.
        api_key: Secret = "",
        /// The version; the latest one, if empty.
        version: String = "" => advanced,
    }
}

fn has_definitions(node: &Node) -> Vec<String> {
    let is_filled =
        |key: &str| node.get(key).and_then(Node::as_list).is_some_and(|items| !items.is_empty());
    let problem = match (node.get("import_paths").is_some(), is_filled("bsr")) {
        (false, false) => "at least one of `import_paths`and `bsr` must be set",
        (true, true) if is_filled("import_paths") => {
            "both `import_paths` and `bsr` can't be set simultaneously"
        }
        _ => return Vec::new(),
    };
    vec![problem.to_owned()]
}

fn build(config: ProtobufConfig, scope: &Scope) -> Result<Processor, BuildError> {
    if let Some(module) = config.bsr.first() {
        let module = &module.module;
        return Err(BuildError::new(format!(
            "bsr: modules of a Buf schema registry are not supported ({module}); export them and \
             name their directory in import_paths"
        )));
    }
    let name = config.message;
    if name.is_empty() {
        return Err(BuildError::new("message field must not be empty"));
    }
    let definitions = load(&config.import_paths, scope)?;
    let descriptor = definitions.get_message_by_name(&name).ok_or_else(|| {
        let paths = config.import_paths.join(" ");
        BuildError::new(format!("unable to find message '{name}' definition within '[{paths}]'"))
    })?;
    let options = JsonOptions {
        use_proto_names: config.use_proto_names,
        emit_unpopulated: config.emit_unpopulated,
    };
    let discard_unknown = config.discard_unknown;
    match config.operator.to_ascii_lowercase().as_str() {
        "to_json" => Ok(each(scope, move |message| {
            let decoded = decode(&descriptor, message.bytes()).map_err(|error| {
                format!("failed to unmarshal protobuf message '{name}': {error}")
            })?;
            let json = to_json(&decoded, options).map_err(|error| {
                format!("failed to marshal JSON protobuf message '{name}': {error}")
            })?;
            message.set_bytes(json);
            Ok(())
        })),
        "from_json" => Ok(each(scope, move |message| {
            let read = from_json(&descriptor, message.bytes(), discard_unknown)
                .map_err(|error| format!("failed to unmarshal JSON message '{name}': {error}"))?;
            message.set_bytes(read.encode_to_vec());
            Ok(())
        })),
        other => Err(BuildError::new(format!("operator not recognised: {other}"))),
    }
}
