//! Where keys are kept.
//!
//! | Path, in the directory | What |
//! |---|---|
//! | `DOMAIN/SELECTOR.ALGORITHM.pem` | a private key: PKCS #8 in PEM, readable to the owner alone |
//!
//! Domains are in lower case with A-labels (RFC 5890). A file comes to be as a whole and durably: it is written under another
//! name, synced, renamed, and its directory synced. Every key that is here signs, so a key goes here when its record is in
//! DNS, and its record goes when the key has not signed for as long as mail is under way.

use std::collections::HashMap;
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use super::make::{self, Algorithm};
use super::sign::DomainKey;
use crate::names;

/// Domains whose keys are kept in memory.
const CACHED_MAX: usize = 10_000;
/// Keys of one domain that sign: each adds a signature to every message.
const KEYS_MAX: usize = 8;
/// A key of RSA has about 1,700 octets in PEM.
const FILE_MAX_BYTES: u64 = 16 * 1024;
/// The longest string in a TXT record (RFC 1035 §3.3.14), in octets.
const TXT_STRING_MAX_BYTES: usize = 255;

/// What goes wrong with keys.
#[derive(Debug, thiserror::Error)]
pub enum DkimError {
    /// The name is none that a key can have.
    #[error("{0:?} is no name of a domain or a selector")]
    Name(String),
    /// There is none.
    #[error("there is no key {selector} of {domain}")]
    NotFound {
        /// Whose.
        domain: String,
        /// Which.
        selector: String,
    },
    /// The key is none, or none can be made.
    #[error("the key: {0}")]
    Key(String),
    /// The disk.
    #[error("{0}: {1}")]
    Disk(PathBuf, #[source] io::Error),
}

/// What may be known of a key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PublicKey {
    /// Whose.
    pub domain: String,
    /// Its name within the domain (RFC 6376 §3.1).
    pub selector: String,
    /// How it signs.
    pub algorithm: Algorithm,
    /// The key as DNS has it, in base64.
    pub key: String,
}

impl PublicKey {
    /// The name of its record in DNS.
    #[must_use]
    pub fn record_name(&self) -> String {
        format!("{}._domainkey.{}", self.selector, self.domain)
    }

    /// The text of its record (RFC 6376 §3.6.1).
    #[must_use]
    pub fn record(&self) -> String {
        format!("v=DKIM1; k={}; p={}", self.algorithm.name(), self.key)
    }

    /// The same as a zone file has it: in strings of at most 255 octets.
    #[must_use]
    pub fn zone_text(&self) -> String {
        zone_text(&self.record())
    }
}

/// A text in quoted strings of at most 255 octets. The text is ASCII without quotes.
pub(crate) fn zone_text(text: &str) -> String {
    let strings = text.as_bytes().chunks(TXT_STRING_MAX_BYTES);
    let strings = strings.map(|string| format!("\"{}\"", String::from_utf8_lossy(string)));
    strings.collect::<Vec<_>>().join(" ")
}

/// Keys of a domain as they were read.
struct Cached {
    /// Of the domain's directory: it changes with every key that comes or goes.
    modified: Option<SystemTime>,
    keys: Arc<Vec<DomainKey>>,
}

/// Keys in a directory. They are read again when they change, whoever changed them.
pub struct DkimKeys {
    directory: PathBuf,
    cached: Mutex<HashMap<String, Cached>>,
}

impl DkimKeys {
    /// Keys in this directory, which is made where it is not.
    ///
    /// # Errors
    /// The disk's.
    pub fn open(directory: impl Into<PathBuf>) -> Result<Self, DkimError> {
        let directory = directory.into();
        make_directory(&directory)?;
        Ok(Self {
            directory,
            cached: Mutex::default(),
        })
    }

