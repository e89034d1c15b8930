//! The ordered field lines of a message.
//!
//! Owns the bytes they were received in and where each name and value lies.
//! Never reorders, folds, or changes the case of a field; added fields go to
//! the end. Policies edit it, `http1::encode` writes it.

/// A range of bytes inside one head.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Span {
    start: u32,
    end: u32,
}

impl Span {
    /// The range `start..end`; heads are far below 4 GiB.
    #[must_use]
    pub fn new(start: usize, end: usize) -> Self {
        debug_assert!(start <= end && u32::try_from(end).is_ok());
        #[allow(clippy::cast_possible_truncation, reason = "heads are bounded by limits.rs, far below 4 GiB")]
        Self { start: start as u32, end: end as u32 }
    }

    /// The bytes of this range.
    #[must_use]
    pub fn of(self, bytes: &[u8]) -> &[u8] {
        &bytes[self.start as usize..self.end as usize]
    }
}

/// Field names that some rule of the proxy asks for. Told once, when a field
/// is parsed or added, so that no rule compares strings on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known {
    /// Any other name.
    Other,
    /// A name that becomes one of the names below when `_` is read as `-`, as
    /// CGI-like servers do. It must never reach them.
    Lookalike,
    /// `Connection`
    Connection,
    /// `Content-Length`
    ContentLength,
    /// `Date`
    Date,
    /// `Expect`
    Expect,
    /// `Forwarded`
    Forwarded,
    /// `Host`
    Host,
    /// `HTTP2-Settings`
    Http2Settings,
    /// `Keep-Alive`
    KeepAlive,
    /// `Max-Forwards`
    MaxForwards,
    /// `Proxy`, which CGI turns into `HTTP_PROXY`
    Proxy,
    /// `Proxy-Authenticate`
    ProxyAuthenticate,
    /// `Proxy-Authorization`
    ProxyAuthorization,
    /// `Proxy-Connection`
    ProxyConnection,
    /// `TE`
    Te,
    /// `Traceparent`
    Traceparent,
    /// `Tracestate`
    Tracestate,
    /// `Trailer`
    Trailer,
    /// `Transfer-Encoding`
    TransferEncoding,
    /// `Upgrade`
    Upgrade,
    /// `Via`
    Via,
    /// `X-Forwarded-For`
    XForwardedFor,
    /// `X-Forwarded-Host`
    XForwardedHost,
    /// `X-Forwarded-Port`
    XForwardedPort,
    /// `X-Forwarded-Prefix`
    XForwardedPrefix,
    /// `X-Forwarded-Proto`
    XForwardedProto,
    /// Any other name that begins with `X-Forwarded-`
    XForwardedOther,
    /// `X-Real-IP`
    XRealIp,
}

/// The longest of the names.
const NAMES_BYTES_MAX: usize = 19;

impl Known {
    fn bit(self) -> u64 {
        1_u64 << (self as u32)
    }

    /// Which known name this is, in any case.
    #[must_use]
    pub fn of(name: &[u8]) -> Self {
        // A family's names may be longer; its beginning tells.
        let len = name.len().min(NAMES_BYTES_MAX);
        let mut lower = [0_u8; NAMES_BYTES_MAX];
        lower[..len].copy_from_slice(&name[..len]);
        lower.make_ascii_lowercase();
        let is_longer = name.len() > len;
        let exact = if is_longer { Self::of_family(&lower) } else { Self::of_lower(&lower[..len]) };
        if exact != Self::Other || !lower.contains(&b'_') {
            return exact;
        }
        lower.iter_mut().filter(|byte| **byte == b'_').for_each(|byte| *byte = b'-');
        match Self::of_lower(&lower[..len]) {
            Self::Other => Self::Other,
            Self::XForwardedOther => Self::Lookalike,
            _ if is_longer => Self::Other,
            _ => Self::Lookalike,
        }
    }

    fn of_lower(name: &[u8]) -> Self {
        let candidates: &[(&[u8], Self)] = match name.len() {
            2 => &[(b"te", Self::Te)],
            3 => &[(b"via", Self::Via)],
            4 => &[(b"host", Self::Host), (b"date", Self::Date)],
            5 => &[(b"proxy", Self::Proxy)],
            6 => &[(b"expect", Self::Expect)],
            7 => &[(b"upgrade", Self::Upgrade), (b"trailer", Self::Trailer)],
            9 => &[(b"forwarded", Self::Forwarded), (b"x-real-ip", Self::XRealIp)],
            10 => &[
                (b"connection", Self::Connection),
                (b"keep-alive", Self::KeepAlive),
                (b"tracestate", Self::Tracestate),
            ],
            11 => &[(b"traceparent", Self::Traceparent)],
            12 => &[(b"max-forwards", Self::MaxForwards)],
            14 => &[(b"content-length", Self::ContentLength), (b"http2-settings", Self::Http2Settings)],
            15 => &[(b"x-forwarded-for", Self::XForwardedFor)],
            16 => &[
                (b"x-forwarded-host", Self::XForwardedHost),
                (b"x-forwarded-port", Self::XForwardedPort),
                (b"proxy-connection", Self::ProxyConnection),
            ],
            17 => &[(b"transfer-encoding", Self::TransferEncoding), (b"x-forwarded-proto", Self::XForwardedProto)],
            18 => &[(b"proxy-authenticate", Self::ProxyAuthenticate), (b"x-forwarded-prefix", Self::XForwardedPrefix)],
            19 => &[(b"proxy-authorization", Self::ProxyAuthorization)],
            _ => &[],
        };
        // Most differ in their first byte.
        let is_it = |text: &[u8]| text.first() == name.first() && text == name;
        candidates.iter().find(|(text, _)| is_it(text)).map_or_else(|| Self::of_family(name), |(_, known)| *known)
    }

