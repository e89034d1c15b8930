//! Opening a connection: resolve, check, dial that very address.
//!
//! Owns the order in which the addresses of a name are tried. The time it may
//! take is its caller's to bound. An address is checked each time it is dialled,
//! however long it has been known.

use super::policy::{Own, OwnListeners, Reach};
use super::resolve::{Owner, Resolver};
use super::stream::Stream;
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

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
    Resolve(Arc<str>),
    /// No address accepted; the last one's error.
    Connect(SocketAddr, io::Error),
    /// Every address is one that this destination may not have.
    Refused(IpAddr),
    /// It is our own listener.
    Own(Own),
}

/// Opens upstream connections. Clones look names up as the same owner.
#[derive(Clone)]
pub struct Dialer {
    shared: Arc<Shared>,
    owner: Owner,
}

/// What all dialers of a process share.
struct Shared {
    own: OwnListeners,
    resolver: Arc<Resolver>,
    open: Option<Open>,
    /// The number of the last one.
    owners: AtomicU64,
}

/// What opens a connection to a checked address instead of the system.
type Open = Box<dyn Fn(SocketAddr) -> io::Result<Stream> + Send + Sync>;

impl Dialer {
    /// A dialer that never reaches `own`.
    #[must_use]
    pub fn new(own: OwnListeners) -> Self {
        Self::made(own, Resolver::system(), None)
    }

    /// A dialer that has its names from `resolver`.
    #[must_use]
    pub fn with_names(own: OwnListeners, resolver: Arc<Resolver>) -> Self {
        Self::made(own, resolver, None)
    }

    /// A dialer that opens nothing but asks `open`, for the simulation and the
    /// fuzzers. The checks before that are the same.
    #[must_use]
    pub fn to(own: OwnListeners, open: impl Fn(SocketAddr) -> io::Result<Stream> + Send + Sync + 'static) -> Self {
        Self::made(own, Resolver::system(), Some(Box::new(open)))
    }

    fn made(own: OwnListeners, resolver: Arc<Resolver>, open: Option<Open>) -> Self {
        Self { shared: Arc::new(Shared { own, resolver, open, owners: AtomicU64::new(0) }), owner: 0 }
    }

    /// The same for somebody else, whose stuck names are not ours.
    #[must_use]
    pub fn for_another(&self) -> Self {
        let owner = self.shared.owners.fetch_add(1, Ordering::Relaxed) + 1;
        Self { shared: Arc::clone(&self.shared), owner }
    }

    /// Connects to the first address of `host` that is allowed and accepts.
    pub async fn dial(&self, host: &Host, port: u16, reach: &Reach) -> Result<Stream, DialError> {
        match host {
            Host::Address(ip) => self.dial_address(SocketAddr::new(*ip, port), reach).await,
            Host::Name(name) => {
                let resolved = self.shared.resolver.resolve(name, self.owner).await;
                let addresses = resolved.map_err(DialError::Resolve)?;
                let mut last = None;
                for mut address in addresses.iter().copied() {
                    address.set_port(port);
                    match self.dial_address(address, reach).await {
                        Ok(stream) => return Ok(stream),
                        Err(error) => last = Some(error),
                    }
                }
                Err(last.unwrap_or_else(|| DialError::Resolve("the name has no address".into())))
            }
        }
    }

    async fn dial_address(&self, address: SocketAddr, reach: &Reach) -> Result<Stream, DialError> {
        if let Some(own) = self.shared.own.find(address) {
            return Err(DialError::Own(own));
        }
        if !reach.allows(address.ip()) {
            return Err(DialError::Refused(address.ip()));
        }
        let connected = match &self.shared.open {
            None => Stream::connect(address).await,
            Some(open) => open(address),
        };
        connected.map_err(|error| DialError::Connect(address, error))
    }
}

impl fmt::Debug for Dialer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Dialer").field("owner", &self.owner).finish_non_exhaustive()
    }
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

    #[test]
    fn an_address_is_checked_at_each_dial_however_long_its_name_is_known() {
        async_io::block_on(async {
            let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            let port = listener.local_addr().unwrap().port();
            let asked = Arc::new(AtomicU64::new(0));
            let resolver = {
                let asked = Arc::clone(&asked);
                Resolver::asking(move |_| {
                    asked.fetch_add(1, Ordering::Relaxed);
                    Ok(vec![([127, 0, 0, 1], 0).into()])
                })
            };
            let dialer = Dialer::with_names(OwnListeners::default(), resolver);
            let name = Host::Name("a.test".into());
            assert!(dialer.dial(&name, port, &Reach::of(Access::Local)).await.is_ok());
            let public = dialer.for_another().dial(&name, port, &Reach::of(Access::Public)).await;
            assert!(matches!(public, Err(DialError::Refused(_))));
            assert_eq!(asked.load(Ordering::Relaxed), 1);
        });
    }
}
