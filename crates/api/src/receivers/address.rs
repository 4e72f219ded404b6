use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use url::{Host, Url};

/// Networks that are not the public Internet: the IANA registries of special-purpose addresses (RFC 6890 and its updates),
/// multicast, and what is reserved. Whoever can register an address must not reach the inside of our network through us.
const PRIVATE_V4: [&str; 16] = [
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.31.196.0/24",
    "192.52.193.0/24",
    "192.88.99.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/3",
];

/// Of IPv6 only `2000::/3` is public at all; these are parts of it that are not, or that lead to an IPv4 address of the
/// sender's choice (Teredo, 6to4).
const PRIVATE_V6: [&str; 4] = ["2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"];

/// The well-known prefix behind which an IPv4 address stands (NAT64, RFC 6052).
const NAT64: &str = "64:ff9b::/96";

/// Where messages may be sent.
#[derive(Debug, Clone)]
pub struct Reachable {
    allowed: Vec<IpNet>,
    allow_http: bool,
    private_v4: Vec<Ipv4Net>,
    private_v6: Vec<Ipv6Net>,
    nat64: Option<Ipv6Net>,
}

/// Why nothing is sent to an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidReceiverUrl {
    /// It cannot be read.
    #[error("must be a URL such as https://shop.example/events, of at most 500 characters")]
    Unreadable,
    /// It is not encrypted.
    #[error("must begin with https://")]
    Plain,
    /// It holds a name and a password, which would be sent along and shown.
    #[error("must hold no user name, password or fragment")]
    Credentials,
    /// It leads inside.
    #[error("must not be an address of a private or reserved network")]
    Private,
}

impl Reachable {
    /// The public Internet, and these networks.
    pub fn new(allowed: Vec<IpNet>, allow_http: bool) -> Self {
        Self {
            allowed,
            allow_http,
            // A test proves that all of them can be read.
            private_v4: PRIVATE_V4.iter().filter_map(|network| network.parse().ok()).collect(),
            private_v6: PRIVATE_V6.iter().filter_map(|network| network.parse().ok()).collect(),
            nat64: NAT64.parse().ok(),
        }
    }

    /// Reads the URL of a receiver. One whose host is a name is looked at again when the name is resolved.
    pub fn check(&self, text: &str) -> Result<Url, InvalidReceiverUrl> {
        let url = Url::parse(text).ok().filter(|_| text.len() <= 500).ok_or(InvalidReceiverUrl::Unreadable)?;
        match url.scheme() {
            "https" => {}
            "http" if self.allow_http => {}
            "http" => return Err(InvalidReceiverUrl::Plain),
            _ => return Err(InvalidReceiverUrl::Unreadable),
        }
        if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
            return Err(InvalidReceiverUrl::Credentials);
        }
        let address = match url.host().ok_or(InvalidReceiverUrl::Unreadable)? {
            Host::Domain(_) => return Ok(url),
            Host::Ipv4(address) => IpAddr::V4(address),
            Host::Ipv6(address) => IpAddr::V6(address),
        };
        if self.may_reach(address) { Ok(url) } else { Err(InvalidReceiverUrl::Private) }
    }

    /// Whether a connection to this address may be made.
    pub fn may_reach(&self, address: IpAddr) -> bool {
        if self.allowed.iter().any(|network| network.contains(&address)) {
            return true;
        }
        match address {
            IpAddr::V4(address) => self.is_public_v4(address),
            IpAddr::V6(address) => match self.embedded(address) {
                // It is the IPv4 address that is connected to in the end.
                Some(inner) => self.may_reach(IpAddr::V4(inner)),
                None => self.is_public_v6(address),
            },
        }
    }

    fn is_public_v4(&self, address: Ipv4Addr) -> bool {
        !self.private_v4.iter().any(|network| network.contains(&address))
    }

    fn is_public_v6(&self, address: Ipv6Addr) -> bool {
        let is_global_unicast = address.segments()[0] >> 13 == 1;
        is_global_unicast && !self.private_v6.iter().any(|network| network.contains(&address))
    }

    /// The IPv4 address inside of an IPv6 one: mapped, or behind a translator.
    fn embedded(&self, address: Ipv6Addr) -> Option<Ipv4Addr> {
        let translated = || {
            let [.., a, b, c, d] = address.octets();
            self.nat64.filter(|network| network.contains(&address)).map(|_| Ipv4Addr::new(a, b, c, d))
        };
        address.to_ipv4_mapped().or_else(translated)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_is_not_the_public_internet_may_be_reached() {
        let reachable = Reachable::new(Vec::new(), false);
        assert_eq!((reachable.private_v4.len(), reachable.private_v6.len()), (PRIVATE_V4.len(), PRIVATE_V6.len()));
        assert!(reachable.nat64.is_some());
        for inside in [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "127.0.0.1",
            "127.255.0.9",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.8",
            "192.168.1.1",
            "198.18.0.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::127.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b::a00:1",
            "64:ff9b:1::7f00:1",
            "fe80::1",
            "fc00::1",
            "fd00:ec2::254",
            "ff02::1",
            "2001:db8::1",
            "2001::1",
            "2002:7f00:1::",
            "100::1",
            "5f00::1",
        ] {
            assert!(!reachable.may_reach(inside.parse().unwrap()), "{inside}");
        }
        for outside in ["1.1.1.1", "172.32.0.1", "192.0.1.1", "2606:4700::1111", "64:ff9b::101:101", "::ffff:1.1.1.1"] {
            assert!(reachable.may_reach(outside.parse().unwrap()), "{outside}");
        }
        let with_office = Reachable::new(vec!["10.1.0.0/16".parse().unwrap()], false);
        assert!(with_office.may_reach("10.1.9.9".parse().unwrap()));
        assert!(with_office.may_reach("::ffff:10.1.9.9".parse().unwrap()));
        assert!(!with_office.may_reach("10.2.0.1".parse().unwrap()));
    }

    #[test]
    fn a_url_is_refused_for_what_is_wrong_with_it() {
        use InvalidReceiverUrl::{Credentials, Plain, Private, Unreadable};
        let reachable = Reachable::new(Vec::new(), false);
        for (url, wrong) in [
            ("", Unreadable),
            ("shop.example/events", Unreadable),
            ("ftp://shop.example/", Unreadable),
            ("https://", Unreadable),
            ("http://shop.example/", Plain),
            ("https://user:secret@shop.example/", Credentials),
            ("https://shop.example/#here", Credentials),
            ("https://127.0.0.1/", Private),
            ("https://2130706433/", Private),
            ("https://0x7f.1/", Private),
            ("https://017700000001/", Private),
            ("https://[::1]/", Private),
            ("https://[::ffff:169.254.169.254]/latest", Private),
            ("https://[64:ff9b::7f00:1]/", Private),
        ] {
            assert_eq!(reachable.check(url).unwrap_err(), wrong, "{url}");
        }
        assert_eq!(reachable.check(&format!("https://shop.example/{}", "x".repeat(500))).unwrap_err(), Unreadable);
        assert!(reachable.check("https://shop.example:8443/events?for=us").is_ok());
        assert!(Reachable::new(Vec::new(), true).check("http://shop.example/").is_ok());
    }
}
