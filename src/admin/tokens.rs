//! The tokens of the API: which there are, and whose a shown one is.
//!
//! Owns the first token's rights, and all others with the file that keeps
//! them: hashed, written whole, and refused rather than mended when it cannot
//! be understood. Readers wait for nobody; writing blocks.

use super::caller::Caller;
use super::token::{self, Token, Unsaved, save};
use crate::limits::{OWNER_CHARS_MAX, TOKENS_FILE_BYTES_MAX, TOKENS_MAX};
use crate::mount::spec::is_id;
use crate::registry::LEASE;
use arc_swap::ArcSwap;
use ring::digest;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::HashSet;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};

/// The name of the token in the file `token`.
pub const FIRST: &str = "admin";

/// The file of the others in the data directory.
pub const FILE: &str = "tokens.json";

/// All tokens of a server.
#[derive(Debug)]
pub struct Tokens {
    path: PathBuf,
    /// The first one, and then the others by name.
    current: ArcSwap<Vec<Arc<Known>>>,
    /// Held by who writes the file.
    writing: Mutex<()>,
    /// How it is written.
    save: fn(&Path, &[u8]) -> Result<(), Unsaved>,
}

/// A token that is let in.
#[derive(Debug)]
struct Known {
    name: Arc<str>,
    sha256: [u8; digest::SHA256_OUTPUT_LEN],
    read_only: bool,
    owner: Option<Arc<str>>,
    created_at: String,
    /// Seconds since 1970; 0 is never since the start.
    last_used_s: AtomicU64,
    revoked: Arc<AtomicBool>,
}

/// What a token is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// What it is called, in the form of a mount's id.
    pub name: String,
    /// It may change nothing.
    pub read_only: bool,
    /// It may change only the mounts with this `labels.owner`.
    pub owner: Option<String>,
}

/// Why the tokens stay as they are, or may not stay as they have become.
#[derive(Debug)]
pub enum TokenRefusal {
    /// There is one of that name.
    Taken(String),
    /// There is none of that name.
    Unknown(String),
    /// It is the first one, which is kept elsewhere.
    First,
    /// There are as many as there may be.
    Full,
    /// They could not be stored.
    Storage(io::Error),
    /// They are stored and count, but a power cut may take that back.
    Volatile(io::Error),
}

impl From<Unsaved> for TokenRefusal {
    fn from(unsaved: Unsaved) -> Self {
        match unsaved {
            Unsaved::Unchanged(error) => Self::Storage(error),
            Unsaved::Volatile(error) => Self::Volatile(error),
        }
    }
}

impl TokenRefusal {
    /// The change is made all the same.
    #[must_use]
    pub fn is_made(&self) -> bool {
        matches!(self, Self::Volatile(_))
    }
}

/// The file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    format: u32,
    tokens: Vec<StoredToken>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredToken {
    name: String,
    sha256: String,
    read_only: bool,
    owner: Option<String>,
    created_at: String,
}

const FORMAT: u32 = 1;

