//! The lines of the access log.
//!
//! Owns the three formats. Every line is printable ASCII and one LF at its end,
//! whatever a client sent: nobody can forge a line, or move a terminal's cursor.

use super::entry::{End, Entry};
use crate::message::Version;
use crate::message::redact::redact;
use crate::net::Peer;
use serde::{Serialize, Serializer};
use std::borrow::Cow;
use std::io::{self, Write};
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;
use std::time::{Duration, SystemTime};

/// How a line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// Apache's common log format.
    Common,
    /// Apache's and nginx's combined format: that, and `Referer` and `User-Agent`.
    #[default]
    Combined,
    /// One JSON object, with every fact of an [`Entry`].
    Json,
}

impl FromStr for Format {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "common" => Ok(Self::Common),
            "combined" => Ok(Self::Combined),
            "json" => Ok(Self::Json),
            _ => Err(format!("'{text}' is not a format; give common, combined or json")),
        }
    }
}

impl Format {
    /// Adds the line of an entry.
    pub fn write(self, entry: &Entry, line: &mut Vec<u8>) {
        // Writing to memory does not fail.
        let _ = match self {
            Self::Common => common(entry, line),
            Self::Combined => combined(entry, line),
            Self::Json => json(entry, line),
        };
        line.push(b'\n');
    }
}

/// The status as it is written: what the client was told, or 499, as nginx says
/// it, if it did not wait for that.
fn status(entry: &Entry) -> u16 {
    match (entry.status, entry.end) {
        (0, End::ClientGone | End::ClientSlow) => 499,
        (status, _) => status,
    }
}

/// The time of an entry, within what calendars of four digits can say.
fn time(entry: &Entry) -> SystemTime {
    const LAST: Duration = Duration::from_secs(253_402_300_799);
    entry.time.clamp(SystemTime::UNIX_EPOCH, SystemTime::UNIX_EPOCH + LAST)
}

fn version(entry: &Entry) -> &'static str {
    match entry.version {
        Version::Http10 => "HTTP/1.0",
        Version::Http11 => "HTTP/1.1",
    }
}

fn common(entry: &Entry, line: &mut Vec<u8>) -> io::Result<()> {
    match entry.client.ip() {
        Some(address) => write!(line, "{address}")?,
        // As nginx says it.
        None => line.extend_from_slice(b"unix:"),
    }
    // `Mon, 23 Nov 2026 06:50:00 GMT`, of which every part has its place.
    let date = httpdate::fmt_http_date(time(entry));
    let (day, month, year, clock) = (&date[5..7], &date[8..11], &date[12..16], &date[17..25]);
    write!(line, " - - [{day}/{month}/{year}:{clock} +0000] \"")?;
    if entry.method.is_empty() {
        line.push(b'-');
    } else {
        escape(&entry.method, line)?;
        line.push(b' ');
        escape(&redact(&entry.target), line)?;
        write!(line, " {}", version(entry))?;
    }
    write!(line, "\" {:03} {}", status(entry), entry.sent_bytes)
}

fn combined(entry: &Entry, line: &mut Vec<u8>) -> io::Result<()> {
    common(entry, line)?;
    line.extend_from_slice(b" \"");
    escape(&entry.referer.as_deref().map_or(Cow::Borrowed(&b"-"[..]), redact), line)?;
    line.extend_from_slice(b"\" \"");
    escape(entry.user_agent.as_deref().unwrap_or(b"-"), line)?;
    line.push(b'"');
    Ok(())
}

/// Adds bytes from the wire, those that could be taken for something else as
/// `\xHH`, like nginx.
fn escape(bytes: &[u8], line: &mut Vec<u8>) -> io::Result<()> {
    for byte in bytes {
        match byte {
            b'"' | b'\\' => write!(line, "\\x{byte:02X}")?,
            b' '..=b'~' => line.push(*byte),
            _ => write!(line, "\\x{byte:02X}")?,
        }
    }
    Ok(())
}

/// The object of a line. Every key is there in every line, `null` where there is
/// nothing to say.
#[derive(Serialize)]
struct Line<'a> {
    time: String,
    client: Option<IpAddr>,
    client_port: Option<u16>,
    request_id: String,
    method: Option<Text<'a>>,
    target: Option<Text<'a>>,
    version: &'static str,
    host: Option<Text<'a>>,
    referer: Option<Text<'a>>,
    user_agent: Option<Text<'a>>,
    mount: Option<&'a str>,
    upstream: Option<SocketAddr>,
    upstream_reused: bool,
    status: Option<u16>,
    received_bytes: u64,
    sent_bytes: u64,
    connect_ms: Option<f64>,
    first_byte_ms: Option<f64>,
    total_ms: f64,
    end: &'static str,
}