    /// Makes a key, which signs from now on. Its selector is made of the month, like `s202611-ed25519`. Takes a good part of
    /// a second for RSA, and waits for the disk.
    ///
    /// # Errors
    /// The domain is none; the disk's.
    pub fn create(&self, domain: &str, algorithm: Algorithm) -> Result<PublicKey, DkimError> {
        let domain = checked(domain)?;
        let directory = self.directory.join(&domain);
        make_directory(&directory)?;
        let month = jiff::Timestamp::now().strftime("%Y%m").to_string();
        let base = format!("s{month}-{}", algorithm.name());
        let taken: Vec<_> = files(&directory)?
            .into_iter()
            .map(|file| file.selector)
            .collect();
        let others = (2..).map(|number| format!("{base}-{number}"));
        let mut selectors = std::iter::once(base.clone()).chain(others);
        let selector = selectors.find(|selector| !taken.contains(selector));
        let selector = selector.unwrap_or(base);
        let pem = make::generate(algorithm)?;
        let path = directory.join(format!("{selector}.{}.pem", algorithm.name()));
        write_durably(&directory, &path, pem.as_bytes())
            .map_err(|error| DkimError::Disk(path, error))?;
        self.forget(&domain);
        let (_, key) = make::read(algorithm, pem.as_bytes())?;
        Ok(PublicKey {
            domain,
            selector,
            algorithm,
            key,
        })
    }

    /// All keys, by domain and selector.
    ///
    /// # Errors
    /// The disk's; a file that is no key.
    pub fn list(&self) -> Result<Vec<PublicKey>, DkimError> {
        let mut found = Vec::new();
        for entry in entries(&self.directory)? {
            if let Ok(domain) = checked(&entry) {
                found.extend(self.of_domain(&domain)?);
            }
        }
        found.sort();
        Ok(found)
    }

    /// The keys of one domain, by selector.
    ///
    /// # Errors
    /// Those of [`Self::list`], and the domain is none.
    pub fn of_domain(&self, domain: &str) -> Result<Vec<PublicKey>, DkimError> {
        let domain = checked(domain)?;
        let mut found = Vec::new();
        for file in files(&self.directory.join(&domain))? {
            let (_, key) = make::read(file.algorithm, &file.read()?)?;
            found.push(PublicKey {
                domain: domain.clone(),
                selector: file.selector,
                algorithm: file.algorithm,
                key,
            });
        }
        found.sort();
        Ok(found)
    }

    /// Removes a key, for good.
    ///
    /// # Errors
    /// There is none; the disk's.
    pub fn remove(&self, domain: &str, selector: &str) -> Result<(), DkimError> {
        let domain = checked(domain)?;
        let directory = self.directory.join(&domain);
        let mut files = files(&directory)?.into_iter();
        let file = files.find(|file| file.selector == selector);
        let file = file.ok_or_else(|| DkimError::NotFound {
            domain: domain.clone(),
            selector: selector.to_owned(),
        })?;
        let removed = fs::remove_file(&file.path).and_then(|()| sync_directory(&directory));
        removed.map_err(|error| DkimError::Disk(file.path, error))?;
        self.forget(&domain);
        Ok(())
    }

    /// What signs mail from a domain; nothing where it has no keys, or none that can be read.
    pub(crate) fn signer(&self, domain: &str) -> Arc<Vec<DomainKey>> {
        let Ok(domain) = checked(domain) else {
            return Arc::default();
        };
        let directory = self.directory.join(&domain);
        // One question to the system for each message: it has the answer in memory.
        let modified = fs::metadata(&directory)
            .and_then(|about| about.modified())
            .ok();
        let mut cached = self.cached.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = cached.get(&domain)
            && known.modified == modified
        {
            return Arc::clone(&known.keys);
        }
        let keys = match modified {
            None => Arc::default(),
            Some(_) => Arc::new(read_all(&domain, &directory)),
        };
        if cached.len() >= CACHED_MAX {
            cached.clear();
        }
        let known = Cached {
            modified,
            keys: Arc::clone(&keys),
        };
        cached.insert(domain, known);
        keys
    }

    fn forget(&self, domain: &str) {
        let mut cached = self.cached.lock().unwrap_or_else(PoisonError::into_inner);
        cached.remove(domain);
    }
}

