// The hub itself: its disk, what it takes in, its backups.
import { get } from "../api.js";
import { card, h, note, pairs, table } from "../dom.js";
import { ago, bytes, moment, number, plural } from "../words.js";
import { refreshed, settled } from "../app.js";

export async function health(box, { replace }) {
  await refreshed(5, async () => {
    const status = await get("/v1/status");
    settled();
    const said = [status.disk_full && note("The disk is full: devices keep what they have and come again. Make room, or let less be kept (hub.yaml, retention).", "bad"),
      status.disk_fails && note("The disk fails: nothing is acknowledged. The hub's log says more.", "bad"),
      status.faults > 0 && note(`What is held does not add up in ${plural(status.faults, "lane")}: see the log.`, "bad"),
      !status.backup_at && note("There was no backup yet: ebb hub backup FILE", "warn")].filter(Boolean);
    box.replaceChildren(h("h1", {}, "The hub"), h("p", { class: "lead" }, `ebb ${status.version}, up for ${plural(Math.floor(status.up_s / 3600), "hour")}`), ...said,
      h("div", { class: "columns" },
        card("What it takes in", pairs([["Devices", number(status.devices)], ["Connected", number(status.connections)], ["Records", number(status.records)],
          ["Records a second", status.ingest ? number(Math.round(status.ingest.records_per_s)) : undefined],
          ["A commit takes", status.ingest ? `${(status.ingest.commit_p50_ms ?? 0).toFixed(1)} ms, at most ${(status.ingest.commit_p99_ms ?? 0).toFixed(1)} ms` : undefined],
          ["Bodies under way", number(status.uploads)], ["Jobs that wait", number(status.waiting_jobs)], ["Set aside", number(status.quarantined)],
          ["Refused", number(status.refused)], ["Forks", number(status.forks)]])),
        card("Its disk", pairs([["Database", bytes(status.bytes)], ["Log of the database", status.wal_bytes === undefined ? undefined : bytes(status.wal_bytes)],
          ["Free", status.disk ? `${bytes(status.disk.free_bytes)} of ${bytes(status.disk.total_bytes)}` : undefined],
          ["Removed, since their time was up", number(status.removed)], ["Last backup", status.backup_at ? `${moment(status.backup_at)} (${ago(status.backup_at)})` : "none"],
          ["Whole checks since the start", number(status.checks)], ["What did not add up", number(status.faults)]])),
        card("Where it is reached", pairs([["Devices", status.listen], ["People", status.people], ["Store", h("code", {}, status.store)]]))),
      status.destinations?.length > 0 ? card("Destinations", table("Destinations", ["Name", "Kind", { text: "Waiting", class: "number" }, "State"],
        status.destinations.map((one) => [one.name, one.kind ?? "", number(one.waiting), one.failing ? h("span", { class: "tag bad" }, one.failure || "failing") : "good"]))) : "",
      card("By workflow", table("Workflows", ["Workflow", { text: "Records", class: "number" }, { text: "Bytes", class: "number" }],
        status.workflows.map((one) => [one.workflow, number(one.records), bytes(one.bytes)]))));
    box.append(h("p", { class: "soft" }, h("a", { href: "/v1/openapi.json" }, "The API, for programs"), " \u00b7 ",
      h("a", { href: "/page/uplot.txt" }, "The charts are uPlot's")));
    replace();
  });
}
