//! Starting programs, and being done with them.

use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};

/// How long a program may take to end after its input was closed.
const PATIENCE: Duration = Duration::from_secs(5);

/// Starts a program with pipes to all three of its streams. It is killed when dropped.
///
/// # Errors
/// There is no such program, or the system refuses.
pub(crate) fn start(name: &str, args: &[String]) -> Result<Child, String> {
    find(name)?;
    Command::new(name)
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| format!("fork/exec {name}: {}", system_text(&error)))
}

/// The file of a program, as the system looks for it.
///
/// # Errors
/// There is none, in the words of the reference.
pub(crate) fn find(name: &str) -> Result<PathBuf, String> {
    let is_program = |path: &Path| {
        use std::os::unix::fs::PermissionsExt;
        let about = path.metadata();
        about.is_ok_and(|about| about.is_file() && about.permissions().mode() & 0o111 != 0)
    };
    if name.contains('/') {
        let path = PathBuf::from(name);
        return match path.metadata() {
            Ok(_) if is_program(&path) => Ok(path),
            Ok(_) => Err(format!("exec: {name:?}: permission denied")),
            Err(error) => Err(format!("fork/exec {name}: {}", system_text(&error))),
        };
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut candidates = std::env::split_paths(&path).map(|folder| folder.join(name));
    let found = candidates.find(|candidate| !name.is_empty() && is_program(candidate));
    found.ok_or_else(|| format!("exec: {name:?}: executable file not found in $PATH"))
}

/// A system error without its number.
fn system_text(error: &std::io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    text.to_lowercase()
}

/// Waits for a program to end by itself; kills it when that takes long.
pub(crate) async fn finish(child: &mut Child) {
    drop(child.stdin.take());
    if tokio::time::timeout(PATIENCE, child.wait()).await.is_err() {
        kill(child).await;
    }
}

/// Kills a program and waits until it is gone.
pub(crate) async fn kill(child: &mut Child) {
    let _ = child.kill().await; // it may have ended by itself
}

/// How a program ended, in the words of the reference.
pub(crate) fn status_text(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt;
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit status {code}"),
        (None, Some(9)) => "signal: killed".to_owned(),
        (None, Some(signal)) => format!("signal: {signal}"),
        (None, None) => status.to_string(),
    }
}

/// Reads all, of which the first `most` bytes are kept; says whether there was more.
pub(crate) async fn read_all(
    mut source: impl AsyncRead + Unpin,
    most: usize,
) -> std::io::Result<(BytesMut, bool)> {
    let mut kept = BytesMut::new();
    loop {
        if kept.len() >= most {
            let more = tokio::io::copy(&mut source, &mut tokio::io::sink()).await?;
            return Ok((kept, more > 0));
        }
        let room = (most - kept.len()) as u64;
        if (&mut source).take(room).read_buf(&mut kept).await? == 0 {
            return Ok((kept, false));
        }
    }
}
