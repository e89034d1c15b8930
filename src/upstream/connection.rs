//! One upstream connection, and one exchange on it.
//!
//! Owns the order of bytes on the wire: the request is written while the
//! response is read, so early answers and full duplex work. The connection
//! goes back to the pool only when both have ended where their framing says;
//! dropped anywhere else, it is closed.

use super::pool::{Place, Pool};
use crate::error::{Error, Kind};
use crate::exchange::{BodyStream, Bounds, Credit, Destination, Exchange, Outbound, RequestBody, Tunnel};
use crate::http1::encode::{self, ChunkHead};
use crate::http1::{BodyDecoder, Found, Framing, HeadScan, framing, upgrade};
use crate::limits::{INTERIM_RESPONSES_MAX, POOL_IDLE_MAX, RESPONSE_HEAD, SEND_BYTES_MAX, SPLICE_BYTES_MIN};
use crate::message::{Fields, Known, ResponseHead, Version, head};
use crate::net::{Conduit, Deadline, Input, Output, Stream, TlsFault, Trust};
use crate::policy::location::{self, Mapping};
use crate::policy::{hop_by_hop, trailers};
use rustls::ClientConfig;
use std::io::{self, IoSlice};
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, ready};
use std::time::Duration;

/// Writes of one request before other connections get their turn.
const TURNS_MAX: usize = 32;

/// A connection to an upstream, between exchanges or in one.
#[derive(Debug)]
pub struct Connection {
    input: Input,
    reused: bool,
    /// By what its peer was checked, where it was.
    config: Option<Arc<ClientConfig>>,
    /// Among those that are open.
    _place: Place,
}

impl Connection {
    /// A fresh one.
    #[must_use]
    pub fn new(stream: Stream, config: Option<Arc<ClientConfig>>, place: Place) -> Self {
        Self { input: Input::new(stream), reused: false, config, _place: place }
    }

    /// True when its peer would be believed again.
    #[must_use]
    pub fn is_trusted_by(&self, trust: &Trust) -> bool {
        self.config.as_ref().is_some_and(|config| trust.is_current(config))
    }

    /// True when nothing is known to have come that no request asked for.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        self.is_clean() && self.input.stream().is_quiet_so_far()
    }

    /// The stream under it.
    #[must_use]
    pub fn stream(&self) -> &Stream {
        self.input.stream()
    }

    /// True when it has served before.
    #[must_use]
    pub fn is_reused(&self) -> bool {
        self.reused
    }

    /// True when nothing was received that belongs to no exchange.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.input.unread().is_empty()
    }
}

/// How far the request has been sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sending {
    /// More content may come from the client.
    Content,
    /// All is in the buffer.
    Rest,
    /// All is with the upstream.
    Done,
    /// The upstream takes no more; it may have answered all the same.
    Failed,
}

/// One exchange on one connection.
#[derive(Debug)]
pub struct InFlight {
    /// Gone once it was released or found unusable.
    connection: Option<Connection>,
    pool: Weak<Pool>,
    destination: Arc<Destination>,
    // The request.
    out: Output,
    out_at: usize,
    sent_bytes: bool,
    sending: Sending,
    body: RequestBody,
    request_framing: Framing,
    takes_trailers: bool,
    /// The protocols that the request would change to.
    upgrade: Option<Box<[u8]>>,
    bounds: Bounds,
    // The response.
    scan: HeadScan,
    is_head: bool,
    relays_interim: bool,
    /// For the URLs in them.
    mapping: Option<Arc<Mapping>>,
    interims: u8,
    answered: bool,
    decoder: BodyDecoder,
    persistent: bool,
    /// How long the connection may wait in the pool afterwards.
    idle_max: Duration,
    available: usize,
    /// Where that is, unless it is in the connection's input.
    conduit: Option<Conduit>,
    deadline: Arc<Deadline>,
}

