//! What the gateway knows and we do not keep: balances, the steps of its own with a payment, a customer's saved cards.

use actix_web::http::header::{CACHE_CONTROL, HeaderValue};
use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use domain::{ShopName, Time};
use gateway_client::Secret;
use gateway_client::answer::{Balance, CardToken, Operation, WithdrawalBalance};
use gateway_client::request::CustomerReference;
use gateway_client::vocabulary::Open;
use schemars::JsonSchema;
use serde::Serialize;
use store::Scope;

use super::document::{Amount, Moment};
use super::listed::Listed;
use super::problem::Problem;
use super::query::Query;
use super::read_payment::{by_id, visible};
use super::{App, Caller};

/// `GET /v1/balances`, of the merchant behind `?shop=`.
pub(super) async fn read_balances(request: HttpRequest, app: Data<App>) -> Result<HttpResponse, Problem> {
    let caller = Caller::of(&request, &app, Scope::FinanceRead).await?;
    let mut query = Query::of(&request);
    let shop = query.proven("shop");
    query.finish()?;
    let shop = visible_shop(shop, &caller, &app)?;
    let (desk, of) = (app.desk.clone(), shop.clone());
    let found = app.works.run(async move { desk.balances(&of).await }).await??;
    Ok(HttpResponse::Ok().json(BalancesView {
        shop: shop.as_str(),
        as_of: app.desk.now(),
        balances: found.balances.iter().map(BalanceView::from).collect(),
        available_for_withdrawal: found.withdrawable.iter().map(WithdrawalBalanceView::from).collect(),
    }))
}

/// `GET /v1/payments/{id}/operations`: what the gateway itself did for a payment, newest first. What it said to its
/// provider, and was told, may hold anything about anybody: only the size of it is shown.
pub(super) async fn read_operations(
    request: HttpRequest,
    id: Path<String>,
    app: Data<App>,
) -> Result<HttpResponse, Problem> {
    let caller = Caller::of(&request, &app, Scope::OpsRead).await?;
    Query::of(&request).finish()?;
    let stored = visible(by_id(&id)?, &caller, &app).await?;
    let desk = app.desk.clone();
    let found = app.works.run(async move { desk.operations(&stored.payment).await }).await??;
    Ok(HttpResponse::Ok().json(Listed { data: found.iter().map(OperationView::from).collect::<Vec<_>>() }))
}

/// `GET /v1/customers/{customerReferenceId}/card-tokens`, at `?shop=`, only those of `?savedByCustomer=`. The tokens
/// pay, so they are for those who may take deposits.
pub(super) async fn read_card_tokens(
    request: HttpRequest,
    customer: Path<String>,
    app: Data<App>,
) -> Result<HttpResponse, Problem> {
    let caller = Caller::of(&request, &app, Scope::DepositsWrite).await?;
    let mut query = Query::of(&request);
    let shop = query.proven("shop");
    let saved_by_customer = query.one("savedByCustomer", "must be true or false");
    query.finish()?;
    let shop = visible_shop(shop, &caller, &app)?;
    let customer: CustomerReference = customer.parse().map_err(|_| Problem::not_found())?;
    let desk = app.desk.clone();
    let found = app.works.run(async move { desk.card_tokens(&shop, &customer, saved_by_customer).await }).await??;
    let mut response =
        HttpResponse::Ok().json(Listed { data: found.iter().map(CardTokenView::from).collect::<Vec<_>>() });
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// The named shop, or the default one, if it is there and the caller may see it.
fn visible_shop(named: Option<ShopName>, caller: &Caller, app: &App) -> Result<ShopName, Problem> {
    named
        .or_else(|| app.default_shop.clone())
        .filter(|shop| app.shops.contains(shop) && caller.may_see(shop))
        .ok_or_else(Problem::not_found)
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "GatewayBalances")]
pub(super) struct BalancesView<'a> {
    shop: &'a str,
    #[schemars(with = "Moment")]
    as_of: Time,
    balances: Vec<BalanceView<'a>>,
    available_for_withdrawal: Vec<WithdrawalBalanceView<'a>>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Balance")]
struct BalanceView<'a> {
    account_type: Option<&'a str>,
    name: Option<&'a str>,
    #[schemars(with = "Option<Amount>")]
    amount: Option<String>,
    currency: Option<&'a str>,
}

impl<'a> From<&'a Balance> for BalanceView<'a> {
    fn from(balance: &'a Balance) -> Self {
        Self {
            account_type: balance.account_type.as_ref().map(Open::as_str),
            name: balance.name.as_deref(),
            amount: balance.amount.map(|amount| amount.to_string()),
            currency: balance.currency.as_deref(),
        }
    }
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "WithdrawalBalance")]
struct WithdrawalBalanceView<'a> {
    #[schemars(with = "Option<Amount>")]
    amount: Option<String>,
    currency: Option<&'a str>,
}

impl<'a> From<&'a WithdrawalBalance> for WithdrawalBalanceView<'a> {
    fn from(balance: &'a WithdrawalBalance) -> Self {
        Self { amount: balance.amount.map(|amount| amount.to_string()), currency: balance.currency.as_deref() }
    }
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "GatewayOperation")]
pub(super) struct OperationView<'a> {
    id: Option<u64>,
    operation: Option<&'a str>,
    #[schemars(with = "Option<Moment>")]
    started: Option<Time>,
    #[schemars(with = "Option<Moment>")]
    completed: Option<Time>,
    payment_state: Option<&'a str>,
    outgoing_messages: Option<String>,
    incoming_messages: Option<String>,
}

impl<'a> From<&'a Operation> for OperationView<'a> {
    fn from(operation: &'a Operation) -> Self {
        Self {
            id: operation.id,
            operation: operation.operation.as_ref().map(Open::as_str),
            started: operation.started.map(Time::new),
            completed: operation.completed.map(Time::new),
            payment_state: operation.payment_state.as_ref().map(Open::as_str),
            outgoing_messages: operation.outgoing_messages.as_ref().map(size),
            incoming_messages: operation.incoming_messages.as_ref().map(size),
        }
    }
}

fn size(messages: &Secret) -> String {
    format!("[{} characters]", messages.expose().chars().count())
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "CardToken")]
pub(super) struct CardTokenView<'a> {
    card_token: &'a str,
    cardholder_name: Option<&'a str>,
    masked_number: Option<&'a str>,
    expiry_month: Option<&'a str>,
    expiry_year: Option<&'a str>,
    brand: Option<&'a str>,
    saved_by_customer: Option<bool>,
    #[schemars(with = "Option<Moment>")]
    updated_at: Option<Time>,
}

impl<'a> From<&'a CardToken> for CardTokenView<'a> {
    fn from(card: &'a CardToken) -> Self {
        Self {
            card_token: card.token.expose(),
            cardholder_name: card.cardholder_name.as_deref(),
            masked_number: card.pan_masked.as_deref(),
            expiry_month: card.expiry_month.as_deref(),
            expiry_year: card.expiry_year.as_deref(),
            brand: card.brand.as_ref().map(Open::as_str),
            saved_by_customer: card.saved_by_customer,
            updated_at: card.updated.map(Time::new),
        }
    }
}
