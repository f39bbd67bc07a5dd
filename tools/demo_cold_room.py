# SPDX-License-Identifier: Apache-2.0
"""The cold room: readings of two sensors that training never saw, judged by a Python script, the daemon killed.

Learns the table of examples/cold-room from motes 1 and 3 of the single-hop sensor network, starts `ebb serve` with the
example, and lets a logger leave each reading of motes 2 and 4 as a file; kills the daemon with SIGKILL among them and
starts it again. Then it reads ebb.db, as anybody could, and compares the verdicts with the labels. Wrong are a reading
without a verdict or with two, a precision below 95 % and a recall below 80 %.
"""
import collections
import contextlib
import csv
import json
import os
import shutil
import sqlite3
import sys
import threading
import time

from demo_stage import PATIENCE_S, ROOT, Daemon, Trouble, run, show_table

WORKFLOW = "cold-room"
LEARNED_FROM, NEVER_SEEN = (1, 3), (2, 4)
KILL_AFTER = 4735    # verdicts: mote 4 is in the middle of its anomaly
EVERY_S = 5          # from a reading to the next, as it was recorded
PRECISION_LEAST, RECALL_LEAST = 0.95, 0.8


def prepare(home, talk):
    """The example in a folder of its own with a table learned for it; the readings that are to be judged."""
    data = ROOT / "build" / "data" / "sensors" / "data" / "data.csv"
    run([ROOT / "tools" / "fetch-npm", "sensors"], "fetching the readings")
    shutil.rmtree(home, ignore_errors=True)
    shutil.copytree(ROOT / "examples" / WORKFLOW, home / WORKFLOW,
                    ignore=shutil.ignore_patterns("readings", "__pycache__"))
    (home / WORKFLOW / "readings").mkdir()
    talk.step(f"1. learning from the sensors {' and '.join(map(str, LEARNED_FROM))}")
    run([sys.executable, "-B", home / WORKFLOW / "train.py", data, "--train", ",".join(map(str, LEARNED_FROM))],
        "learning")
    with open(data, encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if int(row["mote_id"]) in NEVER_SEEN]
    return sorted(({"sensor": f"mote{row['mote_id']}", "number": int(row["reading"]), "t": float(row["temperature"]),
                    "rh": float(row["humidity"]), "anomaly": row["label"] == "1"} for row in rows),
                  key=lambda reading: (reading["number"], reading["sensor"]))


class Logger(threading.Thread):
    """Leaves a reading after the other, written aside and then renamed, with the time at which it was taken."""

    def __init__(self, home, readings):
        super().__init__(daemon=True)
        self.aside, self.folder = home / "aside", home / WORKFLOW / "readings"
        self.readings, self.left = readings, 0
        self.begin = time.time() - EVERY_S * (1 + max(reading["number"] for reading in readings))

    def run(self):
        for reading in self.readings:
            at = self.begin + EVERY_S * reading["number"]
            line = {name: reading[name] for name in ("sensor", "number", "t", "rh")}
            self.aside.write_text(json.dumps(line) + "\n", encoding="utf-8")
            os.utime(self.aside, (at, at))
            os.rename(self.aside, self.folder / f"{reading['sensor']}-{reading['number']:04}.json")
            self.left += 1


def verdicts_on_disk(home):
    with contextlib.closing(sqlite3.connect(f"file:{home}/data/ebb.db?mode=ro", uri=True)) as database:
        return database.execute("SELECT count(*) FROM record WHERE name = 'reading'").fetchone()[0]


def wait_for(home, count, talk, of):
    """Until so many verdicts are on disk; how many there are."""
    end = time.monotonic() + PATIENCE_S
    while True:
        have = verdicts_on_disk(home)
        talk.progress("readings", have, of)
        if have >= count or time.monotonic() > end:
            return have
        time.sleep(0.02)


