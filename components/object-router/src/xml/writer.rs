//! Writing XML documents.

/// The namespace of S3's documents.
pub const NAMESPACE: &str = "http://s3.amazonaws.com/doc/2006-03-01/";

const DECLARATION: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";

/// Writes a document into a string. The caller closes what it opens; [`Writer::element`] does both.
#[derive(Debug)]
pub struct Writer {
    out: String,
}

impl Writer {
    /// A document with its declaration.
    pub fn new() -> Self {
        Self::with_capacity(512)
    }

    /// A document that is expected to have so many bytes.
    pub fn with_capacity(bytes: usize) -> Self {
        let mut out = String::with_capacity(bytes.max(DECLARATION.len()));
        out.push_str(DECLARATION);
        Self { out }
    }

    /// Opens the root element in S3's namespace.
    pub fn root(&mut self, name: &str) {
        self.out.push('<');
        self.out.push_str(name);
        self.out.push_str(" xmlns=\"");
        self.out.push_str(NAMESPACE);
        self.out.push_str("\">");
    }

    /// Opens an element.
    pub fn open(&mut self, name: &str) {
        self.out.push('<');
        self.out.push_str(name);
        self.out.push('>');
    }

    /// Closes an element.
    pub fn close(&mut self, name: &str) {
        self.out.push_str("</");
        self.out.push_str(name);
        self.out.push('>');
    }

    /// Text between two tags.
    pub fn characters(&mut self, text: &str) {
        escape_into(&mut self.out, text);
    }

    /// An element with text.
    pub fn text(&mut self, name: &str, text: &str) {
        self.open(name);
        escape_into(&mut self.out, text);
        self.close(name);
    }

    /// An element with text, where there is some.
    pub fn text_some(&mut self, name: &str, text: Option<&str>) {
        if let Some(text) = text {
            self.text(name, text);
        }
    }

    /// An element with a number.
    pub fn number(&mut self, name: &str, number: u64) {
        use std::fmt::Write as _;
        self.open(name);
        // Writing to a string cannot fail.
        let _ = write!(self.out, "{number}");
        self.close(name);
    }

    /// An element with `true` or `false`.
    pub fn boolean(&mut self, name: &str, value: bool) {
        self.text(name, if value { "true" } else { "false" });
    }

    /// An element that holds an entity tag, with the quotes that belong to it.
    pub fn etag(&mut self, etag: &str) {
        self.open("ETag");
        self.out.push_str("&quot;");
        escape_into(&mut self.out, etag);
        self.out.push_str("&quot;");
        self.close("ETag");
    }

    /// Markup that is written as it stands: an opening tag with attributes.
    pub fn raw(&mut self, markup: &'static str) {
        self.out.push_str(markup);
    }

    /// An element around what `inner` writes.
    pub fn element(&mut self, name: &str, inner: impl FnOnce(&mut Self)) {
        self.open(name);
        inner(self);
        self.close(name);
    }

    /// The document.
    pub fn finish(self) -> String {
        self.out
    }
}

impl Default for Writer {
    fn default() -> Self {
        Self::new()
    }
}

/// Escapes text as S3 does. Characters that XML 1.0 cannot hold are written as references all the same (User Guide,
/// "XML related object key constraints", and the `encoding-type` parameter, which is there for clients that cannot read
/// them); a carriage return as a reference survives the normalisation of line ends.
fn escape_into(out: &mut String, text: &str) {
    let mut rest = text;
    while let Some(at) = rest.find(is_special) {
        let (plain, special) = rest.split_at(at);
        out.push_str(plain);
        let mut characters = special.chars();
        if let Some(character) = characters.next() {
            push_reference(out, character);
        }
        rest = characters.as_str();
    }
    out.push_str(rest);
}

fn is_special(character: char) -> bool {
    match character {
        '&' | '<' | '>' | '"' | '\'' => true,
        '\n' | '\t' => false,
        '\0'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => true,
        _ => false,
    }
}

fn push_reference(out: &mut String, character: char) {
    use std::fmt::Write as _;
    match character {
        '&' => out.push_str("&amp;"),
        '<' => out.push_str("&lt;"),
        '>' => out.push_str("&gt;"),
        '"' => out.push_str("&quot;"),
        '\'' => out.push_str("&apos;"),
        other => {
            // Writing to a string cannot fail.
            let _ = write!(out, "&#x{:X};", u32::from(other));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_and_escapes() {
        let mut xml = Writer::new();
        xml.root("R");
        xml.text("K", "a<b>&\"'\r\u{1}\u{ffff}ü\n");
        xml.element("N", |xml| xml.number("M", 7));
        xml.etag("e");
        xml.boolean("B", true);
        xml.text_some("S", None);
        xml.close("R");
        assert_eq!(
            xml.finish(),
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<R xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
             <K>a&lt;b&gt;&amp;&quot;&apos;&#xD;&#x1;&#xFFFF;ü\n</K><N><M>7</M></N><ETag>&quot;e&quot;</ETag><B>true</B></R>"
        );
    }
}
