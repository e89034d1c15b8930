//! The operational log: few lines, for the person who runs the process.
//!
//! Owns the way to femme, which writes at once and panics on a closed standard
//! output. Never on the path of a request that goes well.

use std::fmt::Arguments;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Starts the log.
pub fn start() {
    femme::with_level(log::LevelFilter::Info);
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
