// A workflow on the device: its graph with counts, its parameters, its newest runs.
import { get, part, post } from "../api.js";
import { card, h, note, table } from "../dom.js";
import { graph } from "../graph.js";
import { ago, number } from "../words.js";
import { doing, may, refreshed, settled } from "../app.js";
import { drawn } from "./workflow.js";

/** What the device's API says, as a hub has it. */
const faceOf = (one) => ({ ...one.face, counts: { events: one.events, steps: Object.fromEntries(one.steps.map((step) => [step.id, step])),
  results_by_name: one.results_by_name } });

export async function ownWorkflow(box, { item, replace }) {
  async function load() {
    const path = `/v1/workflows/${part(item)}`;
    const [one, { runs }] = await Promise.all([get(path), get("/v1/runs")]);
    settled();
    box.replaceChildren(h("h1", {}, item), h("p", { class: "lead" }, one.state, one.fault ? h("span", { class: "tag bad" }, one.fault) : ""),
      may("operate") ? h("div", { class: "actions" }, one.state === "stopped" ? doing("Start", async () => { await post(`${path}/start`); await load(); }, { class: "first" })
        : doing("Stop", async () => { if (confirm(`Stop ${item}?`)) { await post(`${path}/stop`); await load(); } })) : "",
      card("What it does", one.face ? graph(`The steps of ${item}`, ...drawn(faceOf(one))) : note("It has faults, and does nothing.")),
      h("div", { class: "columns" },
        card("Since the start", table("Counts", ["What", { text: "How many", class: "number" }], ["events", "runs", "results", "failures", "skipped", "dropped", "refused",
          "quarantined", "queued", "waiting"].map((name) => [name, number(one[name])]))),
        card("Parameters", one.params.length === 0 ? note("None.") : table("Parameters", ["Name", "Value", "From"],
          one.params.map((param) => [param.name, String(param.value), param.origin ?? ""])))),
      card("Newest runs", table("Runs", ["Run", "State", "Ended", { text: "Took", class: "number" }], runs.filter((run) => run.workflow === item).slice(0, 20).map((run) => [
        h("code", {}, run.id.slice(0, 12)), run.state, run.ended_at ? ago(run.ended_at) : "", run.took_ms === undefined ? "" : `${run.took_ms.toFixed(1)} ms`]))),
      card("Its file", h("pre", { tabindex: 0 }, one.text ?? "")));
    replace();
  }
  await refreshed(5, load);
}
