//! Users who work off a backlog, in a process of their own: real users sit elsewhere, and what theirs
//! takes in must not delay the clock of those that are measured.
//!
//! The process writes how many events came, a line each time it looks, until its standard input ends;
//! then it writes what was wrong with them.

use std::io::Write as _;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

use super::clients::{self, Clients, Seen};
use super::stage::BEHIND;

/// How often it looks.
const PERIOD: Duration = Duration::from_millis(100);

/// What the process is told.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Port of the gateway.
    #[arg(long)]
    port: u16,
    /// Users, from the first on.
    #[arg(long)]
    users: usize,
    /// Events that each of them has to get.
    #[arg(long)]
    each: usize,
}

/// The process.
pub(crate) fn run(options: &Options) -> Result<()> {
    super::raise_limit()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let (seen, mut clients) = (Arc::<Seen>::default(), Clients::new());
        clients::connect(options.port, BEHIND, 0..options.users, &seen, &mut clients).await?;
        let mut input = tokio::io::stdin();
        let mut nothing = [0];
        while tokio::time::timeout(PERIOD, input.read(&mut nothing)).await.is_err() {
            writeln!(std::io::stdout(), "{}", seen.received())?;
        }
        let wrong = wrong(&seen, options.users, options.each);
        writeln!(std::io::stdout(), "{} {wrong}", seen.strangers())?;
        Ok(())
    })
}

/// By how many events the users' shares differ from theirs.
fn wrong(seen: &Seen, users: usize, each: usize) -> usize {
    let got = seen.take_serials();
    let distinct =
        |serials: &Vec<u64>| serials.iter().collect::<std::collections::HashSet<_>>().len();
    let share = |user| got.get(&user).map_or((0, 0), |serials| (serials.len(), distinct(serials)));
    (0..users).map(|user| share(user).0.abs_diff(each).max(share(user).1.abs_diff(each))).sum()
}

/// The running process, as its owner sees it. It ends with its owner.
pub(super) struct Late {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Late {
    pub(super) fn start(port: u16, users: usize, each: usize) -> Result<Self> {
        let arguments = [("--port", port.into()), ("--users", users), ("--each", each)];
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("late-tenants");
        for (name, value) in arguments {
            command.arg(name).arg(value.to_string());
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn()?;
        let output = child.stdout.take().context("no output")?;
        Ok(Self { child, lines: BufReader::new(output).lines() })
    }

    /// How many events have come; waits for the next look.
    pub(super) async fn received(&mut self) -> Result<usize> {
        let line = self.lines.next_line().await?.context("the users of the backlog are gone")?;
        Ok(line.parse()?)
    }

    /// Ends it. Returns the events for somebody else, and those too many or too few.
    pub(super) async fn end(mut self) -> Result<(usize, usize)> {
        drop(self.child.stdin.take());
        let mut last = String::new();
        while let Some(line) = self.lines.next_line().await? {
            last = line;
        }
        let (strangers, wrong) = last.split_once(' ').context("the users of the backlog failed")?;
        Ok((strangers.parse()?, wrong.parse()?))
    }
}
