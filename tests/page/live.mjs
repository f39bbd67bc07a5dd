// SPDX-License-Identifier: Apache-2.0
// Results as they come, on an open page.
import assert from "node:assert/strict";
import { get, go, logIn, openPage, press, until } from "./browser.mjs";
import { cells } from "./views.mjs";

const fresh = (page) => page.$$eval(".scroll[aria-label=Results] tbody tr.fresh", (rows) =>
  rows.map((row) => ({ id: row.dataset.id, workflow: row.cells[1].textContent })));

/** A device brings results of two workflows meanwhile: they are seen, the newest on top; of those that a filter hides none. */
export async function live_tail(browser, url, given) {
  const page = await openPage(browser, url);
  await logIn(page, "admin", given.password);
  await go(page, "#/results");
  assert.deepEqual(await fresh(page), []);
  await page.check("#live");
  await page.waitForSelector(".live [role=status]:text('live')");
  const seen = await until("results of both", async () => {
    const rows = await fresh(page);
    return given.workflows.every((name) => rows.some((row) => row.workflow === name)) && rows;
  });
  for (const { id } of seen) await get(page, `/v1/results/${id}`);
  assert.equal(new Set(seen.map((one) => one.id)).size, seen.length, "none is there twice");
  const made = (await cells(page, "Results")).slice(0, seen.length).map((row) => row[4]);
  assert.deepEqual(made, [...made].sort().reverse(), "the newest is on top");
  await page.fill("input[name=workflow]", given.workflows[0]);
  await press(page, "Show");
  const some = await until("results of one", async () => {
    const rows = await fresh(page);
    return rows.length >= 4 && rows.every((row) => row.workflow === given.workflows[0]) && rows;
  });
  assert.ok(some.length >= 4);
  await page.uncheck("#live");
  await page.waitForSelector(".live [role=status]:text('not live')");
  const still = await fresh(page);
  await page.waitForTimeout(700);
  assert.deepEqual(await fresh(page), still, "nothing comes when it is not live");
  await page.check("#live");
  await until("it is live again", async () => (await fresh(page)).length > 0);
  await go(page, "#/");
  await page.goBack();
  await until("it comes back live", async () => (await fresh(page)).length > 0);
  page.watch.check("a live tail");
}

/** Asks for what a result has attached, which its device then brings; a picture is shown, sound is played, and what
 * only says that it is a picture is a file. */
export async function attachments(browser, url, given) {
  const page = await openPage(browser, url);
  await logIn(page, "admin", given.password);
  for (const [id, wanted] of [[given.picture, ".shown img"], [given.sound, ".shown audio"], [given.program, ".shown a[download]"]]) {
    await go(page, `#/result/${id}`);
    await press(page, "Fetch it");
    await page.waitForSelector(".shown .note:text('Asked for')");
    await page.waitForSelector(wanted);
  }
  await go(page, `#/result/${given.picture}`);
  await until("the picture is drawn", () => page.$eval(".shown img", (image) => image.naturalWidth === 30 && image.naturalHeight === 20).catch(() => false));
  await go(page, `#/result/${given.sound}`);
  await page.waitForSelector(".shown audio");
  const played = await page.$eval(".shown audio", async (audio) => {
    audio.muted = true; // a machine without a loudspeaker plays it all the same
    await audio.play();
    await new Promise((resolve) => { audio.onended = resolve; });
    return audio.duration;
  });
  assert.ok(Math.abs(played - given.seconds) < 0.05, `${played} s were played`);
  assert.equal(await page.evaluate(() => window.__pwned), undefined);
  page.watch.check("attachments");
}
