//! Scans over keys: where they begin and end, and what is rolled up.

/// The keys a listing goes over, and how it rolls them up.
pub(super) struct KeyRange<'q> {
    prefix: &'q str,
    delimiter: Option<&'q str>,
}

/// Bytes that come after every UTF-8 text: 0xFF begins none.
const AFTER_ALL: &[u8] = &[0xFF];

impl<'q> KeyRange<'q> {
    pub(super) fn new(prefix: &'q str, delimiter: Option<&'q str>) -> Self {
        Self {
            prefix,
            delimiter: delimiter.filter(|delimiter| !delimiter.is_empty()),
        }
    }

    /// The common prefix a key is rolled up into: to the first delimiter after
    /// the prefix, with it.
    pub(super) fn common_prefix<'k>(&self, key: &'k str) -> Option<&'k str> {
        let rest = key.strip_prefix(self.prefix)?;
        let delimiter = self.delimiter?;
        let end = self.prefix.len() + rest.find(delimiter)? + delimiter.len();
        key.get(..end)
    }

    /// The first bytes a scan looks at that goes on after `after`. Where
    /// `after` is rolled up, so was, or would have been, all that shares its
    /// common prefix.
    pub(super) fn start(&self, after: &str) -> Vec<u8> {
        let next = match self.common_prefix(after) {
            Some(common) => successor(common.as_bytes()),
            None if after.is_empty() => Vec::new(),
            None => key_after(after),
        };
        next.max(self.prefix.as_bytes().to_vec())
    }

    /// The first bytes that are no longer within the scan.
    pub(super) fn end(&self) -> Vec<u8> {
        successor(self.prefix.as_bytes())
    }
}

/// The least bytes greater than a key.
pub(super) fn key_after(key: &str) -> Vec<u8> {
    let mut bytes = key.as_bytes().to_vec();
    bytes.push(0);
    bytes
}

/// The least bytes greater than all that begin with `prefix`.
pub(super) fn successor(prefix: &[u8]) -> Vec<u8> {
    let mut bytes = prefix.to_vec();
    while let Some(last) = bytes.pop() {
        if last < u8::MAX {
            bytes.push(last + 1);
            return bytes;
        }
    }
    AFTER_ALL.to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_roll_up_to_the_first_delimiter_after_the_prefix() {
        let range = KeyRange::new("a/", Some("/"));
        assert_eq!(range.common_prefix("a/b/c/d"), Some("a/b/"));
        assert_eq!(range.common_prefix("a/b"), None);
        assert_eq!(range.common_prefix("b/c/d"), None);
        let range = KeyRange::new("", Some("--"));
        assert_eq!(range.common_prefix("x--y"), Some("x--"));
        assert_eq!(KeyRange::new("", Some("")).common_prefix("x/y"), None);
        assert_eq!(KeyRange::new("", None).common_prefix("x/y"), None);
    }

    #[test]
    fn scans_begin_after_what_was_given() {
        let plain = KeyRange::new("", None);
        assert_eq!(plain.start(""), b"");
        assert_eq!(plain.start("k"), b"k\0");
        assert_eq!(plain.end(), AFTER_ALL);
        let rolled = KeyRange::new("p", Some("/"));
        assert_eq!(rolled.start(""), b"p");
        assert_eq!(rolled.start("a"), b"p");
        assert_eq!(rolled.start("pa/"), b"pa0", "past the whole common prefix");
        assert_eq!(rolled.start("pa/x"), b"pa0");
        assert_eq!(rolled.end(), b"q");
    }

    #[test]
    fn successors_skip_bytes_that_cannot_grow() {
        assert_eq!(successor(b"a\xff\xff"), b"b");
        assert_eq!(successor(b""), AFTER_ALL);
        assert_eq!(successor("é".as_bytes()), b"\xc3\xaa");
    }
}
