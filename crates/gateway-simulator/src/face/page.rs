//! The checkout's pages.

use std::fmt::{self, Display, Formatter, Write};

use url::Url;

use crate::contract::card::{CardOutcome, SANDBOX_CARDS};
use crate::engine::DeedRefused;
use crate::payment::Payment;

/// A text as HTML shows it: no tag and no attribute can be opened or closed by it.
struct Shown<'a>(&'a str);

impl Display for Shown<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|c| match c {
            '&' => f.write_str("&amp;"),
            '<' => f.write_str("&lt;"),
            '>' => f.write_str("&gt;"),
            '"' => f.write_str("&quot;"),
            '\'' => f.write_str("&#39;"),
            c => f.write_char(c),
        })
    }
}

struct Money<'a>(&'a Payment);

impl Display for Money<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let (amount, currency) = self.0.money();
        match amount {
            Some(amount) => write!(f, "{amount} {}", Shown(currency)),
            None => write!(f, "an open amount in {}", Shown(currency)),
        }
    }
}

/// The payments that wait for a customer.
pub(super) fn list<'a>(open: impl Iterator<Item = &'a Payment>) -> String {
    let items = text(|out| {
        open.into_iter().try_for_each(|payment| {
            let reference = Shown(payment.reference_id().unwrap_or("without a reference"));
            write!(out, "<li><a href=\"/checkout/{}\">{reference}</a>, {}</li>", payment.id(), Money(payment))
        })
    });
    let body = if items.is_empty() { "<p>None.</p>".to_owned() } else { format!("<ul>{items}</ul>") };
    framed("Open payments", &body)
}

/// One that waits for its customer.
pub(super) fn open(payment: &Payment) -> String {
    let id = payment.id();
    let cards = text(|out| {
        SANDBOX_CARDS.iter().try_for_each(|card| {
            let secure = if card.three_d_secure { ", 3-D Secure" } else { "" };
            let outcome = match card.outcome {
                CardOutcome::Success => "succeeds",
                CardOutcome::Declined => "is declined",
            };
            write!(
                out,
                "<li><button name=\"cardNumber\" value=\"{number}\">{brand} {number}</button> {outcome}{secure}</li>",
                number = card.number,
                brand = card.brand,
            )
        })
    });
    let body = format!(
        "{about}\
         <form method=\"post\" action=\"/checkout/{id}/pay\"><h2>Pay with a sandbox card</h2><ul>{cards}</ul></form>\
         <form method=\"post\" action=\"/checkout/{id}/pay\"><label>Another number \
         <input name=\"cardNumber\" inputmode=\"numeric\" autocomplete=\"off\" maxlength=\"23\" required></label> \
         <button>Pay</button></form>\
         <form method=\"post\" action=\"/checkout/{id}/decline\"><h2>Or not</h2>\
         <label>Error code <input name=\"errorCode\" placeholder=\"4.01\" size=\"5\"></label> \
         <button>Decline</button></form>\
         <form method=\"post\" action=\"/checkout/{id}/cancel\"><button>Cancel</button></form>\
         <form method=\"post\" action=\"/checkout/{id}/timeout\"><button>Let it time out</button></form>",
        about = about(payment),
    );
    framed("Checkout", &body)
}

/// One whose customer is done.
pub(super) fn result(payment: &Payment, back: Option<&Url>) -> String {
    let reason = payment.error_code().map_or_else(String::new, |code| format!("<p>{}</p>", Shown(&code.to_string())));
    let back = back
        .map_or_else(String::new, |url| format!("<p><a href=\"{}\">Back to the merchant</a></p>", Shown(url.as_str())));
    framed("Result", &format!("{}{reason}{back}", about(payment)))
}

/// A deed that came to nothing.
pub(super) fn refused(reason: DeedRefused) -> String {
    framed("Not possible", &format!("<p>{}</p>", Shown(&reason.to_string())))
}

fn about(payment: &Payment) -> String {
    let description = payment.order.description.as_deref().unwrap_or_default();
    format!(
        "<p><strong>{}</strong> {}</p><p>{}</p><p>State: <strong>{}</strong></p>",
        Money(payment),
        Shown(description),
        Shown(payment.reference_id().unwrap_or_default()),
        payment.state().name(),
    )
}

fn framed(title: &str, body: &str) -> String {
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title>\
         <meta name=\"viewport\" content=\"width=device-width\">\
         <style>body{{font:1rem/1.5 system-ui;max-width:40rem;margin:2rem auto;padding:0 1rem}}</style></head>\
         <body><h1>{title}</h1>{body}<p><a href=\"/checkout\">All open payments</a></p>\
         <p><small>This is the gateway simulator. No money moves.</small></p></body></html>",
    )
}

fn text(write: impl FnOnce(&mut String) -> fmt::Result) -> String {
    let mut out = String::new();
    // Writing into memory does not fail, and nothing shown here fails to be written.
    let _ = write(&mut out);
    out
}