impl InFlight {
    /// Puts the request of that exchange on a connection, signed for this time
    /// only where it is to be signed.
    pub fn new(
        connection: Connection,
        pool: &Arc<Pool>,
        exchange: &Exchange,
        outbound: &Outbound,
    ) -> Result<Box<Self>, Error> {
        let fields = &exchange.head.fields;
        let mut out = Output::default();
        let host = outbound.host.as_deref().or_else(|| fields.first(Known::Host)).unwrap_or_default();
        let target = [&*outbound.target_base, exchange.bytes(outbound.target_rest)];
        let method = exchange.head.method();
        let signed = outbound.signer.as_ref().map(|signer| signer.sign(method, host, target, fields)).transpose()?;
        let added = signed.as_ref().map(|signature| {
            [(&b"Signature-Input"[..], signature.input.as_bytes()), (b"Signature", signature.signature.as_bytes())]
        });
        let added = added.as_ref().map_or(&[][..], |lines| lines);
        let request = encode::Request { method, target, host, fields, added, framing: exchange.framing };
        encode::request(&mut out, &request);
        let flight = Self {
            connection: Some(connection),
            pool: Arc::downgrade(pool),
            destination: Arc::clone(&outbound.destination),
            out,
            out_at: 0,
            sent_bytes: false,
            sending: if exchange.framing == Framing::None { Sending::Rest } else { Sending::Content },
            body: exchange.body.clone(),
            request_framing: exchange.framing,
            takes_trailers: exchange.takes_trailers,
            upgrade: exchange.upgrade.map(|protocols| exchange.bytes(protocols).into()),
            bounds: exchange.bounds,
            scan: HeadScan::response(RESPONSE_HEAD),
            is_head: exchange.head.method() == b"HEAD",
            relays_interim: exchange.head.version >= Version::Http11,
            mapping: exchange.mapping.clone(),
            interims: 0,
            answered: false,
            decoder: BodyDecoder::new(Framing::None),
            persistent: false,
            idle_max: POOL_IDLE_MAX,
            available: 0,
            conduit: None,
            deadline: Arc::clone(&exchange.deadline),
        };
        flight.wait_on();
        Ok(Box::new(flight))
    }

    /// Something has moved: the next step has its time from now.
    fn wait_on(&self) {
        let content_moves = self.answered || self.sending == Sending::Content;
        self.deadline.arm(if content_moves { self.bounds.idle } else { self.bounds.first_byte });
    }

    /// What a retry must know when this attempt has failed.
    #[must_use]
    pub fn attempt(&self, method: &[u8], failure: &Kind) -> super::retry::Attempt {
        let connection = self.connection.as_ref();
        super::retry::Attempt {
            closed: *failure == Kind::UpstreamClosed,
            reused: connection.is_some_and(|connection| connection.reused),
            sent_bytes: self.sent_bytes,
            answered: self.interims > 0 || connection.is_none_or(|connection| !connection.is_clean()),
            body_taken: self.body.is_taken_from(),
            idempotent: head::is_idempotent(method),
        }
    }

