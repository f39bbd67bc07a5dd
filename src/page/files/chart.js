// Charts by uPlot (a script of its own, loaded before this one).
import { h } from "./dom.js";

const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** Bars or lines over time: `seconds` since 1970, and [label, values, "--one"] for each. */
export function overTime(title, seconds, series) {
  const box = h("div", { class: "chart", role: "img", "aria-label": `${title}: ${describe(series)}` });
  const draw = () => {
    box.replaceChildren();
    const width = box.clientWidth || 600;
    const axis = { stroke: color("--soft"), grid: { stroke: color("--line"), width: 1 }, ticks: { stroke: color("--line") } };
    const options = {
      width, height: 210, scales: { y: { range: (_, low, high) => [Math.min(0, low), high > 0 ? high * 1.1 : 1] } },
      axes: [{ ...axis, values: [[86400, "{MM}-{DD}", "\n{YYYY}", null, null, null, null, null, 1],
        [3600, "{HH}:{mm}", "\n{MM}-{DD}", null, "\n{MM}-{DD}", null, null, null, 1],
        [60, "{HH}:{mm}", "\n{MM}-{DD}", null, "\n{MM}-{DD}", null, null, null, 1]] },
      { ...axis, size: 60 }],
      series: [{ value: "{YYYY}-{MM}-{DD} {HH}:{mm}" }, ...series.map(([label, , name], index) => ({
        label, stroke: color(name), width: 1.5,
        fill: index === 0 ? `${color(name)}33` : undefined, paths: uPlot.paths.stepped({ align: 1 }), points: { show: false },
      }))],
    };
    new uPlot(options, [seconds, ...series.map(([, values]) => values)], box);
  };
  let width = 0;
  new ResizeObserver(() => { if (box.clientWidth !== width) { width = box.clientWidth; draw(); } }).observe(box);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  document.addEventListener("theme", draw);
  return box;
}

function describe(series) {
  return series.map(([label, values]) => `${label} ${values.reduce((sum, one) => sum + (one ?? 0), 0)}`).join(", ");
}
