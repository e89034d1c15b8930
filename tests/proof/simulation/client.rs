//! Clients: what they ask, how they write it, when they give up, and what they
//! may see.

use super::wire::{Bell, Over, Pen, Stop, Wire};
use super::{Asked, Entry, Sim, Verdict, content, count, token, tokens};
use crate::world::World;
use futures_lite::future::poll_fn;
use standin::net::pipe::End;
use std::cell::Cell;
use std::rc::Rc;
use std::task::Poll;

/// What one client will do.
pub struct Plan {
    number: usize,
    asked: Vec<Rc<Asked>>,
    /// Each request waits for the answer to the one before.
    is_serial: bool,
    /// After so many bytes it stops writing, like that.
    cut: Option<(usize, Cut)>,
    /// After so many bytes it stops reading.
    stops_reading_after: Option<usize>,
    /// After so long it is gone.
    gone_after_ms: Option<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cut {
    Reset,
    HalfClose,
    Gone,
    Silence,
}

/// What the two halves of one client share.
struct Talk {
    end: Rc<End>,
    over: Rc<Over>,
    /// How many final answers came.
    answered: Cell<usize>,
    /// The request for which `100 Continue` came, counted from 1.
    continued: Cell<usize>,
    /// The protocol has changed.
    is_tunnel: Cell<bool>,
    /// It has said that it says no more.
    half_closed: Cell<bool>,
    bell: Bell,
}

impl Plan {
    /// As the dice will have it.
    pub fn rolled(sim: &Rc<Sim>, number: usize) -> Self {
        let dice = &sim.dice;
        let requests = 1 + dice.below(4);
        let asked: Vec<_> = (0..requests).map(|request| ask(sim, number, request, request + 1 == requests)).collect();
        let bytes: usize = asked.iter().map(|asked| asked.head.len() + asked.body.len()).sum();
        Self {
            number,
            asked,
            is_serial: dice.once_in(2),
            cut: dice
                .once_in(4)
                .then(|| (dice.below(bytes + 1), dice.one_of(&[Cut::Reset, Cut::HalfClose, Cut::Gone, Cut::Silence]))),
            stops_reading_after: dice.once_in(8).then(|| dice.below(4000)),
            gone_after_ms: dice.once_in(8).then(|| dice.below(20_000)),
        }
    }

    /// One GET and nothing else.
    pub fn plain(sim: &Rc<Sim>, number: usize) -> Self {
        let token = token(number, 0);
        let head = format!("GET /{token} HTTP/1.1\r\nHost: h\r\nX-Token: {token}\r\n\r\n").into_bytes();
        let asked = enter(
            sim,
            Asked {
                token,
                method: "GET",
                head,
                body: Vec::new(),
                content_len: 0,
                verdict: Verdict::Good,
                expects: false,
                is_http10: false,
                upgrades: false,
                whole_sent: Cell::new(false),
            },
        );
        Self { number, asked: vec![asked], is_serial: true, cut: None, stops_reading_after: None, gone_after_ms: None }
    }

    /// True when nothing on the client's side can cost it an answer.
    fn is_patient(&self) -> bool {
        self.cut.is_none() && self.stops_reading_after.is_none() && self.gone_after_ms.is_none()
    }

