//! The front, its table and its mounts with real sockets, and what happens to
//! some mounts that only a test can bring about: actors that panic, names that
//! nobody answers. What no mount else may notice.

use crate::exchange::RequestIds;
use crate::exchange::shell::Shell;
use crate::files::Files;
use crate::front::connection::{ClientBounds, ConnectionServer};
use crate::front::gateway::{self, Routes};
use crate::identity::Passwords;
use crate::mount::spec::{Id, parse};
use crate::mount::{Ending, Environment, Lifecycle, MountHandle, MountSpec, Observing, Table};
use crate::net::resolve::Resolver;
use crate::net::{Dialer, Drain, Endpoint, HttpListener, OwnListeners, Socket, Timer, listen, workers};
use arc_swap::ArcSwap;
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

/// How long anything may take that should take no time.
const PATIENCE: Duration = Duration::from_secs(20);

/// A front without an admin API: the test makes the mounts itself.
struct Front {
    address: SocketAddr,
    routes: Routes,
    environment: Arc<Environment>,
    drain: Arc<Drain>,
}

impl Front {
    fn start(resolver: Arc<Resolver>) -> Self {
        let timer = Timer::start().unwrap();
        let environment = Arc::new(Environment {
            dialer: Dialer::with_names(OwnListeners::default(), resolver),
            timer: Arc::clone(&timer),
            pseudonym: "test".into(),
            files: Files::default(),
            allows_open_proxy: false,
            passwords: Passwords::new().unwrap(),
            book: Arc::default(),
            observer: Observing::default(),
        });
        let socket = Socket::bind(&Endpoint::Tcp(([127, 0, 0, 1], 0).into())).unwrap();
        let Endpoint::Tcp(address) = socket.endpoint().unwrap() else { panic!() };
        let drain = Drain::new(1024, Arc::clone(&timer));
        let serve = ConnectionServer::new(Shell::Constant, RequestIds::new(1), ClientBounds::default());
        let listener = HttpListener::new(socket, Arc::clone(&drain), Arc::new(serve), workers::start().unwrap());
        let routes: Routes = Arc::new(ArcSwap::from_pointee(Table::default()));
        async_std::task::spawn(listen::serve(gateway::app(Arc::clone(&routes)), listener));
        Self { address, routes, environment, drain }
    }

    fn mount(&self, spec: &Arc<MountSpec>) -> MountHandle {
        let handle = MountHandle::new(spec, false, &self.environment);
        handle.start();
        self.publish(spec, &handle);
        handle
    }

    fn publish(&self, spec: &MountSpec, handle: &MountHandle) {
        self.routes.store(Arc::new(self.routes.load().with(&spec.matches, handle.clone())));
    }

    fn client(&self) -> Client {
        Client::connect(self.address)
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        self.drain.begin();
        self.drain.cut();
    }
}

/// A connection and what is read of it.
struct Client(TcpStream);

impl Client {
    fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self(stream)
    }

    fn ask(&mut self, path: &str, fields: &str) {
        self.0.write_all(format!("GET {path} HTTP/1.1\r\nHost: h\r\n{fields}\r\n").as_bytes()).unwrap();
    }

    fn head(&mut self) -> String {
        head(&mut self.0).unwrap()
    }

    /// The status of an answer with the content `body`, or with another one.
    fn status(&mut self) -> u16 {
        let head = self.head().to_ascii_lowercase();
        let length = head.split("content-length: ").nth(1).unwrap().split("\r\n").next().unwrap();
        let mut content = vec![0; length.parse().unwrap()];
        self.0.read_exact(&mut content).unwrap();
        assert!(content == b"body" || !head.starts_with("http/1.1 200 "));
        head[9..12].parse().unwrap()
    }

    fn get(&mut self, path: &str) -> u16 {
        self.ask(path, "");
        self.status()
    }

    fn upgraded(mut self, path: &str) -> Self {
        self.ask(path, "Connection: Upgrade\r\nUpgrade: websocket\r\n");
        assert!(self.head().starts_with("HTTP/1.1 101 "));
        self
    }

    fn echoes(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).unwrap();
        let mut heard = vec![0; text.len()];
        self.0.read_exact(&mut heard).unwrap();
        assert_eq!(heard, text.as_bytes());
    }
}

/// Byte by byte, so that nothing behind it is taken.
fn head(stream: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
    }
    String::from_utf8(head).ok()
}

