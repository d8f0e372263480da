//! The configuration that flags, files and variables make together.

use sluice_config::lint::{Components, Lint, LintOptions};
use sluice_config::{Field, FieldType, Node, NodeValue, Normal, Problems, Reader, edit};
use sluice_engine::{Registry, StreamConfig};

use super::document::{Document, Findings, ReadError};
use super::seen::Seen;
use super::settings::ProgramSettings;
use super::variables::Variables;
use super::{files, root};
use crate::cli::Globals;

/// Files that are run when none is named.
const DEFAULT_FILES: [&str; 6] = [
    "/sluice.yaml",
    "/etc/sluice/config.yaml",
    "/etc/sluice.yaml",
    "/bento.yaml",
    "/etc/bento/config.yaml",
    "/etc/bento.yaml",
];

/// Variables that name a configuration file, or hold a whole configuration.
const CONFIG_VARIABLES: [&str; 2] = ["SLUICE_CONFIG", "BENTO_CONFIG"];

/// What is to be run.
#[derive(Clone, Debug)]
pub enum Main {
    File(String),
    /// A file nobody named, but which is there.
    DefaultFile(String),
    /// The value of a variable.
    Variable(&'static str, String),
    Nothing,
}

impl Main {
    /// What the flags name, else a default file, else what a variable says.
    pub fn find(named: Option<&str>, variables: &Variables) -> Self {
        if let Some(path) = named.filter(|path| !path.is_empty()) {
            return Self::File(files::clean(path.as_ref()));
        }
        if let Some(path) = DEFAULT_FILES.iter().find(|path| std::fs::exists(path).unwrap_or(false))
        {
            return Self::DefaultFile((*path).to_owned());
        }
        let value = |name: &&'static str| variables.get(name).filter(|value| !value.is_empty());
        match CONFIG_VARIABLES.iter().find_map(|name| Some((*name, value(name)?))) {
            Some((_, path)) if std::fs::exists(&path).unwrap_or(false) => Self::File(path),
            Some((name, text)) => Self::Variable(name, text),
            None => Self::Nothing,
        }
    }

    fn read(&self, variables: &Variables) -> Result<Document, ReadError> {
        match self {
            Self::File(path) | Self::DefaultFile(path) => Document::read(path, variables),
            Self::Variable(name, text) => {
                Document::from_bytes(&format!("${name}"), text.as_bytes(), variables)
            }
            Self::Nothing => Ok(Document::empty()),
        }
    }

    pub fn path(&self) -> Option<&str> {
        match self {
            Self::File(path) | Self::DefaultFile(path) => Some(path),
            Self::Variable(..) | Self::Nothing => None,
        }
    }
}

/// A finding and the file it is about.
#[derive(Clone, Debug)]
pub struct FileLint {
    pub path: String,
    pub lint: Lint,
}

impl std::fmt::Display for FileLint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}{}", self.path, self.lint)
    }
}

/// As people need it: file, true place, document path, what to do.
impl FileLint {
    pub fn located(&self) -> String {
        let Lint { place, path, message, hint, .. } = &self.lint;
        let path = if path.is_empty() { String::new() } else { format!("{path}: ") };
        let hint = hint.as_ref().map(|hint| format!(" ({hint})")).unwrap_or_default();
        format!("{}({},{}) {path}{message}{hint}", self.path, place.line, place.column)
    }
}

/// Why a configuration cannot be read, and which file is at fault.
#[derive(Clone, Debug)]
pub struct LoadError {
    pub path: String,
    pub error: ReadError,
    /// What else is wrong, in this file and others.
    pub others: Vec<FileLint>,
}

impl LoadError {
    fn new(path: &str, error: ReadError) -> Self {
        Self { path: path.to_owned(), error, others: Vec::new() }
    }

    /// Why these files are no configuration together, if so: the first reason and all others.
    /// Chilled, what the linter says is none.
    pub fn of_findings(files: &[(String, Findings)], chilled: bool) -> Option<Self> {
        let (path, first) =
            files.iter().find_map(|(path, found)| Some((path, found.shape.first()?)))?;
        let place = Some((first.place, String::new()));
        let error = ReadError { message: first.to_string(), place };
        let mut others = Vec::new();
        for (path, found) in files {
            let mut found = found.clone();
            found.lints.retain(|lint| !(chilled || lint.is_warning));
            let lints = found.into_lints().into_iter();
            others.extend(lints.map(|lint| FileLint { path: path.clone(), lint }));
        }
        let is_first = |it: &FileLint| it.path == *path && it.lint.path == first.path;
        if let Some(at) = others.iter().position(is_first) {
            others.remove(at);
        }
        Some(Self { path: path.clone(), error, others })
    }
}

impl std::fmt::Display for LoadError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        self.error.fmt(f)?;
        self.others.iter().try_for_each(|other| write!(f, "\n{}", other.located()))
    }
}

/// A configuration that was read: its parts are not understood yet.
#[derive(Clone, Debug)]
pub struct Loaded {
    pub main: Main,
    /// The main file's tree, `--set` applied, with the resources of other files.
    pub root: Node,
    /// The same without what the tables do not know: that is the linter's business, and whoever
    /// runs chilled wants it ignored.
    known: Node,
    pub lints: Vec<FileLint>,
    /// What building would refuse besides, as its components will say it.
    misfits: Vec<String>,
    /// All files that were read.
    pub paths: Vec<String>,
    /// How they looked then.
    pub seen: Seen,
}

/// Which fields the main file may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    Full,
    /// Streams mode: input, buffer, pipeline and output come from elsewhere.
    WithoutStream,
}