    /// Sets it to work.
    pub fn spawn(self, sim: &Rc<Sim>, world: &mut World) {
        let talk = Rc::new(Talk {
            end: Rc::new(world.connect()),
            over: Rc::default(),
            answered: Cell::new(0),
            continued: Cell::new(0),
            is_tunnel: Cell::new(false),
            half_closed: Cell::new(false),
            bell: Bell::default(),
        });
        let Self { number, is_serial, cut, stops_reading_after, gone_after_ms, .. } = &self;
        sim.tell(format_args!("client {number}: {cut:?} {stops_reading_after:?} {gone_after_ms:?} {is_serial}"));
        for asked in &self.asked {
            let Asked { token, verdict, content_len, .. } = &**asked;
            sim.tell(format_args!("client {number}: {token} {verdict:?} {content_len} {}", asked.head.escape_ascii()));
        }
        if let Some(ms) = self.gone_after_ms {
            let (sim, over) = (Rc::clone(sim), Rc::clone(&talk.over));
            world.tasks.spawn("client", async move {
                sim.pause(ms).await;
                over.set();
            });
        }
        let plan = Rc::new(self);
        world.tasks.spawn("client", write(Rc::clone(sim), Rc::clone(&plan), Rc::clone(&talk)));
        world.tasks.spawn("client", read(Rc::clone(sim), plan, talk));
    }
}

fn enter(sim: &Rc<Sim>, asked: Asked) -> Rc<Asked> {
    let asked = Rc::new(asked);
    let entry = Entry { asked: Rc::clone(&asked), heads: 0, answer: super::Answer::default() };
    sim.ledger.borrow_mut().insert(asked.token.clone(), entry);
    count(&sim.tally.requests);
    asked
}

fn ask(sim: &Rc<Sim>, client: usize, request: usize, is_last: bool) -> Rc<Asked> {
    let dice = &sim.dice;
    let token = token(client, request);
    let method = dice.one_of(&["GET", "GET", "GET", "HEAD", "POST", "POST", "PUT", "DELETE", "X-ODD"]);
    let is_http10 = is_last && dice.once_in(6);
    let upgrades = is_last && !is_http10 && method == "GET" && dice.once_in(3);
    let has_body = !upgrades && (matches!(method, "POST" | "PUT" | "X-ODD") || dice.once_in(8));
    let content_len = if has_body { dice.one_of(&[0, 1, 30, 700, 20_000]) } else { 0 };
    let is_chunked = has_body && !is_http10 && dice.once_in(2);
    let expects = has_body && !is_http10 && dice.once_in(4);
    let mut verdict = Verdict::Good;
    let mut head = format!("{method} /{token}?q={token} HTTP/1.{}\r\n", u8::from(!is_http10));
    if !is_http10 || dice.once_in(2) {
        head.push_str("Host: h\r\n");
    }
    head.push_str(&format!("X-Token: {token}\r\n"));
    if upgrades {
        head.push_str("Connection: keep-alive, Upgrade\r\nUpgrade: sim/1\r\n");
    } else if is_http10 && dice.once_in(3) {
        head.push_str("Connection: keep-alive\r\n");
    } else if is_last && dice.once_in(4) {
        head.push_str("Connection: close\r\n");
    }
    if expects {
        head.push_str("Expect: 100-continue\r\n");
    }
    let content_len = if upgrades { dice.one_of(&[0, 1, 700, 20_000]) } else { content_len };
    let whole = content(&token, content_len);
    let mut body = Vec::new();
    if is_chunked {
        head.push_str("Transfer-Encoding: chunked\r\n");
        let mut rest = &whole[..];
        while !rest.is_empty() {
            let (chunk, behind) = rest.split_at(1 + dice.below(rest.len()));
            body.extend_from_slice(format!("{:X}\r\n", chunk.len()).as_bytes());
            body.extend_from_slice(chunk);
            body.extend_from_slice(b"\r\n");
            rest = behind;
        }
        if dice.once_in(10) {
            verdict = Verdict::BadBody;
            body.extend_from_slice(b"0x0\r\n\r\n");
        } else if dice.once_in(5) {
            body.extend_from_slice(format!("0\r\nX-Trailer: {token}\r\n\r\n").as_bytes());
        } else {
            body.extend_from_slice(b"0\r\n\r\n");
        }
    } else if upgrades {
        body = whole;
    } else if has_body {
        head.push_str(&format!("Content-Length: {content_len}\r\n"));
        body = whole;
    }
    if dice.once_in(25) {
        verdict = Verdict::Refused;
        head.push_str(dice.one_of(&[
            "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n",
            "Content-Length: 3\r\nContent-Length: 4\r\n",
            "Content-Length: +5\r\n",
            "Transfer-Encoding: chunked, chunked\r\n",
            "Transfer-Encoding: gzip, chunked\r\nTransfer-Encoding: chunked\r\n",
            "Host: a\r\nHost: b\r\n",
            "Connection: host\r\n",
            "X-Space : 1\r\n",
            "X-Folded: 1\r\n 2\r\n",
            "X-Bare: 1\n",
            "X-Nul: \0\r\n",
            "no colon\r\n",
        ]));
    }
    head.push_str("\r\n");
    let asked = Asked {
        token,
        method,
        head: head.into_bytes(),
        body,
        content_len,
        verdict,
        expects,
        is_http10,
        upgrades,
        whole_sent: Cell::new(false),
    };
    enter(sim, asked)
}

async fn write(sim: Rc<Sim>, plan: Rc<Plan>, talk: Rc<Talk>) {
    let mut pen = Pen::new(&sim, &talk.end, &talk.over);
    pen.left = plan.cut.map_or(usize::MAX, |(bytes, _)| bytes);
    let stop = write_all(&sim, &plan, &talk, &mut pen).await;
    if stop != Err(Stop::Cut) && pen.left > 0 {
        return;
    }
    match plan.cut {
        Some((_, Cut::Reset)) => talk.end.reset(),
        Some((_, Cut::HalfClose)) => {
            talk.half_closed.set(true);
            let _ = talk.end.finish();
        }
        Some((_, Cut::Gone)) => talk.over.set(),
        _ => {}
    }
}

async fn write_all(sim: &Sim, plan: &Plan, talk: &Talk, pen: &mut Pen) -> Result<(), Stop> {
    for (number, asked) in plan.asked.iter().enumerate() {
        if plan.is_serial {
            until(talk, |talk| talk.answered.get() >= number).await?;
        }
        pen.write(&asked.head).await?;
        if asked.expects {
            let patience = sim.timer.deadline();
            patience.arm(std::time::Duration::from_secs(3));
            let answered = |talk: &Talk| talk.answered.get() > number || talk.continued.get() == number + 1;
            poll_fn(|cx| match (poll_until(cx, talk, &answered), patience.poll(cx)) {
                (Poll::Ready(said), _) => Poll::Ready(said),
                (_, Poll::Ready(())) => Poll::Ready(Ok(())),
                _ => Poll::Pending,
            })
            .await?;
            if talk.answered.get() > number {
                // It is not wanted: the rest of the connection has no meaning.
                return Err(Stop::Over);
            }
        }
        if asked.upgrades {
            until(talk, |talk| talk.is_tunnel.get() || talk.answered.get() > number).await?;
            if !talk.is_tunnel.get() {
                return Ok(());
            }
        }
        pen.write(&asked.body).await?;
        asked.whole_sent.set(true);
        if asked.upgrades && sim.dice.once_in(2) {
            let _ = talk.end.finish();
        }
    }
    Ok(())
}

async fn until(talk: &Talk, condition: impl Fn(&Talk) -> bool) -> Result<(), Stop> {
    poll_fn(|cx| poll_until(cx, talk, &condition)).await
}

fn poll_until(cx: &std::task::Context<'_>, talk: &Talk, condition: &impl Fn(&Talk) -> bool) -> Poll<Result<(), Stop>> {
    talk.bell.listen(cx);
    match (condition(talk), talk.over.is_set()) {
        (true, _) => Poll::Ready(Ok(())),
        (false, true) => Poll::Ready(Err(Stop::Over)),
        (false, false) => Poll::Pending,
    }
}

async fn read(sim: Rc<Sim>, plan: Rc<Plan>, talk: Rc<Talk>) {
    let mut wire = Wire::new(&sim, &talk.end, &talk.over);
    wire.stops_after = plan.stops_reading_after;
    let mut stopped = None;
    let mut answered_by = By::Upstream;
    for asked in &plan.asked {
        match answer(&sim, &talk, &mut wire, asked).await {
            Ok(by) => {
                answered_by = by;
                sim.tell(format_args!("client {}: {} is answered", plan.number, asked.token));
                talk.answered.set(talk.answered.get() + 1);
                talk.bell.ring();
            }
            Err(stop) => {
                sim.tell(format_args!("client {}: {} has no whole answer: {stop:?}", plan.number, asked.token));
                count(&sim.tally.cut);
                stopped = Some(stop);
                break;
            }
        }
    }
    // A failure behind pipelined answers may take them along: a reset loses what is under way.
    let may_lose = stopped == Some(Stop::Over) || (stopped == Some(Stop::Reset) && !plan.is_serial);
    if plan.is_patient() && !may_lose {
        for (number, asked) in plan.asked.iter().enumerate().skip(talk.answered.get()) {
            let answer = sim.entry(&asked.token, |entry| entry.answer);
            assert!(
                !answer.whole || answer.spoiled,
                "the answer to request {number} of {} was lost: {answer:?}",
                plan.number
            );
        }
    }
    // Some wait for the proxy to close, and nothing may come before that.
    if stopped.is_none() && answered_by == By::Upstream && sim.dice.once_in(2) {
        let mut more = Vec::new();
        wire.until_stop(&mut more).await;
        assert!(more.is_empty(), "{}", more.escape_ascii());
    }
    let ours = format!("tok{:02}", plan.number);
    for token in tokens(&wire.all) {
        assert!(token.starts_with(&ours), "client {} got something of {token}", plan.number);
    }
    talk.over.set();
    talk.bell.ring();
}

/// Who gave an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    Upstream,
    Proxy,
}

