//! Files of users and passwords, as Apache's `htpasswd -B` writes them.
//!
//! Owns reading their lines. Only bcrypt is taken: the other kinds are too
//! quick to guess. A file that is not understood in every line is not
//! understood.

use crate::limits::BCRYPT_COST_MAX;
use bcrypt::HashParts;
use std::collections::HashMap;
use std::sync::Arc;

/// The users of one file.
#[derive(Debug)]
pub struct Users {
    hashes: HashMap<Box<str>, Arc<str>>,
    nobody: Arc<str>,
}

/// What is checked for a user who is not there, behind the cost.
const NOBODY: &str = "$.....................................................";
const LEAST_COST: u32 = 4;
/// Of a file without users; what `htpasswd -B` takes by itself is less.
const USUAL_COST: u32 = 10;

impl Users {
    /// Reads such a file; the error names the line and says what to do.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        let text = std::str::from_utf8(bytes).map_err(|_| "is not text".to_owned())?;
        let mut hashes = HashMap::new();
        let mut costs = HashMap::new();
        for (number, line) in text.lines().enumerate() {
            let line = line.trim_end();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (user, hash, cost) = user(line).map_err(|fault| format!("line {}: {fault}", number + 1))?;
            *costs.entry(cost).or_insert(0) += 1;
            if hashes.insert(user.into(), hash.into()).is_some() {
                return Err(format!("line {}: '{user}' is there already", number + 1));
            }
        }
        let usual = costs.into_iter().max_by_key(|(cost, count)| (*count, *cost)).map_or(USUAL_COST, |(cost, _)| cost);
        Ok(Self { hashes, nobody: format!("$2b${usual:02}{NOBODY}").into() })
    }

    /// The hash of a user's password.
    #[must_use]
    pub fn hash_of(&self, user: &str) -> Option<&Arc<str>> {
        self.hashes.get(user)
    }

    /// A hash that takes as long to check as most of them, and is nobody's.
    #[must_use]
    pub fn hash_of_nobody(&self) -> &Arc<str> {
        &self.nobody
    }
}

/// One line: the user, the hash, its cost.
fn user(line: &str) -> Result<(&str, &str, u32), String> {
    let (user, hash) = line.split_once(':').ok_or("must be user:hash, as htpasswd -B writes it")?;
    if user.is_empty() || !user.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err("a user name must be visible ASCII without blanks, so that it can be told in a header".into());
    }
    let is_bcrypt = ["$2a$", "$2b$", "$2y$"].iter().any(|start| hash.starts_with(start));
    let parts: Option<HashParts> = hash.parse().ok().filter(|_| is_bcrypt);
    let cost = parts.ok_or("the password must be hashed with bcrypt; write it with htpasswd -B")?.get_cost();
    if !(LEAST_COST..=BCRYPT_COST_MAX).contains(&cost) {
        return Err(format!(
            "the cost must be from {LEAST_COST} to {BCRYPT_COST_MAX}; write it with htpasswd -B -C 12"
        ));
    }
    Ok((user, hash, cost))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "$04$abcdefghijklmnopqrstuuxGuKXlUOnFs4.JkwFY0eFM7UF8OoRZS";

    fn parse(text: &str) -> Result<Users, String> {
        Users::parse(text.as_bytes())
    }

    #[test]
    fn users_comments_and_empty_lines_are_read() {
        let users = parse(&format!("# people\n\nann:$2y{HASH}\r\nbob:$2a{HASH}\nc@d:$2b{HASH}\n")).unwrap();
        assert_eq!(users.hash_of("ann").map(|hash| hash.len()), Some(60));
        assert!(users.hash_of("bob").is_some() && users.hash_of("c@d").is_some());
        assert!(users.hash_of("# people").is_none() && users.hash_of("").is_none());
    }

    #[test]
    fn another_kind_of_hash_is_named_with_its_line() {
        for hash in ["$apr1$abc$def", "{SHA}abc=", "abJnggxhB/yWI", "plain", "", "$2y$04$short", &format!("$2x{HASH}")]
        {
            let fault = parse(&format!("ann:$2y{HASH}\nbob:{hash}\n")).unwrap_err();
            assert!(fault.starts_with("line 2: ") && fault.contains("htpasswd -B"), "{fault}");
        }
    }

    #[test]
    fn what_else_is_wrong_is_told() {
        for (text, part) in [
            ("ann".to_owned(), "user:hash"),
            (format!(":$2y{HASH}"), "user name"),
            (format!("ann b:$2y{HASH}"), "user name"),
            (format!("änn:$2y{HASH}"), "user name"),
            (format!("ann:$2y{HASH}\nann:$2y{HASH}"), "line 2: 'ann' is there already"),
            (format!("ann:$2y{}", HASH.replace("04", "31")), "cost"),
            (format!("ann:$2y{}", HASH.replace("04", "03")), "cost"),
        ] {
            let fault = parse(&text).unwrap_err();
            assert!(fault.contains(part), "{fault}");
        }
        assert_eq!(Users::parse(b"\xff").unwrap_err(), "is not text");
    }

    #[test]
    fn nobody_costs_as_much_as_most() {
        let nobody = |text: &str| parse(text).unwrap().hash_of_nobody().to_string();
        let cheap = HASH.replace("$04$", "$05$");
        let nobodys = nobody(&format!("a:$2y{HASH}\nb:$2y{cheap}\nc:$2y{cheap}\n"));
        assert!(nobodys.starts_with("$2b$05$"), "{nobodys}");
        assert!(nobody("").starts_with("$2b$10$"));
        assert_eq!(bcrypt::verify("", &nobodys).ok(), Some(false), "it can be checked");
    }
}
