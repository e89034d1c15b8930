//! A stream of events, followed for as long as somebody reads what is printed.
//!
//! Owns asking for the stream again when it ends, from where it ended, and
//! noticing that nobody reads any more. What is made of an event is the
//! caller's.

use super::Failure;
use super::client::{Call, Client, ClientArguments};
use super::events::{Event, Parser};
use super::output::{complain, emit, unwritten};
use crate::limits::{WATCH_RETRY_MAX, WATCH_RETRY_MIN, WATCHED_SILENCE_MAX};
use async_io::Async;
use futures_lite::{AsyncReadExt, future};
use std::fs::File;
use std::io::ErrorKind;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::FileTypeExt;

/// What is followed.
pub struct Follow<'a> {
    /// Which server; found anew each time, since it may come back elsewhere.
    pub arguments: &'a ClientArguments,
    /// What to ask for.
    pub path: String,
    /// The last event that was had, for `Last-Event-ID`; none where events have
    /// no number.
    pub last: Option<String>,
    /// What is printed of an event, if anything is.
    pub line: &'a dyn Fn(&Event) -> Option<String>,
}

/// Why a stream is no longer read.
enum End {
    /// It ended, or its server cannot be reached: it may come back.
    Lost(String),
    /// Nobody reads what is printed.
    Unread,
    /// No use to ask again.
    Failed(Failure),
}

/// How much is read at a time, in bytes.
const READ_BYTES: usize = 16 * 1024;

impl Follow<'_> {
    /// Prints events until nobody reads them any more, or the server refuses.
    /// The first attempt must succeed; afterwards it is asked again and again.
    pub fn run(mut self) -> Result<(), Failure> {
        async_std::task::block_on(future::or(
            async {
                unread().await;
                Ok(())
            },
            async { self.follow().await },
        ))
    }

    async fn follow(&mut self) -> Result<(), Failure> {
        let mut pause = WATCH_RETRY_MIN;
        let mut was_open = false;
        // Said only when the next answer is known: one that is final says it all.
        let mut untold = None;
        loop {
            let mut has_come = false;
            match self.read(&mut was_open, &mut has_come, &mut untold).await {
                End::Unread => return Ok(()),
                End::Failed(failure) => return Err(failure),
                End::Lost(why) if !was_open => return Err(Failure::Failed(why)),
                End::Lost(why) => {
                    if has_come {
                        pause = WATCH_RETRY_MIN;
                        let from = match &self.last {
                            Some(last) => format!("going on behind {last}"),
                            None => "what happens meanwhile is not seen".to_owned(),
                        };
                        untold = Some(format!("{why}; asking again, {from}"));
                    } else {
                        untold.take().iter().for_each(|line| complain(line));
                    }
                    async_io::Timer::after(pause).await;
                    pause = (pause * 2).min(WATCH_RETRY_MAX);
                }
            }
        }
    }

    /// One connection, from its begin to its end.
    async fn read(&mut self, was_open: &mut bool, has_come: &mut bool, untold: &mut Option<String>) -> End {
        let client = match Client::find(self.arguments.clone()) {
            Ok(client) => client,
            Err(Failure::Failed(why)) => return End::Lost(why),
            Err(failure) => return End::Failed(failure),
        };
        let mut call = Call::get(self.path.clone());
        call.fields.extend(self.last.clone().map(|last| ("Last-Event-ID", last)));
        let mut response = match client.open(&call).await {
            Ok(response) => response,
            Err(Failure::Failed(why)) => return End::Lost(why),
            // A server that is about to stop, or has no place: later, maybe.
            Err(Failure::Unready(why)) if *was_open => return End::Lost(why),
            Err(failure) => return End::Failed(failure),
        };
        untold.take().iter().for_each(|line| complain(line));
        if std::mem::replace(was_open, true) {
            complain(&format!("{} answers again", client.endpoint()));
        }
        *has_come = true;
        let mut body = response.take_body();
        let mut parser = Parser::default();
        let mut block = vec![0; READ_BYTES];
        loop {
            let silent = async {
                async_io::Timer::after(WATCHED_SILENCE_MAX).await;
                Err(ErrorKind::TimedOut.into())
            };
            let count = match future::or(body.read(&mut block), silent).await {
                Ok(0) => return End::Lost(format!("{} has ended the stream", client.endpoint())),
                Ok(count) => count,
                Err(error) => return End::Lost(format!("the stream of {} broke off: {error}", client.endpoint())),
            };
            let mut written = Ok(());
            let parsed = parser.take(&block[..count], |event| {
                if written.is_ok() {
                    written = (self.line)(&event).map_or(Ok(()), |line| emit(&line));
                }
            });
            if let Some(last) = &mut self.last {
                *last = parser.take_last().unwrap_or_else(|| std::mem::take(last));
            }
            match written {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::BrokenPipe => return End::Unread,
                Err(error) => return End::Failed(unwritten(&error)),
            }
            if parsed.is_err() {
                return End::Failed(Failure::Failed(format!("{} sends an event without end", client.endpoint())));
            }
        }
    }
}

/// Ends when standard output is a pipe that nobody reads any more. Without
/// this, `standin watch | head -1` would stay until the next event.
async fn unread() {
    if let Some(pipe) = pipe() {
        // The end that is written to becomes readable only to tell an error.
        let _ = pipe.readable().await;
        return;
    }
    future::pending().await
}

fn pipe() -> Option<Async<OwnedFd>> {
    let stdout: OwnedFd = std::io::stdout().as_fd().try_clone_to_owned().ok()?;
    let file = File::from(stdout);
    if !file.metadata().ok()?.file_type().is_fifo() {
        return None;
    }
    // Not made non-blocking: the description is shared with other processes.
    Async::new_nonblocking(OwnedFd::from(file)).ok()
}
