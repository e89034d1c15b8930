//! What may be asked of the set of mounts, by whom, and what comes of it.

use super::Record;
use crate::limits::CONDITION_REVISIONS_MAX;
use crate::mount::spec::keeping::Lease;
use crate::mount::{Ending, MountSpec};
use serde::Serialize;
use smallvec::SmallVec;
use std::fmt;
use std::sync::Arc;

/// A change, and all that goes with it.
#[derive(Debug, Clone)]
pub struct Request {
    /// What is to change.
    pub change: Change,
    /// What must hold for it to be made.
    pub condition: Condition,
    /// Who asks, and why.
    pub origin: Origin,
}

/// Who changes something, and why.
#[derive(Debug, Clone)]
pub struct Origin {
    /// The name of the token, or of the part of the proxy.
    pub who: Arc<str>,
    /// What was given as the reason.
    pub why: Option<String>,
    /// Only mounts of this owner may be touched; none is no bound.
    pub owner: Option<Arc<str>>,
}

impl Origin {
    /// A part of the proxy itself.
    #[must_use]
    pub fn own(who: &str) -> Self {
        Self { who: who.into(), why: None, owner: None }
    }
}

/// What must hold of the mount that a change is about (RFC 9110 §13.1).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Condition {
    /// Nothing.
    #[default]
    None,
    /// `If-Match`: it is as one of these revisions made it.
    Revision(SmallVec<[u64; CONDITION_REVISIONS_MAX]>),
    /// `If-Match: *`: there is one.
    Exists,
    /// `If-None-Match: *`: there is none.
    Absent,
}

impl Condition {
    /// Refuses it of a mount that is at that revision, or of none.
    pub fn check(&self, id: &str, revision: Option<u64>) -> Result<(), Refusal> {
        let holds = match self {
            Self::None => true,
            Self::Revision(wanted) => revision.is_some_and(|revision| wanted.contains(&revision)),
            Self::Exists => revision.is_some(),
            Self::Absent => revision.is_none(),
        };
        if holds { Ok(()) } else { Err(Refusal::Condition { id: id.into(), revision }) }
    }
}

/// A change of the set.
#[derive(Debug, Clone)]
pub enum Change {
    /// A new mount.
    Create(Box<MountSpec>),
    /// A mount of that id, new or instead of the one there is.
    Put(Box<MountSpec>, Ending),
    /// No mount of that id.
    Delete(String, Ending),
    /// One step in the life of that mount.
    Act(String, Act),
    /// Mounts of those ids, new or instead of those there are: all or none.
    Import(Vec<MountSpec>),
    /// The whole set of one owner, which each of them names: all or none.
    Apply {
        /// Whose.
        owner: String,
        /// Its mounts.
        specs: Vec<MountSpec>,
        /// Its other mounts go.
        prune: bool,
    },
    /// Mounts as they were: all or none.
    Restore {
        /// By id; none is no mount of that id.
        versions: Vec<(String, Option<Version>)>,
        /// Only while this is the last revision.
        at: Option<u64>,
    },
}

/// What the journal remembers of a mount: what can be restored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// What it is.
    pub spec: Arc<MountSpec>,
    /// It holds its requests.
    pub paused: bool,
}

/// One step in a mount's life that somebody asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// Hold new requests.
    Pause,
    /// Let them go on.
    Resume,
    /// Answer again.
    Enable,
    /// Refuse new requests; what is on its way may finish.
    Disable,
    /// The same, and say what becomes of the rest.
    Drain(Ending),
    /// Start the actor anew, with connections of its own.
    Restart,
    /// The lease has run out.
    Expire,
    /// Another lease.
    Lease(Lease),
}

/// What a revision did, in the words of the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// A new mount.
    Create,
    /// It is another now.
    Replace,
    /// It is gone.
    Delete,
    /// It holds requests.
    Pause,
    /// It does no more.
    Resume,
    /// It answers again.
    Enable,
    /// It refuses requests.
    Disable,
    /// The same, to empty it.
    Drain,
    /// Its actor was started anew.
    Restart,
    /// Its lease ran out.
    Expire,
    /// It has another lease.
    Lease,
    /// It is as it was once.
    Restore,
}

impl Action {
    /// All there are.
    pub const ALL: [Self; 12] = [
        Self::Create,
        Self::Replace,
        Self::Delete,
        Self::Pause,
        Self::Resume,
        Self::Enable,
        Self::Disable,
        Self::Drain,
        Self::Restart,
        Self::Expire,
        Self::Lease,
        Self::Restore,
    ];

    /// Its word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Replace => "replace",
            Self::Delete => "delete",
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Enable => "enable",
            Self::Disable => "disable",
            Self::Drain => "drain",
            Self::Restart => "restart",
            Self::Expire => "expire",
            Self::Lease => "lease",
            Self::Restore => "restore",
        }
    }
}