/// Reads one final answer and checks it.
async fn answer(sim: &Rc<Sim>, talk: &Talk, wire: &mut Wire, asked: &Asked) -> Result<By, Stop> {
    let (status, head) = loop {
        let head = Head::parse(&wire.head().await?);
        if head.status >= 200 {
            break (head.status, head);
        }
        if head.status == 101 {
            return carry(sim, talk, wire, asked, &head).await;
        }
        count(&sim.tally.interims);
        assert!(!asked.is_http10, "HTTP/1.0 knows no interim responses");
        if head.token.is_none() && head.status == 100 && talk.half_closed.get() {
            // The proxy itself asks whether somebody is there.
            continue;
        }
        assert_eq!(head.token.as_deref(), Some(&*asked.token), "an interim response for another request");
        assert!(head.length.is_none() && !head.is_chunked, "an interim response has no content");
        if head.status == 100 {
            talk.continued.set(talk.answered.get() + 1);
            talk.bell.ring();
        }
    };
    assert!(!(head.is_chunked && (head.length.is_some() || asked.is_http10)), "two framings");
    assert_ne!(status, 500, "the proxy made a mistake");
    sim.tell(format_args!("{} gets {status}", asked.token));
    let is_bodiless = asked.method == "HEAD" || matches!(status, 204 | 304);
    let mut got = Vec::new();
    let received = if is_bodiless {
        Ok(())
    } else if head.is_chunked {
        wire.chunked(&mut got).await
    } else if let Some(length) = head.length {
        wire.exactly(length, &mut got).await
    } else {
        assert!(head.closes, "content without a length on a connection that lives on");
        match wire.until_stop(&mut got).await {
            Stop::End => Ok(()),
            stop => Err(stop),
        }
    };
    let Some(token) = &head.token else {
        received?;
        count(&sim.tally.own);
        if asked.verdict == Verdict::Refused {
            count(&sim.tally.refused);
            assert!(matches!(status, 400 | 408 | 501), "{status} for what must be refused");
        } else {
            assert!(matches!(status, 400 | 408 | 502 | 504), "{status} of the proxy's own");
        }
        let answer = sim.entry(&asked.token, |entry| entry.answer);
        assert!(!answer.whole || answer.spoiled, "{status} instead of the answer that the upstream gave: {answer:?}");
        return Ok(By::Proxy);
    };
    assert_eq!(*token, asked.token, "an answer to another request");
    assert_ne!(asked.verdict, Verdict::Refused, "an answer to what must be refused");
    let answer = sim.entry(token, |entry| entry.answer);
    assert_eq!(status, answer.status);
    assert!(got.len() <= answer.content_len, "more content than was sent");
    assert_eq!(got, content(token, got.len()), "other content than was sent");
    received?;
    assert!(answer.whole, "an answer that was never completed looks complete: {answer:?}");
    assert!(is_bodiless || got.len() == answer.content_len, "{} of {} bytes", got.len(), answer.content_len);
    count(&sim.tally.whole);
    Ok(By::Upstream)
}

