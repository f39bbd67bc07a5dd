# SPDX-License-Identifier: Apache-2.0
"""Bad weather on the line between a real device and a real hub: lost, cut, flipped, slow, silent; and programs killed.

Each test ends with the books closed: what the device stored is on the hub exactly once.
"""
import os
import random
import shutil
import time

import pytest

import device as devices
from weather import LANES, LONG, Place, copy_folder


@pytest.fixture
def place(tmp_path):
    one = Place(tmp_path)
    try:
        yield one
    finally:
        one.close()


# --- the line breaks ----------------------------------------------------------------------------------


def test_what_is_made_arrives_once_and_unchanged(place):
    place.begin()
    for lane in ("normal", "urgent", "low", "high"):
        place.make(10, lane=lane)
    place.make_stored(1, size=200_000)
    place.drained()
    assert len(place.balance()) == 41


def test_a_reply_that_is_lost_costs_nothing(place):
    place.begin()
    for cut in (1, 30, 60, 200) if not LONG else range(1, 300, 5):
        place.connect()
        place.line.cut_down = cut
        names = place.make_stored(3)
        devices.until("the reply was cut", lambda: place.line.cut_down is None)
        assert place.held(names)
        place.drained()
        place.balance()
    assert place.sync()["retries"] > 0


def test_a_body_is_cut_anywhere(place):
    place.begin()
    cuts = range(1, 95_000, 499 if LONG else 9_973)
    for cut in cuts:
        place.device.ask("POST", "/v1/sync/pause")
        place.make_stored(4, size=50_000)  # 100 kB on the line, in frames of 64 KiB
        place.connect()
        place.line.cut_up = cut
        place.device.ask("POST", "/v1/sync/resume")
        devices.until(f"the body was cut at {cut}", lambda: place.line.cut_up is None)
        place.drained()
    assert place.line.connections > len(cuts)
    place.balance()


def test_a_line_that_breaks_again_and_again(place):
    place.begin()
    chance = random.Random(5)
    end = time.monotonic() + (60 if LONG else 5)
    while time.monotonic() < end:
        place.make(5, lane=chance.choice(("normal", "urgent", "low")), size=chance.randrange(20, 30_000))
        place.hurry()
        time.sleep(chance.random() / 5)
        place.line.reset()
    place.device.wait_results(len(place.made))
    place.drained()
    place.balance()


def test_bits_that_flip_on_the_line_end_the_connection_and_lose_nothing(place):
    place.begin()
    for at in range(1, 10_000, 211 if LONG else 1_663):  # of a body of more than that
        place.connect()
        before = place.line.connections
        place.line.flip_up = at
        place.make_stored(2, size=10_000)
        devices.until(f"a bit has flipped at {at}", lambda: place.line.flip_up is None)
        place.drained()
        assert place.line.connections > before
    place.balance()


# --- programs are killed ------------------------------------------------------------------------------


def test_a_hub_that_is_killed_between_data_and_answer(place):
    place.begin()
    chance = random.Random(1)
    for _ in range(60 if LONG else 8):
        place.connect()
        before = place.line.up_bytes
        place.make(6, size=20_000)
        devices.until("a body is on its way", lambda: place.line.up_bytes > before + 5_000, pause=0.001)
        time.sleep(chance.random() * 0.03)
        place.hub.kill()
        place.restart_hub()
    place.device.wait_results(len(place.made))
    place.drained()
    place.balance()


def test_a_device_that_is_killed_while_it_sends(place):
    place.begin()
    chance = random.Random(2)
    for _ in range(60 if LONG else 8):
        before = place.line.up_bytes
        place.make(6, size=20_000)
        place.hurry()
        devices.until("a body is on its way", lambda: place.line.up_bytes > before + 8_000, pause=0.001)
        time.sleep(chance.random() * 0.05)
        place.device.kill()
        place.device.start()
    place.device.wait_results(len(place.made))
    place.drained()
    place.balance()


def kill_hub(place):
    place.hub.kill()
    place.restart_hub()


def kill_device(place):
    place.device.kill()
    place.device.start()


