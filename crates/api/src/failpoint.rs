//! Points at which a test lets the process die, as if it had been killed there. Every step of a deed is a call of the
//! store or an exchange with the gateway, so the points stand before and after each of those, and nowhere else.
//!
//! Only with the feature `failpoints`, which no release has: `FAILPOINT=commit:after:2` ends the process behind its
//! second commit.

#[cfg(not(feature = "failpoints"))]
pub(crate) use absent::{around_bulk_actions, around_exports, around_gateway, around_named_requests, around_store};
#[cfg(feature = "failpoints")]
pub(crate) use present::{around_bulk_actions, around_exports, around_gateway, around_named_requests, around_store};

#[cfg(not(feature = "failpoints"))]
mod absent {
    use std::sync::Arc;

    use orchestrator::Gateway;
    use store::{BulkActions, Exports, NamedRequests, Store};

    /// The store itself.
    pub(crate) fn around_store(store: Arc<dyn Store>) -> Arc<dyn Store> {
        store
    }

    /// The exports themselves.
    pub(crate) fn around_exports(exports: Arc<dyn Exports>) -> Arc<dyn Exports> {
        exports
    }

    /// The bulk actions themselves.
    pub(crate) fn around_bulk_actions(actions: Arc<dyn BulkActions>) -> Arc<dyn BulkActions> {
        actions
    }

    /// The named requests themselves.
    pub(crate) fn around_named_requests(requests: Arc<dyn NamedRequests>) -> Arc<dyn NamedRequests> {
        requests
    }

    /// The gateway itself.
    pub(crate) fn around_gateway(gateway: Arc<dyn Gateway>) -> Arc<dyn Gateway> {
        gateway
    }
}

#[cfg(feature = "failpoints")]
mod present;
