// Money is given back after a page that shows what would be sent; a page that is out of date shows what is new instead.
import assert from "node:assert/strict";
import { signIn, words } from "../deeds.mjs";

export default async function ({ open, key, told }) {
  const page = await open();
  await signIn(page, key);
  await page.goto(`/console/payments/${told.id}`);
  await page.getByRole("link", { name: "Refund…" }).click();
  assert.match(await words(page), /POST \/api\/v1\/payments/);
  // The browser itself asks for what is missing.
  await page.getByRole("button", { name: "Refund" }).click();
  assert.ok(await page.getByLabel("Why").evaluate((field) => !field.checkValidity()));
  await page.getByLabel("Why").fill("the customer returned it");
  await page.getByLabel(/^Amount/).fill("4");
  // Meanwhile, in another window.
  await page.evaluate(async (path) => {
    const note = new URLSearchParams({ form: document.querySelector("[name=form]").value, reason: "wait" });
    await fetch(path, { method: "POST", body: note });
  }, `/console/payments/${told.id}/note`);
  await page.getByRole("button", { name: "Refund" }).click();
  await page.getByText("is not what the page showed").waitFor();
  await page.getByLabel("Why").fill("the customer returned it, I have called");
  await page.getByLabel(/^Amount/).fill("4");
  await page.getByRole("button", { name: "Refund" }).click();
  await page.getByText("The refund is ordered").waitFor();
  assert.match(await words(page), /4\.00 EUR/);
}
