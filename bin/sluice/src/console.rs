//! Standard output and error: the one place that prints.

use std::io::{IsTerminal, Write};

/// Writes to standard output. A reader that went away is no error: there is nobody to tell.
pub fn out(text: &str) {
    let mut stdout = std::io::stdout().lock();
    let _ = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
}

/// Writes a line to standard output.
pub fn line(text: impl std::fmt::Display) {
    out(&format!("{text}\n"));
}

/// Writes to standard error.
pub fn complain(text: &str) {
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}

/// Writes a line to standard error.
pub fn complain_line(text: impl std::fmt::Display) {
    complain(&format!("{text}\n"));
}

pub fn stdout_has_colours() -> bool {
    colours_wanted() && std::io::stdout().is_terminal()
}

pub fn stderr_has_colours() -> bool {
    colours_wanted() && std::io::stderr().is_terminal()
}

/// Whether a person reads what is complained of.
pub fn stderr_is_terminal() -> bool {
    std::io::stderr().is_terminal()
}

fn colours_wanted() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
        && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

#[derive(Clone, Copy)]
pub enum Colour {
    Red,
    Green,
    Yellow,
    Blue,
    Grey,
}

impl Colour {
    /// The text in this colour, if `wanted`.
    pub fn paint(self, text: impl std::fmt::Display, wanted: bool) -> String {
        let code = match self {
            Self::Red => 31,
            Self::Green => 32,
            Self::Yellow => 33,
            Self::Blue => 34,
            Self::Grey => 90,
        };
        if wanted { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_string() }
    }
}
