// What stories do again and again.
import assert from "node:assert/strict";

// Signs in as a person does, and lands where that leads.
export async function signIn(page, key) {
  await page.goto("/console");
  await page.getByLabel("API key").fill(key);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.waitForURL(/\/console\/stuck/);
}

// Goes on with the Tab key until the wanted thing has the focus, and presses a key on it. It must be seen to have it.
export async function press(page, name, keyName = "Enter") {
  for (let steps = 0; steps < 80; steps += 1) {
    await page.keyboard.press("Tab");
    const found = await page.evaluate(() => {
      const on = document.activeElement;
      const label = on.labels?.length ? on.labels[0].textContent : on.textContent;
      const ring = getComputedStyle(on);
      return { text: label.trim().replace(/\s+/g, " "), seen: ring.outlineStyle !== "none" && ring.outlineWidth !== "0px" };
    });
    if (found.text.startsWith(name)) {
      assert.ok(found.seen, `${name} has the focus, and nobody sees it`);
      if (keyName) await page.keyboard.press(keyName);
      return;
    }
  }
  assert.fail(`${name} cannot be reached by keyboard on ${page.url()}`);
}

// What a page says, as one line.
export async function words(page) {
  return (await page.locator("main").innerText()).replace(/\s+/g, " ");
}
