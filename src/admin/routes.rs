//! The calls of the API: a request becomes a typed action here, and nowhere
//! else. Handlers are thin: read, ask the registry, show.

use super::app::AdminState;
use super::audit::Trail;
use super::caller::{Caller, Effect};
use super::guard::Guard;
use super::model;
use super::problem::Problem;
use super::{json, token_calls};
use crate::exchange::{Exchange, Reply};
use crate::http1::Framing;
use crate::limits::{ADMIN_BODY_BYTES_MAX, MOUNT_DRAIN_MAX, SETTING_MAX};
use crate::message::parse_digits;
use crate::mount::Ending;
use crate::mount::spec::{Id, parse};
use crate::mount::{MountSpec, SpecFault, identity, trust};
use crate::registry::{Action as Did, Change, Condition, Done, Refusal, Request};
use serde_json::{Value, json};
use std::time::Duration;

/// A path and what its methods do.
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
    /// One mount less.
    Delete,
    /// Many mounts at once, from JSON or a Paste Deploy file.
    Import,
    /// Who may call.
    ListTokens,
    /// Somebody more.
    AddToken,
    /// Somebody less.
    RemoveToken,
    /// The process lives.
    Health,
    /// The process takes requests.
    Ready,
    /// openapi.yaml.
    Contract,
    /// A file of the admin UI.
    Asset(Asset),
}

/// A file of the admin UI, embedded.
#[derive(Debug, Clone, Copy)]
pub struct Asset {
    media_type: &'static str,
    content: &'static str,
}

macro_rules! asset {
    ($file:literal, $media_type:literal) => {
        &[(
            "GET",
            Action::Asset(Asset { media_type: $media_type, content: include_str!(concat!("../../admin-ui/", $file)) }),
        )]
    };
}

/// Every path there is. The test of the contract compares it to openapi.yaml,
/// leaving out the UI's files.
pub const ROUTES: &[Route] = &[
    Route {
        path: "/v1/mounts",
        guarded: true,
        actions: &[("GET", Action::List), ("POST", Action::Create)],
        allow: "GET, HEAD, POST",
    },
    Route {
        path: "/v1/mounts/{id}",
        guarded: true,
        actions: &[("GET", Action::Show), ("PUT", Action::Put), ("DELETE", Action::Delete)],
        allow: "GET, HEAD, PUT, DELETE",
    },
    Route { path: "/v1/import", guarded: true, actions: &[("POST", Action::Import)], allow: "POST" },
    Route {
        path: "/v1/tokens",
        guarded: true,
        actions: &[("GET", Action::ListTokens), ("POST", Action::AddToken)],
        allow: "GET, HEAD, POST",
    },
    Route { path: "/v1/tokens/{id}", guarded: true, actions: &[("DELETE", Action::RemoveToken)], allow: "DELETE" },
    Route { path: "/healthz", guarded: false, actions: &[("GET", Action::Health)], allow: "GET, HEAD" },
    Route { path: "/readyz", guarded: false, actions: &[("GET", Action::Ready)], allow: "GET, HEAD" },
    Route { path: "/openapi.yaml", guarded: false, actions: &[("GET", Action::Contract)], allow: "GET, HEAD" },
    Route { path: "/", guarded: false, actions: asset!("index.html", "text/html; charset=utf-8"), allow: "GET, HEAD" },
    Route {
        path: "/app.js",
        guarded: false,
        actions: asset!("app.js", "text/javascript; charset=utf-8"),
        allow: "GET, HEAD",
    },
    Route {
        path: "/api.js",
        guarded: false,
        actions: asset!("api.js", "text/javascript; charset=utf-8"),
        allow: "GET, HEAD",
    },
    Route {
        path: "/style.css",
        guarded: false,
        actions: asset!("style.css", "text/css; charset=utf-8"),
        allow: "GET, HEAD",
    },
    Route { path: "/icon.svg", guarded: false, actions: asset!("icon.svg", "image/svg+xml"), allow: "GET, HEAD" },
];

const CONTRACT: &str = include_str!("../../openapi.yaml");

/// What the UI's pages may load and do: their own files, and nothing else.
const CONTENT_SECURITY_POLICY: &[u8] =
    b"default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

