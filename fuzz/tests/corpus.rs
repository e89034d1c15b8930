//! Replays what the fuzzers start from and what they once found.

use std::path::{Path, PathBuf};

/// Tells which input it was when an assertion fails.
struct Told(PathBuf);

impl Drop for Told {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the input that failed: {}", self.0.display());
        }
    }
}

fn replay(name: &str, target: fn(&[u8])) {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(name);
    let mut count = 0;
    for entry in std::fs::read_dir(directory).unwrap() {
        let told = Told(entry.unwrap().path());
        target(&std::fs::read(&told.0).unwrap());
        count += 1;
    }
    assert!(count >= 10, "{name}: only {count} inputs");
}

#[test]
fn heads() {
    replay("heads", standin_fuzz::heads);
}

#[test]
fn framing() {
    replay("framing", standin_fuzz::framing);
}

#[test]
fn chunked() {
    replay("chunked", standin_fuzz::chunked);
}

#[test]
fn exchange() {
    replay("exchange", standin_fuzz::exchange);
}
