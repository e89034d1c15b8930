//! Files that others write and that count as they are now: keys, passwords,
//! certificates.
//!
//! Owns reading them, and reading them again when they change: one thread looks
//! at all of them once a second. What cannot be read or understood any more
//! leaves what was there before, and a line in the log. The same file read in
//! the same way is read once, however many mounts name it.

use crate::limits::{FILE_BYTES_MAX, FILES_LOOK};
use crate::oplog;
use arc_swap::ArcSwap;
use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::fmt;
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

/// What a file holds, or why that is not known.
pub type Content<T> = Result<Arc<T>, String>;

/// How the bytes of a file are understood; the error says what to change.
pub type Parse<T> = fn(&[u8]) -> Result<T, String>;

/// One file as it is now.
pub struct Watched<T> {
    path: PathBuf,
    parse: Parse<T>,
    current: ArcSwap<Content<T>>,
    /// None before it was read for the first time.
    seen: Mutex<Option<Option<Stamp>>>,
}

/// What tells one state of a file from the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    /// Moves on even where the other one is set back.
    changed: (i64, i64),
}

/// As Linux has it, which the standard library has no name for.
const O_NONBLOCK: i32 = 0o4000;

impl<T: Send + Sync + 'static> Watched<T> {
    /// What it holds.
    #[must_use]
    pub fn current(&self) -> Arc<Content<T>> {
        self.current.load_full()
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn read(&self) -> Content<T> {
        read(&self.path, self.parse).map(Arc::new)
    }
}

/// Reads a file once; the error names it and says what to change.
pub fn read<T>(path: &Path, parse: Parse<T>) -> Result<T, String> {
    let read = || {
        // What is no file may never end, or never begin: opening a pipe must
        // not wait for its other end.
        let file = File::options().read(true).custom_flags(O_NONBLOCK).open(path)?;
        if !file.metadata()?.is_file() {
            return Err(std::io::Error::other("this is not a file"));
        }
        let mut bytes = Vec::new();
        file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let bytes = read().map_err(|error: std::io::Error| format!("{}: {error}", path.display()))?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(format!("{}: larger than {FILE_BYTES_MAX} bytes", path.display()));
    }
    parse(&bytes).map_err(|error| format!("{}: {error}", path.display()))
}

/// A file that can be looked at, whatever it holds.
trait Look: Send + Sync {
    /// Reads it again if it has changed.
    fn look(&self);
}

impl<T: Send + Sync + 'static> Look for Watched<T> {
    fn look(&self) {
        let stamp = Stamp::of(&self.path);
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if *seen == Some(stamp) {
            return;
        }
        // Looked at before it is read: what changes meanwhile is seen next time.
        *seen = Some(stamp);
        match self.read() {
            Ok(content) => self.current.store(Arc::new(Ok(content))),
            Err(error) if self.current.load().is_err() => self.current.store(Arc::new(Err(error))),
            Err(error) => oplog::error(format_args!("{error}; what it held before stays in use")),
        }
    }
}

impl Stamp {
    fn of(path: &Path) -> Option<Self> {
        let about = std::fs::metadata(path).ok()?;
        Some(Self {
            device: about.dev(),
            inode: about.ino(),
            size: about.size(),
            modified: (about.mtime(), about.mtime_nsec()),
            changed: (about.ctime(), about.ctime_nsec()),
        })
    }
}

/// The files that are watched. Clones are the same set.
#[derive(Clone, Default)]
pub struct Files {
    shared: Arc<Mutex<Shared>>,
}

#[derive(Default)]
struct Shared {
    known: HashMap<(PathBuf, TypeId), Known>,
    is_watching: bool,
}

struct Known {
    /// To be handed out again.
    any: Weak<dyn Any + Send + Sync>,
    look: Weak<dyn Look>,
}

