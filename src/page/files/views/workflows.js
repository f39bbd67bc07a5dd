// The workflows whose results are here.
import { get, part } from "../api.js";
import { h, note, table } from "../dom.js";
import { bytes, number } from "../words.js";

export async function workflows(box) {
  const [status, faces] = await Promise.all([get("/v1/status"), get("/v1/workflows").catch(() => ({ workflows: [] }))]);
  const known = new Map(faces.workflows.map((one) => [one.name, one]));
  const names = [...new Set([...status.workflows.map((one) => one.workflow), ...known.keys()])].sort();
  const held = new Map(status.workflows.map((one) => [one.workflow, one]));
  box.append(h("h1", {}, "Workflows"), h("p", { class: "lead" }, "What devices run, and what of it is here."),
    names.length === 0 ? note("No workflow has brought anything yet.") :
      table("Workflows", ["Workflow", "What it does", { text: "Devices", class: "number" }, { text: "Records", class: "number" },
        { text: "Bytes", class: "number" }, { text: "Removed", class: "number" }], names.map((name) => [
        h("a", { href: `#/workflow/${part(name)}` }, name), known.get(name)?.summary ?? "",
        known.has(name) ? number(known.get(name).devices) : "", number(held.get(name)?.records), bytes(held.get(name)?.bytes),
        number(held.get(name)?.removed_records)])));
}
