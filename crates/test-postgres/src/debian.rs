use std::fs;
use std::path::Path;
use std::process::Command;

use crate::Unavailable;
use crate::binaries::Binaries;
use crate::cluster::run;

/// Debian's own switch for the cluster that its package otherwise creates and starts. Ours replaces nothing
/// (the folder is there for such additions) and goes again after the installation.
const SWITCHES: &str = "/etc/postgresql-common/createcluster.d";
const NO_CLUSTER: &str = "create_main_cluster = false\n";

/// Whether this is a machine that we can install packages on: Debian or one of its children, as root.
pub(crate) fn can_install() -> bool {
    rustix::process::geteuid().is_root() && Path::new("/etc/debian_version").exists()
}

/// Installs PostgreSQL from the distribution, and starts nothing. Takes a minute or so; two test processes that
/// come here at once wait for each other at the package manager's own lock.
pub(crate) fn install() -> Result<Binaries, Unavailable> {
    let switch = Path::new(SWITCHES).join("test-postgres.conf");
    fs::create_dir_all(SWITCHES)
        .and_then(|()| fs::write(&switch, NO_CLUSTER))
        .map_err(Unavailable::machine(switch.display().to_string()))?;
    let installed = run(&mut apt_get(&["update"]))
        .and_then(|()| run(&mut apt_get(&["install", "--yes", "--no-install-recommends", "postgresql"])));
    let removed = fs::remove_file(&switch).map_err(Unavailable::machine(switch.display().to_string()));
    installed.and(removed)?;
    Binaries::newest(&Binaries::usual_folders()).ok_or(Unavailable::NoBinaries)
}

fn apt_get(arguments: &[&str]) -> Command {
    let mut command = Command::new("apt-get");
    command.env("DEBIAN_FRONTEND", "noninteractive").args(["-q", "-o", "DPkg::Lock::Timeout=300"]).args(arguments);
    command
}
