//! `/v1/tokens` and `/v1/caller`: who may call and who does, told and changed
//! over the API.
//!
//! Reads what was sent, asks [`Tokens`], shows. The file is written on another
//! thread, so that nobody waits for the disk.

use super::app::AdminState;
use super::audit::{Deed, audit};
use super::caller::Caller;
use super::model;
use super::problem::Problem;
use super::query::Query;
use super::reading;
use super::routes::read_json;
use super::tokens::{TokenRefusal, Tokens, Wanted, is_owner};
use crate::exchange::{Exchange, Reply};
use crate::limits::OWNER_CHARS_MAX;
use crate::mount::SpecFault;
use crate::mount::spec::is_id;
use crate::registry::Origin;
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// Answers with all tokens. They are no part of a revision; who waits for one
/// may do so here as with every call that reads.
pub async fn list(state: &AdminState, exchange: &Exchange) -> Result<Reply, Problem> {
    reading::snapshot(state, &Query::read(exchange, reading::PLAIN)?).await?;
    Ok(model::json_reply(200, &json!({ "tokens": state.guard.tokens().list() })))
}

/// Answers with whose token was shown, and what it may.
pub async fn whose(state: &AdminState, caller: &Caller, exchange: &Exchange) -> Result<Reply, Problem> {
    reading::snapshot(state, &Query::read(exchange, reading::PLAIN)?).await?;
    let shown = json!({ "name": &*caller.name, "read_only": caller.read_only, "owner": caller.owner.as_deref() });
    Ok(model::json_reply(200, &shown))
}

/// Makes a token, and shows its value this once.
pub async fn add(state: &AdminState, caller: &Caller, exchange: &Exchange) -> Result<Reply, Problem> {
    let origin = without_query(caller, exchange)?;
    let wanted = wanted(&read_json(exchange).await?).map_err(|faults| {
        let detail = format!("the token has faults: {}", faults.len());
        Problem { faults: faults.iter().map(|fault| json!(fault)).collect(), ..Problem::new(422, detail) }
    })?;
    let location = format!("/v1/tokens/{}", wanted.name);
    let made = change(state, origin, "create", wanted.name.clone(), |tokens| tokens.add(wanted)).await?;
    let mut reply = model::json_reply(201, &made);
    reply.head.fields.push(b"Location", location.as_bytes());
    Ok(reply)
}

/// Takes a token back.
pub async fn remove(state: &AdminState, caller: &Caller, name: &str, exchange: &Exchange) -> Result<Reply, Problem> {
    let origin = without_query(caller, exchange)?;
    let removed = name.to_owned();
    let revoked = change(state, origin, "revoke", name.to_owned(), move |tokens| tokens.remove(&removed)).await;
    state.streams.look();
    revoked?;
    Ok(model::reply(204, "", Vec::new()))
}

/// Makes a change and writes it down, also for a caller who leaves meanwhile.
async fn change<T: Send + 'static>(
    state: &AdminState,
    origin: Origin,
    action: &'static str,
    name: String,
    change: impl FnOnce(&Tokens) -> Result<T, TokenRefusal> + Send + 'static,
) -> Result<T, Problem> {
    let tokens = Arc::clone(state.guard.tokens());
    let changed = blocking::unblock(move || {
        let changed = change(&tokens);
        if changed.as_ref().map_or_else(TokenRefusal::is_made, |_| true) {
            audit(&origin, &Deed { action, kind: "token", subject: &name, revision: None });
        }
        changed
    });
    changed.await.map_err(|refusal: TokenRefusal| Problem::from(refusal))
}

/// Who makes the call, and why. There is no rehearsal of it, and who asks for one
/// must not have the thing itself done.
fn without_query(caller: &Caller, exchange: &Exchange) -> Result<Origin, Problem> {
    if exchange.query().is_some() {
        return Err(Problem::new(400, "this call takes no query"));
    }
    caller.origin(&exchange.head.fields)
}

const MEMBERS: [&str; 3] = ["name", "read_only", "owner"];

/// What was sent as a token to be, or all that is wrong with it.
fn wanted(value: &Value) -> Result<Wanted, Vec<SpecFault>> {
    let mut faults = Vec::new();
    let mut fault = |pointer: &str, detail: String| faults.push(SpecFault { pointer: pointer.into(), detail });
    let empty = Map::new();
    let object = value.as_object().unwrap_or_else(|| {
        fault("", "a token is a JSON object".into());
        &empty
    });
    for member in object.keys().filter(|member| !MEMBERS.contains(&member.as_str())) {
        let pointer = format!("/{}", member.replace('~', "~0").replace('/', "~1"));
        fault(&pointer, format!("unknown field; known are {}", MEMBERS.join(", ")));
    }
    let name = object.get("name").and_then(Value::as_str).filter(|name| is_id(name));
    if name.is_none() && value.is_object() {
        fault("/name", "must be 1 to 63 of a-z 0-9 . _ - and begin with a letter or a digit".into());
    }
    let read_only = object.get("read_only").map_or(Some(false), Value::as_bool);
    if read_only.is_none() {
        fault("/read_only", "must be true or false".into());
    }
    let owner = object.get("owner").filter(|owner| !owner.is_null());
    let own = owner.and_then(Value::as_str).filter(|owner| is_owner(owner));
    if owner.is_some() && own.is_none() {
        fault(
            "/owner",
            format!(
                "must be text of 1 to {OWNER_CHARS_MAX} characters without control characters, as the label of mounts"
            ),
        );
    }
    match (name, read_only) {
        (Some(name), Some(read_only)) if faults.is_empty() => {
            Ok(Wanted { name: name.to_owned(), read_only, owner: own.map(str::to_owned) })
        }
        _ => Err(faults),
    }
}

impl From<TokenRefusal> for Problem {
    fn from(refusal: TokenRefusal) -> Self {
        let status = match refusal {
            TokenRefusal::Taken(_) | TokenRefusal::First | TokenRefusal::Full => 409,
            TokenRefusal::Unknown(_) => 404,
            TokenRefusal::Storage(_) | TokenRefusal::Volatile(_) => 500,
        };
        Self::new(status, refusal.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_says_its_name_and_what_it_is_limited_to() {
        let full = json!({ "name": "ci", "read_only": true, "owner": "team a" });
        let read = Wanted { name: "ci".into(), read_only: true, owner: Some("team a".into()) };
        assert_eq!(wanted(&full), Ok(read));
        let read = Wanted { name: "ci".into(), read_only: false, owner: None };
        for short in [json!({ "name": "ci" }), json!({ "name": "ci", "read_only": false, "owner": null })] {
            assert_eq!(wanted(&short).as_ref(), Ok(&read));
        }
    }

    #[test]
    fn everything_that_is_wrong_is_told_at_once() {
        let pointers = |value: Value| -> Vec<String> {
            wanted(&value).unwrap_err().into_iter().map(|fault| fault.pointer).collect()
        };
        assert_eq!(pointers(json!([])), [""]);
        assert_eq!(pointers(json!({})), ["/name"]);
        let wrong = json!({ "name": "C I", "read_only": null, "owner": "a\nb", "a/b": 1, "token": "mine" });
        assert_eq!(pointers(wrong), ["/a~1b", "/token", "/name", "/read_only", "/owner"]);
        for owner in [json!(""), json!(1), json!("x".repeat(OWNER_CHARS_MAX + 1)), json!("a\u{85}b")] {
            assert_eq!(pointers(json!({ "name": "ci", "owner": owner })), ["/owner"]);
        }
    }
}
