//! Every bound of the proxy: its name with its unit, its default, its reason.
//!
//! Nothing that a peer can make grow is without a line here.

use crate::http1::HeadBounds;
use std::time::Duration;

/// Bounds of a request head. 8 KiB a line is what RFC 9112 §3 asks for at
/// least; 32 KiB holds any cookie jar a browser sends.
pub const REQUEST_HEAD: HeadBounds =
    HeadBounds { line_bytes_max: 8 * 1024, head_bytes_max: 32 * 1024, fields_max: 100 };

/// Bounds of a response head; what is larger is the upstream's fault (502).
pub const RESPONSE_HEAD: HeadBounds =
    HeadBounds { line_bytes_max: 8 * 1024, head_bytes_max: 32 * 1024, fields_max: 100 };

/// What one field's value may grow to when the URLs in it are rewritten; one
/// that would be longer stays as it came. Twice the longest line that comes:
/// a list of many short links must not become megabytes.
pub const REWRITTEN_VALUE_BYTES_MAX: usize = 2 * 8 * 1024;

/// Edits of the fields of a mount's requests, and of its replies: more than
/// anybody needs, and few beside the fields that there may be.
pub const HEADER_EDITS_MAX: usize = 64;

/// Bytes of the extensions of one chunk, and of all chunks of one body. Nobody
/// uses them; they are checked and dropped.
pub const EXTENSION_BYTES_MAX: u32 = 256;
/// See [`EXTENSION_BYTES_MAX`].
pub const EXTENSIONS_BYTES_MAX: u32 = 16 * 1024;

/// A trailer section, in bytes and in fields: it is kept until its end, since
/// only then it is known to be one.
pub const TRAILER_BYTES_MAX: usize = 8 * 1024;
/// See [`TRAILER_BYTES_MAX`].
pub const TRAILER_FIELDS_MAX: usize = 32;

/// What a thread may work without a pause before it lets others have its core;
/// the system itself looks every few milliseconds only. Measured: with twice as
/// much, the slowest hundredth of requests waits an eighth longer; with 300 µs, a
/// fifth of the requests is lost where other programs keep all cores busy.
pub const STINT_MAX: Duration = Duration::from_micros(500);

/// A wait that is longer than this was one: others could run meanwhile. A look at
/// what is there already is shorter.
pub const PAUSE_MIN: Duration = Duration::from_micros(20);

/// The first size of a read buffer: most heads and small bodies fit.
pub const READ_BYTES: usize = 16 * 1024;

/// What a read buffer may grow to while a large body passes or a large head
/// comes: the most one direction of one exchange may hold back.
pub const READ_BYTES_MAX: usize = 64 * 1024;

/// Messages that carry exchanges through tide and surf which a thread keeps for
/// the next ones, of each kind: half a kilobyte each.
pub const SPARE_SHELLS_MAX: usize = 64;

/// Read buffers of each of the two sizes that a thread keeps for whoever reads
/// next. A connection that waits with nothing received has none.
pub const SPARE_BUFFERS_MAX: usize = 16;

/// What a head is written to at first: most fit.
pub const OUTPUT_BYTES: usize = 1024;

/// The largest buffer to write to that is kept for the next message.
pub const OUTPUT_BYTES_KEPT_MAX: usize = 4 * OUTPUT_BYTES;

/// Buffers to write to that a thread keeps: one for each message that is on its
/// way there at a time, if they are few.
pub const SPARE_OUTPUTS_MAX: usize = 64;

/// What must be left of a body for it to pass without coming into memory: of one
/// of 100 KiB both ways cost the same, of one of 200 KiB that is a quarter
/// cheaper, of one of 1 MiB half as dear.
pub const SPLICE_BYTES_MIN: u64 = 64 * 1024;

/// Pipes at a time through which such bodies pass; further ones are copied. Each
/// takes two descriptors and holds up to [`READ_BYTES_MAX`]. A body has one only
/// while something lies in it, so all are taken by as many slow readers. A user
/// may have eight times as many before the system makes them smaller.
pub const PIPES_MAX: usize = 128;

/// Empty pipes that a thread keeps for whatever comes next.
pub const SPARE_PIPES_MAX: usize = 4;

/// Request content copied towards the upstream in one write.
pub const SEND_BYTES_MAX: usize = 64 * 1024;

