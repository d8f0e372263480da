//! Declarations: what a built-in is called, takes, does and means.

use std::borrow::Cow;

use sluice_value::Value;

use crate::{
    Context, Error, Expr, Host, Outcome,
    builtin::{Args, PreparedFunction, PreparedMethod},
};

/// A function, such as `uuid_v4()`.
#[derive(Clone, Copy)]
pub struct Function {
    pub name: &'static str,
    pub status: Status,
    pub category: Category,
    /// One paragraph of Markdown.
    pub summary: &'static str,
    pub params: Params,
    pub examples: &'static [Example],
    /// Reads or changes something besides its arguments and the message.
    pub impure: bool,
    pub code: FunctionCode,
}

/// A method, such as `.uppercase()`.
#[derive(Clone, Copy)]
pub struct Method {
    pub name: &'static str,
    pub status: Status,
    /// Where documentation lists it; the first is its home.
    pub categories: &'static [Category],
    /// One paragraph of Markdown.
    pub summary: &'static str,
    pub params: Params,
    pub examples: &'static [Example],
    /// Errors of the method say which expression its target came from.
    pub names_target: bool,
    /// Called on a constant with constant arguments it becomes a constant when the mapping is
    /// compiled, and an error then refuses the mapping.
    pub folds: bool,
    pub code: MethodCode,
}

impl Function {
    /// A stable function without parameters; the other methods change that.
    pub const fn new(
        name: &'static str,
        category: Category,
        summary: &'static str,
        code: FunctionCode,
    ) -> Self {
        Self {
            name,
            status: Status::Stable,
            category,
            summary,
            params: Params::NONE,
            examples: &[],
            impure: false,
            code,
        }
    }

    pub const fn params(self, params: &'static [Param]) -> Self {
        Self { params: Params::Named(params), ..self }
    }

    pub const fn examples(self, examples: &'static [Example]) -> Self {
        Self { examples, ..self }
    }

    pub const fn status(self, status: Status) -> Self {
        Self { status, ..self }
    }

    pub const fn impure(self) -> Self {
        Self { impure: true, ..self }
    }
}

impl Method {
    /// A stable method without parameters; the other methods change that.
    pub const fn new(
        name: &'static str,
        categories: &'static [Category],
        summary: &'static str,
        code: MethodCode,
    ) -> Self {
        Self {
            name,
            status: Status::Stable,
            categories,
            summary,
            params: Params::NONE,
            examples: &[],
            names_target: true,
            folds: false,
            code,
        }
    }

    pub const fn params(self, params: &'static [Param]) -> Self {
        Self { params: Params::Named(params), ..self }
    }

    /// Errors leave as the method makes them, without the target's name.
    pub const fn plain_errors(self) -> Self {
        Self { names_target: false, ..self }
    }

    /// Constants are computed when the mapping is compiled. The code must not need a context:
    /// [`MethodCode::Value`], or [`MethodCode::Prepare`] with [`PreparedMethod::new`].
    pub const fn folded(self) -> Self {
        Self { folds: true, ..self }
    }

    pub const fn variadic(self) -> Self {
        Self { params: Params::Variadic, ..self }
    }

    pub const fn examples(self, examples: &'static [Example]) -> Self {
        Self { examples, ..self }
    }

    pub const fn status(self, status: Status) -> Self {
        Self { status, ..self }
    }
}

/// How a function computes.
#[derive(Clone, Copy)]
pub enum FunctionCode {
    /// A constant; usable where the grammar wants a literal. The text names it in errors.
    Literal(fn() -> Outcome<'static>, &'static str),
    /// Anew for each evaluation.
    Eval(for<'a> fn(&Args<'_, 'a>, &Context<'a>) -> Result<Outcome<'a>, Error>),
    /// With arguments that are checked and prepared once when they are literal (at compile time,
    /// where an error refuses the mapping), and for each evaluation otherwise.
    Prepare(fn(&Args<'_, '_>) -> Result<PreparedFunction, Error>),
    /// As `Eval`; the code is given to the environment with the declaration.
    External,
}

/// A function's code where it needs state of its embedder's.
pub type FunctionClosure =
    dyn for<'a> Fn(&Args<'_, 'a>, &Context<'a>) -> Result<Outcome<'a>, Error> + Send + Sync;

/// How a method computes. Except for `Lazy` an error is prefixed with the target's name, and
/// control outcomes arrive as `null`.
#[derive(Clone, Copy)]
pub enum MethodCode {
    /// From the target alone.
    Value(fn(&Value) -> Result<Value, Error>),
    /// From the target and arguments, anew for each evaluation.
    Eval(MethodEval),
    /// With arguments prepared once when they are literal; see [`FunctionCode::Prepare`].
    Prepare(fn(&Args<'_, '_>) -> Result<PreparedMethod, Error>),
    /// As `Prepare`, with files at hand.
    PrepareWithHost(fn(&Args<'_, '_>, &dyn Host) -> Result<PreparedMethod, Error>),
    /// From the unevaluated target; nothing is done for it.
    Lazy(MethodLazy),
    /// As `Eval`; the code is given to the environment with the declaration.
    External,
}

pub type MethodEval =
    for<'a> fn(Cow<'a, Value>, &Args<'_, 'a>, &Context<'a>) -> Result<Outcome<'a>, Error>;

pub type MethodLazy =
    for<'a> fn(&'a Expr, &Args<'_, 'a>, &Context<'a>) -> Result<Outcome<'a>, Error>;

/// A method's code where it needs state of its embedder's.
pub type MethodClosure = dyn for<'a> Fn(Cow<'a, Value>, &Args<'_, 'a>, &Context<'a>) -> Result<Outcome<'a>, Error>
    + Send
    + Sync;

