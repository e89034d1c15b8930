//! A body without a coding, rewritten while it passes.
//!
//! What no rule touches goes out from where it was received; only what stands
//! close to a replacement is copied.

use super::substitute::Editor;
use super::{Block, trailers};
use crate::error::Error;
use crate::exchange::BodyStream;
use crate::limits::REWRITE_BLOCK_BYTES;
use crate::message::Fields;
use std::task::{Context, Poll, ready};

/// Parts of a body that come to nothing before other connections get their turn.
const TURNS_MAX: usize = 32;

/// A run that no rule touches is worth a write of its own from this length on.
const RUN_BYTES_MIN: usize = 4 * 1024;

/// A body on its way through the rules.
#[derive(Debug)]
pub struct Plain {
    source: Box<dyn BodyStream>,
    editor: Editor,
    /// What was edited; it goes first.
    out: Block,
    /// So much at the front of the source's data goes out as it is.
    clean: usize,
}

impl Plain {
    /// Over that body.
    #[must_use]
    pub fn new(source: Box<dyn BodyStream>, editor: Editor) -> Self {
        Self { source, editor, out: Block::with_capacity(0), clean: 0 }
    }
}

impl BodyStream for Plain {
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<Result<usize, Error>> {
        for _ in 0..TURNS_MAX {
            if !self.out.is_empty() {
                return Poll::Ready(Ok(self.out.unread().len()));
            }
            if self.clean > 0 {
                return Poll::Ready(Ok(self.clean));
            }
            let out = self.out.refill();
            if ready!(self.source.poll_fill(cx))? == 0 {
                self.editor.finish(out, REWRITE_BLOCK_BYTES);
                return Poll::Ready(Ok(out.len()));
            }
            let edited = self.editor.edit(self.source.data(), out, REWRITE_BLOCK_BYTES, RUN_BYTES_MIN);
            if edited.used > 0 {
                self.source.consume(edited.used);
            }
            self.clean = edited.clean;
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn data(&self) -> &[u8] {
        if self.out.is_empty() { &self.source.data()[..self.clean] } else { self.out.unread() }
    }

    fn consume(&mut self, count: usize) {
        if self.out.is_empty() {
            self.source.consume(count);
            self.clean -= count;
        } else {
            self.out.consume(count);
        }
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
    use std::sync::Arc;

    fn plain(source: Box<Script>, pairs: &[(&str, &str)]) -> Plain {
        Plain::new(source, Editor::new(Arc::new(Substitution::new(pairs.iter().copied()))))
    }

    const PAIRS: &[(&str, &str)] = &[("http://backend/", "https://public/")];

    #[test]
    fn a_body_is_rewritten_whatever_the_sizes_of_its_parts() {
        let content = b"<a href=http://backend/x>http://backend</a>http://backend/".repeat(400);
        let expected = String::from_utf8(content.clone()).unwrap().replace("http://backend/", "https://public/");
        for (size, take_max) in [(1, 1), (7, 5), (1000, 300), (100_000, usize::MAX), (100_000, 4096)] {
            let (parts, end) = drain(&mut plain(Script::pieces(&content, size), PAIRS), take_max);
            assert_eq!(String::from_utf8(parts.concat()).unwrap(), expected, "{size} {take_max}");
            assert!(end.is_ok());
        }
    }

    #[test]
    fn events_go_out_when_they_come_and_only_a_beginning_waits() {
        let data = |text: &str| Step::Data(text.into());
        let steps = [data("data: 1\n\n"), Step::Pause, data("data: http:"), Step::Pause, data("//backend/\n\n")];
        let (parts, _) = drain(&mut plain(Script::new(steps), PAIRS), usize::MAX);
        assert_eq!(parts, [&b"data: 1\n\n"[..], b"data: ", b"https://public/\n\n"]);
    }

    #[test]
    fn what_no_rule_touches_is_never_copied() {
        let content = vec![b'x'; 64 * 1024];
        let mut body = plain(Script::new([Step::Data(content)]), PAIRS);
        let mut cx = Context::from_waker(std::task::Waker::noop());
        assert!(matches!(body.poll_fill(&mut cx), Poll::Ready(Ok(65_536))));
        assert!(std::ptr::eq(body.data(), body.source.data()));
        assert_eq!(body.out.bytes.capacity(), 0);
    }

    #[test]
    fn a_body_of_which_nothing_stays_lets_others_have_their_turn() {
        let content = b"http://backend/".repeat(TURNS_MAX * 3);
        let mut body = plain(Script::pieces(&content, 15), &[("http://backend/", "")]);
        let (parts, end) = drain(&mut body, usize::MAX);
        assert_eq!((parts, end.is_ok()), (vec![Vec::new(); 4], true));
    }

    #[test]
    fn a_body_that_breaks_off_does_not_end() {
        let steps = [Step::Data(b"ab http:".to_vec()), Step::Break];
        let (parts, end) = drain(&mut plain(Script::new(steps), PAIRS), usize::MAX);
        assert_eq!((parts.concat(), end.is_err()), (b"ab ".to_vec(), true));
    }

    #[test]
    fn trailers_that_no_longer_fit_go() {
        let names = ["Content-Digest", "repr-digest", "ETag", "x-checksum-crc32", "Server-Timing", "grpc-status"];
        let mut body = plain(Script::new([]).with_trailers(&names), PAIRS);
        let left: Vec<Vec<u8>> = body.take_trailers().iter().map(|field| field.name.to_vec()).collect();
        assert_eq!(left, [&b"Server-Timing"[..], b"grpc-status"]);
    }
}