/// How long a whole request head may take from its first byte (408 after it).
pub const HEAD_MAX: Duration = Duration::from_secs(10);

/// How long a client connection may idle between requests.
pub const CLIENT_IDLE_MAX: Duration = Duration::from_secs(30);

/// How long a body may stand still, in either direction.
pub const BODY_IDLE_MAX: Duration = Duration::from_secs(30);

/// What a client must send of a body, or take of a reply, each second that it
/// is waited for: a modem's worth. A byte now and then is an attack.
pub const CLIENT_BYTES_PER_S_MIN: u32 = 500;

/// What may wait in the system to be sent, beside what is on its way already:
/// without a bound megabytes, for each slow reader. A socket is writable again
/// when half of it has gone, so a peer is seen to move at every 128 KiB, and one
/// that takes 5 KiB a second is not taken for idle. With half of this a large
/// body costs a tenth more CPU.
pub const UNSENT_BYTES_MAX: u32 = 256 * 1024;

/// Over how much waiting that is measured, and so also the grace at the start.
pub const RATE_WINDOW: Duration = Duration::from_secs(10);

/// How long a tunnel may stand still: people leave a page open over lunch. A
/// peer that is gone is found by TCP long before.
pub const TUNNEL_IDLE_MAX: Duration = Duration::from_secs(3600);

/// How long a tunnel may stand still once one of its ends says no more. Most
/// have gone then, and an upstream that does not notice must not keep them.
pub const HALF_TUNNEL_IDLE_MAX: Duration = Duration::from_secs(10);

/// Silence on a tunnel after which TCP asks whether the peer is still there.
pub const TUNNEL_KEEP_ALIVE: Duration = Duration::from_secs(60);

/// How often a peer is looked at that nobody reads from, because what it sent
/// finds no room: a reset shows in no other way.
pub const BLOCKED_LOOK: Duration = Duration::from_millis(500);

/// How long an exchange may stand still before somebody looks whether its
/// client is still there; twice this and some ticks are below a second.
pub const UNWATCHED_MAX: Duration = Duration::from_millis(200);

/// How long an upstream may take to accept a connection, name resolution
/// included. Services on one network answer in milliseconds.
pub const CONNECT_MAX: Duration = Duration::from_secs(2);

/// How long an upstream may be silent between the request and its answer.
pub const FIRST_BYTE_MAX: Duration = Duration::from_secs(30);

/// How long an upstream connection stays in the pool unused: below the idle
/// time of common servers, so that they rarely close under our hands.
pub const POOL_IDLE_MAX: Duration = Duration::from_secs(5);

/// Idle connections one mount keeps: as many as wait for a busy mount's next
/// requests. Beyond, each exchange would pay for a connection of its own.
pub const POOL_CONNECTIONS_MAX: usize = 1024;

/// Addresses of one name that are tried in turn.
pub const DIAL_ADDRESSES_MAX: usize = 8;

/// How long the addresses of a name count as known. The system does not say how
/// long they hold; somebody who moves a service waits a moment for it anyway.
pub const NAME_KNOWN_MAX: Duration = Duration::from_secs(2);

/// How long a name counts as unknown after it was asked for in vain: less, since
/// what starts up becomes known in just that time.
pub const NAME_UNKNOWN_MAX: Duration = Duration::from_secs(1);

/// Names whose addresses are remembered, some hundred bytes each.
pub const NAMES_REMEMBERED_MAX: usize = 4096;

/// Names that are looked up at a time, each on a thread that takes some tens of
/// kilobytes. The system gives up on a name after seconds to half a minute.
pub const LOOKUPS_MAX: usize = 256;

/// Of these, for one mount; its further ones wait, within their connect time.
/// All but mounts that let clients choose the host have one name.
pub const MOUNT_LOOKUPS_MAX: usize = 4;

/// How many must be free besides, for each that a mount has already, to begin
/// one more for it: the last ones are for mounts that have none.
pub const LOOKUPS_KEPT: usize = 32;

/// The stack of such a thread: the system's resolver wants some tens of
/// kilobytes, its plug-ins more.
pub const LOOKUP_STACK_BYTES: usize = 512 * 1024;

/// Client connections of one listener at a time; further ones wait in the
/// kernel's queue.
pub const CONNECTIONS_MAX: usize = 1024;

