//! Listening sockets and the accept loop, as a tide `Listener`.
//!
//! Owns binding, taking over bound sockets, accepting, and the number of
//! connections at a time. What a connection says is not its business: it hands
//! each one, with the tide app, to the [`Serve`] it was given.

use super::clients::{Admission, Clients};
use super::drain::{Drain, Permit};
use super::stream::{Peer, Stream};
use crate::limits::{ACCEPT_EPISODE, ACCEPT_RETRY, LISTEN_BACKLOG};
use async_io::{Async, Timer};
use futures_lite::future;
use socket2::SockAddr;
use std::fmt;
use std::fs::{File, Permissions};
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Instant;
use tide::listener::{ListenInfo, Listener, ToListener};

/// Where to listen, or where somebody listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Endpoint {
    /// An address and port.
    Tcp(SocketAddr),
    /// The path of a Unix socket.
    Unix(PathBuf),
}

impl FromStr for Endpoint {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some(path) = text.strip_prefix("unix:") {
            // Absolute, since others are told of it who are elsewhere. An empty
            // path is none.
            return std::path::absolute(path)
                .map(Self::Unix)
                .map_err(|_| "'unix:' needs a path, as in unix:/run/standin.sock".into());
        }
        let text = text.strip_prefix("http://").map_or(text, |rest| rest.trim_end_matches('/'));
        let numeric =
            if let Some(port) = text.strip_prefix("localhost:") { format!("127.0.0.1:{port}") } else { text.into() };
        numeric
            .parse()
            .map(Self::Tcp)
            .map_err(|_| format!("'{text}' is not an address: give IP:PORT, as in 127.0.0.1:8080, or unix:PATH"))
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => write!(formatter, "http://{address}"),
            Self::Unix(path) => write!(formatter, "unix:{}", path.display()),
        }
    }
}

/// A bound socket.
#[derive(Debug)]
pub struct Socket {
    listening: Listening,
    /// Somebody else holds it too, and listens on it when we no longer do.
    is_inherited: bool,
}

#[derive(Debug)]
enum Listening {
    Tcp(Async<TcpListener>),
    Unix(Async<UnixListener>, PathBuf, FileId),
}

/// Which file a path leads to: device and number.
type FileId = Option<(u64, u64)>;

fn file_id(path: &Path) -> FileId {
    std::fs::symlink_metadata(path).ok().map(|found| (found.dev(), found.ino()))
}

impl Socket {
    /// Binds; fails at once when the place is taken.
    pub fn bind(endpoint: &Endpoint) -> io::Result<Self> {
        let listening = match endpoint {
            Endpoint::Tcp(address) => {
                let socket = socket2::Socket::new(socket2::Domain::for_address(*address), socket2::Type::STREAM, None)?;
                socket.set_reuse_address(true)?;
                socket.bind(&(*address).into())?;
                socket.listen(LISTEN_BACKLOG)?;
                Listening::Tcp(Async::new(socket.into())?)
            }
            Endpoint::Unix(path) => {
                remove_stale(path)?;
                let socket = unix_socket()?;
                // The file that bind makes takes its mode from the socket, so it
                // is nobody else's from its first moment; and who connects
                // before listen is refused.
                let socket = File::from(OwnedFd::from(socket));
                socket.set_permissions(Permissions::from_mode(0o600))?;
                let socket = socket2::Socket::from(OwnedFd::from(socket));
                socket.bind(&SockAddr::unix(path)?)?;
                let bound = file_id(path);
                socket.listen(LISTEN_BACKLOG)?;
                Listening::Unix(Async::new(UnixListener::from(OwnedFd::from(socket)))?, path.clone(), bound)
            }
        };
        Ok(Self { listening, is_inherited: false })
    }

    /// A TCP socket that another process bound and keeps.
    pub fn inherited_tcp(listener: TcpListener) -> io::Result<Self> {
        listens(&listener)?;
        Ok(Self { listening: Listening::Tcp(Async::new(listener)?), is_inherited: true })
    }

    /// A Unix socket that another process bound and keeps.
    pub fn inherited_unix(listener: UnixListener) -> io::Result<Self> {
        listens(&listener)?;
        let address = listener.local_addr()?;
        let path = address.as_pathname().ok_or_else(|| io::Error::other("it is a Unix socket without a path"))?;
        let listening = Listening::Unix(Async::new(listener)?, path.to_owned(), file_id(path));
        Ok(Self { listening, is_inherited: true })
    }

    /// Where it listens: with the port that the system chose, if it did.
    pub fn endpoint(&self) -> io::Result<Endpoint> {
        match &self.listening {
            Listening::Tcp(listener) => listener.get_ref().local_addr().map(Endpoint::Tcp),
            Listening::Unix(_, path, _) => Ok(Endpoint::Unix(path.clone())),
        }
    }

