//! `sluice blobl fmt`: mappings, formatted.
//!
//! Exit codes: 0 when all is well, 1 when `--check` found a file that is not formatted, 2 for what
//! cannot be read or is no mapping.

use std::io::Read;
use std::process::ExitCode;

use sluice_bloblang::Environment;

use super::{beside, complain};
use crate::cli::FmtArgs;
use crate::config::files;
use crate::console;

/// What became of one text.
enum Fate {
    Fine,
    /// `--check` found that it is not formatted.
    Differs,
    Failed,
}

pub(super) fn run(language: &Environment, args: &FmtArgs) -> ExitCode {
    let paths = match files::expand_patterns(&args.paths) {
        Ok(paths) => paths,
        Err(message) => {
            complain(message);
            return ExitCode::from(2);
        }
    };
    let mut fates = Vec::new();
    if args.paths.is_empty() || args.paths == ["-"] {
        fates.push(standard_input(language, args));
    } else {
        fates.extend(paths.iter().map(|path| file(language, args, path)));
    }
    if fates.iter().any(|fate| matches!(fate, Fate::Failed)) {
        ExitCode::from(2)
    } else if fates.iter().any(|fate| matches!(fate, Fate::Differs)) {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}

fn standard_input(language: &Environment, args: &FmtArgs) -> Fate {
    let mut text = String::new();
    if let Err(error) = std::io::stdin().lock().read_to_string(&mut text) {
        complain(format_args!("standard input: {error}"));
        return Fate::Failed;
    }
    match sluice_bloblang::format(&text, language) {
        Err(problems) => {
            complain(format_args!("standard input is no mapping\n{problems}"));
            Fate::Failed
        }
        Ok(formatted) if args.check => {
            if formatted == text {
                return Fate::Fine;
            }
            console::complain_line("standard input is not formatted");
            Fate::Differs
        }
        Ok(formatted) => {
            console::out(&formatted);
            Fate::Fine
        }
    }
}

fn file(language: &Environment, args: &FmtArgs, path: &str) -> Fate {
    let text = match files::read(path).map(String::from_utf8) {
        Ok(Ok(text)) => text,
        Ok(Err(_)) => {
            complain(format_args!("{path}: not UTF-8"));
            return Fate::Failed;
        }
        Err(error) => {
            complain(error);
            return Fate::Failed;
        }
    };
    let formatted = match sluice_bloblang::format(&text, &beside(language, path)) {
        Ok(formatted) => formatted,
        Err(problems) => {
            complain(format_args!("{path}: no mapping\n{problems}"));
            return Fate::Failed;
        }
    };
    if args.check {
        if formatted == text {
            return Fate::Fine;
        }
        console::line(path);
        return Fate::Differs;
    }
    if !args.write {
        console::out(&formatted);
        return Fate::Fine;
    }
    if formatted != text {
        if let Err(error) = replace(path, &formatted) {
            complain(format_args!("{path}: {error}"));
            return Fate::Failed;
        }
        console::line(path);
    }
    Fate::Fine
}

/// Puts a file in place of another at once, so that nothing can leave half of it.
fn replace(path: &str, text: &str) -> std::io::Result<()> {
    let path = std::fs::canonicalize(path)?; // a link stays a link
    let directory = path.parent().unwrap_or(std::path::Path::new("/"));
    let mut file = tempfile::NamedTempFile::new_in(directory)?;
    std::io::Write::write_all(&mut file, text.as_bytes())?;
    file.as_file().set_permissions(std::fs::metadata(&path)?.permissions())?;
    file.persist(&path).map_err(|error| error.error)?;
    Ok(())
}
