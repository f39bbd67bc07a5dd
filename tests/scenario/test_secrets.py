# SPDX-License-Identifier: Apache-2.0
"""Secrets: written by their owner, read when used, seen nowhere else."""
import os
import pty
import stat
import subprocess

import device as devices

WORD = "correct-horse-battery"
AGENT = """\
ebb: 1
agent: knock
version: 1.0.0
kind: process
command: [./knock.sh]
mode: once
env: { KEY: "secret:desk-key", PLAIN: seen }
outputs: { length: number, plain: string }
"""
SCRIPT = """#!/bin/sh
cat > /dev/null
printf '{"length":%d,"plain":"%s"}' "${#KEY}" "$PLAIN"
"""
WORKFLOW = """\
ebb: 1
workflow: doors
trigger: { watch: { path: INBOX } }
durability: { runs: each, results: each }
steps:
  - id: knock
    agent: knock
    with: { name: "${ .event.name }" }
results:
  - name: out
    from: { length: "${ .steps.knock.length }", plain: "${ .steps.knock.plain }" }
"""


def begin(device, secret=WORD, mode=0o600, **environment):
    """A device whose agent wants the secret; its file has that mode, None: there is none."""
    device.agent("knock", AGENT, knock__sh=SCRIPT)
    device.workflow("doors", WORKFLOW)
    config = device.folder / "device.yaml"
    config.write_text("ebb: 1\n")
    if secret is not None:
        folder = device.folder / "secrets"
        folder.mkdir()
        (folder / "desk-key").write_text(secret + "\n")
        (folder / "desk-key").chmod(mode)
    device.start("--config", config, "--agents", device.agents, "--log", "debug", environment=environment)
    device.drop("a")


def failure(device):
    return devices.until("a failure", lambda: [row for row in device.get("/v1/results?limit=10")["results"]
                                               if row.get("name") == "failure"])[0]["result"]["text"]


def test_an_agent_is_given_a_secret_and_nobody_else(device):
    begin(device)
    assert device.wait_results(1) == [{"length": len(WORD), "plain": "seen"}]
    for path in ("/v1/status", "/v1/agents", "/v1/agents/knock", "/v1/workflows/doors", "/v1/runs", "/v1/results", "/metrics"):
        status, body = device.ask("GET", path)[:2]
        assert WORD not in str(body), (path, status)
    device.kill()
    for folder, _, names in os.walk(device.data):
        for name in names:
            path = os.path.join(folder, name)
            if stat.S_ISREG(os.stat(path).st_mode):
                with open(path, "rb") as file:
                    assert WORD.encode() not in file.read(), path
    assert WORD not in device.log()


def test_a_missing_secret_fails_the_step_and_says_what_to_type(device):
    begin(device, secret=None)
    sentence = f"no secret 'desk-key': `ebb secret set desk-key --folder {device.folder}/secrets`"
    assert sentence in failure(device)
    answer = devices.ebb("secret", "set", "desk-key", "--folder", device.folder / "secrets", stdin=WORD)
    assert (answer.code, answer.out) == (0, ""), answer
    device.drop("b")
    assert device.wait_results(1) == [{"length": len(WORD), "plain": "seen"}], "it is read when it is used"


def test_a_secret_that_others_may_read_is_refused(device):
    begin(device, mode=0o640)
    text = failure(device)
    assert "secret 'desk-key' is readable by others: chmod 600" in text and WORD not in text, text


def test_a_credential_of_systemd_is_taken(device):
    credentials = device.folder / "credentials"
    credentials.mkdir()
    (credentials / "desk-key").write_text("of-systemd")
    (credentials / "desk-key").chmod(0o400)
    begin(device, secret=None, CREDENTIALS_DIRECTORY=str(credentials))
    assert device.wait_results(1) == [{"length": len("of-systemd"), "plain": "seen"}]


def test_set_list_and_rm(ebb, tmp_path):
    where = ("--folder", tmp_path / "secrets")
    answer = ebb("secret", "list", *where)
    assert answer.code == 0 and answer.out == "" and "no secrets" in answer.err, answer
    assert ebb("secret", "set", "desk-key", *where, stdin=WORD + "\n").code == 0
    path = tmp_path / "secrets" / "desk-key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600 and stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    (path.parent / "open").write_text("x")
    (path.parent / "open").chmod(0o644)
    answer = ebb("secret", "list", *where, "--json")
    assert [(row["name"], row["state"]) for row in answer.lines()] == [("desk-key", "fine"), ("open", "readable by others")]
    assert WORD not in answer.out + ebb("secret", "list", *where).out
    assert ebb("secret", "rm", "desk-key", *where, "--dry-run").code == 0 and path.exists()
    assert ebb("secret", "rm", "desk-key", *where).code == 0 and not path.exists()
    assert ebb("secret", "rm", "desk-key", *where).code == 3


def test_what_is_no_secret_is_refused(ebb, tmp_path):
    where = ("--folder", tmp_path / "secrets")
    cases = {
        ("desk-key", WORD): (None, "one too many"),
        ("Desk",): (WORD, "Desk"),
        ("secret:desk",): (WORD, "the name alone: desk"),
        ("desk",): ("", "1 to 65536 bytes, not 0"),
        ("large",): ("x" * 70000, "1 to 65536 bytes"),
    }
    for words, (stdin, sentence) in cases.items():
        answer = ebb("secret", "set", *words, *where, stdin=stdin)
        assert answer.code == 2 and sentence in answer.err, (words, answer)
        assert not (tmp_path / "secrets").exists()


def test_what_is_typed_is_not_shown(tmp_path):
    ours, theirs = pty.openpty()
    child = subprocess.Popen([devices.EBB, "secret", "set", "desk-key", "--folder", tmp_path / "secrets"], stdin=theirs,
                             stdout=theirs, stderr=theirs, start_new_session=True, env=devices.clean_environment())
    os.close(theirs)
    shown = b""
    while b": " not in shown:
        shown += os.read(ours, 1000)
    os.write(ours, WORD.encode() + b"\n")
    try:
        while True:
            shown += os.read(ours, 1000)
    except OSError:  # the other side is closed
        pass
    assert child.wait(timeout=devices.PATIENCE) == 0, shown
    os.close(ours)
    assert WORD.encode() not in shown and shown.startswith(b"secret desk-key: "), shown
    assert (tmp_path / "secrets" / "desk-key").read_text().rstrip("\n") == WORD


def test_a_secret_in_an_argument_or_a_value_is_refused(ebb, device):
    device.agent("knock", AGENT.replace("[./knock.sh]", '[./knock.sh, "secret:desk-key"]'), knock__sh=SCRIPT)
    answer = ebb("check", device.agents / "knock" / "agent.yaml")
    assert answer.code == 2 and ":5:24: `secret:desk-key`: everybody on this machine sees the arguments" in answer.out, answer
    device.agent("knock", AGENT, knock__sh=SCRIPT)
    path = device.workflow("doors", WORKFLOW.replace('"${ .event.name }"', '"secret:desk-key"'))
    answer = ebb("check", path, "--agents", device.agents)
    assert answer.code == 2 and "a secret stands in sources, destinations and agents' settings" in answer.out, answer