/// Client connections of one address (IPv6: of one /64) at a time; further
/// ones are answered with 503. A quarter of all: nobody alone takes every
/// place, and an office behind one address still has room.
pub const CLIENT_CONNECTIONS_MAX: usize = 256;

/// Refused connections of one listener that are read for a while after the
/// 503, so that it arrives; beyond these a refused one closes at once, and
/// those who are refused take few places from the others.
pub const REFUSED_CONNECTIONS_MAX: usize = 64;

/// Requests that one connection serves; then it closes, so that what it holds
/// is given back now and then and balancers in front of us can move it.
pub const CLIENT_REQUESTS_MAX: u32 = 1000;

/// The kernel's queue of connections not accepted yet.
pub const LISTEN_BACKLOG: i32 = 1024;

/// Pause of the accept loop when the process is out of file descriptors.
pub const ACCEPT_RETRY: Duration = Duration::from_millis(100);

/// How long nothing may have gone wrong with accepting until the next time is
/// worth a line in the log again.
pub const ACCEPT_EPISODE: Duration = Duration::from_secs(10);

/// Requests of one mount at a time; further ones are refused with 503.
pub const MOUNT_REQUESTS_MAX: u32 = 256;

/// Tunnels of one mount at a time; further ones are refused with 503.
pub const MOUNT_TUNNELS_MAX: u32 = 256;

/// How long a mount that is removed lets its requests and tunnels go on.
pub const MOUNT_DRAIN_MAX: Duration = Duration::from_secs(20);

/// Requests waiting for one mount's actor to decide about them. It decides at
/// once; more wait only where it does not run for a moment. As many as may then
/// wait in its queue.
pub const MAILBOX_MESSAGES_MAX: usize = QUEUE_MAX as usize;

/// Interim (1xx) responses relayed for one request.
pub const INTERIM_RESPONSES_MAX: u8 = 8;

/// Request content read and thrown away to keep a connection, or so that a
/// refusal reaches the client before the connection closes.
pub const LINGER_BYTES_MAX: usize = 64 * 1024;

/// How long that may take.
pub const LINGER_MAX: Duration = Duration::from_secs(1);

/// How long requests may go on after the signal to stop.
pub const DRAIN_MAX: Duration = Duration::from_secs(20);

/// How long a connection that had no request yet may take to begin its first
/// one while the listener drains: the client cannot know.
pub const DRAIN_FIRST_REQUEST_MAX: Duration = Duration::from_secs(1);

/// How long connections that were cut off may take to end: they have nothing
/// left to do but to be dropped.
pub const CUT_MAX: Duration = Duration::from_secs(1);

/// The longest time that can be set: a day. Longer ones are mistakes.
pub const SETTING_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// How long the admin API may take for what it was asked, once the front has
/// ended.
pub const ADMIN_DRAIN_MAX: Duration = Duration::from_secs(2);

/// The body of one admin request.
pub const ADMIN_BODY_BYTES_MAX: usize = 64 * 1024;

/// Connections of the admin listener at a time: the streams of events below,
/// and as many again for calls, so that no number of watchers locks anybody out.
pub const ADMIN_CONNECTIONS_MAX: usize = 512;

/// Streams of server-sent events at a time; further ones are refused with 503.
/// Each holds a connection and a queue for as long as its client likes.
pub const EVENT_STREAMS_MAX: usize = 256;

/// Encoded events that wait for the client of one stream, in bytes; one more
/// event may come on top. Events behind them wait where they come from.
pub const EVENT_BUFFER_BYTES: usize = 16 * 1024;

/// Events that one stream takes at once before others get their turn.
pub const EVENTS_PER_TURN_MAX: usize = 64;

/// How long a stream of events is silent before it says that it is alive: what
/// stands between gives up on silence after 30 s or more.
pub const EVENT_SILENCE_MAX: Duration = Duration::from_secs(15);

/// One event that the command line reads, in bytes: more than a mount before and
/// after its change, and one server can make its reader keep no more.
pub const WATCHED_EVENT_BYTES_MAX: usize = 1024 * 1024;

/// How long a stream may be silent before the command line takes its server for
/// gone: some signs of life later than [`EVENT_SILENCE_MAX`].
pub const WATCHED_SILENCE_MAX: Duration = Duration::from_secs(60);

/// First and last pause before the command line asks again for a stream that
/// has ended.
pub const WATCH_RETRY_MIN: Duration = Duration::from_millis(100);
/// See [`WATCH_RETRY_MIN`].
pub const WATCH_RETRY_MAX: Duration = Duration::from_secs(5);

