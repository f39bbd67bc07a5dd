// One device: what it is, what it needs, what it brought, what went missing and why.
import { get, part, post, remove } from "../api.js";
import { card, field, h, note, pairs, table } from "../dom.js";
import { ago, agoMs, bytes, member, moment, number, objects, text } from "../words.js";
import { doing, may, refreshed, settled } from "../app.js";
import { labels } from "./devices.js";
import { rows as resultRows, RESULT_HEADS } from "./results.js";

const REASONS = { superseded: "a newer result took its place", expired: "its time was up", evicted: "there was no room for it",
  rolled_up: "it was rolled up into fewer", damaged: "the disk damaged it", purged: "the hub had it once" };

/** Why records are gone; a word of another version as it stands. */
const why = (reason) => member(REASONS, text(reason)) ?? (text(reason) || "it does not say");

const when = (text) => (text ? `${moment(text)} (${ago(text)})` : undefined);

function losses(device) {
  if (device.losses.length === 0) return note("Nothing went missing and no run failed.");
  return table("What went missing or failed", ["When", "What", "Lane", { text: "Records", class: "number" }, "Why"], device.losses.map((one) => [
    h("span", { title: moment(one.arrived_at) }, ago(one.arrived_at)), one.kind === "gap" ? "gone" : "failed", one.lane,
    number(one.kind === "gap" ? one.body?.count ?? one.seqs[1] - one.seqs[0] + 1 : 1),
    one.kind === "gap" ? why(one.body?.reason)
      : [one.workflow, one.body?.step ? [", step ", text(one.body.step)] : "", one.body?.text ? [": ", text(one.body.text)] : ""]]));
}

/** What an alarm says, whose kind stands before it already. */
const said = ({ kind, text }) => (text.startsWith(`${kind}: `) ? text.slice(kind.length + 2) : text);

function alarms(device, load) {
  if (device.alarms.length === 0) return note("No alarm.");
  return table("Alarms", ["When", "What", { text: "Times", class: "number" }, "Seen"], device.alarms.map((one) => [
    h("span", { title: moment(one.last_at) }, ago(one.last_at)), [h("span", { class: "tag" }, one.kind), " ", said(one)], number(one.count),
    one.seen_at ? `by ${one.seen_by}` : may("operate") ? doing("Seen", async () => { await post(`/v1/alarms/${one.number}/seen`); await load(); }) : "no"]));
}

function waiting(report) {
  if (!report) return null;
  return card("On the device", h("p", { class: "soft" }, `as it said ${ago(report.came_at)}`), pairs([
    ["Version", text(report.version)], ["Clock", text(report.clock?.quality)],
    ["Up since", agoMs(Date.now() - report.up_s * 1000)],
    ["Link", report.link ? `${text(report.link.kind) || "not known"}${report.link.metered === true ? ", metered" : ""}` : undefined],
    ["Store", report.store ? `${bytes(report.store.bytes)} of ${bytes(report.store.budget_bytes)}${report.store.full === true ? ", full" : ""}` : undefined]]),
    table("Lanes", ["Lane", { text: "Waiting", class: "number" }, { text: "Bytes", class: "number" }, "Oldest"],
      objects(report.lanes).map((one) => [text(one.lane), number(one.waiting), bytes(one.bytes), agoMs(one.oldest_ms)])));
}

function changes(device, load) {
  if (!may("operate")) return null;
  const label = h("input", { name: "label", placeholder: "hall=b" });
  const path = `/v1/devices/${part(device.name)}`;
  const set = doing("Set label", async () => {
    const [name, value] = label.value.split("=");
    if (!name || value === undefined) throw new Error("a label is written name=value; name= takes it away");
    await post(`${path}/labels`, { [name.trim()]: value.trim() || null });
    await load();
  });
  const revoke = doing("Revoke", async () => {
    if (confirm(`Revoke ${device.name} for good? It has to join again.`)) { await post(`${path}/revoke`); await load(); }
  }, { class: "danger" });
  const gone = doing("Remove", async () => {
    if (confirm(`Remove ${device.name}? What it brought stays; its name is free again.`)) { await remove(path); location.hash = "#/devices"; }
  }, { class: "danger" });
  return h("div", { class: "actions" }, field("Label", label), set, may("admin") && device.state === "active" && revoke, may("admin") && gone);
}

export async function device(box, { item, replace }) {
  async function load() {
    const [one, brought] = await Promise.all([get(`/v1/devices/${part(item)}`), get("/v1/results", { device: item, limit: 15 })]);
    settled();
    const taken = one.lanes.reduce((sum, lane) => sum + lane.stored, 0);
    if (box.contains(document.activeElement) && document.activeElement.matches("input")) return; // somebody is typing
    box.replaceChildren(
      h("h1", {}, one.name), h("p", { class: "lead" }, one.state === "active" ? `heard of ${ago(one.contact_at)}` : h("span", { class: "tag warn" }, one.state),
        " ", labels(one.labels)),
      changes(one, load),
      h("div", { class: "columns" },
        card("What it is", pairs([["Id", h("code", {}, one.id)], ["Heard of", when(one.contact_at) ?? "never"], ["Joined", when(one.joined_at)],
          ["Records", `${number(taken)} taken`], ...Object.entries(one.facts ?? {}).map(([name, value]) => [name, text(value)]),
          ["Certificate", one.certificates[0] ? `${one.certificates[0].state}, ends ${moment(one.certificates[0].ends_at)}` : "none"]])),
        card("Lanes", table("Lanes", ["Lane", { text: "Taken", class: "number" }, { text: "Gone", class: "number" }, { text: "Set aside", class: "number" }],
          one.lanes.map((lane) => [lane.lane, number(lane.stored), number(lane.gone), number(lane.aside)]))),
        waiting(one.report)),
      card("Alarms", alarms(one, load)),
      card("What went missing", losses(one)),
      card("Newest results", table("Newest results", RESULT_HEADS.slice(1), resultRows(brought.results).map((cells) => cells.slice(1))),
        h("p", {}, h("a", { href: `#/results?device=${part(one.name)}` }, `All results of ${one.name}`))));
    replace();
  }
  await refreshed(15, load);
}
