//! How an exchange crosses tide and surf without loss.
//!
//! Owns the two small `http_types` messages that carry it, one there and one
//! back, through both: what they cannot represent (any method, any status, raw
//! bytes, order) rides in their extension maps.

use super::reply::Reply;
use super::request::Exchange;
use crate::error::{Error, Kind};
use crate::message::ResponseHead;
use http_types::{Method, Request, Response, StatusCode, Url};

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
        let url = match self {
            Self::Constant(url) => url.clone(),
            Self::Routed(url) => {
                let mut url = url.clone();
                url.set_path(std::str::from_utf8(exchange.path()).unwrap_or("/"));
                url
            }
        };
        let mut shell = Request::new(Method::Get, url);
        shell.ext_mut().insert(exchange);
        shell
    }
}

/// The URL of a constant shell; its host is reserved and means nobody.
#[allow(clippy::expect_used, reason = "a constant")]
fn base() -> Url {
    Url::parse("http://standin.invalid/").expect("a constant URL")
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
    let mut response = Response::new(StatusCode::Ok);
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
    response.ext_mut().remove::<Outcome>().unwrap_or_else(|| {
        let status = response.status();
        Ok(Reply::whole(ResponseHead::own(u16::from(status), status.canonical_reason()), Vec::new()))
    })
}
