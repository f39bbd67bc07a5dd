// Who did what.
import { get } from "../api.js";
import { field, h, note, table } from "../dom.js";
import { moment } from "../words.js";
import { complain, doing, refine } from "../app.js";

/** "POST /v1/devices/line-3/labels" in words. */
function what(deed) {
  const [method, path = ""] = deed.what.split(" ");
  const parts = path.split("/");
  if (!path.startsWith("/v1/")) return deed.what;
  const verb = parts[4] ?? { POST: "make", DELETE: "remove" }[method] ?? method;
  return `${verb} (${parts[2]})`;
}

export async function audit(box, { query }) {
  const who = h("input", { name: "who", value: query.who ?? "" }), words = h("input", { type: "search", name: "words", value: query.words ?? "" });
  const list = h("div", {});
  let trail = [""];
  async function load() {
    const page = await get("/v1/audit", { who: who.value, words: words.value, before: trail.at(-1) });
    list.replaceChildren(page.deeds.length === 0 ? note("Nobody did anything like that.") :
      table("Deeds", ["When", "Who", "From", "What", "With what", "Details"], page.deeds.map((deed) => [moment(deed.at), deed.who, deed.source,
        what(deed), deed.subject, h("span", { class: "mono" }, deed.details)])),
    h("div", { class: "pager" }, trail.length > 1 && doing("Newer", async () => { trail.pop(); await load(); }),
      page.next && doing("Older", async () => { trail.push(page.next); await load(); })));
  }
  const changed = (event) => { event?.preventDefault(); trail = [""]; refine({ who: who.value, words: words.value }); load().catch(complain); };
  box.append(h("h1", {}, "Audit"), h("p", { class: "lead" }, "Who did what at this hub, the newest first."),
    h("form", { class: "filters", role: "search", onsubmit: changed, onchange: changed }, field("Who", who), field("Words", words)), list);
  await load();
}
