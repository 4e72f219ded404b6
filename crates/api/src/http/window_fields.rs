use std::time::Duration;

use domain::Time;

use super::form::Form;
use super::problem::FieldError;
use crate::window::Window;

/// The fields `from`, `to` and `zone` of a body.
pub(crate) struct WindowFields {
    /// Where it begins, as it was given.
    pub(crate) from: Option<String>,
    /// Where it ends, likewise.
    pub(crate) to: Option<String>,
    /// The zone of its days, likewise.
    pub(crate) zone: Option<String>,
}

impl WindowFields {
    /// Takes them out of a form.
    pub(super) fn take(form: &mut Form<'_>, errors: &mut Vec<FieldError>) -> Self {
        let from: Option<String> = form.value("from", "must be a string", errors);
        let to: Option<String> = form.value("to", "must be a string", errors);
        let zone: Option<String> = form.value("zone", "must be a string", errors);
        Self { from: form.require("from", from, errors), to: form.require("to", to, errors), zone }
    }

    /// The window that they name, if it makes sense.
    pub(super) fn read(&self, now: Time, longest: Duration, errors: &mut Vec<FieldError>) -> Option<[Time; 2]> {
        let (from, to) = (self.from.as_deref()?, self.to.as_deref()?);
        let read = Window { from, to, zone: self.zone.as_deref() }.read(now, longest);
        let of_field = |(field, detail)| FieldError { pointer: format!("/{field}"), detail };
        read.map_err(|wrong| errors.extend(wrong.into_iter().map(of_field))).ok()
    }
}
