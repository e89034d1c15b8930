//! How many connections each client address has.
//!
//! Owns the counts and the decision whether one more may be served. Touched
//! once when a connection is accepted and once when it ends, never by a
//! request. Does not know what becomes of those who are refused.

use super::stream::Peer;
use crate::limits::{CLIENT_CONNECTIONS_MAX, REFUSED_CONNECTIONS_MAX};
use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The clients of one listener.
#[derive(Debug)]
pub struct Clients {
    /// Connections of one address at a time; none is no bound.
    address_max: Option<usize>,
    counts_loopback: bool,
    /// No entry is zero, so there are never more than open connections.
    counts: Mutex<HashMap<Counted, usize>>,
}

/// Whose connections are counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Counted {
    Address(Ipv4Addr),
    /// What one subscriber of IPv6 has: the first 64 bits.
    Network(u64),
    /// All who are refused and still read from.
    Refused,
}

/// Whether a connection is served.
#[derive(Debug)]
pub enum Admission {
    /// It is, and holds this place until it ends.
    Served(Place),
    /// Its address has all its places. With a place it may be read from until
    /// the refusal has arrived; without one it is to be closed at once.
    Refused(Option<Place>),
}

/// A connection that is counted for as long as this lives.
#[derive(Debug)]
pub struct Place(Option<(Arc<Clients>, Counted)>);

impl Clients {
    /// With the bound that a user set, where 0 is none. Without one, loopback
    /// is not bounded: a TLS terminator on this machine brings everybody's
    /// connections from one address.
    #[must_use]
    pub fn new(address_max: Option<usize>) -> Arc<Self> {
        Arc::new(Self {
            address_max: Some(address_max.unwrap_or(CLIENT_CONNECTIONS_MAX)).filter(|max| *max > 0),
            counts_loopback: address_max.is_some(),
            counts: Mutex::default(),
        })
    }

    /// Clients that nobody counts.
    #[must_use]
    pub fn unbounded() -> Arc<Self> {
        Self::new(Some(0))
    }

    /// Counts one more connection, or says no.
    #[must_use]
    pub fn admit(self: &Arc<Self>, peer: &Peer) -> Admission {
        let (Some(max), Some(counted)) = (self.address_max, self.counted(peer)) else {
            return Admission::Served(Place(None));
        };
        match self.take(counted, max) {
            Some(place) => Admission::Served(place),
            None => Admission::Refused(self.take(Counted::Refused, REFUSED_CONNECTIONS_MAX)),
        }
    }

    fn counted(&self, peer: &Peer) -> Option<Counted> {
        let ip = peer.ip().filter(|ip| self.counts_loopback || !ip.is_loopback())?;
        Some(match ip {
            IpAddr::V4(address) => Counted::Address(address),
            IpAddr::V6(address) => Counted::Network((address.to_bits() >> 64) as u64),
        })
    }

    fn take(self: &Arc<Self>, counted: Counted, max: usize) -> Option<Place> {
        let mut counts = self.counts();
        let count = counts.entry(counted).or_default();
        if *count >= max {
            return None;
        }
        *count += 1;
        Some(Place(Some((Arc::clone(self), counted))))
    }

    fn counts(&self) -> MutexGuard<'_, HashMap<Counted, usize>> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Some((clients, counted)) = &self.0 else { return };
        let mut counts = clients.counts();
        if let Some(count) = counts.get_mut(counted) {
            *count -= 1;
            if *count == 0 {
                counts.remove(counted);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(ip: &str) -> Peer {
        Peer::Tcp((ip.parse::<IpAddr>().unwrap(), 1).into())
    }

    fn served(clients: &Arc<Clients>, ip: &str) -> Option<Place> {
        match clients.admit(&peer(ip)) {
            Admission::Served(place) => Some(place),
            Admission::Refused(_) => None,
        }
    }

    #[test]
    fn a_place_is_free_again_when_its_connection_has_ended() {
        let clients = Clients::new(Some(1));
        let first = served(&clients, "192.0.2.1").unwrap();
        assert!(served(&clients, "192.0.2.1").is_none());
        let other = served(&clients, "192.0.2.2").unwrap();
        drop((first, other));
        assert!(clients.counts().is_empty(), "nothing is kept of who is gone");
        assert!(served(&clients, "192.0.2.1").is_some());
    }

    #[test]
    fn ipv6_is_counted_by_64_bits_and_mapped_ipv4_as_ipv4() {
        let clients = Clients::new(Some(1));
        let _held = [served(&clients, "2001:db8::1").unwrap(), served(&clients, "192.0.2.1").unwrap()];
        assert!(served(&clients, "2001:db8::ffff:0:0:2").is_none(), "the same /64");
        assert!(served(&clients, "2001:db8:0:1::1").is_some(), "another /64");
        assert!(served(&clients, "::ffff:192.0.2.1").is_none());
    }

    #[test]
    fn loopback_is_bounded_only_if_a_bound_was_set() {
        let hold = |clients: &Arc<Clients>, ip| (0..1000).map_while(|_| served(clients, ip)).collect::<Vec<_>>().len();
        let unset = Clients::new(None);
        assert_eq!(hold(&unset, "192.0.2.1"), CLIENT_CONNECTIONS_MAX);
        assert_eq!(
            (hold(&unset, "127.0.0.1"), hold(&unset, "::1"), hold(&unset, "::ffff:127.0.0.1")),
            (1000, 1000, 1000)
        );
        let set = Clients::new(Some(2));
        assert_eq!((hold(&set, "127.0.0.1"), hold(&set, "::1")), (2, 2));
        assert_eq!(hold(&Clients::new(Some(0)), "192.0.2.1"), 1000);
        let of_unix: Vec<_> = (0..3).map(|_| set.admit(&Peer::Unix)).collect();
        assert!(of_unix.iter().all(|admission| matches!(admission, Admission::Served(_))));
    }

    #[test]
    fn few_of_those_who_are_refused_are_read_from() {
        let clients = Clients::new(Some(1));
        let _served = served(&clients, "192.0.2.1").unwrap();
        let refused: Vec<_> = (0..REFUSED_CONNECTIONS_MAX + 9).map(|_| clients.admit(&peer("192.0.2.1"))).collect();
        let with_place = |admission: &&Admission| matches!(admission, Admission::Refused(Some(_)));
        assert_eq!(refused.iter().filter(with_place).count(), REFUSED_CONNECTIONS_MAX);
    }
}
