//! Upstreams: they check what they are sent, and answer it well or badly.

use super::wire::{Over, Pen, Stop, Wire};
use super::{Answer, Asked, Sim, Verdict, content, count, tokens};
use futures_lite::future::poll_fn;
use standin::net::pipe::End;
use std::io::IoSlice;
use std::rc::Rc;

/// How one answer goes wrong, if it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    None,
    /// It breaks off: by an end, or by a reset.
    Cut {
        by_reset: bool,
    },
    /// It stops and nothing follows.
    Stall,
    /// It is whole, and more follows that nobody asked for.
    Stray,
    /// It is no valid head.
    Garbage,
    /// An interim response that must not be.
    BadInterim,
}

/// How the content of an answer is delimited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Delimited {
    Length,
    Chunked,
    Close,
}

/// Serves one connection.
pub async fn serve(sim: Rc<Sim>, end: End) {
    let end = Rc::new(end);
    let over = Rc::new(Over::default());
    let mut wire = Wire::new(&sim, &end, &over);
    let mut pen = Pen::new(&sim, &end, &over);
    let mut served = 0;
    // A client that goes away may cut its request off in the middle of its head.
    let mut head_is_cut_off = false;
    let ends = loop {
        if served > 0 && !sim.is_calm.get() {
            match idle(&sim, &end, &wire).await {
                Next::Another => {}
                ends => break ends,
            }
        }
        let Ok(head) = wire.head().await else {
            head_is_cut_off = true;
            break Next::Finish;
        };
        if served > 0 {
            count(&sim.tally.reused);
        }
        served += 1;
        match exchange(&sim, &end, &mut wire, &mut pen, &Head::parse(&head)).await {
            Next::Another => {}
            ends => break ends,
        }
    };
    sim.tell(format_args!("upstream {:p}: {ends:?} after {served}", Rc::as_ptr(&end)));
    for token in tokens(&wire.all) {
        let verdict = sim.entry(&token, |entry| entry.asked.verdict);
        assert_ne!(verdict, Verdict::Refused, "something of {token}, which must be refused");
    }
    if ends == Next::Finish {
        let _ = end.finish();
    }
    // The proxy must let go of it, which nobody could see if it were dropped
    // here. Content of the last request may still come, another one must not.
    let mut rest = Vec::new();
    wire.until_stop(&mut rest).await;
    let another = rest.windows(8).any(|window| window == b"X-Token:");
    assert!(
        head_is_cut_off || !another,
        "a request on a connection that cannot be used again: {}",
        rest.escape_ascii()
    );
}

/// How a connection goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    /// With another request.
    Another,
    /// By an end.
    Finish,
    /// It stays, but nobody may use it any more.
    Hold,
}

/// A response that nobody asked for.
const STRAY: &[u8] = b"HTTP/1.1 200 OK\r\nX-Token: tok9898x\r\nContent-Length: 8\r\n\r\ntok9898x";

/// What an upstream does with a connection between requests.
async fn idle(sim: &Sim, end: &End, wire: &Wire) -> Next {
    if !sim.dice.once_in(4) {
        return Next::Another;
    }
    sim.pause(sim.dice.below(3000)).await;
    // Behind a request that is under way a stray is no stray any more: nobody
    // could tell it from the answer.
    if wire.has_ahead() || !end.is_quiet() {
        return Next::Another;
    }
    sim.tell(format_args!("upstream {end:p} is not clean any more"));
    match sim.dice.below(3) {
        0 => {
            count(&sim.tally.strays);
            let _ = poll_fn(|cx| end.poll_write(cx, &[IoSlice::new(STRAY)])).await;
            Next::Hold
        }
        // The last answer must have arrived: a reset would take it back.
        1 if end.under_way() == 0 => {
            end.reset();
            Next::Hold
        }
        _ => Next::Finish,
    }
}

