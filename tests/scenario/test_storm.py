# SPDX-License-Identifier: Apache-2.0
"""Every device of a hub loses it at once and comes back at once (T18): real connections, each with a certificate of its own.

The devices are one process (tests/crowd) that drives the engine which ships and watches what it does. 2,000 of them take
half a minute on two cores, most of it the 4,000 handshakes before the storm; EBB_DEVICES says another number (5,000 in
`make torture`). How much a body may have, the hub says in each answer; its link rarely lets a device come near that.
"""
import collections
import json
import os
import pathlib
import resource
import select
import shutil
import signal
import subprocess
import time

import pytest

import device as devices
from hub import FakeDevice, Hub, Stream, record

DEVICES = int(os.environ.get("EBB_DEVICES", "2000"))
EACH = 30                       # records a device makes before the hub is killed, and each hundredth fifty times as many
PATIENCE = 120
HUB_BYTES_MAX = (160 << 20) + DEVICES * (80 << 10)  # of the hub: what it holds of bodies (64 MiB), caches, connections
SPREAD_MS_A_DEVICE = 5


class Crowd:
    """The process that all devices live in."""

    def __init__(self, token, count, log):
        self.log_path = log
        with open(log, "wb") as errors:
            self.process = subprocess.Popen([devices.BUILD / "tests" / "crowd" / "crowd", token, str(count)], text=True,
                                            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors,
                                            start_new_session=True, env=devices.clean_environment())

    def say(self, line):
        """What it answers; it ends by itself, with a sentence, at what must never happen."""
        try:
            self.process.stdin.write(line + "\n")
            self.process.stdin.flush()
            assert select.select([self.process.stdout], [], [], devices.PATIENCE)[0], "the crowd does not answer"
            return json.loads(self.process.stdout.readline())
        except (OSError, ValueError):
            raise AssertionError(f"the crowd has ended: {self.log_path.read_text()}") from None

    def look(self):
        return self.say("look")

    def until(self, what, condition):
        """A look at them of which the condition is true."""
        try:
            return devices.until(what, lambda: (seen := self.look()) and condition(seen) and seen, PATIENCE, 0.1)
        except devices.Waited as waited:
            raise devices.Waited(f"{waited}: {self.look()}") from None

    def close(self):
        devices.kill_group(self.process)
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


@pytest.fixture
def hub(tmp_path):
    one = Hub(tmp_path)
    one.start("--log", "warn")
    try:
        yield one
    finally:
        one.close()


@pytest.fixture
def token(hub):
    code, made = hub.ask("POST", "/v1/tokens", {"uses": DEVICES + 100})
    assert code == 200, made
    return made["token"]


@pytest.fixture
def crowd(token, tmp_path):
    if resource.getrlimit(resource.RLIMIT_NOFILE)[1] < DEVICES + 200:
        pytest.skip(f"a process may not have {DEVICES} connections here (ulimit -Hn)")
    one = Crowd(token, DEVICES, tmp_path / "crowd.log")
    try:
        yield one
    finally:
        one.close()


def held(hub):
    """How many records of each stream are at the hub, without a hole from the first on."""
    return {stream.hex(): count for stream, count, least, most in hub.rows(
        "SELECT s.id, count(*), min(r.seq), max(r.seq) FROM record r JOIN stream s ON s.number = r.stream GROUP BY s.id")
        if least == 1 and most == count}


def newest(hub):
    """The number of the record that came last."""
    return hub.rows("SELECT max(number) FROM record")[0][0]


