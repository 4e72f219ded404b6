// A file for finance is ordered, its progress is watched, and it is taken.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { signIn } from "../deeds.mjs";

export default async function ({ open, key, told }) {
  const page = await open({ acceptDownloads: true });
  await signIn(page, key);
  await page.getByRole("link", { name: "Exports" }).click();
  await page.getByLabel("Report").selectOption("transactions");
  await page.getByLabel("Format").selectOption("csv");
  await page.getByLabel("From").fill(told.from);
  await page.getByLabel("Up to, without it").fill(told.to);
  await page.getByRole("button", { name: "Order" }).click();
  await page.getByText("It is ordered").waitFor();
  await page.locator("#export .badge", { hasText: "waiting" }).waitFor();
  console.log("ordered");
  await page.locator("#export .badge", { hasText: "completed" }).waitFor();
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("link", { name: "Download" }).click(),
  ]);
  assert.match(readFileSync(await download.path(), "utf8"), new RegExp(told.reference));
  await page.reload();
  await page.getByText("Who took it").waitFor();
}
