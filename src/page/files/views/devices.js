// All devices: search, filters, pages, and what can be done with several at once.
import { get, part, post } from "../api.js";
import { field, h, note, select, table } from "../dom.js";
import { ago, moment, NEEDS, number, plural } from "../words.js";
import { complain, doing, may, onLeave, refine } from "../app.js";

const LIMIT = 50;

export const labels = (all) => Object.entries(all ?? {}).map(([name, value]) => h("span", { class: "tag" }, `${name}=${value}`));

export const needs = (all) => (all ?? []).map((need) =>
  h("span", { class: `tag ${NEEDS[need]?.[1] ?? ""}`, title: NEEDS[need]?.[0] }, need));

function filters(query, known, changed) {
  const words = h("input", { type: "search", name: "words", value: query.words ?? "", placeholder: "name or label" });
  const choices = Object.entries(known).flatMap(([name, values]) => values.map((value) => [`${name}=${value}`, `${name}=${value}`]));
  const form = h("form", { class: "filters", role: "search", onsubmit: (event) => { event.preventDefault(); changed(read()); } },
    field("Search", words),
    field("Label", select("label", [["", "all"], ...choices], query.label)),
    field("Needs", select("need", [["", "all"], ["any", "anything"], ...Object.keys(NEEDS).map((one) => [one, one])], query.need)),
    field("State", select("state", [["", "all"], ["active", "active"], ["revoked", "revoked"], ["left", "left"]], query.state)),
    field("Order", select("sort", [["", "name"], ["needs", "needs most"], ["contact", "silent longest"], ["-contact", "heard last"],
      ["records", "most records"]], query.sort)));
  const read = () => Object.fromEntries(new FormData(form));
  let wait;
  words.addEventListener("input", () => { clearTimeout(wait); wait = setTimeout(() => changed(read()), 200); });
  form.addEventListener("change", (event) => { if (event.target !== words) changed(read()); });
  onLeave(() => clearTimeout(wait));
  return form;
}

/** What is done with those that are chosen, one after the other; what fails is said, the rest goes on. */
async function each(names, act, say) {
  const failed = [];
  for (const [index, name] of names.entries()) {
    say(`${index + 1} of ${names.length}`);
    try { await act(name); } catch (error) { failed.push(`${name}: ${error.message}`); }
  }
  if (failed.length > 0) throw new Error(`${plural(failed.length, "device")} of ${names.length}: ${failed.slice(0, 3).join("; ")}`);
}

function bulk(chosen, done) {
  const said = h("span", { class: "soft", "aria-live": "polite" });
  const label = h("input", { name: "bulk", placeholder: "hall=b" });
  const run = (act) => async () => {
    await each([...chosen], act, (text) => said.replaceChildren(text));
    said.replaceChildren("done");
    await done();
  };
  const setLabel = doing("Set label", async () => {
    const [name, value] = label.value.split("=");
    if (!name || value === undefined) throw new Error("a label is written name=value; name= takes it away");
    await run((device) => post(`/v1/devices/${part(device)}/labels`, { [name.trim()]: value.trim() || null }))();
  });
  const revoke = doing("Revoke", async () => {
    if (confirm(`Revoke ${plural(chosen.size, "device")} for good? They have to join again.`)) {
      await run((device) => post(`/v1/devices/${part(device)}/revoke`))();
    }
  }, { class: "danger" });
  return h("div", { hidden: true, class: "actions", role: "group", "aria-label": "With those that are chosen" },
    h("strong", { class: "count" }, "0 chosen"), field("Label", label), setLabel, may("admin") && revoke, said);
}

export async function devices(box, { query }) {
  const wish = { ...query };
  const chosen = new Set();
  const list = h("div", {});
  const overviewing = get("/v1/overview", { hours: 1 });
  const actions = may("operate") ? bulk(chosen, () => load()) : null;
  const count = () => {
    if (!actions) return;
    actions.hidden = chosen.size === 0;
    actions.querySelector(".count").textContent = `${number(chosen.size)} chosen`;
  };
  let trail = [""]; // the `after` of each page up to this one
  let asked = 0;

  const tick = (name) => h("input", { type: "checkbox", "aria-label": `choose ${name}`, checked: chosen.has(name), onchange: (event) => {
    if (event.target.checked) chosen.add(name); else chosen.delete(name);
    count();
  } });

  async function load() {
    const number_ = ++asked;
    const page = await get("/v1/devices", { ...wish, limit: LIMIT, after: trail.at(-1) });
    if (number_ !== asked) return;
    const all = h("input", { type: "checkbox", "aria-label": "choose all on this page", onchange: (event) => {
      for (const one of list.querySelectorAll("tbody input[type=checkbox]")) if (one.checked !== event.target.checked) one.click();
    } });
    const heads = [may("operate") && { text: "", head: all }, "Device", "Needs", "Heard of", { text: "Waiting", class: "number" },
      { text: "Records", class: "number" },
      { text: "Gone", class: "number" }, { text: "Alarms", class: "number" }, "Labels", "State"].filter(Boolean);
    const rows = page.devices.map((one) => [
      may("operate") && { cell: tick(one.name) },
      h("a", { href: `#/device/${part(one.name)}` }, one.name), needs(one.needs),
      h("span", { title: moment(one.contact_at) }, ago(one.contact_at)), one.reported_at ? number(one.waiting) : "",
      number(one.stored), number(one.gone), number(one.alarms),
      labels(one.labels), one.state === "active" ? "active" : h("span", { class: "tag warn" }, one.state)].filter((cell) => cell !== false));
    list.replaceChildren(
      h("p", { class: "soft", role: "status" }, plural(page.total, "device"), page.total > LIMIT ? `, page ${trail.length}` : ""),
      page.devices.length > 0 ? table("Devices", heads, rows) : note(wish.words || wish.label || wish.need || wish.state
        ? "No device is like that: take a filter away." : "No device has joined yet: `ebb hub token new` makes a token to join with."),
      h("div", { class: "pager" },
        doing("Back", async () => { trail.pop(); await load(); }, { disabled: trail.length < 2 }),
        doing("On", async () => { trail.push(page.after); await load(); }, { disabled: !page.after })));
    for (const button of list.querySelectorAll(".pager button")) button.disabled = button.hasAttribute("disabled");
  }

  const changed = (next) => {
    Object.assign(wish, next);
    trail = [""];
    refine(wish);
    load().catch(complain);
  };
  const loading = load();
  const [overview] = await Promise.all([overviewing, loading]);
  box.append(h("h1", {}, "Devices"), h("p", { class: "lead" }, "Everything that may bring results to this hub."),
    filters(wish, overview.labels, changed), actions ?? "", list);
}