/// One request and its answer.
async fn exchange(sim: &Rc<Sim>, end: &Rc<End>, wire: &mut Wire, pen: &mut Pen, head: &Head) -> Next {
    let dice = &sim.dice;
    let asked = sim.entry(&head.token, |entry| {
        entry.heads += 1;
        let twice = matches!(entry.asked.method, "GET" | "HEAD" | "PUT" | "DELETE");
        assert!(entry.heads <= if twice { 2 } else { 1 }, "{} came {} times", head.token, entry.heads);
        if entry.heads == 2 {
            count(&sim.tally.replayed);
            assert!(!entry.answer.whole, "sent again after an answer");
        }
        entry.answer = Answer::default();
        Rc::clone(&entry.asked)
    });
    assert_ne!(asked.verdict, Verdict::Refused, "the head of {}, which must be refused", head.token);
    assert_eq!(head.method, asked.method);
    let is_calm = sim.is_calm.get();

    sim.tell(format_args!("upstream {:p}: {} {}", Rc::as_ptr(end), head.method, head.token));
    // Some close or say nothing, before or after the content.
    if !is_calm && dice.once_in(12) {
        match dice.below(4) {
            0 => {}
            1 => end.reset(),
            2 => drop(receive(wire, head, &asked).await),
            _ => return Next::Hold,
        }
        return Next::Finish;
    }
    let answers_early = !is_calm && dice.once_in(6);
    if !answers_early {
        if asked.expects && dice.once_in(2) {
            let interim = format!("HTTP/1.1 100 Continue\r\nX-Token: {}\r\n\r\n", asked.token);
            if pen.write(interim.as_bytes()).await.is_err() {
                return Next::Finish;
            }
        }
        if receive(wire, head, &asked).await.is_err() {
            return Next::Finish;
        }
    }
    if asked.upgrades && dice.once_in(2) {
        return carry(sim, end, wire, pen, &asked).await;
    }
    let next = respond(sim, end, pen, &asked, answers_early).await;
    if answers_early && next == Next::Another && receive(wire, head, &asked).await.is_err() {
        return Next::Finish;
    }
    next
}

/// Reads the content and checks it: a prefix of what was sent, and complete
/// only if the client completed it.
async fn receive(wire: &mut Wire, head: &Head, asked: &Asked) -> Result<(), Stop> {
    if asked.upgrades {
        assert!(head.length.is_none() && !head.is_chunked, "what a tunnel carries is no content");
        return Ok(());
    }
    let mut got = Vec::new();
    let received = match (head.length, head.is_chunked) {
        (Some(length), false) => wire.exactly(length, &mut got).await,
        (None, true) => wire.chunked(&mut got).await,
        _ => Ok(()),
    };
    assert!(got.len() <= asked.content_len, "more content than was sent");
    assert_eq!(got, content(&asked.token, got.len()), "other content than was sent");
    received?;
    assert_eq!(got.len(), asked.content_len, "content that looks complete and is not");
    assert_eq!(asked.verdict, Verdict::Good, "malformed content that looks complete");
    // A request without content is whole with its head.
    assert!(asked.whole_sent.get() || asked.content_len == 0, "content that was never completed looks complete");
    Ok(())
}

/// Changes the protocol, says something and listens.
async fn carry(sim: &Rc<Sim>, end: &Rc<End>, wire: &mut Wire, pen: &mut Pen, asked: &Asked) -> Next {
    let dice = &sim.dice;
    let content_len = dice.one_of(&[0, 5, 300, 60_000]);
    let fault = if dice.once_in(3) { dice.one_of(&[Fault::Cut { by_reset: true }, Fault::Stall]) } else { Fault::None };
    // Who still listens when the client leaves may lose what it says.
    let answer = Answer { status: 101, content_len, whole: false, spoiled: true };
    sim.entry(&asked.token, |entry| entry.answer = answer);
    sim.tell(format_args!("upstream {:p}: a tunnel {fault:?} {content_len}", Rc::as_ptr(end)));
    let head =
        format!("HTTP/1.1 101 As Said\r\nX-Token: {}\r\nConnection: upgrade\r\nUpgrade: SIM/1\r\n\r\n", asked.token);
    let said = [head.into_bytes(), content(&asked.token, content_len)].concat();
    if fault != Fault::None {
        pen.left = dice.below(said.len());
    }
    let written = pen.write(&said).await;
    match (fault, written) {
        (Fault::Cut { .. }, _) => {
            end.reset();
            return Next::Finish;
        }
        (Fault::Stall, _) => return Next::Hold,
        (_, Err(_)) => return Next::Finish,
        (_, Ok(())) => {}
    }
    let says_end = dice.once_in(2);
    if says_end {
        let _ = end.finish();
        sim.entry(&asked.token, |entry| entry.answer = Answer { whole: true, spoiled: false, ..entry.answer });
    }
    let mut heard = Vec::new();
    wire.until_stop(&mut heard).await;
    assert!(heard.len() <= asked.content_len, "more than the client said");
    assert_eq!(heard, content(&asked.token, heard.len()), "something else than the client said");
    Next::Finish
}

