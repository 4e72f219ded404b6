use std::fmt;

use actix_web::http::StatusCode;
use actix_web::http::header::LOCATION;
use actix_web::{HttpResponse, ResponseError};
use url::form_urlencoded;

use crate::http::problem::Problem;

/// Why a page is not shown or a deed not done. `dress` makes a page of it, where the visitor is known.
#[derive(Debug)]
pub(super) enum Trouble {
    /// What the HTTP API would say.
    Problem(Problem),
    /// Nobody is signed in; afterwards this page is wanted.
    SignIn {
        /// Its path and query.
        next: String,
    },
    /// The form is not one that was made for this session.
    Forged,
}

impl<E: Into<Problem>> From<E> for Trouble {
    fn from(error: E) -> Self {
        Self::Problem(error.into())
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Problem(problem) => problem.fmt(f),
            Self::SignIn { .. } => f.write_str("nobody is signed in"),
            Self::Forged => f.write_str("the form was not made for this session"),
        }
    }
}

impl ResponseError for Trouble {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::Problem(problem) => problem.status_code(),
            Self::SignIn { .. } => StatusCode::SEE_OTHER,
            Self::Forged => StatusCode::FORBIDDEN,
        }
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status_code());
        if let Self::SignIn { next } = self {
            let query = form_urlencoded::Serializer::new(String::new()).append_pair("next", next).finish();
            response.insert_header((LOCATION, format!("/console/sign-in?{query}")));
        }
        response.finish()
    }
}
