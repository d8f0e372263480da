//! The grammar of AWK.

mod expression;

use std::collections::HashMap;

use sluice_value::EcoString;

use super::lex::{Lexer, SyntaxError, Token};
use super::tree::{Expr, Function, Pattern, Place, Program, Rule, SPECIAL, Statement, Variable};

/// Deepest nesting of brackets and blocks; each operator of a chain is one level, too.
const MAX_NESTING: usize = 500;

type Parsed<T> = Result<T, SyntaxError>;

/// # Errors
/// The first mistake.
pub(super) fn parse(text: &str) -> Parsed<Program> {
    let mut parser = Parser {
        lexer: Lexer::new(text),
        token: Token::Newline,
        start: 0,
        globals: SPECIAL.iter().map(|name| EcoString::from(*name)).collect(),
        global_places: HashMap::new(),
        locals: Vec::new(),
        functions: Vec::new(),
        function_places: HashMap::new(),
        calls: Vec::new(),
        nesting: 0,
        in_function: false,
        loops: 0,
    };
    for (at, name) in SPECIAL.iter().enumerate() {
        parser.global_places.insert((*name).into(), at);
    }
    parser.advance()?;
    parser.program()
}

struct Parser<'t> {
    lexer: Lexer<'t>,
    /// The next token and where it begins.
    token: Token,
    start: usize,
    globals: Vec<EcoString>,
    global_places: HashMap<EcoString, usize>,
    /// Parameters of the function being parsed.
    locals: Vec<EcoString>,
    /// Bodies are there once their definition was parsed.
    functions: Vec<Option<Function>>,
    function_places: HashMap<EcoString, usize>,
    /// Calls seen, for checks at the end: function, arguments, place.
    calls: Vec<(usize, usize, usize)>,
    nesting: usize,
    in_function: bool,
    loops: usize,
}

/// What an expression may not hold here.
#[derive(Clone, Copy, Default)]
struct Without {
    /// `in`, in the head of a loop.
    in_: bool,
    /// `>`, in the arguments of `print`.
    greater: bool,
}

