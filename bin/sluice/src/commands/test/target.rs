//! What is under test: processors of a configuration, some of them replaced, or a mapping.

use std::path::Path;
use std::sync::Arc;

use sluice_config::{Node, NodeValue, edit};
use sluice_engine::http::NoHost;
use sluice_engine::wiring::Chain;
use sluice_engine::{Environment, Registry, Resources, Scope, Shared, Stop, StreamConfig};
use sluice_telemetry::{Metrics, Tracer};

use super::case::beside;
use crate::commands::Setting;
use crate::config::document::Document;
use crate::config::load::{add_resources, read_part};
use crate::config::tests::TestCase;
use crate::config::{files, root};
use crate::language::{self, Imports};

/// Processors in a row, and where they were built.
pub(super) struct Target {
    pub(super) chain: Chain,
    pub(super) scope: Scope,
}

impl Target {
    /// # Errors
    /// The target is not there or cannot be built.
    pub(super) fn build(setting: &Setting, config: &str, case: &TestCase) -> Result<Self, String> {
        if !case.target_mapping.is_empty() {
            return Self::mapping(setting, config, case).map_err(|error| {
                format!("failed to initialise Bloblang mapping '{}': {error}", case.target_mapping)
            });
        }
        Self::processors(setting, config, case).map_err(|error| {
            format!("failed to initialise processors '{}': {error}", case.target_processors)
        })
    }

    fn mapping(setting: &Setting, config: &str, case: &TestCase) -> Result<Self, String> {
        let directory = Path::new(config).parent().unwrap_or(Path::new(""));
        let path = beside(directory, &case.target_mapping);
        let text = String::from_utf8_lossy(&files::read(&path)?).into_owned();
        let imports_from = Path::new(&path).parent().map(files::clean);
        let scope = scope(registry(setting, case, imports_from.as_deref())?);
        let mut block = Node::empty_map();
        block.insert("mapping", text.into());
        let step = scope.processor(&block).map_err(|error| error.to_string())?;
        Ok(Self { chain: Chain::new(vec![step]), scope })
    }

    fn processors(setting: &Setting, config: &str, case: &TestCase) -> Result<Self, String> {
        let (file, pointer) = match case.target_processors.split_once('#') {
            Some((file, pointer)) if !file.is_empty() => {
                let directory = Path::new(config).parent().unwrap_or(Path::new(""));
                (beside(directory, file), pointer)
            }
            Some((_, pointer)) => (config.to_owned(), pointer),
            None => (config.to_owned(), case.target_processors.as_str()),
        };
        if pointer.is_empty() {
            return Err("a target needs a path or a label".into());
        }
        let registry = registry(setting, case, None)?;
        let variables = setting.variables.with(&case.environment.clone().unwrap_or_default());
        let unreadable = |error| format!("failed to parse config file '{file}': {error}");
        let mut root = Document::read(&file, &variables).map_err(unreadable)?.root;
        mock(&registry, &mut root, case)?;
        for path in files::expand_patterns(&setting.globals.resources)? {
            let unreadable = |error: &dyn std::fmt::Display| {
                format!("failed to parse resources config file '{path}': {error}")
            };
            let document = Document::read(&path, &variables).map_err(|error| unreadable(&error))?;
            add_resources(&mut root, &document.root).map_err(|error| unreadable(&error))?;
        }
        let keys = if pointer.starts_with('/') {
            edit::pointer_keys(pointer)
        } else {
            edit::labels(&*registry, root::full(), &root).remove(pointer)
        };
        let Some(keys) = keys else {
            return Err(format!(
                "target for label '{pointer}' failed as the label was not found in the test \
                 target file, it is not currently possible to target resources imported separate \
                 to the test file"
            ));
        };
        let Some(target) = root.at_path(keys.iter().map(String::as_str)) else {
            return Err(format!("failed to resolve case processors from '{file}': nothing there"));
        };
        let scope = scope(registry);
        build_resources(&scope, &root)?;
        let place = keys.iter().fold(scope.clone(), |scope, key| scope.below(key));
        let steps: Result<Vec<_>, _> = match &target.value {
            NodeValue::List(items) => {
                items.iter().enumerate().map(|(at, item)| place.below(at).processor(item)).collect()
            }
            _ => place.processor(target).map(|step| vec![step]),
        };
        let chain = Chain::new(steps.map_err(|error| error.to_string())?);
        Ok(Self { chain, scope })
    }
}

/// Puts the stand-ins of a test into its configuration: those named by a pointer first, because
/// they may bring labels along.
fn mock(registry: &Registry, root: &mut Node, case: &TestCase) -> Result<(), String> {
    let mocks = || case.mocks.iter().flatten();
    for (pointer, block) in mocks().filter(|(name, _)| name.starts_with('/')) {
        let keys = edit::pointer_keys(pointer).unwrap_or_default();
        set_mock(registry, root, &keys, block)
            .map_err(|error| format!("failed to set mock '{pointer}': {error}"))?;
    }
    let labels = edit::labels(registry, root::full(), root);
    for (label, block) in mocks().filter(|(name, _)| !name.starts_with('/')) {
        let Some(keys) = labels.get(label) else {
            return Err(format!(
                "mock for label '{label}' could not be applied as the label was not found in the \
                 test target file, it is not currently possible to mock resources imported \
                 separate to the test file"
            ));
        };
        set_mock(registry, root, keys, block)
            .map_err(|error| format!("failed to set mock '{label}': {error}"))?;
    }
    Ok(())
}

/// A stand-in without a label of its own takes that of what it replaces.
fn set_mock(
    registry: &Registry,
    root: &mut Node,
    keys: &[String],
    block: &Node,
) -> Result<(), String> {
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    let mut block = block.clone();
    let replaced = root.at_path(keys.iter().copied()).and_then(|it| it.get("label")).cloned();
    if let Some(label) = replaced.filter(|_| block.get("label").is_none()) {
        block.insert("label", label);
    }
    edit::set_path(registry, root::full(), root, &keys, block)
}

/// Components with the variables of this test, which mappings may ask for.
fn registry(
    setting: &Setting,
    case: &TestCase,
    imports_from: Option<&str>,
) -> Result<Arc<Registry>, String> {
    if case.environment.is_none() && imports_from.is_none() {
        return Ok(setting.registry.clone());
    }
    let variables = setting.variables.with(&case.environment.clone().unwrap_or_default());
    let mut language = language::environment(&variables, &Imports::default());
    if let Some(directory) = imports_from {
        language = language.with_directory(directory);
    }
    setting.registry_with(language).map(Arc::new)
}

fn scope(registry: Arc<Registry>) -> Scope {
    Scope::root(Environment {
        registry,
        resources: Resources::default(),
        http: Arc::new(NoHost),
        stop: Stop::default(),
        metrics: Metrics::default(),
        tracer: Tracer::default(),
        shared: Shared::default(),
        parameters: None,
        forbidden: Arc::default(),
        stream: String::new(),
        cores: 1,
        crew: None,
    })
}

/// The resources that processors may use. Inputs and outputs are not touched by tests.
fn build_resources(scope: &Scope, root: &Node) -> Result<(), String> {
    let is_used = |name: &str| {
        matches!(name, "processor_resources" | "cache_resources" | "rate_limit_resources")
    };
    let config: StreamConfig = read_part(root, is_used).map_err(|error| error.to_string())?;
    config
        .build_resources(scope)
        .map_err(|error| format!("failed to initialise resources: {error}"))
}
