//! The calls of the API: a request becomes a typed action here, and nowhere
//! else. Handlers are thin: read, ask the registry, show.

use super::app::AdminState;
use super::caller::{Caller, Effect};
use super::guard::Guard;
use super::problem::Problem;
use super::{
    apply, events, explain, export, import, json, life, list, metrics, model, mounts, operations, revisions, stats,
    token_calls, traffic,
};
use crate::exchange::{Exchange, Reply};
use crate::http1::Framing;
use crate::limits::ADMIN_BODY_BYTES_MAX;
use crate::mount::{Ending, MountSpec, SpecFault, identity, trust};
use crate::registry::Act;
use serde_json::{Value, json};

/// A path and what its methods do.
#[derive(Debug)]
pub struct Route {
    /// As openapi.yaml writes it.
    pub path: &'static str,
    /// True when the token is asked for.
    pub guarded: bool,
    /// What there is, by method.
    pub actions: &'static [(&'static str, Action)],
    /// The methods, for `Allow`.
    pub allow: &'static str,
}

/// What a call does.
#[derive(Debug, Clone, Copy)]
pub enum Action {
    /// All mounts.
    List,
    /// A new mount.
    Create,
    /// One mount.
    Show,
    /// A mount, new or instead of the one there is.
    Put,
    /// Some members of a mount.
    Patch,
    /// One mount less.
    Delete,
    /// One step in a mount's life.
    Act(Act),
    /// A mount's lease, begun anew.
    Lease,
    /// The whole set of one owner.
    Apply,
    /// Many mounts at once, from JSON or a Paste Deploy file.
    Import,
    /// All mounts, for an import.
    Export,
    /// What would become of a request.
    Explain,
    /// What happens, as it happens.
    Events,
    /// What every revision did.
    Revisions,
    /// What those of one mount did.
    MountRevisions,
    /// What one revision did.
    Revision,
    /// Mounts as they were once.
    Restore,
    /// Who calls.
    Caller,
    /// Who may call.
    ListTokens,
    /// Somebody more.
    AddToken,
    /// Somebody less.
    RemoveToken,
    /// What remains of a mount as it was before a change.
    Operation,
    /// What one mount has done.
    MountStats,
    /// Its requests as they end.
    Traffic,
    /// What all have done.
    Stats,
    /// The same for Prometheus.
    Metrics,
    /// The process lives.
    Health,
    /// The process takes requests.
    Ready,
    /// openapi.yaml.
    Contract,
}

macro_rules! act {
    ($name:literal, $act:expr) => {
        Route {
            path: concat!("/v1/mounts/{id}/", $name),
            guarded: true,
            actions: &[("POST", Action::Act($act))],
            allow: "POST",
        }
    };
}

