// A page that stays open changes by itself, and says so; what somebody opened on it stays open.
import assert from "node:assert/strict";
import { signIn } from "../deeds.mjs";

export default async function ({ open, key, told }) {
  const page = await open();
  await signIn(page, key);
  await page.goto(`/console/payments/${told.id}`);
  await page.locator("#entry-1 summary").click();
  await page.locator("h1").click();
  await page.evaluate(() => document.activeElement.blur());
  console.log("watching");
  await page.locator("#head", { hasText: "COMPLETED" }).waitFor();
  await page.getByText("The page has changed at").waitFor();
  assert.ok(await page.locator("#entry-1 details").evaluate((details) => details.open));
}
