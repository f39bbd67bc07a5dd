# SPDX-License-Identifier: Apache-2.0
"""What a device says of itself to its hub: what waits, what runs, what it looks like, and the attachments asked for."""
import contextlib
import hashlib
import http.client
import http.server
import json
import os
import ssl
import subprocess
import threading
import time

import pytest

import device as devices
from hub import FakeDevice, Stream
from test_full_disks import fill_up
from line import Line
from weather import Place

PICTURES = """\
ebb: 1
workflow: pictures
summary: Looks at pictures.
trigger: { watch: { path: INBOX, glob: "*.png", after: delete } }
durability: { runs: each, results: each }
steps:
  - id: size
    agent: filter
    with: { n: "${ .event.name }" }
  - id: long
    agent: filter
    needs: [size]
    when: .steps.size.n != "0.png"
    with: { n: "${ .steps.size.n }" }
results:
  - name: seen
    from: { name: "${ .event.name }", t: { value: "${ 2.5 }", unit: Cel }, n: "${ .steps.long.n }", from: "x${ .steps.size.n }" }
    attach:
      picture: { from: "${ .event.image }", as: image/png, max: 32MiB, keep: 1hEGRESS }
"""
FILTER = "ebb: 1\nagent: filter\nversion: 1.0.0\nkind: jq\nfilter: '.'\n"
PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture
def place(tmp_path):
    one = Place(tmp_path)
    try:
        yield one
    finally:
        one.close()


def begin(place, text=PICTURES, egress="", **more):
    place.start_hub(**more)
    place.join(place.device)
    place.device.agent("filter", FILTER)
    place.device.workflow("pictures", text.replace("EGRESS", egress))
    place.device.start()
    return place


def name_of(place):
    return place.hub.get("/v1/devices")["devices"][0]["name"]


def report(place):
    return place.hub.get(f"/v1/devices/{name_of(place)}")["report"]


def reported(place, what, matches, patience=devices.PATIENCE):
    """Waits until the newest report is so; a person who wants to know it asks the device."""
    def is_so():
        found = report(place)
        return found if found is not None and matches(found) else place.hurry()
    return devices.until(what, is_so, patience, pause=0.2)


def drop(place, name, content):
    """One that the watcher sees whole."""
    (place.device.folder / name).write_bytes(content)
    os.rename(place.device.folder / name, place.device.inbox / name)
    return hashlib.blake2b(content, digest_size=16).hexdigest()


def on_hub(place, count):
    return devices.until("the hub has the results", lambda: found if len(
        found := place.hub.get("/v1/results?limit=100")["results"]) >= count else None)


def blob(place, digest):
    """(code, type, bytes) of an attachment at the hub."""
    connection = devices._SocketConnection(str(place.hub.socket), 10)
    try:
        connection.request("GET", f"/v1/blobs/{digest}")
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        connection.close()


def want(place, digest, device=None):
    return place.hub.ask("POST", f"/v1/blobs/{digest}/want", {"device": device or name_of(place)})


def arrived(place, digest, patience=devices.PATIENCE):
    def is_here():
        code, headers, content = blob(place, digest)
        return (headers, content) if code == 200 else place.hurry()
    return devices.until("the attachment is here", is_here, patience, pause=0.2)


def state(place, digest, word):
    return devices.until(f"it is {word}", lambda: json.loads(blob(place, digest)[2]).get("attachment", {}).get("state")
                         == word or place.hurry(), pause=0.2)