impl Parser<'_> {
    fn advance(&mut self) -> Parsed<Token> {
        self.start = self.lexer.position();
        let next = self.lexer.next()?;
        Ok(std::mem::replace(&mut self.token, next))
    }

    fn error<T>(&self, message: impl Into<String>) -> Parsed<T> {
        Err(self.lexer.error(self.start, message))
    }

    fn expected<T>(&self, what: &str) -> Parsed<T> {
        self.error(format!("expected {what} instead of {}", self.token.shown()))
    }

    fn is(&self, sign: &str) -> bool {
        matches!(self.token, Token::Sign(it) if it == sign)
    }

    fn is_word(&self, word: &str) -> bool {
        matches!(self.token, Token::Keyword(it) if it == word)
    }

    fn take(&mut self, sign: &str) -> Parsed<bool> {
        let found = self.is(sign);
        if found {
            self.advance()?;
        }
        Ok(found)
    }

    fn expect(&mut self, sign: &str) -> Parsed<()> {
        if self.take(sign)? { Ok(()) } else { self.expected(sign) }
    }

    fn newlines(&mut self) -> Parsed<()> {
        while self.token == Token::Newline {
            self.advance()?;
        }
        Ok(())
    }

    fn separators(&mut self) -> Parsed<()> {
        while self.token == Token::Newline || self.is(";") {
            self.advance()?;
        }
        Ok(())
    }

    /// Parses something nested, refusing to go too deep.
    fn nested<T>(&mut self, parse: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        self.nesting += 1;
        if self.nesting > MAX_NESTING {
            return self.error("the program is nested too deeply");
        }
        let parsed = parse(self);
        self.nesting -= 1;
        parsed
    }

    fn program(mut self) -> Parsed<Program> {
        let (mut begin, mut rules, mut end) = (Vec::new(), Vec::new(), Vec::new());
        self.separators()?;
        while self.token != Token::End {
            if self.is_word("BEGIN") {
                self.advance()?;
                begin.push(self.action()?);
            } else if self.is_word("END") {
                self.advance()?;
                end.push(self.action()?);
            } else if self.is_word("function") {
                self.function()?;
            } else {
                rules.push(self.rule()?);
            }
            self.separators()?;
        }
        let functions = self.checked_functions()?;
        Ok(Program { begin, rules, end, functions, globals: self.globals })
    }

    fn checked_functions(&mut self) -> Parsed<Vec<Function>> {
        for (function, arguments, at) in std::mem::take(&mut self.calls) {
            let name = self.function_places.iter().find(|(_, place)| **place == function);
            let name = name.map(|(name, _)| name.clone()).unwrap_or_default();
            let message = match &self.functions[function] {
                None => format!("undefined function {name:?}"),
                Some(defined) if arguments > defined.parameters => {
                    format!("too many arguments passed to {name:?}")
                }
                Some(_) => continue,
            };
            return Err(self.lexer.error(at, message));
        }
        Ok(std::mem::take(&mut self.functions).into_iter().map(Option::unwrap_or_default).collect())
    }

    fn function(&mut self) -> Parsed<()> {
        self.advance()?;
        let (Token::Name(name) | Token::Called(name)) = self.token.clone() else {
            return self.expected("function name");
        };
        self.advance()?;
        self.expect("(")?;
        let mut parameters = Vec::new();
        while !self.is(")") {
            let Token::Name(parameter) = self.token.clone() else {
                return self.expected("name");
            };
            if parameters.contains(&parameter) {
                return self.error(format!("duplicate parameter name {parameter:?}"));
            }
            parameters.push(parameter);
            self.advance()?;
            if !self.is(")") {
                self.expect(",")?;
                self.newlines()?;
            }
        }
        self.expect(")")?;
        self.newlines()?;
        let place = self.function_place(&name);
        if self.functions[place].is_some() {
            return self.error(format!("function {name:?} already defined"));
        }
        self.locals = parameters;
        self.in_function = true;
        let body = self.action();
        let parameters = std::mem::take(&mut self.locals).len();
        self.in_function = false;
        self.functions[place] = Some(Function { name, parameters, body: body? });
        Ok(())
    }

    fn function_place(&mut self, name: &EcoString) -> usize {
        if let Some(place) = self.function_places.get(name) {
            return *place;
        }
        self.functions.push(None);
        self.function_places.insert(name.clone(), self.functions.len() - 1);
        self.functions.len() - 1
    }

    fn rule(&mut self) -> Parsed<Rule> {
        if self.is("{") {
            return Ok(Rule { pattern: Pattern::Always, action: Some(self.action()?) });
        }
        let first = self.expr(Without::default())?;
        let pattern = if self.take(",")? {
            self.newlines()?;
            Pattern::Range(first, self.expr(Without::default())?)
        } else {
            Pattern::When(first)
        };
        let action = if self.is("{") { Some(self.action()?) } else { None };
        Ok(Rule { pattern, action })
    }

    fn action(&mut self) -> Parsed<Vec<Statement>> {
        self.expect("{")?;
        let body = self.nested(Self::statements)?;
        self.expect("}")?;
        Ok(body)
    }

    fn statements(&mut self) -> Parsed<Vec<Statement>> {
        let mut statements = Vec::new();
        self.separators()?;
        while !self.is("}") {
            if self.token == Token::End {
                return self.expected("}");
            }
            statements.push(self.statement()?);
            self.separators()?;
        }
        Ok(statements)
    }

    /// What a condition or loop governs: a block, a statement, or nothing.
    fn body(&mut self) -> Parsed<Vec<Statement>> {
        self.newlines()?;
        if self.take(";")? {
            return Ok(Vec::new());
        }
        if self.is("{") {
            return self.action();
        }
        self.nested(Self::statement).map(|statement| vec![statement])
    }

    fn loop_body(&mut self) -> Parsed<Vec<Statement>> {
        self.loops += 1;
        let body = self.body();
        self.loops -= 1;
        body
    }

    fn statement(&mut self) -> Parsed<Statement> {
        let Token::Keyword(word) = self.token else {
            if self.is("{") {
                return self.action().map(Statement::Block);
            }
            return self.ended(Self::simple);
        };
        match word {
            "if" => self.condition(),
            "while" => {
                self.advance()?;
                let check = self.in_brackets()?;
                Ok(Statement::While(check, self.loop_body()?))
            }
            "do" => {
                self.advance()?;
                let body = self.loop_body()?;
                self.separators()?;
                if !self.is_word("while") {
                    return self.expected("while");
                }
                self.advance()?;
                let check = self.in_brackets()?;
                self.end_of_statement()?;
                Ok(Statement::DoWhile(body, check))
            }
            "for" => self.for_loop(),
            "break" | "continue" if self.loops == 0 => {
                self.error(format!("{word} must be inside a loop body"))
            }
            "break" => self.ended(|it| it.advance().map(|_| Statement::Break)),
            "continue" => self.ended(|it| it.advance().map(|_| Statement::Continue)),
            "next" | "nextfile" if self.in_function => {
                self.error(format!("{word} can't be inside a function"))
            }
            "next" | "nextfile" => self.ended(|it| it.advance().map(|_| Statement::Next)),
            "exit" => self.ended(|it| {
                it.advance()?;
                Ok(Statement::Exit(it.optional_expr()?))
            }),
            "return" if !self.in_function => self.error("return must be inside a function"),
            "return" => self.ended(|it| {
                it.advance()?;
                Ok(Statement::Return(it.optional_expr()?))
            }),
            _ => self.ended(Self::simple),
        }
    }

    fn ended(&mut self, parse: impl FnOnce(&mut Self) -> Parsed<Statement>) -> Parsed<Statement> {
        let statement = parse(self)?;
        self.end_of_statement()?;
        Ok(statement)
    }

    fn end_of_statement(&mut self) -> Parsed<()> {
        match self.token {
            Token::Newline | Token::Sign(";") => self.separators(),
            Token::End | Token::Sign("}") => Ok(()),
            _ => self.expected("; or newline"),
        }
    }

    fn optional_expr(&mut self) -> Parsed<Option<Expr>> {
        match self.token {
            Token::Newline | Token::End | Token::Sign(";" | "}") => Ok(None),
            _ => self.expr(Without::default()).map(Some),
        }
    }

    fn condition(&mut self) -> Parsed<Statement> {
        self.advance()?;
        let check = self.in_brackets()?;
        let then = self.body()?;
        self.separators()?;
        if !self.is_word("else") {
            return Ok(Statement::If(check, then, Vec::new()));
        }
        self.advance()?;
        Ok(Statement::If(check, then, self.body()?))
    }

    fn in_brackets(&mut self) -> Parsed<Expr> {
        self.expect("(")?;
        let expr = self.expr(Without::default())?;
        self.expect(")")?;
        Ok(expr)
    }

    fn for_loop(&mut self) -> Parsed<Statement> {
        self.advance()?;
        self.expect("(")?;
        let first = if self.is(";") { None } else { Some(Box::new(self.simple_without_in()?)) };
        if let (Some(Statement::Expr(Expr::Place(Place::Variable(variable)))), true) =
            (first.as_deref(), self.is_word("in"))
        {
            let variable = *variable;
            self.advance()?;
            let array = self.variable()?;
            self.expect(")")?;
            return Ok(Statement::ForIn(variable, array, self.loop_body()?));
        }
        self.expect(";")?;
        self.newlines()?;
        let check = if self.is(";") { None } else { Some(self.expr(Without::default())?) };
        self.expect(";")?;
        self.newlines()?;
        let last = if self.is(")") { None } else { Some(Box::new(self.simple()?)) };
        self.expect(")")?;
        Ok(Statement::For(first, check, last, self.loop_body()?))
    }

    fn simple_without_in(&mut self) -> Parsed<Statement> {
        match self.token {
            Token::Keyword("print" | "printf" | "delete") => self.simple(),
            _ => self.expr(Without { in_: true, greater: false }).map(Statement::Expr),
        }
    }

    fn simple(&mut self) -> Parsed<Statement> {
        let Token::Keyword(word @ ("print" | "printf" | "delete")) = self.token else {
            return self.expr(Without::default()).map(Statement::Expr);
        };
        self.advance()?;
        if word == "delete" {
            let array = self.variable()?;
            if !self.take("[")? {
                return Ok(Statement::DeleteAll(array));
            }
            let index = self.list("]")?;
            return Ok(Statement::Delete(array, index));
        }
        let mut values = Vec::new();
        let ends = matches!(self.token, Token::Newline | Token::Sign(";" | "}" | ">" | ">>" | "|"));
        if !ends {
            let without = Without { in_: false, greater: true };
            values.push(self.expr(without)?);
            while self.take(",")? {
                self.newlines()?;
                values.push(self.expr(without)?);
            }
        }
        if let [Expr::List(_)] = values[..] {
            let Some(Expr::List(items)) = values.pop() else { return self.expected("expression") };
            values = items;
        }
        let to = match self.token {
            Token::Sign("|") => return self.error("programs cannot be run from here"),
            Token::Sign(">" | ">>") => {
                self.advance()?;
                Some(self.concat()?)
            }
            _ => None,
        };
        Ok(match word {
            "print" => Statement::Print { values, to },
            _ if values.is_empty() => return self.error("expected printf args, got none"),
            _ => Statement::Printf { values, to },
        })
    }

    /// Expressions up to a closing bracket.
    fn list(&mut self, end: &str) -> Parsed<Vec<Expr>> {
        let mut items = Vec::new();
        self.newlines()?;
        while !self.is(end) {
            items.push(self.expr(Without::default())?);
            self.newlines()?;
            if !self.is(end) {
                self.expect(",")?;
                self.newlines()?;
            }
        }
        self.expect(end)?;
        Ok(items)
    }

    fn variable(&mut self) -> Parsed<Variable> {
        let Token::Name(name) = self.token.clone() else { return self.expected("name") };
        self.advance()?;
        Ok(self.variable_of(&name))
    }

    fn variable_of(&mut self, name: &EcoString) -> Variable {
        if let Some(local) = self.locals.iter().position(|local| local == name) {
            return Variable::Local(local);
        }
        if let Some(place) = self.global_places.get(name) {
            return Variable::Global(*place);
        }
        self.globals.push(name.clone());
        self.global_places.insert(name.clone(), self.globals.len() - 1);
        Variable::Global(self.globals.len() - 1)
    }
}

/// The last line of a report says what is wrong.
pub(super) fn regex_error(error: &regex::Error) -> String {
    let text = error.to_string();
    let last = text.lines().last().unwrap_or_default();
    format!("invalid regex: {}", last.trim_start_matches("error: "))
}