/// Bytes from the wire; what of them is not UTF-8 reads as U+FFFD.
struct Text<'a>(Cow<'a, [u8]>);

impl<'a> Text<'a> {
    fn of(bytes: &'a [u8]) -> Self {
        Self(Cow::Borrowed(bytes))
    }

    fn of_address(bytes: &'a [u8]) -> Self {
        Self(redact(bytes))
    }
}

impl Serialize for Text<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&String::from_utf8_lossy(&self.0))
    }
}

fn json(entry: &Entry, line: &mut Vec<u8>) -> io::Result<()> {
    let object = Line {
        time: humantime::format_rfc3339_millis(time(entry)).to_string(),
        client: entry.client.ip(),
        client_port: match entry.client {
            Peer::Tcp(address) => Some(address.port()),
            Peer::Unix => None,
        },
        request_id: entry.id.to_string(),
        method: known(&entry.method).map(Text::of),
        target: known(&entry.target).map(Text::of_address),
        version: version(entry),
        host: entry.host.as_deref().map(Text::of_address),
        referer: entry.referer.as_deref().map(Text::of_address),
        user_agent: entry.user_agent.as_deref().map(Text::of),
        mount: entry.mount.as_deref(),
        upstream: entry.upstream,
        upstream_reused: entry.upstream_reused,
        status: Some(status(entry)).filter(|status| *status != 0),
        received_bytes: entry.received_bytes,
        sent_bytes: entry.sent_bytes,
        connect_ms: entry.connect.map(milliseconds),
        first_byte_ms: entry.first_byte.map(milliseconds),
        total_ms: milliseconds(entry.total),
        end: entry.end.name(),
    };
    object.serialize(&mut serde_json::Serializer::with_formatter(line, Ascii))?;
    Ok(())
}

/// The bytes, where there are any.
fn known(bytes: &[u8]) -> Option<&[u8]> {
    (!bytes.is_empty()).then_some(bytes)
}

/// Whole microseconds, as milliseconds.
fn milliseconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}

/// JSON in ASCII. serde_json escapes what JSON demands; DEL, the control
/// characters above it and those that turn the direction of text would be left.
struct Ascii;

