//! `sluice list`: what configurations and mappings may use.

use std::process::ExitCode;

use sluice_config::ComponentKind;
use sluice_engine::{ComponentSpec, Status};
use sluice_value::{Object, Value};

use super::{BUILT, Setting, VERSION, schema};
use crate::cli::{ListArgs, ListFormat};
use crate::config::root;
use crate::console;

/// Kinds of components in the order and with the names they are listed by.
pub(super) const KINDS: [(&str, &str, ComponentKind); 9] = [
    ("inputs", "Inputs", ComponentKind::Input),
    ("processors", "Processors", ComponentKind::Processor),
    ("outputs", "Outputs", ComponentKind::Output),
    ("caches", "Caches", ComponentKind::Cache),
    ("rate-limits", "Rate Limits", ComponentKind::RateLimit),
    ("buffers", "Buffers", ComponentKind::Buffer),
    ("metrics", "Metrics", ComponentKind::Metrics),
    ("tracers", "Tracers", ComponentKind::Tracer),
    ("scanners", "Scanners", ComponentKind::Scanner),
];

pub fn run(setting: &Setting, args: &ListArgs) -> ExitCode {
    match args.format {
        ListFormat::Text => text(setting, args),
        ListFormat::Json => console::line(json(setting, args)),
        ListFormat::JsonFull => console::line(json_full(setting, args)),
        ListFormat::Jsonschema => console::line(schema::pretty(&json_schema(setting))),
    }
    ExitCode::SUCCESS
}

/// Names of a kind with its title, for each kind that is wanted.
fn names(setting: &Setting, args: &ListArgs) -> Vec<(&'static str, &'static str, Vec<String>)> {
    let is_wanted = |name: &str| args.kinds.is_empty() || args.kinds.iter().any(|it| it == name);
    let components =
        KINDS.into_iter().filter(|(name, ..)| is_wanted(name)).map(|(name, title, kind)| {
            let names = of_kind(setting, args, kind).map(|spec| spec.name.to_owned()).collect();
            (name, title, names)
        });
    let language = setting.registry.language();
    // A status was asked for, which the language's words do not have.
    let words = |names: Vec<&str>| match args.status {
        None => names.into_iter().map(str::to_owned).collect(),
        Some(_) => Vec::new(),
    };
    let functions = words(language.functions().iter().map(|spec| spec.name).collect());
    let methods = words(language.methods().iter().map(|spec| spec.name).collect());
    let words = [
        ("bloblang-functions", "Bloblang Functions", functions),
        ("bloblang-methods", "Bloblang Methods", methods),
    ];
    components.chain(words.into_iter().filter(|(name, ..)| is_wanted(name))).collect()
}

fn of_kind<'a>(
    setting: &'a Setting,
    args: &'a ListArgs,
    kind: ComponentKind,
) -> impl Iterator<Item = &'a ComponentSpec> {
    let wanted = args.status.as_deref();
    let specs = setting.registry.of_kind(kind);
    specs.filter(move |spec| match wanted {
        Some(status) => spec.status.name() == status,
        // As in the reference, nobody is pointed at what is on its way out.
        None => spec.status != Status::Deprecated,
    })
}

fn text(setting: &Setting, args: &ListArgs) {
    for (at, (_, title, names)) in names(setting, args).into_iter().enumerate() {
        if at > 0 {
            console::line("");
        }
        console::line(format_args!("{title}:"));
        for name in names {
            console::line(format_args!("  - {name}"));
        }
    }
}

fn json(setting: &Setting, args: &ListArgs) -> Value {
    let lists = names(setting, args).into_iter().map(|(name, _, names)| {
        let names: Vec<Value> = names.into_iter().map(Value::from).collect();
        (name.into(), Value::from(names))
    });
    Value::Object(lists.collect())
}

fn json_full(setting: &Setting, args: &ListArgs) -> Value {
    let mut all: Object = KINDS
        .into_iter()
        .map(|(name, _, kind)| {
            let specs = of_kind(setting, args, kind).map(schema::component);
            (name.into(), Value::from(specs.collect::<Vec<_>>()))
        })
        .collect();
    let language = setting.registry.language();
    let functions = language.functions().iter().map(schema::function).collect::<Vec<_>>();
    let methods = language.methods().iter().map(schema::method).collect::<Vec<_>>();
    all.insert("bloblang-functions", functions.into());
    all.insert("bloblang-methods", methods.into());
    all.insert("config", root::full().iter().map(schema::field).collect::<Vec<_>>().into());
    all.insert("version", VERSION.into());
    all.insert("date", BUILT.into());
    Value::Object(all)
}

/// A schema of whole configurations, by which editors complete and check them.
pub(super) fn json_schema(setting: &Setting) -> Value {
    let kinds = KINDS.into_iter().flat_map(|(_, _, kind)| setting.registry.of_kind(kind));
    let components = kinds.map(|spec| sluice_config::SchemaComponent {
        kind: spec.kind,
        name: spec.name,
        doc: spec.doc,
        config: &spec.config,
    });
    sluice_config::json_schema(root::full(), components)
}
