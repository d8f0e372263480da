//! The tree of a path.

use sluice_value::Value;

use crate::builtin::Pattern;

#[derive(Clone, Debug)]
pub(super) enum Expr {
    Constant(Value),
    Path(Path),
    /// A field of the document without `$`.
    Variable(Vec<Expr>),
    Array(Vec<Expr>),
    Object(Vec<(Expr, Expr)>),
    Prefix(Prefix, Box<Expr>),
    Infix(Infix, Box<Expr>, Box<Expr>),
    /// Whether a text matches a pattern, or does not.
    Matches {
        text: Box<Expr>,
        pattern: Pattern,
        wanted: bool,
    },
    If(Box<Expr>, Box<Expr>, Box<Expr>),
    /// Nothing can be called.
    Call(String, Box<Expr>),
}

#[derive(Clone, Debug, Default)]
pub(super) struct Path {
    pub(super) start: Vec<Step>,
    /// From the first step that may lead to several places.
    pub(super) branches: Vec<(Branch, Vec<Step>)>,
}

/// A step to one place.
#[derive(Clone, Debug)]
pub(super) enum Step {
    /// `@`
    Current,
    Key(Expr),
    Script(Expr),
}

/// A step to any number of places.
#[derive(Clone, Debug)]
pub(super) enum Branch {
    All,
    Keys(Vec<Expr>),
    Range(Box<[Expr; 3]>),
    Filter(Expr),
    /// The value itself and all inside it.
    Descend,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Prefix {
    Negate,
    Not,
    Complement,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Infix {
    Coalesce,
    Or,
    And,
    Equal,
    NotEqual,
    Greater,
    GreaterEqual,
    Less,
    LessEqual,
    In,
    BitXor,
    BitAnd,
    BitOr,
    ShiftLeft,
    ShiftRight,
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
    Power,
}

impl Infix {
    pub(super) const ALL: [(&'static str, Self); 21] = [
        ("??", Self::Coalesce),
        ("||", Self::Or),
        ("&&", Self::And),
        ("==", Self::Equal),
        ("!=", Self::NotEqual),
        (">", Self::Greater),
        (">=", Self::GreaterEqual),
        ("<", Self::Less),
        ("<=", Self::LessEqual),
        ("in", Self::In),
        ("^", Self::BitXor),
        ("&", Self::BitAnd),
        ("|", Self::BitOr),
        ("<<", Self::ShiftLeft),
        (">>", Self::ShiftRight),
        ("+", Self::Add),
        ("-", Self::Subtract),
        ("*", Self::Multiply),
        ("/", Self::Divide),
        ("%", Self::Remainder),
        ("**", Self::Power),
    ];

    pub(super) fn sign(self) -> &'static str {
        Self::ALL.iter().find(|(_, infix)| *infix == self).map_or("", |(sign, _)| *sign)
    }

    pub(super) fn precedence(self) -> u8 {
        match self {
            Self::Coalesce => 0,
            Self::Or => 20,
            Self::And => 21,
            Self::Equal
            | Self::NotEqual
            | Self::Greater
            | Self::GreaterEqual
            | Self::Less
            | Self::LessEqual
            | Self::In => 40,
            Self::BitXor | Self::BitAnd | Self::BitOr => 60,
            Self::ShiftLeft | Self::ShiftRight => 90,
            Self::Add | Self::Subtract => 120,
            Self::Multiply | Self::Divide | Self::Remainder => 150,
            Self::Power => 200,
        }
    }
}
