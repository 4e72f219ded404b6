use std::ffi::OsStr;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use crate::Unavailable;
use crate::account::Account;
use crate::binaries::Binaries;
use crate::debian;
use crate::keeper::Keeper;

/// Where a cluster keeps its files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In memory where the machine offers that (`/dev/shm` with room to spare), else on disk. A new database
    /// is a copy of some 300 files: tens of milliseconds here against hundreds on a slow disk.
    Memory,
    /// In the temporary folder: for figures that are to mean something, and for crashes.
    Disk,
}

/// A PostgreSQL server of our own: set up in a temporary folder, listening on a free port of the loopback
/// address, without passwords. It ends, and its folder goes, when this value is dropped or the process ends.
#[derive(Debug)]
pub struct Cluster {
    url: String,
    origin: String,
    // Blocking work takes its own handle on this along, so that a caller who stops waiting takes nothing away.
    server: Arc<Server>,
}

impl Cluster {
    /// A server that one test has for itself, to stop and start as it likes.
    pub async fn start_private() -> Result<Self, Unavailable> {
        blocking(|| {
            let binaries = match Binaries::newest(&Binaries::usual_folders()) {
                Some(found) => found,
                None if debian::can_install() => debian::install()?,
                None => return Err(Unavailable::NoBinaries),
            };
            Self::start(&binaries, Place::Disk)
        })
        .await
    }

    /// Its address, as the superuser, with the database `postgres`. The same after [`Self::start_again`].
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Ends the server as a crash would: no checkpoint, every connection cut; the next start replays its log.
    pub async fn stop_immediate(&self) -> Result<(), Unavailable> {
        let server = Arc::clone(&self.server);
        blocking(move || server.stop_immediate()).await
    }

    /// Starts a stopped server again, on the same data and the same port.
    pub async fn start_again(&self) -> Result<(), Unavailable> {
        let server = Arc::clone(&self.server);
        blocking(move || server.start()).await
    }

    /// Sets up and starts a server; blocks for a second or two.
    pub(crate) fn start(binaries: &Binaries, place: Place) -> Result<Self, Unavailable> {
        let account = Account::for_postgres()?;
        let origin = format!("from {}, private cluster{}", binaries.folder.display(), account.note());
        let server = Server::start_new(binaries, account, place)?;
        Ok(Self {
            url: format!("postgres://postgres@127.0.0.1:{}/postgres", server.port),
            origin,
            server: server.into(),
        })
    }

    /// Where it comes from, in words.
    pub(crate) fn origin(&self) -> &str {
        &self.origin
    }
}

/// Runs what waits for processes and files where it does not hold up the tests.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Unavailable> + Send + 'static,
) -> Result<T, Unavailable> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| Unavailable::Machine { what: "a thread".to_owned(), source: io::Error::other(error) })?
}

/// The settings of production where they decide what survives a crash (`fsync` and `synchronous_commit` are on
/// by default and stay on); beyond that, room for many tests at once and no work that tests do not need.
const SETTINGS: &str = "
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
max_connections = 300
max_wal_size = 512MB
checkpoint_timeout = 30min
autovacuum_naptime = 5min
";

/// Stops the server and removes its folder. Repeated, since a killed process may leave an `initdb` behind that
/// is still writing.
const CLEAN_UP: &str = r#"
"$1" stop --silent --mode=immediate --pgdata="$2/data" >/dev/null 2>&1
for attempt in 1 2 3 4 5; do
    rm -rf "$2" 2>/dev/null
    [ -e "$2" ] || exit 0
    sleep 0.2
done
"#;

/// How often another free port is tried, since someone else may take one between our looking and our starting.
const PORTS_TRIED: usize = 5;

#[derive(Debug)]
struct Server {
    account: Account,
    pg_ctl: PathBuf,
    folder: PathBuf,
    port: u16,
    _keeper: Keeper,
}

