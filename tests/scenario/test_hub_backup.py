# SPDX-License-Identifier: Apache-2.0
"""A hub is backed up while it runs, and put in place out of a backup: devices send again what it lacks."""
import contextlib
import json
import os
import random
import shutil
import sqlite3
import subprocess
import threading
import time

import pytest

import device as devices
from hub import FakeDevice, Hub, Sending, Stream, record
from weather import LONG

CONFIGURATION, CONFLICT = 78, 6

INBOX = """
ebb: 1
workflow: inbox
trigger: {{ watch: {{ path: INBOX, glob: "*.txt", text: true }} }}
results:
  - name: text
    from: {{ text: "${{ .event.text }}" }}
    keep: {keep}
"""


@pytest.fixture
def hub(tmp_path):
    one = Hub(tmp_path)
    one.start()
    try:
        yield one
    finally:
        one.close()


@pytest.fixture
def line(hub, tmp_path):
    """A device that has joined, with a stream of 100 results of which the hub has 40."""
    one = FakeDevice(hub, tmp_path).join()
    one.stream = Stream().add(3, *(record({"number": number}) for number in range(1, 101)))
    one.hello(one.stream)
    one.send(one.stream, last=40)
    return one


@pytest.fixture
def others(tmp_path):
    """Starts hubs in other folders."""
    with contextlib.ExitStack() as stack:
        def start(data, *words):
            (tmp_path / data.name).mkdir(exist_ok=True)
            one = Hub(tmp_path / data.name, data)
            stack.callback(one.close)
            one.start(*words)
            return one

        yield start


def back_up(hub, path, *words):
    answer = hub.ebb("backup", path, "--json", *words)
    assert answer.code == 0, answer
    return answer.lines()[0]


def restore(path, data, *words):
    return devices.ebb("hub", "restore", path, "--data", data, *words)


def lane_of(answer):
    return answer["streams"][0]["lanes"][0]


def test_a_backup_is_one_private_file_and_says_what_it_holds(hub, line, tmp_path):
    said = back_up(hub, tmp_path / "hub.ebb")
    assert (said["state"], said["records"], said["streams"], said["devices"], said["key"]) == ("done", 40, 1, 1, True)
    assert said["copied_bytes"] == said["bytes"] > 0
    assert hub.get("/v1/status")["backup_at"] == said["made_at"]
    assert os.stat(tmp_path / "hub.ebb").st_mode & 0o777 == 0o600
    assert [name for name in os.listdir(tmp_path) if name.startswith("hub.ebb")] == ["hub.ebb"]
    assert "which holds the hub's key" in hub.ebb("backup", tmp_path / "hub.ebb").err  # an older one is replaced


def test_what_a_backup_covers_is_anchored_and_what_comes_later_is_not(hub, line, tmp_path):
    back_up(hub, tmp_path / "hub.ebb")
    assert lane_of(line.hello(line.stream))["anchored"] == 40
    assert line.send(line.stream, first=41, last=70)["lane"]["anchored"] == 40
    hub.kill()
    line.hang_up()
    hub.start()
    line.hello(line.stream)
    assert line.send(line.stream, first=71)["lane"]["anchored"] == 40
    back_up(hub, tmp_path / "hub.ebb")
    assert lane_of(line.hello(line.stream))["anchored"] == 100


def test_a_backup_that_fails_moves_nothing(hub, line, tmp_path):
    (tmp_path / "letter").write_text("dear all")
    for path in (tmp_path / "letter", tmp_path / "none" / "hub.ebb"):
        answer = hub.ebb("backup", path)
        assert answer.code != 0 and str(path) in answer.err, answer
    assert hub.get("/v1/status")["backup_at"] is None
    assert (tmp_path / "letter").read_text() == "dear all"
    assert line.send(line.stream, first=41)["lane"]["anchored"] == 100
    assert hub.ask("POST", "/v1/backup", {"path": "here"})[0] == 400


