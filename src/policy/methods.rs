//! Which methods a mount passes on.
//!
//! Owns `paste.proxy`'s `allowed_request_methods`: an empty list allows every
//! method, names are compared in any case, GET does not imply HEAD.

use crate::error::Kind;
use crate::message::Fields;

/// Refuses a method that is not in the list, naming those that are.
pub fn check(allowed: &[String], method: &[u8]) -> Result<(), Kind> {
    if is_allowed(allowed, method) { Ok(()) } else { Err(Kind::MethodNotAllowed(allowed.join(", "))) }
}

/// Refuses it as `paste.proxy` does: as a bad request, in HTML to whoever says
/// that it takes that.
pub fn check_as_paste(allowed: &[String], method: &[u8], fields: &Fields) -> Result<(), Kind> {
    if is_allowed(allowed, method) {
        return Ok(());
    }
    let contains = |value: &[u8], part: &[u8]| memchr::memmem::find(value, part).is_some();
    let takes_html = |value: &[u8]| contains(value, b"html") || contains(value, b"*/*");
    let html =
        fields.iter().filter(|field| field.name.eq_ignore_ascii_case(b"Accept")).any(|field| takes_html(field.value));
    Err(Kind::Disallowed { html })
}

fn is_allowed(allowed: &[String], method: &[u8]) -> bool {
    allowed.is_empty() || allowed.iter().any(|name| name.as_bytes().eq_ignore_ascii_case(method))
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

    #[test]
    fn as_paste_refuses_it_in_html_or_plain() {
        let allowed = ["GET".to_owned(), "POST".to_owned()];
        for (accept, html) in [
            (None, false),
            (Some("text/html"), true),
            (Some("*/*"), true),
            (Some("text/plain, application/xhtml+xml;q=0.5"), true),
            (Some("text/plain"), false),
            (Some("TEXT/HTML"), false),
        ] {
            let mut fields = Fields::default();
            accept.into_iter().for_each(|accept| fields.push(b"accept", accept.as_bytes()));
            assert_eq!(check_as_paste(&allowed, b"DELETE", &fields), Err(Kind::Disallowed { html }), "{accept:?}");
            assert_eq!(check_as_paste(&allowed, b"post", &fields), Ok(()));
        }
    }
}
