//! The life of one client connection.
//!
//! Owns reading heads, handing exchanges to the tide app, writing replies, and
//! how a connection ends. One task, from the first byte to the last; whatever
//! the client sends ahead stays in its buffer for the next request.

use super::access_log::{AccessLog, End};
use super::admit::{Admitted, admit};
use super::failure::{reply_to, reply_to_options};
use super::persistence::{Client, Next};
use super::presence::{Look, Presence};
use super::record::Record;
use super::reply_writer::{Outgoing, ReplyWriter};
use super::tally::Tally;
use crate::error::{Error, Kind};
use crate::exchange::shell::{CarriedBack, Shell};
use crate::exchange::{
    Bounds, ClientSide, Credit, Exchange, Reply, ReplyBody, RequestBody, RequestId, RequestIds, Tunnel, TunnelEnd,
};
use crate::http1::encode;
use crate::http1::{Framing, HeadScan, ReplyFraming};
use crate::limits::{
    CLIENT_IDLE_MAX, CLIENT_REQUESTS_MAX, DRAIN_FIRST_REQUEST_MAX, HEAD_MAX, LINGER_BYTES_MAX, LINGER_MAX, REQUEST_HEAD,
};
use crate::message::{RequestHead, Version};
use crate::net::listen::{Serve, Task};
use crate::net::{Output, Peer, Permit, Stream};
use futures_lite::future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

/// How long clients of one listener may take.
#[derive(Debug, Clone, Copy)]
pub struct ClientBounds {
    /// For a whole request head, from its first byte.
    pub head_max: Duration,
    /// Between requests, and before the first.
    pub idle_max: Duration,
}

impl Default for ClientBounds {
    fn default() -> Self {
        Self { head_max: HEAD_MAX, idle_max: CLIENT_IDLE_MAX }
    }
}

/// Serves connections of one listener.
#[derive(Debug)]
pub struct ConnectionServer {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    shell: Shell,
    ids: Arc<RequestIds>,
    log: Option<AccessLog>,
    bounds: ClientBounds,
}

impl ConnectionServer {
    /// Connections whose requests reach the app in that shell.
    #[must_use]
    pub fn new(shell: Shell, ids: Arc<RequestIds>, bounds: ClientBounds) -> Self {
        Self { shared: Arc::new(Shared { shell, ids, log: None, bounds }) }
    }

    /// The same, with every exchange in that log.
    #[must_use]
    pub fn logging(self, log: Option<AccessLog>) -> Self {
        let Shared { shell, ids, bounds, .. } = &*self.shared;
        Self { shared: Arc::new(Shared { shell: *shell, ids: Arc::clone(ids), log, bounds: *bounds }) }
    }

    fn connection(&self, stream: Stream, peer: Peer, app: tide::Server<()>, permit: Permit) -> Connection {
        let side = Arc::new(Mutex::new(ClientSide::new(stream.clone(), Arc::clone(permit.deadline()))));
        Connection {
            body: RequestBody::new(side),
            stream,
            peer,
            app,
            permit,
            shared: Arc::clone(&self.shared),
            requests: 0,
            is_open: false,
            sent_bytes: 0,
            tunnelled_bytes: 0,
            tally: Tally::new(),
            record: None,
        }
    }
}

impl Serve for ConnectionServer {
    fn serve(&self, stream: Stream, peer: Peer, app: tide::Server<()>, permit: Permit) -> Task {
        let mut connection = self.connection(stream, peer, app, permit);
        Box::pin(async move { connection.run().await })
    }

    fn refuse(&self, stream: Stream, peer: Peer, app: tide::Server<()>, permit: Permit, lingers: bool) -> Task {
        let mut connection = self.connection(stream, peer, app, permit);
        Box::pin(async move { connection.refuse(lingers).await })
    }
}

struct Connection {
    body: RequestBody,
    stream: Stream,
    peer: Peer,
    app: tide::Server<()>,
    permit: Permit,
    shared: Arc<Shared>,
    /// How many have been read.
    requests: u32,
    /// A request has come and its reply is not whole, or a tunnel has not
    /// ended. If it ends like this, by a failure, a stop or a panic, the client
    /// must not take what it got for the whole.
    is_open: bool,
    /// Content of the reply that was sent, or what a tunnel brought.
    sent_bytes: u64,
    /// What was sent through a tunnel.
    tunnelled_bytes: u64,
    /// The exchange in its mount's numbers.
    tally: Tally,
    /// The exchange in the log, if there is one.
    record: Option<Record>,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.end_exchange(End::Cut);
        if self.is_open {
            self.stream.abort();
        }
    }
}

