//! The `test-postgres` program, seen from outside: what it passes on, and what it leaves behind, namely nothing.
//!
//! These tests look at files and processes, so they run it on a server of the machine's own, never on Docker's.

#![allow(clippy::unwrap_used)]

use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Output, Stdio};

use rustix::process::{Pid, Signal, kill_process_group, test_kill_process};
use sqlx::{Connection as _, PgConnection};
use test_postgres::TEST_DATABASE_URL;

const PROGRAM: &str = env!("CARGO_BIN_EXE_test-postgres");

#[test]
fn the_exit_code_of_the_command_is_passed_on_and_the_server_is_named() {
    let Output { status, stderr, .. } = program(&["run", "--", "sh", "-c", "exit 7"]).output().unwrap();
    assert_eq!(status.code(), Some(7));
    let said = String::from_utf8(stderr).unwrap();
    assert!(said.contains("PostgreSQL 1") && said.contains("private cluster") && said.contains("with 7"), "{said}");

    let crashed = program(&["run", "--", "sh", "-c", "kill -SEGV $$"]).output().unwrap();
    assert_eq!(crashed.status.code(), Some(128 + 11));

    let absent = program(&["run", "--", "/no/such/command"]).output().unwrap();
    assert_eq!(absent.status.code(), Some(1));
    assert!(String::from_utf8(absent.stderr).unwrap().contains("/no/such/command"));
}

#[test]
fn processes_of_one_run_share_the_server_but_no_database() {
    let two_of_us = r#""$0" database </dev/null & "$0" database </dev/null; wait"#;
    let output = program(&["run", "--", "sh", "-c", two_of_us, PROGRAM]).output().unwrap();
    assert!(output.status.success());

    let told = String::from_utf8(output.stdout).unwrap();
    let urls: Vec<&str> = told.lines().collect();
    let [(one_server, one_name), (other_server, other_name)] =
        [0, 1].map(|index: usize| urls[index].rsplit_once('/').unwrap());
    assert_eq!(one_server, other_server);
    assert_ne!(one_name, other_name);
}

#[tokio::test]
async fn nothing_is_left_behind_after_the_command_has_ended() {
    // The program keeps its standard input from the command, so the command waits for the end of another one.
    let command = "echo $TEST_DATABASE_URL; cat <&3 >/dev/null";
    let script = format!(r#"exec 3<&0; "$0" run -- sh -c '{command}'"#);
    let mut shell = spawn(apart("sh", &["-c", &script, PROGRAM]));
    let (_, server) = first_line_and_server(&mut shell).await;
    server.assert_is_there();

    drop(shell.stdin.take());
    assert_eq!(shell.wait().unwrap().code(), Some(0));
    server.assert_is_gone();
}

#[tokio::test]
async fn a_run_that_is_interrupted_ends_its_command_and_leaves_nothing_behind() {
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        // A tree of processes, as cargo and its tests are one; the inner one says who it is.
        let tree = r#"sh -c 'echo "$TEST_DATABASE_URL $$"; exec sleep 600'; true"#;
        let mut running = spawn(program(&["run", "--", "sh", "-c", tree]));
        let (line, server) = first_line_and_server(&mut running).await;
        let inner = Pid::from_raw(line.split(' ').nth(1).unwrap().parse().unwrap()).unwrap();

        // The whole group, as a terminal does it.
        kill_process_group(Pid::from_child(&running), signal).unwrap();
        assert_eq!(running.wait().unwrap().code(), Some(128 + signal.as_raw()));
        server.assert_is_gone();
        assert!(is_gone(inner));
    }
}

#[tokio::test]
async fn a_test_process_without_a_run_takes_its_server_along_even_when_it_is_killed() {
    let mut process = spawn(program(&["database"]));
    let (_, server) = first_line_and_server(&mut process).await;
    server.assert_is_there();

    process.kill().unwrap();
    process.wait().unwrap();
    // The keeper holds the other end of this pipe, so its end is the end of the keeper's work.
    process.stderr.take().unwrap().read_to_end(&mut Vec::new()).unwrap();
    server.assert_is_gone();
}

fn program(arguments: &[&str]) -> Command {
    apart(PROGRAM, arguments)
}

/// A command on a machine where nobody has named a server and no Docker daemon answers.
fn apart(program: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(arguments).env_remove(TEST_DATABASE_URL).env("DOCKER_HOST", "tcp://127.0.0.1:1");
    command
}

/// Starts it as the head of a process group, with all its streams in our hands.
fn spawn(mut command: Command) -> Child {
    command.process_group(0).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// The traces of a running server on this machine.
struct Traces {
    folder: PathBuf,
    postmaster: Pid,
}

impl Traces {
    fn assert_is_there(&self) {
        assert!(self.folder.exists() && !is_gone(self.postmaster));
    }

    fn assert_is_gone(&self) {
        assert!(!self.folder.exists(), "{} is left", self.folder.display());
        assert!(is_gone(self.postmaster), "process {:?} is left", self.postmaster);
    }
}

/// Reads the first line that the process prints, and looks at the server whose address it begins with.
async fn first_line_and_server(process: &mut Child) -> (String, Traces) {
    let stdout: &mut ChildStdout = process.stdout.as_mut().unwrap();
    let mut line = String::new();
    BufReader::new(stdout).read_line(&mut line).unwrap();
    let line = line.trim_end().to_owned();

    let mut connection = PgConnection::connect(line.split(' ').next().unwrap()).await.unwrap();
    let data: PathBuf =
        sqlx::query_scalar::<_, String>("SHOW data_directory").fetch_one(&mut connection).await.unwrap().into();
    let told: String =
        sqlx::query_scalar("SELECT pg_read_file('postmaster.pid')").fetch_one(&mut connection).await.unwrap();
    let postmaster = Pid::from_raw(told.lines().next().unwrap().parse().unwrap()).unwrap();
    (line, Traces { folder: data.parent().unwrap().to_owned(), postmaster })
}

/// Whether there is no such process, or only its entry in a table that the first process has yet to clear.
fn is_gone(process: Pid) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{}/stat", process.as_raw_nonzero())).unwrap_or_default();
    test_kill_process(process).is_err() || status.contains(") Z ")
}