def test_the_hub_knows_what_runs_where_and_how_often_each_step_ran(place):
    begin(place)
    for number in range(3):
        drop(place, f"{number}.png", PNG + os.urandom(100))
    drop(place, "a-long-name.png", PNG + os.urandom(100))
    on_hub(place, 4)
    found = reported(place, "all runs are reported", lambda said: said["workflows"] and
                     said["workflows"][0]["results"] == 4)
    workflow = found["workflows"][0]
    assert workflow["name"] == "pictures"
    assert workflow["state"] == "running"
    assert workflow["steps"] == {"size": {"runs": 4, "failures": 0, "skipped": 0},
                                 "long": {"runs": 3, "failures": 0, "skipped": 1}}
    assert workflow["results_by_name"] == {"seen": 4}
    assert [lane["lane"] for lane in found["lanes"]] == ["control", "urgent", "high", "normal", "low", "telemetry", "bulk"]
    assert found["clock"]["quality"] in ("good", "unsure", "bad")
    assert found["store"]["full"] is False
    assert any(agent["name"] == "filter" for agent in found["agents"])
    assert found["came_at"].endswith("Z")
    own = place.device.get("/v1/workflows/pictures")
    assert [(step["id"], step["runs"], step["skipped"]) for step in own["steps"]] == [("size", 4, 0), ("long", 3, 1)]
    assert own["results_by_name"] == {"seen": 4}
    assert own["digest"] == workflow["digest"]
    shown = devices.until("its face is there", lambda: one if (
        one := place.hub.get("/v1/workflows/pictures"))["face"] else None)
    assert shown["devices"] == 1
    assert shown["digests"] == [{"digest": workflow["digest"], "devices": 1}]
    assert shown["steps"] == workflow["steps"]
    assert shown["counts"]["runs"] == 4
    face = shown["face"]
    assert face["summary"] == "Looks at pictures."
    assert face["trigger"] == "watch"
    assert [(step["id"], step["agent"], step["needs"], step["when"]) for step in face["steps"]] == [
        ("size", "filter", [], False), ("long", "filter", ["size"], True)]
    result = face["results"][0]
    assert result["steps"] == ["size", "long"]
    assert {field["name"]: (field["type"], field.get("unit")) for field in result["fields"]} == {
        "name": ("any", None), "t": ("number", "Cel"), "n": ("any", None), "from": ("string", None), "picture": ("image", None)}
    listed = place.hub.get("/v1/workflows")["workflows"]
    assert listed == [{"name": "pictures", "summary": "Looks at pictures.", "devices": 1, "digest": workflow["digest"]}]
    devices.until("the row is written", lambda: place.hub.rows("SELECT count(*) FROM report") == [(1,)])
    assert place.hub.rows("SELECT workflow FROM workflow_face") == [("pictures",)]
    assert place.hub.ask("GET", "/v1/workflows/other")[0] == 404


def test_a_picture_of_a_result_is_shown_at_the_hub(place):
    begin(place)
    content = PNG + os.urandom(300000)
    digest = drop(place, "a.png", content)
    on_hub(place, 1)
    assert blob(place, digest)[0] == 404
    code, said = want(place, digest)
    assert (code, said["state"]) == (202, "wanted")
    headers, found = arrived(place, digest)
    assert found == content
    assert headers["Content-Type"] == "image/png"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert want(place, digest)[1]["state"] == "here"
    assert (place.hub.data / "blobs" / digest).read_bytes() == content
    assert not list((place.hub.data / "blobs").glob("*.part"))
    place.hub.stop()
    place.restart_hub()
    assert blob(place, digest)[2] == content


@pytest.mark.parametrize("egress", [", egress: never", None])
def test_what_may_not_leave_stays_and_the_hub_is_told(place, egress):
    text = PICTURES if egress else PICTURES.replace("durability:", "privacy: { egress: { image: never } }\ndurability:")
    begin(place, text, egress or "")
    digest = drop(place, "a.png", PNG + os.urandom(1000))
    on_hub(place, 1)
    want(place, digest)
    state(place, digest, "kept")
    assert not list((place.hub.data / "blobs").iterdir())
    said = place.hub.ebb("result", "save", on_hub(place, 1)[0]["id"], "--to", place.folder / "saved", "--wait", "20s")
    assert said.code != 0
    assert not (place.folder / "saved" / "picture.png").exists()


