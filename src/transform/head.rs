//! What heads say about rewriting, and what they must say after it.
//!
//! Owns the media type and coding of content, `no-transform`, what is asked of
//! an upstream whose answer may be rewritten, and the fields of a reply that
//! no longer fit (RFC 9110 §7.7 and §8). Pure functions over fields.

use crate::message::fields::list_members;
use crate::message::{Fields, Known, Names, is_token};

/// The coding of content that can be rewritten.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coding {
    /// None.
    Identity,
    /// gzip (RFC 9110 §8.4.1.3).
    Gzip,
}

/// What content is.
#[derive(Debug, Clone, Copy)]
pub struct Media<'a> {
    /// The media type, as it came.
    pub name: &'a [u8],
    charset: Option<&'a [u8]>,
}

/// Charsets whose bytes below 128 are not ASCII, or not always. Whatever else
/// there is keeps ASCII as it is.
const UNLIKE_ASCII: [&str; 12] = [
    "utf-16",
    "utf16",
    "utf-32",
    "utf32",
    "utf-7",
    "ucs-",
    "unicode",
    "iso-10646-ucs",
    "iso-2022-",
    "hz-gb",
    "ebcdic",
    "ibm037",
];

/// Charsets in which UTF-8 is what it says.
const LIKE_UTF_8: [&str; 3] = ["utf-8", "utf8", "us-ascii"];

impl Media<'_> {
    /// True when bytes of rules can be searched for in it and put into it;
    /// `is_ascii` says that they are all ASCII.
    #[must_use]
    pub fn takes(&self, is_ascii: bool) -> bool {
        let Some(charset) = self.charset else { return true };
        let is = |name: &&str| charset.eq_ignore_ascii_case(name.as_bytes());
        let begins =
            |start: &&str| charset.get(..start.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(start.as_bytes()));
        if is_ascii { !UNLIKE_ASCII.iter().any(begins) } else { LIKE_UTF_8.iter().any(is) }
    }
}

/// The values of all lines of that name.
fn all<'a>(fields: &'a Fields, name: &'static str) -> impl Iterator<Item = &'a [u8]> {
    fields.iter().filter(move |field| field.name.eq_ignore_ascii_case(name.as_bytes())).map(|field| field.value)
}

/// What the content is; none where that is not said, or more than once.
#[must_use]
pub fn media(fields: &Fields) -> Option<Media<'_>> {
    let mut values = all(fields, "content-type");
    let value = values.next()?;
    if values.next().is_some() {
        return None;
    }
    let (name, mut rest) = split(value);
    let mut charset = None;
    while !rest.is_empty() {
        let parameter;
        (parameter, rest) = split(rest);
        if let Some((start, value)) = parameter.split_at_checked(b"charset=".len())
            && start.eq_ignore_ascii_case(b"charset=")
        {
            let unquoted = value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\""));
            charset = charset.or(Some(unquoted.unwrap_or(value)));
        }
    }
    let slash = memchr::memchr(b'/', name)?;
    (is_token(&name[..slash]) && is_token(&name[slash + 1..])).then_some(Media { name, charset })
}

/// What stands before the first `;` outside quotes, and behind it.
fn split(value: &[u8]) -> (&[u8], &[u8]) {
    let (mut quoted, mut escaped) = (false, false);
    let end = value.iter().position(|byte| {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b';' if !quoted => return true,
            _ => {}
        }
        false
    });
    end.map_or((value.trim_ascii(), b""), |end| (value[..end].trim_ascii(), &value[end + 1..]))
}

/// The coding of the content; none where it cannot be rewritten.
#[must_use]
pub fn coding(fields: &Fields) -> Option<Coding> {
    let mut codings = all(fields, "content-encoding").flat_map(list_members);
    let coding = match codings.next() {
        None => Coding::Identity,
        Some(name) if name.eq_ignore_ascii_case(b"identity") => Coding::Identity,
        Some(name) if is_gzip(name) => Coding::Gzip,
        Some(_) => return None,
    };
    codings.next().is_none().then_some(coding)
}

fn is_gzip(name: &[u8]) -> bool {
    name.eq_ignore_ascii_case(b"gzip") || name.eq_ignore_ascii_case(b"x-gzip")
}

/// True where the sender forbids that content be changed on its way
/// (RFC 9111 §5.2.1.6 and §5.2.2.6).
#[must_use]
pub fn forbids_transform(fields: &Fields) -> bool {
    all(fields, "cache-control").flat_map(list_members).any(|member| member.eq_ignore_ascii_case(b"no-transform"))
}

/// True for content that is a part of something, whatever its status.
#[must_use]
pub fn is_part(fields: &Fields) -> bool {
    all(fields, "content-range").next().is_some()
}

/// Edits a request so that its answer can be rewritten: it asks for the whole,
/// and in no coding that is not read here.
pub fn ask_for_rewritable(fields: &mut Fields) {
    let codings: Vec<&[u8]> = all(fields, "accept-encoding").flat_map(list_members).collect();
    let is_asked = all(fields, "accept-encoding").next().is_some();
    let accepted = is_asked.then(|| readable(&codings));
    let mut is_first = true;
    fields.edit_values(|field| {
        let accepted = accepted.as_deref().filter(|_| field.name.eq_ignore_ascii_case(b"accept-encoding"))?;
        std::mem::take(&mut is_first).then(|| accepted.to_vec())
    });
    let mut is_first = true;
    fields.retain(|field| {
        let is = |name: &str| field.name.eq_ignore_ascii_case(name.as_bytes());
        let is_again = is("accept-encoding") && !std::mem::take(&mut is_first);
        !(is_again || is("range") || is("if-range"))
    });
}

