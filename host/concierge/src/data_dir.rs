//! The data directory: who has it, what is where in it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use concierge_identity::{create_private_directory, write_private_file};
use rand::TryRng;
use rand::rngs::SysRng;
use rustix::fs::{FlockOperation, flock};

use crate::exit::{Exit, Failure};

/// The file that says what the directory is and by which layout.
const LAYOUT_FILE: &str = "layout";
/// What it says. Another number is another arrangement of what is below.
const LAYOUT: &str = "concierge data directory, layout 1\n";
/// The file whose lock says who has the directory; it holds the process id.
const LOCK_FILE: &str = "lock";
/// The file with the address at which commands reach the running server.
const ADDRESS_FILE: &str = "internal-address";
/// The file with the token of the internal listener.
const TOKEN_FILE: &str = "internal-token";
/// Random bytes in the token.
const TOKEN_BYTES: usize = 32;

/// What a data directory has where.
#[derive(Debug, Clone)]
pub struct Layout {
    root: PathBuf,
}

impl Layout {
    /// The places in a directory.
    pub fn of(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
        }
    }

    /// Accounts and keys.
    pub fn identity(&self) -> PathBuf {
        self.root.join("identity")
    }

    /// The catalogue of objects.
    pub fn catalogue(&self) -> PathBuf {
        self.root.join("objects")
    }

    /// Bookings.
    pub fn booking(&self) -> PathBuf {
        self.root.join("booking")
    }

    /// The books of the payment provider's sandbox.
    pub fn payment_sandbox(&self) -> PathBuf {
        self.root.join("payment-sandbox.sqlite")
    }

    /// Mail.
    pub fn mail(&self) -> PathBuf {
        self.root.join("mail")
    }

    /// The search index of mail; it can be made again from mail.
    pub fn mail_index(&self) -> PathBuf {
        self.root.join("mail-index")
    }

    /// Messages that are not whole yet; may be deleted while nothing runs.
    pub fn mail_spool(&self) -> PathBuf {
        self.root.join("mail-spool")
    }

    /// Mail that came in and is not delivered yet, and the rules for it.
    pub fn mail_incoming(&self) -> PathBuf {
        self.root.join("mail-incoming")
    }

    /// The keys that mail is signed with.
    pub fn mail_dkim(&self) -> PathBuf {
        self.root.join("mail-dkim")
    }

    /// The certificate of mail's listeners where none is configured.
    pub fn mail_certificate(&self) -> PathBuf {
        self.root.join("mail-certificate.pem")
    }

    /// Its key.
    pub fn mail_certificate_key(&self) -> PathBuf {
        self.root.join("mail-certificate-key.pem")
    }

    /// The volumes of the node that is there when no other is configured.
    pub fn node(&self) -> PathBuf {
        self.root.join("node")
    }

    /// Compiled components; may be deleted at any time.
    pub fn cache(&self) -> PathBuf {
        self.root.join("cache")
    }

    /// The first key.
    pub fn credentials(&self) -> PathBuf {
        self.root.join("credentials")
    }

    /// The tokens of bridges.
    pub fn bridge_tokens(&self) -> PathBuf {
        self.root.join("bridge-tokens.json")
    }

    fn file(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// The address at which commands reach the running server, if it has
    /// written one.
    pub fn address(&self) -> Option<String> {
        let text = fs::read_to_string(self.file(ADDRESS_FILE)).ok()?;
        Some(text.trim().to_owned()).filter(|text| !text.is_empty())
    }

    /// The token of the internal listener, if there is one.
    pub fn token(&self) -> Option<String> {
        let text = fs::read_to_string(self.file(TOKEN_FILE)).ok()?;
        Some(text.trim().to_owned()).filter(|text| !text.is_empty())
    }
}

/// A data directory that this process has, until this is dropped or the
/// process ends in whatever way.
#[derive(Debug)]
pub struct DataDir {
    layout: Layout,
    /// The lock is on this open file.
    _lock: File,
}

/// Why a directory was not taken.
#[derive(Debug)]
pub enum Refused {
    /// Another process has it; its id, where it has written one.
    Held(Option<u32>),
    /// Everything else.
    Failed(Failure),
}

impl DataDir {
    /// Takes a data directory; makes it if there is none and `create` says so.
    pub fn acquire(root: &Path, create: bool) -> Result<Self, Refused> {
        prepare(root, create).map_err(Refused::Failed)?;
        // Some of what is opened below takes absolute paths alone.
        let absolute = std::path::absolute(root).map_err(|error| {
            Refused::Failed(Failure::failed(format!("{}: {error}", root.display())))
        })?;
        let layout = Layout::of(&absolute);
        let fail = |what: &str, error: io::Error| {
            Refused::Failed(Failure::failed(format!(
                "{}: {what}: {error}",
                root.display()
            )))
        };
        let mut lock = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(layout.file(LOCK_FILE))
            .map_err(|error| fail("cannot open the lock", error))?;
        match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => return Err(Refused::Held(holder(&mut lock))),
            Err(error) => return Err(fail("cannot take the lock", error.into())),
        }
        lock.set_len(0)
            .and_then(|()| writeln!(lock, "{}", std::process::id()))
            .map_err(|error| fail("cannot write the lock", error))?;
        check_layout(&layout, root).map_err(Refused::Failed)?;
        // Of a server that was killed; nobody answers there.
        let _ = fs::remove_file(layout.file(ADDRESS_FILE));
        Ok(Self {
            layout,
            _lock: lock,
        })
    }

    /// What is where.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The token of the internal listener; made the first time.
    pub fn ensure_token(&self) -> Result<String, Failure> {
        if let Some(token) = self.layout.token() {
            return Ok(token);
        }
        let path = self.layout.file(TOKEN_FILE);
        let mut bytes = [0; TOKEN_BYTES];
        SysRng.try_fill_bytes(&mut bytes).map_err(|error| {
            Failure::failed(format!(
                "the system's random number generator failed: {error}"
            ))
        })?;
        let token = hex::encode(bytes);
        write_private_file(&path, format!("{token}\n").as_bytes())
            .map_err(|error| Failure::failed(format!("{}: {error}", path.display())))?;
        Ok(token)
    }

    /// Writes down where commands reach this process.
    pub fn publish_address(&self, address: std::net::SocketAddr) -> Result<(), Failure> {
        let path = self.layout.file(ADDRESS_FILE);
        write_private_file(&path, format!("{address}\n").as_bytes())
            .map_err(|error| Failure::failed(format!("{}: {error}", path.display())))
    }

    /// Takes the address back: nobody is to connect any more.
    pub fn withdraw_address(&self) {
        let _ = fs::remove_file(self.layout.file(ADDRESS_FILE));
    }
}