def test_a_hash_that_nothing_attaches_is_gone(place):
    begin(place)
    drop(place, "a.png", PNG)
    on_hub(place, 1)
    want(place, "00" * 16)
    state(place, "00" * 16, "gone")
    want(place, "00" * 16)
    assert place.hub.get("/v1/blobs/" + "00" * 16 + "/want")["state"] == "wanted"
    assert want(place, "00" * 16, "nobody")[0] == 404


def test_what_is_too_large_is_said_to_be(place):
    begin(place)
    digest = drop(place, "a.png", PNG + bytes((16 << 20) + 1))
    on_hub(place, 1)
    want(place, digest)
    state(place, digest, "too_large")


def test_an_attachment_goes_on_where_the_line_was_cut(place):
    begin(place)
    content = PNG + os.urandom(3_000_000)
    digest = drop(place, "a.png", content)
    on_hub(place, 1)
    place.connect()
    want(place, digest)
    part = place.hub.data / "blobs" / f"{digest}.part"
    for cut in (900_000, 700_000):
        place.line.cut_up = cut
        devices.until("the line is cut", lambda: place.line.cut_up is None or place.hurry(), pause=0.2)
        assert 0 < part.stat().st_size < len(content)
    sent_before = place.line.up_bytes
    had = part.stat().st_size
    place.hub.kill()
    place.restart_hub()
    assert arrived(place, digest)[1] == content
    assert place.line.up_bytes - sent_before < len(content) - had + 400_000
    assert not part.exists()


def test_a_command_brings_what_a_result_attaches(place):
    begin(place)
    content = PNG + os.urandom(100_000)
    drop(place, "a.png", content)
    identity = on_hub(place, 1)[0]["id"]
    with hurrying(place):
        said = place.hub.ebb("result", "save", identity, "--to", place.folder / "saved", "--wait", "30s")
    assert said.code == 0, said
    assert said.out.strip() == str(place.folder / "saved" / "picture.png")
    assert (place.folder / "saved" / "picture.png").read_bytes() == content
    place.device.stop()
    again = place.hub.ebb("result", "save", identity, "--to", place.folder / "again")
    assert again.code == 0, "what has come once is there for the next one"
    listed = place.hub.ebb("workflow", "list")
    assert listed.code == 0 and "pictures" in listed.out, listed
    shown = place.hub.ebb("workflow", "show", "pictures")
    assert shown.code == 0 and "filter" in shown.out and "size" in shown.out, shown
    shown = place.hub.ebb("device", "show", name_of(place))
    assert shown.code == 0 and "WAITING" in shown.out and "pictures" in shown.out, shown


@contextlib.contextmanager
def hurrying(place):
    """Somebody says `ebb sync now` at the device each half second."""
    ended = threading.Event()

    def run():
        while not ended.wait(0.5):
            place.hurry()
    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def test_the_oldest_attachments_make_room_for_others(place):
    config = place.folder / "hub.yaml"
    config.write_text("ebb: 1\nattachments: { bytes: 250KiB }\n")
    place.hub.start("--config", config)
    place.line = Line(place.hub.port)
    place.join(place.device)
    place.device.agent("filter", FILTER)
    place.device.workflow("pictures", PICTURES.replace("EGRESS", ""))
    place.device.start()
    digests = [drop(place, f"{number}.png", PNG + os.urandom(100_000)) for number in range(4)]
    on_hub(place, 4)
    for digest in digests:
        want(place, digest)
        arrived(place, digest)
    assert [place.hub.get(f"/v1/blobs/{digest}/want")["state"] for digest in digests] == [
        "removed", "removed", "here", "here"]
    devices.until("files go with their rows", lambda: sorted(one.name for one in (place.hub.data / "blobs").iterdir())
                  == sorted(digests[2:]))
    want(place, digests[0])
    arrived(place, digests[0])


