use std::time::Duration;

use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use domain::{Payment, PaymentState, Sighting};
use store::Scope;

use super::payment::path;
use super::{Shell, Tab, Trouble, Visitor, html};
use crate::cli::gateway_state_in_words;
use crate::http::App;
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::http::read_payment::{by_id, visible};

/// A person waits for it.
const PATIENCE: Duration = Duration::from_secs(8);

/// `GET /console/payments/{id}/gateway`: our record beside what the gateway says at this moment. It is asked by GET, and what
/// it says is shown and not recorded: that is what a check is for.
pub(super) async fn show(
    visitor: Visitor,
    request: HttpRequest,
    id: Path<String>,
    app: Data<App>,
) -> Result<HttpResponse, Trouble> {
    visitor.check(Scope::PaymentsRead)?;
    visitor.check(Scope::OpsRead)?;
    Query::of_page(&request).finish()?;
    let stored = visible(by_id(&id)?, visitor.caller(), &app).await?;
    let (desk, payment) = (app.desk.clone(), stored.payment.clone());
    let asked = app.works.run(async move { desk.gateway_now(&payment).await });
    let (told, failure) = match tokio::time::timeout(PATIENCE, asked).await {
        Ok(answer) => match answer.map_err(Problem::from)? {
            Ok(told) => (told, None),
            Err(error) => (Vec::new(), Some(error.to_string())),
        },
        Err(_) => (Vec::new(), Some(format!("it has not answered within {} s", PATIENCE.as_secs()))),
    };
    let payment = &stored.payment;
    html(&GatewayPage {
        shell: visitor.shell(format!("{} at the gateway", payment.opening.reference_id), Some(Tab::Payments)),
        path: path(&stored),
        reference: payment.opening.reference_id.to_string(),
        asked_by_reference: payment.gateway_payment_id.is_none(),
        failure,
        sides: told.iter().map(|told| sides(payment, told)).collect(),
    })
}

/// One gateway payment beside ours.
struct Sides {
    id: String,
    disagreement: Option<String>,
    rows: Vec<SideRow>,
}

/// One fact as the two records have it.
struct SideRow {
    name: &'static str,
    ours: String,
    theirs: String,
    differs: bool,
}

fn sides(payment: &Payment, told: &Sighting) -> Sides {
    let opening = &payment.opening;
    let text = |value: Option<String>| value.unwrap_or_else(|| "—".to_owned());
    let row = |name, ours: String, theirs: String| {
        let differs = ours != theirs && theirs != "—" && ours != "—";
        SideRow { name, ours, theirs, differs }
    };
    let state = SideRow {
        name: "State",
        ours: payment.state.to_string(),
        theirs: gateway_state_in_words(&told.state),
        differs: told.known_state().map(PaymentState::from) != Some(payment.state),
    };
    let rows = vec![
        state,
        row("Type", opening.payment_type.to_string(), text(told.payment_type.clone())),
        row("Reference", opening.reference_id.to_string(), text(told.reference_id.clone())),
        row("Asked for", opening.requested.to_string(), text(told.requested().map(|money| money.to_string()))),
        row("Moved", text(payment.settled.map(|money| money.to_string())), moved(told)),
        row("Fee", text(payment.fee.map(|money| money.to_string())), text(told.fee.map(|money| money.to_string()))),
        row(
            "Method",
            text(payment.payment_method.as_ref().map(ToString::to_string)),
            text(told.payment_method.as_ref().map(ToString::to_string)),
        ),
        row("Made", payment.created_at.to_string(), text(told.created.map(|at| at.to_string()))),
    ];
    // Two moments of two clocks are never the same.
    let rows = rows.into_iter().map(|row| SideRow { differs: row.differs && row.name != "Made", ..row }).collect();
    let disagreement = payment.disagreement(told).map(|finding| finding.kind.to_string());
    Sides { id: told.id.to_string(), disagreement, rows }
}

/// What has moved there; an amount of what has not ended is only meant to.
fn moved(told: &Sighting) -> String {
    let has_moved = told.known_state().map(PaymentState::from) == Some(PaymentState::Completed);
    told.money.filter(|_| has_moved).map_or_else(|| "—".to_owned(), |money| money.to_string())
}

#[derive(Template)]
#[template(path = "console/gateway.html")]
struct GatewayPage {
    shell: Shell,
    path: String,
    reference: String,
    asked_by_reference: bool,
    failure: Option<String>,
    sides: Vec<Sides>,
}
