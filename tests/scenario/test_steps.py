# SPDX-License-Identifier: Apache-2.0
"""What the keys of steps mean: when, needs, let, retry, on_error, timeout, concurrency, deadline, queues."""
import json
import sqlite3
import time

import pytest

import device as devices

HEAD = "ebb: 1\nworkflow: w\ntrigger: { stdin: json }\n"
TRY = """\
ebb: 1
agent: try
version: 1.0.0
kind: process
command: [./try]
"""
# Fails as often as it is told, then answers what it was given; counts its calls in a file.
TRY_PROGRAM = """#!/usr/bin/python3 -u
import json, os, pathlib, sys, time
here = pathlib.Path(__file__).parent
for line in sys.stdin:
    given = json.loads(line)
    calls = here / f"calls-{given.get('name', 'x')}"
    count = int(calls.read_text()) + 1 if calls.exists() else 1
    calls.write_text(str(count))
    busy = here / f"busy-{os.getpid()}"
    busy.touch()
    together = len(list(here.glob("busy-*")))
    time.sleep(given.get("sleep", 0))
    busy.unlink()
    if count <= given.get("fail", 0):
        sys.exit(9)
    print(json.dumps({"calls": count, "value": given.get("value"), "together": together}))
"""


@pytest.fixture
def run(device, ebb):
    """run(workflow, event ...) gives the answer of `ebb run`."""
    device.agent("try", TRY, **{"try": TRY_PROGRAM})

    def start(text, *events, **more):
        path = device.workflow("w", text)
        return ebb("run", path, "--agents", device.agents, "--data", device.data,
                   stdin="".join(json.dumps(event) + "\n" for event in events), **more)

    return start


def failures(device):
    connection = sqlite3.connect(f"file:{device.data}/ebb.db?mode=ro", uri=True)
    rows = connection.execute("SELECT body FROM record WHERE kind & 255 = 2 ORDER BY key").fetchall()
    connection.close()
    return [json.loads(row[0]) for row in rows]


def step(name, more="", agent="try", inputs="{}"):
    return f"  - id: {name}\n    agent: {agent}\n    with: {inputs}\n{more}"


def out(expression):
    return "results:\n  - name: out\n    from:\n      x: " + expression + "\n"


def test_a_step_whose_condition_is_false_is_null_and_others_run(run):
    text = (HEAD + "steps:\n" + step("a", "    when: .event.data.go\n", inputs="{ value: 1 }")
            + step("b", "    needs: [a]\n", inputs="{ value: \"${ .steps.a.value }\" }")
            + out("${ [.steps.a, .steps.b.value] }"))
    answer = run(text, {"go": False}, {"go": True})
    assert [line["result"]["x"] for line in answer.lines()] == [[None, None], [{"calls": 2, "value": 1, "together": 1}, 1]], answer


def test_let_is_evaluated_when_it_is_used_and_may_use_another(run):
    text = (HEAD + "let:\n  double: ${ .event.data.n * 2 }\n  text: got ${ $double }\n  never: ${ error(\"used\") }\n"
            + out("${ $text }"))
    answer = run(text, {"n": 21})
    assert [line["result"]["x"] for line in answer.lines()] == ["got 42"], answer


def test_values_keep_their_type_and_literals_stay(run):
    text = HEAD + """\
results:
  - name: out
    from:
      number: ${ .event.data.n }
      text: n is ${ .event.data.n }
      list: ${ .event.data.list }
      literal: $${ .event.data.n }
      quoted: "12"
      plain: 12
      no: no
      nothing: null
      inner: { list: [1, "${ .event.data.n }"] }
"""
    answer = run(text, {"n": 1.5, "list": [1, {"a": None}]})
    assert answer.lines()[0]["result"] == {
        "number": 1.5, "text": "n is 1.5", "list": [1, {"a": None}], "literal": "${ .event.data.n }",
        "quoted": "12", "plain": 12, "no": "no", "nothing": None, "inner": {"list": [1, 1.5]}}, answer


