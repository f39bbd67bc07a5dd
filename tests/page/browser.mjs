// SPDX-License-Identifier: Apache-2.0
// A browser that is watched: whatever a page says, asks for or breaks is kept and must have been expected.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";

const top = new URL("../../", import.meta.url);
const { chromium } = await import(new URL("build/data/playwright-core/index.mjs", top));

export const PATIENCE_MS = 10000;

/** Runs `act` with a browser that ends in any case. */
export async function withBrowser(act) {
  const browser = await chromium.launch({
    executablePath: process.env.EBB_CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-dev-shm-usage", "--disable-background-networking", "--disable-component-update"],
  });
  try { return await act(browser); } finally { await browser.close(); }
}

/** All that went wrong in a page, as sentences; `forgive` takes those away that a pattern expects. */
class Watch {
  constructor(base) { this.base = new URL(base); this.said = []; }

  note(text) { this.said.push(text); }

  forgive(pattern) {
    const kept = this.said.filter((text) => !pattern.test(text));
    const count = this.said.length - kept.length;
    this.said = kept;
    return count;
  }

  /** Nothing that was not expected. */
  check(where) { assert.deepEqual(this.said, [], `${where}: the browser has something to say`); }
}

/** What a hub may not have and the page asks for all the same: how a workflow looks, what lies on the device alone. */
const isNotHad = (message) => /status of 404/.test(message.text()) && /\/v1\/(workflows|blobs)/.test(message.location().url);

function isOwn(watch, address) {
  const url = new URL(address);
  return url.host === watch.base.host || ["data:", "blob:", "about:"].includes(url.protocol);
}

/** A page of its own (cookies and all) with its watch; `more` as for Playwright's newContext. */
export async function openPage(browser, base, more = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...more });
  const page = await context.newPage();
  const watch = new Watch(base);
  page.setDefaultTimeout(PATIENCE_MS);
  page.on("console", (message) => {
    if (["error", "warning", "assert"].includes(message.type()) && !isNotHad(message)) watch.note(`console: ${message.text()} (${message.location().url})`);
  });
  page.on("pageerror", (error) => watch.note(`page error: ${error.message}`));
  page.on("request", (request) => { if (!isOwn(watch, request.url())) watch.note(`left the machine: ${request.url()}`); });
  page.on("dialog", (dialog) => {
    if (page.answers?.length > 0) { dialog.accept(); page.answers.shift(); return; }
    watch.note(`dialog: ${dialog.message()}`);
    dialog.dismiss();
  });
  await page.exposeBinding("__violated", (_, text) => watch.note(`content security policy: ${text}`));
  await page.addInitScript(() => document.addEventListener("securitypolicyviolation", (event) =>
    window.__violated(`${event.violatedDirective} stops ${event.blockedURI}`)));
  page.answers = []; // one for each question that a click will ask
  page.base = base;
  page.watch = watch;
  return page;
}

/** Waits until the view that the address names is there, or says what is wrong. */
export async function shown(page, name) {
  await page.waitForFunction((wanted) => document.documentElement.dataset.shown === wanted ||
    document.querySelector("main .note.trouble"), name);
  const trouble = await page.locator("main .note.trouble").allTextContents();
  assert.deepEqual(trouble, [], `the view ${name} says that something is wrong`);
  assert.doesNotMatch(await page.textContent("main"), /\[object /, `the view ${name} shows what only a program understands`);
}

/** Goes to a view by its address, and waits for it. */
export async function go(page, hash) {
  const name = hash.replace(/^#\/?/, "").split(/[/?]/)[0] || "overview";
  await page.evaluate((to) => {
    delete document.documentElement.dataset.shown;
    if (location.hash === to) dispatchEvent(new Event("hashchange")); else location.hash = to;
  }, hash);
  await shown(page, name);
}

export async function fillLogin(page, name, password) {
  await page.fill("input[name=name]", name);
  await page.fill("input[name=password]", password);
  await page.click("button.first");
}

/** Opens the page and logs in; the overview is there then. */
export async function logIn(page, name, password) {
  await page.goto(page.base);
  await page.waitForSelector("input[name=name]");
  await fillLogin(page, name, password);
  await page.waitForSelector("header.top");
  await shown(page, "overview");
}

/** What the API answers to this page's session: {code, body}, the body as JSON where it is. */
export async function api(page, method, path, body) {
  const [code, text] = await page.evaluate(async ([verb, where, what]) => {
    const answer = await fetch(where, { method: verb, body: what === null ? undefined : JSON.stringify(what), cache: "no-store" });
    return [answer.status, await answer.text()];
  }, [method, path, body ?? null]);
  try { return { code, body: JSON.parse(text) }; } catch { return { code, body: text }; }
}

/** The answer to a GET that must be good. */
export async function get(page, path) {
  const { code, body } = await api(page, "GET", path);
  assert.equal(code, 200, `GET ${path}: ${JSON.stringify(body)}`);
  return body;
}

/** Waits until `look` gives something true, and gives it back. */
export async function until(what, look, patience_ms = PATIENCE_MS) {
  const end = Date.now() + patience_ms;
  for (;;) {
    const found = await look();
    if (found) return found;
    if (Date.now() > end) throw new Error(`waited ${patience_ms} ms for ${what}`);
    await new Promise((resolve) => { setTimeout(resolve, 30); });
  }
}

/** Presses the button that is called so, as a person who sees it or hears it. */
export const press = (page, name) => page.getByRole("button", { name, exact: true }).first().click();

export const button = (page, name) => page.getByRole("button", { name, exact: true }).first();

/** The text of axe-core, to be run in a page. */
export const axe = await readFile(new URL("build/data/axe-core/axe.min.js", top), "utf8");