/// Reads what comes through a tunnel, and checks it.
async fn carry(sim: &Sim, talk: &Talk, wire: &mut Wire, asked: &Asked, head: &Head) -> Result<By, Stop> {
    assert!(asked.upgrades, "nobody asked to change the protocol");
    assert_eq!(head.token.as_deref(), Some(&*asked.token), "a tunnel for another request");
    assert!(head.length.is_none() && !head.is_chunked, "a 101 has no content");
    count(&sim.tally.tunnels);
    talk.is_tunnel.set(true);
    talk.bell.ring();
    let mut got = Vec::new();
    let stop = wire.until_stop(&mut got).await;
    let answer = sim.entry(&asked.token, |entry| entry.answer);
    assert!(got.len() <= answer.content_len, "more than was sent");
    assert_eq!(got, content(&asked.token, got.len()), "something else than was sent");
    if stop != Stop::End {
        return Err(stop);
    }
    let is_all = !answer.whole || answer.spoiled || got.len() == answer.content_len;
    assert!(is_all, "{} of {} bytes came through the tunnel", got.len(), answer.content_len);
    Ok(By::Upstream)
}

/// What of a response head matters here.
struct Head {
    status: u16,
    token: Option<String>,
    length: Option<usize>,
    is_chunked: bool,
    closes: bool,
}

impl Head {
    fn parse(bytes: &[u8]) -> Self {
        let mut lines = [httparse::EMPTY_HEADER; 32];
        let mut response = httparse::Response::new(&mut lines);
        let parsed = response.parse(bytes);
        assert!(parsed.is_ok_and(|parsed| parsed.is_complete()), "{}", bytes.escape_ascii());
        let values = |name: &str| -> Vec<String> {
            let named = response.headers.iter().filter(|line| line.name.eq_ignore_ascii_case(name));
            named.map(|line| String::from_utf8_lossy(line.value).into_owned()).collect()
        };
        let only = |name: &str| {
            let mut found = values(name);
            assert!(found.len() <= 1, "{name} twice: {found:?}");
            found.pop()
        };
        Self {
            status: response.code.unwrap(),
            token: only("X-Token"),
            length: only("Content-Length").map(|digits| digits.parse().unwrap()),
            is_chunked: only("Transfer-Encoding").is_some_and(|coding| {
                assert_eq!(coding, "chunked");
                true
            }),
            closes: values("Connection").iter().any(|option| option == "close"),
        }
    }
}
