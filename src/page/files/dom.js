// Elements of the page. Text goes in as text: nothing that a device says is ever read as HTML.

import { text } from "./words.js";

/** An element: h("a", {href: "#/"}, "text", other). Properties that begin with "on" are listeners. */
export function h(name, properties = {}, ...inside) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else node.setAttribute(key, value === true ? "" : text(value));
  }
  node.append(...inside.flat(Infinity).filter((one) => one !== undefined && one !== null && one !== false)
    .map((one) => (one instanceof Node ? one : text(one))));
  return node;
}

/** The same for a drawing. */
export function s(name, properties = {}, ...inside) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(properties)) node.setAttribute(key, text(value));
  node.append(...inside.flat(Infinity).map((one) => (one instanceof Node ? one : text(one))));
  return node;
}

let counter = 0;

/** A labelled input, select or textarea. */
export function field(text, input) {
  input.id ||= `field-${++counter}`;
  return h("label", { class: "field", for: input.id }, text, input);
}

export function select(name, options, chosen) {
  return h("select", { name }, options.map(([value, text]) =>
    h("option", { value, selected: String(value) === String(chosen ?? "") }, text)));
}

/** A table with a head; rows are lists of cells (text, node, or {cell, class}). */
export function table(caption, heads, rows, { stack = true, row } = {}) {
  const cell = (one, index) => {
    const given = one !== null && typeof one === "object" && "cell" in one ? one : { cell: one };
    const kind = given.class ?? heads[index].class;
    return h("td", { class: kind, "data-head": heads[index].text ?? heads[index] }, given.cell ?? "");
  };
  return h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": caption },
    h("table", { class: stack ? "stack" : undefined },
      h("caption", { class: "hidden" }, caption),
      h("thead", {}, h("tr", {}, heads.map((head) =>
        h("th", { scope: "col", class: head.class, "aria-sort": head.sort }, head.head ?? head.text ?? head)))),
      h("tbody", {}, rows.map((cells, index) => h("tr", row?.(index) ?? {}, cells.map(cell))))));
}

export function pairs(entries) {
  return h("dl", { class: "pairs" }, entries.filter((one) => one && one[1] !== undefined && one[1] !== null && one[1] !== "")
    .map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));
}

export function card(title, ...inside) {
  return h("section", { class: "card" }, title && h("h2", {}, title), inside);
}

export function note(text, kind = "") {
  return h("p", { class: `note ${kind}`, role: kind === "bad" ? "alert" : "status" }, text);
}