def test_a_backup_that_does_not_fit_leaves_the_older_one(hub, line, tmp_path, small_disk):
    disk = small_disk("1m")
    back_up(hub, disk / "hub.ebb")
    big = Stream().add(3, *(record({"text": os.urandom(50_000).hex()}) for _ in range(20)))
    line.hello(line.stream, big)
    line.send(big, each=1)
    answer = hub.ebb("backup", disk / "hub.ebb")
    assert answer.code != 0 and "full" in answer.err, answer
    assert os.listdir(disk) == ["hub.ebb"]
    assert line.send(line.stream, first=41)["lane"]["anchored"] == 40
    assert hub.get("/v1/status")["disk_full"] is False
    assert "40 records" in restore(disk / "hub.ebb", tmp_path / "new").out


def test_devices_are_served_while_a_backup_is_made(hub, line, tmp_path):
    big = Stream().add(3, *(record({"text": os.urandom(50_000).hex()}) for _ in range(120)))
    line.hello(big)
    line.send(big, each=1)
    line.hello(line.stream)
    maker = threading.Thread(target=back_up, args=(hub, tmp_path / "hub.ebb"))
    maker.start()
    for at in range(41, 101):
        line.send(line.stream, first=at, last=at)
    maker.join()
    with contextlib.closing(sqlite3.connect(tmp_path / "hub.ebb")) as base:
        assert base.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        held = base.execute("SELECT count(*) FROM record WHERE stream = (SELECT number FROM stream WHERE id = ?)",
                            (bytes.fromhex(line.stream.id),)).fetchone()[0]
    assert 40 <= held <= 100
    assert lane_of(line.hello(line.stream))["anchored"] == held
    assert hub.accounts()[bytes.fromhex(line.stream.id), 3] == (100, 0, 0, 100)


def begin_backup(hub, path):
    """The command, once the hub has begun to write."""
    command = subprocess.Popen([devices.EBB, "hub", "backup", path, "--socket", hub.socket], start_new_session=True,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=devices.clean_environment())
    devices.until("it is begun", lambda: len(os.listdir(path.parent)) > path.exists() or command.poll() is not None,
                  pause=0.0005)
    return command


def whole_or_refused(path, folder):
    """How many records a hub has that is put in place out of this file; None: it is not taken for a backup."""
    answer = restore(path, folder, "--json")
    if answer.code != 0:
        assert answer.code == CONFIGURATION and "is no backup of a hub" in answer.err, answer
        assert not (folder / "hub.db").exists()
        return None
    other, records = Hub(folder, folder), answer.lines()[0]["records"]
    assert all(stored == highest for stored, _, _, highest in other.accounts().values())
    assert records == other.rows("SELECT count(*) FROM record")[0][0]
    shutil.rmtree(folder)
    return records


def test_a_hub_that_is_killed_in_the_middle_of_a_backup(hub, tmp_path):
    line, chance, path = FakeDevice(hub, tmp_path).join(), random.Random(), tmp_path / "backups" / "hub.ebb"
    big = Stream().add(3, *(record({"text": os.urandom(50_000).hex()}) for _ in range(100)))
    line.hello(big)
    line.send(big, each=1)
    path.parent.mkdir()
    began, command = time.monotonic(), begin_backup(hub, path)
    devices.until("it is made", lambda: hub.get("/v1/backup")["state"] == "done", pause=0.001)
    took, cut_off = time.monotonic() - began, 0
    command.wait()
    for kill in range(100 if LONG else 6):
        older, before = kill % 2 == 0, hub.get("/v1/status")["records"]
        if not older:
            path.unlink()
        with Sending(line) as sending:
            command = begin_backup(hub, path)
            if kill % 3 == 2:
                command.kill()  # which the hub does not mind
                devices.until("it is made", lambda: hub.get("/v1/backup")["state"] == "done")
            else:
                time.sleep(chance.random() * took if kill else 0)
            hub.kill()
        command.kill()
        command.wait()
        assert path.exists() or kill % 3 != 2
        for file in [one for one in path.parent.iterdir() if one.suffix in (".ebb", ".new")]:
            found = whole_or_refused(file, tmp_path / "tried")  # with its journal beside it
            assert found is not None or file != path, "what has the name of a backup is none"
            assert found is None or found >= before or older
            cut_off += file != path
        hub.start()
        assert hub.held(sending.stream, 3) >= sending.acknowledged
        back_up(hub, path)
        assert whole_or_refused(path, tmp_path / "tried") == hub.get("/v1/status")["records"]
        for file in path.parent.glob("*.new*"):
            file.unlink()
    assert cut_off, "no kill came in the middle"
    hub.stop()
    hub.check()


