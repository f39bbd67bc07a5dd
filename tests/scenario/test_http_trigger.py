# SPDX-License-Identifier: Apache-2.0
"""The trigger `http` with the real daemon: killed, flooded, given what is no event."""
import concurrent.futures
import contextlib
import http.client
import json
import os
import subprocess
import sys
import time

import pytest

import device as devices

READINGS = """\
ebb: 1
workflow: readings
trigger: { http: json }
durability: { runs: each, results: each }
results:
  - name: reading
    from:
      n: ${ .event.data.n }
      id: ${ .event.id }
"""
SLOW = READINGS.replace("results:\n  - name", """\
steps:
  - id: wait
    agent: wait
    with: {}
results:
  - name""", 1)
WAIT = "ebb: 1\nagent: wait\nversion: 1.0.0\nkind: process\ncommand: [./run]\nmode: once\n"
UNTIL_GO = "#!/bin/sh\nread line\nwhile [ ! -e go ]; do sleep 0.02; done\necho '{}'\n"
EVENTS = "/v1/workflows/readings/events"


def post(device, body, key=None, content_type="application/json", path=EVENTS):
    """Code, headers and text of an answer."""
    connection = devices._SocketConnection(str(device.socket), 20)
    headers = {"Content-Type": content_type} if content_type else {}
    if key is not None:
        headers["Idempotency-Key"] = key
    try:
        connection.request("POST", path, body=body if isinstance(body, (bytes, str)) else json.dumps(body),
                           headers=headers)
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read().decode()
    finally:
        connection.close()


def post_until_taken(device, body, key):
    """As a careful sender does: again, with the same key, while it is told to or hears nothing."""
    end = time.monotonic() + devices.PATIENCE
    while time.monotonic() < end:
        with contextlib.suppress(OSError, http.client.HTTPException):
            code, headers, text = post(device, body, key)
            if code in (200, 202):
                return code
            assert code in (409, 429, 503), text
            assert int(headers["Retry-After"]) >= 1
        time.sleep(0.02)
    raise devices.Waited(f"event {key} was never taken")


def test_what_was_answered_with_202_comes_once_after_a_kill(device):
    device.workflow("readings", SLOW)
    device.agent("wait", WAIT, run=UNTIL_GO)
    device.start()
    for n in range(10):
        code, _, text = post(device, {"n": n}, f"k{n}")
        assert (code, json.loads(text)) == (202, {"state": "taken"})
    assert device.results() == []
    device.kill()
    (device.agents / "wait" / "go").touch()
    device.start()
    rows = device.wait_results(10)
    assert sorted(row["n"] for row in rows) == list(range(10))
    for n in range(10):
        assert post(device, {"n": 99}, f"k{n}")[0] == 200
    device.kill()
    device.start()
    for n in range(10):
        assert post(device, {"n": 99}, f"k{n}")[0] == 200
    assert post(device, {"n": 10}, "k10")[0] == 202
    assert sorted(row["n"] for row in device.wait_results(11)) == list(range(11))


def test_two_hundred_at_once_are_all_taken_and_each_is_one_result(device):
    device.workflow("readings", READINGS)
    device.start()
    with concurrent.futures.ThreadPoolExecutor(200) as pool:
        codes = list(pool.map(lambda n: post_until_taken(device, {"n": n}, f"k{n}"), range(200)))
    assert set(codes) <= {200, 202}
    assert sorted(row["n"] for row in device.wait_results(200)) == list(range(200))
    assert len(device.results()) == 200


def test_kills_at_random_moments_lose_nothing_that_was_taken_and_repeat_nothing(device):
    device.workflow("readings", READINGS)
    device.start()
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        tasks = [pool.submit(post_until_taken, device, {"n": n}, f"k{n}") for n in range(120)]
        for pause in (0.05, 0.11, 0.02):
            time.sleep(pause)
            device.kill()
            device.start()
        for task in tasks:
            task.result()
    device.wait_results(120)
    assert sorted(row["n"] for row in device.results()) == list(range(120))