/// Pages of a list that the command line puts together: a million mounts, and
/// no server can keep it asking.
pub const LISTED_PAGES_MAX: usize = 1000;

/// How long one look at an operation waits for it to end where nobody sees its
/// progress, in milliseconds.
pub const OPERATION_WAIT_MS: u64 = 5000;
/// The same where somebody does.
pub const OPERATION_LOOK_MS: u64 = 500;

/// What the store keeps of its file in memory, in bytes: the pages of the largest
/// commits. All mounts are in memory anyway.
pub const STORE_CACHE_BYTES: usize = 16 * 1024 * 1024;

/// Commands waiting for the registry, and so also committed together.
pub const REGISTRY_COMMANDS_MAX: usize = 256;

/// First and last pause before a mount's actor is started again after a panic.
pub const RESTART_BACKOFF_MIN: Duration = Duration::from_millis(50);
/// See [`RESTART_BACKOFF_MIN`].
pub const RESTART_BACKOFF_MAX: Duration = Duration::from_secs(30);

/// Entries waiting for the access log's writer: more than a second of what one
/// machine answers, so that a slow disk's hiccup loses nothing.
pub const LOG_ENTRIES_MAX: usize = 8192;

/// What those may weigh in bytes: far above as many usual ones, and a bound on
/// what clients with large heads can make wait.
pub const LOG_QUEUED_BYTES_MAX: usize = 16 * 1024 * 1024;

/// How long the first entry after a pause waits for others, to be written with
/// them. In this time fewer come than may wait.
pub const LOG_GATHER: Duration = Duration::from_millis(50);

/// The bytes of lines that one write takes, and about what is kept of them
/// while nothing can be written.
pub const LOG_BUFFER_BYTES: usize = 64 * 1024;

/// How long until lines that could not be written are tried again.
pub const LOG_RETRY: Duration = Duration::from_secs(1);

/// How often the operational log is told that entries are being dropped.
pub const LOG_TOLD_AGAIN: Duration = Duration::from_secs(60);

/// How long a process that ends waits for its last lines to be written.
pub const LOG_FINISH_MAX: Duration = Duration::from_secs(1);

/// Rules of one mount for the content of replies: somebody wrote each of them.
pub const REWRITE_RULES_MAX: usize = 32;

/// Media types that one of them is for.
pub const REWRITE_MEDIA_TYPES_MAX: usize = 16;

/// Bytes of what a rule searches for, and of what it puts in. What may begin a
/// match waits, up to this, and a searcher takes some tens of bytes for each.
pub const REWRITE_RULE_BYTES_MAX: usize = 1024;

/// What of a rewritten body is held back at each step of its way: one without
/// a coding has one step, one in gzip three, beside about 350 KiB that decoding
/// and encoding take.
pub const REWRITE_BLOCK_BYTES: usize = 16 * 1024;

/// How hard gzip tries when a rewritten body is encoded again: as nginx does,
/// most of the saving for a fraction of the time.
pub const GZIP_LEVEL: u32 = 1;

/// How coarse deadlines are: they fire up to this much late.
pub const TICK: Duration = Duration::from_millis(100);

/// How often files that others write are looked at.
pub const FILES_LOOK: Duration = Duration::from_secs(1);

/// What such a file may hold: many times the system's bundle of certificates.
pub const FILE_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// What a TLS session to an upstream takes before it was sent, in bytes: two
/// blocks of content.
pub const TLS_BUFFER_BYTES_MAX: usize = 2 * SEND_BYTES_MAX;

/// Passwords checked at a time in the whole process, and never more than half
/// its cores: each takes a core for a quarter of a second, and others want to
/// be served meanwhile.
pub const PASSWORD_CHECKS_MAX: usize = 4;

/// Requests of one mount that wait for such a check; further ones are refused
/// with 503. Who was checked before does not wait.
pub const PASSWORD_CHECKS_WAITING_MAX: u32 = 32;

/// Passwords that are known to be right, 32 bytes each: as many users at a time
/// as one proxy has.
pub const PASSWORDS_REMEMBERED_MAX: usize = 4096;

/// The highest cost of a password's hash: some seconds for each check.
pub const BCRYPT_COST_MAX: u32 = 15;

