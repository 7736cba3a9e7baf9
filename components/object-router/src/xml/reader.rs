//! A small tree of an XML document, read with fixed limits.
//!
//! Nothing is ever fetched or expanded: a DOCTYPE is refused, so that no entity can be declared, and only XML's five
//! own entities and character references are resolved. Elements are matched by their local names; S3's clients send
//! the namespace, another one, or none.

use std::borrow::Cow;

use quick_xml::Reader;
use quick_xml::events::{BytesRef, BytesStart, Event};

/// The deepest nesting taken. S3's deepest request document (an access control list) has six levels.
const MAX_DEPTH: usize = 12;

/// The most elements taken: 10,000 parts of a completion have seven each with every checksum, and a margin.
const MAX_ELEMENTS: usize = 100_000;

/// The most attributes of one element. S3's documents have two at most (a grantee's); each is compared with those
/// before it, so that without a limit a long tag would cost the square of its length.
const MAX_ATTRIBUTES: usize = 16;

/// The document is not well-formed, or is beyond a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

/// An element.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Element<'a> {
    /// Its local name.
    pub name: &'a str,
    /// Its own text, all pieces joined.
    pub text: Cow<'a, str>,
    /// The elements in it.
    pub children: Vec<Element<'a>>,
}

impl<'a> Element<'a> {
    /// The text of the one child of this name: `None` without one, an error with more than one or with children in it.
    pub fn text_of(&self, name: &str) -> Result<Option<&str>, Malformed> {
        match self.one(name)? {
            None => Ok(None),
            Some(child) if child.children.is_empty() => Ok(Some(&child.text)),
            Some(_) => Err(Malformed),
        }
    }

    /// The one child of this name; an error with more than one.
    pub fn one(&self, name: &str) -> Result<Option<&Element<'a>>, Malformed> {
        let mut found = self.children.iter().filter(|child| child.name == name);
        let first = found.next();
        if found.next().is_some() {
            Err(Malformed)
        } else {
            Ok(first)
        }
    }

    /// The children of this name, in their order.
    pub fn all<'s>(&'s self, name: &'s str) -> impl Iterator<Item = &'s Element<'a>> {
        self.children.iter().filter(move |child| child.name == name)
    }

    /// Refuses a child that is not among these: what is not understood must not be accepted and dropped.
    pub fn only(&self, names: &[&str]) -> Result<(), Malformed> {
        let known = self
            .children
            .iter()
            .all(|child| names.contains(&child.name));
        if known { Ok(()) } else { Err(Malformed) }
    }
}

/// Reads a document whose root has one of these names.
///
/// Other control characters are let through though XML 1.0 §2.2 has none: boto3 writes those of a key as they are. A
/// NUL has no form in XML at all.
pub fn parse_document<'a>(bytes: &'a [u8], roots: &[&str]) -> Result<Element<'a>, Malformed> {
    if bytes.contains(&0) {
        return Err(Malformed);
    }
    let text = std::str::from_utf8(bytes).map_err(|_| Malformed)?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let root = Tree::default().read(text)?;
    if roots.contains(&root.name) {
        Ok(root)
    } else {
        Err(Malformed)
    }
}

#[derive(Default)]
struct Tree<'a> {
    open: Vec<Element<'a>>,
    root: Option<Element<'a>>,
    elements: usize,
}

impl<'a> Tree<'a> {
    fn read(mut self, text: &'a str) -> Result<Element<'a>, Malformed> {
        let mut reader = Reader::from_str(text);
        loop {
            let at = usize::try_from(reader.buffer_position()).map_err(|_| Malformed)?;
            match reader.read_event().map_err(|_| Malformed)? {
                Event::Start(start) => self.start(text, at, &start)?,
                Event::Empty(start) => {
                    self.start(text, at, &start)?;
                    self.end()?;
                }
                Event::End(_) => self.end()?,
                Event::Text(piece) => self.text(piece.into_inner())?,
                Event::CData(piece) => self.text(piece.into_inner())?,
                Event::GeneralRef(reference) => self.text(resolve(&reference)?)?,
                Event::DocType(_) => return Err(Malformed),
                Event::Decl(_) | Event::PI(_) | Event::Comment(_) => {}
                Event::Eof => break,
            }
        }
        if self.open.is_empty() {
            self.root.ok_or(Malformed)
        } else {
            Err(Malformed)
        }
    }

    fn start(&mut self, text: &'a str, at: usize, start: &BytesStart<'a>) -> Result<(), Malformed> {
        self.elements += 1;
        let second_root = self.open.is_empty() && self.root.is_some();
        if self.elements > MAX_ELEMENTS || self.open.len() >= MAX_DEPTH || second_root {
            return Err(Malformed);
        }
        // The attributes are read for their form alone: S3 gives them no meaning but in access control lists, which
        // name the grantee in an element too.
        let mut attributes = start.attributes();
        let sound = |attribute: Result<_, _>| attribute.is_ok();
        if !attributes.by_ref().take(MAX_ATTRIBUTES).all(sound) || attributes.next().is_some() {
            return Err(Malformed);
        }
        self.open.push(Element {
            name: local_name(text, at, start)?,
            ..Element::default()
        });
        Ok(())
    }

    fn end(&mut self) -> Result<(), Malformed> {
        let element = self.open.pop().ok_or(Malformed)?;
        match self.open.last_mut() {
            Some(parent) => parent.children.push(element),
            None => self.root = Some(element),
        }
        Ok(())
    }

    fn text(&mut self, piece: Cow<'a, str>) -> Result<(), Malformed> {
        let Some(element) = self.open.last_mut() else {
            return if piece.trim().is_empty() {
                Ok(())
            } else {
                Err(Malformed)
            };
        };
        if element.text.is_empty() {
            element.text = piece;
        } else {
            element.text.to_mut().push_str(&piece);
        }
        Ok(())
    }
}

/// The local name, borrowed from the document: the event borrows from itself only, so the name is cut from the text at
/// the place where the tag began.
fn local_name<'a>(
    text: &'a str,
    tag_at: usize,
    start: &BytesStart<'a>,
) -> Result<&'a str, Malformed> {
    let name_at = tag_at.checked_add(1).ok_or(Malformed)?;
    let name = text
        .get(name_at..)
        .and_then(|rest| rest.get(..start.name().into_inner().len()))
        .ok_or(Malformed)?;
    Ok(name.rsplit_once(':').map_or(name, |(_, local)| local))
}

