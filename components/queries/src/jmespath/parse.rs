//! The grammar of JMESPath, by operator precedence.

use sluice_value::Value;

use super::lex::{Token, sign_name, tokens};

/// Deepest nesting, counting each operator of a chain.
const MAX_DEPTH: usize = 500;
/// Stack that is added when little is left.
pub(super) const STACK: usize = 1 << 20;

#[derive(Clone, Debug)]
pub(super) enum Node {
    Current,
    Field(String),
    Index(i64),
    Slice(Option<i64>, Option<i64>, Option<i64>),
    Literal(Value),
    /// The right side asked of what the left side gives.
    Then(Box<Node>, Box<Node>),
    /// The right side for each item of a list.
    Each(Box<Node>, Box<Node>),
    /// The right side for each value of an object.
    EachValue(Box<Node>, Box<Node>),
    /// The right side for each item that the condition holds for.
    Filter {
        list: Box<Node>,
        then: Box<Node>,
        condition: Box<Node>,
    },
    Flatten(Box<Node>),
    List(Vec<Node>),
    Object(Vec<(String, Node)>),
    Or(Box<Node>, Box<Node>),
    And(Box<Node>, Box<Node>),
    Not(Box<Node>),
    Compare(&'static str, Box<Node>, Box<Node>),
    Call(String, Vec<Node>),
    /// An expression as an argument.
    Reference(Box<Node>),
}

/// # Errors
/// What is wrong with the text, in the words of the reference.
pub(super) fn parse(text: &str) -> Result<Node, String> {
    let mut parser = Parser { tokens: tokens(text)?, at: 0, depth: 0 };
    let node = parser.expression(0)?;
    match parser.peek() {
        Token::End => Ok(node),
        other => Err(format!(
            "SyntaxError: Unexpected token at the end of the expression: {}",
            other.name()
        )),
    }
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
    depth: usize,
}

fn boxed(node: Node) -> Box<Node> {
    Box::new(node)
}

/// How tightly a token binds what stands left of it.
fn power(token: &Token) -> u8 {
    let Token::Sign(sign) = token else { return 0 };
    match *sign {
        "|" => 1,
        "||" => 2,
        "&&" => 3,
        "==" | "!=" | "<" | "<=" | ">" | ">=" => 5,
        "[]" => 9,
        "*" => 20,
        "[?" => 21,
        "." => 40,
        "!" => 45,
        "{" => 50,
        "[" => 55,
        "(" => 60,
        _ => 0,
    }
}

impl Parser {
    fn peek(&self) -> &Token {
        self.tokens.get(self.at).unwrap_or(&Token::End)
    }

    fn peek_after(&self) -> &Token {
        self.tokens.get(self.at + 1).unwrap_or(&Token::End)
    }

    fn next(&mut self) -> Token {
        let token = self.peek().clone();
        self.at += 1;
        token
    }

    fn is(&self, sign: &str) -> bool {
        matches!(self.peek(), Token::Sign(it) if *it == sign)
    }

    fn expect(&mut self, sign: &str) -> Result<(), String> {
        if self.is(sign) {
            self.at += 1;
            return Ok(());
        }
        let (expected, received) = (sign_name(sign), self.peek().name());
        Err(format!("SyntaxError: Expected {expected}, received: {received}"))
    }

    fn expression(&mut self, binding: u8) -> Result<Node, String> {
        stacker::maybe_grow(STACK / 4, STACK, || self.expression_here(binding))
    }

    fn expression_here(&mut self, binding: u8) -> Result<Node, String> {
        let depth = self.depth;
        let token = self.next();
        self.deeper()?;
        let mut left = self.prefix(token)?;
        while binding < power(self.peek()) {
            let Token::Sign(sign) = self.next() else { break };
            self.deeper()?;
            left = self.infix(sign, left)?;
        }
        self.depth = depth;
        Ok(left)
    }

    fn deeper(&mut self) -> Result<(), String> {
        self.depth += 1;
        if self.depth > MAX_DEPTH { Err("SyntaxError: Expression too deep".into()) } else { Ok(()) }
    }

    fn prefix(&mut self, token: Token) -> Result<Node, String> {
        let sign = match token {
            Token::Literal(value) => return Ok(Node::Literal(value)),
            Token::Name(name) => return Ok(Node::Field(name)),
            Token::Quoted(_) if self.is("(") => {
                return Err("SyntaxError: Can't have quoted identifier as function name.".into());
            }
            Token::Quoted(name) => return Ok(Node::Field(name)),
            Token::End => return Err("SyntaxError: Incomplete expression".into()),
            Token::Number(_) => return Err("SyntaxError: Invalid token: tNumber".into()),
            Token::Sign(sign) => sign,
        };
        let current = || boxed(Node::Current);
        match sign {
            "@" => Ok(Node::Current),
            "*" => {
                let right = if self.is("]") { Node::Current } else { self.projected(20)? };
                Ok(Node::EachValue(current(), boxed(right)))
            }
            "[?" => self.filter(Node::Current),
            "{" => self.object(),
            "[]" => {
                let right = self.projected(9)?;
                Ok(Node::Each(boxed(Node::Flatten(current())), boxed(right)))
            }
            "[" if matches!(self.peek(), Token::Number(_)) || self.is(":") => {
                self.index(Node::Current)
            }
            "[" if self.is("*") && matches!(self.peek_after(), Token::Sign("]")) => {
                self.at += 2;
                let right = self.projected(20)?;
                Ok(Node::Each(current(), boxed(right)))
            }
            "[" => self.list(),
            "&" => Ok(Node::Reference(boxed(self.expression(0)?))),
            "!" => Ok(Node::Not(boxed(self.expression(45)?))),
            "(" => {
                let inner = self.expression(0)?;
                self.expect(")")?;
                Ok(inner)
            }
            other => Err(format!("SyntaxError: Invalid token: {}", sign_name(other))),
        }
    }

