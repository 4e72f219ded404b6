// Takes a payment with nothing but what was generated from the document.

import createClient from "openapi-fetch";
import type { components, paths } from "./document.js";

type Payment = components["schemas"]["Payment"];

const { API_URL, API_KEY, GATEWAY_URL } = process.env;
const client = createClient<paths>({ baseUrl: API_URL ?? "", headers: { Authorization: `Bearer ${API_KEY}` } });

const order = {
  referenceId: `typescript-${Date.now()}`,
  paymentType: "DEPOSIT",
  amount: "11.12",
  currency: "EUR",
  paymentMethod: "BASIC_CARD",
  customer: { firstName: "Marta", email: "marta@shop.example" },
  metadata: { client: "typescript" },
} as const;

const ordered = await client.POST("/v1/payments", { body: order });
if (!ordered.data) throw new Error(`not taken: ${ordered.error.code}, ${ordered.error.detail}`);
let payment: Payment = ordered.data;

// The same reference for another amount is refused, and says where the two differ.
const other = await client.POST("/v1/payments", { body: { ...order, amount: "12" } });
if (other.error?.code !== "reference-taken" || other.error.errors?.[0]?.pointer !== "/amount") {
  throw new Error(`not refused: ${JSON.stringify(other)}`);
}

// The customer pays at the checkout page.
await fetch(`${GATEWAY_URL}/checkout/by-reference/${order.referenceId}/pay`, {
  method: "POST",
  body: new URLSearchParams({ cardNumber: "4000000000000002" }),
});

while (!payment.final) {
  const read = await client.GET("/v1/payments/{id}", {
    params: { path: { id: payment.id }, query: { wait: 30, after: payment.version } },
  });
  if (!read.data) throw new Error(`not read: ${read.error.code}`);
  payment = read.data;
}
const listed = await client.GET("/v1/payments", { params: { query: { state: ["COMPLETED"], referenceId: order.referenceId } } });
if (listed.data?.data[0]?.id !== payment.id) throw new Error(`not listed: ${JSON.stringify(listed)}`);
if (payment.state !== "COMPLETED" || payment.settledAmount !== "11.12") throw new Error(`it ended as ${payment.state}`);
console.log(`${payment.referenceId} is ${payment.state}`);
