// SPDX-License-Identifier: Apache-2.0
// How it looks and is to be used: light and dark, on a phone, by the keyboard alone, by who cannot see it.
import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { axe, get, go, logIn, openPage, shown } from "./browser.mjs";

const PHONE = { width: 390, height: 844 }, DESK = { width: 1280, height: 900 };

/** Every view by a name for its picture, with something in it. */
async function places(page) {
  const { alarms } = await get(page, "/v1/alarms");
  const { results } = await get(page, "/v1/results?lane=urgent&limit=1");
  return { overview: "#/", devices: "#/devices?need=any&sort=needs", device: `#/device/${alarms.find((one) => one.device).device}`,
    results: "#/results", result: `#/result/${results[0].id}`, workflows: "#/workflows", workflow: "#/workflow/press-watch",
    questions: "#/questions", health: "#/health", audit: "#/audit", people: "#/people" };
}

/** What of the page is wider than the screen, but for what scrolls by itself. */
const tooWide = (page) => page.evaluate(() => {
  const wide = [...document.querySelectorAll("body, body *")].filter((node) => {
    const box = node.getBoundingClientRect();
    return box.width > 0 && box.right > innerWidth + 1 && !node.closest(".scroll, pre, .hidden, .u-over") && getComputedStyle(node).position !== "absolute";
  });
  const said = wide.map((node) => `${node.tagName}.${node.className} ends at ${Math.round(node.getBoundingClientRect().right)}`);
  if (document.documentElement.scrollWidth > innerWidth) said.push(`the page is ${document.documentElement.scrollWidth} wide`);
  return said;
});

const ALL_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"];

/** Violations of WCAG 2 A and AA, as sentences; or of some rules alone. */
async function violations(page, runOnly = ALL_RULES) {
  if (!await page.evaluate(() => "axe" in window)) await page.evaluate(axe);
  const found = await page.evaluate((rules) => window.axe.run(document, { runOnly: rules, resultTypes: ["violations"] }), runOnly);
  return found.violations.flatMap((one) => one.nodes.map((node) => `${one.id}: ${node.html.slice(0, 160)} (${node.failureSummary.split("\n").slice(1).join(";")})`));
}

async function everyView(page, given, look) {
  await page.goto(page.base);
  await page.waitForSelector("input[name=name]");
  await provePlanted(page);
  await look("login");
  await logIn(page, "admin", given.password);
  for (const [name, hash] of Object.entries(await places(page))) {
    await go(page, hash);
    await page.waitForTimeout(50); // the chart is drawn when its box is measured
    await look(name);
  }
}

/** What is planted is found: else nothing that is not found means anything. */
async function provePlanted(page) {
  await page.evaluate(() => {
    const wide = document.createElement("p"), image = document.createElement("img");
    wide.style.setProperty("width", "3000px");
    image.src = "page/icon.svg";
    wide.append("a planted paragraph ", image);
    document.querySelector("main").append(wide);
  });
  assert.ok((await violations(page)).some((text) => text.startsWith("image-alt")), "a picture without words is found");
  assert.ok((await tooWide(page)).some((text) => text.startsWith("P")), "what is too wide is found");
  await page.reload();
  await page.waitForSelector("input[name=name]");
}

/** Each view in light and dark, with a picture of it; nothing keeps anybody from using it. */
export async function accessible(browser, url, given) {
  await mkdir(given.folder, { recursive: true });
  const said = [];
  const page = await openPage(browser, url, { viewport: DESK, reducedMotion: "reduce" });
  await everyView(page, given, async (name) => {
    for (const colorScheme of ["light", "dark"]) {
      await page.emulateMedia({ colorScheme });
      const rules = colorScheme === "light" ? ALL_RULES : { type: "rule", values: ["color-contrast", "link-in-text-block"] }; // what colours decide
      said.push(...(await violations(page, rules)).map((text) => `${name}, ${colorScheme}: ${text}`));
      await page.screenshot({ path: `${given.folder}/${name}-${colorScheme}.png`, fullPage: name !== "results" && name !== "devices" });
    }
  });
  page.watch.check("light and dark");
  assert.deepEqual(said, []);
}

/** Each view on a phone: nothing is wider than it. */
export async function phone(browser, url, given) {
  await mkdir(given.folder, { recursive: true });
  const said = [];
  const page = await openPage(browser, url, { viewport: PHONE, reducedMotion: "reduce", hasTouch: true, deviceScaleFactor: 2 });
  await everyView(page, given, async (name) => {
    said.push(...(await tooWide(page)).map((text) => `${name}: ${text}`));
    await page.screenshot({ path: `${given.folder}/${name}-phone.png` });
  });
  page.watch.check("a phone");
  assert.deepEqual(said, []);
}

// --- the keyboard --------------------------------------------------------------------------------

/** What has the focus, and whether that is seen. */
const focus = (page) => page.evaluate(() => {
  const node = document.activeElement, style = getComputedStyle(node), box = node.getBoundingClientRect();
  return { tag: node.tagName, text: (node.textContent.trim() || node.getAttribute("aria-label") || node.name || "").slice(0, 60), href: node.getAttribute("href"),
    seen: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2, inside: box.bottom > 0 && box.top < innerHeight, id: node.id, hash: node.hash };
});

/** Presses Tab until `wanted`, which must come; each stop is seen. */
async function tabTo(page, what, wanted) {
  const passed = [];
  for (let i = 0; i < 60; i++) {
    await page.keyboard.press("Tab");
    const at = await focus(page);
    if (at.tag === "BODY") continue;
    assert.ok(at.seen, `the focus is not seen on ${JSON.stringify(at)}`);
    passed.push(at.text);
    if (wanted(at)) return passed;
  }
  throw new Error(`no Tab leads to ${what}: ${passed.join(" | ")}`);
}

/** Logs in, goes past the menu, and opens a device, without a mouse. */
export async function keyboard(browser, url, given) {
  const page = await openPage(browser, url);
  await page.goto(url);
  await page.waitForSelector("input[name=name]");
  assert.equal((await focus(page)).tag, "INPUT", "the name has the focus at once");
  await page.keyboard.type("admin");
  await page.keyboard.press("Tab");
  await page.keyboard.type(given.password);
  await page.keyboard.press("Enter");
  await page.waitForSelector("header.top");
  await shown(page, "overview");
  await tabTo(page, "the way past the menu", (at) => at.text === "To the content");
  await page.keyboard.press("Enter");
  assert.equal((await focus(page)).tag, "MAIN");
  await page.keyboard.press("Tab");
  assert.ok(await page.evaluate(() => document.querySelector("main").contains(document.activeElement)), "the content comes next");
  await page.reload();
  await shown(page, "overview");
  const menu = await tabTo(page, "the menu", (at) => at.text === "Devices");
  assert.equal(menu[0], "To the content", "the first is the way past the menu");
  await page.keyboard.press("Enter");
  await shown(page, "devices");
  const order = await tabTo(page, "a device", (at) => at.tag === "A" && /^#\/device\//.test(at.hash));
  assert.ok(order.indexOf("words") > order.indexOf("Log out"), "the search comes after the menu");
  const { text } = await focus(page);
  await page.keyboard.press("Enter");
  await shown(page, "device");
  assert.equal(await page.textContent("h1"), text);
  await tabTo(page, "the label", (at) => at.tag === "INPUT");
  await page.keyboard.type("by=keyboard");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await page.waitForSelector(".tag:text('by=keyboard')");
  page.watch.check("the keyboard alone");
}
