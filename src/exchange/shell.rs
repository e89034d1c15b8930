//! How an exchange crosses tide and surf without loss.
//!
//! Owns the two small `http_types` messages that carry it, one there and one
//! back, through each: what they cannot represent (any method, any status, raw
//! bytes, order) rides in their extension maps. To make such a message costs more
//! than to parse a head, and to move one as much as to find a field. So each thread
//! keeps a few that have served, and an exchange rides only where it must: it gets
//! in when tide or surf asks for a message, and out at the first door behind.

use super::reply::Reply;
use super::request::Exchange;
use crate::error::{Error, Kind};
use crate::limits::SPARE_SHELLS_MAX;
use crate::message::ResponseHead;
use http_types::{Extensions, Method, Request, Response, StatusCode, Url};
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::LazyLock;
use std::thread::LocalKey;

/// How a request looks to the tide app it is sent through. The method is GET
/// for all: who cares asks the exchange, which knows every method.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shell {
    /// The same path for all: the app has one route.
    Constant,
    /// The request's own path: the app routes by it.
    Routed,
}

/// An exchange at the door of tide or surf.
#[derive(Debug)]
pub struct Carried {
    exchange: Box<Exchange>,
    shell: Shell,
}

impl Shell {
    /// That exchange, to be carried in such a shell.
    #[must_use]
    pub fn carry(self, exchange: Box<Exchange>) -> Carried {
        Carried { exchange, shell: self }
    }
}

impl From<Carried> for Request {
    fn from(carried: Carried) -> Self {
        lend(&REQUESTS, empty, |shell| {
            if carried.shell == Shell::Routed {
                shell.url_mut().set_path(std::str::from_utf8(carried.exchange.path()).unwrap_or(CONSTANT_PATH));
            }
            load(shell.ext_mut(), carried);
        })
    }
}

impl From<Carried> for surf::Request {
    fn from(carried: Carried) -> Self {
        Request::from(carried).into()
    }
}

/// The exchange out of a shell that came through tide or surf. Every listener of
/// ours puts one in.
pub fn exchange(shell: Request) -> Result<Box<Exchange>, Error> {
    take_back(&REQUESTS, shell, |shell| {
        let carried: Carried = unload(shell.ext_mut())?;
        if carried.shell == Shell::Routed {
            shell.url_mut().set_path(CONSTANT_PATH);
        }
        Some(carried.exchange)
    })
    .ok_or_else(|| Error::new(Kind::Internal, "a request without its exchange"))
}

/// What came of an exchange: a reply, or why there is none.
pub type Outcome = Result<Box<Reply>, Error>;

/// A response that carries an outcome.
#[must_use]
pub fn carry_back(outcome: Outcome) -> Response {
    lend(&RESPONSES, || Response::new(StatusCode::Ok), |shell| load(shell.ext_mut(), outcome))
}

/// The outcome out of a response. One of tide's own (no route, say) has a
/// status only.
pub fn outcome(response: Response) -> Outcome {
    let status = response.status();
    take_back(&RESPONSES, response, |shell| unload(shell.ext_mut())).unwrap_or_else(|| {
        Ok(Reply::whole(ResponseHead::own(u16::from(status), status.canonical_reason()), Vec::new()).into())
    })
}

/// An outcome as it leaves tide.
#[derive(Debug)]
pub struct CarriedBack(pub Outcome);

impl From<Response> for CarriedBack {
    fn from(response: Response) -> Self {
        Self(outcome(response))
    }
}

fn load<T: Send + Sync + 'static>(extensions: &mut Extensions, load: T) {
    match extensions.get_mut() {
        Some(place) => *place = Some(load),
        None => drop(extensions.insert(Some(load))),
    }
}

fn unload<T: Send + Sync + 'static>(extensions: &mut Extensions) -> Option<T> {
    extensions.get_mut().and_then(Option::take)
}

/// Where a constant shell goes.
const CONSTANT_PATH: &str = "/";

/// A request for the constant path; its host is reserved and means nobody.
#[allow(clippy::expect_used, reason = "a constant")]
fn empty() -> Request {
    static BASE: LazyLock<Url> = LazyLock::new(|| Url::parse("http://standin.invalid/").expect("a constant URL"));
    Request::new(Method::Get, BASE.clone())
}

/// Messages of a thread that carry nothing.
type Spare<T> = Rc<RefCell<Vec<T>>>;

thread_local! {
    static REQUESTS: Spare<Request> = Spare::default();
    static RESPONSES: Spare<Response> = Spare::default();
}

// A message is loaded and unloaded in its place among the spare ones, so that it is
// moved once on its way out, and once when it comes back.

fn lend<T>(spare: &'static LocalKey<Spare<T>>, make: impl FnOnce() -> T, load: impl FnOnce(&mut T)) -> T {
    let spare = spare.with(Rc::clone);
    let mut spare = spare.borrow_mut();
    if spare.is_empty() {
        spare.push(make());
    }
    let last = spare.len() - 1;
    load(&mut spare[last]);
    spare.swap_remove(last)
}

/// One that carried nothing is none of ours, and not kept.
fn take_back<T, L>(
    spare: &'static LocalKey<Spare<T>>,
    message: T,
    unload: impl FnOnce(&mut T) -> Option<L>,
) -> Option<L> {
    let spare = spare.with(Rc::clone);
    let mut spare = spare.borrow_mut();
    let last = spare.len();
    spare.push(message);
    let load = unload(&mut spare[last]);
    spare.truncate(if load.is_some() { SPARE_SHELLS_MAX } else { last });
    load
}
