//! The grammar of templates.

use std::collections::BTreeMap;

use sluice_value::Value;

use super::functions::Function;
use super::lex::{Piece, Token, pieces};

/// Deepest nesting of actions and brackets.
const MAX_NESTING: usize = 200;

#[derive(Debug)]
pub(super) enum Node {
    Text(String),
    Print(Pipeline),
    If(Pipeline, Vec<Node>, Vec<Node>),
    With(Pipeline, Vec<Node>, Vec<Node>),
    Range(Pipeline, Vec<Node>, Vec<Node>),
    Template(String, Option<Pipeline>),
    Break,
    Continue,
}

/// Commands, each fed with the result of the one before.
#[derive(Debug)]
pub(super) struct Pipeline {
    /// Variables that are set to the result; two of a `range`.
    pub(super) variables: Vec<String>,
    /// Whether the variables are new.
    pub(super) declares: bool,
    pub(super) commands: Vec<Vec<Operand>>,
}

#[derive(Debug)]
pub(super) enum Operand {
    Literal(Value),
    Dot,
    Variable(String),
    Call(Function),
    Pipeline(Box<Pipeline>),
    /// Fields of what the first operand is.
    Fields(Box<Operand>, Vec<String>),
}

/// Templates by name.
pub(super) type Templates = BTreeMap<String, Vec<Node>>;

/// Parses a template and what it defines, and adds all of it.
///
/// # Errors
/// What is wrong, and on which line.
pub(super) fn parse(
    name: &str,
    text: &str,
    own: &[String],
    templates: &mut Templates,
) -> Result<(), String> {
    let mut parser = Parser {
        name,
        pieces: pieces(name, text)?.into_iter(),
        own,
        templates,
        line: 1,
        nesting: 0,
        loops: 0,
    };
    let (nodes, end) = parser.nodes()?;
    if let Some(end) = end {
        return Err(parser.error(&format!("unexpected {{{{{end}}}}}")));
    }
    templates.insert(name.to_owned(), nodes);
    Ok(())
}

struct Parser<'t> {
    name: &'t str,
    pieces: std::vec::IntoIter<Piece>,
    /// Names of functions that the configuration adds.
    own: &'t [String],
    templates: &'t mut Templates,
    line: usize,
    nesting: usize,
    loops: usize,
}

/// The rest of an action's tokens.
struct Tokens(std::iter::Peekable<std::vec::IntoIter<Token>>);

