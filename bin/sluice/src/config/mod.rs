//! Configuration: from files, flags and variables to documents and settings.

pub mod document;
pub mod files;
pub mod load;
pub mod root;
pub mod seen;
pub mod settings;
pub mod tests;
pub mod variables;