impl serde_json::ser::Formatter for Ascii {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        for character in fragment.chars() {
            if matches!(character, ' '..='~') {
                writer.write_all(character.encode_utf8(&mut [0; 4]).as_bytes())?;
            } else {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    write!(writer, "\\u{unit:04x}")?;
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::front::access_log::entry::tests::example;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn line(format: Format, entry: &Entry) -> String {
        let mut line = b"before\n".to_vec();
        format.write(entry, &mut line);
        String::from_utf8(line).unwrap().strip_prefix("before\n").unwrap().to_owned()
    }

    #[test]
    fn a_line_of_each_format_is_as_documented() {
        let entry = Entry {
            target: b"/x?token=abc&b=1".to_vec(),
            host: Some(b"h".to_vec()),
            referer: Some(b"http://u:p@h/a".to_vec()),
            user_agent: Some(b"Agent \"1\" \\".to_vec()),
            mount: Some("app".into()),
            upstream: Some(SocketAddr::from(([127, 0, 0, 1], 9000))),
            upstream_reused: true,
            received_bytes: 5,
            connect: Some(Duration::from_nanos(1_234_567)),
            first_byte: Some(Duration::from_millis(12)),
            ..example()
        };
        let common = "192.0.2.7 - - [23/Nov/2026:06:50:00 +0000] \"GET /x?token=***&b=1 HTTP/1.1\" 200 123";
        assert_eq!(line(Format::Common, &entry), format!("{common}\n"));
        let combined = format!("{common} \"http://***@h/a\" \"Agent \\x221\\x22 \\x5C\"\n");
        assert_eq!(line(Format::Combined, &entry), combined);
        assert_eq!(
            line(Format::Json, &entry),
            concat!(
                r#"{"time":"2026-11-23T06:50:00.042Z","client":"192.0.2.7","client_port":40000,"#,
                r#""request_id":"0000abcd-1f","method":"GET","target":"/x?token=***&b=1","version":"HTTP/1.1","#,
                r#""host":"h","referer":"http://***@h/a","user_agent":"Agent \"1\" \\","mount":"app","#,
                r#""upstream":"127.0.0.1:9000","upstream_reused":true,"status":200,"received_bytes":5,"#,
                r#""sent_bytes":123,"connect_ms":1.235,"first_byte_ms":12.0,"total_ms":1.5,"end":"complete"}"#,
                "\n"
            )
        );
    }

    #[test]
    fn what_is_not_known_is_a_dash_or_null() {
        let (method, target) = (Vec::new(), Vec::new());
        let entry = Entry { client: Peer::Unix, method, target, status: 0, end: End::Cut, ..example() };
        let combined = "unix: - - [23/Nov/2026:06:50:00 +0000] \"-\" 000 123 \"-\" \"-\"\n";
        assert_eq!(line(Format::Combined, &entry), combined);
        let object: Value = serde_json::from_str(&line(Format::Json, &entry)).unwrap();
        let keys = ["client", "client_port", "method", "target", "host", "referer", "user_agent", "mount", "upstream"];
        for key in keys.into_iter().chain(["status", "connect_ms", "first_byte_ms"]) {
            assert_eq!(object.get(key), Some(&Value::Null), "{key}");
        }
    }

    #[test]
    fn a_client_that_did_not_wait_for_a_status_is_499() {
        for end in [End::ClientGone, End::ClientSlow] {
            let entry = Entry { status: 0, end, ..example() };
            assert!(line(Format::Common, &entry).ends_with("\" 499 123\n"));
            assert_eq!(serde_json::from_str::<Value>(&line(Format::Json, &entry)).unwrap()["status"], 499);
            let told = Entry { status: 200, end, ..example() };
            assert!(line(Format::Common, &told).ends_with("\" 200 123\n"), "what was told was told");
        }
    }

    #[test]
    fn a_clock_that_is_far_off_does_no_harm() {
        let year = Duration::from_secs(365 * 86_400);
        let entry = Entry { time: SystemTime::UNIX_EPOCH - year, ..example() };
        assert!(line(Format::Common, &entry).contains("[01/Jan/1970:00:00:00 +0000]"));
        let entry = Entry { time: SystemTime::UNIX_EPOCH + 9000 * year, ..example() };
        assert!(line(Format::Common, &entry).contains("[31/Dec/9999:23:59:59 +0000]"));
        assert!(line(Format::Json, &entry).contains("9999-12-31T23:59:59"));
    }

    #[test]
    fn an_ipv4_client_is_named_as_one() {
        let entry = Entry { client: Peer::Tcp("[::ffff:192.0.2.1]:1".parse().unwrap()), ..example() };
        assert!(line(Format::Common, &entry).starts_with("192.0.2.1 - - "));
        assert_eq!(serde_json::from_str::<Value>(&line(Format::Json, &entry)).unwrap()["client"], "192.0.2.1");
    }

    /// Any bytes, and many of those that hurt.
    fn bytes() -> impl Strategy<Value = Vec<u8>> {
        let hostile = prop::sample::select(b"\r\n\0\x1b\x7f\x9b\"\\?&=;%@/# \xc2\x85\xe2\x80\xae".to_vec());
        prop::collection::vec(prop_oneof![any::<u8>(), hostile], 0..60)
    }

    proptest! {
        #[test]
        fn every_line_is_one_line_of_printable_ascii(
            [method, target, host, referer, user_agent] in prop::array::uniform5(bytes()),
            (seconds, status) in (any::<u32>(), 0_u16..1000),
            (received_bytes, sent_bytes, total) in any::<(u64, u64, Duration)>(),
            mount in any::<String>(),
        ) {
            let entry = Entry {
                time: SystemTime::UNIX_EPOCH + Duration::from_secs(seconds.into()),
                method: method.clone(),
                target,
                host: Some(host),
                referer: Some(referer),
                user_agent: Some(user_agent.clone()),
                mount: Some(mount.clone().into()),
                connect: Some(total),
                status, received_bytes, sent_bytes, total,
                ..example()
            };
            for format in [Format::Common, Format::Combined, Format::Json] {
                let mut line = Vec::new();
                format.write(&entry, &mut line);
                prop_assert_eq!(line.pop(), Some(b'\n'));
                prop_assert!(line.iter().all(|byte| matches!(byte, b' '..=b'~')), "{}", line.escape_ascii());
            }
            let object: Value = serde_json::from_str(&line(Format::Json, &entry)).unwrap();
            prop_assert_eq!(&object["user_agent"], &json!(String::from_utf8_lossy(&user_agent)));
            prop_assert_eq!(&object["mount"], &json!(mount));
            prop_assert_eq!(&object["sent_bytes"], &json!(sent_bytes));
            prop_assert_eq!(object["method"].as_str().unwrap_or(""), String::from_utf8_lossy(&method));
            // In combined, quotation marks are those of the format.
            let combined = line(Format::Combined, &entry);
            prop_assert_eq!(combined.matches('"').count(), 6);
        }
    }
}
