//! A caller of the service who does as the REST contract says: repeats the same request until it is answered.

use std::collections::BTreeSet;
use std::time::Duration;

use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};

use crate::process::Process;
use crate::waiting::Waiting;

#[derive(Clone)]
pub(crate) struct Caller {
    http: Client,
    url: String,
    key: String,
}

/// An answer of the service, read.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Value,
}

impl Answer {
    /// Whether nothing was done: the service could not, or the request was too slow to be read, as it may be on a busy machine.
    pub(crate) fn tells_to_ask_again(&self) -> bool {
        matches!(self.status, 408 | 503)
    }
}

/// What the service ever gave out for one reference.
#[derive(Debug, Default)]
pub(crate) struct HandedOut {
    ids: BTreeSet<String>,
    redirects: BTreeSet<String>,
}

/// Longer than any answer takes, `?wait=` and waiting replays included.
const ANSWER_MAX: Duration = Duration::from_secs(50);

/// So often a customer whose connection is cut off clicks again.
const CLICKS_MAX: u32 = 5;

impl Caller {
    pub(crate) fn new(url: &str, key: &str) -> Self {
        let http = Client::builder().no_proxy().tls_certs_only([]).timeout(ANSWER_MAX).build().unwrap();
        Self { http, url: url.to_owned(), key: key.to_owned() }
    }

    // One request, answered or not.

    pub(crate) async fn try_order(&self, reference: &str) -> reqwest::Result<Answer> {
        self.send(self.http.post(self.at("/v1/payments")).json(&order(reference))).await
    }

    pub(crate) async fn try_get(&self, path: &str) -> reqwest::Result<Answer> {
        self.send(self.http.get(self.at(path))).await
    }

    /// Whether a GET is answered with 200 within this time.
    pub(crate) async fn try_within(&self, patience: Duration, path: &str) -> bool {
        let answer = tokio::time::timeout(patience, self.try_get(path)).await;
        answer.is_ok_and(|answer| answer.is_ok_and(|answer| answer.status == 200))
    }

    pub(crate) async fn try_post(&self, path: &str, body: &Value) -> reqwest::Result<Answer> {
        self.send(self.http.post(self.at(path)).json(body)).await
    }

    /// The same with a name for the request (`Idempotency-Key`).
    pub(crate) async fn try_named_post(&self, path: &str, body: &Value, name: &str) -> reqwest::Result<Answer> {
        self.send(self.http.post(self.at(path)).json(body).header("Idempotency-Key", name)).await
    }

    /// Has the gateway asked about a payment now.
    pub(crate) async fn try_check(&self, id: &str) -> reqwest::Result<Answer> {
        self.send(self.http.post(self.at(&format!("/v1/payments/{id}/check")))).await
    }

    async fn send(&self, request: RequestBuilder) -> reqwest::Result<Answer> {
        let response = request.bearer_auth(&self.key).send().await?;
        let status = response.status().as_u16();
        let bytes = response.bytes().await?;
        let body = serde_json::from_slice(&bytes).unwrap_or_else(|_| json!(String::from_utf8_lossy(&bytes)));
        Ok(Answer { status, body })
    }

