// A workflow as a graph: what triggers it, its steps, its results, with how often each edge was gone.
import { s } from "./dom.js";
import { number } from "./words.js";

const WIDTH = 190, HEIGHT = 46, GAP_X = 80, GAP_Y = 22;

/** Columns by the longest way from the trigger. */
function columnsOf(nodes, edges) {
  const depth = new Map(nodes.map((node) => [node.id, 0]));
  for (let round = 0; round < nodes.length; round++) {
    for (const { from, to } of edges) {
      if (depth.has(from) && depth.has(to)) depth.set(to, Math.max(depth.get(to), Math.min(depth.get(from) + 1, nodes.length)));
    }
  }
  const columns = [];
  for (const node of nodes) (columns[depth.get(node.id)] ??= []).push(node);
  return columns.filter(Boolean);
}

function place(columns) {
  const tallest = Math.max(...columns.map((column) => column.length));
  columns.forEach((column, x) => column.forEach((node, y) => {
    node.x = 10 + x * (WIDTH + GAP_X);
    node.y = 24 + y * (HEIGHT + GAP_Y) + ((tallest - column.length) * (HEIGHT + GAP_Y)) / 2;
  }));
  return { width: columns.length * (WIDTH + GAP_X) - GAP_X + 20, height: tallest * (HEIGHT + GAP_Y) + 30 };
}

const cut = (text, most) => (text.length > most ? `${text.slice(0, most - 1)}\u2026` : text);

/** nodes: {id, title, below, kind}; edges: {from, to, count}. */
export function graph(title, nodes, edges) {
  const size = place(columnsOf(nodes, edges));
  const at = new Map(nodes.map((node) => [node.id, node]));
  const drawn = edges.filter(({ from, to }) => at.has(from) && at.has(to)).map(({ from, to, count }) => {
    const a = at.get(from), b = at.get(to);
    const x1 = a.x + WIDTH, y1 = a.y + HEIGHT / 2, x2 = b.x, y2 = b.y + HEIGHT / 2, half = (x1 + x2) / 2;
    return [s("path", { class: "edge", d: `M${x1} ${y1}C${half} ${y1} ${half} ${y2} ${x2 - 6} ${y2}`, "marker-end": "url(#arrow)" }),
      count === undefined ? "" : s("text", { class: "soft", x: half, y: (y1 + y2) / 2 - 5, "text-anchor": "middle" }, number(count))];
  });
  const boxes = nodes.map((node) => [
    s("rect", { class: `box ${node.kind}`, x: node.x, y: node.y, width: WIDTH, height: HEIGHT, rx: 8 }),
    s("text", { x: node.x + 12, y: node.y + 20 }, cut(node.title, 24), s("title", {}, node.title)),
    s("text", { class: "soft", x: node.x + 12, y: node.y + 37 }, cut(node.below ?? "", 30))]);
  return s("svg", { class: "graph", width: size.width, viewBox: `0 0 ${size.width} ${size.height}`, role: "img", "aria-label": title }, s("defs", {}, s("marker", { id: "arrow", viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 7, markerHeight: 7,
    orient: "auto" }, s("path", { d: "M0 0L8 4L0 8z", fill: "currentColor" }))), drawn, boxes);
}
