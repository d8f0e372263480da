//! `subprocess` processor: each message goes to a running program, which answers it.

use async_trait::async_trait;
use bytes::Bytes;
use sluice_config::config;
use sluice_engine::{
    Batches, BuildError, Owner, Processor, Registry, Scope, Stop, WaitingProcessor,
};
use sluice_message::Batch;
use smallvec::smallvec;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout};
use tokio::sync::Mutex;
use tracing::{error, info, warn};

use crate::child;
use crate::frames::{Frames, Framing};

/// How long a program may go on complaining about one message.
const COMPLAINING: Duration = Duration::from_secs(1);
/// A pause in its complaints that ends them.
const PAUSE: Duration = Duration::from_millis(100);
/// How much of the complaints is kept.
const MAX_COMPLAINT: usize = 64 * 1024;

config! {
    /// Which program to keep running.
    pub struct SubprocessConfig {
        /// The program.
        name: String => lint_required,
        /// Its arguments.
        args: Vec<String> = [""; 0],
        /// Largest answer, in bytes.
        max_buffer: usize = 65536 => advanced,
        /// How messages are told apart on the way to the program.
        codec_send: String = "lines" => options("lines", "length_prefixed_uint32_be", "netstring") advanced,
        /// How messages are told apart on the way back.
        codec_recv: String = "lines" => options("lines", "length_prefixed_uint32_be", "netstring") advanced,
    }
}

pub(crate) fn register(registry: &mut Registry) {
    registry.processor("subprocess", build).categories(&["Integration"]).doc(
        "Keeps a program running; each message goes to its input, and what it answers becomes the \
         content.\n\n\
         With `lines` each line of a message is sent and answered on its own. What the program \
         prints on standard error fails the message, which stays as it was. The program must answer \
         each message at once, without buffering its output; when it ends, the next message starts \
         it again. No shell is involved.",
    );
}

struct Subprocess {
    config: SubprocessConfig,
    send: Framing,
    receive: Framing,
    /// One message at a time; others wait.
    running: Mutex<Option<Running>>,
    owner: Owner,
    stop: Stop,
}

struct Running {
    child: Child,
    stdin: ChildStdin,
    stdout: Frames<ChildStdout>,
    stderr: Frames<ChildStderr>,
    /// Set while a message is with the program: an answer to it could still come.
    awaits_answer: bool,
}

fn build(config: SubprocessConfig, scope: &Scope) -> Result<Processor, BuildError> {
    child::find(&config.name).map_err(BuildError::new)?;
    Ok(Processor::waiting(Subprocess {
        send: Framing::parse(&config.codec_send)?,
        receive: Framing::parse(&config.codec_recv)?,
        config,
        running: Mutex::default(),
        owner: scope.owner(),
        stop: scope.stop().clone(),
    }))
}

impl Subprocess {
    fn start(&self) -> Result<Running, String> {
        let mut child = child::start(&self.config.name, &self.config.args)?;
        let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (Some(stdin), Some(stdout), Some(stderr)) = pipes else {
            return Err("the program has no pipes".into());
        };
        info!(path = %self.owner.path(), "Subprocess started");
        Ok(Running {
            child,
            stdin,
            stdout: Frames::new(stdout, self.receive, self.config.max_buffer),
            stderr: Frames::new(stderr, Framing::Lines, MAX_COMPLAINT),
            awaits_answer: false,
        })
    }

    /// What the program makes of a content.
    async fn ask(&self, running: &mut Option<Running>, content: &[u8]) -> Result<Bytes, String> {
        if self.send != Framing::Lines {
            return self.exchange(running, content).await;
        }
        let lines: Vec<&[u8]> = content.split(|byte| *byte == b'\n').collect();
        let mut answers = Vec::with_capacity(lines.len());
        for (at, line) in lines.iter().enumerate() {
            let is_end = at > 0 && at + 1 == lines.len() && line.is_empty();
            answers.push(if is_end { Bytes::new() } else { self.exchange(running, line).await? });
        }
        Ok(match &answers[..] {
            [answer] => answer.clone(),
            answers => answers.join(&b'\n').into(),
        })
    }

