//! The only place that opens, accepts or dials sockets.
//!
//! Owns streams, the accept loop and its bounds, the address policy and the
//! coarse clock on which every deadline waits. Knows nothing of HTTP.

pub mod clients;
pub mod dial;
pub mod drain;
pub mod input;
pub mod listen;
pub mod output;
pub mod pipe;
pub mod policy;
pub mod reactor;
pub mod resolve;
mod spare;
pub mod splice;
mod stint;
pub mod stream;
pub mod tasks;
pub mod timer;
pub mod tls;
pub mod trust;
pub mod workers;

pub use clients::Clients;
pub use dial::{DialError, Dialer};
pub use drain::{Drain, Permit};
pub use input::Input;
pub use listen::{Endpoint, HttpListener, Socket};
pub use output::Output;
pub use policy::{Access, OwnListeners, Reach};
pub use resolve::Resolver;
pub use splice::Conduit;
pub use stream::{Peer, Stream};
pub use timer::{Deadline, Timer};
pub use tls::TlsFault;
pub use trust::Trust;