/// Answers `body`, and grants upgrades and echoes. Its threads end with their
/// connections, and the first one with the process.
fn origin() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            std::thread::spawn(move || {
                while let Some(head) = head(&mut stream) {
                    if head.to_ascii_lowercase().contains("\r\nupgrade: ") {
                        let grant = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n";
                        stream.write_all(format!("{grant}\r\n").as_bytes()).unwrap();
                        let mut room = [0; 1024];
                        while let Ok(count @ 1..) = stream.read(&mut room) {
                            let _ = stream.write_all(&room[..count]);
                        }
                        return;
                    }
                    let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody");
                }
            });
        }
    });
    address
}

fn spec(id: &str, path: &str, address: &str, timeouts: Value) -> Arc<MountSpec> {
    let value = json!({ "kind": "regular", "match": { "path": path }, "address": address, "timeouts": timeouts });
    Arc::new(parse(&value, Id::OwnOr(id)).unwrap())
}

#[test]
fn panics_restarts_and_edits_elsewhere_drop_nothing() {
    const ELSEWHERE: usize = 1000;
    const TUNNELS: usize = 200;
    let front = Front::start(Resolver::system());
    let url = format!("http://{}/", origin());
    let b = front.mount(&spec("b", "/b", &url, json!({})));
    let mut client = front.client();
    assert_eq!(client.get("/b/"), 200);
    let mut tunnels: Vec<_> = (0..TUNNELS).map(|_| front.client().upgraded("/b/chat")).collect();
    tunnels.iter_mut().for_each(|tunnel| tunnel.echoes("before"));

    let mut panicking = Vec::new();
    for number in 0..ELSEWHERE {
        let (id, path) = (format!("m{number}"), format!("/b/below/{number}"));
        let handle = front.mount(&spec(&id, &path, &url, json!({})));
        handle.panic_once();
        let edited = spec(&id, &path, &url, json!({ "idle_ms": 1000 }));
        let changed = handle.with(&edited, false);
        front.publish(&edited, &changed);
        changed.take_effect();
        panicking.push(changed);
        if number % 4 == 0 {
            tunnels[number / 4 % TUNNELS].echoes("meanwhile");
            assert_eq!(client.get("/b/"), 200);
        }
        if number % 250 == 249 {
            // It serves so many requests; this one has more to go.
            client = front.client();
        }
    }
    let is_up = |handle: &MountHandle| handle.status().restarts == 1 && handle.lifecycle() == Lifecycle::Open;
    crate::testing::until_ok(|| panicking.iter().all(is_up).then_some(()).ok_or("some are not up again"));
    for handle in panicking {
        drop(handle.stop(Ending::Kill));
    }
    tunnels.iter_mut().for_each(|tunnel| tunnel.echoes("after"));
    assert_eq!(client.get("/b/"), 200);
    assert_eq!((b.status().restarts, b.lifecycle(), b.tunnels()), (0, Lifecycle::Open, TUNNELS as u64));
}

#[test]
fn a_name_that_nobody_answers_concerns_only_its_mount() {
    const WAITING: usize = 20;
    let (release, released) = mpsc::channel::<()>();
    let (asked, released) = (Arc::new(AtomicUsize::new(0)), std::sync::Mutex::new(released));
    let resolver = {
        let asked = Arc::clone(&asked);
        Resolver::asking(move |name| {
            if name == "stuck.test" {
                asked.fetch_add(1, Ordering::AcqRel);
                let _ = released.lock().unwrap().recv();
            }
            Ok(vec![([127, 0, 0, 1], 0).into()])
        })
    };
    let front = Front::start(resolver);
    let port = origin().port();
    let stuck = format!("http://stuck.test:{port}/");
    front.mount(&spec("patient", "/patient", &stuck, json!({ "connect_ms": 60_000 })));
    front.mount(&spec("hasty", "/hasty", &stuck, json!({ "connect_ms": 1 })));
    front.mount(&spec("b", "/b", &format!("http://b.test:{port}/"), json!({})));
    let mut waiting: Vec<_> = (0..WAITING).map(|_| front.client()).collect();
    waiting.iter_mut().for_each(|client| client.ask("/patient", ""));
    assert_eq!(front.client().get("/hasty"), 504, "the wait is bounded, whatever becomes of the look-up");
    for _ in 0..WAITING {
        assert_eq!(front.client().get("/b"), 200);
    }
    drop(release);
    waiting.iter_mut().for_each(|client| assert_eq!(client.status(), 200));
    assert_eq!(asked.load(Ordering::Acquire), 1, "one look-up for all of them");
}