def test_a_hub_out_of_a_backup_is_sent_again_what_it_lacks(hub, line, tmp_path, others):
    back_up(hub, tmp_path / "hub.ebb")
    store = hub.get("/v1/status")["store"]
    line.send(line.stream, first=41)
    hub.kill()
    line.hang_up()
    answer = restore(tmp_path / "hub.ebb", tmp_path / "new")
    assert answer.code == 0 and "40 records" in answer.out and "sends again" in answer.out, answer
    modes = {name: os.stat(tmp_path / "new" / name).st_mode & 0o777 for name in ("authority/key.pem", "hub.db")}
    assert modes == {"authority/key.pem": 0o600, "hub.db": os.stat(hub.data / "hub.db").st_mode & 0o777}
    line.hub = again = others(tmp_path / "new")
    assert again.get("/v1/status")["store"] != store
    said = line.hello(line.stream, acked={3: 100})["streams"][0]
    assert (said["verdict"], said["lanes"][0]["held"], said["lanes"][0]["anchored"]) == ("rollback", [[1, 40]], 40)
    line.send(line.stream, first=41)
    assert again.accounts()[bytes.fromhex(line.stream.id), 3] == (100, 0, 0, 100)
    assert "backup" not in {row[0] for row in again.rows("SELECT name FROM sqlite_schema")}


def test_no_hub_is_overwritten_and_nothing_else_is_taken_for_a_backup(hub, line, tmp_path):
    back_up(hub, tmp_path / "hub.ebb")
    (tmp_path / "letter").write_text("dear all " * 1000)
    with contextlib.closing(sqlite3.connect(tmp_path / "other.db")) as base:
        base.execute("CREATE TABLE t (a)")
    for path, data, code in ((tmp_path / "hub.ebb", hub.data, CONFLICT),
                             (tmp_path / "letter", tmp_path / "a", CONFIGURATION),
                             (tmp_path / "other.db", tmp_path / "b", CONFIGURATION)):
        answer = restore(path, data)
        assert answer.code == code, answer
        assert not (tmp_path / "a" / "hub.db").exists()
    hub.stop()
    assert restore(tmp_path / "hub.ebb", hub.data).code == CONFLICT
    assert hub.accounts()[bytes.fromhex(line.stream.id), 3] == (40, 0, 0, 40)


def test_a_damaged_backup_is_not_put_in_place(hub, line, tmp_path):
    back_up(hub, tmp_path / "hub.ebb")
    data = bytearray((tmp_path / "hub.ebb").read_bytes())
    for at in range(4096, len(data), 4096):
        data[at:at + 8] = os.urandom(8)
    (tmp_path / "bad.ebb").write_bytes(data)
    assert restore(tmp_path / "bad.ebb", tmp_path / "new").code != 0
    assert not (tmp_path / "new" / "hub.db").exists()
    assert restore(tmp_path / "hub.ebb", tmp_path / "new").code == 0  # what is left over is in nobody's way


def test_a_bit_that_turned_over_in_a_record_of_a_backup_is_found(hub, line, tmp_path):
    """SQLite's own check sees nothing wrong with another digit in a text."""
    line.send(line.stream, first=41)
    back_up(hub, tmp_path / "hub.ebb")
    data = (tmp_path / "hub.ebb").read_bytes()
    for number in (1, 57, 100):
        text = b'{"number": %d}' % number
        assert data.count(text) == 1
        (tmp_path / "bad.ebb").write_bytes(data.replace(text, text[:-2] + bytes([text[-2] ^ 1]) + text[-1:]))
        refused = restore(tmp_path / "bad.ebb", tmp_path / "new")
        assert refused.code != 0 and f"record {number} of lane 'normal' of stream {line.stream.id}" in refused.err, refused
        assert not (tmp_path / "new" / "hub.db").exists()


