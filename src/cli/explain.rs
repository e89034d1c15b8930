//! `standin explain`: which mount answers a request, and what becomes of it.

use super::Failure;
use super::client::{Client, ClientArguments};
use super::mutation::answers_for;
use super::output::{plain, say};
use super::shape::field;
use clap::Args;
use http_types::Method;
use serde_json::{Map, Value, json};

#[derive(Debug, Args)]
pub struct ExplainArguments {
    /// The URL as a client asks for it, as in http://example.org/app/page
    url: String,
    /// The method
    #[arg(long, default_value = "GET")]
    method: String,
    /// A header field of the request (repeatable)
    #[arg(long = "header", value_name = "NAME: VALUE", value_parser = field)]
    headers: Vec<(String, String)>,
    #[command(flatten)]
    client: ClientArguments,
    /// Print JSON, for scripts
    #[arg(long)]
    json: bool,
}

/// Asks, and sends nothing anywhere.
pub fn run(arguments: ExplainArguments) -> Result<(), Failure> {
    let client = Client::find(arguments.client)?;
    let asked = json!({ "method": arguments.method, "url": arguments.url, "headers": members(arguments.headers) });
    let answer = client.call(Method::Post, "/v1/explain", Some(&asked))?;
    say(&if arguments.json { answer.to_string() } else { told(&answer) })
}

/// The answer first, then who else could have answered, then what is sent.
fn told(answer: &Value) -> String {
    let text = |value: &Value| value.as_str().map(plain);
    let mut lines = vec![match text(&answer["mount"]) {
        Some(id) => {
            let known = ["state", "admission"].iter().filter_map(|name| text(&answer[*name]));
            let known: Vec<String> = known.collect();
            let known = if known.is_empty() { String::new() } else { format!(" ({})", known.join(", ")) };
            format!("{id} answers, for {}{known}", answers_for(&answer["match"]))
        }
        None => "no mount answers".to_owned(),
    }];
    for other in answer["lost"].as_array().into_iter().flatten() {
        let part = |name: &str| text(&other[name]).unwrap_or_default();
        lines.push(format!("not {}, for {}: {}", part("id"), answers_for(&other["match"]), part("why")));
    }
    if answer["asks_password"] == true {
        lines.push("it asks for a password".to_owned());
    }
    if let Some(detail) = text(&answer["refusal"]["detail"]) {
        lines.push(format!("it is refused with {}: {detail}", answer["refusal"]["status"]));
    }
    if let Some(url) = text(&answer["upstream"]["url"]) {
        let address = text(&answer["upstream"]["address"]).map(|address| format!(", at {address}"));
        lines.push(format!("the request goes to {url}{}", address.unwrap_or_default()));
    }
    let sent = &answer["request"]["after"];
    if sent.is_object() {
        let part = |name: &str| text(&sent[name]).unwrap_or_default();
        lines.push(format!("  {} {}", part("method"), part("target")));
        for line in sent["headers"].as_array().into_iter().flatten() {
            let part = |name: &str| text(&line[name]).unwrap_or_default();
            lines.push(format!("  {}: {}", part("name"), part("value")));
        }
    }
    for edit in answer["request"]["edits"].as_array().into_iter().flatten() {
        let part = |name: &str| text(&edit[name]).unwrap_or_default();
        lines.push(format!("{}: {}", part("edit"), part("name")));
    }
    lines.join("\n")
}

/// Fields by name, each with all its values in their order.
fn members(fields: Vec<(String, String)>) -> Value {
    let mut members = Map::new();
    for (name, value) in fields {
        let values = members.entry(name).or_insert_with(|| json!([]));
        if let Value::Array(values) = values {
            values.push(json!(value));
        }
    }
    Value::Object(members)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_comes_first() {
        let answer = json!({
            "mount": "a", "match": "/a", "prefix": "/a", "state": "open", "admission": "admitted", "refusal": null,
            "asks_password": false, "upstream": {"url": "http://h/x", "address": "h:80"},
            "lost": [{"id": "b", "match": "h/", "why": "its path is shorter"}],
            "request": {
                "before": {}, "after": {"method": "GET", "target": "/x", "headers": [{"name": "Host", "value": "h"}]},
                "edits": [{"name": "Host", "edit": "changed"}],
            },
        });
        let lines = [
            "a answers, for */a (open, admitted)",
            "not b, for h/: its path is shorter",
            "the request goes to http://h/x, at h:80",
            "  GET /x",
            "  Host: h",
            "changed: Host",
        ];
        assert_eq!(told(&answer), lines.join("\n"));
        let nobody = json!({"mount": null, "refusal": {"status": 404, "detail": "no mount is there"}, "lost": []});
        assert_eq!(told(&nobody), "no mount answers\nit is refused with 404: no mount is there");
    }

    #[test]
    fn a_field_that_comes_twice_has_both_values() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let fields = vec![pair("A", "1"), pair("B", "2"), pair("A", "3")];
        assert_eq!(members(fields), json!({"A": ["1", "3"], "B": ["2"]}));
    }
}
