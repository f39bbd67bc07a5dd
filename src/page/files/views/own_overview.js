// A device's own page: what it does, what waits, whether its hub is there.
import { get, part, post } from "../api.js";
import { card, h, note, pairs, table } from "../dom.js";
import { ago, bytes, moment, number, plural } from "../words.js";
import { doing, may, refreshed, settled } from "../app.js";

function problems(status, sync) {
  const said = [];
  const one = (kind, words) => said.push(h("section", { class: `card ${kind}` }, h("p", {}, words)));
  if (status.store.full) one("bad", "The disk is full: results may be lost.");
  if (status.store.failing) one("bad", "The disk fails: nothing is kept safely.");
  if (status.time_quality === "bad") one("warn", "The clock is wrong.");
  for (const workflow of status.workflows) {
    if (workflow.fault) one("bad", `${workflow.name} does not run: ${workflow.fault}`);
    else if (workflow.failures > 0) one("warn", h("a", { href: `#/workflow/${part(workflow.name)}` }, `${plural(workflow.failures, "run")} of ${workflow.name} failed.`));
  }
  for (const agent of status.agents) if (agent.state !== "ready") one("warn", `Agent ${agent.name} is ${agent.state}.`);
  if (sync.joined && !sync.connected) one("warn", `The hub is not reached: what is made waits here${sync.refused ? ` (it says: ${sync.refused})` : ""}.`);
  if (status.store.gaps > 0) one("warn", `${plural(status.store.gaps, "gap")}: records made room before the hub had them.`);
  return said;
}

function hub(sync) {
  if (!sync.joined) return note("This device has joined no hub: its results stay here (ebb join TOKEN).");
  return [pairs([["Hub", sync.hub], ["State", `${sync.state}${sync.paused ? ", paused" : ""}`], ["Heard of", sync.last_contact_at ? `${ago(sync.last_contact_at)} (${moment(sync.last_contact_at)})` : "never"],
    ["Sent", `${number(sync.sent_records)} records, ${bytes(sync.sent_bytes)}`], ["Link", sync.link ? `${sync.link.kind}, ${sync.link.interface}${sync.link.metered ? ", metered" : ""}` : ""],
    ["Certificate ends", moment(sync.certificate_ends_at)]]),
  may("operate") && h("div", { class: "actions" }, doing("Send now", () => post("/v1/sync/now")),
    doing(sync.paused ? "Go on" : "Pause", () => post(sync.paused ? "/v1/sync/resume" : "/v1/sync/pause")))];
}

const oldest = (queue, lane) => {
  const at = queue.lanes.find((one) => one.lane === lane)?.oldest_at;
  return at ? ago(at) : "";
};

export async function ownOverview(box, { replace }) {
  await refreshed(3, async () => {
    const [status, sync, queue, { destinations }] = await Promise.all([get("/v1/status"), get("/v1/sync"), get("/v1/queue"), get("/v1/destinations")]);
    settled();
    const wrong = problems(status, sync);
    const waiting = status.lanes.reduce((sum, one) => sum + one.waiting, 0);
    box.replaceChildren(h("h1", {}, sync.device || "This device"),
      h("p", { class: "lead" }, `ebb ${status.version}, up for ${plural(Math.floor(status.uptime_ms / 60000), "minute")}; `,
        wrong.length > 0 ? `${plural(wrong.length, "thing")} to look at` : "nothing needs you"),
      h("div", { class: "cards" }, wrong),
      h("div", { class: "columns" },
        card("Workflows", status.workflows.length === 0 ? note("No workflow is on this device.") : table("Workflows", ["Workflow", "State", { text: "Events", class: "number" },
          { text: "Results", class: "number" }, { text: "Failures", class: "number" }, { text: "Queued", class: "number" }], status.workflows.map((one) => [
          h("a", { href: `#/workflow/${part(one.name)}` }, one.name), one.state, number(one.events), number(one.results), number(one.failures), number(one.queued)]))),
        card("The hub", hub(sync)),
        card(`Lanes, ${number(waiting)} waiting`, table("Lanes", ["Lane", { text: "Waiting", class: "number" }, { text: "Bytes", class: "number" }, "Oldest"],
          status.lanes.map((one) => [one.lane, number(one.waiting), bytes(one.bytes), oldest(queue, one.lane)]))),
        card("The store", pairs([["Records", number(status.store.records)], ["Bytes", bytes(status.store.bytes)], ["Blobs", `${bytes(status.store.blob_bytes)} of ${bytes(status.store.blob_bytes_max)}`],
          ["Gaps", number(status.store.gaps)], ["Clock", status.time_quality], ["Stream", h("code", {}, status.stream)]])),
        card("Agents", table("Agents", ["Agent", "Kind", "State", { text: "Calls", class: "number" }, { text: "Failed", class: "number" }, { text: "Average", class: "number" }],
          status.agents.map((one) => [`${one.name} ${one.version}`, one.kind, one.state, number(one.calls), number(one.failures), `${(one.average_ms ?? 0).toFixed(2)} ms`]))),
        destinations.length > 0 && card("Destinations", table("Destinations", ["Name", "Kind", { text: "Waiting", class: "number" }, "State"],
          destinations.map((one) => [one.name, one.kind, number(one.waiting), one.failing ? h("span", { class: "tag bad" }, one.failure ?? "failing") : "good"])))));
    replace();
  });
}
