//! The program alone, as somebody with a shell finds it: every line of its README is run, and its help is whole.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use gateway_simulator::{Endpoint, Fault, Switches};
use serde_json::Value;

const README: &str = include_str!("../README.md");
const EVERY_SWITCH_TURNED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/every-switch-turned.json");

/// The program, until the test is over.
struct Sandbox {
    child: Child,
    url: String,
}

impl Sandbox {
    fn start(further: &[&str]) -> Self {
        let arguments = [&["serve", "--listen", "127.0.0.1:0"], further].concat();
        let mut child = program(&arguments).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let url = line.split([' ', ';']).find(|word| word.starts_with("http://")).unwrap().to_owned();
        Self { child, url }
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn program(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gateway-simulator"));
    command.args(arguments).env("RUST_LOG", "off");
    command
}

/// The lines to run, each with what they print.
fn chapters() -> Vec<(String, String)> {
    let blocks: Vec<(&str, &str)> =
        README.split("```").skip(1).step_by(2).map(|block| block.split_once('\n').unwrap()).collect();
    let pairs = blocks.windows(2).filter(|pair| pair[0].0 == "sh");
    pairs
        .map(|pair| {
            assert_eq!(pair[1].0, "text", "what it prints is missing behind\n{}", pair[0].1);
            (pair[0].1.to_owned(), pair[1].1.trim_end().to_owned())
        })
        .collect()
}

/// `…` in what is expected stands for anything.
fn assert_prints(printed: &str, expected: &str, lines: &str) {
    let mut rest = printed;
    for piece in expected.split('…').filter(|piece| !piece.is_empty()) {
        let found = rest.find(piece).unwrap_or_else(|| panic!("{lines}\nprints\n{printed}\nand not {piece}"));
        rest = &rest[found + piece.len()..];
    }
}

#[test]
fn every_line_of_the_readme_does_what_it_says() {
    let sandbox = Sandbox::start(&[]);
    let chapters = chapters();
    assert_eq!(chapters.len(), 8);
    for (lines, expected) in chapters {
        let output = Command::new("sh").args(["-c", &lines]).env("GATEWAY", &sandbox.url).output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{lines}\n{errors}(this test needs curl, as its reader would)");
        assert_prints(&String::from_utf8(output.stdout).unwrap(), &expected, &lines);
    }
}

#[test]
fn help_lists_every_endpoint_and_every_reserved_prefix() {
    let help = String::from_utf8(program(&["serve", "--help"]).output().unwrap().stdout).unwrap();
    for (prefix, fault) in Fault::well_known() {
        let line = help.lines().find(|line| line.split_whitespace().next() == Some(prefix));
        assert!(line.is_some_and(|line| line.contains(&fault.meaning())), "{prefix}: {help}");
    }
    assert_eq!(Endpoint::ALL.len(), 16);
    for (_, target) in Endpoint::ALL {
        assert!(help.contains(target), "{target}: {help}");
    }
}

/// The help and the README have it from the same place, which is the documentation of `Switches`.
#[test]
fn help_and_readme_list_every_switch_with_its_default_and_what_it_is_for() {
    let help = String::from_utf8(program(&["serve", "--help"]).output().unwrap().stdout).unwrap();
    let defaults = serde_json::to_value(Switches::default()).unwrap();
    for text in [help.as_str(), README] {
        for (switch, default) in defaults.as_object().unwrap() {
            let mut lines = text.lines().skip_while(|line| line.split_whitespace().next() != Some(switch.as_str()));
            let line = lines.next().unwrap_or_else(|| panic!("{switch} is not listed: {text}"));
            assert!(line.ends_with(&format!(" {default}")), "{line}");
            assert!(
                lines.next().is_some_and(|meaning| meaning.starts_with("      ") && meaning.contains(' ')),
                "{switch}"
            );
        }
    }
    let list = Switches::list();
    assert!(README.contains(&list), "the README lists other switches than these:{list}");
    let prefixes = Fault::list();
    assert!(help.contains(&prefixes) && README.contains(&prefixes), "the README lists other prefixes than:{prefixes}");
}

#[test]
fn a_file_turns_every_switch() {
    let wanted: Value = serde_json::from_slice(&std::fs::read(EVERY_SWITCH_TURNED).unwrap()).unwrap();
    let defaults = serde_json::to_value(Switches::default()).unwrap();
    for (switch, default) in defaults.as_object().unwrap() {
        assert!(wanted.get(switch).is_some_and(|turned| turned != default), "{switch} is left as it was");
    }
    let sandbox = Sandbox::start(&["--switches", EVERY_SWITCH_TURNED]);
    let url = format!("{}/control/switches", sandbox.url);
    let output = Command::new("curl").args(["-sS", &url]).output().unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&output.stdout).unwrap(), wanted);
}

#[test]
fn what_it_cannot_start_with_is_said_and_it_ends() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("switches.json");
    std::fs::write(&file, r#"{"webhoks":"twice"}"#).unwrap();
    let path = file.to_str().unwrap();
    for (arguments, named) in [
        (&["serve", "--listen", "127.0.0.1:0", "--switches", path][..], "webhoks"),
        (&["serve", "--listen", "127.0.0.1:0", "--switches", "/nowhere/at/all"], "cannot read"),
        (&["serve", "--listen", "somewhere"], "--listen"),
        (&["serve", "--speed", "9"], "--speed"),
    ] {
        let output = program(arguments).output().unwrap();
        let errors = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && errors.contains(named), "{arguments:?}: {errors}");
    }
}
