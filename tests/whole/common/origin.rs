//! A scripted origin: it does to each connection what the test says.

use super::gate::Gate;
use super::wire::{self, Wire};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::thread::JoinHandle;
use std::time::Duration;

/// Between drops: short beside any deadline that they must not put off.
const DRIP_PAUSE: Duration = Duration::from_millis(20);

/// An origin on a port of its own.
pub(crate) struct Origin {
    pub(crate) address: SocketAddr,
    record: Arc<Record>,
    accepting: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Record {
    stopping: AtomicBool,
    script_failed: AtomicBool,
    received: Mutex<Vec<Arc<Mutex<Vec<u8>>>>>,
    scripts: Mutex<Vec<(Weak<TcpStream>, JoinHandle<()>)>>,
    accepted: Gate,
    heads: AtomicUsize,
}

/// One connection of an origin. Dropping it closes it.
pub(crate) struct Conn {
    /// Which one this is, from 0.
    pub(crate) index: usize,
    wire: Wire,
    record: Arc<Record>,
}

/// A whole request, its body without chunk framing.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) head: Vec<u8>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        wire::value(&self.head, name)
    }

    pub(crate) fn line(&self) -> String {
        String::from_utf8(wire::lines(&self.head)[0].to_vec()).unwrap()
    }

    pub(crate) fn target(&self) -> String {
        self.line().split(' ').nth(1).unwrap().to_owned()
    }

    /// The number that is all of the target, as in `/3`.
    fn number(&self) -> Option<usize> {
        self.target()[1..].parse().ok()
    }
}

fn owned(cases: &[impl AsRef<[u8]>]) -> Vec<Vec<u8>> {
    cases.iter().map(|case| case.as_ref().to_vec()).collect()
}

impl Origin {
    /// Runs the script once for each connection, all at the same time. A
    /// script that panics fails the test.
    pub(crate) fn serve(script: impl Fn(Conn) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let record = Arc::new(Record::default());
        let accepting = {
            let (record, script) = (Arc::clone(&record), Arc::new(script));
            std::thread::spawn(move || accept(&listener, &record, &script))
        };
        Self { address, record, accepting: Some(accepting) }
    }

    /// Answers every request with that body.
    pub(crate) fn answering(body: &'static str) -> Self {
        Self::serve(move |mut conn| {
            while conn.request().is_some() {
                conn.answer(body);
            }
        })
    }

    /// Sends each connection's first request those bytes and closes.
    pub(crate) fn sending(bytes: impl Into<Vec<u8>>) -> Self {
        let bytes = bytes.into();
        Self::serve(move |mut conn| {
            if conn.request().is_some() {
                conn.send(&bytes);
            }
        })
    }

    /// Sends the case whose number is the target, as in `/3`, and closes.
    pub(crate) fn sending_case(cases: &[impl AsRef<[u8]>]) -> Self {
        let cases = owned(cases);
        Self::serve(move |mut conn| {
            if let Some(request) = conn.request() {
                conn.send(&cases[request.number().unwrap()]);
            }
        })
    }

    /// Sends the case whose number is the target, and answers any other target
    /// with itself; closes nothing of its own accord.
    pub(crate) fn sending_case_and_staying(cases: &[impl AsRef<[u8]>]) -> Self {
        let cases = owned(cases);
        Self::serve(move |mut conn| {
            while let Some(request) = conn.request() {
                match request.number() {
                    Some(number) => conn.send(&cases[number]),
                    None => conn.answer(request.target()),
                }
            }
        })
    }

    /// How many connections there have been.
    pub(crate) fn connections(&self) -> usize {
        self.record.received.lock().unwrap().len()
    }

    /// How many request heads have come, on all connections.
    pub(crate) fn heads(&self) -> usize {
        self.record.heads.load(Ordering::Acquire)
    }

    /// Waits until there have been that many connections.
    pub(crate) fn wait_for_connections(&self, count: usize) {
        self.record.accepted.wait_for(count);
    }

    /// All that a connection has received.
    pub(crate) fn received(&self, index: usize) -> Vec<u8> {
        self.record.received.lock().unwrap()[index].lock().unwrap().clone()
    }

    /// The base address for a regular mount.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/", self.address)
    }
}

fn accept<S: Fn(Conn) + Send + Sync + 'static>(listener: &TcpListener, record: &Arc<Record>, script: &Arc<S>) {
    for index in 0.. {
        let stream = Arc::new(listener.accept().unwrap().0);
        if record.stopping.load(Ordering::Acquire) {
            return;
        }
        let received = Arc::new(Mutex::new(Vec::new()));
        record.received.lock().unwrap().push(Arc::clone(&received));
        let weak = Arc::downgrade(&stream);
        let conn = Conn { index, wire: Wire::recording(stream, received), record: Arc::clone(record) };
        let script = Arc::clone(script);
        let running = std::thread::spawn(move || script(conn));
        record.reap();
        record.scripts.lock().unwrap().push((weak, running));
        record.accepted.arrive();
    }
}

