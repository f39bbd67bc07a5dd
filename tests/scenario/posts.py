# SPDX-License-Identifier: Apache-2.0
"""Events that are posted again and again until they are taken, and what must have become of each: for kills.py.

Each event has an `Idempotency-Key`, belongs to one of a few keys, is counted by a step that remembers its key, and
gives a result that attaches a file which a program wrote, and goes to a file and to a webhook besides. Of the first
events of a key another result comes, and then no more: a limit says so.
"""
import collections
import contextlib
import hashlib
import http.client
import json
import random
import threading
import time

import device as devices
import service as services

POSTS = """\
ebb: 1
workflow: posts
trigger:
  http: json
  event: { key: "${ .data.key }" }
  queue: { order: key }
concurrency: 4
durability: { runs: each, results: each }
steps:
  - id: count
    agent: counter
    with: { n: "${ .event.data.n }" }
    state: { by: "${ .event.data.key }" }
  - id: draw
    agent: draw
    with: { n: "${ .event.data.n }" }
results:
  - name: out
    from:
      post: ${ .event.data.n }
      key: ${ .event.data.key }
      count: ${ .steps.count.count }
    attach:
      drawing: { from: "${ .steps.draw.drawing }", max: 64KiB, keep: 7d }
    to: [hub, hook, lines]
  - name: first
    limit: { rate: LIMIT/day, by: "${ .event.data.key }" }
    from:
      first: ${ .event.data.n }
      key: ${ .event.data.key }
    to: []
"""
COUNTER = """\
ebb: 1
agent: counter
version: 1.0.0
kind: process
command: [python3, counter.py]
inputs:
  n: integer
  state: { type: object, optional: true }
outputs:
  count: integer
  state: { type: object, max: 4KiB }
"""
COUNTER_PY = """\
import json, sys
for line in sys.stdin:
    count = json.loads(line).get("state", {"count": 0})["count"] + 1
    print(json.dumps({"count": count, "state": {"count": count}}), flush=True)
"""
DRAW = """\
ebb: 1
agent: draw
version: 1.0.0
kind: process
command: [./draw]
mode: once
inputs: { n: integer }
outputs: { drawing: file }
"""
DRAW_SH = """#!/bin/sh
IFS= read -r line
printf '%s' "$line" >out.bin
echo '{"drawing":{"$file":"out.bin","type":"application/octet-stream"}}'
"""
DEVICE = """\
ebb: 1
destinations:
  lines: { file: FOLDER/lines.jsonl }
  hook: { webhook: URL }
"""
ROWS = "SELECT id, result FROM workflow_results WHERE workflow_id = 'posts' AND result ->> 'post' IS NOT NULL"
KEYS = 5
LIMIT = 3
RULES = ("unanswered", "repeated", "miscounted", "unreadable", "not sent", "sent twice", "out of order",
         "too often", "left over")


def seq_of(public_id):
    """The place in its lane that an id says."""
    return int(public_id[-12:], 16)


