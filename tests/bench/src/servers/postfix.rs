//! Postfix, an instance of its own: mail for one domain ends in a Maildir, for another in nothing, for a third at another
//! server.

use std::cell::RefCell;
use std::fs::{self, File, Permissions};
use std::io::{BufRead as _, BufReader};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};

use super::process::Server;
use super::stat;

/// As reported.
pub const NAME: &str = "postfix";
/// Whose mail ends in the Maildir.
pub const MAILDIR: &str = "bench@postfix.example";
/// Whose mail is thrown away once it was taken.
pub const DISCARDED: &str = "bench@discarded.example";
/// The domain whose mail is handed on.
pub const ELSEWHERE: &str = "elsewhere.example";
/// The user that mailboxes belong to: Debian's `nobody`.
const NOBODY: u32 = 65_534;
/// The user that its processes run as.
const OWNER: &str = "postfix";
/// What of it is used.
const PROGRAMS: [&str; 4] = ["postfix", "postconf", "smtp-source", "smtp-sink"];
/// Its processes end within this once they are told to.
const END_LIMIT: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(20);

/// Its services, and what all instances for tests have in common.
const MASTER: &str = include_str!("../../../postfix/master.cf");
const COMMON: &str = include_str!("../../../postfix/main.cf");

/// What this one has of its own. `in_flow_delay` makes clients wait where mail comes faster than it is
/// delivered: without it more is accepted.
const OWN: &str = "\
virtual_mailbox_maps = inline:{ { bench@postfix.example = bench/ } }
virtual_uid_maps = static:NOBODY
virtual_gid_maps = static:NOBODY
transport_maps = inline:{ { discarded.example = discard: }, { elsewhere.example = smtp:[127.0.0.1]:SINK } }
in_flow_delay = 0
";

/// A running instance; stopped when it is dropped.
pub struct Postfix {
    server: Option<Server>,
    root: PathBuf,
    log: RefCell<Log>,
    pub addr: SocketAddr,
}

/// What was read of its log.
struct Log {
    file: BufReader<File>,
    /// A line that is not whole yet.
    rest: String,
    done: u64,
}

/// Why it cannot be measured here, if it cannot.
pub fn missing() -> Option<String> {
    let program = PROGRAMS.iter().find(|name| program(name).is_none());
    if let Some(program) = program {
        return Some(format!("there is no {program}"));
    }
    (!rustix::process::geteuid().is_root()).then(|| "postfix starts as root alone".into())
}

/// Where a program of it is.
pub fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let others = ["/usr/sbin", "/usr/local/sbin"].map(PathBuf::from);
    let mut places = std::env::split_paths(&path).chain(others);
    places.find_map(|place| Some(place.join(name)).filter(|path| path.is_file()))
}

impl Postfix {
    /// Starts it with all it has in `dir`. Mail for [`ELSEWHERE`] goes to `sink`.
    pub fn start(dir: &Path, sink: SocketAddr) -> Result<Self> {
        let root = dir.join(NAME);
        let addr = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        lay_out(&root, addr, sink)?;
        reachable(&root)?;
        // It appends to what is there.
        File::create(root.join("log"))?;
        let log = File::open(root.join("log"))?;
        let said = postfix_command("postfix", &root)?.arg("check").output()?;
        let text = String::from_utf8_lossy(&said.stderr);
        ensure!(said.status.success(), "postfix check: {text}");
        let daemons = postfix_command("postconf", &root)?
            .args(["-h", "daemon_directory"])
            .output()?;
        let daemons = String::from_utf8(daemons.stdout)?;
        // Its first process stays our child and is told when we end, however we do. It makes a group of its own.
        let mut command = Command::new("setpriv");
        command
            .args(["--pdeathsig", "TERM"])
            .arg(Path::new(daemons.trim()).join("master"))
            .args(["-s", "-c"])
            .arg(root.join("conf"));
        let server = Server::start_at(command, NAME, dir, addr);
        let logged = || fs::read_to_string(root.join("log")).unwrap_or_default();
        let server = server.with_context(logged)?;
        let log = Log {
            file: BufReader::new(log),
            rest: String::new(),
            done: 0,
        };
        Ok(Self {
            server: Some(server),
            root,
            log: RefCell::new(log),
            addr,
        })
    }

