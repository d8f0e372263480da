//! The tree a mapping is compiled to. Names are resolved, literal arguments prepared, constant
//! arithmetic folded; what is left is what has to be done for every message.

use std::{fmt, sync::Arc};

use ecow::EcoString;
use sluice_value::Value;

use crate::{
    Outcome,
    builtin::{Call, MethodCall},
    path,
};

/// Byte positions of a piece of source text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    pub start: usize,
    pub end: usize,
}

/// An expression and where it stands in the source.
#[derive(Clone, Debug)]
pub struct Expr {
    pub kind: ExprKind,
    pub span: Span,
    /// Levels of expressions inside, counting this one; the parser bounds it.
    pub(crate) height: u32,
}

#[derive(Clone, Debug, PartialEq)]
pub enum ExprKind {
    Literal(Literal),
    /// A path below `this`, `root` or a name bound by a lambda.
    Path {
        base: Base,
        keys: Vec<EcoString>,
    },
    /// A path below the result of another expression.
    Get {
        target: Box<Expr>,
        keys: Vec<EcoString>,
    },
    /// `target[index]`
    Index {
        target: Box<Expr>,
        index: Box<Expr>,
    },
    /// `target[start:end:step]`
    Slice {
        target: Box<Expr>,
        bounds: Box<Bounds>,
    },
    /// `@key`, or `@` for all metadata.
    Metadata(Option<EcoString>),
    Variable {
        slot: usize,
        name: EcoString,
    },
    /// A placeholder read at evaluation, such as `$tyk_context.user`.
    Param(EcoString),
    /// A string literal with placeholders inside.
    Text(Vec<TextPart>),
    Array(Vec<Expr>),
    Object(Fields),
    Not(Box<Expr>),
    Binary {
        op: Operator,
        left: Box<Expr>,
        right: Box<Expr>,
    },
    /// The first condition that holds decides.
    If {
        branches: Vec<(Expr, Expr)>,
        otherwise: Option<Box<Expr>>,
    },
    Match {
        subject: Option<Box<Expr>>,
        cases: Vec<(Case, Expr)>,
    },
    /// `name -> body`; the name is empty for `_`.
    Lambda {
        name: EcoString,
        body: Box<Expr>,
    },
    /// `target.(body)`.
    Map {
        target: Box<Expr>,
        body: Arc<Expr>,
    },
    Function(Call),
    Method(Box<MethodCall>),
}

/// A value known when the program is compiled.
#[derive(Clone, Debug, PartialEq)]
pub struct Literal {
    pub outcome: Outcome<'static>,
    /// How errors call it, when that is not just its kind.
    pub annotation: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Base {
    This,
    Root,
    /// Bound `depth` lambdas further out than the innermost.
    Name {
        depth: usize,
        name: EcoString,
    },
}

/// What `[start:end:step]` says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Bounds {
    pub start: Option<Expr>,
    pub end: Option<Expr>,
    pub step: Option<Expr>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum TextPart {
    Plain(EcoString),
    Param(EcoString),
}

#[derive(Clone, Debug, PartialEq)]
pub enum Key {
    Literal(EcoString),
    Computed(Expr),
}

#[derive(Clone, Debug, PartialEq)]
pub enum Case {
    /// `_`
    Always,
    /// A literal, compared with the subject.
    Equal(Value),
    When(Expr),
}

/// The fields of an object literal, as they stand in the text.
#[derive(Clone, Debug, PartialEq)]
pub struct Fields {
    fields: Vec<(Key, Expr)>,
    /// The positions in the order of their keys, where these are known and differ.
    order: Option<Box<[usize]>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
    Equal,
    NotEqual,
    Greater,
    Less,
    GreaterOrEqual,
    LessOrEqual,
    And,
    Or,
    Coalesce,
}

impl Fields {
    pub(crate) fn new(fields: Vec<(Key, Expr)>) -> Self {
        let order = in_order(&fields);
        Self { fields, order }
    }

    pub(crate) fn order(&self) -> Option<&[usize]> {
        self.order.as_deref()
    }
}

fn in_order(fields: &[(Key, Expr)]) -> Option<Box<[usize]>> {
    let key = |at: usize| match &fields[at].0 {
        Key::Literal(key) => Some(key),
        Key::Computed(_) => None,
    };
    let mut order: Box<[usize]> = (0..fields.len()).collect();
    order.sort_by_key(|at| key(*at));
    let is_known = order.iter().all(|at| key(*at).is_some());
    let is_distinct = order.windows(2).all(|pair| key(pair[0]) != key(pair[1]));
    (is_known && is_distinct).then_some(order)
}

impl std::ops::Deref for Fields {
    type Target = [(Key, Expr)];

    fn deref(&self) -> &Self::Target {
        &self.fields
    }
}

impl<'e> IntoIterator for &'e Fields {
    type Item = &'e (Key, Expr);
    type IntoIter = std::slice::Iter<'e, (Key, Expr)>;

