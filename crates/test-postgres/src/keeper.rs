use std::ffi::OsStr;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};

use crate::Unavailable;

/// A small shell process that outlives ours just long enough to clean up behind it.
///
/// It waits for the end of its standard input, whose other end only we hold: that comes when the keeper is
/// dropped, and also when our process ends in any other way, `kill -9` included.
#[derive(Debug)]
pub(crate) struct Keeper(Child);

impl Keeper {
    /// Runs `script` with `arguments` as `$1`, `$2` … when this process no longer needs what they name.
    /// `shell` is an `sh`, prepared by the caller with the user and environment to run it with.
    pub(crate) fn start<A: AsRef<OsStr>>(
        mut shell: Command,
        script: &str,
        arguments: impl IntoIterator<Item = A>,
    ) -> Result<Self, Unavailable> {
        shell
            .arg("-c")
            .arg(format!("cat >/dev/null\n{script}"))
            .arg("keeper")
            .args(arguments)
            .process_group(0) // Ctrl-C ends the tests first; the keeper's turn comes after
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .map(Self)
            .map_err(Unavailable::machine("sh"))
    }
}

impl Drop for Keeper {
    /// Lets the keeper do its work, and waits until it is done.
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        // There is nobody left to tell about a failure; the keeper's own messages are on standard error.
        let _ = self.0.wait();
    }
}
