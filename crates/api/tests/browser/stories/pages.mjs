// Every page, light and dark and on a phone: nothing that a screen reader stumbles over, and nothing wider than the phone.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { signIn } from "../deeds.mjs";

const WIDE = { width: 1280, height: 900 };
const PHONE = { width: 360, height: 740 };

export default async function ({ open, key, pictures, told, tools }) {
  const source = readFileSync(createRequire(`${tools}/`).resolve("axe-core/axe.min.js"), "utf8");
  const stranger = await open({ viewport: WIDE });
  const page = await open({ viewport: WIDE });
  await signIn(page, key);
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
      // From the outside, past the page's own policy, which lets no script in.
      await where.evaluate(source);
      const found = await where.evaluate(async () => (await window.axe.run(document)).violations);
      const violations = found.map((one) => `${one.id} (${one.impact}): ${one.nodes.map((node) => node.html).slice(0, 3).join(" | ")}`);
      assert.deepEqual(violations, [], `${name}, ${look}`);
      await where.screenshot({ path: `${pictures}/${name}-${look}.png`, fullPage: true });
      checked += 1;
    }
  }
  console.log(`${checked} looks at ${Object.keys(told.pages).length} pages, nothing found`);
}