impl Scope {
    fn fields(self) -> &'static [Field] {
        match self {
            Self::Full => root::full(),
            Self::WithoutStream => root::without_stream(),
        }
    }
}

/// Reads the main file and the resource files.
///
/// # Errors
/// A file cannot be read or is not a configuration, or a flag names a field that is none.
pub fn load(
    main: Main,
    globals: &Globals,
    variables: &Variables,
    registry: &Registry,
    scope: Scope,
) -> Result<Loaded, LoadError> {
    let options = LintOptions { warn_deprecated: true, ..LintOptions::default() };
    let path = main.path().unwrap_or_default().to_owned();
    let failed = |error| LoadError::new(&path, error);
    let mut seen = Seen::default();
    main.path().into_iter().for_each(|path| seen.note(path));
    let mut document = main.read(variables).map_err(failed)?;
    let fields = scope.fields();
    apply(registry, fields, &mut document.root, &globals.set)
        .map_err(|error| failed(ReadError::new(error)))?;
    let mut found = vec![(document.path.clone(), document.examine(registry, fields, options))];
    let mut paths: Vec<String> = main.path().map(str::to_owned).into_iter().collect();
    let mut root = document.root;
    let resource_paths = files::expand_patterns(&globals.resources).map_err(|error| {
        let error = format!("failed to resolve resource glob pattern: {error}");
        LoadError::new("", ReadError::new(error))
    })?;
    let mut collisions = Vec::new();
    for path in resource_paths {
        let path = files::clean(path.as_ref());
        seen.note(&path);
        let document =
            Document::read(&path, variables).map_err(|error| LoadError::new(&path, error))?;
        let examined = document.examine(registry, root::resources(), options);
        if let Err(error) = add_resources(&mut root, &document.root) {
            collisions.push(LoadError::new(&path, ReadError::new(error)));
        }
        found.push((path.clone(), examined));
        paths.push(path);
    }
    if let Some(error) = LoadError::of_findings(&found, globals.chilled) {
        return Err(error);
    }
    if let Some(error) = collisions.into_iter().next() {
        return Err(error);
    }
    let known = Normal::default().document(registry, fields, &root);
    let mut lints = Vec::new();
    let mut misfits = Vec::new();
    for (path, found) in found {
        misfits.extend(found.misfits.iter().map(ToString::to_string));
        lints.extend(found.lints.into_iter().map(|lint| FileLint { path: path.clone(), lint }));
    }
    Ok(Loaded { main, root, known, lints, misfits, paths, seen })
}

/// Applies `path=value` flags.
///
/// # Errors
/// A flag that is none, or names a field that is none.
pub fn apply(
    components: &dyn Components,
    fields: &[Field],
    root: &mut Node,
    flags: &[String],
) -> Result<(), String> {
    for flag in flags {
        let Some((path, value)) =
            flag.split_once('=').filter(|(p, v)| !p.is_empty() && !v.is_empty())
        else {
            return Err(format!("invalid set expression '{flag}': expected foo=bar syntax"));
        };
        let keys = edit::dotted_keys(path);
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        let value = Node::new(root.at, NodeValue::Scalar(sluice_config::Scalar::plain(value)));
        edit::set_path(components, fields, root, &keys, value)
            .map_err(|error| format!("failed to set config field override: {error}"))?;
    }
    Ok(())
}

/// Adds the resources of one document to another.
///
/// # Errors
/// A label that the other has already.
pub fn add_resources(root: &mut Node, from: &Node) -> Result<(), String> {
    for field in root::resources().iter().filter(|field| field.name.ends_with("_resources")) {
        let Some(items) = from.get(field.name).and_then(Node::as_list) else { continue };
        let mut all: Vec<Node> =
            root.get(field.name).and_then(Node::as_list).unwrap_or_default().to_vec();
        let label = |node: &Node| node.get("label").and_then(Node::as_text).map(str::to_owned);
        for item in items {
            let known = all
                .iter()
                .find_map(|other| label(other).filter(|it| Some(it) == label(item).as_ref()));
            if let Some(label) = known {
                let kind = field.name.trim_end_matches("_resources").replace('_', " ");
                return Err(format!(
                    "{kind} resource label '{label}' collides with a previously defined resource"
                ));
            }
            all.push(item.clone());
        }
        root.insert(field.name, Node::new(from.at, NodeValue::List(all)));
    }
    Ok(())
}

impl Loaded {
    /// The engine's part.
    ///
    /// # Errors
    /// Everything that does not fit.
    pub fn stream(&self) -> Result<StreamConfig, Problems> {
        read_part(&self.known, root::is_of_engine)
    }

    /// What cannot be built because of what is written, whatever the linter thinks of it: every
    /// field that its component cannot read.
    pub fn misfits(&self) -> Vec<String> {
        let own = self.stream().err().unwrap_or_default();
        own.0.iter().map(ToString::to_string).chain(self.misfits.clone()).collect()
    }

    /// The program's own part.
    ///
    /// # Errors
    /// Everything that does not fit.
    pub fn settings(&self) -> Result<ProgramSettings, Problems> {
        let is_own = |name: &str| ProgramSettings::fields().iter().any(|field| field.name == name);
        read_part(&self.known, is_own)
    }
}

/// Reads those top-level fields that a struct is about. Others are left to their readers and to
/// the linter.
///
/// # Errors
/// Everything that does not fit.
pub fn read_part<C: FieldType>(root: &Node, wanted: impl Fn(&str) -> bool) -> Result<C, Problems> {
    let fields = root.as_map().unwrap_or_default().iter();
    let part = fields.filter(|(key, _)| wanted(&key.name)).cloned().collect();
    Reader::new().read(&Node::new(root.at, NodeValue::Map(part)))
}
