# SPDX-License-Identifier: Apache-2.0
"""The inbox: a text classifier on real mails, the daemon killed in the middle, and what came out, counted.

Trains on four fifths of the SpamAssassin mails, starts `ebb serve` with examples/inbox-triage, drops the held-out
fifth into the watched folder, first at a steady pace, then all at once; kills the daemon with SIGKILL in the middle of
that and starts it again. Then it reads the view `workflow_results` of ebb.db, as anybody could, and compares it with
the list of files and their labels. Wrong are a mail that was lost or counted twice, somebody who was told twice, and
fewer than 98.5 % of the verdicts right.
"""
import collections
import contextlib
import json
import os
import shutil
import sqlite3
import threading
import time

from demo_stage import PATIENCE_S, ROOT, Daemon, Trouble, run, show_table

WORKFLOW = "inbox-triage"
STEADY_MAILS, STEADY_PACE = 300, 60  # mails, mails a second
KILL_AFTER = 250                     # results of the flood
ACCURACY_LEAST = 0.985
MODEL_BYTES_MOST = 256 * 1024


class Onlooker(threading.Thread):
    """Reads the database while it is being written, as any program may, and notes when a mail's result was first
    there: that is when it is durable."""

    def __init__(self, database):
        super().__init__(daemon=True)
        self.database, self.seen, self.enough = database, {}, threading.Event()

    def look(self, connection, last):
        for lane in (1, 3):  # urgent and normal
            rows = connection.execute("SELECT key, body FROM record WHERE key > ? AND key >> 40 = ? AND kind & 255 = 1"
                                      " ORDER BY key", (last[lane], (last[lane] >> 40))).fetchall()
            now = time.monotonic()
            for key, body in rows:
                last[lane] = key
                self.seen.setdefault(json.loads(body)["file"], now)

    def run(self):
        connection = sqlite3.connect(f"file:{self.database}?mode=ro", uri=True, check_same_thread=False)
        stream = connection.execute("SELECT max(number) FROM stream").fetchone()[0]
        last = {lane: stream << 43 | lane << 40 for lane in (1, 3)}
        version = None
        while not self.enough.is_set():
            with contextlib.suppress(sqlite3.OperationalError):
                now = connection.execute("PRAGMA data_version").fetchone()[0]
                if now != version:
                    version = now
                    self.look(connection, last)
            time.sleep(0.001)
        connection.close()


def mails(folder):
    """Path and label of every mail below a folder of labels, in an order that is always the same and mixed."""
    found = [(path, label.name) for label in sorted(folder.iterdir()) for path in label.glob("*.eml")]
    return sorted(found, key=lambda mail: (hash_of(mail[0].name), mail[0].name))


def hash_of(text):
    number = 2166136261
    for byte in text.encode():
        number = (number ^ byte) * 16777619 & 0xFFFFFFFF
    return number


def prepare(build, home, talk):
    """The example in a folder of its own, with a model trained for it; what `ebb train` reported."""
    data = ROOT / "build" / "data" / "mails"
    if not (data / "held-out").is_dir():
        run([ROOT / "tools" / "fetch-mails"], "fetching the mails")
    shutil.rmtree(home, ignore_errors=True)
    shutil.copytree(ROOT / "examples" / "inbox-triage", home / "inbox-triage",
                    ignore=shutil.ignore_patterns("inbox", "*.ebtm", "*.jsonl"))
    (home / "inbox-triage" / "inbox").mkdir()
    model = home / "inbox-triage" / "agents" / "spam-lite" / "spam.ebtm"
    talk.step(f"1. training on {len(mails(data / 'train')):,} mails")
    report = json.loads(run([build / "ebb", "train", "text", data / "train", "--out", model, "--json"], "training"))
    took = report["read_seconds"] + report["learn_seconds"]
    talk.step(f"   a model of {model.stat().st_size / 1024:.0f} KiB in {took:.1f} s; it expects"
              f" {100 * report['accuracy']:.2f} % of such mails to be right")
    if model.stat().st_size > MODEL_BYTES_MOST:
        raise Trouble(f"the model has {model.stat().st_size:,} bytes, more than {MODEL_BYTES_MOST:,}")
    return mails(data / "held-out")