class Books:
    """What was taken, and what has come of it."""

    def __init__(self):
        self.taken = {}        # number of each event that was answered with 202 or 200: its key
        self.rows = []         # (id, JSON) of its results
        self.first = []        # JSON of the limited ones
        self.states = {}       # key: what the step remembers of it
        self.attached = {}     # id of each result: the JSON that was read back, None: its hash is wrong
        self.lines = []        # ids in the file
        self.hooked = []       # ids that the webhook confirmed or got, in order
        self.left = []         # of runs, holders, folders: what is there when nothing is to do
        self.waits = []        # events that nobody has taken yet
        self.parked = False    # a run was parked, and so came later than those of its key

    def complaints(self):
        """Every way in which they do not agree, as sentences that begin with a word of RULES."""
        times = collections.Counter(body["post"] for _, body in self.rows)
        found = [f"unanswered: event {n} was taken and has no result" for n in self.taken if times[n] == 0]
        found += [f"unanswered: event {n} was never taken" for n in self.waits]
        found += [f"repeated: event {n} has {count} results" for n, count in times.items() if count > 1]
        found += [f"repeated: event {n} has a result and was never sent" for n in times if n not in self.taken]
        found += list(self.miscounted())
        found += [f"unreadable: what {key} attaches" for key, body in self.rows
                  if (self.attached.get(key) or {}).get("n") != body["post"]]
        ids = {key for key, _ in self.rows}
        for name, sent in (("the file", self.lines), ("the webhook", self.hooked)):
            first = list(dict.fromkeys(sent))
            found += [f"not sent: {key} to {name}" for key in ids - set(first)]
            found += [f"not sent: {key} to {name}, but something that is no result" for key in set(first) - ids]
            found += [f"out of order: {after} before {before} to {name}" for after, before in zip(first, first[1:])
                      if seq_of(after) > seq_of(before)]
        found += [f"sent twice: {key} to the file" for key, count in collections.Counter(self.lines).items()
                  if count > 1]
        return found + [f"left over: {what}" for what in self.left]

    def miscounted(self):
        """Each event of a key is counted once, in the order in which it came, and the state says how many."""
        by_key = collections.defaultdict(list)
        for _, body in sorted(self.rows, key=lambda row: seq_of(row[0])):
            by_key[body["key"]].append(body)
        for key, bodies in by_key.items():
            counts, events = [body["count"] for body in bodies], [body["post"] for body in bodies]
            if counts != list(range(1, len(counts) + 1)):
                yield f"miscounted: key {key} was counted {counts}"
            if self.states.get(key) != {"count": len(counts)}:
                yield f"miscounted: key {key} remembers {self.states.get(key)} after {len(counts)}"
            first = [body["first"] for body in self.first if body["key"] == key]
            if first != events[:LIMIT]:
                yield f"too often: key {key} had {events}, and {first} should be the first {LIMIT}"
            if events != sorted(events) and not self.parked:
                yield f"out of order: the events of key {key} were {events}"


class Post(threading.Thread):
    """Sends as long as it is let: what was not taken before, and new ones."""

    def __init__(self, posts, most):
        super().__init__(daemon=True)
        self.posts, self.most, self.enough = posts, most, threading.Event()

    def run(self):
        books, sent = self.posts.books, 0
        while not self.enough.is_set():
            if not books.waits:
                if sent == self.most:
                    return
                books.waits.append(next(self.posts.numbers))
                sent += 1
            n = books.waits[0]
            key = f"k{n * 7919 % KEYS}"
            if self.posts.post({"n": n, "key": key}, f"post-{n}"):
                books.taken[n] = key
                books.waits.pop(0)
            else:
                time.sleep(0.005)


