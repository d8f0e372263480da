//! Running the program for a case.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

/// Longest time a case may take, on a busy machine.
const LIMIT: Duration = Duration::from_mins(1);

/// A command line and its surroundings.
pub(super) struct Task<'a> {
    pub(super) program: &'a Path,
    pub(super) argv: &'a [String],
    pub(super) env: &'a BTreeMap<String, String>,
    pub(super) stdin: &'a str,
    /// Ask the program to end after this long.
    pub(super) signal_after: Option<Duration>,
    pub(super) directory: &'a Path,
}

/// What the program did.
#[derive(Clone, Debug)]
pub(super) struct Ran {
    pub(super) stdout: String,
    pub(super) stderr: String,
    /// `None` when it had to be killed.
    pub(super) exit_code: Option<i32>,
}

impl Task<'_> {
    pub(super) fn run(&self) -> Result<Ran> {
        let mut child = Command::new(self.program)
            .args(self.argv)
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("HOME", self.directory)
            .env("TZ", "UTC")
            .envs(self.env)
            .current_dir(self.directory)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot run {}", self.program.display()))?;
        let mut stdin = child.stdin.take().context("no standard input")?;
        let input = self.stdin.to_owned();
        // A program that ends without reading all of it is no error.
        let feeder = std::thread::spawn(move || drop(stdin.write_all(input.as_bytes())));
        let stdout = reader(child.stdout.take().context("no standard output")?);
        let stderr = reader(child.stderr.take().context("no standard error")?);
        let exit_code = self.wait(&mut child)?;
        let _ = feeder.join();
        let text = |thread: std::thread::JoinHandle<Vec<u8>>| {
            String::from_utf8_lossy(&thread.join().unwrap_or_default()).into_owned()
        };
        Ok(Ran { stdout: text(stdout), stderr: text(stderr), exit_code })
    }

    fn wait(&self, child: &mut Child) -> Result<Option<i32>> {
        let began = Instant::now();
        let mut signalled = false;
        loop {
            if let Some(status) = child.try_wait()? {
                return Ok(status.code());
            }
            if let Some(after) = self.signal_after
                && !signalled
                && began.elapsed() >= after
            {
                signalled = true;
                let id = child.id().to_string();
                Command::new("sh").args(["-c", "kill -TERM \"$1\"", "sh", &id]).status()?;
            }
            if began.elapsed() > LIMIT {
                child.kill()?;
                child.wait()?;
                return Ok(None);
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

fn reader(mut stream: impl Read + Send + 'static) -> std::thread::JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut all = Vec::new();
        let _ = stream.read_to_end(&mut all); // what was read counts
        all
    })
}
