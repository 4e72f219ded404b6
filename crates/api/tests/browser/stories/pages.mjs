// Every page, light and dark and on a phone: nothing that a screen reader stumbles over, nothing wider than the phone, and
// nothing that is not there without scripts.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { signIn } from "../deeds.mjs";

const WIDE = { width: 1280, height: 900 };
const PHONE = { width: 360, height: 740 };

// What a page says, but for what a script adds later, and for how long ago things were.
function text(page) {
  return page.evaluate(() => {
    const main = document.querySelector("main").cloneNode(true);
    for (const part of main.querySelectorAll("[data-fetch], .distance, pre")) part.remove();
    return main.textContent.replace(/\s+/g, " ").trim();
  });
}

export default async function ({ open, key, pictures, told, tools }) {
  const source = readFileSync(createRequire(`${tools}/`).resolve("axe-core/axe.min.js"), "utf8");
  const stranger = await open({ viewport: WIDE });
  const page = await open({ viewport: WIDE });
  await signIn(page, key);
  const plain = await open({ viewport: PHONE, javaScriptEnabled: false });
  const plainStranger = await open({ viewport: PHONE, javaScriptEnabled: false });
  await signIn(plain, key);
  let checked = 0;
  for (const [name, path] of Object.entries(told.pages)) {
    const where = name === "sign-in" ? stranger : page;
    for (const [look, colorScheme, viewport] of [["light", "light", WIDE], ["dark", "dark", WIDE], ["phone", "dark", PHONE]]) {
      await where.setViewportSize(viewport);
      await where.emulateMedia({ colorScheme });
      await where.goto(path);
      await where.waitForLoadState("networkidle");
      const width = await where.evaluate(() => document.documentElement.scrollWidth);
      assert.ok(width <= viewport.width, `${name} is ${width} wide on ${viewport.width}`);
      await where.screenshot({ path: `${pictures}/${name}-${look}.png`, fullPage: true });
      // What can be opened belongs to the page.
      await where.evaluate(() => document.querySelectorAll("details").forEach((details) => { details.open = true; }));
      const opened = await where.evaluate(() => document.documentElement.scrollWidth);
      assert.ok(opened <= viewport.width, `${name} is ${opened} wide on ${viewport.width}, all opened`);
      // From the outside, past the page's own policy, which lets no script in.
      await where.evaluate(source);
      const found = await where.evaluate(async () => (await window.axe.run(document)).violations);
      const violations = found.map((one) => `${one.id} (${one.impact}): ${one.nodes.map((node) => node.html).slice(0, 3).join(" | ")}`);
      assert.deepEqual(violations, [], `${name}, ${look}`);
      checked += 1;
    }
    const without = name === "sign-in" ? plainStranger : plain;
    await without.goto(path);
    assert.equal(await text(without), await text(where), `${name}, without scripts`);
    // What a script would fetch, a link leads to.
    const later = await without.locator("[data-fetch]").evaluateAll((all) => all.map((one) => [one.dataset.fetch, one.querySelector("a")?.getAttribute("href")]));
    for (const [fetched, link] of later) assert.equal(link, fetched, name);
    const bare = await without.evaluate(() => document.documentElement.scrollWidth);
    assert.ok(bare <= PHONE.width, `${name} is ${bare} wide without scripts`);
  }
  console.log(`${checked} looks at ${Object.keys(told.pages).length} pages, nothing found`);
}
