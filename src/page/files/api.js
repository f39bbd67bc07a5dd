// What is asked of the hub or the device; always of the machine that this page comes from.

export class Refused extends Error {
  constructor(code, text) { super(text); this.code = code; }
}

async function ask(path, options) {
  let answer;
  try {
    answer = await fetch(path, { credentials: "same-origin", cache: "no-store", ...options });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refused(0, "no answer: the hub is away, or the network is. What is shown may be old.");
  }
  const type = answer.headers.get("Content-Type") ?? "";
  const body = type.startsWith("application/json") ? await answer.json() : await answer.text();
  if (!answer.ok) {
    throw new Refused(answer.status, body?.error?.text ?? `the answer was ${answer.status}`);
  }
  return body;
}

/** "/v1/devices" and {label: "a=b", words: ""} as one; what is empty is left out. */
export function address(path, query = {}) {
  const words = new URLSearchParams(Object.entries(query).filter(([, value]) => value !== undefined && value !== ""));
  return words.size > 0 ? `${path}?${words}` : path;
}

export const get = (path, query, signal) => ask(address(path, query), { signal });

export const post = (path, body = {}) => ask(path, {
  method: "POST", body: JSON.stringify(body),
  headers: { "Content-Type": "application/json", "Idempotency-Key": crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}` },
});

export const remove = (path) => ask(path, { method: "DELETE" });

export const part = encodeURIComponent;
