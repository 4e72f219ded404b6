// The same is done to all that fits a filter of Stuck: counted first, ordered with a reason, watched, and stopped half way.
import assert from "node:assert/strict";
import { signIn, words } from "../deeds.mjs";

export default async function ({ open, key, told }) {
  const page = await open();
  await signIn(page, key);
  await page.getByRole("navigation", { name: "Reasons" }).getByRole("link", { name: /^Waiting for customer/ }).click();
  await page.waitForURL(/reason=waiting-for-customer/);
  await page.getByRole("link", { name: /^Do something to all of this/ }).click();
  // Nothing is done before the button is pressed; the page counts, and says what can be done at all.
  const asked = await words(page);
  assert.ok(asked.includes(`${told.count} payments`) && asked.includes("Nothing here moves money"), asked);
  const payments = page.getByRole("form", { name: "To all payments" });
  const offered = await payments.getByLabel("What to do").locator("option").allTextContents();
  assert.ok(offered.length > 1 && !offered.some((one) => /capture|void|refund|approve/.test(one)), `${offered}`);
  await payments.getByLabel("What to do").selectOption("assign");
  await payments.getByLabel("Who looks after them, to assign").fill("the night shift");
  await payments.getByRole("button", { name: `Do it to ${told.count}` }).click();
  assert.ok(await payments.getByLabel("Why").evaluate((field) => !field.checkValidity()));
  await payments.getByLabel("Why").fill("after the outage");
  await payments.getByLabel("Ticket").fill("OPS-7");
  await payments.getByRole("button", { name: `Do it to ${told.count}` }).click();
  await page.getByText("It is ordered").waitFor();
  assert.match(await words(page), new RegExp(`0 of ${told.count} .*after the outage \\(OPS-7\\)`));
  console.log("ordered");

  // It is watched as it goes on, without a hand on the page.
  await page.locator("#bulk .badge", { hasText: "running" }).waitFor();
  const progress = page.getByRole("progressbar");
  const [done, all] = await progress.evaluate((bar) => [bar.value, bar.max]);
  assert.ok(done > 0 && done < told.count && all === told.count, `${done} of ${all}`);
  await page.getByRole("button", { name: "Stop" }).click();
  await page.getByText("It is stopped").waitFor();
  console.log("stopped");
  await page.locator("#bulk .badge", { hasText: "stopped" }).waitFor();
  assert.match(await words(page), new RegExp(`${done} of ${told.count} .*Stopped by`));
  assert.equal(await page.getByRole("button", { name: "Stop" }).count(), 0);
  await page.getByRole("link", { name: "All bulk actions" }).click();
  await page.getByRole("row").filter({ hasText: "assign" }).getByText("stopped").waitFor();
}
