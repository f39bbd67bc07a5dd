# SPDX-License-Identifier: Apache-2.0
"""A hub, a device that has joined it, and the line between them that a test spoils; in the end the books are closed."""
import contextlib
import json
import os
import shutil
import sqlite3

import device as devices
from hub import Hub
from line import Line

LONG = os.environ.get("EBB_LONG") == "1"  # longer sweeps, more kills

LANES = ("urgent", "high", "normal", "low")

WORKFLOW = """\
ebb: 1
workflow: parts
trigger:
  watch: { path: INBOX, glob: "*.part", text: true, after: delete }
durability: { runs: each, results: each }
concurrency: 4
results:
"""
RESULT = """\
  - name: LANE
    when: '.event.name | startswith("LANE")'
    from: { part: "${ .event.name }", text: "${ .event.text }" }
    priority: LANE
    keep: KEEP
"""


def workflow(keep="7d"):
    """Each file is a result of the lane that its name begins with."""
    return WORKFLOW + "".join(RESULT.replace("LANE", lane).replace("KEEP", keep) for lane in LANES)


def noise(count):
    """Text that does not shrink: so many letters take three quarters of it on the line."""
    return os.urandom(count // 2 + 1).hex()[:count]


class Place:
    """A hub, a line, a device, and what went into it."""

    def __init__(self, folder):
        self.folder = folder
        self.hub = Hub(folder)
        self.device = devices.Device(folder / "device")
        self.clones = []
        self.line = None
        self.made = {}  # name of a part: its text

    def begin(self, keep="7d"):
        """The hub runs, the device has joined it and runs as well."""
        self.start_hub()
        self.join(self.device)
        self.device.workflow("parts", workflow(keep))
        self.device.start()

    def close(self):
        for one in (self.device, *self.clones, self.hub):
            one.close()
        if self.line is not None:
            self.line.stop()

    # --- the hub ---

    def start_hub(self, **more):
        self.hub.start(**more)
        if self.line is None:
            self.line = Line(self.hub.port)
        self.line.target = self.hub.port

    def restart_hub(self):
        """After a kill or a stop: the line leads to it again."""
        self.start_hub()
        self.hurry()

    def join(self, device):
        """Afterwards the device knows of the line alone: the hub has told it its own addresses as well."""
        code, made = self.hub.ask("POST", "/v1/tokens", {})
        assert code == 200, made
        address = f"127.0.0.1:{self.line.port}"
        said = devices.ebb("join", made["token"], "--data", device.data, "--hub", address)
        assert said.code == 0, said
        path = device.data / "hub.json"
        identity = json.loads(path.read_text())
        assert address in identity["hubs"]
        path.write_text(json.dumps(identity | {"hubs": [address]}))

    def alarms(self):
        """The kinds of what a person at the hub should hear."""
        return [alarm["kind"] for alarm in self.hub.get("/v1/alarms")["alarms"]]

    # --- the device ---

    def make(self, count=1, lane="normal", size=20, device=None):
        """Files for so many results; their names."""
        device = device or self.device
        names = []
        for _ in range(count):
            name = f"{lane}-{len(self.made):05d}.part"
            self.made[name] = noise(size)
            device.drop(name, self.made[name])
            names.append(name)
        return names

    def stored(self, device=None):
        """Of every result that a device has: {id: body}."""
        device = device or self.device
        with contextlib.closing(sqlite3.connect(f"file:{device.data}/ebb.db?mode=ro", uri=True, timeout=10)) as base:
            return {row[0]: row[1] for row in base.execute("SELECT id, result FROM workflow_results")}

    def make_stored(self, count=1, **more):
        """The same, and waits until they are durable on the device."""
        names = self.make(count, **more)
        device = more.get("device") or self.device
        devices.until("the results are there", lambda: set(names) <= set(parts(self.stored(device))))
        return names

    def sync(self, device=None):
        return (device or self.device).get("/v1/sync")

    def says(self, words, hurry=True):
        """Waits until these are in what the device calls its last trouble."""
        devices.until(words, lambda: words in self.sync().get("last_error", "") or (hurry and self.hurry()))

    def hurry(self, device=None):
        """As `ebb sync now`: a test does not wait for the next try. A device that does not run does not mind."""
        with contextlib.suppress(OSError):
            (device or self.device).ask("POST", "/v1/sync/now")

    def connect(self, device=None):
        """Connected, greeted, nothing on its way."""
        def idle():
            facts = self.sync(device)
            return facts["state"] == "idle" or self.hurry(device)
        devices.until("the device is connected", idle)

    def waiting(self, device=None):
        """How many records wait for the hub."""
        return sum(lane["waiting"] for lane in (device or self.device).get("/v1/queue")["lanes"]
                   if lane["lane"] != "local")

    def drained(self, *running, patience=devices.PATIENCE, hurry=True):
        """Waits until nothing waits on any device."""
        def empty():
            left = [one for one in running or (self.device,) if self.waiting(one)]
            for one in left:
                if hurry and self.sync(one)["state"] == "away":
                    self.hurry(one)
            return not left
        try:
            devices.until("the queue is empty", empty, patience, pause=0.1)
        except devices.Waited as waited:
            logs = f"{self.device.log()[-3000:]}\n{self.hub.log()[-2000:]}"
            raise devices.Waited(f"{waited}\n{self.sync()}\n{logs}") from None

    def quiet(self):
        """All files have become results, and nothing waits."""
        devices.until("the inbox is empty", lambda: not list(self.device.inbox.iterdir()), patience=120)
        self.drained(patience=120)

    # --- the books ---

    def on_hub(self):
        """(id, result) of everything that the hub lists."""
        said = self.hub.ebb("result", "list", "--all", "--json")
        assert said.code == 0, said
        return [(row["id"], row["result"]) for row in listed(said)]

    def held(self, names):
        """Those of the names that the hub has, seen beside it."""
        have = {json.loads(row[0])["part"] for row in self.hub.rows("SELECT body FROM record WHERE kind = 1")}
        return have & set(names)

    def balance(self, lost=0):
        """Closes the books: what was made is on the hub once, unchanged, under the id that it was given first, and
        each lane adds up. Of all of it `lost` were purged before a hub that was set back asked for them."""
        found = {}
        for identity, result in self.on_hub():
            first = found.get(result["part"])
            assert first is None, f"{result['part']} is on the hub twice: as {first} and as {identity}"
            assert self.made[result["part"]] == result["text"], f"{result['part']} has changed on its way"
            found[result["part"]] = identity
        missing = self.made.keys() - found.keys()
        assert len(missing) == lost, sorted(missing)
        for device in (self.device, *self.clones):
            for identity, body in self.stored(device).items():
                part = json.loads(body)["part"]
                assert found.get(part, identity) == identity, f"{part} was {identity} and is {found[part]}"
        for (stream, lane), (stored, gapped, quarantined, highest) in self.hub.accounts().items():
            assert stored + gapped + quarantined == highest, (stream.hex(), lane, stored, gapped, quarantined, highest)
        return found


def listed(said):
    """What a list printed as JSON, whatever its shape."""
    try:
        whole = json.loads(said.out)
    except ValueError:
        return said.lines()
    return whole if isinstance(whole, list) else whole.get("results", [whole])


def parts(stored):
    return [json.loads(body)["part"] for body in stored.values()]


def copy_folder(source, target):
    """A copy of a stopped program's folder, without its sockets."""
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target, ignore=shutil.ignore_patterns("*.sock"))
