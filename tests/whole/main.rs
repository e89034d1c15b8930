//! Whole-server tests: the real binary, real upstreams, real clients, all on
//! loopback.
//!
//! - `large_bodies`: bodies that pass without coming into memory.
//! - `traffic`: large bodies and many requests through nginx and Python.
//! - `clients`: curl, Python, Node and a browser, before nginx, Python and Node.
//! - `bytes`: what passes unchanged, and how framing is translated.
//! - `requests`: hostile clients, and what a request carries to the upstream;
//!   its first lines say where each row of table B8 is.
//! - `mounts`: what each member of a mount does to requests.
//! - `forwarded`: what an upstream is told of the original request.
//! - `rewriting`: URLs and cookies in replies, and edits of header fields.
//! - `body_rewriting`: what a mount does to the content of replies.
//! - `faults`: hostile upstreams; the same for table B9.
//! - `mutations`: messages with random faults in them.
//! - `paste_files`: Paste Deploy files, also beside Paste itself.
//! - `tunnels`: connections that change their protocol.
//! - `bounds`: what may last how long, and how much there may be; the same for
//!   table B3.
//! - `deadlines`: bounds that only the clock shows.
//! - `identity`: who asks, what the upstream is told of it, and whether it can
//!   believe that.
//! - `isolation`: what one mount cannot do to another.
//! - `undisturbed`: what a mount does not notice of thousands of edits elsewhere.
//! - `tls`: upstreams behind TLS.
//! - `lives`: what mounts let in, hold and refuse in each state, and their leases.
//! - `log`: what an exchange leaves in the access log.
//! - `killed`: what a kill or damage to the store leaves, under many writers.
//! - `journal`: revisions, restoring them, and events.
//! - `durability`: what survives the end of the process.
//! - `paste`: the same requests through PyPI's Paste and through this.
//! - `command_line`: each command, on the real binary.
//! - `scripting`: every snippet of docs/scripting.md.
//! - `process`: ports and files, exit codes, the command line, settings.
//! - `drain`: how the process stops, and what clients see of it.
//! - `client_bounds`: what clients can take: connections, descriptors, time.
//! - `ssrf`: addresses that no mount may reach, in every form (table B6).
//! - `service`: sockets from a service manager, and what that is told.
//! - `apps`: WebDAV and Flask behind a prefix.
//! - `stats`: what mounts have done: counters, metrics, live traffic.
//! - `api`: every call of the admin API against openapi.yaml.
//! - `api_changes`, `api_list`, `api_sets`: the same for changes of one mount and
//!   their conditions, for reading, and for many mounts and explanations.
//! - `guard`: who is not let in to the admin API.
//! - `python_client`: docs/clients/python.
//! - `cost`: system calls and instructions per request.
//! - `contract_tools`: openapi.yaml in the hands of programs that are not ours.
//! - `tokens`: what each token may do, and what is written down of it.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests say what they expect by unwrapping it")]

mod api;
mod api_changes;
mod api_list;
mod api_sets;
mod apps;
mod body_rewriting;
mod bounds;
mod bytes;
mod client_bounds;
mod clients;
mod command_line;
mod common;
mod contract_tools;
mod cost;
mod deadlines;
mod drain;
mod durability;
mod faults;
mod forwarded;
mod guard;
mod identity;
mod isolation;
mod journal;
mod killed;
mod large_bodies;
mod lives;
mod log;
mod mounts;
mod mutations;
mod paste;
mod paste_files;
mod process;
mod python_client;
mod requests;
mod rewriting;
mod scripting;
mod service;
mod ssrf;
mod stats;
mod tls;
mod tokens;
mod traffic;
mod tunnels;
mod ui;
mod undisturbed;
