# SPDX-License-Identifier: Apache-2.0
"""The daemon under what happens to daemons: killed, started twice, out of disk, on a damaged database, without
a clock. What was acknowledged is there afterwards."""
import os
import pathlib
import random
import shutil
import signal
import sqlite3
import subprocess
import time

import pytest

import device as devices

WORKFLOW = """\
ebb: 1
workflow: mail
trigger:
  watch: { path: INBOX, glob: "*.eml", text: true, after: keep }
durability: { runs: each, results: each }
results:
  - name: seen
    from:
      name: ${ .event.name }
"""

SLOW = """\
ebb: 1
workflow: slow
trigger:
  watch: { path: INBOX, glob: "*.slow", text: true }
durability: { runs: each, results: each }
steps:
  - id: think
    agent: think
    with: {}
    timeout: 30s
results:
  - name: out
    from:
      name: ${ .event.name }
"""
DAMAGES = int(os.environ.get("EBB_DAMAGES", "12"))
THINK = "ebb: 1\nagent: think\nversion: 1.0.0\nkind: jq\nfilter: '[range(1e12)] | length'\n"


def names(device, workflow=None):
    return sorted(row["name"] for row in device.results(workflow))


def test_others_cannot_read_what_is_kept(device):
    """Results and whole mails lie in the data folder: it is for the daemon's user and group."""
    device.data.rmdir()
    device.workflow("mail", WORKFLOW)
    device.start(prefix=["sh", "-c", 'umask 000; exec "$@"', "sh"])
    device.drop("a.eml")
    device.wait_results(1)
    modes = {name: (device.data / name).stat().st_mode & 0o777
             for name in (".", "ebb.db", "ebb.db-wal", "ebb.db-shm", "lock")}
    assert modes["."] == 0o750, modes
    assert all(modes[name] == 0o640 for name in ("ebb.db", "ebb.db-wal", "ebb.db-shm")), modes
    assert modes["lock"] & 0o007 == 0, modes
    for place, _, files in os.walk(device.data):
        others = [name for name in files if os.stat(os.path.join(place, name)).st_mode & 0o007]
        assert not others, (place, others)
    assert device.socket.stat().st_mode & 0o777 == 0o660


def test_a_second_daemon_on_one_folder_is_refused(device, tmp_path):
    device.workflow("mail", WORKFLOW)
    device.start()
    answer = devices.ebb("serve", "--data", device.data, "--workflows", device.workflows,
                         "--socket", tmp_path / "other.sock")
    assert answer.code == 6, answer
    assert str(device.data) in answer.err and str(device.daemon.pid) in answer.err, answer
    device.drop("a.eml")
    device.wait_results(1)


def test_a_second_daemon_on_one_socket_is_refused(device, tmp_path):
    device.workflow("mail", WORKFLOW)
    device.start()
    answer = devices.ebb("serve", "--data", tmp_path / "other", "--socket", device.socket)
    assert answer.code == 6, answer
    assert device.ask("GET", "/healthz")[0] == 200


def test_a_socket_that_a_killed_daemon_left_is_taken_over(device):
    device.workflow("mail", WORKFLOW)
    device.start()
    device.kill()
    assert device.socket.exists()
    device.start()
    assert device.stop() == 0
    assert not device.socket.exists()


def test_sigterm_ends_it_well_and_what_waited_is_done_later(device):
    device.workflow("mail", WORKFLOW)
    device.start()
    for number in range(300):
        device.drop(f"{number}.eml")
    assert device.stop() == 0, device.log()
    device.start()
    device.wait_results(300)
    assert len(set(names(device))) == 300 == len(names(device))


def test_a_kill_in_the_middle_loses_and_doubles_nothing(device):
    device.workflow("mail", WORKFLOW)
    device.start()
    for number in range(400):
        device.drop(f"{number}.eml")
    device.wait_results(50)
    acknowledged = {row["id"] for row in device.get("/v1/results?limit=1000")["results"]}
    device.kill()
    device.start()
    device.wait_results(400)
    time.sleep(1.2)
    assert len(set(names(device))) == 400 == len(names(device))
    assert acknowledged <= {row[0] for row in device.rows("SELECT id FROM workflow_results")}


