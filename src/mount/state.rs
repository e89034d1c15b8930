//! The life of a mount as a pure state machine: an event comes in, the state
//! changes, an effect comes out. No I/O, no clock; `actor` performs the effect.

use crate::error::Kind;
use crate::limits::MOUNT_DRAIN_MAX;
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
    /// Admits none; those on their way finish.
    Draining,
    /// Its actor failed and will be started again; requests on their way go on.
    Restarting,
    /// Over.
    Stopped,
}

impl Lifecycle {
    /// The inverse of `as u8`.
    #[must_use]
    pub fn from_u8(value: u8) -> Self {
        match value {
            0 => Self::Starting,
            1 => Self::Open,
            2 => Self::Draining,
            3 => Self::Restarting,
            _ => Self::Stopped,
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

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// The actor runs, for the first time or again.
    Started,
    /// A request found no credit and asks.
    Asked,
    /// There is a new spec.
    SpecChanged,
    /// The mount was removed.
    StopRequested,
    /// No request is on its way any more.
    Idle,
    /// What is on its way has had its time.
    Overdue,
    /// The actor panicked.
    Panicked,
}

/// What to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Nothing.
    None,
    /// Grant credits.
    Open,
    /// Take the credits back.
    Revoke,
    /// Let the request in if a credit has come free meanwhile, else refuse it.
    AdmitOrRefuse(Kind),
    /// Refuse the request.
    Refuse(Kind),
    /// Take note of the new plan, which counts already.
    TakeNote,
    /// End what is still on its way.
    Cut,
    /// Stop the actor.
    End,
    /// Start the actor again after this long.
    RestartAfter(Duration),
}

/// All that an actor remembers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// Where it is.
    pub lifecycle: Lifecycle,
    /// How often it was started again.
    pub restarts: u32,
    /// How many specs it has had.
    pub generation: u64,
    stopping: bool,
}

impl Default for State {
    fn default() -> Self {
        Self { lifecycle: Lifecycle::Starting, restarts: 0, generation: 1, stopping: false }
    }
}

impl State {
    /// Takes in one event.
    pub fn apply(&mut self, event: Event) -> Effect {
        match event {
            Event::Started if self.stopping => {
                self.lifecycle = Lifecycle::Draining;
                Effect::Revoke
            }
            Event::Started => {
                self.lifecycle = Lifecycle::Open;
                Effect::Open
            }
            Event::Asked => match self.lifecycle {
                Lifecycle::Open => Effect::AdmitOrRefuse(Kind::Saturated),
                Lifecycle::Starting | Lifecycle::Restarting => Effect::Refuse(Kind::Unavailable),
                Lifecycle::Draining | Lifecycle::Stopped => Effect::Refuse(Kind::Draining),
            },
            Event::SpecChanged => {
                self.generation += 1;
                Effect::TakeNote
            }
            Event::StopRequested => {
                self.stopping = true;
                self.lifecycle = Lifecycle::Draining;
                Effect::Revoke
            }
            Event::Idle if self.stopping => {
                self.lifecycle = Lifecycle::Stopped;
                Effect::End
            }
            Event::Idle => Effect::None,
            Event::Overdue if self.stopping => Effect::Cut,
            Event::Overdue => Effect::None,
            Event::Panicked => {
                self.restarts = self.restarts.saturating_add(1);
                self.lifecycle = Lifecycle::Restarting;
                Effect::RestartAfter(backoff(self.restarts))
            }
        }
    }

    /// True once it was asked to stop.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        self.stopping
    }
}

/// Twice as long each time, within bounds.
fn backoff(restarts: u32) -> Duration {
    use crate::limits::{RESTART_BACKOFF_MAX, RESTART_BACKOFF_MIN};
    let doublings = restarts.saturating_sub(1).min(16);
    (RESTART_BACKOFF_MIN * 2_u32.pow(doublings)).min(RESTART_BACKOFF_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_life_without_accidents() {
        let mut state = State::default();
        assert_eq!(state.apply(Event::Asked), Effect::Refuse(Kind::Unavailable));
        assert_eq!(state.apply(Event::Started), Effect::Open);
        assert_eq!(state.apply(Event::Asked), Effect::AdmitOrRefuse(Kind::Saturated));
        assert_eq!(state.apply(Event::SpecChanged), Effect::TakeNote);
        assert_eq!(state.generation, 2);
        assert_eq!(state.apply(Event::Idle), Effect::None);
        assert_eq!(state.apply(Event::StopRequested), Effect::Revoke);
        assert_eq!(state.apply(Event::Asked), Effect::Refuse(Kind::Draining));
        assert_eq!(state.apply(Event::Overdue), Effect::Cut);
        assert_eq!(state.apply(Event::Idle), Effect::End);
        assert_eq!(state.lifecycle, Lifecycle::Stopped);
    }

    #[test]
    fn restarts_back_off_within_bounds_and_a_stop_is_not_forgotten() {
        let mut state = State::default();
        let mut pauses = Vec::new();
        for _ in 0..30 {
            match state.apply(Event::Panicked) {
                Effect::RestartAfter(pause) => pauses.push(pause),
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(pauses[..3], [50, 100, 200].map(Duration::from_millis));
        assert_eq!(pauses.last(), Some(&crate::limits::RESTART_BACKOFF_MAX));
        state.apply(Event::StopRequested);
        state.apply(Event::Panicked);
        assert_eq!(state.apply(Event::Started), Effect::Revoke);
        assert_eq!(state.lifecycle, Lifecycle::Draining);
    }

    #[test]
    fn lifecycles_survive_being_a_number() {
        use Lifecycle::{Draining, Open, Restarting, Starting, Stopped};
        for lifecycle in [Starting, Open, Draining, Restarting, Stopped] {
            assert_eq!(Lifecycle::from_u8(lifecycle as u8), lifecycle);
        }
    }
}
