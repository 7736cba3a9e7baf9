//! What a server offers (RFC 5321 §4.1.1.1).

/// The extensions of a server, as its answer to EHLO has them; none after HELO.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Extensions {
    /// STARTTLS (RFC 3207).
    pub starttls: bool,
    /// PIPELINING (RFC 2920).
    pub pipelining: bool,
    /// 8BITMIME (RFC 6152).
    pub eight_bit_mime: bool,
    /// SMTPUTF8 (RFC 6531).
    pub smtputf8: bool,
    /// DSN (RFC 3461).
    pub dsn: bool,
    /// SIZE (RFC 1870): `Some(0)` without a limit, in octets.
    pub size: Option<u64>,
    /// AUTH PLAIN (RFC 4616).
    pub auth_plain: bool,
    /// AUTH LOGIN, which no RFC defines.
    pub auth_login: bool,
}

impl Extensions {
    /// From the text of an answer to EHLO, whose first line is the server's name.
    pub(super) fn parse(text: &str) -> Self {
        let mut found = Self::default();
        for line in text.lines().skip(1) {
            found.take(line);
        }
        found
    }

    fn take(&mut self, line: &str) {
        // `AUTH=LOGIN` is what clients of the last century read, and some servers still say alone.
        let mut words = line.split([' ', '\t', '=']);
        let keyword = words.next().unwrap_or_default().to_ascii_uppercase();
        match keyword.as_str() {
            "STARTTLS" => self.starttls = true,
            "PIPELINING" => self.pipelining = true,
            "8BITMIME" => self.eight_bit_mime = true,
            "SMTPUTF8" => self.smtputf8 = true,
            "DSN" => self.dsn = true,
            "SIZE" => self.size = Some(words.next().and_then(|n| n.parse().ok()).unwrap_or(0)),
            "AUTH" => words.for_each(|mechanism| {
                self.auth_plain |= mechanism.eq_ignore_ascii_case("PLAIN");
                self.auth_login |= mechanism.eq_ignore_ascii_case("LOGIN");
            }),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keywords_in_any_case_and_the_first_line_is_none() {
        let found = Extensions::parse(
            "STARTTLS mx.example\npipelining\nSIZE 1000\n8BITMIME\nAUTH=LOGIN\nAUTH CRAM-MD5 PLAIN\nX-ODD\n",
        );
        let expected = Extensions {
            pipelining: true,
            eight_bit_mime: true,
            size: Some(1000),
            auth_plain: true,
            auth_login: true,
            ..Extensions::default()
        };
        assert_eq!(found, expected);
        assert_eq!(Extensions::parse("mx\nSIZE").size, Some(0));
        assert_eq!(Extensions::parse(""), Extensions::default());
    }
}
