//! Programs as trees.

use regex::Regex;
use sluice_value::EcoString;

use super::builtin::Builtin;
use super::functions::Native;

/// A parsed program.
pub(super) struct Program {
    pub(super) begin: Vec<Vec<Statement>>,
    pub(super) rules: Vec<Rule>,
    pub(super) end: Vec<Vec<Statement>>,
    pub(super) functions: Vec<Function>,
    /// Names of the global variables, the special ones first.
    pub(super) globals: Vec<EcoString>,
}

pub(super) struct Rule {
    pub(super) pattern: Pattern,
    /// `None` prints the record.
    pub(super) action: Option<Vec<Statement>>,
}

pub(super) enum Pattern {
    Always,
    When(Expr),
    Range(Expr, Expr),
}

#[derive(Default)]
pub(super) struct Function {
    pub(super) name: EcoString,
    pub(super) parameters: usize,
    pub(super) body: Vec<Statement>,
}

pub(super) enum Statement {
    Expr(Expr),
    Print { values: Vec<Expr>, to: Option<Expr> },
    Printf { values: Vec<Expr>, to: Option<Expr> },
    If(Expr, Vec<Statement>, Vec<Statement>),
    While(Expr, Vec<Statement>),
    DoWhile(Vec<Statement>, Expr),
    For(Option<Box<Statement>>, Option<Expr>, Option<Box<Statement>>, Vec<Statement>),
    ForIn(Variable, Variable, Vec<Statement>),
    Block(Vec<Statement>),
    Break,
    Continue,
    Next,
    Exit(Option<Expr>),
    Return(Option<Expr>),
    Delete(Variable, Vec<Expr>),
    DeleteAll(Variable),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Variable {
    Global(usize),
    Local(usize),
}

/// The special variables, by their place among the global ones.
pub(super) const SPECIAL: &[&str] = &[
    "NF", "NR", "FNR", "FS", "OFS", "ORS", "RS", "SUBSEP", "CONVFMT", "OFMT", "RSTART", "RLENGTH",
    "FILENAME", "ARGC",
];

/// Places of special variables.
pub(super) mod special {
    pub(in super::super) const NF: usize = 0;
    pub(in super::super) const NR: usize = 1;
    pub(in super::super) const FNR: usize = 2;
    pub(in super::super) const FS: usize = 3;
    pub(in super::super) const OFS: usize = 4;
    pub(in super::super) const ORS: usize = 5;
    pub(in super::super) const RS: usize = 6;
    pub(in super::super) const SUBSEP: usize = 7;
    pub(in super::super) const CONVFMT: usize = 8;
    pub(in super::super) const OFMT: usize = 9;
    pub(in super::super) const RSTART: usize = 10;
    pub(in super::super) const RLENGTH: usize = 11;
}

/// What can be assigned to.
#[derive(Clone)]
pub(super) enum Place {
    Variable(Variable),
    Element(Variable, Vec<Expr>),
    Field(Box<Expr>),
}

#[derive(Clone)]
pub(super) enum Expr {
    Number(f64),
    Text(EcoString),
    /// Whether the record matches.
    Regex(Regex),
    Place(Place),
    Assign(Place, Box<Expr>),
    Update(Place, Arithmetic, Box<Expr>),
    /// Adds to a place; the value is the one before or the one after.
    Step {
        place: Place,
        by: f64,
        is_before: bool,
    },
    Choice(Box<Expr>, Box<Expr>, Box<Expr>),
    And(Box<Expr>, Box<Expr>),
    Or(Box<Expr>, Box<Expr>),
    Not(Box<Expr>),
    Negate(Box<Expr>),
    Plus(Box<Expr>),
    Arithmetic(Arithmetic, Box<Expr>, Box<Expr>),
    Compare(Comparison, Box<Expr>, Box<Expr>),
    Concat(Box<Expr>, Box<Expr>),
    Match {
        text: Box<Expr>,
        regex: Box<Expr>,
        negated: bool,
    },
    In(Vec<Expr>, Variable),
    Builtin(Builtin, Vec<Expr>),
    Native(Native, Vec<Expr>),
    Call(usize, Vec<Expr>),
    Getline(Option<Place>),
    /// In brackets: a value that is one thing, such as an argument of `print`.
    Group(Box<Expr>),
    /// `(a, b)`: only as an index or the arguments of `print`.
    List(Vec<Expr>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arithmetic {
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
    Power,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    Less,
    LessOrEqual,
    Equal,
    NotEqual,
    Greater,
    GreaterOrEqual,
}
