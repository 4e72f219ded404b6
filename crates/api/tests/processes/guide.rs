//! docs/api-guide.md, pasted from top to bottom as a newcomer does.

use std::fs;
use std::path::Path;

use tokio::process::Command;
use tokio::time::timeout;

use crate::deployment::on_every_store;
use crate::local::{Home, stop};
use crate::port::own_address;
use crate::waiting::PATIENCE;

const GUIDE: &str = include_str!("../../../../docs/api-guide.md");

/// Lines to paste, and what they print, if the guide says so.
struct Chapter {
    lines: &'static str,
    /// Whether they need the receiver, and with it Python.
    with_receiver: bool,
    prints: Option<&'static str>,
}

/// What stands between fences: what it is, and its text.
fn blocks() -> Vec<(&'static str, &'static str)> {
    GUIDE.split("```").skip(1).step_by(2).map(|block| block.split_once('\n').unwrap()).collect()
}

fn chapters() -> Vec<Chapter> {
    let blocks = blocks();
    let after = blocks.iter().skip(1).map(Some).chain([None]);
    let to_paste = blocks.iter().zip(after).filter(|((kind, _), _)| kind.starts_with("sh"));
    to_paste
        .map(|((kind, lines), next)| Chapter {
            lines,
            with_receiver: *kind == "sh receiver",
            prints: next.filter(|(kind, _)| *kind == "text").map(|(_, text)| text.trim_end()),
        })
        .collect()
}

/// The receiver that the guide shows, where there is a Python to run it; it is said where there is none.
fn write_receiver(folder: &Path) -> bool {
    let (_, text) = blocks().into_iter().find(|(kind, _)| *kind == "python receiver.py").unwrap();
    fs::write(folder.join("receiver.py"), text).unwrap();
    let found = std::process::Command::new("python3").arg("--version").output();
    let found = found.is_ok_and(|output| output.status.success());
    if !found {
        println!("SKIPPED: the receiver of the guide was not run, there is no python3");
    }
    found
}

/// `…` in what is expected stands for anything.
fn assert_prints(printed: &str, chapter: &Chapter) {
    let mut rest = printed;
    let expected = chapter.prints.unwrap_or_default();
    for piece in expected.split('…').filter(|piece| !piece.is_empty()) {
        let found = rest.find(piece);
        let found = found.unwrap_or_else(|| panic!("{}\nprints\n{printed}\nand not {piece}", chapter.lines));
        rest = &rest[found + piece.len()..];
    }
}

on_every_store! {
    async fn every_line_of_the_guide_does_what_it_says_from_top_to_bottom(kind: Kind) {
        let home = Home::new(kind).await;
        let (service, printed) = home.start().await;
        let (service_url, gateway_url) = printed.addresses();
        let has_receiver = write_receiver(home.folder.path());
        let chapters: Vec<Chapter> =
            chapters().into_iter().filter(|chapter| has_receiver || !chapter.with_receiver).collect();
        assert!(chapters.len() >= 15, "{} chapters", chapters.len());
        let mut script = "trap 'kill $(jobs -p) 2>/dev/null || true' EXIT\n".to_owned();
        for chapter in &chapters {
            script += chapter.lines;
            script += "\necho '@@@'\n";
        }
        let program = Path::new(env!("CARGO_BIN_EXE_api")).parent().unwrap();
        let path = format!("{}:{}", program.display(), std::env::var("PATH").unwrap());
        let mut command = Command::new("bash");
        command.args(["-euo", "pipefail", "-c", &script]).current_dir(home.folder.path()).kill_on_drop(true);
        command.env_clear().env("PATH", path).env("API_URL", service_url).env("GATEWAY_URL", gateway_url);
        command.env("PORT", own_address().port().to_string());
        if let Some(database) = &home.database {
            command.env("DATABASE__URL", &database.url);
        }
        let output = timeout(PATIENCE, command.output()).await.expect("the guide comes to no end").unwrap();
        let (printed, errors) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{printed}\n{errors}");
        let parts: Vec<&str> = printed.split("@@@\n").collect();
        assert_eq!(parts.len(), chapters.len() + 1, "{printed}");
        for (part, chapter) in parts.iter().zip(&chapters) {
            assert_prints(part, chapter);
        }
        stop(service).await;
    }
}
