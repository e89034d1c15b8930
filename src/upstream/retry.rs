//! When a failed attempt may be made again. One pure rule.

/// What is known of an attempt that failed before the upstream's answer.
#[derive(Debug, Clone, Copy)]
pub struct Attempt {
    /// The upstream closed the connection. Silence, nonsense and a fault of the
    /// client's are no reason to ask again.
    pub closed: bool,
    /// It used a connection that had served before, which the upstream may
    /// have been closing.
    pub reused: bool,
    /// The upstream took at least one byte of it.
    pub sent_bytes: bool,
    /// At least one byte of an answer came.
    pub answered: bool,
    /// Content of the request was taken from the client and is gone.
    pub body_taken: bool,
    /// Repeating the method has the effect of sending it once.
    pub idempotent: bool,
}

/// True when it may be sent once more, on a fresh connection (RFC 9110 §9.2.2,
/// RFC 9112 §9.3.1).
#[must_use]
pub fn may_replay(attempt: Attempt) -> bool {
    attempt.closed
        && attempt.reused
        && !attempt.answered
        && !attempt.body_taken
        && (attempt.idempotent || !attempt.sent_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDLE_CLOSE: Attempt =
        Attempt { closed: true, reused: true, sent_bytes: true, answered: false, body_taken: false, idempotent: true };

    #[test]
    fn only_a_stale_connection_is_forgiven() {
        assert!(may_replay(IDLE_CLOSE));
        assert!(!may_replay(Attempt { closed: false, ..IDLE_CLOSE }), "a silent upstream is not asked twice");
        assert!(!may_replay(Attempt { reused: false, ..IDLE_CLOSE }));
        assert!(!may_replay(Attempt { answered: true, ..IDLE_CLOSE }));
        assert!(!may_replay(Attempt { body_taken: true, ..IDLE_CLOSE }));
    }

    #[test]
    fn what_is_not_idempotent_is_replayed_only_unsent() {
        let post = Attempt { idempotent: false, ..IDLE_CLOSE };
        assert!(!may_replay(post));
        assert!(may_replay(Attempt { sent_bytes: false, ..post }));
    }
}