impl Record {
    /// Joins the scripts that have ended: a thread costs memory until then.
    fn reap(&self) {
        for (_, script) in self.scripts.lock().unwrap().extract_if(.., |(_, script)| script.is_finished()) {
            self.join(script);
        }
    }

    fn join(&self, script: JoinHandle<()>) {
        if script.join().is_err() {
            self.script_failed.store(true, Ordering::Release);
        }
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        self.record.stopping.store(true, Ordering::Release);
        let _ = TcpStream::connect(self.address);
        let _ = self.accepting.take().map(JoinHandle::join);
        for (stream, script) in self.record.scripts.lock().unwrap().drain(..) {
            if let Some(stream) = stream.upgrade() {
                let _ = stream.shutdown(Shutdown::Both);
            }
            self.record.join(script);
        }
        assert!(
            std::thread::panicking() || !self.record.script_failed.load(Ordering::Acquire),
            "a script of this origin failed"
        );
    }
}

impl Conn {
    /// The next request's head; none when the connection ends.
    pub(crate) fn head(&mut self) -> Option<Vec<u8>> {
        let head = self.wire.head().ok()?;
        self.record.heads.fetch_add(1, Ordering::AcqRel);
        Some(head)
    }

    /// The next whole request; none when the connection ends before it.
    pub(crate) fn request(&mut self) -> Option<Request> {
        let head = self.head()?;
        let body = self.body(&head)?;
        Some(Request { head, body })
    }

    /// The body behind that head; none when the connection ends before it.
    pub(crate) fn body(&mut self, head: &[u8]) -> Option<Vec<u8>> {
        let mut body = Vec::new();
        if wire::value(head, "Transfer-Encoding").is_some() {
            self.wire.chunked(&mut body).ok()?;
        } else if let Some(length) = wire::value(head, "Content-Length") {
            self.wire.exactly(length.parse().unwrap(), &mut body).ok()?;
        }
        Some(body)
    }

    /// Sends; a peer that is gone is not this side's concern.
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.try_send(bytes);
    }

    /// Sends; false when the peer is gone.
    pub(crate) fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.wire.send(bytes.as_ref()).is_ok()
    }

    /// 200 with that body.
    pub(crate) fn answer(&mut self, body: impl AsRef<[u8]>) {
        let body = body.as_ref();
        let mut message = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len()).into_bytes();
        message.extend_from_slice(body);
        self.send(message);
    }

    /// 200 with that body, and the promise of `missing` bytes more.
    pub(crate) fn answer_short_of(&mut self, body: &str, missing: usize) {
        self.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len() + missing));
    }

    /// Sends those bytes again and again, with a pause, until the peer is gone.
    pub(crate) fn drip(&mut self, bytes: &str) {
        while self.try_send(bytes) {
            std::thread::sleep(DRIP_PAUSE);
        }
    }

    /// Sends those bytes again and again until the peer is gone.
    pub(crate) fn flood(&mut self, bytes: impl AsRef<[u8]>) {
        while self.try_send(bytes.as_ref()) {}
    }

    /// Sends back what comes; false when the peer has ended.
    pub(crate) fn echo(&mut self) -> bool {
        let mut received = Vec::new();
        self.wire.some(&mut received).is_ok() && self.try_send(received)
    }

    /// Everything until the peer ends.
    pub(crate) fn read_to_end(&mut self, into: &mut Vec<u8>) {
        self.wire.until_end(into);
    }

    /// True when exactly these bytes come next.
    pub(crate) fn expect(&mut self, bytes: &[u8]) -> bool {
        let mut received = Vec::new();
        self.wire.exactly(bytes.len(), &mut received).is_ok() && received == bytes
    }

    /// Says that nothing more will be sent.
    pub(crate) fn finish(&mut self) {
        self.wire.finish();
    }

    /// Sends until the peer takes no more, at most `bytes_max`, and tells how
    /// much it took.
    pub(crate) fn send_until_blocked(&mut self, bytes_max: usize) -> usize {
        self.wire.send_until_blocked(bytes_max)
    }

    /// Waits until the peer has closed.
    pub(crate) fn until_end(&mut self) {
        let mut rest = Vec::new();
        self.wire.until_end(&mut rest);
    }

    /// Ends the connection with RST.
    pub(crate) fn reset(mut self) {
        self.wire.close_by_reset();
    }
}
