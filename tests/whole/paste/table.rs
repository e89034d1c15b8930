//! Every request of the comparison with Paste, what the origin answers, and
//! every difference with its reason. What is not listed is the same.
//!
//! This is also the table of what changes for whoever comes from Paste. In the
//! requests and answers ORIGIN stands for the origin's address.

use super::side_by_side::Through::{self, Mapped, Regular, Transparent};

/// A request, the origin's answer to it, and what differs.
#[derive(Debug)]
pub(super) struct Case {
    pub(super) fact: &'static str,
    pub(super) through: Through,
    pub(super) send: Vec<u8>,
    pub(super) answer: Vec<u8>,
    pub(super) differs: Differs,
}

/// Fixed, because: reasons, each with the lines that only one of both has.
/// `P>` only Paste sends to the origin, `S>` only Standin; `P<` and `S<` is
/// what the client gets.
type Differs = &'static [(&'static str, &'static [&'static str])];

/// The same as Paste, but for [`EVERYWHERE`].
const SAME: Differs = &[];

/// A line that differs wherever both send a request for which `when` holds.
pub(super) struct General {
    pub(super) line: &'static str,
    pub(super) when: fn(&Case) -> bool,
    /// Why; for the reader.
    pub(super) _because: &'static str,
}

const fn general(line: &'static str, when: fn(&Case) -> bool, because: &'static str) -> General {
    General { line, when, _because: because }
}

/// The differences of every request.
pub(super) const EVERYWHERE: [General; 7] = [
    general("S> via: 1.1 STANDIN", |_| true, "a proxy says so (RFC 9110), and loops are found by it"),
    general(
        "S> x-forwarded-host: HOST",
        |case| case.through != Transparent && !case.sends("//other.test"),
        "the upstream needs the original URL for its links; Paste has it on its list of what is missing",
    ),
    general("S> x-forwarded-proto: http", |case| case.through != Transparent, "the same"),
    general("S> x-forwarded-prefix: /p", |case| case.through == Mapped && case.sends("GET /p"), "the same"),
    general("S> x-forwarded-prefix: /q", |case| case.through == Mapped && case.sends("GET /q"), "the same"),
    general(
        "P> accept-encoding: identity",
        |case| !case.sends("Accept-Encoding:") || case.sends("suppress.test"),
        "Python's client library adds it; no proxy should say what the client did not",
    ),
    general(
        "P> content-length: 0",
        |case| !case.sends("Content-Length:") && !case.sends("Transfer-Encoding:"),
        "Python's client library adds it, to GET and HEAD too; a request without content has no length",
    ),
];

/// A short answer to anything.
const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
/// The same, for which HEAD gets a length only.
const LENGTH_5: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n";

impl Case {
    fn sends(&self, part: &str) -> bool {
        memchr::memmem::find(&self.send, part.as_bytes()).is_some()
    }
}

fn case(fact: &'static str, through: Through, send: &[u8], answer: impl Into<Vec<u8>>, differs: Differs) -> Case {
    Case { fact, through, send: send.to_vec(), answer: answer.into(), differs }
}

// The reasons that several cases share.
const HOST: &str = "one valid Host is mandatory (RFC 9112 §3.2); mounts are found by it";
const ASTERISK: &str = "`OPTIONS *` asks the proxy itself; Paste makes a path of the asterisk";
const TOKEN: &str = "waitress refuses it; methods are any tokens, and none is another in lower case";
const TRACE: &str = "TRACE would show the client what proxies added";
const WORDS: &str =
    "the text has the word Disallowed and none of a WSGI server; the character set is spelt as registered";
const LINES: &str = "fields pass as they came; WSGI joins those of one name";
const UNDERSCORE: &str =
    "fields pass as they came; waitress drops names with an underscore, which WSGI cannot tell from those with a dash";
const FOLD: &str = "folded lines are obsolete and read differently by different servers (RFC 9112 §5.2)";
const SUPPRESS: &str =
    "content-type can be suppressed like any other; WSGI keeps it elsewhere, where Paste does not look";
const TE: &str = "TE is for one hop, so Connection names it (RFC 9110 §10.1.4)";
const HOP: &str = "it is for the connection between client and proxy only (RFC 9110 §7.6.1)";
const CONTINUE: &str =
    "waitress answers before Paste sees anything; here the upstream decides, and this one answers at once";
const EXPECT: &str = "an expectation that cannot be met (RFC 9110 §10.1.1)";
const MAX_FORWARDS: &str = "a proxy counts down (RFC 9110 §7.6.2)";
const HTTPOXY: &str = "CGI programs take it for a setting of their own";
const CLAIMS: &str = "nobody can tell whether a client's claim is true";
const POISON: &str = "a client could lead the links of the application elsewhere with it";
const STREAMED: &str = "the body is streamed as it comes; waitress collects it and counts";
const SMUGGLING: &str = "two framings are how requests are smuggled (RFC 9112 §6.3)";
const LENGTHS: &str = "what is not one plain length is refused";
const DOTS: &str = "dots and backslashes that could leave the base are refused, encoded or not";
const RAW_AND_QUERY: &str = "the target passes as it was sent: not quoted again, no slash lost, no empty query added";
const EMPTY_QUERY: &str = "no `?` is added to a target that has none";
const RAW: &str = "the path passes as it was sent; Paste gets it decoded and quotes it again";
const SLASHES: &str = "slashes pass as they were sent; Paste joins like a link in a page";
const ABSOLUTE: &str = "the host of an absolute target overrules Host (RFC 9112 §3.2.2)";
const QUERY: &str = "an empty query is a query and passes as it was sent";
const QUERY_BYTES: &str = "what must be percent-encoded in a target is refused (RFC 3986), not guessed at";
const UNFINISHED: &str = "the base is a directory with and without a slash at its end; Paste drops its last segment";
const CHARSET: &str = "each one's own page for what nobody serves";
const MALFORMED: &str = "Paste sends a target without a path";
const REPLY_STREAMED: &str = "the reply is streamed as it comes; waitress gets it whole and counts";
const HEAD_LENGTH: &str = "nobody said 0; waitress counts the body that HEAD does not have";
const LENGTH_304: &str = "the length passes as it came; waitress drops it";
const REPLY_FRAMING: &str = "an answer whose end cannot be told is not passed on";
const BROKEN: &str = "the reply had begun when it broke: it is streamed, so all that is left is to break off";
const STATUS: &str = "a status has three digits and begins with 1 to 5 (RFC 9110 §15)";
const INTERIM: &str = "interim answers pass";
const EARLY: &str = "interim answers pass; Paste takes them for the last one";
const SWITCH: &str = "nobody asked for another protocol";
const HALF: &str = "an answer that breaks off in its head is none; Paste makes an empty one of it";
const WAITRESS_VIA: &str = "waitress names itself when the upstream has named itself";
const FAILURES: &str = "a failure of the upstream is 502, not 500";
const NAMED: &str = "Connection names it: it is for one hop only";
const MISSPELT: &str = "no field has this name; Paste drops it in place of Trailer";
const TRAILER: &str = "it announces a trailer section, which is not passed on here; Paste misspells it";
const PROXY_CONNECTION: &str = "it is for one hop only";
const MALFORMED_FIELD: &str = "Python loses all fields behind such a line, their length among them";
const LINE_FEED: &str = "a line of a head ends in CRLF; who takes less can be tricked";

