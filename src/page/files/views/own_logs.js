// What the daemon logs, as it does.
import { get } from "../api.js";
import { field, h, select, table } from "../dom.js";
import { moment } from "../words.js";
import { refreshed } from "../app.js";

export async function ownLogs(box) {
  const level = select("level", [["info", "info"], ["warn", "warnings"], ["error", "errors"], ["debug", "all"]], "info"), list = h("div", {});
  const load = async () => {
    const { lines } = await get("/v1/logs", { level: level.value, limit: 200 });
    list.replaceChildren(table("Lines", ["When", "Level", "Room", "What"], lines.reverse().map((one) => [moment(one.time),
      one.level === "error" || one.level === "warn" ? h("span", { class: `tag ${one.level === "error" ? "bad" : "warn"}` }, one.level) : one.level, one.room, one.text])));
  };
  level.addEventListener("change", load);
  box.append(h("h1", {}, "Log"), h("div", { class: "filters" }, field("From level", level)), list);
  await refreshed(2, load);
}
