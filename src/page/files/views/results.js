// Results by filters, a page at a time, or as they come.
import { address, get, part } from "../api.js";
import { field, h, note, select, table } from "../dom.js";
import { ago, moment, number } from "../words.js";
import { complain, doing, onLeave, refine } from "../app.js";

const LIMIT = 50, LIVE_ROWS_MAX = 200;
const LANES = ["control", "urgent", "high", "normal", "low"];

export const RESULT_HEADS = ["Device", "Workflow", "Result", "Lane", "Made", "What"];

const brief = (value) => {
  const text = typeof value === "string" ? value : JSON.stringify(value) ?? "";
  return text.length > 160 ? `${text.slice(0, 159)}\u2026` : text;
};

export const rows = (results) => results.map((one) => [
  h("a", { href: `#/device/${part(one.device_name || one.device)}` }, one.device_name || one.device.slice(0, 8)),
  h("a", { href: `#/workflow/${part(one.workflow)}` }, one.workflow), one.name,
  one.lane === "urgent" || one.lane === "control" ? h("span", { class: "tag bad" }, one.lane) : one.lane,
  h("span", { title: one.created_at }, moment(one.created_at)),
  h("a", { class: "mono", href: `#/result/${one.id}` }, h("div", { class: "brief" }, brief(one.result)))]);

function filters(query, changed) {
  const text = (name, words, more = {}) => field(words, h("input", { name, value: query[name] ?? "", ...more }));
  const form = h("form", { class: "filters", role: "search", onsubmit: (event) => { event.preventDefault(); changed(read()); } },
    text("workflow", "Workflow"), text("name", "Result"), text("device", "Device"), text("label", "Label", { placeholder: "site=bremen" }),
    field("Lane", select("lane", [["", "all"], ...LANES.map((one) => [one, one])], query.lane)),
    field("Since", select("span", [["", "ever"], ["1", "1 hour"], ["24", "1 day"], ["168", "7 days"], ["720", "30 days"]], query.span)),
    h("button", {}, "Show"));
  form.addEventListener("change", () => changed(read()));
  const read = () => Object.fromEntries(new FormData(form));
  return form;
}

const wished = ({ span, ...wish }) => ({ ...wish, since: span ? Date.now() - Number(span) * 3600000 : undefined });

/** The live tail: what comes is put on top. */
function tail(wish, after, came, said) {
  const { workflow, name, device, label, lane } = wish;
  const source = new EventSource(address("/v1/tail", { workflow, name, device, label, lane, after }));
  source.onopen = () => said("live");
  source.onmessage = (event) => came(JSON.parse(event.data));
  source.addEventListener("missed", (event) => said(`live; ${number(Number(event.data))} came too fast to be shown`));
  source.onerror = () => said(source.readyState === EventSource.CLOSED ? "no tail: too many are open, or the hub is away" : "connecting again");
  return () => source.close();
}

export async function results(box, { query }) {
  const wish = { ...query };
  const list = h("div", {}), dot = h("span", { class: "dot" }), words = h("span", { role: "status" }, "not live");
  const live = h("input", { type: "checkbox", id: "live", name: "live", checked: query.live === "1" });
  let trail = [""], stop = () => {}, asked = 0, last;
  onLeave(() => stop());

  async function load() {
    const number_ = ++asked;
    const page = await get("/v1/results", { ...wished(wish), live: "", limit: LIMIT, before: trail.at(-1) });
    if (number_ !== asked) return;
    last = page.last;
    list.replaceChildren(
      page.results.length > 0 ? table("Results", RESULT_HEADS, rows(page.results)) :
        note(page.next ? "None so far: \"Older\" looks further back." : "No result is like that."),
      h("div", { class: "pager" },
        doing("Newer", async () => { trail.pop(); await load(); }, { disabled: trail.length < 2 }),
        doing("Older", async () => { trail.push(page.next); await load(); }, { disabled: !page.next }),
        h("a", { class: "button", href: address("/v1/results", { ...wished(wish), live: "", limit: 500 }), download: "results.json" }, "These as JSON")));
    for (const button of list.querySelectorAll(".pager button")) button.disabled = button.hasAttribute("disabled");
  }

  function came(one) {
    let body = list.querySelector("tbody");
    if (!body) { list.replaceChildren(table("Results", RESULT_HEADS, [])); body = list.querySelector("tbody"); }
    const row = table("", RESULT_HEADS, rows([one])).querySelector("tbody tr");
    row.classList.add("fresh");
    row.dataset.id = one.id;
    body.prepend(row);
    while (body.rows.length > LIVE_ROWS_MAX) body.lastChild.remove();
  }

  function follow() {
    stop();
    stop = () => {};
    dot.classList.toggle("on", live.checked);
    if (live.checked) stop = tail(wish, last, came, (text) => words.replaceChildren(text)); else words.replaceChildren("not live");
  }

  const changed = (next) => {
    Object.assign(wish, next);
    trail = [""];
    refine({ ...wish, live: live.checked ? "1" : "" });
    load().then(follow, complain);
  };
  live.addEventListener("change", () => { trail = [""]; refine({ ...wish, live: live.checked ? "1" : "" }); load().then(follow, complain); });
  box.append(h("h1", {}, "Results"), h("p", { class: "lead live" }, h("label", { for: "live" }, live, " as they come"), dot, words),
    filters(wish, changed), list);
  await load();
  follow();
}
