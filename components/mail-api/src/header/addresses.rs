//! The forms Addresses and GroupedAddresses (RFC 8621 §4.1.2.3 and §4.1.2.4).

use super::ITEMS_MAX;
use super::lexer::{Lexer, Token, unescaped};
use super::text::unfolded;
use super::words::Words;

/// Words of one name or address that are looked at. What has more is no name, and would take more memory than its field.
const PIECES_MAX: usize = 1_000;

/// An address with its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EmailAddress {
    /// The display name, decoded, or else the comment behind the address.
    pub name: Option<String>,
    /// `local@domain`, or whatever stands in its place; empty where there is only a name.
    pub email: String,
}

/// A group of addresses, or those that follow each other outside of groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// `None` outside of groups.
    pub name: Option<String>,
    /// In their order.
    pub addresses: Vec<EmailAddress>,
}

/// The addresses of a field, those in groups, too (RFC 5322 §3.4), at most [`ITEMS_MAX`].
pub fn addresses(value: &str) -> Vec<EmailAddress> {
    let groups = groups(value).into_iter();
    groups.flat_map(|group| group.addresses).collect()
}

/// The groups of a field, at most [`ITEMS_MAX`] and as many addresses together.
pub fn groups(value: &str) -> Vec<Group> {
    let mut list = List {
        groups: Vec::new(),
        place: Place::Between,
        left: ITEMS_MAX,
    };
    let mut entry = Entry::default();
    let mut lexer = Lexer::new(value);
    while let Some(token) = lexer.next() {
        if list.left == 0 {
            return list.groups;
        }
        read(&mut list, &mut entry, token, lexer.is_spaced());
    }
    list.push(entry.take());
    list.groups
}

/// Where the next address goes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Into the last group, which has a name.
    InGroup,
    /// Into the last group, which has none.
    Outside,
    /// A group is to be begun for it.
    Between,
}

struct List {
    groups: Vec<Group>,
    place: Place,
    /// Groups and addresses that are still taken.
    left: usize,
}

impl List {
    fn push(&mut self, address: Option<EmailAddress>) {
        let Some(address) = address else {
            return;
        };
        if self.place == Place::Between {
            self.begin(None);
            self.place = Place::Outside;
        }
        if self.left == 0 {
            return;
        }
        self.left -= 1;
        if let Some(group) = self.groups.last_mut() {
            group.addresses.push(address);
        }
    }

    fn begin(&mut self, name: Option<String>) {
        self.left = self.left.saturating_sub(1);
        self.groups.push(Group {
            name,
            addresses: Vec::new(),
        });
    }
}

