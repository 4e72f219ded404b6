use domain::{GatewayState, Kind, PaymentState, Time};

/// The gateway: no idempotency, no hurry, and lists that lag.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(super) struct Gateway {
    /// Requests on their way to it, in the order in which they left.
    pub posts: Vec<Post>,
    /// What it made, in order.
    pub payments: Vec<Made>,
}

/// A request on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Post {
    pub attempt: usize,
    pub left_at: Time,
}

/// A gateway payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Made {
    pub state: GatewayState,
    /// The states that it had, as bits: each may be told by a notice, now or later.
    had: u8,
    /// Whether lists show it.
    pub listed: bool,
    pub created: Time,
    /// When the request for it left.
    pub left_at: Time,
}

impl Made {
    pub(super) fn new(kind: Kind, listed: bool, created: Time, left_at: Time) -> Self {
        let state = match kind {
            Kind::Inert => GatewayState::Checkout,
            Kind::Moving => GatewayState::Pending,
        };
        Self { state, had: bit(state), listed, created, left_at }
    }

    pub(super) fn had(&self, state: GatewayState) -> bool {
        self.had & bit(state) != 0
    }

    /// Whether it ever stood where our payment stands.
    pub(super) fn was(&self, state: PaymentState) -> bool {
        <GatewayState as strum::VariantArray>::VARIANTS
            .iter()
            .any(|had| self.had(*had) && PaymentState::from(*had) == state)
    }

    pub(super) fn turn(&mut self, state: GatewayState) {
        self.state = state;
        self.had |= bit(state);
    }

    /// What may come next. A customer acts only on a page that was shown; everything else ends by its time.
    pub(super) fn next_states(&self, shown: bool, may_be_corrected: bool) -> &'static [GatewayState] {
        match self.state {
            GatewayState::Checkout if shown => &[GatewayState::Pending, GatewayState::Cancelled],
            GatewayState::Checkout => &[GatewayState::Cancelled],
            GatewayState::Pending => &[GatewayState::Completed, GatewayState::Declined],
            GatewayState::Declined | GatewayState::Cancelled if shown && may_be_corrected => &[GatewayState::Completed],
            GatewayState::AwaitingApproval
            | GatewayState::Authorized
            | GatewayState::Completed
            | GatewayState::Declined
            | GatewayState::Cancelled => &[],
        }
    }
}

fn bit(state: GatewayState) -> u8 {
    1 << state as u8
}
