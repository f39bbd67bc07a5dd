# SPDX-License-Identifier: Apache-2.0
"""Triggers that go by time, with the real daemon: restarted, killed, under clocks that are set and clocks that are
wrong."""
import datetime
import time

import pytest

import device as devices

QUICK = """\
ebb: 1
workflow: quick
trigger: { interval: 200ms }
durability: { runs: each, results: each }
results:
  - name: tick
    from:
      type: ${ .event.type }
      missed: ${ .event.missed }
"""
DAILY = """\
ebb: 1
workflow: daily
trigger: { cron: { at: "0 6 * * *", time_zone: UTC } }
durability: { runs: each, results: each }
results:
  - name: morning
    from:
      local: ${ .event.local }
      missed: ${ .event.missed }
"""
EXAMPLE = devices.ROOT / "examples" / "good-morning" / "good-morning.yaml"


class Clock:
    """The wall clock that the daemon sees; the real one goes on beneath it."""

    def __init__(self, folder):
        self.path = folder / "clock"
        self.environment = {"EBB_TEST_WALL_OFFSET_FILE": str(self.path)}

    def set(self, text):
        wanted = datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()
        new = self.path.with_suffix(".new")
        new.write_text(str(round((wanted - time.time()) * 1000)))
        new.rename(self.path)


@pytest.fixture
def clock(device):
    return Clock(device.folder)


def mornings(device):
    return sorted(row["local"] for row in device.results("daily"))


def test_an_interval_gives_event_after_event_and_each_one_is_kept(device):
    device.workflow("quick", QUICK)
    device.start()
    found = device.wait_results(5)
    assert all(row["type"] == "tick" for row in found)
    status = device.get("/v1/status")["workflows"][0]
    assert status["events"] >= 5 and status["dropped"] == 0 and status["failures"] == 0, status


def test_an_interval_goes_on_after_a_stop_and_makes_nothing_up(device):
    device.workflow("quick", QUICK)
    device.start()
    device.wait_results(2)
    assert device.ask("POST", "/v1/workflows/quick/stop")[0] == 200
    time.sleep(0.5)
    stopped = len(device.results())
    time.sleep(1)
    assert len(device.results()) == stopped, "nothing comes of a workflow that is stopped"
    assert device.ask("POST", "/v1/workflows/quick/start")[0] == 200
    found = device.wait_results(stopped + 2)
    assert found[stopped]["missed"] == 0, found


def test_what_an_interval_gave_is_there_after_kills(device):
    device.workflow("quick", QUICK)
    kept = 0
    for _ in range(3):
        device.start()
        kept = len(device.wait_results(kept + 3))
        device.kill()
    device.start()
    assert len(device.wait_results(kept + 1)) > kept
    assert device.get("/v1/runs?parked=1")["runs"] == []


def test_an_interval_does_not_care_about_the_wall_clock(device, clock):
    clock.set("1970-01-01T00:00:00Z")
    device.workflow("quick", QUICK)
    device.start(environment=clock.environment)
    device.wait_results(2)
    clock.set("2031-01-01T00:00:00Z")
    clock.set("2030-01-01T00:00:00Z")
    assert sum(row["missed"] for row in device.wait_results(6)) < 100


def test_a_cron_comes_at_its_moment_and_not_again_after_a_restart(device, clock):
    clock.set("2030-01-01T05:59:58Z")
    device.workflow("daily", DAILY)
    device.start(environment=clock.environment)
    assert device.wait_results(1)[0] == {"local": "2030-01-01T06:00:00+00:00", "missed": 0}
    device.kill()
    device.start(environment=clock.environment)
    time.sleep(0.5)
    assert mornings(device) == ["2030-01-01T06:00:00+00:00"]


def test_moments_that_a_clock_jumps_over_are_missed_and_counted(device, clock):
    clock.set("2030-01-01T05:00:00Z")
    device.workflow("daily", DAILY)
    device.start(environment=clock.environment)
    clock.set("2030-01-03T05:59:50Z")  # seen within ten seconds
    found = device.wait_results(1)
    assert found == [{"local": "2030-01-03T06:00:00+00:00", "missed": 2}]


