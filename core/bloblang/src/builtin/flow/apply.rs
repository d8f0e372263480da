//! `apply`: runs a declared map on the target.

use crate::{
    Context, Error, Expr, Outcome,
    builtin::{Args, Category, Example, Method, MethodCode, Param},
    program::apply_map,
};

pub(super) const METHOD: Method = Method::new(
    "apply",
    &[Category::General],
    "Runs a map declared with `map name { ... }`, in which `this` is the target and `root` is the \
     result. Variables of the mapping are not seen inside.",
    MethodCode::Lazy(apply),
)
.params(&[Param::string("mapping", "The name of the map.")])
.examples(&[Example::new(
    "map short {\n  root.id = this.id\n  root.first = this.tags.index(0)\n}\n\n\
     root.item = this.doc.apply(\"short\")",
    &[(
        r#"{"doc":{"id":7,"tags":["new","sale"],"text":"..."}}"#,
        r#"{"item":{"first":"new","id":7}}"#,
    )],
)]);

fn apply<'a>(
    target: &'a Expr,
    args: &Args<'_, 'a>,
    context: &Context<'a>,
) -> Result<Outcome<'a>, Error> {
    let target = target.eval(context)?.into_cow();
    apply_map(&args.text(0), &context.with_this(&target))
}
