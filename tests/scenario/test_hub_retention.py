# SPDX-License-Identifier: Apache-2.0
"""What is too old or too much goes from a hub, workflow by workflow; what was held stays held, and is counted."""
import json
import random
import subprocess
import time

import pytest

import device as devices
from hub import FakeDevice, Hub, Sending, Stream, record
from weather import LONG

CONFIGURATION = 78


@pytest.fixture
def start(tmp_path):
    """Starts a hub with a file of settings."""
    one = Hub(tmp_path)

    def begin(text):
        (tmp_path / "hub.yaml").write_text("ebb: 1\n" + text)
        one.start("--config", tmp_path / "hub.yaml")
        return one

    try:
        yield begin
    finally:
        one.close()


def use(hub):
    return {row["workflow"]: row for row in hub.get("/v1/status")["workflows"]}


def numbers(hub, workflow):
    return sorted(one["result"]["number"] for one in hub.get(f"/v1/results?limit=500&workflow={workflow}")["results"])


def records(count, workflow, size=0, first=1):
    return [record({"number": number, "text": "x" * size}, workflow=workflow) for number in range(first, first + count)]


def test_what_is_too_old_goes_and_stays_held(start, tmp_path):
    hub = start("retention:\n  default: { keep: 2s }\n  workflows:\n    kept: { keep: 365d }\n")
    line = FakeDevice(hub, tmp_path).join()
    stream = Stream().add(3, *records(30, "triage"), *records(5, "kept"))
    line.hello(stream)
    line.send(stream)
    devices.until("they are gone", lambda: use(hub).get("triage", {}).get("removed_records") == 30)
    found = use(hub)
    assert (found["triage"]["records"], found["triage"]["bytes"], found["kept"]["records"]) == (0, 0, 5)
    assert found["triage"]["removed_bytes"] == sum(len(one) for one in records(30, "triage")) - 30 * 4  # without counts
    assert numbers(hub, "triage") == [] and numbers(hub, "kept") == [1, 2, 3, 4, 5]
    assert hub.accounts()[bytes.fromhex(stream.id), 3] == (35, 0, 0, 35)
    status = hub.get("/v1/status")
    assert (status["records"], status["removed"]) == (5, 30)
    assert "kept" in hub.ebb("status").out

    # A device that was not heard sends again what is gone: it is held, and comes in no second time.
    said = line.hello(stream, acked={3: 20}, chain_at=[(3, 20), (3, 33)])["streams"][0]
    assert said["verdict"] == "ok" and said["lanes"][0]["held"] == [[1, 35]]
    for first, last in ((1, 35), (5, 9), (28, 33)):
        assert line.send(stream, first=first, last=last)["lane"]["held"] == [[1, 35]]
    assert numbers(hub, "triage") == []
    stream.add(3, *records(2, "kept", first=6))
    line.hello(stream)
    line.send(stream, first=36)
    hub.kill()
    line.hang_up()
    hub.start()
    assert numbers(hub, "kept") == [1, 2, 3, 4, 5, 6, 7]
    assert hub.accounts()[bytes.fromhex(stream.id), 3] == (37, 0, 0, 37)
    places = {row[0] for row in hub.rows("SELECT first_record FROM delivery")}
    assert len(places) <= 3  # and nothing leads to what is gone


def test_what_is_too_much_goes_the_oldest_first(start, tmp_path):
    hub = start("retention:\n  workflows:\n    big: { bytes: 250KiB }\n")
    line = FakeDevice(hub, tmp_path).join()
    stream = Stream().add(3, *records(600, "big", size=1000), *records(100, "small", size=1000))
    line.hello(stream)
    line.send(stream)
    devices.until("it is within its bytes", lambda: 0 < use(hub).get("big", {"bytes": 0})["bytes"] <= 250 << 10
                  and use(hub)["big"]["removed_records"])
    devices.until("all are counted", lambda: use(hub).get("small", {}).get("records") == 100)
    left = use(hub)["big"]["records"]
    assert left >= 100 and numbers(hub, "big") == list(range(601 - left, 601))
    assert use(hub)["small"]["removed_records"] == 0
    assert hub.accounts()[bytes.fromhex(stream.id), 3] == (700, 0, 0, 700)
    assert use(hub)["big"]["removed_records"] == 600 - left


