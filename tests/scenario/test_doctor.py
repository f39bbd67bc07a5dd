# SPDX-License-Identifier: Apache-2.0
"""`ebb doctor`: what is wrong on a box, with a remedy, and an exit code for who watches many of them."""
import contextlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time

import pytest

import device as devices

HEAD = "ebb: 1\nworkflow: w\ntrigger: { watch: { path: INBOX, text: true } }\n"
RESULT = "results:\n  - name: out\n    from:\n      text: ${ .event.text }\n"


def look(ebb, device, *words, environment=None):
    """What the doctor finds beside warnings about this machine's own clock: by what it is about."""
    answer = ebb("doctor", "--json", "--socket", device.socket, *words, environment=environment)
    report = json.loads(answer.out)
    found = {one["what"]: one for one in report["findings"] if one["text"].find("not synchronised") < 0}
    assert report["well"] == (answer.code == 0), answer
    assert all(one["text"] and one["remedy"].endswith(".") for one in report["findings"]), answer
    return answer.code, found


def test_nothing_is_wrong_with_a_healthy_device(ebb, device):
    device.workflow("w", HEAD + RESULT)
    device.start()
    assert look(ebb, device) == (0, {})
    answer = ebb("doctor", "--socket", device.socket)
    said = "no fault, 1 warning\n" if "not synchronised" in answer.out else "nothing is wrong\n"
    assert answer.code == 0 and answer.err == said, answer


def test_no_daemon_is_a_fault_with_a_remedy(ebb, device):
    code, found = look(ebb, device, "--data", device.data)
    assert code == 4 and set(found) == {"daemon"}, found
    assert "ebb serve" in found["daemon"]["remedy"] and found["daemon"]["class"] == "offline"
    answer = ebb("doctor", "--socket", device.socket, "--data", device.data)
    assert answer.out.startswith(f"daemon: no daemon answers on {device.socket}") and answer.code == 4, answer
    assert "\n    Start it" in answer.out and answer.err == "", answer


def test_a_daemon_that_does_not_answer_is_found(ebb, device):
    device.start()
    device.daemon.kill()
    device.daemon.wait()
    assert device.socket.exists()
    assert look(ebb, device, "--data", device.data)[0] == 4


def test_without_libcurl_the_package_is_named(ebb, device):
    device.start()
    code, found = look(ebb, device, environment={"EBB_LIBCURL": "libcurl-no-such-thing.so.4"})
    assert code == 3 and "libcurl3-gnutls" in found["libcurl"]["remedy"], found


