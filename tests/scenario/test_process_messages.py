# SPDX-License-Identifier: Apache-2.0
"""Process agents that speak `messages`: several requests at once, late, cancelled, lost, drained; in Python and in C."""
import json
import shutil
import subprocess
import time

import pytest

import device as devices

HELPERS = devices.ROOT / "helpers"
MANIFEST = """\
ebb: 1
agent: odd
version: 1.0.0
kind: process
command: [COMMAND]
protocol: messages
settings: { greeting: hello }
"""
WORKFLOW = """\
ebb: 1
workflow: odd
trigger:
  watch: { path: INBOX, glob: "*.in", text: true }
concurrency: 8
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

# What the text of an event makes the agents do. Anything else is answered at once.
PYTHON = """\
import os, threading, time
import ebb_agent

three = threading.Barrier(3)

@ebb_agent.agent
def answer(inputs, call):
    text = inputs["text"]
    if text == "slow":
        while not call.cancelled:
            time.sleep(0.01)
        ebb_agent.log("cancelled " + call.key)
    if text == "offline":
        raise ebb_agent.Error("denied", "the door is locked")
    if text == "together":
        three.wait(30)
    if text == "crash together":
        if three.wait(30) == 0:
            os._exit(3)
        time.sleep(60)
    ebb_agent.count("answers")
    ebb_agent.gauge("length", len(text))
    print("printed", text)
    ebb_agent.log(f"answered {text}", "warn")
    return {"text": text, "pid": os.getpid(), "greeting": ebb_agent.settings["greeting"]}

def drain():
    open("drained", "w").write("whole")

ebb_agent.run(drain=drain, threads=4)
"""
C = """\
#include "ebb_agent.h"

static int answer(struct ebb_call *call, void *owner) {
    char text[256], greeting[16];
    (void)owner;
    (void)ebb_text(call->inputs, "text", text, sizeof text);
    (void)ebb_text(call->settings, "greeting", greeting, sizeof greeting);
    if (strcmp(text, "slow") == 0) {
        while (!ebb_cancelled(call)) {
            (void)poll(NULL, 0, 10);
        }
        ebb_log("info", "cancelled %s", call->key);
    }
    if (strcmp(text, "offline") == 0) {
        return ebb_fail(call, "denied", "the door is locked");
    }
    ebb_count("answers", 1);
    ebb_gauge("length", (double)strlen(text));
    printf("printed %s\\n", text);
    ebb_log("warn", "answered %s", text);
    ebb_out_text(call, "text", text);
    ebb_out_number(call, "pid", (double)getpid());
    ebb_out_text(call, "greeting", greeting);
    return 0;
}

int main(void) {
    const int code = ebb_run(answer, NULL);
    FILE *file = fopen("drained", "w");
    if (file != NULL) {
        (void)fputs("whole", file);
        (void)fclose(file);
    }
    return code;
}
"""
# Says what it should not, without a helper.
RAW = """#!/usr/bin/python3 -u
import json, os, sys, time
hello = json.loads(sys.stdin.readline())
print(json.dumps(READY))
for line in sys.stdin:
    request = json.loads(line)
    if "id" not in request or request["with"]["text"] == "deaf":
        continue
    if request["with"]["text"] == "garbage":
        print("epoch 3 of 10: loss 0.1")
        continue
    print(json.dumps({"id": request["id"], "out": {"text": request["with"]["text"], "pid": os.getpid()}}))
