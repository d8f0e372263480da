//! API documents: text, meaning, identity.

mod classic;
mod fields;
mod files;
mod identity;
mod oas;
mod required;
mod text;
mod unsupported;

pub(crate) use classic::{CLASSIC, ClassicDialect, classic_view};
pub(crate) use fields::pointer;
pub(crate) use files::DefinitionFiles;
pub(crate) use identity::set_info;
pub(crate) use oas::{EXTENSION, OAS, OasDialect, STREAMING};
pub(crate) use required::missing;
pub(crate) use text::{locate, parse, parse_json, parse_yaml};

use sluice_config::{Position, Problem};

/// A problem whose place in the text is found later, if there is one.
pub(crate) fn problem(path: impl Into<String>, message: impl Into<String>) -> Problem {
    Problem { at: Position::default(), path: path.into(), message: message.into(), hint: None }
}

/// What an extension says of a document (`path: message`), as a problem.
pub(crate) fn said(line: &str) -> Problem {
    let (path, message) = line.split_once(": ").unwrap_or(("", line));
    problem(path, message)
}
