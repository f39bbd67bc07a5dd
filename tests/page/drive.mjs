// SPDX-License-Identifier: Apache-2.0
// Drives the hub's page in Chromium: node drive.mjs SCENARIO URL JSON
//
// A scenario is a function `(browser, url, given)` of one of the files here; what it gives back is printed as JSON. It
// throws where the page is not as it should be.
import * as views from "./views.mjs";
import * as people from "./people.mjs";
import * as live from "./live.mjs";
import * as injection from "./injection.mjs";
import * as looks from "./looks.mjs";
import * as measure from "./measure.mjs";
import * as own from "./own.mjs";
import { withBrowser } from "./browser.mjs";

const SCENARIOS = { ...views, ...people, ...live, ...injection, ...looks, ...measure, ...own };

const [name, url, given = "{}"] = process.argv.slice(2);
if (!Object.hasOwn(SCENARIOS, name ?? "") || !url) {
  console.error(`usage: node drive.mjs SCENARIO URL JSON; there is ${Object.keys(SCENARIOS).join(" ")}`);
  process.exit(2);
}
try {
  const found = await withBrowser((browser) => SCENARIOS[name](browser, url, JSON.parse(given)));
  console.log(JSON.stringify(found ?? {}));
} catch (error) {
  console.error(error.stack ?? String(error));
  process.exit(1);
}
