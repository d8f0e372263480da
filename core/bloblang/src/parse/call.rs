//! Calls of functions and methods.

use std::sync::Arc;

use sluice_value::Value;

use super::{
    Fail, Parsed, Parser, one_of,
    query::{dot_path, get},
    suggest,
};
use crate::{
    Expr, ExprKind, Literal, Outcome, Span,
    builtin::{ArgExpr, ArgList, ArgProblem, Call, FunctionCode, MethodCall, Params},
};

/// Arguments as written, some by name.
type Given = Vec<(Option<String>, Expr)>;

impl Parser<'_> {
    /// `name(arguments)`
    pub(super) fn function(&mut self, at: usize) -> Parsed<Expr> {
        let (name, name_end) = self.snake_case(at, "function")?;
        let name = name.to_owned();
        let (given, end) = self.arguments(name_end)?;
        let span = Span { start: at, end };
        let name_span = Span { start: at, end: name_end };
        let Some(entry) = self.environment.function(&name).cloned() else {
            let is_method = self.environment.method(&name).is_some();
            let known = self.environment.functions();
            let similar = suggest::similar(&name, known.iter().map(|spec| spec.name));
            let fail = Fail::semantic(
                end,
                "unknown-function",
                format!("there is no function `{name}`"),
                name_span,
            )
            .reference(format!("unrecognised function \'{name}\'"));
            return Err(match (similar, is_method) {
                (_, true) => fail.hint(format!(
                    "`{name}` is a method: write it after the value it works on, as in `this.{name}()`"
                )),
                (Some(similar), _) => fail.hint(format!("did you mean `{similar}`?")),
                (None, _) => fail,
            });
        };
        let args = ArgList::new(entry.spec.params, given)
            .map_err(|problem| self.bad_arguments(&name, entry.spec.params, problem, end, span))?;
        let kind = match entry.spec.code {
            FunctionCode::Literal(make, annotation) => ExprKind::Literal(Literal {
                outcome: make(),
                annotation: Some(annotation.to_owned()),
            }),
            _ => match (name.as_str(), literal_text(&args)) {
                ("var", Some(name)) => {
                    ExprKind::Variable { slot: self.slots.slot(&name), name: name.into() }
                }
                _ => ExprKind::Function(
                    Call::new(Arc::clone(&entry), args)
                        .map_err(|error| bad_value(&error, end, span))?,
                ),
            },
        };
        Ok((Self::bounded(Expr::new(kind, span))?, end))
    }

    /// `.name(arguments)`; takes the target only when it is a method.
    pub(super) fn method(&mut self, target: &mut Option<Expr>, at: usize) -> Parsed<Expr> {
        let (name, name_end) = self.snake_case(at, "method")?;
        let name = name.to_owned();
        let (given, end) = self.arguments(name_end)?;
        let Some(receiver) = target.take() else { return Err(Fail::expected(at, "method")) };
        let span = Span { start: receiver.span.start, end };
        let call_span = Span { start: at, end };
        let name_span = Span { start: at, end: name_end };
        let Some(entry) = self.environment.method(&name).cloned() else {
            let is_function = self.environment.function(&name).is_some();
            let known = self.environment.methods();
            let similar = suggest::similar(&name, known.iter().map(|spec| spec.name));
            let fail = Fail::semantic(
                end,
                "unknown-method",
                format!("there is no method `{name}`"),
                name_span,
            )
            .reference(format!("unrecognised method \'{name}\'"));
            return Err(match (similar, is_function) {
                (_, true) => fail.hint(format!(
                    "`{name}` is a function: write `{name}()` without a value in front"
                )),
                (Some(similar), _) => fail.hint(format!("did you mean `{similar}`?")),
                (None, _) => fail,
            });
        };
        let mut args = ArgList::new(entry.spec.params, given).map_err(|problem| {
            self.bad_arguments(&name, entry.spec.params, problem, end, call_span)
        })?;
        let kind = match (name.as_str(), literal_text(&args)) {
            ("get", Some(path)) => {
                return Ok((get(receiver, dot_path(&path), end), end));
            }
            ("not", _) => ExprKind::Not(Box::new(receiver)),
            ("map", _) => match args.args.pop() {
                Some(ArgExpr::Query(body)) => ExprKind::Map {
                    target: Box::new(receiver),
                    body: Arc::new(body.expr().clone()),
                },
                _ => return Err(Fail::expected(at, "query").required()),
            },
            _ => {
                let host = Arc::clone(self.environment.host());
                let call = MethodCall::new(Arc::clone(&entry), receiver, args, &*host)
                    .map_err(|error| bad_value(&error, end, call_span))?;
                match call.fold().map_err(|error| bad_value(&error, end, call_span))? {
                    Some(value) => ExprKind::Literal(Literal {
                        outcome: Outcome::Owned(value),
                        annotation: Some(format!("method {name}")),
                    }),
                    None => ExprKind::Method(Box::new(call)),
                }
            }
        };
        Ok((Self::bounded(Expr::new(kind, span))?, end))
    }

    fn arguments(&mut self, at: usize) -> Parsed<Given> {
        let open =
            self.blank(self.term(at, "(").map_err(|fail| fail.as_expected("function arguments"))?);
        self.delimited(
            open,
            |this, at| {
                one_of!(
                    this.named_argument(at),
                    this.query(at).map(|(expr, end)| ((None, expr), end))
                )
                .map_err(|fail| fail.as_expected("function argument").required())
            },
            |this, at| this.comma(at).map_err(|fail| fail.as_expected("comma").required()),
            |this, at| {
                this.term(this.blank(at), ")")
                    .map_err(|fail| fail.as_expected("closing bracket").required())
            },
        )
    }

    fn named_argument(&mut self, at: usize) -> Parsed<(Option<String>, Expr)> {
        let (name, end) = self.snake_case(at, "snake-case")?;
        let name = name.to_owned();
        let value_at = self.spaces(self.term(end, ":")?);
        let (value, end) =
            self.query(value_at).map_err(|fail| fail.as_expected("argument value").required())?;
        Ok(((Some(name), value), end))
    }

    fn bad_arguments(
        &self,
        name: &str,
        params: Params,
        problem: ArgProblem,
        at: usize,
        span: Span,
    ) -> Fail {
        let reference = reference_text(&problem);
        let takes = || format!("`{name}` takes {}", describe(params));
        let (message, hint) = match problem {
            ArgProblem::Count { expected, got } => (
                format!(
                    "`{name}` was given {got} {} and takes at most {expected}",
                    if got == 1 { "argument" } else { "arguments" }
                ),
                Some(takes()),
            ),
            ArgProblem::Missing(names) => {
                (format!("`{name}` needs {}", suggest::names(&names)), Some(takes()))
            }
            ArgProblem::Unknown { names, missing } => {
                let first = names.first().map(String::as_str).unwrap_or_default();
                let known: Vec<&str> = match params {
                    Params::Named(params) => params.iter().map(|param| param.name).collect(),
                    Params::Variadic => Vec::new(),
                };
                let similar = suggest::similar(first, known.iter().copied())
                    .or(if missing.len() == 1 { Some(missing[0]) } else { None });
                let names: Vec<&str> = names.iter().map(String::as_str).collect();
                (
                    format!("`{name}` has no parameter {}", suggest::names(&names)),
                    Some(match similar {
                        Some(similar) => format!("did you mean `{similar}`?"),
                        None => takes(),
                    }),
                )
            }
            ArgProblem::Duplicate(param) => {
                (format!("the argument `{param}` is given twice"), None)
            }
            ArgProblem::Mixed => (
                "arguments by name and by position cannot be mixed in one call".into(),
                Some("name all of them or none".into()),
            ),
            ArgProblem::NamedUnsupported => {
                (format!("`{name}` takes its arguments by position only"), None)
            }
            ArgProblem::Type { param, problem } => {
                (format!("the argument `{param}` of `{name}` does not fit: {problem}"), None)
            }
            ArgProblem::MustBeLiteral(param) => (
                format!("the argument `{param}` of `{name}` must be a constant"),
                Some("it is needed before the first message comes".into()),
            ),
        };
        let fail = Fail::semantic(at, "arguments", message, span).reference(reference);
        match hint {
            Some(hint) => fail.hint(hint),
            None => fail,
        }
    }
}

