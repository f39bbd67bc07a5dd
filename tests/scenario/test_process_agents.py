# SPDX-License-Identifier: Apache-2.0
"""Process agents that exit, hang, talk nonsense, talk too much, answer late or are not there."""
import json
import os
import time

import device as devices

MANIFEST = """\
ebb: 1
agent: odd
version: 1.0.0
kind: process
command: [./odd]
"""
WORKFLOW = """\
ebb: 1
workflow: odd
trigger:
  watch: { path: INBOX, glob: "*.in", text: true }
durability: { runs: each, results: each }
steps:
  - id: ask
    agent: odd
    with:
      text: ${ .event.text }
    timeout: 1s
results:
  - name: out
    from:
      name: ${ .event.name }
      said: ${ .steps.ask }
"""

# What the text of an event makes the agent do. Anything else is answered at once.
ODD = """#!/usr/bin/python3 -u
import json, os, sys, time
for line in sys.stdin:
    text = json.loads(line)["text"]
    if text == "exit":
        sys.exit(3)
    if text == "abort":
        os.abort()
    if text == "hang":
        time.sleep(3600)
    if text == "late":
        time.sleep(1.5)
        print(json.dumps({"late": True}))
        continue
    if text == "nonsense":
        print("this is no JSON at all")
        continue
    if text == "list":
        print("[1, 2]")
        continue
    if text == "gigabyte":
        while True:
            os.write(1, b"x" * 65536)
    if text == "close":
        os.close(1)
        time.sleep(3600)
    if text == "talk":
        sys.stderr.write("y" * 100 + "\\n")
        sys.stderr.write("z" * 300000)
    print(json.dumps({"text": text, "pid": os.getpid()}))
"""


def start(device, manifest=MANIFEST, program=ODD, workflow=WORKFLOW):
    device.agent("odd", manifest, odd=program)
    device.workflow("odd", workflow)
    device.start()


def failure_of(device, text):
    """Drops one event and gives back the failure that it makes; another event passes afterwards."""
    before = len(device.records(2))
    good = len(device.results())
    device.drop(f"{time.monotonic_ns()}.in", text)
    devices.until(f"a failure of '{text}'", lambda: len(device.records(2)) > before)
    device.drop(f"{time.monotonic_ns()}.in", "fine")
    found = device.wait_results(good + 1)
    assert found[-1]["said"]["text"] == "fine"
    (failure,) = [body for _, _, body in device.records(2)[before:]]
    assert failure["step"] == "ask"
    return failure


def test_an_agent_that_exits(device):
    start(device)
    failure = failure_of(device, "exit")
    assert failure["class"] == "crash" and "3" in failure["text"]


def test_an_agent_that_aborts(device):
    start(device)
    failure = failure_of(device, "abort")
    assert failure["class"] == "crash"


def test_an_agent_that_hangs(device):
    start(device)
    failure = failure_of(device, "hang")
    assert failure["class"] == "timeout" and "in time" in failure["text"]


def test_an_agent_that_answers_late_never_answers_the_next_question(device):
    start(device)
    assert failure_of(device, "late")["class"] == "timeout"
    time.sleep(1.0)
    assert all("late" not in row["said"] for row in device.results())


def test_an_agent_that_prints_no_json(device):
    start(device)
    failure = failure_of(device, "nonsense")
    assert failure["class"] == "invalid"
    assert "this is no JSON at all" in failure["text"]


def test_an_agent_that_prints_something_else_than_an_object(device):
    start(device)
    failure = failure_of(device, "list")
    assert failure["class"] == "invalid" and "[1, 2]" in failure["text"]


def test_an_agent_that_prints_a_gigabyte(device):
    start(device)
    before = device.memory_bytes()
    failure = failure_of(device, "gigabyte")
    assert failure["class"] in ("full", "invalid")
    assert "limits.output" in failure["text"]
    assert device.memory_bytes() - before < 16 << 20


def test_an_agent_that_closes_its_output(device):
    start(device)
    assert failure_of(device, "close")["class"] in ("crash", "timeout")


def test_what_an_agent_says_on_standard_error_is_in_the_log_bounded(device):
    start(device)
    device.drop("a.in", "talk")
    (row,) = device.wait_results(1)
    assert row["said"]["text"] == "talk"
    devices.until("the log", lambda: "y" * 50 in device.log())
    assert len(device.log()) < 200_000


