//! Expressions of AWK, by operator precedence: the loosest level first.

use regex::Regex;
use sluice_value::EcoString;

use super::super::builtin::Builtin;
use super::super::functions::Native;
use super::super::lex::Token;
use super::super::tree::{Arithmetic, Comparison, Expr, Place};
use super::{Parsed, Parser, Without, regex_error};

impl Parser<'_> {
    pub(super) fn expr(&mut self, without: Without) -> Parsed<Expr> {
        self.nested(|parser| parser.choice(without))
    }

    /// `?:` and assignment.
    fn choice(&mut self, without: Without) -> Parsed<Expr> {
        let check = self.or(without)?;
        if self.take("?")? {
            self.newlines()?;
            let yes = self.expr(without)?;
            self.newlines()?;
            self.expect(":")?;
            self.newlines()?;
            let no = self.expr(without)?;
            return Ok(Expr::Choice(Box::new(check), Box::new(yes), Box::new(no)));
        }
        let Token::Sign(sign @ ("=" | "+=" | "-=" | "*=" | "/=" | "%=" | "^=")) = self.token else {
            return Ok(check);
        };
        let Some((place, rebuild)) = assigned(check) else {
            return self.error("expected lvalue before =");
        };
        self.advance()?;
        self.newlines()?;
        let value = Box::new(self.expr(without)?);
        Ok(rebuild(match sign {
            "=" => Expr::Assign(place, value),
            sign => Expr::Update(place, arithmetic(&sign[..1]), value),
        }))
    }

    /// Operators of one level that group to the left.
    fn chain(
        &mut self,
        operand: impl Fn(&mut Self) -> Parsed<Expr>,
        mut operator: impl FnMut(&mut Self) -> Parsed<Option<Join>>,
    ) -> Parsed<Expr> {
        let nesting = self.nesting;
        let mut left = operand(self)?;
        while let Some(join) = operator(self)? {
            let right = self.nested(&operand)?;
            self.nesting += 1;
            left = join(Box::new(left), Box::new(right));
        }
        self.nesting = nesting;
        Ok(left)
    }

    fn or(&mut self, without: Without) -> Parsed<Expr> {
        self.chain(
            |it| it.and(without),
            |it| {
                if !it.take("||")? {
                    return Ok(None);
                }
                it.newlines()?;
                Ok(Some(Expr::Or as Join))
            },
        )
    }

    fn and(&mut self, without: Without) -> Parsed<Expr> {
        self.chain(
            |it| it.membership(without),
            |it| {
                if !it.take("&&")? {
                    return Ok(None);
                }
                it.newlines()?;
                Ok(Some(Expr::And as Join))
            },
        )
    }

    fn membership(&mut self, without: Without) -> Parsed<Expr> {
        let left = self.matching(without)?;
        if without.in_ || !self.is_word("in") {
            return Ok(left);
        }
        self.advance()?;
        let index = match left {
            Expr::List(items) => items,
            other => vec![other],
        };
        Ok(Expr::In(index, self.variable()?))
    }

    fn matching(&mut self, without: Without) -> Parsed<Expr> {
        self.chain(
            |it| it.comparison(without),
            |it| {
                let negated = match it.token {
                    Token::Sign("~") => false,
                    Token::Sign("!~") => true,
                    _ => return Ok(None),
                };
                it.advance()?;
                Ok(Some(if negated { unmatched as Join } else { matched }))
            },
        )
    }

    fn comparison(&mut self, without: Without) -> Parsed<Expr> {
        let left = self.concat()?;
        let comparison = match self.token {
            Token::Sign("<") => Comparison::Less,
            Token::Sign("<=") => Comparison::LessOrEqual,
            Token::Sign("==") => Comparison::Equal,
            Token::Sign("!=") => Comparison::NotEqual,
            Token::Sign(">") if !without.greater => Comparison::Greater,
            Token::Sign(">=") => Comparison::GreaterOrEqual,
            _ => return Ok(left),
        };
        self.advance()?;
        let right = self.concat()?;
        Ok(Expr::Compare(comparison, Box::new(left), Box::new(right)))
    }

    pub(super) fn concat(&mut self) -> Parsed<Expr> {
        self.chain(Self::sum, |it| {
            let begins = match &it.token {
                Token::Number(_) | Token::Text(_) | Token::Name(_) | Token::Called(_) => true,
                Token::Sign(sign) => matches!(*sign, "$" | "!" | "(" | "-" | "+" | "++" | "--"),
                _ => false,
            };
            Ok(begins.then_some(Expr::Concat as Join))
        })
    }

    fn sum(&mut self) -> Parsed<Expr> {
        self.chain(Self::product, |it| {
            Ok(match it.token {
                Token::Sign("+") => {
                    it.advance()?;
                    Some(add as Join)
                }
                Token::Sign("-") => {
                    it.advance()?;
                    Some(subtract)
                }
                _ => None,
            })
        })
    }

    fn product(&mut self) -> Parsed<Expr> {
        self.chain(Self::unary, |it| {
            let join: Join = match it.token {
                Token::Sign("*") => multiply,
                Token::Sign("/") => divide,
                Token::Sign("%") => modulo,
                _ => return Ok(None),
            };
            it.advance()?;
            Ok(Some(join))
        })
    }

    fn unary(&mut self) -> Parsed<Expr> {
        let wrap: fn(Box<Expr>) -> Expr = match self.token {
            Token::Sign("!") => Expr::Not,
            Token::Sign("-") => Expr::Negate,
            Token::Sign("+") => Expr::Plus,
            _ => return self.power(),
        };
        self.advance()?;
        let operand = self.nested(Self::unary)?;
        Ok(wrap(Box::new(operand)))
    }

    fn power(&mut self) -> Parsed<Expr> {
        let base = self.step()?;
        if !self.take("^")? {
            return Ok(base);
        }
        // Groups to the right, and a sign of the exponent belongs to it: 2 ^ -1.
        let exponent = self.nested(Self::unary)?;
        Ok(Expr::Arithmetic(Arithmetic::Power, Box::new(base), Box::new(exponent)))
    }

    /// `++` and `--` on either side.
    fn step(&mut self) -> Parsed<Expr> {
        if let Token::Sign(sign @ ("++" | "--")) = self.token {
            self.advance()?;
            let Expr::Place(place) = self.nested(Self::primary)? else {
                return self.error(format!("expected lvalue after {sign}"));
            };
            let by = if sign == "++" { 1.0 } else { -1.0 };
            return Ok(Expr::Step { place, by, is_before: true });
        }
        let operand = self.primary()?;
        match (operand, &self.token) {
            (Expr::Place(place), Token::Sign(sign @ ("++" | "--"))) => {
                let by = if *sign == "++" { 1.0 } else { -1.0 };
                self.advance()?;
                Ok(Expr::Step { place, by, is_before: false })
            }
            (operand, _) => Ok(operand),
        }
    }

    fn primary(&mut self) -> Parsed<Expr> {
        let start = self.start;
        match self.token.clone() {
            Token::Number(number) => self.advance().map(|_| Expr::Number(number)),
            Token::Text(text) => self.advance().map(|_| Expr::Text(text)),
            Token::Sign("/" | "/=") => {
                let source = self.lexer.regex(start)?;
                let regex = Regex::new(&source)
                    .map_err(|error| self.lexer.error(start, regex_error(&error)))?;
                self.advance()?;
                Ok(Expr::Regex(regex))
            }
            Token::Sign("$") => {
                self.advance()?;
                let index = self.nested(|it| match it.token {
                    Token::Sign("++" | "--") => it.step(),
                    Token::Sign("-" | "+" | "!") => it.unary(),
                    _ => it.primary(),
                })?;
                Ok(Expr::Place(Place::Field(Box::new(index))))
            }
            Token::Sign("(") => {
                self.advance()?;
                let mut items = self.nested(|it| it.list(")"))?;
                match items.len() {
                    0 => self.expected("expression"),
                    1 => Ok(Expr::Group(Box::new(items.remove(0)))),
                    _ => Ok(Expr::List(items)),
                }
            }
            Token::Keyword("getline") => {
                self.advance()?;
                let place = match self.token {
                    Token::Name(_) | Token::Sign("$") => match self.nested(Self::primary)? {
                        Expr::Place(place) => Some(place),
                        _ => return self.expected("lvalue"),
                    },
                    _ => None,
                };
                if self.is("<") {
                    return self.error("files cannot be read from here");
                }
                Ok(Expr::Getline(place))
            }
            Token::Name(name) => self.named(&name),
            Token::Called(name) => self.call(&name, start),
            _ => self.expected("expression"),
        }
    }

    fn named(&mut self, name: &EcoString) -> Parsed<Expr> {
        self.advance()?;
        if name == "length" && !self.locals.contains(name) {
            return Ok(Expr::Builtin(Builtin::Length, Vec::new()));
        }
        let variable = self.variable_of(name);
        if !self.take("[")? {
            return Ok(Expr::Place(Place::Variable(variable)));
        }
        let index = self.list("]")?;
        if index.is_empty() {
            return self.expected("expression instead of ]");
        }
        Ok(Expr::Place(Place::Element(variable, index)))
    }

    fn call(&mut self, name: &EcoString, start: usize) -> Parsed<Expr> {
        if name == "system" || name == "close" {
            return self
                .error(format!("{name}() is not available: programs cannot be run from here"));
        }
        self.advance()?;
        self.expect("(")?;
        let builtin = Builtin::parse(name);
        let arguments = self.nested(|it| it.list(")"))?;
        if let Some(builtin) = builtin {
            let (fewest, most) = builtin.arity();
            if arguments.len() < fewest || arguments.len() > most {
                return Err(self
                    .lexer
                    .error(start, format!("wrong number of arguments to {name}")));
            }
            return Ok(Expr::Builtin(builtin, arguments));
        }
        // A program's own functions come before those of the processor.
        let is_own = self.function_places.contains_key(name) || self.defines_later(name);
        match Native::parse(name) {
            Some(native) if !is_own => Ok(Expr::Native(native, arguments)),
            _ => {
                let place = self.function_place(name);
                self.calls.push((place, arguments.len(), start));
                Ok(Expr::Call(place, arguments))
            }
        }
    }

    /// Whether a function of this name is defined further on.
    fn defines_later(&self, name: &str) -> bool {
        self.lexer.defines(name)
    }
}

