//! Files of mounts, and what became of many mounts at once: for `apply` and
//! `import`.

use super::Failure;
use super::mutation::{NOTHING_CHANGED, answers_for, differences};
use super::output::table;
use crate::limits::IMPORT_BODY_BYTES_MAX;
use serde_json::{Value, json};
use std::io::Read;
use std::path::Path;

/// The mounts of a file, or of standard input for `-`: an object with `mounts`,
/// as an export is one, or the bare array.
pub fn read_mounts(file: &Path) -> Result<Value, Failure> {
    let text = read_text(file).map_err(Failure::Usage)?;
    let told = |error: String| Failure::Usage(format!("{}: {error}", name(file)));
    let value = serde_json::from_str(&text).map_err(|error| match is_paste(file, &text) {
        true => told("this is no JSON; mounts of a Paste Deploy file are made with: standin import paste FILE".into()),
        false => told(format!("malformed JSON: {error}")),
    })?;
    mounts_of(value).ok_or_else(|| told("it holds neither {\"mounts\": [...]} nor an array of mounts".into()))
}

/// True of what seems to be a Paste Deploy file.
fn is_paste(file: &Path, text: &str) -> bool {
    let is_section = |line: &str| ["[app:", "[composite:", "[DEFAULT]"].iter().any(|begin| line.starts_with(begin));
    file.extension().is_some_and(|extension| extension == "ini") || text.lines().any(is_section)
}

/// What is sent of such a file.
#[must_use]
pub fn mounts_of(value: Value) -> Option<Value> {
    match value {
        Value::Array(_) => Some(json!({ "mounts": value })),
        Value::Object(mut object) => Some(json!({ "mounts": object.remove("mounts").filter(Value::is_array)? })),
        _ => None,
    }
}

/// The text of a file, or of standard input for `-`; the error names it.
pub fn read_text(file: &Path) -> Result<String, String> {
    let bytes_max = IMPORT_BODY_BYTES_MAX as u64;
    let read = || {
        let mut bytes = Vec::new();
        if file == Path::new("-") {
            std::io::stdin().lock().take(bytes_max + 1).read_to_end(&mut bytes)?;
        } else {
            std::fs::File::open(file)?.take(bytes_max + 1).read_to_end(&mut bytes)?;
        }
        Ok(bytes)
    };
    let bytes = read().map_err(|error: std::io::Error| format!("{}: {error}", name(file)))?;
    if bytes.len() > IMPORT_BODY_BYTES_MAX {
        return Err(format!("{}: larger than {IMPORT_BODY_BYTES_MAX} bytes", name(file)));
    }
    String::from_utf8(bytes).map_err(|_| format!("{}: this is not UTF-8 text", name(file)))
}

/// What a file is called.
#[must_use]
pub fn name(file: &Path) -> String {
    if file == Path::new("-") { "standard input".into() } else { file.display().to_string() }
}

/// The lists of such an answer, in the order in which they are told.
const LISTS: [&str; 4] = ["created", "updated", "unchanged", "deleted"];

/// What became of which mount, and how many there are; `about` is what is told
/// of one besides, `note` of all.
#[must_use]
pub fn summary(answer: &Value, about: impl Fn(&str) -> String, note: Option<String>) -> String {
    let ids = |list: &str| answer[list].as_array().into_iter().flatten().filter_map(Value::as_str).collect::<Vec<_>>();
    let rows: Vec<Vec<String>> = LISTS
        .iter()
        .flat_map(|list| ids(list).into_iter().map(move |id| (*list, id)))
        .map(|(list, id)| vec![format!("{list:<9}"), id.to_owned(), about(id)])
        .collect();
    let counts = LISTS.iter().filter(|list| answer[**list].is_array());
    let counts: Vec<String> = counts.map(|list| format!("{} {list}", ids(list).len())).collect();
    let mut lines = Vec::new();
    if !rows.is_empty() {
        lines.push(table(&rows));
    }
    let is_dry = answer["dry_run"] == true;
    if is_dry {
        lines.extend(differences(answer));
    }
    lines.push([counts.join(", ")].into_iter().chain(note).collect::<Vec<_>>().join("; "));
    if is_dry {
        lines.push(NOTHING_CHANGED.to_owned());
    }
    lines.join("\n")
}

/// The mount of that id in what was sent, as the summary tells it.
#[must_use]
pub fn about(mounts: &Value, id: &str) -> String {
    let list = mounts["mounts"].as_array().into_iter().flatten();
    let found = list.into_iter().find(|mount| mount["id"] == id);
    found.map(|mount| answers_for(&mount["match"])).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_mounts_is_an_array_or_an_object_with_one() {
        assert_eq!(mounts_of(json!([1])), Some(json!({"mounts": [1]})));
        assert_eq!(mounts_of(json!({"format": 1, "revision": 7, "mounts": []})), Some(json!({"mounts": []})));
        for wrong in [json!({}), json!({"mounts": {}}), json!("mounts"), json!(null)] {
            assert_eq!(mounts_of(wrong.clone()), None, "{wrong}");
        }
    }

    #[test]
    fn the_summary_tells_each_mount_and_counts_them() {
        let answer = json!({"created": ["a"], "updated": [], "unchanged": ["b", "c"], "deleted": []});
        let told = summary(&answer, |id| format!("*/{id}"), Some("2 notes".to_owned()));
        let lines = ["created    a  */a", "unchanged  b  */b", "unchanged  c  */c"];
        assert_eq!(told, format!("{}\n1 created, 0 updated, 2 unchanged, 0 deleted; 2 notes", lines.join("\n")));
        let dry = summary(&json!({"dry_run": true, "created": [], "changes": [], "urls": []}), |_| String::new(), None);
        assert_eq!(dry, format!("0 created\n{NOTHING_CHANGED}"));
    }
}