def test_a_step_that_must_not_be_repeated_is_reported_after_a_kill(device):
    """It was begun, so nobody knows whether it acted: it is not done again, and that is said."""
    marks = device.folder / "acted"
    device.agent("act", "ebb: 1\nagent: act\nversion: 1.0.0\nkind: process\ncommand: [./act]\n"
                        f"env: {{ MARKS: '{marks}' }}\n",
                 act="#!/bin/sh\nwhile read -r line; do echo x >> \"$MARKS\"; sleep 60; echo '{}'; done\n")
    device.workflow("act", """\
ebb: 1
workflow: act
trigger:
  watch: { path: INBOX, glob: "*.act" }
durability: { runs: each, results: each }
steps:
  - id: act
    agent: act
    with: {}
    repeat: never
    timeout: 100s
    on_error: { skip: step }
results:
  - name: out
    from:
      name: ${ .event.name }
      did: ${ .steps.act }
""")
    device.start()
    device.drop("a.act")
    devices.until("it acts", marks.exists)
    device.kill()
    device.start()
    assert device.wait_results(1) == [{"name": "a.act", "did": None}]
    time.sleep(0.5)
    assert marks.read_text() == "x\n", "it acted once"
    ((_, lane, report),) = device.records(2)
    assert report["step"] == "act" and lane == 3, report
    assert "begun" in report["text"] or "began" in report["text"], report


def test_a_step_whose_time_is_up_does_not_act_after_a_restart(device):
    marks = device.folder / "acted"
    device.agent("act", "ebb: 1\nagent: act\nversion: 1.0.0\nkind: process\ncommand: [./act]\n"
                        f"env: {{ MARKS: '{marks}' }}\n",
                 act="#!/bin/sh\nwhile read -r line; do echo x >> \"$MARKS\"; echo '{}'; done\n")
    device.workflow("late", """\
ebb: 1
workflow: late
trigger:
  watch: { path: INBOX, glob: "*.late" }
durability: { runs: each, results: each }
steps:
  - id: act
    agent: act
    with: {}
    expires: 1s
    on_error: { skip: step }
results:
  - name: out
    from:
      name: ${ .event.name }
""")
    device.drop("old.late")
    time.sleep(1.5)
    device.start()
    devices.until("it is reported", lambda: device.records(2))
    assert "expire" in device.records(2)[0][2]["text"] or device.records(2)[0][2]["class"] == "timeout"
    assert not marks.exists()


def test_an_event_that_ends_the_daemon_is_parked_at_the_third_time(device):
    device.agent("think", THINK)
    device.workflow("slow", SLOW)
    device.workflow("mail", WORKFLOW)
    device.drop("bad.slow")
    for _ in range(3):
        device.start()
        devices.until("it is being worked on", lambda: device.counts("slow")["running"] == 1)
        time.sleep(0.2)
        device.kill()
    device.start()
    devices.until("it is parked", lambda: device.get("/v1/runs?parked=1")["runs"])
    (run,) = device.get("/v1/runs?parked=1")["runs"]
    assert (run["workflow"], run["state"], run["recoveries"]) == ("slow", "parked", 3)
    assert [lane for _, lane, _ in device.records(4) + device.records(2) if lane == 0], "it is reported"
    device.drop("good.eml")
    device.wait_results(1, "mail")
    listed = device.cli("runs", "list", "--parked")
    assert listed.code == 0 and run["id"] in listed.out
    resumed = device.cli("runs", "resume", run["id"])
    assert resumed.code == 0, resumed
    devices.until("it has failed by itself", lambda: device.records(2), patience=60)
    assert not device.get("/v1/runs?parked=1")["runs"]


# --- disks ------------------------------------------------------------------------------------------

def fill_up(path):
    """Writes into a file until nothing more fits."""
    with open(path, "wb", buffering=0) as file:
        try:
            while True:
                file.write(b"x" * 65536)
        except OSError:
            pass


def test_a_full_disk_holds_events_back_and_loses_nothing(device, small_disk):
    """What the store has in reserve is used up, events wait where they come from; with room again all are done."""
    disk = small_disk("32m")
    device.data = disk / "data"
    device.workflow("mail", WORKFLOW + "      text: ${ .event.text }\n")
    device.start()
    for number in range(20):
        device.drop(f"before{number}.eml")
    device.wait_results(20)
    fill_up(disk / "filler")
    count = 1500
    for number in range(count):
        device.drop(f"{number}.eml", b"x" * 20_000)
    devices.until("it says that the disk is full", lambda: device.get("/v1/status")["store"]["full"])
    assert "full" in device.cli("status").out
    held = device.get("/v1/results?limit=1000")["results"]
    there = {row[0] for row in device.rows("SELECT id FROM workflow_results")}
    assert {row["id"] for row in held if row["kind"] == "result"} <= there
    assert 20 <= len(there) < count + 20
    assert device.counts("mail")["dropped"] == 0
    (disk / "filler").unlink()
    fill_up(disk / "smaller")  # and once more, from another side
    time.sleep(0.5)
    (disk / "smaller").unlink()
    subprocess.run(["mount", "-o", "remount,size=96m", disk], check=True)
    device.wait_results(count + 20, patience=90)
    assert len(set(names(device))) == count + 20 == len(names(device))
    assert there <= {row[0] for row in device.rows("SELECT id FROM workflow_results")}
    assert not device.get("/v1/status")["store"]["full"]