/// What arguments a built-in takes.
#[derive(Clone, Copy, Debug)]
pub enum Params {
    Named(&'static [Param]),
    /// Any number, by position.
    Variadic,
}

impl Params {
    pub const NONE: Self = Self::Named(&[]);
}

/// One parameter.
#[derive(Clone, Copy, Debug)]
pub struct Param {
    pub name: &'static str,
    pub summary: &'static str,
    pub kind: ParamKind,
    pub default: Default,
    /// The argument must be known when the mapping is compiled.
    pub literal_only: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParamKind {
    /// Also takes bytes, unchanged.
    String,
    Integer,
    Float,
    Bool,
    Timestamp,
    Array,
    Object,
    Any,
    /// Not evaluated: the built-in runs it itself, as often as it likes.
    Query,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Default {
    Required,
    /// Absent when not given.
    Optional,
    String(&'static str),
    Integer(i64),
    Bool(bool),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    Stable,
    Beta,
    Experimental,
    /// Works, but new mappings should use something else.
    Deprecated,
    /// Works, but is not documented.
    Hidden,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Category {
    General,
    MessageInfo,
    Environment,
    FakeData,
    Coercion,
    String,
    Number,
    ObjectAndArray,
    Parsing,
    Encoding,
    Regexp,
    Timestamp,
    Jwt,
    GeoIp,
    /// Home of built-ins that are kept for old mappings only.
    Deprecated,
}

/// A mapping with inputs and what each becomes. Examples without runs only illustrate.
#[derive(Clone, Copy, Debug)]
pub struct Example {
    /// What it shows, where that needs saying.
    pub summary: &'static str,
    pub mapping: &'static str,
    pub runs: &'static [Run],
}

/// An input document and the output document, `<Message deleted>`, or `Error("...")`.
pub type Run = (&'static str, &'static str);

impl Example {
    pub const fn new(mapping: &'static str, runs: &'static [Run]) -> Self {
        Self { summary: "", mapping, runs }
    }

    pub const fn about(self, summary: &'static str) -> Self {
        Self { summary, ..self }
    }
}

impl Param {
    const fn new(name: &'static str, kind: ParamKind, summary: &'static str) -> Self {
        Self { name, summary, kind, default: Default::Required, literal_only: false }
    }

    pub const fn string(name: &'static str, summary: &'static str) -> Self {
        Self::new(name, ParamKind::String, summary)
    }

    pub const fn integer(name: &'static str, summary: &'static str) -> Self {
        Self::new(name, ParamKind::Integer, summary)
    }

    pub const fn float(name: &'static str, summary: &'static str) -> Self {
        Self::new(name, ParamKind::Float, summary)
    }

    pub const fn bool(name: &'static str, summary: &'static str) -> Self {
        Self::new(name, ParamKind::Bool, summary)
    }

    pub const fn timestamp(name: &'static str, summary: &'static str) -> Self {
        Self::new(name, ParamKind::Timestamp, summary)
    }

    pub const fn array(name: &'static str, summary: &'static str) -> Self {
        Self::new(name, ParamKind::Array, summary)
    }

    pub const fn object(name: &'static str, summary: &'static str) -> Self {
        Self::new(name, ParamKind::Object, summary)
    }

    pub const fn any(name: &'static str, summary: &'static str) -> Self {
        Self::new(name, ParamKind::Any, summary)
    }

    pub const fn query(name: &'static str, summary: &'static str) -> Self {
        Self::new(name, ParamKind::Query, summary)
    }

    pub const fn optional(self) -> Self {
        Self { default: Default::Optional, ..self }
    }

    pub const fn or(self, default: Default) -> Self {
        Self { default, ..self }
    }

    pub const fn literal_only(self) -> Self {
        Self { literal_only: true, ..self }
    }
}

impl ParamKind {
    /// The word for it in error messages and documentation.
    pub fn name(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Integer => "integer",
            Self::Float => "float",
            Self::Bool => "bool",
            Self::Timestamp => "timestamp",
            Self::Array => "array",
            Self::Object => "object",
            Self::Any => "unknown",
            Self::Query => "query expression",
        }
    }
}

impl Default {
    pub(crate) fn value(self) -> Option<Value> {
        match self {
            Self::Required | Self::Optional => None,
            Self::String(text) => Some(Value::string(text)),
            Self::Integer(n) => Some(Value::Int(n)),
            Self::Bool(b) => Some(Value::Bool(b)),
        }
    }
}

impl Status {
    pub fn name(self) -> &'static str {
        match self {
            Self::Stable => "stable",
            Self::Beta => "beta",
            Self::Experimental => "experimental",
            Self::Deprecated => "deprecated",
            Self::Hidden => "hidden",
        }
    }
}

impl Category {
    pub fn name(self) -> &'static str {
        match self {
            Self::General => "General",
            Self::MessageInfo => "Message Info",
            Self::Environment => "Environment",
            Self::FakeData => "Fake Data Generation",
            Self::Coercion => "Type Coercion",
            Self::String => "String Manipulation",
            Self::Number => "Number Manipulation",
            Self::ObjectAndArray => "Object & Array Manipulation",
            Self::Parsing => "Parsing",
            Self::Encoding => "Encoding and Encryption",
            Self::Regexp => "Regular Expressions",
            Self::Timestamp => "Timestamp Manipulation",
            Self::Jwt => "JSON Web Tokens",
            Self::GeoIp => "GeoIP",
            Self::Deprecated => "Deprecated",
        }
    }
}
