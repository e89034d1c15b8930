//! Which addresses may be dialled.
//!
//! Owns the classes of addresses and who may reach which. The check is made on
//! the very address that is dialled next, so no second look-up can change it.

use ipnet::IpNet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::Arc;

/// What kind of address one is, as far as reaching it is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Anywhere on the public network.
    Public,
    /// A private network (RFC 1918, RFC 4193, RFC 6598).
    Private,
    /// This machine.
    Loopback,
    /// Link-local, cloud metadata, multicast, unspecified, reserved.
    Special,
}

/// Tells the class, after unwrapping IPv4 addresses written as IPv6 ones.
#[must_use]
pub fn class_of(address: IpAddr) -> Class {
    match address {
        IpAddr::V4(address) => class_of_v4(address),
        IpAddr::V6(address) => match (address.to_ipv4_mapped(), embedded_v4(address)) {
            (Some(mapped), _) => class_of_v4(mapped),
            // Nobody writes an address of this machine or network like that
            // who means well, and where it leads depends on who translates.
            (None, Some(inner)) if class_of_v4(inner) != Class::Public => Class::Special,
            (None, Some(_)) => Class::Public,
            (None, None) => class_of_v6(address),
        },
    }
}

fn class_of_v4(address: Ipv4Addr) -> Class {
    let [a, b, c, _] = address.octets();
    match (a, b, c) {
        // The metadata services of two clouds, on addresses that are public.
        _ if [Ipv4Addr::new(100, 100, 100, 200), Ipv4Addr::new(168, 63, 129, 16)].contains(&address) => Class::Special,
        (127, ..) => Class::Loopback,
        (10, ..) | (172, 16..=31, _) | (192, 168, _) | (100, 64..=127, _) => Class::Private,
        (0, ..) | (169, 254, _) | (192, 0, 0) | (198, 18..=19, _) | (224.., ..) => Class::Special,
        _ => Class::Public,
    }
}

fn class_of_v6(address: Ipv6Addr) -> Class {
    if address == Ipv6Addr::LOCALHOST {
        return Class::Loopback;
    }
    // The metadata service that one cloud offers on a unique local address.
    if address == Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254) {
        return Class::Special;
    }
    match address.segments()[0] {
        0xfc00..=0xfdff => Class::Private,
        0x2000..=0x3fff => Class::Public,
        // Link-local, multicast, and all that nobody has been given.
        _ => Class::Special,
    }
}

/// The IPv4 address inside a mapped, compatible, NAT64, 6to4 or Teredo one.
fn embedded_v4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let [a, b, c, d, e, f, g, h] = address.segments();
    let join = |high: u16, low: u16| Ipv4Addr::from(u32::from(high) << 16 | u32::from(low));
    match (a, b, c, d, e, f) {
        (0, 0, 0, 0, 0, 0xffff) | (0x64, 0xff9b, 0, 0, 0, 0) => Some(join(g, h)),
        (0, 0, 0, 0, 0, 0) if g != 0 => Some(join(g, h)),
        (0x2002, ..) => Some(join(b, c)),
        (0x2001, 0, ..) => Some(join(!g, !h)),
        _ => None,
    }
}

/// Which classes one destination may be in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Public only: the client chose the host.
    Public,
    /// Public and private: somebody trusted named the network.
    Private,
    /// Public, private and this machine: somebody trusted named the host.
    Local,
}

/// Which addresses one destination may have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reach {
    /// By their class,
    pub access: Access,
    /// and these whatever their class.
    pub also: Arc<[IpNet]>,
}

impl Reach {
    /// Those of that access and no others.
    #[must_use]
    pub fn of(access: Access) -> Self {
        Self { access, also: Arc::default() }
    }

    /// True when such a destination may be dialled.
    #[must_use]
    pub fn allows(&self, address: IpAddr) -> bool {
        let by_class = match class_of(address) {
            Class::Public => true,
            Class::Private => self.access != Access::Public,
            Class::Loopback => self.access == Access::Local,
            Class::Special => false,
        };
        by_class || self.is_named(address)
    }

    /// An IPv4 address written as an IPv6 one is named by either.
    fn is_named(&self, address: IpAddr) -> bool {
        let inner = match address {
            IpAddr::V4(_) => None,
            IpAddr::V6(address) => embedded_v4(address).map(IpAddr::V4),
        };
        self.also
            .iter()
            .any(|network| network.contains(&address) || inner.is_some_and(|inner| network.contains(&inner)))
    }
}

/// The listeners of this process, which no mount may reach.
#[derive(Debug, Clone, Default)]
pub struct OwnListeners {
    front: Vec<SocketAddr>,
    admin: Vec<SocketAddr>,
}

/// Which of our own listeners an address belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Own {
    /// The front: a loop.
    Front,
    /// The admin API: a way around its guard.
    Admin,
}

impl OwnListeners {
    /// The addresses that the front and the admin API are bound to.
    #[must_use]
    pub fn new(front: Vec<SocketAddr>, admin: Vec<SocketAddr>) -> Self {
        Self { front, admin }
    }

