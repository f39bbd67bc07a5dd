// SPDX-License-Identifier: Apache-2.0
// Logging in and out, and what each role sees and may.
import assert from "node:assert/strict";
import { api, fillLogin, get, go, logIn, openPage, press, shown, until } from "./browser.mjs";
import { cells } from "./views.mjs";

const refusal = (page, pattern) => page.waitForFunction((text) => new RegExp(text).test(document.querySelector(".note.bad")?.textContent ?? ""),
  pattern.source);

/** Wrong, first, changed, out, in again; and a session that another place ends. */
export async function log_in_and_out(browser, url, given) {
  const page = await openPage(browser, url);
  await page.goto(url);
  await page.waitForSelector("input[name=name]");
  await fillLogin(page, "admin", "not the password");
  await refusal(page, /do not go together/);
  assert.equal(page.watch.forgive(/status of 401.*v1\/login/), 1);
  await fillLogin(page, "admin", given.first);
  await page.waitForSelector("input[name=again]");
  assert.equal((await api(page, "GET", "/v1/devices")).code, 403, "the first password is for nothing but its change");
  await page.fill("input[name=old]", given.first);
  await page.fill("input[name=new]", given.password);
  await page.fill("input[name=again]", "another one than this");
  await page.click("button.first");
  await refusal(page, /differ/);
  await page.fill("input[name=again]", given.password);
  await page.click("button.first");
  await page.waitForSelector("header.top");
  await shown(page, "overview");
  page.watch.forgive(/status of 403.*v1\/devices/);
  await press(page, "Log out");
  await page.waitForSelector("input[name=name]");
  assert.equal((await api(page, "GET", "/v1/devices")).code, 401, "nobody is logged in");
  await fillLogin(page, "admin", given.password);
  await page.waitForSelector("header.top");
  await shown(page, "overview");
  const other = await openPage(browser, url);
  await logIn(other, "admin", given.password);
  assert.equal((await api(other, "POST", "/v1/people/admin/log-out", {})).code, 200);
  await page.click("nav.main a[data-view=devices]");
  await page.waitForSelector("input[name=password]");
  assert.equal((await page.context().cookies()).length, 1, "the page has one cookie");
  assert.deepEqual((await page.context().cookies()).map((one) => [one.httpOnly, one.sameSite]), [[true, "Strict"]]);
  page.watch.forgive(/status of 401/);
  page.watch.check("logging in and out");
}

/** Ten wrong passwords, and the right one is not taken any more. */
export async function lock_out(browser, url, given) {
  const page = await openPage(browser, url);
  await page.goto(url);
  await page.waitForSelector("input[name=name]");
  for (let i = 0; i < 10; i++) {
    const answered = page.waitForResponse("**/v1/login");
    await fillLogin(page, given.name, `wrong ${i} of ten`);
    assert.equal((await answered).status(), 401);
  }
  await fillLogin(page, given.name, given.password);
  await refusal(page, /too many wrong passwords/);
  page.watch.forgive(/status of (401|429)/);
  page.watch.check("a lock-out");
}

// --- roles ---------------------------------------------------------------------------------------

const VIEWS = ["#/", "#/devices", "#/results", "#/workflows", "#/workflow/cold-room", "#/questions", "#/health"];

/** The words of all that can be pressed on a view. */
const pressable = (page) => page.$$eval("main button, main input[type=checkbox]", (all) =>
  all.map((one) => one.textContent.trim() || one.getAttribute("aria-label") || one.name));

const HARMLESS = /^(Back|On|Older|Newer|Show|Ask|Save as CSV|live|Log out)$/;

/** Each request that changes something, with the right that it takes. */
const changes = (device, alarm) => [["POST", `/v1/devices/${device}/labels`, { seen: "yes" }, "operate"], ["POST", `/v1/alarms/${alarm}/seen`, {}, "operate"],
  ["POST", "/v1/tokens", {}, "operate"], ["POST", `/v1/devices/${device}/revoke`, {}, "admin"], ["DELETE", `/v1/devices/${device}`, undefined, "admin"],
  ["POST", "/v1/people", { name: "eve", role: "admin" }, "admin"], ["POST", "/v1/people/admin/role", { role: "viewer" }, "admin"],
  ["DELETE", "/v1/people/admin", undefined, "admin"], ["POST", "/v1/access", { name: "eve", may: "admin" }, "admin"], ["POST", "/v1/backup", {}, "admin"],
  ["GET", "/v1/people", undefined, "admin"], ["GET", "/v1/audit", undefined, "operate"]];

async function refused(page, device, alarm, rights) {
  const me = await get(page, "/v1/me");
  for (const [method, path, body, right] of changes(device, alarm)) {
    if (rights.includes(right)) continue;
    const { code, body: said } = await api(page, method, path, body);
    assert.equal(code, 403, `${me.role} does ${method} ${path}: ${code} ${JSON.stringify(said)}`);
    assert.match(said.error.text, /right|may/);
  }
  page.watch.forgive(/status of 403/);
}