impl Tokens {
    /// The tokens of a data directory, the first one being in its own file; the
    /// error says what to change.
    pub fn open(directory: &Path, first: &Token) -> Result<Self, String> {
        let path = directory.join(FILE);
        let stored = token::read_private(&path, TOKENS_FILE_BYTES_MAX);
        let others = match stored {
            Ok(text) => understood(&text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(error.to_string()),
        };
        let others = others.map_err(|error| {
            format!(
                "the tokens in {} cannot be used: {error}; put back a copy that is whole, or move the file away and \
                 make the tokens anew",
                path.display()
            )
        })?;
        let mut all = vec![Arc::new(Known::first(directory, first))];
        all.extend(others);
        Ok(Self { path, current: ArcSwap::from_pointee(all), writing: Mutex::default(), save })
    }

    /// Who shows that token; none where it is nobody's. How long this takes
    /// tells nothing of how wrong it is.
    #[must_use]
    pub fn caller(&self, shown: &[u8]) -> Option<Caller> {
        let sha256 = digest::digest(&digest::SHA256, shown);
        let all = self.current.load();
        let mut found = u64::MAX;
        for (at, known) in (0_u64..).zip(all.iter()) {
            let is_it: Choice = known.sha256.ct_eq(sha256.as_ref());
            found.conditional_assign(&at, is_it);
        }
        let known = all.get(usize::try_from(found).ok()?)?;
        known.last_used_s.store(seconds_now(), Ordering::Relaxed);
        let (name, owner, revoked) = (Arc::clone(&known.name), known.owner.clone(), Arc::clone(&known.revoked));
        Some(Caller { name, read_only: known.read_only, owner, revoked })
    }

    /// All of them, without what would let anybody in.
    #[must_use]
    pub fn list(&self) -> Vec<Value> {
        self.current.load().iter().map(|known| known.shown()).collect()
    }

    /// Makes a token and shows it: its value is known to nobody but the caller
    /// from then on. Blocks.
    pub fn add(&self, wanted: Wanted) -> Result<Value, TokenRefusal> {
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let all = self.current.load_full();
        // Who changes something is told by name, and this is no caller.
        if wanted.name == LEASE || all.iter().any(|known| *known.name == wanted.name) {
            return Err(TokenRefusal::Taken(wanted.name));
        }
        if all.len() > TOKENS_MAX {
            return Err(TokenRefusal::Full);
        }
        let token = Token::random().map_err(TokenRefusal::Storage)?;
        let made = Arc::new(Known {
            name: wanted.name.into(),
            sha256: hash(token.reveal()),
            read_only: wanted.read_only,
            owner: wanted.owner.map(Arc::from),
            created_at: humantime::format_rfc3339_millis(SystemTime::now()).to_string(),
            last_used_s: AtomicU64::new(0),
            revoked: Arc::default(),
        });
        let mut shown = made.shown();
        shown["token"] = json!(token.reveal());
        let mut all = all.to_vec();
        all.push(made);
        // The first one stays the first.
        all[1..].sort_by(|one, other| one.name.cmp(&other.name));
        self.replace(all)?;
        Ok(shown)
    }

    /// Takes a token back; it counts no longer when this returns. Blocks.
    pub fn remove(&self, name: &str) -> Result<(), TokenRefusal> {
        if name == FIRST {
            return Err(TokenRefusal::First);
        }
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut all = self.current.load_full().to_vec();
        let at = all.iter().position(|known| *known.name == *name);
        let removed = all.remove(at.ok_or_else(|| TokenRefusal::Unknown(name.to_owned()))?);
        let replaced = self.replace(all);
        if replaced.as_ref().map_or_else(TokenRefusal::is_made, |()| true) {
            removed.revoked.store(true, Ordering::Release);
        }
        replaced
    }

    /// Makes those durable, and then the ones that count: those of the file, also
    /// where it is not known to last.
    fn replace(&self, all: Vec<Arc<Known>>) -> Result<(), TokenRefusal> {
        let tokens = all.iter().skip(1).map(|known| known.stored()).collect();
        let text = serde_json::to_vec_pretty(&Stored { format: FORMAT, tokens });
        let mut text = text.map_err(|error| TokenRefusal::Storage(error.into()))?;
        text.push(b'\n');
        let saved = (self.save)(&self.path, &text);
        if !matches!(saved, Err(Unsaved::Unchanged(_))) {
            self.current.store(Arc::new(all));
        }
        Ok(saved?)
    }
}

impl Known {
    fn first(directory: &Path, token: &Token) -> Self {
        let made = std::fs::metadata(directory.join(token::FILE)).and_then(|about| about.modified());
        Self {
            name: FIRST.into(),
            sha256: hash(token.reveal()),
            read_only: false,
            owner: None,
            created_at: humantime::format_rfc3339_millis(made.unwrap_or_else(|_| SystemTime::now())).to_string(),
            last_used_s: AtomicU64::new(0),
            revoked: Arc::default(),
        }
    }

