//! A client and its upstreams say what the input says, around the real
//! connection and backend.
//!
//! The input is bytes as they are on the wire, with a few commands in between:
//! `0xFE` and a letter.
//!
//! | Letter | Meaning |
//! |---|---|
//! | `u` | here ends the client's script, or that of an upstream connection, and the next one begins |
//! | `h` | wait for the end of one more head, or of the input |
//! | `p` | wait for a second; `P`: for forty, which is longer than most deadlines |
//! | `f` | write no more |
//! | `r` | reset the connection |
//!
//! An upstream connection that is left without a script is closed at once; a
//! script that is over is followed by silence, and at last by the end.

use crate::checks::{read_request, read_written_request};
use crate::world::{LONGEST, World};
use futures_lite::future::poll_fn;
use standin::front::admit::admit;
use standin::http1::{BodyDecoder, Found};
use standin::message::head::is_idempotent;
use standin::net::Timer;
use standin::net::pipe::End;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::io::IoSlice;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

/// What a longer input would show, a shorter one shows faster.
const INPUT_BYTES_MAX: usize = 8 * 1024;

/// The byte before a command.
const COMMAND: u8 = 0xFE;

/// A method and a target.
type Asked = (Vec<u8>, Vec<u8>);

/// What came on one connection so far.
type Received = Rc<RefCell<Vec<u8>>>;

/// Runs the scripts and asserts that everything ends, that an upstream sees
/// only heads that were accepted, each once or, where its method allows that,
/// twice, and that a plain request succeeds afterwards.
pub fn exchange(input: &[u8]) {
    if input.len() > INPUT_BYTES_MAX {
        return;
    }
    let mut scripts = scripts(input).into_iter();
    let client = scripts.next().unwrap_or_default();
    let accepted = accepted(&client);
    let mut world = World::new(256 << (input.len() % 4), || true);
    let mut seen: Vec<Received> = Vec::new();
    let end = world.connect();
    let timer = Arc::clone(&world.timer);
    world.tasks.spawn("client", play(end, client, timer, Rc::default()));
    settle(&mut world, |world, end| {
        let received = Received::default();
        seen.push(Rc::clone(&received));
        let Some(script) = scripts.next() else { return };
        world.tasks.spawn("upstream", play(end, script, Arc::clone(&world.timer), received));
    });
    assert_eq!(world.drain.open(), 0, "a connection that has ended keeps its permit");

    let mut sent: BTreeMap<Asked, usize> = BTreeMap::new();
    for received in &seen {
        for asked in heads(&received.borrow()) {
            *sent.entry(asked).or_default() += 1;
        }
    }
    for ((method, target), times) in sent {
        let asked = accepted.get(&(method.clone(), target.clone())).copied().unwrap_or(0);
        let times_max = if is_idempotent(&method) { 2 * asked } else { asked };
        let told = || format!("{} {}", method.escape_ascii(), target.escape_ascii());
        assert!(times <= times_max, "{} was accepted {asked} times and sent {times} times", told());
    }
    plain(&mut world);
}

