//! A client that sends exactly the bytes it is told to.

use super::wire::{self, End, Wire};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

/// How a body was delimited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Delimited {
    None,
    Length,
    Chunked,
    Close,
}

/// A whole response.
#[derive(Debug)]
pub(crate) struct Response {
    /// With its empty line, byte for byte.
    pub(crate) head: Vec<u8>,
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
    pub(crate) delimited: Delimited,
    pub(crate) trailers: Vec<u8>,
}

impl Response {
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        wire::value(&self.head, name)
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

/// A response that did not end as its framing says.
#[derive(Debug)]
pub(crate) struct Broken {
    pub(crate) end: End,
    pub(crate) body: Vec<u8>,
}

/// One client connection.
#[derive(Debug)]
pub(crate) struct Raw(Wire);

impl Raw {
    pub(crate) fn connect(address: SocketAddr) -> Self {
        Self::try_connect(address).unwrap_or_else(|| panic!("{address} does not accept"))
    }

    pub(crate) fn try_connect(address: SocketAddr) -> Option<Self> {
        TcpStream::connect(address).ok().map(Self::over)
    }

    /// On a stream that the test also writes to.
    pub(crate) fn over(stream: TcpStream) -> Self {
        Self(Wire::new(Arc::new(stream)))
    }

    /// A connection for which the system here holds back as little as it can,
    /// so that the other side notices how slowly it is read.
    pub(crate) fn connect_narrowly(address: SocketAddr) -> Self {
        let socket = socket2::Socket::new(socket2::Domain::for_address(address), socket2::Type::STREAM, None).unwrap();
        socket.set_recv_buffer_size(8 * 1024).unwrap();
        socket.connect(&address.into()).unwrap();
        Self(Wire::new(Arc::new(socket.into())))
    }

    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.send(bytes.as_ref()).unwrap();
    }

    /// Sends what the peer may refuse to take; false when it did.
    pub(crate) fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.0.send(bytes.as_ref()).is_ok()
    }

    /// Sends until the peer takes no more, at most `bytes_max`, and tells how
    /// much it took.
    pub(crate) fn send_until_blocked(&mut self, bytes_max: usize) -> usize {
        self.0.send_until_blocked(bytes_max)
    }

    /// A plain GET.
    pub(crate) fn get(&mut self, path: &str) -> Response {
        self.send(request("GET", path));
        self.response()
    }

    /// The next response, interim ones too.
    pub(crate) fn response(&mut self) -> Response {
        self.try_response().unwrap_or_else(|broken| panic!("no whole response: {broken:?}"))
    }

    /// The response to HEAD, which has no content.
    pub(crate) fn response_to_head(&mut self) -> Response {
        let head = self.0.head().unwrap();
        Response { status: status(&head), head, body: Vec::new(), delimited: Delimited::None, trailers: Vec::new() }
    }

    pub(crate) fn try_response(&mut self) -> Result<Response, Broken> {
        let head = self.try_head().map_err(|end| Broken { end, body: Vec::new() })?;
        self.response_behind(head)
    }

    /// The next head, or why none comes.
    pub(crate) fn try_head(&mut self) -> Result<Vec<u8>, End> {
        self.0.head()
    }

    /// The response whose head has been read.
    pub(crate) fn response_behind(&mut self, head: Vec<u8>) -> Result<Response, Broken> {
        let (mut body, mut trailers) = (Vec::new(), Vec::new());
        let status = status(&head);
        let length = wire::value(&head, "Content-Length").map(|text| text.parse().unwrap());
        let chunked = wire::value(&head, "Transfer-Encoding").map(|coding| assert_eq!(coding, "chunked")).is_some();
        let (delimited, ended) = match length {
            _ if status < 200 || matches!(status, 204 | 304) => (Delimited::None, Ok(())),
            Some(length) => {
                assert!(!chunked, "two framings: {}", head.escape_ascii());
                (Delimited::Length, self.0.exactly(length, &mut body))
            }
            None if chunked => (Delimited::Chunked, self.0.chunked(&mut body).map(|section| trailers = section)),
            None => match self.0.until_end(&mut body) {
                End::Closed => (Delimited::Close, Ok(())),
                end => (Delimited::Close, Err(end)),
            },
        };
        match ended {
            Ok(()) => Ok(Response { head, status, body, delimited, trailers }),
            Err(end) => Err(Broken { end, body }),
        }
    }

    /// Sends FIN and goes on reading.
    pub(crate) fn finish(&mut self) {
        self.0.finish();
    }

    /// Ends the connection with RST.
    pub(crate) fn reset(mut self) {
        self.0.close_by_reset();
    }

    /// The next response, for which there is that much time.
    pub(crate) fn response_within(&mut self, patience: Duration) -> Response {
        self.0.set_patience(patience);
        self.response()
    }

    /// Reads `count` bytes of a body that is still coming, behind its head.
    pub(crate) fn part(&mut self, count: usize) -> Vec<u8> {
        self.try_part(count).unwrap()
    }

    /// The same, or why no more comes.
    pub(crate) fn try_part(&mut self, count: usize) -> Result<Vec<u8>, End> {
        let mut part = Vec::new();
        self.0.exactly(count, &mut part).map(|()| part)
    }

    /// The head only: the body is read with [`Self::part`].
    pub(crate) fn head(&mut self) -> Vec<u8> {
        self.0.head().unwrap()
    }

    /// What comes until the connection ends, and how it ends.
    pub(crate) fn rest(&mut self) -> (Vec<u8>, End) {
        let mut rest = Vec::new();
        let end = self.0.until_end(&mut rest);
        (rest, end)
    }

    /// Asserts that the server closes without another byte.
    pub(crate) fn expect_closed(&mut self) {
        let (rest, end) = self.rest();
        assert_eq!((rest.escape_ascii().to_string().as_str(), end), ("", End::Closed));
    }
}

fn status(head: &[u8]) -> u16 {
    let line = wire::lines(head)[0];
    assert!(line.starts_with(b"HTTP/1.1 "), "not a status line: {}", line.escape_ascii());
    std::str::from_utf8(&line[9..12]).unwrap().parse().unwrap()
}

/// A request without content.
pub(crate) fn request(method: &str, target: &str) -> String {
    format!("{method} {target} HTTP/1.1\r\nHost: standin.test\r\n\r\n")
}

/// A GET on a connection of its own.
pub(crate) fn get(address: SocketAddr, path: &str) -> Response {
    Raw::connect(address).get(path)
}
