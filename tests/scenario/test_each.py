# SPDX-License-Identifier: Apache-2.0
"""`each`: a step that calls its agent once for every item of a list."""
import json
import os

import pytest

import device as devices

SQUARE = "ebb: 1\nagent: square\nversion: 1.0.0\nkind: jq\ninputs:\n  n: number\noutputs:\n  n: number\nfilter: '{n: (.n * .n)}'\n"
PROCESS = "ebb: 1\nagent: square\nversion: 1.0.0\nkind: process\ncommand: [./square]\ninstances: INSTANCES\n" \
          "inputs:\n  n: number\noutputs:\n  n: number\n"
SCRIPT = """\
#!/usr/bin/python3
import json, os, sys, time
for line in sys.stdin:
    n = json.loads(line)["n"]
    with open("CALLS", "a") as calls:
        calls.write("%d begin\\n" % n)
    if n == 13:
        sys.exit(1)
    time.sleep(0.05)
    with open("CALLS", "a") as calls:
        calls.write("%d end\\n" % n)
    print(json.dumps({"n": n * n}), flush=True)
"""
FLOW = """\
ebb: 1
workflow: squares
trigger: { stdin: json }
steps:
  - id: square
    agent: square
    each: ${ .event.data.list }
    MORE
    with: { n: "${ .item }" }
results:
  - name: out
    from: { n: "${ [.steps.square.items[].n] }", errors: "${ .steps.square.errors }" }
"""


def run(ebb, tmp_path, more, *events, agent=SQUARE, script=None):
    folder = tmp_path / "agents" / "square"
    folder.mkdir(parents=True)
    (folder / "agent.yaml").write_text(agent)
    if script:
        (folder / "square").write_text(script.replace("CALLS", str(tmp_path / "calls")))
        os.chmod(folder / "square", 0o755)
    (tmp_path / "squares.yaml").write_text(FLOW.replace("MORE", more))
    answer = ebb("run", tmp_path / "squares.yaml", "--data", tmp_path / "data",
                 stdin="".join(json.dumps({"list": event}) + "\n" for event in events))
    return answer, [line["result"] for line in answer.lines()]


def test_the_output_is_the_list_in_order(ebb, tmp_path):
    answer, results = run(ebb, tmp_path, "max: 5", [1, 2, 3], [], None)
    assert answer.code == 0, answer
    assert results == [{"n": [1, 4, 9], "errors": [None] * 3}, {"n": [], "errors": []}, {"n": [], "errors": []}]


def test_an_item_that_fails_is_null_with_its_error_beside(ebb, tmp_path):
    answer, results = run(ebb, tmp_path, "max: 5", [1, "two", 3])
    assert answer.code == 0, answer
    assert results[0]["n"] == [1, None, 9]
    assert results[0]["errors"][0] is None and results[0]["errors"][2] is None
    assert results[0]["errors"][1]["class"] == "invalid"
    assert "field 'n' is a number" in results[0]["errors"][1]["text"]


@pytest.mark.parametrize("event, sentence", [([1] * 6, "`each` has 6 items, more than its `max` of 5"),
                                             ({"a": 1}, "`each` wants a list, and this is of type object")])
def test_what_is_no_list_or_too_long_fails_the_step(ebb, tmp_path, event, sentence):
    answer, results = run(ebb, tmp_path, "max: 5", event)
    assert not results
    assert sentence in answer.err


def calls(tmp_path):
    return [line.split() for line in (tmp_path / "calls").read_text().splitlines()]


def test_calls_of_a_program_are_one_at_a_time_unless_said_otherwise(ebb, tmp_path):
    answer, results = run(ebb, tmp_path, "max: 50", list(range(5)), agent=PROCESS.replace("INSTANCES", "3"),
                          script=SCRIPT)
    assert results == [{"n": [0, 1, 4, 9, 16], "errors": [None] * 5}], answer
    assert calls(tmp_path) == [[str(n), what] for n in range(5) for what in ("begin", "end")]


def test_several_calls_of_a_program_are_under_way_at_once(ebb, tmp_path):
    answer, results = run(ebb, tmp_path, "concurrency: 3", list(range(9)), agent=PROCESS.replace("INSTANCES", "3"),
                          script=SCRIPT)
    assert results == [{"n": [n * n for n in range(9)], "errors": [None] * 9}], answer
    under_way = most = 0
    for _, what in calls(tmp_path):
        under_way += 1 if what == "begin" else -1
        most = max(most, under_way)
    assert most == 3


def test_only_what_failed_is_tried_again(ebb, tmp_path):
    answer, results = run(ebb, tmp_path, "retry: { attempts: 3, backoff: 10ms }", [1, 13, 2],
                          agent=PROCESS.replace("INSTANCES", "1"), script=SCRIPT)
    assert results[0]["n"] == [1, None, 4], answer
    assert results[0]["errors"][1]["class"] == "crash"
    begun = [n for n, what in calls(tmp_path) if what == "begin"]
    assert sorted(begun) == ["1", "13", "13", "13", "2"]


def test_a_kill_in_the_middle_gives_one_whole_result(device):
    script = SCRIPT.replace("CALLS", str(device.folder / "calls"))
    device.agent("square", PROCESS.replace("INSTANCES", "1"), square=script)
    os.chmod(device.agents / "square" / "square", 0o755)
    device.workflow("squares", FLOW.replace("MORE", "max: 20").replace("stdin: json", "watch: { path: INBOX }")
                    .replace("${ .event.data.list }", "[1, 2, 3, 4, 5, 6, 7, 8]"))
    device.start()
    device.drop("a", b"x")
    devices.until("some calls", lambda: (device.folder / "calls").exists() and
                  len((device.folder / "calls").read_text().splitlines()) > 4)
    device.kill()
    device.start()
    device.wait_results(1)
    assert [json.loads(body)["n"] for _, _, body in
            [(0, 0, json.dumps(record)) for _, _, record in device.records(1)]] == [[n * n for n in range(1, 9)]]
