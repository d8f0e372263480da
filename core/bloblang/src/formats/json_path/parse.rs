//! Tokens to the tree of a path.

use sluice_value::Value;

use super::{
    expr::{Branch, Expr, Path, Prefix, Step},
    infix::{Operator, fold, unwind},
    scan::{Scanner, Token},
    text::unquote,
};
use crate::number;

/// Most bytes of a path.
const MAX_LENGTH: usize = 64 * 1024;
/// Deepest nesting of expressions.
const MAX_DEPTH: usize = 100;
/// Most steps that may lead to several places.
const MAX_BRANCHES: usize = 100;
/// What a range ends at that does not say it.
const NO_END: f64 = i32::MAX as f64;

/// What the operators consist of.
const OPERATOR_SIGNS: &str = "?|&=!><~^+-*/%";

type Parsed<T> = Result<T, String>;

pub(super) fn parse(text: &str) -> Parsed<Expr> {
    if text.len() > MAX_LENGTH {
        return Err(format!("parsing error: longer than {MAX_LENGTH} bytes"));
    }
    let mut parser = Parser { scanner: Scanner::new(text), depth: 0, expected: String::new() };
    let parsed = parser.expression().and_then(|expr| match parser.scanner.next() {
        Token::End => Ok(expr),
        _ => Err(parser.expected.clone()),
    });
    parsed.map_err(|problem| {
        let place = |at: usize| {
            let before = &text[..at];
            let line = before.matches('\n').count() + 1;
            let start = before.rfind('\n').map_or(0, |at| at + 1);
            format!("{line}:{}", text[start..at].chars().count() + 1)
        };
        let (token, end) = (place(parser.scanner.token_at), place(parser.scanner.at()));
        format!("parsing error: {text}\t:{token} - {end} {problem}")
    })
}

struct Parser<'t> {
    scanner: Scanner<'t>,
    depth: usize,
    /// What to say when the token that was given back fits nowhere else either.
    expected: String,
}