/// Answers.
async fn respond(sim: &Rc<Sim>, end: &Rc<End>, pen: &mut Pen, asked: &Asked, is_early: bool) -> Next {
    let dice = &sim.dice;
    let token = &asked.token;
    let is_calm = sim.is_calm.get();
    let fault = if is_calm || dice.once_in(2) {
        Fault::None
    } else {
        dice.one_of(&[
            Fault::None,
            Fault::None,
            Fault::Cut { by_reset: false },
            Fault::Cut { by_reset: true },
            Fault::Stall,
            Fault::Stray,
            Fault::Stray,
            Fault::Garbage,
            Fault::BadInterim,
        ])
    };
    let status = dice.one_of(&[200, 200, 200, 404, 599, 204, 304]);
    let is_bodiless = asked.method == "HEAD" || matches!(status, 204 | 304);
    let content_len = dice.one_of(&[0, 5, 300, 5000, 60_000]);
    let delimited = dice.one_of(&[Delimited::Length, Delimited::Chunked, Delimited::Close]);
    let closes = delimited == Delimited::Close || dice.once_in(6);
    let answer = Answer {
        status,
        content_len: if is_bodiless { 0 } else { content_len },
        whole: false,
        spoiled: is_early || fault != Fault::None,
    };
    sim.entry(token, |entry| entry.answer = answer);

    sim.tell(format_args!("upstream {:p}: {delimited:?} {fault:?} {answer:?}", Rc::as_ptr(end)));
    let mut wire = Vec::new();
    for _ in 0..if dice.once_in(4) { 1 + dice.below(3) } else { 0 } {
        let interim = dice.one_of(&["100 Continue", "102 Processing", "103 Early Hints"]);
        wire.extend_from_slice(format!("HTTP/1.1 {interim}\r\nX-Token: {token}\r\n\r\n").as_bytes());
    }
    match fault {
        Fault::Garbage => wire.extend_from_slice(garbage(sim)),
        Fault::BadInterim if dice.once_in(2) => {
            wire.extend_from_slice(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n");
        }
        Fault::BadInterim => {
            wire.extend_from_slice(format!("HTTP/1.1 103 Early\r\nX-Token: {token}\r\n\r\n").repeat(9).as_bytes());
        }
        _ => {}
    }
    wire.extend_from_slice(format!("HTTP/1.1 {status} As Said\r\nX-Token: {token}\r\n").as_bytes());
    match delimited {
        // 204 has no content and says no length.
        Delimited::Length if status != 204 => {
            wire.extend_from_slice(format!("Content-Length: {content_len}\r\n").as_bytes())
        }
        Delimited::Chunked if status != 204 => wire.extend_from_slice(b"Transfer-Encoding: chunked\r\n"),
        _ => {}
    }
    if closes && (delimited != Delimited::Close || dice.once_in(2)) {
        wire.extend_from_slice(b"Connection: close\r\n");
    }
    wire.extend_from_slice(b"\r\n");
    if !is_bodiless {
        let whole = content(token, content_len);
        if delimited == Delimited::Chunked {
            let mut rest = &whole[..];
            while !rest.is_empty() {
                let (chunk, behind) = rest.split_at(1 + dice.below(rest.len()));
                wire.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
                wire.extend_from_slice(chunk);
                wire.extend_from_slice(b"\r\n");
                rest = behind;
            }
            let trailer = if dice.once_in(4) { format!("X-Trailer: {token}\r\n") } else { String::new() };
            wire.extend_from_slice(format!("0\r\n{trailer}\r\n").as_bytes());
        } else {
            wire.extend_from_slice(&whole);
        }
    }
    let complete = |content_len| {
        sim.entry(token, |entry| entry.answer = Answer { whole: true, content_len, ..entry.answer });
    };
    // In content that an end delimits a stray would belong to it.
    if fault == Fault::Stray && (delimited != Delimited::Close || is_bodiless) {
        let (before, last) = wire.split_at(wire.len() - 1);
        if pen.write(before).await.is_err() {
            return Next::Finish;
        }
        complete(answer.content_len);
        // In one piece with the end of the answer, for the proxy may ask
        // again as soon as it has that. There may be room for the end alone.
        let written = poll_fn(|cx| end.poll_write(cx, &[IoSlice::new(last), IoSlice::new(STRAY)])).await;
        if matches!(written, Ok(1)) {
            return Next::Another;
        }
        count(&sim.tally.strays);
        return Next::Hold;
    }
    let cut_at = dice.below(wire.len());
    if matches!(fault, Fault::Cut { .. } | Fault::Stall) {
        pen.left = cut_at;
    }
    let written = pen.write(&wire).await;
    if written == Err(Stop::Cut) {
        match fault {
            Fault::Cut { by_reset: true } => end.reset(),
            Fault::Stall => return Next::Hold,
            _ => {
                // Where the end delimits the content, there is just less of it.
                let content_start = wire.len() - answer.content_len;
                if delimited == Delimited::Close && !is_bodiless && cut_at >= content_start {
                    complete(cut_at - content_start);
                }
            }
        }
        return Next::Finish;
    }
    if written.is_err() || matches!(fault, Fault::Garbage | Fault::BadInterim) {
        return Next::Finish;
    }
    complete(answer.content_len);
    match (closes, delimited) {
        (false, _) => Next::Another,
        (true, Delimited::Close) => Next::Finish,
        // It has said that it closes; whether it does at once is its own affair.
        (true, _) => dice.one_of(&[Next::Finish, Next::Hold]),
    }
}

fn garbage(sim: &Sim) -> &'static [u8] {
    sim.dice.one_of(&[
        &b"hello\r\n\r\n"[..],
        b"HTTP/1.1 2000 OK\r\n\r\n",
        b"HTTP/1.1 099 OK\r\n\r\n",
        b"HTTP/2.0 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\nContent-Length: 0\n\n",
        b"HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nA : b\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
    ])
}

