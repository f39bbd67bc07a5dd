# SPDX-License-Identifier: Apache-2.0
"""How often a result may come: held back, counted in the next one, over kills and restarts."""
import collections
import time

import device as devices

WORKFLOW = """\
ebb: 1
workflow: files
trigger:
  watch: { path: INBOX, glob: "*.in", text: true }
concurrency: 4
results:
  - name: all
    from: { key: "${ .event.text }" }
    priority: low
  - name: some
    limit: { rate: RATE, by: "${ .event.text }"MORE }
    from: { key: "${ .event.text }" }
"""


def write(device, rate, more=""):
    device.workflow("files", WORKFLOW.replace("RATE", rate).replace("MORE", more))


def drop(device, keys):
    for key in keys:
        device.drop(f"{time.monotonic_ns()}.in", key)


def some(device):
    """The limited results of each key, in the order in which they were written."""
    found = collections.defaultdict(list)
    for name, _, result in device.records(1):
        if name == "some":
            found[result["key"]].append(result.get("held"))
    return found


def test_one_of_each_key_passes_also_after_a_kill(device):
    write(device, "1/h")
    device.start()
    drop(device, "aabab")
    device.wait_results(5 + 2)
    device.kill()
    device.start()
    drop(device, "abc")
    device.wait_results(8 + 3)
    assert some(device) == {"a": [0], "b": [0], "c": [0]}
    assert 'ebb_results_held_total{workflow="files"} 2' in device.ask("GET", "/metrics")[1]


def test_so_many_pass_and_the_next_one_tells_of_those_between(device):
    hour_ms = 3600 * 1000
    write(device, "2/h")
    device.start()
    drop(device, "aaaaa")
    device.wait_results(5 + 2)
    device.stop()
    assert some(device) == {"a": [0, 0]}
    # The wall clock alone jumps: a limit goes by the other one.
    device.start(environment={"EBB_TEST_WALL_OFFSET_MS": str(hour_ms)})
    drop(device, "a")
    device.wait_results(6 + 2)
    assert some(device) == {"a": [0, 0]}


def test_what_was_held_back_is_said_after_a_restart(device):
    write(device, "1/3s")
    device.start()
    drop(device, "aaa")
    device.wait_results(3 + 1)
    device.stop()
    device.start()
    time.sleep(3.2)
    drop(device, "a")
    device.wait_results(4 + 2)
    assert some(device) == {"a": [0, 2]}


def test_where_it_is_dropped_nothing_is_said(device):
    write(device, "1/h", ", over: drop")
    device.start()
    drop(device, "aa")
    device.wait_results(2 + 1)
    assert some(device) == {"a": [None]}


def test_the_last_one_comes_once_whatever_is_killed_when(device):
    write(device, "1/2s", ", over: last")
    device.start()
    drop(device, "aaab")
    device.wait_results(4 + 2)
    for _ in range(6):  # before, around and after the moment at which there is room
        device.kill()
        device.start()
        time.sleep(0.4)
    devices.until("the last one is there", lambda: some(device) == {"a": [0, 1], "b": [0]})
    device.kill()
    device.start()
    drop(device, "c")
    device.wait_results(5 + 4)
    assert some(device) == {"a": [0, 1], "b": [0], "c": [0]}