impl Server {
    fn start_new(binaries: &Binaries, account: Account, place: Place) -> Result<Self, Unavailable> {
        let folder = new_folder(place).map_err(Unavailable::machine("the temporary folder"))?;
        account.take_over(&folder)?;
        let pg_ctl = binaries.program("pg_ctl");
        let shell = account.command(Path::new("sh"), Path::new("/"));
        let keeper = Keeper::start(shell, CLEAN_UP, [pg_ctl.as_os_str(), folder.as_os_str()])?;
        let mut server = Self { account, pg_ctl, folder, port: 0, _keeper: keeper };

        server.set_up(&binaries.program("initdb"))?;
        let mut attempt = 1;
        loop {
            server.port = free_port().map_err(Unavailable::machine("a port of 127.0.0.1"))?;
            match server.start() {
                Err(_) if attempt < PORTS_TRIED => attempt += 1,
                outcome => return outcome.map(|()| server),
            }
        }
    }

    /// The same locale and encoding everywhere, so that texts sort alike on every machine; and no `fsync` while
    /// setting up, since nothing is lost yet if that goes wrong.
    fn set_up(&self, initdb: &Path) -> Result<(), Unavailable> {
        let data = self.data();
        let arguments = ["--username=postgres", "--auth=trust", "--no-locale", "--encoding=UTF8", "--no-sync"];
        run(self.account.command(initdb, &self.folder).args(arguments).arg("--pgdata").arg(&data))?;
        OpenOptions::new()
            .append(true)
            .open(data.join("postgresql.conf"))
            .and_then(|mut file| file.write_all(SETTINGS.as_bytes()))
            .map_err(Unavailable::machine("postgresql.conf"))
    }

    /// Starts the server and waits until it takes connections.
    fn start(&self) -> Result<(), Unavailable> {
        let log = self.folder.join("log");
        run(self.pg_ctl("start").arg("--log").arg(&log).arg(format!("--options=-p {}", self.port))).map_err(|error| {
            match fs::read_to_string(&log) {
                Ok(told) => {
                    Unavailable::Failed { program: "the PostgreSQL server".to_owned(), said: last_lines(&told) }
                }
                Err(_) => error,
            }
        })
    }

    fn stop_immediate(&self) -> Result<(), Unavailable> {
        run(self.pg_ctl("stop").arg("--mode=immediate"))
    }

    fn pg_ctl(&self, deed: &str) -> Command {
        let mut command = self.account.command(&self.pg_ctl, &self.folder);
        command.args([deed, "--silent", "--wait", "--pgdata"]).arg(self.data());
        command
    }

    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }
}

/// Room that must be free before a cluster is kept in memory: its log of changes, and a crowd of databases.
const MEMORY_BYTES_MIN: u64 = 2 << 30;

/// An empty folder, which nobody but its owner may enter. Its removal is the keeper's work.
fn new_folder(place: Place) -> io::Result<PathBuf> {
    let folder = tempfile::Builder::new().prefix("test-postgres-").to_owned();
    let memory = Path::new("/dev/shm");
    let roomy =
        rustix::fs::statvfs(memory).is_ok_and(|free| MEMORY_BYTES_MIN <= free.f_bavail.saturating_mul(free.f_frsize));
    match place {
        Place::Memory if roomy => folder.tempdir_in(memory).or_else(|_| folder.tempdir()),
        Place::Memory | Place::Disk => folder.tempdir(),
    }
    .map(tempfile::TempDir::keep)
}

fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

/// Runs one of PostgreSQL's programs, or the package manager, to its end.
pub(crate) fn run(command: &mut Command) -> Result<(), Unavailable> {
    let program = Path::new(command.get_program()).file_name().unwrap_or(OsStr::new("program"));
    let program = program.to_string_lossy().into_owned();
    let output = command.output().map_err(Unavailable::machine(program.as_str()))?;
    if output.status.success() {
        return Ok(());
    }
    let told = [output.stdout, output.stderr].concat();
    Err(Unavailable::Failed { program, said: last_lines(&String::from_utf8_lossy(&told)) })
}

fn last_lines(told: &str) -> String {
    let lines: Vec<&str> = told.lines().filter(|line| !line.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(5)..].join("; ")
}
