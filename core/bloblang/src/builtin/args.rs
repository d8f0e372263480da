//! Arguments of one call: written, checked, and as the built-in sees them.

use std::{borrow::Cow, sync::Arc};

use jiff::Zoned;
use sluice_value::{EcoVec, Object, Value};
use smallvec::SmallVec;

use super::{Default, Param, ParamKind, Params};
use crate::{Context, Error, Expr, ExprKind, Outcome, gofmt, number, time};

/// The arguments of a call, by position of their parameters.
///
/// The typed readers may be used for parameters of that type only: the values were checked
/// before, so they panic for others, which the built-in's first test shows.
pub struct Args<'s, 'a> {
    values: &'s [Arg<'a>],
    from_document: &'s [bool],
}

/// One argument.
pub enum Arg<'a> {
    Missing,
    Outcome(Outcome<'a>),
    Query(&'a Query),
}

/// An argument that the built-in evaluates itself. Cheap to clone, so prepared built-ins keep it.
#[derive(Clone, Debug, PartialEq)]
pub struct Query(Arc<Expr>);

impl Query {
    pub(crate) fn new(expr: Expr) -> Self {
        Self(Arc::new(expr))
    }

    pub fn expr(&self) -> &Expr {
        &self.0
    }

    /// # Errors
    /// The query's own.
    pub fn eval<'a>(&'a self, context: &Context<'a>) -> Result<Outcome<'a>, Error> {
        context.budget().spend(1)?;
        self.0.eval(context)
    }

    /// The query with `this` being `value`.
    ///
    /// # Errors
    /// The query's own.
    pub fn eval_with<'a>(
        &'a self,
        value: &'a Value,
        context: &Context<'a>,
    ) -> Result<Outcome<'a>, Error> {
        context.budget().spend(1)?;
        // `this` would be set only for the lambda to take it away again.
        if let ExprKind::Lambda { name, body } = &self.0.kind
            && !name.is_empty()
        {
            return context.bound(value, |inner| body.eval(inner).map(Outcome::into_owned));
        }
        self.0.eval(&context.with_this(value))
    }

    /// How error messages refer to the query.
    pub fn annotation(&self) -> String {
        self.0.annotation()
    }
}

