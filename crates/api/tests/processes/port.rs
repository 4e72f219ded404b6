//! Addresses that stay free while the service that has them is dead.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::atomic::{AtomicU16, Ordering};

/// An address of its own for a service that is killed and started again at the same place. A port that the system
/// chooses could meanwhile become the near end of somebody's outgoing connection; these lie below the range of such
/// ports, and test programs that run at the same time look for them in different places.
pub(crate) fn own_address() -> SocketAddr {
    const FIRST: u16 = 10_000;
    const BLOCK: u16 = 2_000;
    const BLOCKS: u16 = 10;
    static TAKEN: AtomicU16 = AtomicU16::new(0);
    let block = u16::try_from(std::process::id() % u32::from(BLOCKS)).unwrap();
    loop {
        let taken = TAKEN.fetch_add(1, Ordering::Relaxed);
        assert!(taken < BLOCK, "no port is free");
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, FIRST + block * BLOCK + taken));
        if TcpListener::bind(address).is_ok() {
            return address;
        }
    }
}