def test_a_body_of_ten_megabytes_is_too_large(device):
    device.workflow("readings", READINGS)
    device.start()
    code, _, text = post(device, b'"' + b"x" * (10 << 20) + b'"')
    assert code == 413
    assert json.loads(text)["error"]["class"] == "full"
    assert post(device, {"n": 1})[0] == 202


def test_what_is_no_event_is_said_to_be_none(device):
    device.workflow("readings", READINGS)
    device.start()
    for body, content_type, code, words in (
            ("{oops", "application/json", 400, "not JSON at 1:2"),
            ("", "application/json", 400, "the body is empty"),
            ("n=1", "application/x-www-form-urlencoded", 415, "this workflow takes application/json"),
            ("{}", "text/plain", 415, "this workflow takes application/json")):
        got, _, text = post(device, body, content_type=content_type)
        assert (got, words in text) == (code, True), text
    code, _, text = post(device, {}, path="/v1/workflows/reading/events")
    assert (code, "did you mean 'readings'?" in text) == (404, True), text


def test_a_full_queue_says_so_at_once_and_when_to_come_again(device):
    device.workflow("readings", SLOW.replace("http: json", "http: json, queue: { max: 2 }"))
    device.agent("wait", WAIT, run=UNTIL_GO)
    device.start()
    codes = [post(device, {"n": n})[0] for n in range(4)]
    assert codes == [202, 202, 202, 429]
    (device.agents / "wait" / "go").touch()
    assert sorted(row["n"] for row in device.wait_results(3)) == [0, 1, 2]


def test_the_group_of_the_socket_may_post_events_and_change_nothing(device):
    if os.geteuid() != 0:
        pytest.skip("another user is asked: not root here")
    device.workflow("readings", READINGS)
    device.start()
    os.chmod(device.socket, 0o666)
    script = ("import socket,sys,os\n"
              "os.setgid(65534); os.setuid(65534)\n"
              "s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1])\n"
              "s.sendall(f'POST {sys.argv[2]} HTTP/1.1\\r\\nHost: e\\r\\nConnection: close\\r\\n"
              "Content-Length: 2\\r\\n\\r\\n{{}}'.encode())\n"
              "print(s.recv(100).split()[1].decode())\n")
    folder = device.socket.parent
    while folder != folder.parent:
        os.chmod(folder, os.stat(folder).st_mode | 0o011)
        folder = folder.parent
    for path, code in ((EVENTS, "202"), ("/v1/workflows/readings/stop", "403")):
        said = subprocess.run([sys.executable, "-c", script, str(device.socket), path],
                              capture_output=True, text=True, check=True, timeout=devices.PATIENCE)
        assert said.stdout.strip() == code


def test_events_are_posted_from_the_command_line(device):
    device.workflow("readings", READINGS)
    device.start()
    assert device.cli("event", "post", "readings", "--data", '{"n":1}', "--key", "one").code == 0
    said = device.cli("event", "post", "readings", "--data", '{"n":2}', "--key", "one", "--json")
    assert (said.code, said.lines()) == (0, [{"state": "known"}])
    assert device.cli("event", "post", "readings", "-", stdin='{"n":3}').code == 0
    path = device.folder / "event.json"
    path.write_text('{"n":4}')
    assert device.cli("event", "post", "readings", "--file", path).code == 0
    said = device.cli("event", "post", "readings", "--data", "{", "--data", "{oops")
    assert said.code != 0
    assert "not JSON at 1:2" in said.err
    said = device.cli("event", "post", "readings", "--data", "x", "--text")
    assert said.code != 0
    assert "this workflow takes application/json" in said.err
    assert device.cli("event", "post", "readings").code != 0
    assert device.cli("event", "post", "readings", "--data", "1", "--key", "a\nb").code != 0
    assert sorted(row["n"] for row in device.wait_results(3)) == [1, 3, 4]