impl<'s, 'a> Args<'s, 'a> {
    pub(crate) fn new(values: &'s [Arg<'a>], list: &'s ArgList) -> Self {
        Self { values, from_document: &list.from_document }
    }

    pub fn len(&self) -> usize {
        self.values.len()
    }

    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The argument; `null` where none was given or it is a control outcome.
    pub fn value(&self, at: usize) -> &Value {
        self.opt_value(at).unwrap_or(&crate::outcome::NULL)
    }

    pub fn opt_value(&self, at: usize) -> Option<&Value> {
        match self.values.get(at) {
            Some(Arg::Outcome(outcome)) => Some(outcome.value_or_null()),
            _ => None,
        }
    }

    /// The argument with control outcomes told apart; `None` where none was given.
    pub fn outcome(&self, at: usize) -> Option<&Outcome<'a>> {
        match self.values.get(at) {
            Some(Arg::Outcome(outcome)) => Some(outcome),
            _ => None,
        }
    }

    /// Whether the argument was read from a document, where numbers have a type of their own.
    pub fn is_from_document(&self, at: usize) -> bool {
        self.from_document.get(at).copied().unwrap_or_default()
    }

    /// All arguments of a variadic built-in.
    pub fn outcomes(&self) -> impl Iterator<Item = &Outcome<'a>> {
        self.values.iter().filter_map(|arg| match arg {
            Arg::Outcome(outcome) => Some(outcome),
            _ => None,
        })
    }

    /// A string argument; bytes are shown with broken UTF-8 replaced.
    pub fn text(&self, at: usize) -> Cow<'_, str> {
        self.opt_text(at).expect("the parameter is declared as a required string")
    }

    pub fn opt_text(&self, at: usize) -> Option<Cow<'_, str>> {
        match self.opt_value(at)? {
            Value::String(text) => Some(Cow::Borrowed(text)),
            Value::RawString(content) | Value::Bytes(content) => {
                Some(String::from_utf8_lossy(content))
            }
            _ => None,
        }
    }

    /// A string argument as bytes.
    pub fn bytes(&self, at: usize) -> &[u8] {
        self.opt_bytes(at).expect("the parameter is declared as a required string")
    }

    pub fn opt_bytes(&self, at: usize) -> Option<&[u8]> {
        match self.opt_value(at)? {
            Value::String(text) => Some(text.as_bytes()),
            Value::RawString(content) | Value::Bytes(content) => Some(content),
            _ => None,
        }
    }

    pub fn integer(&self, at: usize) -> i64 {
        self.opt_integer(at).expect("the parameter is declared as a required integer")
    }

    pub fn opt_integer(&self, at: usize) -> Option<i64> {
        match self.opt_value(at)? {
            Value::Int(n) => Some(*n),
            _ => None,
        }
    }

    pub fn float(&self, at: usize) -> f64 {
        self.opt_float(at).expect("the parameter is declared as a required float")
    }

    pub fn opt_float(&self, at: usize) -> Option<f64> {
        self.opt_value(at)?.as_f64()
    }

    pub fn bool(&self, at: usize) -> bool {
        self.opt_bool(at).expect("the parameter is declared as a required bool")
    }

    pub fn opt_bool(&self, at: usize) -> Option<bool> {
        self.opt_value(at)?.as_bool()
    }

    pub fn array(&self, at: usize) -> &EcoVec<Value> {
        self.opt_array(at).expect("the parameter is declared as a required array")
    }

    pub fn opt_array(&self, at: usize) -> Option<&EcoVec<Value>> {
        self.opt_value(at)?.as_array()
    }

    pub fn object(&self, at: usize) -> &Object {
        self.opt_object(at).expect("the parameter is declared as a required object")
    }

    pub fn opt_object(&self, at: usize) -> Option<&Object> {
        self.opt_value(at)?.as_object()
    }

    pub fn timestamp(&self, at: usize) -> &Zoned {
        match self.value(at) {
            Value::Timestamp(moment) => moment,
            _ => panic!("the parameter is declared as a required timestamp"),
        }
    }

    pub fn query(&self, at: usize) -> &'a Query {
        self.opt_query(at).expect("the parameter is declared as a required query")
    }

    pub fn opt_query(&self, at: usize) -> Option<&'a Query> {
        match self.values.get(at) {
            Some(Arg::Query(query)) => Some(query),
            _ => None,
        }
    }
}

/// An argument in the compiled program.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum ArgExpr {
    Missing,
    /// Known and converted when the mapping was compiled.
    Literal(Outcome<'static>),
    Query(Query),
    Dynamic(Expr),
}

/// The arguments of a call in the compiled program.
#[derive(Clone, Debug)]
pub(crate) struct ArgList {
    pub(crate) params: Params,
    pub(crate) args: Vec<ArgExpr>,
    /// Which arguments of a variadic built-in are read from a document.
    from_document: Vec<bool>,
}

pub(crate) type ArgBuffer<'a> = SmallVec<[Arg<'a>; 4]>;

