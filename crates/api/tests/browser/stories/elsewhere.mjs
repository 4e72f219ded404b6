// Somebody follows a link to a payment, signs in at another site, and is back at it: the browser itself decides which cookies
// go along.
import assert from "node:assert/strict";

export default async function ({ open, told }) {
  const page = await open();
  await page.goto(`/console/payments/${told.id}`);
  await page.getByRole("link", { name: /^Sign in with/ }).click();
  await page.getByRole("link", { name: "It is me" }).click();
  await page.waitForURL(`**/console/payments/${told.id}`);
  await page.getByText(told.who).first().waitFor();
  const cookies = Object.fromEntries((await page.context().cookies()).map((it) => [it.name, it]));
  assert.equal(cookies.console.sameSite, "Strict");
  assert.equal(cookies["console-openid"], undefined);

  const note = page.locator(`form[action="/console/payments/${told.id}/note"]`);
  await note.evaluate((form) => form.closest("details")?.setAttribute("open", ""));
  await note.locator("[name=reason]").fill("she called");
  await note.locator("button").click();
  await page.getByText("she called").first().waitFor();
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.waitForURL("**/console/sign-in");
}
