// SPDX-License-Identifier: Apache-2.0
// Hostile strings in every field that a device, a program or a person chooses: they are text, in every view.
import assert from "node:assert/strict";
import { get, go, logIn, openPage } from "./browser.mjs";
import { cells } from "./views.mjs";

/** What no view makes of text; the page's own drawings and attachments are known by their places. */
const FOREIGN = ["script", "iframe", "object", "embed", "link", "meta", "base", "style", "template", "noscript", "math", "marquee", "video",
  "body body", "form form", "form[action]", "img:not(.shown img)", "svg:not(.graph)", "details[open]", "input[autofocus]"];

/** All that says that something was more than text, as sentences. */
async function findings(page) {
  const found = await page.evaluate((foreign) => {
    const said = [];
    if (window.__pwned !== undefined) said.push("a script ran");
    for (const selector of foreign) {
      for (const node of document.querySelectorAll(`main ${selector.replaceAll(", ", ", main ")}`)) said.push(`an element was made: ${node.outerHTML.slice(0, 120)}`);
    }
    for (const node of document.querySelectorAll("body, body *")) {
      for (const name of node.getAttributeNames()) if (name.startsWith("on")) said.push(`an attribute is a script: ${name} of ${node.tagName}`);
    }
    for (const link of document.querySelectorAll("a[href]")) {
      if (link.host !== location.host || !/^https?:$/.test(link.protocol)) said.push(`a link leads away: ${link.href.slice(0, 120)}`);
    }
    for (const name of ["cell", "admin", "class"]) if (name in {}) said.push(`every object has '${name}' now`);
    return said;
  }, FOREIGN);
  const said = [...found, ...page.watch.said];
  page.watch.said = [];
  return said;
}

async function open(page, hash, all) {
  await go(page, hash);
  all.push(...(await findings(page)).map((text) => `${hash.slice(0, 60)}: ${text}`));
}

/** The results, a page after the other, as the API has them. */
async function everything(page) {
  const all = [];
  for (let before = ""; before !== null;) {
    const one = await get(page, `/v1/results?limit=500&before=${before}`);
    all.push(...one.results);
    before = one.next;
  }
  return all;
}

async function readResult(page, one, all) {
  await open(page, `#/result/${one.id}`, all);
  const shown = await page.evaluate(() => ({ head: document.querySelector("h1").textContent, json: document.querySelector("main pre").textContent,
    names: [...document.querySelectorAll("main .card dl.pairs")][0].textContent }));
  assert.equal(shown.head, `${one.workflow} \u00b7 ${one.name}`);
  assert.deepEqual(JSON.parse(shown.json), one);
  for (const name of Object.keys(one.result ?? {})) assert.ok(shown.names.includes(name), `the field ${name} is shown as text`);
}

/** The long views, each of which shows many of them at once. */
async function readLists(page, given, all) {
  for (const view of ["#/", "#/devices", "#/results", "#/workflows", "#/health", "#/audit", "#/people", "#/questions"]) await open(page, view, all);
  await open(page, `#/device/${given.device}`, all);
  const main = await page.textContent("main");
  for (const text of given.labels) assert.ok(main.includes(`=${text}`), `the label ${text} is shown as text`);
  const device = await get(page, `/v1/devices/${given.device}`);
  for (const [name, value] of Object.entries(device.facts)) {
    assert.ok(main.includes(name) && (value === "" || main.includes(String(value))), `the fact ${name} is shown as text`);
  }
  for (const one of device.alarms) assert.ok(main.includes(one.text.replace(/^[A-Z_]+: /, "")), `the alarm ${one.text} is shown as text`);
  const gaps = device.losses.filter((one) => one.kind === "gap");
  assert.ok(gaps.length >= 20 && device.losses.length > 0, `${gaps.length} gaps of ${device.losses.length} losses`);
  for (const one of device.losses) {
    const text = one.kind === "gap" ? one.body.reason : one.body?.text ?? "";
    assert.ok(main.includes(text), `the loss ${text} is shown as text`);
  }
  await open(page, "#/people", all);
  assert.ok((await page.$$eval("main [title]", (nodes) => nodes.map((node) => node.title))).includes(given.browser), "what a browser calls itself");
  for (const hash of given.odd) await open(page, hash, all);
  await open(page, `#/audit?words=${encodeURIComponent("login")}`, all);
}

