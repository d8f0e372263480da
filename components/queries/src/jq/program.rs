//! From the text of a jq program to its results.
//!
//! The library parses, compiles and runs; between parsing and compiling, steps are put into the
//! program (see [`budget`](super::budget)), for the library itself has no limits.

use jaq_core::compile::Undefined;
use jaq_core::load::lex::StrPart;
use jaq_core::load::parse::{BinaryOp, Def, Pattern, Term};
use jaq_core::load::{Arena, File, Lexer, Loader, Parser, parse};
use jaq_core::path::{Part, Path};
use jaq_core::{Compiler, Ctx, Filter, Vars};
use sluice_value::Value;

use super::functions::{self, Data, STEP};
use super::location::Locations;
use super::value::Val;
use super::{alternatives, budget};

/// Longest program.
const MAX_TEXT: usize = 1 << 20;
/// Deepest nesting of brackets in a program.
const MAX_NESTING: usize = 200;

/// What the program is called among the definitions.
const MAIN: &str = "sluice_main";

/// Definitions of the library that functions of ours replace. Others are shadowed by the prelude.
const REPLACED: &[&str] = &["nan", "infinite", "isnan", "delpaths"];

pub(crate) struct Program {
    filter: Filter<Data>,
}

impl Program {
    /// # Errors
    /// What is wrong with the text, in the words of the reference.
    pub(crate) fn compile(text: &str) -> Result<Self, String> {
        if text.len() > MAX_TEXT || nesting(text) > MAX_NESTING {
            return Err("error parsing jq query: the program is too large".into());
        }
        let text = alternatives::written_out(text)
            .map_err(|error| format!("error parsing jq query: {error}"))?;
        budget::on_deep_stack(|| Self::compile_here(&text))
    }

    fn compile_here(text: &str) -> Result<Self, String> {
        let locations = Locations::of(text);
        let term = parse_program(text, &locations)
            .map_err(|error| format!("error parsing jq query: {error}"))?;
        let library = jaq_core::defs().chain(jaq_std::defs());
        let library = library.filter(|def| !REPLACED.contains(&def.name));
        let own = parse(include_str!("prelude.jq"), |p| p.defs());
        let main = Def { name: MAIN, args: Vec::new(), body: term };
        let own = own.into_iter().flatten();
        let mut defs: Vec<Def<&str>> = library.chain(own).collect::<Vec<_>>();
        defs.push(main);
        let defs = defs.into_iter().map(in_def);
        let arena = Arena::default();
        let modules = Loader::new(defs)
            .load(&arena, File { code: MAIN, path: () })
            .map_err(|_| "error compiling jq query: the program cannot be loaded".to_owned())?;
        let filter = Compiler::default()
            .with_funs(functions::all())
            .with_global_vars(["$metadata", "$ENV"])
            .compile(modules)
            .map_err(|errors| {
                let first = errors.into_iter().flat_map(|(_, errors)| errors).next();
                let first = first.map_or_else(String::new, |(name, kind)| match kind {
                    // There is one message at a time, and no other input to take from.
                    Undefined::Filter(0) if matches!(name, "input" | "inputs") => {
                        format!("{name}/0 is not allowed")
                    }
                    Undefined::Filter(arity) => format!("function not defined: {name}/{arity}"),
                    Undefined::Label => format!("label not defined: {name}"),
                    other => format!("{} not defined: {name}", other.as_str()),
                });
                format!("error compiling jq query: {first}")
            })?;
        Ok(Self { filter })
    }

    /// All results for one input. Call it [on enough stack](budget::on_stack_enough).
    ///
    /// # Errors
    /// What the program fails with.
    pub(crate) fn run(&self, input: Value, metadata: Value) -> Result<Vec<Value>, String> {
        budget::refill();
        let variables = Vars::new([Val::input(metadata), functions::no_environment()]);
        let context = Ctx::<Data>::new(&self.filter.lut, variables);
        let mut results = Vec::new();
        for result in self.filter.id.run((context, Val::input(input))) {
            budget::step()?;
            let output = match result {
                Ok(value) => value.output(),
                Err(exception) => match exception.get_err() {
                    Ok(error) => Err(error),
                    Err(_) => return Err("the program was halted".into()),
                },
            };
            match output {
                Ok(value) => results.push(value),
                Err(error) => {
                    let error = error.into_val();
                    let text = match error.value.as_str() {
                        Some(text) => text.to_owned(),
                        None => error.value.to_string(),
                    };
                    return Err(if error.is_thrown { format!("error: {text}") } else { text });
                }
            }
        }
        Ok(results)
    }
}

