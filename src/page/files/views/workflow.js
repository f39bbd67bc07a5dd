// One workflow: its graph with counts on the edges, what it made by the hour, its newest results.
import { get, part } from "../api.js";
import { overTime } from "../chart.js";
import { card, h, note, table } from "../dom.js";
import { graph } from "../graph.js";
import { number, plural } from "../words.js";
import { rows, RESULT_HEADS } from "./results.js";

/** All steps that a step comes after, near and far. */
function before(face, id, found = new Set()) {
  for (const need of face.steps?.find((one) => one.id === id)?.needs ?? []) {
    if (!found.has(need)) { found.add(need); before(face, need, found); }
  }
  return found;
}

/** Without those that lead to another of them anyway. */
const nearest = (face, steps) => steps.filter((one) => !steps.some((other) => before(face, other).has(one)));

/** Nodes and edges of what a device said of the workflow. */
export function drawn(face) {
  const nodes = [{ id: "", title: face.trigger || "trigger", below: face.counts?.events === undefined ? "" : `${number(face.counts.events)} events`, kind: "trigger" }];
  const edges = [];
  const used = new Set();
  for (const step of face.steps ?? []) {
    const counts = face.counts?.steps?.[step.id];
    nodes.push({ id: step.id, title: step.id, below: [step.agent, counts?.failures ? `${number(counts.failures)} failed` : "",
      counts?.skipped ? `${number(counts.skipped)} skipped` : ""].filter(Boolean).join(", "), kind: "step" });
    const needs = step.needs?.length ? nearest(face, step.needs) : [""];
    for (const from of needs) { edges.push({ from, to: step.id, count: counts?.runs }); used.add(from); }
  }
  for (const made of face.results ?? []) {
    const id = `result ${made.name}`;
    nodes.push({ id, title: made.name, below: (made.fields ?? []).map((one) => one.name).join(", "), kind: "result" });
    const ends = made.steps?.length ? nearest(face, made.steps) : (face.steps ?? []).map((one) => one.id).filter((one) => !used.has(one));
    for (const from of ends.length ? ends : [""]) edges.push({ from, to: id, count: face.counts?.results_by_name?.[made.name] });
  }
  return [nodes, edges];
}

function fields(face) {
  const all = (face.results ?? []).flatMap((made) => (made.fields ?? []).map((one) => [made.name, one.name, one.type, one.unit ?? ""]));
  return all.length === 0 ? null : card("What its results have", table("Fields", ["Result", "Field", "Type", "Unit"], all));
}

export async function workflow(box, { item }) {
  const [told, seen, newest] = await Promise.all([get(`/v1/workflows/${part(item)}`).catch(() => null),
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
