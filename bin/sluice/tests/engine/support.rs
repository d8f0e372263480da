//! The program as a child in a directory of its own, and a plain HTTP client.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::PROGRAM;

/// Longest wait for anything that must happen; the machine may be busy with other tests.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// A directory with files. `PORT` in them stands for a port that is free.
pub(crate) struct Place {
    directory: TempDir,
    pub(crate) port: u16,
}

impl Place {
    pub(crate) fn with(files: &[(&str, &str)]) -> Self {
        let place =
            Self { directory: tempfile::tempdir().unwrap(), port: sluice_testkit::free_port() };
        files.iter().for_each(|(name, text)| place.write(name, text));
        place
    }

    pub(crate) fn path(&self, name: &str) -> std::path::PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        // In one step, as editors do it.
        let new = path.with_extension("new");
        std::fs::write(&new, text.replace("PORT", &self.port.to_string())).unwrap();
        std::fs::rename(new, path).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    fn connect(&self) -> std::io::Result<TcpStream> {
        let stream = TcpStream::connect(("127.0.0.1", self.port))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(stream)
    }

    /// Sends a request to a program that may end at any time.
    pub(crate) fn try_post(&self, path: &str, body: &str) -> std::io::Result<Reply> {
        self.exchange(self.connect()?, "POST", path, "", body)
    }

    fn exchange(
        &self,
        mut stream: TcpStream,
        method: &str,
        path: &str,
        headers: &str,
        body: &str,
    ) -> std::io::Result<Reply> {
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nConnection: close\r\n{headers}Content-Length: {}\r\n\r\n{body}",
            self.port,
            body.len()
        );
        stream.write_all(request.as_bytes())?;
        let mut reply = Vec::new();
        stream.read_to_end(&mut reply)?;
        Ok(Reply::read(&reply))
    }

    pub(crate) fn start(&self, arguments: &[&str]) -> Program<'_> {
        let log = std::fs::File::create(self.path("program.log")).unwrap();
        let child = Command::new(PROGRAM)
            .args(arguments)
            .current_dir(self.directory.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        Program { child, place: self }
    }

    /// Runs the program to its end: its exit code, what it printed, what it complained of.
    pub(crate) fn run(&self, arguments: &[&str]) -> Outcome {
        let mut command = Command::new(PROGRAM);
        let output = command.args(arguments).current_dir(self.directory.path()).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Outcome {
            code: output.status.code().unwrap_or(-1),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }
}

#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// A child that is killed with its owner.
pub(crate) struct Program<'p> {
    child: Child,
    place: &'p Place,
}

impl Program<'_> {
    /// Sends a request as soon as somebody listens.
    #[track_caller]
    pub(crate) fn ask(&self, method: &str, path: &str, body: &str) -> Reply {
        self.ask_with(method, path, "", body)
    }

    /// Sends a request with further headers, each ending with a line break.
    #[track_caller]
    pub(crate) fn ask_with(&self, method: &str, path: &str, headers: &str, body: &str) -> Reply {
        let stream = self.until("a listener", || self.place.connect().ok());
        self.place.exchange(stream, method, path, headers, body).unwrap()
    }

    #[track_caller]
    pub(crate) fn get(&self, path: &str) -> Reply {
        self.ask("GET", path, "")
    }

    #[track_caller]
    pub(crate) fn until<T>(&self, what: &str, mut attempt: impl FnMut() -> Option<T>) -> T {
        let began = Instant::now();
        loop {
            if let Some(found) = attempt() {
                return found;
            }
            let log = || self.place.read("program.log");
            assert!(began.elapsed() < PATIENCE, "still no {what}; the program says\n{}", log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits until the program has said something.
    #[track_caller]
    pub(crate) fn says(&self, text: &str) {
        self.until(text, || self.place.read("program.log").contains(text).then_some(()));
    }

    /// Waits until a file holds something.
    #[track_caller]
    pub(crate) fn writes(&self, name: &str, text: &str) {
        self.until(&format!("{text} in {name}"), || {
            self.place.read(name).contains(text).then_some(())
        });
    }

    /// Ends it at once, without a chance to finish anything.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let status = Command::new("kill").args([&format!("-{name}"), &id]).status().unwrap();
        assert!(status.success());
    }

    /// Asks it to end, and returns its exit code.
    #[track_caller]
    pub(crate) fn stop(mut self) -> Option<i32> {
        self.signal("TERM");
        self.code()
    }

    #[track_caller]
    pub(crate) fn code(&mut self) -> Option<i32> {
        let began = Instant::now();
        loop {
            let log = || self.place.read("program.log");
            if let Some(status) = self.child.try_wait().unwrap() {
                assert!(
                    status.code().is_some(),
                    "it ended by a signal: {status}; it says\n{}",
                    log()
                );
                return status.code();
            }
            assert!(began.elapsed() < PATIENCE, "it does not end; it says\n{}", log());
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Program<'_> {
    fn drop(&mut self) {
        let _ = self.child.kill(); // it may have ended already
        let _ = self.child.wait();
    }
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) body: String,
}

impl Reply {
    #[track_caller]
    fn read(bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes);
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let status = head.split(' ').nth(1).and_then(|it| it.parse().ok());
        let chunked = head.to_ascii_lowercase().contains("transfer-encoding: chunked");
        let body = if chunked { unchunked(body) } else { body.to_owned() };
        Self { status: status.unwrap_or_default(), body }
    }

    #[track_caller]
    pub(crate) fn is(&self, status: u16, body: &str) {
        assert_eq!((self.status, self.body.as_str()), (status, body));
    }

    /// A part of the body, by a JSON pointer.
    #[track_caller]
    pub(crate) fn json(&self, pointer: &str) -> serde_json::Value {
        let body: serde_json::Value = serde_json::from_str(&self.body)
            .unwrap_or_else(|error| panic!("{error} in {:?}", self.body));
        body.pointer(pointer).cloned().unwrap_or_default()
    }
}

fn unchunked(mut body: &str) -> String {
    let mut whole = String::new();
    while let Some((size, rest)) = body.split_once("\r\n") {
        let size = usize::from_str_radix(size, 16).unwrap_or(0);
        whole.push_str(&rest[..size]);
        body = rest[size..].trim_start_matches("\r\n");
    }
    whole
}

/// A request of HTTP/1.1 that a listener was sent: its head and its body.
pub(crate) type Request = (String, Vec<u8>);

/// Listens and answers every request with 200.
pub(crate) fn collector() -> (u16, Receiver<Request>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (sender, requests) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut reader = BufReader::new(stream);
            loop {
                let mut head = String::new();
                while !head.ends_with("\r\n\r\n") && reader.read_line(&mut head).unwrap_or(0) > 0 {}
                let length = head
                    .to_ascii_lowercase()
                    .lines()
                    .find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
                let Some(length) = length else { break };
                let mut body = vec![0; length];
                reader.read_exact(&mut body).unwrap();
                let reply = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
                reader.get_mut().write_all(reply).unwrap();
                if sender.send((head, body)).is_err() {
                    return;
                }
            }
        }
    });
    (port, requests)
}