def peak_bytes(hub):
    """The most memory that the hub's process has had."""
    status = pathlib.Path(f"/proc/{hub.daemon.pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) << 10


def ask_as_stranger(stranger):
    """A connection of its own, without a certificate; how long the answer took."""
    began = time.monotonic()
    assert stranger.request("GET", "/healthz") == (200, {"status": "ok"})
    stranger.hang_up()
    return time.monotonic() - began


def newcomer(hub, folder, number, token):
    """One more device joins, and sends."""
    one = FakeDevice(hub, folder, f"new-{number}").join(token=token)
    stream = Stream().add(3, record({"device": f"new-{number}", "number": 1}))
    one.hello(stream)
    one.send(stream)
    one.hang_up()
    return stream


def storm(hub, folder, crowd, token):
    """Until all are back and have nothing waiting; what strangers and newcomers saw of it meanwhile."""
    stranger, waits, streams = FakeDevice(hub, folder, "stranger"), [], []
    end = time.monotonic() + PATIENCE
    while (seen := crowd.look())["connected"] < DEVICES or seen["empty"] < DEVICES:
        assert time.monotonic() < end, (seen, hub.log()[-2000:])
        waits.append(ask_as_stranger(stranger))
        if len(streams) < 5:
            streams.append(newcomer(hub, folder, len(streams), token))
        time.sleep(0.05)
    return waits, streams


def kill_in_the_middle(hub, crowd):
    """All devices send at once, and then there is no hub; what that had taken in memory at most."""
    before = newest(hub)
    os.kill(hub.daemon.pid, signal.SIGSTOP)  # so that all of it is there when it looks again
    crowd.say(f"make {EACH}")
    time.sleep(1)
    os.kill(hub.daemon.pid, signal.SIGCONT)
    devices.until("half of it has come", lambda: newest(hub) > before + DEVICES * EACH // 2, pause=0.001)
    peak = peak_bytes(hub)
    hub.kill()
    told, there = crowd.say("books")["streams"], held(hub)
    lost = [stream for stream, (_, acknowledged) in told.items() if acknowledged > there.get(stream, 0)]
    assert not lost, f"{len(lost)} streams lack what was acknowledged"
    assert sum(there.values()) < sum(made for made, _ in told.values()), "not killed in the middle"
    return peak


def assert_each_is_there_once(hub, expected):
    """So many records of each stream, and no two of them say the same."""
    accounts = {stream.hex(): account for (stream, _), account in hub.accounts().items()}
    assert accounts == {stream: (made, 0, 0, made) for stream, made in expected.items()}
    bodies = (json.loads(body) for body, in hub.rows("SELECT body FROM record WHERE kind = 1"))
    times = collections.Counter((body["device"], body["number"]) for body in bodies)
    assert set(times.values()) == {1} and len(times) == sum(expected.values())
    assert hub.get("/v1/alarms")["alarms"] == []


def test_all_devices_of_a_hub_come_back_at_once(hub, token, crowd, tmp_path):
    crowd.until("all have joined", lambda seen: seen["joined"] == seen["connected"] == DEVICES)
    crowd.say("make 10")  # whose answers say over how long to spread
    crowd.until("all were heard", lambda seen: seen["empty"] == DEVICES)
    address = f"127.0.0.1:{hub.port}"
    peak = kill_in_the_middle(hub, crowd)

    hub.start("--log", "warn", "--listen", address)
    began = time.monotonic()
    waits, streams = storm(hub, tmp_path, crowd, token)
    seen, peak_again = crowd.say("books"), peak_bytes(hub)
    made = {stream: count for stream, (count, _) in seen.pop("streams").items()} | {one.id: 1 for one in streams}
    print(f"over after {time.monotonic() - began:.1f} s; {len(waits)} strangers were answered, the slowest after "
          f"{max(waits, default=0):.2f} s, {len(streams)} newcomers; {peak >> 20} and {peak_again >> 20} MiB; {seen}")
    assert_each_is_there_once(hub, made)
    assert waits and streams, "the storm was over before anybody could ask"
    assert max(peak, peak_again) < HUB_BYTES_MAX, f"{peak >> 20} and {peak_again >> 20} MiB"

    # The hub has said over how long they are to spread, and they do; they send what was granted, when it was.
    assert seen["lost_together"] >= DEVICES and seen["waits_too_long"] == seen["connects_too_early"] == 0, seen
    assert seen["spread_ms_most"] >= SPREAD_MS_A_DEVICE * DEVICES
    assert all(tenth > seen["lost_together"] / 40 for tenth in seen["waits_by_tenth"]), seen
    assert seen["bodies_too_large"] == seen["bodies_too_early"] == seen["not_taken"] == 0, seen
    hub.stop()
    shutil.rmtree(hub.data)  # it is large
