//! The keys of one section: inherited, hidden, filled in, `set` and `get`.

use super::deploy::{Deploy, File, Told};
use super::ini::Section;
use super::interpolate::interpolate;
use super::notes::{At, Severity};
use super::object::{Globals, Kind, Value};
use std::collections::HashMap;
use std::rc::Rc;

/// The keys of one section, by what becomes of them.
#[derive(Debug, Clone)]
pub(super) struct Keys {
    /// What it and what it builds see.
    pub globals: Globals,
    /// What of that it has added itself.
    pub added: Vec<(Rc<str>, Value)>,
    /// Its own.
    pub local: Vec<(String, Value)>,
}

impl Deploy<'_> {
    /// Reads a section's keys.
    pub(super) fn keys(
        &mut self,
        kind: Kind,
        file: &Rc<File>,
        section: &Section,
        globals: Option<&Globals>,
    ) -> Result<Keys, Told> {
        let mut all = file.defaults.clone();
        for (key, value) in globals.into_iter().flatten() {
            if !self.budget.spend(1) {
                break;
            }
            if all.get(key) != Some(value) {
                all.insert_mut(Rc::clone(key), value.clone());
            }
        }
        let mut keys = Keys { globals: all, added: Vec::new(), local: Vec::new() };
        let mut wanted = Vec::new();
        let mut is_right = true;
        let own = section.entries.iter().map(|entry| (entry.key.as_str(), entry.value.as_str(), entry.line, true));
        let inherited = file.commands.iter().filter(|key| section.get(key).is_none());
        let inherited = inherited.filter_map(|key| {
            let value = file.raw.get(key)?;
            Some((&**key, &*value.text, value.at.line, false))
        });
        for (key, raw, line, is_own) in own.chain(inherited) {
            if !self.budget.spend(1 + key.len() / 64) {
                break;
            }
            let at = At { file: Rc::clone(&file.name), line };
            let command = key.strip_prefix("set ").or_else(|| key.strip_prefix("get ")).map(str::trim);
            if command.is_none()
                && let Some(default) = file.defaults.get(key)
            {
                let line = default.at.line;
                self.notes.warn(&at, format!(
                    "'{key}' is also in [DEFAULT] (line {line}), and so Paste takes no notice of this one, nor does \
                     Standin; rename the one in [DEFAULT] if this one is meant to count"
                ));
                continue;
            }
            let look_up = |name: &str| {
                if let Some(entry) = section.get(name) {
                    return Some(entry.value.as_str());
                }
                let (key, value) = file.raw.get_key_value(name)?;
                self.used_defaults.borrow_mut().insert(Rc::clone(key));
                Some(&*value.text)
            };
            if raw.contains(" ;") || raw.contains(" #") {
                self.notes.warn(
                    &at,
                    format!("'{key}' has a ; or # in it, which is part of the value: remarks need a line of their own"),
                );
            }
            let text = match interpolate(raw, &look_up, &self.budget) {
                Ok(text) => text,
                Err(fault) => {
                    self.notes.error(&at, format!("{key}: {fault}"));
                    is_right = false;
                    continue;
                }
            };
            let value = Value { text: text.into(), at };
            match command {
                Some(name) if key.starts_with("set ") => {
                    keys.globals.insert_mut(name.into(), value.clone());
                    keys.added.push((name.into(), value.clone()));
                    if is_own && kind != Kind::Server {
                        self.notes.add(Severity::Info, &value.at, format!(
                            "'{key}' is global configuration, which no proxy reads; it has an effect only through 'get' \
                             and not_found_app"
                        ));
                    }
                }
                Some(name) => wanted.push((name.to_owned(), value)),
                None => keys.local.push((key.to_owned(), value)),
            }
        }
        let mut places: HashMap<String, usize> =
            keys.local.iter().enumerate().map(|(place, (name, _))| (name.clone(), place)).collect();
        for (name, global) in wanted {
            let found = keys.globals.get_key_value(&*global.text).map(|(key, value)| (Rc::clone(key), value.clone()));
            match found {
                Some((key, value)) => {
                    self.used_defaults.borrow_mut().insert(key);
                    let value = Value { text: value.text, at: global.at };
                    match places.get(&name) {
                        Some(place) => keys.local[*place].1 = value,
                        None => {
                            places.insert(name.clone(), keys.local.len());
                            keys.local.push((name, value));
                        }
                    }
                }
                None => {
                    is_right = false;
                    self.notes
                        .error(&global.at, format!("there is no global '{}' to get; add it to [DEFAULT]", global.text));
                }
            }
        }
        if self.budget.is_spent() {
            let at = At { file: Rc::clone(&file.name), line: section.line };
            return self.fail(&at, "this file asks for more than can be read; make it smaller");
        }
        if is_right { Ok(keys) } else { Err(Told) }
    }
}