def test_a_kill_on_a_full_disk_loses_nothing(device, small_disk):
    disk = small_disk("32m")
    device.data = disk / "data"
    device.workflow("mail", WORKFLOW + "      text: ${ .event.text }\n")
    device.start()
    fill_up(disk / "filler")
    count = 900
    for number in range(count):
        device.drop(f"{number}.eml", b"x" * 20_000)
    devices.until("it says that the disk is full", lambda: device.get("/v1/status")["store"]["full"])
    there = {row[0] for row in device.rows("SELECT id FROM workflow_results")}
    device.kill()
    device.start()
    assert there <= {row[0] for row in device.rows("SELECT id FROM workflow_results")}
    (disk / "filler").unlink()
    subprocess.run(["mount", "-o", "remount,size=96m", disk], check=True)
    device.wait_results(count, patience=90)
    assert len(set(names(device))) == count == len(names(device))


def test_a_disk_that_is_full_at_the_start_is_said(device, small_disk):
    disk = small_disk("2m")
    device.data = disk / "data"
    device.workflow("mail", WORKFLOW)
    device.start(wait=False)
    try:
        code = device.ended(10)
    except devices.Waited:
        assert "full" in device.log() or "space" in device.log(), device.log()
        return
    assert code == 7, device.log()
    assert "space" in device.log() or "full" in device.log(), device.log()


@pytest.mark.parametrize("size, inodes", [("64k", 40), ("1m", 40), ("6m", 40), ("24m", 5), ("24m", 6)])
def test_a_disk_that_is_full_at_the_first_start_is_named(device, small_disk, size, inodes):
    """Whatever fails first for want of bytes or inodes, it is said as what it is, and where."""
    disk = small_disk(size, inodes=inodes)
    said = device.cli("serve", "--data", disk / "data")
    assert said.code == 7, said
    assert f"open the store in '{disk}/data' (its disk is full: free 12 MB" in said.err, said


def test_a_disk_without_inodes_stops_nothing_that_runs(device, small_disk):
    disk = small_disk("32m", inodes=40)
    device.data = disk / "data"
    device.workflow("mail", WORKFLOW)
    device.start()
    made = []
    try:
        while True:
            path = disk / f"filler{len(made)}"
            path.touch()
            made.append(path)
    except OSError:
        pass
    for number in range(50):
        device.drop(f"{number}.eml")
    device.wait_results(50)
    device.kill()
    device.start(wait=False)
    try:
        device.wait_ready(10)
    except devices.Waited:
        assert "no inode" in device.log() or "space" in device.log() or "full" in device.log(), device.log()
        for path in made:
            path.unlink()
        if device.daemon.poll() is not None:
            device.start()
    assert len(device.wait_results(50)) == 50


def test_a_disk_that_is_read_only_is_said_and_not_restarted(device, small_disk):
    disk = small_disk("24m")
    device.data = disk / "data"
    device.workflow("mail", WORKFLOW)
    device.start()
    device.drop("a.eml")
    device.wait_results(1)
    device.stop()
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
    device.start(wait=False)
    assert device.ended() == 9, device.log()
    assert "read-only" in device.log().lower() or "read only" in device.log().lower(), device.log()
    subprocess.run(["mount", "-o", "remount,rw", disk], check=True)
    device.start()
    assert names(device) == ["a.eml"]


# --- damage -----------------------------------------------------------------------------------------

def checkpoint(device):
    """Moves everything from the write-ahead log into the file itself, so that damage there is damage."""
    connection = sqlite3.connect(device.data / "ebb.db")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


def fill(device, count=300):
    device.workflow("mail", WORKFLOW)
    device.start()
    for number in range(count):
        device.drop(f"{number}.eml")
    device.wait_results(count)