/// What of these codings can be read here. Where that is none, no coding is
/// asked for: a missing field would mean that any will do (RFC 9110 §12.5.3).
fn readable(codings: &[&[u8]]) -> Vec<u8> {
    let name_of = |member: &&[u8]| member.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii().to_vec();
    let names_gzip = codings.iter().any(|member| is_gzip(&name_of(member)));
    let mut accepted: Vec<Vec<u8>> = Vec::new();
    for member in codings {
        let name = name_of(member);
        let weight = &member[name.len()..];
        if is_gzip(&name) || name.eq_ignore_ascii_case(b"identity") {
            accepted.push(member.to_vec());
        } else if name == b"*" && !names_gzip {
            // Any coding that is not named; of those gzip is read here. With
            // a weight of zero that says the same.
            accepted.push([b"gzip", weight].concat());
        }
    }
    if accepted.is_empty() { b"identity".to_vec() } else { accepted.join(&b", "[..]) }
}

/// True for the name of a field that tells what the bytes of the content add
/// up to.
#[must_use]
pub fn is_checksum(name: &[u8]) -> bool {
    const NAMES: [&str; 5] = ["content-md5", "content-digest", "repr-digest", "digest", "x-amz-trailer-signature"];
    const PREFIXES: [&str; 2] = ["x-checksum-", "x-amz-checksum-"];
    let begins =
        |prefix: &&str| name.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix.as_bytes()));
    NAMES.iter().any(|known| name.eq_ignore_ascii_case(known.as_bytes())) || PREFIXES.iter().any(begins)
}

/// Mends the head of a reply whose content is rewritten: lengths, checksums
/// and offsets are no longer those of the upstream, and a strong validator
/// promises more than can be kept (RFC 9110 §8.8.1). `Last-Modified` is a weak
/// one and stays.
pub fn mend(fields: &mut Fields) {
    fields.remove(Names::of(&[Known::ContentLength]));
    fields.retain(|field| !is_checksum(field.name) && !field.name.eq_ignore_ascii_case(b"accept-ranges"));
    fields.edit_values(|field| {
        let is_strong = field.name.eq_ignore_ascii_case(b"etag") && field.value.starts_with(b"\"");
        is_strong.then(|| [b"W/", field.value].concat())
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(lines: &[(&str, &str)]) -> Fields {
        let mut fields = Fields::default();
        lines.iter().for_each(|(name, value)| fields.push(name.as_bytes(), value.as_bytes()));
        fields
    }

    fn lines(fields: &Fields) -> Vec<(String, String)> {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        fields.iter().map(|field| (text(field.name), text(field.value))).collect()
    }

    fn accepted(values: &[&str]) -> Vec<String> {
        let mut asked = fields(&[("Host", "h")]);
        values.iter().for_each(|value| asked.push(b"accept-Encoding", value.as_bytes()));
        ask_for_rewritable(&mut asked);
        lines(&asked).into_iter().skip(1).map(|(_, value)| value).collect()
    }

    #[test]
    fn an_upstream_is_asked_for_what_can_be_read() {
        assert_eq!(accepted(&["gzip, deflate, br, zstd"]), ["gzip"]);
        assert_eq!(accepted(&["br;q=1.0, gzip;q=0.8", "x-gzip, identity;q=0"]), ["gzip;q=0.8, x-gzip, identity;q=0"]);
        assert_eq!(accepted(&["br"]), ["identity"]);
        assert_eq!(accepted(&[""]), ["identity"]);
        assert_eq!(accepted(&["*"]), ["gzip"]);
        assert_eq!(accepted(&["br, *;q=0.5"]), ["gzip;q=0.5"]);
        assert_eq!(accepted(&["gzip;q=0, *"]), ["gzip;q=0"]);
        assert_eq!(accepted(&[]), [""; 0], "what was not asked for is not answered");
    }

    #[test]
    fn an_upstream_is_asked_for_the_whole() {
        let mut asked = fields(&[("A", "1"), ("RANGE", "bytes=0-1"), ("If-Range", "\"x\""), ("If-Match", "\"x\"")]);
        ask_for_rewritable(&mut asked);
        assert_eq!(lines(&asked), [("A".into(), "1".into()), ("If-Match".into(), "\"x\"".into())]);
    }

    #[test]
    fn a_head_says_no_more_than_is_still_true() {
        let mut head = fields(&[
            ("ETag", "\"x\""),
            ("Content-Length", "5"),
            ("Content-MD5", "m"),
            ("digest", "d"),
            ("Content-Digest", "d"),
            ("Repr-Digest", "d"),
            ("X-Amz-Checksum-Crc32", "c"),
            ("Accept-Ranges", "bytes"),
            ("Last-Modified", "l"),
            ("Vary", "v"),
        ]);
        mend(&mut head);
        let expected = [("ETag", "W/\"x\""), ("Last-Modified", "l"), ("Vary", "v")];
        assert_eq!(lines(&head), expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
        mend(&mut head);
        assert_eq!(lines(&head)[0].1, "W/\"x\"", "a weak one stays as it is");
    }
}
