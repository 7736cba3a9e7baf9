//! An event stream (WHATWG HTML §9.2), taken apart as it comes.

/// Bytes of a line or of an event's data: above what a change of all accounts needs.
const EVENT_MAX_BYTES: usize = 1 << 20;

/// One event.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Event {
    /// Its type; empty: `message`.
    pub(super) kind: String,
    /// Its lines, joined.
    pub(super) data: String,
    /// What a client shows when it comes again.
    pub(super) id: String,
}

/// The stream is none, or has more in one event than is taken.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NotEvents;

/// Takes a stream apart.
#[derive(Debug, Default)]
pub(super) struct Events {
    line: Vec<u8>,
    event: Event,
    has_data: bool,
}

impl Events {
    /// The events that end in these bytes.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> Result<Vec<Event>, NotEvents> {
        let mut events = Vec::new();
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.line.extend_from_slice(piece);
            if self.line.len() > EVENT_MAX_BYTES {
                return Err(NotEvents);
            }
            if piece.ends_with(b"\n") {
                let line = std::mem::take(&mut self.line);
                let line = String::from_utf8(line).map_err(|_| NotEvents)?;
                events.extend(self.take(line.trim_end_matches(['\r', '\n']))?);
            }
        }
        Ok(events)
    }

    fn take(&mut self, line: &str) -> Result<Option<Event>, NotEvents> {
        if line.is_empty() {
            let event = std::mem::take(&mut self.event);
            // An id holds until another comes.
            self.event.id.clone_from(&event.id);
            return Ok(std::mem::take(&mut self.has_data).then_some(event));
        }
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match name {
            "event" => value.clone_into(&mut self.event.kind),
            "id" => value.clone_into(&mut self.event.id),
            "data" => {
                if std::mem::replace(&mut self.has_data, true) {
                    self.event.data.push('\n');
                }
                self.event.data.push_str(value);
                if self.event.data.len() > EVENT_MAX_BYTES {
                    return Err(NotEvents);
                }
            }
            // Comments, and what is not known.
            _ => {}
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(kind: &str, data: &str, id: &str) -> Event {
        Event {
            kind: kind.to_owned(),
            data: data.to_owned(),
            id: id.to_owned(),
        }
    }

    #[test]
    fn events_are_the_same_however_their_bytes_come() {
        let stream = b": hello\r\n\r\nevent: state\nid: 7\ndata: {\"a\":1}\n\nevent:ping\ndata:x\ndata: y\n\nid\n\ndata\n\n";
        let expected = [
            event("state", "{\"a\":1}", "7"),
            event("ping", "x\ny", "7"),
            event("", "", ""),
        ];
        for size in 1..stream.len() {
            let mut events = Events::default();
            let mut found = Vec::new();
            for piece in stream.chunks(size) {
                found.extend(events.feed(piece).unwrap());
            }
            assert_eq!(found, expected, "{size}");
        }
    }

    #[test]
    fn what_has_no_end_is_given_up() {
        let mut events = Events::default();
        let endless = vec![b'x'; EVENT_MAX_BYTES];
        assert_eq!(events.feed(&endless), Ok(vec![]));
        assert_eq!(events.feed(b"x"), Err(NotEvents));
        let mut events = Events::default();
        let line = format!("data: {}\n", "x".repeat(EVENT_MAX_BYTES / 2 - 1));
        assert_eq!(events.feed(line.as_bytes()), Ok(vec![]));
        assert_eq!(events.feed(line.as_bytes()), Ok(vec![]));
        assert_eq!(events.feed(line.as_bytes()), Err(NotEvents));
        assert_eq!(Events::default().feed(b"data: \xff\n"), Err(NotEvents));
    }
}