def test_an_agent_that_is_not_there(device):
    device.agent("odd", MANIFEST.replace("./odd", "./nothing-here"))
    device.workflow("odd", WORKFLOW)
    answer = devices.ebb("check", device.workflows / "odd.yaml", "--agents", device.agents)
    if answer.code != 0:
        assert "nothing-here" in answer.out
        return
    device.start()
    device.drop("a.in", "x")
    devices.until("a failure", lambda: device.records(2))
    assert "nothing-here" in device.records(2)[0][2]["text"]


def test_an_agent_whose_program_is_no_program(device):
    folder = device.agent("odd", MANIFEST)
    (folder / "odd").write_text("#!/no/such/interpreter\n")
    (folder / "odd").chmod(0o755)
    device.workflow("odd", WORKFLOW)
    device.start()
    device.drop("a.in", "x")
    devices.until("a failure", lambda: device.records(2))
    assert device.ask("GET", "/healthz")[0] == 200


def test_an_agent_that_fails_at_random_loses_nothing(device):
    """With retries and on_error every event has its one result."""
    start(device, program=ODD.replace("for line in sys.stdin:",
                                      "import random\nfor line in sys.stdin:\n"
                                      "    if random.random() < 0.2: sys.exit(1)"),
          workflow=WORKFLOW.replace("    timeout: 1s\n",
                                    "    timeout: 5s\n"
                                    "    retry: { attempts: 3, backoff: 10ms, on: [crash, timeout] }\n"
                                    "    on_error: { use: { gave: up } }\n"))
    for number in range(30):
        device.drop(f"{number}.in", str(number))
    found = device.wait_results(30, patience=60)
    assert sorted(row["name"] for row in found) == sorted(f"{number}.in" for number in range(30))


def test_mode_once_starts_a_process_for_each_call(device):
    start(device, manifest=MANIFEST + "mode: once\n",
          program="#!/bin/sh\nread -r line || [ -n \"$line\" ]\nprintf '{\"pid\":%d,\\n\"got\":%s}\\n' $$ \"$line\"\n")
    for number in range(5):
        device.drop(f"{number}.in", str(number))
    found = device.wait_results(5)
    assert len({row["said"]["pid"] for row in found}) == 5
    assert {row["said"]["got"]["text"] for row in found} == {"0", "1", "2", "3", "4"}


def test_an_agent_sees_a_clean_environment(device):
    start(device, manifest=MANIFEST + "env: { MINE: given }\n",
          program="#!/usr/bin/python3 -u\nimport json, os, sys\nfor line in sys.stdin:\n"
                  "    print(json.dumps({'names': sorted(os.environ), 'mine': os.environ.get('MINE')}))\n")
    device.drop("a.in", "x")
    (row,) = device.wait_results(1)
    assert row["said"]["mine"] == "given"
    for name in row["said"]["names"]:
        assert name in ("PATH", "LANG", "MINE", "LC_CTYPE", "PWD") or name.startswith("EBB_"), name


def children_of(pid):
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/stat", "rb") as file:
                    fields = file.read().rsplit(b")", 1)[1].split()
            except OSError:
                continue
            if int(fields[1]) == pid:
                found.append(int(entry))
    return found


def test_no_agent_outlives_a_killed_daemon(device):
    start(device)
    device.drop("a.in", "fine")
    device.wait_results(1)
    children = children_of(device.daemon.pid)
    assert children, "there is an agent"
    device.kill()
    devices.until("its children are gone",
                  lambda: not any(os.path.exists(f"/proc/{child}") for child in children), 10)


def test_agent_run_calls_one_without_a_daemon(device):
    device.agent("odd", MANIFEST, odd=ODD)
    answer = devices.ebb("agent", "run", "odd", "--agents", device.agents, "--with", '{"text":"fine"}')
    assert answer.code == 0, answer
    assert json.loads(answer.out)["text"] == "fine"
    answer = devices.ebb("agent", "run", "odd", "--agents", device.agents, "--with", '{"text":"exit"}')
    assert answer.code == 11, answer
    answer = devices.ebb("agent", "run", "odder", "--agents", device.agents)
    assert answer.code == 3 and "odd" in answer.err, answer
