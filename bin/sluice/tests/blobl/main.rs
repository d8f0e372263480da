//! `sluice blobl` and `sluice lsp` as their users run them.

mod format;
mod lines;
mod lsp;
mod server;
mod support;
mod words;
