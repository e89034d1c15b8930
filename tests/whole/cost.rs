//! What a request costs the real binary, counted in what does not depend on the
//! machine's mood: system calls, and instructions.
//!
//! The server runs twice under a program that counts, for few requests and for
//! many: the difference is the requests'.

use crate::common::client::{Raw, request};
use crate::common::eventually;
use crate::common::origin::Origin;
use crate::common::process::Launch;

/// Requests of the two runs: fewer than one connection may have.
const FEW: u32 = 100;
const MANY: u32 = 600;

/// Reading and writing on both sides, and one wait for each of them.
const CALLS_MAX: f64 = 6.2;

/// A tenth more than was measured last, since compilers differ.
const INSTRUCTIONS_MAX: f64 = 23_500.0;

/// What the program says that it has counted, in the file that its last argument
/// names, per request of one client that asks one after the other.
fn per_request(program: &[&str], output: &str, counted: impl Fn(&str) -> Option<u32>) -> f64 {
    let [few, many] = [FEW, MANY].map(|requests| {
        let origin = Origin::answering("a short answer");
        let launch = Launch::new().with(&["--mount", &format!("/={}", origin.url())]);
        let file = launch.home().join("counted");
        let output = format!("{output}={}", file.display());
        let mut standin = launch.through(&[program, &[&output]].concat()).start();
        let mut client = Raw::connect(standin.front);
        for _ in 0..requests {
            client.send(request("GET", "/some/path"));
            assert_eq!(client.response().text(), "a short answer");
        }
        assert_eq!(origin.connections(), 1, "the connection to the upstream serves again");
        drop(client);
        standin.term();
        assert!(standin.exit().success());
        let mut count = None;
        eventually("the program has written what it counted", || {
            count = std::fs::read_to_string(&file).ok().and_then(|text| counted(&text));
            count.is_some()
        });
        f64::from(count.unwrap())
    });
    (many - few) / f64::from(MANY - FEW)
}

#[test]
fn a_request_takes_few_system_calls() {
    // The clock of the server goes on meanwhile.
    let strace = ["strace", "-D", "-f", "-c", "-e", "trace=!clock_nanosleep"];
    let calls = per_request(&strace, "--output", |text| {
        let total = text.lines().find(|line| line.ends_with(" total"))?;
        total.split_whitespace().nth(3)?.parse().ok()
    });
    assert!(calls <= CALLS_MAX, "{calls} system calls per request, more than {CALLS_MAX}");
}

#[test]
fn a_request_takes_few_instructions() {
    let valgrind = ["valgrind", "--tool=callgrind"];
    let instructions = per_request(&valgrind, "--callgrind-out-file", |text| {
        text.lines().find_map(|line| line.strip_prefix("totals: "))?.trim().parse().ok()
    });
    assert!(instructions <= INSTRUCTIONS_MAX, "{instructions} instructions per request, more than {INSTRUCTIONS_MAX}");
}
