#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Kills the daemon with SIGKILL at random moments under load, again and again, and then counts.

usage: kills.py [CYCLES] [--seed N] [--planted] [--forged]

In each cycle files come into three watched folders (kept, deleted when done, told to an agent that must not be
told twice) while `ebb serve` runs, and numbered lines go into `ebb run`; both are killed at a random moment, also
before they are ready. Events are posted to the same daemon, each until it is taken (posts.py). Afterwards:

  every file has exactly one result, and no result belongs to no file
  what was acknowledged (listed by the API, printed by `ebb run`, deleted from the folder) is there, unchanged
  no line of `ebb run` has two results
  nobody was told twice, and whom a result says that it told was told
  every post that was taken has exactly one result, its key is counted by one, what its result attaches can be read
  the file has each of these results once, the webhook at least once, both in their order
  no run, no holder of a blob and no folder of a run is left

The last line counts the rules: `kills: N passed, N failed`.
--planted runs with a bug on purpose (early_answer.c: the answer comes before the commit) and ends with 0
only when the loss was found. --forged checks the judge itself: it is shown made-up books with one lie in each
and must find every one.
"""
import argparse
import collections
import contextlib
import http.client
import json
import os
import pathlib
import random
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time

import device as devices
import posts as posting
import service as services

NOTIFY = """\
ebb: 1
agent: notify
version: 1.0.0
kind: process
command: [./notify]
env: { TOLD: 'FILE' }
"""
TELLER = """#!/bin/sh
while IFS= read -r line; do printf '%s\\n' "$line" >>"$TOLD"; echo '{"told":true}'; done
"""
WORKFLOW = """\
ebb: 1
workflow: {name}
trigger:
  watch: {{ path: INBOX, glob: "*.{name}", text: true, after: {after} }}
durability: {{ runs: each, results: each }}
concurrency: 3
{steps}results:
  - name: out
    from:
      file: ${{ .event.name }}
      text: ${{ .event.text }}
      told: ${{ {told} }}
"""
TELL = """\
steps:
  - id: tell
    agent: notify
    with:
      file: ${ .event.name }
    repeat: never
    timeout: 20s
    on_error: { skip: step }
"""
LINES = """\
ebb: 1
workflow: NAME
trigger: { stdin: json }
durability: { runs: RUNS, results: each }
results:
  - name: out
    from:
      n: ${ .event.data.n }