class Posts:
    """The device's half of it, and the service that its webhook is."""

    def __init__(self, device, seed):
        self.device, self.books = device, Books()
        self.numbers = iter(range(1 << 60))
        choice = random.Random(seed)
        self.hook = services.Service(lambda _: choice.choices([(204, ""), (503, ""), None], [40, 1, 1])[0])
        self.lines = device.folder / "lines.jsonl"
        self.settings = device.folder / "device.yaml"
        self.settings.write_text(DEVICE.replace("FOLDER", str(device.folder)).replace("URL", self.hook.url))
        device.agent("counter", COUNTER, counter__py=COUNTER_PY)
        device.agent("draw", DRAW, draw=DRAW_SH)
        device.workflow("posts", POSTS.replace("LIMIT", str(LIMIT)))

    def post(self, body, key):
        """True when the device answers that it has the event."""
        with contextlib.suppress(OSError, http.client.HTTPException):
            return self.device.post("/v1/workflows/posts/events", body, key) in (200, 202)
        return False

    def start(self, most):
        """A thread that posts at most so many new events, until `enough` is set."""
        thread = Post(self, most)
        thread.start()
        return thread

    def settle(self):
        """With a device that runs: all is taken, done and sent."""
        thread = self.start(0)
        thread.join(devices.PATIENCE)
        thread.enough.set()

        def done():
            waiting = sum(row["waiting"] for row in self.device.get("/v1/destinations")["destinations"])
            rows = self.device.rows(ROWS.replace("id, result", "count(*)"))
            return waiting == 0 and rows[0][0] >= len(self.books.taken)

        with contextlib.suppress(devices.Waited):
            devices.until("all is done and sent", done, 120, 0.2)

    def read(self):
        """What there is, of a device that runs and has nothing to do."""
        books = self.books
        books.rows = [(row[0], json.loads(row[1])) for row in self.device.rows(ROWS)]
        books.first = [json.loads(row[1]) for row in self.device.rows(ROWS.replace("'post'", "'first'"))]
        books.states = {key: json.loads(value) for key, value in self.device.rows(
            "SELECT key, value FROM state WHERE workflow = 'posts' AND step = 'count'")}
        for key, body in books.rows:
            name = body.get("drawing", {}).get("$blob", "none")
            code, content = self.device.fetch(f"/v1/blobs/{name}")
            whole = hashlib.blake2b(content, digest_size=16).hexdigest() == name
            books.attached[key] = json.loads(content) if code == 200 and whole else None
        if self.lines.exists():
            books.lines = [json.loads(line)["id"] for line in self.lines.read_text().splitlines()]
        books.hooked = [request.headers["Idempotency-Key"] for request in self.hook.requests]
        for what, sql in (("a run", "SELECT id FROM run"), ("a step", "SELECT step FROM step"),
                          ("a holder", "SELECT holders FROM blob WHERE holders <> 0")):
            books.left += [f"{what}: {row[0]}" for row in self.device.rows(sql)]
        work = self.device.data / "work"
        books.left += [f"a folder: {path}" for path in (work.iterdir() if work.exists() else ())]

    def close(self):
        """Ends the service."""
        self.hook.stop()


def forged():
    """One lie in each of these books; the judge must find it, and nothing in the true ones."""
    def books(lie):
        true = Books()
        ids = [f"00000000-0000-8000-8003-{n:012x}" for n in (1, 2, 3)]
        true.taken = {0: "a", 1: "b", 2: "a"}
        true.rows = [(key, {"post": n, "key": true.taken[n], "count": 2 if n == 2 else 1})
                     for n, key in enumerate(ids)]
        true.first = [{"first": n, "key": key} for n, key in true.taken.items()]
        true.states = {"a": {"count": 2}, "b": {"count": 1}}
        true.attached = {key: {"n": n} for n, key in enumerate(ids)}
        true.lines = list(ids)
        true.hooked = [ids[0], ids[1], ids[0], ids[1], ids[2]]
        if lie:
            lie(true)
        return true.complaints()

    lies = {
        "unanswered": lambda b: b.rows.pop(),
        "never taken": lambda b: b.waits.append(3),
        "repeated": lambda b: b.rows.append(("00000000-0000-8000-8003-000000000004", b.rows[0][1])),
        "was never sent": lambda b: b.taken.pop(1),
        "was counted": lambda b: b.rows[2][1].update(count=3),
        "the events of key": lambda b: (b.rows[0][1].update(post=2), b.rows[2][1].update(post=0)),
        "remembers": lambda b: b.states.update(a={"count": 3}),
        "unreadable": lambda b: b.attached.update({b.rows[1][0]: None}),
        "to the file": lambda b: b.lines.pop(),
        "to the webhook": lambda b: b.hooked.pop(),
        "no result": lambda b: b.hooked.append("00000000-0000-8000-8003-000000000009"),
        "sent twice": lambda b: b.lines.append(b.lines[0]),
        "out of order": lambda b: b.hooked.insert(0, b.hooked[-1]),
        "too often": lambda b: b.first.append({"first": 2, "key": "a"}),
        "left over": lambda b: b.left.append("a run"),
    }
    wrong = [f"the judge complains about true posts: {books(None)}"] if books(None) else []
    wrong += [f"the judge does not see of posts: {name}" for name, lie in lies.items()
              if not any(name in complaint for complaint in books(lie))]
    return wrong
