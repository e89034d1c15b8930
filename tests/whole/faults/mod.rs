//! Hostile upstreams: before the reply has begun the client is told, after
//! that it must not take what it got for the whole.
//!
//! Every row of table B9 of the specification is here or beside it:
//!
//! | Rows | Tests |
//! |---|---|
//! | 1, 2 | `connecting` |
//! | 3, 4, 13, 23 | `reuse` |
//! | 5–9, 14 | `heads` |
//! | 10–12, 16, 17, 21 | `bodies` |
//! | 15, 20 | `early` |
//!
//! and besides: 7, 18 and 19 in `bounds` (what is too slow), 16 and 17 in `bytes`
//! (what passes), 20 in `bounds` and `log`, 21 in `traffic` and `deadlines`, 22 in
//! `isolation` and `tunnels`, 23 in `bounds`, 24 in `requests::loops`, and 25 beside
//! the code, where a panic can be made: `front::connection`, `mount::actor`. There
//! is no breaker.
//!
//! After each test nothing of it is left in the server, and it has sent no
//! request again that it must not.

mod bodies;
mod connecting;
mod early;
mod heads;
mod reuse;

use crate::common::client::{Broken, Raw, get};
use crate::common::origin::Origin;
use crate::common::process::{AtRest, Standin};

/// A server with a hostile upstream at `/bad` and a sound one at `/good`.
struct Stage {
    standin: Standin,
    bad: Origin,
    _good: Origin,
    at_rest: AtRest,
}

impl Stage {
    fn new(bad: Origin) -> Self {
        let (standin, good) = (Standin::start(), Origin::answering("good"));
        let at_rest = standin.at_rest();
        standin.admin().mount("/good", &good.url());
        standin.admin().mount("/bad", &bad.url());
        Self { standin, bad, _good: good, at_rest }
    }

    fn client(&self) -> Raw {
        Raw::connect(self.standin.front)
    }

    /// The upstream's fault costs nobody else anything.
    fn check_that_others_are_served(&self) {
        assert_eq!(get(self.standin.front, "/good").text(), "good");
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.standin.check_at_rest_again(self.at_rest);
        }
    }
}

fn broken(client: &mut Raw, sent: &str) -> Broken {
    match client.try_response() {
        Ok(response) => panic!("taken for whole: {response:?} of {sent:?}"),
        Err(broken) => broken,
    }
}