    fn shown(&self) -> Value {
        let last_used = Some(self.last_used_s.load(Ordering::Relaxed)).filter(|seconds| *seconds > 0);
        let last_used = last_used.map(|seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds));
        json!({
            "name": *self.name,
            "read_only": self.read_only,
            "owner": self.owner.as_deref(),
            "created_at": self.created_at,
            "last_used_at": last_used.map(|time| humantime::format_rfc3339_seconds(time).to_string()),
        })
    }

    fn stored(&self) -> StoredToken {
        StoredToken {
            name: self.name.to_string(),
            sha256: token::hex(&self.sha256),
            read_only: self.read_only,
            owner: self.owner.as_deref().map(str::to_owned),
            created_at: self.created_at.clone(),
        }
    }
}

/// The tokens that the file holds, or what is wrong with it.
fn understood(text: &str) -> Result<Vec<Arc<Known>>, String> {
    let value: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    if value["format"].as_u64().is_some_and(|format| format > u64::from(FORMAT)) {
        return Err("it was written by a newer version".into());
    }
    let stored: Stored = serde_json::from_value(value).map_err(|error| error.to_string())?;
    if stored.format != FORMAT || stored.tokens.len() > TOKENS_MAX {
        return Err(format!("it is not of format {FORMAT} with at most {TOKENS_MAX} tokens"));
    }
    let mut names = HashSet::from([FIRST.to_owned()]);
    let mut others = Vec::with_capacity(stored.tokens.len());
    for token in stored.tokens {
        let name = token.name;
        let is_sound = is_id(&name)
            && token.owner.as_deref().is_none_or(is_owner)
            && humantime::parse_rfc3339(&token.created_at).is_ok();
        let sha256 = unhex(&token.sha256).filter(|_| is_sound);
        let sha256 = sha256.ok_or_else(|| format!("the token {name:?} in it is damaged"))?;
        if !names.insert(name.clone()) {
            return Err(format!("the name {name:?} is in it twice, or is that of the first token"));
        }
        others.push(Arc::new(Known {
            name: name.into(),
            sha256,
            read_only: token.read_only,
            owner: token.owner.map(Arc::from),
            created_at: token.created_at,
            last_used_s: AtomicU64::new(0),
            revoked: Arc::default(),
        }));
    }
    others.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(others)
}

/// True for what may be an owner.
#[must_use]
pub fn is_owner(text: &str) -> bool {
    (1..=OWNER_CHARS_MAX).contains(&text.chars().count()) && !text.chars().any(char::is_control)
}

fn hash(text: &str) -> [u8; digest::SHA256_OUTPUT_LEN] {
    let mut sha256 = [0; digest::SHA256_OUTPUT_LEN];
    sha256.copy_from_slice(digest::digest(&digest::SHA256, text.as_bytes()).as_ref());
    sha256
}

fn unhex(text: &str) -> Option<[u8; digest::SHA256_OUTPUT_LEN]> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let mut bytes = [0; digest::SHA256_OUTPUT_LEN];
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if pairs.len() != bytes.len() || !rest.is_empty() {
        return None;
    }
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        *byte = digit(*high)? * 16 + digit(*low)?;
    }
    Some(bytes)
}

fn seconds_now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

