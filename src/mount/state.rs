//! The life of a mount as a pure state machine: an event comes in, the state
//! changes, an effect comes out. No I/O, no clock; `actor` performs the effect.

use crate::error::Kind;
use crate::limits::{MOUNT_DRAIN_MAX, RESTARTS_HELD_MAX, RESTARTS_MAX};
use serde::Serialize;
use std::time::Duration;

/// Where a mount is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[repr(u8)]
pub enum Lifecycle {
    /// Made, and its actor has not run yet.
    Starting,
    /// Admits requests.
    Open,
    /// Holds requests.
    Paused,
    /// Admits none; those on their way finish.
    Draining,
    /// Admits none, and has none.
    Disabled,
    /// Its actor failed and will be started again; requests on their way go on.
    Restarting,
    /// Its actor failed again and again, and is left alone.
    Failed,
    /// Over.
    Stopped,
}

impl Lifecycle {
    /// All there are, in the order of their numbers.
    pub const ALL: [Self; 8] = [
        Self::Starting,
        Self::Open,
        Self::Paused,
        Self::Draining,
        Self::Disabled,
        Self::Restarting,
        Self::Failed,
        Self::Stopped,
    ];

    /// The words of those that a mount of the set can be in, which is all but the
    /// last, in the order of their numbers.
    pub const WORDS: [&str; 7] = ["starting", "open", "paused", "draining", "disabled", "restarting", "failed"];

    /// The inverse of `as u8`.
    #[must_use]
    pub fn from_u8(value: u8) -> Self {
        Self::ALL.get(usize::from(value)).copied().unwrap_or(Self::Stopped)
    }

    /// Where a mount is that was here when its actor looked last, once that takes
    /// note of what was wished meanwhile.
    #[must_use]
    pub fn seen(self, stopping: bool, wish: Wish, remains: bool) -> Self {
        match (stopping, wish, remains) {
            _ if !self.runs() => self,
            (true, _, false) => Self::Stopped,
            (true, _, true) | (false, Wish { enabled: false, .. }, true) => Self::Draining,
            (false, Wish { enabled: false, .. }, false) => Self::Disabled,
            (false, Wish { paused: true, .. }, _) => Self::Paused,
            (false, Wish { paused: false, .. }, _) => Self::Open,
        }
    }

    /// Its actor runs.
    fn runs(self) -> bool {
        !matches!(self, Self::Starting | Self::Restarting | Self::Failed)
    }

    /// Why it is there, where that is not simply open.
    #[must_use]
    pub fn reason(self, stopping: bool) -> Option<&'static str> {
        match self {
            Self::Open | Self::Stopped => None,
            Self::Starting => Some("its actor has not run yet"),
            Self::Paused => Some("it was paused; resume lets its requests go on"),
            Self::Draining if stopping => Some("it is being removed; what is on its way may finish"),
            Self::Draining => Some("it is switched off; what is on its way may finish"),
            Self::Disabled => Some("it is switched off; enable makes it answer"),
            Self::Restarting => Some("its actor failed and is about to be started again"),
            Self::Failed => Some("its actor failed again and again; restart tries once more"),
        }
    }

    /// Its word in the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Open => "open",
            Self::Paused => "paused",
            Self::Draining => "draining",
            Self::Disabled => "disabled",
            Self::Restarting => "restarting",
            Self::Failed => "failed",
            Self::Stopped => "stopped",
        }
    }
}

/// What becomes of requests and tunnels that began before a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// They go on until they end.
    Finish,
    /// They may go on for so long, and are cut off then.
    Deadline(Duration),
    /// They are cut off at once.
    Kill,
}

impl Ending {
    /// Where nothing is said about a mount that goes.
    pub const DRAIN: Self = Self::Deadline(MOUNT_DRAIN_MAX);

    /// Its word in the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Finish => "finish",
            Self::Deadline(_) => "deadline",
            Self::Kill => "kill",
        }
    }
}

/// What the mount is to be, as somebody wished.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wish {
    /// It answers.
    pub enabled: bool,
    /// It holds its requests.
    pub paused: bool,
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// The actor runs, for the first time or again.
    Started,
    /// The mount is to be like that.
    Wished(Wish),
    /// Old generations still have something, or no longer.
    Remains(bool),
    /// The mount was removed.
    StopRequested,
    /// The actor is to be started anew.
    RestartRequested,
    /// The actor panicked.
    Panicked {
        /// It had run for long enough: this is nothing that goes on and on.
        after_long: bool,
    },
}

/// What to do about it, beside what [`State::admission`] says from now on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Nothing.
    None,
    /// Start the actor again after this long.
    RestartAfter(Duration),
    /// Begin anew, with nothing kept.
    Renew,
}

