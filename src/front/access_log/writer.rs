//! The queue of entries and the thread that writes them.
//!
//! Owns what happens when entries come faster than they can be written: they are
//! dropped and counted, and nobody who logs ever waits.

use super::entry::Entry;
use super::format::Format;
use super::out::{Destination, Out};
use crate::limits::{LOG_ENTRIES_MAX, LOG_FINISH_MAX, LOG_GATHER, LOG_QUEUED_BYTES_MAX, LOG_RETRY, LOG_TOLD_AGAIN};
use crate::oplog;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

/// Where and how the access log is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Where.
    pub destination: Destination,
    /// How.
    pub format: Format,
}

impl Settings {
    /// True when standard output is for the log.
    #[must_use]
    pub fn is_on_stdout(&self) -> bool {
        matches!(self.destination, Destination::Stdout)
    }
}

/// A running access log. Clones share it; when the last one is gone, what waits
/// is written and its thread ends.
#[derive(Debug, Clone)]
pub struct AccessLog {
    shared: Arc<Shared>,
}

/// An entry, or only the wish that the writer looks at its levels.
type Message = Option<Box<Entry>>;

#[derive(Debug)]
struct Shared {
    queue: SyncSender<Message>,
    levels: Arc<Levels>,
    /// Closed when the writer has ended.
    ended: Mutex<Receiver<()>>,
}

/// What writer and handles tell each other besides entries.
#[derive(Debug, Default)]
struct Levels {
    /// Entries that were not written, and will not be.
    dropped: AtomicU64,
    /// What the entries in the queue weigh.
    queued_bytes: AtomicUsize,
    reopen: AtomicBool,
    finish: AtomicBool,
}

impl Levels {
    fn drop_one(&self) {
        self.dropped.fetch_add(1, Ordering::Relaxed);
    }
}

impl AccessLog {
    /// Opens the file and starts the writer. A named pipe is opened when
    /// somebody reads it; until then entries wait, or are dropped.
    pub fn start(settings: Settings) -> io::Result<Self> {
        let out = Out::open(settings.destination)?;
        let levels = Arc::<Levels>::default();
        let (queue, received) = sync_channel(LOG_ENTRIES_MAX);
        let (ending, ended) = channel();
        let writer = Writer {
            queue: received,
            levels: Arc::clone(&levels),
            format: settings.format,
            out,
            told: Told::default(),
            _ending: ending,
        };
        std::thread::Builder::new().name("standin-log".into()).spawn(move || writer.run())?;
        Ok(Self { shared: Arc::new(Shared { queue, levels, ended: Mutex::new(ended) }) })
    }

    /// Hands an entry over. Never waits: without room the entry is dropped.
    pub fn log(&self, entry: Box<Entry>) {
        let Shared { queue, levels, .. } = &*self.shared;
        let bytes = entry.bytes();
        let queued = levels.queued_bytes.fetch_add(bytes, Ordering::Relaxed);
        if queued.saturating_add(bytes) > LOG_QUEUED_BYTES_MAX || queue.try_send(Some(entry)).is_err() {
            levels.queued_bytes.fetch_sub(bytes, Ordering::Relaxed);
            levels.drop_one();
        }
    }

    /// How many entries were dropped since the start.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.shared.levels.dropped.load(Ordering::Relaxed)
    }

    /// What is logged from now on goes to the file that has the name now.
    pub fn reopen(&self) {
        self.tell(&self.shared.levels.reopen);
    }

    /// Writes what was logged until now and ends the writer. Waits for that, but
    /// not for ever ([`LOG_FINISH_MAX`]).
    pub fn finish(&self) {
        self.tell(&self.shared.levels.finish);
        let ended = self.shared.ended.lock().unwrap_or_else(PoisonError::into_inner);
        if ended.recv_timeout(LOG_FINISH_MAX) == Err(RecvTimeoutError::Timeout) {
            let dropped = self.dropped();
            oplog::warn(format_args!(
                "the access log could not be written to its end in time; {dropped} entries were dropped before"
            ));
        }
    }

    fn tell(&self, level: &AtomicBool) {
        level.store(true, Ordering::Release);
        // With a full queue the writer is awake, and looks by itself.
        let _ = self.shared.queue.try_send(None);
    }
}

