//! The admin tide app: routes behind one guard.

use super::assets::{ASSETS, Asset};
use super::bulk::Bulk;
use super::caller::Caller;
use super::guard::Guard;
use super::problem::Problem;
use super::routes::{ROUTES, Route, perform};
use super::sse::Streams;
use crate::exchange::{Exchange, Reply, shell};
use crate::net::Drain;
use crate::registry::Registry;
use crate::stats::Book;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

/// What the routes work on.
#[derive(Debug)]
pub struct AdminState {
    /// The mounts.
    pub registry: Registry,
    /// Who may call.
    pub guard: Guard,
    /// The front, for readiness.
    pub front: Arc<Drain>,
    /// Answers that are streams of events.
    pub streams: Streams,
    /// Calls about many mounts.
    pub bulk: Bulk,
    /// When the process was started: of what was before, nothing is known.
    pub started_at: SystemTime,
    /// What mounts have done.
    pub book: Arc<Book>,
}

/// The admin API's tide app.
#[must_use]
pub fn app(state: AdminState) -> tide::Server<()> {
    let state = Arc::new(state);
    let mut app = tide::new();
    for route in ROUTES {
        let path = route.path.replace("{id}", ":id").replace("{revision}", ":id");
        app.at(&path).all(Call { state: Arc::clone(&state), place: Place::Route(route) });
    }
    for asset in ASSETS {
        app.at(asset.path).all(Call { state: Arc::clone(&state), place: Place::Asset(asset) });
    }
    app.at("/*").all(Call { state, place: Place::Nowhere });
    app
}

/// What a path leads to.
#[derive(Debug, Clone, Copy)]
enum Place {
    /// Calls of the API.
    Route(&'static Route),
    /// A file of the UI.
    Asset(&'static Asset),
    /// There is nothing.
    Nowhere,
}

impl Place {
    /// Asked for an id where the path has none, tide takes note of the whole stack.
    fn has_id(self) -> bool {
        matches!(self, Self::Route(route) if route.path.contains('{'))
    }
}

/// One path.
struct Call {
    state: Arc<AdminState>,
    place: Place,
}

#[tide::utils::async_trait]
impl tide::Endpoint<()> for Call {
    async fn call(&self, request: tide::Request<()>) -> tide::Result {
        let id = self.place.has_id().then(|| request.param("id").unwrap_or_default());
        let id = id.unwrap_or_default().to_owned();
        let outcome = match shell::exchange(request.into()) {
            Ok(exchange) => {
                let answer = self.answer(&id, &exchange).await;
                Ok(answer.unwrap_or_else(|problem| problem.into_reply(exchange.id)).into())
            }
            Err(error) => Err(error),
        };
        Ok(shell::carry_back(outcome).into())
    }
}

impl Call {
    async fn answer(&self, id: &str, exchange: &Exchange) -> Result<Reply, Problem> {
        let fields = &exchange.head.fields;
        let authority = exchange.route.authority.map(|span| exchange.bytes(span));
        self.state.guard.check_caller(fields, authority)?;
        let route = match self.place {
            Place::Route(route) => route,
            Place::Asset(asset) => return asset.answer(exchange),
            Place::Nowhere => return Err(Problem::new(404, "there is nothing here; see /openapi.yaml")),
        };
        let caller = if route.guarded {
            self.state.guard.check_token(fields, exchange.query(), exchange.peer.ip(), Instant::now())?
        } else {
            Caller::anyone()
        };
        let action = route.action(exchange.head.method())?;
        caller.may_ask(action.effect(), exchange.query())?;
        perform(&self.state, action, id, &caller, exchange).await
    }
}

#[cfg(test)]
mod tests {
    use super::super::caller::Effect;
    use super::*;

    #[test]
    fn the_routes_are_those_of_the_contract() {
        let contract: serde_yaml_ng::Value = serde_yaml_ng::from_str(include_str!("../../openapi.yaml")).unwrap();
        let mut promised = Vec::new();
        for (path, item) in contract["paths"].as_mapping().unwrap() {
            for (method, _) in item.as_mapping().unwrap() {
                let method = method.as_str().unwrap();
                if method != "parameters" {
                    promised.push(format!("{} {}", method.to_uppercase(), path.as_str().unwrap()));
                }
            }
        }
        let mut kept: Vec<String> = ROUTES
            .iter()
            .flat_map(|route| route.actions.iter().map(move |(method, _)| format!("{method} {}", route.path)))
            .collect();
        promised.sort();
        kept.sort();
        assert_eq!(kept, promised);
    }

    #[test]
    fn get_changes_nothing_and_every_other_method_something() {
        for (method, action) in ROUTES.iter().flat_map(|route| route.actions) {
            match action.effect() {
                // It takes a request to explain as content.
                Effect::Reads if matches!(action, super::super::routes::Action::Explain) => {}
                Effect::Reads => assert_eq!(*method, "GET", "{action:?}"),
                Effect::Changes | Effect::Rehearses => assert_ne!(*method, "GET", "{action:?}"),
                Effect::Governs => {}
            }
        }
    }

    #[test]
    fn what_is_open_to_all_only_reads() {
        for route in ROUTES.iter().filter(|route| !route.guarded) {
            assert!(!route.path.starts_with("/v1"), "{}", route.path);
            assert!(route.actions.iter().all(|(_, action)| action.effect() == Effect::Reads), "{}", route.path);
        }
    }

    #[test]
    fn the_contract_tells_what_the_guard_answers() {
        let contract: serde_yaml_ng::Value = serde_yaml_ng::from_str(include_str!("../../openapi.yaml")).unwrap();
        for route in ROUTES.iter().filter(|route| route.guarded) {
            for (method, _) in route.actions {
                let responses = &contract["paths"][route.path][method.to_lowercase().as_str()]["responses"];
                for (status, name) in
                    [(401, "Unauthorized"), (403, "Forbidden"), (421, "HostNotAllowed"), (429, "TooManyTries")]
                {
                    let told = responses[status.to_string().as_str()]["$ref"].as_str();
                    let expected = format!("#/components/responses/{name}");
                    assert_eq!(told, Some(expected.as_str()), "{method} {} {status}", route.path);
                }
            }
        }
    }

    #[test]
    fn every_call_that_reads_can_wait_for_a_revision() {
        let contract: serde_yaml_ng::Value = serde_yaml_ng::from_str(include_str!("../../openapi.yaml")).unwrap();
        for route in ROUTES.iter().filter(|route| route.path.starts_with("/v1/") && route.allow.starts_with("GET")) {
            let get = &contract["paths"][route.path]["get"];
            let taken = get["parameters"].as_sequence().into_iter().flatten();
            let references: Vec<&str> = taken.filter_map(|parameter| parameter["$ref"].as_str()).collect();
            assert!(references.contains(&"#/components/parameters/MinRevision"), "{}", route.path);
            assert!(!get["responses"]["400"].is_null() && !get["responses"]["503"].is_null(), "{}", route.path);
        }
    }

    #[test]
    fn allow_names_the_methods_that_there_are() {
        for route in ROUTES {
            let mut methods: Vec<&str> = route.actions.iter().map(|(method, _)| *method).collect();
            if let Some(get) = methods.iter().position(|method| *method == "GET") {
                methods.insert(get + 1, "HEAD");
            }
            assert_eq!(route.allow, methods.join(", "), "{}", route.path);
        }
    }
}
