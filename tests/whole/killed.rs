//! A server that is killed while many write: what it acknowledged is there, as
//! it was acknowledged, and nothing that nobody asked for.

use crate::common::admin::{Admin, Answer, Call};
use crate::common::pattern::Pattern;
use crate::common::process::{Launch, Standin};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc::{Sender, channel};

const WRITERS: usize = 8;
const ROUNDS: usize = 4;

/// What one writer has asked for; its reason names it, and is in the journal.
#[derive(Debug, Clone)]
struct Asked {
    why: String,
    mount: String,
    /// What the journal says that it did.
    actions: &'static [&'static str],
    /// A number that the mount carries afterwards; none where it is gone.
    number: Option<u64>,
}

/// That it is about to be asked for, or was acknowledged with that revision.
#[derive(Debug)]
enum Told {
    Asks(Asked),
    Acknowledged(Asked, u64),
}

/// A writer with mounts of its own, so that it knows what each call does.
struct Writer {
    name: String,
    admin: Admin,
    random: Pattern,
    /// Which of its mounts there are, with their numbers.
    mounts: BTreeMap<String, u64>,
    calls: u64,
}

impl Writer {
    fn mount(&self, id: &str, number: u64) -> Value {
        json!({
            "kind": "regular", "match": { "path": format!("/{id}") }, "address": "http://127.0.0.1:9/",
            "metadata": { "number": number }, "lease": { "ttl_s": 3600 },
        })
    }

    /// The next call, and what it is to do.
    fn next(&mut self) -> (Call, Asked) {
        self.calls += 1;
        let number = self.calls;
        let id = format!("{}-{}", self.name, self.random.below(6));
        let path = format!("/v1/mounts/{id}");
        let exists = self.mounts.contains_key(&id);
        let choice = self.random.below(6);
        let put = |method: &str, actions: &'static [&'static str]| {
            (self.admin.call(method, &path).json(&self.mount(&id, number)), actions, Some(number))
        };
        let (call, actions, number): (Call, &'static [&'static str], Option<u64>) = match choice {
            _ if !exists && number.is_multiple_of(2) => {
                let mut mount = self.mount(&id, number);
                mount["id"] = json!(id);
                (self.admin.call("POST", "/v1/mounts").json(&mount), &["create"], Some(number))
            }
            _ if !exists => put("PUT", &["create"]),
            0 => (self.admin.call("DELETE", &path), &["delete"], None),
            1 => {
                let patch = json!({ "metadata": { "number": number } }).to_string();
                let call = self.admin.call("PATCH", &path).content("application/merge-patch+json", patch.as_bytes());
                (call, &["replace"], Some(number))
            }
            2 => {
                let lease = json!({ "ttl_s": 3600 + number });
                (
                    self.admin.call("PUT", &format!("{path}/lease")).json(&lease),
                    &["lease"],
                    self.mounts.get(&id).copied(),
                )
            }
            _ => put("PUT", &["replace"]),
        };
        let why = format!("{} call {}", self.name, self.calls);
        (call.field("X-Reason", &why), Asked { why, mount: id, actions, number })
    }

    /// Writes until the server is gone.
    fn run(&mut self, told: &Sender<Told>) {
        loop {
            let (call, asked) = self.next();
            told.send(Told::Asks(asked.clone())).unwrap();
            let Some(answer) = call.try_send() else { return };
            assert!((200..300).contains(&answer.status), "{asked:?}: {}", answer.value);
            match asked.number {
                Some(number) => self.mounts.insert(asked.mount.clone(), number),
                None => self.mounts.remove(&asked.mount),
            };
            told.send(Told::Acknowledged(asked, revision(&answer))).unwrap();
        }
    }
}

fn revision(answer: &Answer) -> u64 {
    answer.response.field("X-Revision").unwrap().parse().unwrap()
}

/// The whole journal, page by page.
fn journal(admin: &Admin) -> Vec<Value> {
    let mut entries = Vec::new();
    let mut next = Some("/v1/revisions?order=oldest&limit=100".to_owned());
    while let Some(path) = next {
        let page = admin.get(&path).value;
        entries.extend(page["revisions"].as_array().unwrap().iter().cloned());
        next = page["next"].as_str().map(str::to_owned);
    }
    entries
}

/// All mounts, page by page: id to revision and number.
fn mounts(admin: &Admin) -> BTreeMap<String, (u64, u64)> {
    let mut found = BTreeMap::new();
    let mut next = Some("/v1/mounts".to_owned());
    while let Some(path) = next {
        let page = admin.get(&path).value;
        for mount in page["mounts"].as_array().unwrap() {
            let about = (mount["revision"].as_u64().unwrap(), mount["metadata"]["number"].as_u64().unwrap());
            found.insert(mount["id"].as_str().unwrap().to_owned(), about);
        }
        next = page["next"].as_str().map(str::to_owned);
    }
    found
}

