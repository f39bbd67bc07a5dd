# SPDX-License-Identifier: Apache-2.0
"""Bad weather in the stores of a real device and a real hub: set back, lost, cloned, full; and clocks that are wrong.

Each test ends with the books closed: what a device stored is on the hub exactly once, or accounted for as a gap.
"""
import contextlib
import json
import os
import pathlib
import sqlite3
import subprocess
import time

import pytest

import device as devices
from weather import Place, copy_folder, listed, parts

YEAR_MS = 365 * 24 * 3600 * 1000


@pytest.fixture
def place(tmp_path):
    one = Place(tmp_path)
    try:
        yield one
    finally:
        one.close()


def set_back_hub(place, copy):
    place.hub.stop()
    copy_folder(copy, place.hub.data)
    place.restart_hub()


def copied_hub(place):
    place.hub.stop()
    copy_folder(place.hub.data, place.folder / "copy")
    place.restart_hub()
    return place.folder / "copy"


# --- the hub's store ----------------------------------------------------------------------------------


def test_a_hub_that_is_set_back_is_sent_again_what_it_lacks(place):
    place.begin()
    place.make_stored(20)
    place.drained()
    copy = copied_hub(place)
    for lane in ("normal", "urgent", "high", "low"):
        place.make_stored(10, lane=lane)
    place.drained()
    set_back_hub(place, copy)
    place.make_stored(5)
    place.drained()
    assert len(place.balance()) == 65
    assert "the hub holds less than it once said" in place.hub.log()


def test_a_hub_that_is_set_back_to_before_what_was_purged_gets_gaps(place):
    place.begin(keep="1s")
    place.make_stored(10)
    place.drained()
    copy = copied_hub(place)
    gone = place.make_stored(30)
    place.drained()
    devices.until("the device has purged them", lambda: not set(gone) & set(parts(place.stored())), patience=60)
    set_back_hub(place, copy)
    fresh = place.make_stored(5)
    place.drained()
    found = place.balance(lost=30)
    assert set(fresh) <= set(found)
    assert sum(gapped for _, gapped, _, _ in place.hub.accounts().values()) == 30
    assert gaps(place) == ["purged"]


def test_a_hub_that_lost_its_database_takes_the_device_again_when_it_joins_anew(place):
    place.begin()
    place.make_stored(20)
    place.drained()
    place.hub.stop()
    for path in place.hub.data.glob("hub.db*"):
        path.unlink()
    place.restart_hub()
    place.make_stored(5)
    place.says("hello with 401")
    assert "this hub does not know the certificate" in place.device.cli("sync", "status").out
    assert place.waiting() == 5
    rejoin(place)
    place.drained()
    assert len(place.balance()) == 25


def rejoin(place):
    """Under another id, since the hub gives it."""
    left = devices.ebb("leave", "--data", place.device.data)
    assert left.code == 0, left
    place.join(place.device)
    place.device.ask("POST", "/v1/sync/reload")


def test_another_hub_in_its_place_is_not_believed(place):
    place.begin()
    place.make_stored(5)
    place.drained()
    place.hub.stop()
    place.hub.data.rename(place.folder / "kept")
    place.restart_hub()
    place.make_stored(5)
    place.says("not our hub")
    assert "who answers is not our hub" in place.device.cli("sync", "status").out
    assert place.waiting() == 5
    assert place.hub.rows("SELECT count(*) FROM record") == [(0,)]
    place.hub.stop()
    copy_folder(place.folder / "kept", place.hub.data)
    place.restart_hub()
    place.drained()
    assert len(place.balance()) == 10


# --- the device's store -------------------------------------------------------------------------------


def set_back_device(place, copy):
    place.device.stop()
    copy_folder(copy, place.device.data)
    place.device.start()


def copied_device(place):
    place.device.stop()
    copy_folder(place.device.data, place.folder / "image")
    place.device.start()
    return place.folder / "image"


