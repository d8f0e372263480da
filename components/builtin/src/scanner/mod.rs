//! Scanners: streams of bytes cut into messages.

mod chunker;
mod csv;
mod json_documents;
mod lines;
mod re_match;
mod skip_bom;
mod switch;
mod to_the_end;

use sluice_engine::{Registry, ScanError};

pub(crate) fn register(registry: &mut Registry) {
    chunker::register(registry);
    csv::register(registry);
    json_documents::register(registry);
    lines::register(registry);
    re_match::register(registry);
    skip_bom::register(registry);
    switch::register(registry);
    to_the_end::register(registry);
}

/// The error of a message that is larger than a scanner may hold.
fn too_long() -> ScanError {
    ScanError("bufio.Scanner: token too long".into())
}