// Wrapped by hand: a row is read as a row.
#[rustfmt::skip]
pub(super) fn table() -> Vec<Case> {
    let fields_101: String = (0..101).map(|number| format!("X-{number}: 1\r\n")).collect();
    let fields_101 = format!("HTTP/1.1 200 OK\r\n{fields_101}Content-Length: 0\r\n\r\n");
    let long_field = format!("HTTP/1.1 200 OK\r\nX-Long: {}\r\nContent-Length: 0\r\n\r\n", "v".repeat(70_000));
    vec![
        // Methods.
        case("a plain GET", Regular, b"GET /x HTTP/1.1\r\nHost: h\r\n\r\n", OK, SAME),
        case("HEAD", Regular, b"HEAD /x HTTP/1.1\r\nHost: h\r\n\r\n", LENGTH_5, SAME),
        case("DELETE without a body", Regular, b"DELETE /x HTTP/1.1\r\nHost: h\r\n\r\n", OK, SAME),
        case("OPTIONS of a path", Regular, b"OPTIONS /x HTTP/1.1\r\nHost: h\r\n\r\n", OK, SAME),
        case("OPTIONS of everything", Regular, b"OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n",
            OK, &[
                (ASTERISK, &["P> OPTIONS /%2A HTTP/1.1", "P< HTTP/1.1 200 OK", "S< HTTP/1.1 204 No Content"]),
            ]),
        case("a method in lower case", Regular, b"get /x HTTP/1.1\r\nHost: h\r\n\r\n",
            OK, &[
                (TOKEN, &["S> get /x HTTP/1.1", "P< waitress: 400 Bad Request", "S< HTTP/1.1 200 OK"]),
            ]),
        case("a method of its own", Regular, b"X-FOO /x HTTP/1.1\r\nHost: h\r\n\r\n", OK, SAME),
        case("PROPFIND with a body", Regular,
            b"PROPFIND /x HTTP/1.1\r\nHost: h\r\nContent-Type: text/xml\r\nContent-Length: 4\r\n\r\n<a/>",
            OK, SAME),
        case("TRACE", Regular, b"TRACE /x HTTP/1.1\r\nHost: h\r\n\r\n",
            OK, &[
                (TRACE, &["P> TRACE /x HTTP/1.1", "P< HTTP/1.1 200 OK", "S< HTTP/1.1 405 Method Not Allowed"]),
            ]),
        // The gate: GET and POST are allowed.
        case("an allowed method", Regular, b"GET /x HTTP/1.1\r\nHost: gate.test\r\n\r\n", OK, SAME),
        case("an allowed method in lower case", Regular, b"get /x HTTP/1.1\r\nHost: gate.test\r\n\r\n",
            OK, &[
                (TOKEN, &["S> get /x HTTP/1.1", "P< waitress: 400 Bad Request", "S< HTTP/1.1 200 OK"]),
            ]),
        case("HEAD is not implied by GET", Regular, b"HEAD /x HTTP/1.1\r\nHost: gate.test\r\n\r\n",
            OK, &[
                (WORDS, &["P< content-length: 133", "P< content-type: text/plain; charset=utf8",
                     "S< content-length: 49", "S< content-type: text/plain; charset=utf-8"]),
            ]),
        case("refused, accepting nothing said", Regular, b"DELETE /x HTTP/1.1\r\nHost: gate.test\r\n\r\n",
            OK, &[
                (WORDS, &["P< content-type: text/plain; charset=utf8", "S< content-type: text/plain; charset=utf-8"]),
            ]),
        case("refused, accepting text/html", Regular,
            b"DELETE /x HTTP/1.1\r\nHost: gate.test\r\nAccept: text/html\r\n\r\n",
            OK, &[
                (WORDS, &["P< content-type: text/html; charset=utf8", "S< content-type: text/html; charset=utf-8"]),
            ]),
        case("refused, accepting anything", Regular, b"DELETE /x HTTP/1.1\r\nHost: gate.test\r\nAccept: */*\r\n\r\n",
            OK, &[
                (WORDS, &["P< content-type: text/html; charset=utf8", "S< content-type: text/html; charset=utf-8"]),
            ]),
        case("refused, accepting plain text", Regular,
            b"DELETE /x HTTP/1.1\r\nHost: gate.test\r\nAccept: text/plain\r\n\r\n",
            OK, &[
                (WORDS, &["P< content-type: text/plain; charset=utf8", "S< content-type: text/plain; charset=utf-8"]),
            ]),
        case("refused, accepting HTML in upper case", Regular,
            b"DELETE /x HTTP/1.1\r\nHost: gate.test\r\nAccept: TEXT/HTML\r\n\r\n",
            OK, &[
                (WORDS, &["P< content-type: text/plain; charset=utf8", "S< content-type: text/plain; charset=utf-8"]),
            ]),
        case("refused, accepting XHTML among others", Regular,
            b"DELETE /x HTTP/1.1\r\nHost: gate.test\r\nAccept: text/plain, application/xhtml+xml;q=0.5\r\n\
              \r\n",
            OK, &[
                (WORDS, &["P< content-type: text/html; charset=utf8", "S< content-type: text/html; charset=utf-8"]),
            ]),
        // Fields of requests.
        case("names in mixed case", Regular, b"GET /x HTTP/1.1\r\nHost: h\r\nX-MiXeD: 1\r\naccept: a/b\r\n\r\n",
            OK, SAME),
        case("a field twice", Regular, b"GET /x HTTP/1.1\r\nHost: h\r\nX-Twice: 1\r\nOther: o\r\nX-Twice: 2\r\n\r\n",
            OK, &[
                (LINES, &["P> x-twice: 1, 2", "S> x-twice: 1", "S> x-twice: 2"]),
            ]),
        case("two Cookie fields", Regular, b"GET /x HTTP/1.1\r\nHost: h\r\nCookie: a=1\r\nCookie: b=2\r\n\r\n",
            OK, &[
                (LINES, &["P> cookie: a=1, b=2", "S> cookie: a=1", "S> cookie: b=2"]),
            ]),
        case("an underscore in a name", Regular, b"GET /x HTTP/1.1\r\nHost: h\r\nX_Under: 1\r\n\r\n",
            OK, &[
                (UNDERSCORE, &["S> x_under: 1"]),
            ]),
        case("names that differ by an underscore", Regular,
            b"GET /x HTTP/1.1\r\nHost: h\r\nX-B: dash\r\nX_B: underscore\r\n\r\n",
            OK, &[
                (UNDERSCORE, &["S> x_b: underscore"]),
            ]),
        case("an empty value", Regular, b"GET /x HTTP/1.1\r\nHost: h\r\nX-Empty:\r\n\r\n", OK, SAME),
        case("a value in Latin-1", Regular, b"GET /x HTTP/1.1\r\nHost: h\r\nX-Raw: caf\xe9\r\n\r\n", OK, SAME),
        case("a value in UTF-8", Regular, b"GET /x HTTP/1.1\r\nHost: h\r\nX-Raw: caf\xc3\xa9\r\n\r\n", OK, SAME),
        case("a folded field", Regular, b"GET /x HTTP/1.1\r\nHost: h\r\nX-Folded: a\r\n b\r\n\r\n",
            OK, &[
                (FOLD, &["P> GET /x HTTP/1.1", "P< HTTP/1.1 200 OK", "S< HTTP/1.1 400 Bad Request"]),
            ]),
        case("an encoding that is accepted", Regular, b"GET /x HTTP/1.1\r\nHost: h\r\nAccept-Encoding: gzip\r\n\r\n",
            OK, SAME),
        case("a name and password", Regular, b"GET /x HTTP/1.1\r\nHost: h\r\nAuthorization: Basic dTpw\r\n\r\n",
            OK, SAME),
        case("User-Agent, Referer, Range", Regular,
            b"GET /x HTTP/1.1\r\nHost: h\r\nUser-Agent: u/1\r\nReferer: http://h/\r\nRange: bytes=0-1\r\n\r\n",
            OK, SAME),
        case("suppressed fields", Regular,
            b"POST /x HTTP/1.1\r\nHost: suppress.test\r\nCookie: a=1\r\nAccept-Encoding: gzip\r\n\
              X-Forwarded-For: 10.9.9.9\r\nContent-Type: a/b\r\nContent-Length: 1\r\n\r\nb",
            OK, &[
                (SUPPRESS, &["P> content-type: a/b"]),
            ]),
        // Fields between the client and the proxy.
        case("Connection", Regular,
            b"GET /x HTTP/1.1\r\nHost: h\r\nConnection: keep-alive\r\nKeep-Alive: timeout=5\r\n\r\n",
            OK, &[
                (HOP, &["P> connection: keep-alive", "P> keep-alive: timeout=5"]),
            ]),
        case("a field that Connection names", Regular,
            b"GET /x HTTP/1.1\r\nHost: h\r\nConnection: X-Named\r\nX-Named: 1\r\n\r\n",
            OK, &[
                (HOP, &["P> connection: X-Named", "P> x-named: 1"]),
            ]),
        case("TE", Regular, b"GET /x HTTP/1.1\r\nHost: h\r\nTE: trailers\r\n\r\n", OK, &[(TE, &["S> connection: TE"])]),
        case("Trailer", Regular, b"GET /x HTTP/1.1\r\nHost: h\r\nTrailer: X-After\r\n\r\n",
            OK, &[
                (HOP, &["P> trailer: X-After"]),
            ]),
        case("Upgrade that Connection does not name", Regular, b"GET /x HTTP/1.1\r\nHost: h\r\nUpgrade: h2c\r\n\r\n",
            OK, &[
                (HOP, &["P> upgrade: h2c"]),
            ]),
        case("Proxy-Authorization", Regular, b"GET /x HTTP/1.1\r\nHost: h\r\nProxy-Authorization: Basic dTpw\r\n\r\n",
            OK, &[
                (HOP, &["P> proxy-authorization: Basic dTpw"]),
            ]),
        case("Proxy-Connection", Regular, b"GET /x HTTP/1.1\r\nHost: h\r\nProxy-Connection: keep-alive\r\n\r\n",
            OK, &[
                (HOP, &["P> proxy-connection: keep-alive"]),
            ]),
        case("Expect", Regular, b"POST /x HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\nbody",
            OK, &[
                (CONTINUE, &["P< HTTP/1.1 100 Continue", "S< HTTP/1.1 200 OK"]),
            ]),
        case("another expectation", Regular, b"GET /x HTTP/1.1\r\nHost: h\r\nExpect: miracles\r\n\r\n",
            OK, &[
                (EXPECT, &["P> GET /x HTTP/1.1", "P< HTTP/1.1 200 OK", "S< HTTP/1.1 417 Expectation Failed"]),
            ]),
        // What the client says of itself.
        case("X-Forwarded-For", Regular, b"GET /x HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: 10.9.9.9\r\n\r\n", OK, SAME),
        case("X-Forwarded-Host and -Proto", Regular,
            b"GET /x HTTP/1.1\r\nHost: h\r\nX-Forwarded-Host: claimed\r\nX-Forwarded-Proto: https\r\n\r\n",
            OK, &[
                (CLAIMS, &["P> x-forwarded-host: claimed", "P> x-forwarded-proto: https"]),
            ]),
        case("X-Forwarded-Prefix", Regular, b"GET /x HTTP/1.1\r\nHost: h\r\nX-Forwarded-Prefix: //evil\r\n\r\n",
            OK, &[
                (POISON, &["P> x-forwarded-prefix: //evil"]),
            ]),
        case("X_Forwarded_For", Regular, b"GET /x HTTP/1.1\r\nHost: h\r\nX_Forwarded_For: 10.9.9.9\r\n\r\n", OK, SAME),
        case("Forwarded", Regular, b"GET /x HTTP/1.1\r\nHost: h\r\nForwarded: for=10.9.9.9\r\n\r\n",
            OK, &[
                (CLAIMS, &["P> forwarded: for=10.9.9.9"]),
            ]),
        case("Via", Regular, b"GET /x HTTP/1.1\r\nHost: h\r\nVia: 1.0 before\r\n\r\n", OK, SAME),
        case("Max-Forwards", Regular, b"OPTIONS /x HTTP/1.1\r\nHost: h\r\nMax-Forwards: 3\r\n\r\n",
            OK, &[
                (MAX_FORWARDS, &["P> max-forwards: 3", "S> max-forwards: 2"]),
            ]),
        case("Proxy", Regular, b"GET /x HTTP/1.1\r\nHost: h\r\nProxy: http://evil/\r\n\r\n",
            OK, &[
                (HTTPOXY, &["P> proxy: http://evil/"]),
            ]),
        // Host.
        case("Host in upper case with a port", Regular, b"GET /x HTTP/1.1\r\nHost: H.Example:8080\r\n\r\n", OK, SAME),
        case("Host with a dot at its end", Regular, b"GET /x HTTP/1.1\r\nHost: h.\r\n\r\n", OK, SAME),
        case("an IPv6 address as Host", Regular, b"GET /x HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", OK, SAME),
        case("no Host", Regular, b"GET /x HTTP/1.1\r\n\r\n",
            OK, &[
                (HOST, &["P> GET /x HTTP/1.1", "P< HTTP/1.1 200 OK", "S< HTTP/1.1 400 Bad Request"]),
            ]),
        case("an empty Host", Regular, b"GET /x HTTP/1.1\r\nHost:\r\n\r\n",
            OK, &[
                (HOST, &["P> GET /x HTTP/1.1", "P< HTTP/1.1 200 OK", "S< HTTP/1.1 400 Bad Request"]),
            ]),
        case("two Hosts", Regular, b"GET /x HTTP/1.1\r\nHost: h\r\nHost: other\r\n\r\n",
            OK, &[
                (HOST, &["P> GET /x HTTP/1.1", "P< HTTP/1.1 200 OK", "S< HTTP/1.1 400 Bad Request"]),
            ]),
        case("a user in Host", Regular, b"GET /x HTTP/1.1\r\nHost: user@h\r\n\r\n",
            OK, &[
                (HOST, &["P> GET /x HTTP/1.1", "P< HTTP/1.1 200 OK", "S< HTTP/1.1 400 Bad Request"]),
            ]),
        case("a path in Host", Regular, b"GET /x HTTP/1.1\r\nHost: h/x\r\n\r\n",
            OK, &[
                (HOST, &["P> GET /x HTTP/1.1", "P< HTTP/1.1 200 OK", "S< HTTP/1.1 400 Bad Request"]),
            ]),
        // Bodies of requests.
        case("a body with a length", Regular,
            b"POST /x HTTP/1.1\r\nHost: h\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello",
            OK, SAME),
        case("a body in chunks", Regular,
            b"POST /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\
              \r\n",
            OK, &[
                (STREAMED, &["P> content-length: 5", "S> transfer-encoding: chunked"]),
            ]),
        case("chunks with a trailer field", Regular,
            b"POST /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nX-After: 1\r\n\
              \r\n",
            OK, &[
                (STREAMED, &["P> content-length: 2", "S> transfer-encoding: chunked"]),
            ]),
        case("an empty body in chunks", Regular,
            b"POST /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            OK, &[
                (STREAMED, &["P> content-length: 0", "S> transfer-encoding: chunked"]),
            ]),
        case("a body of no length", Regular, b"POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n", OK, SAME),
        case("POST without a length", Regular, b"POST /x HTTP/1.1\r\nHost: h\r\n\r\n", OK, SAME),
        case("GET with a body", Regular, b"GET /x HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhi", OK, SAME),
        case("a length and chunks", Regular,
            b"POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n\
              hi\r\n0\r\n\r\n",
            OK, &[
                (SMUGGLING, &["P> POST /x HTTP/1.1", "P< HTTP/1.1 200 OK", "S< HTTP/1.1 400 Bad Request"]),
            ]),
        case("the same length twice", Regular,
            b"POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nhi",
            OK, SAME),
        case("a length that is no number", Regular, b"POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: abc\r\n\r\n",
            OK, SAME),
        case("a negative length", Regular, b"POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n", OK, SAME),
        case("a length with a sign", Regular, b"POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: +2\r\n\r\nhi", OK, SAME),
        case("another transfer coding", Regular,
            b"POST /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
            OK, SAME),
        // Paths.
        case("parameters in a path", Regular, b"GET /a;p=1 HTTP/1.1\r\nHost: h\r\n\r\n",
            OK, &[
                (RAW, &["P> GET /a%3Bp%3D1 HTTP/1.1", "S> GET /a;p=1 HTTP/1.1"]),
            ]),
        case("an encoded slash", Regular, b"GET /a%2Fb HTTP/1.1\r\nHost: h\r\n\r\n",
            OK, &[
                (RAW, &["P> GET /a/b HTTP/1.1", "S> GET /a%2Fb HTTP/1.1"]),
            ]),
        case("an encoded letter", Regular, b"GET /a%7Eu%41 HTTP/1.1\r\nHost: h\r\n\r\n",
            OK, &[
                (RAW, &["P> GET /a~uA HTTP/1.1", "S> GET /a%7Eu%41 HTTP/1.1"]),
            ]),
        case("hex digits in lower case", Regular, b"GET /%c3%a9 HTTP/1.1\r\nHost: h\r\n\r\n",
            OK, &[
                (RAW, &["P> GET /%C3%83%C2%A9 HTTP/1.1", "S> GET /%c3%a9 HTTP/1.1"]),
            ]),
        case("bytes that are no UTF-8", Regular, b"GET /caf%E9 HTTP/1.1\r\nHost: h\r\n\r\n",
            OK, &[
                (RAW, &["P> GET /caf%C3%A9 HTTP/1.1", "S> GET /caf%E9 HTTP/1.1"]),
            ]),
        case("other characters of a path", Regular, b"GET /a:b@c!$&'()*+,= HTTP/1.1\r\nHost: h\r\n\r\n",
            OK, &[
                (RAW, &["P> GET /a%3Ab%40c%21%24%26%27%28%29%2A%2B%2C%3D HTTP/1.1",
                     "S> GET /a:b@c!$&\\'()*+,= HTTP/1.1"]),
            ]),
        case("characters that are kept", Regular, b"GET /~u/a-b_c.d HTTP/1.1\r\nHost: h\r\n\r\n", OK, SAME),
        case("an encoded blank", Regular, b"GET /a%20b HTTP/1.1\r\nHost: h\r\n\r\n", OK, SAME),
        case("an escape that is none", Regular, b"GET /a%zz HTTP/1.1\r\nHost: h\r\n\r\n",
            OK, &[
                (RAW, &["P> GET /a%25zz HTTP/1.1", "S> GET /a%zz HTTP/1.1"]),
            ]),
        case("half an escape", Regular, b"GET /a%4 HTTP/1.1\r\nHost: h\r\n\r\n",
            OK, &[
                (RAW, &["P> GET /a%254 HTTP/1.1", "S> GET /a%4 HTTP/1.1"]),
            ]),
        case("raw bytes beyond ASCII", Regular, b"GET /caf\xc3\xa9 HTTP/1.1\r\nHost: h\r\n\r\n", OK, SAME),
        case("a backslash", Regular, b"GET /a\\b HTTP/1.1\r\nHost: h\r\n\r\n",
            OK, &[
                (DOTS, &["P> GET /a%5Cb HTTP/1.1", "P< HTTP/1.1 200 OK", "S< HTTP/1.1 400 Bad Request"]),
            ]),
        case("brackets", Regular, b"GET /[1] HTTP/1.1\r\nHost: h\r\n\r\n",
            OK, &[
                (RAW, &["P> GET /%5B1%5D HTTP/1.1", "S> GET /[1] HTTP/1.1"]),
            ]),
        case("an encoded NUL", Regular, b"GET /a%00b HTTP/1.1\r\nHost: h\r\n\r\n", OK, SAME),
        case("two slashes within", Regular, b"GET /a//b HTTP/1.1\r\nHost: h\r\n\r\n",
            OK, &[
                (SLASHES, &["P> GET /a/b HTTP/1.1", "S> GET /a//b HTTP/1.1"]),
            ]),
        case("two slashes in front", Regular, b"GET //x HTTP/1.1\r\nHost: h\r\n\r\n",
            OK, &[
                (SLASHES, &["P> GET /x HTTP/1.1", "S> GET //x HTTP/1.1"]),
            ]),
        case("a dot segment", Regular, b"GET /a/./b HTTP/1.1\r\nHost: h\r\n\r\n",
            OK, &[
                (DOTS, &["P> GET /a/b HTTP/1.1", "P< HTTP/1.1 200 OK", "S< HTTP/1.1 400 Bad Request"]),
            ]),
        case("two dots within", Regular, b"GET /a/../b HTTP/1.1\r\nHost: h\r\n\r\n",
            OK, &[
                (DOTS, &["P> GET /b HTTP/1.1", "P< HTTP/1.1 200 OK", "S< HTTP/1.1 400 Bad Request"]),
            ]),
        case("two dots in front", Regular, b"GET /../x HTTP/1.1\r\nHost: h\r\n\r\n",
            OK, &[
                (DOTS, &["P> GET x HTTP/1.1", "P< HTTP/1.1 200 OK", "S< HTTP/1.1 400 Bad Request"]),
            ]),
        case("encoded dots", Regular, b"GET /%2e%2e/x HTTP/1.1\r\nHost: h\r\n\r\n",
            OK, &[
                (DOTS, &["P> GET x HTTP/1.1", "P< HTTP/1.1 200 OK", "S< HTTP/1.1 400 Bad Request"]),
            ]),
        case("a slash at the end", Regular, b"GET /a/ HTTP/1.1\r\nHost: h\r\n\r\n", OK, SAME),
        case("the root", Regular, b"GET / HTTP/1.1\r\nHost: h\r\n\r\n", OK, SAME),
        case("an absolute target", Regular, b"GET http://h/abs?q=1 HTTP/1.1\r\nHost: h\r\n\r\n", OK, SAME),
        case("an absolute target of another host", Regular, b"GET http://other.test/abs HTTP/1.1\r\nHost: h\r\n\r\n",
            OK, &[
                (ABSOLUTE, &["S> x-forwarded-host: other.test"]),
            ]),
        // Queries.
        case("a query", Regular, b"GET /x?a=1&b=%2F+%20 HTTP/1.1\r\nHost: h\r\n\r\n", OK, SAME),
        case("an empty query", Regular, b"GET /x? HTTP/1.1\r\nHost: h\r\n\r\n",
            OK, &[
                (QUERY, &["P> GET /x HTTP/1.1", "S> GET /x? HTTP/1.1"]),
            ]),
        case("a question mark in a query", Regular, b"GET /x?a=b?c HTTP/1.1\r\nHost: h\r\n\r\n", OK, SAME),
        case("a query with quotes and braces", Regular, b"GET /x?a=\"{b}\" HTTP/1.1\r\nHost: h\r\n\r\n",
            OK, &[
                (QUERY_BYTES, &["P> GET /x?a=\\\"{b}\\\" HTTP/1.1", "P< HTTP/1.1 200 OK",
                     "S< HTTP/1.1 400 Bad Request"]),
            ]),
        case("a query with a fragment", Regular, b"GET /x?a#b HTTP/1.1\r\nHost: h\r\n\r\n",
            OK, &[
                (QUERY_BYTES, &["P> GET /x?a HTTP/1.1", "P< HTTP/1.1 200 OK", "S< HTTP/1.1 400 Bad Request"]),
            ]),
        case("a query with raw bytes", Regular, b"GET /x?a=\xe9 HTTP/1.1\r\nHost: h\r\n\r\n", OK, SAME),
        // A base address with a path.
        case("below the base", Regular, b"GET /x?a=1 HTTP/1.1\r\nHost: base.test\r\n\r\n", OK, SAME),
        case("the base itself", Regular, b"GET / HTTP/1.1\r\nHost: base.test\r\n\r\n", OK, SAME),
        case("out of the base by two slashes", Regular, b"GET //x HTTP/1.1\r\nHost: base.test\r\n\r\n",
            OK, &[
                (SLASHES, &["P> GET /base/x HTTP/1.1", "S> GET /base//x HTTP/1.1"]),
            ]),
        case("out of the base by encoded slashes", Regular, b"GET /%2F..%2Fetc HTTP/1.1\r\nHost: base.test\r\n\r\n",
            OK, &[
                (DOTS, &["P> GET /etc HTTP/1.1", "P< HTTP/1.1 200 OK", "S< HTTP/1.1 400 Bad Request"]),
            ]),
        case("out of the base by dots", Regular, b"GET /../x HTTP/1.1\r\nHost: base.test\r\n\r\n",
            OK, &[
                (DOTS, &["P> GET /x HTTP/1.1", "P< HTTP/1.1 200 OK", "S< HTTP/1.1 400 Bad Request"]),
            ]),
        case("out of the base by encoded dots", Regular, b"GET /%2e%2e/x HTTP/1.1\r\nHost: base.test\r\n\r\n",
            OK, &[
                (DOTS, &["P> GET /x HTTP/1.1", "P< HTTP/1.1 200 OK", "S< HTTP/1.1 400 Bad Request"]),
            ]),
        case("two slashes below the base", Regular, b"GET /a//b HTTP/1.1\r\nHost: base.test\r\n\r\n",
            OK, &[
                (SLASHES, &["P> GET /base/a/b HTTP/1.1", "S> GET /base/a//b HTTP/1.1"]),
            ]),
        case("an empty query of the base", Regular, b"GET /? HTTP/1.1\r\nHost: base.test\r\n\r\n",
            OK, &[
                (QUERY, &["P> GET /base/ HTTP/1.1", "S> GET /base/? HTTP/1.1"]),
            ]),
        case("out of the base by an absolute target", Regular,
            b"GET http://base.test/abs HTTP/1.1\r\nHost: base.test\r\n\r\n",
            OK, SAME),
        case("a base without a slash at its end", Regular, b"GET /x HTTP/1.1\r\nHost: unfinished.test\r\n\r\n",
            OK, &[
                (UNFINISHED, &["P> GET /x HTTP/1.1", "S> GET /base/x HTTP/1.1"]),
            ]),
        case("the root of a base without a slash", Regular, b"GET / HTTP/1.1\r\nHost: unfinished.test\r\n\r\n",
            OK, &[
                (UNFINISHED, &["P> GET /base HTTP/1.1", "S> GET /base/ HTTP/1.1"]),
            ]),
        case("an address without a path", Regular, b"GET /a//b HTTP/1.1\r\nHost: bare.test\r\n\r\n", OK, SAME),
        // Prefixes: /p leads to a base, /q to an address without a path.
        case("the prefix and /p", Mapped, b"GET /p HTTP/1.1\r\nHost: h\r\n\r\n", OK, SAME),
        case("the prefix and /p/", Mapped, b"GET /p/ HTTP/1.1\r\nHost: h\r\n\r\n", OK, SAME),
        case("the prefix and /p/x", Mapped, b"GET /p/x HTTP/1.1\r\nHost: h\r\n\r\n", OK, SAME),
        case("the prefix and /p//x", Mapped, b"GET /p//x HTTP/1.1\r\nHost: h\r\n\r\n",
            OK, &[
                (SLASHES, &["P> GET /base/x HTTP/1.1", "S> GET /base//x HTTP/1.1"]),
            ]),
        case("the prefix and /px", Mapped, b"GET /px HTTP/1.1\r\nHost: h\r\n\r\n",
            OK, &[
                (CHARSET, &["P< content-type: text/plain; charset=utf8", "S< content-type: text/plain; charset=utf-8"]),
            ]),
        case("the prefix and /q?a=1", Mapped, b"GET /q?a=1 HTTP/1.1\r\nHost: h\r\n\r\n",
            OK, &[
                (MALFORMED, &["P> GET ?a=1 HTTP/1.1", "S> GET /?a=1 HTTP/1.1"]),
            ]),
        case("the prefix and /q", Mapped, b"GET /q HTTP/1.1\r\nHost: h\r\n\r\n", OK, SAME),
        case("the prefix and /q/x", Mapped, b"GET /q/x HTTP/1.1\r\nHost: h\r\n\r\n", OK, SAME),
        case("the prefix and /p?a=1", Mapped, b"GET /p?a=1 HTTP/1.1\r\nHost: h\r\n\r\n", OK, SAME),
        // TransparentProxy.
        case("transparent, without a query", Transparent, b"GET /x HTTP/1.1\r\nHost: h\r\n\r\n",
            OK, &[
                (EMPTY_QUERY, &["P> GET /x? HTTP/1.1", "S> GET /x HTTP/1.1"]),
            ]),
        case("transparent, with a query", Transparent, b"GET /x?a=1 HTTP/1.1\r\nHost: h\r\n\r\n", OK, SAME),
        case("transparent, with an empty query", Transparent, b"GET /x? HTTP/1.1\r\nHost: h\r\n\r\n", OK, SAME),
        case("transparent, Host as it was", Transparent, b"GET /x HTTP/1.1\r\nHost: Some.Where.Example:8080\r\n\r\n",
            OK, &[
                (EMPTY_QUERY, &["P> GET /x? HTTP/1.1", "S> GET /x HTTP/1.1"]),
            ]),
        case("transparent, X-Forwarded-For kept", Transparent,
            b"GET /x HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: 10.9.9.9\r\n\r\n",
            OK, &[
                (EMPTY_QUERY, &["P> GET /x? HTTP/1.1", "S> GET /x HTTP/1.1"]),
            ]),
        case("transparent, X-Forwarded-Host kept", Transparent,
            b"GET /x HTTP/1.1\r\nHost: h\r\nX-Forwarded-Host: claimed\r\n\r\n",
            OK, &[
                (EMPTY_QUERY, &["P> GET /x? HTTP/1.1", "S> GET /x HTTP/1.1"]),
            ]),
        case("transparent, any method", Transparent, b"DELETE /x HTTP/1.1\r\nHost: h\r\n\r\n",
            OK, &[
                (EMPTY_QUERY, &["P> DELETE /x? HTTP/1.1", "S> DELETE /x HTTP/1.1"]),
            ]),
        case("transparent, a body", Transparent, b"POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhi",
            OK, &[
                (EMPTY_QUERY, &["P> POST /x? HTTP/1.1", "S> POST /x HTTP/1.1"]),
            ]),
        case("transparent, a body in chunks", Transparent,
            b"POST /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
            OK, &[
                (STREAMED, &["P> POST /x? HTTP/1.1", "P> content-length: 2", "S> POST /x HTTP/1.1",
                     "S> transfer-encoding: chunked"]),
            ]),
        case("transparent, fields of the connection", Transparent,
            b"GET /x HTTP/1.1\r\nHost: h\r\nConnection: X-Named\r\nX-Named: 1\r\nTE: trailers\r\n\r\n",
            OK, &[
                (EMPTY_QUERY, &["P> GET /x? HTTP/1.1", "S> GET /x HTTP/1.1"]),
                (HOP, &["P> connection: X-Named", "P> x-named: 1"]),
                (TE, &["S> connection: TE"]),
            ]),
        case("transparent, slashes", Transparent, b"GET //a//b/ HTTP/1.1\r\nHost: h\r\n\r\n",
            OK, &[
                (RAW_AND_QUERY, &["P> GET /a//b/? HTTP/1.1", "S> GET //a//b/ HTTP/1.1"]),
            ]),
        case("transparent, dots", Transparent, b"GET /a/../b HTTP/1.1\r\nHost: h\r\n\r\n",
            OK, &[
                (DOTS, &["P> GET /a/../b? HTTP/1.1", "P< HTTP/1.1 200 OK", "S< HTTP/1.1 400 Bad Request"]),
            ]),
        case("transparent, quoting", Transparent, b"GET /a;p=1/%2F HTTP/1.1\r\nHost: h\r\n\r\n",
            OK, &[
                (RAW_AND_QUERY, &["P> GET /a%3Bp%3D1//? HTTP/1.1", "S> GET /a;p=1/%2F HTTP/1.1"]),
            ]),
        case("transparent, no Host", Transparent, b"GET /x HTTP/1.1\r\n\r\n",
            OK, &[
                (HOST, &["P< HTTP/1.1 500 Internal Server Error", "S< HTTP/1.1 400 Bad Request"]),
            ]),
        case("transparent, the host that was named", Transparent, b"GET /x HTTP/1.1\r\nHost: ORIGIN\r\n\r\n",
            OK, &[
                (EMPTY_QUERY, &["P> GET /x? HTTP/1.1", "S> GET /x HTTP/1.1"]),
            ]),
        // Replies: framing.
        case("a reply with a length", Regular, b"GET /x HTTP/1.1\r\nHost: h\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", SAME),
        case("a reply in chunks", Regular, b"GET /x HTTP/1.1\r\nHost: h\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", &[
                (REPLY_STREAMED, &["P< content-length: 5"]),
            ]),
        case("a reply in chunks with a trailer field", Regular, b"GET /x HTTP/1.1\r\nHost: h\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-After: 1\r\n\r\n", &[
                (REPLY_STREAMED, &["P< content-length: 5"]),
            ]),
        case("a reply that ends with the connection", Regular, b"GET /x HTTP/1.1\r\nHost: h\r\n\r\n",
            b"HTTP/1.1 200 OK\r\n\r\nhello", &[
                (REPLY_STREAMED, &["P< content-length: 5"]),
            ]),
        case("a reply from HTTP/1.0", Regular, b"GET /x HTTP/1.1\r\nHost: h\r\n\r\n",
            b"HTTP/1.0 200 OK\r\n\r\nhello", &[
                (REPLY_STREAMED, &["P< content-length: 5"]),
            ]),
        case("the length of what HEAD does not get", Regular, b"HEAD /x HTTP/1.1\r\nHost: h\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n", SAME),
        case("chunks that HEAD does not get", Regular, b"HEAD /x HTTP/1.1\r\nHost: h\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", &[
                (HEAD_LENGTH, &["P< content-length: 0"]),
            ]),
        case("204", Regular, b"GET /x HTTP/1.1\r\nHost: h\r\n\r\n", b"HTTP/1.1 204 No Content\r\n\r\n", SAME),
        case("304 with a length", Regular, b"GET /x HTTP/1.1\r\nHost: h\r\n\r\n",
            b"HTTP/1.1 304 Not Modified\r\nETag: \"e\"\r\nContent-Length: 99\r\n\r\n", &[
                (LENGTH_304, &["S< content-length: 99"]),
            ]),
        case("chunks and a smaller length", Regular, b"GET /x HTTP/1.1\r\nHost: h\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nb\r\nhello world\r\n\
              0\r\n\r\n", &[
                (REPLY_FRAMING, &["P< HTTP/1.1 200 OK", "S< HTTP/1.1 502 Bad Gateway"]),
            ]),
        case("chunks and a larger length", Regular, b"GET /x HTTP/1.1\r\nHost: h\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\
              \r\n", &[
                (REPLY_FRAMING, &["P< broken off", "S< HTTP/1.1 502 Bad Gateway"]),
            ]),
        case("another coding before chunks", Regular, b"GET /x HTTP/1.1\r\nHost: h\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", &[
                (REPLY_FRAMING, &["P< HTTP/1.1 200 OK", "S< HTTP/1.1 502 Bad Gateway"]),
            ]),
        case("a length twice", Regular, b"GET /x HTTP/1.1\r\nHost: h\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello", &[
                (REPLY_FRAMING, &["P< HTTP/1.1 500 Internal Server Error", "S< HTTP/1.1 502 Bad Gateway"]),
            ]),
        case("two lengths", Regular, b"GET /x HTTP/1.1\r\nHost: h\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 4\r\n\r\nhello", &[
                (REPLY_FRAMING, &["P< HTTP/1.1 500 Internal Server Error", "S< HTTP/1.1 502 Bad Gateway"]),
            ]),
        case("a reply with a length that is no number", Regular, b"GET /x HTTP/1.1\r\nHost: h\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: abc\r\n\r\nhello", &[
                (LENGTHS, &["P< HTTP/1.1 500 Internal Server Error", "S< HTTP/1.1 502 Bad Gateway"]),
            ]),
        case("a reply with a negative length", Regular, b"GET /x HTTP/1.1\r\nHost: h\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nhello", &[
                (REPLY_FRAMING, &["P< HTTP/1.1 200 OK, with the length -1", "S< HTTP/1.1 502 Bad Gateway"]),
            ]),
        case("a reply that ends early", Regular, b"GET /x HTTP/1.1\r\nHost: h\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello", SAME),
        case("chunks that end early", Regular, b"GET /x HTTP/1.1\r\nHost: h\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\na\r\nhello", &[
                (BROKEN, &["P< HTTP/1.1 500 Internal Server Error", "S< broken off"]),
            ]),
        case("chunks without the last one", Regular, b"GET /x HTTP/1.1\r\nHost: h\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", &[
                (BROKEN, &["P< HTTP/1.1 500 Internal Server Error", "S< broken off"]),
            ]),
        case("a size that is none", Regular, b"GET /x HTTP/1.1\r\nHost: h\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\nhello\r\n0\r\n\r\n", &[
                (BROKEN, &["P< HTTP/1.1 500 Internal Server Error", "S< broken off"]),
            ]),
        // Replies: status lines.
        case("any number with any words", Regular, b"GET /x HTTP/1.1\r\nHost: h\r\n\r\n",
            b"HTTP/1.1 799 Own \xe9 words\r\nContent-Length: 0\r\n\r\n", &[
                (STATUS, &["P< HTTP/1.1 799 Own \\xe9 words", "S< HTTP/1.1 502 Bad Gateway"]),
            ]),
        case("a status without words", Regular, b"GET /x HTTP/1.1\r\nHost: h\r\n\r\n",
            b"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", SAME),
        case("an error of the upstream", Regular, b"GET /x HTTP/1.1\r\nHost: h\r\n\r\n",
            b"HTTP/1.1 500 Oh No\r\nContent-Type: a/b\r\nContent-Length: 4\r\n\r\noops", SAME),
        case("100 before the reply", Regular, b"GET /x HTTP/1.1\r\nHost: h\r\n\r\n",
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", &[
                (INTERIM, &["P< HTTP/1.1 200 OK", "S< HTTP/1.1 100 Continue"]),
            ]),
        case("103 before the reply", Regular, b"GET /x HTTP/1.1\r\nHost: h\r\n\r\n",
            b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", &[
                (EARLY, &["P< broken off", "S< HTTP/1.1 103 Early Hints"]),
            ]),
        case("101 that nobody asked for", Regular, b"GET /x HTTP/1.1\r\nHost: h\r\n\r\n",
            b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: own\r\n\r\n", &[
                (SWITCH, &["P< HTTP/1.1 101 Switching Protocols", "S< HTTP/1.1 502 Bad Gateway"]),
            ]),
        case("no HTTP at all", Regular, b"GET /x HTTP/1.1\r\nHost: h\r\n\r\n",
            b"SSH-2.0-OpenSSH\r\n", &[
                (FAILURES, &["P< HTTP/1.1 500 Internal Server Error", "S< HTTP/1.1 502 Bad Gateway"]),
            ]),
        case("a status that is no number", Regular, b"GET /x HTTP/1.1\r\nHost: h\r\n\r\n",
            b"HTTP/1.1 abc OK\r\nContent-Length: 0\r\n\r\n", &[
                (FAILURES, &["P< HTTP/1.1 500 Internal Server Error", "S< HTTP/1.1 502 Bad Gateway"]),
            ]),
        case("a status of two digits", Regular, b"GET /x HTTP/1.1\r\nHost: h\r\n\r\n",
            b"HTTP/1.1 99 Low\r\nContent-Length: 0\r\n\r\n", &[
                (FAILURES, &["P< HTTP/1.1 500 Internal Server Error", "S< HTTP/1.1 502 Bad Gateway"]),
            ]),
        case("HTTP/2.0 in plain text", Regular, b"GET /x HTTP/1.1\r\nHost: h\r\n\r\n",
            b"HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n", &[
                (FAILURES, &["P< HTTP/1.1 500 Internal Server Error", "S< HTTP/1.1 502 Bad Gateway"]),
            ]),
        case("no answer", Regular, b"GET /x HTTP/1.1\r\nHost: h\r\n\r\n",
            b"", &[
                (FAILURES, &["P< HTTP/1.1 500 Internal Server Error", "S< HTTP/1.1 502 Bad Gateway"]),
            ]),
        case("half a head", Regular, b"GET /x HTTP/1.1\r\nHost: h\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Le", &[
                (HALF, &["P< HTTP/1.1 200 OK", "S< HTTP/1.1 502 Bad Gateway"]),
            ]),
        // Replies: fields.
        case("two Set-Cookie fields", Regular, b"GET /x HTTP/1.1\r\nHost: h\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nSet-Cookie: a=1; Path=/\r\nSet-Cookie: b=2\r\nContent-Length: 0\r\n\r\n", SAME),
        case("Location", Regular, b"GET /x HTTP/1.1\r\nHost: h\r\n\r\n",
            b"HTTP/1.1 302 Found\r\nLocation: http://ORIGIN/base/x\r\nContent-Length: 0\r\n\r\n", SAME),
        case("Server and Content-Encoding", Regular, b"GET /x HTTP/1.1\r\nHost: h\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nServer: own/1\r\nContent-Encoding: gzip\r\nContent-Length: 0\r\n\r\n", &[
                (WAITRESS_VIA, &["P< via: waitress"]),
            ]),
        case("Via of a reply", Regular, b"GET /x HTTP/1.1\r\nHost: h\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nVia: 1.1 behind\r\nContent-Length: 0\r\n\r\n", SAME),
        case("a reply with an empty value", Regular, b"GET /x HTTP/1.1\r\nHost: h\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nX-Empty:\r\nContent-Length: 0\r\n\r\n", SAME),
        case("a reply with Latin-1", Regular, b"GET /x HTTP/1.1\r\nHost: h\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nX-Raw: caf\xe9\r\nContent-Length: 0\r\n\r\n", SAME),
        case("a reply with a folded field", Regular, b"GET /x HTTP/1.1\r\nHost: h\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nX-Folded: a\r\n b\r\nContent-Length: 0\r\n\r\n", &[
                (FAILURES, &["P< HTTP/1.1 500 Internal Server Error", "S< HTTP/1.1 502 Bad Gateway"]),
            ]),
        case("fields of the connection", Regular, b"GET /x HTTP/1.1\r\nHost: h\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nConnection: close, X-Named\r\nKeep-Alive: timeout=5\r\nX-Named: 1\r\n\
              Content-Length: 0\r\n\r\n", &[
                (NAMED, &["P< x-named: 1"]),
            ]),
        case("Proxy-Authenticate", Regular, b"GET /x HTTP/1.1\r\nHost: h\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nProxy-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n", SAME),
        case("Proxy-Authorization in a reply", Regular, b"GET /x HTTP/1.1\r\nHost: h\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nProxy-Authorization: Basic\r\nContent-Length: 0\r\n\r\n", SAME),
        case("TE in a reply", Regular, b"GET /x HTTP/1.1\r\nHost: h\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nTE: trailers\r\nContent-Length: 0\r\n\r\n", SAME),
        case("Trailers, misspelt", Regular, b"GET /x HTTP/1.1\r\nHost: h\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nTrailers: X-After\r\nContent-Length: 0\r\n\r\n", &[
                (MISSPELT, &["S< trailers: X-After"]),
            ]),
        case("Trailer in a reply", Regular, b"GET /x HTTP/1.1\r\nHost: h\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nTrailer: X-After\r\nContent-Length: 0\r\n\r\n", &[
                (TRAILER, &["P< trailer: X-After"]),
            ]),
        case("Upgrade in a reply", Regular, b"GET /x HTTP/1.1\r\nHost: h\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nUpgrade: h2c\r\nContent-Length: 0\r\n\r\n", SAME),
        case("Proxy-Connection in a reply", Regular, b"GET /x HTTP/1.1\r\nHost: h\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nProxy-Connection: close\r\nContent-Length: 0\r\n\r\n", &[
                (PROXY_CONNECTION, &["P< proxy-connection: close"]),
            ]),
        case("a line without a colon", Regular, b"GET /x HTTP/1.1\r\nHost: h\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nBefore: 1\r\nno colon\r\nAfter: 1\r\nContent-Length: 0\r\n\r\n", &[
                (MALFORMED_FIELD, &["P< HTTP/1.1 200 OK", "S< HTTP/1.1 502 Bad Gateway"]),
            ]),
        case("a blank before a colon", Regular, b"GET /x HTTP/1.1\r\nHost: h\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nBefore: 1\r\nBlank : 1\r\nAfter: 1\r\nContent-Length: 0\r\n\r\n", &[
                (MALFORMED_FIELD, &["P< HTTP/1.1 200 OK", "S< HTTP/1.1 502 Bad Gateway"]),
            ]),
        case("bare line feeds", Regular, b"GET /x HTTP/1.1\r\nHost: h\r\n\r\n",
            b"HTTP/1.1 200 OK\nContent-Length: 5\n\nhello", &[
                (LINE_FEED, &["P< HTTP/1.1 200 OK", "S< HTTP/1.1 502 Bad Gateway"]),
            ]),
        case("a hundred and one fields", Regular, b"GET /x HTTP/1.1\r\nHost: h\r\n\r\n",
            fields_101, &[
                (FAILURES, &["P< HTTP/1.1 500 Internal Server Error", "S< HTTP/1.1 502 Bad Gateway"]),
            ]),
        case("a field line of 70 000 bytes", Regular, b"GET /x HTTP/1.1\r\nHost: h\r\n\r\n",
            long_field, &[
                (FAILURES, &["P< HTTP/1.1 500 Internal Server Error", "S< HTTP/1.1 502 Bad Gateway"]),
            ]),
    ]
}