def test_what_waits_is_known_while_the_hubs_disk_is_full(place, small_disk):
    disk = small_disk("24m")
    place.hub.data = disk / "hub"
    begin(place)
    drop(place, "before.png", PNG)
    on_hub(place, 1)
    reported(place, "it has reported", lambda said: said["workflows"][0]["results"] == 1)
    fill_up(disk / "filler")
    names = place_many(place, 150)
    found = reported(place, "what waits is known", lambda said: waiting(said, "normal") > 100, patience=60)
    lane = next(lane for lane in found["lanes"] if lane["lane"] == "normal")
    assert lane["behind"] is True
    assert lane["bytes"] > 0
    assert abs(lane["oldest_ms"] - time.time() * 1000) < 120_000
    assert place.hub.get("/v1/status")["disk_full"] is True
    (disk / "filler").unlink()
    place.drained(patience=60)
    reported(place, "nothing waits", lambda said: waiting(said, "normal") == 0, patience=60)
    assert len(names) == 150


def waiting(said, name):
    return next(lane["waiting"] for lane in said["lanes"] if lane["lane"] == name)


def place_many(place, count):
    return [drop(place, f"many-{number}.png", PNG + os.urandom(2000)) for number in range(count)]


def test_a_report_counts_by_the_hubs_clock_whatever_the_devices_says(place, tmp_path):
    place.start_hub()
    device = FakeDevice(place.hub, tmp_path).join()
    device.hello(Stream())
    wrong = {"clock": {"quality": "bad", "wall_ms": -5}, "came_at": "1970-01-01T00:00:00Z", "workflows": []}
    assert device.request("PUT", "/v1/report", json.dumps(wrong))[0] == 200
    said = place.hub.get(f"/v1/devices/{device.name}")["report"]
    assert said["clock"] == wrong["clock"]
    assert said["came_at"][:4] == time.strftime("%Y", time.gmtime())


def put(device, path, body, **more):
    """(code, sentence or answer)."""
    time.sleep(1.05 if path == "/v1/report" else 0)  # a device reports once a second at most
    code, answer = device.request("PUT", path, body, **more)
    return code, answer["error"]["text"] if isinstance(answer, dict) and "error" in answer else answer


def test_what_makes_no_sense_is_refused_with_a_sentence(place, tmp_path):
    place.start_hub()
    device = FakeDevice(place.hub, tmp_path).join()
    assert put(device, "/v1/report", "{}") == (400, "a connection begins with /v1/hello")
    device.hang_up()
    device.hello(Stream())
    for body, words in [("", "a report"), ("[]", "list, not a JSON object"), ("{", "a report"), ('"x"', "string"),
                        ('{"workflows": 1}', "`workflows` is a list"), ("[" * 70 + "]" * 70, "deep"), ("[" * 1000, "deep"),
                        ('{"workflows": [{"name": "a", "digest": "../../x"}]}', "32 hexadecimal digits")]:
        code, said = put(device, "/v1/report", body)
        assert code == 400 and words in said, (body, code, said)
    assert place.hub.get(f"/v1/devices/{device.name}")["report"] is None
    assert put(device, "/v1/report", "{}")[0] == 200
    assert device.request("PUT", "/v1/report", "{}")[0] == 503
    for path in ("/v1/faces/" + "ab" * 16, "/v1/blobs/" + "ab" * 16 + "?bytes=3&from=0"):
        assert put(device, path, "{}")[0] == 404
    for path in ("/v1/faces/..", "/v1/faces/" + "AB" * 16, "/v1/blobs/../../etc/passwd", "/v1/blobs/"):
        assert put(device, path, "{}")[0] in (400, 404)
    for head in ("Content-Length: 65537", "Transfer-Encoding: chunked"):
        with device.dial_greeted(Stream()) as raw:  # refused before a byte of the body has come
            raw.sendall(f"PUT /v1/report HTTP/1.1\r\nHost: hub\r\n{head}\r\n\r\n".encode())
            answer = http.client.HTTPResponse(raw, method="PUT")
            answer.begin()
            assert (answer.status, json.loads(answer.read())["error"]["text"]) == (413, "at most 65536 bytes are read here")


