use std::cmp::Reverse;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The oldest PostgreSQL that the product, and therefore its tests, supports.
pub(crate) const OLDEST_MAJOR: u32 = 15;

/// Where packages put a version beside other versions, outside `PATH`: a folder whose children each have a `bin`.
const VERSIONED: [&str; 3] = ["/usr/lib/postgresql", "/opt/homebrew/opt", "/usr/local/opt"];

/// One installation of PostgreSQL's server programs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Binaries {
    pub(crate) folder: PathBuf,
    /// As the programs say it, e.g. `15.18`.
    pub(crate) version: String,
}

impl Binaries {
    /// Every folder of this machine that may hold them.
    pub(crate) fn usual_folders() -> Vec<PathBuf> {
        let on_path = env::var_os("PATH").map(|path| env::split_paths(&path).collect::<Vec<_>>()).unwrap_or_default();
        let versioned = VERSIONED.into_iter().flat_map(fs::read_dir).flatten().flatten();
        let red_hat = (OLDEST_MAJOR..100).map(|major| PathBuf::from(format!("/usr/pgsql-{major}/bin")));
        versioned.map(|entry| entry.path().join("bin")).chain(red_hat).chain(on_path).collect()
    }

    /// The newest that is not too old; of two equal ones, the first in `folders`.
    pub(crate) fn newest(folders: &[PathBuf]) -> Option<Self> {
        let mut found: Vec<(u32, Self)> = folders.iter().filter_map(|folder| Self::in_folder(folder)).collect();
        found.sort_by_key(|(major, _)| Reverse(*major));
        found.into_iter().next().map(|(_, binaries)| binaries)
    }

    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// A link such as `/usr/local/bin/initdb` leads to the folder where its sisters are.
    fn in_folder(folder: &Path) -> Option<(u32, Self)> {
        let folder = fs::canonicalize(folder.join("initdb")).ok()?.parent()?.to_owned();
        if !["postgres", "pg_ctl"].iter().all(|program| folder.join(program).is_file()) {
            return None;
        }
        let output = Command::new(folder.join("postgres")).arg("--version").output().ok()?;
        let (major, version) = version(&String::from_utf8(output.stdout).ok()?)?;
        (OLDEST_MAJOR <= major).then_some((major, Self { folder, version }))
    }
}

/// Reads `postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)`, or `18beta1` in the number's place.
fn version(told: &str) -> Option<(u32, String)> {
    let number = told.split_whitespace().find(|word| word.starts_with(|c: char| c.is_ascii_digit()))?;
    let major = number.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()?;
    Some((major, number.to_owned()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn versions_are_read_as_the_programs_tell_them() {
        assert_eq!(version("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n"), Some((15, "15.18".to_owned())));
        assert_eq!(version("postgres (PostgreSQL) 18beta1"), Some((18, "18beta1".to_owned())));
        assert_eq!(version("postgres: command not found"), None);
    }

    #[test]
    fn the_newest_is_taken_and_an_old_or_partial_installation_is_not() {
        let machine = tempfile::tempdir().unwrap();
        let folders: Vec<PathBuf> = ["9.6.24", "14.22", "15.18", "17.2", "16.6"]
            .iter()
            .map(|version| installed(machine.path(), version, &["initdb", "pg_ctl", "postgres"]))
            .chain([installed(machine.path(), "18.1", &["initdb", "postgres"]), machine.path().join("absent")])
            .collect();

        let newest = Binaries::newest(&folders).unwrap();
        assert_eq!(newest, Binaries { folder: folders[3].clone(), version: "17.2".to_owned() });
        assert_eq!(Binaries::newest(&folders[..2]), None);
    }

    /// An installation whose programs can say their version and nothing else.
    fn installed(machine: &Path, version: &str, programs: &[&str]) -> PathBuf {
        let folder = fs::canonicalize(machine).unwrap().join(version);
        fs::create_dir(&folder).unwrap();
        for program in programs {
            let file = folder.join(program);
            fs::write(&file, format!("#!/bin/sh\necho '{program} (PostgreSQL) {version}'\n")).unwrap();
            fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
        }
        folder
    }
}
