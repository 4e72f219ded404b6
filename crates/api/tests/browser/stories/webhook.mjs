// A webhook that nothing matched at its time is run again.
import { signIn } from "../deeds.mjs";

export default async function ({ open, key, told }) {
  const page = await open();
  await signIn(page, key);
  await page.getByRole("link", { name: /^Unmatched webhook/ }).click();
  await page.getByRole("link", { name: told.gatewayId }).click();
  const row = page.getByRole("row").filter({ hasText: told.gatewayId });
  await row.getByText("unmatched").waitFor();
  await row.getByRole("button", { name: /^Run again/ }).click();
  await page.getByText("The webhook was run again").waitFor();
  await page.getByRole("row").filter({ hasText: told.gatewayId }).getByText("confirms").waitFor();
}
