//! The admin tide app: routes behind one guard.

use super::guard::Guard;
use super::problem::Problem;
use super::routes::{ROUTES, Route, perform};
use super::sse::Streams;
use crate::exchange::{Exchange, Reply, shell};
use crate::net::Drain;
use crate::registry::Registry;
use crate::stats::Book;
use std::sync::Arc;
use std::time::SystemTime;

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
    /// What mounts have done.
    pub book: Arc<Book>,
    /// When the process began.
    pub started: SystemTime,
}

/// The admin API's tide app.
#[must_use]
pub fn app(state: AdminState) -> tide::Server<()> {
    let state = Arc::new(state);
    let mut app = tide::new();
    for route in ROUTES {
        app.at(&route.path.replace("{id}", ":id")).all(Call { state: Arc::clone(&state), route: Some(route) });
    }
    app.at("/*").all(Call { state, route: None });
    app
}

/// One route; none is every path that there is not.
struct Call {
    state: Arc<AdminState>,
    route: Option<&'static Route>,
}

#[tide::utils::async_trait]
impl tide::Endpoint<()> for Call {
    async fn call(&self, mut request: tide::Request<()>) -> tide::Result {
        let id = request.param("id").unwrap_or_default().to_owned();
        let outcome = match shell::exchange(request.as_mut()) {
            Ok(exchange) => {
                let answer = self.answer(&id, exchange).await;
                Ok(answer.unwrap_or_else(|problem| problem.into_reply(exchange.id)))
            }
            Err(error) => Err(error),
        };
        Ok(shell::carry_back(outcome).into())
    }
}

impl Call {
    async fn answer(&self, id: &str, exchange: &Exchange) -> Result<Reply, Problem> {
        let fields = &exchange.head.fields;
        self.state.guard.check_caller(fields)?;
        let route = self.route.ok_or_else(|| Problem::new(404, "there is nothing here; see /openapi.yaml"))?;
        if route.guarded {
            self.state.guard.check_token(fields)?;
        }
        let action = route.action(exchange.head.method())?;
        perform(&self.state, action, id, exchange).await
    }
}

#[cfg(test)]
mod tests {
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
        let is_ui = |route: &&Route| {
            route.actions.iter().all(|(_, action)| matches!(action, super::super::routes::Action::Asset(_)))
        };
        let mut kept: Vec<String> = ROUTES
            .iter()
            .filter(|route| !is_ui(route))
            .flat_map(|route| route.actions.iter().map(move |(method, _)| format!("{method} {}", route.path)))
            .collect();
        promised.sort();
        kept.sort();
        assert_eq!(kept, promised);
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