def test_retry_tries_as_often_as_it_says(run, device):
    retry = "    retry: { attempts: 3, backoff: 10ms, on: [crash] }\n"
    text = HEAD + "steps:\n" + step("a", retry, inputs="{ name: \"${ .event.data.name }\", fail: \"${ .event.data.fail }\" }") \
        + out("${ .steps.a.calls }")
    answer = run(text, {"name": "two", "fail": 2}, {"name": "three", "fail": 3})
    assert [line["result"]["x"] for line in answer.lines()] == [3], answer
    (failure,) = failures(device)
    assert (failure["step"], failure["class"]) == ("a", "crash")
    assert answer.code != 0


def test_retry_does_not_repeat_what_it_does_not_name(run, device):
    retry = "    retry: { attempts: 5, backoff: 10ms, on: [timeout] }\n"
    text = HEAD + "steps:\n" + step("a", retry, inputs="{ name: once, fail: 1 }") + out("1")
    run(text, {})
    assert (device.agents / "try" / "calls-once").read_text() == "1"
    assert len(failures(device)) == 1


def test_on_error(run, device):
    inputs = "{ name: \"${ .event.data.name }\", fail: 99 }"
    cases = {
        "{ skip: step }": [[None]],
        "{ skip: run }": [],
        "{ use: { calls: 7 } }": [[{"calls": 7}]],
        "fail": [],
    }
    for number, (policy, wanted) in enumerate(cases.items()):
        text = HEAD + "steps:\n" + step("a", f"    on_error: {policy}\n", inputs=inputs) + out("${ [.steps.a] }")
        answer = run(text, {"name": f"n{number}"})
        assert [line["result"]["x"] for line in answer.lines()] == wanted, (policy, answer)
    assert len(failures(device)) == 1, "`fail` alone leaves a failure"


def test_on_error_of_another_step(run):
    text = (HEAD + "steps:\n" + step("a", "    on_error: { step: b }\n", inputs="{ name: a, fail: 99 }")
            + step("b", inputs="{ name: b, value: instead }") + out("${ .steps.a.value }"))
    answer = run(text, {})
    assert [line["result"]["x"] for line in answer.lines()] == ["instead"], answer


def test_steps_run_in_the_order_of_their_needs(run):
    text = (HEAD + "steps:\n" + step("c", "    needs: [b]\n", inputs="{ value: \"${ .steps.b.value }c\" }")
            + step("b", "    needs: [a]\n", inputs="{ value: \"${ .steps.a.value }b\" }")
            + step("a", inputs="{ value: a }") + out("${ .steps.c.value }"))
    assert [line["result"]["x"] for line in run(text, {}).lines()] == ["abc"]


def test_results_are_in_the_order_of_events(run):
    text = HEAD + "steps:\n" + step("a", inputs="{ sleep: \"${ .event.data.sleep }\", value: \"${ .event.data.n }\" }") \
        + out("${ .steps.a.value }")
    answer = run(text, *({"n": number, "sleep": 0.05 if number % 3 == 0 else 0} for number in range(12)))
    assert [line["result"]["x"] for line in answer.lines()] == list(range(12)), answer


def test_four_instances_do_four_at_once(device, ebb):
    device.agent("try", TRY + "instances: 4\n", **{"try": TRY_PROGRAM})
    path = device.workflow("w", HEAD + "concurrency: 4\nsteps:\n"
                           + step("a", inputs="{ name: \"n${ .event.data.n }\", sleep: 0.6 }")
                           + out("${ [.event.data.n, .steps.a.together] }"))
    answer = ebb("run", path, "--agents", device.agents, "--data", device.data,
                 stdin="".join(json.dumps({"n": number}) + "\n" for number in range(8)))
    found = [line["result"]["x"] for line in answer.lines()]
    assert sorted(number for number, _ in found) == list(range(8)), answer
    assert 2 <= max(together for _, together in found) <= 4, answer


