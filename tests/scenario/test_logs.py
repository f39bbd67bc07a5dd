# SPDX-License-Identifier: Apache-2.0
"""`ebb logs` shows what the daemon said, and goes on with what it says, also across a restart."""
import json
import signal
import subprocess
import threading

import pytest

import device as devices

FAILING = """ebb: 1
workflow: NAME
trigger: { watch: { path: INBOX, glob: "NAME-*" } }
steps:
  - id: look
    agent: broken
results:
  - name: out
    from: { x: 1 }
"""
BROKEN = "ebb: 1\nagent: broken\nversion: 1.0.0\nkind: process\ncommand: [sh, -c, 'exit 3']\nmode: once\n"


@pytest.fixture
def failing(device):
    """Two workflows of which each event fails, and each failure is a line of the log."""
    device.inbox.mkdir(exist_ok=True)
    device.agent("broken", BROKEN)
    for name in ("one", "two"):
        device.workflow(name, FAILING.replace("NAME", name))
    device.start()
    return device


def lines(device, *words):
    answer = device.cli("logs", *words, "--json")
    assert answer.code == 0, answer
    return answer.lines()


def fail_once(device, name, number):
    before = len(lines(device, "-n", 1000))
    device.drop(f"{name}-{number}")
    devices.until("the failure is logged", lambda: len(lines(device, "-n", 1000)) > before)


class Following:
    """`ebb logs -f`, and what it has said so far."""

    def __init__(self, device, *words):
        self.out, self.err = [], []
        self.child = subprocess.Popen([devices.EBB, "logs", "-f", "--socket", device.socket, *words], text=True,
                                      env=devices.clean_environment(), stdin=subprocess.DEVNULL,
                                      stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)
        self.threads = [threading.Thread(target=self.read, args=pair, daemon=True)
                        for pair in ((self.child.stdout, self.out), (self.child.stderr, self.err))]
        for thread in self.threads:
            thread.start()

    @staticmethod
    def read(stream, into):
        for line in stream:
            into.append(line)

    def wait_for(self, text, stream="out"):
        devices.until(f"it says {text}", lambda: any(text in line for line in getattr(self, stream)))

    def close(self):
        self.child.send_signal(signal.SIGINT)
        self.child.wait(devices.PATIENCE)


@pytest.fixture
def follow():
    """Starts to follow; ends with the test."""
    ones = []

    def start(device, *words):
        ones.append(Following(device, *words))
        return ones[-1]

    yield start
    for one in ones:
        devices.kill_group(one.child)
        one.child.wait()


def test_lines_come_as_they_were_written(failing):
    fail_once(failing, "one", 1)
    shown = failing.cli("logs").out.splitlines()
    assert shown == failing.log().splitlines(), "the same lines, in the same words"
    last = lines(failing)[-1]
    assert last["level"] == "warn" and "workflow=one" in last["text"] and last["room"] == "runtime", last


def test_filters_by_workflow_level_and_number(failing):
    for number in range(3):
        fail_once(failing, "one", number)
        fail_once(failing, "two", number)
    assert len(lines(failing, "--workflow", "two")) == 3
    assert all("workflow=two" in line["text"] for line in lines(failing, "--workflow", "two"))
    assert [line["level"] for line in lines(failing, "--level", "warn")] == ["warn"] * 6
    assert lines(failing, "--level", "error") == []
    assert lines(failing, "-n", 2) == lines(failing)[-2:]
    assert lines(failing, "--lines", "1", "--workflow", "one") == lines(failing, "--workflow", "one")[-1:]


def test_follow_shows_what_comes_and_goes_on_after_a_restart(failing, follow):
    one = follow(failing, "--workflow", "one")
    fail_once(failing, "two", 1)
    fail_once(failing, "one", 1)
    one.wait_for("workflow=one")
    failing.kill()
    one.wait_for("away", "err")
    failing.start()
    one.wait_for("started again", "err")
    before = len(one.out)
    fail_once(failing, "one", 2)
    devices.until("the new line is there", lambda: len(one.out) > before)
    one.close()
    assert not any("workflow=two" in line for line in one.out)
    assert len(one.out) == 2, "no line twice"


def test_follow_loses_no_line_of_a_flood(failing, follow):
    one = follow(failing, "--json", "-n", "1")
    devices.until("it follows", lambda: one.out)
    for number in range(200):
        failing.drop(f"two-{number}")
    devices.until("all have failed", lambda: failing.counts("two")["failures"] == 200)
    devices.until("all were shown", lambda: sum("workflow=two" in line for line in one.out) >= 200)
    one.close()
    numbers = [json.loads(line)["number"] for line in one.out]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers))), "one after another"


def test_bad_words_get_a_sentence(failing):
    for words, sentence in ((("--level", "loud"), "debug, info, warn or error"), (("-n", "0"), "1"),
                            (("--workflow", "No Name"), "cannot be the name"), (("-x",), "written out")):
        answer = failing.cli("logs", *words)
        assert answer.code == 2 and sentence in answer.err, answer
    assert failing.ask("GET", "/v1/logs?level=loud")[0] == 400
    assert failing.ask("GET", "/v1/logs?after=-1")[0] == 400
    assert failing.ask("POST", "/v1/logs")[0] == 405


def test_without_a_daemon_it_says_where_to_look(tmp_path):
    answer = devices.ebb("logs", "--socket", tmp_path / "none.sock")
    assert answer.code != 0 and "journalctl -u ebb" in answer.err and answer.out == "", answer
