//! Changes whose old requests and tunnels have not all ended.
//!
//! Owns how an operation is known by the revision that began it. One that is
//! not here has ended: its requests died with the process, or it is so long ago
//! that nobody keeps it.

use super::change::Edit;
use crate::exchange::Generation;
use crate::limits::OPERATIONS_KEPT_MAX;
use crate::mount::Ending;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

/// What remains of the mount as it was before one revision.
#[derive(Debug, Clone)]
pub struct Operation {
    /// The revision that began it.
    pub revision: u64,
    /// What began it, where that is still known.
    pub about: Option<Arc<About>>,
}

/// What began an operation.
#[derive(Debug)]
pub struct About {
    /// The mount.
    pub mount: String,
    /// What was done to it.
    pub action: super::Action,
    /// What becomes of what it had.
    pub ending: Ending,
    /// When it began.
    pub started_at: SystemTime,
    generations: Vec<Arc<Generation>>,
}

impl Operation {
    /// Requests and tunnels that have not ended.
    #[must_use]
    pub fn remains(&self) -> (u64, u64) {
        let remains = self.generations().map(|generation| generation.remains());
        remains.fold((0, 0), |sum, (requests, tunnels)| (sum.0 + u64::from(requests), sum.1 + u64::from(tunnels)))
    }

    /// Nothing remains.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.generations().all(|generation| generation.is_over())
    }

    /// Something was cut off.
    #[must_use]
    pub fn was_cut(&self) -> bool {
        self.generations().any(|generation| generation.is_cut())
    }

    /// Waits until nothing remains.
    pub async fn done(&self) {
        for generation in self.generations() {
            generation.over().await;
        }
    }

    /// When what remains is cut off, where that was said.
    #[must_use]
    pub fn deadline_at(&self) -> Option<SystemTime> {
        let about = self.about.as_ref()?;
        match about.ending {
            Ending::Deadline(pause) => about.started_at.checked_add(pause),
            Ending::Finish | Ending::Kill => None,
        }
    }

    fn generations(&self) -> impl Iterator<Item = &Arc<Generation>> {
        self.about.iter().flat_map(|about| &about.generations)
    }
}

/// All operations that are known of.
#[derive(Debug, Default)]
pub struct Operations {
    list: Mutex<BTreeMap<u64, Arc<About>>>,
}

impl Operations {
    /// Begins one, if anything remains. Those that have ended are forgotten
    /// when there are too many, the oldest first; those that go on are as many
    /// as there are requests and tunnels at most.
    pub fn begin(&self, edit: &Edit, generations: Vec<Arc<Generation>>) -> Option<Operation> {
        if generations.is_empty() {
            return None;
        }
        let about = Arc::new(About {
            mount: edit.id().to_owned(),
            action: edit.action,
            ending: edit.ending,
            started_at: SystemTime::now(),
            generations,
        });
        let mut list = self.list.lock().unwrap_or_else(PoisonError::into_inner);
        list.insert(edit.revision, Arc::clone(&about));
        let is_over = |about: &Arc<About>| about.generations.iter().all(|generation| generation.is_over());
        // Looked through now and then, not each time.
        if list.len() > OPERATIONS_KEPT_MAX && list.len().is_power_of_two() {
            let mut surplus = list.len() - OPERATIONS_KEPT_MAX / 2;
            list.retain(|_, about| {
                let goes = surplus > 0 && is_over(about);
                surplus -= usize::from(goes);
                !goes
            });
        }
        Some(Operation { revision: edit.revision, about: Some(about) })
    }

    /// The one that this revision began.
    #[must_use]
    pub fn get(&self, revision: u64) -> Operation {
        let list = self.list.lock().unwrap_or_else(PoisonError::into_inner);
        Operation { revision, about: list.get(&revision).cloned() }
    }
}