/// Why a call's arguments do not fit, found when the mapping is compiled.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum ArgProblem {
    Count { expected: usize, got: usize },
    Missing(Vec<&'static str>),
    Unknown { names: Vec<String>, missing: Vec<&'static str> },
    Duplicate(String),
    Mixed,
    NamedUnsupported,
    Type { param: &'static str, problem: Error },
    MustBeLiteral(&'static str),
}

impl ArgList {
    /// Whether the same arguments are given to the same built-in.
    pub(crate) fn same(&self, other: &Self) -> bool {
        self.args == other.args && self.from_document == other.from_document
    }

    /// Assigns arguments to parameters and checks those that are literal.
    pub(crate) fn new(
        params: Params,
        given: Vec<(Option<String>, Expr)>,
    ) -> Result<Self, ArgProblem> {
        let is_named = given.iter().any(|(name, _)| name.is_some());
        for (at, (name, _)) in given.iter().enumerate() {
            if name.is_some() && given[..at].iter().any(|(earlier, _)| earlier == name) {
                return Err(ArgProblem::Duplicate(name.clone().unwrap_or_default()));
            }
        }
        if is_named && given.iter().any(|(name, _)| name.is_none()) {
            return Err(ArgProblem::Mixed);
        }
        let args = match params {
            Params::Variadic if is_named => return Err(ArgProblem::NamedUnsupported),
            Params::Variadic => given.into_iter().map(|(_, expr)| variadic(expr)).collect(),
            Params::Named(named) if is_named => assign_named(named, given)?,
            Params::Named(named) => assign_positional(named, given)?,
        };
        if let Params::Named(named) = params {
            for (param, arg) in named.iter().zip(&args) {
                if param.literal_only && matches!(arg, ArgExpr::Dynamic(_)) {
                    return Err(ArgProblem::MustBeLiteral(param.name));
                }
            }
        }
        let from_document = match params {
            Params::Named(_) => Vec::new(),
            Params::Variadic => args
                .iter()
                .map(|arg| matches!(arg, ArgExpr::Dynamic(expr) if gofmt::is_from_document(expr)))
                .collect(),
        };
        Ok(Self { params, args, from_document })
    }

    pub(crate) fn for_each_expr<'e>(&'e self, visit: &mut dyn FnMut(&'e Expr, bool)) {
        for arg in &self.args {
            match arg {
                ArgExpr::Query(query) => visit(query.expr(), true),
                ArgExpr::Dynamic(expr) => visit(expr, false),
                ArgExpr::Missing | ArgExpr::Literal(_) => {}
            }
        }
    }

    /// Whether nothing has to be evaluated for a call.
    pub(crate) fn is_literal(&self) -> bool {
        !self.args.iter().any(|arg| matches!(arg, ArgExpr::Dynamic(_)))
    }

    /// The arguments of a call that needs no evaluation.
    pub(crate) fn literal(&self) -> ArgBuffer<'_> {
        self.args
            .iter()
            .map(|arg| match arg {
                ArgExpr::Missing | ArgExpr::Dynamic(_) => Arg::Missing,
                ArgExpr::Literal(outcome) => Arg::Outcome(reborrow(outcome)),
                ArgExpr::Query(query) => Arg::Query(query),
            })
            .collect()
    }

    /// The arguments of one evaluation.
    pub(crate) fn eval<'a>(&'a self, context: &Context<'a>) -> Result<ArgBuffer<'a>, Error> {
        let mut buffer = ArgBuffer::with_capacity(self.args.len());
        let mut dynamic = 0;
        for (at, arg) in self.args.iter().enumerate() {
            buffer.push(match arg {
                ArgExpr::Missing => Arg::Missing,
                ArgExpr::Literal(outcome) => Arg::Outcome(reborrow(outcome)),
                ArgExpr::Query(query) => Arg::Query(query),
                ArgExpr::Dynamic(expr) => {
                    let result = expr.eval(context).and_then(|outcome| self.convert(at, outcome));
                    dynamic += 1;
                    Arg::Outcome(result.map_err(|error| {
                        let name = self.name(at, dynamic - 1);
                        error.context(format!("failed to extract input arg '{name}'"))
                    })?)
                }
            });
        }
        Ok(buffer)
    }

    fn convert<'a>(&self, at: usize, outcome: Outcome<'a>) -> Result<Outcome<'a>, Error> {
        match self.params {
            Params::Named(params) => convert(params[at].kind, outcome),
            Params::Variadic => Ok(outcome),
        }
    }

    fn name(&self, at: usize, nth_dynamic: usize) -> String {
        match self.params {
            Params::Named(params) => params[at].name.into(),
            Params::Variadic => nth_dynamic.to_string(),
        }
    }
}

fn reborrow<'a>(outcome: &'a Outcome<'static>) -> Outcome<'a> {
    match outcome {
        Outcome::Borrowed(value) => Outcome::Borrowed(value),
        Outcome::Owned(value) => Outcome::Borrowed(value),
        Outcome::Deleted => Outcome::Deleted,
        Outcome::Nothing => Outcome::Nothing,
    }
}

fn variadic(expr: Expr) -> ArgExpr {
    match expr.as_literal() {
        Some(literal) => ArgExpr::Literal(literal.outcome.clone()),
        None => ArgExpr::Dynamic(expr),
    }
}