def test_a_part_is_taken_where_it_belongs_and_a_wrong_hash_is_found(place, tmp_path):
    place.start_hub()
    device = FakeDevice(place.hub, tmp_path).join()
    other = FakeDevice(place.hub, tmp_path, "line-4").join()
    content = PNG + os.urandom(1000)
    digest = hashlib.blake2b(content, digest_size=16).hexdigest()
    device.hello(Stream())
    other.hello(Stream())
    want(place, digest, device.name)
    assert put(device, "/v1/report", "{}")[1]["want"]["blobs"] == [digest]
    path = f"/v1/blobs/{digest}?bytes={len(content)}"
    assert put(other, f"{path}&from=0", content)[0] == 404, "nobody asked that device"
    for query in ("", "?bytes=0&from=0", "?bytes=16777217&from=0", "?bytes=9&from=-1", "?bytes=x&from=0", "?bytes=9&from=1e3"):
        assert put(device, f"/v1/blobs/{digest}{query}", b"x")[0] == 400, query
    assert put(device, f"{path}&from=0", b"") == (200, {"have": 0, "here": False})
    assert put(device, f"{path}&from=0", content[:100]) == (200, {"have": 100, "here": False})
    assert put(device, f"{path}&from=50", content[50:]) == (409, {"have": 100, "here": False})
    assert put(device, f"{path}&from=100", content[100:] + b"x")[0] == 400
    assert put(device, f"{path}&from=100", content[100:-1] + bytes([content[-1] ^ 1]))[0] == 422
    assert place.hub.get(f"/v1/blobs/{digest}/want")["state"] == "damaged"
    assert not list((place.hub.data / "blobs").iterdir())
    want(place, digest, device.name)
    assert put(device, f"{path}&from=0", content) == (200, {"have": len(content), "here": True})
    assert put(device, f"{path}&from=0", content)[0] == 404, "nobody waits for it any more"
    assert blob(place, digest)[2] == content


def test_what_is_no_picture_is_handed_out_as_a_file(place, tmp_path):
    place.start_hub()
    device = FakeDevice(place.hub, tmp_path).join()
    device.hello(Stream())
    content = b"<html><script>alert(1)</script>"
    digest = hashlib.blake2b(content, digest_size=16).hexdigest()
    want(place, digest, device.name)
    assert put(device, f"/v1/blobs/{digest}?bytes={len(content)}&from=0", content)[0] == 200
    code, headers, found = blob(place, digest)
    assert (code, found) == (200, content)
    assert headers["Content-Type"] == "application/octet-stream"
    assert headers["Content-Disposition"] == "attachment"


def test_sums_are_over_devices_that_may_come_in(place, tmp_path):
    place.start_hub()
    crowd = [FakeDevice(place.hub, tmp_path, f"line-{number}").join() for number in range(3)]
    digests = ["11" * 16, "11" * 16, "22" * 16]
    for number, device in enumerate(crowd):
        device.hello(Stream())
        report_text = {"workflows": [
            {"name": "w", "digest": digests[number], "state": "running" if number else "faulty", "runs": 10, "results": -7,
             "failures": 2 ** 70, "steps": {"a": {"runs": 5, "failures": 1, "skipped": "many"}, "b": 3},
             "results_by_name": {"r": 4, "s": None}}, {"name": f"own-{number}"}]}
        code, answer = put(device, "/v1/report", json.dumps(report_text))
        assert code == 200
        if answer["want"]["workflows"]:
            face = {"workflow": "w", "summary": f"of {number}", "steps": []}
            assert put(device, "/v1/faces/" + digests[number], json.dumps(face))[0] == 200
    said = place.hub.get("/v1/workflows/w")
    assert said["devices"] == 3
    assert sorted((one["digest"], one["devices"]) for one in said["digests"]) == [("11" * 16, 2), ("22" * 16, 1)]
    assert said["states"] == {"faulty": 1, "running": 2}
    assert said["counts"]["runs"] == 30
    assert said["counts"]["results"] == said["counts"]["failures"] == 0
    assert said["steps"]["a"] == {"runs": 15, "failures": 3, "skipped": 0}
    assert said["results_by_name"]["r"] == 12
    assert said["face"]["summary"] == "of 2"
    assert [row["name"] for row in place.hub.get("/v1/workflows")["workflows"]] == ["own-0", "own-1", "own-2", "w"]
    place.hub.ask("DELETE", "/v1/devices/line-2")
    devices.until("a device that is gone counts no more", lambda: place.hub.get("/v1/workflows/w")["devices"] == 2)