async function takenUp(page) {
  const { devices } = await get(page, "/v1/devices?state=active&limit=20");
  const { alarms } = await get(page, "/v1/alarms");
  return [devices[7].name, alarms.find((one) => one.device && !one.seen_at)];
}

/** Looks, and that is all. */
export async function viewer(browser, url, given) {
  const page = await openPage(browser, url);
  await logIn(page, given.name, given.password);
  const [device, alarm] = await takenUp(page);
  for (const view of [...VIEWS, `#/device/${alarm.device}`, `#/device/${device}`]) {
    await go(page, view);
    assert.deepEqual((await pressable(page)).filter((one) => !HARMLESS.test(one)), [], `a viewer can press this on ${view}`);
  }
  assert.deepEqual(await page.$$eval("nav.main a", (all) => all.map((one) => one.dataset.view)), ["", "devices", "results", "workflows", "questions", "health"]);
  for (const view of ["people", "audit"]) {
    await page.evaluate((to) => { location.hash = to; }, `#/${view}`);
    await page.waitForSelector("main .note.trouble:text('takes the right')");
  }
  await refused(page, device, alarm.number, []);
  page.watch.check("a viewer");
}

/** Labels, and cannot revoke. */
export async function operator(browser, url, given) {
  const page = await openPage(browser, url);
  await logIn(page, given.name, given.password);
  const [device, alarm] = await takenUp(page);
  await go(page, `#/device/${device}`);
  await page.fill("input[name=label]", "by=operator");
  await press(page, "Set label");
  await until("the label is there", async () => (await get(page, `/v1/devices/${device}`)).labels.by === "operator");
  assert.ok(!(await pressable(page)).some((one) => /Revoke|Remove/.test(one)), "an operator revokes nothing");
  await go(page, "#/devices");
  assert.ok(!(await pressable(page)).includes("Revoke"));
  await refused(page, device, alarm.number, ["operate"]);
  page.watch.check("an operator");
}

/** Revokes after a question, on the page. */
export async function revoke(browser, url, given) {
  const page = await openPage(browser, url);
  await logIn(page, "admin", given.password);
  const [device] = await takenUp(page);
  await go(page, `#/device/${device}`);
  page.answers.push("yes");
  await press(page, "Revoke");
  await until("it is revoked", async () => (await get(page, `/v1/devices/${device}`)).state === "revoked");
  await page.waitForSelector("main .tag.warn:text('revoked')");
  await go(page, `#/devices?words=${device}&state=revoked`);
  assert.deepEqual((await cells(page, "Devices")).map((row) => row[1]), [device]);
  page.watch.check("an admin");
}

// --- people and programs -------------------------------------------------------------------------

const told = async (page) => (await page.waitForSelector(".note.warn code")).textContent();

/** A person and a token are made on the page; the person logs in, the token is given back. */
export async function people_and_programs(browser, url, given) {
  const page = await openPage(browser, url);
  await logIn(page, "admin", given.password);
  await go(page, "#/people");
  await page.fill("input[name=person]", "berta");
  await page.selectOption("select[name=new-role]", "operator");
  await press(page, "Add");
  const first = await told(page);
  const other = await openPage(browser, url);
  await other.goto(url);
  await fillLogin(other, "berta", first);
  await other.waitForSelector("input[name=again]");
  await other.fill("input[name=old]", first);
  await other.fill("input[name=new]", given.password);
  await other.fill("input[name=again]", given.password);
  await other.click("button.first");
  await other.waitForSelector("header.top");
  assert.equal(await other.textContent(".who .tag"), "operator");
  other.watch.check("a new person");
  await go(page, "#/people");
  assert.ok(!(await page.textContent("main")).includes(first), "a password is shown once");
  page.answers.push("yes");
  await page.locator("tr", { hasText: "admin" }).first().getByRole("button", { name: "Remove" }).click();
  await page.waitForSelector("main .note.trouble");
  assert.match(await page.textContent("main .note.trouble"), /admin/);
  assert.equal((await get(page, "/v1/people")).people.length, 2);
  page.watch.forgive(/status of 409/);
  await page.selectOption("select[aria-label='role of admin']", "viewer");
  await page.waitForSelector(".note.bad");
  assert.equal((await get(page, "/v1/people")).people[0].role, "admin");
  page.watch.forgive(/status of 409/);
  await page.fill("input[name=program]", "panel");
  await page.selectOption("select[name=may]", "read");
  await press(page, "Make a token");
  await page.waitForSelector(".note.warn:text('token of panel')");
  const token = await told(page);
  page.answers.push("yes");
  await page.locator("tr", { hasText: "berta" }).first().getByRole("button", { name: "Remove" }).click();
  await until("berta is gone", async () => (await get(page, "/v1/people")).people.length === 1);
  await other.click("nav.main a[data-view=results]");
  await other.waitForSelector("input[name=password]");
  page.watch.check("people and programs");
  return { token };
}
