//! Transfer encodings of parts, decoded and encoded as the bytes come (RFC 2045 §6).

mod base64;
mod quoted_printable;

pub use self::base64::Base64Encoder;
pub(crate) use quoted_printable::encode as encode_quoted_printable;

/// How a part's bytes are encoded in the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Encoding {
    /// As they are: `7bit`, `8bit`, `binary`, or an encoding that is not known.
    #[default]
    Identity,
    /// `quoted-printable`.
    QuotedPrintable,
    /// `base64`.
    Base64,
}

impl Encoding {
    /// The letter that a part's blob id has for it.
    #[must_use]
    pub fn letter(self) -> char {
        match self {
            Self::Identity => '7',
            Self::QuotedPrintable => 'q',
            Self::Base64 => 'b',
        }
    }

    /// The encoding of a letter.
    #[must_use]
    pub fn of_letter(letter: char) -> Option<Self> {
        [Self::Identity, Self::QuotedPrintable, Self::Base64]
            .into_iter()
            .find(|encoding| encoding.letter() == letter)
    }
}

/// Decodes a part's bytes piece by piece. What is not of the encoding's form is passed over (base64) or passed on
/// (quoted-printable), and counts as a fault.
#[derive(Debug, Clone)]
pub struct Decoder {
    state: State,
}

#[derive(Debug, Clone)]
enum State {
    Identity,
    QuotedPrintable(quoted_printable::Decoder),
    Base64(base64::Decoder),
}

impl Decoder {
    /// A decoder at the start of a part.
    #[must_use]
    pub fn new(encoding: Encoding) -> Self {
        let state = match encoding {
            Encoding::Identity => State::Identity,
            Encoding::QuotedPrintable => State::QuotedPrintable(Default::default()),
            Encoding::Base64 => State::Base64(Default::default()),
        };
        Self { state }
    }

    /// Decodes a piece and appends what is known by now: never more than it was given and a line before.
    pub fn feed(&mut self, piece: &[u8], out: &mut Vec<u8>) {
        match &mut self.state {
            State::Identity => out.extend_from_slice(piece),
            State::QuotedPrintable(decoder) => decoder.feed(piece, out),
            State::Base64(decoder) => decoder.feed(piece, out),
        }
    }

    /// Appends what is left when no more comes. Says whether the whole was without fault.
    pub fn finish(self, out: &mut Vec<u8>) -> bool {
        match self.state {
            State::Identity => true,
            State::QuotedPrintable(decoder) => decoder.finish(out),
            State::Base64(decoder) => decoder.finish(out),
        }
    }
}

/// The length of what encoded bytes decode to; memory does not grow with it.
pub(crate) fn decoded_length(encoding: Encoding, encoded: &[u8]) -> u64 {
    /// Bytes at once.
    const PIECE_BYTES: usize = 16 << 10;
    if encoding == Encoding::Identity {
        return encoded.len() as u64;
    }
    let mut decoder = Decoder::new(encoding);
    let mut out = Vec::with_capacity(PIECE_BYTES);
    let mut length = 0;
    for piece in encoded.chunks(PIECE_BYTES) {
        decoder.feed(piece, &mut out);
        length += out.len() as u64;
        out.clear();
    }
    decoder.finish(&mut out);
    length + out.len() as u64
}

/// What the first of encoded bytes decode to: at least `max` octets if there are so many, and some more.
pub(crate) fn decode_head(encoding: Encoding, encoded: &[u8], max: usize) -> Decoded {
    /// Bytes at once, so that little is decoded in vain.
    const PIECE_BYTES: usize = 64 << 10;
    let mut decoder = Decoder::new(encoding);
    let mut bytes = Vec::new();
    for piece in encoded.chunks(PIECE_BYTES) {
        if bytes.len() > max {
            return Decoded {
                bytes,
                is_faultless: true,
                is_whole: false,
            };
        }
        decoder.feed(piece, &mut bytes);
    }
    let is_faultless = decoder.finish(&mut bytes);
    Decoded {
        bytes,
        is_faultless,
        is_whole: true,
    }
}

/// Decoded bytes.
pub(crate) struct Decoded {
    pub(crate) bytes: Vec<u8>,
    /// No fault was met. Of what is not whole it is not known.
    pub(crate) is_faultless: bool,
    pub(crate) is_whole: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_lead_back() {
        for encoding in [
            Encoding::Identity,
            Encoding::QuotedPrintable,
            Encoding::Base64,
        ] {
            assert_eq!(Encoding::of_letter(encoding.letter()), Some(encoding));
        }
        assert_eq!(Encoding::of_letter('x'), None);
    }

    #[test]
    fn the_pieces_do_not_decide() {
        let encoded = b"YW55 IGNhcm5h\r\nbCBwbGVhcw= =YQ== =C3=\r\n=A4 \t \r\n x=3D=4=\t\n=";
        for encoding in [
            Encoding::Identity,
            Encoding::QuotedPrintable,
            Encoding::Base64,
        ] {
            let whole = decode_head(encoding, encoded, encoded.len());
            assert!(whole.is_whole);
            for size in 1..8 {
                let mut decoder = Decoder::new(encoding);
                let mut out = Vec::new();
                for piece in encoded.chunks(size) {
                    decoder.feed(piece, &mut out);
                }
                assert_eq!(decoder.finish(&mut out), whole.is_faultless);
                assert_eq!(out, whole.bytes, "{encoding:?} in pieces of {size}");
            }
            let length = decoded_length(encoding, encoded);
            assert_eq!(length, whole.bytes.len() as u64);
        }
    }

    #[test]
    fn only_the_head_is_decoded() {
        let encoded = vec![b'A'; 1 << 20];
        let decoded = decode_head(Encoding::Base64, &encoded, 10);
        assert!(!decoded.is_whole);
        assert!((11..100_000).contains(&decoded.bytes.len()));
    }
}