def test_a_device_that_is_set_back_goes_on_in_a_new_stream(place):
    place.begin()
    place.make_stored(10)
    place.drained()
    image = copied_device(place)
    place.make_stored(10)
    place.drained()
    set_back_device(place, image)
    place.make_stored(7)
    place.drained()
    assert len(place.balance()) == 27
    assert place.hub.rows("SELECT count(*) FROM stream") == [(2,)]
    assert set(place.alarms()) == {"STREAM_FORK", "DEVICE_ALARM"}


def test_a_device_that_is_set_back_while_results_waited_keeps_them(place):
    place.begin()
    place.make_stored(10)
    place.drained()
    place.line.down()
    place.make_stored(10, lane="high")
    image = copied_device(place)
    place.make_stored(10)
    place.line.up()
    place.drained()
    place.line.down()
    set_back_device(place, image)
    place.make_stored(7)
    place.line.up()
    place.drained()
    assert len(place.balance()) == 37


def other_boot(folder):
    """Words before a command that give it a boot of its own, as another machine has."""
    boot = folder / "boot_id"
    boot.write_text("12345678-1234-4234-8234-123456789abc\n")
    words = ["unshare", "--mount", "sh", "-c", 'mount --bind "$0" /proc/sys/kernel/random/boot_id && exec "$@"', boot]
    if os.geteuid() != 0 or subprocess.run([*words, "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("a boot of its own needs a mount namespace: not root here")
    return words


def clone_of(place, prefix=()):
    """Starts a copy of the device beside it."""
    clone = devices.Device(place.folder / "clone")
    place.device.stop()
    copy_folder(place.device.data, clone.data)
    clone.workflow("parts", place.device.workflows.joinpath("parts.yaml").read_text()
                   .replace(str(place.device.inbox), str(clone.inbox)))
    place.clones.append(clone)
    place.device.start()
    clone.start(prefix=prefix)
    return clone


@pytest.mark.parametrize("boots", ["one boot", "two boots"])
def test_two_clones_that_live_at_once(place, boots):
    place.begin()
    place.make_stored(10)
    place.drained()
    place.line.down()
    place.make_stored(10)  # both will bring them
    clone = clone_of(place, other_boot(place.folder) if boots == "two boots" else ())
    place.line.up()
    for _ in range(4):
        place.make_stored(3)
        place.make_stored(3, device=clone)
    place.drained(place.device, clone)
    assert len(place.balance()) == 44
    assert len(place.hub.rows("SELECT id FROM stream")) >= 2
    # Who hears by an answer that the hub has other records leaves of itself, and says so to the hub.
    devices.until("a person at the hub hears of it", place.alarms)
    assert set(place.alarms()) <= {"STREAM_FORK", "CLONE_SUSPECTED", "DEVICE_ALARM"}
    assert "copied or restored?" in place.device.log() + clone.log()


def test_two_clones_that_greet_before_either_sends(place):
    place.begin()
    place.make_stored(10)
    place.drained()
    place.line.down()
    place.make_stored(10)
    clone = clone_of(place, other_boot(place.folder))
    for one in (place.device, clone):
        one.ask("POST", "/v1/sync/pause")
    place.line.up()
    for one in (place.device, clone):
        place.connect(one)
    for one in (place.device, clone):
        one.ask("POST", "/v1/sync/resume")
    place.make_stored(3)
    place.make_stored(3, device=clone)
    place.drained(place.device, clone)
    assert len(place.balance()) == 26
    assert "CLONE_SUSPECTED" in place.alarms()


def test_a_stream_of_another_device_is_left_for_a_new_one(place):
    place.begin()
    place.make_stored(10)
    place.drained()
    before = place.sync()["device"]
    rejoin(place)
    place.make_stored(5)
    place.drained()
    assert "belongs to another device" in place.device.log()
    assert set(place.alarms()) == {"STREAM_OF_ANOTHER", "DEVICE_ALARM"}
    assert len(place.balance()) == 15
    said = place.hub.ebb("device", "replace", before, place.sync()["device"])
    assert said.code == 0, said
    place.line.reset()
    place.make_stored(5)
    place.drained()
    assert len(place.balance()) == 20


def flip(place, count):
    """Changes so many letters of a result that waits in a store that is not open."""
    with contextlib.closing(sqlite3.connect(place.device.data / "ebb.db")) as base, base:
        key, body = base.execute("SELECT key, body FROM record WHERE key & 1099511627775 = 7").fetchone()
        at = body.index('"text"') + 10
        changed = "".join(chr(ord(letter) ^ 1) for letter in body[at:at + count])
        base.execute("UPDATE record SET body = ? WHERE key = ?", (body[:at] + changed + body[at + count:], key))
    return json.loads(body)["part"]


@pytest.mark.parametrize("letters", [1, 12])
def test_bits_that_flip_in_a_result_that_waits(place, letters):
    place.begin()
    place.line.down()
    place.make_stored(20)
    place.device.stop()
    part = flip(place, letters)
    place.device.start()
    place.line.up()
    place.drained()
    if letters == 1:  # which one it was, and what it was, its chain value says
        assert len(place.balance()) == 20
        return
    assert part not in place.balance(lost=1)
    assert gaps(place) == ["damaged"]
    assert "was damaged on the disk" in place.device.log()


def gaps(place):
    return [json.loads(row[0])["reason"] for row in place.hub.rows("SELECT body FROM record WHERE kind = 3")]


# --- clocks -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("wrong", ["ten years ahead", "1970"])
def test_a_device_whose_clock_is_wrong_sends_all_the_same(place, wrong):
    offset = 10 * YEAR_MS if wrong == "ten years ahead" else -56 * YEAR_MS
    began = time.time()
    place.begin()
    right = place.make_stored(5)
    place.device.stop()
    place.line.down()
    place.device.start(environment={"EBB_TEST_WALL_OFFSET_MS": str(offset)})
    mistaken = place.make_stored(5)
    place.line.up()
    place.drained()
    mistaken += place.make_stored(5)
    place.drained()
    facts = place.sync()
    assert abs(facts["clock_offset_ms"] + offset) < 60_000
    place.device.stop()
    place.device.start()
    place.make_stored(5)
    place.drained()
    assert len(place.balance()) == 20
    times_are_right(place, began, right, mistaken)


def times_are_right(place, began, right, mistaken):
    """Every result is listed when it was made; what a clock had said that was wrong stands beside it."""
    said = place.hub.ebb("result", "list", "--workflow", "parts", "--since", "1h", "--all", "--json")
    rows = {row["result"]["part"]: row for row in listed(said)}
    assert rows.keys() == place.made.keys()
    for row in rows.values():
        assert began - 120 < devices.seconds(row["created_at"]) < time.time() + 120, row
    assert all("clock" not in rows[part] for part in right)
    for part in mistaken:
        shown = json.loads(place.hub.ebb("result", "show", rows[part]["id"], "--json").out)
        assert shown == rows[part]
        apart = devices.seconds(shown["clock"]["said_at"]) - devices.seconds(shown["created_at"])
        assert abs(apart) > 9 * YEAR_MS / 1000
    assert not listed(place.hub.ebb("result", "list", "--until", "1h", "--all", "--json"))


@pytest.mark.parametrize("clock", ["of today", "of 1970"])
def test_a_certificate_has_ended_and_only_the_hub_knows(place, clock):
    place.begin()
    place.make_stored(5)
    place.drained()
    place.device.stop()
    offset = -56 * YEAR_MS if clock == "of 1970" else 0
    place.hub.stop()
    place.start_hub(environment={"EBB_TEST_WALL_OFFSET_MS": str(YEAR_MS)})
    place.device.start(environment={"EBB_TEST_WALL_OFFSET_MS": str(offset)})
    place.make_stored(5)
    place.drained()
    assert "the hub has renewed this device's certificate" in place.device.log()
    assert len(place.balance()) == 10


# --- full disks ---------------------------------------------------------------------------------------


def fill_up(path):
    """Takes what is left of a disk."""
    with open(path, "wb", buffering=0) as file:
        try:
            while True:
                file.write(b"x" * 4096)
        except OSError:
            pass


def test_a_hub_whose_disk_is_full_is_waited_for(place, small_disk):
    disk = small_disk("24m")
    place.hub.data = disk / "hub"
    place.begin()
    place.make_stored(10)
    place.drained()
    fill_up(disk / "filler")
    place.make_stored(200, size=30_000)
    place.says("the hub's disk is full", hurry=False)
    assert place.hub.get("/v1/status")["disk_full"] and place.waiting() > 100
    assert place.sync()["retries"] == 0 and place.sync()["connected"]
    (disk / "filler").unlink()
    place.make_stored(5, lane="urgent")
    place.drained()
    assert len(place.balance()) == 215


def test_a_device_whose_disk_is_full_sends_and_goes_on(place, small_disk):
    disk = small_disk("32m")
    place.device.data = disk / "data"
    place.begin()
    place.line.down()
    place.make_stored(20, size=20_000)
    fill_up(disk / "filler")
    place.make(300, size=30_000)
    devices.until("the device's disk is full", lambda: place.device.get("/v1/status")["store"]["full"])
    stored = place.waiting()
    assert 100 < stored < 320
    place.line.up()
    devices.until("what the hub has makes room",
                  lambda: place.device.counts("parts")["results"] > stored + 50 or place.hurry())
    (disk / "filler").unlink()
    devices.until("all were made", lambda: place.device.counts("parts")["results"] == 320)
    place.drained()
    assert len(place.balance()) == 320


# --- disks that cannot sync ---------------------------------------------------------------------------


class Worn:
    """A disk that says EIO to each sync of a database while it `fails`, and the environment that puts it there."""

    def __init__(self, folder):
        library = folder / "no_sync.so"
        source = pathlib.Path(__file__).with_name("no_sync.c")
        subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source], check=True)
        self.sign = folder / "no-sync"
        self.environment = {"LD_PRELOAD": str(library), "NO_SYNC": str(self.sign)}

    def fails(self):
        self.sign.touch()

    def works(self):
        self.sign.unlink()