/// A key that cannot be read does not sign; the others do.
fn read_all(domain: &str, directory: &Path) -> Vec<DomainKey> {
    let files = files(directory).unwrap_or_else(|error| {
        tracing::warn!(%error, domain, "reading DKIM keys");
        Vec::new()
    });
    let keys = files.into_iter().take(KEYS_MAX).filter_map(|file| {
        let read = file.read().and_then(|pem| make::read(file.algorithm, &pem));
        match read {
            Ok((key, _)) => Some(DomainKey {
                domain: domain.to_owned(),
                selector: file.selector,
                key,
            }),
            Err(error) => {
                tracing::warn!(%error, domain, selector = file.selector, "reading a DKIM key");
                None
            }
        }
    });
    keys.collect()
}

/// A file that is a key by its name.
struct KeyFile {
    path: PathBuf,
    selector: String,
    algorithm: Algorithm,
}

impl KeyFile {
    fn read(&self) -> Result<Vec<u8>, DkimError> {
        let read = || {
            if fs::metadata(&self.path)?.len() > FILE_MAX_BYTES {
                return Err(io::Error::other("it is too large to be a key"));
            }
            fs::read(&self.path)
        };
        read().map_err(|error| DkimError::Disk(self.path.clone(), error))
    }
}

/// The keys in a domain's directory, by selector.
fn files(directory: &Path) -> Result<Vec<KeyFile>, DkimError> {
    let mut found = Vec::new();
    for name in entries(directory)? {
        let parts = name
            .strip_suffix(".pem")
            .and_then(|name| name.rsplit_once('.'));
        let Some((selector, algorithm)) = parts else {
            continue;
        };
        if let Some(algorithm) = Algorithm::parse(algorithm)
            && is_name(selector)
        {
            found.push(KeyFile {
                path: directory.join(&name),
                selector: selector.to_owned(),
                algorithm,
            });
        }
    }
    found.sort_by(|one, other| one.selector.cmp(&other.selector));
    Ok(found)
}

/// The names in a directory; none where it is not there.
fn entries(directory: &Path) -> Result<Vec<String>, DkimError> {
    let broken = |error| DkimError::Disk(directory.to_owned(), error);
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(broken)?,
    };
    let names = entries.map(|entry| entry.map(|entry| entry.file_name().into_string()));
    let names: Result<Vec<_>, _> = names.collect();
    Ok(names.map_err(broken)?.into_iter().flatten().collect())
}

/// A domain in lower case; it is a name of a directory, and nothing else than that.
fn checked(domain: &str) -> Result<String, DkimError> {
    let ascii = names::ascii(domain).filter(|ascii| is_name(ascii));
    ascii.ok_or_else(|| DkimError::Name(domain.to_owned()))
}

/// Labels of letters, digits, `-` and `_`, with dots between them (RFC 1035 §2.3.4: at most 253 octets).
fn is_name(name: &str) -> bool {
    let is_label = |label: &str| {
        let mut octets = label.bytes();
        !label.is_empty()
            && label.len() <= 63
            && octets.all(|octet| octet.is_ascii_alphanumeric() || octet == b'-' || octet == b'_')
    };
    name.len() <= 253 && name.split('.').all(is_label)
}

fn make_directory(directory: &Path) -> Result<(), DkimError> {
    let mut builder = fs::DirBuilder::new();
    let made = builder.recursive(true).mode(0o700).create(directory);
    let synced = made.and_then(|()| match directory.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => sync_directory(parent),
        _ => Ok(()),
    });
    synced.map_err(|error| DkimError::Disk(directory.to_owned(), error))
}

fn write_durably(directory: &Path, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = tempfile::NamedTempFile::new_in(directory)?;
    let owner_alone = fs::Permissions::from_mode(0o600);
    file.as_file().set_permissions(owner_alone)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    // Not over another: whoever made one at the same moment has it.
    file.persist_noclobber(path).map_err(|error| error.error)?;
    sync_directory(directory)
}

fn sync_directory(directory: &Path) -> io::Result<()> {
    fs::File::open(directory)?.sync_all()
}
