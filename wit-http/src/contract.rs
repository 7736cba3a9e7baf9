//! The packages of `wit/`, and how a function is named in a path.

use std::fmt;

/// What every path of a call begins with.
pub const PATH_PREFIX: &str = "/wit/";

/// A package of `wit/`, in the one version that this build has.
#[derive(Debug, PartialEq, Eq)]
pub struct Package {
    /// `namespace:name`.
    pub name: &'static str,
    /// Its version.
    pub version: &'static str,
    /// A hash of what its files say, comments and white space left out.
    pub fingerprint: u64,
}

impl Package {
    /// The fingerprint as the header has it: 16 hexadecimal digits.
    #[must_use]
    pub fn fingerprint_text(&self) -> String {
        format!("{:016x}", self.fingerprint)
    }
}

/// `concierge:booking`.
pub static BOOKING: Package = Package {
    name: "concierge:booking",
    version: "0.1.0",
    fingerprint: {
        let hash = fingerprint(START, include_str!("../../wit/booking/administration.wit"));
        let hash = fingerprint(hash, include_str!("../../wit/booking/availability.wit"));
        let hash = fingerprint(hash, include_str!("../../wit/booking/catalogue.wit"));
        let hash = fingerprint(hash, include_str!("../../wit/booking/changes.wit"));
        let hash = fingerprint(hash, include_str!("../../wit/booking/payments.wit"));
        let hash = fingerprint(hash, include_str!("../../wit/booking/reports.wit"));
        fingerprint(hash, include_str!("../../wit/booking/reservations.wit"))
    },
};

/// `concierge:identity`.
pub static IDENTITY: Package = Package {
    name: "concierge:identity",
    version: "0.1.0",
    fingerprint: {
        let hash = fingerprint(START, include_str!("../../wit/identity/passwords.wit"));
        fingerprint(hash, include_str!("../../wit/identity/sigv4.wit"))
    },
};

/// `concierge:mail`.
pub static MAIL: Package = Package {
    name: "concierge:mail",
    version: "0.1.0",
    fingerprint: {
        let hash = fingerprint(START, include_str!("../../wit/mail/accounts.wit"));
        let hash = fingerprint(hash, include_str!("../../wit/mail/emails.wit"));
        let hash = fingerprint(hash, include_str!("../../wit/mail/events.wit"));
        let hash = fingerprint(hash, include_str!("../../wit/mail/mailboxes.wit"));
        let hash = fingerprint(hash, include_str!("../../wit/mail/messages.wit"));
        let hash = fingerprint(hash, include_str!("../../wit/mail/outgoing.wit"));
        let hash = fingerprint(hash, include_str!("../../wit/mail/search.wit"));
        fingerprint(hash, include_str!("../../wit/mail/submissions.wit"))
    },
};

/// `concierge:objects`.
pub static OBJECTS: Package = Package {
    name: "concierge:objects",
    version: "0.1.0",
    fingerprint: {
        let hash = fingerprint(START, include_str!("../../wit/objects/blobs.wit"));
        let hash = fingerprint(hash, include_str!("../../wit/objects/buckets.wit"));
        let hash = fingerprint(hash, include_str!("../../wit/objects/listing.wit"));
        fingerprint(hash, include_str!("../../wit/objects/multipart.wit"))
    },
};

/// All packages.
pub static PACKAGES: [&Package; 4] = [&BOOKING, &IDENTITY, &MAIL, &OBJECTS];

/// A function of a contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Function {
    /// The package it is in.
    pub package: &'static Package,
    /// Its interface, without the package.
    pub interface: &'static str,
    /// Its name.
    pub name: &'static str,
}

impl Function {
    /// The path of its calls.
    #[must_use]
    pub fn path(&self) -> String {
        format!("{PATH_PREFIX}{self}")
    }
}

impl fmt::Display for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Package { name, version, .. } = self.package;
        write!(f, "{name}@{version}/{}/{}", self.interface, self.name)
    }
}

/// Where the hash begins, and what it multiplies by: FNV-1a with 64 bits
/// (draft-eastlake-fnv). It tells changes apart; nobody gains by a collision that
/// they bring about.
const START: u64 = 0xcbf2_9ce4_8422_2325;
const PRIME: u64 = 0x0000_0100_0000_01b3;

/// Hashes a WIT file on top of `hash`, without comments (`//` to the end of the
/// line: the contracts have no others) and white space.
#[expect(
    clippy::indexing_slicing,
    reason = "a constant function has no iterators; the index is below the length"
)]
const fn fingerprint(mut hash: u64, text: &str) -> u64 {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at] == b'/' && at + 1 < bytes.len() && bytes[at + 1] == b'/' {
            while at < bytes.len() && bytes[at] != b'\n' {
                at += 1;
            }
            continue;
        }
        if !bytes[at].is_ascii_whitespace() {
            hash = (hash ^ bytes[at] as u64).wrapping_mul(PRIME);
        }
        at += 1;
    }
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_do_not_change_a_contract_and_types_do() {
        let plain = fingerprint(START, "record a { b: u32, }");
        let commented = fingerprint(
            START,
            "// A record.\nrecord a {\n    /// B.\n    b: u32,\n}\n",
        );
        assert_eq!(plain, commented);
        assert_ne!(plain, fingerprint(START, "record a { b: u64, }"));
    }

    /// The versions above are the ones in the files, and no file of a package is left out of its hash.
    #[test]
    fn packages_are_as_their_files_say() {
        for package in PACKAGES {
            let (_, directory) = package.name.split_once(':').unwrap();
            let directory = format!("{}/../wit/{directory}", env!("CARGO_MANIFEST_DIR"));
            let mut files: Vec<_> = std::fs::read_dir(directory)
                .unwrap()
                .map(|entry| entry.unwrap().path())
                .collect();
            files.sort();
            let mut hash = START;
            for file in files {
                let text = std::fs::read_to_string(file).unwrap();
                let begin = format!("package {}@{};", package.name, package.version);
                assert!(text.starts_with(&begin), "{begin}");
                hash = fingerprint(hash, &text);
            }
            assert_eq!(hash, package.fingerprint, "{}", package.name);
        }
    }

    #[test]
    fn a_function_has_a_path() {
        let function = Function {
            package: &OBJECTS,
            interface: "multipart",
            name: "put-part",
        };
        assert_eq!(
            function.path(),
            "/wit/concierge:objects@0.1.0/multipart/put-part"
        );
    }
}
