//! Names become addresses at the moment of the connection, and only those that may be reached are connected to: a name that
//! leads elsewhere now than it did when it was registered changes nothing.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;

use async_trait::async_trait;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::Reachable;

/// All addresses of a name are ones that must not be connected to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("its name leads to an address of a private or reserved network")]
pub(super) struct NotReachable;

/// Who knows the addresses of names.
#[async_trait]
pub(super) trait Lookup: Send + Sync + 'static {
    async fn addresses(&self, name: &str) -> io::Result<Vec<IpAddr>>;
}

/// The machine's own resolver.
pub(super) struct SystemLookup;

#[async_trait]
impl Lookup for SystemLookup {
    async fn addresses(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        Ok(tokio::net::lookup_host((name, 0)).await?.map(|address| address.ip()).collect())
    }
}

/// A resolver that leaves out what must not be connected to.
pub(super) struct Guarded<L> {
    lookup: Arc<L>,
    reachable: Arc<Reachable>,
}

impl<L: Lookup> Guarded<L> {
    pub(super) fn new(lookup: L, reachable: Arc<Reachable>) -> Self {
        Self { lookup: Arc::new(lookup), reachable }
    }
}

impl<L: Lookup> Resolve for Guarded<L> {
    fn resolve(&self, name: Name) -> Resolving {
        let (lookup, reachable) = (Arc::clone(&self.lookup), Arc::clone(&self.reachable));
        Box::pin(async move {
            let mut addresses = lookup.addresses(name.as_str()).await?;
            let known = addresses.len();
            addresses.retain(|address| reachable.may_reach(*address));
            if addresses.is_empty() && known > 0 {
                return Err(NotReachable.into());
            }
            let addresses: Addrs = Box::new(addresses.into_iter().map(|address| (address, 0).into()));
            Ok(addresses)
        })
    }
}
