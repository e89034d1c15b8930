//! A body in the gzip coding, rewritten while it passes: decoded, edited and
//! encoded again, a block at a time.
//!
//! Whatever can be told is given out when the source pauses, so that events
//! arrive when they happen. A coding that is wrong or has no end ends the body
//! with an error, never as if it were whole.

use super::gzip::{Deflater, Inflater};
use super::substitute::Editor;
use super::{Block, trailers};
use crate::error::Error;
use crate::exchange::BodyStream;
use crate::limits::{REWRITE_BLOCK_BYTES, REWRITE_RULE_BYTES_MAX};
use crate::message::Fields;
use std::task::{Context, Poll};

/// Steps over a block before other connections get their turn: some
/// milliseconds.
const TURNS_MAX: usize = 64;

/// A body on its way through the rules.
#[derive(Debug)]
pub struct Zipped {
    source: Box<dyn BodyStream>,
    inflater: Inflater,
    /// Decoded.
    plain: Block,
    editor: Editor,
    /// And edited.
    edited: Block,
    deflater: Deflater,
    /// And encoded.
    out: Block,
    stage: Stage,
    /// Steps since others had their turn.
    turns: usize,
}

/// How far the body is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// More may come.
    Source,
    /// What the rules held back comes last.
    Rest,
    /// The coding must end.
    End,
    /// It has.
    Done,
}

impl Zipped {
    /// Over that body.
    #[must_use]
    pub fn new(source: Box<dyn BodyStream>, editor: Editor) -> Self {
        Self {
            source,
            inflater: Inflater::default(),
            plain: Block::with_capacity(REWRITE_BLOCK_BYTES),
            editor,
            edited: Block::with_capacity(REWRITE_BLOCK_BYTES + REWRITE_RULE_BYTES_MAX),
            deflater: Deflater::default(),
            out: Block::with_capacity(REWRITE_BLOCK_BYTES),
            stage: Stage::Source,
            turns: 0,
        }
    }

    /// One step, from the end of the line to its front. True when it must wait
    /// for the source.
    fn step(&mut self, cx: &mut Context<'_>) -> Result<bool, Error> {
        if !self.edited.is_empty() {
            let used = self.deflater.write(self.edited.unread(), &mut self.out.bytes)?;
            self.edited.consume(used);
            return Ok(false);
        }
        if !self.plain.is_empty() {
            let edited = self.edited.refill();
            let used = self.editor.edit(self.plain.unread(), edited, REWRITE_BLOCK_BYTES, usize::MAX).used;
            self.plain.consume(used);
            return Ok(false);
        }
        match self.stage {
            Stage::Source => {
                let inflated = self.inflater.step(self.source.data(), self.plain.refill())?;
                if inflated.used > 0 {
                    self.source.consume(inflated.used);
                }
                if inflated.starved {
                    match self.source.poll_fill(cx)? {
                        Poll::Pending => return Ok(true),
                        Poll::Ready(0) => self.stage = if self.inflater.end()? { Stage::Rest } else { Stage::Done },
                        Poll::Ready(_) => {}
                    }
                }
            }
            Stage::Rest => {
                self.editor.finish(self.edited.refill(), REWRITE_BLOCK_BYTES);
                if self.edited.is_empty() {
                    self.stage = Stage::End;
                }
            }
            Stage::End => {
                if self.deflater.finish(&mut self.out.bytes)? {
                    self.stage = Stage::Done;
                }
            }
            Stage::Done => {}
        }
        Ok(false)
    }
}

impl BodyStream for Zipped {
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<Result<usize, Error>> {
        if self.out.is_empty() {
            self.out.refill();
            while self.stage != Stage::Done && !self.out.is_full() {
                if self.turns == TURNS_MAX {
                    if !self.out.is_empty() {
                        break;
                    }
                    self.turns = 0;
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                self.turns += 1;
                if self.step(cx)? {
                    self.turns = 0;
                    self.deflater.flush(&mut self.out.bytes)?;
                    if self.out.is_empty() {
                        return Poll::Pending;
                    }
                    break;
                }
            }
        }
        Poll::Ready(Ok(self.out.unread().len()))
    }

    fn data(&self) -> &[u8] {
        self.out.unread()
    }

    fn consume(&mut self, count: usize) {
        self.out.consume(count);
    }

    fn poll_drive(&mut self, cx: &mut Context<'_>) {
        self.source.poll_drive(cx);
    }

    fn take_trailers(&mut self) -> Fields {
        trailers(self.source.take_trailers())
    }
}

#[cfg(test)]
mod tests {
    use super::super::script::{Script, Step, drain};
    use super::super::substitute::Substitution;
    use super::*;
    use crate::error::Kind;
    use crate::http1::BodyError;
    use flate2::read::GzDecoder;
    use flate2::write::GzEncoder;
    use flate2::{Compression, GzBuilder};
    use proptest::prelude::*;
    use std::io::{Read, Write};
    use std::sync::Arc;