struct Writer {
    queue: Receiver<Message>,
    levels: Arc<Levels>,
    format: Format,
    out: Out,
    told: Told,
    /// Closes when the writer ends, however it does.
    _ending: Sender<()>,
}

impl Writer {
    fn run(mut self) {
        loop {
            // Looked at before the queue is emptied: what was logged before the
            // wish is in it. And before each wait, which nothing else may end.
            let mut is_last = self.levels.finish.load(Ordering::Acquire);
            if !is_last {
                match self.queue.recv_timeout(LOG_RETRY) {
                    Ok(Some(entry)) => {
                        // One wake-up and one write for all that come meanwhile:
                        // to wake a thread for each costs more than its line.
                        std::thread::sleep(LOG_GATHER);
                        self.take(&entry);
                    }
                    Ok(None) | Err(RecvTimeoutError::Timeout) => {}
                    Err(RecvTimeoutError::Disconnected) => is_last = true,
                }
            }
            for _ in 0..LOG_ENTRIES_MAX {
                match self.queue.try_recv() {
                    Ok(message) => message.iter().for_each(|entry| self.take(entry)),
                    Err(_) => break,
                }
            }
            self.reopen_if_told();
            self.out.write();
            let dropped = self.levels.dropped.load(Ordering::Relaxed);
            if let Some(count) = self.told.news(dropped, Instant::now(), is_last) {
                oplog::warn(format_args!("{count} entries of the access log were dropped: they came too fast for it"));
            }
            if is_last {
                return;
            }
        }
    }

    fn take(&mut self, entry: &Entry) {
        self.levels.queued_bytes.fetch_sub(entry.bytes(), Ordering::Relaxed);
        // Before every line: what was logged after the wish is in the new file.
        self.reopen_if_told();
        match self.out.room() {
            Some(room) => self.format.write(entry, room),
            None => self.levels.drop_one(),
        }
    }

    fn reopen_if_told(&mut self) {
        if self.levels.reopen.swap(false, Ordering::Acquire) {
            self.out.reopen();
        }
    }
}

/// How many dropped entries were told of, and when.
#[derive(Debug, Default)]
struct Told {
    count: u64,
    at: Option<Instant>,
}