"""


def start(device, language, **more):
    if language == "c":
        folder = device.agent("odd", MANIFEST.replace("COMMAND", "./odd"), odd__c=C)
        shutil.copy(HELPERS / "c" / "ebb_agent.h", folder)
        subprocess.run(["cc", "-o", folder / "odd", folder / "odd.c", "-lm"], check=True)
    elif language == "python":
        folder = device.agent("odd", MANIFEST.replace("COMMAND", "/usr/bin/python3, odd.py"), odd__py=PYTHON)
        shutil.copy(HELPERS / "python" / "ebb_agent.py", folder)
    else:
        ready = more.get("ready", '{"ebb": 1, "ready": True}')
        folder = device.agent("odd", MANIFEST.replace("COMMAND", "./odd"), odd=RAW.replace("READY", ready))
    device.workflow("odd", WORKFLOW)
    device.start()
    return folder


def drop(device, *texts):
    for text in texts:
        device.drop(f"{time.monotonic_ns()}.in", text)


def failures(device, count):
    devices.until(f"{count} failures", lambda: len(device.records(2)) >= count)
    return [body for _, _, body in device.records(2)]


def said(device, count):
    return [row["said"] for row in device.wait_results(count)]


def late(device):
    return device.get("/v1/agents/odd")["late_answers"]


@pytest.mark.parametrize("language", ["python", "c"])
def test_answers_errors_logs_and_metrics(device, language):
    start(device, language)
    drop(device, "fine", "good", "better")
    found = said(device, 3)
    assert sorted(row["text"] for row in found) == ["better", "fine", "good"]
    assert {row["greeting"] for row in found} == {"hello"} and len({row["pid"] for row in found}) == 1
    drop(device, "offline")
    (failure,) = failures(device, 1)
    assert failure["class"] == "denied" and "the door is locked" in failure["text"]
    devices.until("the log", lambda: "warn  agents: agent=odd answered better" in device.log())
    devices.until("what was printed", lambda: "agent=odd printed good" in device.log())
    label = 'ebb_agent_metric{agent="odd",version="1.0.0",name="%s"} %s\n'
    metrics = device.ask("GET", "/metrics")[1]
    assert label % ("answers", 3) in metrics, metrics
    assert 'name="length"}' in metrics and "# TYPE ebb_agent_metric untyped" in metrics
    assert device.get("/v1/agents/odd")["restarts"] == 0


def test_three_requests_are_under_way_in_one_process(device):
    start(device, "python")
    drop(device, "together", "together", "together")
    assert len({row["pid"] for row in said(device, 3)}) == 1


@pytest.mark.parametrize("language", ["python", "c"])
def test_a_late_request_is_cancelled_and_its_late_answer_dropped(device, language):
    start(device, language)
    drop(device, "fine")
    (first,) = said(device, 1)
    drop(device, "slow")
    (failure,) = failures(device, 1)
    assert failure["class"] == "timeout" and "in time" in failure["text"]
    devices.until("the late answer", lambda: late(device) == 1)
    assert "agent=odd cancelled" in device.log()
    drop(device, "after")
    assert said(device, 2)[-1] == {"text": "after", "pid": first["pid"], "greeting": "hello"}
    assert device.get("/v1/agents/odd")["restarts"] == 0


def test_a_process_that_does_not_answer_cancel_is_killed(device):
    start(device, "raw")
    drop(device, "fine")
    (first,) = said(device, 1)
    drop(device, "deaf")
    assert failures(device, 1)[0]["class"] == "timeout"
    devices.until("it is killed", lambda: "did not answer `cancel` of request 2 within 2000 ms" in device.log())
    drop(device, "after")
    assert said(device, 2)[-1]["pid"] != first["pid"]
    assert device.get("/v1/agents/odd")["restarts"] == 1


def test_a_crash_fails_the_three_that_were_under_way_and_no_other(device):
    start(device, "python")
    drop(device, "fine")
    said(device, 1)
    drop(device, "crash together", "crash together", "crash together")
    found = failures(device, 3)
    assert [failure["class"] for failure in found] == ["crash"] * 3
    assert all("exit code 3" in failure["text"] for failure in found)
    drop(device, "after")
    assert said(device, 2)[-1]["text"] == "after"
    assert len(device.records(2)) == 3


def test_a_newer_protocol_is_refused_by_both_versions(device):
    start(device, "raw", ready='{"ebb": 2, "ready": True}')
    drop(device, "fine")
    (failure,) = failures(device, 1)
    assert failure["class"] == "invalid"
    assert "speaks version 2 of the protocol, this ebb speaks version 1" in failure["text"]


def test_a_line_that_is_no_json_is_quoted_and_ends_the_process(device):
    start(device, "raw")
    drop(device, "garbage")
    (failure,) = failures(device, 1)
    assert failure["class"] == "invalid" and "epoch 3 of 10: loss 0.1" in failure["text"]
    drop(device, "after")
    assert said(device, 1)[-1]["text"] == "after"


@pytest.mark.parametrize("language", ["python", "c"])
def test_it_is_told_before_the_daemon_ends(device, language):
    folder = start(device, language)
    drop(device, "fine")
    said(device, 1)
    assert not (folder / "drained").exists()
    assert device.stop() == 0
    assert (folder / "drained").read_text() == "whole"
    assert "killed" not in device.log()


def test_settings_may_hold_secrets(device):
    folder = start(device, "python")
    device.stop()
    manifest = folder / "agent.yaml"
    manifest.write_text(manifest.read_text().replace("greeting: hello", "greeting: secret:word"))
    words = ("agent", "run", "odd", "--agents", device.agents, "--with", '{"text":"fine"}')
    environment = {"EBB__SECRETS__PATH": str(device.folder / "secrets")}
    answer = devices.ebb(*words, environment=environment)
    assert answer.code == 3 and "the settings of agent 'odd': no secret 'word'" in answer.err, answer
    assert devices.ebb("secret", "set", "word", environment=environment, stdin="open sesame\n").code == 0
    answer = devices.ebb(*words, environment=environment)
    assert json.loads(answer.out)["greeting"] == "open sesame", answer


def test_it_is_told_when_a_reload_has_another_version(device):
    folder = start(device, "python")
    drop(device, "fine")
    (first,) = said(device, 1)
    manifest = folder / "agent.yaml"
    manifest.write_text(manifest.read_text().replace("1.0.0", "1.1.0"))
    assert device.ask("POST", "/v1/reload")[0] == 200
    devices.until("the old one is drained", lambda: (folder / "drained").exists())
    drop(device, "after")
    second = said(device, 2)[-1]
    assert second["text"] == "after" and second["pid"] != first["pid"]


def test_an_agent_that_is_asked_once_at_a_desk_is_told_too(device):
    folder = start(device, "python")
    answer = devices.ebb("agent", "run", "odd", "--agents", device.agents, "--with", json.dumps({"text": "fine"}))
    assert answer.code == 0 and json.loads(answer.out)["text"] == "fine", answer
    assert (folder / "drained").read_text() == "whole"
