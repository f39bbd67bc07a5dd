// SPDX-License-Identifier: Apache-2.0
// A device's own page, by the link of `ebb open`: what it shows is what its API says, and a stop is a stop.
import assert from "node:assert/strict";
import { axe, get, go, openPage, press, shown, until } from "./browser.mjs";
import { cells } from "./views.mjs";

async function accessible(page, where) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => window.axe.run(document, { runOnly: ["wcag2a", "wcag2aa"] }));
  assert.deepEqual(violations.map((one) => `${one.id}: ${one.nodes[0].html}`), [], `axe at ${where}`);
}

/** The link opens it once; every view is gone through; `given.workflow` runs there. */
export async function own_page(browser, url, given) {
  const page = await openPage(browser, new URL("/", url).href);
  await page.goto(url);
  await shown(page, "overview");
  const sees = async (words) => until(`the page says ${words}`, async () => (await page.textContent("main")).includes(words));
  await sees(given.workflow);
  await accessible(page, "its overview");
  await page.screenshot({ path: `${given.shots}/own-overview.png`, fullPage: true });
  await page.click(`main a:text-is("${given.workflow}")`);
  await shown(page, "workflow");
  const one = await get(page, `/v1/workflows/${given.workflow}`);
  const boxes = await page.locator("svg.graph .box").count();
  assert.equal(boxes, 1 + one.face.steps.length + one.face.results.length, "a box for the trigger, each step and each result");
  await accessible(page, "its workflow");
  await page.screenshot({ path: `${given.shots}/own-workflow.png`, fullPage: true });
  page.answers = [true];
  await press(page, "Stop");
  await until("it has stopped", async () => (await get(page, `/v1/workflows/${given.workflow}`)).state === "stopped");
  await press(page, "Start");
  await until("it runs again", async () => (await get(page, `/v1/workflows/${given.workflow}`)).state === "running");
  await go(page, "#/results");
  const { results } = await get(page, "/v1/results?limit=50");
  assert.ok(results.length > 0);
  assert.ok((await cells(page, "Results")).length > 0);
  await page.click("main tbody a.mono");
  await shown(page, "result");
  await accessible(page, "a result");
  await go(page, "#/logs");
  await sees("ebb");
  await accessible(page, "its log");
  page.watch.check("a device's own page");
  const late = await openPage(browser, new URL("/", url).href);
  const answer = await late.goto(url);
  assert.equal(answer.status(), 403, "the link is good once");
}