impl Told {
    /// How many there are to tell of now: the first at once, those that follow
    /// together when some time has passed, the last at the end.
    fn news(&mut self, dropped: u64, now: Instant, is_last: bool) -> Option<u64> {
        let is_time = is_last || self.at.is_none_or(|at| now.duration_since(at) >= LOG_TOLD_AGAIN);
        if dropped == self.count || !is_time {
            return None;
        }
        let count = dropped - self.count;
        *self = Self { count: dropped, at: Some(now) };
        Some(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::front::access_log::entry::tests::example;
    use crate::testing::{Directory, until_ok};
    use std::path::{Path, PathBuf};
    use std::process::Command;
    use std::time::Duration;

    fn log_to(path: PathBuf) -> AccessLog {
        AccessLog::start(Settings { destination: Destination::File(path), format: Format::Common }).unwrap()
    }

    fn entry(target: usize) -> Box<Entry> {
        Box::new(Entry { target: format!("/{target}").into_bytes(), ..example() })
    }

    /// The targets in a file, in their order.
    fn targets(path: &Path) -> Vec<usize> {
        let text = std::fs::read_to_string(path).unwrap();
        assert!(text.is_empty() || text.ends_with('\n'));
        let target = |line: &str| line.split_once("GET /")?.1.split_once(' ')?.0.parse().ok();
        text.lines().map(|line| target(line).unwrap()).collect()
    }

    #[test]
    fn entries_are_written_in_their_order_and_at_the_end_all_are() {
        let directory = Directory::new("log");
        let path = directory.path().join("log");
        let log = log_to(path.clone());
        (0..1000).for_each(|number| log.clone().log(entry(number)));
        let begun = Instant::now();
        log.finish();
        assert!(begun.elapsed() < LOG_FINISH_MAX);
        assert_eq!(targets(&path), (0..1000).collect::<Vec<_>>());
        assert_eq!(log.dropped(), 0);
        log.log(entry(1000));
        assert_eq!(log.dropped(), 1, "after its end nothing is written any more");
        log.finish();
    }

    #[test]
    fn a_line_is_written_without_waiting_for_the_next() {
        let directory = Directory::new("log-alone");
        let path = directory.path().join("log");
        let log = log_to(path.clone());
        log.log(entry(7));
        until_ok(|| if targets(&path) == [7] { Ok(()) } else { Err("not yet") });
        drop(log);
    }

    #[test]
    fn the_last_handle_ends_the_writer() {
        let directory = Directory::new("log-dropped");
        let path = directory.path().join("log");
        let log = log_to(path.clone());
        let levels = Arc::downgrade(&log.shared.levels);
        log.log(entry(1));
        drop(log);
        until_ok(|| levels.upgrade().map_or(Ok(()), |_| Err("it runs")));
        assert_eq!(targets(&path), [1]);
    }

    #[test]
    fn what_is_logged_after_reopening_is_in_the_new_file() {
        let directory = Directory::new("log-rotated");
        let (path, old) = (directory.path().join("log"), directory.path().join("log.1"));
        let log = log_to(path.clone());
        log.log(entry(1));
        until_ok(|| if targets(&path) == [1] { Ok(()) } else { Err("not yet") });
        std::fs::rename(&path, &old).unwrap();
        log.reopen();
        log.log(entry(2));
        log.finish();
        assert_eq!((targets(&old), targets(&path)), (vec![1], vec![2]));
    }

    #[test]
    fn a_log_that_nobody_reads_makes_nobody_wait() {
        const LOGGED: usize = 3 * LOG_ENTRIES_MAX;
        let directory = Directory::new("log-stuck");
        let path = directory.path().join("pipe");
        assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
        let log = log_to(path.clone());
        // If one of these waited, the test would not end.
        (0..LOGGED).for_each(|number| log.log(entry(number)));
        let dropped = log.dropped();
        assert!(dropped > 0);
        let begun = Instant::now();
        log.finish();
        let took = begun.elapsed();
        assert!(took >= LOG_FINISH_MAX && took < LOG_FINISH_MAX + Duration::from_secs(10), "{took:?}");
        // What was not dropped is written once somebody reads.
        let written = targets(&path);
        assert_eq!(written.len() as u64 + dropped, LOGGED as u64);
        assert!(written.is_sorted());
    }

    #[test]
    fn what_waits_is_bounded_in_bytes_too() {
        let directory = Directory::new("log-heavy");
        let path = directory.path().join("pipe");
        assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
        let log = log_to(path);
        let heavy = Entry { user_agent: Some(vec![b'x'; LOG_QUEUED_BYTES_MAX / 100]), ..example() };
        (0..1000).for_each(|_| log.log(Box::new(heavy.clone())));
        assert!(log.dropped() >= 1000 - 2 * 100, "{}", log.dropped());
        assert!(log.shared.levels.queued_bytes.load(Ordering::Relaxed) <= LOG_QUEUED_BYTES_MAX);
    }

    #[test]
    fn dropped_entries_are_told_at_once_then_rarely_and_at_the_end() {
        let mut told = Told::default();
        let start = Instant::now();
        assert_eq!(told.news(0, start, false), None);
        assert_eq!(told.news(3, start, false), Some(3));
        assert_eq!(told.news(9, start + LOG_TOLD_AGAIN / 2, false), None);
        assert_eq!(told.news(10, start + LOG_TOLD_AGAIN, false), Some(7));
        assert_eq!(told.news(12, start + LOG_TOLD_AGAIN, true), Some(2));
        assert_eq!(told.news(12, start + 3 * LOG_TOLD_AGAIN, true), None);
    }
}