/// What a client that waits may be sent at any time.
const PROBE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// What a head that was read, or not, has led to.
enum Begun {
    /// An exchange; one with the proxy itself where there is none to hand on.
    Request(Client, Option<Box<Exchange>>),
    /// It was not understood.
    Refused(RequestId, Kind, Option<Box<RequestHead>>),
    /// The connection ends.
    Ended,
}

impl Connection {
    /// What seldom runs is on the heap: this is what an idle connection takes.
    async fn run(&mut self) {
        loop {
            let read = self.read_head().await;
            let (client, exchange) = match self.begin(read) {
                Begun::Request(client, exchange) => (client, exchange),
                Begun::Refused(id, kind, head) => return Box::pin(self.refuse_head(id, kind, head)).await,
                Begun::Ended => return,
            };
            let mut presence = Presence::default();
            presence.moved(self.permit.deadline());
            let mut reply = match exchange {
                Some(exchange) => {
                    let Some(reply) = self.reply(exchange, &mut presence).await else { return };
                    reply
                }
                None => reply_to_options().into(),
            };
            let written = self.write_reply(&mut reply, client, presence).await;
            // What is left of it, upstream connection and all, does not wait for
            // what comes next.
            drop(reply);
            match self.told(written) {
                Ok(Next::Request) => {}
                Ok(Next::Linger) => return Box::pin(self.linger()).await,
                Ok(Next::Close) => {
                    let _ = self.stream.finish();
                    return;
                }
                Ok(Next::Over) | Err(_) => return,
            }
        }
    }

    /// What was read begins an exchange, or is refused, or is the end. All that is
    /// only needed until then is left here: an idle connection has no room for it.
    fn begin(&mut self, read: Result<Option<RequestHead>, Kind>) -> Begun {
        let id = self.shared.ids.next();
        let mut head = match read {
            Ok(Some(head)) => head,
            Ok(None) => return Begun::Ended,
            Err(kind) => return Begun::Refused(id, kind, None),
        };
        let admitted = match admit(&mut head) {
            Ok(admitted) => admitted,
            Err(kind) => return Begun::Refused(id, kind, Some(head.into())),
        };
        self.requests += 1;
        let client =
            Client { version: head.version, is_head: head.method() == b"HEAD", persistent: admitted.persistent };
        self.begin_exchange(id, Some(&head));
        self.body.side().begin(admitted.framing);
        let is_for_mount = !admitted.asks_proxy;
        Begun::Request(client, is_for_mount.then(|| self.exchange(id, head, admitted)))
    }

    fn begin_exchange(&mut self, id: RequestId, head: Option<&RequestHead>) {
        self.is_open = true;
        self.tally.begin(id, head);
        (self.sent_bytes, self.tunnelled_bytes) = (0, 0);
        let log = self.shared.log.as_ref();
        self.record = log.map(|log| Record::begin(log, self.peer, id, head, &self.body));
    }

    /// Notes something where there is a log.
    fn note(&mut self, note: impl FnOnce(&mut Record)) {
        if let Some(record) = &mut self.record {
            note(record);
        }
    }

    /// Ends it in the log and the numbers, like that unless it was said before.
    fn end_exchange(&mut self, end: End) {
        let (sent, tunnelled) = (self.sent_bytes, self.tunnelled_bytes);
        let end = self.tally.ended(end);
        {
            let mut side = self.body.side();
            self.tally.moved(&side, side.taken() + tunnelled, sent);
            self.tally.close(&mut side);
        }
        self.note(|record| {
            record.moved(sent, tunnelled);
            record.ended(end);
        });
        self.record = None;
    }

    /// All there is of a connection that is not served: its request is not
    /// understood, only read away while it lingers.
    async fn refuse(&mut self, lingers: bool) {
        let id = self.shared.ids.next();
        self.write_refusal(id, Kind::TooManyConnections, None).await;
        if lingers {
            self.linger().await;
        }
    }

    /// The end of a connection whose request was not understood.
    async fn refuse_head(&mut self, id: RequestId, kind: Kind, head: Option<Box<RequestHead>>) {
        self.write_refusal(id, kind, head.as_deref()).await;
        self.linger().await;
    }