/// What becomes of requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Admission {
    /// They are let in as there are places.
    Admit,
    /// They wait; this one is told to those who wait for too long.
    Hold(Kind),
    /// They are refused.
    Refuse(Kind),
}

/// All that an actor remembers of its life.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// Where it is.
    pub lifecycle: Lifecycle,
    /// How often it was started again after it had failed.
    pub restarts: u32,
    /// How often in a row it has failed.
    failures: u32,
    wish: Wish,
    remains: bool,
    stopping: bool,
}

impl State {
    /// A mount that has not run yet.
    #[must_use]
    pub fn new(wish: Wish) -> Self {
        let lifecycle = Lifecycle::Starting;
        Self { lifecycle, restarts: 0, failures: 0, wish, remains: false, stopping: false }
    }

    /// Takes in one event.
    pub fn apply(&mut self, event: Event) -> Effect {
        match event {
            Event::Started => self.lifecycle = self.wished(),
            Event::Wished(wish) => {
                self.wish = wish;
                // Another spec may be what mends it.
                if self.lifecycle == Lifecycle::Failed {
                    self.failures = 0;
                    self.lifecycle = self.wished();
                }
            }
            Event::Remains(remains) => self.remains = remains,
            Event::StopRequested => self.stopping = true,
            Event::RestartRequested => {
                self.failures = 0;
                self.lifecycle = self.wished();
                return Effect::Renew;
            }
            Event::Panicked { after_long } => return self.fall(after_long),
        }
        if self.lifecycle.runs() || self.stopping {
            self.lifecycle = self.wished();
        }
        Effect::None
    }

    fn fall(&mut self, after_long: bool) -> Effect {
        self.failures = if after_long { 1 } else { self.failures.saturating_add(1) };
        if self.failures > RESTARTS_MAX {
            self.lifecycle = Lifecycle::Failed;
            return Effect::None;
        }
        self.restarts = self.restarts.saturating_add(1);
        self.lifecycle = Lifecycle::Restarting;
        Effect::RestartAfter(backoff(self.failures))
    }

    /// Where it is if nothing is wrong with it.
    fn wished(&self) -> Lifecycle {
        Lifecycle::Open.seen(self.stopping, self.wish, self.remains)
    }

    /// True once it was asked to stop.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        self.stopping
    }

    /// What becomes of requests now.
    #[must_use]
    pub fn admission(&self) -> Admission {
        match self.lifecycle {
            // The table knows by now who answers instead.
            _ if self.stopping => Admission::Refuse(Kind::Moved),
            Lifecycle::Open => Admission::Admit,
            Lifecycle::Paused => Admission::Hold(Kind::Paused),
            Lifecycle::Starting => Admission::Hold(Kind::Unavailable),
            Lifecycle::Restarting if self.failures <= RESTARTS_HELD_MAX && self.wish.enabled => {
                Admission::Hold(Kind::Unavailable)
            }
            Lifecycle::Restarting => Admission::Refuse(Kind::Unavailable),
            Lifecycle::Draining => Admission::Refuse(Kind::Draining),
            Lifecycle::Disabled => Admission::Refuse(Kind::Disabled),
            Lifecycle::Failed => Admission::Refuse(Kind::Failed),
            Lifecycle::Stopped => Admission::Refuse(Kind::Moved),
        }
    }
}