    /// Its first process, whose children do all the work.
    pub fn pid(&self) -> Result<u32> {
        let server = self.server.as_ref().context("postfix was stopped")?;
        Ok(server.pid())
    }

    /// Messages that left the queue since the start. None may have failed.
    pub fn done(&self) -> Result<u64> {
        let mut log = self.log.borrow_mut();
        let Log { file, rest, done } = &mut *log;
        while file.read_line(rest)? > 0 && rest.ends_with('\n') {
            for failed in ["status=bounced", "status=deferred", "fatal:", "panic:"] {
                ensure!(!rest.contains(failed), "postfix failed: {rest}");
            }
            *done += u64::from(rest.ends_with(": removed\n"));
            rest.clear();
        }
        Ok(*done)
    }

    /// Messages in the Maildir.
    pub fn in_maildir(&self) -> Result<u64> {
        let new = self.root.join("boxes/bench/new");
        match new.exists() {
            true => Ok(fs::read_dir(new)?.count() as u64),
            false => Ok(0),
        }
    }
}

impl Drop for Postfix {
    fn drop(&mut self) {
        let Some(server) = self.server.take() else {
            return;
        };
        let group = server.pid();
        drop(server);
        // Its children were told with it; whoever removes its files must not meet one.
        let deadline = Instant::now() + END_LIMIT;
        let is_left = || {
            let all = stat::all().unwrap_or_default();
            all.iter().any(|stat| stat.group == group && !stat.is_ended)
        };
        while is_left() && Instant::now() < deadline {
            std::thread::sleep(POLL);
        }
    }
}

fn postfix_command(name: &str, root: &Path) -> Result<Command> {
    let program = program(name).with_context(|| format!("there is no {name}"))?;
    let mut command = Command::new(program);
    command.arg("-c").arg(root.join("conf"));
    Ok(command)
}

/// Makes its directories and its configuration.
fn lay_out(root: &Path, addr: SocketAddr, sink: SocketAddr) -> Result<()> {
    for name in ["", "conf", "queue", "data", "boxes"] {
        let path = root.join(name);
        fs::create_dir(&path)?;
        fs::set_permissions(&path, Permissions::from_mode(0o755))?;
    }
    chown(root.join("data"), Some(owner()?), None)?;
    chown(root.join("boxes"), Some(NOBODY), None)?;
    let main = [COMMON, OWN]
        .concat()
        .replace("ROOT", root.to_str().context("a path that is not UTF-8")?)
        .replace("NOBODY", &NOBODY.to_string())
        .replace("SINK", &sink.port().to_string());
    let master = MASTER.replace("PORT", &addr.port().to_string());
    fs::write(root.join("conf/main.cf"), main)?;
    fs::write(root.join("conf/master.cf"), master)?;
    Ok(())
}

/// The number of the user that postfix runs as.
fn owner() -> Result<u32> {
    let users = fs::read_to_string("/etc/passwd")?;
    let owner = users.lines().find_map(|line| {
        let mut fields = line.split(':');
        (fields.next()? == OWNER).then(|| fields.nth(1)?.parse().ok())?
    });
    owner.with_context(|| format!("there is no user {OWNER}"))
}

/// Opens the temporary directory, which is ours, to postfix's user, and checks that those above it are.
fn reachable(root: &Path) -> Result<()> {
    let own = root.parent().context("no temporary directory")?;
    fs::set_permissions(own, Permissions::from_mode(0o711))?;
    for above in own.ancestors() {
        if fs::metadata(above)?.permissions().mode() & 0o001 == 0 {
            let above = above.display();
            bail!("postfix's user cannot enter {above}: `--dir` names another place");
        }
    }
    Ok(())
}
