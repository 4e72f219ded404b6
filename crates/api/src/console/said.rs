/// What has just been done, in the query of the page that is shown afterwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::EnumString, strum::IntoStaticStr)]
#[strum(serialize_all = "kebab-case")]
pub(super) enum Said {
    Checked,
    Given,
    Unknown,
    Refunded,
    Rerun,
    Dismissed,
    Restored,
    Noted,
    Assigned,
    Resolved,
    Ordered,
    Stopped,
}

impl Said {
    /// What other words there are, for whoever makes one up.
    pub(super) const OTHERWISE: &'static str = "must be a word that the console uses";

    /// In a sentence.
    pub(super) const fn sentence(self) -> &'static str {
        match self {
            Self::Checked => "The gateway was asked. Below stands what is known now.",
            Self::Given => "It is done.",
            Self::Unknown => "It was sent, and its outcome is not known yet. The gateway is asked until it is.",
            Self::Refunded => "The refund is ordered. This is its own page.",
            Self::Rerun => "The webhook was run again. Its verdict stands below.",
            Self::Dismissed => "The webhook is dismissed. It is listed as stuck no more.",
            Self::Restored => "The webhook is listed as stuck again.",
            Self::Noted => "It is in the ledger.",
            Self::Assigned => "The break has an owner.",
            Self::Resolved => "The break is resolved.",
            Self::Stopped => "It is stopped. What was done is done.",
            Self::Ordered => "It is ordered. This page shows how far it is.",
        }
    }

    /// Behind the path of a page.
    pub(super) fn at(self, path: &str) -> String {
        format!("{path}?said={}", <&str>::from(self))
    }
}