impl Parser<'_> {
    fn expression(&mut self) -> Parsed<Expr> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(format!("expressions are nested more than {MAX_DEPTH} deep"));
        }
        let expr = self.operations();
        self.depth -= 1;
        expr
    }

    /// Operands with operators between them.
    fn operations(&mut self) -> Parsed<Expr> {
        let mut waiting: Vec<(Expr, Operator)> = Vec::new();
        loop {
            let mut operand = self.operand()?;
            let operator = loop {
                match self.operator()? {
                    Some(Operator::If) => {
                        operand = unwind(&mut waiting, operand, 0)?;
                        operand = self.choice(operand)?;
                    }
                    other => break other,
                }
            };
            let Some(operator) = operator else { return unwind(&mut waiting, operand, 0) };
            let left = unwind(&mut waiting, operand, operator.precedence())?;
            waiting.push((left, operator));
        }
    }

    /// The operator that follows, if one does.
    fn operator(&mut self) -> Parsed<Option<Operator>> {
        let token = self.scanner.next();
        let mut sign = match &token {
            Token::Sign(sign) if OPERATOR_SIGNS.contains(*sign) => sign.to_string(),
            Token::Name(name) => name.clone(),
            _ => return Ok(self.give_back(token, "operator", "")),
        };
        let mut is_certain = false;
        if matches!(token, Token::Sign(_)) {
            while let Some(next) = self.scanner.peek_char() {
                let longer = format!("{sign}{next}");
                if !OPERATOR_SIGNS.contains(next) || !Operator::begins_with(&longer) {
                    break;
                }
                self.scanner.skip_char();
                sign = longer;
                is_certain = true;
            }
        }
        match Operator::named(&sign) {
            Some(operator) => Ok(Some(operator)),
            None if is_certain => Err(format!("unknown operator {sign}")),
            None => Ok(self.give_back(token, "operator", "")),
        }
    }

    /// `condition ? this : that`
    fn choice(&mut self, condition: Expr) -> Parsed<Expr> {
        let then = self.expression()?;
        let otherwise = match self.scanner.next() {
            Token::Sign(':') => self.expression()?,
            Token::End => Expr::Constant(Value::Null),
            other => return Err(unexpected(&other, "<> ? <> : <>", "\":\" or EOF")),
        };
        Ok(Expr::If(Box::new(condition), Box::new(then), Box::new(otherwise)))
    }

    fn operand(&mut self) -> Parsed<Expr> {
        match self.scanner.next() {
            Token::Number(text) => number::parse_float(&text)
                .map(|f| Expr::Constant(Value::Float(f)))
                .map_err(|error| error.to_string()),
            Token::Quoted(text) => unquote(&text)
                .map(|text| Expr::Constant(Value::string(text)))
                .ok_or_else(|| "could not parse string: invalid syntax".into()),
            Token::Name(name) => self.name(name),
            Token::Sign('$') => self.path(Path::default()),
            Token::Sign('@') => self.path(Path { start: vec![Step::Current], branches: vec![] }),
            Token::Sign('(') => {
                let inner = self.expression()?;
                self.require(')', "parentheses")?;
                Ok(inner)
            }
            Token::Sign('[') => self.array(),
            Token::Sign('{') => self.object(),
            Token::Sign('-') => self.prefix(Prefix::Negate),
            Token::Sign('!') => self.prefix(Prefix::Not),
            Token::Sign('~') => self.prefix(Prefix::Complement),
            other => Err(unexpected(&other, "extensions", "")),
        }
    }

    fn prefix(&mut self, prefix: Prefix) -> Parsed<Expr> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(format!("expressions are nested more than {MAX_DEPTH} deep"));
        }
        let operand = self.operand()?;
        self.depth -= 1;
        fold(Expr::Prefix(prefix, Box::new(operand)))
    }

    fn name(&mut self, name: String) -> Parsed<Expr> {
        match name.as_str() {
            "true" => return Ok(Expr::Constant(Value::Bool(true))),
            "false" => return Ok(Expr::Constant(Value::Bool(false))),
            _ => {}
        }
        let mut keys = vec![Expr::Constant(Value::string(name.clone()))];
        loop {
            match self.scanner.next() {
                Token::Sign('.') => match self.scanner.next() {
                    Token::Name(name) => keys.push(Expr::Constant(Value::string(name))),
                    other => return Err(unexpected(&other, "field", "Ident")),
                },
                Token::Sign('[') => {
                    let key = self.expression()?;
                    self.require(']', "array key")?;
                    keys.push(key);
                }
                Token::Sign('(') => {
                    self.arguments()?;
                    return Ok(Expr::Call(name, Box::new(Expr::Variable(keys))));
                }
                other => {
                    self.give_back::<()>(other, "variable", "\".\", \"(\" or \"[\"");
                    return Ok(Expr::Variable(keys));
                }
            }
        }
    }

    /// Reads the arguments of a call, which cannot succeed anyway.
    fn arguments(&mut self) -> Parsed<()> {
        match self.scanner.next() {
            Token::Sign(')') => return Ok(()),
            other => self.scanner.put_back(other),
        }
        loop {
            self.expression()?;
            match self.scanner.next() {
                Token::Sign(')') => return Ok(()),
                Token::Sign(',') => {}
                other => return Err(unexpected(&other, "arguments", "\")\" or \",\"")),
            }
        }
    }

    fn array(&mut self) -> Parsed<Expr> {
        let mut items = Vec::new();
        loop {
            match self.scanner.next() {
                Token::Sign(',') => {}
                Token::Sign(']') => return Ok(Expr::Array(items)),
                other => {
                    self.scanner.put_back(other);
                    items.push(self.expression()?);
                }
            }
        }
    }

    fn object(&mut self) -> Parsed<Expr> {
        let mut fields = Vec::new();
        loop {
            match self.scanner.next() {
                Token::Sign(',') => {}
                Token::Sign('}') => return Ok(Expr::Object(fields)),
                other => {
                    self.scanner.put_back(other);
                    let key = self.expression()?;
                    self.require(':', "object")?;
                    fields.push((key, self.expression()?));
                }
            }
        }
    }

    fn path(&mut self, mut path: Path) -> Parsed<Expr> {
        loop {
            if path.branches.len() > MAX_BRANCHES {
                return Err(format!("more than {MAX_BRANCHES} steps lead to several places"));
            }
            match self.scanner.next() {
                Token::Sign('.') => match self.scanner.next() {
                    Token::Name(name) => path.step(key(name)),
                    Token::Sign('*') => path.branch(Branch::All),
                    Token::Sign('.') => {
                        path.branch(Branch::Descend);
                        self.below(&mut path)?;
                    }
                    other => {
                        return Err(unexpected(&other, "JSON select", "Ident, \".\" or \"*\""));
                    }
                },
                Token::Sign('[') => {
                    let (mut keys, separator) = self.bracket()?;
                    match separator {
                        Separator::Colon => path.branch(range(keys)?),
                        Separator::Filter => path.branch(filter(keys)?),
                        _ if keys.len() == 1 => path.step(Step::Key(keys.remove(0))),
                        _ => path.branch(keys_or_all(keys)),
                    }
                }
                Token::Sign('(') => path.step(self.script()?),
                other => {
                    self.give_back::<()>(other, "jsonpath", "\".\", \"[\" or \"(\"");
                    return Ok(Expr::Path(path));
                }
            }
        }
    }

    /// What follows `..`.
    fn below(&mut self, path: &mut Path) -> Parsed<()> {
        match self.scanner.next() {
            Token::Name(name) => path.step(key(name)),
            Token::Sign('*') => path.branch(Branch::All),
            Token::Sign('(') => path.step(self.script()?),
            Token::Sign('[') => {
                let (keys, separator) = self.bracket()?;
                match separator {
                    Separator::Colon => {
                        return Err("mapper can not be combined with range query".into());
                    }
                    Separator::Filter => path.branch(filter(keys)?),
                    _ => path.branch(keys_or_all(keys)),
                }
            }
            other => return Err(unexpected(&other, "JSON mapper", "\"[\", Ident or \"*\"")),
        }
        Ok(())
    }

    fn script(&mut self) -> Parsed<Step> {
        let script = self.expression()?;
        self.require(')', "jsnopath script")?;
        Ok(Step::Script(script))
    }

    /// What stands between brackets, and what separates it.
    fn bracket(&mut self) -> Parsed<(Vec<Expr>, Separator)> {
        let mut keys = Vec::new();
        let mut separator = None;
        loop {
            let token = match self.scanner.next() {
                Token::Sign('*') => {
                    return match self.scanner.next() {
                        Token::Sign(']') => Ok((Vec::new(), Separator::End)),
                        other => Err(unexpected(&other, "JSON bracket star", "\"]\"")),
                    };
                }
                token @ Token::Sign('?') => token,
                token @ Token::Sign(':') => {
                    let bound = if keys.len() == 1 { NO_END } else { 0.0 };
                    keys.push(Expr::Constant(Value::Float(bound)));
                    token
                }
                token @ Token::Sign(']') if separator == Some(Separator::Colon) => token,
                other => {
                    self.scanner.put_back(other);
                    keys.push(self.expression()?);
                    self.scanner.next()
                }
            };
            let found = match token {
                Token::Sign(':') => Separator::Colon,
                Token::Sign(',') => Separator::Comma,
                Token::Sign(']') => Separator::End,
                Token::Sign('?') if keys.is_empty() => Separator::Filter,
                Token::Sign('?') => return Err(unexpected(&token, "JSON filter", "\"]\"")),
                other => {
                    return Err(unexpected(&other, "JSON bracket separator", "\":\" or \",\""));
                }
            };
            let first = *separator.get_or_insert(found);
            if found == Separator::End {
                return Ok((keys, first));
            }
            if found != first {
                return Err("mixed separators in JSON bracket".into());
            }
        }
    }

    fn require(&mut self, sign: char, unit: &str) -> Parsed<()> {
        match self.scanner.next() {
            Token::Sign(found) if found == sign => Ok(()),
            other => Err(unexpected(&other, unit, &format!("\"{sign}\""))),
        }
    }

    /// Leaves a token to whatever comes next.
    fn give_back<T>(&mut self, token: Token, unit: &str, expected: &str) -> Option<T> {
        self.expected = unexpected(&token, unit, expected);
        self.scanner.put_back(token);
        None
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Separator {
    Colon,
    Comma,
    Filter,
    End,
}

impl Path {
    fn step(&mut self, step: Step) {
        match self.branches.last_mut() {
            Some((_, steps)) => steps.push(step),
            None => self.start.push(step),
        }
    }

    fn branch(&mut self, branch: Branch) {
        self.branches.push((branch, Vec::new()));
    }
}

fn key(name: String) -> Step {
    Step::Key(Expr::Constant(Value::string(name)))
}

fn keys_or_all(keys: Vec<Expr>) -> Branch {
    if keys.is_empty() { Branch::All } else { Branch::Keys(keys) }
}

fn filter(mut keys: Vec<Expr>) -> Parsed<Branch> {
    match keys.pop() {
        Some(key) if keys.is_empty() => Ok(Branch::Filter(key)),
        _ => Err("filter needs exactly one key".into()),
    }
}

fn range(keys: Vec<Expr>) -> Parsed<Branch> {
    if keys.len() > 3 {
        return Err("range query has at least the parameter [min:max:step]".into());
    }
    let mut bounds = [0.0, NO_END, 1.0].map(|bound| Expr::Constant(Value::Float(bound)));
    for (bound, key) in bounds.iter_mut().zip(keys) {
        *bound = key;
    }
    Ok(Branch::Range(Box::new(bounds)))
}

fn unexpected(found: &Token, unit: &str, expected: &str) -> String {
    let found = found.name();
    if expected.is_empty() {
        format!("unexpected {found} while scanning {unit}")
    } else {
        format!("unexpected {found} while scanning {unit} expected {expected}")
    }
}
