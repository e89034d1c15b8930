//! `standin explain`: which mount answers a request, and what becomes of it.

use super::Failure;
use super::client::{Client, ClientArguments};
use super::mutation::answers_for;
use super::output::{outline, plain, say};
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
    let headers: Map<String, Value> = arguments.headers.into_iter().map(|(name, value)| (name, json!(value))).collect();
    let asked = json!({ "method": arguments.method, "url": arguments.url, "headers": headers });
    let answer = client.call(Method::Post, "/v1/explain", Some(&asked))?;
    say(&if arguments.json { answer.to_string() } else { told(answer) });
    Ok(())
}

/// The answer first, then who else could have answered, then all the rest.
fn told(mut answer: Value) -> String {
    let Some(members) = answer.as_object_mut() else { return outline(&answer) };
    let mut take = |name: &str| members.shift_remove(name).unwrap_or(Value::Null);
    let (mount, refusal, lost) = (take("mount"), take("refusal"), take("lost"));
    let mut lines = vec![match mount.as_str().or(mount["id"].as_str()) {
        Some(id) => format!("{} answers", plain(id)),
        None => "no mount answers".to_owned(),
    }];
    if !refusal.is_null() {
        let why = refusal.as_str().map_or_else(|| outline(&refusal).replace('\n', ", "), plain);
        lines.push(format!("it is refused: {why}"));
    }
    for other in lost.as_array().into_iter().flatten() {
        let text = |name: &str| plain(other[name].as_str().unwrap_or_default());
        lines.push(format!("not {} ({}): {}", text("id"), answers_for(&other["match"]), text("why")));
    }
    if answer.as_object().is_some_and(|rest| !rest.is_empty()) {
        lines.push(outline(&answer));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_comes_first() {
        let answer = json!({
            "mount": "a", "prefix_len": 2, "refusal": null, "upstream": {"url": "http://h/x"},
            "lost": [{"id": "b", "match": {"path": "/"}, "why": "its path is shorter"}],
        });
        let lines = ["a answers", "not b (*/): its path is shorter", "prefix_len: 2", "upstream:", "  url: http://h/x"];
        assert_eq!(told(answer), lines.join("\n"));
        let nobody = json!({"mount": null, "refusal": {"status": 404, "reason": "no-mount"}, "lost": []});
        assert_eq!(told(nobody), "no mount answers\nit is refused: status: 404, reason: no-mount");
    }
}