@pytest.fixture
def open_folder():
    """A folder that other users may enter, which those of pytest are not."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="ebb-doctor-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.mark.skipif(os.geteuid() != 0, reason="another user needs root")
def test_a_socket_that_is_not_for_us_is_told_with_its_group(device, open_folder):
    if not all(folder.stat().st_mode & 0o001 for folder in devices.EBB.parents):
        pytest.skip("another user may not enter the folder in which ebb was built")
    device.socket = open_folder / "ebb.sock"
    device.start()
    done = subprocess.run([devices.EBB, "doctor", "--socket", device.socket, "--json"], user=65534, group=65534,
                          extra_groups=[], capture_output=True, text=True, timeout=30, check=False,
                          env=devices.clean_environment())
    (found,) = [one for one in json.loads(done.stdout)["findings"] if one["what"] == "socket"]
    assert done.returncode == 9 and "the socket is for the group 'root'" in found["text"], done
    done = subprocess.run([devices.EBB, "status", "--socket", device.socket], user=65534, group=65534, extra_groups=[],
                          capture_output=True, text=True, timeout=30, check=False, env=devices.clean_environment())
    assert done.returncode == 9 and done.stderr == (f"ebb: this user may not ask the daemon on {device.socket}: ask as "
                                                    "root, as its user, or in the socket's group\n"), done


def test_a_workflow_with_faults_is_found_with_and_without_a_daemon(ebb, device):
    device.workflow("w", HEAD + RESULT)
    device.start()
    device.workflow("w", HEAD + "steps: 3\n" + RESULT)
    device.daemon.send_signal(signal.SIGHUP)
    devices.until("the fault is known", lambda: look(ebb, device)[0] != 0)
    code, found = look(ebb, device)
    assert code == 2 and "`steps` is a list" in found["workflow"]["text"], found
    device.stop()
    (device.data / "workflows").mkdir(exist_ok=True)
    (device.data / "workflows" / "bad.yaml").write_text("ebb: 1\nworkflow: bad\nsteps: 3\n")
    code, found = look(ebb, device, "--data", device.data)
    assert code == 4 and "workflows/bad.yaml:" in found["workflow"]["text"], found


def test_a_broken_agent_is_found(ebb, device):
    device.agent("dies", "ebb: 1\nagent: dies\nversion: 1.0.0\nkind: process\ncommand: [./dies]\n",
                 dies="#!/bin/sh\nexit 3\n")
    device.workflow("w", HEAD + "steps:\n  - id: a\n    agent: dies\n    with: { x: 1 }\n"
                    + RESULT.replace("${ .event.text }", "${ .steps.a.x }"))
    device.start()
    for number in range(8):
        device.drop(f"{number}.txt")
    devices.until("it is broken", lambda: "agent" in look(ebb, device)[1])
    code, found = look(ebb, device)
    assert code == 11 and "agent 'dies' is broken" in found["agent"]["text"], found


def test_parked_runs_are_found(ebb, device):
    device.agent("think", "ebb: 1\nagent: think\nversion: 1.0.0\nkind: jq\nfilter: '[range(1e12)] | length'\n")
    device.workflow("w", HEAD + "durability: { runs: each, results: each }\n"
                    "steps:\n  - id: a\n    agent: think\n    with: {}\n    timeout: 30s\n" + RESULT)
    device.drop("bad.txt")
    for _ in range(3):
        device.start()
        devices.until("it is being worked on", lambda: device.counts("w")["running"] == 1)
        time.sleep(0.2)
        device.kill()
    device.start()
    devices.until("it is parked", lambda: device.get("/v1/runs?parked=1")["runs"])
    code, found = look(ebb, device)
    assert code == 11 and "1 run is parked" in found["runs"]["text"] and "runs resume" in found["runs"]["remedy"], found


def drop_and_wait(device, *names):
    for name in names:
        device.drop(name)
        devices.until("it has a result", lambda name=name: device.counts("w")["results"] >= names.index(name) + 1)


def test_a_result_that_a_newer_one_stands_for_is_nothing_to_tell(ebb, device):
    device.workflow("w", HEAD + RESULT + "    key: one\n")
    device.start()
    drop_and_wait(device, "1.txt", "2.txt", "3.txt")
    devices.until("there are gaps", lambda: any(lane["gaps"] for lane in device.get("/v1/queue")["lanes"]))
    assert look(ebb, device) == (0, {})


def test_what_went_unsent_is_a_warning_and_no_fault(ebb, device):
    device.workflow("w", HEAD + RESULT + "    expires: 1s\n")
    device.start()
    drop_and_wait(device, "1.txt")
    time.sleep(1.2)
    device.stop()
    device.start()
    device.drop("2.txt")
    devices.until("there are gaps", lambda: any(lane["gaps"] for lane in device.get("/v1/queue")["lanes"]), 90)
    code, found = look(ebb, device)
    assert code == 0 and found["gaps"]["severity"] == "warning", found
    assert "of lane 'normal' went unsent since their `expires:` had passed" in found["gaps"]["text"], found
    answer = ebb("doctor", "--socket", device.socket)
    warnings = answer.out.count(": warning: ")
    assert answer.err == f"no fault, {warnings} warning{'s' if warnings > 1 else ''}\n", answer


def test_what_the_reach_of_a_device_may_lack_is_found(ebb, device):
    device.agent("ask", "ebb: 1\nagent: ask\nversion: 1.0.0\nkind: process\ncommand: [cat]\n"
                        "env: { TOKEN: 'secret:desk' }\n")
    device.workflow("asks", HEAD.replace("workflow: w", "workflow: asks").replace("text: true", "after: keep")
                    + "steps:\n  - { id: a, agent: ask, with: { x: 1 } }\n"
                    + "results:\n  - { name: out, from: { a: 1 } }\n")
    device.workflow("tells", HEAD.replace("workflow: w", "workflow: tells").replace("text: true", "after: keep")
                    + "results:\n  - { name: out, from: { a: 1 }, to: [log] }\n")
    device.workflow("takes", "ebb: 1\nworkflow: takes\ntrigger: { http: json, schema: { t: { type: number } } }\n"
                    "results:\n  - { name: out, from: { t: '${ .event.data.t }' } }\n")
    device.workflow("unbound", "ebb: 1\nworkflow: unbound\ntrigger: { source: mail }\n"
                    "results:\n  - { name: out, from: { a: 1 } }\n")
    config = device.folder / "device.yaml"
    config.write_text(f"ebb: 1\ndestinations: {{ log: {{ file: {device.folder}/stick/log.jsonl }} }}\n")
    device.start("--config", config)
    device.drop("1.txt")
    assert device.cli("event", "post", "takes", "--data", '{"t":"warm"}').code == 2
    devices.until("all of it is known", lambda: len(look(ebb, device)[1]) >= 4)
    code, found = look(ebb, device)
    assert code == 2 and set(found) == {"workflow", "runs", "destination", "events"}, found
    assert "source `mail` is bound to nothing" in found["workflow"]["text"], found
    assert "1 of the last 1 run of workflow 'asks' failed" in found["runs"]["text"], found
    assert "`ebb secret set desk" in found["runs"]["text"] and found["runs"]["severity"] == "warning", found
    assert "destination 'log' is down, 1 result waits for it" in found["destination"]["text"], found
    assert "1 event did not fit and is kept aside" in found["events"]["text"], found
    text = device.ask("GET", "/metrics")[1]
    assert 'ebb_destination_failing{destination="log"} 1\n' in text
    assert "ebb_blob_bytes " in text
    (device.folder / "stick").mkdir()
    (device.workflows / "unbound.yaml").unlink()
    assert ebb("secret", "set", "desk", "--folder", device.folder / "secrets", stdin="x").code == 0
    device.daemon.send_signal(signal.SIGHUP)
    device.drop("2.txt")
    devices.until("only the event is left to tell of", lambda: set(look(ebb, device)[1]) == {"events"})
    assert look(ebb, device)[0] == 0


def test_a_database_without_room_is_found(ebb, device, small_disk):
    disk = small_disk("32m")
    device.data = disk / "data"
    device.workflow("w", HEAD + RESULT)
    device.start()
    with open(disk / "filler", "wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(65536))
    for number in range(1500):
        device.drop(f"{number}.txt", b"x" * 20_000)
    devices.until("the database has no room", lambda: "database" in look(ebb, device)[1])
    code, found = look(ebb, device)
    assert code == 7 and found["database"]["class"] == "full" and "nearly full" in found["disk"]["text"], found


def test_a_nearly_full_disk_and_missing_inodes_are_found(ebb, device, small_disk):
    code, found = look(ebb, device, "--data", small_disk("8m"))
    assert code == 4 and "is nearly full" in found["disk"]["text"] and "inodes" not in found, found
    code, found = look(ebb, device, "--data", small_disk("64m", 40) / "not" / "there" / "yet")
    assert "(inodes)" in found["inodes"]["text"] and "disk" not in found, found


def test_a_data_folder_that_cannot_be_is_found(ebb, device):
    (device.folder / "file").write_text("")
    code, found = look(ebb, device, "--data", device.folder / "file" / "data")
    assert code == 4 and "is a file" in found["data"]["text"], found


def test_a_clock_of_1970_is_found(ebb, device):
    offset = str(int(-time.time() * 1000))
    code, found = look(ebb, device, "--data", device.data, environment={"EBB_TEST_WALL_OFFSET_MS": offset})
    assert "the clock says 1970-01-01" in found["clock"]["text"] and code == 4, found


def test_a_device_file_with_faults_is_found(ebb, device):
    config = device.folder / "device.yaml"
    config.write_text(f"ebb: 1\nstore: {{ pth: {device.data} }}\n")
    code, found = look(ebb, device, "--data", device.data, "--config", config)
    assert code == 4 and f"{config}:2: `pth`" in found["device file"]["text"], found
    config.write_text(f"ebb: 1\nstore: {{ path: {device.folder / 'file'} }}\n")
    (device.folder / "file").write_text("")
    assert "is a file" in look(ebb, device, "--config", config)[1]["data"]["text"]