def test_a_clock_that_is_put_back_a_little_gives_no_moment_again_far_back_it_begins_anew(device, clock):
    clock.set("2030-01-01T05:59:58Z")
    device.workflow("daily", DAILY)
    device.start(environment=clock.environment)
    device.wait_results(1)
    clock.set("2030-01-01T05:59:58Z")
    time.sleep(12)  # a clock is looked at every ten seconds
    assert mornings(device) == ["2030-01-01T06:00:00+00:00"]
    clock.set("2029-12-24T05:59:48Z")
    device.wait_results(2)
    assert mornings(device) == ["2029-12-24T06:00:00+00:00", "2030-01-01T06:00:00+00:00"]


def test_a_queue_that_drops_takes_every_tick_and_counts_what_goes(device):
    device.agent("slow", "ebb: 1\nagent: slow\nversion: 1.0.0\nkind: process\nmode: once\ncommand: [./run]\n",
                 run="#!/bin/sh\nsleep 0.5\necho '{}'\n")
    device.workflow("quick", QUICK.replace("{ interval: 200ms }",
                                           "{ interval: 20ms, queue: { max: 1, full: drop_oldest } }")
                    + "steps: [ { id: wait, agent: slow } ]\n")
    device.start()
    assert all(row["missed"] < 20 for row in device.wait_results(3))
    assert device.get("/v1/status")["workflows"][0]["dropped"] > 0


def test_a_cron_waits_for_a_clock_that_is_believed_and_says_so(device, clock):
    clock.set("1970-01-01T05:59:59Z")
    device.workflow("daily", DAILY)
    device.start(environment=clock.environment)
    devices.until("it says so", lambda: "waits until the clock is set" in device.log())
    assert "workflow=daily cron `0 6 * * *`" in device.log()
    clock.set("2030-01-01T05:59:48Z")
    found = device.wait_results(1)
    assert found == [{"local": "2030-01-01T06:00:00+00:00", "missed": 0}]
    assert "the clock was set, goes on at 2030-01-01T06:00:00+00:00" in device.log()


def test_a_cron_goes_by_the_zone_of_the_device(device, clock):
    clock.set("2030-01-01T05:59:58Z")
    config = device.folder / "device.yaml"
    config.write_text("ebb: 1\ndevice: { name: d, time_zone: UTC }\n")
    device.workflow("daily", DAILY.replace("{ at: \"0 6 * * *\", time_zone: UTC }", "'0 6 * * *'"))
    device.start("--config", config, environment=clock.environment)
    assert device.wait_results(1)[0]["local"] == "2030-01-01T06:00:00+00:00"


def test_a_zone_of_the_device_that_is_none_is_a_fault_of_the_workflow(device):
    config = device.folder / "device.yaml"
    config.write_text("ebb: 1\ndevice: { name: d, time_zone: Mars/Olympus }\n")
    device.workflow("daily", DAILY.replace("{ at: \"0 6 * * *\", time_zone: UTC }", "'0 6 * * *'"))
    device.workflow("quick", QUICK)
    device.start("--config", config)
    device.wait_results(1, workflow="quick")
    state = {row["name"]: row["state"] for row in device.get("/v1/status")["workflows"]}
    assert state == {"daily": "faulty", "quick": "running"}


def test_good_morning_as_its_readme_says(ebb, tmp_path):
    page = ebb("check", "--explain", EXAMPLE, environment={"EBB_TEST_WALL_OFFSET_MS": "0"})
    assert page.code == 0 and "every        30s" in page.out, page
    following = [line.split()[-1] for line in page.out.split("trigger cron")[1].splitlines()[3:8]]
    assert len(following) == 5 and all("T06:30:00+0" in moment for moment in following), page
    answer = ebb("run", EXAMPLE, "--data", tmp_path, "--event", '{"source":"cron","local":"2026-11-23T06:30:00+01:00"}')
    assert [line["result"] for line in answer.lines()] == [{"text": "good morning, it is 2026-11-23T06:30:00+01:00"}]
