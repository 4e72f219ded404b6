use std::ffi::OsString;
use std::io::{self, Write as _};
use std::os::unix::process::ExitStatusExt as _;
use std::process::{ExitCode, ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use test_postgres::{Place, Server, TEST_DATABASE_URL, Unavailable};
use tokio::process::{Child, Command};
use tokio::signal::unix::{self, SignalKind};
use tokio::time::timeout;

/// How long the command may take to end after it was told to, before it is killed.
const PATIENCE_SECONDS: u64 = 10;

/// Runs `command` beside a server that is there from its first moment to its last, and ends as it does.
pub(crate) async fn run(place: Place, command: Vec<OsString>) -> Result<ExitCode, Unavailable> {
    let mut interruptions = Interruptions::listen().map_err(machine("signals"))?;
    let server = tokio::select! {
        server = Server::start(place) => server?,
        signal = interruptions.next() => return Ok(ended_by(signal)),
    };
    let origin = server.origin();
    say(&origin);

    let status = run_beside(server.url(), command, &mut interruptions).await;
    server.stop().await?;
    let code = code(status?);
    say(&format!("the command ran on {origin} and ended with {code}"));
    Ok(ExitCode::from(code))
}

/// One line for the person who watches, apart from the command's own output.
pub(crate) fn say(line: &str) {
    // Nobody is left to tell when standard error is closed.
    let _ = writeln!(io::stderr(), "test-postgres: {line}");
}

/// The command is the head of a process group, so that an interruption reaches the whole tree: cargo, the test
/// process, and the programs that a test has started. It is therefore no reader of the terminal.
async fn run_beside(
    server_url: &str,
    command: Vec<OsString>,
    interruptions: &mut Interruptions,
) -> Result<ExitStatus, Unavailable> {
    let Some((program, arguments)) = command.split_first() else { return Ok(ExitStatus::default()) };
    let mut child = Command::new(program)
        .args(arguments)
        .env(TEST_DATABASE_URL, server_url)
        .stdin(Stdio::null())
        .process_group(0)
        .spawn()
        .map_err(machine(&program.to_string_lossy()))?;
    tokio::select! {
        status = child.wait() => status,
        signal = interruptions.next() => end(&mut child, signal).await,
    }
    .map_err(machine(&program.to_string_lossy()))
}

/// Hands the interruption down, and insists when that does not help.
async fn end(child: &mut Child, signal: Signal) -> io::Result<ExitStatus> {
    let group = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    let send = |signal| group.map_or(Ok(()), |group| kill_process_group(group, signal));
    send(signal)?;
    if let Ok(status) = timeout(Duration::from_secs(PATIENCE_SECONDS), child.wait()).await {
        return status;
    }
    send(Signal::KILL)?;
    child.wait().await
}

/// The code a shell would give: the command's own, or 128 and the signal that ended it.
fn code(status: ExitStatus) -> u8 {
    let code = status.code().or(status.signal().map(|signal| 128 + signal));
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(u8::MAX)
}

fn ended_by(signal: Signal) -> ExitCode {
    ExitCode::from(u8::try_from(128 + signal.as_raw()).unwrap_or(u8::MAX))
}

/// What a person or a machine ends a run with: Ctrl-C, a polite kill, a closed terminal.
struct Interruptions {
    interrupt: unix::Signal,
    terminate: unix::Signal,
    hang_up: unix::Signal,
}

impl Interruptions {
    fn listen() -> io::Result<Self> {
        Ok(Self {
            interrupt: unix::signal(SignalKind::interrupt())?,
            terminate: unix::signal(SignalKind::terminate())?,
            hang_up: unix::signal(SignalKind::hangup())?,
        })
    }

    async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.interrupt.recv() => Signal::INT,
            _ = self.terminate.recv() => Signal::TERM,
            _ = self.hang_up.recv() => Signal::HUP,
        }
    }
}

fn machine(what: &str) -> impl FnOnce(io::Error) -> Unavailable {
    let what = what.to_owned();
    |source| Unavailable::Machine { what, source }
}