/// Makes the directory, or sees that it may be ours before anything is written
/// to it.
fn prepare(root: &Path, create: bool) -> Result<(), Failure> {
    let shown = root.display();
    match fs::read_dir(root) {
        Ok(entries) => {
            let strange = entries
                .filter_map(Result::ok)
                .find(|entry| entry.file_name() != LOCK_FILE && entry.file_name() != "lost+found");
            let ours = root.join(LAYOUT_FILE).exists();
            match strange {
                Some(_) if ours => Ok(()),
                Some(entry) => Err(Failure::failed(format!(
                    "{shown} is not a data directory of concierge: it has no file {LAYOUT_FILE}, and it is not empty ({} is there)",
                    entry.file_name().to_string_lossy()
                ))),
                None if create => Ok(()),
                None => Err(no_directory(root)),
            }
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound && create => {
            create_private_directory(root)
                .map_err(|error| Failure::failed(format!("{shown} cannot be made: {error}")))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(no_directory(root)),
        Err(error) => Err(Failure::failed(format!("{shown}: {error}"))),
    }
}

fn no_directory(root: &Path) -> Failure {
    let shown = root.display();
    Failure::new(
        Exit::NotFound,
        format!("{shown} is not a data directory; `concierge up --data {shown}` makes one"),
    )
}

fn check_layout(layout: &Layout, root: &Path) -> Result<(), Failure> {
    let path = layout.file(LAYOUT_FILE);
    match fs::read_to_string(&path) {
        Ok(text) if text == LAYOUT => Ok(()),
        Ok(text) if text.starts_with("concierge data directory") => Err(Failure::failed(format!(
            "{} was written by another version of concierge ({}); this one knows layout 1",
            root.display(),
            text.trim()
        ))),
        Ok(_) => Err(Failure::failed(format!(
            "{} is damaged: it is not what concierge writes",
            path.display()
        ))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            write_private_file(&path, LAYOUT.as_bytes())
                .map_err(|error| Failure::failed(format!("{}: {error}", path.display())))
        }
        Err(error) => Err(Failure::failed(format!("{}: {error}", path.display()))),
    }
}

fn holder(lock: &mut File) -> Option<u32> {
    let mut text = String::new();
    // A process id is short; what is longer is not one.
    lock.take(32).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

/// The sentence for a directory that another process has.
pub fn held(root: &Path, holder: Option<u32>) -> Failure {
    let who = holder.map_or_else(
        || "another process".to_owned(),
        |id| format!("process {id}"),
    );
    Failure::new(
        Exit::Unavailable,
        format!("{} is in use by {who}", root.display()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_process_has_it() {
        let parent = tempfile::tempdir().unwrap();
        let root = parent.path().join("data");
        let data = DataDir::acquire(&root, true).unwrap();
        // A lock is of the open file, so this holds within a process too.
        match DataDir::acquire(&root, true) {
            Err(Refused::Held(holder)) => assert_eq!(holder, Some(std::process::id())),
            other => panic!("{other:?}"),
        }
        drop(data);
        DataDir::acquire(&root, false).unwrap();
    }

    #[test]
    fn the_token_stays_and_the_address_goes() {
        let parent = tempfile::tempdir().unwrap();
        let root = parent.path().join("data");
        let data = DataDir::acquire(&root, true).unwrap();
        let token = data.ensure_token().unwrap();
        assert_eq!(token.len(), 2 * TOKEN_BYTES);
        data.publish_address("127.0.0.1:7070".parse().unwrap())
            .unwrap();
        assert_eq!(data.layout().address().unwrap(), "127.0.0.1:7070");
        // As after `kill -9`.
        drop(data);
        let data = DataDir::acquire(&root, true).unwrap();
        assert_eq!(data.layout().address(), None);
        assert_eq!(data.ensure_token().unwrap(), token);
    }

    #[test]
    fn other_directories_are_left_alone() {
        let parent = tempfile::tempdir().unwrap();
        let refused = |create| match DataDir::acquire(parent.path(), create) {
            Err(Refused::Failed(failure)) => failure,
            other => panic!("{other:?}"),
        };
        assert_eq!(refused(false).exit, Exit::NotFound);
        fs::write(parent.path().join("letter.txt"), "dear").unwrap();
        let failure = refused(true);
        assert!(failure.message.contains("letter.txt is there"), "{failure}");
        assert!(!parent.path().join(LOCK_FILE).exists());
        fs::write(
            parent.path().join(LAYOUT_FILE),
            "concierge data directory, layout 2\n",
        )
        .unwrap();
        let failure = refused(true);
        assert!(failure.message.contains("another version"), "{failure}");
        fs::write(parent.path().join(LAYOUT_FILE), "con\0cierge").unwrap();
        assert!(refused(true).message.contains("is damaged"));
    }
}
