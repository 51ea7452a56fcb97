//! Which synthetic address stands for which name in this run. Looking a name up asks nobody outside.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use opaque_policy::cidr::Cidr;
use opaque_policy::host_name::HostName;
use opaque_policy::network::{OWN_V4, OWN_V6, POOL_V4_PREFIX, POOL_V6_PREFIX};

/// The most names of one run.
const MOST: usize = 16_384;
/// The first addresses of the pool are the sandbox's own.
const FIRST: u32 = 256;

/// The names that were looked up, each with its addresses.
#[derive(Debug, Default)]
pub struct Names {
    // INVARIANT: a name stands at its number in `names`, and once only.
    numbers: HashMap<HostName, u32>,
    names: Vec<HostName>,
}

/// The addresses that stand for a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Addresses {
    /// For IPv4.
    pub v4: Ipv4Addr,
    /// For IPv6.
    pub v6: Ipv6Addr,
}

impl Addresses {
    /// The addresses of the name with this number; names are numbered in the order in which they come.
    #[must_use]
    pub fn of(number: u32) -> Self {
        let offset = FIRST + number;
        Self {
            v4: Ipv4Addr::from(u32::from(pool_v4()) + offset),
            v6: Ipv6Addr::from(u128::from(pool_v6()) + u128::from(offset)),
        }
    }
}

/// What an address inside stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stands {
    /// For a name that was looked up.
    For(HostName),
    /// It lies in the pool and was never handed out.
    Unassigned,
    /// It is an address of its own.
    ForItself,
}

impl Names {
    /// Names that have their addresses from the start, in this order; see [`Addresses::of`].
    #[must_use]
    pub fn reserving(hosts: &[HostName]) -> Self {
        let mut names = Self::default();
        for host in hosts {
            // A plan has fewer ways out than there is room for names.
            let _ = names.addresses(host);
        }
        names
    }

    /// The addresses of a name, the same ones each time; `None` when there are too many names.
    pub fn addresses(&mut self, name: &HostName) -> Option<Addresses> {
        let number = match self.numbers.get(name) {
            Some(number) => *number,
            None => {
                let number = u32::try_from(self.names.len()).ok().filter(|_| self.names.len() < MOST)?;
                self.numbers.insert(name.clone(), number);
                self.names.push(name.clone());
                number
            }
        };
        Some(Addresses::of(number))
    }

    /// What an address stands for.
    #[must_use]
    pub fn at(&self, address: IpAddr) -> Stands {
        if !is_synthetic(address) {
            return Stands::ForItself;
        }
        let offset = match address {
            IpAddr::V4(address) => u128::from(u32::from(address) - u32::from(pool_v4())),
            IpAddr::V6(address) => u128::from(address) - u128::from(pool_v6()),
        };
        let number = offset.checked_sub(u128::from(FIRST)).and_then(|number| usize::try_from(number).ok());
        match number.and_then(|number| self.names.get(number)) {
            Some(name) => Stands::For(name.clone()),
            None => Stands::Unassigned,
        }
    }
}

/// True for every address of the pools.
#[must_use]
pub fn is_synthetic(address: IpAddr) -> bool {
    let (base, prefix) = match address {
        IpAddr::V4(_) => (IpAddr::V4(pool_v4()), POOL_V4_PREFIX),
        IpAddr::V6(_) => (IpAddr::V6(pool_v6()), POOL_V6_PREFIX),
    };
    Cidr::new(base, prefix).is_ok_and(|pool| pool.contains(address))
}

/// The pool's first IPv4 address.
#[must_use]
pub fn pool_v4() -> Ipv4Addr {
    Ipv4Addr::from(u32::from(OWN_V4) & (u32::MAX << (32 - u32::from(POOL_V4_PREFIX))))
}

/// The pool's first IPv6 address.
#[must_use]
pub fn pool_v6() -> Ipv6Addr {
    Ipv6Addr::from(u128::from(OWN_V6) & (u128::MAX << (128 - u32::from(POOL_V6_PREFIX))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> HostName {
        HostName::new(text.as_bytes()).unwrap()
    }

    #[test]
    fn a_name_keeps_its_addresses_and_they_lead_back_to_it() {
        let mut names = Names::default();
        let (a, b) = (name("a.test"), name("b.test"));
        let first = names.addresses(&a).unwrap();
        assert_ne!(names.addresses(&b).unwrap(), first);
        assert_eq!(names.addresses(&a).unwrap(), first);
        assert_eq!(names.at(first.v4.into()), Stands::For(a.clone()));
        assert_eq!(names.at(first.v6.into()), Stands::For(a));
        assert_eq!(first.v4, Ipv4Addr::new(198, 18, 1, 0));
    }

    #[test]
    fn a_reserved_name_has_the_addresses_of_its_number() {
        let mut names = Names::reserving(&[name("a.test"), name("b.test")]);
        assert_eq!(names.at(Addresses::of(1).v6.into()), Stands::For(name("b.test")));
        assert_eq!(names.addresses(&name("c.test")), Some(Addresses::of(2)));
        assert_eq!(names.addresses(&name("a.test")), Some(Addresses::of(0)));
    }

    #[test]
    fn an_address_that_was_never_handed_out_stands_for_nothing() {
        let names = Names::default();
        for address in ["198.18.0.1", "198.18.1.0", "198.19.255.255", "fd6f:7061:7175:65::100"] {
            assert_eq!(names.at(address.parse().unwrap()), Stands::Unassigned, "{address}");
        }
        for address in ["198.17.255.255", "198.20.0.0", "127.0.0.1", "fd6f:7061:7175:66::1", "::1"] {
            assert_eq!(names.at(address.parse().unwrap()), Stands::ForItself, "{address}");
        }
    }

    #[test]
    fn the_number_of_names_is_bounded() {
        let mut names = Names::default();
        for number in 0..MOST {
            assert!(names.addresses(&name(&format!("n{number}.test"))).is_some());
        }
        assert!(names.addresses(&name("one-more.test")).is_none());
        assert!(names.addresses(&name("n0.test")).is_some());
    }
}
