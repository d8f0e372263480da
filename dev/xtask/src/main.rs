//! `cargo run -p xtask -- tidy` and `cargo run -p xtask -- docs`

use std::io::Write;
use std::path::Path;

use anyhow::{Result, bail};

fn main() -> Result<()> {
    // Asked at run time: what is compiled may be shared by clones in different places.
    let package = std::env::var_os("CARGO_MANIFEST_DIR");
    let root =
        Path::new(&package.unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into())).join("../..");
    match std::env::args().nth(1).as_deref() {
        Some("tidy") => {
            let problems = xtask::tidy(&root)?;
            let mut err = std::io::stderr().lock();
            for problem in &problems {
                writeln!(err, "{problem}")?;
            }
            if !problems.is_empty() {
                bail!("{} problems", problems.len());
            }
            Ok(())
        }
        Some("docs") => docs(&root),
        _ => bail!("usage: cargo run -p xtask -- tidy|docs"),
    }
}

/// Writes docs/bloblang, and the names of built-ins to the grammars in editors. The tests that
/// compare them with the code do the writing, so that this program needs nothing of the language.
fn docs(root: &Path) -> Result<()> {
    let status = std::process::Command::new(env!("CARGO"))
        .args(["test", "--quiet", "-p", "sluice-bloblang", "--test", "it", "--"])
        .args(["docs::reference_pages", "editors::the_textmate_grammar_knows"])
        .env("SLUICE_WRITE_DOCS", "1")
        .current_dir(root)
        .status()?;
    if !status.success() {
        bail!("the pages could not be written: {status}");
    }
    Ok(())
}