/// How two operands become one.
type Join = fn(Box<Expr>, Box<Expr>) -> Expr;

fn matched(text: Box<Expr>, regex: Box<Expr>) -> Expr {
    Expr::Match { text, regex, negated: false }
}

fn unmatched(text: Box<Expr>, regex: Box<Expr>) -> Expr {
    Expr::Match { text, regex, negated: true }
}

fn add(left: Box<Expr>, right: Box<Expr>) -> Expr {
    Expr::Arithmetic(Arithmetic::Add, left, right)
}

fn subtract(left: Box<Expr>, right: Box<Expr>) -> Expr {
    Expr::Arithmetic(Arithmetic::Subtract, left, right)
}

fn multiply(left: Box<Expr>, right: Box<Expr>) -> Expr {
    Expr::Arithmetic(Arithmetic::Multiply, left, right)
}

fn divide(left: Box<Expr>, right: Box<Expr>) -> Expr {
    Expr::Arithmetic(Arithmetic::Divide, left, right)
}

fn modulo(left: Box<Expr>, right: Box<Expr>) -> Expr {
    Expr::Arithmetic(Arithmetic::Modulo, left, right)
}

fn arithmetic(sign: &str) -> Arithmetic {
    match sign {
        "+" => Arithmetic::Add,
        "-" => Arithmetic::Subtract,
        "*" => Arithmetic::Multiply,
        "/" => Arithmetic::Divide,
        "%" => Arithmetic::Modulo,
        _ => Arithmetic::Power,
    }
}

/// Puts back what stood around a place.
type Rebuild = Box<dyn FnOnce(Expr) -> Expr>;

/// The place that an assignment is to, and what stands around it: `!x = y` is `!(x = y)`, and
/// `a && b = c` is `a && (b = c)`.
fn assigned(left: Expr) -> Option<(Place, Rebuild)> {
    let within = |inner: Expr, wrap: Rebuild| {
        let (place, rebuild) = assigned(inner)?;
        let rebuilt: Rebuild = Box::new(move |expr| wrap(rebuild(expr)));
        Some((place, rebuilt))
    };
    match left {
        Expr::Place(place) => Some((place, Box::new(|expr| expr))),
        Expr::Not(inner) => within(*inner, Box::new(|expr| Expr::Not(Box::new(expr)))),
        Expr::And(first, last) => within(*last, Box::new(|expr| Expr::And(first, Box::new(expr)))),
        Expr::Or(first, last) => within(*last, Box::new(|expr| Expr::Or(first, Box::new(expr)))),
        _ => None,
    }
}