/// The journal tells just what was asked for, with all that was acknowledged,
/// and the mounts are what it says.
fn check(admin: &Admin, asked: &BTreeMap<String, Asked>, acknowledged: &BTreeMap<String, u64>) {
    let entries = journal(admin);
    let numbers: Vec<u64> = entries.iter().map(|entry| entry["revision"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (1..=entries.len() as u64).collect::<Vec<_>>(), "no hole and no double");
    let mut by_reason = BTreeMap::new();
    let mut expected = BTreeMap::new();
    for entry in &entries {
        let (why, id) = (entry["why"].as_str().unwrap(), entry["mount"].as_str().unwrap());
        let asked = asked.get(why).unwrap_or_else(|| panic!("nobody asked for {entry}"));
        assert_eq!(id, asked.mount, "{entry}");
        assert!(asked.actions.contains(&entry["action"].as_str().unwrap()), "{asked:?}: {entry}");
        assert_eq!(entry["after"]["metadata"]["number"].as_u64(), asked.number, "{entry}");
        let number = entry["revision"].as_u64().unwrap();
        assert_eq!(by_reason.insert(why, number), None, "made twice: {entry}");
        match asked.number {
            Some(carried) => expected.insert(id.to_owned(), (number, carried)),
            None => expected.remove(id),
        };
    }
    for (why, revision) in acknowledged {
        assert_eq!(by_reason.remove(why.as_str()), Some(*revision), "{why}");
    }
    assert!(by_reason.len() <= WRITERS * ROUNDS, "more than what was on its way: {by_reason:?}");
    assert_eq!(mounts(admin), expected);
}

#[test]
fn a_kill_under_many_writers_loses_nothing_and_makes_up_nothing() {
    let mut standin = Standin::start();
    let (mut asked, mut acknowledged) = (BTreeMap::new(), BTreeMap::new());
    for round in 0..ROUNDS {
        let mut random = Pattern::new(round as u64 + 1);
        let kill_at = 20 + random.below(200);
        let (sender, told) = channel();
        let mut take = |told: Told| match told {
            Told::Asks(ask) => drop(asked.insert(ask.why.clone(), ask)),
            Told::Acknowledged(ask, revision) => {
                assert_eq!(acknowledged.insert(ask.why, revision), None);
            }
        };
        std::thread::scope(|scope| {
            for number in 0..WRITERS {
                let mut writer = Writer {
                    name: format!("r{round}w{number}"),
                    admin: standin.admin(),
                    random: Pattern::new((round * WRITERS + number) as u64 + 100),
                    mounts: BTreeMap::new(),
                    calls: 0,
                };
                let sender = sender.clone();
                scope.spawn(move || writer.run(&sender));
            }
            drop(sender);
            let mut left = kill_at;
            while left > 0 {
                let told = told.recv().unwrap();
                left -= usize::from(matches!(told, Told::Acknowledged(..)));
                take(told);
            }
            standin.kill9();
            told.iter().for_each(&mut take);
        });
        standin = standin.launch.start();
        check(&standin.admin(), &asked, &acknowledged);
    }
    let reasons: BTreeSet<&String> = acknowledged.keys().collect();
    assert!(reasons.len() >= ROUNDS * 20);
}

fn store(launch: &Launch) -> std::path::PathBuf {
    launch.data_dir().join("standin.redb")
}

#[test]
fn a_store_cut_short_or_changed_has_everything_or_is_refused_with_what_to_do() {
    let mut standin = Standin::start();
    let admin = standin.admin();
    for number in 0..30 {
        let mount =
            json!({ "kind": "regular", "match": { "path": format!("/{number}") }, "address": "http://127.0.0.1:9/" });
        assert_eq!(admin.put(&format!("m{}", number % 10), &mount).status / 100, 2);
    }
    // As the kill leaves it.
    standin.kill9();
    let launch = standin.launch.clone();
    drop(standin);
    let whole = std::fs::read(store(&launch)).unwrap();
    let mut random = Pattern::new(5);
    for number in 0..24 {
        let mut damaged = whole.clone();
        match number % 3 {
            0 => damaged.truncate(random.below(whole.len())),
            1 => damaged.truncate(random.below(whole.len()) & !4095),
            _ => {
                let at = if number < 12 { 64 + random.below(256) } else { random.below(whole.len()) };
                damaged[at] ^= 1 << random.below(8);
            }
        }
        std::fs::write(store(&launch), &damaged).unwrap();
        match launch.try_start() {
            Ok(standin) => {
                let entries = journal(&standin.admin());
                assert_eq!(entries.len(), 30, "{number}");
                assert_eq!(standin.admin().get("/v1/mounts").value["mounts"].as_array().unwrap().len(), 10);
            }
            Err(refused) => {
                assert_eq!(refused.code, Some(1), "{refused:?}");
                for part in [store(&launch).to_str().unwrap(), "copy", "standin.revision", "docs/journal.md"] {
                    assert!(refused.stderr.contains(part), "{part}: {}", refused.stderr);
                }
                assert!(std::fs::read(store(&launch)).unwrap() == damaged, "{number}: it was written to");
            }
        }
    }
    std::fs::write(store(&launch), &whole).unwrap();
    assert_eq!(journal(&launch.start().admin()).len(), 30, "the copy brings all back");
}
