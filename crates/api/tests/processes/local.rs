//! `api local`, tried as a newcomer does: the lines that it prints are pasted as they are.

use std::fs::{self, File};
use std::net::TcpListener;
use std::path::{Path, PathBuf};

use rustix::process::Signal;
use serde_json::Value;
use tempfile::TempDir;
use tokio::process::Command;

use crate::deployment::{Kind, on_every_store};
use crate::process::{Process, program};
use crate::waiting::Waiting;

on_every_store! {
    async fn the_printed_lines_pasted_as_they_are_end_in_completed_also_for_the_next_start(kind: Kind) {
        let home = Home::new(kind).await;
        let (service, printed) = home.start().await;
        let [order, pay, see] = printed.lines();
        assert_eq!(paste(&order).await["state"], "CHECKOUT");
        assert_eq!(paste(&pay).await["state"], "COMPLETED");
        let seen = paste(&see).await;
        assert_eq!((&seen["state"], &seen["settledAmount"]), (&"COMPLETED".into(), &"11.12".into()), "{seen}");
        let page = paste_plain(&format!("curl -sS -H 'Accept: text/html' {}", printed.checkout())).await;
        assert!(page.contains("<h1>"), "{page}");
        stop(service).await;

        let (service, again) = home.start().await;
        // At other ports, but everything is there.
        let [_, _, see_again] = again.lines();
        assert_ne!(printed.reference(), again.reference());
        let found = paste(&see_again.replace(&again.reference(), &printed.reference())).await;
        assert_eq!((&found["id"], &found["state"]), (&seen["id"], &seen["state"]), "{found}");
        stop(service).await;
    }
}

#[tokio::test]
async fn a_port_that_is_taken_is_said_in_one_line() {
    let home = Home::new(Kind::Sqlite).await;
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for (who, mut command) in [
        ("the simulated gateway", home.command(&["--gateway-listen", &address])),
        ("the service", {
            let mut command = home.command(&[]);
            command.env("HTTP__LISTEN", &address);
            command
        }),
    ] {
        let output = command.output().await.unwrap();
        let line = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), line.lines().count()), (Some(3), 1), "{line}");
        assert!(line.contains(&format!("{who} cannot listen on {address}")), "{line}");
    }
}

#[tokio::test]
async fn a_broken_file_of_secrets_is_named_and_what_to_do_about_it() {
    let home = Home::new(Kind::Sqlite).await;
    fs::create_dir_all(home.data()).unwrap();
    fs::write(home.data().join("secrets.json"), "{\"masterKey\": \"a-secret-cut-off").unwrap();
    let output = home.command(&[]).output().await.unwrap();
    let line = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), line.lines().count()), (Some(2), 1), "{line}");
    assert!(line.contains("secrets.json cannot be read") && line.contains("remove it to begin anew"), "{line}");
    assert!(!line.contains("a-secret-cut-off"), "{line}");
}

/// Where a local service keeps its things.
pub(crate) struct Home {
    pub(crate) folder: TempDir,
    pub(crate) database: Option<test_postgres::TestDatabase>,
}

impl Home {
    pub(crate) async fn new(kind: Kind) -> Self {
        let database = match kind {
            Kind::Sqlite => None,
            Kind::Postgres => Some(test_postgres::database().await),
        };
        Self { folder: tempfile::tempdir().unwrap(), database }
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join(".local")
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let data = self.data();
        let mut command = program(["local", "--data", data.to_str().unwrap()]);
        if !arguments.contains(&"--gateway-listen") {
            command.args(["--gateway-listen", "127.0.0.1:0"]);
        }
        command.args(arguments).env("HTTP__LISTEN", "127.0.0.1:0");
        if let Some(database) = &self.database {
            command.env("DATABASE__URL", &database.url);
        }
        command
    }

    /// Starts it and waits until it has said everything.
    pub(crate) async fn start(&self) -> (Process, Printed) {
        let out = self.folder.path().join("out");
        let mut command = self.command(&[]);
        command.stdout(File::create(&out).unwrap());
        let mut process = Process::start(command, self.folder.path().join("log"));
        let mut waiting = Waiting::until("the lines to paste");
        loop {
            let printed = read(&out);
            if printed.contains("Ctrl-C stops") {
                return (process, Printed(printed));
            }
            assert!(!process.has_ended(), "{printed}{}", process.log());
            waiting.pause().await;
        }
    }
}

/// What it prints.
pub(crate) struct Printed(String);

impl Printed {
    fn lines(&self) -> [String; 3] {
        let lines: Vec<String> = self.0.lines().filter(|line| line.starts_with("curl ")).map(str::to_owned).collect();
        lines.try_into().unwrap_or_else(|_| panic!("three lines to paste: {}", self.0))
    }

    fn reference(&self) -> String {
        let [order, ..] = self.lines();
        order.split('"').find(|word| word.starts_with("order-")).unwrap().to_owned()
    }

    fn checkout(&self) -> String {
        self.0.split_whitespace().find(|word| word.ends_with("/checkout")).unwrap().to_owned()
    }

    /// Where the service listens, and where the simulated gateway does.
    pub(crate) fn addresses(&self) -> (String, String) {
        let first_line = self.0.lines().next().unwrap();
        let mut urls = first_line.split([' ', ',']).filter(|word| word.starts_with("http://"));
        let mut next = || urls.next().unwrap().trim_end_matches('.').to_owned();
        (next(), next())
    }
}

async fn paste(line: &str) -> Value {
    let text = paste_plain(line).await;
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{line}\n{error}: {text}"))
}

async fn paste_plain(line: &str) -> String {
    let output = Command::new("sh").args(["-c", line]).output().await.unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{line}\n{errors}(this test needs curl, as its reader would)");
    String::from_utf8(output.stdout).unwrap()
}

/// Ctrl-C.
pub(crate) async fn stop(mut service: Process) {
    service.signal(Signal::INT);
    assert_eq!(service.ended().await.code(), Some(0), "{}", service.log());
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap()
}
