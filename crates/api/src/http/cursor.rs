use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::Datelike as _;
use domain::Time;
use uuid::Uuid;

/// A place in a list, opaque to callers: eight bytes of time and sixteen of id.
pub(super) struct Cursor {
    pub(super) at: Time,
    pub(super) id: Uuid,
}

impl Cursor {
    /// Cuts what was asked for beyond the page, and answers with the place behind it, if there is more.
    pub(super) fn behind<T>(page: &mut Vec<T>, limit: u32, place: impl FnOnce(&T) -> Cursor) -> Option<String> {
        let more = page.len() > limit as usize;
        page.truncate(limit as usize);
        page.last().filter(|_| more).map(|last| place(last).to_string())
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = self.at.unix_micros().to_be_bytes().to_vec();
        bytes.extend_from_slice(self.id.as_bytes());
        f.write_str(&URL_SAFE_NO_PAD.encode(bytes))
    }
}

impl FromStr for Cursor {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| ())?;
        let (micros, id) = bytes.split_first_chunk::<8>().ok_or(())?;
        let at = Time::from_unix_micros(i64::from_be_bytes(*micros)).ok_or(())?;
        // Nothing was made before 1970 or after 9999, and a database takes only so many years.
        if !(1970..=9999).contains(&at.utc().year()) {
            return Err(());
        }
        Ok(Self { at, id: Uuid::from_slice(id).map_err(|_| ())? })
    }
}