impl Action {
    /// What it may do. One that asks for no token can only read.
    #[must_use]
    pub fn effect(self) -> Effect {
        match self {
            Self::List | Self::Show | Self::Health | Self::Ready | Self::Contract | Self::Asset(_) => Effect::Reads,
            Self::Create | Self::Put | Self::Delete => Effect::Changes,
            Self::Import => Effect::Rehearses,
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

/// Does what was asked. `id` is the mount or token that the path names.
pub async fn perform(
    state: &AdminState,
    action: Action,
    id: &str,
    caller: &Caller,
    exchange: &Exchange,
) -> Result<Reply, Problem> {
    match action {
        Action::List => {
            let snapshot = state.registry.snapshot();
            let mounts: Vec<Value> =
                snapshot.mounts.values().map(|record| model::mount(record, &state.registry)).collect();
            Ok(model::json_reply(200, &json!({ "mounts": mounts, "revision": snapshot.revision })))
        }
        Action::Show => {
            let snapshot = state.registry.snapshot();
            let record = snapshot.mounts.get(id).ok_or_else(|| Problem::from(Refusal::Unknown(id.into())))?;
            Ok(model::json_reply(200, &model::mount(record, &state.registry)))
        }
        Action::Create => {
            let made_up = random_id()?;
            let spec = read_spec(exchange, Id::OwnOr(&made_up)).await?;
            change(state, caller, exchange, Change::Create(Box::new(spec))).await
        }
        Action::Put => {
            let spec = read_spec(exchange, Id::Given(id)).await?;
            change(state, caller, exchange, Change::Put(Box::new(spec), Ending::Finish)).await
        }
        Action::Delete => {
            read_over(exchange).await?;
            let drain = read_drain(exchange)?;
            change(state, caller, exchange, Change::Delete(id.into(), Ending::Deadline(drain))).await
        }
        Action::Import => super::import::perform(state, caller, exchange).await,
        Action::ListTokens => Ok(token_calls::list(state)),
        Action::AddToken => token_calls::add(state, caller, exchange).await,
        Action::RemoveToken => {
            read_over(exchange).await?;
            token_calls::remove(state, caller, id, exchange).await
        }
        Action::Health => Ok(model::json_reply(200, &json!({ "status": "ok" }))),
        Action::Ready if state.front.is_ending() => Ok(model::json_reply(503, &json!({ "status": "draining" }))),
        Action::Ready => Ok(model::json_reply(200, &json!({ "status": "ok" }))),
        Action::Contract => Ok(model::reply(200, "application/yaml", CONTRACT.into())),
        Action::Asset(asset) => {
            let mut reply = model::reply(200, asset.media_type, asset.content.into());
            reply.head.fields.push(b"Content-Security-Policy", CONTENT_SECURITY_POLICY);
            Ok(reply)
        }
    }
}

async fn change(state: &AdminState, caller: &Caller, exchange: &Exchange, change: Change) -> Result<Reply, Problem> {
    let done = apply(state, caller, exchange, asked(caller, exchange, change)?).await?;
    let created = done.edits.last().is_some_and(|edit| edit.action == Did::Create);
    let mut reply = match done.mount() {
        None => model::reply(204, "", Vec::new()),
        Some(record) if created => {
            let mut reply = model::json_reply(201, &model::mount(record, &state.registry));
            reply.head.fields.push(b"Location", model::location(record).as_bytes());
            reply
        }
        Some(record) => model::json_reply(200, &model::mount(record, &state.registry)),
    };
    reply.head.fields.push(b"X-Revision", done.revision.to_string().as_bytes());
    Ok(reply)
}

/// A change that this caller asks for.
pub(super) fn asked(caller: &Caller, exchange: &Exchange, change: Change) -> Result<Request, Problem> {
    Ok(Request { change, condition: Condition::None, origin: caller.origin(&exchange.head.fields)? })
}

/// Makes a change, if the caller may, and writes down who made it. Every change
/// of the mounts goes through here.
pub(super) async fn apply(
    state: &AdminState,
    caller: &Caller,
    exchange: &Exchange,
    request: Request,
) -> Result<Done, Problem> {
    caller.may_write()?;
    let trail = Trail::begin(&request.origin, exchange);
    let outcome = state.registry.change(request).await;
    trail.end(&outcome);
    Ok(outcome?)
}

/// `?drain_ms=N`: how long requests and tunnels of a deleted mount may go on.
fn read_drain(exchange: &Exchange) -> Result<Duration, Problem> {
    let Some(query) = exchange.query() else { return Ok(MOUNT_DRAIN_MAX) };
    let milliseconds = query.strip_prefix(b"drain_ms=").and_then(parse_digits).filter(|number| *number <= DRAIN_MS_MAX);
    milliseconds.map(Duration::from_millis).ok_or_else(|| {
        Problem::new(400, format!("the query may be drain_ms=N, with N from 0 to {DRAIN_MS_MAX}, and nothing else"))
    })
}

const DRAIN_MS_MAX: u64 = SETTING_MAX.as_secs() * 1000;

async fn read_spec(exchange: &Exchange, id: Id<'_>) -> Result<MountSpec, Problem> {
    let spec = parse(&read_json(exchange).await?, id).map_err(Problem::invalid)?;
    check_files(spec).await
}

/// Refuses a mount whose files cannot be used, while somebody listens. Reading
/// them may take a while, so another thread does.
async fn check_files(spec: MountSpec) -> Result<MountSpec, Problem> {
    if spec.identity.is_none() && spec.tls.is_none() {
        return Ok(spec);
    }
    let check = move || match file_faults(&spec) {
        faults if faults.is_empty() => Ok(spec),
        faults => Err(Problem::invalid(faults)),
    };
    blocking::unblock(check).await
}

/// What is wrong with the files that a spec names. Blocks.
pub(super) fn file_faults(spec: &MountSpec) -> Vec<SpecFault> {
    let mut faults = identity::check_files(spec);
    faults.extend(trust::check_files(spec));
    faults
}

/// Passes over content where none is needed, if it is such as we take.
async fn read_over(exchange: &Exchange) -> Result<(), Problem> {
    if exchange.framing != Framing::None {
        read_json(exchange).await?;
    }
    Ok(())
}

pub(super) async fn read_json(exchange: &Exchange) -> Result<Value, Problem> {
    Guard::check_json(&exchange.head.fields)?;
    let body = read_body(exchange, ADMIN_BODY_BYTES_MAX).await?;
    let body = body.ok_or_else(|| Problem::new(413, format!("a mount has at most {ADMIN_BODY_BYTES_MAX} bytes")))?;
    json::read(&body)
}

/// The whole content; none where it is longer than that.
pub(super) async fn read_body(exchange: &Exchange, bytes_max: usize) -> Result<Option<Vec<u8>>, Problem> {
    let body = exchange.body.read_all(bytes_max).await;
    body.map_err(|error| Problem::new(error.kind().answer().status, error.kind().answer().text))
}

/// An id for a mount that came without one.
fn random_id() -> Result<String, Problem> {
    let mut bytes = [0; 6];
    getrandom::fill(&mut bytes).map_err(|error| Problem::new(500, error.to_string()))?;
    Ok(bytes.iter().fold("m-".to_owned(), |id, byte| format!("{id}{byte:02x}")))
}
