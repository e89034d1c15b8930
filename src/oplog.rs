//! The operational log: few lines, for the person who runs the process.
//!
//! Owns the way to femme, which writes at once and panics on a closed standard
//! output. Where standard output is the access log's, it goes to standard error
//! instead, plainly. Never on the path of a request that goes well.

use std::fmt::Arguments;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Starts the log, on standard output if that is free for it.
pub fn start(stdout_is_free: bool) {
    if stdout_is_free {
        femme::with_level(LEVEL);
    } else if log::set_logger(&Plain).is_ok() {
        log::set_max_level(LEVEL);
    }
}

const LEVEL: log::LevelFilter = log::LevelFilter::Info;

/// Lines on standard error.
struct Plain;

impl log::Log for Plain {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        metadata.level() <= LEVEL
    }

    fn log(&self, record: &log::Record<'_>) {
        if self.enabled(record.metadata()) {
            let level = record.level().as_str().to_ascii_lowercase();
            let _ = writeln!(std::io::stderr().lock(), "{level}: {}", record.args());
        }
    }

    fn flush(&self) {}
}

/// Something happened that is worth a line.
pub fn info(message: Arguments<'_>) {
    write(log::Level::Info, message);
}

/// Something is wrong and somebody should look.
pub fn warn(message: Arguments<'_>) {
    write(log::Level::Warn, message);
}

/// A bug of ours, or data at risk.
pub fn error(message: Arguments<'_>) {
    write(log::Level::Error, message);
}

fn write(level: log::Level, message: Arguments<'_>) {
    // A log that nobody can read any more must not stop the work.
    let _ = catch_unwind(AssertUnwindSafe(|| log::log!(target: "standin", level, "{message}")));
}
