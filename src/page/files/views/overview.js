// What an operator opens in the morning: problems first.
import { get } from "../api.js";
import { overTime } from "../chart.js";
import { card, h } from "../dom.js";
import { ago, bytes, NEEDS, number, plural } from "../words.js";
import { refreshed, settled } from "../app.js";

function problem({ need, devices, names }) {
  const [words, kind] = NEEDS[need] ?? [need, "warn"];
  return h("section", { class: `card ${kind}` },
    h("div", { class: "figure" }, number(devices)),
    h("p", {}, h("a", { href: `#/devices?need=${need}` }, `${devices === 1 ? "device" : "devices"} ${words}`)),
    h("p", { class: "soft" }, names.slice(0, 4).map((name, index) => [index > 0 ? ", " : "",
      h("a", { href: `#/device/${encodeURIComponent(name)}` }, name)]), devices > 4 ? ` and ${number(devices - 4)} more` : ""));
}

function hubProblems(status) {
  const said = [];
  const one = (kind, words) => said.push(h("section", { class: `card ${kind}` }, h("p", {}, words, " ", h("a", { href: "#/health" }, "See the hub"))));
  if (status.disk_full) one("bad", "The hub's disk is full: devices keep what they have.");
  if (status.disk_fails) one("bad", "The hub's disk fails: nothing is acknowledged.");
  if (status.faults > 0) one("bad", `What the hub holds does not add up in ${plural(status.faults, "lane")}.`);
  if (status.quarantined > 0) one("warn", `${plural(status.quarantined, "record")} could not be read and are set aside.`);
  return said;
}

function figures(seen, status) {
  const hours = seen.hours;
  const day = hours.results.slice(-24).reduce((sum, one) => sum + one, 0);
  const figure = (value, words, href) => h("div", { class: "card" }, h("div", { class: "figure" }, value),
    href ? h("a", { href }, words) : h("div", { class: "soft" }, words));
  return h("div", { class: "cards" },
    figure(number(seen.devices.active), "devices may come in", "#/devices"),
    figure(number(status.connections), "connected now"),
    figure(number(day), "results in 24 hours", "#/results"),
    figure(number(status.records), "records held"),
    figure(bytes(status.bytes), "of the disk", "#/health"),
    figure(status.backup_at ? ago(status.backup_at) : "never", "last backup", "#/health"));
}

export async function overview(box, { replace }) {
  await refreshed(15, async () => {
    const [seen, status] = await Promise.all([get("/v1/overview", { hours: 72 }), get("/v1/status")]);
    settled();
    const problems = seen.needs.filter((one) => one.devices > 0).map(problem).concat(hubProblems(status));
    const seconds = seen.hours.results.map((_, index) => seen.hours.first + index * 3600);
    box.replaceChildren(
      h("h1", {}, seen.need_you > 0 ? `${plural(seen.need_you, "device")} ${seen.need_you === 1 ? "needs" : "need"} you` : "Nothing needs you"),
      h("p", { class: "lead" }, seen.need_you > 0 ? h("a", { href: "#/devices?need=any&sort=needs" }, "Show all of them") :
        problems.length > 0 ? "But the hub does:" : "Every device was heard of, nothing failed, nothing was lost."),
      h("div", { class: "cards" }, problems),
      figures(seen, status),
      card("By the hour, when they were made", overTime("By the hour", seconds, [
        ["results", seen.hours.results, "--one"], ["failures", seen.hours.failures, "--two"], ["gone", seen.hours.gone, "--three"]])));
    replace();
  });
}