/// What the reference says about arguments that do not fit.
fn reference_text(problem: &ArgProblem) -> String {
    let plural = |word: &str, count: usize| match count {
        1 => word.to_owned(),
        _ => format!("{word}s"),
    };
    match problem {
        ArgProblem::Count { expected, got } => {
            format!("wrong number of arguments, expected {expected}, got {got}")
        }
        ArgProblem::Missing(names) => {
            format!("missing {}: {}", plural("parameter", names.len()), names.join(", "))
        }
        ArgProblem::Unknown { names, missing } => {
            let options = match missing.as_slice() {
                [] => String::new(),
                [only] => format!(", did you mean {only}?"),
                many => format!(", expected {}", many.join(", ")),
            };
            let parameters = plural("parameter", names.len());
            format!("unknown {parameters} {}{options}", names.join(", "))
        }
        ArgProblem::Duplicate(name) => format!("duplicate named arg: {name}"),
        ArgProblem::Mixed => "cannot mix named and nameless arguments".into(),
        ArgProblem::NamedUnsupported => "named arguments are not supported".into(),
        ArgProblem::Type { param, problem } => format!("field {param}: {problem}"),
        ArgProblem::MustBeLiteral(param) => format!("param {param} must not be dynamic"),
    }
}

/// A literal argument that the built-in itself refused.
fn bad_value(error: &crate::Error, at: usize, span: Span) -> Fail {
    let mut fail = Fail::semantic(at, "argument-value", error.to_string(), span);
    fail.problem.in_argument_value = true;
    fail
}

/// The first argument, if it is literal text.
fn literal_text(args: &ArgList) -> Option<String> {
    match args.args.first()? {
        ArgExpr::Literal(Outcome::Owned(
            value @ (Value::String(_) | Value::RawString(_) | Value::Bytes(_)),
        )) => Some(value.to_text()),
        _ => None,
    }
}

fn describe(params: Params) -> String {
    match params {
        Params::Variadic => "any number of arguments".into(),
        Params::Named([]) => "no arguments".into(),
        Params::Named(params) => {
            let params: Vec<String> = params
                .iter()
                .map(|param| format!("{}: {}", param.name, param.kind.name()))
                .collect();
            format!("({})", params.join(", "))
        }
    }
}
