//! The reference pages: they are what the declarations say, and the language page tells the truth.

use std::path::PathBuf;

use sluice_bloblang::{Environment, docs};

use crate::support::map;

fn directory() -> PathBuf {
    PathBuf::from("../../docs/bloblang")
}

/// With `SLUICE_WRITE_DOCS=1` it writes them instead: `cargo run -p xtask -- docs` does so.
#[test]
fn reference_pages_are_what_the_declarations_say() {
    let pages = docs::pages::all(&Environment::default());
    let mut names: Vec<String> = pages.iter().map(|page| page.file.clone()).collect();
    names.push("language.md".into());
    names.sort();
    if std::env::var_os("SLUICE_WRITE_DOCS").is_some() {
        std::fs::create_dir_all(directory()).expect("the directory can be made");
        for page in &pages {
            std::fs::write(directory().join(&page.file), &page.text).expect("it can be written");
        }
    }
    let mut files: Vec<String> = std::fs::read_dir(directory())
        .expect("there are reference pages")
        .map(|entry| entry.expect("it can be listed").file_name().to_string_lossy().into_owned())
        .collect();
    files.sort();
    let hint = "run `cargo run -p xtask -- docs`";
    assert_eq!(files, names, "{hint}");
    for page in &pages {
        let text = std::fs::read_to_string(directory().join(&page.file)).expect("it was listed");
        assert!(text == page.text, "{} is not what the code says: {hint}", page.file);
    }
}

#[test]
fn every_link_of_the_reference_leads_somewhere() {
    let pages = docs::pages::all(&Environment::default());
    let mut count = 0;
    for page in &pages {
        for target in page.text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let (file, heading) = target.split_once('#').unwrap_or((target, ""));
            if std::path::Path::new(file).extension().is_none_or(|end| end != "md")
                || file.contains("://")
                || file == "language.md"
            {
                continue;
            }
            count += 1;
            let found = pages.iter().find(|page| page.file == file);
            let found = found.unwrap_or_else(|| panic!("{}: {target}", page.file));
            let heading = format!("\n### {heading}\n");
            assert!(!target.contains('#') || found.text.contains(&heading), "{target}");
        }
    }
    assert!(count > 200, "{count} links");
}

/// A block of the language page: a mapping, its input and its output.
struct Sample {
    line: usize,
    mapping: String,
    runs: Vec<(String, String)>,
}

/// Blocks begin with three backquotes and `coffee`. Lines `# In:` and `# Out:` say what it does.
fn samples(text: &str) -> Vec<Sample> {
    let mut samples = Vec::new();
    let mut inside: Option<Sample> = None;
    for (at, line) in text.lines().enumerate() {
        match (&mut inside, line) {
            (None, "```coffee") => {
                inside = Some(Sample { line: at + 1, mapping: String::new(), runs: Vec::new() });
            }
            (Some(_), "```") => samples.extend(inside.take()),
            (Some(sample), line) => {
                if let Some(input) = line.strip_prefix("# In:  ") {
                    sample.runs.push((input.into(), String::new()));
                } else if let Some(output) = line.strip_prefix("# Out: ") {
                    let run = sample.runs.last_mut().expect("an output follows its input");
                    run.1 = output.into();
                } else {
                    sample.mapping.push_str(line);
                    sample.mapping.push('\n');
                }
            }
            _ => {}
        }
    }
    samples
}

#[test]
fn every_example_of_the_language_page_yields_what_it_says() {
    let text = std::fs::read_to_string(directory().join("language.md")).expect("it is there");
    let samples = samples(&text);
    assert!(samples.len() > 20, "{} examples", samples.len());
    for sample in &samples {
        assert!(!sample.runs.is_empty(), "line {}: the example is not run", sample.line);
        for (input, expected) in &sample.runs {
            let actual = match map(&sample.mapping, input) {
                Ok(document) => document,
                Err(error) => format!("Error: {error}"),
            };
            assert_eq!(&actual, expected, "docs/bloblang/language.md, line {}", sample.line);
        }
    }
}

#[test]
fn words_of_the_grammar_have_examples_that_parse() {
    for word in docs::KEYWORDS {
        if matches!(word.name, "import" | "from") {
            continue; // they need a file
        }
        let parsed = sluice_bloblang::Program::parse(word.example, &Environment::default());
        if let Err(problems) = parsed {
            // A map alone is no mapping.
            let whole = format!("{}\nroot = this", word.example);
            let parsed = sluice_bloblang::Program::parse(&whole, &Environment::default());
            assert!(parsed.is_ok(), "{}: {problems}", word.name);
        }
    }
}

#[test]
fn names_are_found_however_they_are_written() {
    let environment = Environment::default();
    let names = |name: &str| {
        docs::find(name, &environment)
            .map(|found| found.iter().map(sluice_bloblang::docs::Entry::signature).collect())
    };
    let uppercase: Vec<String> = vec![".uppercase()".into()];
    assert_eq!(names("uppercase"), Ok(uppercase.clone()));
    assert_eq!(names(".uppercase()"), Ok(uppercase));
    assert_eq!(names("upercase"), Err(Some("uppercase")));
    assert_eq!(names("xyzzy_frobnicate"), Err(None));
}