    /// Waits for the head of the final response, or of a 101 that was asked
    /// for, sending the request meanwhile.
    pub fn poll_head(
        &mut self,
        cx: &mut Context<'_>,
        credit: Option<&Credit>,
    ) -> Poll<Result<(ResponseHead, Framing), Error>> {
        loop {
            self.send(cx)?;
            let connection = self.connection.as_mut().ok_or(Kind::Internal)?;
            let invalid = |error| Error::from(Kind::UpstreamHead(error));
            if let Some(len) = self.scan.advance(connection.input.unread()).map_err(invalid)? {
                let head = self.scan.take_response(&connection.input.unread()[..len]).map_err(invalid)?;
                connection.input.consume(len);
                if head.status == 101 {
                    return Poll::Ready(self.change_protocol(head));
                }
                if head.is_interim() {
                    self.relay_interim(cx, &head)?;
                    continue;
                }
                return Poll::Ready(self.begin_body(head));
            }
            match connection.input.poll_read(cx) {
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(Kind::UpstreamClosed.into())),
                Poll::Ready(Ok(_)) => {}
                Poll::Ready(Err(error)) => {
                    let kind = TlsFault::of_io(&error).map_or(Kind::UpstreamClosed, Kind::UpstreamTls);
                    return Poll::Ready(Err(Error::new(kind, error)));
                }
                Poll::Pending => {
                    if self.deadline.poll(cx).is_ready() {
                        let waits_for_client = self.sending == Sending::Content && self.out_at == self.out.len();
                        let kind = if waits_for_client { Kind::BodyTimeout } else { Kind::UpstreamSilent };
                        return Poll::Ready(Err(self.too_late(kind)));
                    }
                    if credit.is_some_and(Credit::is_cut) {
                        return Poll::Ready(Err(Kind::Cut.into()));
                    }
                    return Poll::Pending;
                }
            }
        }
    }

    fn relay_interim(&mut self, cx: &mut Context<'_>, head: &ResponseHead) -> Result<(), Error> {
        self.interims += 1;
        self.scan = HeadScan::response(RESPONSE_HEAD);
        if self.interims > INTERIM_RESPONSES_MAX {
            return Err(Kind::UpstreamInterim.into());
        }
        if self.relays_interim {
            let mut fields_stripped = head.clone();
            hop_by_hop::strip_response(&mut fields_stripped.fields, hop_by_hop::Keep::default());
            if let Some(mapping) = &self.mapping {
                location::rewrite_reply(&mut fields_stripped.fields, mapping);
            }
            let mut out = Vec::new();
            encode::interim(&mut out, &fields_stripped);
            let sent = self.body.side().send_interim(cx, &out);
            sent.map_err(|error| Error::new(Kind::ClientGone, error))?;
        }
        Ok(())
    }

    /// What a 101 means: the protocol that was asked for, or nonsense.
    fn change_protocol(&mut self, head: ResponseHead) -> Result<(ResponseHead, Framing), Error> {
        let granted = self.upgrade.as_ref().is_some_and(|asked| upgrade::is_granted(asked, &head));
        // An answer to a request that is still being sent is none.
        if !granted || self.sending != Sending::Done {
            return Err(Kind::UpstreamUpgrade.into());
        }
        Ok((head, Framing::None))
    }

    /// The tunnel that a granted 101 has opened.
    pub fn into_tunnel(mut self: Box<Self>) -> Result<Tunnel, Error> {
        let connection = self.connection.take().ok_or(Kind::Internal)?;
        Ok(Tunnel::new(connection.input, self.bounds.tunnel_idle))
    }

    /// Why the deadline has fired.
    fn too_late(&self, phase: Kind) -> Error {
        if self.deadline.is_total_over() { Kind::TotalTimeout.into() } else { phase.into() }
    }

    fn begin_body(&mut self, head: ResponseHead) -> Result<(ResponseHead, Framing), Error> {
        let method: &[u8] = if self.is_head { b"HEAD" } else { b"" };
        let framing = framing::response(method, &head).map_err(|error| Error::from(Kind::UpstreamFraming(error)))?;
        self.decoder = BodyDecoder::new(framing);
        self.persistent = framing::is_persistent(head.version, &head.fields) && framing != Framing::UntilClose;
        if let Some(seconds) = framing::keep_alive_timeout_s(&head.fields) {
            // A connection that closes while a request is on its way to it is
            // worse than one that is opened anew.
            self.idle_max = POOL_IDLE_MAX.min(Duration::from_secs(seconds) / 2);
        }
        self.answered = true;
        self.wait_on();
        self.release_if_ended();
        Ok((head, framing))
    }

    /// Sends what can be sent now. Only a failure of the client's side ends
    /// the exchange: an upstream that takes no more may have answered already.
    fn send(&mut self, cx: &mut Context<'_>) -> Result<(), Error> {
        for _ in 0..TURNS_MAX {
            if self.out_at < self.out.len() {
                let Some(connection) = &self.connection else { return Ok(()) };
                match connection.input.stream().poll_write(cx, &[IoSlice::new(&self.out[self.out_at..])]) {
                    Poll::Pending => return Ok(()),
                    Poll::Ready(Ok(count)) if count > 0 => {
                        self.out_at += count;
                        if self.sent_bytes {
                            self.wait_on();
                        }
                        self.sent_bytes = true;
                        continue;
                    }
                    Poll::Ready(_) => {
                        self.sending = Sending::Failed;
                        self.out_at = self.out.len();
                    }
                }
            }
            match self.sending {
                Sending::Done | Sending::Failed => return Ok(()),
                Sending::Rest => {
                    let Some(connection) = &self.connection else { return Ok(()) };
                    match connection.input.stream().poll_flush(cx) {
                        Poll::Pending => return Ok(()),
                        Poll::Ready(flushed) => {
                            self.sending = if flushed.is_ok() { Sending::Done } else { Sending::Failed };
                        }
                    }
                    self.wait_on();
                }
                Sending::Content => {
                    let mut side = self.body.side();
                    let Poll::Ready(count) = side.poll_content(cx)? else { return Ok(()) };
                    (self.out_at, self.sending) = (0, if count == 0 { Sending::Rest } else { Sending::Content });
                    self.out.clear();
                    let count = count.min(SEND_BYTES_MAX);
                    match (self.request_framing, count) {
                        (Framing::Chunked, 0) => {
                            let mut trailers = side.take_trailers();
                            if self.takes_trailers {
                                trailers::keep_safe(&mut trailers);
                            } else {
                                trailers = Fields::default();
                            }
                            encode::last_chunk(&mut self.out, &trailers);
                        }
                        (Framing::Chunked, _) => {
                            self.out.extend_from_slice(ChunkHead::new(count).as_bytes());
                            side.take(count, &mut self.out);
                            self.out.extend_from_slice(b"\r\n");
                        }
                        _ => side.take(count, &mut self.out),
                    }
                }
            }
        }
        // Both sides are quicker than we are: others get their turn.
        cx.waker().wake_by_ref();
        Ok(())
    }

    /// Gives the connection back if both messages have ended where they should
    /// and nothing else has come; else it ends with this exchange.
    fn release_if_ended(&mut self) {
        if !self.decoder.is_done() {
            return;
        }
        let ended = self.sending == Sending::Done && self.persistent;
        let Some(mut connection) = self.connection.take_if(|connection| ended && connection.is_clean()) else { return };
        let Some(pool) = self.pool.upgrade() else { return };
        connection.reused = true;
        connection.input.rest();
        pool.release(connection, Arc::clone(&self.destination), self.idle_max);
    }

    /// Takes what comes next. Where it is content of which `raw_bytes` are to come
    /// with no framing among them, it may be left in a conduit; else it is in the
    /// connection's input. 0 is the end of the input.
    fn poll_receive(&mut self, cx: &mut Context<'_>, raw_bytes: u64) -> Poll<io::Result<usize>> {
        let connection = self.connection.as_mut().ok_or(io::ErrorKind::NotConnected)?;
        if raw_bytes >= SPLICE_BYTES_MIN {
            let bytes_max = usize::try_from(raw_bytes).unwrap_or(usize::MAX);
            if let Some(conduit) = ready!(connection.input.poll_splice(cx, bytes_max))? {
                self.available = conduit.bytes();
                self.conduit = Some(conduit);
                return Poll::Ready(Ok(self.available));
            }
        }
        connection.input.poll_read(cx)
    }

    /// Waits for content; what comes of a large one may be left in a conduit.
    fn fill(&mut self, cx: &mut Context<'_>, may_splice: bool) -> Poll<Result<usize, Error>> {
        loop {
            if self.available > 0 {
                return Poll::Ready(Ok(self.available));
            }
            if self.decoder.is_done() {
                self.release_if_ended();
                return Poll::Ready(Ok(0));
            }
            if !matches!(self.sending, Sending::Done | Sending::Failed) && self.send(cx).is_err() {
                // The answer is here all the same. Dropped with this exchange,
                // the connection tells the upstream that the rest is missing.
                self.sending = Sending::Failed;
            }
            let connection = self.connection.as_mut().ok_or(Kind::Internal)?;
            let invalid = |error| Error::from(Kind::UpstreamBody(error));
            match self.decoder.find(connection.input.unread()).map_err(invalid)? {
                Found::Data { skip, len } => {
                    connection.input.consume(skip);
                    self.available = len;
                    continue;
                }
                Found::End { skip } => {
                    connection.input.consume(skip);
                    continue;
                }
                Found::More { skip } => connection.input.consume(skip),
            }
            let raw_bytes = if may_splice { self.decoder.raw_bytes() } else { 0 };
            match self.poll_receive(cx, raw_bytes) {
                Poll::Ready(Ok(0)) => self.decoder.end_of_input().map_err(invalid)?,
                Poll::Ready(Ok(_)) => self.wait_on(),
                Poll::Ready(Err(error)) => {
                    return Poll::Ready(Err(Error::new(Kind::UpstreamBody(crate::http1::BodyError::Truncated), error)));
                }
                Poll::Pending => {
                    if self.deadline.poll(cx).is_ready() {
                        return Poll::Ready(Err(self.too_late(Kind::UpstreamStalled)));
                    }
                    return Poll::Pending;
                }
            }
        }
    }
}

