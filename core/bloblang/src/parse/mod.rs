//! The parser: text to a compiled program in one pass.
//!
//! It is a recursive descent that tries alternatives in the order of the reference grammar and,
//! where all fail, reports the one that got furthest. A failure is *fatal* once an alternative
//! cannot be meant otherwise; no other one is tried then. Positions of failures decide what users
//! and tools are told, so the order of attempts here is not arbitrary.
//!
//! Lives elsewhere: what an error looks like (`diagnostic`), evaluation (`eval`).

mod call;
mod control;
mod lexical;
mod literal;
mod query;
mod statement;
mod suggest;
mod template;

use std::{collections::HashMap, sync::Arc};

use ecow::EcoString;

use crate::{Diagnostic, Diagnostics, Environment, Expr, Program, Span, program};

pub(crate) use lexical::unquote_literal;
pub(crate) use suggest::similar;
pub(crate) use template::{Segment, segments};

/// A parsed piece and where the text goes on.
type Parsed<T> = Result<(T, usize), Fail>;

/// Deepest nesting of brackets, blocks and arguments in a text.
const MAX_NESTING: usize = 200;
/// Highest tree of expressions, long chains included.
const MAX_HEIGHT: u32 = 1500;
/// Longest chain of imports importing files.
const MAX_IMPORTS: usize = 50;
/// Problems reported for one text at most.
const MAX_PROBLEMS: usize = 10;

/// Why the text could not be read on at some place.
#[derive(Clone, Debug)]
struct Fail {
    at: usize,
    fatal: bool,
    problem: Box<Problem>,
}

#[derive(Clone, Debug)]
struct Problem {
    code: &'static str,
    /// What would have been accepted here; empty when `message` says it all.
    expected: Vec<&'static str>,
    message: String,
    hint: Option<String>,
    span: Option<Span>,
    in_argument_value: bool,
    /// The problem is inside an imported file.
    imported: Option<Diagnostic>,
    /// What the reference says, where that is not about what was expected.
    reference: Option<String>,
}

impl Fail {
    fn expected(at: usize, what: &'static str) -> Self {
        Self {
            at,
            fatal: false,
            problem: Box::new(Problem {
                code: "syntax",
                expected: vec![what],
                message: String::new(),
                hint: None,
                span: None,
                in_argument_value: false,
                imported: None,
                reference: None,
            }),
        }
    }

    /// A problem with what was read, rather than with how to read on.
    fn semantic(at: usize, code: &'static str, message: String, span: Span) -> Self {
        let mut fail = Self::expected(at, "");
        fail.fatal = true;
        fail.problem.code = code;
        fail.problem.expected.clear();
        fail.problem.message = message;
        fail.problem.span = Some(span);
        fail
    }

    fn hint(mut self, hint: impl Into<String>) -> Self {
        self.problem.hint = Some(hint.into());
        self
    }

    fn reference(mut self, text: impl Into<String>) -> Self {
        self.problem.reference = Some(text.into());
        self
    }

    /// No other alternative can be meant.
    fn required(mut self) -> Self {
        self.fatal = true;
        self
    }

    /// Says what is missing in the words of the construct around it.
    fn as_expected(mut self, what: &'static str) -> Self {
        if !self.fatal {
            self.problem.expected = vec![what];
        }
        self
    }

    /// The failure of two alternatives: the one that got further, or both.
    fn or(mut self, other: Self) -> Self {
        if other.at > self.at {
            return other;
        }
        if other.at == self.at {
            for what in other.problem.expected {
                if !self.problem.expected.contains(&what) {
                    self.problem.expected.push(what);
                }
            }
        }
        self
    }
}

/// Tries alternatives in order; the first success or fatal failure decides.
macro_rules! one_of {
    ($($attempt:expr),+ $(,)?) => {{
        let mut best: Option<Fail> = None;
        'found: {
            $(
                match $attempt {
                    Err(fail) if !fail.fatal => {
                        best = Some(match best.take() {
                            Some(best) => best.or(fail),
                            None => fail,
                        });
                    }
                    decided => break 'found decided,
                }
            )+
            Err(best.expect("there is at least one alternative"))
        }
    }};
}
use one_of;

/// Variables of the body being parsed: each name has a slot.
#[derive(Clone, Debug, Default)]
struct Slots(Vec<EcoString>);

impl Slots {
    fn slot(&mut self, name: &str) -> usize {
        self.0.iter().position(|known| known == name).unwrap_or_else(|| {
            self.0.push(name.into());
            self.0.len() - 1
        })
    }
}

struct Parser<'s> {
    text: &'s str,
    environment: &'s Environment,
    /// Names that lambdas around the current place gave to their contexts, outermost first.
    names: Vec<EcoString>,
    slots: Slots,
    maps: crate::program::Maps,
    placeholders: Vec<EcoString>,
    nesting: usize,
    imports: usize,
    /// Queries read while trying to read something else, kept for the second attempt: without
    /// this, nested `match` blocks would be read twice per level.
    memo: HashMap<usize, Parsed<Expr>>,
    /// Where the next query to keep begins.
    remember_at: Option<usize>,
    /// Where square brackets could not be read as an index or slice, and why.
    bracket_problem: Option<(usize, Fail)>,
}