impl Parser<'_> {
    fn error(&self, problem: &str) -> String {
        format!("template: {}:{}: {problem}", self.name, self.line)
    }

    /// Nodes up to an `end` or `else`, which is given back with what follows it.
    fn nodes(&mut self) -> Result<(Vec<Node>, Option<String>), String> {
        self.nodes_until().map(|(nodes, end)| (nodes, end.map(|(word, _)| word)))
    }

    #[allow(clippy::type_complexity)]
    fn nodes_until(&mut self) -> Result<(Vec<Node>, Option<(String, Tokens)>), String> {
        self.nesting += 1;
        if self.nesting > MAX_NESTING {
            return Err(self.error("the template is nested too deeply"));
        }
        let mut nodes = Vec::new();
        while let Some(piece) = self.pieces.next() {
            let (tokens, line) = match piece {
                Piece::Text(text) => {
                    nodes.push(Node::Text(text));
                    continue;
                }
                Piece::Action(tokens, line) => (tokens, line),
            };
            self.line = line;
            let mut tokens = Tokens(tokens.into_iter().peekable());
            let Some(Token::Word(word)) = tokens.0.peek().cloned() else {
                nodes.push(Node::Print(self.whole(tokens)?));
                continue;
            };
            let is_keyword = matches!(
                word.as_str(),
                "if" | "with"
                    | "range"
                    | "else"
                    | "end"
                    | "define"
                    | "block"
                    | "template"
                    | "break"
                    | "continue"
            );
            if is_keyword {
                tokens.0.next();
            }
            match word.as_str() {
                "end" | "else" => {
                    self.nesting -= 1;
                    return Ok((nodes, Some((word, tokens))));
                }
                "if" | "with" | "range" => nodes.push(self.block(&word, tokens)?),
                "define" => {
                    let name = self.literal_name(&mut tokens)?;
                    let body = self.body()?;
                    self.templates.insert(name, body);
                }
                "block" => {
                    let name = self.literal_name(&mut tokens)?;
                    let value = self.whole(tokens)?;
                    let body = self.body()?;
                    self.templates.entry(name.clone()).or_insert(body);
                    nodes.push(Node::Template(name, Some(value)));
                }
                "template" => {
                    let name = self.literal_name(&mut tokens)?;
                    let value = match tokens.0.peek() {
                        Some(_) => Some(self.whole(tokens)?),
                        None => None,
                    };
                    nodes.push(Node::Template(name, value));
                }
                "break" | "continue" if self.loops == 0 => {
                    return Err(self.error(&format!("{{{{{word}}}}} outside {{{{range}}}}")));
                }
                "break" => nodes.push(Node::Break),
                "continue" => nodes.push(Node::Continue),
                _ => nodes.push(Node::Print(self.whole(tokens)?)),
            }
        }
        self.nesting -= 1;
        Ok((nodes, None))
    }

    /// Nodes up to the `end` that must come.
    fn body(&mut self) -> Result<Vec<Node>, String> {
        match self.nodes()? {
            (nodes, Some(end)) if end == "end" => Ok(nodes),
            (_, Some(_)) => Err(self.error("unexpected {{else}}")),
            (_, None) => Err(self.error("unexpected EOF")),
        }
    }

    fn block(&mut self, word: &str, tokens: Tokens) -> Result<Node, String> {
        let pipeline = self.whole(tokens)?;
        let is_loop = word == "range";
        self.loops += usize::from(is_loop);
        let (body, end) = self.nodes_until()?;
        self.loops -= usize::from(is_loop);
        let otherwise = match end {
            None => return Err(self.error("unexpected EOF")),
            Some((end, _)) if end == "end" => Vec::new(),
            Some((_, mut tokens)) => match tokens.0.next() {
                None => self.body()?,
                Some(Token::Word(next)) if next == word && word != "range" => {
                    vec![self.block(word, tokens)?]
                }
                Some(_) => return Err(self.error("unexpected token in {{else}}")),
            },
        };
        Ok(match word {
            "if" => Node::If(pipeline, body, otherwise),
            "with" => Node::With(pipeline, body, otherwise),
            _ => Node::Range(pipeline, body, otherwise),
        })
    }

    fn literal_name(&self, tokens: &mut Tokens) -> Result<String, String> {
        match tokens.0.next() {
            Some(Token::Literal(Value::String(name))) => Ok(name.into()),
            _ => Err(self.error("the name of a template must be a string")),
        }
    }

    /// A pipeline that is all there is.
    fn whole(&mut self, mut tokens: Tokens) -> Result<Pipeline, String> {
        let pipeline = self.pipeline(&mut tokens)?;
        match tokens.0.next() {
            None => Ok(pipeline),
            Some(_) => Err(self.error("unexpected token in command")),
        }
    }

    fn pipeline(&mut self, tokens: &mut Tokens) -> Result<Pipeline, String> {
        self.nesting += 1;
        if self.nesting > MAX_NESTING {
            return Err(self.error("the template is nested too deeply"));
        }
        let mut pipeline =
            Pipeline { variables: Vec::new(), declares: false, commands: Vec::new() };
        let ahead: Vec<Token> = tokens.0.clone().take(4).collect();
        let (variables, sign) = match &ahead[..] {
            [Token::Variable(name), sign @ (Token::Declare | Token::Assign), ..] => {
                (vec![name.clone()], Some((sign, 2)))
            }
            [
                Token::Variable(key),
                Token::Comma,
                Token::Variable(value),
                sign @ (Token::Declare | Token::Assign),
            ] => (vec![key.clone(), value.clone()], Some((sign, 4))),
            _ => (Vec::new(), None),
        };
        if let Some((sign, length)) = sign {
            pipeline.declares = *sign == Token::Declare;
            pipeline.variables = variables;
            tokens.0.by_ref().take(length).for_each(drop);
        }
        loop {
            let mut command = Vec::new();
            while let Some(operand) = self.operand(tokens)? {
                command.push(operand);
            }
            if command.is_empty() {
                return Err(self.error("missing value for command"));
            }
            pipeline.commands.push(command);
            if tokens.0.next_if_eq(&Token::Pipe).is_none() {
                break;
            }
        }
        self.nesting -= 1;
        Ok(pipeline)
    }

    fn operand(&mut self, tokens: &mut Tokens) -> Result<Option<Operand>, String> {
        let base = match tokens.0.peek().cloned() {
            None | Some(Token::Pipe | Token::Close) => return Ok(None),
            Some(Token::Literal(value)) => Operand::Literal(value),
            Some(Token::Dot) => Operand::Dot,
            Some(Token::Variable(name)) => Operand::Variable(name),
            Some(Token::Field(..)) => {
                let fields = fields(tokens, true);
                return Ok(Some(Operand::Fields(Box::new(Operand::Dot), fields)));
            }
            Some(Token::Word(name)) => {
                let function = Function::parse(&name, self.own);
                let missing = || self.error(&format!("function {name:?} not defined"));
                Operand::Call(function.ok_or_else(missing)?)
            }
            Some(Token::Open) => {
                tokens.0.next();
                let inner = self.pipeline(tokens)?;
                if tokens.0.peek() != Some(&Token::Close) {
                    return Err(self.error("unclosed left paren"));
                }
                Operand::Pipeline(Box::new(inner))
            }
            Some(Token::Comma | Token::Declare | Token::Assign) => {
                return Err(self.error("unexpected token in operand"));
            }
        };
        tokens.0.next();
        let fields = fields(tokens, false);
        Ok(Some(if fields.is_empty() { base } else { Operand::Fields(Box::new(base), fields) }))
    }
}

/// Fields that belong to what stands before them; the first one stands alone after all.
fn fields(tokens: &mut Tokens, mut takes_any: bool) -> Vec<String> {
    let mut fields = Vec::new();
    while let Some(Token::Field(name, is_attached)) = tokens.0.peek() {
        if !is_attached && !takes_any {
            break;
        }
        takes_any = false;
        fields.push(name.clone());
        tokens.0.next();
    }
    fields
}
