# SPDX-License-Identifier: Apache-2.0
"""Disks that fill up under what the reach keeps: attachments, files of destinations, events kept aside."""
import concurrent.futures
import json
import os
import subprocess

import device as devices

PICTURES = """\
ebb: 1
workflow: pictures
trigger: { watch: { path: INBOX, glob: "*.png", after: delete } }
durability: { runs: each, results: each }
results:
  - name: seen
    from: { name: "${ .event.name }" }
    attach:
      picture: { from: "${ .event.image }", as: image/png, max: 4MiB }
"""
NAMES = """\
ebb: 1
workflow: names
trigger: { watch: { path: INBOX, after: delete } }
durability: { runs: each, results: each }
results:
  - { name: out, from: { name: "${ .event.name }", text: "TEXT" }, to: [log] }
"""
READINGS = """\
ebb: 1
workflow: readings
trigger: { http: json, schema: { t: { type: number } } }
durability: { runs: each, results: each }
results:
  - { name: out, from: { t: "${ .event.data.t }" } }
"""
PNG = b"\x89PNG\r\n\x1a\n"


def fill_up(path):
    """Takes what is left of a disk."""
    with open(path, "wb", buffering=0) as file:
        try:
            while True:
                file.write(b"x" * 4096)
        except OSError:
            pass


def test_an_attachment_without_room_is_left_out_and_the_result_is_there(device, small_disk):
    disk = small_disk("40m")
    device.data = disk / "data"
    device.workflow("pictures", PICTURES)
    device.start()
    device.drop("before.png", PNG + os.urandom(100_000))
    device.wait_results(1)
    fill_up(disk / "filler")
    device.drop("full.png", PNG + os.urandom(3 << 20))
    device.wait_results(2)
    (disk / "filler").unlink()
    device.drop("after.png", PNG + os.urandom(100_000))
    device.wait_results(3)
    rows = {row["result"]["name"]: row["result"] for row in device.cli("result", "list", "--all", "--json").lines()}
    assert sorted(rows) == ["after.png", "before.png", "full.png"]
    assert "No space left on device" in json.dumps(rows["full.png"]["picture"]), rows
    for name in ("before.png", "after.png"):
        assert rows[name]["picture"]["bytes"] == 100_008, rows


def test_a_destination_on_a_full_disk_waits_and_has_whole_lines(device, small_disk):
    disk = small_disk("256k")
    path = disk / "log.jsonl"
    config = device.folder / "device.yaml"
    config.write_text(f"ebb: 1\ndestinations: {{ log: {{ file: {path} }} }}\n")
    device.workflow("names", NAMES.replace("TEXT", "x" * 3000))
    device.start("--config", config)
    for number in range(200):
        device.drop(f"{number:03d}")
    device.wait_results(200)

    def desk():
        return device.get("/v1/destinations")["destinations"][0]
    devices.until("the disk is full", lambda: desk()["failing"])
    assert "No space left" in desk()["failure"] and 0 < desk()["waiting"] <= 200, desk()
    assert not device.get("/v1/status")["store"]["full"]
    subprocess.run(["mount", "-o", "remount,size=4m", disk], check=True)
    devices.until("nothing waits", lambda: desk()["waiting"] == 0)
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [line["result"]["name"] for line in lines] == [row["name"] for row in device.results()]
    assert len({line["id"] for line in lines}) == 200 == len(lines)


def test_an_event_that_cannot_be_kept_aside_is_not_acknowledged_before_there_is_room(device, small_disk):
    disk = small_disk("32m")
    device.data = disk / "data"
    device.workflow("readings", READINGS)
    device.start()
    fill_up(disk / "filler")

    def post(number):
        return device.cli("event", "post", "readings", "--data", json.dumps({"t": f"{number}" + "y" * 100_000}))
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        posts = [pool.submit(post, number) for number in range(120)]
        devices.until("the disk is full", lambda: device.get("/v1/status")["store"]["full"])
        acknowledged = sum(one.done() for one in posts)
        page = device.get("/v1/events?limit=1")
        assert acknowledged < 120 and page["kept"] + page["gone"] >= acknowledged, page
        (disk / "filler").unlink()
        answers = [one.result() for one in posts]
    assert all(answer.code == 2 and "is kept aside" in answer.err for answer in answers), answers[-1]
    page = device.get("/v1/events?limit=1")
    assert page["kept"] + page["gone"] == 120, page
