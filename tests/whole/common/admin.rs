//! A client of the admin API. Every answer it gets is held against
//! openapi.yaml before the test sees it.

use super::client::{Raw, Response};
use super::contract::{self, Answered};
use super::events::Events;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::time::Duration;

/// A way to call one server; clones call the same.
#[derive(Debug, Clone)]
pub(crate) struct Admin {
    address: SocketAddr,
    token: String,
}

/// A call that is being put together.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    address: SocketAddr,
    method: String,
    path: String,
    fields: Vec<(String, String)>,
    content: Option<Vec<u8>>,
}

/// An answer that keeps the contract.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// The content; null where there is none or it is not JSON.
    pub(crate) value: Value,
    pub(crate) response: Response,
}

impl Answer {
    /// `detail` of an error.
    pub(crate) fn detail(&self) -> &str {
        self.value["detail"].as_str().unwrap()
    }

    /// A field that is a number.
    pub(crate) fn number(&self, name: &str) -> u64 {
        self.response.field(name).unwrap().parse().unwrap()
    }

    /// The pointers of an invalid mount's faults.
    pub(crate) fn pointers(&self) -> Vec<&str> {
        self.value["errors"].as_array().unwrap().iter().map(|fault| fault["pointer"].as_str().unwrap()).collect()
    }
}

impl Admin {
    pub(crate) fn new(address: SocketAddr, token: String) -> Self {
        Self { address, token }
    }

    /// The same server, with another token.
    pub(crate) fn with_token(&self, token: &str) -> Self {
        Self::new(self.address, token.to_owned())
    }

    /// A call with the token and this listener's `Host`.
    pub(crate) fn call(&self, method: &str, path: &str) -> Call {
        Call {
            address: self.address,
            method: method.into(),
            path: path.into(),
            fields: vec![
                ("Host".into(), self.address.to_string()),
                ("Authorization".into(), format!("Bearer {}", self.token)),
            ],
            content: None,
        }
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.call("GET", path).send()
    }

    pub(crate) fn post(&self, mount: &Value) -> Answer {
        self.call("POST", "/v1/mounts").json(mount).send()
    }

    pub(crate) fn put(&self, id: &str, mount: &Value) -> Answer {
        self.call("PUT", &format!("/v1/mounts/{id}")).json(mount).send()
    }

    /// A merge patch.
    pub(crate) fn patch(&self, id: &str, patch: &Value) -> Answer {
        self.call("PATCH", &format!("/v1/mounts/{id}")).json(patch).send()
    }

    /// A call without content.
    pub(crate) fn act(&self, method: &str, path: &str) -> Answer {
        self.call(method, path).send()
    }

    pub(crate) fn delete(&self, id: &str) -> Answer {
        self.call("DELETE", &format!("/v1/mounts/{id}")).send()
    }

    /// Makes a regular mount and answers its id.
    pub(crate) fn mount(&self, path: &str, url: &str) -> String {
        let made = self.post(&json!({ "kind": "regular", "match": { "path": path }, "address": url }));
        assert_eq!(made.status, 201, "{}", made.value);
        made.value["id"].as_str().unwrap().to_owned()
    }
}

impl Call {
    /// Sets a field, in place of one of the same name.
    pub(crate) fn field(mut self, name: &str, value: &str) -> Self {
        self = self.without(name);
        self.fields.push((name.into(), value.into()));
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.fields.retain(|(set, _)| !set.eq_ignore_ascii_case(name));
        self
    }

    pub(crate) fn content(mut self, media_type: &str, content: &[u8]) -> Self {
        self.content = Some(content.into());
        self.field("Content-Type", media_type)
    }

    pub(crate) fn json(self, value: &Value) -> Self {
        self.content("application/json", value.to_string().as_bytes())
    }

    pub(crate) fn send(self) -> Answer {
        self.try_send().expect("an answer")
    }

    /// Says that there is more content than comes.
    pub(crate) fn announcing(mut self, length: usize) -> Response {
        self.fields.push(("Content-Length".into(), length.to_string()));
        self.content = None;
        let mut client = Raw::connect(self.address);
        client.send(self.bytes());
        client.response_within(Duration::from_secs(60))
    }

    /// Follows a stream of events, whose head keeps the contract.
    pub(crate) fn events(self) -> Events {
        let mut client = Raw::connect(self.address);
        client.send(self.bytes());
        let response = client.response_to_head();
        assert_eq!(response.status, 200, "{}", response.head.escape_ascii());
        let answered = Answered { method: &self.method, path: &self.path, content: None, response: &response };
        contract::check(&answered);
        assert_eq!(response.field("Content-Type"), Some("text/event-stream"));
        assert_eq!(response.field("Cache-Control"), Some("no-store"));
        Events::behind_head(client)
    }

    /// None when the server ends before the answer is whole.
    pub(crate) fn try_send(self) -> Option<Answer> {
        let mut client = Raw::try_connect(self.address)?;
        client.try_send(self.bytes());
        let response = if self.method == "HEAD" { client.response_to_head() } else { client.try_response().ok()? };
        contract::check(&Answered {
            method: &self.method,
            path: &self.path,
            content: self.content.as_deref(),
            response: &response,
        });
        let value = serde_json::from_slice(&response.body).unwrap_or(Value::Null);
        Some(Answer { status: response.status, value, response })
    }

    fn bytes(&self) -> Vec<u8> {
        let mut message = format!("{} {} HTTP/1.1\r\n", self.method, self.path);
        for (name, value) in &self.fields {
            message.push_str(&format!("{name}: {value}\r\n"));
        }
        if let Some(content) = &self.content {
            message.push_str(&format!("Content-Length: {}\r\n", content.len()));
        }
        message.push_str("\r\n");
        let mut bytes = message.into_bytes();
        bytes.extend_from_slice(self.content.as_deref().unwrap_or_default());
        bytes
    }
}
