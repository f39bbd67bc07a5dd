// Numbers and times as people read them.

// What a device says of itself may be anything: it is taken as what it should be, and no more of it than is shown.

export const text = (value) => (typeof value === "string" ? value : value === undefined || value === null ? "" : JSON.stringify(value));

/** The objects of a list. */
export const objects = (value, most = 100) => (Array.isArray(value) ? value.filter((one) => one !== null && typeof one === "object").slice(0, most) : []);

/** The texts of a list. */
export const texts = (value, most = 100) => (Array.isArray(value) ? value.filter((one) => typeof one === "string").slice(0, most) : []);

/** A member by its name, and none of those that every object has. */
export const member = (object, name) => (object && Object.hasOwn(object, name) ? object[name] : undefined);

export const number = (value) => (typeof value === "number" ? value.toLocaleString("en") : text(value ?? 0));

export function bytes(count) {
  if (typeof count !== "number") return text(count ?? 0);
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

/** A time in milliseconds as people read it; "" for what is none. */
export const agoMs = (ms) => (Number.isFinite(ms) && ms > 0 && ms < 8e15 ? ago(new Date(ms).toISOString()) : "");

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