def test_gaps_and_what_is_set_aside_stay(start, tmp_path):
    hub = start("retention: { default: { keep: 1s } }\n")
    line = FakeDevice(hub, tmp_path).join()
    stream = Stream().add(3, *records(3, "triage"), record(b"no json"), *records(3, "triage", first=4))
    line.hello(stream)
    assert line.put(stream, 3, stream.frames(3))[0] == 422
    devices.until("all but the newest are gone", lambda: hub.get("/v1/status")["removed"] == 0
                  and hub.get("/v1/status")["workflows"])
    stream.add(3, *records(1, "last"))
    line.hello(stream)
    line.send(stream, first=8)
    devices.until("they are gone", lambda: hub.get("/v1/status")["removed"] == 6)
    assert hub.accounts()[bytes.fromhex(stream.id), 3] == (7, 0, 1, 8)


def left(hub, workflow):
    """The numbers of what is there, in the order in which it came."""
    return [json.loads(body)["number"] for body, in hub.rows(
        "SELECT body FROM record WHERE workflow = ? ORDER BY number", workflow)]


def removed(hub):
    return hub.rows("SELECT ifnull(sum(records), 0) FROM removed")[0][0]


def assert_the_newest_are_left(hub, made, bytes_max):
    """Of the big ones that were made, whose records have 1,000 bytes and some; a run of them has up to 200 KiB."""
    there = left(hub, "big")
    assert there == list(range(made - len(there) + 1, made + 1)), "not the oldest have gone"
    assert len(there) * 1100 > bytes_max - (200 << 10), "more has gone than was due"
    return len(there)


def test_a_hub_that_is_killed_in_the_middle_of_a_removal(tmp_path):
    hub, chance, bytes_max, each, in_the_middle = Hub(tmp_path), random.Random(), 500 << 10, 4000, 0
    settings = tmp_path / "hub.yaml"
    settings.write_text(f"ebb: 1\nretention: {{ workflows: {{ big: {{ bytes: {bytes_max >> 10}KiB }} }} }}\n")
    try:
        hub.start_quick("--config", settings)
        line = FakeDevice(hub, tmp_path).join()
        for kill in range(60 if LONG else 5):
            made, kept, before = (kill + 1) * each, (kill + 1) * 100, removed(hub)
            stream = Stream().add(3, *records(each, "big", size=1000, first=made - each + 1),
                                  *records(100, "kept", first=kept - 99))
            line.hello(stream)
            line.send(stream, each=50)
            with Sending(line) as sending:
                devices.until("it removes", lambda: removed(hub) > before, pause=0.0005)
                time.sleep(chance.random() * 0.02 if kill else 0)
                hub.kill()
            assert hub.held(stream, 3) == each + 100 and hub.held(sending.stream, 3) >= sending.acknowledged
            in_the_middle += assert_the_newest_are_left(hub, made, bytes_max) * 1000 > bytes_max
            assert left(hub, "kept") == list(range(1, kept + 1))
            hub.start_quick("--config", settings)
        assert in_the_middle, "no kill came in the middle"
        devices.until("it is within its bytes", lambda: use(hub)["big"]["bytes"] <= bytes_max)
        devices.until("all are counted", lambda: sum(use(hub)["big"][of] for of in ("records", "removed_records")) == made)
        time.sleep(0.5)  # three more looks
        assert use(hub)["big"]["records"] == assert_the_newest_are_left(hub, made, bytes_max)
        assert (use(hub)["kept"]["records"], use(hub)["kept"]["removed_records"]) == (kept, 0)
        hub.stop()
        hub.check()
    finally:
        hub.close()


def test_a_file_with_faults_is_told_and_the_hub_does_not_start(tmp_path):
    faults = {
        "ebb: 1\nretention: { default: { keep: soon } }": "span",
        "ebb: 1\nretention: { workflows: { Inbox: { keep: 1d } } }": "inbox",
        "ebb: 1\nretention: { defualt: { keep: 1d } }": "default",
        "ebb: 1\nretention: { workflows: [a] }": "map of workflows",
        "retention: { default: { bytes: 0 } }": "ebb",
        "ebb: 2": "ebb: 1",
    }
    for text, word in faults.items():
        (tmp_path / "hub.yaml").write_text(text)
        done = subprocess.run([devices.EBB, "hub", "serve", "--data", tmp_path / "hub", "--config", tmp_path / "hub.yaml"],
                              capture_output=True, text=True, timeout=20, env=devices.clean_environment(), check=False)
        assert done.returncode == CONFIGURATION and word in done.stderr, (text, done.stderr)
        assert "hub.yaml:" in done.stderr
    assert not (tmp_path / "hub" / "hub.db").exists()
