//! `cargo run -p xtask -- tidy`

use std::io::Write;
use std::path::Path;

use anyhow::{Result, bail};

fn main() -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
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
        _ => bail!("usage: cargo run -p xtask -- tidy"),
    }
}
