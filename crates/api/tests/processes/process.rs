//! One process of the program.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::waiting::PATIENCE;

/// A process that runs until it is stopped; dropping it kills it.
pub(crate) struct Process {
    child: Child,
    log: PathBuf,
}

/// The program, to be run with `arguments` and nothing of this process's environment but the path. `MEASURED_PROGRAM` names
/// another build of it, for figures.
pub(crate) fn program<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>) -> Command {
    let built = std::env::var_os("MEASURED_PROGRAM").unwrap_or_else(|| env!("CARGO_BIN_EXE_api").into());
    let mut command = Command::new(built);
    command.args(arguments).env_clear().stdin(Stdio::null()).kill_on_drop(true);
    command.envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
    command
}

impl Process {
    /// Starts it; what it writes to standard error is appended to `log`.
    pub(crate) fn start(mut command: Command, log: PathBuf) -> Self {
        let file = File::options().append(true).create(true).open(&log).unwrap();
        let child = command.stderr(file).spawn().unwrap();
        Self { child, log }
    }

    /// `kill -9`: whatever it was doing, it does no more.
    pub(crate) async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id().expect("it still runs")
    }

    /// Sends a signal that it can handle.
    pub(crate) fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.id()).unwrap();
        kill_process(Pid::from_raw(id).unwrap(), signal).unwrap();
    }

    /// Waits for its end.
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        let ended = timeout(PATIENCE, self.child.wait()).await;
        ended.unwrap_or_else(|_| panic!("it still runs:\n{}", self.log())).unwrap()
    }

    /// Whether it ended by itself; never waits.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// What it and those before it wrote to standard error.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }
}