impl Files {
    /// The file at `path`, as `parse` understands it; of one type there is one
    /// way to do so. Reads it at once where nobody has it yet.
    #[must_use]
    pub fn open<T: Send + Sync + 'static>(&self, path: &Path, parse: Parse<T>) -> Arc<Watched<T>> {
        let key = (path.to_owned(), TypeId::of::<Watched<T>>());
        let mut shared = self.shared();
        if let Some(known) = shared.known.get(&key).and_then(|known| known.any.upgrade())
            && let Ok(watched) = known.downcast::<Watched<T>>()
        {
            // Whoever opens it has just written it, maybe.
            watched.look();
            return watched;
        }
        let unread = Err("not read yet".to_owned());
        let watched = Arc::new(Watched {
            path: path.to_owned(),
            parse,
            current: ArcSwap::from_pointee(unread),
            seen: Mutex::new(None),
        });
        watched.look();
        let any: Weak<dyn Any + Send + Sync> = Arc::downgrade(&(Arc::clone(&watched) as Arc<dyn Any + Send + Sync>));
        let look: Weak<dyn Look> = Arc::downgrade(&(Arc::clone(&watched) as Arc<dyn Look>));
        shared.known.insert(key, Known { any, look });
        if !std::mem::replace(&mut shared.is_watching, true) {
            self.watch();
        }
        watched
    }

    /// Starts the thread that looks; it ends with the last handle.
    fn watch(&self) {
        let weak = Arc::downgrade(&self.shared);
        let watching = std::thread::Builder::new().name("standin-files".into()).spawn(move || {
            loop {
                std::thread::sleep(FILES_LOOK);
                let Some(shared) = weak.upgrade() else { return };
                Self { shared }.look();
            }
        });
        if let Err(error) = watching {
            oplog::error(format_args!("changes of files will not be noticed: {error}"));
        }
    }

    /// Looks at all files that somebody still holds.
    fn look(&self) {
        let files: Vec<Arc<dyn Look>> = {
            let mut shared = self.shared();
            shared.known.retain(|_, known| known.look.strong_count() > 0);
            shared.known.values().filter_map(|known| known.look.upgrade()).collect()
        };
        files.iter().for_each(|file| file.look());
    }

    fn shared(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Files {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Files")
    }
}

impl<T> fmt::Debug for Watched<T> {
    /// Never what it holds: that may be secret.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Watched({})", self.path.display())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Directory;

    #[allow(clippy::unnecessary_wraps, reason = "the shape of a parser")]
    fn text(bytes: &[u8]) -> Result<String, String> {
        String::from_utf8(bytes.to_vec()).map_err(|_| "not text".to_owned())
    }

    fn holds(file: &Watched<String>) -> Result<String, String> {
        (*file.current()).as_ref().map(|content| content.to_string()).map_err(Clone::clone)
    }

    #[test]
    fn a_file_is_read_again_when_it_has_changed() {
        let directory = Directory::new("files");
        let path = directory.path().join("file");
        let files = Files::default();
        let file = files.open(&path, text);
        assert!(holds(&file).unwrap_err().contains("file"), "missing at first");
        std::fs::write(&path, "one").unwrap();
        files.look();
        assert_eq!(holds(&file).unwrap(), "one");
        std::fs::write(&path, "three").unwrap();
        files.look();
        assert_eq!(holds(&file).unwrap(), "three");
        std::fs::write(&path, b"\xff").unwrap();
        files.look();
        assert_eq!(holds(&file).unwrap(), "three", "what cannot be understood changes nothing");
        std::fs::remove_file(&path).unwrap();
        files.look();
        assert_eq!(holds(&file).unwrap(), "three", "nor does a file that is gone");
    }

    #[test]
    fn what_is_no_file_is_not_waited_for() {
        let directory = Directory::new("no-file");
        let pipe = directory.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        for path in [&pipe, directory.path()] {
            assert!(read(path, text).unwrap_err().contains("this is not a file"));
        }
    }

    #[test]
    fn the_same_file_is_read_once() {
        let directory = Directory::new("same-file");
        let path = directory.path().join("file");
        std::fs::write(&path, "one").unwrap();
        let files = Files::default();
        let (first, second) = (files.open(&path, text), files.open(&path, text));
        assert!(Arc::ptr_eq(&first, &second));
        drop((first, second));
        files.look();
        assert!(files.shared().known.is_empty(), "nobody holds it any more");
    }
}
