//! Checking passwords: slow on purpose, and so not more often than needed.
//!
//! Owns how many checks run and wait at a time, and what is remembered of those
//! that went well: a keyed hash under a key that nobody else ever has, of the
//! password together with the very hash it matched. So a changed password or a
//! removed user counts at once.

use crate::error::{Error, Kind};
use crate::limits::{PASSWORD_CHECKS_MAX, PASSWORD_CHECKS_WAITING_MAX, PASSWORDS_REMEMBERED_MAX};
use async_channel::{Receiver, Sender};
use ring::hmac;
use std::collections::HashSet;
use std::fmt;
use std::io;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The checks of one process.
pub struct Passwords {
    /// One for each check that may still begin.
    places: (Sender<()>, Receiver<()>),
    key: hmac::Key,
    remembered: Mutex<Remembered>,
}

/// What stands for a password that matched a hash.
type Mark = [u8; 32];

/// The marks used last. Two halves: when the younger one is full it becomes
/// the older, and that one is forgotten.
#[derive(Default)]
struct Remembered {
    younger: HashSet<Mark>,
    older: HashSet<Mark>,
}

impl Remembered {
    fn has(&mut self, mark: &Mark) -> bool {
        if self.younger.contains(mark) {
            return true;
        }
        let is_older = self.older.remove(mark);
        if is_older {
            self.add(*mark);
        }
        is_older
    }

    fn add(&mut self, mark: Mark) {
        if self.younger.len() >= PASSWORDS_REMEMBERED_MAX / 2 {
            self.older = std::mem::take(&mut self.younger);
        }
        self.younger.insert(mark);
    }
}

/// Those who wait for one mount's checks.
#[derive(Debug, Default)]
pub struct Queue(AtomicU32);

/// A place in a queue, until it is dropped.
struct Waiting<'a>(&'a Queue);

impl Queue {
    fn enter(&self) -> Option<Waiting<'_>> {
        // Counted before it is looked at, so that no two take the last place.
        let waiting = Waiting(self);
        (self.0.fetch_add(1, Ordering::AcqRel) < PASSWORD_CHECKS_WAITING_MAX).then_some(waiting)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Leave to check one password; given back when it is dropped.
struct Place(Sender<()>);

impl Drop for Place {
    fn drop(&mut self) {
        // There is room for what was taken.
        let _ = self.0.try_send(());
    }
}

impl Passwords {
    /// None remembered yet.
    pub fn new() -> io::Result<Arc<Self>> {
        let mut key = [0; 32];
        getrandom::fill(&mut key).map_err(io::Error::other)?;
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let count = (cores / 2).clamp(1, PASSWORD_CHECKS_MAX);
        let places = async_channel::bounded(count);
        (0..count).try_for_each(|_| places.0.try_send(())).map_err(io::Error::other)?;
        Ok(Arc::new(Self { places, key: hmac::Key::new(hmac::HMAC_SHA256, &key), remembered: Mutex::default() }))
    }

    /// True when the password goes with the hash. Off the executor, but for
    /// passwords that are remembered; an error when too many wait already.
    pub async fn check(&self, hash: &Arc<str>, password: Vec<u8>, queue: &Queue) -> Result<bool, Error> {
        let mark = self.mark(hash, &password);
        if self.remembered().has(&mark) {
            return Ok(true);
        }
        let _waiting = queue.enter().ok_or(Kind::PasswordsBusy)?;
        let place = self.place().await?;
        // A browser asks for many things at a time: one check is enough.
        if self.remembered().has(&mark) {
            return Ok(true);
        }
        let hash = Arc::clone(hash);
        let check = move || {
            let matches = bcrypt::verify(&password, &hash).unwrap_or(false);
            drop(place);
            matches
        };
        let matches = blocking::unblock(check).await;
        if matches {
            self.remembered().add(mark);
        }
        Ok(matches)
    }

    async fn place(&self) -> Result<Place, Error> {
        let (giver, places) = &self.places;
        places.recv().await.map_err(|error| Error::new(Kind::Internal, error))?;
        Ok(Place(giver.clone()))
    }

    /// A hash always has as many bytes, so nothing else can make the same mark.
    fn mark(&self, hash: &str, password: &[u8]) -> Mark {
        let mut context = hmac::Context::with_key(&self.key);
        context.update(hash.as_bytes());
        context.update(password);
        let mut mark = [0; 32];
        mark.copy_from_slice(context.sign().as_ref());
        mark
    }

    fn remembered(&self) -> MutexGuard<'_, Remembered> {
        self.remembered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Passwords {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Passwords")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_lite::future;

    fn hash(password: &str) -> Arc<str> {
        bcrypt::hash(password, 4).unwrap().into()
    }

    fn check(passwords: &Passwords, hash: &Arc<str>, password: &str, queue: &Queue) -> Result<bool, Kind> {
        let checked = passwords.check(hash, password.into(), queue);
        async_io::block_on(checked).map_err(|error| error.kind().clone())
    }

    #[test]
    fn what_went_well_is_remembered_and_what_did_not_is_not() {
        let (passwords, queue, hash) = (Passwords::new().unwrap(), Queue::default(), hash("open"));
        assert_eq!(check(&passwords, &hash, "shut", &queue), Ok(false));
        assert_eq!(check(&passwords, &hash, "open", &queue), Ok(true));
        // Nobody else may check now, but who is remembered need not be checked.
        queue.0.store(PASSWORD_CHECKS_WAITING_MAX, Ordering::Release);
        assert_eq!(check(&passwords, &hash, "open", &queue), Ok(true));
        assert_eq!(check(&passwords, &hash, "shut", &queue), Err(Kind::PasswordsBusy));
        assert_eq!(queue.0.load(Ordering::Acquire), PASSWORD_CHECKS_WAITING_MAX, "who is refused leaves");
    }

    #[test]
    fn the_same_password_under_another_hash_is_checked_again() {
        let (passwords, queue) = (Passwords::new().unwrap(), Queue::default());
        let (first, second) = (hash("open"), hash("open"));
        assert_eq!(check(&passwords, &first, "open", &queue), Ok(true));
        queue.0.store(PASSWORD_CHECKS_WAITING_MAX, Ordering::Release);
        assert_eq!(check(&passwords, &second, "open", &queue), Err(Kind::PasswordsBusy));
    }

    #[test]
    fn places_come_back_even_from_who_does_not_wait_for_the_answer() {
        let (passwords, queue, hash) = (Passwords::new().unwrap(), Queue::default(), hash("open"));
        for _ in 0..100 {
            let mut checking = Box::pin(passwords.check(&hash, b"shut".to_vec(), &queue));
            async_io::block_on(future::poll_once(&mut checking));
        }
        assert_eq!(check(&passwords, &hash, "open", &queue), Ok(true));
        assert_eq!(queue.0.load(Ordering::Acquire), 0);
    }

    #[test]
    fn no_more_is_remembered_than_may_be_and_what_is_used_stays() {
        let mut remembered = Remembered::default();
        let mark = |number: usize| {
            let mut mark = [0; 32];
            mark[..8].copy_from_slice(&number.to_be_bytes());
            mark
        };
        remembered.add(mark(0));
        for number in 1..=2 * PASSWORDS_REMEMBERED_MAX {
            remembered.add(mark(number));
            assert!(remembered.has(&mark(0)));
            assert!(remembered.younger.len() + remembered.older.len() <= PASSWORDS_REMEMBERED_MAX);
        }
        assert!(!remembered.has(&mark(1)));
    }
}
