use std::fmt;

/// A deliberate mistake, made in what this crate puts around the service: each must turn some seed red, or the rule
/// that it breaks is not watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::VariantArray, strum::IntoStaticStr, strum::EnumString)]
#[strum(serialize_all = "kebab-case")]
pub enum PlantedBug {
    /// The database says that it committed, and sometimes did not.
    LosesCommits,
    /// What moved is not booked.
    BooksNothing,
    /// The database lets the last writer win: versions are not compared.
    LastWriterWins,
    /// A worker's lease is not compared.
    IgnoresEpochs,
    /// Which gateway ids belong to a payment is not written.
    ForgetsGatewayIds,
    /// An open whose outcome is unknown is taken for done.
    UnknownOpenIsDone,
    /// The next check of an open payment is not written.
    NoNextCheck,
    /// A webhook is acknowledged before it is stored.
    AcknowledgesFirst,
    /// Signatures are not looked at.
    SkipsSignatures,
    /// A webhook about a second gateway payment under our reference is taken for one about ours.
    BindsTwins,
    /// Look-ups leave `created.gte` out, and get the gateway's default of a day.
    NoCreatedFrom,
    /// The sweep leaves `created.gte` out, and gets the gateway's default of a day.
    NoCreatedFromInTheSweep,
    /// The sweep asks for an end of its window: an item that changes leaves it, and a neighbour moves into its place.
    UpdatedBeforeInTheSweep,
    /// The sweep's cursor is stored before its pass is complete.
    CursorBeforeTheEnd,
    /// A list that could not be read is taken for an empty one.
    FailureIsEmpty,
    /// A request whose answer was lost is taken for not sent.
    UnknownIsNotSent,
    /// The client repeats a POST whose answer was lost.
    ClientRepeats,
    /// A second request leaves without quarantine and without look-ups.
    NoQuarantine,
    /// A refund is opened, and the money that it takes is not reserved on its deposit.
    ReservesNothing,
    /// What moves money by itself is held for what waits for its customer.
    MovingIsInert,
    /// A request is kept for a second attempt, whatever is in it.
    KeepsEveryRequest,
    /// Whatever is ordered under a reference that is taken counts as the same order.
    AnyOrderIsTheSame,
}

impl PlantedBug {
    /// Every planted bug.
    pub const ALL: &'static [Self] = <Self as strum::VariantArray>::VARIANTS;
}

impl fmt::Display for PlantedBug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.into())
    }
}
