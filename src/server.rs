//! A whole Standin: which room is joined to which.
//!
//! Owns the order of starting and stopping, and nothing else.

use crate::admin::{self, AdminState, Streams, Token, Tokens, guard::Guard};
use crate::demo;
use crate::exchange::RequestIds;
use crate::exchange::shell::Shell;
use crate::files::Files;
use crate::front::access_log::{self, AccessLog};
use crate::front::connection::{ClientBounds, ConnectionServer};
use crate::front::gateway;
use crate::identity::Passwords;
use crate::limits::{ADMIN_CONNECTIONS_MAX, ADMIN_DRAIN_MAX, CUT_MAX};
use crate::mount::{Environment, MountSpec, Observing, spec};
use crate::net::listen::{self, Spawn};
use crate::net::reactor::Driver;
use crate::net::tasks::Tasks;
use crate::net::workers;
use crate::net::{Clients, Dialer, Drain, Endpoint, HttpListener, OwnListeners, Socket, Timer};
use crate::oplog;
use crate::registry::Registry;
use crate::service::Inherited;
use crate::settings::Settings;
use crate::stats::Book;
use async_channel::Receiver;
use futures_lite::future;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// A running proxy.
#[derive(Debug)]
pub struct Server {
    /// Where clients connect.
    pub front: Endpoint,
    /// Where the admin API is.
    pub admin: Endpoint,
    /// What the admin API asks for.
    pub token: Token,
    registry: Registry,
    front_drain: Arc<Drain>,
    admin_drain: Arc<Drain>,
    front_ended: Receiver<()>,
    admin_ended: Receiver<()>,
    access_log: Option<AccessLog>,
    drain_delay: Duration,
    drain_max: Duration,
}

const DEMO_CONNECTIONS_MAX: usize = 256;

impl Server {
    /// Starts everything, on sockets that were handed over or its own; the
    /// error says what to change.
    pub fn start(settings: Settings, inherited: Inherited) -> Result<Self, String> {
        let front_socket = inherited.front.map_or_else(|| bind("--listen", &settings.listen), Ok)?;
        let admin_socket = inherited.admin.map_or_else(|| bind("--admin", &settings.admin), Ok)?;
        let (front, admin) = (told(front_socket.endpoint())?, told(admin_socket.endpoint())?);
        create_data_dir(&settings.data_dir)?;
        let access_log = settings.access_log.map(start_access_log).transpose()?;
        let token = Token::load_or_create(&settings.data_dir)
            .map_err(|error| format!("the token in {} cannot be used: {error}", settings.data_dir.display()))?;
        let tokens = Arc::new(Tokens::open(&settings.data_dir, &token)?);
        let timer = told(Timer::start())?;
        let instance = told(random_instance())?;
        let ids = RequestIds::new(instance);
        let book = Arc::new(Book::default());
        let environment = Environment {
            dialer: Dialer::new(OwnListeners::new(tcp(&front), tcp(&admin))),
            timer: Arc::clone(&timer),
            pseudonym: format!("standin-{instance:08x}").into(),
            files: Files::default(),
            allows_open_proxy: settings.allow_open_proxy || is_this_machines(&front),
            passwords: told(Passwords::new())?,
            observer: Observing::default(),
            book: Arc::clone(&book),
        };
        let workers = told(workers::start())?;
        let mut mounts = settings.mounts;
        if settings.demo {
            mounts.push(start_demo(&timer, &ids, &workers)?);
        }
        let registry = Registry::open(&settings.data_dir, mounts, environment).map_err(|error| error.to_string())?;
        // For the command line of the same user, which finds its server here.
        std::fs::write(settings.data_dir.join(ADMIN_FILE), format!("{admin}\n"))
            .map_err(|error| format!("{} cannot be written: {error}", settings.data_dir.display()))?;

        let front_drain = Drain::new(settings.connections_max, Arc::clone(&timer));
        let serve = ConnectionServer::new(Shell::Constant, Arc::clone(&ids), settings.client_bounds)
            .logging(access_log.clone());
        let listener = HttpListener::new(front_socket, Arc::clone(&front_drain), Arc::new(serve), workers)
            .for_clients(Clients::new(settings.connections_per_address_max));
        let app = gateway::app(registry.routes());
        let (ending, front_ended) = async_channel::bounded(1);
        async_std::task::spawn(async move {
            let served = listen::serve(app, listener).await;
            told_ended("front", served);
            drop(ending);
        });

        let guard = match &admin {
            Endpoint::Tcp(_) => Guard::tcp(tokens, &settings.admin_hosts),
            Endpoint::Unix(_) => Guard::unix(tokens),
        };
        let admin_drain = Drain::new(ADMIN_CONNECTIONS_MAX, Arc::clone(&timer));
        let streams = Streams::new(Arc::clone(&timer), Arc::clone(&admin_drain));
        let bulk = admin::Bulk::default();
        let started_at = SystemTime::now();
        let mounts_of_it = registry.clone();
        let state = AdminState { registry, guard, front: Arc::clone(&front_drain), streams, bulk, book, started_at };
        let admin_ended = told(start_admin(admin_socket, &admin_drain, state, ids))?;
        Ok(Self {
            front,
            admin,
            token,
            registry: mounts_of_it,
            front_drain,
            admin_drain,
            front_ended,
            admin_ended,
            drain_delay: settings.drain_delay,
            drain_max: settings.drain_max,
            access_log,
        })
    }