def test_a_step_has_its_timeout_and_not_the_agents(run, device):
    text = HEAD + "steps:\n" + step("a", "    timeout: 200ms\n", inputs="{ sleep: 5 }") + out("1")
    run(text, {})
    assert failures(device)[0]["class"] == "timeout"


def test_an_agent_that_gives_what_it_does_not_declare(run, device):
    device.agent("try", TRY + "outputs:\n  calls: string\n  value: { type: any, optional: true }\n"
                              "  together: number\n", **{"try": TRY_PROGRAM})
    text = HEAD + "steps:\n" + step("a") + out("${ .steps.a.calls }")
    run(text, {})
    (failure,) = failures(device)
    assert failure["class"] == "invalid" and "'calls'" in failure["text"], failure


def test_inputs_have_types_and_defaults(run, device):
    device.agent("try", TRY + "inputs:\n  value: { type: number, default: 5, min: 0, max: 10 }\n"
                              "  name: { type: string, optional: true }\n", **{"try": TRY_PROGRAM})
    text = HEAD + "steps:\n" + step("a", inputs="{ value: \"${ .event.data.v }\" }") + out("${ .steps.a.value }")
    answer = run(text, {"v": 3}, {"v": 11}, {"v": "three"})
    assert [line["result"]["x"] for line in answer.lines()] == [3], answer
    assert [failure["class"] for failure in failures(device)] == ["invalid", "invalid"]
    text = HEAD + "steps:\n" + step("a") + out("${ .steps.a.value }")
    assert [line["result"]["x"] for line in run(text, {}).lines()] == [5]


def test_a_run_past_its_deadline_does_nothing_more(run, device):
    text = (HEAD.replace("trigger", "durability: { runs: each, results: each }\ndeadline: 1s\ntrigger")
            + "steps:\n" + step("a", inputs="{ name: a, sleep: 1.5 }")
            + step("b", "    needs: [a]\n", inputs="{ name: b }") + out("1"))
    answer = run(text, {})
    assert answer.lines() == [], answer
    assert not (device.agents / "try" / "calls-b").exists()
    assert len(failures(device)) == 1


@pytest.mark.parametrize("full, wanted", [("drop_oldest", {0, 28, 29}), ("drop_newest", {0, 1, 2}),
                                          ("block", set(range(30)))])
def test_a_full_queue_does_what_the_workflow_says(device, full, wanted):
    device.agent("try", TRY, **{"try": TRY_PROGRAM})
    device.workflow("w", f"""\
ebb: 1
workflow: w
trigger:
  watch: {{ path: INBOX, glob: "*.in" }}
  queue: {{ max: 2, full: {full} }}
steps:
  - id: a
    agent: try
    with:
      sleep: "${{ if .event.name == \\"00.in\\" then 2 else 0 end }}"
results:
  - name: out
    from:
      n: ${{ .event.name[0:2] | tonumber }}
""")
    device.start()
    device.drop("00.in")
    devices.until("the first runs", lambda: device.counts("w")["running"] == 1)
    for number in range(1, 30):
        device.drop(f"{number:02}.in")
    device.wait_results(len(wanted))
    time.sleep(0.5)
    assert {row["n"] for row in device.results()} == wanted
    assert device.counts("w")["dropped"] == 30 - len(wanted)


def test_keep_latest_leaves_out_what_is_old(device):
    device.agent("try", TRY, **{"try": TRY_PROGRAM})
    device.workflow("w", """\
ebb: 1
workflow: w
trigger:
  watch: { path: INBOX, glob: "*.in" }
  queue: { keep: latest }
steps:
  - id: a
    agent: try
    with: { sleep: 1 }
results:
  - name: out
    from:
      n: ${ .event.name }
""")
    device.start()
    device.drop("00.in")
    devices.until("the first runs", lambda: device.counts("w")["running"] == 1)
    for number in range(1, 10):
        device.drop(f"{number:02}.in")
    assert [row["n"] for row in device.wait_results(2)] == ["00.in", "09.in"]
    assert device.counts("w")["dropped"] == 8
