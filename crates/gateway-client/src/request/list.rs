use std::fmt::Write as _;

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::invalid::{Check, InvalidRequest};
use super::{PAYMENTS, Request};
use crate::time;

/// Everything but the characters that RFC 3986 calls unreserved.
const VALUE: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// What a list is asked for (gateway contract, section 6.2). Newest first; filters combine with AND.
///
/// Without `created_gte` the gateway looks at the last 24 hours only, and nothing says that another
/// filter lifts that: whoever looks for a payment sends a `created_gte` older than it.
///
/// The gateway takes whole seconds. Lower bounds are cut and upper bounds raised to the next second,
/// so that a window never becomes narrower than it was asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListQuery {
    /// How many payments to skip, at most 1,000,000; the gateway's default is 0.
    pub offset: Option<u32>,
    /// How many to return, 1 to 1000; the gateway's default is 50.
    pub limit: Option<u16>,
    /// Created at this time or later.
    pub created_gte: Option<DateTime<Utc>>,
    /// Created before this time.
    pub created_lt: Option<DateTime<Utc>>,
    /// Updated at this time or later. The time of an update can be filtered by, but is not returned.
    pub updated_gte: Option<DateTime<Utc>>,
    /// Updated before this time.
    pub updated_lt: Option<DateTime<Utc>>,
    /// Carrying exactly this reference; several payments may.
    pub reference_id: Option<String>,
}

/// `GET /api/v1/payments` (gateway contract, section 6.2). Its answer is for
/// [`read_list`](crate::answer::read_list).
pub fn list_payments(query: &ListQuery) -> Result<Request, InvalidRequest> {
    let mut check = Check::default();
    check.number("offset", query.offset, 0, 1_000_000);
    check.number("limit", query.limit.map(u32::from), 1, 1000);
    check.result()?;
    Ok(Request::list(format!("{PAYMENTS}{}", query.encoded())))
}

impl ListQuery {
    /// The query with its `?`, or nothing if nothing is asked for. The order is fixed.
    fn encoded(&self) -> String {
        let parameters = [
            ("offset", self.offset.map(|offset| offset.to_string())),
            ("limit", self.limit.map(|limit| limit.to_string())),
            ("created.gte", self.created_gte.map(time::write)),
            ("created.lt", self.created_lt.map(before)),
            ("updated.gte", self.updated_gte.map(time::write)),
            ("updated.lt", self.updated_lt.map(before)),
            ("referenceId.eq", self.reference_id.clone()),
        ];
        let mut query = String::new();
        for (name, value) in parameters {
            let Some(value) = value else { continue };
            let separator = if query.is_empty() { '?' } else { '&' };
            let _infallible = write!(query, "{separator}{name}={}", utf8_percent_encode(&value, VALUE));
        }
        query
    }
}

fn before(end: DateTime<Utc>) -> String {
    let whole = end.trunc_subsecs(0);
    let raised = if whole < end { whole.checked_add_signed(TimeDelta::seconds(1)).unwrap_or(whole) } else { whole };
    time::write(raised)
}
