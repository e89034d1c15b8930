//! Hostile clients: what is refused reaches no upstream, and what is admitted
//! carries nothing that the upstream could take for something else.
//!
//! Every row of table B8 of the specification is here or beside it:
//!
//! | Rows | Tests |
//! |---|---|
//! | 1–3, 13–28, 47, 54 | `heads` |
//! | 4–12 | `targets` |
//! | 5, 6, 8, 13, 50 | `methods` |
//! | 30–38, 49 | `framing` |
//! | 39–44, 46, 56 | `content` |
//! | 16, 20, 21, 27, 29, 31, 45, 46, 49 | `admitted` |
//! | 48, 51–53, 55 | `sequence` |
//!
//! and besides: 11 and 27 in `bytes` and `log` (what passes as it came, what is
//! logged), 20, 43, 46, 52, 53, 55 in `bytes`, 48 and 54 in `tunnels`, 44, 50
//! and 56 in `bounds`, 12, 28 and 44 by the clock in `deadlines`.
//!
//! After each refusal a plain request is answered (invariant I10), and after
//! each test nothing of it is left in the server.

mod admitted;
mod content;
mod framing;
mod heads;
mod loops;
mod methods;
mod sequence;
mod targets;

use crate::common::client::{Raw, Response, get};
use crate::common::origin::Origin;
use crate::common::process::{AtRest, Standin};
use crate::common::wire::End;

/// A server with an upstream at `/` that should hear nothing, and one at
/// `/plain` for the request afterwards.
struct Stage {
    standin: Standin,
    quiet: Origin,
    _plain: Origin,
    at_rest: AtRest,
}

impl Stage {
    fn new() -> Self {
        Self::before(Origin::answering("quiet"))
    }

    fn before(quiet: Origin) -> Self {
        let (standin, plain) = (Standin::start(), Origin::answering("plain"));
        let at_rest = standin.at_rest();
        standin.admin().mount("/", &quiet.url());
        standin.admin().mount("/plain", &plain.url());
        Self { standin, quiet, _plain: plain, at_rest }
    }

    fn client(&self) -> Raw {
        Raw::connect(self.standin.front)
    }

    /// What one request on a connection of its own is answered.
    fn answer_to(&self, sent: impl AsRef<[u8]>) -> Response {
        let mut client = self.client();
        client.send(sent);
        client.response()
    }

    /// Sends that, and expects that status, the end of the connection, and
    /// that the next client notices nothing.
    fn refused(&self, row: &str, status: u16, sent: impl AsRef<[u8]>) -> Response {
        let sent = sent.as_ref();
        let told = format!("{row}: {}", sent[..sent.len().min(200)].escape_ascii());
        let mut client = self.client();
        client.try_send(sent);
        let response = client.try_response().unwrap_or_else(|broken| panic!("{broken:?} instead of an answer: {told}"));
        assert_eq!((response.status, response.field("Connection")), (status, Some("close")), "{told}");
        let (rest, end) = client.rest();
        assert_eq!((rest.escape_ascii().to_string().as_str(), end), ("", End::Closed), "{told}");
        assert_eq!(get(self.standin.front, "/plain").text(), "plain", "afterwards: {told}");
        response
    }

    /// The same for every case of a row.
    fn all_refused(&self, row: &str, status: u16, cases: &[impl AsRef<[u8]>]) {
        for sent in cases {
            self.refused(row, status, sent);
        }
    }

    fn check_that_upstream_heard_nothing(&self) {
        assert_eq!(self.quiet.connections(), 0, "something of it reached the upstream");
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.standin.check_at_rest_again(self.at_rest);
        }
    }
}
