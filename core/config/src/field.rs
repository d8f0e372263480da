//! Field tables: what a component's configuration may hold.

use crate::Node;

/// The kinds of components that configurations name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ComponentKind {
    Input,
    Buffer,
    Processor,
    Output,
    Cache,
    RateLimit,
    Scanner,
    Metrics,
    Tracer,
}

impl ComponentKind {
    pub const ALL: [Self; 9] = [
        Self::Input,
        Self::Buffer,
        Self::Processor,
        Self::Output,
        Self::Cache,
        Self::RateLimit,
        Self::Scanner,
        Self::Metrics,
        Self::Tracer,
    ];

    /// The word used in configurations and messages, such as `rate_limit`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Input => "input",
            Self::Buffer => "buffer",
            Self::Processor => "processor",
            Self::Output => "output",
            Self::Cache => "cache",
            Self::RateLimit => "rate_limit",
            Self::Scanner => "scanner",
            Self::Metrics => "metrics",
            Self::Tracer => "tracer",
        }
    }
}

impl std::fmt::Display for ComponentKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// The type of a field's scalars.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    String,
    Int,
    Float,
    Bool,
    /// Nested fields.
    Object,
    /// Anything.
    Unknown,
    Component(ComponentKind),
}

impl Type {
    pub fn name(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Int => "int",
            Self::Float => "float",
            Self::Bool => "bool",
            Self::Object => "object",
            Self::Unknown => "unknown",
            Self::Component(kind) => kind.name(),
        }
    }
}

/// How the scalars of a field are arranged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    Scalar,
    Array,
    Array2d,
    Map,
}

/// One field of a component or of a nested object.
#[derive(Clone, Debug)]
pub struct Field {
    pub name: &'static str,
    /// Markdown, from the doc comment in [`config!`](crate::config).
    pub doc: String,
    pub ty: Type,
    pub shape: Shape,
    pub default: Option<Node>,
    /// May be absent without a default.
    pub optional: bool,
    pub advanced: bool,
    pub deprecated: bool,
    /// Never shown: logs and `echo` print stars.
    pub secret: bool,
    /// `${! }` is evaluated for each message.
    pub interpolated: bool,
    /// Holds a mapping or a query.
    pub bloblang: bool,
    /// Values the reader accepts (letter case aside when linted); empty for no restriction.
    pub options: &'static [&'static str],
    /// Whether a value outside `options` is a lint error; otherwise the component decides.
    pub options_linted: bool,
    /// Absence is a lint error, not only a start-up failure.
    pub lint_required: bool,
    /// The fields of a [`Type::Object`].
    pub fields: &'static [Field],
    /// A list may also be written below this key, as documents of users do.
    pub list_key: Option<&'static str>,
    /// What else the linter asks of the value.
    pub rule: Option<Rule>,
}

/// A check beyond types: each text it returns is reported at the value. Of a list or map it sees
/// the whole and each item, and judges only what it knows.
pub type Rule = fn(&Node) -> Vec<String>;

impl Field {
    pub fn new(name: &'static str) -> Self {
        Self {
            name,
            doc: String::new(),
            ty: Type::String,
            shape: Shape::Scalar,
            default: None,
            optional: false,
            advanced: false,
            deprecated: false,
            secret: false,
            interpolated: false,
            bloblang: false,
            options: &[],
            options_linted: false,
            lint_required: false,
            fields: &[],
            list_key: None,
            rule: None,
        }
    }

    /// Must be present: no default, not optional, and not an object whose fields all have one.
    pub fn is_required(&self) -> bool {
        if self.default.is_some() || self.optional {
            return false;
        }
        match (self.ty, self.shape) {
            (Type::Object, Shape::Scalar) => self.fields.iter().any(Self::is_required),
            _ => true,
        }
    }
}