/// Twice as long each time, within bounds.
fn backoff(failures: u32) -> Duration {
    use crate::limits::{RESTART_BACKOFF_MAX, RESTART_BACKOFF_MIN};
    let doublings = failures.saturating_sub(1).min(16);
    (RESTART_BACKOFF_MIN * 2_u32.pow(doublings)).min(RESTART_BACKOFF_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPEN: Wish = Wish { enabled: true, paused: false };
    const PAUSED: Wish = Wish { enabled: true, paused: true };
    const DISABLED: Wish = Wish { enabled: false, paused: false };
    const PANIC: Event = Event::Panicked { after_long: false };

    fn running(wish: Wish) -> State {
        let mut state = State::new(wish);
        assert_eq!(state.admission(), Admission::Hold(Kind::Unavailable), "nobody is refused because it begins");
        assert_eq!(state.apply(Event::Started), Effect::None);
        state
    }

    #[test]
    fn a_mount_begins_as_it_was_wished() {
        for (wish, lifecycle, admission) in [
            (OPEN, Lifecycle::Open, Admission::Admit),
            (PAUSED, Lifecycle::Paused, Admission::Hold(Kind::Paused)),
            (DISABLED, Lifecycle::Disabled, Admission::Refuse(Kind::Disabled)),
            (Wish { enabled: false, paused: true }, Lifecycle::Disabled, Admission::Refuse(Kind::Disabled)),
        ] {
            let state = running(wish);
            assert_eq!((state.lifecycle, state.admission()), (lifecycle, admission));
        }
    }

    #[test]
    fn every_wish_is_met_from_every_other() {
        for before in [OPEN, PAUSED, DISABLED] {
            for after in [OPEN, PAUSED, DISABLED] {
                let mut state = running(before);
                assert_eq!(state.apply(Event::Wished(after)), Effect::None);
                assert_eq!(state, running(after));
            }
        }
    }

    #[test]
    fn a_mount_is_drained_until_nothing_remains() {
        let mut state = running(OPEN);
        state.apply(Event::Remains(true));
        assert_eq!(state.lifecycle, Lifecycle::Open, "an old generation of an open mount");
        state.apply(Event::Wished(DISABLED));
        assert_eq!((state.lifecycle, state.admission()), (Lifecycle::Draining, Admission::Refuse(Kind::Draining)));
        state.apply(Event::Remains(false));
        assert_eq!(state.lifecycle, Lifecycle::Disabled);
        state.apply(Event::Wished(OPEN));
        assert_eq!((state.lifecycle, state.lifecycle.reason(false)), (Lifecycle::Open, None));
    }

    #[test]
    fn a_removed_mount_ends_with_what_it_has() {
        let mut state = running(OPEN);
        state.apply(Event::Remains(true));
        state.apply(Event::StopRequested);
        assert_eq!((state.lifecycle, state.admission()), (Lifecycle::Draining, Admission::Refuse(Kind::Moved)));
        state.apply(Event::Wished(PAUSED));
        assert_eq!(state.lifecycle, Lifecycle::Draining, "nothing else counts then");
        state.apply(Event::Remains(false));
        assert_eq!(state.lifecycle, Lifecycle::Stopped);
        let mut idle = running(PAUSED);
        idle.apply(Event::StopRequested);
        assert_eq!(idle.lifecycle, Lifecycle::Stopped);
    }

    #[test]
    fn restarts_back_off_within_bounds_and_end() {
        let mut state = running(OPEN);
        let mut pauses = Vec::new();
        while let Effect::RestartAfter(pause) = state.apply(PANIC) {
            pauses.push(pause);
            let held = pauses.len() <= RESTARTS_HELD_MAX as usize;
            assert_eq!(matches!(state.admission(), Admission::Hold(_)), held, "requests wait for short pauses only");
        }
        assert_eq!(pauses.len(), RESTARTS_MAX as usize);
        assert_eq!(pauses[..3], [50, 100, 200].map(Duration::from_millis));
        assert!(pauses.iter().all(|pause| *pause <= crate::limits::RESTART_BACKOFF_MAX));
        assert_eq!((state.lifecycle, state.admission()), (Lifecycle::Failed, Admission::Refuse(Kind::Failed)));
        assert_eq!(state.restarts, RESTARTS_MAX);
        assert_eq!(state.apply(Event::RestartRequested), Effect::Renew);
        assert_eq!(state.lifecycle, Lifecycle::Open);
        assert_eq!(state.apply(PANIC), Effect::RestartAfter(Duration::from_millis(50)));
    }

    #[test]
    fn a_panic_now_and_then_is_always_the_first() {
        let mut state = running(OPEN);
        for _ in 0..100 {
            let effect = state.apply(Event::Panicked { after_long: true });
            assert_eq!(effect, Effect::RestartAfter(Duration::from_millis(50)));
            state.apply(Event::Started);
            assert_eq!(state.lifecycle, Lifecycle::Open);
        }
    }

    #[test]
    fn what_is_wished_while_it_restarts_counts_when_it_runs() {
        let mut state = running(OPEN);
        state.apply(PANIC);
        state.apply(Event::Wished(DISABLED));
        assert_eq!((state.lifecycle, state.admission()), (Lifecycle::Restarting, Admission::Refuse(Kind::Unavailable)));
        state.apply(Event::Started);
        assert_eq!(state.lifecycle, Lifecycle::Disabled);
        state.apply(PANIC);
        state.apply(Event::StopRequested);
        assert_eq!(state.lifecycle, Lifecycle::Stopped, "a removed mount need not be mended");
        let mut failed = running(OPEN);
        while failed.apply(PANIC) != Effect::None {}
        failed.apply(Event::Wished(PAUSED));
        assert_eq!(failed.lifecycle, Lifecycle::Paused, "another spec may be what mends it");
    }

    #[test]
    fn lifecycles_survive_being_a_number() {
        for lifecycle in Lifecycle::ALL {
            assert_eq!(Lifecycle::from_u8(lifecycle as u8), lifecycle);
            assert_eq!(serde_json::json!(lifecycle), lifecycle.as_str());
            let word = Lifecycle::WORDS.get(lifecycle as usize).copied();
            assert_eq!(word, (lifecycle != Lifecycle::Stopped).then_some(lifecycle.as_str()));
        }
    }
}
