//! Fields that say who asks, which only the proxy may set.
//!
//! Owns which names a server could take for one of them. What a client sent
//! under any of those goes.

use crate::message::Fields;

/// True when servers may not tell the names apart: those that hand them on as
/// CGI does fold case and read `-` as `_`, and some so every other character
/// that is neither letter nor digit.
#[must_use]
pub fn reads_like(name: &[u8], other: &str) -> bool {
    let same = |(left, right): (&u8, &u8)| {
        left.eq_ignore_ascii_case(right) || !(left.is_ascii_alphanumeric() || right.is_ascii_alphanumeric())
    };
    name.len() == other.len() && name.iter().zip(other.as_bytes()).all(same)
}

/// Removes every field that a server could take for one of those names.
pub fn strip<'a>(fields: &mut Fields, names: impl Iterator<Item = &'a str> + Clone) {
    fields.retain(|field| !names.clone().any(|name| reads_like(field.name, name)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_that_a_server_could_take_for_one_goes() {
        let mut fields = Fields::default();
        for name in
            ["X-Remote-User", "x_remote_user", "X-Remote_User", "X.Remote.User", "X-Remote-Users", "XRemoteUser"]
        {
            fields.push(name.as_bytes(), b"root");
        }
        strip(&mut fields, ["X-REMOTE-USER", "X-Team"].into_iter());
        let left: Vec<_> = fields.iter().map(|field| field.name).collect();
        assert_eq!(left, [&b"X-Remote-Users"[..], b"XRemoteUser"]);
    }
}
