//! Opening a connection: resolve, check, dial that very address.
//!
//! Owns the order in which the addresses of a name are tried. The time it may
//! take is its caller's to bound.

use super::policy::{Own, OwnListeners, Reach};
use super::stream::Stream;
use crate::limits::DIAL_ADDRESSES_MAX;
use async_io::Async;
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::Arc;

/// Where to connect to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Host {
    /// An address that needs no look-up.
    Address(IpAddr),
    /// A name for the system's resolver.
    Name(Arc<str>),
}

/// Why there is no connection. Nothing was sent in any case.
#[derive(Debug)]
pub enum DialError {
    /// The name could not be resolved.
    Resolve(io::Error),
    /// No address accepted; the last one's error.
    Connect(SocketAddr, io::Error),
    /// Every address is one that this destination may not have.
    Refused(IpAddr),
    /// It is our own listener.
    Own(Own),
}

/// Opens upstream connections.
#[derive(Clone)]
pub struct Dialer {
    own: Arc<OwnListeners>,
    open: Option<Open>,
}

/// What opens a connection to a checked address instead of the system.
type Open = Arc<dyn Fn(SocketAddr) -> io::Result<Stream> + Send + Sync>;

impl Dialer {
    /// A dialer that never reaches `own`.
    #[must_use]
    pub fn new(own: OwnListeners) -> Self {
        Self { own: Arc::new(own), open: None }
    }

    /// A dialer that opens nothing but asks `open`, for the simulation and the
    /// fuzzers. The checks before that are the same.
    #[must_use]
    pub fn to(own: OwnListeners, open: impl Fn(SocketAddr) -> io::Result<Stream> + Send + Sync + 'static) -> Self {
        Self { own: Arc::new(own), open: Some(Arc::new(open)) }
    }

    /// Connects to the first address of `host` that is allowed and accepts.
    pub async fn dial(&self, host: &Host, port: u16, reach: &Reach) -> Result<Stream, DialError> {
        match host {
            Host::Address(ip) => self.dial_address(SocketAddr::new(*ip, port), reach).await,
            Host::Name(name) => {
                let addresses = resolve(Arc::clone(name), port).await.map_err(DialError::Resolve)?;
                let mut last = DialError::Resolve(io::Error::new(io::ErrorKind::NotFound, "the name has no address"));
                for address in addresses {
                    match self.dial_address(address, reach).await {
                        Ok(stream) => return Ok(stream),
                        Err(error) => last = error,
                    }
                }
                Err(last)
            }
        }
    }

    async fn dial_address(&self, address: SocketAddr, reach: &Reach) -> Result<Stream, DialError> {
        if let Some(own) = self.own.find(address) {
            return Err(DialError::Own(own));
        }
        if !reach.allows(address.ip()) {
            return Err(DialError::Refused(address.ip()));
        }
        let connected = match &self.open {
            None => Async::<TcpStream>::connect(address).await.and_then(Stream::tcp),
            Some(open) => open(address),
        };
        connected.map_err(|error| DialError::Connect(address, error))
    }
}

impl fmt::Debug for Dialer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Dialer").field("own", &self.own).finish_non_exhaustive()
    }
}

/// Asks the system's resolver, off the executor.
async fn resolve(name: Arc<str>, port: u16) -> io::Result<Vec<SocketAddr>> {
    blocking::unblock(move || {
        let mut addresses: Vec<SocketAddr> = (&*name, port).to_socket_addrs()?.collect();
        addresses.truncate(DIAL_ADDRESSES_MAX);
        Ok(addresses)
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::Access;

    #[test]
    fn own_listeners_and_special_addresses_are_never_dialled() {
        async_io::block_on(async {
            let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            let address = listener.local_addr().unwrap();
            let host = Host::Address(address.ip());
            let name = Host::Name("localhost".into());
            let own = Dialer::new(OwnListeners::new(vec![], vec![address]));
            assert!(matches!(
                own.dial(&host, address.port(), &Reach::of(Access::Local)).await,
                Err(DialError::Own(Own::Admin))
            ));
            let free = Dialer::new(OwnListeners::default());
            assert!(free.dial(&host, address.port(), &Reach::of(Access::Local)).await.is_ok());
            assert!(free.dial(&name, address.port(), &Reach::of(Access::Local)).await.is_ok());
            assert!(matches!(
                free.dial(&host, address.port(), &Reach::of(Access::Private)).await,
                Err(DialError::Refused(_))
            ));
            let metadata = Host::Address("169.254.169.254".parse().unwrap());
            assert!(matches!(free.dial(&metadata, 80, &Reach::of(Access::Local)).await, Err(DialError::Refused(_))));
        });
    }
}