/// The shortest key that requests are signed with, in bytes: as long as its
/// hash (RFC 2104 §3).
pub const SIGNING_KEY_BYTES_MIN: usize = 32;

/// Keys in one file: the one in use, and those to come and to go.
pub const SIGNING_KEYS_MAX: usize = 64;

/// How long a signature may be believed at most, and where nothing is said, in
/// seconds: the way to an upstream takes less, and a clock may be a bit late.
pub const SIGNATURE_EXPIRES_S_MAX: u64 = 300;
/// See [`SIGNATURE_EXPIRES_S_MAX`].
pub const SIGNATURE_EXPIRES_S: u64 = 30;

/// Fields of one mount that say who asks.
pub const IDENTITY_FIELDS_MAX: usize = 32;

/// One Paste Deploy file, in bytes. The largest ones that people write have
/// tens of kilobytes; this holds ten thousand keys and more.
pub const PASTE_FILE_BYTES_MAX: usize = 1024 * 1024;

/// Files that one such file may name by `config:`, again and again.
pub const PASTE_LOADS_MAX: usize = 256;

/// Mounts of one such file: somebody has written each of them.
pub const PASTE_MOUNTS_MAX: usize = 10_000;

/// How deep `%(name)s` may lead to further ones, as in Python's configparser.
pub const PASTE_INTERPOLATION_DEPTH_MAX: usize = 10;

/// How deep sections may lead to further ones by `use`, pipelines and maps.
pub const PASTE_SECTION_DEPTH_MAX: usize = 32;

/// What reading such a file may cost: lines, keys looked at, pieces of values
/// and each 64 bytes of them. Some thousand sections cost a hundredth of it.
pub const PASTE_STEPS_MAX: usize = 1_000_000;

/// What is said about one such file; who has more to mend begins with these.
pub const PASTE_NOTES_MAX: usize = 1000;

/// Requests times keys that are compared to find out which requests go
/// elsewhere than they went in Paste: a map of a thousand paths is compared
/// whole, in less than a second.
pub const PASTE_COMPARISONS_MAX: usize = 4_000_000;

/// Mounts of one import or apply, which is one commit of the store.
pub const IMPORT_MOUNTS_MAX: usize = 100_000;

/// The JSON of one import or apply: as many mounts, of the size that most have.
pub const IMPORT_BODY_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Labels of one mount.
pub const LABELS_MAX: usize = 64;

/// The JSON of one mount's metadata: a note, not a file.
pub const METADATA_BYTES_MAX: usize = 16 * 1024;

/// The longest time that a lease may last without being renewed: a month.
pub const LEASE_TTL_S_MAX: u32 = 31 * 24 * 60 * 60;

/// Requests that may wait for one mount. Each keeps its connection, and what it
/// waits for takes some hundred bytes.
pub const QUEUE_MAX: u32 = 10_000;

/// Bytes of `X-Reason`: a sentence, or the name of a pipeline's run.
pub const REASON_BYTES_MAX: usize = 256;

/// How long a GET waits for the revision that it asks for at least: a change
/// that was acknowledged is there already, so this is for another's.
pub const REVISION_WAIT_MAX: Duration = Duration::from_secs(5);

/// How long a call may wait for an operation: below what clients and what
/// stands between take for a dead connection.
pub const OPERATION_WAIT_MAX: Duration = Duration::from_secs(60);

/// How often a patch is merged anew when the mount has changed meanwhile. Each
/// time another call was made, and no more than these are there at a time.
pub const PATCH_ATTEMPTS_MAX: usize = ADMIN_CONNECTIONS_MAX;

/// Mounts on one page of a list, where nothing is said and at most.
pub const PAGE_MOUNTS: usize = 100;
/// See [`PAGE_MOUNTS`].
pub const PAGE_MOUNTS_MAX: usize = 1000;

/// Mounts that a list may be asked for by their ids: as many as fit on a page.
pub const LISTED_IDS_MAX: usize = PAGE_MOUNTS_MAX;

/// What mounts are searched for, in bytes: more than people type, and as long
/// as a label's value.
pub const SEARCH_BYTES_MAX: usize = 255;
/// Words of it. Each is looked for in every mount.
pub const SEARCH_WORDS_MAX: usize = 8;

/// Imports, applies and restores of all that are read or made at a time; further ones are
/// refused with 503. Each may hold 64 MiB, and some times that of mounts.
pub const BULK_CALLS_MAX: usize = 2;

