//! The program as a child, and what the kernel knows of it.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// A child that dies with its owner.
pub(crate) struct Running(Child);

impl Running {
    pub(crate) fn start(program: &Path, arguments: &[&str], directory: &Path) -> Result<Self> {
        let log = std::fs::File::create(directory.join("sluice.log"))?;
        let child = Command::new(program)
            .args(arguments)
            .current_dir(directory)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .with_context(|| format!("cannot run {}", program.display()))?;
        Ok(Self(child))
    }

    pub(crate) fn pid(&self) -> u32 {
        self.0.id()
    }

    /// Asks the child to end.
    pub(crate) fn terminate(&self) -> Result<()> {
        let status = Command::new("kill").args(["-TERM", &self.pid().to_string()]).status()?;
        if !status.success() {
            bail!("the program cannot be told to end");
        }
        Ok(())
    }

    /// Ends the child without a word.
    pub(crate) fn kill(&mut self) -> Result<()> {
        self.0.kill()?;
        self.0.wait()?;
        Ok(())
    }

    /// Waits for the child's own end; it must succeed.
    pub(crate) fn wait(&mut self) -> Result<()> {
        let status = self.0.wait()?;
        if !status.success() {
            bail!("the program ended with {status}");
        }
        Ok(())
    }

    /// Waits until somebody listens on a loopback port.
    pub(crate) fn wait_for_port(&mut self, port: u16, patience: Duration) -> Result<Duration> {
        let began = Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            if let Some(status) = self.0.try_wait()? {
                bail!("the program ended with {status} before it listened");
            }
            if began.elapsed() > patience {
                bail!("nobody listens on port {port} after {patience:?}");
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(began.elapsed())
    }

    /// Resident memory in bytes.
    pub(crate) fn memory(&self) -> Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid()))?;
        let line =
            status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
        let kilobytes: u64 = line.trim().trim_end_matches(" kB").parse()?;
        Ok(kilobytes * 1024)
    }

    /// Processor time used so far, of all threads.
    pub(crate) fn cpu(&self) -> Result<Duration> {
        let (user, kernel) = self.cpu_parts()?;
        Ok(user + kernel)
    }

    /// The same in the program itself, and in the kernel for it. The sum is exact; what is whose
    /// the kernel estimates.
    pub(crate) fn cpu_parts(&self) -> Result<(Duration, Duration)> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid()))?;
        let (_, fields) = stat.rsplit_once(") ").context("no fields")?;
        let fields: Vec<&str> = fields.split(' ').collect();
        // The kernel counts in hundredths of a second.
        let time = |ticks: &str| Ok::<_, anyhow::Error>(Duration::from_millis(10) * ticks.parse()?);
        Ok((time(fields[11])?, time(fields[12])?))
    }

    /// TCP connections to a port of this machine.
    pub(crate) fn connections_to(&self, port: u16) -> Result<usize> {
        let mut own = std::collections::HashSet::new();
        for entry in std::fs::read_dir(format!("/proc/{}/fd", self.pid()))? {
            // One that was closed meanwhile is none.
            let Ok(target) = std::fs::read_link(entry?.path()) else { continue };
            let target = target.to_string_lossy().into_owned();
            own.extend(
                target.strip_prefix("socket:[").map(|it| it.trim_end_matches(']').to_owned()),
            );
        }
        let mut found = 0;
        for table in ["tcp", "tcp6"] {
            let table = std::fs::read_to_string(format!("/proc/net/{table}"))?;
            for line in table.lines().skip(1) {
                let fields: Vec<&str> = line.split_whitespace().collect();
                let is_there = fields[2].ends_with(&format!(":{port:04X}")) && fields[3] == "01";
                found += usize::from(is_there && own.contains(fields[9]));
            }
        }
        Ok(found)
    }

    /// Open file descriptors.
    pub(crate) fn descriptors(&self) -> Result<usize> {
        Ok(std::fs::read_dir(format!("/proc/{}/fd", self.pid()))?.count())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill(); // it may have ended on its own
        let _ = self.0.wait();
    }
}

/// A loopback port that was free a moment ago.
pub(crate) fn free_port() -> Result<u16> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}