impl<'s> Parser<'s> {
    fn new(text: &'s str, environment: &'s Environment) -> Self {
        Self {
            text,
            environment,
            names: Vec::new(),
            slots: Slots::default(),
            maps: HashMap::new(),
            placeholders: Vec::new(),
            nesting: 0,
            imports: 0,
            memo: HashMap::new(),
            remember_at: None,
            bracket_problem: None,
        }
    }

    /// Enters a nested construct at `at`.
    fn nested<T>(&mut self, at: usize, read: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        if self.nesting == MAX_NESTING {
            let span = Span { start: at, end: at };
            let message = "the expression is nested too deeply".to_owned();
            return Err(Fail::semantic(at, "nesting", message, span)
                .hint("move inner parts to variables or maps"));
        }
        self.nesting += 1;
        let result = crate::eval::with_stack(|| read(self));
        self.nesting -= 1;
        result
    }

    /// Bounds the height of what was built, which evaluation and dropping walk recursively.
    fn bounded(expr: Expr) -> Result<Expr, Fail> {
        if expr.height <= MAX_HEIGHT {
            return Ok(expr);
        }
        let message = "the expression has too many parts".to_owned();
        Err(Fail::semantic(expr.span.end, "nesting", message, expr.span)
            .hint("split it with variables"))
    }

    fn diagnostic(&self, fail: Fail) -> Diagnostic {
        let Problem {
            code,
            expected,
            mut message,
            hint,
            span,
            in_argument_value,
            imported,
            reference,
        } = *fail.problem;
        let reference = match (reference, expected.as_slice()) {
            (Some(reference), _) => reference,
            (None, []) => message.clone(),
            (None, expected) => suggest::reference_list(self.text, fail.at, expected, fail.fatal),
        };
        if message.is_empty() {
            message = format!("expected {}", suggest::list(&expected));
            match self.text[fail.at..].chars().next() {
                None => message.push_str(", but the text ends here"),
                Some('\n' | '\r') => message.push_str(", but the line ends here"),
                Some(_) => message.extend([", found `", self.word_at(fail.at), "`"]),
            }
        }
        let hint = hint
            .or_else(|| self.bracket_hint(fail.at))
            .or_else(|| suggest::syntax_hint(self.text, fail.at, &expected));
        let span = span
            .unwrap_or_else(|| Span { start: fail.at, end: fail.at + self.word_at(fail.at).len() });
        let mut diagnostic = Diagnostic::new(code, message, hint, self.text, fail.at, span);
        diagnostic.in_argument_value = in_argument_value;
        diagnostic.reference = reference;
        if let Some(inner) = imported {
            diagnostic.message = format!("{}: {}", diagnostic.message, inner.short());
            diagnostic.hint = diagnostic.hint.or(inner.hint);
        }
        diagnostic
    }

    /// What is wrong inside square brackets that could not be read.
    fn bracket_hint(&self, at: usize) -> Option<String> {
        let (_, fail) = self.bracket_problem.as_ref().filter(|(bracket, _)| *bracket == at)?;
        let problem = &fail.problem;
        let reason = if problem.message.is_empty() {
            format!("expected {}", suggest::list(&problem.expected))
        } else {
            problem.message.clone()
        };
        let column = fail.at - self.text[..fail.at].rfind('\n').map_or(0, |end| end + 1) + 1;
        Some(format!("this is no index or slice: {reason} at char {column}"))
    }

    /// The word, number or sign that begins at `at`.
    fn word_at(&self, at: usize) -> &'s str {
        let rest = &self.text[at..];
        let is_word = |c: char| c.is_alphanumeric() || c == '_';
        let mut chars = rest.chars();
        match chars.next() {
            None | Some('\n' | '\r') => "",
            Some(c) if is_word(c) => {
                &rest[..rest.find(|c: char| !is_word(c)).unwrap_or(rest.len())]
            }
            Some(c) => &rest[..c.len_utf8()],
        }
    }
}

/// Compiles a mapping.
pub(crate) fn mapping(text: &str, environment: &Environment) -> Result<Program, Diagnostics> {
    let mut parser = Parser::new(text, environment);
    match parser.program() {
        Ok(statements) => {
            let maps = || parser.maps.values().map(|map| &**map);
            let scan = program::reads_few_paths(&statements, maps());
            let shares = program::may_share(&statements, maps());
            let once = program::reads_all_once(&statements) && !shares;
            let assembly = program::Assembly::of(&statements).map(Arc::new);
            Ok(Program {
                statements,
                assembly,
                maps: parser.maps,
                variables: parser.slots.0.into(),
                placeholders: parser.placeholders,
                host: Arc::clone(environment.host()),
                directory: Arc::from(environment.directory()),
                scan,
                once,
                shares,
                limits: environment.limits(),
            })
        }
        Err(fail) => {
            let first = parser.diagnostic(fail);
            let mut all = vec![first];
            parser.find_more_problems(&mut all);
            Err(Diagnostics(all))
        }
    }
}
