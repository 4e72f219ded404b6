"""Takes a payment with nothing but what was generated from the document."""

import os
import time

import httpx
from payments_client import AuthenticatedClient
from payments_client.api.payments import list_payments, read_payment, take_payment
from payments_client.models import Payment, PaymentState, Problem, TakePaymentBody, TakePaymentBodyPaymentType

client = AuthenticatedClient(base_url=os.environ["API_URL"], token=os.environ["API_KEY"], timeout=httpx.Timeout(70))
reference = f"python-{time.time_ns()}"


def order(amount: str) -> TakePaymentBody:
    return TakePaymentBody(
        reference_id=reference,
        payment_type=TakePaymentBodyPaymentType.DEPOSIT,
        amount=amount,
        currency="EUR",
        payment_method="BASIC_CARD",
    )


payment = take_payment.sync(client=client, body=order("11.12"))
assert isinstance(payment, Payment), payment

# The same reference for another amount is refused, and says where the two differ.
other = take_payment.sync(client=client, body=order("12"))
assert isinstance(other, Problem) and other.errors and other.errors[0].pointer == "/amount", other

# The customer pays at the checkout page.
checkout = f"{os.environ['GATEWAY_URL']}/checkout/by-reference/{reference}/pay"
httpx.post(checkout, data={"cardNumber": "4000000000000002"}).raise_for_status()

while not payment.final:
    read = read_payment.sync(payment.id, client=client, wait=30, after=payment.version)
    assert isinstance(read, Payment), read
    payment = read

listed = list_payments.sync(client=client, reference_id=reference)
assert listed is not None and not isinstance(listed, Problem) and listed.data[0].id == payment.id, listed
assert payment.state == PaymentState.COMPLETED and payment.settled_amount == "11.12", payment
print(f"{payment.reference_id} is {payment.state}")
