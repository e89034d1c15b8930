//! Which methods a mount passes on.
//!
//! Owns `paste.proxy`'s `allowed_request_methods`: an empty list allows every
//! method, names are compared in any case, GET does not imply HEAD.

use crate::error::Kind;

/// Refuses a method that is not in the list, naming those that are.
pub fn check(allowed: &[String], method: &[u8]) -> Result<(), Kind> {
    if allowed.is_empty() || allowed.iter().any(|name| name.as_bytes().eq_ignore_ascii_case(method)) {
        return Ok(());
    }
    Err(Kind::MethodNotAllowed(allowed.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_list_allows_all_and_case_does_not_matter() {
        assert_eq!(check(&[], b"X-FOO"), Ok(()));
        let allowed = ["GET".to_owned(), "POST".to_owned()];
        assert_eq!(check(&allowed, b"get"), Ok(()));
        assert_eq!(check(&allowed, b"HEAD"), Err(Kind::MethodNotAllowed("GET, POST".into())));
    }
}
