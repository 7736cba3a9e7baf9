//! A browser, as far as the pages need one: it keeps cookies with their paths, follows redirects, and fills in forms.

use std::cell::RefCell;
use std::collections::BTreeMap;

use booking::reply::Reply;
use booking::serve::serve;
use http::{Method, Request, StatusCode};

use crate::playback::Playback;
use crate::scenes::ready;

/// A browser.
pub struct Browser<'h> {
    host: &'h Playback,
    /// Path and value of cookies, by their names.
    pub cookies: RefCell<Vec<(String, String, String)>>,
    headers: Vec<(&'static str, String)>,
}

/// A page that was shown.
#[derive(Debug)]
pub struct Shown {
    pub status: StatusCode,
    pub reply: Reply,
    pub html: String,
}

impl<'h> Browser<'h> {
    pub fn new(host: &'h Playback) -> Self {
        Self {
            host,
            cookies: RefCell::default(),
            headers: vec![("host", "hotel.example".to_owned())],
        }
    }

    /// With another header in every request.
    pub fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    pub fn get(&self, address: &str) -> Shown {
        self.send(Method::GET, address, "")
    }

    pub fn post(&self, address: &str, fields: &[(&str, &str)]) -> Shown {
        self.send(Method::POST, address, &encoded(fields))
    }

    /// Sends something, and does not follow where the answer leads.
    pub fn send(&self, method: Method, address: &str, body: &str) -> Shown {
        let address = address.split('#').next().unwrap();
        let path = address.split('?').next().unwrap();
        let mut request = Request::builder().method(method).uri(address);
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        let sent: Vec<String> = self
            .cookies
            .borrow()
            .iter()
            .filter(|(_, of, _)| path == of || path.starts_with(&format!("{of}/")))
            .map(|(name, _, value)| format!("{name}={value}"))
            .collect();
        if !sent.is_empty() {
            request = request.header("cookie", sent.join("; "));
        }
        let request = request.body(body.as_bytes().to_vec()).unwrap();
        let reply = ready(serve(self.host, request));
        self.keep_cookies(&reply);
        Shown {
            status: reply.status(),
            html: String::from_utf8(reply.body().clone()).unwrap(),
            reply,
        }
    }

    fn keep_cookies(&self, reply: &Reply) {
        for cookie in reply.headers().get_all("set-cookie") {
            let cookie = cookie.to_str().unwrap();
            let (pair, attributes) = cookie.split_once("; Path=").unwrap();
            let path = attributes.split(';').next().unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            let mut cookies = self.cookies.borrow_mut();
            cookies.retain(|(known, of, _)| !(known == name && of == path));
            cookies.push((name.to_owned(), path.to_owned(), value.to_owned()));
        }
    }

    /// Follows a redirect.
    pub fn follow(&self, shown: &Shown) -> Shown {
        assert_eq!(shown.status, StatusCode::SEE_OTHER, "{}", shown.html);
        self.get(shown.location())
    }
}

impl Shown {
    pub fn location(&self) -> &str {
        self.header("location")
    }

    pub fn header(&self, name: &str) -> &str {
        let value = self.reply.headers().get(name);
        value.map_or("", |value| value.to_str().unwrap())
    }

    /// The fields of the first form that is sent, as the page has filled them in.
    pub fn form(&self) -> Fields {
        let start = self.html.find("method=\"post\"").expect("a form");
        let form = self.html[start..].split("</form>").next().unwrap();
        let mut fields = BTreeMap::new();
        for input in form.split("<input ").skip(1) {
            let tag = input.split('>').next().unwrap();
            let is_radio = tag.contains("type=\"radio\"");
            if !is_radio || tag.contains(" checked") {
                fields.insert(attribute(tag, "name"), attribute(tag, "value"));
            }
        }
        for area in form.split("<textarea ").skip(1) {
            let (tag, rest) = area.split_once('>').unwrap();
            let text = rest.split("</textarea>").next().unwrap();
            // The line break after the tag is not part of the text (HTML §13.1.2.5).
            let text = unescaped(text.trim_start_matches('\n'));
            fields.insert(attribute(tag, "name"), text);
        }
        Fields(fields)
    }

    /// Whether the page says something, as people see it.
    pub fn says(&self, text: &str) -> bool {
        unescaped(&self.html).contains(text)
    }

    #[track_caller]
    pub fn expect(&self, status: u16, text: &str) -> &Self {
        assert_eq!(self.status.as_u16(), status, "{}", self.html);
        assert!(self.says(text), "{text:?} is not in {}", self.html);
        self
    }
}

/// The fields of a form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fields(pub BTreeMap<String, String>);

impl Fields {
    pub fn get(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    #[must_use]
    pub fn fill(mut self, fields: &[(&str, &str)]) -> Self {
        for (name, value) in fields {
            self.0.insert((*name).to_owned(), (*value).to_owned());
        }
        self
    }

    pub fn encoded(&self) -> String {
        let fields: Vec<(&str, &str)> = self
            .0
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        encoded(&fields)
    }
}

fn attribute(tag: &str, name: &str) -> String {
    let value = tag
        .split_once(&format!("{name}=\""))
        .and_then(|(_, rest)| rest.split('"').next());
    unescaped(value.unwrap_or_default())
}

fn unescaped(html: &str) -> String {
    html.replace("&#60;", "<")
        .replace("&#62;", ">")
        .replace("&#34;", "\"")
        .replace("&#39;", "'")
        .replace("&#38;", "&")
}

fn encoded(fields: &[(&str, &str)]) -> String {
    let encode = |text: &str| {
        percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
    };
    let pairs: Vec<String> = fields
        .iter()
        .map(|(name, value)| format!("{}={}", encode(name), encode(value)))
        .collect();
    pairs.join("&")
}

/// The address of the booking form that the tests use: two nights in a double room, a week from now.
pub const BOOK: &str = "/booking/hotels/casa-da-ribeira/book?room_type=double&rate_plan=flexible\
                        &arrival=2026-12-04&departure=2026-12-06&adults=2&children=0&rooms=1";

/// Where its form is sent to.
pub const BOOK_PATH: &str = "/booking/hotels/casa-da-ribeira/book";

/// A guest's details.
pub const ADA: [(&str, &str); 3] = [
    ("name", "Ada Lovelace"),
    ("email", "ada@example.com"),
    ("notes", "A quiet room, please."),
];

/// Books as far as the payment. Gives the reservation's address.
pub fn hold(browser: &Browser<'_>) -> String {
    let form = browser.get(BOOK).form().fill(&ADA);
    let held = browser.send(Method::POST, BOOK_PATH, &form.encoded());
    assert_eq!(held.status, StatusCode::SEE_OTHER, "{}", held.html);
    held.location().strip_suffix("/pay").unwrap().to_owned()
}

/// Books and pays. Gives the reservation's address.
pub fn book(browser: &Browser<'_>) -> String {
    let reservation = hold(browser);
    let pay = format!("{reservation}/pay");
    let form = browser.get(&pay).form();
    let paid = browser.send(Method::POST, &pay, &form.encoded());
    assert_eq!(paid.location(), format!("{reservation}/confirmation"));
    reservation
}
