# SPDX-License-Identifier: Apache-2.0
"""A wire of the kernel's own between two network namespaces: slow by `tbf`, or dead without a word (no FIN, no RST).

The hub lives in one of them and the device in the other; the machine's own network is not touched.
"""
import os
import shutil
import subprocess
import time

import pytest

import device as devices
from weather import LONG, Place, workflow

HUB, DEVICE = "10.213.0.1", "10.213.0.2"


class Namespace:
    """A network of its own, as long as it is open."""

    def __init__(self):
        self.holder = subprocess.Popen(["unshare", "--net", "sleep", "600"], stderr=subprocess.DEVNULL)
        self.prefix = ["nsenter", "--target", str(self.holder.pid), "--net"]

    def is_made(self):
        return os.readlink(f"/proc/{self.holder.pid}/ns/net") != os.readlink("/proc/self/ns/net")

    def run(self, *words):
        subprocess.run([*self.prefix, *map(str, words)], check=True, capture_output=True)

    def close(self):
        self.holder.kill()
        self.holder.wait()


class WirePlace(Place):
    """A place whose line is a pair of veth."""

    def __init__(self, folder):
        super().__init__(folder)
        self.hubs, self.devices = Namespace(), Namespace()

    def lay(self):
        for one in (self.hubs, self.devices):
            devices.until("there is a namespace", one.is_made)
        self.hubs.run("ip", "link", "add", "wire", "type", "veth", "peer", "name", "wire", "netns", self.devices.holder.pid)
        for one, address in ((self.hubs, HUB), (self.devices, DEVICE)):
            one.run("ip", "address", "add", f"{address}/24", "dev", "wire")
            one.run("ip", "link", "set", "lo", "up")
            one.run("ip", "link", "set", "wire", "up")

    def slow_down(self, rate):
        for one in (self.hubs, self.devices):
            one.run("tc", "qdisc", "add", "dev", "wire", "root", "tbf", "rate", rate, "burst", "3000", "latency", "3s")

    def begin(self, keep="7d"):
        self.hub.start("--listen", f"{HUB}:0", prefix=self.hubs.prefix)
        token = self.hub.ask("POST", "/v1/tokens", {})[1]["token"]
        joined = subprocess.run([*self.devices.prefix, devices.EBB, "join", token, "--data", self.device.data], check=False,
                                capture_output=True, text=True, env=devices.clean_environment(), timeout=devices.PATIENCE)
        assert joined.returncode == 0, joined
        self.device.workflow("parts", workflow(keep))
        self.device.start(prefix=self.devices.prefix)

    def close(self):
        super().close()
        self.hubs.close()
        self.devices.close()


@pytest.fixture
def place(tmp_path):
    if not all(map(shutil.which, ("ip", "tc", "unshare", "nsenter"))):
        pytest.skip("there is no iproute2 or util-linux here")
    one = WirePlace(tmp_path)
    try:
        one.lay()
    except (devices.Waited, OSError, subprocess.CalledProcessError) as refused:
        one.close()
        pytest.skip(f"network namespaces are not allowed here: {refused}")
    try:
        yield one
    finally:
        one.close()


def test_a_wire_of_50_kbit(place):
    place.slow_down("50kbit")
    place.begin()
    place.make_stored(60, size=400)
    place.make_stored(3, lane="urgent")
    place.drained(patience=120)
    assert len(place.balance()) == 63


def test_a_wire_that_is_dead_for_a_while(place):
    place.begin()
    place.make_stored(10)
    place.drained()
    for silence_s in (1, 3, 40) if LONG else (1, 3):
        place.devices.run("ip", "link", "set", "wire", "down")
        place.make_stored(20)
        place.make_stored(2, lane="urgent")
        time.sleep(silence_s)
        place.devices.run("ip", "link", "set", "wire", "up")
        place.drained(patience=120)
        place.make_stored(5)
        place.drained()
    assert len(place.balance()) == len(place.made)


def test_a_wire_on_which_nothing_comes_back(place):
    """One way alone is dead: what was sent arrives, and nobody hears that it did."""
    place.begin()
    place.make_stored(10)
    place.drained()
    place.hubs.run("tc", "qdisc", "add", "dev", "wire", "root", "tbf", "rate", "8bit", "burst", "10", "limit", "10")
    place.make_stored(20)
    devices.until("it is on the hub, or on its way", lambda: place.sync()["state"] != "idle")
    time.sleep(2)
    assert place.waiting() == 20  # for all that the device knows
    place.hubs.run("tc", "qdisc", "del", "dev", "wire", "root")
    place.drained(patience=120)
    assert len(place.balance()) == 30
