//! The formatter: spaces, indentation and blank lines as they should be, line breaks where the
//! author put them.
//!
//! It works on tokens and keeps comments. What it returns is always the same program: the result
//! is parsed again, and where it would differ, the text comes back as it was.

#[cfg(test)]
mod tests;
pub(crate) mod tokens;

use tokens::{Kind, Token};

use crate::{Diagnostics, Environment, Program};

/// Formats a mapping. A comment that ends the text without a line break, which the grammar does
/// not take, gets one.
///
/// # Errors
/// The text is no mapping.
pub fn format(text: &str, environment: &Environment) -> Result<String, Diagnostics> {
    let ended;
    let text = if text.is_empty() || text.ends_with('\n') {
        text
    } else {
        ended = format!("{text}\n");
        &ended
    };
    let program = Program::parse(text, environment)?;
    let formatted = print(text, environment);
    match Program::parse(&formatted, environment) {
        Ok(again) if again == program => Ok(formatted),
        _ => Ok(text.to_owned()),
    }
}

fn print(text: &str, environment: &Environment) -> String {
    Printer::default().print(&tokens::read(text, environment))
}

const INDENT: &str = "  ";

/// What a bracket holds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Inside {
    /// Arguments, a group, items of an array, fields of an object.
    Items,
    /// `[…]` behind a value.
    Index,
    /// Statements, cases or the branch of an `if`.
    Block,
}

struct Bracket {
    inside: Inside,
    /// Indentation of the line it was opened on.
    indent: usize,
    /// [`Printer::awaits_block`] outside of it.
    awaits_block: bool,
}

#[derive(Default)]
struct Printer {
    out: String,
    open: Vec<Bracket>,
    /// Indentation of the line being written.
    indent: usize,
    /// An `if`, `else` or `match` was read whose block did not begin yet.
    awaits_block: bool,
}

/// What stands before a token, and how it was meant.
#[derive(Clone, Copy)]
struct Before<'t> {
    token: Token<'t>,
    role: Role,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    /// A name, literal or closing bracket: what operators stand behind.
    Operand,
    /// `-` or `!` in front of an operand.
    Sign,
    /// An operator between operands, an arrow, or an assignment.
    Operator,
    Open(Inside),
    Comma,
    Colon,
    Dot,
    Comment,
}

impl Printer {
    fn print(mut self, tokens: &[Token<'_>]) -> String {
        let mut before: Option<Before<'_>> = None;
        // The last token that is no comment.
        let mut solid: Option<Before<'_>> = None;
        for token in tokens {
            let role = role(*token, solid, self.awaits_block);
            match before {
                Some(before) if token.breaks == 0 => {
                    if let Some(closed) = self.space(before, *token, role) {
                        self.out.push_str(closed);
                    }
                }
                _ => self.line(before, solid, *token),
            }
            self.nest(*token, role);
            self.out.push_str(token.text);
            let this = Before { token: *token, role };
            before = Some(this);
            if role != Role::Comment {
                solid = before;
            }
        }
        if !self.out.is_empty() {
            self.out.push('\n');
        }
        self.out
    }

    /// Enters and leaves brackets.
    fn nest(&mut self, token: Token<'_>, role: Role) {
        match role {
            Role::Open(inside) => {
                let awaits_block = self.awaits_block && inside != Inside::Block;
                self.open.push(Bracket { inside, indent: self.indent, awaits_block });
                self.awaits_block = false;
            }
            _ if token.kind == Kind::Close => {
                self.awaits_block = self.open.pop().is_some_and(|bracket| bracket.awaits_block);
            }
            _ => self.awaits_block |= is_word(token),
        }
    }

    /// Begins a line for a token. `solid` is the last one before it that is no comment.
    fn line(&mut self, before: Option<Before<'_>>, solid: Option<Before<'_>>, token: Token<'_>) {
        if let Some(before) = before {
            self.out.push('\n');
            let at_edge = matches!(before.role, Role::Open(_)) || token.kind == Kind::Close;
            if token.breaks > 1 && !at_edge {
                self.out.push('\n');
            }
        }
        self.indent = match self.open.last() {
            Some(bracket) if token.kind == Kind::Close => bracket.indent,
            bracket => {
                bracket.map_or(0, |bracket| bracket.indent + 1) + usize::from(goes_on(solid))
            }
        };
        for _ in 0..self.indent {
            self.out.push_str(INDENT);
        }
    }

    /// What stands between two tokens of a line.
    fn space(&self, before: Before<'_>, token: Token<'_>, role: Role) -> Option<&'static str> {
        let inside = self.open.last().map_or(Inside::Items, |bracket| bracket.inside);
        let spaced = match (before.role, role) {
            (_, Role::Comment) => true,
            (Role::Open(_), _) if token.kind == Kind::Close => false,
            (Role::Open(Inside::Block), _) => true,
            (Role::Open(_), _) => false,
            _ if token.kind == Kind::Close => inside == Inside::Block,
            // `1. 5` is a path below a number, `1.5` another number.
            (Role::Dot, _) if token.spaced && is_digit(token.text.chars().next()) => {
                is_digit(self.out.chars().nth_back(1))
            }
            (_, Role::Comma | Role::Dot | Role::Colon) | (Role::Dot | Role::Sign, _) => false,
            (Role::Comma, _) => true,
            (Role::Colon, _) => inside != Inside::Index,
            (_, Role::Operator) | (Role::Operator, _) => true,
            _ if token.text == "{" || is_word(token) => true,
            // Only what was apart may be apart: an index from a value followed by an array.
            _ => token.spaced,
        };
        spaced.then_some(" ")
    }
}

/// Whether a line behind this token goes on with it. The grammar breaks lines only behind dots,
/// operators and what opens or separates items, never in front of them.
fn goes_on(solid: Option<Before<'_>>) -> bool {
    solid.is_some_and(|before| {
        matches!(before.role, Role::Operator | Role::Sign | Role::Colon | Role::Dot)
    })
}

/// What a token means behind `before`, which is no comment.
fn role(token: Token<'_>, before: Option<Before<'_>>, awaits_block: bool) -> Role {
    let after_operand = before.is_some_and(|before| before.role == Role::Operand);
    let after_word = before.is_some_and(|before| is_word(before.token));
    match token.kind {
        Kind::Comment => Role::Comment,
        Kind::Comma => Role::Comma,
        Kind::Colon => Role::Colon,
        Kind::Dot => Role::Dot,
        Kind::Operand | Kind::Close => Role::Operand,
        Kind::Operator => match token.text {
            "!" => Role::Sign,
            // No line begins with an operator between operands.
            "-" if !after_operand || after_word || token.breaks > 0 => Role::Sign,
            _ => Role::Operator,
        },
        Kind::Open => Role::Open(match token.text {
            "{" if after_operand && (token.breaks == 0 || awaits_block) => Inside::Block,
            "[" if after_operand && !token.spaced && !after_word => Inside::Index,
            _ => Inside::Items,
        }),
    }
}

fn is_digit(c: Option<char>) -> bool {
    c.is_some_and(|c| c.is_ascii_digit())
}

/// Whether it is a word that stands in front of expressions or blocks.
fn is_word(token: Token<'_>) -> bool {
    !token.after_dot && matches!(token.text, "if" | "match" | "else")
}