/// Every path there is beside the UI's files. A test compares it to openapi.yaml.
pub const ROUTES: &[Route] = &[
    Route {
        path: "/v1/mounts",
        guarded: true,
        actions: &[("GET", Action::List), ("POST", Action::Create), ("PUT", Action::Apply)],
        allow: "GET, HEAD, POST, PUT",
    },
    Route {
        path: "/v1/mounts/{id}",
        guarded: true,
        actions: &[("GET", Action::Show), ("PUT", Action::Put), ("PATCH", Action::Patch), ("DELETE", Action::Delete)],
        allow: "GET, HEAD, PUT, PATCH, DELETE",
    },
    act!("pause", Act::Pause),
    act!("resume", Act::Resume),
    act!("enable", Act::Enable),
    act!("disable", Act::Disable),
    act!("drain", Act::Drain(Ending::DRAIN)),
    act!("restart", Act::Restart),
    Route { path: "/v1/mounts/{id}/lease", guarded: true, actions: &[("PUT", Action::Lease)], allow: "PUT" },
    Route { path: "/v1/import", guarded: true, actions: &[("POST", Action::Import)], allow: "POST" },
    Route { path: "/v1/export", guarded: true, actions: &[("GET", Action::Export)], allow: "GET, HEAD" },
    Route { path: "/v1/explain", guarded: true, actions: &[("POST", Action::Explain)], allow: "POST" },
    Route { path: "/v1/events", guarded: true, actions: &[("GET", Action::Events)], allow: "GET, HEAD" },
    Route { path: "/v1/revisions", guarded: true, actions: &[("GET", Action::Revisions)], allow: "GET, HEAD" },
    Route {
        path: "/v1/revisions/{revision}",
        guarded: true,
        actions: &[("GET", Action::Revision)],
        allow: "GET, HEAD",
    },
    Route {
        path: "/v1/revisions/{revision}/restore",
        guarded: true,
        actions: &[("POST", Action::Restore)],
        allow: "POST",
    },
    Route {
        path: "/v1/mounts/{id}/revisions",
        guarded: true,
        actions: &[("GET", Action::MountRevisions)],
        allow: "GET, HEAD",
    },
    Route {
        path: "/v1/tokens",
        guarded: true,
        actions: &[("GET", Action::ListTokens), ("POST", Action::AddToken)],
        allow: "GET, HEAD, POST",
    },
    Route { path: "/v1/caller", guarded: true, actions: &[("GET", Action::Caller)], allow: "GET, HEAD" },
    Route { path: "/v1/tokens/{id}", guarded: true, actions: &[("DELETE", Action::RemoveToken)], allow: "DELETE" },
    Route { path: "/v1/mounts/{id}/stats", guarded: true, actions: &[("GET", Action::MountStats)], allow: "GET, HEAD" },
    Route { path: "/v1/mounts/{id}/traffic", guarded: true, actions: &[("GET", Action::Traffic)], allow: "GET, HEAD" },
    Route { path: "/v1/operations/{id}", guarded: true, actions: &[("GET", Action::Operation)], allow: "GET, HEAD" },
    Route { path: "/v1/stats", guarded: true, actions: &[("GET", Action::Stats)], allow: "GET, HEAD" },
    Route { path: "/metrics", guarded: true, actions: &[("GET", Action::Metrics)], allow: "GET, HEAD" },
    Route { path: "/healthz", guarded: false, actions: &[("GET", Action::Health)], allow: "GET, HEAD" },
    Route { path: "/readyz", guarded: false, actions: &[("GET", Action::Ready)], allow: "GET, HEAD" },
    Route { path: "/openapi.yaml", guarded: false, actions: &[("GET", Action::Contract)], allow: "GET, HEAD" },
];

const CONTRACT: &str = include_str!("../../openapi.yaml");

impl Action {
    /// What it may do. One that asks for no token can only read.
    #[must_use]
    pub fn effect(self) -> Effect {
        match self {
            Self::List
            | Self::Show
            | Self::Export
            | Self::Explain
            | Self::Events
            | Self::Revisions
            | Self::MountRevisions
            | Self::Revision
            | Self::Operation
            | Self::Caller
            | Self::MountStats
            | Self::Traffic
            | Self::Stats
            | Self::Metrics
            | Self::Health
            | Self::Ready
            | Self::Contract => Effect::Reads,
            Self::Create
            | Self::Put
            | Self::Patch
            | Self::Delete
            | Self::Act(_)
            | Self::Lease
            | Self::Apply
            | Self::Import
            | Self::Restore => Effect::Rehearses,
            Self::ListTokens | Self::AddToken | Self::RemoveToken => Effect::Governs,
        }
    }
}

impl Route {
    /// The action of a method; HEAD is GET without content.
    pub fn action(&self, method: &[u8]) -> Result<Action, Problem> {
        let method = if method == b"HEAD" { b"GET" } else { method };
        let found = self.actions.iter().find(|(name, _)| name.as_bytes() == method);
        found.map(|(_, action)| *action).ok_or_else(|| Problem {
            allow: Some(self.allow),
            ..Problem::new(405, format!("this path takes {}", self.allow))
        })
    }
}

