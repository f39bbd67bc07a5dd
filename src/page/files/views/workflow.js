// One workflow: its graph with counts on the edges, what it made by the hour, its newest results.
import { get, part } from "../api.js";
import { overTime } from "../chart.js";
import { card, h, note, table } from "../dom.js";
import { graph } from "../graph.js";
import { member, number, objects, plural, text, texts } from "../words.js";
import { rows, RESULT_HEADS } from "./results.js";

const NODES_MAX = 100;

/** What a device says that a workflow looks like, as it is drawn; it may have said anything. */
function plain(face) {
  return { trigger: text(face.trigger),
    steps: objects(face.steps, NODES_MAX).map((one) => ({ id: text(one.id), agent: text(one.agent), needs: texts(one.needs, NODES_MAX) })),
    results: objects(face.results, NODES_MAX).map((one) => ({ name: text(one.name), steps: texts(one.steps, NODES_MAX),
      fields: objects(one.fields).map((field) => ({ name: text(field.name), type: text(field.type), unit: text(field.unit) })) })) };
}

/** All steps that each step comes after, near and far. */
function ancestors(steps) {
  const found = new Map(steps.map((one) => [one.id, new Set(one.needs)]));
  for (let grown = true; grown;) {
    grown = false;
    for (const before of found.values()) {
      const size = before.size;
      for (const one of [...before]) for (const other of found.get(one) ?? []) before.add(other);
      grown ||= before.size > size;
    }
  }
  return found;
}

/** Nodes and edges of what a device said of the workflow. */
export function drawn(said) {
  const face = plain(said), counts = said.counts;
  const before = ancestors(face.steps);
  const nearest = (steps) => steps.filter((one) => !steps.some((other) => other !== one && before.get(other)?.has(one)));
  const nodes = [{ id: "", title: face.trigger || "trigger", below: counts?.events === undefined ? "" : `${number(counts.events)} events`, kind: "trigger" }];
  const edges = [];
  const used = new Set();
  for (const step of face.steps) {
    const ran = member(counts?.steps, step.id);
    nodes.push({ id: step.id, title: step.id, below: [step.agent, ran?.failures ? `${number(ran.failures)} failed` : "",
      ran?.skipped ? `${number(ran.skipped)} skipped` : ""].filter(Boolean).join(", "), kind: "step" });
    for (const from of step.needs.length ? nearest(step.needs) : [""]) { edges.push({ from, to: step.id, count: ran?.runs }); used.add(from); }
  }
  for (const made of face.results) {
    const id = `result ${made.name}`;
    nodes.push({ id, title: made.name, below: made.fields.map((one) => one.name).join(", "), kind: "result" });
    const ends = made.steps.length ? nearest(made.steps) : face.steps.map((one) => one.id).filter((one) => !used.has(one));
    for (const from of ends.length ? ends : [""]) edges.push({ from, to: id, count: member(counts?.results_by_name, made.name) });
  }
  return [nodes, edges];
}

function fields(face) {
  const all = plain(face).results.flatMap((made) => made.fields.map((one) => [made.name, one.name, one.type, one.unit]));
  return all.length === 0 ? null : card("What its results have", table("Fields", ["Result", "Field", "Type", "Unit"], all));
}

/** What devices told of it; null where none did. */
async function toldOf(name) {
  const { workflows } = await get("/v1/workflows");
  return workflows.some((one) => one.name === name) ? get(`/v1/workflows/${part(name)}`) : null;
}

export async function workflow(box, { item }) {
  const [told, seen, newest] = await Promise.all([toldOf(item),
    get("/v1/overview", { hours: 168, workflow: item }), get("/v1/results", { workflow: item, limit: 20 })]);
  const face = told?.face ? { ...told.face, counts: { ...told.counts, steps: told.steps, results_by_name: told.results_by_name } } : null;
  const seconds = seen.hours.results.map((_, index) => seen.hours.first + index * 3600);
  box.append(h("h1", {}, item), h("p", { class: "lead" }, face?.summary ?? ""),
    face ? card(`As ${plural(told.devices, "device")} ${told.devices === 1 ? "runs" : "run"} it, counted since each began`, graph(`The steps of ${item}`, ...drawn(face))) :
      note("No device has told this hub yet what the workflow looks like."),
    face ? fields(face) ?? "" : "",
    card("By the hour, for a week", overTime(`${item} by the hour`, seconds, [["results", seen.hours.results, "--one"], ["failures", seen.hours.failures, "--two"]])),
    card("Newest results", table("Newest results", RESULT_HEADS, rows(newest.results)),
      h("p", {}, h("a", { href: `#/results?workflow=${part(item)}` }, "All of them"))));
}