def set_back_hub(place):
    """To where it was when this was done last."""
    copy = place.folder / "copy"
    now = place.folder / "now"
    place.hub.stop()
    copy_folder(place.hub.data, now)
    if copy.exists():
        copy_folder(copy, place.hub.data)
        shutil.rmtree(copy)
    now.rename(copy)
    place.restart_hub()


def set_back_device(place):
    """As from an image of a quiet device. What was made since is on the hub, or it would be lost with the disk."""
    place.quiet()
    place.device.stop()
    copy_folder(place.device.data, place.folder / "image")
    place.device.start()
    place.make(5)
    place.quiet()
    place.device.stop()
    copy_folder(place.folder / "image", place.device.data)
    place.device.start()


TROUBLES = [(30, lambda place: place.line.reset()), (8, kill_hub), (8, kill_device)]


# What both have lost nobody has any more: so either the one or the other.
@pytest.mark.parametrize("what", [set_back_hub, set_back_device])
def test_all_of_it_in_turn(place, what):
    troubles = [*TROUBLES, (2, what)]
    seed = int(os.environ.get("EBB_SEED", "1"))
    chance = random.Random(seed)
    place.begin()
    for _ in range(200 if LONG else 15):
        place.make(chance.randrange(8), lane=chance.choice(LANES), size=chance.choice((20, 2_000, 60_000)))
        place.line.cut_up = chance.randrange(60_000) if chance.random() < 0.3 else None
        place.line.bytes_per_s = chance.choice((None, None, 200_000))
        place.line.stall = chance.choice((None, None, (10_000, 0.1)))
        place.hurry()
        time.sleep(chance.random() * 0.2)
        chance.choices([trouble for _, trouble in troubles], [weight for weight, _ in troubles])[0](place)
    place.line.cut_up = place.line.bytes_per_s = place.line.stall = None
    place.quiet()
    place.balance()


# --- the line is slow, or silent ----------------------------------------------------------------------


def test_a_line_of_50_kbit_with_a_delay_of_two_seconds_and_losses(place):
    place.begin()
    place.connect()
    place.line.delay_s, place.line.bytes_per_s, place.line.stall = 1.0, 6_250, (15_000, 1.5)
    place.make(20, size=2_000)
    place.device.wait_results(20)
    place.drained(patience=120, hurry=False)
    place.balance()


def test_an_urgent_result_overtakes_a_backlog(place):
    place.begin()
    place.device.ask("POST", "/v1/sync/pause")
    place.make_stored(300, size=4_000)
    place.connect()
    place.line.bytes_per_s = 60_000
    place.device.ask("POST", "/v1/sync/resume")
    devices.until("the backlog is on its way", lambda: place.waiting() < 290)
    urgent = place.make(1, lane="urgent")
    devices.until("the urgent one is on the hub", lambda: place.held(urgent))
    left = place.waiting()
    assert left > 100, left
    place.line.bytes_per_s = None
    place.drained()
    place.balance()


def test_a_line_that_dies_without_a_word(place):
    place.begin()
    place.connect()
    place.line.silent = True
    place.make_stored(5)
    devices.until("the device gives the line up", lambda: place.sync()["retries"] > 0, patience=60)
    place.line.silent = False
    place.line.reset()
    place.drained(patience=60)
    place.balance()


# --- what a person does -------------------------------------------------------------------------------


def test_sync_is_paused_resumed_and_hurried(place):
    place.begin()
    place.drained()
    assert place.device.cli("sync", "pause").code == 0
    normal = place.make_stored(5)
    urgent = place.make_stored(1, lane="urgent")
    devices.until("the urgent one is on the hub", lambda: place.held(urgent))
    assert not place.held(normal)
    said = place.device.cli("sync", "status").out
    assert "Connected to" in said and "paused but for control and urgent" in said
    assert place.device.cli("sync", "resume").code == 0
    place.drained()
    place.line.down()
    place.make_stored(3)
    devices.until("the device waits", lambda: place.sync().get("next_attempt_ms", 0) > 0)
    assert "is not reached; the next try is in" in place.device.cli("sync", "status").out
    place.line.up()
    assert place.device.cli("sync", "now").code == 0
    place.drained()
    place.balance()