def test_without_the_key_a_hub_waits_for_it(hub, line, tmp_path, others):
    assert back_up(hub, tmp_path / "hub.ebb", "--without-key")["key"] is False
    key = (hub.data / "authority" / "key.pem").read_bytes()
    assert key.split(b"\n")[1] not in (tmp_path / "hub.ebb").read_bytes()
    answer = restore(tmp_path / "hub.ebb", tmp_path / "new", "--json")
    assert answer.code == 0 and answer.lines()[0]["key"] is False, answer
    new = tmp_path / "new"
    refused = devices.ebb("hub", "serve", "--data", new, "--listen", "127.0.0.1:0")
    assert refused.code != 0 and "key.pem" in refused.err, refused
    hub.stop()
    shutil.copy(hub.data / "authority" / "key.pem", new / "authority" / "key.pem")
    os.chmod(new / "authority" / "key.pem", 0o600)
    line.hang_up()
    line.hub = others(new)
    assert line.hello(line.stream)["streams"][0]["verdict"] == "ok"


def test_a_key_that_is_sealed_needs_its_passphrase(hub, line, tmp_path, others):
    words, wrong = tmp_path / "words", tmp_path / "wrong"
    words.write_text("correct horse battery\n")
    wrong.write_text("correct horse\n")
    said = back_up(hub, tmp_path / "hub.ebb", "--passphrase-file", words)
    assert said["key"] and said["sealed"]
    key = (hub.data / "authority" / "key.pem").read_bytes()
    assert key.split(b"\n")[1] not in (tmp_path / "hub.ebb").read_bytes()
    new = tmp_path / "new"
    for more, sentence in (((), "is sealed: name the file of its passphrase"),
                           (("--passphrase-file", wrong), "sealed by another passphrase"),
                           (("--passphrase-file", tmp_path / "nowhere"), "nowhere")):
        refused = restore(tmp_path / "hub.ebb", new, *more)
        assert refused.code != 0 and sentence in refused.err, refused
        assert not (new / "hub.db").exists()
    restored = restore(tmp_path / "hub.ebb", new, "--passphrase-file", words)
    assert restored.code == 0 and (new / "authority" / "key.pem").read_bytes() == key, restored
    hub.stop()
    line.hang_up()
    line.hub = others(new)
    assert line.hello(line.stream)["streams"][0]["verdict"] == "ok"


def test_a_passphrase_that_is_none_is_refused(hub, tmp_path):
    words = tmp_path / "words"
    words.write_text("short\n")
    for more in ((), ("--without-key",)):
        refused = hub.ebb("backup", tmp_path / "hub.ebb", "--passphrase-file", words, *more)
        assert refused.code != 0 and not (tmp_path / "hub.ebb").exists(), refused
    assert hub.ask("POST", "/v1/backup", {"path": str(tmp_path / "hub.ebb"), "passphrase": "short"})[0] == 400


def texts(hub):
    return sorted(one["result"]["text"] for one in hub.get("/v1/results")["results"])


@pytest.fixture
def set_back(hub, device, tmp_path, others):
    """A device sends a result before a backup and one after it, and its hub is put back."""

    def run(keep, is_ready):
        port = hub.port
        device.workflow("inbox", INBOX.format(keep=keep))
        device.start()
        made = hub.ask("POST", "/v1/tokens", {"name": "line-3"})[1]
        assert device.cli("join", made["token"]).code == 0
        device.drop("a.txt", b"before")
        devices.until("the first is at the hub", lambda: texts(hub) == ["before"])
        back_up(hub, tmp_path / "hub.ebb")
        device.drop("b.txt", b"after")
        devices.until("the second as well", lambda: texts(hub) == ["after", "before"])
        devices.until("the device is ready", is_ready)
        hub.stop()
        assert restore(tmp_path / "hub.ebb", tmp_path / "new").code == 0
        device.drop("c.txt", b"meanwhile")
        return others(tmp_path / "new", "--listen", f"127.0.0.1:{port}")

    return run


def test_a_device_loses_nothing_when_its_hub_is_put_back(device, set_back):
    again = set_back("7d", lambda: device.rows("SELECT 1 FROM lane WHERE acked_seq = 2"))
    devices.until("all are there again", lambda: texts(again) == ["after", "before", "meanwhile"])
    assert list(again.accounts().values()) == [(3, 0, 0, 3)]


def test_what_the_device_has_no_longer_becomes_a_gap(device, set_back):
    again = set_back("1s", lambda: not device.results())
    devices.until("the rest is there", lambda: texts(again) == ["before", "meanwhile"])
    assert list(again.accounts().values()) == [(2, 1, 0, 3)]
    ((body,),) = again.rows("SELECT body FROM record WHERE kind = 3")
    assert json.loads(body)["reason"] == "purged"