def work(home, daemon, readings, talk):
    """All readings, with the kill among them; what was measured on the way."""
    of, logger, began = len(readings), Logger(home, readings), time.monotonic()
    talk.step(f"3. {of:,} readings, and SIGKILL in the middle")
    logger.start()
    wait_for(home, KILL_AFTER, talk, of)
    left = logger.left
    daemon.kill()
    have = verdicts_on_disk(home)
    ready = daemon.start()
    talk.step(f"   killed with {left:,} readings there and {have:,} verdicts on disk, ready again {1000 * ready:.0f} ms"
              f" after it was started")
    if have >= of:
        raise Trouble("everything was done before the kill: the demo shows nothing")
    wait_for(home, of, talk, of)
    logger.join()
    return {"seconds": time.monotonic() - began, "ready": ready, "left": logger.left}


def count(home, readings):
    """What ebb.db says against the labels."""
    with contextlib.closing(sqlite3.connect(f"file:{home}/data/ebb.db?mode=ro", uri=True)) as database:
        rows = [json.loads(row[0]) for row in database.execute("SELECT result FROM workflow_results")]
    said = {(row["sensor"], row["number"]): row["anomaly"] for row in rows if "score" in row}
    times = collections.Counter((row["sensor"], row["number"]) for row in rows if "score" in row)
    labels = {(reading["sensor"], reading["number"]): reading["anomaly"] for reading in readings}
    called = [name for name, anomaly in said.items() if anomaly]
    odd = [name for name, anomaly in labels.items() if anomaly]
    return {"verdicts": sum(times.values()), "lost": sum(name not in times for name in labels),
            "doubled": sum(number - 1 for number in times.values()) + sum(name not in labels for name in times),
            "alarms": sum("score" not in row for row in rows), "called": len(called), "odd": len(odd),
            "found": sum(said.get(name, False) for name in odd), "false": sum(not labels.get(name) for name in called)}


def show(readings, measured, counted):
    sensors = sorted({reading["sensor"] for reading in readings})
    show_table([
        ("readings in", f"{measured['left']:,} of {', '.join(sensors)}"),
        ("verdicts stored", f"{counted['verdicts']:,}"),
        ("lost", f"{counted['lost']:,}"),
        ("doubled", f"{counted['doubled']:,}"),
        ("labelled as odd", f"{counted['odd']:,}"),
        ("found, missed", f"{counted['found']:,}, {counted['odd'] - counted['found']:,}"),
        ("false alarms", f"{counted['false']:,} of {len(readings) - counted['odd']:,} usual readings"),
        ("precision, recall", f"{100 * precision(counted):.1f} %, {100 * recall(counted):.1f} %"),
        ("urgent results: began, over", f"{counted['alarms']:,}"),
        ("verdicts a second, kill included", f"{counted['verdicts'] / measured['seconds']:,.0f}"),
        ("ready after the kill", f"{1000 * measured['ready']:.0f} ms"),
    ])


def precision(counted):
    return 1 - counted["false"] / max(1, counted["called"])


def recall(counted):
    return counted["found"] / counted["odd"]


def judge(counted):
    """What is wrong, as sentences."""
    wrong = []
    if counted["lost"]:
        wrong.append(f"{counted['lost']} readings have no verdict")
    if counted["doubled"]:
        wrong.append(f"{counted['doubled']} verdicts are too many")
    if precision(counted) < PRECISION_LEAST or recall(counted) < RECALL_LEAST:
        wrong.append(f"precision {100 * precision(counted):.1f} % and recall {100 * recall(counted):.1f} %: less than"
                     f" {100 * PRECISION_LEAST:.0f} % and {100 * RECALL_LEAST:.0f} %")
    return wrong


def demo(build, home, talk):
    """Runs it; what is wrong, as sentences."""
    daemon = Daemon(build, home, WORKFLOW)
    daemon.end_earlier(talk)
    with contextlib.closing(daemon):
        readings = prepare(ROOT / home, talk)
        ready = daemon.start()
        talk.step(f"2. `ebb serve` is ready after {1000 * ready:.0f} ms; agents/drift/drift.py judges what comes")
        measured = work(ROOT / home, daemon, readings, talk)
        if daemon.stop() != 0:
            raise Trouble(f"the daemon did not end well; see {daemon.log}")
    counted = count(ROOT / home, readings)
    show(readings, measured, counted)
    return judge(counted)
