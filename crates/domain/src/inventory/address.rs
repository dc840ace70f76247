//! Addresses that tokens and people may be sent to, and those that nobody is.
//!
//! One rule does most of the work: an address is taken only as it will be used. Whatever is read
//! as something else than what stands there (`http://2130706433`, `https://API.example`,
//! `https://a.example\@b.example`, a Cyrillic letter) is refused with what it is read as.
//!
//! Classes of addresses: RFC 6890 and its registries; of the metadata services, the vendors' own
//! documents.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use url::{Host, Url};

/// The longest address that is taken, in bytes.
const BYTES_MAX: usize = 2_048;

/// The longest name of a host and the longest part of one (RFC 1035).
const NAME_BYTES_MAX: usize = 253;
const LABEL_BYTES_MAX: usize = 63;

/// Names under which clouds tell whatever runs in them its own credentials.
const METADATA_NAMES: [&str; 4] =
    ["metadata.google.internal", "metadata.goog", "metadata", "instance-data.ec2.internal"];

/// The same services by number: Amazon's over IPv6, Alibaba's, Oracle's, Azure's.
const METADATA_V4: [Ipv4Addr; 3] = [
    Ipv4Addr::new(100, 100, 100, 200),
    Ipv4Addr::new(192, 0, 0, 192),
    Ipv4Addr::new(168, 63, 129, 16),
];
const METADATA_V6: [Ipv6Addr; 2] = [
    Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254),
    Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254),
];

/// What an address in an inventory is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AddressUse {
    /// A vendor's: tokens go there. Neither query nor fragment.
    Connection,
    /// A look at the world. No fragment.
    Probe,
    /// A page that people are sent to.
    Dashboard,
    /// A proxy: whatever network it is in, plain http too.
    Proxy,
}

/// Why an address is not taken.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum AddressError {
    /// It cannot be read at all.
    #[error("it is no address: {0}")]
    Unreadable(String),
    /// White space, a control character, a backslash or something outside ASCII.
    #[error("it holds {0:?}; an address has visible ASCII characters only, and no backslash")]
    Character(char),
    /// Neither https nor what else may be.
    #[error("it is not https; plain http is for addresses of this machine only")]
    Scheme,
    /// A user or a password.
    #[error("it holds a login; name that where logins are named")]
    Login,
    /// A query or a fragment where there may be none.
    #[error("it has a query or a fragment, which would go nowhere")]
    Extra,
    /// A host that is no name, or one that no name may be.
    #[error("its host {0}")]
    Host(&'static str),
    /// It is read as something else.
    #[error("it is read as `{0}`; write that, if it is meant")]
    Otherwise(String),
}

/// Reads an address as it stands in an inventory.
///
/// # Errors
/// It is not what tokens or people may be sent to.
pub fn address(text: &str, purpose: AddressUse) -> Result<Url, AddressError> {
    let odd = |c: &char| !c.is_ascii_graphic() || *c == '\\';
    if let Some(c) = text.chars().find(odd) {
        return Err(AddressError::Character(c));
    }
    if text.len() > BYTES_MAX {
        return Err(AddressError::Unreadable(format!("more than {BYTES_MAX} bytes")));
    }
    let url = Url::parse(text).map_err(|error| AddressError::Unreadable(error.to_string()))?;
    if !matches!(url.scheme(), "https" | "http") {
        return Err(AddressError::Scheme);
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(AddressError::Login);
    }
    host(&url)?;
    if url.port() == Some(0) {
        return Err(AddressError::Host("has the port 0, which none is"));
    }
    if url.scheme() == "http" && purpose != AddressUse::Proxy && !is_on_this_machine(&url) {
        return Err(AddressError::Scheme);
    }
    let (query, fragment) = (url.query().is_some(), url.fragment().is_some());
    let extra = match purpose {
        AddressUse::Connection | AddressUse::Proxy => query || fragment,
        AddressUse::Probe => fragment,
        AddressUse::Dashboard => false,
    };
    if extra {
        return Err(AddressError::Extra);
    }
    // A slash more or less at the end is the same address.
    let trimmed = |text: &str| text.trim_end_matches('/').to_owned();
    let read = trimmed(url.as_str());
    if read != trimmed(text) {
        return Err(AddressError::Otherwise(read));
    }
    Ok(url)
}