fn nesting(text: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    for byte in text.bytes() {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}

fn parse_program<'s>(text: &'s str, locations: &'s Locations) -> Result<Term<&'s str>, String> {
    let unexpected = |token: &str| match token.chars().next() {
        None => "unexpected EOF".to_owned(),
        Some(_) => format!("unexpected token {token:?}"),
    };
    let tokens = Lexer::new(text).lex().map_err(|errors| {
        use jaq_core::load::lex::Expect;
        match errors.first() {
            None | Some((Expect::Delim(_), _)) => unexpected(""),
            Some((_, rest)) => unexpected(&rest.chars().take(1).collect::<String>()),
        }
    })?;
    let tokens = locations.put(text, tokens);
    Parser::new(&tokens).parse(jaq_core::load::Parser::term).map_err(|errors| {
        match errors.first().and_then(|(_, token)| token.as_ref()) {
            Some(token) => unexpected(token.0),
            // Inside brackets the bracket was not expected, else the end of the text.
            None => match text.trim_end().chars().last() {
                Some(last @ (')' | ']' | '}')) => unexpected(&last.to_string()),
                _ => unexpected(""),
            },
        }
    })
}

type Tree<'s> = Term<&'s str>;

fn step<'s>() -> Tree<'s> {
    Term::Call(STEP, Vec::new())
}

fn pipe<'s>(left: Tree<'s>, right: Tree<'s>) -> Tree<'s> {
    Term::BinOp(Box::new(left), BinaryOp::Pipe(None), Box::new(right))
}

/// A step before each run of a definition.
fn in_def(def: Def<&str>) -> Def<&str> {
    Def { body: pipe(step(), in_term(def.body)), ..def }
}

#[expect(clippy::boxed_local, reason = "terms hold their parts in boxes")]
fn in_box(term: Box<Tree<'_>>) -> Box<Tree<'_>> {
    Box::new(in_term(*term))
}

/// Puts steps wherever a program can go on without end, or make much of little: behind each pipe
/// and variable, in folds, behind comparisons (which combine all values of both sides) and behind
/// the library's generators.
fn in_term(term: Tree<'_>) -> Tree<'_> {
    match term {
        Term::BinOp(left, op, right) => in_operation(left, op, right),
        Term::Fold(kind, values, pattern, mut bodies) => {
            bodies = bodies.into_iter().map(in_term).collect();
            if bodies.len() > 1 {
                let update = std::mem::take(&mut bodies[1]);
                bodies[1] = pipe(step(), update);
            }
            Term::Fold(kind, in_box(values), in_pattern(pattern), bodies)
        }
        Term::Call(name @ ("range" | "path" | "path_value" | "limit" | "skip"), args) => {
            pipe(Term::Call(name, args.into_iter().map(in_term).collect()), step())
        }
        Term::Call(name, args) => Term::Call(name, args.into_iter().map(in_term).collect()),
        Term::Def(defs, body) => Term::Def(defs.into_iter().map(in_def).collect(), in_box(body)),
        Term::Str(format, parts) => {
            let part = |part| match part {
                StrPart::Term(term) => StrPart::Term(pipe(in_term(term), step())),
                other => other,
            };
            Term::Str(format, parts.into_iter().map(part).collect())
        }
        Term::Arr(items) => Term::Arr(items.map(in_box)),
        Term::Obj(fields) => {
            let field = |(key, value): (_, Option<_>)| (in_term(key), value.map(in_term));
            Term::Obj(fields.into_iter().map(field).collect())
        }
        Term::Neg(term) => Term::Neg(in_box(term)),
        Term::Label(name, body) => Term::Label(name, in_box(body)),
        Term::TryCatch(body, handler) => Term::TryCatch(in_box(body), handler.map(in_box)),
        Term::IfThenElse(branches, otherwise) => {
            let branch = |(check, then)| (in_term(check), in_term(then));
            Term::IfThenElse(branches.into_iter().map(branch).collect(), otherwise.map(in_box))
        }
        Term::Path(term, Path(parts)) => {
            let part = |(part, opt)| {
                let part = match part {
                    Part::Index(index) => Part::Index(in_term(index)),
                    Part::Range(from, to) => Part::Range(from.map(in_term), to.map(in_term)),
                };
                (part, opt)
            };
            Term::Path(in_box(term), Path(parts.into_iter().map(part).collect()))
        }
        leaf @ (Term::Id | Term::Recurse | Term::Num(_) | Term::Break(_) | Term::Var(_)) => leaf,
    }
}

fn in_operation<'s>(left: Box<Tree<'s>>, op: BinaryOp<&'s str>, right: Box<Tree<'s>>) -> Tree<'s> {
    let (left, right) = (in_box(left), in_box(right));
    match op {
        BinaryOp::Pipe(pattern) => {
            let right = Box::new(pipe(step(), *right));
            Term::BinOp(left, BinaryOp::Pipe(pattern.map(in_pattern)), right)
        }
        op @ (BinaryOp::Cmp(_) | BinaryOp::And | BinaryOp::Or) => {
            pipe(Term::BinOp(left, op, right), step())
        }
        op => Term::BinOp(left, op, right),
    }
}

fn in_pattern(pattern: Pattern<&str>) -> Pattern<&str> {
    match pattern {
        Pattern::Var(name) => Pattern::Var(name),
        Pattern::Arr(items) => Pattern::Arr(items.into_iter().map(in_pattern).collect()),
        Pattern::Obj(fields) => {
            let field = |(key, pattern)| (in_term(key), in_pattern(pattern));
            Pattern::Obj(fields.into_iter().map(field).collect())
        }
    }
}