    fn into_iter(self) -> Self::IntoIter {
        self.fields.iter()
    }
}

impl Operator {
    /// What it does, as errors say it.
    pub fn verb(self) -> &'static str {
        match self {
            Self::Add => "add",
            Self::Subtract => "subtract",
            Self::Multiply => "multiply",
            Self::Divide => "divide",
            Self::Modulo => "modulo",
            Self::And => "boolean and",
            Self::Or => "boolean or",
            Self::Coalesce => "coalesce",
            _ => "compare",
        }
    }
}

impl Literal {
    pub fn value(value: impl Into<Value>) -> Self {
        Self { outcome: Outcome::Owned(value.into()), annotation: None }
    }
}

impl Expr {
    pub fn new(kind: ExprKind, span: Span) -> Self {
        let mut expr = Self { kind, span, height: 0 };
        let mut height = 0;
        expr.for_each_child(&mut |child, _| height = height.max(child.height));
        expr.height = height.saturating_add(1);
        expr
    }

    pub fn literal(value: impl Into<Value>, span: Span) -> Self {
        Self::new(ExprKind::Literal(Literal::value(value)), span)
    }

    /// Calls `visit` for each expression directly inside this one; the flag tells queries that the
    /// built-in around them evaluates itself.
    pub fn for_each_child<'e>(&'e self, visit: &mut dyn FnMut(&'e Expr, bool)) {
        match &self.kind {
            ExprKind::Literal(_)
            | ExprKind::Path { .. }
            | ExprKind::Metadata(_)
            | ExprKind::Variable { .. }
            | ExprKind::Param(_)
            | ExprKind::Text(_) => {}
            ExprKind::Get { target, .. } => visit(target, false),
            ExprKind::Index { target, index } => {
                visit(target, false);
                visit(index, false);
            }
            ExprKind::Slice { target, bounds } => {
                visit(target, false);
                for bound in [&bounds.start, &bounds.end, &bounds.step] {
                    bound.iter().for_each(|bound| visit(bound, false));
                }
            }
            ExprKind::Array(items) => items.iter().for_each(|item| visit(item, false)),
            ExprKind::Object(fields) => {
                for (key, value) in fields {
                    if let Key::Computed(key) = key {
                        visit(key, false);
                    }
                    visit(value, false);
                }
            }
            ExprKind::Not(inner) => visit(inner, false),
            ExprKind::Binary { left, right, .. } => {
                visit(left, false);
                visit(right, false);
            }
            ExprKind::If { branches, otherwise } => {
                for (condition, body) in branches {
                    visit(condition, false);
                    visit(body, false);
                }
                otherwise.iter().for_each(|body| visit(body, false));
            }
            ExprKind::Match { subject, cases } => {
                subject.iter().for_each(|subject| visit(subject, false));
                for (case, body) in cases {
                    if let Case::When(condition) = case {
                        visit(condition, false);
                    }
                    visit(body, false);
                }
            }
            ExprKind::Lambda { body, .. } => visit(body, false),
            ExprKind::Map { target, body } => {
                visit(target, false);
                visit(body, false);
            }
            ExprKind::Function(call) => call.args().for_each_expr(visit),
            ExprKind::Method(call) => {
                visit(call.target(), false);
                call.args().for_each_expr(visit);
            }
        }
    }

    pub fn as_literal(&self) -> Option<&Literal> {
        match &self.kind {
            ExprKind::Literal(literal) => Some(literal),
            _ => None,
        }
    }

    /// How error messages refer to the expression.
    pub fn annotation(&self) -> String {
        match &self.kind {
            ExprKind::Literal(literal) => match &literal.annotation {
                Some(annotation) => annotation.clone(),
                None => format!("{} literal", literal.outcome.kind_name()),
            },
            ExprKind::Path { base, keys } => {
                let dot = if keys.is_empty() { "" } else { "." };
                format!("field `{base}{dot}{}`", path::join(keys))
            }
            ExprKind::Get { keys, .. } => format!("path `{}`", path::join(keys)),
            ExprKind::Index { .. } => "index".into(),
            ExprKind::Slice { .. } => "slice".into(),
            ExprKind::Metadata(Some(key)) => format!("meta field {key}"),
            ExprKind::Metadata(None) => "meta object".into(),
            ExprKind::Variable { name, .. } => format!("variable {name}"),
            ExprKind::Param(name) => format!("parameter {name}"),
            ExprKind::Text(_) => "string literal".into(),
            ExprKind::Array(_) => "array literal".into(),
            ExprKind::Object(_) => "object literal".into(),
            ExprKind::Not(inner) => format!("not {}", inner.annotation()),
            ExprKind::Binary { right, .. } => right.annotation(),
            ExprKind::If { .. } => "if expression".into(),
            ExprKind::Match { .. } => "match expression".into(),
            ExprKind::Lambda { body, .. } => body.annotation(),
            ExprKind::Map { body, .. } => body.annotation(),
            ExprKind::Function(call) => call.annotation(),
            ExprKind::Method(call) => call.annotation(),
        }
    }
}

/// Expressions are equal that do the same, wherever they stand.
impl PartialEq for Expr {
    fn eq(&self, other: &Self) -> bool {
        self.kind == other.kind
    }
}

impl fmt::Display for Base {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::This => f.write_str("this"),
            Self::Root => f.write_str("root"),
            Self::Name { name, .. } => f.write_str(name),
        }
    }
}
