# SPDX-License-Identifier: Apache-2.0
"""Where results go and how long they stay: priorities and lanes, keys, expiry, results without a commit each."""
import json
import re
import time

import pytest

import device as devices

WATCH = """\
ebb: 1
workflow: w
trigger:
  watch: { path: INBOX, glob: "*.in", text: true }
results:
  - name: out
    from:
      name: ${ .event.name }
      text: ${ .event.text }
"""
LANES = ["control", "urgent", "high", "normal", "low", "telemetry", "bulk", "local"]


@pytest.mark.parametrize("priority, number, lane", [
    ("urgent", 7, "urgent"), ("high", 4, "high"), ("normal", 1, "normal"), ("low", 0, "low"),
    ("9", 9, "urgent"), ("6", 6, "high"), ("3", 3, "normal"), ("0", 0, "low"), ("12", 9, "urgent"),
])
def test_a_priority_is_a_number_and_a_lane(ebb, device, priority, number, lane):
    path = device.workflow("w", "ebb: 1\nworkflow: w\ntrigger: { stdin: json }\n"
                                f"results:\n  - name: out\n    from: {{ a: 1 }}\n    priority: {priority}\n")
    answer = ebb("run", path, "--data", device.data, stdin="{}\n")
    assert answer.lines()[0]["priority"] == number, answer
    ((key,),) = device.rows("SELECT key FROM record")
    assert LANES[key >> 40 & 7] == lane


def test_a_result_that_is_not_for_the_hub_stays_here(ebb, device):
    path = device.workflow("w", "ebb: 1\nworkflow: w\ntrigger: { stdin: json }\n"
                                "results:\n  - name: out\n    from: { a: 1 }\n    to: []\n")
    answer = ebb("run", path, "--data", device.data, stdin="{}\n")
    assert answer.code == 0 and len(answer.lines()) == 1, answer
    ((key,),) = device.rows("SELECT key FROM record")
    assert LANES[key >> 40 & 7] == "local"


def test_a_unit_stands_beside_the_plain_number(ebb, device):
    path = device.workflow("w", "ebb: 1\nworkflow: w\ntrigger: { stdin: json }\nresults:\n  - name: out\n    from:\n"
                                '      t: { value: "${ .event.data.t }", unit: Cel, digits: 1 }\n')
    answer = ebb("run", path, "--data", device.data, stdin='{"t":-18.456}\n{"t":null}\n{"t":"x"}\n')
    assert [line["result"] for line in answer.lines()] == [{"t": -18.5}, {"t": None}], answer
    assert all(line["units"] == {"t": "Cel"} for line in answer.lines())
    assert "field 't' is of type string" in answer.err, answer


def test_what_is_private_is_not_printed(ebb, device):
    path = device.workflow("w", "ebb: 1\nworkflow: w\ntrigger: { stdin: json }\nresults:\n  - name: out\n"
                                "    from: { said: '${ .event.data.said }', n: 1 }\n    private: { said: drop }\n")
    answer = ebb("run", path, "--data", device.data, stdin='{"said":"stop"}\n')
    assert [line["result"] for line in answer.lines()] == [{"n": 1}], answer
    rows = device.rows("SELECT key, body FROM record ORDER BY key")
    assert [(LANES[key >> 40 & 7], body) for key, body in rows] == [("normal", '{"n":1}'), ("local", '{"said":"stop"}')]


def test_one_event_may_make_several_results(ebb, device):
    path = device.workflow("w", "ebb: 1\nworkflow: w\ntrigger: { stdin: json }\nresults:\n"
                           + "".join(f"  - name: r{number}\n    when: .event.data.n > {number}\n"
                                     f"    from: {{ n: {number} }}\n    priority: {number}\n" for number in range(5)))
    answer = ebb("run", path, "--data", device.data, stdin='{"n":3}\n')
    assert [line["name"] for line in answer.lines()] == ["r0", "r1", "r2"], answer
    assert len({line["run"] for line in answer.lines()}) == 1
    assert len({line["id"] for line in answer.lines()}) == 3


