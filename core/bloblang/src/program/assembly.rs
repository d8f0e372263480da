//! Building a new document in one go, where a mapping begins with assignments to places that have
//! nothing to do with each other.
//!
//! Carried out one by one, each assignment would search the document for its place, and objects
//! would be moved as they grow. Here the places are known beforehand: the values are computed in
//! the order of the text, then the objects are filled in the order of their keys.

use sluice_value::{EcoString, EcoVec, Object, Value};
use smallvec::SmallVec;

use super::{Statement, StatementKind, Target};
use crate::{Base, Expr, ExprKind, Outcome, context::Root};

/// Longer paths are left to ordinary assignment.
const MAX_DEPTH: usize = 32;

/// What the statements of an assembly assign to the document.
pub(super) type Slots = SmallVec<[Outcome<'static>; 32]>;

/// The document that the first statements of a mapping make.
#[derive(Clone, Debug)]
pub(crate) struct Assembly {
    /// How many statements it stands for. Those that assign to the document fill a slot each.
    pub(super) statements: usize,
    slots: usize,
    fields: Vec<Field>,
}

#[derive(Clone, Debug)]
struct Field {
    key: EcoString,
    content: Content,
}

#[derive(Clone, Debug)]
enum Content {
    Slot(usize),
    /// In the order of their keys.
    Fields(Vec<Field>),
}

impl Assembly {
    /// `None` where it would not be worth the while.
    pub(crate) fn of(statements: &[Statement]) -> Option<Self> {
        let mut assembly = Self { statements: 0, slots: 0, fields: Vec::new() };
        for statement in statements {
            if !assembly.add(statement) {
                break;
            }
            assembly.statements += 1;
        }
        (assembly.slots > 1).then_some(assembly)
    }

    pub(super) fn slots(&self) -> usize {
        self.slots
    }

    /// False where the document has to exist before the statement runs.
    fn add(&mut self, statement: &Statement) -> bool {
        let StatementKind::Assign { target, value } = &statement.kind else { return false };
        if reads_root(value) {
            return false;
        }
        let Target::Root(keys) = target else { return true };
        let fits = (1..=MAX_DEPTH).contains(&keys.len());
        if !fits || !is_free(&self.fields, keys) {
            return false;
        }
        insert(&mut self.fields, keys, self.slots);
        self.slots += 1;
        true
    }

    /// Makes the document of the slots' values.
    pub(super) fn build(&self, mut values: Slots) -> Root {
        if values.iter().all(|value| matches!(value, Outcome::Nothing)) {
            return Root::Untouched;
        }
        Root::Value(Value::Object(object(&self.fields, &mut values)))
    }
}

fn object(fields: &[Field], values: &mut [Outcome<'static>]) -> Object {
    let mut made = EcoVec::with_capacity(fields.len());
    for Field { key, content } in fields {
        match content {
            Content::Slot(at) => match std::mem::replace(&mut values[*at], Outcome::Nothing) {
                Outcome::Owned(value) => made.push((key.clone(), value)),
                Outcome::Borrowed(value) => made.push((key.clone(), value.clone())),
                Outcome::Deleted | Outcome::Nothing => {}
            },
            Content::Fields(inner) => {
                let inner = object(inner, values);
                if !inner.is_empty() {
                    made.push((key.clone(), Value::Object(inner)));
                }
            }
        }
    }
    Object::from_sorted(made)
}

/// Whether a path neither leads through a slot nor ends where something is assigned to.
fn is_free(mut fields: &[Field], keys: &[EcoString]) -> bool {
    for key in keys {
        match fields.iter().find(|field| field.key == *key).map(|field| &field.content) {
            None => return true,
            Some(Content::Slot(_)) => return false,
            Some(Content::Fields(inner)) => fields = inner,
        }
    }
    false
}

/// Puts a slot at a path that is free.
fn insert(fields: &mut Vec<Field>, keys: &[EcoString], slot: usize) {
    let [key, rest @ ..] = keys else { return };
    let at = fields.binary_search_by(|field| field.key.cmp(key)).unwrap_or_else(|at| {
        let content =
            if rest.is_empty() { Content::Slot(slot) } else { Content::Fields(Vec::new()) };
        fields.insert(at, Field { key: key.clone(), content });
        at
    });
    if let Content::Fields(inner) = &mut fields[at].content {
        insert(inner, rest, slot);
    }
}

fn reads_root(expr: &Expr) -> bool {
    let mut found = matches!(expr.kind, ExprKind::Path { base: Base::Root, .. });
    expr.for_each_child(&mut |child, _| found |= reads_root(child));
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Body, Environment, Input, Program, Single};

    /// What a mapping makes in one go is what it makes statement by statement.
    #[track_caller]
    fn check(mapping: &str, covered: usize, expected: &str) {
        let program = Program::parse(mapping, &Environment::default()).unwrap();
        let statements = program.assembly.as_ref().map_or(0, |assembly| assembly.statements);
        assert_eq!(statements, covered);
        let value = sluice_value::json::parse(br#"{"a":1,"o":{"x":[1,2]}}"#).unwrap();
        let single = Single { value, metadata: Object::new() };
        let run = |program: &Program| {
            let mapped = program.map(&Input::new(&single, 0));
            mapped.map_or_else(
                |error| error.to_string(),
                |mapped| match mapped.body {
                    Body::Value(value) => value.to_string(),
                    other => format!("{other:?}"),
                },
            )
        };
        assert_eq!(run(&program), expected);
        assert_eq!(run(&Program { assembly: None, ..program }), expected);
    }

    #[test]
    fn separate_places_are_filled_in_one_go() {
        check(
            "root.b.y = this.a\nroot.a = 2\nlet v = this.o\nroot.b.x = $v.x\nmeta k = 1",
            5,
            r#"{"a":2,"b":{"x":[1,2],"y":1}}"#,
        );
    }

    #[test]
    fn places_that_meet_are_assigned_one_by_one() {
        check("root.a = 1\nroot.b = 2\nroot.a = 3", 2, r#"{"a":3,"b":2}"#);
        check("root.a.b = 1\nroot.c = 2\nroot.a = 3", 2, r#"{"a":3,"c":2}"#);
        check("root.c = 1\nroot.a = this.o\nroot.a.x.1 = 3", 2, r#"{"a":{"x":[1,3]},"c":1}"#);
        check(
            "root.c = 1\nroot.a = 1\nroot.a.b = 3",
            2,
            "failed assignment (line 3): unable to set target path a.b as the value of a was a \
             non-object type (number)",
        );
    }

    #[test]
    fn what_reads_the_new_document_comes_after_it() {
        check(
            "root.a = 1\nroot.b = 2\nroot.c = [1].map_each(n -> n + root.b)",
            2,
            r#"{"a":1,"b":2,"c":[3]}"#,
        );
        check("root.a = 1\nroot.b = 2\nif this.a == 1 { root.c = 3 }", 2, r#"{"a":1,"b":2,"c":3}"#);
        check("root = this.o\nroot.b = 2\nroot.c = 3", 0, r#"{"b":2,"c":3,"x":[1,2]}"#);
    }

    #[test]
    fn deleted_and_missing_values_leave_no_field() {
        check("root.a.b = deleted()\nroot.c = if false { 1 }", 2, "{}");
        check("root.a.b = if false { 1 }\nroot.c = if false { 1 }", 2, "Unchanged");
        check("root.a.b = deleted()\nroot.a.c = 1", 2, r#"{"a":{"c":1}}"#);
    }

    #[test]
    fn the_first_statement_that_fails_is_named() {
        check(
            "root.b = this.a.uppercase()\nroot.a = this.a.lowercase()",
            2,
            "failed assignment (line 1): expected string value, got number from field `this.a` (1)",
        );
    }
}