    /// Writes the reply to a request that was not understood; it is the last.
    async fn write_refusal(&mut self, id: RequestId, kind: Kind, head: Option<&RequestHead>) {
        self.body.side().begin(Framing::None);
        self.begin_exchange(id, head);
        let error = Error::from(kind);
        self.tally.failed(&error);
        let is_head = head.is_some_and(|head| head.method() == b"HEAD");
        let client = Client { version: Version::Http11, is_head, persistent: false };
        // How it went is in the log.
        let written = self.write_reply(&mut reply_to(&error, Some(id)), client, Presence::default()).await;
        let _ = self.told(written);
    }

    /// The next head; None when the connection ends between requests.
    async fn read_head(&mut self) -> Result<Option<RequestHead>, Kind> {
        let mut scan = HeadScan::request(REQUEST_HEAD);
        let mut begun = false;
        let mut ending = false;
        let ClientBounds { head_max, idle_max } = self.shared.bounds;
        self.permit.deadline().arm(idle_max);
        let head = future::poll_fn(|cx| {
            let mut side = self.body.side();
            loop {
                let received = side.input.unread();
                if !begun && !received.is_empty() {
                    begun = true;
                    self.permit.deadline().arm(head_max);
                }
                if let Some(len) = scan.advance(received).map_err(Kind::RequestHead)? {
                    let head = scan.take_request(&received[..len]).map_err(Kind::RequestHead)?;
                    side.input.consume(len);
                    return Poll::Ready(Ok(Some(head)));
                }
                match side.input.poll_read(cx) {
                    Poll::Ready(Ok(0)) if begun => return Poll::Ready(Err(Kind::HeadTruncated)),
                    Poll::Ready(Ok(0) | Err(_)) => return Poll::Ready(Ok(None)),
                    Poll::Ready(Ok(_)) => {}
                    Poll::Pending if self.permit.deadline().poll(cx).is_ready() => {
                        return Poll::Ready(if begun { Err(Kind::HeadTimeout) } else { Ok(None) });
                    }
                    // Asked after the deadline knows this task, so that the
                    // wake-up of a drain that begins now is not lost. What has
                    // come and was not announced yet is about to wake us.
                    Poll::Pending if !begun && !ending && self.is_left_by_drain(&side) => {
                        if self.requests > 0 {
                            return Poll::Ready(Ok(None));
                        }
                        ending = true;
                        self.permit.deadline().arm(DRAIN_FIRST_REQUEST_MAX);
                        return Poll::Pending;
                    }
                    Poll::Pending => return Poll::Pending,
                }
            }
        })
        .await;
        self.permit.deadline().disarm();
        head
    }

    /// True when it is to end and its client has nothing under way to it.
    fn is_left_by_drain(&self, side: &ClientSide) -> bool {
        self.permit.drain().is_draining() && side.input.stream().is_quiet()
    }

    fn exchange(&self, id: RequestId, head: RequestHead, admitted: Admitted) -> Box<Exchange> {
        Box::new(Exchange {
            id,
            head,
            route: admitted.route,
            framing: admitted.framing,
            body: self.body.clone(),
            peer: self.peer,
            deadline: Arc::clone(self.permit.deadline()),
            upgrade: admitted.upgrade,
            takes_trailers: false,
            bounds: Bounds::OWN,
            outbound: None,
            credit: None,
            mapping: None,
            tunnel_credit: None,
            notes: self.record.as_ref().map(Record::notes),
        })
    }