class Drops:
    """Puts mails into the folder the way a careful program does: written aside, then renamed."""

    def __init__(self, home):
        self.aside, self.inbox, self.at = home / "aside", home / "inbox-triage" / "inbox", {}
        self.aside.mkdir()

    def drop(self, mail):
        path, label = mail
        name = f"{label}-{path.name}"
        shutil.copyfile(path, self.aside / name)
        self.at[name] = time.monotonic()
        os.rename(self.aside / name, self.inbox / name)


def wait_for(onlooker, count, talk, doing, of):
    end = time.monotonic() + PATIENCE_S
    while len(onlooker.seen) < count:
        talk.progress(doing, len(onlooker.seen), of)
        if time.monotonic() > end:
            return
        time.sleep(0.002)
    talk.progress(doing, len(onlooker.seen), of)


def work(daemon, drops, held_out, onlooker, talk):
    """Steady, then the flood with the kill in it; what was measured on the way."""
    of = len(held_out)
    talk.step(f"3. {STEADY_MAILS} mails, {STEADY_PACE} a second")
    began = time.monotonic()
    for number, mail in enumerate(held_out[:STEADY_MAILS]):
        time.sleep(max(0.0, began + number / STEADY_PACE - time.monotonic()))
        drops.drop(mail)
        talk.progress("mails", len(onlooker.seen), of)
    wait_for(onlooker, STEADY_MAILS, talk, "mails", of)

    talk.step(f"4. the other {of - STEADY_MAILS:,} at once, and SIGKILL in the middle")
    began = time.monotonic()
    flood = threading.Thread(target=lambda: [drops.drop(mail) for mail in held_out[STEADY_MAILS:]])
    flood.start()
    wait_for(onlooker, STEADY_MAILS + KILL_AFTER, talk, "mails", of)
    daemon.kill()
    killed = time.monotonic()
    open_mails = of - len(onlooker.seen)
    flood.join()
    ready = daemon.start()
    talk.step(f"   killed with {open_mails:,} mails to go, ready again {1000 * ready:.0f} ms after it was started")
    if open_mails == 0:
        raise Trouble("everything was done before the kill: the demo shows nothing; raise the number of mails")
    wait_for(onlooker, of, talk, "mails", of)
    ended = max(onlooker.seen.values(), default=time.monotonic())
    down = killed + ready - killed
    return {"flood_seconds": ended - began - down, "restart_ms": 1000 * ready, "open": open_mails,
            "resident": daemon.resident_bytes()}


def count(home, drops, held_out):
    """What ebb.db says against what was put in."""
    connection = sqlite3.connect(f"file:{home}/data/ebb.db?mode=ro", uri=True)
    rows = [json.loads(row[0]) for row in connection.execute("SELECT result FROM workflow_results")]
    runs = connection.execute("SELECT count(DISTINCT run) FROM record WHERE kind & 255 = 1").fetchone()[0]
    reports = connection.execute("SELECT count(*) FROM record WHERE kind & 255 = 2").fetchone()[0]
    connection.close()
    labels = {f"{label}-{path.name}": label for path, label in held_out}
    times = collections.Counter(row["file"] for row in rows)
    said = {row["file"]: row["label"] for row in rows}
    right = sum(said.get(name) == label for name, label in labels.items())
    spam = [name for name, label in labels.items() if label == "spam"]
    called_spam = [name for name in labels if said.get(name) == "spam"]
    told = collections.Counter(json.loads(line)["file"] for line in notified(home))
    return {"events": len(drops.at), "runs": runs, "results": len(rows), "reports": reports,
            "lost": sum(name not in times for name in labels),
            "doubled": sum(number - 1 for number in times.values()) + sum(name not in labels for name in times),
            "accuracy": right / len(labels),
            "recall": sum(said.get(name) == "spam" for name in spam) / len(spam),
            "precision": sum(labels[name] == "spam" for name in called_spam) / max(1, len(called_spam)),
            "called_spam": len(called_spam), "told": len(told),
            "told_twice": sum(number - 1 for number in told.values())}


