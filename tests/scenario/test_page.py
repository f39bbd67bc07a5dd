# SPDX-License-Identifier: Apache-2.0
"""The hub's page in a real browser: tests/page/*.mjs drive Chromium, one at a time, at real hubs.

They need Chromium, Node.js 18 and playwright-core and axe-core (tools/fetch-npm); what is missing is said, and they are
skipped then. EBB_PAGE_RESULTS=10000000 fills the large hub with as many, which takes two minutes more and 2.4 GB.
"""
import contextlib
import hashlib
import io
import json
import os
import pathlib
import re
import shutil
import sqlite3
import struct
import subprocess
import threading
import time
import wave

import pytest

import device as devices
import hub as hubs
import people
import png

TOP = pathlib.Path(__file__).resolve().parents[2]
PAGE = TOP / "tests" / "page"
SHOTS = devices.BUILD / "page-screenshots"
RESULTS, FLEET = int(os.environ.get("EBB_PAGE_RESULTS", "200000")), 2_000


def missing():
    """What a browser's test needs and is not here; empty: nothing."""
    if not pathlib.Path(os.environ.get("EBB_CHROMIUM", "/usr/bin/chromium")).exists():
        return "there is no Chromium: run make deps"
    node = shutil.which("node")
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout if node else ""
    if int((re.match(r"v(\d+)", version) or (0, 0))[1]) < 18:
        return f"playwright-core takes Node.js 18 or newer, here is {version.strip() or 'none'}"
    for what in ("playwright-core", "axe-core"):
        if not (TOP / "build" / "data" / what / ".complete").exists():
            return f"there is no {what}: run tools/fetch-npm {what}"
    return ""


pytestmark = pytest.mark.skipif(bool(missing()), reason=missing())


def address(hub):
    return hub.get("/v1/status")["people"]


def drive(scenario, hub, **given):
    """Runs one scenario of tests/page at a hub; what it gives back."""
    return drive_at(scenario, f"http://{address(hub)}/", hub, given)


def drive_at(scenario, url, machine, given):
    """The same at any address of that hub or device."""
    words = ["node", PAGE / "drive.mjs", scenario, url, json.dumps(given)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120, check=False, env=devices.clean_environment())
    assert done.returncode == 0, f"{scenario}: {re.sub(chr(27) + r'.[0-9]+m', '', done.stderr)[-6000:]}\n{machine.log()[-2000:]}"
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def full(tmp_path_factory):
    """A hub with 2,000 devices and 200,000 results of a month, and its admin."""
    fill = devices.BUILD / "bench" / "hub_fill_bench"
    folder = tmp_path_factory.mktemp("full")
    (folder / "hub").mkdir()
    subprocess.run([fill, folder / "hub", str(RESULTS), str(FLEET)], check=True, capture_output=True)
    one = hubs.Hub(folder)
    one.admin = people.admin(one)
    yield one
    one.close()


@pytest.fixture
def hub(tmp_path):
    one = hubs.Hub(tmp_path)
    yield one
    one.close()


def answers(hub, path):
    return hub.ask("GET", path)[0] == 200


def test_every_view_shows_what_the_api_says(full):
    drive("every_view", full, password=people.PASSWORD, questions=answers(full, "/v1/query"))


def test_log_in_takes_the_right_password_and_asks_again_when_the_session_ended(hub):
    _, first = people.start(hub)
    drive("log_in_and_out", hub, first=first, password=people.PASSWORD)


def test_ten_wrong_passwords_lock_a_name_and_the_page_says_so(hub):
    boss = people.admin(hub, source="127.0.0.3")
    people.person(boss, "carla", "viewer")
    drive("lock_out", hub, name="carla", password=people.PASSWORD)
    assert [one["locked"] for one in boss.get("/v1/people")[1]["people"]] == [False, True]
    assert any("is locked" in deed["what"] for deed in boss.get("/v1/audit")[1]["deeds"])


def test_a_viewer_sees_nothing_to_change_things_with_and_is_refused(full):
    people.person(full.admin, "vera", "viewer")
    drive("viewer", full, name="vera", password=people.PASSWORD)


