//! The callers' keys: how they are made, and how their owners change over to new ones.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::Time;
use store::{KeyRecord, KeyRotation, Keys, PreviousKey, StoreError};
use strum::{Display, EnumString, IntoStaticStr, VariantArray};
use zeroize::Zeroizing;

use crate::http::digest;

/// How long the one before is taken too, unless somebody says otherwise, and at most.
pub(crate) const GRACE: Duration = Duration::from_hours(24);
pub(crate) const GRACE_MAX: Duration = Duration::from_hours(7 * 24);

/// A key: 256 random bits, and a beginning by which a scanner recognises it where it should not be.
pub(crate) fn new_key() -> Zeroizing<String> {
    Zeroizing::new(format!("pk_{}", URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>())))
}

/// Which of two that are live stays beside a new one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Display, EnumString, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "lowercase")]
pub(crate) enum Stays {
    /// The one that came last: everybody has changed over to it.
    Current,
    /// The one before: nobody has changed over, or nobody knows the one that came last.
    Previous,
}

/// How a key is changed over.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rotation {
    /// How long the one that stays is taken.
    pub(crate) grace: Duration,
    /// Which one that is, where two are live.
    pub(crate) stays: Option<Stays>,
}

/// Why a key is not changed over.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RotationError {
    /// It opens nothing, and a new one would not either.
    #[error("the key is revoked or has expired; make a new one")]
    Ended,
    /// A third one would take the place of one that may be in use.
    #[error("two of this key are live until {0}; say which one stays beside the new one: current or previous")]
    TwoLive(Time),
    /// Somebody else was faster.
    #[error("somebody else has changed it meanwhile; look again")]
    Changed,
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Puts a new key in the place of one, which stays beside it for a while. All else stays as it was: its name in the ledger,
/// what it may do, and when it ends.
pub(crate) async fn rotate(
    keys: &dyn Keys,
    key: &KeyRecord,
    new: &str,
    rotation: Rotation,
    now: Time,
) -> Result<KeyRecord, RotationError> {
    if !key.opens(&key.digest, now) {
        return Err(RotationError::Ended);
    }
    let stays = match (key.previous(now), rotation.stays) {
        (Some(previous), None) => return Err(RotationError::TwoLive(previous.until)),
        (Some(previous), Some(Stays::Previous)) => &previous.digest,
        (Some(_), Some(Stays::Current)) | (None, _) => &key.digest,
    };
    let previous = PreviousKey { digest: stays.clone(), until: now.plus(rotation.grace) };
    let rotation = KeyRotation { id: key.id, seen: key.digest.clone(), digest: digest(new).to_vec(), previous };
    keys.rotate_key(&rotation).await?.ok_or(RotationError::Changed)
}