    fn at(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    // The same request until it is answered.

    /// Waits until the service takes requests; fails if its process ends instead.
    pub(crate) async fn until_ready(&self, process: &mut Process) {
        let mut waiting = Waiting::until("the service is ready");
        while !self.try_get("/readyz").await.is_ok_and(|answer| answer.status == 200) {
            assert!(!process.has_ended(), "the service ended:\n{}", process.log());
            waiting.pause().await;
        }
    }

    /// Orders a deposit of 11.12 EUR. Whoever gets no answer, or is told that nothing was taken, asks again.
    pub(crate) async fn order(&self, reference: &str, handed_out: &mut HandedOut) -> Answer {
        self.take(&order(reference), handed_out).await
    }

    /// The same for any order.
    pub(crate) async fn take(&self, order: &Value, handed_out: &mut HandedOut) -> Answer {
        let answer = self.post_until_answered("/v1/payments", order.clone()).await;
        assert!(matches!(answer.status, 200..=202), "{order}: {answer:?}");
        handed_out.note(&answer.body);
        answer
    }

    /// The answer to a request that may be made again. Whoever gets none, or is told that nothing was done, asks again.
    pub(crate) async fn post_until_answered(&self, path: &str, body: Value) -> Answer {
        let mut waiting = Waiting::until(format!("{path} is answered"));
        loop {
            match self.try_post(path, &body).await {
                Ok(answer) if !answer.tells_to_ask_again() => return answer,
                unanswered => waiting.goes_on(format!("{unanswered:?}")),
            }
            waiting.pause().await;
        }
    }

    /// The payment, as soon as it is as the caller waits for it to be.
    pub(crate) async fn payment(
        &self,
        reference: &str,
        as_wanted: impl Fn(&Value) -> bool,
        handed_out: &mut HandedOut,
    ) -> Value {
        let mut version = 0;
        let mut waiting = Waiting::until(format!("{reference} is as it should become"));
        loop {
            let path = format!("/v1/payments/by-reference/{reference}?wait=1&after={version}");
            match self.try_get(&path).await {
                Ok(answer) if !answer.tells_to_ask_again() => {
                    // What was acknowledged is never not there.
                    assert_eq!(answer.status, 200, "{reference}: {answer:?}");
                    handed_out.note(&answer.body);
                    if as_wanted(&answer.body) {
                        return answer.body;
                    }
                    version = answer.body["version"].as_u64().unwrap();
                    waiting.goes_on(answer.body["why"].to_string());
                }
                unanswered => waiting.goes_on(format!("{unanswered:?}")),
            }
            waiting.pause().await;
        }
    }

    /// The same for who keeps no account of what was handed out.
    pub(crate) async fn payment_until(&self, reference: &str, as_wanted: impl Fn(&Value) -> bool) -> Value {
        self.payment(reference, as_wanted, &mut HandedOut::default()).await
    }

    /// Pays on the checkout page, as the customer does, once there is one: on a busy machine the gateway may answer late.
    pub(crate) async fn pay(&self, payment: &Value) {
        let open = if has_redirect(payment) {
            payment.clone()
        } else {
            self.payment_until(payment["referenceId"].as_str().unwrap(), has_redirect).await
        };
        let page = open["nextAction"]["url"].as_str().unwrap();
        // Over a connection of its own: one that waited for long may be closed at the very moment at which it is used again.
        // On a busy machine it may also be closed before the request is on its way: then the customer clicks again.
        let click = async || {
            let customer = Client::builder().no_proxy().tls_certs_only([]).timeout(ANSWER_MAX).build().unwrap();
            customer.post(format!("{page}/pay")).send().await
        };
        let mut paid = click().await;
        for _ in 0..CLICKS_MAX {
            let Err(error) = &paid else { break };
            assert!(error.is_request() && !error.is_timeout(), "{page}: {error:?}");
            paid = click().await;
        }
        assert_eq!(paid.unwrap().status().as_u16(), 200, "{page}");
    }
}

impl HandedOut {
    /// At most one id and one checkout page were ever given out.
    pub(crate) fn prove_that_it_is_one(&self) {
        assert!(self.ids.len() <= 1 && self.redirects.len() <= 1, "{self:?}");
    }

    pub(crate) fn note(&mut self, payment: &Value) {
        self.ids.extend(payment["id"].as_str().map(ToOwned::to_owned));
        self.redirects.extend(payment["nextAction"]["url"].as_str().map(ToOwned::to_owned));
    }
}

/// Where the customer can pay.
pub(crate) fn has_redirect(payment: &Value) -> bool {
    payment["nextAction"]["type"] == "redirect"
}

pub(crate) fn is_completed(payment: &Value) -> bool {
    assert!(payment["final"] == false || payment["state"] == "COMPLETED", "{payment}");
    payment["state"] == "COMPLETED"
}

/// COMPLETED, and its figures were read by id once more: nothing is left to be done for it.
pub(crate) fn is_settled(payment: &Value) -> bool {
    is_completed(payment) && payment["refundableAmount"] == "11.12"
}

pub(crate) fn order(reference: &str) -> Value {
    json!({
        "referenceId": reference, "paymentType": "DEPOSIT", "amount": "11.12", "currency": "EUR",
        "paymentMethod": "BASIC_CARD",
    })
}