    /// No longer ready from now on. With a delay it serves on for that long;
    /// without one nothing new is accepted, and what runs may finish.
    pub fn begin_stop(&self) {
        if self.drain_delay.is_zero() { self.drain() } else { self.front_drain.announce() }
    }

    fn drain(&self) {
        self.front_drain.begin();
        self.registry.refuse_held();
    }

    /// After [`Server::begin_stop`]: waits for what runs, cuts off what does
    /// not end in time or before `hurry` says to end at once, and tells how
    /// many connections that were.
    pub async fn stop(&self, hurry: impl Future<Output = ()>) -> usize {
        let mut hurry = pin!(hurry);
        let in_time = async {
            if !self.drain_delay.is_zero() {
                async_io::Timer::after(self.drain_delay).await;
                self.drain();
            }
            within(self.drain_max, self.front_ended.recv()).await;
            false
        };
        let in_hurry = async {
            hurry.as_mut().await;
            true
        };
        let hurried = future::or(in_time, in_hurry).await;
        let cut = cut(&self.front_drain).await;
        // The API answers until the front has ended, and then what it was
        // asked before.
        self.admin_drain.begin();
        if !hurried {
            future::or(within(ADMIN_DRAIN_MAX, self.admin_ended.recv()), hurry).await;
        }
        if let Some(log) = &self.access_log {
            log.finish();
        }
        cut
    }

    /// Opens the access log's file again, for who has renamed it.
    pub fn reopen_access_log(&self) {
        if let Some(log) = &self.access_log {
            log.reopen();
        }
    }
}

/// Ends what is left; tells how many connections that was.
async fn cut(drain: &Drain) -> usize {
    let open = drain.cut();
    within(CUT_MAX, drain.finished()).await;
    open
}

/// Waits for `end`, but no longer than `longest`.
async fn within<T>(longest: Duration, end: impl Future<Output = T>) {
    let too_late = async {
        async_io::Timer::after(longest).await;
    };
    let ended = async {
        end.await;
    };
    future::or(ended, too_late).await;
}

/// The file in the data directory that names the admin address.
pub const ADMIN_FILE: &str = "admin";

fn told_ended(name: &str, served: io::Result<()>) {
    if let Err(error) = served {
        oplog::error(format_args!("the {name} listener has ended: {error}"));
    }
}

fn told<T>(result: io::Result<T>) -> Result<T, String> {
    result.map_err(|error| error.to_string())
}