/// Faults that such a call is told of; who has more to mend begins with these.
pub const BULK_FAULTS_MAX: usize = 1000;

/// What of an export waits for its client, in bytes; one more mount may come
/// on top.
pub const EXPORT_BUFFER_BYTES: usize = 64 * 1024;

/// Mounts that an explanation names beside the one that answers: they are found
/// along one path, and nobody reads more.
pub const EXPLAIN_LOST_MAX: usize = 64;

/// Revisions that one `If-Match` names; nobody needs a second one.
pub const CONDITION_REVISIONS_MAX: usize = 8;

/// How long until a lease that has run out is ended again after the store could
/// not take it.
pub const LEASE_RETRY: Duration = Duration::from_secs(5);

/// Leases that end in one commit.
pub const LEASES_ENDED_MAX: usize = 1024;

/// Revisions that the journal remembers: weeks of edits by hand, hours of an
/// orchestrator's.
pub const HISTORY_REVISIONS_MAX: u64 = 10_000;

/// What those together may weigh, in bytes of JSON: the whole store is read at
/// every start, and each entry has its mount twice.
pub const HISTORY_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// What one answer takes of them, in bytes; one entry may be larger.
pub const HISTORY_PAGE_BYTES_MAX: usize = 1024 * 1024;

/// The smallest store that is worth being made smaller.
pub const COMPACT_BYTES_MIN: u64 = 4 * 1024 * 1024;

/// Events kept in memory for streams that are a little behind. Who is further
/// behind reads the journal.
pub const EVENTS_REMEMBERED_MAX: usize = 1024;

/// What those may weigh, in bytes of JSON.
pub const EVENTS_REMEMBERED_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Revisions that a stream leaves out, as its filter says, before it tells where
/// it stands: its client can come back there for long after. Far fewer than the
/// journal keeps, and a few bytes for so many changes.
pub const EVENTS_LEFT_OUT_MAX: u64 = 64;

/// Requests that a mount holds while it is paused or its actor is being started
/// again, unless its own queue is longer.
pub const HELD_REQUESTS_MAX: usize = 256;

/// How long each of those is held, unless they may wait longer in the queue:
/// about as long as clients wait for an answer.
pub const HELD_MAX: Duration = Duration::from_secs(30);

/// In how many steps what was held is let go on, so that an upstream that has
/// just come back is not hit by all at once.
pub const RELEASE_STEPS: usize = 20;

/// How far these are apart; all of them take a second.
pub const RELEASE_STEP: Duration = Duration::from_millis(50);

/// How often in a row an actor may fail until it is left alone.
pub const RESTARTS_MAX: u32 = 10;

/// How long it must have run for the next failure to be the first one again.
pub const RESTART_STEADY: Duration = Duration::from_secs(60);

/// How often in a row requests wait for an actor to be started again; from the
/// next one on the pause is too long for them.
pub const RESTARTS_HELD_MAX: u32 = 4;

/// How often a request looks for its mount, when that is just being changed.
pub const ROUTE_LOOKS_MAX: usize = 16;

/// Operations that are remembered, so that who asks late is told how one ended.
pub const OPERATIONS_KEPT_MAX: usize = 1024;
/// The shortest latency that is told apart from shorter ones, in microseconds
/// and a power of two: what a proxied request takes at least.
pub const LATENCY_US_MIN: u64 = 64;

/// How many doublings of that are counted apart: up to 67 seconds, beyond all
/// defaults of the timeouts.
pub const LATENCY_OCTAVES: usize = 20;

/// How finely each is split, a power of two: a quantile is off by a quarter at
/// most and by far less as a rule. Twice as fine would cost 640 bytes in every
/// mount that was ever asked.
pub const LATENCY_BUCKETS_PER_OCTAVE: usize = 4;

/// Seconds whose requests are counted apart, for rates: a minute, the second
/// that goes on, and some that late comers may still write to.
pub const RATE_SECONDS: usize = 64;

/// Whole seconds that are told one by one: a minute.
pub const RATE_SECONDS_TOLD: usize = 60;

/// Mounts that have metrics of their own, those with the most requests; the
/// others are summed. Each has about fifty lines, and a scrape of all of them
/// stays below half a megabyte.
pub const METRICS_MOUNTS_MAX: usize = 100;