def test_an_operator_labels_and_revokes_nothing(full):
    people.person(full.admin, "olaf", "operator")
    drive("operator", full, name="olaf", password=people.PASSWORD)


def test_an_admin_revokes_on_the_page(full):
    drive("revoke", full, password=people.PASSWORD)


def test_people_and_tokens_are_made_on_the_page(hub):
    boss = people.admin(hub)
    program = people.Visitor(boss.address, token=drive("people_and_programs", hub, password=people.PASSWORD)["token"])
    assert program.get("/v1/me")[1]["may"] == ["read"]
    assert program.get("/v1/devices")[1]["total"] == 0
    code, said = program.post("/v1/tokens")
    assert (code, "operate" in said["error"]["text"]) == (403, True), said
    assert program.get("/v1/people")[0] == 403
    [one] = boss.get("/v1/access")[1]["access"]
    assert boss.ask("DELETE", f"/v1/access/{one['id']}")[0] == 200
    assert program.get("/v1/devices")[0] == 401


def joined(hub, folder, workflows):
    """A real device that brings a result of each of these workflows five times a second."""
    one = devices.Device(folder)
    token = hub.ask("POST", "/v1/tokens", {"name": "line-3"})[1]["token"]
    said = devices.ebb("join", token, "--data", one.data, "--hub", f"127.0.0.1:{hub.port}")
    assert said.code == 0, said
    for name in workflows:
        one.workflow(name, f"ebb: 1\nworkflow: {name}\ntrigger: {{ interval: 200ms }}\nresults:\n"
                           "  - name: tick\n    from: { missed: \"${ .event.missed }\" }\n    priority: urgent\n")
    one.start()
    return one


def test_what_a_device_brings_is_seen_as_it_comes(hub, tmp_path):
    people.admin(hub)
    device = joined(hub, tmp_path / "device", ["quick", "other"])
    try:
        drive("live_tail", hub, password=people.PASSWORD, workflows=["quick", "other"])
    finally:
        device.close()


INJECTIONS = json.loads((PAGE / "injections.json").read_text(encoding="utf-8"))
LONG = "<b>" + "long " * 1_500


def hostile_stream():
    """Each string in every field of a record that a device chooses; and what is no UTF-8, which is set aside."""
    stream = hubs.Stream()
    for text in [*INJECTIONS, LONG]:
        name = text[:200]
        stream.add(3, hubs.record({text: text, "list": [text, {text: text}], "": None, "__proto__": {"cell": text}}, workflow=name, name=name))
        stream.add(3, hubs.record({"step": text, "text": text, "class": text, "workflow": text}, kind=2, workflow=name, name=name))
        stream.add(0, hubs.record({"text": text}, kind=4, workflow="", name=name))
        stream.add(3, hubs.record({"x": {"$blob": "0" * 32, "type": text, "bytes": text}}, workflow="blobs", name=name))
    return stream.add(3, hubs.record(b'{"a": "\xff\xfe\xc0<img>"}'), hubs.record(b"\xff<script>"))


NO_TEXT = {"toString": 1, "valueOf": 1, "toLocaleString": 1, "length": 1e9, "then": 1}  # breaks who takes it for one


def face(name, text):
    """What a workflow looks like, of such strings alone."""
    return {"workflow": name, "summary": text, "trigger": text, "params": [text], "triggers": [text],
            "steps": [{"id": text, "agent": text, "needs": [text, "b"], "when": text}, {"id": "b", "agent": text, "needs": [text]}],
            "results": [{"name": text, "steps": [text], "fields": [{"name": text, "type": text, "unit": text}]}]}


def odd_faces():
    """Those that are of other types than they should be, or too much, by their workflows."""
    many = [{"id": f"s{number}", "agent": "a", "needs": [f"s{other}" for other in range(number)]} for number in range(120)]
    odd = {"odd-texts": face("odd-texts", NO_TEXT),
           "odd-lists": {"workflow": "odd-lists", "steps": "abc", "results": {"length": 9}},
           "odd-steps": {"workflow": "odd-steps", "steps": [None, 5, [], "x", {"id": None, "needs": 5}],
                         "results": [None, {"fields": [None, 5]}]},
           "odd-many": {"workflow": "odd-many", "steps": many, "results": []}}
    assert all(len(json.dumps(one)) < 64 << 10 for one in odd.values())
    return odd