    fn of_family(name: &[u8]) -> Self {
        if name.starts_with(b"x-forwarded-") { Self::XForwardedOther } else { Self::Other }
    }
}

/// One field line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field<'a> {
    /// The name in the case it came in.
    pub name: &'a [u8],
    /// The value without surrounding white space.
    pub value: &'a [u8],
    /// Which known name it is.
    pub known: Known,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    name: Span,
    value: Span,
    known: Known,
}

/// Ordered field lines over one buffer. The buffer may hold more than fields:
/// a parsed head keeps its start line in it too.
#[derive(Debug, Clone, Default)]
pub struct Fields {
    bytes: Vec<u8>,
    entries: Vec<Entry>,
    /// A bit for each known name that a line had, so that nobody looks for those
    /// that never came.
    seen: u64,
}

impl Fields {
    /// No fields yet, over `bytes`.
    #[must_use]
    pub fn over(bytes: Vec<u8>, fields_expected: usize) -> Self {
        Self { bytes, entries: Vec::with_capacity(fields_expected), seen: 0 }
    }

    /// Names a line that lies in the buffer already.
    pub fn adopt(&mut self, name: Span, value: Span) {
        let known = Known::of(name.of(&self.bytes));
        self.seen |= known.bit();
        self.entries.push(Entry { name, value, known });
    }

    /// Adds a line at the end. The caller answers for its syntax.
    pub fn push(&mut self, name: &[u8], value: &[u8]) {
        self.push_parts(name, &[value]);
    }

    /// Adds a line whose value is the concatenation of `parts`.
    pub fn push_parts(&mut self, name: &[u8], parts: &[&[u8]]) {
        debug_assert!(super::is_token(name));
        let name_start = self.bytes.len();
        self.bytes.extend_from_slice(name);
        let value_start = self.bytes.len();
        for part in parts {
            debug_assert!(!part.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0)));
            self.bytes.extend_from_slice(part);
        }
        let name = Span::new(name_start, value_start);
        let value = Span::new(value_start, self.bytes.len());
        self.adopt(name, value);
    }

    /// Adds a line whose value stands elsewhere in this head already.
    pub fn push_copy(&mut self, name: &[u8], value: Span) {
        debug_assert!(super::is_token(name));
        let name_start = self.bytes.len();
        self.bytes.extend_from_slice(name);
        let value_start = self.bytes.len();
        self.bytes.extend_from_within(value.start as usize..value.end as usize);
        self.adopt(Span::new(name_start, value_start), Span::new(value_start, self.bytes.len()));
    }

    /// Gives the first line of a known name another value, in its place and
    /// under the name it has. The caller answers for the value's syntax.
    pub fn replace_value(&mut self, known: Known, value: &[u8]) {
        debug_assert!(!value.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0)));
        if let Some(entry) = self.entries.iter_mut().find(|entry| entry.known == known) {
            let start = self.bytes.len();
            self.bytes.extend_from_slice(value);
            entry.value = Span::new(start, self.bytes.len());
        }
    }

    /// Gives each line that value, in its place, for which `edit` makes one. The
    /// caller answers for the value's syntax.
    pub fn edit_values(&mut self, mut edit: impl FnMut(Field<'_>) -> Option<Vec<u8>>) {
        for entry in &mut self.entries {
            if let Some(value) = edit(entry.field(&self.bytes)) {
                debug_assert!(!value.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0)));
                let start = self.bytes.len();
                self.bytes.extend_from_slice(&value);
                entry.value = Span::new(start, self.bytes.len());
            }
        }
    }

    /// Drops every line for which `keep` is false.
    pub fn retain(&mut self, mut keep: impl FnMut(Field<'_>) -> bool) {
        let bytes = &self.bytes;
        self.entries.retain(|entry| keep(entry.field(bytes)));
    }

    /// Drops every line of that name.
    pub fn remove(&mut self, known: Known) {
        self.entries.retain(|entry| entry.known != known);
    }

    /// The lines in their order.
    pub fn iter(&self) -> impl Iterator<Item = Field<'_>> {
        self.entries.iter().map(|entry| entry.field(&self.bytes))
    }

    /// The values of all lines of a known name, in order.
    pub fn all(&self, known: Known) -> impl Iterator<Item = &[u8]> {
        let entries = if self.seen & known.bit() == 0 { &[][..] } else { &self.entries[..] };
        entries.iter().filter(move |entry| entry.known == known).map(|entry| entry.value.of(&self.bytes))
    }

    /// The value of the first line of a known name.
    #[must_use]
    pub fn first(&self, known: Known) -> Option<&[u8]> {
        self.all(known).next()
    }

    /// The value of the first line of that name, in any case.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.iter().find(|field| field.name.eq_ignore_ascii_case(name.as_bytes())).map(|field| field.value)
    }

    /// How many lines there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// True when there is no line.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Where `part`, a slice of this buffer, lies in it.
    #[must_use]
    pub fn locate(&self, part: &[u8]) -> Span {
        let start = part.as_ptr() as usize - self.bytes.as_ptr() as usize;
        assert!(start + part.len() <= self.bytes.len(), "not a part of this head");
        Span::new(start, start + part.len())
    }

    /// The buffer under the fields, for the start line that shares it.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl Entry {
    fn field(self, bytes: &[u8]) -> Field<'_> {
        Field { name: self.name.of(bytes), value: self.value.of(bytes), known: self.known }
    }
}