/// XML's own entities (XML 1.0 §4.6) and character references.
fn resolve(reference: &BytesRef<'_>) -> Result<Cow<'static, str>, Malformed> {
    if reference.is_char_ref() {
        let character = reference
            .resolve_char_ref()
            .map_err(|_| Malformed)?
            .ok_or(Malformed)?;
        return Ok(Cow::Owned(character.to_string()));
    }
    let text: &str = reference;
    match text {
        "lt" => Ok(Cow::Borrowed("<")),
        "gt" => Ok(Cow::Borrowed(">")),
        "amp" => Ok(Cow::Borrowed("&")),
        "apos" => Ok(Cow::Borrowed("'")),
        "quot" => Ok(Cow::Borrowed("\"")),
        _ => Err(Malformed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<String, Malformed> {
        parse_document(text.as_bytes(), &["R"]).map(|root| format!("{root:?}"))
    }

    #[test]
    fn reads_names_text_and_references() {
        let text = "\u{feff}<?xml version=\"1.0\"?><!-- c --><x:R xmlns:x='u'> <K>a&amp;&#x62;<![CDATA[<c>]]>&#100;</K><E/>\n</x:R>\n";
        let root = parse_document(text.as_bytes(), &["R"]).unwrap();
        assert_eq!(root.text_of("K").unwrap(), Some("a&b<c>d"));
        assert_eq!(root.text_of("E").unwrap(), Some(""));
        assert_eq!(root.text_of("N").unwrap(), None);
        assert_eq!(
            root.children
                .iter()
                .map(|child| child.name)
                .collect::<Vec<_>>(),
            ["K", "E"]
        );
    }

    #[test]
    fn expands_no_entity_and_reads_no_doctype() {
        let bomb = "<!DOCTYPE R [<!ENTITY a \"aaaaaaaa\"><!ENTITY b \"&a;&a;&a;\">]><R>&b;</R>";
        assert_eq!(read(bomb), Err(Malformed));
        assert_eq!(
            read("<!DOCTYPE R SYSTEM \"file:///etc/passwd\"><R/>"),
            Err(Malformed)
        );
        assert_eq!(read("<R>&undeclared;</R>"), Err(Malformed));
        assert_eq!(read("<R>&#0;</R>"), Err(Malformed));
        assert_eq!(read("<R>&#xD800;</R>"), Err(Malformed));
    }

    #[test]
    fn refuses_what_is_not_well_formed() {
        for broken in [
            "",
            "x",
            "<R>",
            "</R>",
            "<R></S>",
            "<R/><R/>",
            "<R/>x",
            "<S/>",
            "<R a></R>",
            "<R a='1' a='2'/>",
            "<R>&</R>",
            "<R><K></R></K>",
            "<",
            "<R",
            "<R><!--</R>",
            "<R><![CDATA[</R>",
        ] {
            assert_eq!(read(broken), Err(Malformed), "{broken}");
        }
        assert_eq!(parse_document(b"<R>\xff</R>", &["R"]), Err(Malformed));
        assert_eq!(parse_document(b"<R>\0</R>", &["R"]), Err(Malformed));
    }

    #[test]
    fn limits_depth_and_number() {
        let nested = |depth: usize| format!("{}{}", "<R>".repeat(depth), "</R>".repeat(depth));
        assert!(read(&nested(MAX_DEPTH)).is_ok());
        assert_eq!(read(&nested(MAX_DEPTH + 1)), Err(Malformed));
        assert_eq!(read(&nested(100_000)), Err(Malformed));
        assert!(read(&format!("<R>{}</R>", "<K/>".repeat(MAX_ELEMENTS - 1))).is_ok());
        assert_eq!(
            read(&format!("<R>{}</R>", "<K/>".repeat(MAX_ELEMENTS))),
            Err(Malformed)
        );
    }

    #[test]
    fn limits_attributes() {
        let with = |number: usize| {
            let attributes: String = (0..number).map(|n| format!(" a{n}=''")).collect();
            read(&format!("<R{attributes}/>"))
        };
        assert!(with(MAX_ATTRIBUTES).is_ok());
        assert_eq!(with(MAX_ATTRIBUTES + 1), Err(Malformed));
        assert_eq!(with(500_000), Err(Malformed));
    }

    #[test]
    fn an_element_that_may_stand_once_is_refused_twice() {
        let root = parse_document(b"<R><K>1</K><K>2</K><N><M/></N></R>", &["R"]).unwrap();
        assert_eq!(root.text_of("K"), Err(Malformed));
        assert_eq!(root.text_of("N"), Err(Malformed));
        assert_eq!(root.only(&["K"]), Err(Malformed));
    }
}
