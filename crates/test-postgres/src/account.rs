use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;

use crate::Unavailable;

/// The user that PostgreSQL runs as: ourselves, or someone else when we are root, since it refuses to be root.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Account {
    Ours,
    Other { name: &'static str, user: u32, group: u32 },
}

impl Account {
    pub(crate) fn for_postgres() -> Result<Self, Unavailable> {
        if !rustix::process::geteuid().is_root() {
            return Ok(Self::Ours);
        }
        ["postgres", "nobody"].into_iter().find_map(Self::named).ok_or(Unavailable::NoAccount)
    }

    /// What to say about it beside the server's origin.
    pub(crate) fn note(self) -> String {
        match self {
            Self::Ours => String::new(),
            Self::Other { name, .. } => format!(", run as user {name}"),
        }
    }

    /// A command that will run as this user, in `folder` and with a clean environment: variables such as
    /// `PGDATA` and `PGOPTIONS` of the caller would otherwise reach into a server that is none of theirs.
    pub(crate) fn command(self, program: &Path, folder: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir(folder).env_clear().env("LC_ALL", "C");
        if let Some(path) = std::env::var_os("PATH") {
            command.env("PATH", path);
        }
        if let Self::Other { user, group, .. } = self {
            command.uid(user).gid(group); // as root this also drops the supplementary groups
        }
        command
    }

    /// Gives `folder` to this user.
    pub(crate) fn take_over(self, folder: &Path) -> Result<(), Unavailable> {
        match self {
            Self::Ours => Ok(()),
            Self::Other { user, group, .. } => std::os::unix::fs::chown(folder, Some(user), Some(group))
                .map_err(Unavailable::machine(folder.display().to_string())),
        }
    }

    fn named(name: &'static str) -> Option<Self> {
        Some(Self::Other { name, user: id("-u", name)?, group: id("-g", name)? })
    }
}

/// Asks `id`, which knows every source of users that the machine has, not only `/etc/passwd`.
fn id(which: &str, name: &str) -> Option<u32> {
    let output = Command::new("id").args([which, name]).output().ok()?;
    String::from_utf8(output.stdout).ok()?.trim().parse().ok()
}
