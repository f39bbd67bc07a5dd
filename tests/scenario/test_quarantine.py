# SPDX-License-Identifier: Apache-2.0
"""Events that do not fit what their trigger says of them, with the real daemon and at a desk: kept aside, dropped,
failed; nothing of them is lost to a kill, and none stops the others."""
import concurrent.futures
import json

import device as devices
from test_http_trigger import post

ROOM = """\
ebb: 1
workflow: readings
trigger:
  http: json
  schema:
    t: { type: number, unit: Cel, min: -60, max: 60 }
    n: integer
    room: string
    ts: { type: time, optional: true }
  event:
    id: ${ "\\(.data.room)#\\(.data.n)" }
    time: ${ .data.ts }
    key: ${ .data.room }
    set:
      cold: ${ .data.t < -20 }
durability: { runs: each, results: each }
results:
  - name: reading
    from:
      n: ${ .event.data.n }
      key: ${ .event.key }
      at: ${ .event.time }
      cold: ${ .event.cold }
"""
LINES = ROOM.replace("http: json", "stdin: json").replace("runs: each", "runs: none")


def kept(device):
    said = device.cli("event", "list", "--json")
    assert said.code == 0, said
    return said.lines()


def test_what_does_not_fit_is_kept_aside_through_a_kill_and_shown(device):
    device.workflow("readings", ROOM)
    device.start()
    code, _, text = post(device, {"room": "a1", "n": 1, "t": -300, "secret": [1, 2]})
    assert (code, json.loads(text)) == (202, {"state": "quarantined",
                                              "reason": "field 't' is -300: from -60 to 60"})
    device.kill()
    device.start()
    assert post(device, {"room": "a1", "n": 2, "t": -25, "ts": "2026-11-23T10:00:00Z"})[0] == 202
    assert device.wait_results(1) == [{"n": 2, "key": "a1", "at": "2026-11-23T10:00:00.000Z", "cold": True}]
    rows = kept(device)
    assert [(row["id"], row["workflow"], row["source"], row["reason"]) for row in rows] == [
        (1, "readings", "http", "field 't' is -300: from -60 to 60")]
    said = device.cli("event", "show", "1", "--json")
    assert json.loads(said.out)["event"]["data"] == {"room": "a1", "n": 1, "t": -300, "secret": [1, 2]}
    assert device.cli("event", "show", "2").code != 0
    assert "field 't' is -300" in device.cli("event", "list").out
    assert device.counts("readings")["quarantined"] == 0  # counted from the daemon's start


def test_who_posts_what_does_not_fit_is_told_so(device):
    device.workflow("readings", ROOM)
    device.start()
    said = device.cli("event", "post", "readings", "--data", '{"room":"a1","n":1,"t":-300}')
    assert said.code == 2 and said.out == "", said
    assert said.err == ("ebb: the event does not fit and is kept aside (`ebb event list`): "
                        "field 't' is -300: from -60 to 60\n"), said
    said = device.cli("event", "post", "readings", "--data", '{"room":"a1","n":1,"t":-300}', "--json")
    assert said.code == 2 and json.loads(said.out)["state"] == "quarantined", said
    assert device.cli("event", "post", "readings", "--data", '{"room":"a1","n":2,"t":-3}').code == 0
    assert len(kept(device)) == 2
    assert "ebb_quarantined_total" in device.ask("GET", "/metrics")[1]


def test_the_id_that_the_workflow_says_makes_two_messages_one_event_also_after_a_kill(device):
    device.workflow("readings", ROOM)
    device.start()
    assert post(device, {"room": "a1", "n": 1, "t": 1})[0] == 202
    assert post(device, {"room": "a2", "n": 1, "t": 1})[0] == 202
    device.wait_results(2)
    device.kill()
    device.start()
    assert post(device, {"room": "a1", "n": 1, "t": 2})[0] == 200
    assert post(device, {"room": "a1", "n": 2, "t": 2})[0] == 202
    assert len(device.wait_results(3)) == 3