@pytest.fixture
def worn(tmp_path):
    return Worn(tmp_path)


def test_a_hub_whose_disk_cannot_sync_acknowledges_nothing(place, worn):
    place.begin()
    place.make_stored(10)
    place.drained()
    place.hub.stop()
    place.start_hub(environment=worn.environment)
    place.connect()
    worn.fails()
    place.make_stored(50)
    place.make_stored(5, lane="urgent")
    place.says("500: the hub cannot keep this now", hurry=True)  # what its disk is called is for its own log
    assert place.waiting() == 55 and len(place.held(place.made)) == 10
    assert place.hub.get("/v1/status")["disk_fails"] and "its disk fails, nothing is acknowledged" in place.hub.log()
    worn.works()
    place.drained()
    assert len(place.balance()) == 65
    assert not place.hub.get("/v1/status")["disk_fails"] and "its disk works again" in place.hub.log()


def test_a_device_whose_disk_cannot_sync_says_so_and_goes_on_when_it_can(place, worn):
    place.begin()
    place.make_stored(10)
    place.drained()
    place.device.stop()
    place.device.start(environment=worn.environment)
    worn.fails()
    place.make(20)
    devices.until("the device says it", lambda: "the disk of the store fails" in place.device.log())
    assert len(place.stored()) == 10
    worn.works()
    devices.until("all were made", lambda: len(place.stored()) == 30)
    place.drained()
    assert len(place.balance()) == 30
    devices.until("a person at the hub hears of it", place.alarms)
    heard = place.hub.get("/v1/alarms")["alarms"][0]
    assert heard["kind"] == "DEVICE_ALARM" and heard["text"].startswith("DEVICE_ALARM: store-mended: ")
    assert heard["device"] in place.hub.ebb("alarm", "list").out