    fn infix(&mut self, sign: &'static str, left: Node) -> Result<Node, String> {
        let left = boxed(left);
        match sign {
            "." if self.is("*") => {
                self.at += 1;
                let right = self.projected(40)?;
                Ok(Node::EachValue(left, boxed(right)))
            }
            "." => Ok(Node::Then(left, boxed(self.after_dot(40)?))),
            "|" => Ok(Node::Then(left, boxed(self.expression(1)?))),
            "||" => Ok(Node::Or(left, boxed(self.expression(2)?))),
            "&&" => Ok(Node::And(left, boxed(self.expression(3)?))),
            "(" => self.call(*left),
            "[?" => self.filter(*left),
            "[]" => {
                let right = self.projected(9)?;
                Ok(Node::Each(boxed(Node::Flatten(left)), boxed(right)))
            }
            "[" if matches!(self.peek(), Token::Number(_)) || self.is(":") => self.index(*left),
            "[" => {
                self.expect("*")?;
                self.expect("]")?;
                let right = self.projected(20)?;
                Ok(Node::Each(left, boxed(right)))
            }
            "==" | "!=" | "<" | "<=" | ">" | ">=" => {
                Ok(Node::Compare(sign, left, boxed(self.expression(5)?)))
            }
            other => Err(format!("SyntaxError: Unexpected token: {}", sign_name(other))),
        }
    }

    fn call(&mut self, function: Node) -> Result<Node, String> {
        let Node::Field(name) = function else {
            return Err("SyntaxError: Unexpected token: tLparen".into());
        };
        let mut arguments = Vec::new();
        while !self.is(")") {
            arguments.push(self.expression(0)?);
            if self.is(",") {
                self.at += 1;
            } else if !self.is(")") {
                self.expect(")")?;
            }
        }
        self.expect(")")?;
        Ok(Node::Call(name, arguments))
    }

    /// `[1]` or `[1:2:3]`, behind the bracket.
    fn index(&mut self, left: Node) -> Result<Node, String> {
        if let (Token::Number(at), false) =
            (self.peek().clone(), matches!(self.peek_after(), Token::Sign(":")))
        {
            self.at += 1;
            self.expect("]")?;
            return Ok(Node::Then(boxed(left), boxed(Node::Index(at))));
        }
        let mut parts = [None; 3];
        let mut part = 0;
        while !self.is("]") && part < 3 {
            match self.next() {
                Token::Sign(":") => part += 1,
                Token::Number(number) => parts[part] = Some(number),
                other => {
                    let received = other.name();
                    return Err(format!(
                        "SyntaxError: Expected tColon or tNumber, received: {received}"
                    ));
                }
            }
        }
        self.expect("]")?;
        let slice = Node::Then(boxed(left), boxed(Node::Slice(parts[0], parts[1], parts[2])));
        let right = self.projected(20)?;
        Ok(Node::Each(boxed(slice), boxed(right)))
    }

    fn filter(&mut self, list: Node) -> Result<Node, String> {
        let condition = boxed(self.expression(0)?);
        self.expect("]")?;
        let then = if self.is("[]") { Node::Current } else { self.projected(21)? };
        Ok(Node::Filter { list: boxed(list), then: boxed(then), condition })
    }

    fn list(&mut self) -> Result<Node, String> {
        let mut items = Vec::new();
        loop {
            items.push(self.expression(0)?);
            if self.is("]") {
                self.at += 1;
                return Ok(Node::List(items));
            }
            self.expect(",")?;
        }
    }

    fn object(&mut self) -> Result<Node, String> {
        let mut fields = Vec::new();
        loop {
            let (Token::Name(key) | Token::Quoted(key)) = self.next() else {
                return Err("SyntaxError: Expected tQuotedIdentifier or tUnquotedIdentifier".into());
            };
            self.expect(":")?;
            fields.push((key, self.expression(0)?));
            if self.is("}") {
                self.at += 1;
                return Ok(Node::Object(fields));
            }
            self.expect(",")?;
        }
    }

    fn after_dot(&mut self, binding: u8) -> Result<Node, String> {
        match self.peek() {
            Token::Name(_) | Token::Quoted(_) | Token::Sign("*") => self.expression(binding),
            Token::Sign("[") => {
                self.at += 1;
                self.list()
            }
            Token::Sign("{") => {
                self.at += 1;
                self.object()
            }
            _ => Err("SyntaxError: Expected identifier, lbracket, or lbrace".into()),
        }
    }

    /// What is asked of each item of a projection.
    fn projected(&mut self, binding: u8) -> Result<Node, String> {
        match self.peek() {
            token if power(token) < 10 => Ok(Node::Current),
            Token::Sign("[" | "[?") => self.expression(binding),
            Token::Sign(".") => {
                self.at += 1;
                self.after_dot(binding)
            }
            _ => Err("SyntaxError: Error".into()),
        }
    }
}
