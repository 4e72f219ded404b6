// By keyboard alone: a payment whose answer was lost is found, understood, asked about, and seen to be resolved.
import assert from "node:assert/strict";
import { press, words } from "../deeds.mjs";

export default async function ({ open, key, told }) {
  const page = await open();
  await page.goto("/console");
  await page.keyboard.type(key);
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/console\/stuck/);

  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement.textContent), "Skip to the content");
  await page.keyboard.press("Enter");
  assert.equal(await page.evaluate(() => document.activeElement.id), "main");

  assert.match(await words(page), /Unknown outcome/);
  await press(page, told.reference);
  await page.waitForURL(/\/console\/payments\//);
  assert.match(await words(page), /its outcome is not known/);
  // The gateway has it, which the page asked by itself.
  await page.locator("#fetched table").waitFor();
  assert.match(await page.locator("#fetched").innerText(), /SUBMITTED\s+CHECKOUT/);

  await press(page, "What was seen");
  assert.match(await page.locator("details[open] pre").innerText(), /"kind": "opened"/);
  await page.keyboard.press("Home");
  await page.goto(page.url());
  await press(page, "Check now");
  await page.getByText("The gateway was asked").waitFor();
  assert.match(await page.locator("#head").innerText(), /CHECKOUT/);
  assert.match(await words(page), /waiting for the customer at the checkout page/);

  // The search takes any of the names.
  await page.goto("/console/payments");
  await press(page, "Our id, the reference, or the gateway's id", null);
  await page.keyboard.type(told.gatewayId);
  await page.keyboard.press("Enter");
  await page.waitForURL(new RegExp(told.id));
}