fn assign_positional(
    params: &'static [Param],
    given: Vec<(Option<String>, Expr)>,
) -> Result<Vec<ArgExpr>, ArgProblem> {
    if given.len() > params.len() {
        return Err(ArgProblem::Count { expected: params.len(), got: given.len() });
    }
    let mut given = given.into_iter().map(|(_, expr)| expr);
    let mut missing = Vec::new();
    let mut args = Vec::with_capacity(params.len());
    for param in params {
        match given.next() {
            Some(expr) => args.push(argument(param, expr)?),
            None => args.push(absent(param, &mut missing)),
        }
    }
    if missing.is_empty() { Ok(args) } else { Err(ArgProblem::Missing(missing)) }
}

fn assign_named(
    params: &'static [Param],
    mut given: Vec<(Option<String>, Expr)>,
) -> Result<Vec<ArgExpr>, ArgProblem> {
    let mut missing = Vec::new();
    let mut args = Vec::with_capacity(params.len());
    for param in params {
        match given.iter().position(|(name, _)| name.as_deref() == Some(param.name)) {
            Some(at) => args.push(argument(param, given.remove(at).1)?),
            None => args.push(absent(param, &mut missing)),
        }
    }
    if !given.is_empty() {
        let mut names: Vec<String> = given.into_iter().filter_map(|(name, _)| name).collect();
        names.sort();
        return Err(ArgProblem::Unknown { names, missing });
    }
    if missing.is_empty() { Ok(args) } else { Err(ArgProblem::Missing(missing)) }
}

fn absent(param: &'static Param, missing: &mut Vec<&'static str>) -> ArgExpr {
    match (param.default, param.default.value()) {
        (Default::Required, _) => missing.push(param.name),
        (_, Some(value)) if param.kind == ParamKind::Query => {
            return ArgExpr::Query(Query::new(Expr::literal(value, crate::Span::default())));
        }
        (_, Some(value)) => return ArgExpr::Literal(Outcome::Owned(value)),
        (_, None) => {}
    }
    ArgExpr::Missing
}

fn argument(param: &'static Param, expr: Expr) -> Result<ArgExpr, ArgProblem> {
    if param.kind == ParamKind::Query {
        return Ok(ArgExpr::Query(Query::new(expr)));
    }
    let Some(literal) = expr.as_literal() else { return Ok(ArgExpr::Dynamic(expr)) };
    convert(param.kind, literal.outcome.clone())
        .map(|outcome| ArgExpr::Literal(outcome.into_owned()))
        .map_err(|problem| ArgProblem::Type { param: param.name, problem })
}

/// Makes the argument what the parameter's type promises.
fn convert(kind: ParamKind, outcome: Outcome<'_>) -> Result<Outcome<'_>, Error> {
    let Some(value) = outcome.as_value() else {
        return match kind {
            ParamKind::Any | ParamKind::Query => Ok(outcome),
            ParamKind::Integer | ParamKind::Float => {
                Err(Error::expected_outcome(&["number"], &outcome))
            }
            ParamKind::Bool => Err(Error::expected_outcome(&["bool"], &outcome)),
            ParamKind::Timestamp => Err(Error::expected_outcome(&["number", "string"], &outcome)),
            _ => Err(wrong_type(kind, &outcome)),
        };
    };
    match (kind, value) {
        (ParamKind::Any | ParamKind::Query, _)
        | (ParamKind::Integer, Value::Int(_))
        | (ParamKind::Float, Value::Float(_))
        | (ParamKind::Bool, Value::Bool(_))
        | (ParamKind::String, Value::String(_) | Value::RawString(_) | Value::Bytes(_))
        | (ParamKind::Timestamp, Value::Timestamp(_))
        | (ParamKind::Array, Value::Array(_))
        | (ParamKind::Object, Value::Object(_)) => Ok(outcome),
        (ParamKind::Integer, _) => number::get_i64(value).map(Outcome::from),
        (ParamKind::Float, _) => number::get_f64(value).map(Outcome::from),
        (ParamKind::Bool, _) => number::get_bool(value).map(Outcome::from),
        (ParamKind::Timestamp, _) => time::get_timestamp(value).map(Outcome::from),
        _ => Err(wrong_type(kind, &outcome)),
    }
}

fn wrong_type(kind: ParamKind, outcome: &Outcome<'_>) -> Error {
    Error::new(format!(
        "wrong argument type, expected {}, got {}",
        kind.name(),
        outcome.kind_name()
    ))
}
