# SPDX-License-Identifier: Apache-2.0
"""What waits in a device's lanes, carried to its hub by hand: exported, read in, read in twice, changed on the way."""
import json

import pytest

import device as devices
import hub as hubs

WORKFLOW = """\
ebb: 1
workflow: count
trigger:
  watch: { path: INBOX, glob: "*.in", text: true }
durability: { runs: each, results: each }
results:
  - { name: out, from: { n: "${ .event.name }" }, priority: normal }
  - { name: loud, when: '.event.name < "h"', from: { n: "${ .event.name }" }, priority: urgent }
"""


@pytest.fixture
def hub(tmp_path):
    one = hubs.Hub(tmp_path)
    one.start()
    yield one
    one.close()


def join(device, hub, name="store-0113"):
    code, token = hub.ask("POST", "/v1/tokens", {"uses": 1})
    assert code in (200, 201), token
    said = devices.ebb("join", token["token"], "--name", name, "--data", device.data,
                       "--hub", f"127.0.0.1:{hub.port}")
    assert said.code == 0, said


def fill(device, names):
    for name in names:
        device.drop(f"{name}.in")
    devices.until("the results are stored", lambda: len(device.results("count")) >= len(names))


def on_hub(hub):
    """{public id: result}"""
    return {row["id"]: row["result"] for row in hub.ebb("result", "list", "--limit", "1000", "--json").lines()}


def away(device, hub):
    """A joined device whose hub is not there: nothing can be sent but by hand. Gives the hub's port."""
    device.workflow("count", WORKFLOW)
    join(device, hub)
    port = hub.port
    hub.stop()
    device.start()
    return port


def test_a_stick_brings_everything_and_once(device, hub, tmp_path):
    away(device, hub)
    fill(device, ["a", "x", "y", "z"])
    stick = tmp_path / "stick.queue"
    said = device.cli("queue", "export", stick)
    assert said.code == 0 and "5 records" in said.err, said
    device.stop()
    hub.start()
    first = hub.ebb("queue", "import", stick)
    assert first.code == 0 and "store-0113" in first.err, first
    again = hub.ebb("queue", "import", stick)
    assert again.code == 0, again
    assert sorted(row["n"] for row in on_hub(hub).values()) == ["a.in", "a.in", "x.in", "y.in", "z.in"]
    assert hub.get("/v1/status")["records"] == 5


def test_a_file_is_not_overwritten_and_an_empty_queue_makes_one_of_nothing(device, hub, tmp_path):
    away(device, hub)
    stick = tmp_path / "stick.queue"
    assert device.cli("queue", "export", stick).code == 0
    said = device.cli("queue", "export", stick)
    assert said.code == 6 and str(stick) in said.err and "choose another name" in said.err, said
    hub.start()
    said = hub.ebb("queue", "import", stick)
    assert said.code == 0 and "nothing" in said.err


def test_what_was_changed_on_the_way_is_refused_and_named(device, hub, tmp_path):
    away(device, hub)
    fill(device, ["x"])
    stick = tmp_path / "stick.queue"
    assert device.cli("queue", "export", stick).code == 0
    hub.start()
    whole = stick.read_bytes()
    for place in (len(whole) - 3, len(whole) - 100, 14, 200, len(whole) // 2):
        changed = bytearray(whole)
        changed[place] ^= 1
        stick.write_bytes(changed)
        said = hub.ebb("queue", "import", stick)
        assert said.code != 0 and str(stick) in said.err, (place, said)
    stick.write_bytes(whole[:-1])
    said = hub.ebb("queue", "import", stick)
    assert said.code != 0 and "cut off" in said.err
    stick.write_bytes(b"a letter to somebody else")
    said = hub.ebb("queue", "import", stick)
    assert said.code != 0 and "ebb queue export" in said.err
    assert hub.get("/v1/status")["records"] == 0
    stick.write_bytes(whole)
    assert hub.ebb("queue", "import", stick).code == 0
    assert len(on_hub(hub)) == 1


def test_another_hub_and_a_device_that_never_joined_are_refused(device, hub, tmp_path):
    device.workflow("count", WORKFLOW)
    device.start()
    fill(device, ["x"])
    said = device.cli("queue", "export", tmp_path / "0.queue")
    assert said.code != 0 and "ebb join" in said.err and not (tmp_path / "0.queue").exists()
    device.stop()
    join(device, hub)
    hub.stop()
    device.start()
    assert device.cli("queue", "export", tmp_path / "1.queue").code == 0
    other = hubs.Hub(tmp_path, data=tmp_path / "other")
    other.start()
    try:
        said = other.ebb("queue", "import", tmp_path / "1.queue")
        assert said.code != 0, said
        assert other.get("/v1/status")["records"] == 0
    finally:
        other.close()


def test_what_was_carried_is_not_sent_again_when_the_device_connects(device, hub, tmp_path):
    port = away(device, hub)
    fill(device, [f"x{number}" for number in range(20)])
    stick = tmp_path / "stick.queue"
    assert device.cli("queue", "export", stick, "--json").lines()[0]["records"] == 20
    hub.start("--listen", f"127.0.0.1:{port}")
    assert hub.ebb("queue", "import", stick).code == 0
    device.cli("sync", "now")
    devices.until("the device knows", lambda: sum(
        lane["waiting"] for lane in device.get("/v1/queue")["lanes"]) == 0)
    assert len(on_hub(hub)) == 20
    assert json.loads(device.cli("sync", "status", "--json").out)["sent_records"] == 0
