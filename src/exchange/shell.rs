//! How an exchange crosses tide and surf without loss.
//!
//! Owns the two small `http_types` messages that carry it, one there and one
//! back, through both: what they cannot represent (any method, any status, raw
//! bytes, order) rides in their extension maps. To make such a message costs more
//! than to parse a head, so each thread keeps a few that have served.

use super::reply::Reply;
use super::request::Exchange;
use crate::error::{Error, Kind};
use crate::limits::SPARE_SHELLS_MAX;
use crate::message::ResponseHead;
use http_types::{Method, Request, Response, StatusCode, Url};
use std::cell::RefCell;
use std::thread::LocalKey;

/// How a request looks to the tide app it is sent through. The method is GET
/// for all: who cares asks the exchange, which knows every method.
#[derive(Debug, Clone)]
pub enum Shell {
    /// The same path for all: the app has one route.
    Constant(Url),
    /// The request's own path: the app routes by it.
    Routed(Url),
}

impl Shell {
    /// For a front router with one catch-all route.
    #[must_use]
    pub fn constant() -> Self {
        Self::Constant(base())
    }

    /// For an app with routes.
    #[must_use]
    pub fn routed() -> Self {
        Self::Routed(base())
    }

    /// Wraps an exchange.
    #[must_use]
    pub fn wrap(&self, exchange: Exchange) -> Request {
        let mut shell = match self {
            Self::Constant(url) => take(&REQUESTS).unwrap_or_else(|| Request::new(Method::Get, url.clone())),
            Self::Routed(url) => {
                let mut url = url.clone();
                url.set_path(std::str::from_utf8(exchange.path()).unwrap_or("/"));
                Request::new(Method::Get, url)
            }
        };
        shell.ext_mut().insert(exchange);
        shell
    }
}

/// The URL of a constant shell; its host is reserved and means nobody.
#[allow(clippy::expect_used, reason = "a constant")]
fn base() -> Url {
    Url::parse("http://standin.invalid/").expect("a constant URL")
}

/// Messages of a thread that carry nothing.
type Spare<T> = RefCell<Vec<T>>;

thread_local! {
    static REQUESTS: Spare<Request> = const { RefCell::new(Vec::new()) };
    static RESPONSES: Spare<Response> = const { RefCell::new(Vec::new()) };
}

fn take<T>(spare: &'static LocalKey<Spare<T>>) -> Option<T> {
    spare.with_borrow_mut(Vec::pop)
}

fn keep<T>(spare: &'static LocalKey<Spare<T>>, message: T) {
    spare.with_borrow_mut(|spare| {
        if spare.len() < SPARE_SHELLS_MAX {
            spare.push(message);
        }
    });
}

/// A constant shell, as it came through tide and surf, has served: what it
/// carried ends here.
pub fn end(mut shell: Request) {
    shell.ext_mut().remove::<Exchange>();
    keep(&REQUESTS, shell);
}

/// The exchange in a shell. Every listener of ours puts one in.
pub fn exchange(shell: &mut Request) -> Result<&mut Exchange, Error> {
    shell.ext_mut().get_mut().ok_or_else(|| Error::new(Kind::Internal, "a request without its exchange"))
}

/// What came of an exchange: a reply, or why there is none.
pub type Outcome = Result<Reply, Error>;

/// A response that carries an outcome.
#[must_use]
pub fn carry_back(outcome: Outcome) -> Response {
    let mut response = take(&RESPONSES).unwrap_or_else(|| Response::new(StatusCode::Ok));
    response.ext_mut().insert(outcome);
    response
}

/// The outcome in a response. One of tide's own has none.
pub fn outcome(response: &mut Response) -> Option<&mut Outcome> {
    response.ext_mut().get_mut::<Outcome>()
}

/// The outcome out of a response. One of tide's own (no route, say) has a
/// status only.
pub fn take_outcome(mut response: Response) -> Outcome {
    let Some(outcome) = response.ext_mut().remove::<Outcome>() else {
        let status = response.status();
        return Ok(Reply::whole(ResponseHead::own(u16::from(status), status.canonical_reason()), Vec::new()));
    };
    keep(&RESPONSES, response);
    outcome
}
