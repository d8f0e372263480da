//! What the language offers, said for people: signatures and descriptions of its built-ins.
//!
//! Everything comes from the declarations in `builtin`; terminal, editor and reference pages show
//! the same [`Entry`]. Keywords, which are grammar, have their sentences here.

mod keywords;
mod markdown;
pub mod pages;

use crate::{
    Environment,
    builtin::{Category, Default, Example, Function, Method, Param, ParamKind, Params, Status},
    parse::similar,
};

pub use keywords::{KEYWORDS, Keyword, keyword};
pub use markdown::first_sentence;

/// A function or method as documentation shows it.
#[derive(Clone, Copy)]
pub struct Entry {
    pub kind: Kind,
    pub name: &'static str,
    pub status: Status,
    /// Where it is at home.
    pub category: Category,
    /// Where else it is listed.
    pub more_categories: &'static [Category],
    pub summary: &'static str,
    pub params: Params,
    pub examples: &'static [Example],
    /// Reads or changes something besides its arguments and the message.
    pub impure: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Function,
    Method,
}

impl From<&Function> for Entry {
    fn from(spec: &Function) -> Self {
        Self {
            kind: Kind::Function,
            name: spec.name,
            status: spec.status,
            category: spec.category,
            more_categories: &[],
            summary: spec.summary,
            params: spec.params,
            examples: spec.examples,
            impure: spec.impure,
        }
    }
}

impl From<&Method> for Entry {
    fn from(spec: &Method) -> Self {
        let (home, more) = match spec.categories.split_first() {
            Some((home, more)) => (*home, more),
            None => (Category::General, &[][..]),
        };
        Self {
            kind: Kind::Method,
            name: spec.name,
            status: spec.status,
            category: home,
            more_categories: more,
            summary: spec.summary,
            params: spec.params,
            examples: spec.examples,
            impure: false,
        }
    }
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Self::Function => "function",
            Self::Method => "method",
        }
    }
}

impl Entry {
    /// How it is called: `range(start: integer, stop: integer, step: integer = 1)`. Methods begin
    /// with their dot, and a question mark follows names of parameters that may be left out.
    pub fn signature(&self) -> String {
        let dot = if self.kind == Kind::Method { "." } else { "" };
        let params = match self.params {
            Params::Variadic => "...".to_owned(),
            Params::Named(params) => {
                let params: Vec<String> = params.iter().map(param).collect();
                params.join(", ")
            }
        };
        format!("{dot}{}({params})", self.name)
    }

    /// The parameter of that name.
    pub fn param(&self, name: &str) -> Option<&'static Param> {
        match self.params {
            Params::Named(params) => params.iter().find(|param| param.name == name),
            Params::Variadic => None,
        }
    }

    /// Signature, description, parameters and examples as Markdown without a heading.
    pub fn markdown(&self) -> String {
        markdown::entry(self)
    }

    /// Whether reference pages, lists and completion show it.
    pub fn is_documented(&self) -> bool {
        self.status != Status::Hidden
    }
}

/// One parameter of a signature.
pub fn param(param: &Param) -> String {
    let kind = kind_text(param.kind);
    match default_text(param.default) {
        Some(default) => format!("{}: {kind} = {default}", param.name),
        None if param.default == Default::Optional => format!("{}?: {kind}", param.name),
        None => format!("{}: {kind}", param.name),
    }
}

/// What a parameter takes.
pub fn kind_text(kind: ParamKind) -> &'static str {
    match kind {
        ParamKind::Any => "any",
        ParamKind::Query => "expression",
        kind => kind.name(),
    }
}

/// A default as a mapping would write it.
pub fn default_text(default: Default) -> Option<String> {
    default.value().map(|value| value.to_string())
}

/// All documented functions of an environment, by name.
pub fn functions(environment: &Environment) -> Vec<Entry> {
    let all = environment.functions();
    all.iter().map(Entry::from).filter(Entry::is_documented).collect()
}

/// All documented methods of an environment, by name.
pub fn methods(environment: &Environment) -> Vec<Entry> {
    let all = environment.methods();
    all.iter().map(Entry::from).filter(Entry::is_documented).collect()
}

/// Functions and methods called `name`, also written `.name` or `name()`.
///
/// # Errors
/// There is none; the known name most like it.
pub fn find(name: &str, environment: &Environment) -> Result<Vec<Entry>, Option<&'static str>> {
    let name = name.trim_start_matches('.').split('(').next().unwrap_or_default();
    let functions = environment.functions().iter().map(Entry::from).collect::<Vec<_>>();
    let methods = environment.methods().iter().map(Entry::from).collect::<Vec<_>>();
    let all = || functions.iter().chain(&methods);
    let found: Vec<Entry> = all().filter(|entry| entry.name == name).copied().collect();
    if found.is_empty() {
        let known = all().filter(|entry| entry.is_documented()).map(|entry| entry.name);
        return Err(similar(name, known.chain(KEYWORDS.iter().map(|word| word.name))));
    }
    Ok(found)
}