fn tcp(endpoint: &Endpoint) -> Vec<SocketAddr> {
    match endpoint {
        Endpoint::Tcp(address) => vec![*address],
        Endpoint::Unix(_) => Vec::new(),
    }
}

/// True when no other machine can connect there.
fn is_this_machines(endpoint: &Endpoint) -> bool {
    match endpoint {
        Endpoint::Tcp(address) => address.ip().to_canonical().is_loopback(),
        Endpoint::Unix(_) => true,
    }
}

fn bind(flag: &str, endpoint: &Endpoint) -> Result<Socket, String> {
    Socket::bind(endpoint).map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => {
            format!("{endpoint} is taken by another program; choose another address with {flag}")
        }
        io::ErrorKind::PermissionDenied => {
            format!("{endpoint} may not be used by this user; choose another address with {flag}")
        }
        _ => format!("{flag} {endpoint}: {error}"),
    })
}

fn create_data_dir(path: &Path) -> Result<(), String> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(|error| {
        format!("the data directory {} cannot be made: {error}; choose one with --data-dir", path.display())
    })
}

fn start_access_log(settings: access_log::Settings) -> Result<AccessLog, String> {
    let named = settings.destination.to_string();
    AccessLog::start(settings).map_err(|error| format!("--access-log {named}: {error}"))
}

fn random_instance() -> io::Result<u32> {
    let mut bytes = [0; 4];
    getrandom::fill(&mut bytes).map_err(io::Error::other)?;
    Ok(u32::from_ne_bytes(bytes))
}

/// The admin API on a thread of its own: when the workers are busy, it is not.
/// The answer is closed when it has ended.
fn start_admin(
    socket: Socket,
    drain: &Arc<Drain>,
    state: AdminState,
    ids: Arc<RequestIds>,
) -> io::Result<Receiver<()>> {
    let driver = Driver::new()?;
    let tasks = Tasks::of(driver.reactor());
    let spawn: Spawn = {
        let tasks = tasks.clone();
        Arc::new(move |task| tasks.spawn(task))
    };
    let serve = ConnectionServer::new(Shell::Routed, ids, ClientBounds::default());
    let listener = HttpListener::new(socket, Arc::clone(drain), Arc::new(serve), spawn);
    let app = admin::app(state);
    let (ending, ended) = async_channel::bounded(1);
    std::thread::Builder::new().name("standin-admin".into()).spawn(move || {
        told_ended("admin", driver.block_on(tasks.run_until(listen::serve(app, listener))).flatten());
        drop(ending);
    })?;
    Ok(ended)
}

/// Starts the demo's upstream and gives the mount for it.
fn start_demo(timer: &Arc<Timer>, ids: &Arc<RequestIds>, workers: &Spawn) -> Result<MountSpec, String> {
    let socket = bind("--demo", &Endpoint::Tcp(SocketAddr::from(([127, 0, 0, 1], 0))))?;
    let endpoint = told(socket.endpoint())?;
    let drain = Drain::new(DEMO_CONNECTIONS_MAX, Arc::clone(timer));
    let serve = ConnectionServer::new(Shell::Constant, Arc::clone(ids), ClientBounds::default());
    let listener = HttpListener::new(socket, drain, Arc::new(serve), Arc::clone(workers));
    async_std::task::spawn(listen::serve(demo::app(), listener));
    let value = serde_json::json!({
        "id": "demo", "kind": "regular", "match": { "path": "/demo" }, "address": format!("{endpoint}/"),
    });
    spec::parse(&value, spec::Id::Given("demo")).map_err(|faults| format!("--demo: {faults:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_can_reach_a_listener_is_told_by_its_address() {
        let is_ours = |text: &str| is_this_machines(&Endpoint::Tcp(text.parse().unwrap()));
        assert!(is_ours("127.0.0.1:80") && is_ours("[::1]:80") && is_ours("[::ffff:127.0.0.1]:80"));
        assert!(!is_ours("0.0.0.0:80") && !is_ours("[::]:80") && !is_ours("192.0.2.1:80"));
    }
}
