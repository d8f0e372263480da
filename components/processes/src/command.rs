//! `command` processor: runs a program for each message.

use async_trait::async_trait;
use sluice_config::{Interpolated, Query, config};
use sluice_engine::{
    Batches, BuildError, Owner, Processor, Program, Registry, Scope, Stop, Text, WaitingProcessor,
};
use sluice_message::{Batch, Message};
use sluice_value::Value;
use smallvec::smallvec;
use tokio::io::AsyncWriteExt;

use crate::child;

/// Largest output that a program may print for a message.
const MAX_OUTPUT: usize = 256 * 1024 * 1024;
/// How much of what a program complains about is kept.
const MAX_COMPLAINT: usize = 64 * 1024;

config! {
    /// Which program to run.
    pub struct CommandConfig {
        /// The program, for each message.
        name: Interpolated => lint_required,
        /// Makes the list of arguments, for each message.
        args_mapping: Option<Query>,
    }
}

pub(crate) fn register(registry: &mut Registry) {
    registry.processor("command", build).categories(&["Integration"]).doc(
        "Runs a program for each message: the content is its input, and its output becomes the \
         content.\n\n\
         A program that ends with another status than 0 leaves the message as it was, marked as \
         failed with what the program printed on standard error. Otherwise that stands in the \
         metadata `command_stderr`.\n\n\
         No shell is involved. An output of more than 256 MiB fails the message; of standard error \
         64 KiB are kept.",
    );
}

struct Run {
    name: Text,
    args: Option<Program>,
    owner: Owner,
    stop: Stop,
}

fn build(config: CommandConfig, scope: &Scope) -> Result<Processor, BuildError> {
    Ok(Processor::waiting(Run {
        name: scope.text(&config.name)?,
        args: config.args_mapping.as_ref().map(|args| scope.query(args)).transpose()?,
        owner: scope.owner(),
        stop: scope.stop().clone(),
    }))
}

/// What a program printed.
struct Printed {
    output: bytes::Bytes,
    complaint: String,
}

impl Run {
    async fn run(&self, batch: &Batch, at: usize) -> Result<Printed, String> {
        let name = self
            .name
            .render(batch, at)
            .map_err(|error| format!("name interpolation error: {error}"))?;
        let args = self.args(batch, at)?;
        let mut program =
            child::start(&name, &args).map_err(|error| format!("execution error: {error}: "))?;
        let (stdin, stdout, stderr) =
            (program.stdin.take(), program.stdout.take(), program.stderr.take());
        let (Some(mut stdin), Some(stdout), Some(stderr)) = (stdin, stdout, stderr) else {
            return Err("execution error: the program has no pipes".into());
        };
        let content = batch[at].bytes().clone();
        let feed = async move {
            let _ = stdin.write_all(&content).await; // a program need not read all of it
        };
        let streams = async {
            tokio::join!(
                feed,
                child::read_all(stdout, MAX_OUTPUT),
                child::read_all(stderr, MAX_COMPLAINT)
            )
        };
        let ((), output, complaint) = tokio::select! {
            streams = streams => streams,
            () = self.stop.abort.cancelled() => {
                child::kill(&mut program).await;
                return Err("execution error: context canceled: ".into());
            }
        };
        let failed = |error: std::io::Error| format!("execution error: {error}: ");
        let status = program.wait().await.map_err(failed)?;
        let (output, cut) = output.map_err(failed)?;
        let (complaint, _) = complaint.map_err(failed)?;
        let complaint = String::from_utf8_lossy(&complaint).into_owned();
        if !status.success() {
            let status = child::status_text(status);
            return Err(format!("execution error: {status}: {complaint}"));
        }
        if cut {
            return Err(format!("execution error: the output exceeds {MAX_OUTPUT} bytes: "));
        }
        Ok(Printed { output: output.freeze(), complaint })
    }

    fn args(&self, batch: &Batch, at: usize) -> Result<Vec<String>, String> {
        let Some(mapping) = &self.args else { return Ok(Vec::new()) };
        let args =
            mapping.eval(batch, at).map_err(|error| format!("args mapping error: {error}"))?;
        match args {
            Value::Array(args) => Ok(args.iter().map(Value::to_text).collect()),
            other => Err(format!(
                "args mapping result error: expected array value, got {}",
                other.kind()
            )),
        }
    }

    fn finish(&self, message: &mut Message, printed: Result<Printed, String>) {
        match printed {
            Ok(printed) => {
                message.set_bytes(printed.output);
                if !printed.complaint.is_empty() {
                    message.set_metadata("command_stderr", printed.complaint);
                }
            }
            Err(error) => self.owner.fail(message, error),
        }
    }
}

#[async_trait]
impl WaitingProcessor for Run {
    async fn process(&self, mut batch: Batch) -> Batches {
        for at in 0..batch.len() {
            let printed = self.run(&batch, at).await;
            self.finish(&mut batch[at], printed);
        }
        smallvec![batch]
    }
}
