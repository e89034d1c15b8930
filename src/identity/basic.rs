//! HTTP Basic authentication (RFC 7617) against a file of passwords.
//!
//! Owns reading `Authorization` and what makes a try fail. A user who is not
//! there costs as much time as a wrong password.

use super::htpasswd::Users;
use super::passwords::{Passwords, Queue};
use crate::error::{Error, Kind};
use crate::files::{Files, Watched};
use crate::message::Fields;
use crate::oplog;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::path::Path;
use std::sync::Arc;

/// Who may ask, for one mount.
#[derive(Debug)]
pub struct Basic {
    users: Arc<Watched<Users>>,
    realm: String,
    passwords: Arc<Passwords>,
    queue: Queue,
}

/// bcrypt does not look at more.
const PASSWORD_BYTES_MAX: usize = 72;

impl Basic {
    /// Against that file, now or as soon as it can be read.
    #[must_use]
    pub fn open(path: &Path, realm: &str, files: &Files, passwords: &Arc<Passwords>) -> Self {
        let users = files.open(path, Users::parse);
        if let Err(error) = users.current().as_ref() {
            oplog::error(format_args!("{error}; whoever needs a password from it is refused"));
        }
        Self { users, realm: realm.to_owned(), passwords: Arc::clone(passwords), queue: Queue::default() }
    }

    /// The user who asks, whose password was right.
    pub async fn authenticate(&self, fields: &Fields) -> Result<Arc<str>, Error> {
        let users = self.users.current();
        let users = (*users).as_ref().map_err(|error| Error::new(Kind::IdentityFile, error))?;
        let refused = || Error::from(Kind::CredentialsNeeded(self.realm.clone()));
        let (user, password) = credentials(fields).ok_or_else(refused)?;
        let known = users.hash_of(&user);
        let hash = known.unwrap_or_else(|| users.hash_of_nobody());
        let matches = self.passwords.check(hash, password, &self.queue).await?;
        if matches && known.is_some() { Ok(user.into()) } else { Err(refused()) }
    }
}

/// User and password of the only `Authorization`, if it is a whole one.
fn credentials(fields: &Fields) -> Option<(String, Vec<u8>)> {
    let mut lines = fields.iter().filter(|field| field.name.eq_ignore_ascii_case(b"authorization"));
    let value = lines.next()?.value;
    if lines.next().is_some() {
        return None;
    }
    let (scheme, rest) = value.split_at_checked("Basic".len())?;
    let token = rest.trim_ascii();
    if !scheme.eq_ignore_ascii_case(b"basic") || token.len() == rest.len() {
        return None;
    }
    let pair = STANDARD.decode(token).ok()?;
    let at = memchr::memchr(b':', &pair)?;
    let (user, password) = (&pair[..at], &pair[at + 1..]);
    let fits = password.len() <= PASSWORD_BYTES_MAX && !pair.iter().any(u8::is_ascii_control);
    fits.then(|| Some((String::from_utf8(user.to_vec()).ok()?, password.to_vec())))?
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Directory;

    fn read(lines: &[&str]) -> Option<(String, String)> {
        let mut fields = Fields::default();
        for line in lines {
            fields.push(b"authorization", line.as_bytes());
        }
        credentials(&fields).map(|(user, password)| (user, String::from_utf8_lossy(&password).into_owned()))
    }

    fn of(pair: &[u8]) -> String {
        format!("Basic {}", STANDARD.encode(pair))
    }

    #[test]
    fn one_whole_pair_is_read() {
        let pair = |user: &str, password: &str| Some((user.to_owned(), password.to_owned()));
        assert_eq!(read(&["Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="]), pair("Aladdin", "open sesame"));
        assert_eq!(read(&["bASIC   QWxhZGRpbjpvcGVuIHNlc2FtZQ=="]), pair("Aladdin", "open sesame"));
        assert_eq!(read(&[&of(b"a:b:c")]), pair("a", "b:c"));
        assert_eq!(read(&[&of("a:pässword".as_bytes())]), pair("a", "pässword"));
        assert_eq!(read(&[&of(&[b"a:", &[b'x'; 72][..]].concat())]), pair("a", &"x".repeat(72)));
    }

    #[test]
    fn anything_else_is_nobody() {
        let (once, long) = (of(b"a:b"), of(&[b"a:", &[b'x'; 73][..]].concat()));
        let (once, long) = (once.as_str(), long.as_str());
        for lines in [
            &[][..],
            &[once, once],
            &["Basic"],
            &["Basic "],
            &["BasicYTpi"],
            &["Bearer YTpi"],
            &["Basic YTpi="],
            &["Basic *"],
            &[&of(b"no colon")],
            &[&of(b"a:b\0c")],
            &[&of(b"a\n:b")],
            &[&of(b"\xff:b")],
            &[long],
        ] {
            assert_eq!(read(lines), None, "{lines:?}");
        }
    }

    #[test]
    fn users_of_the_file_get_in_and_nobody_else() {
        let directory = Directory::new("basic");
        let path = directory.path().join("htpasswd");
        let open = || Basic::open(&path, "here", &Files::default(), &Passwords::new().unwrap());
        let ask = |basic: &Basic, pair: &str| {
            let mut fields = Fields::default();
            fields.push(b"Authorization", of(pair.as_bytes()).as_bytes());
            let asked = async_io::block_on(basic.authenticate(&fields));
            asked.map(|user| user.to_string()).map_err(|error| error.kind().clone())
        };
        assert_eq!(ask(&open(), "ann:right"), Err(Kind::IdentityFile), "never open");
        std::fs::write(&path, format!("ann:{}\n", bcrypt::hash("right", 4).unwrap())).unwrap();
        let basic = open();
        assert_eq!(ask(&basic, "ann:right"), Ok("ann".to_owned()));
        for pair in ["ann:wrong", "ann:", "bob:right", ":right", "ANN:right"] {
            assert_eq!(ask(&basic, pair), Err(Kind::CredentialsNeeded("here".to_owned())), "{pair}");
        }
    }
}