    async fn exchange(&self, slot: &mut Option<Running>, content: &[u8]) -> Result<Bytes, String> {
        if let Some(running) = slot {
            let has_ended = !matches!(running.child.try_wait(), Ok(None));
            if has_ended || running.awaits_answer {
                warn!(path = %self.owner.path(), "Subprocess exited");
                child::kill(&mut running.child).await;
                *slot = None;
            }
        }
        let running = match slot {
            Some(running) => running,
            None => slot.insert(self.start()?),
        };
        let frame = self.send.encode(content)?;
        running.awaits_answer = true;
        let answer = tokio::select! {
            answer = running.exchange(&frame) => answer,
            () = self.stop.abort.cancelled() => Err(Broken::Gone("context canceled".into())),
        };
        match answer {
            Ok(answer) => {
                running.awaits_answer = false;
                Ok(answer)
            }
            Err(Broken::Refused(complaint)) => {
                running.awaits_answer = false;
                Err(complaint)
            }
            Err(Broken::Gone(error)) => {
                child::kill(&mut running.child).await;
                *slot = None;
                Err(error)
            }
        }
    }
}

/// Why there is no answer.
enum Broken {
    /// The program complained about the message.
    Refused(String),
    /// The program ended or cannot be understood any more.
    Gone(String),
}

impl Running {
    async fn exchange(&mut self, frame: &[u8]) -> Result<Bytes, Broken> {
        let Self { stdin, stdout, stderr, .. } = self;
        let write = async {
            stdin.write_all(frame).await?;
            stdin.flush().await
        };
        let answer = async {
            let mut complains = true;
            loop {
                tokio::select! {
                    biased;
                    answer = stdout.next() => return match answer {
                        Ok(Some(answer)) => Ok(answer),
                        Ok(None) => Err(last_words(stderr).await),
                        Err(error) => Err(Broken::Gone(error)),
                    },
                    complaint = stderr.next(), if complains => match complaint {
                        Ok(Some(complaint)) => return Err(complaints(stderr, complaint).await),
                        // A program may close this stream and go on.
                        Ok(None) => complains = false,
                        Err(error) => return Err(Broken::Gone(error)),
                    },
                }
            }
        };
        let (written, answer) = tokio::join!(write, answer);
        match (written, answer) {
            (Err(error), Ok(_)) => Err(Broken::Gone(error.to_string())),
            (_, answer) => answer,
        }
    }
}

/// Why a program that ends answers no more.
async fn last_words(stderr: &mut Frames<ChildStderr>) -> Broken {
    match tokio::time::timeout(PAUSE, stderr.next()).await {
        Ok(Ok(Some(complaint))) => complaints(stderr, complaint).await,
        _ => Broken::Gone("type was closed".into()),
    }
}

/// Everything that a program complains about one message.
async fn complaints(stderr: &mut Frames<ChildStderr>, first: Bytes) -> Broken {
    let mut text = first.to_vec();
    let mut has_ended = false;
    let more = async {
        while let Ok(Ok(line)) = tokio::time::timeout(PAUSE, stderr.next()).await {
            let Some(line) = line else {
                has_ended = true;
                return;
            };
            let room = MAX_COMPLAINT.saturating_sub(text.len()).min(line.len());
            text.extend_from_slice(&line[..room]);
        }
    };
    let _ = tokio::time::timeout(COMPLAINING, more).await;
    let text = String::from_utf8_lossy(&text).into_owned();
    if has_ended { Broken::Gone(text) } else { Broken::Refused(text) }
}

#[async_trait]
impl WaitingProcessor for Subprocess {
    async fn process(&self, mut batch: Batch) -> Batches {
        let mut running = self.running.lock().await;
        for message in batch.iter_mut() {
            let content = message.bytes().clone();
            match self.ask(&mut running, &content).await {
                Ok(answer) => message.set_bytes(answer),
                Err(problem) => {
                    error!(path = %self.owner.path(), "Failed to send message to subprocess: {problem}");
                    self.owner.fail(message, problem);
                }
            }
        }
        smallvec![batch]
    }

    async fn close(&self) {
        if let Some(mut running) = self.running.lock().await.take() {
            child::kill(&mut running.child).await;
        }
    }
}