def test_a_newer_result_of_a_key_takes_the_place_of_an_unsent_one(device):
    device.workflow("w", WATCH.replace("    from:", "    key: ${ .event.text }\n    from:"))
    device.start()
    for name, key in (("1.in", "a"), ("2.in", "b"), ("3.in", "a"), ("4.in", "a")):
        device.drop(name, key)
        time.sleep(0.1)
    devices.until("the last is there", lambda: any(row["name"] == "4.in" for row in device.results()))
    assert [row["name"] for row in device.results()] == ["2.in", "4.in"]
    gaps = device.rows("SELECT key & 1099511627775, last_seq, body FROM record WHERE kind & 255 = 3 ORDER BY key")
    assert sum(json.loads(body)["count"] for _, _, body in gaps) == 2
    assert all("superseded" in body for _, _, body in gaps)
    covered = set()
    for first, last, _ in gaps:
        covered |= set(range(first, (last or first) + 1))
    covered |= {row[0] for row in device.rows("SELECT key & 1099511627775 FROM record WHERE kind & 255 = 1")}
    assert covered == {1, 2, 3, 4}, "every seq is a record or in a gap"


def test_a_result_whose_time_is_up_becomes_a_gap(device):
    device.workflow("w", WATCH.replace("    from:", "    expires: 1s\n    from:"))
    device.start()
    device.drop("1.in", "x")
    device.wait_results(1)
    time.sleep(1.2)
    device.stop()
    device.start()
    device.drop("2.in", "y")
    devices.until("the first is a gap", lambda: device.rows("SELECT 1 FROM record WHERE kind & 255 = 3"), 90, 0.2)
    (gap,) = device.rows("SELECT body FROM record WHERE kind & 255 = 3")
    assert json.loads(gap[0])["reason"] == "expired", gap
    assert json.loads(gap[0])["count"] == 2 - len(device.results()), "the second's time may be up as well"


def test_results_by_an_interval_are_acknowledged_with_their_commit(ebb, device):
    path = device.workflow("w", "ebb: 1\nworkflow: w\ntrigger: { stdin: json }\n"
                                "durability: { results: 300ms }\n"
                                "results:\n  - name: out\n    from: { n: '${ .event.data.n }' }\n")
    answer = ebb("run", path, "--data", device.data, stdin="".join(f'{{"n":{n}}}\n' for n in range(50)))
    assert [int(line["result"]["n"]) for line in answer.lines()] == list(range(50)), answer
    assert len(device.results()) == 50


def test_a_result_that_is_too_large_is_a_failure_and_not_a_hole(ebb, device):
    path = device.workflow("w", "ebb: 1\nworkflow: w\ntrigger: { stdin: json }\nresults:\n  - name: out\n    from:\n"
                                "      x: ${ [range(.event.data.n)] | map(\"0123456789abcdef\") | join(\"\") }\n")
    answer = ebb("run", path, "--data", device.data, stdin='{"n":3}\n{"n":70000}\n{"n":2}\n')
    assert [len(line["result"]["x"]) for line in answer.lines()] == [48, 32], answer
    assert len(device.records(2)) == 1


def test_ids_are_unique_and_the_same_after_a_restart(device):
    device.workflow("w", WATCH)
    device.start()
    for number in range(30):
        device.drop(f"{number}.in", "x")
    device.wait_results(30)
    before = {row["id"]: row["result"] for row in device.get("/v1/results?limit=100")["results"]}
    assert len(before) == 30
    assert all(re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", key)
               for key in before)
    device.kill()
    device.start()
    after = {row["id"]: row["result"] for row in device.get("/v1/results?limit=100")["results"]}
    assert after == before
    view = dict(device.rows("SELECT id, result FROM workflow_results"))
    assert {key: json.loads(body) for key, body in view.items()} == before