async function readHostile(page, given, all) {
  await readLists(page, given, all);
  const results = await everything(page);
  assert.ok(results.length >= given.least, `there are ${results.length} results`);
  const some = (all_of_them) => all_of_them.filter((_, index) => index % 4 === 0); // of those that differ in one string alone
  for (const one of results.filter((each) => each.workflow !== "blobs")) await readResult(page, one, all);
  for (const one of some(results.filter((each) => each.workflow === "blobs"))) await readResult(page, one, all);
  for (const name of some([...new Set(results.map((one) => one.workflow))])) {
    await open(page, `#/workflow/${encodeURIComponent(name)}`, all);
    assert.equal(await page.textContent("h1"), name);
    assert.ok((await cells(page, "Newest results")).every((row) => row[1] === name.trim()), `results of ${name}`);
  }
  for (const hash of ["#/device/%E0%A4%A", "#/nothing/<img src=x onerror=window.__pwned=1>", "#/devices?words=<img src=x onerror=window.__pwned=1>",
    "#/result/<script>", "#/__proto__", "#/constructor/x", "#/results?workflow=\"><svg onload=window.__pwned=1>&label=%00"]) {
    await page.evaluate((to) => { location.hash = to; }, hash);
    await page.waitForTimeout(60);
    const found = (await findings(page)).filter((text) => !/status of (400|404)/.test(text)); // that there is no such thing may be said
    all.push(...found.map((text) => `${hash}: ${text}`));
  }
}

/** Every view of a hub whose fields are all hostile. */
export async function injection(browser, url, given) {
  const page = await openPage(browser, url);
  await logIn(page, "admin", given.password);
  const all = [];
  await readHostile(page, given, all);
  assert.deepEqual(all, []);
}

// --- planted bugs --------------------------------------------------------------------------------

/** The page with text put in as HTML, as a hurried hand would write it. */
const plantHtml = (page) => page.route("**/page/*/dom.js", async (route) => {
  const answer = await route.fetch({ maxRetries: 3 });
  const text = (await answer.text()).replace("node.append(...inside.flat(Infinity)", "for (const one of inside.flat(Infinity)) " +
    "if (typeof one === \"string\" && one.includes(\"<\")) { node.innerHTML = one; return node; }\n  node.append(...inside.flat(Infinity)");
  await route.fulfill({ response: answer, body: text });
});

const dropPolicy = (page) => page.route(page.base, async (route) => {
  const answer = await route.fetch({ maxRetries: 3 });
  const { "content-security-policy": _, ...headers } = answer.headers();
  await route.fulfill({ response: answer, headers });
});

const plantLink = (page) => page.route("**/page/*/views/results.js", async (route) => {
  const answer = await route.fetch({ maxRetries: 3 });
  const text = (await answer.text()).replace("href: `#/workflow/${part(one.workflow)}`", "href: one.workflow");
  await route.fulfill({ response: answer, body: text });
});

const BUGS = { "text as HTML": [plantHtml], "text as HTML, without a policy": [plantHtml, dropPolicy], "text as a link": [plantLink] };

/** What is found in the page with each of the planted bugs, by its name. */
export async function planted(browser, url, given) {
  const found = {};
  for (const [name, plants] of Object.entries(BUGS)) {
    const page = await openPage(browser, url);
    for (const plant of plants) await plant(page);
    await logIn(page, "admin", given.password);
    found[name] = [];
    for (const hash of ["#/results", `#/results?workflow=${encodeURIComponent("javascript:window.__pwned=1")}`]) await open(page, hash, found[name]);
    await page.waitForTimeout(100);
    found[name].push(...await findings(page));
    await page.context().close();
  }
  return found;
}
