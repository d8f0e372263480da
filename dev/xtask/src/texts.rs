//! What no tracked file may contain, and what every crate must.

use std::path::Path;
use std::process::Command;

use anyhow::{Result, ensure};

/// Longest Rust file, in lines; beyond it two ideas share a room.
const MAX_LINES: usize = 700;

/// # Errors
/// The list of files cannot be had.
pub fn check(root: &Path) -> Result<Vec<String>> {
    let output = Command::new("git").args(["ls-files", "-z"]).current_dir(root).output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut problems = Vec::new();
    for name in String::from_utf8_lossy(&output.stdout).split('\0').filter(|name| !name.is_empty())
    {
        let Ok(text) = std::fs::read_to_string(root.join(name)) else { continue };
        let extension = Path::new(name).extension().unwrap_or_default();
        if extension == "rs" {
            check_rust(name, &text, &mut problems);
        }
        if name.ends_with("Cargo.toml") && text.contains("[package]") && !text.contains("[lints") {
            problems.push(format!("{name}: no [lints] table"));
        }
    }
    Ok(problems)
}

fn check_rust(name: &str, text: &str, problems: &mut Vec<String>) {
    let lines = text.lines().count();
    if lines > MAX_LINES {
        problems.push(format!("{name}: {lines} lines, more than {MAX_LINES}"));
    }
    for (at, line) in text.lines().enumerate() {
        for word in ["todo!(", "unimplemented!(", "dbg!("] {
            // This file has to name them.
            if line.contains(word) && !name.ends_with("xtask/src/texts.rs") {
                problems.push(format!("{name}:{}: {word}...)", at + 1));
            }
        }
    }
}
