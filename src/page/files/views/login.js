// Logging in, and changing a password.
import { post } from "../api.js";
import { field, h, note } from "../dom.js";

function form(title, lead, fields, button, submit) {
  const said = h("div", { "aria-live": "assertive" });
  const act = h("button", { class: "first" }, button);
  const inputs = fields.map(([text, properties]) => [properties.name, h("input", { required: true, ...properties }), text]);
  const box = h("form", { onsubmit: async (event) => {
    event.preventDefault();
    act.disabled = true;
    said.replaceChildren();
    try {
      await submit(Object.fromEntries(inputs.map(([name, input]) => [name, input.value])));
    } catch (error) {
      said.replaceChildren(note(error.message, "bad"));
      inputs.at(-1)[1].select();
    } finally { act.disabled = false; }
  } }, inputs.map(([, input, text]) => field(text, input)), act, said);
  document.title = `${title} \u00b7 ebb`;
  document.body.replaceChildren(h("main", { class: "narrow card" }, h("h1", {}, title), h("p", { class: "soft" }, lead), box));
  document.documentElement.dataset.shown = "login";
  inputs[0][1].focus();
}

export function login(done) {
  form("ebb", "Log in to this hub.", [
    ["Name", { name: "name", autocomplete: "username", autocapitalize: "none", spellcheck: "false" }],
    ["Password", { name: "password", type: "password", autocomplete: "current-password" }],
  ], "Log in", async ({ name, password }) => { await post("/v1/login", { name, password }); await done(); });
}

export function firstPassword(me, done) {
  form("A password of your own", `${me.name}, the password that you were given is for once. Choose your own, of at least 10 letters.`, [
    ["The password that you have", { name: "old", type: "password", autocomplete: "current-password" }],
    ["The new one", { name: "new", type: "password", autocomplete: "new-password", minlength: 10 }],
    ["The new one again", { name: "again", type: "password", autocomplete: "new-password", minlength: 10 }],
  ], "Change it", async (given) => {
    if (given.new !== given.again) throw new Error("the two new ones differ");
    await post("/v1/password", { old: given.old, new: given.new });
    await done();
  });
}
