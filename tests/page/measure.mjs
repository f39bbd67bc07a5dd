// SPDX-License-Identifier: Apache-2.0
// How long it takes until something is seen: for bench/page, which prints it.
import { get, go, logIn, openPage, until } from "./browser.mjs";

const TURNS = 25;

/** [p50, p95] of numbers. */
function percentiles(all) {
  const sorted = [...all].sort((a, b) => a - b);
  return [0.5, 0.95].map((share) => Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] * 10) / 10);
}

async function placesOf(page) {
  const { alarms } = await get(page, "/v1/alarms");
  const { results } = await get(page, "/v1/results?lane=urgent&limit=1");
  const device = alarms.find((one) => one.device).device;
  const all = { overview: "#/", devices: "#/devices", "devices that need somebody": "#/devices?need=any&sort=needs", "devices by words": "#/devices?words=press-01",
    device: `#/device/${device}`, results: "#/results", "results of a workflow": "#/results?workflow=press-watch", "results of a device": `#/results?device=${device}`,
    "urgent results": "#/results?lane=urgent", "results of a label": "#/results?label=site%3Dgraz", "results of a day": "#/results?span=24",
    result: `#/result/${results[0].id}`, workflows: "#/workflows", workflow: "#/workflow/press-watch", hub: "#/health", audit: "#/audit", people: "#/people" };
  return { all, device };
}

/** From the address's change until the view is there and painted, and the requests that it took. */
const timed = (page, hash) => page.evaluate(async (to) => {
  const root = document.documentElement;
  delete root.dataset.shown;
  performance.clearResourceTimings();
  const began = performance.now();
  const came = new Promise((resolve) => {
    const observer = new MutationObserver(() => { if (root.dataset.shown) { observer.disconnect(); resolve(); } });
    observer.observe(root, { attributes: true, attributeFilter: ["data-shown"] });
  });
  location.hash = to;
  await came;
  await new Promise((resolve) => { requestAnimationFrame(() => requestAnimationFrame(resolve)); });
  const ms = performance.now() - began;
  const asked = performance.getEntriesByType("resource").map((one) => [new URL(one.name).pathname + new URL(one.name).search, one.duration]);
  return { ms, asked: asked.filter(([path]) => path.startsWith("/v1/")) };
}, hash);

/** The name of a request, whichever device or result it was about. */
const plain = (path) => path.replace(/[0-9a-f]{8}-[0-9a-f-]{27}/, "ID").replace(/(device|words|since)=[^&]*/, "$1=...").replace(/devices\/[^?]+/, "devices/NAME");

/** Notes when the first view of a page that is opened is painted, counted from when it was asked for. */
const noteOpening = (page) => page.addInitScript(() => new MutationObserver((_, observer) => {
  if (!document.documentElement?.dataset.shown) return;
  observer.disconnect();
  requestAnimationFrame(() => requestAnimationFrame(() => { window.__shown_ms = performance.now(); }));
}).observe(document, { attributes: true, subtree: true, attributeFilter: ["data-shown"] }));

/** {views, api}: of each its p50 and p95 in ms; and of the whole page, opened by who is logged in. */
export async function page_ms(browser, url, given) {
  const page = await openPage(browser, url);
  await noteOpening(page);
  await logIn(page, "admin", given.password);
  const { all } = await placesOf(page);
  const views = {}, api = {};
  for (let turn = 0; turn < (given.turns ?? TURNS); turn++) {
    for (const [name, hash] of Object.entries(all)) {
      const { ms, asked } = await timed(page, hash);
      (views[name] ??= []).push(ms);
      for (const [path, took] of asked) (api[plain(path)] ??= []).push(took);
      if (name === "overview") await go(page, "#/questions");
    }
    await page.goto(`${url}?${turn}`);
    (views["the page itself"] ??= []).push(await (await page.waitForFunction(() => window.__shown_ms)).jsonValue());
  }
  const each = (table) => Object.fromEntries(Object.entries(table).map(([name, values]) => [name, percentiles(values)]));
  return { views: each(views), api: each(api) };
}

/** Says of each row that comes on top how old its result is when it is painted; with `poll` the page asks each second instead. */
async function watchAges(page, count, poll) {
  return page.evaluate(async ([wanted, asks]) => {
    const ages = new Map();
    const see = (text) => {
      const sent = Number(/"sent_ms":\s*([\d.]+)/.exec(text)?.[1]);
      if (sent && sent > began && !ages.has(sent)) requestAnimationFrame(() => ages.set(sent, Date.now() - sent));
    };
    const began = Date.now();
    const look = () => { for (const row of document.querySelectorAll(".scroll[aria-label=Results] tbody tr")) see(row.textContent); };
    const ask = async () => {
      const { results } = await (await fetch("/v1/results?limit=50", { cache: "no-store" })).json();
      for (const one of results) see(JSON.stringify(one.result));
    };
    if (asks) setInterval(ask, 1000);
    else new MutationObserver(look).observe(document.querySelector("main"), { childList: true, subtree: true });
    const end = Date.now() + 60000;
    while (ages.size < wanted && Date.now() < end) await new Promise((resolve) => { setTimeout(resolve, 50); });
    return [...ages.values()];
  }, [count, poll]);
}

/** {tail, poll}: p50 and p95 in ms, from before a result is sent by its device until it is seen. */
export async function tail_ms(browser, url, given) {
  const ages = {};
  for (const poll of [false, true]) {
    const page = await openPage(browser, url);
    await logIn(page, "admin", given.password);
    await go(page, "#/results");
    if (!poll) {
      await page.check("#live");
      await until("it is live", async () => await page.textContent(".live [role=status]") === "live");
    }
    ages[poll ? "poll" : "tail"] = percentiles(await watchAges(page, given.count, poll));
    await page.context().close();
  }
  return ages;
}