/// The members of a comma-separated list value, trimmed, empty ones left out
/// (RFC 9110 §5.6.1.2).
pub fn list_members(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii).filter(|member| !member.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_names_are_found_in_any_case() {
        assert_eq!(Known::of(b"hOsT"), Known::Host);
        assert_eq!(Known::of(b"Transfer-Encoding"), Known::TransferEncoding);
        assert_eq!(Known::of(b"X-Forwarded-Prefix"), Known::XForwardedPrefix);
        assert_eq!(Known::of(b"x-forwarded-scheme-and-more"), Known::XForwardedOther);
        assert_eq!(Known::of(b"X-Real-IP"), Known::XRealIp);
        assert_eq!(Known::of(b"X-Custom"), Known::Other);
        assert_eq!(Known::of(b"proxy-authorization-x"), Known::Other);
    }

    #[test]
    fn underscore_names_that_read_like_known_ones_are_lookalikes() {
        assert_eq!(Known::of(b"Content_Length"), Known::Lookalike);
        assert_eq!(Known::of(b"transfer_encoding"), Known::Lookalike);
        assert_eq!(Known::of(b"x_forwarded_for"), Known::Lookalike);
        assert_eq!(Known::of(b"X-Forwarded_Server"), Known::Lookalike);
        assert_eq!(Known::of(b"X_Forwarded_Something_Much_Longer"), Known::Lookalike);
        assert_eq!(Known::of(b"x_real_ip"), Known::Lookalike);
        assert_eq!(Known::of(b"proxy_authorization_x"), Known::Other);
        assert_eq!(Known::of(b"x_custom"), Known::Other);
    }

    #[test]
    fn order_case_and_duplicates_stay() {
        let mut fields = Fields::default();
        fields.push(b"B-b", b"1");
        fields.push(b"a", b"2");
        fields.push(b"b-B", b"3");
        let lines: Vec<_> = fields.iter().map(|field| (field.name.to_vec(), field.value.to_vec())).collect();
        assert_eq!(
            lines,
            [(b"B-b".to_vec(), b"1".to_vec()), (b"a".to_vec(), b"2".to_vec()), (b"b-B".to_vec(), b"3".to_vec()),]
        );
        fields.retain(|field| field.value != b"1");
        assert_eq!(fields.len(), 2);
        assert_eq!(fields.get("B-B"), Some(&b"3"[..]));
    }

    #[test]
    fn a_value_is_replaced_in_its_place() {
        let mut fields = Fields::default();
        fields.push(b"A", b"1");
        fields.push(b"max-FORWARDS", b"10");
        fields.push(b"B", b"2");
        fields.replace_value(Known::MaxForwards, b"9");
        fields.replace_value(Known::Via, b"nobody");
        let lines: Vec<_> = fields.iter().map(|field| (field.name, field.value)).collect();
        assert_eq!(lines, [(&b"A"[..], &b"1"[..]), (b"max-FORWARDS", b"9"), (b"B", b"2")]);
    }

    #[test]
    fn values_are_edited_in_their_places() {
        let mut fields = Fields::default();
        for name in [&b"A"[..], b"b", b"a"] {
            fields.push(name, b"1");
        }
        fields.edit_values(|field| field.name.eq_ignore_ascii_case(b"A").then(|| [field.name, b"2"].concat()));
        let lines: Vec<_> = fields.iter().map(|field| (field.name, field.value)).collect();
        assert_eq!(lines, [(&b"A"[..], &b"A2"[..]), (b"b", b"1"), (b"a", b"a2")]);
    }

    #[test]
    fn list_members_are_trimmed_and_never_empty() {
        let members: Vec<_> = list_members(b" a ,, b\t,").collect();
        assert_eq!(members, [&b"a"[..], b"b"]);
    }
}
