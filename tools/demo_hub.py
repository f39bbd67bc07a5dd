# SPDX-License-Identifier: Apache-2.0
"""The hub: a device joins one, the line is cut while mails come in, and comes back: the urgent first, the rest after.

Starts `ebb hub serve` and `ebb serve` with examples/inbox-triage (its model is the inbox's), joins the device over a
line of our own, drops mails while the line is up, cuts it, drops three times as many, looks at what waits, and joins the
line again at 256 kbit/s. Then it reads hub.db, as anybody could, and compares it with the list of files. Wrong are a
mail that was lost or doubled, and a verdict of the urgent lane that arrived behind one of the normal lane.
"""
import collections
import contextlib
import json
import pathlib
import shutil
import socket
import sqlite3
import subprocess
import sys
import time

import demo_inbox
from demo_stage import PATIENCE_S, ROOT, Daemon, Trouble, run, show_table

sys.path.insert(0, str(ROOT / "tests" / "scenario"))
from line import Line  # noqa: E402  the tests' own line between a device and its hub

ONLINE_MAILS, OFFLINE_MAILS = 300, 900
SLOW_BYTES_PER_S = 32 * 1024
URGENT, NORMAL = 1, 3


class HubDaemon(Daemon):
    """`ebb hub serve`, asked over its socket."""

    def __init__(self, build, home, port, line_port):
        super().__init__(build, home, "none")
        self.words = [f"{build}/ebb", "hub", "serve", "--data", f"{home}/hub", "--listen", f"127.0.0.1:{port}",
                      "--names", f"127.0.0.1:{line_port}"]
        self.socket = f"{home}/hub/hub.sock"
        self.log = f"{home}/hub.log"
        self.ready_path = "/healthz"

    def rows(self, sql):
        with contextlib.closing(sqlite3.connect(f"file:{pathlib.Path(self.socket).parent}/hub.db?mode=ro", uri=True,
                                                timeout=10)) as database:
            return database.execute(sql).fetchall()

    def count(self):
        return self.rows("SELECT count(*) FROM record WHERE kind = 1")[0][0]


def waiting(daemon):
    """{lane: records that the hub does not hold}, of those that have some."""
    lanes = json.loads(daemon.ask("/v1/queue")[1])["lanes"]
    return {lane["lane"]: lane["waiting"] for lane in lanes if lane["waiting"] and lane["lane"] != "local"}


def until(what, condition):
    end = time.monotonic() + PATIENCE_S
    while not condition():
        if time.monotonic() > end:
            raise Trouble(f"{what}: not within {PATIENCE_S} s")
        time.sleep(0.02)


def free_port():
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as listener:
        return listener.getsockname()[1]


def join(build, home, hub):
    token = json.loads(run([f"{build}/ebb", "hub", "token", "new", "--socket", hub.socket, "--json"],
                           "making a token"))["token"]
    said = subprocess.run([f"{build}/ebb", "join", token, "--name", "demo-device", "--label", "place=here",
                           "--data", f"{home}/data"], cwd=ROOT, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if said.returncode != 0:
        raise Trouble(f"joining failed: {said.stdout.strip()}")


def work(device, hub, line, drops, mails, talk):
    """What was measured on the way."""
    talk.step(f"3. {ONLINE_MAILS} mails with the line up")
    for mail in mails[:ONLINE_MAILS]:
        drops.drop(mail)
    until("what was dropped arrives", lambda: progress(talk, "at the hub", hub.count(), ONLINE_MAILS))
    talk.step(f"4. the line is cut; {OFFLINE_MAILS} more mails")
    line.down()
    for number, mail in enumerate(mails[ONLINE_MAILS:], 1):
        drops.drop(mail)
        if number % 300 == 0:
            until("the verdicts wait", lambda n=number: progress(talk, "waiting", sum(waiting(device).values()), n))
            queue = waiting(device)
            talk.step(f"   waiting on the device: {queue.get('urgent', 0):,} urgent, {queue.get('normal', 0):,} normal;"
                      f" at the hub: {hub.count():,}")
    queue = waiting(device)
    talk.step(f"5. the line is back, at {SLOW_BYTES_PER_S * 8 // 1024} kbit/s")
    before = hub.count()
    line.bytes_per_s = SLOW_BYTES_PER_S
    line.up()
    back, first = time.monotonic(), hub.rows("SELECT ifnull(max(number), 0) FROM record")[0][0]
    subprocess.run([*device.words[:1], "sync", "now", "--socket", device.socket], cwd=ROOT, check=False,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    urgent_s = None
    while hub.count() < before + OFFLINE_MAILS:
        arrived = hub.count() - before
        progress(talk, "at the hub", arrived, OFFLINE_MAILS)
        if urgent_s is None and arrived >= queue.get("urgent", 0):
            urgent_s = time.monotonic() - back
        if time.monotonic() - back > PATIENCE_S:
            raise Trouble(f"what waited did not arrive within {PATIENCE_S} s; see {hub.log} and {device.log}")
        time.sleep(0.005)
    return {"queue": queue, "urgent_s": urgent_s or 0.0, "all_s": time.monotonic() - back, "first": first}


def progress(talk, doing, done, of):
    talk.progress(doing, done, of)
    return done >= of


def judge(hub, drops, measured):
    """What hub.db says against what was put in."""
    rows = hub.rows("SELECT number, lane, body FROM record WHERE kind = 1 ORDER BY number")
    times = collections.Counter(json.loads(body)["file"] for _, _, body in rows)
    lost = sum(name not in times for name in drops.at)
    doubled = sum(number - 1 for number in times.values())
    lanes = [lane for number, lane, _ in rows if number > measured["first"]]
    overtaken = sum(1 for at, lane in enumerate(lanes) if lane == URGENT and NORMAL in lanes[:at])
    show_table([
        ("mails", f"{len(drops.at):,}"),
        ("results at the hub", f"{len(rows):,}"),
        ("lost", f"{lost:,}"),
        ("doubled", f"{doubled:,}"),
        ("waited while the line was cut", f"{sum(measured['queue'].values()):,}, {measured['queue'].get('urgent', 0):,} of them urgent"),
        ("the urgent arrived after", f"{measured['urgent_s']:.1f} s"),
        ("the rest arrived after", f"{measured['all_s']:.1f} s"),
        ("urgent ones behind a normal one", f"{overtaken:,}"),
    ])
    wrong = [f"{lost} mails have no verdict at the hub"] if lost else []
    wrong += [f"{doubled} verdicts are at the hub twice"] if doubled else []
    wrong += [f"{overtaken} urgent verdicts arrived behind normal ones"] if overtaken else []
    return wrong


def show_all(build, home, hub, device, line, talk):
    held_out = demo_inbox.prepare(ROOT / build, ROOT / home, talk)[:ONLINE_MAILS + OFFLINE_MAILS]
    drops = demo_inbox.Drops(ROOT / home)
    hub.start()
    join(build, home, hub)
    device.start()
    talk.step(f"2. a hub in {home}/hub, and a device that has joined it")
    measured = work(device, hub, line, drops, held_out, talk)
    device.stop()
    hub.stop()
    return judge(hub, drops, measured)


def demo(build, home, talk):
    """Runs it; what is wrong, as sentences."""
    port = free_port()
    line = Line(port)
    hub = HubDaemon(build, home, port, line.port)
    device = Daemon(build, home, demo_inbox.WORKFLOW)
    device.end_earlier(talk)
    shutil.rmtree(ROOT / home, ignore_errors=True)
    try:
        with contextlib.closing(hub), contextlib.closing(device):
            return show_all(build, home, hub, device, line, talk)
    finally:
        line.stop()