@pytest.mark.parametrize("seed", range(DAMAGES))
def test_flipped_bytes_anywhere_in_the_database(device, seed):
    """It starts, says what is damaged, gives back nothing that was not written, and goes on."""
    fill(device)
    assert device.stop() == 0
    if seed % 3:
        checkpoint(device)
    choice = random.Random(seed)
    path = device.data / "ebb.db"
    content = bytearray(path.read_bytes())
    flips = choice.choice((1, 4, 64))
    for _ in range(flips):
        at = choice.randrange(100 if seed % 4 == 1 else len(content))
        content[at] ^= choice.randrange(1, 256)
    path.write_bytes(content)
    device.start(patience=60)
    bodies = device.rows("SELECT CAST(result AS BLOB) FROM workflow_results WHERE workflow_id = 'mail'")
    written = {b'{"name":"%d.eml"}' % number for number in range(300)}
    found = {body for (body,) in bodies if body in written}
    assert len(bodies) - len(found) <= flips, "more rows differ than bytes were flipped"
    if len(found) < 300 - flips:
        assert "damage" in device.log() or "salvage" in device.log(), device.log()
        assert [name for name in os.listdir(device.data) if name.startswith("ebb.db.") or "damaged" in name], \
            "the damaged file is kept"
    device.drop("new.eml")
    devices.until("a new result", lambda: device.rows(
        "SELECT 1 FROM workflow_results WHERE CAST(result AS BLOB) = CAST('{\"name\":\"new.eml\"}' AS BLOB)"))
    assert device.ask("GET", "/healthz")[0] == 200


