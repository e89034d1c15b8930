//! The proxy's own path in one thread: real client connections, a tide app,
//! surf, and the real backend with its pool, over pipes and a clock that is
//! moved by hand. What happens next is the caller's choice alone.
//!
//! Used by the simulation and by the fuzzers.

use serde_json::json;
use standin::exchange::RequestIds;
use standin::exchange::shell::{self, Shell};
use standin::front::connection::{ClientBounds, ConnectionServer};
use standin::mount::plan::Plan;
use standin::mount::spec;
use standin::net::listen::Serve;
use standin::net::pipe::{self, End};
use standin::net::{Dialer, Drain, OwnListeners, Peer, Stream, Timer};
use standin::upstream::Backend;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Wake, Waker};
use std::time::Duration;

/// Where the only upstream of a world is; nobody listens there.
const UPSTREAM: &str = "http://127.0.0.1:9/";

/// More than the sum of all deadlines of one exchange and of the pool.
pub const LONGEST: Duration = Duration::from_secs(300);

/// A proxy with one mount, and the tasks around it.
pub struct World {
    /// Its clock.
    pub timer: Arc<Timer>,
    /// Its open client connections.
    pub drain: Arc<Drain>,
    /// Its connections, and whatever the caller adds.
    pub tasks: Tasks,
    server: ConnectionServer,
    app: tide::Server<()>,
    dialled: Arc<Mutex<Vec<End>>>,
    pipe_bytes: usize,
}

impl World {
    /// A world whose pipes hold `pipe_bytes` in each direction, and whose
    /// upstream lets itself be dialled as `accepts` says.
    pub fn new(pipe_bytes: usize, accepts: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        let timer = Timer::manual();
        let dialled: Arc<Mutex<Vec<End>>> = Arc::default();
        let arriving = Arc::clone(&dialled);
        let dialer = Dialer::to(OwnListeners::default(), move |_| {
            if !accepts() {
                return Err(io::ErrorKind::ConnectionRefused.into());
            }
            let (near, far) = pipe::pair(pipe_bytes);
            arriving.lock().unwrap().push(far);
            Ok(Stream::pipe(near))
        });
        let mut app = tide::new();
        app.at("/").all(Forward::new(Backend::new(dialer, Arc::clone(&timer))));
        Self {
            drain: Drain::new(1024, Arc::clone(&timer)),
            server: ConnectionServer::new(Shell::Constant, RequestIds::new(1), ClientBounds::default()),
            timer,
            tasks: Tasks::default(),
            app,
            dialled,
            pipe_bytes,
        }
    }

    /// Connects a client.
    pub fn connect(&mut self) -> End {
        let (near, far) = pipe::pair(self.pipe_bytes);
        let permit = self.drain.admit();
        let connection = self.server.serve(Stream::pipe(near), Peer::Unix, self.app.clone(), permit);
        self.tasks.spawn("connection", connection);
        far
    }

    /// The other ends of the connections dialled since the last call.
    pub fn dialled(&self) -> Vec<End> {
        std::mem::take(&mut self.dialled.lock().unwrap())
    }
}

/// What a mount does, without its actor: the real plan, and the real client.
struct Forward {
    client: surf::Client,
    plan: Plan,
}

impl Forward {
    fn new(backend: Backend) -> Self {
        // How slow a peer may be has tests of its own; here the dice decide.
        let limits = json!({ "client_bytes_per_s_min": 0 });
        let timeouts = json!({ "tunnel_idle_ms": 30_000 });
        let spec = json!({ "kind": "regular", "address": UPSTREAM, "limits": limits, "timeouts": timeouts });
        let spec = spec::parse(&spec, spec::Id::Given("world")).unwrap();
        Self { client: surf::Client::with_http_client(backend), plan: Plan::new(&Arc::new(spec), "world".into(), None) }
    }
}

#[tide::utils::async_trait]
impl tide::Endpoint<()> for Forward {
    async fn call(&self, request: tide::Request<()>) -> tide::Result {
        let mut exchange = shell::exchange(request.into())?;
        let afterwards = match self.plan.prepare(&mut exchange, 0, None) {
            Ok(afterwards) => afterwards,
            Err(error) => return Ok(shell::carry_back(Err(error)).into()),
        };
        let mut outcome = shell::outcome(self.client.send(Shell::Constant.carry(exchange)).await?.into());
        if let Ok(reply) = &mut outcome {
            self.plan.finish(reply, afterwards.as_deref());
        }
        Ok(shell::carry_back(outcome).into())
    }
}

/// Tasks that run when and in the order they are told to.
#[derive(Default)]
pub struct Tasks {
    live: Vec<Task>,
}

struct Task {
    name: &'static str,
    future: Pin<Box<dyn Future<Output = ()>>>,
    woken: Arc<Woken>,
}

struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Tasks {
    /// Adds a task.
    pub fn spawn(&mut self, name: &'static str, future: impl Future<Output = ()> + 'static) {
        let woken = Arc::new(Woken(AtomicBool::new(true)));
        self.live.push(Task { name, future: Box::pin(future), woken });
    }

    /// Polls one of the tasks that were woken, as `choose` says (a number below
    /// the one it is given); false when all wait.
    pub fn step(&mut self, choose: impl FnOnce(usize) -> usize) -> bool {
        let is_woken = |at: &usize| self.live[*at].woken.0.load(Ordering::Relaxed);
        let woken = || (0..self.live.len()).filter(is_woken);
        let count = woken().count();
        if count == 0 {
            return false;
        }
        let Some(at) = woken().nth(choose(count)) else { panic!("chosen above {count}") };
        let task = &mut self.live[at];
        task.woken.0.store(false, Ordering::Relaxed);
        let waker = Waker::from(Arc::clone(&task.woken));
        if task.future.as_mut().poll(&mut Context::from_waker(&waker)).is_ready() {
            drop(self.live.swap_remove(at));
        }
        true
    }

    /// The names of the tasks that have not ended.
    pub fn names(&self) -> Vec<&'static str> {
        self.live.iter().map(|task| task.name).collect()
    }
}
