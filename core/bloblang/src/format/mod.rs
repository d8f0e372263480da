//! The formatter: spaces, indentation and blank lines as they should be, line breaks where the
//! author put them.
//!
//! It works on tokens and keeps comments. What it returns is always the same program: the result
//! is parsed again, and where it would differ, the text comes back as it was.

mod tokens;

use tokens::{Kind, Token};

use crate::{Diagnostics, Environment, Program};

/// Formats a mapping.
///
/// # Errors
/// The text is no mapping.
pub fn format(text: &str, environment: &Environment) -> Result<String, Diagnostics> {
    let program = Program::parse(text, environment)?;
    let formatted = Printer::default().print(&tokens::read(text, environment));
    match Program::parse(&formatted, environment) {
        Ok(again) if again == program => Ok(formatted),
        _ => Ok(text.to_owned()),
    }
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
}

#[derive(Default)]
struct Printer {
    out: String,
    open: Vec<Bracket>,
    /// Indentation of the line being written.
    indent: usize,
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
        for (at, token) in tokens.iter().enumerate() {
            let role = role(*token, solid);
            match before {
                Some(before) if token.breaks == 0 => {
                    if let Some(closed) = self.space(before, *token, role) {
                        self.out.push_str(closed);
                    }
                }
                _ => self.line(before, solid, &tokens[at..]),
            }
            match token.kind {
                Kind::Open => self.open.push(Bracket {
                    inside: if let Role::Open(inside) = role { inside } else { Inside::Items },
                    indent: self.indent,
                }),
                Kind::Close => drop(self.open.pop()),
                _ => {}
            }
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

    /// Begins a line for the first of `tokens`.
    fn line(
        &mut self,
        before: Option<Before<'_>>,
        solid: Option<Before<'_>>,
        tokens: &[Token<'_>],
    ) {
        let token = tokens[0];
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
                let first = tokens.iter().find(|token| token.kind != Kind::Comment);
                bracket.map_or(0, |bracket| bracket.indent + 1)
                    + usize::from(first.is_some_and(|first| continues(*first, solid)))
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
            (_, Role::Comma | Role::Dot | Role::Colon) | (Role::Dot | Role::Sign, _) => false,
            (Role::Comma, _) => true,
            (Role::Colon, _) => inside != Inside::Index,
            (_, Role::Operator) | (Role::Operator, _) => true,
            _ if token.text == "{" => true,
            // Only what was apart may be apart: an index from a value followed by an array.
            _ => token.spaced,
        };
        spaced.then_some(" ")
    }
}

/// Whether a line that begins with `token` goes on with what stood before it.
fn continues(token: Token<'_>, solid: Option<Before<'_>>) -> bool {
    let Some(before) = solid else { return false };
    matches!(before.role, Role::Operator | Role::Sign | Role::Colon)
        || matches!(role(token, solid), Role::Operator | Role::Dot)
            && !matches!(before.role, Role::Open(_) | Role::Comma)
}

fn role(token: Token<'_>, before: Option<Before<'_>>) -> Role {
    let after_operand = matches!(before, Some(before) if before.role == Role::Operand);
    match token.kind {
        Kind::Comment => Role::Comment,
        Kind::Comma => Role::Comma,
        Kind::Colon => Role::Colon,
        Kind::Dot => Role::Dot,
        Kind::Operand | Kind::Close => Role::Operand,
        Kind::Operator => match token.text {
            "!" => Role::Sign,
            // A line that begins with `-1` is a value, one that begins with `- 1` goes on.
            "-" if !after_operand || is_word(before) => Role::Sign,
            "-" if token.breaks > 0 && !token.space_follows => Role::Sign,
            _ => Role::Operator,
        },
        Kind::Open => Role::Open(match token.text {
            "{" if after_operand => Inside::Block,
            "[" if after_operand && !token.spaced && !is_word(before) => Inside::Index,
            _ => Inside::Items,
        }),
    }
}

/// Whether it is a word that stands in front of expressions.
fn is_word(before: Option<Before<'_>>) -> bool {
    before.is_some_and(|before| {
        !before.token.after_dot && matches!(before.token.text, "if" | "match" | "else")
    })
}