/// What of a request head matters here.
struct Head {
    method: String,
    token: String,
    length: Option<usize>,
    is_chunked: bool,
}

impl Head {
    fn parse(bytes: &[u8]) -> Self {
        let mut lines = [httparse::EMPTY_HEADER; 32];
        let mut request = httparse::Request::new(&mut lines);
        let parsed = request.parse(bytes);
        assert!(parsed.is_ok_and(|parsed| parsed.is_complete()), "{}", bytes.escape_ascii());
        let only = |name: &str| {
            let mut named = request.headers.iter().filter(|line| line.name.eq_ignore_ascii_case(name));
            let first = named.next().map(|line| String::from_utf8(line.value.to_vec()).unwrap());
            assert!(named.next().is_none(), "{name} twice");
            first
        };
        let token = only("X-Token").unwrap();
        let target = request.path.unwrap();
        assert!(target == format!("/{token}?q={token}") || target == format!("/{token}"), "{target} with {token}");
        assert_eq!(request.version, Some(1));
        assert_eq!(only("Host").as_deref(), Some("127.0.0.1:9"));
        let length = only("Content-Length").map(|digits| digits.parse().unwrap());
        let is_chunked = only("Transfer-Encoding").is_some_and(|coding| {
            assert_eq!(coding, "chunked");
            true
        });
        assert!(!(is_chunked && length.is_some()), "two framings");
        Self { method: request.method.unwrap().to_owned(), token, length, is_chunked }
    }
}