impl BodyStream for InFlight {
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<Result<usize, Error>> {
        self.fill(cx, false)
    }

    fn poll_fill_any(&mut self, cx: &mut Context<'_>) -> Poll<Result<usize, Error>> {
        self.fill(cx, true)
    }

    fn conduit(&mut self) -> Option<&mut Conduit> {
        self.conduit.as_mut()
    }

    fn data(&self) -> &[u8] {
        match &self.connection {
            Some(connection) if self.conduit.is_none() => &connection.input.unread()[..self.available],
            _ => &[],
        }
    }

    fn consume(&mut self, count: usize) {
        let Some(connection) = &mut self.connection else { return };
        self.decoder.advance(count);
        self.available -= count;
        match self.conduit.take() {
            None => connection.input.consume(count),
            Some(conduit) if self.available == 0 => conduit.rest(),
            conduit => self.conduit = conduit,
        }
    }

    fn poll_drive(&mut self, cx: &mut Context<'_>) {
        // As while content is read: a failure costs the rest of the request,
        // not its answer.
        if self.send(cx).is_err() {
            self.sending = Sending::Failed;
        }
    }

    fn take_trailers(&mut self) -> Fields {
        let mut trailers = self.decoder.take_trailers();
        if !self.takes_trailers {
            return Fields::default();
        }
        trailers::keep_safe(&mut trailers);
        trailers
    }
}