impl fmt::Display for TokenRefusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Taken(name) => {
                write!(formatter, "there is a token '{name}' already; choose another name, or delete that one first")
            }
            Self::Unknown(name) => write!(formatter, "there is no token '{name}'"),
            Self::First => write!(
                formatter,
                "the token '{FIRST}' is the one in the file '{}' of the data directory; to have another one made, remove \
                 the file and start the server again",
                token::FILE
            ),
            Self::Full => write!(formatter, "there are {TOKENS_MAX} tokens already; delete one that nobody needs"),
            Self::Storage(error) => write!(formatter, "the change could not be stored, and was not made: {error}"),
            Self::Volatile(error) => write!(
                formatter,
                "the change was made and counts, but may not survive a power cut: {error}; a token that was made is \
                 shown to nobody: delete it, and make it anew"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Directory;
    use std::os::unix::fs::PermissionsExt;

    fn open(directory: &Directory) -> Result<Tokens, String> {
        Tokens::open(directory.path(), &Token::load_or_create(directory.path()).unwrap())
    }

    fn wanted(name: &str) -> Wanted {
        Wanted { name: name.into(), read_only: false, owner: None }
    }

    fn add(tokens: &Tokens, wanted: Wanted) -> String {
        tokens.add(wanted).unwrap()["token"].as_str().unwrap().to_owned()
    }

    #[test]
    fn each_token_is_its_own_caller_also_after_a_restart() {
        let directory = Directory::new("tokens");
        let tokens = open(&directory).unwrap();
        let writer = add(&tokens, wanted("writer"));
        let limited = add(&tokens, Wanted { read_only: true, owner: Some("ci".into()), ..wanted("limited") });
        assert!(writer.starts_with("standin_") && writer.len() == 8 + 64 && writer != limited);
        let first = Token::load(directory.path()).unwrap();
        for tokens in [tokens, open(&directory).unwrap()] {
            let caller = |shown: &str| tokens.caller(shown.as_bytes());
            let who = |shown: &str| caller(shown).map(|caller| caller.name.to_string());
            assert_eq!(who(first.reveal()).unwrap(), "admin");
            assert_eq!(who(&writer).unwrap(), "writer");
            let caller = caller(&limited).unwrap();
            assert!(caller.read_only && caller.owner.as_deref() == Some("ci"));
            for wrong in ["", "x", &writer[1..], &writer[..71], &format!("{writer}0"), &writer.to_uppercase()] {
                assert_eq!(who(wrong), None, "{wrong}");
            }
            let listed = tokens.list();
            let names: Vec<&str> = listed.iter().map(|token| token["name"].as_str().unwrap()).collect();
            assert_eq!(names, ["admin", "limited", "writer"]);
            assert!(listed.iter().all(|token| token["last_used_at"].is_string()));
        }
    }

    #[test]
    fn a_token_that_is_taken_back_counts_no_longer() {
        let directory = Directory::new("tokens-rm");
        let tokens = open(&directory).unwrap();
        let value = add(&tokens, wanted("ci"));
        let caller = tokens.caller(value.as_bytes()).unwrap();
        assert!(caller.is_let_in());
        tokens.remove("ci").unwrap();
        assert!(!caller.is_let_in(), "who was let in before can see it");
        assert!(tokens.caller(value.as_bytes()).is_none());
        assert!(matches!(tokens.remove("ci"), Err(TokenRefusal::Unknown(_))));
        assert!(open(&directory).unwrap().caller(value.as_bytes()).is_none());
        let again = add(&tokens, wanted("ci"));
        assert!(tokens.caller(value.as_bytes()).is_none() && tokens.caller(again.as_bytes()).is_some());
    }

    #[test]
    fn the_first_token_and_its_name_stay() {
        let directory = Directory::new("tokens-first");
        let tokens = open(&directory).unwrap();
        assert!(matches!(tokens.remove(FIRST), Err(TokenRefusal::First)));
        assert!(matches!(tokens.add(wanted(FIRST)), Err(TokenRefusal::Taken(_))));
    }

    #[test]
    fn there_are_only_so_many() {
        let directory = Directory::new("tokens-full");
        let tokens = open(&directory).unwrap();
        let full: Vec<StoredToken> = (0..TOKENS_MAX)
            .map(|number| StoredToken {
                name: format!("t{number}"),
                sha256: "00".repeat(32),
                read_only: true,
                owner: None,
                created_at: "2026-01-01T00:00:00Z".into(),
            })
            .collect();
        save(&tokens.path, &serde_json::to_vec(&Stored { format: FORMAT, tokens: full }).unwrap()).unwrap();
        let tokens = open(&directory).unwrap();
        assert!(matches!(tokens.add(wanted("more")), Err(TokenRefusal::Full)));
        tokens.remove("t0").unwrap();
        tokens.add(wanted("more")).unwrap();
    }

    #[test]
    fn the_file_holds_no_token_and_is_for_its_owner_only() {
        let directory = Directory::new("tokens-file");
        let tokens = open(&directory).unwrap();
        let value = add(&tokens, wanted("ci"));
        let path = directory.path().join(FILE);
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(!text.contains(&value["standin_".len()..]) && text.contains("\"ci\""), "{text}");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        let told = open(&directory).unwrap_err();
        assert!(told.contains("tokens.json") && told.contains("chmod 600"), "{told}");
    }

    #[test]
    fn a_damaged_file_is_refused_in_words_and_left_as_it_is() {
        let directory = Directory::new("tokens-damaged");
        let tokens = open(&directory).unwrap();
        add(&tokens, Wanted { owner: Some("ci".into()), ..wanted("ci") });
        let path = directory.path().join(FILE);
        let whole = std::fs::read_to_string(&path).unwrap();
        assert!(open(&directory).is_ok());
        let mut damaged: Vec<String> = (0..whole.trim_end().len()).map(|end| whole[..end].to_owned()).collect();
        for (from, to) in [
            ("\"format\": 1", "\"format\": 2"),
            ("\"format\": 1", "\"format\": 0"),
            ("\"name\": \"ci\"", "\"name\": \"admin\""),
            ("\"name\": \"ci\"", "\"name\": \"C I\""),
            ("\"owner\": \"ci\"", "\"owner\": \"\""),
            ("\"sha256\": \"", "\"sha256\": \"00"),
            ("\"sha256\": \"", "\"sha256\": \"é"),
            ("\"read_only\": false", "\"read_only\": 0"),
            ("\"read_only\": false,", ""),
            ("\"created_at\": \"2", "\"created_at\": \"x"),
            ("{\n", "{ \"more\": 1,\n"),
        ] {
            assert!(whole.contains(from), "{from}");
            damaged.push(whole.replacen(from, to, 1));
        }
        let entry = whole[whole.find("    {").unwrap()..=whole.rfind("    }").unwrap() + 4].to_owned();
        damaged.push(whole.replacen(&entry, &format!("{entry},\n{entry}"), 1));
        for text in damaged {
            std::fs::write(&path, &text).unwrap();
            let told = open(&directory).expect_err(&text);
            assert!(told.contains("tokens.json") && told.contains("make the tokens anew"), "{told}");
            assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
        }
    }

    #[test]
    fn what_cannot_be_stored_is_not_in_effect() {
        let directory = Directory::new("tokens-unstored");
        let tokens = open(&directory).unwrap();
        let value = add(&tokens, wanted("ci"));
        // A directory cannot be replaced by a file.
        std::fs::remove_file(&tokens.path).unwrap();
        std::fs::create_dir_all(tokens.path.join("in the way")).unwrap();
        assert!(matches!(tokens.add(wanted("other")), Err(TokenRefusal::Storage(_))));
        assert!(matches!(tokens.remove("ci"), Err(TokenRefusal::Storage(_))));
        assert!(tokens.caller(value.as_bytes()).is_some_and(|caller| caller.is_let_in()));
        assert_eq!(tokens.list().len(), 2);
    }

    #[test]
    fn what_is_in_the_file_counts_also_where_it_may_not_last() {
        let directory = Directory::new("tokens-volatile");
        let mut tokens = open(&directory).unwrap();
        let value = add(&tokens, wanted("ci"));
        let caller = tokens.caller(value.as_bytes()).unwrap();
        tokens.save = |path, content| {
            save(path, content)?;
            Err(Unsaved::Volatile(io::Error::other("no sync of the directory")))
        };
        let names = |tokens: &Tokens| -> Vec<String> {
            tokens.list().iter().map(|token| token["name"].as_str().unwrap().to_owned()).collect()
        };
        let told = tokens.remove("ci").unwrap_err();
        assert!(told.is_made() && told.to_string().contains("power cut"), "{told}");
        assert!(!caller.is_let_in() && tokens.caller(value.as_bytes()).is_none());
        assert!(tokens.add(wanted("other")).unwrap_err().is_made());
        assert_eq!(names(&tokens), ["admin", "other"]);
        assert_eq!(names(&open(&directory).unwrap()), names(&tokens));
    }
}
