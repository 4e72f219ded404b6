use domain::GatewayState;

/// One step that can be taken: by a process, the database, the gateway, or time. Processes, requests and gateway
/// payments are named by their places.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// A caller orders the payment.
    Orders(usize),
    /// A worker claims it, since it is due.
    Claims(usize),
    /// A notice about this gateway payment and state comes, or is taken up again.
    Hears(usize, usize, GatewayState),
    /// A process has the database execute what it has in hand.
    Commits(usize, Fate),
    /// The request leaves, if a connection comes about (`true`) and the lease is not too old.
    Sends(usize, bool),
    /// The gateway's answer reaches the sender.
    GetsItsAnswer(usize),
    /// No answer reaches the sender, and it waits no longer.
    LosesItsAnswer(usize),
    /// The gateway answers a look.
    Sees(usize),
    /// A look comes to nothing.
    LooksInVain(usize),
    /// A process is killed; another is started in its place.
    Dies(usize),
    /// A statement whose connection broke happens after all.
    HappensLate,
    /// A request is lost on its way.
    IsLost(usize),
    /// The gateway refuses a request.
    IsRefused(usize),
    /// The gateway makes a payment of a request, and lists it at once (`true`) or not yet.
    TakesEffect(usize, bool),
    /// A gateway payment appears in lists.
    IsListed(usize),
    /// A gateway payment gets another state.
    Turns(usize, GatewayState),
    /// A tick.
    TimePasses,
}

/// What becomes of a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It happens, and the process learns how.
    Told,
    /// It happens, and the answer is lost.
    Untold,
    /// It never happens, and the process cannot know.
    Never,
    /// It happens later, and the process cannot know.
    Late,
}
