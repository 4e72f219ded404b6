// A withdrawal is let go with a reason, by another person than who ordered it, who has seen what it is by now.
import assert from "node:assert/strict";
import { signIn, words } from "../deeds.mjs";

async function ask(page, told) {
  await page.goto(`/console/payments/${told.id}`);
  await page.getByRole("link", { name: "Approve…" }).click();
  await page.waitForURL(/\/approve$/);
}

async function approve(page, reason) {
  await page.getByLabel(/^Why/).fill(reason);
  await page.getByRole("button", { name: "Approve" }).click();
}

export default async function ({ open, key, told }) {
  const maker = await open();
  await signIn(maker, told.makersKey);
  await ask(maker, told);
  await approve(maker, "it is mine");
  await maker.getByText("Somebody else must approve it").waitFor();

  const page = await open();
  await signIn(page, key);
  await ask(page, told);
  await page.getByRole("button", { name: "Approve" }).click();
  assert.ok(await page.getByLabel(/^Why/).evaluate((field) => !field.checkValidity()));
  // Nor does the service take it from a browser that does not ask.
  await page.getByLabel(/^Why/).evaluate((field) => field.form.setAttribute("novalidate", ""));
  await page.getByRole("button", { name: "Approve" }).click();
  await page.getByText("reason").first().waitFor();
  assert.match(await words(page), /reason/);

  await ask(page, told);
  console.log("seen");
  await maker.goto(`/console/payments/${told.id}`);
  await maker.evaluate(async (path) => {
    const note = new URLSearchParams({ form: document.querySelector("[name=form]").value, reason: "wait" });
    await fetch(path, { method: "POST", body: note });
  }, `/console/payments/${told.id}/note`);
  await approve(page, "I have seen the contract");
  await page.getByText("is not what the page showed").waitFor();
  console.log("refused");
  await approve(page, "I have seen the contract, and the note");
  await page.getByText("It is done").waitFor();
  assert.match(await words(page), /PENDING|COMPLETED/);
}
