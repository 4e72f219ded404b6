//! What would be sent, and what it would lead to: for people, before they do it. Nothing is sent and nothing written.

use domain::{Command, CommandKind, NotAllowed, Payment, PaymentId, PaymentState};
use gateway_client::request::{self, Request};
use serde_json::Value;

use crate::command::command_request;
use crate::{DeedError, Desk, RefundOrder};

/// A request to the gateway that was not sent.
#[derive(Debug, Clone, PartialEq)]
pub struct Preview {
    /// Method and path; none where the gateway is not asked for anything.
    pub request: Option<(&'static str, String)>,
    /// Its body, if it has one.
    pub body: Option<Value>,
    /// The state that the payment would come to, if all goes well; none where only the gateway knows.
    pub state: Option<PaymentState>,
}

impl Preview {
    pub(crate) fn of(request: &Request, state: Option<PaymentState>) -> Self {
        let body = request.body.as_ref().and_then(|body| serde_json::from_slice(body).ok()).map(discreet);
        Self { request: Some((request.method.as_str(), request.path.clone())), body, state }
    }
}

impl Desk {
    /// What a command would send, if it may be given now.
    pub async fn preview_command(&self, payment: PaymentId, command: &Command) -> Result<Preview, DeedError> {
        let payment = self.found(payment).await?;
        match payment.allows(command) {
            // What has not been read by its id yet is read before the command is given.
            Ok(()) | Err(NotAllowed::Unconfirmed) => {}
            Err(why) => return Err(why.into()),
        }
        let request = command_request(&payment, command, None).map_err(DeedError::Poison)?;
        Ok(Preview::of(&request, Some(end_of(command.kind()))))
    }

    /// What a look would ask for.
    pub async fn preview_check(&self, payment: PaymentId) -> Result<Preview, DeedError> {
        let payment = self.found(payment).await?;
        let id = payment.gateway_payment_id.as_ref().and_then(crate::gateway::gateway_id);
        match id {
            Some(id) => Ok(Preview::of(&request::get_payment(&id), None)),
            None => Ok(Preview::of(&self.look_up_request(&payment)?, None)),
        }
    }

    /// What a refund would send, if the deposit allows it now.
    pub async fn preview_refund(&self, order: &RefundOrder) -> Result<Preview, DeedError> {
        let deposit = self.found(order.deposit).await?;
        let request = self.refund_as_ordered(&deposit, order)?;
        Ok(Preview::of(&request, Some(PaymentState::Completed)))
    }

    pub(crate) async fn found(&self, payment: PaymentId) -> Result<Payment, DeedError> {
        let stored = self.find(store::Name::Id(payment)).await?;
        stored.map(|stored| stored.payment).ok_or(DeedError::PaymentNotFound)
    }
}

/// What a request says of money and names; what it says of a person or their means is not shown.
fn discreet(body: Value) -> Value {
    const SHOWN: [&str; 6] = ["amount", "currency", "paymentType", "referenceId", "parentPaymentId", "reason"];
    match body {
        Value::Object(members) => {
            let show = |(name, value): (String, Value)| {
                let shown = SHOWN.contains(&name.as_str());
                (name, if shown { value } else { Value::from("not shown") })
            };
            members.into_iter().map(show).collect()
        }
        other => other,
    }
}

/// Where a command leads if the gateway and its provider agree.
fn end_of(kind: CommandKind) -> PaymentState {
    match kind {
        CommandKind::Start | CommandKind::Approve => PaymentState::Pending,
        CommandKind::Capture => PaymentState::Completed,
        CommandKind::Void | CommandKind::Reject => PaymentState::Cancelled,
    }
}