    fn zipped(source: Box<Script>) -> Zipped {
        let rules = Substitution::new([("http://backend/", "https://public/"), ("0", "")]);
        Zipped::new(source, Editor::new(Arc::new(rules)))
    }

    fn gzip(content: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(content).unwrap();
        encoder.finish().unwrap()
    }

    fn gunzip(bytes: &[u8]) -> Vec<u8> {
        let mut content = Vec::new();
        let mut decoder = GzDecoder::new(bytes);
        decoder.read_to_end(&mut content).unwrap();
        assert!(decoder.into_inner().is_empty(), "there is one member and nothing behind it");
        content
    }

    fn failure(bytes: &[u8]) -> Option<Kind> {
        drain(&mut zipped(Script::pieces(bytes, 100)), 64).1.err().map(|error| error.kind().clone())
    }

    #[test]
    fn a_body_is_rewritten_whatever_the_sizes_of_its_parts() {
        let content = b"<a href=http://backend/x>http://backend</a>http://backend/".repeat(3000);
        let expected = String::from_utf8(content.clone()).unwrap().replace("http://backend/", "https://public/");
        let coded = gzip(&content);
        for (size, take_max) in [(1, 1), (7, 5), (1000, 300), (100_000, usize::MAX)] {
            let (parts, end) = drain(&mut zipped(Script::pieces(&coded, size)), take_max);
            assert_eq!(gunzip(&parts.concat()), expected.as_bytes(), "{size} {take_max}");
            assert!(end.is_ok());
        }
    }

    #[test]
    fn members_and_all_that_a_header_may_have_are_read() {
        let full = GzBuilder::new().filename("a").comment("b").extra(vec![1; 300]).mtime(5);
        let mut full = full.write(Vec::new(), Compression::best());
        full.write_all(b"two ").unwrap();
        let coded = [gzip(b"one http://back"), full.finish().unwrap(), gzip(b""), gzip(b"three")].concat();
        let (parts, end) = drain(&mut zipped(Script::pieces(&coded, 3)), usize::MAX);
        assert!(end.is_ok());
        assert_eq!(gunzip(&parts.concat()), b"one http://backtwo three");
    }

    #[test]
    fn a_header_checksum_is_checked() {
        let mut header = vec![0x1f, 0x8b, 8, 1 << 1, 0, 0, 0, 0, 0, 0xff];
        let mut crc = flate2::Crc::new();
        crc.update(&header);
        let sum = crc.sum().to_le_bytes();
        let rest = gzip(b"content")[10..].to_vec();
        let good = [&header[..], &sum[..2], &rest].concat();
        assert_eq!(failure(&good), None);
        header[9] = 3;
        assert_eq!(failure(&[&header[..], &sum[..2], &rest].concat()), Some(Kind::UpstreamCoding));
    }

    #[test]
    fn a_coding_that_is_wrong_or_has_no_end_is_an_error() {
        let good = gzip(&b"some content, and more of it".repeat(50));
        for end in 1..good.len() {
            assert_eq!(failure(&good[..end]), Some(Kind::UpstreamBody(BodyError::Truncated)), "cut at {end}");
        }
        for behind in [&b"x"[..], b"\0", b"\x1f\x8b\x07"] {
            assert_eq!(failure(&[&good, behind].concat()), Some(Kind::UpstreamCoding), "{behind:?}");
        }
        for (at, name) in [(0, "magic"), (2, "method"), (3, "reserved flags")] {
            let mut bad = good.clone();
            bad[at] ^= 0x80;
            assert_eq!(failure(&bad), Some(Kind::UpstreamCoding), "{name}");
        }
        for from_end in 1..=8 {
            let mut bad = good.clone();
            let at = bad.len() - from_end;
            bad[at] ^= 1;
            assert_eq!(failure(&bad), Some(Kind::UpstreamCoding), "checksum or length, {from_end}");
        }
        assert_eq!(failure(b"<html>not gzip at all"), Some(Kind::UpstreamCoding));
    }