"""
KINDS = ("keep", "take", "tell")


class Books:
    """What was put in, what was acknowledged, and what is there in the end."""

    def __init__(self):
        self.files = {}                      # name of each file: its text
        self.acknowledged = {}               # id of each acknowledged result: its JSON
        self.gone = set()                    # files that were deleted because their result is durable
        self.results = []                    # (id, JSON) of all that is there
        self.told = collections.Counter()    # how often the agent was told of a file
        self.lines = collections.Counter()   # how often a line of `ebb run` has a result
        self.failures = []                   # of steps other than `tell`
        self.contradicted = []               # ids that were acknowledged twice, for different things

    def acknowledge(self, results):
        """An id that comes again means the same: its number was not given out a second time."""
        for key, body in results.items():
            if self.acknowledged.setdefault(key, body) != body:
                self.contradicted.append(key)

    def complaints(self):
        """Every way in which the books do not agree, as sentences that begin with a word of RULES."""
        found = []
        there = dict(self.results)
        times = collections.Counter(body["file"] for _, body in self.results if "file" in body)
        for name, text in self.files.items():
            if times[name] == 0:
                found.append(f"lost: {name} has no result" + (", and was deleted" if name in self.gone else ""))
            elif times[name] > 1:
                found.append(f"doubled: {name} has {times[name]} results")
            for _, body in self.results if times[name] and len(self.files) < 50 else []:
                if body.get("file") == name and body["text"] != text:
                    found.append(f"changed: {name}")
        found += [f"invented: a result of {name}" for name in times if name not in self.files]
        for key, body in self.acknowledged.items():
            if key not in there:
                found.append(f"lost: {key} was acknowledged: {json.dumps(body)[:100]}")
            elif there[key] != body:
                found.append(f"changed: {key} was acknowledged as {json.dumps(body)[:100]}")
        found += [f"lost: {key} was acknowledged, and then again as something else" for key in self.contradicted]
        if len(there) != len(self.results):
            found.append("doubled: an id stands twice")
        found += [f"told twice: {name}" for name, number in self.told.items() if number > 1]
        found += [f"not told: {body['file']}, though its result says so" for _, body in self.results
                  if body.get("told") and not self.told[body["file"]]]
        found += [f"doubled: line {number}" for number, count in self.lines.items() if count > 1]
        found += [f"failed: {text}" for text in self.failures]
        return found


RULES = ("lost", "doubled", "changed", "invented", "told twice", "not told", "failed") + posting.RULES


class Load(threading.Thread):
    """Drops files as long as it is let."""

    def __init__(self, device, books, choice, cycle):
        super().__init__(daemon=True)
        self.device, self.books, self.cycle = device, books, cycle
        self.choice, self.enough = random.Random(choice.random()), threading.Event()

    def run(self):
        number = 0
        while not self.enough.is_set() and number < 120:
            for _ in range(self.choice.randint(1, 8)):
                name = f"{self.cycle}-{number}.{self.choice.choice(KINDS)}"
                text = f"{name} {'x' * self.choice.randint(0, 300)}"
                self.books.files[name] = text
                self.device.drop(name, text)
                number += 1
            time.sleep(self.choice.random() * 0.01)


def set_up(device):
    told = device.folder / "told"
    device.agent("notify", NOTIFY.replace("FILE", str(told)), notify=TELLER)
    for name, after, steps, said in (("keep", "keep", "", "null"), ("take", "delete", "", "null"),
                                     ("tell", "keep", TELL, ".steps.tell.told // false")):
        device.workflow(name, WORKFLOW.format(name=name, after=after, steps=steps, told=said))
    # Without a journal of runs nothing can make a result again that was acknowledged too early.
    lines = []
    for runs in ("each", "none"):
        lines.append(device.folder / f"{runs}.yaml")
        lines[-1].write_text(LINES.replace("NAME", f"lines-{runs}").replace("RUNS", runs))
    return told, lines


def listed(device):
    """What the API shows at this moment: acknowledged."""
    with contextlib.suppress(OSError, http.client.HTTPException, ValueError):
        code, text = device.ask("GET", "/v1/results?limit=200", timeout=2)
        if code == 200:
            return {row["id"]: row["result"] for row in json.loads(text)["results"] if row["kind"] == "result"}
    return {}


def serve_and_kill(device, books, posts, choice, cycle, environment):
    load = Load(device, books, choice, cycle)
    device.start("--config", posts.settings, wait=False, environment={**services.PROXIES, **(environment or {})})
    load.start()
    sender = posts.start(choice.randint(1, 6))
    end = time.monotonic() + choice.random() ** 2 * 0.5
    while time.monotonic() < end:
        books.acknowledge(listed(device))
        time.sleep(min(0.02, max(0.0, end - time.monotonic())))
    load.enough.set()
    device.kill()
    sender.enough.set()
    load.join()
    sender.join()
    there = set(os.listdir(device.inbox))
    books.gone.update(name for name in books.files if name.endswith(".take") and name not in there)


def run_and_kill(path, data, books, choice, numbers, environment):
    """`ebb run` with lines that go in one after another; what it printed is acknowledged."""
    child = subprocess.Popen([str(devices.EBB), "run", str(path), "--data", str(data)], stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True,
                             env=devices.clean_environment(environment))
    printed = []

    def read():
        for line in child.stdout:
            if line.endswith(b"\n"):
                printed.append(json.loads(line))

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    try:
        end = time.monotonic() + 0.02 + choice.random() ** 2 * 0.25
        while time.monotonic() < end:
            with contextlib.suppress(BrokenPipeError):
                child.stdin.write(b"".join(b'{"n":%d}\n' % next(numbers) for _ in range(4)))
                child.stdin.flush()
            time.sleep(choice.random() * 0.004)
        if choice.random() < 0.5:  # the worst moment: a line was printed, and nothing has happened since
            heard = len(printed)
            with contextlib.suppress(devices.Waited):
                devices.until("one more line", lambda: len(printed) > heard, 0.5, 0.0005)
    finally:
        devices.kill_group(child)
        child.wait()
        reader.join(devices.PATIENCE)
        with contextlib.suppress(BrokenPipeError):
            child.stdin.close()
        child.stdout.close()
    for line in printed:
        books.acknowledge({line["id"]: line["result"]})


def rows_of(data, sql):
    connection = sqlite3.connect(f"file:{data}/ebb.db?mode=ro", uri=True, timeout=10)
    try:
        return connection.execute(sql).fetchall()
    finally:
        connection.close()


def settle(device, books, posts, lines, data):
    """Runs both once more to the end of their work, without the bug and without a kill."""
    device.start("--config", posts.settings, environment=services.PROXIES)
    for run in device.get("/v1/runs?parked=1")["runs"]:
        print(f"  resumed: {run['id']} was parked after {run['recoveries']} kills", flush=True)
        device.ask("POST", f"/v1/runs/{run['id']}/resume")
        posts.books.parked = True

    def done():
        rows = device.get("/v1/workflows")["workflows"]
        return (not any(row["queued"] + row["running"] + row["waiting"] for row in rows)
                and len(rows_of(device.data, "SELECT id FROM workflow_results WHERE workflow_id <> 'posts'"))
                >= len(books.files))

    with contextlib.suppress(devices.Waited):
        devices.until("all is done", done, 60, 0.2)
    posts.settle()
    time.sleep(1.5)
    posts.read()
    device.stop()
    if (data / "ebb.db").exists():
        devices.ebb("run", lines[0], "--data", data, stdin="", patience=60)


def close_books(device, books, told, data):
    books.results = [(row[0], json.loads(row[1]))
                     for row in rows_of(device.data, "SELECT id, result FROM workflow_results")]
    for body in (json.loads(row[0]) for row in
                 rows_of(device.data, "SELECT body FROM record WHERE kind & 255 = 2")):
        if body.get("step") != "tell":
            books.failures.append(json.dumps(body)[:300])
    if told.exists():
        books.told.update(json.loads(line)["file"] for line in told.read_text().splitlines())
    if (data / "ebb.db").exists():
        rows = rows_of(data, "SELECT id, result FROM workflow_results")
        books.results += [(row[0], json.loads(row[1])) for row in rows]
        books.lines.update(json.loads(row[1])["n"] for row in rows)


def plant(folder):
    """Builds the bug; the environment that loads it."""
    library = folder / "early_answer.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", library,
                    pathlib.Path(__file__).with_name("early_answer.c")], check=True)
    return {"LD_PRELOAD": str(library)}


def kills(cycles, seed, planted):
    choice = random.Random(seed)
    numbers = iter(range(1 << 60))
    books = Books()
    with tempfile.TemporaryDirectory(prefix="ebb-kills-") as name:
        device = devices.Device(name)
        environment = plant(device.folder) if planted else None
        told, lines = set_up(device)
        posts = posting.Posts(device, seed)
        data = device.folder / "lines-data"
        try:
            for cycle in range(cycles):
                if cycle % 3 == 2:
                    run_and_kill(lines[cycle // 3 % 2], data, books, choice, numbers, environment)
                else:
                    serve_and_kill(device, books, posts, choice, cycle, environment)
                if (cycle + 1) % 50 == 0:
                    print(f"  {cycle + 1} kills, {len(books.files)} files, {next(numbers)} lines,"
                          f" {len(posts.books.taken)} posts, {len(books.acknowledged)} acknowledged", flush=True)
            settle(device, books, posts, lines, data)
            close_books(device, books, told, data)
        finally:
            device.close()
            posts.close()
            log = device.log()
    return books, posts.books, log


def forged():
    """One lie in each of these books; the judge must find it, and nothing in the true ones."""
    def books(lie):
        true = Books()
        true.files = {"a.keep": "a", "b.take": "b", "c.tell": "c"}
        true.results = [("1", {"file": "a.keep", "text": "a", "told": None}),
                        ("2", {"file": "b.take", "text": "b", "told": None}),
                        ("3", {"file": "c.tell", "text": "c", "told": True}), ("4", {"n": 1})]
        true.acknowledged = {"1": dict(true.results[0][1]), "4": {"n": 1}}
        true.gone = {"b.take"}
        true.told = collections.Counter({"c.tell": 1})
        true.lines = collections.Counter({1: 1})
        if lie:
            lie(true)
        return true.complaints()

    lies = {
        "lost": lambda b: b.results.pop(1),
        "doubled": lambda b: b.results.append(("5", dict(b.results[0][1]))),
        "changed": lambda b: b.results.__setitem__(0, ("1", {"file": "a.keep", "text": "z", "told": None})),
        "invented": lambda b: b.results.append(("5", {"file": "d.keep", "text": "d"})),
        "told twice": lambda b: b.told.update(["c.tell"]),
        "not told": lambda b: b.told.clear(),
        "doubled: line": lambda b: b.lines.update([1]),
        "failed": lambda b: b.failures.append("x"),
        "was acknowledged": lambda b: b.acknowledged.update({"9": {"n": 9}}),
        "as something else": lambda b: b.acknowledge({"1": {"file": "z.keep"}}),
        "an id stands twice": lambda b: b.results.append(("4", {"n": 1})),
    }
    wrong = [f"the judge complains about true books: {books(None)}"] if books(None) else []
    wrong += [f"the judge does not see: {name}" for name, lie in lies.items()
              if not any(name in complaint for complaint in books(lie))]
    return wrong


def one_turn(cycles, seed, planted):
    """One device, killed so many times: what was wrong, which rules that breaks, its log."""
    began = time.monotonic()
    print(f"kills: {cycles} cycles, seed {seed}{', with a planted bug' if planted else ''}", flush=True)
    books, posts, log = kills(cycles, seed, planted)
    complaints = books.complaints() + posts.complaints()
    print(f"{cycles} kills in {time.monotonic() - began:.0f} s: {len(books.files)} files,"
          f" {len(posts.taken)} posts,"
          f" {len(books.results)} results, {len(books.acknowledged)} acknowledged, {len(complaints)} complaints")
    for complaint in complaints[:20]:
        print(f"  {complaint}")
    return complaints, [rule for rule in RULES if any(c.startswith(rule + ":") for c in complaints)], log


def planted_bug(cycles, seed):
    """Whether a kill falls between the early answer and its commit is chance: up to thirty devices may try. What is
    missing afterwards is a result that was shown, or that of an event that was taken."""
    found = any({"lost", "unanswered"}.intersection(one_turn(cycles, seed + turn, planted=True)[1])
                for turn in range(30))
    print("the planted bug was found" if found else "the planted bug was NOT found")
    return 0 if found else 1


def main():
    parser = argparse.ArgumentParser(description="Kills the daemon at random moments and counts.")
    parser.add_argument("cycles", nargs="?", type=int, default=200)
    parser.add_argument("--seed", type=int, default=int.from_bytes(os.urandom(4), "big"))
    parser.add_argument("--planted", action="store_true")
    parser.add_argument("--forged", action="store_true")
    options = parser.parse_args()
    wrong = forged() + posting.forged()
    if options.forged or wrong:
        print("\n".join(wrong) or "the judge finds every lie")
        return 1 if wrong else 0
    if not devices.EBB.exists():
        sys.exit(f"kills: {devices.EBB} is not there: build first, or set EBB_BUILD")
    if options.planted:
        return planted_bug(options.cycles, options.seed)
    complaints, broken, log = one_turn(options.cycles, options.seed, planted=False)
    if complaints:
        print(log[-6000:])
    print(f"kills: {len(RULES) - len(broken)} passed, {len(broken)} failed")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