#[derive(Clone, Copy)]
enum Piece<'t> {
    Atom(&'t str),
    Quoted(&'t str),
    At,
    /// Not the end of a group's name.
    Colon,
}

/// One address as far as it was read.
#[derive(Default)]
struct Entry<'t> {
    /// Outside of brackets, each with whether blanks were before it.
    words: Vec<(Piece<'t>, bool)>,
    /// An @ is among the words.
    has_at: bool,
    /// Inside of brackets, once there was one.
    bracketed: Option<Vec<(Piece<'t>, bool)>>,
    /// The bracket is still open.
    is_open: bool,
    /// The last one.
    comment: Option<&'t str>,
    /// It follows an address without a comma.
    is_rest: bool,
}

fn read<'t>(list: &mut List, entry: &mut Entry<'t>, token: Token<'t>, spaced: bool) {
    let piece = match token {
        Token::Comment(comment) => {
            entry.comment = Some(comment);
            return;
        }
        Token::Atom(atom) => Piece::Atom(atom),
        Token::Quoted(quoted) => Piece::Quoted(quoted),
        Token::Special('@') => Piece::At,
        Token::Special('<') => {
            if entry.bracketed.is_some() && !entry.is_open {
                list.push(entry.take());
            }
            entry.bracketed = Some(Vec::new());
            entry.is_open = true;
            return;
        }
        Token::Special('>') => {
            entry.is_open = false;
            return;
        }
        // RFC 5322 §4.4: a route `@a,@b:` is passed over.
        Token::Special(',') if entry.is_in_route() => return,
        Token::Special(':') if entry.is_in_route() => {
            entry.bracketed = Some(Vec::new());
            return;
        }
        Token::Special(':') if entry.is_open || entry.has_at => Piece::Colon,
        Token::Special(':') => {
            let name = phrase(&entry.words).unwrap_or_default();
            *entry = Entry::default();
            list.begin(Some(name));
            list.place = Place::InGroup;
            return;
        }
        Token::Special(separator) => {
            list.push(entry.take());
            entry.is_rest = false;
            if separator == ';' {
                list.place = Place::Between;
            }
            return;
        }
    };
    if entry.bracketed.is_some() && !entry.is_open {
        list.push(entry.take());
    }
    entry.push(piece, spaced);
}

impl<'t> Entry<'t> {
    fn push(&mut self, piece: Piece<'t>, spaced: bool) {
        let pieces = match &mut self.bracketed {
            Some(pieces) if self.is_open => pieces,
            _ => {
                self.has_at |= matches!(piece, Piece::At);
                &mut self.words
            }
        };
        if pieces.len() < PIECES_MAX {
            pieces.push((piece, spaced));
        }
    }

    fn is_in_route(&self) -> bool {
        let first = self.bracketed.as_ref().and_then(|pieces| pieces.first());
        self.is_open && matches!(first, Some((Piece::At, _)))
    }

    /// The address, and the entry is new: what follows is the rest of it until a comma says otherwise.
    fn take(&mut self) -> Option<EmailAddress> {
        let entry = std::mem::take(self);
        self.is_rest = true;
        let has_address = entry.bracketed.is_some() || entry.has_at;
        if entry.is_rest && !has_address {
            return None;
        }
        let (name, email) = match &entry.bracketed {
            Some(pieces) => (phrase(&entry.words), address(pieces)),
            None => bare(&entry.words),
        };
        if name.is_none() && email.is_empty() {
            return None;
        }
        let name = name.or_else(|| comment(entry.comment?));
        Some(EmailAddress { name, email })
    }
}

/// An address without brackets, with words around it where there should be none.
fn bare(words: &[(Piece<'_>, bool)]) -> (Option<String>, String) {
    let at = words
        .iter()
        .rposition(|(piece, _)| matches!(piece, Piece::At));
    let Some(at) = at else {
        return match words {
            [(Piece::Atom(word), _)] if super::words::length(word).is_none() => {
                (None, (*word).to_owned())
            }
            _ => (phrase(words), String::new()),
        };
    };
    // Blanks are met around @ and dots (RFC 5322 §4.4), and part the address from words elsewhere.
    let joins = |piece: &(Piece<'_>, bool)| matches!(piece.0, Piece::At | Piece::Atom("."));
    let is_joined = |index: usize| {
        let here = words.get(index);
        let before = index.checked_sub(1).and_then(|before| words.get(before));
        here.is_some_and(|here| !here.1 || joins(here)) || before.is_some_and(joins)
    };
    let mut start = at;
    while start > 0 && is_joined(start) {
        start -= 1;
    }
    let mut end = at + 1;
    while end < words.len() && is_joined(end) {
        end += 1;
    }
    let around = [words.get(..start), words.get(end..)]
        .map(Option::unwrap_or_default)
        .concat();
    (
        phrase(&around),
        address(words.get(start..end).unwrap_or_default()),
    )
}

/// As it is written, without blanks and comments (RFC 5322 §3.4.1); where it is no address its words stay parted.
fn address(pieces: &[(Piece<'_>, bool)]) -> String {
    let has_at = pieces.iter().any(|(piece, _)| matches!(piece, Piece::At));
    let mut text = String::new();
    for (piece, spaced) in pieces {
        if *spaced && !has_at && !text.is_empty() {
            text.push(' ');
        }
        match piece {
            Piece::Atom(atom) => text.push_str(atom),
            Piece::Quoted(inside) => {
                text.push('"');
                text.push_str(&unfolded(inside));
                text.push('"');
            }
            Piece::At => text.push('@'),
            Piece::Colon => text.push(':'),
        }
    }
    text
}

/// A display name: its words with one blank where there were some, encoded ones decoded. What is quoted is not looked at
/// for encoded words (RFC 2047 §5 (3)).
fn phrase(pieces: &[(Piece<'_>, bool)]) -> Option<String> {
    let mut words = Words::default();
    for (piece, spaced) in pieces {
        let blanks = if *spaced && !words.is_empty() {
            " "
        } else {
            ""
        };
        match piece {
            Piece::Atom(atom) if *spaced || words.is_empty() => words.word(blanks, atom),
            Piece::Atom(atom) => words.plain(blanks, atom),
            Piece::Quoted(inside) => words.plain(blanks, &unescaped(inside)),
            Piece::At => words.plain(blanks, "@"),
            Piece::Colon => words.plain(blanks, ":"),
        }
    }
    trimmed(&words.finish())
}

/// RFC 8621 §4.1.2.3: the comment behind an address that has no name may be one.
fn comment(inside: &str) -> Option<String> {
    trimmed(&super::text::text(&unescaped(inside)))
}

fn trimmed(name: &str) -> Option<String> {
    let name = name.trim();
    (!name.is_empty()).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(value: &str) -> Vec<(Option<String>, String)> {
        let addresses = addresses(value).into_iter();
        addresses.map(|one| (one.name, one.email)).collect()
    }

    #[track_caller]
    fn check(value: &str, expected: &[(&str, &str)]) {
        let owned = |(name, email): &(&str, &str)| {
            let name = (!name.is_empty()).then(|| (*name).to_owned());
            (name, (*email).to_owned())
        };
        let expected: Vec<_> = expected.iter().map(owned).collect();
        assert_eq!(read(value), expected, "{value:?}");
    }

    /// The example of RFC 8621 §4.1.2.3 and §4.1.2.4.
    const FRIENDS: &str = "\"  James Smythe\" <james@example.com>, Friends:\r\n  jane@example.com, \
        =?UTF-8?Q?John_Sm=C3=AEth?=\r\n  <john@example.com>;";

    #[test]
    fn the_example_of_rfc_8621() {
        check(
            FRIENDS,
            &[
                ("James Smythe", "james@example.com"),
                ("", "jane@example.com"),
                ("John Smîth", "john@example.com"),
            ],
        );
        let groups = groups(FRIENDS);
        let shape: Vec<_> = groups
            .iter()
            .map(|group| (group.name.as_deref(), group.addresses.len()))
            .collect();
        assert_eq!(shape, [(None, 1), (Some("Friends"), 2)]);
    }

    /// RFC 5322, appendix A.
    #[test]
    fn examples_of_rfc_5322() {
        check(
            "John Doe <jdoe@machine.example>",
            &[("John Doe", "jdoe@machine.example")],
        );
        check(
            "\"Joe Q. Public\" <john.q.public@example.com>",
            &[("Joe Q. Public", "john.q.public@example.com")],
        );
        check(
            "<boss@nil.test>, \"Giant; \\\"Big\\\" Box\" <sysservices@example.net>",
            &[
                ("", "boss@nil.test"),
                ("Giant; \"Big\" Box", "sysservices@example.net"),
            ],
        );
        check(
            "Pete(A nice \\) chap) <pete(his account)@silly.test(his host)>",
            &[("Pete", "pete@silly.test")],
        );
        check(
            "A Group(Some people)\r\n     :Chris Jones <c@(Chris's host.)public.example>,\r\n         joe@example.org,\r\n  John <jdoe@one.test> (my dear friend); (the end of the group)",
            &[
                ("Chris Jones", "c@public.example"),
                ("", "joe@example.org"),
                ("John", "jdoe@one.test"),
            ],
        );
        assert_eq!(
            groups("(Empty list)(start)Hidden recipients  :(nobody(that I know))  ;").len(),
            1
        );
        // A.6.1.
        check(
            "Joe Q. Public <john.q.public@example.com>",
            &[("Joe Q. Public", "john.q.public@example.com")],
        );
        check(
            "Mary Smith <@node.test:mary@example.net>, , jdoe@test  . example",
            &[
                ("Mary Smith", "mary@example.net"),
                ("", "jdoe@test.example"),
            ],
        );
        check("<@a.test,@b.test:c@d.test>", &[("", "c@d.test")]);
    }

    #[test]
    fn groups_and_what_stands_between_them() {
        let shape = |value: &str| -> Vec<(Option<String>, usize)> {
            let groups = groups(value).into_iter();
            groups
                .map(|group| (group.name, group.addresses.len()))
                .collect()
        };
        let named = |name: &str, count| (Some(name.to_owned()), count);
        assert_eq!(
            shape("a@x, b@x, One: c@x;, d@x, \"T, wo\": e@x, f@x; g@x"),
            [
                (None, 2),
                named("One", 1),
                (None, 1),
                named("T, wo", 2),
                (None, 1)
            ]
        );
        assert_eq!(
            shape("undisclosed-recipients:;"),
            [named("undisclosed-recipients", 0)]
        );
        assert_eq!(shape("open: a@x, b@x"), [named("open", 2)]);
        assert_eq!(shape("=?utf-8?q?K=C3=B6ln?=: a@x;"), [named("Köln", 1)]);
        assert_eq!(shape(":;"), [named("", 0)]);
        assert_eq!(shape("a@x; b@x"), [(None, 1), (None, 1)]);
        assert_eq!(shape(""), []);
    }

    #[test]
    fn names_are_decoded_where_rfc_2047_has_encoded_words() {
        check(
            "=?utf-8?b?SsO8cmdlbg==?= =?utf-8?q?_M?= <j@x>",
            &[("Jürgen M", "j@x")],
        );
        check("=?utf-8?q?a,b?= <j@x>", &[("a,b", "j@x")]);
        check("\"=?utf-8?q?a?=\" <j@x>", &[("=?utf-8?q?a?=", "j@x")]);
        check("j@x (=?utf-8?q?J=C3=BC?=)", &[("Jü", "j@x")]);
        check("x=?utf-8?q?a?= <j@x>", &[("x=?utf-8?q?a?=", "j@x")]);
        check(
            "Jürgen <jürgen@köln.example>",
            &[("Jürgen", "jürgen@köln.example")],
        );
    }

    #[test]
    fn broken_addresses_are_read_as_well_as_can_be() {
        check("root", &[("", "root")]);
        check("root (Cron Daemon)", &[("Cron Daemon", "root")]);
        check("John Smith j@x", &[("John Smith", "j@x")]);
        check("j @ x.org", &[("", "j@x.org")]);
        check("a@x <a@x>", &[("a@x", "a@x")]);
        check("A <a@x> B <b@x>", &[("A", "a@x"), ("B", "b@x")]);
        check("A <a@x> and more, b@x", &[("A", "a@x"), ("", "b@x")]);
        check("\"A <a@x>, b@x", &[("A", "a@x"), ("", "b@x")]);
        check("A <a@x, B <b@x>", &[("A", "a@x"), ("B", "b@x")]);
        check("<<a@x>>, (a, b@x", &[("", "a@x"), ("", "a"), ("", "b@x")]);
        check(
            "\"john smith\"@x, <\"a b\"@y>",
            &[("", "\"john smith\"@x"), ("", "\"a b\"@y")],
        );
        check(
            "a@[IPv6:::1], <b@[IPv6:::2]>",
            &[("", "a@[IPv6:::1]"), ("", "b@[IPv6:::2]")],
        );
        check("Nobody At All", &[("Nobody At All", "")]);
        check("Nobody <>", &[("Nobody", "")]);
        check("<no at all>", &[("", "no at all")]);
        check("<>, (only this), ,;", &[]);
    }

    #[test]
    fn a_hundred_thousand_addresses_are_cut() {
        let one = |number: usize| format!("=?utf-8?q?n{number}?= <a{number}@example.org>,\r\n ");
        let value: String = (0..100_000).map(one).collect();
        let read = addresses(&value);
        // The group that holds them counts, too.
        assert_eq!(read.len(), ITEMS_MAX - 1);
        assert_eq!(read.last().unwrap().email, "a9998@example.org");
    }

    #[test]
    fn floods_take_linear_time() {
        for flood in [
            "=?a?q?",
            "<=?us-ascii?b?",
            "\"",
            "\\\"",
            "(",
            "()",
            "<",
            ">",
            "a ",
            "a@",
            "<@a,",
            "a:",
            ":;",
            "@",
            ";",
            "a<b>c ",
            "\"a\"",
            "a(b)c",
        ] {
            let value = flood.repeat(4_000_000 / flood.len());
            let groups = groups(&value);
            let addresses = groups.iter().map(|group| group.addresses.len());
            assert!(
                groups.len() + addresses.sum::<usize>() <= ITEMS_MAX,
                "{flood}"
            );
        }
    }
}