    #[test]
    fn nothing_at_all_stays_nothing() {
        let (parts, end) = drain(&mut zipped(Script::new([])), usize::MAX);
        assert_eq!((parts.concat().len(), end.is_ok()), (0, true));
        let (parts, _) = drain(&mut zipped(Script::pieces(&gzip(b""), 4)), usize::MAX);
        assert_eq!(gunzip(&parts.concat()), b"");
    }

    #[test]
    fn events_can_be_read_when_they_come() {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        let mut steps = Vec::new();
        let events = [b"data: http://backend/1\n\n".to_vec(), b"data: http:".to_vec(), vec![b'x'; 200_000]];
        for event in &events {
            encoder.write_all(event).unwrap();
            encoder.flush().unwrap();
            // The first look at a pause gives out what there is.
            steps.extend([Step::Data(std::mem::take(encoder.get_mut())), Step::Pause, Step::Pause]);
        }
        steps.push(Step::Data(encoder.finish().unwrap()));
        let mut body = zipped(Script::new(steps));
        let (parts, end) = drain(&mut body, usize::MAX);
        assert!(end.is_ok());
        let (mut inflater, mut seen) = (Inflater::default(), Vec::new());
        for part in parts {
            let (mut rest, mut event) = (&part[..], Vec::new());
            loop {
                let mut room = Vec::with_capacity(300_000);
                let inflated = inflater.step(rest, &mut room).unwrap();
                rest = &rest[inflated.used..];
                event.append(&mut room);
                if inflated.starved {
                    break;
                }
            }
            seen.push(event);
        }
        seen.retain(|event| !event.is_empty());
        assert_eq!(seen[0], b"data: https://public/1\n\n");
        assert_eq!(seen[1], b"data: ", "what may begin a match waits");
        assert_eq!(seen[2..].concat(), [b"http:".to_vec(), vec![b'x'; 200_000]].concat());
    }

    #[test]
    fn a_body_that_expands_a_thousandfold_takes_a_few_blocks() {
        let coded = gzip(&vec![b'0'; 4 * 1024 * 1024]);
        let mut body = zipped(Script::pieces(&coded, 64 * 1024));
        let mut cx = Context::from_waker(std::task::Waker::noop());
        let mut pauses = 0;
        while body.stage != Stage::Done {
            match body.poll_fill(&mut cx) {
                Poll::Ready(Ok(count)) => body.consume(count),
                Poll::Ready(Err(error)) => panic!("{error}"),
                Poll::Pending => pauses += 1,
            }
            assert!(body.plain.bytes.capacity() + body.out.bytes.capacity() <= 2 * REWRITE_BLOCK_BYTES);
            assert!(body.edited.bytes.capacity() <= REWRITE_BLOCK_BYTES + REWRITE_RULE_BYTES_MAX);
        }
        assert!(pauses > 4, "others have had their turn");
    }

    proptest! {
        #[test]
        fn what_is_coded_comes_back_with_its_pauses(
            parts in proptest::collection::vec((proptest::collection::vec(any::<u8>(), 0..3000), any::<bool>()), 0..8),
            repeat in 1_usize..6,
            take_max in 1_usize..2000,
        ) {
            let mut content = Vec::new();
            let mut steps = Vec::new();
            let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
            for (part, pause) in &parts {
                let part = part.repeat(repeat);
                encoder.write_all(&part).unwrap();
                encoder.flush().unwrap();
                content.extend(part.into_iter().filter(|byte| *byte != b'0'));
                steps.push(Step::Data(std::mem::take(encoder.get_mut())));
                steps.extend(pause.then_some(Step::Pause));
            }
            steps.push(Step::Data(encoder.finish().unwrap()));
            let (coded, end) = drain(&mut zipped(Script::new(steps)), take_max);
            prop_assert!(end.is_ok());
            prop_assert_eq!(gunzip(&coded.concat()), content);
        }
    }
}
