# SPDX-License-Identifier: Apache-2.0
"""The examples do what they say, also when the daemon is killed in the middle."""
import collections
import json
import shutil
import time

import pytest

import device as devices
from test_commands import corpus

TRIAGE = devices.ROOT / "examples" / "inbox-triage"


@pytest.fixture
def triage(device):
    """A device that runs inbox-triage with a model that was trained in a moment."""
    shutil.copytree(TRIAGE, device.folder / "triage", ignore=shutil.ignore_patterns("*.ebtm", "*.jsonl", "inbox"))
    device.workflows = device.folder / "triage"
    device.inbox = device.workflows / "inbox"
    device.inbox.mkdir()
    corpus(device.folder / "mails", 60)
    model = device.workflows / "agents" / "spam-lite" / "spam.ebtm"
    answer = devices.ebb("train", "text", device.folder / "mails", "--out", model)
    assert answer.code == 0, answer
    return device


def told(device):
    path = device.workflows / "agents" / "notify" / "notified.jsonl"
    return [json.loads(line)["file"] for line in path.read_text().splitlines()] if path.exists() else []


def drop(device, count):
    for number in range(count):
        bad = number % 2 == 0
        device.drop(f"{number}.eml", "win a free prize money now" if bad else "the project meeting report")


def test_the_bad_are_urgent_and_told_of_the_rest_is_normal(triage):
    triage.start()
    drop(triage, 10)
    triage.wait_results(10)
    lanes = collections.Counter((row["name"], row["lane"]) for row in triage.get("/v1/results?limit=50")["results"])
    assert lanes == {("spam", "urgent"): 5, ("verdict", "normal"): 5}
    assert sorted(told(triage)) == sorted(f"{number}.eml" for number in range(0, 10, 2))
    assert all(row["told"] for row in triage.results() if row["label"] == "spam")


def test_a_kill_while_somebody_is_told_neither_loses_nor_tells_twice(triage):
    notify = triage.workflows / "agents" / "notify" / "notify"
    notify.write_text(notify.read_text().replace("echo '{\"told\":true}'", "sleep 0.05; echo '{\"told\":true}'"))
    triage.start()
    drop(triage, 40)
    for _ in range(5):
        before = len(told(triage))
        devices.until("somebody is told", lambda before=before: len(told(triage)) > before)
        triage.kill()
        triage.start()
    found = triage.wait_results(40)
    time.sleep(1.2)
    found = triage.results()
    names = [row["file"] for row in found]
    assert sorted(names) == sorted(f"{number}.eml" for number in range(40)), "one result for each mail"
    times = collections.Counter(told(triage))
    assert max(times.values()) == 1, "nobody was told twice"
    for row in found:
        if row.get("told"):
            assert times[row["file"]] == 1, row
    unsure = [row["file"] for row in found if row["label"] == "spam" and not row["told"]]
    reports = [body for _, _, body in triage.records(2)]
    assert len(reports) == len(unsure) >= 1, "what was begun and is not known is reported, each once"
    assert all(report["step"] == "tell" for report in reports)


def test_too_warm_as_its_readme_says(ebb, tmp_path):
    answer = ebb("run", devices.ROOT / "examples" / "too-warm" / "too-warm.yaml", "--data", tmp_path,
                 stdin='{"room":"a1","t":-18}\n{"room":"a2","t":-9.5}\n')
    assert [line["result"]["t"] for line in answer.lines()] == [-9.5], answer
