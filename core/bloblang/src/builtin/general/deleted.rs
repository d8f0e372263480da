//! `deleted`: removes what it is assigned to.

use crate::{
    Outcome,
    builtin::{Category, Example, Function, FunctionCode},
};

pub(super) const FUNCTION: Function = Function::new(
    "deleted",
    Category::General,
    "Yields no value but the instruction to remove the target of the assignment: a field, an \
     element, a metadata key, or (assigned to `root`) the whole message. A removed message counts \
     as processed and is acknowledged to its source.",
    FunctionCode::Literal(|| Outcome::Deleted, "delete"),
)
.examples(&[
    Example::new(
        "root = this\nroot.secret = deleted()",
        &[(r#"{"id":"a1","secret":"x"}"#, r#"{"id":"a1"}"#)],
    ),
    Example::new(
        "root.big = this.sizes.map_each(n -> if n < 10 { deleted() } else { n * 2 })",
        &[(r#"{"sizes":[3,11,4,17]}"#, r#"{"big":[22,34]}"#)],
    )
    .about("Elements can be removed from within `map_each`."),
    Example::new(
        "root = if this.level == \"debug\" { deleted() }",
        &[
            (r#"{"level":"debug"}"#, "<Message deleted>"),
            (r#"{"level":"error"}"#, r#"{"level":"error"}"#),
        ],
    )
    .about("Dropping messages."),
]);
