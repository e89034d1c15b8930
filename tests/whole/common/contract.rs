//! openapi.yaml as a judge: what the admin API answers is documented there, or
//! the test fails.

use super::client::Response;
use jsonschema::Validator;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::{Mutex, OnceLock};

/// A call and what was answered.
pub(crate) struct Answered<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) content: Option<&'a [u8]>,
    pub(crate) response: &'a Response,
}

/// The UI's files, which are for browsers and not part of the contract.
const UI: [&str; 6] = ["/", "/js/main.js", "/js/shell.js", "/theme.js", "/css/base.css", "/icon.svg"];

/// What any path may answer before it is asked anything.
const GUARD: [(u16, &str); 4] =
    [(401, "Unauthorized"), (403, "Forbidden"), (421, "HostNotAllowed"), (429, "TooManyTries")];

/// Fails the test unless the contract allows that answer.
pub(crate) fn check(answered: &Answered<'_>) {
    let told = format!("{} {} answered {}", answered.method, answered.path, answered.response.head.escape_ascii());
    let status = answered.response.status;
    let path = answered.path.split('?').next().unwrap();
    let contract = Contract::get();
    let documented = contract.operation(answered.method, path);
    let response = match documented {
        Some(operation) => operation["responses"].get(status.to_string()),
        None if UI.contains(&path) && matches!(status, 200 | 304) => {
            assert!(answered.response.field("Content-Security-Policy").is_some(), "{told}");
            return;
        }
        None => contract.undocumented(path, status),
    };
    let response = contract.resolve(response.unwrap_or_else(|| panic!("not in the contract: {told}")));
    contract.check_fields(response, answered.response, &told);
    contract.check_content(response, answered, &told);
    if let (Some(operation), 200..=299) = (documented, status) {
        contract.check_request(operation, answered.content, &told);
    }
}

/// Fails the test unless a value is what the contract says of that schema.
pub(crate) fn check_value(schema: &str, value: &Value) {
    let reference = json!({ "$ref": format!("#/components/schemas/{schema}") });
    Contract::get().validate(&reference, value, schema);
}

struct Contract {
    document: Value,
    /// By the text of the schema.
    validators: Mutex<HashMap<String, &'static Validator>>,
}

impl Contract {
    fn get() -> &'static Self {
        static CONTRACT: OnceLock<Contract> = OnceLock::new();
        CONTRACT.get_or_init(|| Self {
            document: serde_yaml_ng::from_str(include_str!("../../../openapi.yaml")).unwrap(),
            validators: Mutex::default(),
        })
    }

    fn operation(&self, method: &str, path: &str) -> Option<&Value> {
        let template = self.template(path)?;
        let method = match method {
            "GET" | "HEAD" => "get",
            "POST" => "post",
            "PUT" => "put",
            "PATCH" => "patch",
            "DELETE" => "delete",
            _ => return None,
        };
        self.document["paths"].get(template)?.get(method)
    }

    /// The path as the contract writes it.
    fn template(&self, path: &str) -> Option<&str> {
        let is_of = |template: &str| {
            let fits =
                |(segment, asked): (&str, &str)| segment == asked || (segment.starts_with('{') && !asked.is_empty());
            template.split('/').count() == path.split('/').count() && template.split('/').zip(path.split('/')).all(fits)
        };
        let templates = self.document["paths"].as_object().unwrap().keys().map(String::as_str);
        // One without a parameter counts more.
        templates.filter(|template| is_of(template)).min_by_key(|template| template.contains('{'))
    }

    /// What a path or a method that there is not may answer.
    fn undocumented(&self, path: &str, status: u16) -> Option<&Value> {
        let responses = &self.document["components"]["responses"];
        let known = UI.contains(&path) || path.starts_with("/v1/mounts") || self.template(path).is_some();
        match status {
            405 if known => responses.get("MethodNotAllowed"),
            404 if !known => responses.get("NotFound"),
            _ => GUARD.iter().find(|(guard, _)| *guard == status).and_then(|(_, name)| responses.get(name)),
        }
    }

    /// What a `$ref` stands for.
    fn resolve<'a>(&'a self, value: &'a Value) -> &'a Value {
        match value["$ref"].as_str() {
            Some(reference) => self.resolve(self.document.pointer(reference.strip_prefix('#').unwrap()).unwrap()),
            None => value,
        }
    }

    fn check_fields(&self, documented: &Value, response: &Response, told: &str) {
        for (name, field) in documented["headers"].as_object().into_iter().flatten() {
            let field = self.resolve(field);
            let Some(value) = response.field(name) else {
                assert_ne!(field["required"], true, "{name} is missing: {told}");
                continue;
            };
            let is_integer = field["schema"]["type"] == "integer";
            let value = if is_integer { json!(value.parse::<u64>().unwrap()) } else { json!(value) };
            self.validate(&field["schema"], &value, &format!("{name}: {told}"));
        }
    }

    fn check_content(&self, documented: &Value, answered: &Answered<'_>, told: &str) {
        let response = answered.response;
        let Some(content) = documented["content"].as_object() else {
            assert!(response.body.is_empty(), "content that is not in the contract: {told}");
            return;
        };
        let media_type = response.field("Content-Type").unwrap_or_else(|| panic!("no Content-Type: {told}"));
        let documented = content.get(media_type).unwrap_or_else(|| panic!("not such content: {told}"));
        if answered.method == "HEAD" {
            return;
        }
        let value = match media_type {
            "application/json" | "application/problem+json" => serde_json::from_slice(&response.body).unwrap(),
            "application/yaml" => serde_yaml_ng::from_slice(&response.body).unwrap(),
            _ => json!(response.text()),
        };
        self.validate(&documented["schema"], &value, told);
        if media_type == "application/problem+json" {
            assert_eq!(value["status"], response.status, "{told}");
        }
    }

    /// What was accepted is what the contract says may be sent.
    fn check_request(&self, operation: &Value, content: Option<&[u8]>, told: &str) {
        let documented = self.resolve(&operation["requestBody"]);
        if documented.is_null() {
            assert!(content.is_none(), "content was accepted that is not in the contract: {told}");
            return;
        }
        // What is not JSON is a Paste Deploy file: its schema is any text.
        let Some(content) = content else {
            assert_eq!(documented["required"], false, "the request has no content: {told}");
            return;
        };
        let Ok(value) = serde_json::from_slice(content) else {
            assert!(documented["content"]["text/x-paste-ini"].is_object(), "the request is not JSON: {told}");
            return;
        };
        self.validate(&documented["content"]["application/json"]["schema"], &value, &format!("the request: {told}"));
    }

    fn validate(&self, schema: &Value, value: &Value, told: &str) {
        let errors: Vec<String> = self
            .validator(schema)
            .iter_errors(value)
            .map(|error| format!("{} {error}", error.instance_path()))
            .collect();
        assert!(errors.is_empty(), "{told}\n{value}\nis not what the contract says: {errors:#?}");
    }

    /// A validator in whose document every `$ref` of the contract leads somewhere.
    fn validator(&self, schema: &Value) -> &'static Validator {
        let mut validators = self.validators.lock().unwrap();
        validators.entry(schema.to_string()).or_insert_with(|| {
            let root = json!({
                "$schema": "https://json-schema.org/draft/2020-12/schema",
                "components": self.document["components"],
                "allOf": [schema],
            });
            // As many as the contract has schemas, and for as long as the tests run.
            Box::leak(Box::new(jsonschema::options().should_validate_formats(true).build(&root).unwrap()))
        })
    }
}
