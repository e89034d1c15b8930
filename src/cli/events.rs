//! Server-sent events as they are read (HTML standard §9.2.6).
//!
//! Owns the parser: bytes in, in whatever pieces, events out. Pure. What no
//! server of ours sends (`retry`, other fields) is skipped, as the standard
//! says.

use crate::limits::WATCHED_EVENT_BYTES_MAX;

/// One event.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Event {
    /// What is sent as `Last-Event-ID` to go on behind it.
    pub id: Option<String>,
    /// Its type.
    pub name: String,
    /// What it says.
    pub data: String,
}

/// An event, or a part of one, that is longer than anything a server sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooLong;

/// What has come of a stream so far.
#[derive(Debug, Default)]
pub struct Parser {
    line: Vec<u8>,
    /// A CR ended the last line: a LF right behind it belongs to it.
    after_cr: bool,
    begun: bool,
    event: Event,
    has_data: bool,
    last: Option<String>,
}

impl Parser {
    /// Takes some more bytes, and gives each event that they complete to
    /// `each`.
    pub fn take(&mut self, bytes: &[u8], mut each: impl FnMut(Event)) -> Result<(), TooLong> {
        for byte in bytes {
            let follows_cr = std::mem::take(&mut self.after_cr);
            match byte {
                b'\n' if follows_cr => {}
                b'\n' | b'\r' => {
                    self.after_cr = *byte == b'\r';
                    self.end_line(&mut each);
                }
                _ if self.line.len() + self.event.data.len() >= WATCHED_EVENT_BYTES_MAX => return Err(TooLong),
                byte => self.line.push(*byte),
            }
        }
        Ok(())
    }

    /// The last id since this was asked, of an event or alone.
    pub fn take_last(&mut self) -> Option<String> {
        self.last.take()
    }

    fn end_line(&mut self, each: &mut impl FnMut(Event)) {
        let line = std::mem::take(&mut self.line);
        let line = String::from_utf8_lossy(&line);
        let line = if std::mem::replace(&mut self.begun, true) { &*line } else { line.trim_start_matches('\u{feff}') };
        if line.is_empty() {
            let event = std::mem::take(&mut self.event);
            if event.id.is_some() {
                self.last.clone_from(&event.id);
            }
            if std::mem::take(&mut self.has_data) {
                each(event);
            }
            return;
        }
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match name {
            "event" => value.clone_into(&mut self.event.name),
            "id" if !value.contains('\0') => self.event.id = Some(value.to_owned()),
            "data" => {
                if std::mem::replace(&mut self.has_data, true) {
                    self.event.data.push('\n');
                }
                self.event.data.push_str(value);
            }
            // A comment, or nothing that is known.
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::sse;

    fn read(pieces: &[&[u8]]) -> Vec<Event> {
        let (mut parser, mut events) = (Parser::default(), Vec::new());
        for piece in pieces {
            parser.take(piece, |event| events.push(event)).unwrap();
        }
        events
    }

    fn event(id: Option<&str>, name: &str, data: &str) -> Event {
        Event { id: id.map(str::to_owned), name: name.into(), data: data.into() }
    }

    #[test]
    fn an_event_is_what_stands_before_an_empty_line() {
        let stream = b": hello\nid: 7\nevent: mount\ndata: {\"a\":1}\n\ndata\n\nid: 8\n\ndata: unfinished";
        assert_eq!(read(&[stream]), [event(Some("7"), "mount", "{\"a\":1}"), event(None, "", "")]);
    }

    #[test]
    fn an_id_without_data_is_no_event_but_is_where_to_go_on() {
        let mut parser = Parser::default();
        let mut take = |bytes: &[u8]| {
            let mut events = Vec::new();
            parser.take(bytes, |event| events.push(event)).unwrap();
            (events.len(), parser.take_last())
        };
        assert_eq!(take(b"id: 7\ndata: x\n\nid: 8\n\n: \n\n"), (1, Some("8".into())));
        assert_eq!(take(b"data: y\n\nid: 9"), (1, None));
        assert_eq!(take(b"\n\n"), (0, Some("9".into())));
    }

    #[test]
    fn how_the_bytes_were_split_is_of_no_matter() {
        let stream =
            "\u{feff}id: 1\r\nevent:created\r\ndata: ä\r\ndata:  b\r\n\r\nretry: 5\rdata: c\r\r\n\n".as_bytes();
        let whole = [event(Some("1"), "created", "ä\n b"), event(None, "", "c")];
        for at in 0..=stream.len() {
            assert_eq!(read(&[&stream[..at], &stream[at..]]), whole, "split at {at}");
        }
        assert_eq!(read(&stream.chunks(1).collect::<Vec<_>>()), whole);
    }

    #[test]
    fn what_the_server_writes_is_read_back() {
        let mut bytes = Vec::new();
        let written = sse::Event { comment: Some("a\nb".into()), ..sse::Event::new("x", "one\ntwo\r\n").with_id(12) };
        written.encode(&mut bytes);
        assert_eq!(read(&[&bytes]), [event(Some("12"), "x", "one\ntwo\n")]);
    }

    #[test]
    fn an_event_without_end_is_not_kept() {
        let mut parser = Parser::default();
        let block = vec![b'x'; 64 * 1024];
        let taken = (0..1000).find(|_| parser.take(&block, |_| ()) == Err(TooLong));
        assert!(taken.is_some_and(|blocks| blocks * block.len() <= WATCHED_EVENT_BYTES_MAX));
        let mut parser = Parser::default();
        let line = [b"data: ", &block[..], b"\n"].concat();
        assert!((0..1000).any(|_| parser.take(&line, |_| ()) == Err(TooLong)), "line by line neither");
    }
}