    /// The app's reply, or ours where it has none; none when the client has
    /// gone before there is one.
    fn reply<'a>(
        &'a mut self,
        exchange: Box<Exchange>,
        presence: &'a mut Presence,
    ) -> impl Future<Output = Option<Box<Reply>>> + use<'a> {
        let (id, takes_interim) = (exchange.id, exchange.head.version >= Version::Http11);
        let Self { app, body, permit, tally, shared, .. } = self;
        // On the heap, so that an idle connection needs no room for it.
        let mut responding = Box::pin(app.respond::<_, CarriedBack>(shared.shell.carry(exchange)));
        async move {
            // In one step, since each layer would move what came once more.
            let outcome = future::poll_fn(|cx| {
                let outcome = catch_unwind(AssertUnwindSafe(|| match responding.as_mut().poll(cx) {
                    Poll::Ready(Ok(CarriedBack(outcome))) => Poll::Ready(outcome),
                    Poll::Ready(Err(error)) => Poll::Ready(Err(Error::new(Kind::Internal, error))),
                    Poll::Pending => Poll::Pending,
                }));
                let outcome = outcome.unwrap_or_else(|_| Poll::Ready(Err(Error::new(Kind::Internal, "a panic"))));
                if outcome.is_ready() {
                    return outcome;
                }
                let gone = match presence.look(cx, body, permit.deadline()) {
                    Look::Gone => true,
                    Look::Ask if takes_interim => body.side().send_interim(cx, PROBE).is_err(),
                    Look::Ask | Look::There => false,
                };
                if gone { Poll::Ready(Err(Kind::ClientGone.into())) } else { Poll::Pending }
            })
            .await;
            if let Err(error) = &outcome {
                tally.failed(error);
            }
            match outcome {
                Ok(reply) => Some(reply),
                Err(error) if *error.kind() == Kind::ClientGone => None,
                Err(error) => Some(reply_to(&error, Some(id)).into()),
            }
        }
    }

    /// A reply was written, or as much of it as could be: that ends the exchange.
    fn told(&mut self, written: Result<Next, Error>) -> Result<Next, Error> {
        if let Err(error) = &written {
            self.tally.failed(error);
        }
        self.end_exchange(End::Complete);
        written
    }

    /// Writes a reply as it comes.
    async fn write_reply(&mut self, reply: &mut Reply, client: Client, presence: Presence) -> Result<Next, Error> {
        let framing = client.framing(reply);
        // While an upstream answers it may still be taking the content.
        let body_done = match reply.body {
            ReplyBody::Stream(_) | ReplyBody::Tunnel(_) => self.body.side().is_body_done(),
            ReplyBody::Bytes { .. } => self.skip_received_body(),
        };
        let keep = client.persistent
            && body_done
            && !reply.close
            && self.requests < CLIENT_REQUESTS_MAX
            && framing != ReplyFraming::UntilClose
            && !self.permit.drain().is_draining();
        let persistence = client.persistence(reply, keep);
        let bodiless = matches!(framing, ReplyFraming::Bodiless | ReplyFraming::Empty);
        if bodiless && matches!(reply.body, ReplyBody::Bytes { .. }) {
            reply.body = ReplyBody::NONE;
        }
        let mut out = Output::default();
        if let Some(interim) = self.body.side().take_interim() {
            out.extend_from_slice(&interim);
        }
        encode::response(&mut out, &reply.head, framing, persistence);
        self.tally.told(reply.head.status);
        self.note(|record| record.told(reply.head.status));
        let bounds = {
            let mut side = self.body.side();
            if let Some(watched) = side.account.watched() {
                watched.entry.replied(&reply.head.fields);
            }
            side.bounds
        };
        let to = Outgoing {
            stream: &self.stream,
            request: &self.body,
            deadline: self.permit.deadline(),
            out: &mut out,
            sent_bytes: &mut self.sent_bytes,
        };
        let mut writer = ReplyWriter::new(to, bounds, presence, framing == ReplyFraming::Chunked);
        future::poll_fn(|cx| writer.poll(cx, reply)).await?;
        self.permit.deadline().disarm();
        drop(out);
        if let ReplyBody::Tunnel(tunnel) = &mut reply.body {
            Box::pin(self.carry(tunnel, reply.credit.take())).await;
            return Ok(Next::Over);
        }
        self.is_open = false;
        Ok(client.next(keep, body_done))
    }

    /// Carries a tunnel to its end.
    async fn carry(&mut self, tunnel: &mut Tunnel, credit: Option<Credit>) {
        let _ = self.stream.keep_alive();
        self.permit.deadline().arm(tunnel.idle());
        let end = future::poll_fn(|cx| {
            let mut side = self.body.side();
            let carried = tunnel.poll(cx, &mut side.input, self.permit.deadline());
            (self.tunnelled_bytes, self.sent_bytes) = tunnel.bytes();
            self.tally.moved(&side, side.taken() + self.tunnelled_bytes, self.sent_bytes);
            match carried {
                Poll::Pending if credit.as_ref().is_some_and(Credit::is_cut) => Poll::Ready(None),
                carried => carried.map(Some),
            }
        })
        .await;
        self.is_open = !matches!(end, Some(TunnelEnd::Finished));
        self.tally.ended(end.map_or(End::Cut, |_| End::Tunnel));
    }

    /// Drops what has come of content that nobody read; true when that was
    /// the rest, and the connection is at the next request.
    fn skip_received_body(&self) -> bool {
        let mut side = self.body.side();
        let mut nothing = Context::from_waker(std::task::Waker::noop());
        let mut budget = LINGER_BYTES_MAX;
        while !side.is_body_done() {
            match side.poll_content(&mut nothing) {
                Poll::Ready(Ok(count)) if count <= budget => {
                    budget -= count;
                    side.skip(count);
                }
                _ => return false,
            }
        }
        true
    }

    /// Ends the connection so that the last reply arrives even if the client
    /// is still sending (RFC 9112 §9.6).
    async fn linger(&self) {
        if self.stream.finish().is_err() {
            return;
        }
        self.permit.deadline().arm(LINGER_MAX);
        let mut budget = LINGER_BYTES_MAX;
        let mut scratch = vec![0; 4096];
        future::poll_fn(|cx| {
            while let Poll::Ready(read) = self.stream.poll_read(cx, &mut scratch) {
                match read {
                    Ok(count) if count > 0 && count <= budget => budget -= count,
                    _ => return Poll::Ready(()),
                }
            }
            self.permit.deadline().poll(cx)
        })
        .await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::{RequestIds, shell};
    use crate::message::ResponseHead;
    use crate::net::listen::serve;
    use crate::net::{Drain, Endpoint, HttpListener, Socket, Timer, workers};
    use std::io::{Read, Write};
    use std::net::TcpStream;

    /// Panics before a reply, or in the middle of one, as the path wishes.
    struct Clumsy;

    #[tide::utils::async_trait]
    impl tide::Endpoint<()> for Clumsy {
        async fn call(&self, request: tide::Request<()>) -> tide::Result {
            let exchange = shell::exchange(request.into())?;
            let mut reply = Reply::whole(ResponseHead::own(200, "OK"), b"fine".to_vec());
            match exchange.path() {
                b"/before" => panic!("as the test wished"),
                b"/within" => reply.body = ReplyBody::Stream(Box::new(Breaking { data: b"half" })),
                _ => {}
            }
            Ok(shell::carry_back(Ok(reply.into())).into())
        }
    }

    /// Some content, and then a panic.
    #[derive(Debug)]
    struct Breaking {
        data: &'static [u8],
    }

    impl crate::exchange::BodyStream for Breaking {
        fn poll_fill(&mut self, _: &mut Context<'_>) -> Poll<Result<usize, Error>> {
            assert!(!self.data.is_empty(), "as the test wished");
            Poll::Ready(Ok(self.data.len()))
        }

        fn data(&self) -> &[u8] {
            self.data
        }

        fn consume(&mut self, count: usize) {
            self.data = &self.data[count..];
        }

        fn poll_drive(&mut self, _: &mut Context<'_>) {}
    }

    fn ask(address: std::net::SocketAddr, path: &str) -> (String, std::io::Result<usize>) {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(std::time::Duration::from_secs(10))).unwrap();
        write!(stream, "GET {path} HTTP/1.0\r\n\r\n").unwrap();
        let mut answer = Vec::new();
        let end = stream.read_to_end(&mut answer);
        (String::from_utf8(answer).unwrap(), end)
    }

    #[test]
    fn a_panic_ends_its_own_exchange_and_no_other() {
        let timer = Timer::start().unwrap();
        let socket = Socket::bind(&Endpoint::Tcp(std::net::SocketAddr::from(([127, 0, 0, 1], 0)))).unwrap();
        let Endpoint::Tcp(address) = socket.endpoint().unwrap() else { panic!("not TCP") };
        let drain = Drain::new(8, Arc::clone(&timer));
        let server = ConnectionServer::new(Shell::Constant, RequestIds::new(1), ClientBounds::default());
        let listener = HttpListener::new(socket, Arc::clone(&drain), Arc::new(server), workers::start().unwrap());
        let mut app = tide::new();
        app.at("/").all(Clumsy);
        let served = async_std::task::spawn(serve(app, listener));

        let (answer, end) = ask(address, "/before");
        assert!(answer.starts_with("HTTP/1.1 500 Internal Server Error\r\n") && end.is_ok(), "{answer}");
        let (answer, end) = ask(address, "/within");
        assert!(end.is_err(), "the client must not take this for the whole: {answer}");
        let (answer, end) = ask(address, "/");
        assert!(answer.ends_with("\r\n\r\nfine") && end.is_ok(), "{answer}");

        drain.begin();
        async_io::block_on(served).unwrap();
    }
}
