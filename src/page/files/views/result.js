// One result: its fields, its attachments, and where it comes from.
import { get, part, post } from "../api.js";
import { card, h, note, pairs } from "../dom.js";
import { ago, bytes, instant, moment } from "../words.js";
import { doing, isDevice, may, onLeave } from "../app.js";

const isBlob = (value) => value !== null && typeof value === "object" && /^[0-9a-f]{32}$/.test(value.$blob ?? "") && typeof value.type === "string";

function inside(value) {
  if (isBlob(value)) return [h("code", {}, value.type), ` ${bytes(value.bytes)}`];
  return typeof value === "object" && value !== null ? h("code", {}, JSON.stringify(value)) : String(value);
}

/** Pictures are shown and sound is played; anything else can be saved. */
function shown(blob, url) {
  if (blob.type.startsWith("image/")) return h("img", { src: url, alt: `attached picture, ${bytes(blob.bytes)}` });
  if (blob.type.startsWith("audio/")) return h("audio", { src: url, controls: true });
  return h("a", { href: url, download: blob.$blob.slice(0, 12) }, "Save it");
}

/** Why one that was asked for is not here. */
const ABSENT = { gone: "The device did not have it any more.", kept: "It may not leave the device.", too_large: "It is larger than what is sent.",
  damaged: "What came was damaged.", removed: "It was here, and made room for others." };

function attachment(name, blob, device) {
  const box = h("div", { class: "shown" });
  const path = `/v1/blobs/${blob.$blob}`;
  let wait;
  onLeave(() => clearTimeout(wait));
  async function look() {
    const answer = await fetch(path, { credentials: "same-origin" });
    if (answer.ok) {
      const url = URL.createObjectURL(new Blob([await answer.arrayBuffer()], { type: answer.headers.get("Content-Type") }));
      onLeave(() => URL.revokeObjectURL(url));
      box.replaceChildren(shown({ ...blob, type: answer.headers.get("Content-Type") ?? "" }, url));
      return;
    }
    const state = (await answer.json().catch(() => ({}))).attachment?.state;
    if (state === "wanted") {
      box.replaceChildren(note("Asked for: it comes when the device is next heard of."));
      wait = setTimeout(look, 3000);
    } else {
      box.replaceChildren(note(ABSENT[state] ?? "It lies on the device; the hub has not asked for it."),
        may("operate") ? doing("Fetch it", async () => { await post(`${path}/want`, { device }); await look(); }) : "");
    }
  }
  look().catch(() => box.replaceChildren(note("The hub does not answer.", "bad")));
  return card(`${name} (${blob.type}, ${bytes(blob.bytes)})`, box);
}

/** Which version of workflow and agents the device said that it runs; a result itself does not say. */
async function version(one) {
  const device = await get(`/v1/devices/${part(one.device)}`).catch(() => null);
  const report = device?.report;
  const workflows = Array.isArray(report?.workflows) ? report.workflows : [], agents = Array.isArray(report?.agents) ? report.agents : [];
  const runs = workflows.find((workflow) => workflow?.name === one.workflow);
  if (!runs) return [];
  const words = instant(one.created_at) >= report.began_ms ? "since its daemon began" : "now; when this was made it may have been another";
  return [["Version", [h("code", {}, String(runs.digest).slice(0, 32)), ` of the workflow, ${words}`]],
    ["Agents there", agents.map((agent) => `${agent?.name} ${agent?.version}${agent?.variant ? ` (${agent.variant})` : ""}`).join(", ")]];
}

export async function result(box, { item }) {
  const one = await get(`/v1/results/${part(item)}`);
  const versions = isDevice() ? [] : await version(one);
  const fields = one.result !== null && typeof one.result === "object" && !Array.isArray(one.result) ? Object.entries(one.result) : [["result", one.result]];
  const made = () => h("a", { href: `#/device/${part(one.device_name || one.device)}` }, one.device_name || one.device);
  const blobs = fields.filter(([, value]) => isBlob(value));
  box.append(h("h1", {}, `${one.workflow} \u00b7 ${one.name}`), h("p", { class: "lead" }, `made ${ago(one.created_at)}`, isDevice() ? "" : [" by ", made()]),
  h("div", { class: "columns" },
    card("What it says", pairs(fields.map(([name, value]) => [name, [inside(value), one.units?.[name] ? ` ${one.units[name]}` : ""]]))),
    card("Where it comes from", pairs([
      ["Device", isDevice() ? undefined : made()],
      ["Workflow", h("a", { href: `#/workflow/${part(one.workflow)}` }, one.workflow)], ["Run", h("code", {}, one.run)],
      ["Made", moment(one.created_at)], ["Arrived", one.arrived_at && `${moment(one.arrived_at)} (${ago(one.arrived_at)})`], ["State", one.state],
      ["Lane", `${one.lane}, priority ${one.priority}`], ["Clock", one.clock && `${one.clock.quality}${one.clock.said_at ? `, it said ${one.clock.said_at}` : ""}`],
      ["Id", h("code", {}, one.id)], ...versions]))),
  ...blobs.map(([name, value]) => attachment(name, value, one.device)),
  card("As JSON", h("pre", { tabindex: 0 }, JSON.stringify(one, null, 2))));
}
