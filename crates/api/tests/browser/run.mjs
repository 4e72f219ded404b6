// One story in a real browser: `node run.mjs STORY`, told by its environment where the service is and who comes.
//
// Whatever the browser itself complains about is a failure: above all, what the page's own policy forbids.
import { createRequire } from "node:module";
import { mkdirSync } from "node:fs";

const { TOOLS, BROWSER, SERVICE, KEY, PICTURES, TOLD } = process.env;
const { chromium } = createRequire(`${TOOLS}/`)("playwright-core");
mkdirSync(PICTURES, { recursive: true });

const browser = await chromium.launch({ executablePath: BROWSER, args: ["--no-sandbox", "--disable-dev-shm-usage"] });
const complaints = [];
const open = async (options = {}) => {
  const context = await browser.newContext({ baseURL: SERVICE, ...options });
  context.setDefaultTimeout(30_000);
  const page = await context.newPage();
  page.on("pageerror", (error) => complaints.push(`${page.url()}: ${error}`));
  page.on("console", (said) => {
    // A page that is refused on purpose is told to the console as well.
    const expected = /status of (401|403|404|409|422)/.test(said.text());
    if (said.type() === "error" && !expected) complaints.push(`${page.url()}: ${said.text()}`);
  });
  return page;
};
try {
  const { default: story } = await import(`./stories/${process.argv[2]}.mjs`);
  await story({ open, key: KEY, pictures: PICTURES, told: JSON.parse(TOLD), tools: TOOLS });
  if (complaints.length > 0) throw new Error(`the browser complained:\n${complaints.join("\n")}`);
} finally {
  await browser.close();
}
