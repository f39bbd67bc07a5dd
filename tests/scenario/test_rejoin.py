# SPDX-License-Identifier: Apache-2.0
"""A store whose stream is another device's at its hub: it left and joined anew, or two boxes came from one image."""
import shutil

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
  - { name: out, from: { n: "${ .event.name }" } }
"""


@pytest.fixture
def hub(tmp_path):
    one = hubs.Hub(tmp_path)
    one.start()
    yield one
    one.close()


def join(device, hub, name):
    token = hub.ebb("token", "new", "--json").lines()[0]["token"]
    said = devices.ebb("join", token, "--name", name, "--data", device.data, "--hub", f"127.0.0.1:{hub.port}",
                       "--socket", device.socket)
    assert said.code == 0, said


def names(hub, *words):
    return sorted(row["result"]["n"] for row in hub.ebb("result", "list", "--limit", "1000", "--json", *words).lines())


def is_drained(device):
    return sum(lane["waiting"] for lane in device.get("/v1/queue")["lanes"]) == 0


def test_who_left_and_joined_anew_brings_what_waited(device, hub):
    device.workflow("count", WORKFLOW)
    device.start()
    join(device, hub, "first")
    device.drop("a.in")
    devices.until("it arrives", lambda: names(hub) == ["a.in"] and is_drained(device))
    assert devices.ebb("leave", "--data", device.data, "--socket", device.socket).code == 0
    device.drop("b.in")
    devices.until("it waits", lambda: not is_drained(device))
    join(device, hub, "second")
    devices.until("it arrives, too", lambda: is_drained(device))
    assert names(hub, "--device", "first") == ["a.in"]
    assert names(hub, "--device", "second") == ["b.in"]
    device.drop("c.in")
    devices.until("so does what comes", lambda: names(hub) == ["a.in", "b.in", "c.in"])


def test_two_boxes_of_one_image_each_have_their_own(device, hub, tmp_path):
    device.workflow("count", WORKFLOW)
    device.start()
    device.drop("made-at-the-factory.in")
    devices.until("it is stored", lambda: len(device.results("count")) == 1)
    device.stop()
    (tmp_path / "other").mkdir()
    twin = devices.Device(tmp_path / "other")
    shutil.rmtree(twin.data)
    shutil.copytree(device.data, twin.data)
    try:
        for number, box in enumerate((device, twin)):
            box.workflow("count", WORKFLOW)
            box.start()
            join(box, hub, f"box-{number}")
            box.drop(f"of-{number}.in")
            devices.until("all arrive", lambda box=box: is_drained(box) and len(box.results("count")) == 2)
        assert names(hub, "--device", "box-0") == ["made-at-the-factory.in", "of-0.in"]
        assert names(hub, "--device", "box-1") == ["made-at-the-factory.in", "of-1.in"]
        hub.accounts()
    finally:
        twin.close()