    async fn accept(&self) -> io::Result<(Stream, Peer)> {
        match &self.listening {
            Listening::Tcp(listener) => {
                let (stream, peer) = listener.read_with(TcpListener::accept).await?;
                Ok((Stream::tcp(stream)?, Peer::Tcp(peer)))
            }
            Listening::Unix(listener, ..) => {
                let (stream, _) = listener.read_with(UnixListener::accept).await?;
                Ok((Stream::unix(stream)?, Peer::Unix))
            }
        }
    }
}

/// An accept loop on a socket that does not listen would fail without end.
fn listens(socket: &impl std::os::fd::AsFd) -> io::Result<()> {
    if socket2::SockRef::from(socket).is_listener()? { Ok(()) } else { Err(io::Error::other("it does not listen")) }
}

fn unix_socket() -> io::Result<socket2::Socket> {
    socket2::Socket::new(socket2::Domain::UNIX, socket2::Type::STREAM, None)
}

/// Removes the file of a Unix socket that nobody listens on any more. One that
/// somebody listens on stays, and so does what is no socket: bind refuses it.
fn remove_stale(path: &Path) -> io::Result<()> {
    match std::fs::symlink_metadata(path) {
        Ok(found) if found.file_type().is_socket() => {}
        _ => return Ok(()),
    }
    let socket = unix_socket()?;
    // Its queue may be full, and then to connect would be to wait.
    socket.set_nonblocking(true)?;
    match socket.connect(&SockAddr::unix(path)?) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => std::fs::remove_file(path),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Err(error),
        _ => Err(io::ErrorKind::AddrInUse.into()),
    }
}

impl Drop for Socket {
    /// Unlinks the file of a Unix socket that is ours alone, unless another
    /// one has taken its place.
    fn drop(&mut self) {
        if let (Listening::Unix(_, path, bound), false) = (&self.listening, self.is_inherited)
            && bound.is_some()
            && file_id(path) == *bound
        {
            let _ = std::fs::remove_file(path);
        }
    }
}

/// A task, ready to be spawned.
pub type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Serves an app on a listener until its drain begins and its last connection
/// has ended. The socket is closed in between.
pub async fn serve(app: tide::Server<()>, listener: HttpListener) -> io::Result<()> {
    let drain = Arc::clone(&listener.drain);
    let mut bound = app.bind(listener).await?;
    bound.accept().await?;
    drop(bound);
    drain.finished().await;
    Ok(())
}

/// What becomes of an accepted connection.
pub trait Serve: Send + Sync + 'static {
    /// The life of one connection. The permit is its place among the open
    /// ones and tells when to end.
    fn serve(&self, stream: Stream, peer: Peer, app: tide::Server<()>, permit: Permit) -> Task;

    /// The short life of a connection whose client has too many of them: it is
    /// told so. Only one that `lingers` may be read from until that has arrived.
    fn refuse(&self, stream: Stream, peer: Peer, app: tide::Server<()>, permit: Permit, lingers: bool) -> Task;
}

/// Where connections run.
pub type Spawn = Arc<dyn Fn(Task) + Send + Sync>;

/// One socket that serves a tide app.
pub struct HttpListener {
    socket: Socket,
    drain: Arc<Drain>,
    clients: Arc<Clients>,
    serve: Arc<dyn Serve>,
    spawn: Spawn,
    app: Option<tide::Server<()>>,
}

impl HttpListener {
    /// A listener on a bound socket, for any number of connections a client.
    #[must_use]
    pub fn new(socket: Socket, drain: Arc<Drain>, serve: Arc<dyn Serve>, spawn: Spawn) -> Self {
        Self { socket, drain, clients: Clients::unbounded(), serve, spawn, app: None }
    }

    /// The same with clients that are counted.
    #[must_use]
    pub fn for_clients(self, clients: Arc<Clients>) -> Self {
        Self { clients, ..self }
    }

    fn start(&self, (stream, peer): (Stream, Peer), app: &tide::Server<()>, permit: Permit, refusing: &mut Episode) {
        let app = app.clone();
        let deadline = Arc::clone(permit.deadline());
        let (life, place) = match self.clients.admit(&peer) {
            Admission::Served(place) => (self.serve.serve(stream, peer, app, permit), Some(place)),
            Admission::Refused(place) => {
                if refusing.is_news() {
                    let from = peer.ip().map(|ip| ip.to_string()).unwrap_or_default();
                    crate::oplog::warn(format_args!(
                        "{from} has too many connections; further ones are refused (see --connections-per-address-max)"
                    ));
                }
                (self.serve.refuse(stream, peer, app, permit, place.is_some()), place)
            }
        };
        (self.spawn)(Box::pin(self.drain.until_cut(life, deadline, place)));
    }
}

/// Trouble that may come many times in a row and is worth one line in the log.
#[derive(Default)]
struct Episode {
    last: Option<Instant>,
}

