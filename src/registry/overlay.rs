//! A file as redb may write to it, while the file stays as it is.
//!
//! Owns what was written instead: those blocks are in memory, all others are
//! read from the file, however large it is.

use redb::StorageBackend;
use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What is kept of a write: the block around it.
const BLOCK: usize = 4096;

/// A file below what was written to it.
#[derive(Debug)]
pub(super) struct Overlay {
    file: File,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    len: u64,
    /// As far as the file still counts: it was cut off behind that.
    file_len: u64,
    /// By number.
    written: BTreeMap<u64, Box<[u8; BLOCK]>>,
}

impl Overlay {
    /// Nothing written yet. The file is locked for as long as this lives, if it
    /// was.
    pub(super) fn of(file: File) -> io::Result<Self> {
        let len = file.metadata()?.len();
        Ok(Self { file, state: Mutex::new(State { len, file_len: len, written: BTreeMap::new() }) })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads from the file, and zeros where it does not count.
    fn read_below(&self, file_len: u64, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let there = usize::try_from(file_len.saturating_sub(offset)).unwrap_or(usize::MAX).min(out.len());
        let (below, rest) = out.split_at_mut(there);
        rest.fill(0);
        self.file.read_exact_at(below, offset)
    }
}

/// Where in its block that byte is.
fn inside(position: u64) -> usize {
    // Always less than a block.
    usize::try_from(position % BLOCK as u64).unwrap_or(0)
}

/// The numbers of the blocks that so many bytes from there touch, and of each
/// where in it and where in the bytes they are.
fn blocks(offset: u64, count: usize) -> impl Iterator<Item = (u64, usize, std::ops::Range<usize>)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        if at >= count {
            return None;
        }
        let position = offset + at as u64;
        let inside = inside(position);
        let end = count.min(at + BLOCK - inside);
        let part = (position / BLOCK as u64, inside, at..end);
        at = end;
        Some(part)
    })
}

impl StorageBackend for Overlay {
    fn len(&self) -> io::Result<u64> {
        Ok(self.state().len)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let state = self.state();
        if offset.checked_add(out.len() as u64).is_none_or(|end| end > state.len) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.read_below(state.file_len, offset, out)?;
        for (number, inside, part) in blocks(offset, out.len()) {
            if let Some(block) = state.written.get(&number) {
                let len = part.len();
                out[part].copy_from_slice(&block[inside..inside + len]);
            }
        }
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut state = self.state();
        state.file_len = state.file_len.min(len);
        let end = inside(len);
        let mut behind = state.written.split_off(&(len / BLOCK as u64));
        // What is left of the last block is followed by zeros, should it grow.
        if let Some((number, mut block)) =
            behind.pop_first().filter(|(number, _)| end > 0 && *number == len / BLOCK as u64)
        {
            block[end..].fill(0);
            state.written.insert(number, block);
        }
        state.len = len;
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut state = self.state();
        if offset.checked_add(data.len() as u64).is_none_or(|end| end > state.len) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        for (number, inside, part) in blocks(offset, data.len()) {
            let mut block = match state.written.remove(&number) {
                Some(block) => block,
                None => {
                    let mut block = Box::new([0; BLOCK]);
                    self.read_below(state.file_len, number * BLOCK as u64, &mut block[..])?;
                    block
                }
            };
            block[inside..inside + part.len()].copy_from_slice(&data[part]);
            state.written.insert(number, block);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Debug, Clone)]
    enum Step {
        SetLen(u64),
        Write(u64, Vec<u8>),
    }

    fn step() -> impl Strategy<Value = Step> {
        let write = (0..20_000_u64, proptest::collection::vec(any::<u8>(), 0..9000));
        prop_oneof![(0..30_000_u64).prop_map(Step::SetLen), write.prop_map(|(at, data)| Step::Write(at, data))]
    }

    proptest! {
        #[test]
        fn it_is_as_if_the_file_had_been_written_and_the_file_stays(
            before in proptest::collection::vec(any::<u8>(), 0..20_000),
            steps in proptest::collection::vec(step(), 0..12),
        ) {
            let directory = crate::testing::Directory::new("overlay");
            let path = directory.path().join("file");
            std::fs::write(&path, &before).unwrap();
            let overlay = Overlay::of(File::open(&path).unwrap()).unwrap();
            let mut model = before.clone();
            for step in steps {
                match step {
                    Step::SetLen(len) => {
                        overlay.set_len(len).unwrap();
                        model.resize(usize::try_from(len).unwrap(), 0);
                    }
                    Step::Write(at, data) => {
                        let at_in_model = usize::try_from(at).unwrap();
                        let room = model.get_mut(at_in_model..at_in_model + data.len());
                        prop_assert_eq!(overlay.write(at, &data).is_ok(), room.is_some());
                        if let Some(room) = room {
                            room.copy_from_slice(&data);
                        }
                    }
                }
                prop_assert_eq!(overlay.len().unwrap(), model.len() as u64);
                let mut whole = vec![1; model.len()];
                overlay.read(0, &mut whole).unwrap();
                prop_assert!(whole == model);
                prop_assert!(overlay.read(1, &mut whole).is_err() || model.is_empty());
            }
            prop_assert!(std::fs::read(&path).unwrap() == before);
        }
    }
}