def report(line, said, faces):
    """Reports it, and hands out each face that is asked for by its name's digest."""
    digests = {hashlib.blake2b(name.encode(), digest_size=16).hexdigest(): name for name in faces}
    workflows = [{"name": name, "digest": digest, "state": name, "events": name, "steps": {name: {"runs": name}},
                  "results_by_name": {name: name}} for digest, name in digests.items()]
    line.hang_up()
    line.hello(hubs.Stream())
    while True:
        code, answer = line.request("PUT", "/v1/report", json.dumps({**said, "workflows": workflows}))
        if code == 503:
            time.sleep(0.05)  # a device reports once a second at most, by the hub's quick clock
            continue
        assert code == 200, answer
        if not answer["want"]["workflows"]:
            return
        for digest in answer["want"]["workflows"]:
            code, answer = line.request("PUT", f"/v1/faces/{digest}", json.dumps(faces[digests[digest]]))
            assert code == 200, (digests[digest], answer)


def plant_gaps(hub):
    """What the hub would not take: gaps with reasons that are none, put beside its back into its file."""
    with contextlib.closing(sqlite3.connect(hub.data / "hub.db", timeout=10)) as base, base:
        for text in INJECTIONS:
            base.execute("INSERT INTO record SELECT (SELECT max(number) + 1 FROM record), stream, lane, "
                         "(SELECT max(seq) + 1 FROM record), (SELECT max(seq) + 1 FROM record), kind + 1, priority, wall_ms, "
                         "arrived_ms, '', '', chain, NULL, head, NULL, ? FROM record WHERE kind & 255 = 2 LIMIT 1",
                         (json.dumps({"reason": text, "count": text}),))


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    """A hub that has been told nothing but these, by a device, a program and a person; the device, and what it is labelled with."""
    folder = tmp_path_factory.mktemp("hostile")
    one = hubs.Hub(folder)
    boss = people.admin(one, environment=one.quick())
    line = hubs.FakeDevice(one, folder).join(facts={text[:60]: text[:60] for text in INJECTIONS[:20]})
    stream = hostile_stream()
    line.hello(stream)
    for lane in stream.lanes:
        code, said = line.put(stream, lane, stream.frames(lane, each=1))
        assert code == (422 if lane == 3 else 200), said
    text = INJECTIONS[2]
    report(line, {"version": text, "clock": {"quality": text}, "up_s": text, "link": {"kind": text, "metered": text},
                  "store": {"bytes": text}, "agents": [{"name": text}],
                  "lanes": [{"lane": each, "waiting": each, "bytes": each, "oldest_ms": each} for each in INJECTIONS]},
           {each: face(each, each) for each in INJECTIONS if 0 < len(each.encode()) <= 100 and "\0" not in each})
    other = hubs.FakeDevice(one, folder, "line-4").join(facts={"odd": NO_TEXT, "toString": NO_TEXT})
    report(other, {"version": NO_TEXT, "clock": 5, "up_s": 1e300, "link": NO_TEXT, "store": [NO_TEXT],
                   "lanes": [None, 5, {"lane": NO_TEXT, "waiting": NO_TEXT, "bytes": NO_TEXT, "oldest_ms": 1e300}]}, odd_faces())
    attached = {"step": NO_TEXT, "text": NO_TEXT, "x": {"$blob": "0" * 32, "type": "a/b", "bytes": NO_TEXT}}
    odd = hubs.Stream().add(3, *[hubs.record(body, kind=kind, workflow="odd-texts") for kind in (1, 2)
                                 for body in (NO_TEXT, attached, [NO_TEXT], 5, None)])
    other.hello(odd)
    other.send(odd)
    labels = [text for text in INJECTIONS if len(text.encode()) <= 60][:30]
    for number, text in enumerate(labels):
        assert boss.post("/v1/devices/line-3/labels", {f"l{number}": text})[0] == 200
    browser = people.Visitor(boss.address)
    assert browser.post("/v1/login", {"name": "admin", "password": people.PASSWORD}, User_Agent=INJECTIONS[2])[0] == 200
    plant_gaps(one)
    devices.until("workflows are counted", lambda: len(one.get("/v1/status")["workflows"]) >= len(INJECTIONS))
    yield one, {"password": people.PASSWORD, "device": "line-3",
                "odd": ["#/device/line-4", *[f"#/workflow/{name}" for name in odd_faces()]], "labels": labels, "browser": INJECTIONS[2],
                "least": 2 * len(INJECTIONS)}
    one.close()


