//! What a mapping may use: functions, methods, the host, placeholders.

use std::{collections::HashMap, sync::Arc};

use crate::{
    Host, Limits, NoHost,
    builtin::{self, Function, FunctionClosure, FunctionEntry, Method, MethodClosure, MethodEntry},
};

/// The names a mapping is compiled against. Cheap to clone and to change: embedders add to a copy.
#[derive(Clone)]
pub struct Environment {
    functions: Arc<HashMap<&'static str, Arc<FunctionEntry>>>,
    methods: Arc<HashMap<&'static str, Arc<MethodEntry>>>,
    host: Arc<dyn Host>,
    placeholders: Arc<[String]>,
    directory: Arc<str>,
    limits: Limits,
}

impl Default for Environment {
    /// All built-ins, without files.
    fn default() -> Self {
        static STANDARD: std::sync::OnceLock<Environment> = std::sync::OnceLock::new();
        STANDARD.get_or_init(Self::standard).clone()
    }
}

impl Environment {
    fn standard() -> Self {
        let mut environment = Self {
            functions: Arc::default(),
            methods: Arc::default(),
            host: Arc::new(NoHost),
            placeholders: Arc::default(),
            directory: Arc::from("."),
            limits: Limits::default(),
        };
        for function in builtin::functions() {
            environment.insert_function(FunctionEntry { spec: *function, closure: None });
        }
        for method in builtin::methods() {
            environment.insert_method(MethodEntry { spec: *method, closure: None });
        }
        environment
    }

    /// Adds a function, or replaces the one of that name.
    #[must_use]
    pub fn with_function(mut self, spec: Function, closure: Arc<FunctionClosure>) -> Self {
        self.insert_function(FunctionEntry { spec, closure: Some(closure) });
        self
    }

    /// Adds a method, or replaces the one of that name.
    #[must_use]
    pub fn with_method(mut self, spec: Method, closure: Arc<MethodClosure>) -> Self {
        self.insert_method(MethodEntry { spec, closure: Some(closure) });
        self
    }

    /// Takes functions and methods away, so that mappings naming them are refused.
    #[must_use]
    pub fn without(mut self, names: &[&str]) -> Self {
        Arc::make_mut(&mut self.functions).retain(|name, _| !names.contains(name));
        Arc::make_mut(&mut self.methods).retain(|name, _| !names.contains(name));
        self
    }

    /// Takes away all functions that read or change something outside the message.
    #[must_use]
    pub fn only_pure(mut self) -> Self {
        Arc::make_mut(&mut self.functions).retain(|_, entry| !entry.spec.impure);
        self
    }

    /// Where files and environment variables come from.
    #[must_use]
    pub fn with_host(self, host: Arc<dyn Host>) -> Self {
        Self { host, ..self }
    }

    /// The directory that relative imports start from.
    #[must_use]
    pub fn with_directory(self, directory: &str) -> Self {
        Self { directory: Arc::from(directory), ..self }
    }

    /// What one evaluation may use up.
    #[must_use]
    pub fn with_limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// Names before the dot that make `$name.rest` a placeholder, filled in at evaluation.
    #[must_use]
    pub fn with_placeholders<S: Into<String>>(self, names: impl IntoIterator<Item = S>) -> Self {
        Self { placeholders: names.into_iter().map(Into::into).collect(), ..self }
    }

    /// The declarations of all functions, by name.
    pub fn functions(&self) -> Vec<Function> {
        let mut all: Vec<_> = self.functions.values().map(|entry| entry.spec).collect();
        all.sort_by_key(|spec| spec.name);
        all
    }

    /// The declarations of all methods, by name.
    pub fn methods(&self) -> Vec<Method> {
        let mut all: Vec<_> = self.methods.values().map(|entry| entry.spec).collect();
        all.sort_by_key(|spec| spec.name);
        all
    }

    pub fn host(&self) -> &Arc<dyn Host> {
        &self.host
    }

    pub fn directory(&self) -> &str {
        &self.directory
    }

    pub(crate) fn limits(&self) -> Limits {
        self.limits
    }

    pub(crate) fn placeholders(&self) -> &[String] {
        &self.placeholders
    }

    pub(crate) fn function(&self, name: &str) -> Option<&Arc<FunctionEntry>> {
        self.functions.get(name)
    }

    pub(crate) fn method(&self, name: &str) -> Option<&Arc<MethodEntry>> {
        self.methods.get(name)
    }

    fn insert_function(&mut self, entry: FunctionEntry) {
        Arc::make_mut(&mut self.functions).insert(entry.spec.name, Arc::new(entry));
    }

    fn insert_method(&mut self, entry: MethodEntry) {
        Arc::make_mut(&mut self.methods).insert(entry.spec.name, Arc::new(entry));
    }
}

/// Joins a path to a directory and removes `.` and `..` where that is possible.
pub(crate) fn join(directory: &str, path: &str) -> String {
    let joined =
        if path.starts_with('/') { path.to_owned() } else { format!("{directory}/{path}") };
    let mut parts: Vec<&str> = Vec::new();
    for part in joined.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            ".." if joined.starts_with('/') => {}
            part => parts.push(part),
        }
    }
    let clean = parts.join("/");
    match (joined.starts_with('/'), clean.is_empty()) {
        (true, _) => format!("/{clean}"),
        (false, true) => ".".into(),
        (false, false) => clean,
    }
}

/// The directory of a path, as imports inside that file see it.
pub(crate) fn directory_of(directory: &str, path: &str) -> String {
    match path.rsplit_once('/') {
        None => directory.to_owned(),
        Some(("", _)) => "/".into(),
        Some((parent, _)) => join(directory, parent),
    }
}

impl std::fmt::Debug for Environment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Environment")
            .field("functions", &self.functions.len())
            .field("methods", &self.methods.len())
            .field("placeholders", &self.placeholders)
            .field("directory", &self.directory)
            .finish_non_exhaustive()
    }
}
