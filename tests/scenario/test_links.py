# SPDX-License-Identifier: Apache-2.0
"""The way to the hub: what a kind of link may carry is held to, over restarts too; a proxy of the device's file is used."""
import base64
import contextlib
import json
import os
import re
import signal
import socket
import threading

import pytest

import device as devices
from hub import Hub

WORKFLOW = """\
ebb: 1
workflow: fill
trigger:
  watch: { path: INBOX, glob: "*.txt", text: true }
durability: { runs: each, results: each }
results:
  - { name: out, when: '.event.name != "loud.txt"', from: { n: "${ .event.name }", text: "${ .event.text }" }, priority: normal }
  - { name: loud, when: '.event.name == "loud.txt"', from: { n: "${ .event.name }" }, priority: urgent }
"""
BUDGET, PIECE, PIECES = 64 << 10, 8 << 10, 32  # more than twice the budget, also when zstd has found the base64


@pytest.fixture
def hub(tmp_path):
    one = Hub(tmp_path)
    one.start()
    yield one
    one.close()


@pytest.fixture
def config(device):
    path = device.folder / "device.yaml"
    path.write_text("ebb: 1\nhub: { links: { other: { metered: true, hour: 64KiB }, ethernet: { hour: 1KiB } } }\n")
    return path


def join(device, hub, *words):
    code, token = hub.ask("POST", "/v1/tokens", {"uses": 1})
    assert code == 200, token
    said = devices.ebb("join", token["token"], "--name", "store-0113", "--data", device.data,
                       "--hub", f"127.0.0.1:{hub.port}", *words)
    assert said.code == 0, said