class OldHub:
    """A hub of a release before, as far as a device sees it: it knows hello, and no reports."""

    def __init__(self, folder, certificate, key):
        self.asked = []
        own, request = folder / "old.pem", folder / "old.csr"
        subprocess.run(["openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
                        folder / "old.key", "-out", request, "-subj", "/CN=localhost"], check=True, capture_output=True)
        extensions = folder / "old.ext"
        extensions.write_text("extendedKeyUsage=serverAuth\nbasicConstraints=CA:FALSE\nsubjectAltName=DNS:localhost\n")
        subprocess.run(["openssl", "x509", "-req", "-in", request, "-CA", certificate, "-CAkey", key, "-CAcreateserial",
                        "-days", "2", "-out", own, "-extfile", extensions], check=True, capture_output=True)
        own.write_text(own.read_text() + certificate.read_text())
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(own, folder / "old.key")
        context.load_verify_locations(certificate)
        context.verify_mode = ssl.CERT_REQUIRED
        hub = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *words):
                pass

            def take(self):
                body = self.rfile.read(int(self.headers["Content-Length"])) if "Content-Length" in self.headers else \
                    read_chunks(self.rfile)
                hub.asked.append((self.command, self.path))
                code, answer = hub.answer(self.path, body)
                text = json.dumps(answer).encode()
                self.send_response(code)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            do_POST = do_PUT = take

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    @staticmethod
    def answer(path, body):
        if path == "/v1/hello":
            streams = [{"id": one["id"], "verdict": "ok", "lanes": []} for one in json.loads(body)["streams"]]
            return 200, {"protocol": 1, "connection": 1, "hub_store": "01" * 16, "hub_ms": int(time.time() * 1000),
                         "spread_ms": 0, "grant": {"bytes": 1 << 20, "after_ms": 0}, "streams": streams}
        if path.startswith("/v1/streams/"):
            return 507, {}
        return 404, {"error": {"class": "not_found", "text": f"no resource at {path}"}}

    def count(self, path):
        return len([one for one in self.asked if one[1].startswith(path)])

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def read_chunks(stream):
    """A body that comes chunked."""
    body = b""
    while size := int(stream.readline(), 16):
        body += stream.read(size)
        stream.readline()
    stream.readline()
    return body


def test_a_hub_of_the_release_before_is_asked_once_a_connection_and_gets_its_records(place):
    certificate, key = place.folder / "own.pem", place.folder / "own.key"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key,
                    "-out", certificate, "-days", "30", "-subj", "/CN=own", "-addext",
                    "basicConstraints=critical,CA:TRUE,pathlen:0", "-addext", "keyUsage=critical,keyCertSign"], check=True, capture_output=True)
    place.hub.start("--authority", certificate, "--authority-key", key)
    place.line = Line(place.hub.port)
    place.join(place.device)
    place.hub.stop()
    old = OldHub(place.folder, certificate, key)
    try:
        place.line.target = old.port
        place.device.agent("filter", FILTER)
        place.device.workflow("pictures", PICTURES.replace("EGRESS", ""))
        place.device.start()
        devices.until("it was asked once", lambda: old.count("/v1/report") == 1)
        drop(place, "a.png", PNG)
        devices.until("records come all the same", lambda: old.count("/v1/streams/"))
        for _ in range(4):
            place.hurry()
            time.sleep(0.5)
        assert old.count("/v1/report") == 1
        assert old.count("/v1/hello") == 1
        place.line.reset()
        devices.until("it is asked again on the next connection", lambda: old.count("/v1/report") == 2 or place.hurry(),
                      pause=0.5)
    finally:
        old.close()
