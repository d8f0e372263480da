//! `resource`: an input configured elsewhere.

use sluice_engine::{BuildError, BuiltInput, Registry, Scope};

pub(crate) fn register(registry: &mut Registry) {
    registry
        .input("resource", build)
        .doc("Reads the input resource of this label, which only one component may do.")
        .categories(&["Utility"]);
}

fn build(label: String, scope: &Scope) -> Result<BuiltInput, BuildError> {
    Ok(BuiltInput::Source(scope.resources().take_input(&label)?))
}
