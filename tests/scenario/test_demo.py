# SPDX-License-Identifier: Apache-2.0
"""`ebb demo` really kills its daemon, counts honestly, and leaves nothing behind."""
import json
import os
import pathlib
import shutil
import signal
import sqlite3
import subprocess

import pytest

import device as devices

READINGS = 864
PROGRAMS = ("ebb", "ebb-device", "ebb-jq", "ebb-launch")


@pytest.fixture
def installed(tmp_path):
    """ebb with its examples in share/, as it is installed, in a folder of this test's own."""
    (tmp_path / "build").mkdir()
    for name in PROGRAMS:
        shutil.copy(devices.BUILD / name, tmp_path / "build" / name)
    (tmp_path / "build" / "deb").symlink_to(devices.ROOT / "build" / "deb")  # a library that Debian 12 has not
    shutil.copytree(devices.ROOT / "examples" / "cold-room", tmp_path / "share" / "ebb" / "examples" / "cold-room",
                    ignore=shutil.ignore_patterns("readings", "__pycache__"))
    return tmp_path


def of_demo(folder):
    """Processes that have the folder in their words."""
    found = []
    for entry in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            if str(folder).encode() in (entry / "cmdline").read_bytes():
                found.append(int(entry.name))
        except OSError:
            pass
    return found


def test_nothing_is_lost_and_nothing_stays(tmp_path):
    answer = devices.ebb("demo", environment={"TMPDIR": str(tmp_path)})
    assert answer.code == 0, answer
    for words in (["readings", str(READINGS)], ["results", str(READINGS)], ["lost", "0"], ["doubled", "0"]):
        assert words in [line.split() for line in answer.out.splitlines()], answer
    assert answer.out.count("anomaly began") == 2 and answer.out.count("anomaly over") == 2, answer
    assert "SIGKILL" in answer.err and "ebb new agent" in answer.err
    assert os.listdir(tmp_path) == [] and of_demo(tmp_path) == []


def test_what_it_keeps_shows_the_kill_and_holds_what_it_says(tmp_path):
    home = tmp_path / "kept"
    answer = devices.ebb("demo", "--json", "--keep", home)
    assert answer.code == 0, answer
    said = json.loads(answer.out)
    assert (said["readings"], said["results"], said["lost"], said["doubled"]) == (READINGS, READINGS, 0, 0), said
    assert 0 < said["results_before_kill"] < READINGS, said
    assert said["alarms"] == 4, said
    with sqlite3.connect(f"file:{home}/data/ebb.db?mode=ro", uri=True) as database:
        rows = [json.loads(row[0]) for row in database.execute("SELECT result FROM workflow_results")]
    over = [(row["sensor"], row["number"]) for row in rows if row["anomaly"] == "over"]
    assert ("b2", 140) in over, "what was known before the kill was known after it"
    readings = [(row["sensor"], row["number"]) for row in rows if "score" in row]
    assert len(readings) == len(set(readings)) == READINGS
    log = (home / "daemon.log").read_text()
    assert log.count(" ready") == 2, "two daemons ran"
    assert log.count("runtime: ended") == 1, "the first had no time to say good-bye"
    again = devices.ebb("demo", "--keep", home)
    assert again.code != 0 and "neither" in again.err, again


@pytest.mark.parametrize("was, becomes, sentence", [
    ("  - name: reading\n", "  - name: reading\n    when: $reading.number != 100\n", "3 readings have no result, 0 "),
    ("number: ${ $reading.number }\n      t: ${ $reading.t }\n      rh: ${ $reading.rh }\n      score",
     "number: ${ if $reading.number == 7 then 8 else $reading.number end }\n      t: ${ $reading.t }\n"
     "      rh: ${ $reading.rh }\n      score", "3 readings have no result, 3 "),
], ids=["lost", "doubled"])
def test_a_planted_loss_is_caught(installed, was, becomes, sentence):
    workflow = installed / "share" / "ebb" / "examples" / "cold-room" / "cold-room.yaml"
    text = workflow.read_text()
    assert text.count(was) == 1
    workflow.write_text(text.replace(was, becomes))
    answer = devices.ebb("demo", program=installed / "build" / "ebb", environment={"TMPDIR": "/tmp"})
    assert answer.code != 0 and sentence in answer.err, answer


def test_an_example_with_faults_is_said_to_have_them(installed):
    workflow = installed / "share" / "ebb" / "examples" / "cold-room" / "cold-room.yaml"
    workflow.write_text(workflow.read_text().replace("drift@^1", "drift@^7"))
    answer = devices.ebb("demo", program=installed / "build" / "ebb", environment={"TMPDIR": "/tmp"})
    assert answer.code == 2 and "does not run" in answer.err and "drift" in answer.err, answer


def test_ctrl_c_leaves_nothing(tmp_path):
    child = subprocess.Popen([devices.EBB, "demo"], env=devices.clean_environment({"TMPDIR": str(tmp_path)}),
                             stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                             start_new_session=True)
    try:
        assert child.stderr.readline().startswith(b"1."), "it has begun"
        assert of_demo(tmp_path)
        child.send_signal(signal.SIGINT)
        _, said = child.communicate(timeout=devices.PATIENCE)
    finally:
        devices.kill_group(child)
    assert child.returncode == 130 and b"interrupted" in said
    assert os.listdir(tmp_path) == []
    devices.until("its daemon and agent are gone", lambda: of_demo(tmp_path) == [])


def test_without_python_it_says_so(tmp_path):
    answer = devices.ebb("demo", environment={"PATH": str(tmp_path), "TMPDIR": str(tmp_path)})
    assert answer.code != 0 and "python3" in answer.err and "install" in answer.err, answer
    assert os.listdir(tmp_path) == []


def test_without_the_example_it_says_where_it_looked(installed):
    shutil.rmtree(installed / "share")
    answer = devices.ebb("demo", program=installed / "build" / "ebb")
    assert answer.code != 0 and "share/ebb/examples/cold-room" in answer.err, answer