def notified(home):
    path = home / "inbox-triage" / "agents" / "notify" / "notified.jsonl"
    return path.read_text().splitlines() if path.exists() else []


def part(sorted_numbers, share):
    return sorted_numbers[min(len(sorted_numbers) - 1, int(share * len(sorted_numbers)))]


def show(counted, measured, latencies):
    flood = counted["events"] - STEADY_MAILS
    rows = [
        ("events in", f"{counted['events']:,}"),
        ("runs", f"{counted['runs']:,}"),
        ("results stored", f"{counted['results']:,}"),
        ("lost", f"{counted['lost']:,}"),
        ("doubled", f"{counted['doubled']:,}"),
        ("people told of spam", f"{counted['told']:,} of {counted['called_spam']:,}, twice: {counted['told_twice']:,}"),
        ("reported as not repeated", f"{counted['reports']:,}"),
        ("accuracy", f"{100 * counted['accuracy']:.2f} %"),
        ("recall, precision of spam", f"{100 * counted['recall']:.2f} %, {100 * counted['precision']:.2f} %"),
        ("from dropped to durable, p50", f"{1000 * part(latencies, 0.5):.1f} ms"),
        ("from dropped to durable, p99", f"{1000 * part(latencies, 0.99):.1f} ms"),
        ("results a second in the flood, kill included", f"{flood / measured['flood_seconds']:,.0f}"),
        ("ready after the kill", f"{measured['restart_ms']:.0f} ms"),
        ("resident memory", f"{measured['resident'] / 1048576:.1f} MiB"),
    ]
    show_table(rows)


def judge(counted):
    """What is wrong, as sentences."""
    wrong = []
    if counted["lost"]:
        wrong.append(f"{counted['lost']} mails have no result")
    if counted["doubled"]:
        wrong.append(f"{counted['doubled']} results are there twice")
    if counted["told_twice"]:
        wrong.append(f"{counted['told_twice']} mails were told twice")
    if counted["accuracy"] < ACCURACY_LEAST:
        wrong.append(f"{100 * counted['accuracy']:.2f} % are right, less than {100 * ACCURACY_LEAST} %")
    return wrong


def show_all(build, home, daemon, talk):
    held_out = prepare(ROOT / build, ROOT / home, talk)
    drops = Drops(ROOT / home)
    ready = daemon.start()
    talk.step(f"2. `ebb serve` is ready after {1000 * ready:.0f} ms and watches {home}/inbox-triage/inbox")
    onlooker = Onlooker(ROOT / home / "data" / "ebb.db")
    onlooker.start()
    measured = work(daemon, drops, held_out, onlooker, talk)
    onlooker.enough.set()
    onlooker.join()
    if daemon.stop() != 0:
        raise Trouble(f"the daemon did not end well; see {daemon.log}")
    counted = count(ROOT / home, drops, held_out)
    steady = [f"{label}-{path.name}" for path, label in held_out[:STEADY_MAILS]]
    latencies = sorted(onlooker.seen[name] - drops.at[name] for name in steady if name in onlooker.seen)
    show(counted, measured, latencies or [0.0])
    return judge(counted)


def demo(build, home, talk):
    """Runs it; what is wrong, as sentences."""
    daemon = Daemon(build, home, WORKFLOW)
    daemon.end_earlier(talk)
    with contextlib.closing(daemon):
        return show_all(build, home, daemon, talk)
