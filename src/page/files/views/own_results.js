// What this device found, the newest first.
import { get } from "../api.js";
import { field, h, note, select, table } from "../dom.js";
import { moment } from "../words.js";
import { complain, doing, refine, refreshed } from "../app.js";

const LANES = ["urgent", "high", "normal", "low", "local", "control"];

export async function ownResults(box, { query }) {
  const wish = { ...query }, list = h("div", {});
  let trail = [""];
  const text = (name, words) => field(words, h("input", { name, value: wish[name] ?? "" }));
  const form = h("form", { class: "filters", role: "search", onsubmit: (event) => { event.preventDefault(); changed(); }, onchange: () => changed() },
    text("workflow", "Workflow"), text("name", "Result"), field("Lane", select("lane", [["", "all"], ...LANES.map((one) => [one, one])], wish.lane)), h("button", {}, "Show"));
  async function load() {
    const page = await get("/v1/results", { ...wish, limit: 50, before: trail.at(-1) });
    list.replaceChildren(page.results.length === 0 ? note("No result is like that.") :
      table("Results", ["Made", "Workflow", "Result", "Lane", "State", "What"], page.results.map((one) => [moment(one.created_at), one.workflow, one.kind === "result" ? one.name : one.kind,
        one.lane, one.state, h("a", { class: "mono", href: `#/result/${one.id}` }, h("div", { class: "brief" }, JSON.stringify(one.result ?? null)))])),
    h("div", { class: "pager" }, trail.length > 1 && doing("Newer", async () => { trail.pop(); await load(); }),
      page.next && doing("Older", async () => { trail.push(page.next); await load(); })));
  }
  const changed = () => { Object.assign(wish, Object.fromEntries(new FormData(form))); trail = [""]; refine(wish); load().catch(complain); };
  box.append(h("h1", {}, "Results"), form, list);
  await refreshed(3, async () => { if (trail.length === 1) await load(); });
}
