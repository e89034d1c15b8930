//! `uri-host [ ":" port ]`, as in `Host` and in absolute targets (RFC 9110 §7.2).
//!
//! Owns the one strict reading of an authority. Refuses user information,
//! paths, lists and odd ports, so that no two programs can read it differently.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A checked authority, borrowed from where it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Authority<'a> {
    /// The host as written: a name, an IPv4 address, or `[IPv6]` with brackets.
    pub host: &'a str,
    /// The port, where one was written.
    pub port: Option<u16>,
}

/// Longest host that can be a DNS name, and so the longest accepted.
pub const HOST_BYTES_MAX: usize = 255;

impl<'a> Authority<'a> {
    /// Reads an authority; `None` when it is not one.
    #[must_use]
    pub fn parse(bytes: &'a [u8]) -> Option<Self> {
        let host_len = if bytes.first() == Some(&b'[') {
            let end = memchr::memchr(b']', bytes)?;
            std::str::from_utf8(&bytes[1..end]).ok()?.parse::<Ipv6Addr>().ok()?;
            end + 1
        } else {
            let end = memchr::memchr(b':', bytes).unwrap_or(bytes.len());
            is_name(&bytes[..end]).then_some(end)?
        };
        let (host, rest) = bytes.split_at(host_len);
        if host.len() > HOST_BYTES_MAX {
            return None;
        }
        let port = match rest {
            [] | [b':'] => None,
            [b':', digits @ ..] if digits.len() <= 5 => {
                let port = super::parse_digits(digits)?;
                Some(u16::try_from(port).ok().filter(|port| *port != 0)?)
            }
            _ => return None,
        };
        Some(Self { host: std::str::from_utf8(host).ok()?, port })
    }

    /// The host as a name for comparison: lower case, no final dot.
    #[must_use]
    pub fn canonical_host(&self) -> String {
        let host = self.host.strip_suffix('.').unwrap_or(self.host);
        host.to_ascii_lowercase()
    }

    /// As [`Authority::canonical_host`], and an odd form of an address as that
    /// address.
    #[must_use]
    pub fn normal_host(&self) -> String {
        match self.ip() {
            Some(IpAddr::V6(ip)) => format!("[{ip}]"),
            Some(ip) => ip.to_string(),
            None => self.canonical_host(),
        }
    }

    /// The address this host writes, where it is one. Besides the usual form
    /// this reads what `inet_aton` reads (`127.1`, `0x7f000001`, `2130706433`,
    /// `0177.0.0.1`), because resolvers do, and a check that does not is no check.
    #[must_use]
    pub fn ip(&self) -> Option<IpAddr> {
        if let Some(inner) = self.host.strip_prefix('[') {
            return inner.strip_suffix(']')?.parse::<Ipv6Addr>().ok().map(IpAddr::V6);
        }
        let host = self.host.strip_suffix('.').unwrap_or(self.host);
        inet_aton(host).map(IpAddr::V4)
    }
}

/// True for labels with a dot between them, and one behind the last at most. `.`
/// alone, and names with nothing between two dots, are no names: what they stand
/// for would depend on who reads them.
fn is_name(host: &[u8]) -> bool {
    let mut is_label = false;
    for byte in host.strip_suffix(b".").unwrap_or(host) {
        match byte {
            b'.' if !is_label => return false,
            b'.' => is_label = false,
            byte if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'~') => is_label = true,
            _ => return false,
        }
    }
    is_label
}

fn inet_aton(text: &str) -> Option<Ipv4Addr> {
    let mut parts = [0_u32; 4];
    let mut count = 0;
    for part in text.split('.') {
        *parts.get_mut(count)? = number(part)?;
        count += 1;
    }
    let (last, leading) = parts[..count].split_last()?;
    let mut address = 0_u32;
    for part in leading {
        address = (address << 8) | u32::from(u8::try_from(*part).ok()?);
    }
    let free_bits = 32 - 8 * u32::try_from(leading.len()).ok()?;
    if free_bits < 32 && *last >= 1 << free_bits {
        return None;
    }
    let high = if free_bits == 32 { 0 } else { address << free_bits };
    Some(Ipv4Addr::from(high | last))
}

fn number(text: &str) -> Option<u32> {
    let (digits, radix) = match text.as_bytes() {
        [b'0', b'x' | b'X', ..] => (&text[2..], 16),
        [b'0', _, ..] => (&text[1..], 8),
        _ => (text, 10),
    };
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return None;
    }
    u32::from_str_radix(digits, radix).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_authorities_are_read() {
        let read = |text: &'static str| Authority::parse(text.as_bytes()).map(|found| (found.host, found.port));
        assert_eq!(read("example.org"), Some(("example.org", None)));
        assert_eq!(read("example.org:8080"), Some(("example.org", Some(8080))));
        assert_eq!(read("example.org:"), Some(("example.org", None)));
        assert_eq!(read("[::1]:80"), Some(("[::1]", Some(80))));
        assert_eq!(read("my_host"), Some(("my_host", None)));
    }

    #[test]
    fn ambiguous_authorities_are_refused() {
        for bad in [
            "", "a b", "a/b", "u@h", "h?", "h#", "h\\", "a,b", "h:0", "h:99999", "h:+5", "h:8 0", "[::1", "[::1]x",
            "[zz]", "h:80:80", ":80", "h%2e",
        ] {
            assert_eq!(Authority::parse(bad.as_bytes()), None, "{bad:?}");
        }
        assert_eq!(Authority::parse(b"h\xff"), None);
    }

    #[test]
    fn odd_forms_of_an_address_are_still_that_address() {
        for form in ["127.0.0.1", "127.1", "0x7f.1", "2130706433", "0x7f000001", "0177.0.0.1", "127.0.0.1."] {
            let found = Authority::parse(form.as_bytes()).and_then(|authority| authority.ip());
            assert_eq!(found, Some("127.0.0.1".parse().unwrap()), "{form}");
        }
        for name in ["example.org", "1.2.3.4.5", "256.1.1.1", "1.2.3.999", "a.1"] {
            assert_eq!(Authority::parse(name.as_bytes()).unwrap().ip(), None, "{name}");
        }
    }
}
