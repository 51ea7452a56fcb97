//! A block of addresses, as in `10.1.2.0/24` or `2001:db8::/32`. Never a host name.

use std::fmt;
use std::net::IpAddr;

use serde::{Serialize, Serializer};

/// A block of addresses; a single address is one with its whole length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cidr {
    // INVARIANT: the bits beyond the prefix are zero, and an address that only wraps an IPv4 one is that one.
    address: IpAddr,
    prefix: u8,
}

/// Why a text is not a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CidrError {
    /// Not an address.
    #[error("it is not an address")]
    Address,
    /// The length is not a number up to the address's own.
    #[error("the prefix length is not one of this family")]
    Prefix,
    /// Bits are set that the length leaves out.
    #[error("it has bits set beyond its prefix length")]
    HostBits,
    /// An IPv4 address in the clothes of IPv6.
    #[error("write the IPv4 address itself")]
    Mapped,
}

impl Cidr {
    /// A block.
    ///
    /// # Errors
    /// When the length does not fit or bits beyond it are set.
    pub fn new(address: IpAddr, prefix: u8) -> Result<Self, CidrError> {
        if prefix > length(address) {
            return Err(CidrError::Prefix);
        }
        if matches!(address, IpAddr::V6(address) if address.to_ipv4_mapped().is_some()) {
            return Err(CidrError::Mapped);
        }
        let block = Self { address, prefix };
        if bits(address) & !block.mask() != 0 { Err(CidrError::HostBits) } else { Ok(block) }
    }

    /// Reads `ADDRESS` or `ADDRESS/LENGTH`.
    ///
    /// # Errors
    /// When it is no block.
    pub fn parse(text: &str) -> Result<Self, CidrError> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| CidrError::Address)?;
        let prefix = match prefix {
            Some(digits) if digits.len() <= 3 && digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                digits.parse().map_err(|_| CidrError::Prefix)?
            }
            Some(_) => return Err(CidrError::Prefix),
            None => length(address),
        };
        Self::new(address, prefix)
    }

    /// The block that holds one address alone.
    #[must_use]
    pub fn of(address: IpAddr) -> Self {
        let address = plain(address);
        Self { address, prefix: length(address) }
    }

    /// Its first address.
    #[must_use]
    pub fn address(&self) -> IpAddr {
        self.address
    }

    /// Its prefix length in bits.
    #[must_use]
    pub fn prefix(&self) -> u8 {
        self.prefix
    }

    /// True when the address lies in it. An IPv4 address in the clothes of IPv6 is that IPv4 address.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = plain(address);
        address.is_ipv4() == self.address.is_ipv4() && bits(address) & self.mask() == bits(self.address)
    }

    /// True when every address of the other block lies in it.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        self.prefix <= other.prefix && self.contains(other.address)
    }

    fn mask(&self) -> u128 {
        let zeros = u32::from(length(self.address) - self.prefix);
        u128::MAX.checked_shl(zeros).unwrap_or(0)
    }
}

/// An address without the clothes of another family.
#[must_use]
pub fn plain(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(long) => long.to_ipv4_mapped().map_or(address, IpAddr::V4),
    }
}

fn length(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(u32::from(address)),
        IpAddr::V6(address) => u128::from(address),
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.prefix == length(self.address) {
            write!(f, "{}", self.address)
        } else {
            write!(f, "{}/{}", self.address, self.prefix)
        }
    }
}

impl Serialize for Cidr {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_holds_what_shares_its_prefix_and_nothing_else() {
        let block = Cidr::parse("10.1.2.0/23").unwrap();
        for (address, held) in [
            ("10.1.2.0", true),
            ("10.1.3.255", true),
            ("10.1.4.0", false),
            ("10.1.1.255", false),
            ("::ffff:10.1.2.3", true),
            ("::a01:203", false),
        ] {
            assert_eq!(block.contains(address.parse().unwrap()), held, "{address}");
        }
        let all = Cidr::parse("::/0").unwrap();
        assert!(all.contains("2001:db8::1".parse().unwrap()));
        assert!(!all.contains("10.0.0.1".parse().unwrap()));
        assert!(Cidr::parse("10.0.0.0/8").unwrap().covers(&block));
        assert!(!block.covers(&Cidr::parse("10.0.0.0/8").unwrap()));
    }

    #[test]
    fn a_sloppy_block_is_refused() {
        for (text, error) in [
            ("10.1.2.3/24", CidrError::HostBits),
            ("10.0.0.0/33", CidrError::Prefix),
            ("10.0.0.0/+8", CidrError::Prefix),
            ("10.0.0.0/", CidrError::Prefix),
            ("::/129", CidrError::Prefix),
            ("010.0.0.1", CidrError::Address),
            ("10.0.0", CidrError::Address),
            ("::ffff:10.0.0.1", CidrError::Mapped),
        ] {
            assert_eq!(Cidr::parse(text), Err(error), "{text}");
        }
    }
}