    /// Whose listener that address reaches, if it is ours.
    #[must_use]
    pub fn find(&self, address: SocketAddr) -> Option<Own> {
        let reaches = |listeners: &[SocketAddr]| listeners.iter().any(|listener| is_reached(*listener, address));
        if reaches(&self.admin) {
            Some(Own::Admin)
        } else if reaches(&self.front) {
            Some(Own::Front)
        } else {
            None
        }
    }
}

fn is_reached(listener: SocketAddr, address: SocketAddr) -> bool {
    if listener.port() != address.port() {
        return false;
    }
    let (bound, target) = (listener.ip().to_canonical(), dialled(address.ip()));
    if bound == target {
        return true;
    }
    bound.is_unspecified() && is_of_this_machine(target)
}

/// What the kernel makes of an address that is dialled: the unspecified one is
/// this machine.
fn dialled(address: IpAddr) -> IpAddr {
    let plain = match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(outer) => embedded_v4(outer).map_or(address, IpAddr::V4),
    };
    match plain {
        IpAddr::V4(address) if address.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(address) if address.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        address => address,
    }
}

/// The kernel sends to an address of its own from that address. Connecting a
/// datagram socket asks it and sends nothing.
fn is_of_this_machine(address: IpAddr) -> bool {
    if address.is_loopback() {
        return true;
    }
    let any: IpAddr = if address.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let asked = UdpSocket::bind((any, 0)).and_then(|socket| {
        socket.connect((address, 9))?;
        socket.local_addr()
    });
    asked.is_ok_and(|local| local.ip() == address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_fall_into_their_classes() {
        for (text, class) in [
            ("93.184.216.34", Class::Public),
            ("2606:2800::1", Class::Public),
            ("10.1.2.3", Class::Private),
            ("172.31.0.1", Class::Private),
            ("172.32.0.1", Class::Public),
            ("192.168.0.1", Class::Private),
            ("100.64.0.1", Class::Private),
            ("fd12::1", Class::Private),
            ("127.9.9.9", Class::Loopback),
            ("::1", Class::Loopback),
            ("::ffff:127.0.0.1", Class::Loopback),
            ("64:ff9b::7f00:1", Class::Special),
            ("2002:7f00:1::", Class::Special),
            ("::ffff:10.0.0.1", Class::Private),
            ("0.0.0.0", Class::Special),
            ("::", Class::Special),
            ("169.254.169.254", Class::Special),
            ("169.254.170.2", Class::Special),
            ("100.100.100.200", Class::Special),
            ("168.63.129.16", Class::Special),
            ("fd00:ec2::254", Class::Special),
            ("fe80::1", Class::Special),
            ("ff02::1", Class::Special),
            ("224.0.0.1", Class::Special),
            ("255.255.255.255", Class::Special),
            ("198.18.0.1", Class::Special),
            ("192.0.0.1", Class::Special),
        ] {
            assert_eq!(class_of(text.parse().unwrap()), class, "{text}");
        }
    }

    #[test]
    fn access_widens_step_by_step() {
        let loopback: IpAddr = "127.0.0.1".parse().unwrap();
        let private: IpAddr = "10.0.0.1".parse().unwrap();
        let metadata: IpAddr = "169.254.169.254".parse().unwrap();
        let allows = |access, address| Reach::of(access).allows(address);
        assert!(!allows(Access::Public, private) && !allows(Access::Public, loopback));
        assert!(allows(Access::Private, private) && !allows(Access::Private, loopback));
        assert!(allows(Access::Local, private) && allows(Access::Local, loopback));
        assert!(!allows(Access::Local, metadata));
    }

    #[test]
    fn a_network_that_is_named_may_be_reached_in_every_guise() {
        let also = ["169.254.169.0/24".parse().unwrap(), "fe80::/10".parse().unwrap()];
        let reach = Reach { access: Access::Public, also: also.into() };
        for named in ["169.254.169.254", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "fe80::1"] {
            assert!(reach.allows(named.parse().unwrap()), "{named}");
        }
        for other in ["169.254.170.2", "127.0.0.1", "10.0.0.1", "ff02::1", "::ffff:169.254.170.2"] {
            assert!(!reach.allows(other.parse().unwrap()), "{other}");
        }
    }

    #[test]
    fn own_listeners_are_found_in_every_guise() {
        let own = OwnListeners::new(vec!["0.0.0.0:8080".parse().unwrap()], vec!["127.0.0.1:8081".parse().unwrap()]);
        let find = |text: &str| own.find(text.parse().unwrap());
        assert_eq!(find("127.0.0.1:8080"), Some(Own::Front));
        assert_eq!(find("127.5.5.5:8080"), Some(Own::Front));
        assert_eq!(find("[::ffff:127.0.0.1]:8080"), Some(Own::Front));
        assert_eq!(find("127.0.0.1:8081"), Some(Own::Admin));
        assert_eq!(find("0.0.0.0:8081"), Some(Own::Admin));
        assert_eq!(find("[::ffff:0.0.0.0]:8081"), Some(Own::Admin));
        assert_eq!(find("0.0.0.0:8080"), Some(Own::Front));
        assert_eq!(find("[::127.0.0.1]:8081"), Some(Own::Admin));
        assert_eq!(find("[64:ff9b::7f00:1]:8081"), Some(Own::Admin));
        assert_eq!(find("127.0.0.1:8082"), None);
        assert_eq!(find("192.0.2.1:8080"), None);
    }
}