def test_nothing_that_is_said_is_more_than_text(hostile):
    hub, given = hostile
    drive("injection", hub, **given)


def test_a_planted_bug_is_found(hostile):
    hub, given = hostile
    found = drive("planted", hub, **given)
    assert any("an element was made" in one for one in found["text as HTML"]), found
    assert any("content security policy" in one for one in found["text as HTML"]), found
    assert any("a script ran" in one for one in found["text as HTML, without a policy"]), found
    assert any("a link leads away" in one for one in found["text as a link"]), found


def test_every_view_is_accessible_in_light_and_dark(full):
    drive("accessible", full, password=people.PASSWORD, folder=str(SHOTS))


def test_nothing_is_wider_than_a_phone(full):
    drive("phone", full, password=people.PASSWORD, folder=str(SHOTS))


def test_the_keyboard_alone_is_enough(full):
    drive("keyboard", full, password=people.PASSWORD)


class Bringing(threading.Thread):
    """A device that brings what its hub asks for, as real ones do."""

    def __init__(self, line, contents):
        super().__init__()
        self.line, self.ended = line, threading.Event()
        self.contents = {hashlib.blake2b(content, digest_size=16).hexdigest(): content for content in contents}

    def run(self):
        while not self.ended.wait(1.05):  # it reports once a second at most
            _, answer = self.line.request("PUT", "/v1/report", "{}")
            for digest in answer.get("want", {}).get("blobs", []):
                content = self.contents[digest]
                code, said = self.line.request("PUT", f"/v1/blobs/{digest}?bytes={len(content)}&from=0", content)
                assert code == 200, said


def tone(seconds):
    """A WAV file of that length."""
    out = io.BytesIO()
    with wave.open(out, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(b"".join(struct.pack("<h", 8000 * (-1) ** (n // 10)) for n in range(int(8000 * seconds))))
    return out.getvalue()


def test_attached_pictures_and_sounds_are_asked_for_shown_and_played(hub, tmp_path):
    boss = people.admin(hub)
    line = hubs.FakeDevice(hub, tmp_path).join()
    bringing = Bringing(line, [png.plain((200, 40, 40)), tone(0.5),
                               b"<svg xmlns='http://www.w3.org/2000/svg'><script>window.__pwned = 1</script></svg>"])
    kinds = ["image/png", "audio/wav", "image/svg+xml"]
    stream = hubs.Stream().add(3, *[hubs.record({"x": {"$blob": digest, "type": kind, "bytes": len(content)}})
                                    for kind, (digest, content) in zip(kinds, bringing.contents.items())])
    line.hello(stream)
    line.send(stream)
    program, sound, picture = [one["id"] for one in boss.get("/v1/results")[1]["results"]]
    bringing.start()
    try:
        drive("attachments", hub, password=people.PASSWORD, picture=picture, sound=sound, seconds=0.5, program=program)
    finally:
        bringing.ended.set()
        bringing.join()


def test_a_device_has_a_page_of_its_own(device):
    """The same files, by `ebb open`; no hub is there."""
    device.workflow("ticks", "ebb: 1\nworkflow: ticks\ntrigger: { interval: 200ms }\nresults:\n"
                             "  - name: tick\n    from: { missed: \"${ .event.missed }\" }\n")
    device.start()
    SHOTS.mkdir(parents=True, exist_ok=True)
    devices.until("there are results", lambda: device.get("/v1/results")["results"])
    with subprocess.Popen([str(devices.EBB), "open", "--socket", str(device.socket), "--json"], stdout=subprocess.PIPE,
                          env=devices.clean_environment(), start_new_session=True) as child:
        try:
            drive_at("own_page", json.loads(child.stdout.readline())["url"], device, {"workflow": "ticks", "shots": str(SHOTS)})
        finally:
            devices.kill_group(child)
