//! Starting and ending the program under test, and running Kafka's command line tools against it.

use std::{
    env,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

pub(crate) fn program() -> Command {
    Command::new(env!("CARGO_BIN_EXE_sluice-broker"))
}

/// A broker on a free port. It ends with this value, also when a test fails.
pub(crate) struct Broker {
    child: Child,
    pub(crate) address: String,
    /// What it printed until it was ready.
    pub(crate) announcement: String,
    stdout: BufReader<std::process::ChildStdout>,
}

impl Broker {
    pub(crate) fn start(data: &Path, options: &[&str]) -> Self {
        Self::start_on("127.0.0.1:0", data, options)
    }

    pub(crate) fn start_on(listen: &str, data: &Path, options: &[&str]) -> Self {
        let mut child = program()
            .args(["--listen", listen, "--data"])
            .arg(data)
            .args(options)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the broker starts");
        let mut stdout = BufReader::new(child.stdout.take().expect("stdout is piped"));
        let mut announcement = String::new();
        while !announcement.contains("ready after") {
            let read = stdout.read_line(&mut announcement).expect("stdout is text");
            assert!(read > 0, "the broker ended instead of starting; it printed: {announcement}");
        }
        let address = announcement
            .lines()
            .find_map(|line| line.strip_prefix("listening on "))
            .expect("the first line tells the address")
            .to_owned();
        Self { child, address, announcement, stdout }
    }

    pub(crate) fn signal(&self, name: &str) {
        let status = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status();
        assert!(status.expect("there is a kill command").success());
    }

    pub(crate) fn close_stdin(&mut self) {
        drop(self.child.stdin.take());
    }

    /// Waits for the end and returns how it ended and what was printed on the way.
    pub(crate) fn ended(mut self) -> (ExitStatus, String) {
        let began = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("the broker is ours") {
                break status;
            }
            assert!(began.elapsed() < Duration::from_mins(1), "the broker does not end");
            thread::sleep(Duration::from_millis(20));
        };
        let mut printed = String::new();
        self.stdout.read_to_string(&mut printed).expect("stdout is text");
        (status, printed)
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Kafka's tools, or nothing where they cannot be had; where services are required that is a failure.
pub(crate) fn kafka_tools() -> Option<Tools> {
    let script = std::fs::canonicalize("../../dev/services/kafka-tool").expect("it is there");
    let tools = Tools { script };
    let output = tools.command("127.0.0.1:1", "topics", &["--version"]).output();
    let output = output.expect("the script can be run");
    if output.status.success() {
        return Some(tools);
    }
    let reason = String::from_utf8_lossy(&output.stderr);
    let required = ["CI", "SLUICE_REQUIRE_SERVICES"]
        .iter()
        .any(|name| env::var(name).is_ok_and(|value| !["", "0", "false"].contains(&&*value)));
    assert!(!required, "Kafka's tools are required here: {reason}");
    skipped(&reason);
    None
}

#[expect(clippy::print_stderr, reason = "a test that is skipped must say so")]
fn skipped(reason: &str) {
    eprintln!("skipped: {reason}");
}

pub(crate) struct Tools {
    script: PathBuf,
}

impl Tools {
    pub(crate) fn command(&self, broker: &str, tool: &str, options: &[&str]) -> Command {
        let mut command = Command::new(&self.script);
        command.arg(tool).args(["--bootstrap-server", broker]).args(options);
        command
    }

    /// Runs a tool and returns its stdout; it must succeed.
    #[track_caller]
    pub(crate) fn run(&self, broker: &str, tool: &str, options: &[&str]) -> String {
        let output = self.command(broker, tool, options).output().expect("the script can be run");
        assert!(output.status.success(), "{tool} {options:?}: {}", text(&output));
        String::from_utf8(output.stdout).expect("the tools print text")
    }

    #[track_caller]
    pub(crate) fn produce(&self, broker: &str, topic: &str, lines: &[&str], options: &[&str]) {
        let mut command = self.command(broker, "console-producer", &["--topic", topic]);
        let mut child = command
            .args(options)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the script can be run");
        let mut input = child.stdin.take().expect("stdin is piped");
        input.write_all((lines.join("\n") + "\n").as_bytes()).expect("the producer reads");
        drop(input);
        let output = child.wait_with_output().expect("the producer ends");
        assert!(output.status.success(), "{}", text(&output));
    }

    /// Consumes `count` records from the beginning, or from where the group stands.
    #[track_caller]
    pub(crate) fn consume(
        &self,
        broker: &str,
        topic: &str,
        count: usize,
        options: &[&str],
    ) -> String {
        let count = count.to_string();
        let mut all = vec!["--topic", topic, "--from-beginning", "--max-messages", &count];
        all.extend(["--timeout-ms", "90000"]);
        all.extend(options);
        self.run(broker, "console-consumer", &all)
    }
}

pub(crate) fn text(output: &Output) -> String {
    format!(
        "{}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}