/// New mounts with requests after which the sums of those that are gone are
/// made, where nobody asks for them: what a mount leaves behind waits no longer.
pub const STATS_ARRIVALS_MAX: usize = 1024;

/// Requests of a mount that wait for one who watches its traffic; further ones
/// are left out and counted. What passes in the blink of an eye.
pub const TRAFFIC_QUEUE_ENTRIES_MAX: usize = 256;

/// What those may weigh, in bytes: with as many watchers as there may be, all
/// of them asleep, 64 MiB.
pub const TRAFFIC_QUEUE_BYTES_MAX: usize = 256 * 1024;

/// What is told of the fields of one head, in bytes; fields behind that are
/// left out. Few heads without their cookies have more.
pub const TRAFFIC_HEAD_BYTES_MAX: usize = 8 * 1024;

/// Exchanges that went wrong which a mount remembers, to be told in words: what
/// a person reads before looking for a log.
pub const RECENT_ERRORS_MAX: usize = 16;

/// The same where more mounts remember any than [`RECENT_ERRORS_RINGS_MAX`].
pub const RECENT_ERRORS_MIN: usize = 2;

/// Mounts that remember [`RECENT_ERRORS_MAX`]: some 20 MiB at their most usual
/// lengths. With 100 000 mounts that all fail, the others take 60 MiB more.
pub const RECENT_ERRORS_RINGS_MAX: usize = 4096;

/// What is remembered of the target of one, in bytes: the path and the first
/// of the query, whatever else a client may send. All that a mount remembers
/// stays below 16 KiB by this and the next.
pub const RECENT_ERROR_TARGET_BYTES_MAX: usize = 512;

/// What of a target is looked at for that, in bytes: where a mount refuses many
/// requests, each of them costs this.
pub const RECENT_ERROR_TARGET_BYTES_READ: usize = 4 * RECENT_ERROR_TARGET_BYTES_MAX;

/// And of what went wrong, in bytes: a sentence, with what the system or a
/// library says besides.
pub const RECENT_ERROR_DETAIL_BYTES_MAX: usize = 256;

/// Room for the method and target of a request that stays with an idle client
/// connection, in bytes, so that the next needs none. Most are shorter.
pub const ASKED_KEPT_BYTES_MAX: usize = 256;

/// Classes, codes or methods that one filter names.
pub const TRAFFIC_FILTER_MEMBERS_MAX: usize = 16;

/// One in how many requests is told at least, where somebody wants a sample.
pub const TRAFFIC_SAMPLE_MAX: u64 = 1_000_000;
/// Levels of arrays and objects in JSON that is sent to the API. A mount has
/// six; what is opaque in it may have some more.
pub const JSON_DEPTH_MAX: usize = 32;

/// Tokens of the API: one for each person and each script. Each is compared
/// with what a caller shows, in some microseconds for all.
pub const TOKENS_MAX: usize = 256;

/// Characters of the owner that a token is limited to: those of a label.
pub const OWNER_CHARS_MAX: usize = 255;

/// The file of tokens: as many as there may be, and room for more.
pub const TOKENS_FILE_BYTES_MAX: u64 = 1024 * 1024;

/// Wrong tokens that one address (IPv6: one /64) may show in a window; a
/// person who mistypes needs fewer.
pub const ATTEMPTS_MAX: u32 = 10;
/// See [`ATTEMPTS_MAX`].
pub const ATTEMPTS_WINDOW: Duration = Duration::from_secs(60);

/// Addresses whose wrong tokens are counted at a time; beyond these the one
/// that was quiet longest is forgotten.
pub const ATTEMPT_ADDRESSES_MAX: usize = 1024;

/// Revisions on one page of the history, where nothing is said and at most.
pub const HISTORY_PAGE: usize = 100;
/// See [`HISTORY_PAGE`].
pub const HISTORY_PAGE_MAX: usize = 1000;

/// How often a restore of all mounts is worked out anew when others change some
/// meanwhile.
pub const RESTORE_ATTEMPTS_MAX: usize = 8;

/// The highest revision that anybody may name: what 64 bits with a sign hold,
/// as most languages have them. A million changes a second make it in 292 000
/// years.
pub const REVISION_MAX: u64 = i64::MAX as u64;

/// Leases that are watched until those of mounts that are gone are looked for.
pub const LEASES_SWEPT_MIN: usize = 1024;
