// Numbers and times as people read them.

export const number = (value) => (value ?? 0).toLocaleString("en");

export function bytes(count) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let value = count ?? 0, unit = 0;
  while (value >= 1024 && unit < units.length - 1) { value /= 1024; unit++; }
  return `${unit === 0 ? value : value.toFixed(value < 10 ? 1 : 0)} ${units[unit]}`;
}

/** Milliseconds of a time as the API writes it, with or without a zone (then it is UTC). */
export const instant = (text) => (text ? Date.parse(/Z$|[+-]\d\d:\d\d$/.test(text) ? text : `${text}Z`) : NaN);

export function ago(text, now = Date.now()) {
  const at = instant(text);
  if (Number.isNaN(at)) return "never";
  const seconds = Math.round((now - at) / 1000);
  const size = Math.abs(seconds);
  const words = size < 60 ? `${size} s` : size < 3600 ? `${Math.floor(size / 60)} min`
    : size < 172800 ? `${Math.floor(size / 3600)} h` : `${Math.floor(size / 86400)} days`;
  return seconds >= 0 ? `${words} ago` : `in ${words}`;
}

export function moment(text) {
  const at = instant(text);
  if (Number.isNaN(at)) return "";
  const date = new Date(at), two = (value) => String(value).padStart(2, "0");
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ` +
    `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

export const plural = (count, one, many = `${one}s`) => `${number(count)} ${count === 1 ? one : many}`;

export const NEEDS = {
  overdue: ["silent for too long", "warn"],
  alarm: ["raised an alarm that nobody has seen", "bad"],
  loss: ["lost records within a day", "bad"],
  failure: ["had runs that failed within a day", "warn"],
  certificate: ["have a certificate that ends soon", "warn"],
  clock: ["have a clock that is wrong", "warn"],
  waiting: ["have results that wait for too long", "warn"],
  full: ["have a store that is full", "bad"],
};