def fill(device, count):
    """Results that do not get much smaller by being compressed."""
    for number in range(count):
        device.drop(f"{number:03}.txt", base64.b64encode(os.urandom(PIECE * 3 // 4)))


def on_hub(hub):
    return [row["result"]["n"] for row in hub.ebb("result", "list", "--limit", "1000", "--json").lines()]


def link(device):
    return device.get("/v1/sync").get("link", {})


def test_a_budget_holds_back_what_is_not_urgent_and_says_so(device, hub, config):
    join(device, hub)
    device.workflow("fill", WORKFLOW)
    device.start("--config", config)
    fill(device, PIECES)
    device.wait_results(PIECES)
    used = devices.until("the budget is used up", lambda: "goes_on_ms" in (found := link(device)) and found)
    assert used["kind"] == "other" and used["interface"] == "lo" and used["metered"] is True
    assert used["hour"]["budget_bytes"] == BUDGET <= used["hour"]["sent_bytes"] <= BUDGET + 2 * PIECE
    assert 0 < used["goes_on_ms"] <= 66 * 60 * 1000 and "budget_bytes" not in used["day"]

    device.drop("loud.txt")
    devices.until("what is urgent arrives", lambda: "loud.txt" in on_hub(hub))
    arrived = len(on_hub(hub)) - 1
    assert 0 < arrived < PIECES
    devices.until("what was held back is there, and that alone", lambda: PIECES - arrived == sum(
        lane["waiting"] for lane in device.get("/v1/queue")["lanes"]))

    said = device.cli("sync", "status").out
    assert re.search(r"^It goes by lo \(other, metered\), with [67]\d\.\d KiB of 64\.0 KiB sent in the last hour and ", said, re.M), said
    assert re.search(r"^The budget of other links is used up: control and urgent are sent, the rest goes on in (1 h )?\d+ min", said, re.M), said


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_a_budget_that_is_used_up_stays_so_when_the_daemon_is_started_anew(device, hub, config, end):
    join(device, hub)
    device.workflow("fill", WORKFLOW)
    device.start("--config", config)
    fill(device, PIECES)
    device.wait_results(PIECES)
    used = devices.until("the budget is used up", lambda: "goes_on_ms" in (found := link(device)) and found)
    kept = device.data / "links.json"
    devices.until("it is kept", kept.exists)
    if end == "stop":
        assert device.stop() == 0
        assert json.loads(kept.read_text())["links"][0]["kind"] == "other"
        device.start("--config", config)
        again = devices.until("it is connected again", lambda: "kind" in (found := link(device)) and found)
        assert again["hour"]["sent_bytes"] >= used["hour"]["sent_bytes"] and "goes_on_ms" in again
    else:  # what the last minutes carried may be missing, what was written is not
        device.kill()
        before = sum(json.loads(kept.read_text())["links"][0]["hour"]["slots"])
        device.start("--config", config)
        again = devices.until("it is connected again", lambda: "kind" in (found := link(device)) and found)
        assert again["hour"]["sent_bytes"] >= before > 0


def test_a_file_of_counts_that_is_damaged_is_begun_anew(device, hub, config):
    join(device, hub)
    device.workflow("fill", WORKFLOW)
    (device.data / "links.json").write_text('{"boot":')
    device.start("--config", config)
    fill(device, 1)
    devices.until("it arrives", lambda: on_hub(hub) == ["000.txt"])
    assert "what links have carried is not known" in device.log()
    assert device.stop() == 0
    assert json.loads((device.data / "links.json").read_text())["links"]


class Proxy:
    """Lets everybody through whom it is asked for by CONNECT, and notes whom."""

    def __init__(self):
        self.asked = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        with contextlib.suppress(OSError):
            while True:
                near, _ = self.listener.accept()
                threading.Thread(target=self.talk, args=(near,), daemon=True).start()

    def talk(self, near):
        with contextlib.suppress(OSError):
            head = b""
            while not head.endswith(b"\r\n\r\n"):
                head += near.recv(1)
            place = head.split()[1].decode()
            self.asked.append(place)
            far = socket.create_connection(("127.0.0.1", int(place.rsplit(":", 1)[1])), devices.PATIENCE)
            near.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            threading.Thread(target=self.carry, args=(far, near), daemon=True).start()
            self.carry(near, far)

    @staticmethod
    def carry(source, target):
        with contextlib.suppress(OSError):
            while part := source.recv(65536):
                target.sendall(part)
        with contextlib.suppress(OSError):
            target.shutdown(socket.SHUT_RDWR)

    def close(self):
        self.listener.close()


def test_the_proxy_of_the_devices_file_is_used(device, hub):
    with contextlib.closing(Proxy()) as proxy:
        config = device.folder / "device.yaml"
        config.write_text(f"ebb: 1\nhub: {{ proxy: '{proxy.url}' }}\n")
        join(device, hub, "--config", config)
        assert proxy.asked == [f"127.0.0.1:{hub.port}"]
        assert "proxy" not in json.loads((device.data / "hub.json").read_text())
        device.workflow("fill", WORKFLOW)
        device.start("--config", config)
        fill(device, 1)
        devices.until("it arrives", lambda: on_hub(hub) == ["000.txt"])
        assert link(device)["metered"] is False
        assert len(proxy.asked) >= 2 and set(proxy.asked) == {f"127.0.0.1:{hub.port}"}
        device.stop()
    with contextlib.closing(Proxy()) as other:  # the environment wins
        device.start("--config", config, environment={"EBB__HUB__PROXY": other.url})
        devices.until("it is connected", lambda: device.get("/v1/sync").get("connected"))
        assert other.asked


def test_another_budget_counts_from_the_next_start(device, config):
    device.start("--config", config)
    config.write_text("ebb: 1\nhub: { links: { other: { hour: 1GiB } } }\n")
    device.daemon.send_signal(signal.SIGHUP)
    devices.until("it says so", lambda: "`hub` of the device's files has changed: that counts from the next start" in device.log())


def test_a_proxy_with_a_password_is_no_setting(device):
    config = device.folder / "device.yaml"
    config.write_text("ebb: 1\nhub: { proxy: 'http://me:word@proxy.lan:3128' }\n")
    device.start("--config", config, wait=False)
    assert device.ended() == 78
    assert f"{config}:2:16: `proxy`: a password stands in no file of settings" in device.log() and "word@" not in device.log()
