//! What a program reads: whether looking up single paths beats parsing the document, and whether
//! values may come to share their parts.

use super::{MapBody, Statement, StatementKind, Target};
use crate::{Base, Expr, ExprKind};

/// Reading a path out of document text costs about a fifth of parsing it.
const WORTHWHILE: usize = 2;

/// True for mappings that read one or two fixed paths of a document, and never all of it.
pub(crate) fn reads_few_paths<'a>(
    statements: &[Statement],
    maps: impl Iterator<Item = &'a MapBody>,
) -> bool {
    let mut reads = Some(0);
    for statement in statements {
        count_statement(statement, &mut reads);
    }
    for map in maps {
        for statement in &map.statements {
            count_statement(statement, &mut reads);
        }
    }
    reads.is_some_and(|reads| reads <= WORTHWHILE)
}

/// True for mappings that can use a computed value more than once, so that documents may grow
/// beyond what the mapping's text and the message amount to.
pub(crate) fn may_share<'a>(
    statements: &[Statement],
    mut maps: impl Iterator<Item = &'a MapBody>,
) -> bool {
    maps.next().is_some() || statements.iter().any(statement_shares)
}

fn statement_shares(statement: &Statement) -> bool {
    match &statement.kind {
        StatementKind::Assign { target: Target::Variable(_), .. } => true,
        StatementKind::Assign { value, .. } => shares(value),
        StatementKind::If(branches) => branches.iter().any(|(condition, statements)| {
            condition.iter().any(shares) || statements.iter().any(statement_shares)
        }),
    }
}

fn shares(expr: &Expr) -> bool {
    let mut found = matches!(
        expr.kind,
        ExprKind::Path { base: Base::Root, .. }
            | ExprKind::Metadata(_)
            | ExprKind::Lambda { .. }
            | ExprKind::Map { .. }
            | ExprKind::Match { .. }
    );
    expr.for_each_child(&mut |child, is_query| found |= is_query || shares(child));
    found
}

/// `None` stands for "more than is worthwhile".
fn count_statement(statement: &Statement, reads: &mut Option<usize>) {
    match &statement.kind {
        StatementKind::Assign { value, .. } => count(value, reads),
        StatementKind::If(branches) => {
            for (condition, statements) in branches {
                condition.iter().for_each(|condition| count(condition, reads));
                statements.iter().for_each(|statement| count_statement(statement, reads));
            }
        }
    }
}

fn count(expr: &Expr, reads: &mut Option<usize>) {
    match &expr.kind {
        ExprKind::Path { base: Base::This, keys } if !keys.is_empty() => {
            *reads = reads.map(|reads| reads + 1);
        }
        // These read all of a document, or may run any number of times.
        ExprKind::Path { base: Base::This, .. }
        | ExprKind::Lambda { .. }
        | ExprKind::Match { subject: None, .. } => *reads = None,
        ExprKind::Function(call) if call.function().name == "json" => *reads = None,
        _ => {}
    }
    let mut loops = false;
    expr.for_each_child(&mut |child, is_query| {
        loops |= is_query;
        count(child, reads);
    });
    if loops && reads_document(expr) {
        *reads = None;
    }
}

/// Whether a query argument reads `this`, which may then happen for each element of an array.
fn reads_document(expr: &Expr) -> bool {
    let mut found = false;
    expr.for_each_child(&mut |child, is_query| found |= is_query && mentions_this(child));
    found
}

fn mentions_this(expr: &Expr) -> bool {
    let mut found = matches!(expr.kind, ExprKind::Path { base: Base::This, .. });
    expr.for_each_child(&mut |child, _| found |= mentions_this(child));
    found
}
