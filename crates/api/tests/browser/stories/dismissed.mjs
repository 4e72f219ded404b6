// By keyboard alone: a webhook that nothing will ever match is dismissed with a reason, and restored.
import assert from "node:assert/strict";
import { press, signIn, words } from "../deeds.mjs";

export default async function ({ open, key, told }) {
  const page = await open();
  await signIn(page, key);
  assert.match(await words(page), new RegExp(`Unmatched webhook 1.*${told.gatewayId}`));
  const openAndSay = async (deed, why) => {
    await press(page, `${deed}…`);
    await press(page, `${deed} the webhook`);
    assert.ok(await page.locator("details[open] input[name=reason]").evaluate((field) => !field.checkValidity()));
    // The browser puts whoever said nothing where something is to be said.
    assert.equal(await page.evaluate(() => document.activeElement.name), "reason");
    await page.keyboard.type(why);
    await page.keyboard.press("Enter");
  };
  await openAndSay("Dismiss", "of another system");
  await page.getByText("The webhook is dismissed").waitFor();
  assert.match(await words(page), /unmatched dismissed by .*: of another system/);
  await page.goto("/console/stuck");
  assert.match(await words(page), /Nothing is stuck here/);

  // It is found again by the filter, and comes back.
  await page.goto("/console/webhooks-in");
  await page.getByLabel("Dismissed").selectOption("dismissed");
  await page.getByRole("button", { name: "Filter" }).click();
  await page.waitForURL(/dismissed=true/);
  assert.match(await words(page), new RegExp(told.gatewayId));
  await page.goto(page.url());
  await openAndSay("Restore", "ours after all");
  await page.getByText("The webhook is listed as stuck again").waitFor();
  await page.goto("/console/stuck");
  assert.match(await words(page), new RegExp(`Unmatched webhook 1.*${told.gatewayId}`));
}
