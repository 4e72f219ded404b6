//! Where a request comes from, for keys that may be used from some networks only.

use std::net::{IpAddr, SocketAddr};

use actix_web::HttpRequest;
use actix_web::http::header::HeaderName;
use ipnet::IpNet;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Whoever is at the other end of the connection. If that is one of our own proxies, whoever it says: each of them adds to the
/// right of `X-Forwarded-For` whom it heard from, so the first one from there that is none of ours is who called. What
/// stands to the left of it anybody may have written. None if one of ours has written what is no address.
pub(crate) fn address_of(request: &HttpRequest, proxies: &[IpNet]) -> Option<IpAddr> {
    let is_ours = |address: IpAddr| proxies.iter().any(|network| network.contains(&address));
    let mut address = request.peer_addr()?.ip().to_canonical();
    let said: Vec<&str> =
        request.headers().get_all(FORWARDED_FOR).flat_map(|value| value.to_str().unwrap_or("?").split(',')).collect();
    for hop in said.into_iter().rev() {
        if !is_ours(address) {
            break;
        }
        address = read(hop.trim())?.to_canonical();
    }
    Some(address)
}

/// An address; some proxies add the port.
fn read(hop: &str) -> Option<IpAddr> {
    hop.parse().ok().or_else(|| hop.parse::<SocketAddr>().ok().map(|address| address.ip()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn only_our_own_proxies_are_believed_and_only_the_nearest_stranger() {
        let ours: Vec<IpNet> = ["10.0.0.0/8", "fd00::/8"].map(|network| network.parse().unwrap()).into();
        for (peer, said, address) in [
            ("192.0.2.7:1", &["10.1.1.1"][..], Some("192.0.2.7")),
            ("[::ffff:192.0.2.7]:1", &[], Some("192.0.2.7")),
            ("10.0.0.1:1", &[], Some("10.0.0.1")),
            ("10.0.0.1:1", &["203.0.113.9"], Some("203.0.113.9")),
            ("10.0.0.1:1", &["10.1.1.1, 203.0.113.9 ,10.0.0.2"], Some("203.0.113.9")),
            ("10.0.0.1:1", &["10.1.1.1", "203.0.113.9", "fd00::2"], Some("203.0.113.9")),
            ("10.0.0.1:1", &["10.1.1.1,10.0.0.2"], Some("10.1.1.1")),
            ("10.0.0.1:1", &["nonsense, 203.0.113.9"], Some("203.0.113.9")),
            ("10.0.0.1:1", &["203.0.113.9:5123"], Some("203.0.113.9")),
            ("[fd00::1]:1", &["[2001:db8::1]:5123"], Some("2001:db8::1")),
            ("10.0.0.1:1", &["::ffff:10.0.0.2, ::ffff:10.0.0.3"], Some("10.0.0.2")),
            ("10.0.0.1:1", &["203.0.113.9, nonsense"], None),
            ("10.0.0.1:1", &["203.0.113.9,"], None),
        ] {
            let request = TestRequest::default().peer_addr(peer.parse().unwrap());
            let request = said.iter().fold(request, |request, said| request.append_header((FORWARDED_FOR, *said)));
            let found = address_of(&request.to_http_request(), &ours);
            assert_eq!(found, address.map(|address| address.parse().unwrap()), "{peer} {said:?}");
        }
    }
}
