//! Where lines go, and what becomes of them while they cannot.
//!
//! Owns the open file and the lines that are not in it yet. A failure is told
//! once; what could not be written is kept, within a bound, and tried again.

use crate::limits::LOG_BUFFER_BYTES;
use crate::oplog;
use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::PathBuf;

/// Where the access log is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// A file, made if need be; lines are added at its end.
    File(PathBuf),
    /// Standard output.
    Stdout,
}

impl fmt::Display for Destination {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(formatter),
            Self::Stdout => formatter.write_str("standard output"),
        }
    }
}

impl Destination {
    fn open(&self) -> io::Result<File> {
        match self {
            // Who may read a log is the group's business, not everybody's.
            Self::File(path) => OpenOptions::new().append(true).create(true).mode(0o640).open(path),
            // Not through io::stdout(), whose lock and buffer others use.
            Self::Stdout => Ok(io::stdout().as_fd().try_clone_to_owned()?.into()),
        }
    }

    /// True for a named pipe: to open one takes until somebody reads it.
    fn is_pipe(&self) -> bool {
        match self {
            Self::File(path) => std::fs::metadata(path).is_ok_and(|metadata| metadata.file_type().is_fifo()),
            Self::Stdout => false,
        }
    }
}

/// Lines on their way.
#[derive(Debug)]
pub(super) struct Out {
    destination: Destination,
    /// None until a named pipe has a reader.
    file: Option<File>,
    /// Whole lines, but for the first, of which a part may have been written.
    pending: Vec<u8>,
    failing: bool,
}

impl Out {
    /// Opens the destination, unless that could take for ever.
    pub(super) fn open(destination: Destination) -> io::Result<Self> {
        let file = if destination.is_pipe() { None } else { Some(destination.open()?) };
        Ok(Self { destination, file, pending: Vec::with_capacity(LOG_BUFFER_BYTES), failing: false })
    }

    /// Where to add a whole line; None while there is no room, since nothing
    /// can be written.
    pub(super) fn room(&mut self) -> Option<&mut Vec<u8>> {
        if self.pending.len() >= LOG_BUFFER_BYTES {
            self.write();
        }
        (self.pending.len() < LOG_BUFFER_BYTES).then_some(&mut self.pending)
    }

    /// Writes what is pending.
    pub(super) fn write(&mut self) {
        if self.pending.is_empty() {
            return;
        }
        match self.try_write() {
            Ok(()) if self.failing => {
                self.failing = false;
                oplog::info(format_args!("the access log can be written again"));
            }
            Err(error) if !self.failing => {
                self.failing = true;
                oplog::warn(format_args!("the access log, {}, cannot be written: {error}", self.destination));
            }
            _ => {}
        }
    }

    fn try_write(&mut self) -> io::Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            None => self.file.insert(self.destination.open()?),
        };
        let mut written = 0;
        let end = loop {
            if written == self.pending.len() {
                break Ok(());
            }
            match file.write(&self.pending[written..]) {
                Ok(0) => break Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => written += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => break Err(error),
            }
        };
        self.pending.drain(..written);
        end
    }

    /// Opens the file again under its name, for who has renamed it. What came
    /// before is in the old one, if it can be.
    pub(super) fn reopen(&mut self) {
        self.write();
        if self.destination == Destination::Stdout {
            return;
        }
        match self.destination.open() {
            Ok(file) => self.file = Some(file),
            Err(error) => oplog::warn(format_args!(
                "the access log, {}, cannot be opened again: {error}; it goes on in the old file",
                self.destination
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Directory;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn lines_are_added_to_a_file_that_is_not_for_everybody() {
        let directory = Directory::new("log-out");
        let path = directory.path().join("log");
        for line in [&b"one\n"[..], b"two\n"] {
            let mut out = Out::open(Destination::File(path.clone())).unwrap();
            out.room().unwrap().extend_from_slice(line);
            out.write();
            assert!(out.pending.is_empty());
        }
        assert_eq!(std::fs::read(&path).unwrap(), b"one\ntwo\n");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o007, 0);
    }

    #[test]
    fn lines_wait_for_a_full_disk_within_a_bound() {
        let directory = Directory::new("log-full");
        let path = directory.path().join("log");
        std::os::unix::fs::symlink("/dev/full", &path).unwrap();
        let mut out = Out::open(Destination::File(path.clone())).unwrap();
        let line = [&[b'x'; 999][..], b"\n"].concat();
        let mut kept = 0;
        while let Some(room) = out.room() {
            room.extend_from_slice(&line);
            kept += 1;
        }
        assert!(out.failing && kept * line.len() < 2 * LOG_BUFFER_BYTES);
        std::fs::remove_file(&path).unwrap();
        out.reopen();
        assert!(!out.pending.is_empty());
        out.write();
        assert!(out.pending.is_empty() && !out.failing);
        assert_eq!(std::fs::read(&path).unwrap(), line.repeat(kept));
    }

    #[test]
    fn a_file_that_cannot_be_opened_again_goes_on() {
        let directory = Directory::new("log-reopen");
        let (path, old) = (directory.path().join("log"), directory.path().join("log.1"));
        let mut out = Out::open(Destination::File(path.clone())).unwrap();
        std::fs::rename(&path, &old).unwrap();
        std::fs::create_dir(&path).unwrap();
        out.reopen();
        out.room().unwrap().extend_from_slice(b"line\n");
        out.write();
        assert_eq!(std::fs::read(&old).unwrap(), b"line\n");
    }

    #[test]
    fn what_cannot_be_opened_is_told() {
        let directory = Directory::new("log-none");
        assert!(Out::open(Destination::File(directory.path().into())).is_err());
        assert!(Out::open(Destination::File(directory.path().join("none/log"))).is_err());
    }
}
