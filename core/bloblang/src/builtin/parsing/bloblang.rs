//! `bloblang`: mappings that are only known at run time.

use std::{borrow::Cow, sync::OnceLock};

use sluice_value::Value;

use crate::{
    Environment, Error, Program,
    builtin::{Args, Category, Example, Method, MethodCode, Param, PreparedMethod},
};

pub(super) const METHOD: Method = Method::new(
    "bloblang",
    &[Category::Parsing],
    "Runs a mapping given as text, in which `this` is the target and `root` is the result. It can \
     import nothing, and use no functions that look at the message or at the world outside.",
    MethodCode::Prepare(bloblang),
)
.plain_errors()
.params(&[Param::string("mapping", "The mapping.")])
.examples(&[Example::new(
    "root.body = this.body.bloblang(this.mapping)",
    &[(
        r#"{"body":{"foo":"hi"},"mapping":"root.foo = this.foo.uppercase()"}"#,
        r#"{"body":{"foo":"HI"}}"#,
    )],
)]);

fn bloblang(args: &Args<'_, '_>) -> Result<PreparedMethod, Error> {
    let program = Program::parse(&args.text(0), environment())
        .map_err(|problems| Error::new(problems.first().reference.clone()))?;
    Ok(PreparedMethod::with_context(move |target: Cow<'_, Value>, context| {
        program.eval_value(&target, context)
    }))
}

fn environment() -> &'static Environment {
    static ENVIRONMENT: OnceLock<Environment> = OnceLock::new();
    ENVIRONMENT.get_or_init(|| {
        let all = Environment::default().only_pure();
        let about_messages: Vec<&str> = all
            .functions()
            .iter()
            .filter(|spec| spec.category == Category::MessageInfo)
            .map(|spec| spec.name)
            .collect();
        all.without(&about_messages)
    })
}
