// Who may log in, and programs with their tokens.
import { get, part, post, remove } from "../api.js";
import { card, field, h, note, select, table } from "../dom.js";
import { ago, moment } from "../words.js";
import { doing } from "../app.js";

const ROLES = [["viewer", "viewer: looks"], ["operator", "operator: works with devices"], ["admin", "admin: does all"]];
const MAY = [["read", "read"], ["read,operate", "read, operate"], ["bring", "bring results"], ["read,operate,admin", "all"]];

const once = (what, secret) => h("div", { class: "note warn" }, `${what}, shown this once: `, h("code", {}, secret));

function people(all, load, said) {
  return table("People", ["Name", "Role", "State", "Logged in", ""], all.map((one) => [
    one.name,
    select("role", ROLES.map(([value]) => [value, value]), one.role),
    [one.locked && h("span", { class: "tag bad" }, "locked"), one.must_change && h("span", { class: "tag warn" }, "has a first password"),
      !one.has_password && h("span", { class: "tag" }, "by a proxy")],
    one.sessions.map((session) => h("div", { title: session.browser }, `${session.source}, ${ago(session.seen_at)}`)),
    h("div", { class: "actions" },
      one.locked && doing("Unlock", async () => { await post(`/v1/people/${part(one.name)}/unlock`); await load(); }),
      doing("New password", async () => {
        if (!confirm(`Give ${one.name} a new first password? Their sessions end.`)) return;
        const changed = await post(`/v1/people/${part(one.name)}/reset`);
        await load();
        said.replaceChildren(once(`The password of ${one.name}`, changed.password));
      }),
      one.sessions.length > 0 && doing("Log out", async () => { await post(`/v1/people/${part(one.name)}/log-out`); await load(); }),
      doing("Remove", async () => { if (confirm(`Remove ${one.name}?`)) { await remove(`/v1/people/${part(one.name)}`); await load(); } }, { class: "danger" }))]));
}

function programs(all, load) {
  return table("Programs", ["Name", "May", "Made", "Used", "Ends", ""], all.map((one) => [one.name, one.may, moment(one.created_at), ago(one.used_at),
    one.expires_at ? moment(one.expires_at) : "never",
    doing("Withdraw", async () => { if (confirm(`Withdraw the token of ${one.name}?`)) { await remove(`/v1/access/${one.id}`); await load(); } }, { class: "danger" })]));
}

export async function people_(box) {
  const said = h("div", { "aria-live": "polite" }), list = h("div", {}), tokens = h("div", {});
  const load = async () => {
    const [{ people: all }, { access }] = await Promise.all([get("/v1/people"), get("/v1/access")]);
    list.replaceChildren(people(all, load, said));
    for (const [index, choice] of [...list.querySelectorAll("select")].entries()) {
      choice.setAttribute("aria-label", `role of ${all[index].name}`);
      choice.addEventListener("change", async () => {
        try { await post(`/v1/people/${part(all[index].name)}/role`, { role: choice.value }); }
        catch (error) { said.replaceChildren(note(error.message, "bad")); }
        await load();
      });
    }
    tokens.replaceChildren(access.length > 0 ? programs(access, load) : note("No program has a token."));
  };
  const name = h("input", { name: "person", autocapitalize: "none" }), role = select("new-role", ROLES, "viewer");
  const program = h("input", { name: "program", placeholder: "panel" }), rights = select("may", MAY, "read");
  const days = select("days", [["30", "30 days"], ["90", "90 days"], ["365", "a year"], ["", "without end"]], "90");
  box.append(h("h1", {}, "People and programs"), h("p", { class: "lead" }, "Who may log in, and which programs have a token."), said,
    card("People", h("div", { class: "actions" }, field("Name", name), field("Role", role), doing("Add", async () => {
      const made = await post("/v1/people", { name: name.value, role: role.value });
      name.value = "";
      await load();
      said.replaceChildren(once(`The first password of ${made.name}`, made.password));
    }, { class: "first" })), list),
    card("Programs", h("div", { class: "actions" }, field("Name", program), field("May", rights), field("For", days), doing("Make a token", async () => {
      const made = await post("/v1/access", { name: program.value, may: rights.value, ttl_ms: days.value ? Number(days.value) * 86400000 : null });
      program.value = "";
      await load();
      said.replaceChildren(once(`The token of ${made.name}`, made.token));
    }, { class: "first" })), tokens));
  await load();
}

export { people_ as people };
