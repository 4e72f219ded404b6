//! The query of GET payments (gateway contract, section 6.2).

use chrono::{DateTime, Utc};
use url::form_urlencoded;

use crate::contract::stamp::read_plain;
use crate::field::FieldError;

/// Which payments a list is asked for.
#[derive(Debug)]
pub(crate) struct ListQuery {
    pub(crate) offset: usize,
    pub(crate) limit: usize,
    pub(crate) created_gte: Option<DateTime<Utc>>,
    pub(crate) created_lt: Option<DateTime<Utc>>,
    pub(crate) updated_gte: Option<DateTime<Utc>>,
    pub(crate) updated_lt: Option<DateTime<Utc>>,
    pub(crate) reference_id: Option<String>,
}

impl ListQuery {
    /// Reads a query string; names that the contract does not know are passed over.
    pub(crate) fn read(query: &str) -> Result<Self, Vec<FieldError>> {
        let mut errors = Vec::new();
        let mut read = Self {
            offset: 0,
            limit: 50,
            created_gte: None,
            created_lt: None,
            updated_gte: None,
            updated_lt: None,
            reference_id: None,
        };
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let complaint = match name.as_ref() {
                "offset" => set(&mut read.offset, whole("offset", &value, 0, 1_000_000)),
                "limit" => set(&mut read.limit, whole("limit", &value, 1, 1_000)),
                "created.gte" => set(&mut read.created_gte, moment("created.gte", &value)),
                "created.lt" => set(&mut read.created_lt, moment("created.lt", &value)),
                "updated.gte" => set(&mut read.updated_gte, moment("updated.gte", &value)),
                "updated.lt" => set(&mut read.updated_lt, moment("updated.lt", &value)),
                "referenceId.eq" => set(&mut read.reference_id, Ok(Some(value.into_owned()))),
                _ => None,
            };
            errors.extend(complaint);
        }
        if errors.is_empty() { Ok(read) } else { Err(errors) }
    }
}

fn set<T>(slot: &mut T, value: Result<T, FieldError>) -> Option<FieldError> {
    match value {
        Ok(value) => {
            *slot = value;
            None
        }
        Err(error) => Some(error),
    }
}

fn whole(name: &str, text: &str, min: usize, max: usize) -> Result<usize, FieldError> {
    let number: usize = text.parse().map_err(|_| FieldError::mismatch_in_query(name, "int", text))?;
    if number < min {
        return Err(FieldError::new("Min", name.to_owned(), format!("must be greater than or equal to {min}")));
    }
    if max < number {
        return Err(FieldError::new("Max", name.to_owned(), format!("must be less than or equal to {max}")));
    }
    Ok(number)
}

fn moment(name: &str, text: &str) -> Result<Option<DateTime<Utc>>, FieldError> {
    read_plain(text).map(Some).ok_or_else(|| FieldError::mismatch_in_query(name, "java.time.LocalDateTime", text))
}
