use std::collections::HashMap;
use std::fs::File;
use std::io::Read as _;

use super::load::{InvalidSettings, wrong};

/// What an orchestrator mounts is named by `…_FILE`.
const SUFFIX: &str = "_FILE";

/// More than any secret has.
const BYTES_MAX: u64 = 64 * 1024;

/// Puts the content of a file in the place of `NAME_FILE`, as `NAME`. A line's end behind a secret is none of it.
pub(super) fn read_files(environment: HashMap<String, String>) -> Result<HashMap<String, String>, InvalidSettings> {
    let (files, mut plain): (HashMap<_, _>, HashMap<_, _>) =
        environment.into_iter().partition(|(name, _)| name.ends_with(SUFFIX));
    for (name, path) in files {
        let secret = name.trim_end_matches(SUFFIX).to_owned();
        if plain.contains_key(&secret) {
            return Err(wrong(&name, &format!("{secret} is set as well; set one of the two")));
        }
        let content = read(&path).map_err(|problem| wrong(&name, &format!("{path} {problem}")))?;
        plain.insert(secret, content.trim_end_matches(['\r', '\n']).to_owned());
    }
    Ok(plain)
}

fn read(path: &str) -> Result<String, String> {
    let mut content = String::new();
    let file = File::open(path).map_err(|error| format!("cannot be opened: {error}"))?;
    let read = file.take(BYTES_MAX + 1).read_to_string(&mut content);
    match read.map_err(|error| format!("cannot be read: {error}"))? as u64 {
        0 => Err("is empty".to_owned()),
        1..=BYTES_MAX => Ok(content),
        _ => Err("is too large for a secret".to_owned()),
    }
}
