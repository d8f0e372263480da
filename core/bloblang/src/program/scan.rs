//! What a program reads: whether looking up single paths beats parsing the document, whether it
//! reads the document but once, and whether values may come to share their parts.

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

/// True for mappings that make a new document and read the old one as a whole, at one place, and at
/// most once.
pub(crate) fn reads_all_once(statements: &[Statement]) -> bool {
    let is_new = |statement: &Statement| {
        matches!(statement.kind, StatementKind::Assign { target: Target::Root(_), .. })
    };
    let mut reads = Reads::default();
    statements.iter().for_each(|statement| reads.statement(statement));
    reads.whole == 1 && reads.others == 0 && statements.iter().any(is_new)
}

/// Where a document is read.
#[derive(Default)]
struct Reads {
    whole: usize,
    /// Of paths, or perhaps more than once.
    others: usize,
}

impl Reads {
    fn statement(&mut self, statement: &Statement) {
        match &statement.kind {
            StatementKind::Assign { value, .. } => self.expr(value),
            StatementKind::If(branches) => {
                for (condition, statements) in branches {
                    condition.iter().for_each(|condition| self.expr(condition));
                    statements.iter().for_each(|statement| self.statement(statement));
                }
            }
        }
    }

    fn expr(&mut self, expr: &Expr) {
        match &expr.kind {
            ExprKind::Path { base: Base::This, keys } if keys.is_empty() => self.whole += 1,
            ExprKind::Path { base: Base::This, .. } => self.others += 1,
            // `this` is something else in there, or read for each element.
            ExprKind::Lambda { .. } | ExprKind::Map { .. } | ExprKind::Match { .. } => {
                self.others += usize::from(mentions_this(expr));
            }
            _ => expr.for_each_child(&mut |child, is_query| match is_query {
                true => self.others += usize::from(mentions_this(child)),
                false => self.expr(child),
            }),
        }
    }
}

/// What sharing may multiply a document by before it has to be watched.
const HARMLESS: usize = 64;

/// Methods whose results may become their input, or that run what is not in the text.
const FEEDS_BACK: [&str; 3] = ["fold", "set", "bloblang"];

/// True for mappings that can use computed values so often that documents may grow far beyond what
/// the mapping's text and the message amount to.
///
/// Whatever binds a value (a lambda, `match`, a variable) multiplies it at most by how often it is
/// read in the text, so that the product of these counts bounds what all of them do together.
/// There is no such bound where results come back as input (maps, folds, reading the new document
/// or metadata), and where a query that runs for each element reads more than the element.
pub(crate) fn may_share<'a>(
    statements: &[Statement],
    mut maps: impl Iterator<Item = &'a MapBody>,
) -> bool {
    let mut growth = Growth(Some(1));
    statements.iter().for_each(|statement| growth.statement(statement));
    maps.next().is_some() || growth.0.is_none_or(|factor| factor > HARMLESS)
}

/// The product so far; `None` where there is no bound.
struct Growth(Option<usize>);

/// What an expression may read without being watched.
#[derive(Clone, Copy, PartialEq)]
enum Scope {
    /// It runs once: anything.
    Once,
    /// It runs for each element, which is `this`.
    This,
    /// It runs for each element, which has a name.
    Name,
    /// It runs for each element, which it cannot see.
    Blind,
}

impl Growth {
    fn statement(&mut self, statement: &Statement) {
        match &statement.kind {
            StatementKind::Assign { value, .. } => self.expr(value, Scope::Once),
            StatementKind::If(branches) => {
                for (condition, statements) in branches {
                    condition.iter().for_each(|condition| self.expr(condition, Scope::Once));
                    statements.iter().for_each(|statement| self.statement(statement));
                }
            }
        }
    }

    fn expr(&mut self, expr: &Expr, scope: Scope) {
        match &expr.kind {
            ExprKind::Path { base, .. } => {
                let is_bounded = match base {
                    Base::Root => false,
                    Base::This => matches!(scope, Scope::Once | Scope::This),
                    Base::Name { depth, .. } => {
                        scope == Scope::Once || scope == Scope::Name && *depth == 0
                    }
                };
                if !is_bounded {
                    self.0 = None;
                }
            }
            ExprKind::Metadata(_) => self.0 = None,
            // Each reading of a variable may double what the last one held.
            ExprKind::Variable { .. } if scope == Scope::Once => self.multiply(2),
            ExprKind::Variable { .. } | ExprKind::Function(_) if scope != Scope::Once => {
                self.0 = None;
            }
            ExprKind::Method(call) if FEEDS_BACK.contains(&call.method().name) => self.0 = None,
            ExprKind::Lambda { body, .. } => self.multiply(mentions(body)),
            ExprKind::Map { body, .. } => self.multiply(mentions(body)),
            ExprKind::Match { cases, .. } => {
                self.multiply(cases.iter().map(|(_, body)| mentions(body)).sum());
            }
            _ => {}
        }
        expr.for_each_child(&mut |child, is_query| self.child(child, is_query, scope));
    }

    fn child(&mut self, child: &Expr, is_query: bool, around: Scope) {
        if !is_query {
            return self.expr(child, around);
        }
        match &child.kind {
            ExprKind::Lambda { name, body } => {
                self.multiply(mentions(body));
                self.expr(body, if name.is_empty() { Scope::Blind } else { Scope::Name });
            }
            _ => {
                self.multiply(mentions(child));
                self.expr(child, Scope::This);
            }
        }
    }

    fn multiply(&mut self, times: usize) {
        self.0 = self.0.and_then(|factor| factor.checked_mul(times.max(1)));
    }
}

/// How often an expression reads what surrounds it.
fn mentions(expr: &Expr) -> usize {
    let mut count = usize::from(matches!(expr.kind, ExprKind::Path { .. }));
    expr.for_each_child(&mut |child, _| count += mentions(child));
    count
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

#[cfg(test)]
mod tests {
    use crate::{Environment, Program};

    #[test]
    fn documents_that_are_read_as_a_whole_once_are_known() {
        let once = |mapping: &str| Program::parse(mapping, &Environment::default()).unwrap().once;
        for mapping in [
            "root = this",
            r#"root = this.merge({"a": now()})"#,
            "root = this\nroot.id = uuid_v4()",
            "root = if true { this } else { null }",
            "root.items = this.map_each(i -> i.name)",
        ] {
            assert!(once(mapping), "{mapping}");
        }
        for mapping in [
            "root = 1",
            "root = this.a",
            "meta all = this.string()",
            "root = this\nroot.b = this.a",
            "root = [this, this]",
            "root = range(0, 3).map_each(n -> this)",
            "root = match this { this.a == 1 => 1 }",
            "root = this.apply(\"m\")\nmap m {\nroot = this\n}",
        ] {
            assert!(!once(mapping), "{mapping}");
        }
    }
}
