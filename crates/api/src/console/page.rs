use actix_web::HttpResponse;
use actix_web::http::header::ContentType;
use askama::Template;
use store::Scope;
use strum::VariantArray as _;

use super::said::Said;
use super::{Trouble, Visitor};
use crate::http::problem::{Kind, Problem};

/// What surrounds every page.
#[derive(Clone, Default)]
pub(super) struct Shell {
    /// The name of the page.
    pub(super) title: String,
    /// Who it is, as in the ledger; empty while nobody is signed in.
    pub(super) who: String,
    /// What every form of the page says.
    pub(super) form_mark: String,
    /// Where else one can go.
    pub(super) tabs: Vec<TabLink>,
    /// What has just been done.
    pub(super) said: Option<Said>,
    /// Whether the page keeps itself up to date.
    pub(super) live: bool,
}

/// A tab as a link.
#[derive(Clone)]
pub(super) struct TabLink {
    /// Its name.
    pub(super) label: &'static str,
    /// Its path.
    pub(super) path: &'static str,
    /// Whether it is this page's.
    pub(super) here: bool,
}

/// The parts of the console, in their order.
#[derive(Clone, Copy, PartialEq, Eq, strum::VariantArray)]
pub(super) enum Tab {
    Stuck,
    Payments,
    WebhooksIn,
    Reconciliations,
    Breaks,
    Exports,
    Health,
}

impl Tab {
    /// What one must be allowed to see it.
    pub(super) const fn scope(self) -> Scope {
        match self {
            Self::Payments => Scope::PaymentsRead,
            Self::Stuck | Self::WebhooksIn | Self::Health => Scope::OpsRead,
            Self::Reconciliations | Self::Breaks | Self::Exports => Scope::FinanceRead,
        }
    }

    /// Where it is.
    pub(super) const fn path(self) -> &'static str {
        match self {
            Self::Stuck => "/console/stuck",
            Self::Payments => "/console/payments",
            Self::WebhooksIn => "/console/webhooks-in",
            Self::Reconciliations => "/console/reconciliations",
            Self::Breaks => "/console/breaks",
            Self::Exports => "/console/exports",
            Self::Health => "/console/health",
        }
    }

    const fn label(self) -> &'static str {
        match self {
            Self::Stuck => "Stuck",
            Self::Payments => "Payments",
            Self::WebhooksIn => "Webhooks in",
            Self::Reconciliations => "Reconciliation",
            Self::Breaks => "Breaks",
            Self::Exports => "Exports",
            Self::Health => "Health",
        }
    }
}

impl Shell {
    /// Around a page for somebody.
    pub(super) fn of(visitor: &Visitor, title: String, here: Option<Tab>) -> Self {
        let caller = visitor.caller();
        let tabs = Tab::VARIANTS.iter().filter(|tab| caller.may(tab.scope()));
        let link = |tab: &Tab| TabLink { label: tab.label(), path: tab.path(), here: Some(*tab) == here };
        Self {
            title,
            who: caller.actor().name,
            form_mark: visitor.token().form_mark(),
            tabs: tabs.map(link).collect(),
            said: None,
            live: false,
        }
    }

    /// With what has just been done.
    pub(super) fn saying(self, said: Option<Said>) -> Self {
        Self { said, ..self }
    }

    /// Of a page that keeps itself up to date.
    pub(super) fn live(self) -> Self {
        Self { live: true, ..self }
    }
}

/// A page as the answer to a request.
pub(super) fn html(template: &impl Template) -> Result<HttpResponse, Trouble> {
    let text = template.render().map_err(|error| {
        tracing::error!(error = &error as &dyn std::error::Error, "a page could not be written");
        Problem::new(Kind::Internal, "the page could not be written")
    })?;
    Ok(HttpResponse::Ok().content_type(ContentType::html()).body(text))
}
