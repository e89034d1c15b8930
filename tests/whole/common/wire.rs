//! A TCP stream as either peer reads it: heads, bodies, and how it ended. Its
//! parser is small, strict and none of the proxy's.

use super::PATIENCE;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Why no more comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// FIN: the peer says that this is all.
    Closed,
    /// RST: the peer says that something went wrong.
    Reset,
    /// Nothing within [`PATIENCE`].
    Silent,
}

/// A stream with what was read ahead of it.
#[derive(Debug)]
pub(crate) struct Wire {
    stream: Arc<TcpStream>,
    ahead: Vec<u8>,
    record: Option<Arc<Mutex<Vec<u8>>>>,
}

impl Wire {
    pub(crate) fn new(stream: Arc<TcpStream>) -> Self {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream, ahead: Vec::new(), record: None }
    }

    /// Keeps a copy of everything that is received.
    pub(crate) fn recording(stream: Arc<TcpStream>, record: Arc<Mutex<Vec<u8>>>) -> Self {
        Self { record: Some(record), ..Self::new(stream) }
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        (&*self.stream).write_all(bytes)
    }

    /// Sends FIN and goes on reading.
    pub(crate) fn finish(&mut self) {
        let _ = self.stream.shutdown(Shutdown::Write);
    }

    /// How long what is read may take to come.
    pub(crate) fn set_patience(&mut self, patience: Duration) {
        self.stream.set_read_timeout(Some(patience)).unwrap();
    }

    /// Makes the close a reset.
    pub(crate) fn close_by_reset(&mut self) {
        socket2::SockRef::from(&*self.stream).set_linger(Some(Duration::ZERO)).unwrap();
    }

    /// A head: through its empty line.
    pub(crate) fn head(&mut self) -> Result<Vec<u8>, End> {
        self.through(b"\r\n\r\n")
    }

    /// `count` bytes; those that came stay in `into` if the rest does not.
    pub(crate) fn exactly(&mut self, count: usize, into: &mut Vec<u8>) -> Result<(), End> {
        let wanted = into.len() + count;
        loop {
            let here = self.ahead.len().min(wanted - into.len());
            into.extend_from_slice(&self.ahead[..here]);
            self.ahead.drain(..here);
            if into.len() == wanted {
                return Ok(());
            }
            self.fill()?;
        }
    }

    /// A chunked body without its framing; the trailer section is answered.
    pub(crate) fn chunked(&mut self, into: &mut Vec<u8>) -> Result<Vec<u8>, End> {
        loop {
            let line = self.through(b"\r\n")?;
            let digits = std::str::from_utf8(&line[..line.len() - 2]).unwrap();
            let size = usize::from_str_radix(digits, 16).unwrap_or_else(|_| panic!("not a chunk size: {digits:?}"));
            if size == 0 {
                break;
            }
            self.exactly(size, into)?;
            let mut end = Vec::new();
            self.exactly(2, &mut end)?;
            assert_eq!(end, b"\r\n", "a chunk is longer than its size");
        }
        let mut trailers = Vec::new();
        loop {
            let line = self.through(b"\r\n")?;
            if line == b"\r\n" {
                return Ok(trailers);
            }
            trailers.extend(line);
        }
    }

    /// Whatever has come, or comes next.
    pub(crate) fn some(&mut self, into: &mut Vec<u8>) -> Result<(), End> {
        if self.ahead.is_empty() {
            self.fill()?;
        }
        into.append(&mut self.ahead);
        Ok(())
    }

    /// Sends zeros until the peer has taken none for a moment.
    pub(crate) fn send_until_blocked(&mut self, bytes_max: usize) -> usize {
        const MOMENT: Duration = Duration::from_millis(500);
        self.stream.set_write_timeout(Some(MOMENT)).unwrap();
        let mut sent = 0;
        while sent < bytes_max {
            match (&*self.stream).write(&[0; 64 * 1024]) {
                Ok(count) => sent += count,
                Err(_) => break,
            }
        }
        self.stream.set_write_timeout(Some(PATIENCE)).unwrap();
        sent
    }

    /// Everything until the end.
    pub(crate) fn until_end(&mut self, into: &mut Vec<u8>) -> End {
        loop {
            into.append(&mut self.ahead);
            if let Err(end) = self.fill() {
                return end;
            }
        }
    }

    fn through(&mut self, delimiter: &[u8]) -> Result<Vec<u8>, End> {
        loop {
            let found = self.ahead.windows(delimiter.len()).position(|window| window == delimiter);
            if let Some(start) = found {
                return Ok(self.ahead.drain(..start + delimiter.len()).collect());
            }
            self.fill()?;
        }
    }

    fn fill(&mut self) -> Result<(), End> {
        let mut room = [0; 16 * 1024];
        match (&*self.stream).read(&mut room) {
            Ok(0) => Err(End::Closed),
            Ok(count) => {
                self.ahead.extend_from_slice(&room[..count]);
                if let Some(record) = &self.record {
                    record.lock().unwrap().extend_from_slice(&room[..count]);
                }
                Ok(())
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => Err(End::Silent),
            Err(_) => Err(End::Reset),
        }
    }
}

/// The lines of a head, without line ends and without the empty one.
pub(crate) fn lines(head: &[u8]) -> Vec<&[u8]> {
    let text = head.strip_suffix(b"\r\n\r\n").unwrap_or(head);
    let mut lines = Vec::new();
    let mut rest = text;
    while let Some(end) = rest.windows(2).position(|window| window == b"\r\n") {
        lines.push(&rest[..end]);
        rest = &rest[end + 2..];
    }
    lines.push(rest);
    lines
}

/// The values of a field, in order.
pub(crate) fn values<'a>(head: &'a [u8], name: &str) -> Vec<&'a [u8]> {
    let of_name = |line: &'a [u8]| {
        let colon = line.iter().position(|byte| *byte == b':')?;
        line[..colon].eq_ignore_ascii_case(name.as_bytes()).then(|| line[colon + 1..].trim_ascii())
    };
    lines(head).into_iter().skip(1).filter_map(of_name).collect()
}

/// The one value of a field as text; none if the field is missing.
pub(crate) fn value<'a>(head: &'a [u8], name: &str) -> Option<&'a str> {
    let found = values(head, name);
    assert!(found.len() <= 1, "{name} comes {} times in {}", found.len(), head.escape_ascii());
    found.first().map(|value| std::str::from_utf8(value).unwrap())
}