def test_a_mended_event_can_be_posted_again_from_what_was_kept(device):
    device.workflow("readings", ROOM.replace("max: 60", "max: 6"))
    device.start()
    assert "quarantined" in post(device, {"room": "a1", "n": 1, "t": 60})[2]
    device.workflow("readings", ROOM)
    assert device.ask("POST", "/v1/reload")[0] == 200
    event = json.loads(device.cli("event", "show", "1", "--json").out)["event"]["data"]
    assert device.cli("event", "post", "readings", "-", stdin=json.dumps(event)).code == 0
    assert device.wait_results(1)[0]["n"] == 1


def test_a_flood_of_what_does_not_fit_is_bounded_and_stops_nothing(device):
    device.workflow("readings", ROOM)
    device.start()
    with concurrent.futures.ThreadPoolExecutor(32) as pool:
        codes = set(pool.map(lambda n: post(device, {"room": "a1", "n": n})[0], range(1010)))
    assert codes == {202}
    assert post(device, {"room": "a1", "n": 5000, "t": 1})[0] == 202
    device.wait_results(1)
    listed = device.get("/v1/events?limit=3")
    assert (listed["kept"], listed["gone"], len(listed["events"])) == (1000, 10, 3)
    assert listed["events"][0]["id"] == 1010
    assert [row["id"] for row in device.get(f"/v1/events?limit=3&before={listed['next']}")["events"]] == [
        1007, 1006, 1005]
    assert "10 older ones" in device.cli("event", "list", "--limit", "1").err


def test_a_key_that_would_be_jq_is_told_how_to_be_none(device):
    key = "key: ${ .data.room }/${ .data.sensor }"
    text = ROOM.replace("key: ${ .data.room }", key).replace("    room: string\n", "    room: string\n    sensor: string\n")
    assert devices.ebb("check", device.workflow("readings", text)).code == 0
    path = device.workflow("readings", text.replace(key, 'key: ${ .data.room + "/" + .data.sensor }'))
    said = devices.ebb("check", path)
    assert said.code == 2 and "this is jq" in said.out and "such as ${ .data.site }/${ .data.room }" in said.out, said


def test_lines_at_a_desk_go_by_what_the_trigger_says(device):
    path = device.workflow("readings", LINES)
    lines = '{"room":"a","n":1,"t":1}\n{"room":"a","n":1,"t":1}\n{oops\n{"room":"a","n":2}\n{"room":"a","n":3,"t":3}\n'
    said = devices.ebb("run", path, "--data", device.data, stdin=lines)
    assert [row["result"]["n"] for row in said.lines()] == [1, 3]
    assert "kept aside" in said.err and "field 't' is missing" in said.err and "line 3" in said.err
    assert device.rows("SELECT count(*) FROM quarantine")[0][0] == 2
    path = device.workflow("readings", LINES.replace("  event:", "  invalid: fail\n  event:", 1))
    said = devices.ebb("run", path, "--data", device.folder / "other", stdin='{"room":"a","n":2}\n')
    assert said.code != 0 and "run failed: field 't' is missing" in said.err
    path = device.workflow("readings", LINES.replace("  event:", "  invalid: drop\n  event:", 1))
    said = devices.ebb("run", path, "--data", device.folder / "third", stdin='{"room":"a","n":2}\n')
    assert said.code != 0 and "field 't' is missing" in said.err and said.out == ""


def test_one_event_from_the_command_line_is_looked_at_as_well(device):
    path = device.workflow("readings", ROOM)
    said = devices.ebb("run", path, "--data", device.data, "--event", '{"room":"a","n":1,"t":-30}')
    assert [row["result"] for row in said.lines()][0]["cold"] is True, said
    said = devices.ebb("run", path, "--data", device.data, "--event", '{"room":"a","n":1,"t":-300}')
    assert said.code != 0 and "field 't' is -300" in said.err