impl Episode {
    /// It has come (again); true when it had not for a while.
    fn is_news(&mut self) -> bool {
        self.last.replace(Instant::now()).is_none_or(|last| last.elapsed() > ACCEPT_EPISODE)
    }
}

impl ToListener<()> for HttpListener {
    type Listener = Self;

    fn to_listener(self) -> io::Result<Self> {
        Ok(self)
    }
}

#[tide::utils::async_trait]
impl Listener<()> for HttpListener {
    async fn bind(&mut self, app: tide::Server<()>) -> io::Result<()> {
        self.app = Some(app);
        Ok(())
    }

    /// Accepts until the drain begins, and then whoever had connected before.
    /// On an inherited socket those are left to whoever listens there next.
    async fn accept(&mut self) -> io::Result<()> {
        let app = self.app.clone().ok_or_else(|| io::Error::other("accept before bind"))?;
        let here = self.to_string();
        let (mut failing, mut refusing) = (Episode::default(), Episode::default());
        while self.drain.has_place().await {
            match self.drain.unless_begun(self.socket.accept()).await {
                None => break,
                Some(Ok(accepted)) => self.start(accepted, &app, self.drain.admit(), &mut refusing),
                // The client was gone again before we came to it.
                Some(Err(error)) if is_of_one_connection(&error) => {}
                Some(Err(error)) => {
                    if failing.is_news() {
                        crate::oplog::warn(format_args!("{here} cannot accept connections for now: {error}"));
                    }
                    Timer::after(ACCEPT_RETRY).await;
                }
            }
        }
        if self.socket.is_inherited {
            return Ok(());
        }
        for _ in 0..LISTEN_BACKLOG {
            let Some(Ok(accepted)) = future::poll_once(self.socket.accept()).await else { break };
            self.start(accepted, &app, self.drain.admit(), &mut refusing);
        }
        Ok(())
    }

    fn info(&self) -> Vec<ListenInfo> {
        let endpoint = self.socket.endpoint().map_or_else(|error| error.to_string(), |endpoint| endpoint.to_string());
        let transport = match self.socket.listening {
            Listening::Tcp(_) => "tcp",
            Listening::Unix(..) => "uds",
        };
        vec![ListenInfo::new(endpoint, transport.into(), false)]
    }
}

fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted, InvalidInput};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted | InvalidInput)
}

impl fmt::Debug for HttpListener {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("HttpListener").field("socket", &self.socket).finish_non_exhaustive()
    }
}

impl fmt::Display for HttpListener {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.info().iter().try_for_each(|info| info.fmt(formatter))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Directory;
    use std::os::unix::net::UnixStream;

    fn bind(path: &Path) -> io::Result<Socket> {
        Socket::bind(&Endpoint::Unix(path.to_owned()))
    }

    #[test]
    fn a_unix_socket_is_its_owners_alone_and_goes_with_it() {
        let directory = Directory::new("unix");
        let path = directory.path().join("socket");
        let socket = bind(&path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        UnixStream::connect(&path).unwrap();
        drop(socket);
        assert!(!path.exists());
    }

    #[test]
    fn a_socket_that_nobody_listens_on_is_replaced_and_no_other_one() {
        let directory = Directory::new("unix-stale");
        let path = directory.path().join("socket");
        // A listener that ends leaves its file.
        drop(UnixListener::bind(&path).unwrap());
        let living = bind(&path).unwrap();
        assert_eq!(bind(&path).unwrap_err().kind(), io::ErrorKind::AddrInUse);
        UnixStream::connect(&path).unwrap();
        drop(living);
        std::fs::write(&path, "no socket").unwrap();
        assert_eq!(bind(&path).unwrap_err().kind(), io::ErrorKind::AddrInUse);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "no socket");
    }

    #[test]
    fn a_listener_that_answers_nobody_is_not_waited_for_or_replaced() {
        let directory = Directory::new("unix-full");
        let path = directory.path().join("socket");
        let listener = unix_socket().unwrap();
        listener.bind(&SockAddr::unix(&path).unwrap()).unwrap();
        listener.listen(0).unwrap();
        let _waiting: Vec<socket2::Socket> = std::iter::from_fn(|| {
            let client = unix_socket().unwrap();
            client.set_nonblocking(true).unwrap();
            client.connect(&SockAddr::unix(&path).unwrap()).is_ok().then_some(client)
        })
        .collect();
        assert_eq!(bind(&path).unwrap_err().kind(), io::ErrorKind::AddrInUse);
        assert!(path.exists());
    }

    #[test]
    fn a_socket_of_somebody_else_at_its_path_stays() {
        let directory = Directory::new("unix-other");
        let path = directory.path().join("socket");
        let ours = bind(&path).unwrap();
        std::fs::rename(&path, directory.path().join("away")).unwrap();
        let theirs = UnixListener::bind(&path).unwrap();
        drop(ours);
        assert!(path.exists());
        drop(theirs);
    }
}
