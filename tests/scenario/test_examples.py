# SPDX-License-Identifier: Apache-2.0
"""The examples do what they say, also when the daemon is killed in the middle."""
import collections
import csv
import json
import os
import shutil
import subprocess
import sys
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


COLD_ROOM = devices.ROOT / "examples" / "cold-room"
SENSORS = devices.ROOT / "build" / "data" / "sensors" / "data" / "data.csv"
fetched = pytest.mark.skipif(not SENSORS.exists(), reason="the readings are not there: tools/fetch-npm sensors")


def python(*words, **more):
    return subprocess.run([sys.executable, "-B", *map(str, words)], capture_output=True, text=True, check=True,
                          timeout=120, **more).stdout


@pytest.fixture
def cold_room(device):
    """A device that runs cold-room; its inbox is the folder of readings."""
    device.workflows = device.folder / "cold-room"
    shutil.copytree(COLD_ROOM, device.workflows, ignore=shutil.ignore_patterns("readings", "__pycache__"))
    device.inbox = device.workflows / "readings"
    device.inbox.mkdir()
    return device


def test_the_recorded_day_is_what_its_script_makes(tmp_path):
    shutil.copy(COLD_ROOM / "make-day.py", tmp_path)
    python(tmp_path / "make-day.py")
    made = (tmp_path / "recorded-day.ndjson").read_bytes()
    assert made == (COLD_ROOM / "recorded-day.ndjson").read_bytes() and len(made) < 64 * 1024


@fetched
def test_the_table_is_what_training_makes_of_motes_1_and_3(tmp_path):
    said = python(COLD_ROOM / "train.py", SENSORS, "--out", tmp_path / "drift.json")
    assert (tmp_path / "drift.json").read_text() == (COLD_ROOM / "agents" / "drift" / "drift.json").read_text()
    readme = (COLD_ROOM / "README.md").read_text()
    assert "| 4 (never seen) | 5,041 | 32 | 27 | 5 | 0 |" in readme, "what the README says was measured"
    assert "mote 4 (never seen): 5,041 readings, 32 of anomalies: 27 found, 5 missed, 0 false alarms" in said
    assert "mote 2 (never seen): 4,417 readings, 0 of anomalies: 0 found, 0 missed, 0 false alarms" in said


def test_training_without_an_anomaly_is_refused(tmp_path):
    (tmp_path / "data.csv").write_text("reading,mote_id,indoor,humidity,temperature,label\n1,1,1,45,27,0\n")
    done = subprocess.run([sys.executable, "-B", COLD_ROOM / "train.py", tmp_path / "data.csv", "--train", "1"],
                          capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1 and "no anomaly" in done.stderr


@fetched
def test_the_anomalies_of_a_mote_that_training_never_saw_are_found_across_a_kill(cold_room):
    with open(SENSORS, encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["mote_id"] == "4" and 1500 < int(row["reading"]) <= 2600]
    labels = {int(row["reading"]): row["label"] == "1" for row in rows}
    cold_room.start()
    for row in rows:
        reading = {"sensor": "mote4", "number": int(row["reading"]), "t": float(row["temperature"]),
                   "rh": float(row["humidity"])}
        aside = cold_room.folder / "aside"
        aside.write_text(json.dumps(reading))
        os.utime(aside, (reading["number"] * 5, reading["number"] * 5))
        aside.rename(cold_room.inbox / f"mote4-{reading['number']:04}.json")
        if reading["number"] == 2380:  # in the middle of the anomaly
            cold_room.kill()
            cold_room.start()
    alarms = {"began": [], "over": []}
    found = cold_room.wait_results(len(labels) + 2)
    for row in found:
        if "score" not in row:
            alarms[row["anomaly"]].append(row["number"])
    verdicts = [row for row in found if "score" in row]
    assert sorted(row["number"] for row in verdicts) == sorted(labels), "each reading has one verdict"
    odd = {row["number"] for row in verdicts if row["anomaly"]}
    right = {number for number, label in labels.items() if label}
    assert len(odd & right) == 27 and not odd - right, (len(odd & right), sorted(odd - right))
    assert alarms == {"began": [min(odd)], "over": [max(odd) + 1]}
