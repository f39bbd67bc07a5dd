# SPDX-License-Identifier: Apache-2.0
"""What a result must be: `schema:` in place and in a file beside the workflow, at a desk and with the real daemon.
Nothing wrong is delivered, and what was begun under one schema ends under it."""
import pytest

import device as devices

INLINE = """\
ebb: 1
workflow: w
trigger: { stdin: json }
results:
  - name: reading
    schema:
      t: { type: number, unit: Cel, min: -60, max: 60 }
      room: { type: string, default: a1 }
    from: ${ .event.data }
"""
NAMED = INLINE.replace("""    schema:
      t: { type: number, unit: Cel, min: -60, max: 60 }
      room: { type: string, default: a1 }
""", "    schema: reading.schema.yaml\n")
FIELDS = "t: { type: number, unit: Cel, min: -60, max: 60 }   # as the sensor gives it\nroom: { type: string, default: a1 }\n"
WAITING = """\
ebb: 1
workflow: w
trigger: { http: json }
durability: { runs: each, results: each }
concurrency: 2
steps:
  - { id: wait, agent: wait, with: { until: "${ .event.data.until }" } }
results:
  - name: reading
    schema: reading.schema.yaml
    from: { t: "${ .event.data.t }" }
"""
WAIT = """\
ebb: 1
agent: wait
version: 1.0.0
kind: process
command: [./wait]
mode: once
"""
WAIT_PROGRAM = """#!/usr/bin/python3
import json, os, sys, time
until = json.load(sys.stdin)["until"]
while until and not os.path.exists(until):
    time.sleep(0.02)
print("{}")
"""
GOOD_AND_BAD = '{"t":-18.5}\n{"t":"warm"}\n{"t":-61}\n{"t":1,"roomm":"a"}\n{"t":2,"room":"b2"}\n'


@pytest.mark.parametrize("text", [INLINE, NAMED], ids=["in-place", "in-a-file"])
def test_a_result_that_does_not_fit_fails_its_run_and_is_not_delivered(ebb, device, text):
    path = device.workflow("w", text)
    (device.workflows / "reading.schema.yaml").write_text(FIELDS)
    answer = ebb("run", path, "--data", device.data, stdin=GOOD_AND_BAD)
    assert [line["result"] for line in answer.lines() if "result" in line and line["name"] == "reading"] == [
        {"t": -18.5, "room": "a1"}, {"t": 2, "room": "b2"}], answer
    assert all(line["units"] == {"t": "Cel"} for line in answer.lines() if line["name"] == "reading"), answer
    failures = [body for _, _, body in device.records(2)]
    assert [(body["class"], body["text"]) for body in failures] == [
        ("invalid", "result 'reading': field 't' is a number, not a string"),
        ("invalid", "result 'reading': field 't' is -61: from -60 to 60"),
        ("invalid", "result 'reading': there is no field 'roomm': did you mean 'room'?")]


def test_check_finds_what_can_be_known_and_says_where_a_file_is_wrong(ebb, device):
    path = device.workflow("w", NAMED.replace("${ .event.data }", "{ tt: 1, room: { value: 1, unit: m } }"))
    schema = device.workflows / "reading.schema.yaml"
    schema.write_text(FIELDS)
    answer = ebb("check", path)
    assert answer.code == 2, answer
    assert f"{path}:7:11: `schema` wants the field `t`\n" in answer.out, answer
    assert f"{path}:7:13: `schema` has no field `tt`" in answer.out, answer
    assert f"{path}:7:26: field 'room' has type string, but with a unit or digits it is a number\n" in answer.out, answer
    schema.write_text(FIELDS.replace("number", "nubmer"))
    answer = ebb("check", path)
    assert f"{path}:6:13: reading.schema.yaml:1:12: `type: nubmer`: did you mean `number`?\n" in answer.out, answer
    schema.write_text(FIELDS + "# " + "x" * (64 << 10) + "\n")
    answer = ebb("check", path)
    assert answer.code == 2 and "`schema: reading.schema.yaml`: " in answer.out and "65536 bytes" in answer.out, answer
    schema.unlink()
    answer = ebb("check", path)
    assert answer.code == 2 and "reading.schema.yaml': No such file or directory" in answer.out, answer


def test_a_run_that_was_begun_ends_under_the_schema_that_it_began_with(device):
    device.agent("wait", WAIT, wait=WAIT_PROGRAM)
    device.workflow("w", WAITING)
    schema = device.workflows / "reading.schema.yaml"
    schema.write_text("t: { type: number, unit: Cel }\n")
    door = device.folder / "door"
    device.start()
    assert device.post("/v1/workflows/w/events", {"t": 1, "until": str(door)}, "one") == 202
    device.kill()
    schema.write_text("t: { type: string }\n")
    device.start()
    assert device.post("/v1/workflows/w/events", {"t": 2, "until": ""}, "two") == 202
    devices.until("the second one fails", lambda: device.records(2))
    assert device.records(2)[0][2]["text"] == "result 'reading': field 't' is a string, not a number"
    door.write_text("open")
    assert device.wait_results(1) == [{"t": 1}]
    rows = device.get("/v1/results")["results"]
    assert [row.get("units") for row in rows if row["name"] == "reading"] == [{"t": "Cel"}]


def test_a_schema_beside_a_workflow_is_applied_with_it_and_is_no_workflow(ebb, device, tmp_path):
    folder = tmp_path / "to-apply"
    folder.mkdir()
    (folder / "w.yaml").write_text(NAMED.replace("stdin: json", "http: json"))
    (folder / "reading.schema.yaml").write_text(FIELDS)
    device.workflow("served", NAMED.replace("workflow: w", "workflow: served").replace("stdin: json", "http: json"))
    (device.workflows / "reading.schema.yaml").write_text(FIELDS)
    device.start()
    assert [row["name"] for row in device.get("/v1/workflows")["workflows"]] == ["served"]
    answer = device.cli("apply", folder)
    assert answer.code == 0 and answer.out == "added    w: running\n", answer
    assert (device.data / "workflows" / "w" / "reading.schema.yaml").read_text() == FIELDS
    assert "nothing to change" in device.cli("apply", folder).err
    assert device.post("/v1/workflows/w/events", {"t": 70}, "one") == 202
    (folder / "reading.schema.yaml").write_text(FIELDS.replace("max: 60", "max: 80"))
    answer = device.cli("diff", folder)
    assert "workflow w: changed\n" in answer.out and '+  reading.schema.yaml: {"t":{"type":"number"' in answer.out, answer
    answer = device.cli("apply", folder)
    assert answer.code == 0 and answer.out == "changed  w: running\n", answer
    assert device.post("/v1/workflows/w/events", {"t": 70}, "two") == 202
    assert device.wait_results(1) == [{"t": 70, "room": "a1"}]
    devices.until("the first one fails", lambda: device.records(2))
    shown = device.cli("workflow", "show", "w", "--text")
    copy = tmp_path / "elsewhere" / "copy.yaml"
    copy.parent.mkdir()
    copy.write_text(shown.out)
    answer = ebb("check", copy)
    assert answer.code == 0, answer
