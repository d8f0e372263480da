//! How the demo looks: colours on a terminal, plain text elsewhere.

use std::io::{IsTerminal, Write};

use serde_json::Value;

pub(super) struct Screen {
    colour: bool,
}

impl Screen {
    pub(super) fn new() -> Self {
        let colour = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        Self { colour }
    }

    pub(super) fn is_terminal(&self) -> bool {
        std::io::stdout().is_terminal()
    }

    pub(super) fn title(&self, text: &str) {
        self.line(&format!("\n{}", self.paint("1", text)));
    }

    pub(super) fn note(&self, text: &str) {
        self.line(&self.paint("2", &format!("  {text}")));
    }

    pub(super) fn line(&self, text: &str) {
        let mut out = std::io::stdout().lock();
        let _ = writeln!(out, "{text}").and_then(|()| out.flush()); // nobody may be reading
    }

    /// An event on its way: who, by which way, and what.
    pub(super) fn event(&self, user: &str, arrow: &str, way: &str, event: &Value) {
        let colour = if user == "alice" { "36" } else { "33" };
        let who = self.paint(colour, &format!("{user:<6}"));
        self.line(&format!("  {who} {arrow} {way:<20} {}", self.paint("2", &event.to_string())));
    }

    pub(super) fn verdict(&self, holds: bool, text: &str) {
        let mark = if holds { self.paint("32", "✓") } else { self.paint("31", "✗") };
        self.line(&format!("  {mark} {text}"));
    }

    fn paint(&self, code: &str, text: &str) -> String {
        if self.colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}