/// A plain request on a new connection, to an upstream that answers.
fn plain(world: &mut World) {
    let answered = Rc::new(Cell::new(false));
    let told = Rc::clone(&answered);
    let end = world.connect();
    world.tasks.spawn("client", async move {
        write(&end, b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").await;
        let _ = end.finish();
        let mut received = Vec::new();
        while let Some(bytes) = read(&end).await {
            received.extend(bytes);
        }
        told.set(received.starts_with(b"HTTP/1.1 200 OK\r\n") && received.ends_with(b"\r\n\r\nfine"));
    });
    settle(world, |world, end| {
        world.tasks.spawn("upstream", async move {
            let mut received = Vec::new();
            while let Some(bytes) = read(&end).await {
                received.extend(bytes);
                if received.ends_with(b"\r\n\r\n") {
                    write(&end, b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine").await;
                }
            }
        });
    });
    assert!(answered.get(), "a plain request was not answered");
}

/// Runs until nothing is left, and no longer than everything may take.
fn settle(world: &mut World, mut dialled: impl FnMut(&mut World, End)) {
    let latest_ms = world.timer.now_ms() + 8 * LONGEST.as_millis() as u64;
    while !world.tasks.names().is_empty() {
        let has_stepped = world.tasks.step(|count| count - 1);
        for end in world.dialled() {
            dialled(world, end);
        }
        if !has_stepped {
            world.timer.advance(Duration::from_secs(1));
        }
        assert!(world.timer.now_ms() < latest_ms, "these tasks do not end: {:?}", world.tasks.names());
    }
}

#[derive(Debug)]
enum Step {
    Write(Vec<u8>),
    AwaitHead,
    Pause(Duration),
    Finish,
    Reset,
}

/// The scripts in an input, the client's first.
fn scripts(input: &[u8]) -> Vec<Vec<Step>> {
    let mut scripts = Vec::new();
    let mut script = Vec::new();
    // What is before the first command has none.
    for (number, part) in input.split(|byte| *byte == COMMAND).enumerate() {
        let (command, bytes) = match part.split_first() {
            Some((command, bytes)) if number > 0 => (*command, bytes),
            _ => (0, part),
        };
        match command {
            b'u' => scripts.push(std::mem::take(&mut script)),
            b'h' => script.push(Step::AwaitHead),
            b'p' => script.push(Step::Pause(Duration::from_secs(1))),
            b'P' => script.push(Step::Pause(Duration::from_secs(40))),
            b'f' => script.push(Step::Finish),
            b'r' => script.push(Step::Reset),
            _ => {}
        }
        if !bytes.is_empty() {
            script.push(Step::Write(bytes.to_vec()));
        }
    }
    scripts.push(script);
    scripts
}

/// How often each request of a client would be accepted, up to the first that
/// is refused or has no end.
fn accepted(script: &[Step]) -> BTreeMap<Asked, usize> {
    let mut bytes = Vec::new();
    for step in script {
        match step {
            Step::Write(more) => bytes.extend_from_slice(more),
            Step::Finish | Step::Reset => break,
            Step::AwaitHead | Step::Pause(_) => {}
        }
    }
    let mut accepted = BTreeMap::new();
    let mut rest = &bytes[..];
    while let Ok(Some((len, mut head))) = read_request(&[rest]) {
        let Ok(admitted) = admit(&mut head) else { break };
        let target = match admitted.route.path_and_query.of(head.fields.bytes()) {
            target @ [b'/', ..] => target.to_vec(),
            target => [b"/", target].concat(),
        };
        *accepted.entry((head.method().to_vec(), target)).or_default() += 1;
        rest = &rest[len..];
        let mut decoder = BodyDecoder::new(admitted.framing);
        loop {
            match decoder.find(rest) {
                Ok(Found::Data { skip, len }) => {
                    rest = &rest[skip + len..];
                    decoder.advance(len);
                }
                Ok(Found::End { skip }) => {
                    rest = &rest[skip..];
                    break;
                }
                Ok(Found::More { .. }) | Err(_) => return accepted,
            }
        }
    }
    accepted
}

/// The requests in what came on one upstream connection. They must be well-formed
/// to the last, which may be cut off.
fn heads(mut rest: &[u8]) -> Vec<Asked> {
    let mut heads = Vec::new();
    while !rest.is_empty() {
        let Some((len, mut head)) = read_written_request(rest).expect("the proxy writes well-formed heads") else {
            break;
        };
        let admitted = admit(&mut head).expect("the proxy writes heads that can be accepted");
        assert!(!head.fields.is_empty(), "a request has a Host");
        heads.push((head.method().to_vec(), head.target().to_vec()));
        if admitted.upgrade.is_some() {
            // What comes next may be what a tunnel carries.
            return heads;
        }
        rest = &rest[len..];
        let mut decoder = BodyDecoder::new(admitted.framing);
        loop {
            match decoder.find(rest).expect("the proxy writes well-formed content") {
                Found::Data { skip, len } => {
                    rest = &rest[skip + len..];
                    decoder.advance(len);
                }
                Found::End { skip } => {
                    rest = &rest[skip..];
                    break;
                }
                Found::More { .. } => return heads,
            }
        }
    }
    heads
}

/// Plays a script while everything that comes is read.
async fn play(end: End, script: Vec<Step>, timer: Arc<Timer>, received: Received) {
    let is_over = Cell::new(false);
    let mut heads_wanted = 0;
    let writing = async {
        for step in script {
            match step {
                Step::Write(bytes) => write(&end, &bytes).await,
                Step::AwaitHead => {
                    heads_wanted += 1;
                    poll_fn(|_| {
                        // Reading and writing are one task: whatever comes wakes it.
                        let heads = received.borrow().windows(4).filter(|window| *window == b"\r\n\r\n").count();
                        if heads >= heads_wanted || is_over.get() { Poll::Ready(()) } else { Poll::Pending }
                    })
                    .await;
                }
                Step::Pause(time) => pause(&timer, time).await,
                Step::Finish => drop(end.finish()),
                Step::Reset => end.reset(),
            }
        }
        pause(&timer, LONGEST).await;
    };
    let reading = async {
        while let Some(bytes) = read(&end).await {
            received.borrow_mut().extend(bytes);
        }
        is_over.set(true);
        std::future::pending::<()>().await;
    };
    // Reading first: what it finds is what the writing side waits for.
    futures_lite::future::or(reading, writing).await;
}

async fn pause(timer: &Arc<Timer>, time: Duration) {
    let deadline = timer.deadline();
    deadline.arm(time);
    poll_fn(|cx| deadline.poll(cx)).await;
}

async fn write(end: &End, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        match poll_fn(|cx| end.poll_write(cx, &[IoSlice::new(bytes)])).await {
            Ok(count) => bytes = &bytes[count..],
            Err(_) => return,
        }
    }
}

/// Some bytes; None at the end, whichever it is.
async fn read(end: &End) -> Option<Vec<u8>> {
    let mut room = [0; 1024];
    match poll_fn(|cx| end.poll_read(cx, &mut room)).await {
        Ok(count) if count > 0 => Some(room[..count].to_vec()),
        _ => None,
    }
}