/// A literal that may be named, or a name that may be asked for.
fn host(url: &Url) -> Result<(), AddressError> {
    let name = match url.host() {
        Some(Host::Ipv4(ip)) => return literal(IpAddr::V4(ip)),
        Some(Host::Ipv6(ip)) => return literal(IpAddr::V6(ip)),
        Some(Host::Domain(name)) => name,
        None => return Err(AddressError::Host("is missing")),
    };
    if name.ends_with('.') {
        return Err(AddressError::Host("ends in a dot; write it without"));
    }
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let label = |label: &str| {
        (1..=LABEL_BYTES_MAX).contains(&label.len())
            && label.bytes().all(plain)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    if name.len() > NAME_BYTES_MAX || !name.split('.').all(label) {
        return Err(AddressError::Host("is no name of a host"));
    }
    if METADATA_NAMES.contains(&name) {
        return Err(AddressError::Host("is a cloud's metadata service"));
    }
    Ok(())
}

fn literal(ip: IpAddr) -> Result<(), AddressError> {
    match Network::of(ip) {
        Network::Refused(what) => Err(AddressError::Host(what)),
        Network::Public | Network::Private | Network::Loopback => Ok(()),
    }
}

/// Whether an address is on this machine: by number, or by the one name that always is.
#[must_use]
pub fn is_on_this_machine(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

/// Which network an address of a host belongs to, as far as its number tells.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Network {
    /// The internet.
    Public,
    /// A private network: RFC 1918, RFC 6598, RFC 4193.
    Private,
    /// This machine.
    Loopback,
    /// Nothing that is ever connected to, with what it is.
    Refused(&'static str),
}

impl Network {
    /// The network of this address. What carries another address in it (IPv4 in IPv6, NAT64,
    /// 6to4) is of the network of that one.
    #[must_use]
    pub fn of(ip: IpAddr) -> Self {
        match ip {
            IpAddr::V4(ip) => Self::of_v4(ip),
            IpAddr::V6(ip) => Self::of_v6(ip),
        }
    }

    fn of_v4(ip: Ipv4Addr) -> Self {
        if METADATA_V4.contains(&ip) {
            return Self::Refused("is a cloud's metadata service");
        }
        match ip.octets() {
            [127, ..] => Self::Loopback,
            [10, ..] | [172, 16..=31, ..] | [192, 168, ..] | [100, 64..=127, ..] => Self::Private,
            [169, 254, ..] => Self::Refused("is link-local, as metadata services are"),
            [0, ..] => Self::Refused("is `this network`, not a host"),
            [192, 0, 0, _] | [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] => {
                Self::Refused("is kept for protocols and documents")
            }
            [192, 88, 99, _] => Self::Refused("is a relay that is no more"),
            [198, 18..=19, ..] => Self::Refused("is kept for measurements"),
            [224..=255, ..] => Self::Refused("is no single host"),
            _ => Self::Public,
        }
    }

    fn of_v6(ip: Ipv6Addr) -> Self {
        if METADATA_V6.contains(&ip) {
            return Self::Refused("is a cloud's metadata service");
        }
        let inner = |high: u16, low: u16| {
            let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
            Self::of_v4(Ipv4Addr::new(a, b, c, d))
        };
        match ip.segments() {
            [0, 0, 0, 0, 0, 0, 0, 0] => Self::Refused("is `any address`, not a host"),
            [0, 0, 0, 0, 0, 0, 0, 1] => Self::Loopback,
            [0, 0, 0, 0, 0, 0, ..] => Self::Refused("is a form that is no more"),
            [0, 0, 0, 0, 0, 0xffff, high, low] => inner(high, low),
            [0, 0, 0, 0, 0xffff, 0, ..] => Self::Refused("is a translator's"),
            [0x64, 0xff9b, 0, 0, 0, 0, high, low] => inner(high, low),
            [0x64, 0xff9b, ..] => Self::Refused("is a translator's"),
            [0x100, ..] => Self::Refused("is thrown away"),
            [0x2002, high, low, ..] => inner(high, low),
            [0x2001, 0, ..] => Self::Refused("is a tunnel's"),
            [0x2001, 0x1..=0x1ff, ..] | [0x2001, 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => {
                Self::Refused("is kept for protocols and documents")
            }
            [0xfc00..=0xfdff, ..] => Self::Private,
            [0xfe80..=0xfebf, ..] => Self::Refused("is link-local, as metadata services are"),
            [0xfec0..=0xfeff, ..] => Self::Refused("is a form that is no more"),
            [0xff00..=0xffff, ..] => Self::Refused("is no single host"),
            [0x2000..=0x3fff, ..] => Self::Public,
            _ => Self::Refused("is not in use"),
        }
    }
}

/// What it is, as `stands for 10.0.0.1, which ...` goes on.
impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Public => "is on the internet",
            Self::Private => "is in a private network",
            Self::Loopback => "is this machine",
            Self::Refused(what) => what,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_network_by_its_first_and_last_address() {
        let of = |text: &str| Network::of(text.parse().unwrap());
        for ip in ["1.1.1.1", "8.8.8.8", "172.15.255.255", "172.32.0.0", "2606:4700::1111"] {
            assert_eq!(of(ip), Network::Public, "{ip}");
        }
        for ip in ["10.0.0.0", "10.255.255.255", "172.16.0.0", "172.31.255.255", "192.168.0.1"] {
            assert_eq!(of(ip), Network::Private, "{ip}");
        }
        for ip in ["100.64.0.0", "100.127.255.255", "fc00::", "fdff:ffff::1", "::ffff:10.0.0.1"] {
            assert_eq!(of(ip), Network::Private, "{ip}");
        }
        for ip in ["127.0.0.1", "127.255.255.255", "::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1"] {
            assert_eq!(of(ip), Network::Loopback, "{ip}");
        }
        for ip in [
            "169.254.0.0",
            "169.254.169.254",
            "169.254.255.255",
            "100.100.100.200",
            "192.0.0.192",
            "168.63.129.16",
            "0.0.0.0",
            "0.255.255.255",
            "192.0.2.1",
            "198.18.0.1",
            "198.19.255.255",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::127.0.0.1",
            "::ffff:169.254.169.254",
            "::ffff:0:7f00:1",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b:1::1",
            "2002:a9fe:a9fe::1",
            "2001::1",
            "2001:db8::1",
            "fe80::1",
            "febf::1",
            "fec0::1",
            "ff02::1",
            "fd00:ec2::254",
            "fd20:ce::254",
            "4000::1",
        ] {
            assert!(matches!(of(ip), Network::Refused(_)), "{ip} is {:?}", of(ip));
        }
    }
}