@pytest.mark.parametrize("seed", range(DAMAGES // 3))
def test_flipped_bytes_in_what_was_not_checkpointed(device, seed):
    fill(device)
    device.kill()
    path = device.data / "ebb.db-wal"
    content = bytearray(path.read_bytes())
    choice = random.Random(seed)
    for _ in range(16):
        content[choice.randrange(min(len(content), 400_000))] ^= 255
    path.write_bytes(content)
    device.start(patience=60)
    assert {row["name"] for row in device.results("mail")} <= {f"{number}.eml" for number in range(300)}
    device.drop("new.eml")
    devices.until("a new result", lambda: "new.eml" in names(device))


def test_a_database_that_is_none(device):
    device.workflow("mail", WORKFLOW)
    (device.data / "ebb.db").write_bytes(b"this was never a database\n" * 1000)
    device.start(patience=60)
    device.drop("a.eml")
    device.wait_results(1)


def test_a_database_that_was_cut_short(device):
    fill(device)
    assert device.stop() == 0
    checkpoint(device)
    path = device.data / "ebb.db"
    os.truncate(path, path.stat().st_size // 2 // 4096 * 4096 + 100)
    device.start(patience=60)
    device.drop("new.eml")
    devices.until("a new result", lambda: "new.eml" in names(device))


def alarms(device):
    return [name for (name,) in device.rows("SELECT name FROM record WHERE kind & 255 = 4 AND name LIKE 'store-%'")]


@pytest.mark.parametrize("left", ["nothing", "an empty file"])
def test_a_database_that_is_gone_is_told_of(device, left):
    """A folder that was used gets a new stream with a reason, and an alarm; a new folder is silent."""
    fill(device, 3)
    assert device.stop() == 0
    assert alarms(device) == [] and " error " not in device.log(), "a new folder is silent"
    for path in device.data.glob("ebb.db*"):
        path.unlink()
    if left == "an empty file":
        (device.data / "ebb.db").touch()
    device.start()
    assert "was one: a new one was begun" in device.log(), device.log()
    assert device.rows("SELECT reason FROM stream") == [("missing",)]
    assert alarms(device) == ["store-missing"]
    device.drop("new.eml")
    device.wait_results(1)
    assert device.stop() == 0
    device.start()
    assert alarms(device) == ["store-missing"], "it is told once"


@pytest.mark.parametrize("left", ["nothing", "an empty file"])
def test_the_log_of_a_database_that_is_gone_is_kept_and_read(device, left):
    fill(device, 30)
    device.kill()
    (device.data / "ebb.db").unlink()
    if left == "an empty file":
        (device.data / "ebb.db").touch()
    log = (device.data / "ebb.db-wal").read_bytes()
    device.start()
    assert (device.data / "ebb.db.damaged-1-wal").read_bytes() == log
    assert {row["name"] for row in device.results("mail")} >= {f"{number}.eml" for number in range(30)}
    assert alarms(device) == ["store-damaged"]
    assert "damaged-1-wal" in device.log(), device.log()


def test_a_database_of_a_newer_ebb_is_refused_with_both_versions(device):
    fill(device, 3)
    assert device.stop() == 0
    connection = sqlite3.connect(device.data / "ebb.db")
    connection.execute("PRAGMA user_version = 1000")
    connection.close()
    device.start(wait=False)
    assert device.ended() == 78, device.log()
    assert "1000" in device.log(), device.log()
    assert not list(device.data.glob("ebb.db.*")), "a file that is not understood stays where and as it is"
    connection = sqlite3.connect(device.data / "ebb.db")
    connection.execute("PRAGMA user_version = 3")
    connection.close()
    device.start()
    assert len(device.results()) == 3


# --- clocks -----------------------------------------------------------------------------------------

def offset_to(year):
    return str(int((time.mktime((year, 1, 2, 0, 0, 0, 0, 0, 0)) - time.time()) * 1000))


def test_a_device_without_a_clock_works_and_says_so(device):
    device.workflow("mail", WORKFLOW)
    device.start(environment={"EBB_TEST_WALL_OFFSET_MS": offset_to(1970)})
    device.drop("a.eml")
    device.wait_results(1)
    ((created,),) = device.rows("SELECT created_at FROM workflow_results")
    assert created.startswith("1970-01-0")
    assert device.get("/v1/status")["time_quality"] == "bad"
    device.kill()
    device.start()
    device.drop("b.eml")
    device.wait_results(2)
    assert names(device) == ["a.eml", "b.eml"]
    device.kill()
    device.start(environment={"EBB_TEST_WALL_OFFSET_MS": offset_to(1970)})
    device.drop("c.eml")
    device.wait_results(3)
    assert device.get("/v1/status")["time_quality"] == "bad"
    assert names(device) == ["a.eml", "b.eml", "c.eml"]


def test_a_clock_that_jumps_loses_nothing(device):
    offset = device.folder / "offset"
    offset.write_text("0")
    device.workflow("mail", WORKFLOW)
    device.start(environment={"EBB_TEST_WALL_OFFSET_FILE": str(offset)})
    count = 0
    for jump in (0, -3_600_000, 86_400_000, -400 * 86_400_000, 20 * 365 * 86_400_000, 0):
        offset.write_text(str(jump))
        for _ in range(20):
            device.drop(f"{count}.eml")
            count += 1
        device.wait_results(count)
    keys = [row[0] for row in device.rows("SELECT key FROM record WHERE kind & 255 = 1 ORDER BY key")]
    assert [key & (1 << 40) - 1 for key in keys] == list(range(1, count + 1)), "seq does not care"
    assert len(set(names(device))) == count


def test_a_jump_of_the_clock_does_not_expire_what_is_fresh(device):
    """Time limits are measured on the boot clock where the event came in this boot."""
    offset = device.folder / "offset"
    offset.write_text("0")
    device.agent("think", THINK.replace("[range(1e12)] | length", "{ok: true}"))
    device.workflow("soon", SLOW.replace("slow", "soon").replace("    timeout: 30s", "    expires: 30s"))
    device.start(environment={"EBB_TEST_WALL_OFFSET_FILE": str(offset)})
    device.drop("a.soon")
    device.wait_results(1)
    offset.write_text("86400000")
    device.drop("b.soon")
    devices.until("it ends", lambda: len(device.results()) + len(device.records(2)) >= 2)


# --- signals ----------------------------------------------------------------------------------------

def test_it_does_nothing_while_nothing_happens(device):
    device.workflow("mail", WORKFLOW)
    device.start()
    device.drop("a.eml")
    device.wait_results(1)
    time.sleep(1)

    def ticks():
        fields = pathlib.Path(f"/proc/{device.daemon.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return int(fields[11]) + int(fields[12])

    before = ticks()
    time.sleep(3)
    assert ticks() - before <= 3, "an idle daemon takes next to no processor time"


def test_signals_that_mean_nothing_do_nothing(device):
    device.workflow("mail", WORKFLOW)
    device.start()
    for number in (signal.SIGPIPE, signal.SIGCHLD, signal.SIGWINCH):
        device.daemon.send_signal(number)
    device.drop("a.eml")
    device.wait_results(1)


def test_a_data_folder_can_be_moved(device):
    fill(device, 10)
    device.stop()
    moved = device.folder / "elsewhere"
    shutil.move(device.data, moved)
    device.data = moved
    device.start()
    assert len(names(device)) == 10
    device.drop("new.eml")
    device.wait_results(11)
