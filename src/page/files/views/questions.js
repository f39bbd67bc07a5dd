// Questions over everything, in SQL that only reads.
import { address, get } from "../api.js";
import { card, h, note, table } from "../dom.js";
import { number } from "../words.js";
import { doing, refine } from "../app.js";

const EXAMPLE = "select device, count(*) as results from results\nwhere created_ms > ago('1d')\ngroup by device order by results desc limit 20";

const SHOWN = 1000; // of the rows; a file has all of them

const cell = (value) => (value === null ? h("span", { class: "soft" }, "null") : typeof value === "object" ? JSON.stringify(value) : String(value));

function shown(answer) {
  const heads = answer.columns.map((one) => ({ text: one.unit ? `${one.name} (${one.unit})` : one.name,
    class: typeof answer.rows[0]?.[answer.columns.indexOf(one)] === "number" ? "number" : undefined }));
  return [h("p", { class: "soft", role: "status" }, `${number(answer.rows.length)} rows`, answer.truncated ? ", and there are more" : ""),
    answer.error ? note(answer.error.text ?? String(answer.error), "bad") : "",
    table("Answer", heads, answer.rows.map((row) => row.map(cell)), { stack: false })];
}

export async function questions(box, { query }) {
  const sql = h("textarea", { name: "sql", rows: 6, spellcheck: "false", "aria-label": "Question in SQL" });
  sql.value = query.sql ?? EXAMPLE;
  const answer = h("div", {}), tables = h("div", {});
  const ask = doing("Ask", async () => {
    refine({ sql: sql.value });
    answer.replaceChildren(h("p", { class: "soft" }, "looking ..."));
    try {
      answer.replaceChildren(...shown(await get("/v1/query", { sql: sql.value, rows: SHOWN })).filter(Boolean));
    } catch (error) { answer.replaceChildren(note(error.message, "bad")); }
  }, { class: "first" });
  const save = h("button", { type: "button", onclick: () => { location.assign(address("/v1/query", { sql: sql.value, format: "csv" })); } }, "Save as CSV");
  sql.addEventListener("keydown", (event) => { if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) ask.click(); });
  box.append(h("h1", {}, "Questions"), h("p", { class: "lead" }, "One SELECT over all that is here; Ctrl-Enter asks. It only reads, and ends after ten seconds."),
    card("", sql, h("div", { class: "actions" }, ask, save), answer), tables);
  const known = await get("/v1/query").catch(() => null);
  if (known?.tables) {
    tables.append(card("What can be asked", known.tables.map((one) => h("details", {}, h("summary", {}, h("code", {}, one.name), " ", one.help ?? ""),
      table(one.name, ["Column", "Type", "Unit"], one.columns.map((column) => [column.name, column.type ?? "", column.unit ?? ""]))))));
  }
}