impl Act {
    /// What the journal calls it.
    #[must_use]
    pub fn action(self) -> Action {
        match self {
            Self::Pause => Action::Pause,
            Self::Resume => Action::Resume,
            Self::Enable => Action::Enable,
            Self::Disable => Action::Disable,
            Self::Drain(_) => Action::Drain,
            Self::Restart => Action::Restart,
            Self::Expire => Action::Expire,
            Self::Lease(_) => Action::Lease,
        }
    }
}

/// One mount before and after a change.
#[derive(Debug, Clone)]
pub struct Edit {
    /// What was done.
    pub action: Action,
    /// As it was; none where it is new.
    pub before: Option<Arc<Record>>,
    /// As it is; none where it is gone.
    pub after: Option<Arc<Record>>,
    /// The revision that this made.
    pub revision: u64,
    /// What becomes of what began before.
    pub ending: Ending,
}

impl Edit {
    /// The mount.
    #[must_use]
    pub fn id(&self) -> &str {
        self.before.as_ref().or(self.after.as_ref()).map_or("", |record| &record.spec.id)
    }
}

/// What a change did.
#[derive(Debug, Clone, Default)]
pub struct Done {
    /// The last revision it made, or the one there was if it changed nothing.
    pub revision: u64,
    /// Each mount that it changed, in the order of the revisions.
    pub edits: Vec<Edit>,
    /// The mounts that were as they were to be.
    pub unchanged: Vec<Arc<Record>>,
}

impl Done {
    /// The one mount that a change was about, if there still is one.
    #[must_use]
    pub fn mount(&self) -> Option<&Arc<Record>> {
        match self.edits.last() {
            Some(edit) => edit.after.as_ref(),
            None => self.unchanged.first(),
        }
    }
}

/// Why a change was not made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// The id is taken.
    IdTaken(String),
    /// Another mount has that match.
    MatchTaken {
        /// The match.
        matches: String,
        /// Whose it is.
        by: String,
    },
    /// There is no such mount.
    Unknown(String),
    /// The mount comes from the command line.
    Fixed(String),
    /// The mount would make the proxy an open one, for others than this machine.
    OpenProxy(String),
    /// The mount is not what the caller takes it for.
    Condition {
        /// Which.
        id: String,
        /// Its revision now; none where there is no such mount.
        revision: Option<u64>,
    },
    /// The mount belongs to somebody else.
    NotOwner {
        /// Which.
        id: String,
        /// Who asked.
        owner: String,
    },
    /// The mount has no lease, or it has run out.
    NoLease(String),
    /// The act does not go with the mount's state.
    State(String),
    /// Others have changed what this change goes by.
    Overtaken,
    /// Too many changes at once.
    Busy,
    /// The store could not take it; nothing was changed.
    Storage(String),
    /// The store failed, and nobody can tell yet whether it has taken it.
    Unsettled(String),
    /// The thread that makes changes has ended, by a mistake of ours.
    Stopped,
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::IdTaken(id) => write!(
                formatter,
                "there is a mount '{id}' already; choose another id, or change that mount (PUT replaces it)"
            ),
            Self::MatchTaken { matches, by } => write!(formatter, "mount '{by}' answers for {matches} already"),
            Self::Unknown(id) => write!(formatter, "there is no mount '{id}'"),
            Self::Fixed(id) => {
                write!(
                    formatter,
                    "mount '{id}' comes from --mount, --paste, --demo or the configuration; change it there"
                )
            }
            Self::OpenProxy(id) => write!(
                formatter,
                "mount '{id}' goes to any host that a request names, and the front can be reached by other machines: \
                 name the hosts in allowed_hosts, or start the server with --allow-open-proxy"
            ),
            Self::Condition { id, revision: Some(revision) } => {
                write!(formatter, "mount '{id}' is at revision {revision} now; read it again and repeat the change")
            }
            Self::Condition { id, revision: None } => write!(formatter, "there is no mount '{id}' now"),
            Self::NotOwner { id, owner } => write!(
                formatter,
                "this token changes only mounts whose label owner is '{owner}', before and after the change; '{id}' is \
                 or would be none of them"
            ),
            Self::NoLease(id) => write!(
                formatter,
                "mount '{id}' has no lease that runs: enable it, or send it again with one, and the lease begins"
            ),
            Self::State(detail) => formatter.write_str(detail),
            Self::Overtaken => formatter.write_str("others change the mounts all the while; try again"),
            Self::Busy => formatter.write_str("too many changes are waiting; try again"),
            Self::Storage(error) => write!(formatter, "the change could not be stored, and was not made: {error}"),
            Self::Stopped => formatter.write_str(
                "a mistake of ours has ended the changing of mounts, as the server's log tells: this change is made \
                 after a restart, or is not; restart the server and read the mounts again",
            ),
            Self::Unsettled(error) => write!(
                formatter,
                "the store failed, and cannot be read at the moment: {error}. The change is not in effect; it will be \
                 if the next change finds that it was stored. Read the mounts again then"
            ),
        }
    }
}