/// Does what was asked. `id` is the mount, token or revision that
/// the path names.
pub async fn perform(
    state: &AdminState,
    action: Action,
    id: &str,
    caller: &Caller,
    exchange: &Exchange,
) -> Result<Reply, Problem> {
    match action {
        Action::List => list::perform(state, exchange).await,
        Action::Show => mounts::show(state, id, exchange).await,
        Action::Create => mounts::create(state, caller, exchange).await,
        Action::Put => mounts::put(state, caller, id, exchange).await,
        Action::Patch => mounts::patch(state, caller, id, exchange).await,
        Action::Delete => mounts::delete(state, caller, id, exchange).await,
        Action::Act(act) => life::act(state, caller, act, id, exchange).await,
        Action::Lease => life::lease(state, caller, id, exchange).await,
        Action::Apply => apply::perform(state, caller, exchange).await,
        Action::Import => import::perform(state, caller, exchange).await,
        Action::Export => export::perform(state, exchange).await,
        Action::Explain => explain::perform(state, exchange).await,
        Action::Events => events::perform(state, caller, exchange).await,
        Action::Revisions => revisions::list(state, None, exchange).await,
        Action::MountRevisions => revisions::list(state, Some(id), exchange).await,
        Action::Revision => revisions::show(state, id, exchange).await,
        Action::Restore => revisions::restore(state, caller, id, exchange).await,
        Action::Caller => token_calls::whose(state, caller, exchange).await,
        Action::ListTokens => token_calls::list(state, exchange).await,
        Action::AddToken => token_calls::add(state, caller, exchange).await,
        Action::RemoveToken => token_calls::remove(state, caller, id, exchange).await,
        Action::Operation => operations::show(state, id, exchange).await,
        Action::MountStats => stats::of_mount(state, id, exchange).await,
        Action::Traffic => traffic::perform(state, caller, id, exchange).await,
        Action::Stats => stats::of_process(state, exchange).await,
        Action::Metrics => metrics::perform(state, exchange).await,
        Action::Health => Ok(model::json_reply(200, &json!({ "status": "ok" }))),
        Action::Ready if state.front.is_ending() => Ok(model::json_reply(503, &json!({ "status": "draining" }))),
        Action::Ready if state.registry.has_stopped() => Ok(model::json_reply(503, &json!({ "status": "failed" }))),
        Action::Ready => Ok(model::json_reply(200, &json!({ "status": "ok" }))),
        Action::Contract => Ok(model::reply(200, "application/yaml", CONTRACT.into())),
    }
}

/// What is wrong with the files that a spec names. Blocks.
pub(super) fn file_faults(spec: &MountSpec) -> Vec<SpecFault> {
    let mut faults = identity::check_files(spec);
    faults.extend(trust::check_files(spec));
    faults
}

/// The content, where it must be JSON about one mount.
pub(super) async fn read_json(exchange: &Exchange) -> Result<Value, Problem> {
    Guard::check_json(&exchange.head.fields)?;
    let body = read_body(exchange, ADMIN_BODY_BYTES_MAX).await?;
    let body = body.ok_or_else(|| Problem::new(413, format!("a mount has at most {ADMIN_BODY_BYTES_MAX} bytes")))?;
    json::read(&body)
}

/// True unless there is no content, or none of it.
pub(super) fn has_content(exchange: &Exchange) -> bool {
    !matches!(exchange.framing, Framing::None | Framing::Length(0))
}

/// Refuses content where none is asked for: whoever sends it means something.
pub(super) async fn no_content(exchange: &Exchange) -> Result<(), Problem> {
    if has_content(exchange) {
        read_json(exchange).await?;
        return Err(Problem::new(400, "this call takes no content; leave it out"));
    }
    Ok(())
}

/// The whole content; none where it is longer than that.
pub(super) async fn read_body(exchange: &Exchange, bytes_max: usize) -> Result<Option<Vec<u8>>, Problem> {
    let body = exchange.body.read_all(bytes_max).await;
    body.map_err(|error| Problem::new(error.kind().answer().status, error.kind().answer().text))
}
