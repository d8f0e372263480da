//! One case: what is run, and what should come of it.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use sluice_config::Node;
use sluice_testkit::free_port;

use super::compare::{Differences, Expectation};
use super::process::{Ran, Task};

/// A case as recorded.
#[derive(Clone, Debug)]
pub(super) struct Case {
    /// Its place in the file.
    pub(super) at: usize,
    pub(super) name: String,
    argv: Vec<String>,
    config: Option<String>,
    files: BTreeMap<String, String>,
    env: BTreeMap<String, String>,
    stdin: String,
    signal_after: Option<Duration>,
    expect: Expectation,
}

impl Case {
    pub(super) fn read(at: usize, node: &Node) -> Result<Self> {
        let text = |key: &str| node.get(key).and_then(Node::as_text).map(str::to_owned);
        let name = text("name").context("a case without a name")?;
        let command = text("command").with_context(|| format!("{name} has no command"))?;
        let args = texts(node.get("args"));
        let argv = match (node.get("argv"), command.as_str()) {
            (Some(argv), _) => texts(Some(argv)),
            (None, "run" | "lint" | "test") => {
                [vec![command], args, vec!["config.yaml".into()]].concat()
            }
            (None, "echo") => {
                [args, ["-c", "config.yaml", "echo"].map(str::to_owned).to_vec()].concat()
            }
            (None, other) => bail!("{name}: unknown command {other}"),
        };
        let signal_after = text("signal_after_ms")
            .map(|millis| millis.parse().map(Duration::from_millis))
            .transpose()
            .with_context(|| format!("{name}: signal_after_ms"))?;
        let expect = node.get("expect").with_context(|| format!("{name} expects nothing"))?;
        Ok(Self {
            at,
            argv,
            config: text("config"),
            files: map(node.get("files")),
            env: map(node.get("env")),
            stdin: text("stdin").unwrap_or_default(),
            signal_after,
            expect: Expectation::read(expect)?,
            name,
        })
    }

    /// What the case runs, for the report.
    pub(super) fn shown(&self) -> String {
        let command = format!("sluice {}", self.argv.join(" "));
        let config = self.config.as_deref().unwrap_or_default();
        let files = self.files.iter().map(|(name, text)| format!("--- {name}\n{text}"));
        [command, config.to_owned()].into_iter().chain(files).collect::<Vec<_>>().join("\n")
    }

    pub(super) fn run(&self, program: &Path) -> Result<(), Differences> {
        let unable = |error: anyhow::Error| Differences {
            expected: "the case to be run".into(),
            actual: format!("{error:#}"),
        };
        let case = self.with_free_ports();
        let directory = Directory::new().map_err(unable)?;
        let ran = case.run_in(program, &directory.0).map_err(unable)?;
        case.expect.check(&ran, &directory.0)
    }

    fn run_in(&self, program: &Path, directory: &Path) -> Result<Ran> {
        if let Some(config) = &self.config {
            write(&directory.join("config.yaml"), config)?;
        }
        for (name, text) in &self.files {
            write(&directory.join(name), text)?;
        }
        let task = Task {
            program,
            argv: &self.argv,
            env: &self.env,
            stdin: &self.stdin,
            signal_after: self.signal_after,
            directory,
        };
        task.run()
    }

    /// The case with the ports it names (14100 to 14199) replaced by free ones.
    fn with_free_ports(&self) -> Self {
        let mut ports: BTreeMap<String, String> = BTreeMap::new();
        for text in self.config.iter().chain(self.files.values()).chain(&self.argv) {
            for (at, _) in text.match_indices("141") {
                let port = text.get(at..at + 5).filter(|it| it.bytes().all(|b| b.is_ascii_digit()));
                let alone = !text[..at].ends_with(|c: char| c.is_ascii_digit())
                    && !text[at..]
                        .get(5..)
                        .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
                if let Some(port) = port.filter(|_| alone) {
                    ports.entry(port.to_owned()).or_insert_with(|| free_port().to_string());
                }
            }
        }
        let replace = |text: &str| {
            ports.iter().fold(text.to_owned(), |text, (from, to)| text.replace(from, to))
        };
        let mut case = self.clone();
        case.config = self.config.as_deref().map(replace);
        case.files.values_mut().for_each(|text| *text = replace(text));
        case.argv.iter_mut().for_each(|text| *text = replace(text));
        case.expect = case.expect.map_texts(&replace);
        case
    }
}

fn write(path: &Path, text: &str) -> Result<()> {
    if let Some(directory) = path.parent() {
        std::fs::create_dir_all(directory)?;
    }
    std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

pub(super) fn texts(node: Option<&Node>) -> Vec<String> {
    let items = node.and_then(Node::as_list).unwrap_or_default().iter();
    items.map(|item| item.as_text().unwrap_or_default().to_owned()).collect()
}

fn map(node: Option<&Node>) -> BTreeMap<String, String> {
    let fields = node.and_then(Node::as_map).unwrap_or_default().iter();
    fields
        .map(|(key, text)| (key.name.clone(), text.as_text().unwrap_or_default().to_owned()))
        .collect()
}

/// An empty directory, deleted in the end.
struct Directory(std::path::PathBuf);

impl Directory {
    fn new() -> Result<Self> {
        use std::sync::atomic::{AtomicUsize, Ordering};
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let name =
            format!("sluice-case-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path)
            .with_context(|| format!("cannot make {}", path.display()))?;
        Ok(Self(path))
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0); // a leftover in the temporary directory hurts nobody
    }
}
