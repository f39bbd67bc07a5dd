// The page: who is here, which view is shown, and what all views share.
import { get, post, Refused } from "./api.js";
import { h, note } from "./dom.js";
import { login, firstPassword } from "./views/login.js";
import { overview } from "./views/overview.js";
import { devices } from "./views/devices.js";
import { device } from "./views/device.js";
import { results } from "./views/results.js";
import { result } from "./views/result.js";
import { workflows } from "./views/workflows.js";
import { workflow } from "./views/workflow.js";
import { questions } from "./views/questions.js";
import { people } from "./views/people.js";
import { audit } from "./views/audit.js";
import { health } from "./views/health.js";
import { ownOverview } from "./views/own_overview.js";
import { ownWorkflow } from "./views/own_workflow.js";
import { ownResults } from "./views/own_results.js";
import { ownLogs } from "./views/own_logs.js";

/** name: [title, view, the right it takes, in the menu]. */
const VIEWS = {
  "": ["Overview", overview, "read", true],
  devices: ["Devices", devices, "read", true],
  device: ["Device", device, "read", false],
  results: ["Results", results, "read", true],
  result: ["Result", result, "read", false],
  workflows: ["Workflows", workflows, "read", true],
  workflow: ["Workflow", workflow, "read", false],
  questions: ["Questions", questions, "read", true],
  health: ["Hub", health, "read", true],
  audit: ["Audit", audit, "operate", true],
  people: ["People", people, "admin", true],
};

/** Those of a device's own page. */
const OWN_VIEWS = {
  "": ["This device", ownOverview, "read", true],
  results: ["Results", ownResults, "read", true],
  result: ["Result", result, "read", false],
  workflow: ["Workflow", ownWorkflow, "read", false],
  logs: ["Log", ownLogs, "read", true],
};

const views = () => (isDevice() ? OWN_VIEWS : VIEWS);

/** Whether this is a device's own page, and not a hub's. */
export const isDevice = () => state.me?.is_device === true;

const state = { me: null, leave: [] };

/** What an address says; one that was cut in the middle of a letter, as it stands. */
function written(text) {
  try { return decodeURIComponent(text); } catch { return text; }
}

/** Where we are: "#/device/line-3?tab=a" is {name: "device", item: "line-3", query: {tab: "a"}}. */
export function place() {
  const [path, words = ""] = location.hash.replace(/^#\/?/, "").split("?");
  const [name = "", item = ""] = path.split("/");
  return { name, item: written(item), query: Object.fromEntries(new URLSearchParams(words)) };
}

/** What is to end when another view comes: timers, tails. */
export const onLeave = (end) => state.leave.push(end);

export const may = (right) => state.me?.may.includes(right) ?? false;

/** Moves to another query of the same view, without a step of the browser's history. */
export function refine(query) {
  const kept = Object.entries(query).filter(([, value]) => value !== "" && value !== undefined);
  const words = new URLSearchParams(kept).toString();
  const { name, item } = place();
  const path = item ? `${name}/${encodeURIComponent(item)}` : name;
  history.replaceState(null, "", words ? `#/${path}?${words}` : `#/${path}`);
}

/** Calls `refresh` now and every `seconds`, as long as the view is there and the page is seen. */
export async function refreshed(seconds, refresh) {
  const timer = setInterval(() => { if (!document.hidden) refresh().catch(complain); }, seconds * 1000);
  onLeave(() => clearInterval(timer));
  await refresh();
}

/** Says what went wrong, at the top of the view; who is not logged in (any more) is asked to. */
export function complain(error) {
  if (error.name === "AbortError") return;
  if (error instanceof Refused && error.code === 401) { begin(); return; }
  const main = document.querySelector("main");
  main.querySelector(".note.trouble")?.remove();
  const said = note(error.message, "bad");
  said.classList.add("trouble");
  main.prepend(said);
}

export const settled = () => document.querySelector("main .note.trouble")?.remove();

/** A button that does something, and can do it once at a time. */
export function doing(text, act, properties = {}) {
  const button = h("button", { type: "button", ...properties, onclick: async () => {
    button.disabled = true;
    try { await act(); settled(); } catch (error) { complain(error); } finally { button.disabled = false; }
  } }, text);
  return button;
}

function toggleTheme() {
  const dark = document.documentElement.dataset.theme === "dark" ||
    (!document.documentElement.dataset.theme && matchMedia("(prefers-color-scheme: dark)").matches);
  document.documentElement.dataset.theme = dark ? "light" : "dark";
  try { localStorage.setItem("theme", document.documentElement.dataset.theme); } catch { /* it is not kept then */ }
  document.dispatchEvent(new Event("theme"));
}

function frame() {
  const links = Object.entries(views()).filter(([, [, , right, shown]]) => shown && may(right))
    .map(([name, [title]]) => h("a", { href: `#/${name}`, "data-view": name }, title));
  const out = !isDevice() && doing("Log out", async () => { await post("/v1/logout"); begin(); });
  document.body.replaceChildren(
    h("a", { class: "skip", href: "#main", onclick: (event) => { event.preventDefault(); document.querySelector("main").focus(); } },
      "To the content"),
    h("header", { class: "top" },
      h("a", { class: "brand", href: "#/" }, h("img", { src: "page/icon.svg", alt: "" }), "ebb"),
      h("nav", { class: "main", "aria-label": "Views" }, links),
      h("div", { class: "who" },
        h("button", { type: "button", onclick: toggleTheme, "aria-label": "Light or dark" }, "\u25d0"),
        h("span", {}, state.me.name, " ", h("span", { class: "tag" }, state.me.role)), out || "")),
    h("main", { id: "main", tabindex: -1 }));
}

function leaveView() {
  for (const end of state.leave.splice(0)) end();
}

let shown = 0;

async function show() {
  leaveView();
  const { name, item, query } = place();
  const all = views();
  const [title, view, right] = Object.hasOwn(all, name) ? all[name] : all[""];
  const main = document.querySelector("main");
  if (!main) return;
  const number = ++shown;
  document.title = item ? `${item} \u00b7 ebb` : `${title} \u00b7 ebb`;
  const menu = { device: "devices", result: "results", workflow: "workflows" }[name] ?? name;
  for (const link of document.querySelectorAll("nav.main a")) {
    if (link.dataset.view === menu) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  const box = h("div", {});
  try {
    if (!may(right)) throw new Error(`this takes the right to ${right}, which ${state.me.name} does not have`);
    await view(box, { item, query, replace: () => { if (number === shown && !box.isConnected) main.replaceChildren(box); } });
    if (number !== shown) return;
    if (!box.isConnected) main.replaceChildren(box);
    document.documentElement.dataset.shown = name || "overview";
  } catch (error) {
    if (number !== shown) return;
    if (!box.isConnected) main.replaceChildren(box);
    complain(error);
  }
}

async function begin() {
  leaveView();
  shown++;
  try {
    state.me = await get("/v1/me");
  } catch (error) {
    document.body.replaceChildren(h("main", {}, h("h1", {}, "ebb"), note(error.message, "bad"),
      h("button", { type: "button", onclick: begin }, "Try again")));
    return;
  }
  if (state.me.name === null) { login(begin); return; }
  if (state.me.must_change) { firstPassword(state.me, begin); return; }
  frame();
  await show();
}

try {
  const theme = localStorage.getItem("theme");
  if (theme) document.documentElement.dataset.theme = theme;
} catch { /* then as the system has it */ }
addEventListener("hashchange", show);
begin();
