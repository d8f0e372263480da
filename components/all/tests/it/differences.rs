//! Where we differ from the reference on purpose, and what is not there.

/// A difference (by how its line begins) and the reason for it.
pub const KNOWN: &[(&str, &str)] = &[];

/// Components of the reference that this build does not have, and why.
#[cfg_attr(not(feature = "full"), allow(dead_code))]
pub const MISSING: &[(&str, &str)] = &[];
