# SPDX-License-Identifier: Apache-2.0
"""Devices join a hub by a token, whatever the line does; who should not come in does not."""
import base64
import contextlib
import json
import os
import pathlib
import socket
import ssl
import stat
import subprocess
import tempfile
import threading
import time

import pytest

import device as devices
from hub import FakeDevice, Hub, Stream, record

BREAKS = int(os.environ.get("EBB_BREAKS", "20"))  # in each direction; 100000 is each byte
MINUTE_MS, DAY_MS = 60_000, 24 * 3600 * 1000
INVALID, NOT_FOUND, OFFLINE, BUSY, CONFLICT, DENIED = 2, 3, 4, 5, 6, 9


@pytest.fixture
def hub(tmp_path):
    one = Hub(tmp_path)
    try:
        yield one
    finally:
        one.close()


class Clock:
    """The hub's wall clock, which a test sets forward and back."""

    def __init__(self, folder):
        self.path = folder / "offset"
        self.environment = {"EBB_TEST_WALL_OFFSET_FILE": str(self.path)}
        self.set(0)

    def set(self, offset_ms):
        fresh = self.path.with_suffix(".new")
        fresh.write_text(str(offset_ms))
        fresh.rename(self.path)


@pytest.fixture
def clock(tmp_path):
    return Clock(tmp_path)


def token(hub, **wish):
    code, made = hub.ask("POST", "/v1/tokens", wish)
    assert code == 200, made
    return made["token"]


def join(folder, text, *words, **more):
    return devices.ebb("join", text, "--data", folder, *words, **more)


def identity(folder):
    return json.loads((folder / "hub.json").read_text())


def own_certificate(folder):
    """The first certificate of hub.json, which is the device's."""
    return identity(folder)["certificate"].split("-----END CERTIFICATE-----")[0]


def speaker(hub, tmp_path, folder):
    """Who speaks to the hub in bytes, with what `ebb join` left in a folder."""
    return FakeDevice(hub, tmp_path).adopt(identity(folder)["certificate"].encode(),
                                           (folder / "identity.key").read_bytes())


class Line:
    """A line to the hub that counts bytes, and breaks after so many in one direction."""

    def __init__(self, port, up=None, down=None):
        self.port, self.bounds = port, {"up": up, "down": down}
        self.counts = {"up": 0, "down": 0}
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self.listener.getsockname()[1]}"
        self.ends = []
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        with contextlib.suppress(OSError):
            while True:
                near, _ = self.listener.accept()
                far = socket.create_connection(("127.0.0.1", self.port), devices.PATIENCE)
                self.ends += [near, far]
                threading.Thread(target=self.carry, args=("up", near, far), daemon=True).start()
                threading.Thread(target=self.carry, args=("down", far, near), daemon=True).start()

    def carry(self, way, source, target):
        bound = self.bounds[way]
        with contextlib.suppress(OSError):
            while part := source.recv(65536):
                kept = part if bound is None else part[:max(0, bound - self.counts[way])]
                target.sendall(kept)
                self.counts[way] += len(kept)
                if len(kept) < len(part):
                    break
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def close(self):
        self.listener.close()
        for end in self.ends:
            end.close()


class Proxy(Line):
    """A proxy that lets those through who say the right word."""

    def __init__(self, word):
        self.word, self.asked = base64.b64encode(word.encode()).decode(), []
        super().__init__(None)

    def serve(self):
        with contextlib.suppress(OSError):
            while True:
                near, _ = self.listener.accept()
                head = b""
                while b"\r\n\r\n" not in head:
                    head += near.recv(1)
                self.asked.append(head.split()[1].decode())
                if f"Proxy-Authorization: Basic {self.word}" not in head.decode():
                    near.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
                    near.close()
                    continue
                host, port = self.asked[-1].rsplit(":", 1)
                far = socket.create_connection((host, int(port)), devices.PATIENCE)
                near.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                self.ends += [near, far]
                threading.Thread(target=self.carry, args=("up", near, far), daemon=True).start()
                threading.Thread(target=self.carry, args=("down", far, near), daemon=True).start()


# --- joining ------------------------------------------------------------------------------------------


def test_one_word_joins_a_device(hub, tmp_path):
    hub.start()
    made = hub.ebb("token", "new", "--name", "line-3", "--label", "hall=b")
    assert made.code == 0 and made.out.startswith("EBB1-") and "ebb join" in made.err, made
    folder = tmp_path / "joined"
    answer = join(folder, made.out.strip(), "--label", "room=7")
    assert answer.code == 0 and answer.out == "" and "line-3" in answer.err, answer
    for name in ("hub.json", "identity.key"):
        assert stat.S_IMODE((folder / name).stat().st_mode) == 0o600
    assert sorted(os.listdir(folder)) == ["hub.json", "identity.key"]
    shown = hub.get("/v1/devices/line-3")
    assert shown["id"] == identity(folder)["device"] and shown["state"] == "active"
    assert shown["labels"] == {"room": "7", "hall": "b"} and shown["facts"]["ebb"] == "0.1.0"
    listed = hub.ebb("device", "list", "--label", "hall=b", "--json").lines()
    assert [one["name"] for one in listed] == ["line-3"]
    assert hub.ebb("device", "list", "--label", "hall=c", "--json").lines() == []
    assert speaker(hub, tmp_path, folder).hello()["hub_ms"] > 0


def test_a_token_may_come_over_standard_input(hub, tmp_path):
    hub.start()
    assert join(tmp_path / "a", "-", stdin="").code == INVALID
    assert join(tmp_path / "a", "-", stdin="EBB1-AAAA\n").code == INVALID
    assert join(tmp_path / "a", "-", stdin=token(hub) + "\n").code == 0


def test_a_joined_device_joins_no_second_hub(hub, tmp_path):
    hub.start()
    folder = tmp_path / "joined"
    text = token(hub, uses=2)
    assert join(folder, text).code == 0
    before = (folder / "hub.json").read_bytes()
    answer = join(folder, text)
    assert answer.code == CONFLICT and "ebb leave" in answer.err, answer
    assert (folder / "hub.json").read_bytes() == before
    left = devices.ebb("leave", "--data", folder, "--json")
    assert left.code == 0 and left.lines()[0]["hub_knows"] is True, left
    assert os.listdir(folder) == []
    assert [row[0] for row in hub.rows("SELECT state FROM device")] == [2]
    assert devices.ebb("leave", "--data", folder).code == NOT_FOUND
    assert join(folder, text).code == 0


def test_a_word_that_is_no_token_asks_nobody(tmp_path):
    folder = tmp_path / "joined"
    for text, words in (("EBB1-AAAA", "mistyped"), ("hub.example:8443", "no token")):
        answer = join(folder, text)
        assert answer.code == INVALID and words in answer.err, answer
    assert not folder.exists()


def test_a_token_without_an_address_needs_one(hub, tmp_path):
    hub.start()
    there = token(hub)
    listening = f"127.0.0.1:{hub.port}"
    elsewhere = token(hub, addresses="127.0.0.1:1")
    answer = join(tmp_path / "a", elsewhere)
    assert answer.code == OFFLINE and "127.0.0.1:1" in answer.err, answer
    assert join(tmp_path / "a", elsewhere, "--hub", listening).code == 0
    assert identity(tmp_path / "a")["hubs"][0] == listening
    assert join(tmp_path / "b", there, "--hub", "127.0.0.1:1").code == 0  # the token's own is tried behind it



def test_the_address_that_is_shown_is_the_one_that_answers(device, hub):
    hub.start()
    assert join(device.data, token(hub), "--hub", "127.0.0.1:1").code == 0
    device.start()
    devices.until("the hub is reached", lambda: device.get("/v1/sync")["connected"])
    said = device.cli("sync", "status").out
    assert f"Connected to 127.0.0.1:{hub.port}." in said, said


INBOX = """
ebb: 1
workflow: inbox
trigger: { watch: { path: INBOX, glob: "*.txt", text: true } }
results:
  - name: text
    from: { text: "${ .event.text }" }
"""


def test_a_daemon_that_runs_is_told_and_sends_at_once(hub, device):
    hub.start()
    device.workflow("inbox", INBOX)
    device.start()
    device.drop("a.txt", b"before")
    device.wait_results(1)
    answer = device.cli("join", token(hub, name="line-3"))
    assert answer.code == 0, answer
    assert (device.data / "hub.json").exists()  # the data folder is the daemon's
    devices.until("the result is at the hub", lambda: hub.get("/v1/results")["results"])
    device.drop("b.txt", b"after")
    devices.until("the second as well", lambda: len(hub.get("/v1/results")["results"]) == 2)
    assert {one["device_name"] for one in hub.get("/v1/results")["results"]} == {"line-3"}
    answer = device.cli("leave")
    assert answer.code == 0, answer
    devices.until("the daemon has left", lambda: device.get("/v1/sync")["joined"] is False)
    device.drop("c.txt", b"alone")
    device.wait_results(3)
    assert [one["state"] for one in hub.get("/v1/devices")["devices"]] == ["left"]
    assert device.cli("join", token(hub, device="line-3")).code == 0
    devices.until("what waited is at the hub", lambda: len(hub.get("/v1/results")["results"]) == 3)
    assert len(hub.rows("SELECT 1 FROM stream")) == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="only root works for others")
def test_what_root_leaves_belongs_to_the_folders_owner(hub):
    hub.start()
    nobody = 65534
    with tempfile.TemporaryDirectory(prefix="ebb-join-", dir="/tmp") as name:
        folder = pathlib.Path(name)
        os.chown(folder, nobody, nobody)
        assert join(folder, token(hub)).code == 0
        assert {path.stat().st_uid for path in folder.iterdir()} == {nobody}
        assert {path.name for path in folder.iterdir()} == {"hub.json", "identity.key"}


def test_a_proxy_is_kept_with_the_hub(hub, device):
    hub.start()
    proxy = Proxy("works:w%rd")
    device.workflow("inbox", INBOX)
    device.start()
    text = token(hub)
    refused = device.cli("join", text, "--proxy", f"http://works:wrong@{proxy.address}")
    assert refused.code == DENIED and "proxy" in refused.err and "wrong" not in refused.err, refused
    assert device.cli("join", text, "--proxy", f"http://works:w%25rd@{proxy.address}").code == 0
    device.drop("a.txt", b"through the proxy")
    devices.until("the result is at the hub", lambda: hub.get("/v1/results")["results"])
    assert len(proxy.asked) >= 3 and set(proxy.asked) == {f"127.0.0.1:{hub.port}"}
    device.stop()
    proxy.close()


def test_another_folder_than_the_daemons_is_said(hub, device, tmp_path):
    hub.start()
    device.start()
    answer = device.cli("join", token(hub), "--data", tmp_path / "other")
    assert answer.code == 0 and "is not told" in answer.err and str(device.data) in answer.err, answer
    assert (tmp_path / "other" / "hub.json").exists() and not (device.data / "hub.json").exists()
    assert device.get("/v1/sync")["joined"] is False


# --- the line breaks ----------------------------------------------------------------------------------


def broken_at(total):
    """Byte counts from the first to the last, evenly."""
    return sorted({1, total - 1, *(total * part // BREAKS for part in range(1, BREAKS))} - {0})


def test_wherever_the_line_breaks_there_is_one_device_with_one_certificate(hub, tmp_path):
    hub.start()
    port = hub.port
    whole = Line(port)
    assert join(tmp_path / "whole", token(hub, addresses=whole.address, name="whole")).code == 0
    whole.close()
    places = [("up", at) for at in broken_at(whole.counts["up"])]
    places += [("down", at) for at in broken_at(whole.counts["down"])]
    issued_before_the_break = 0
    for way, at in places:
        name = f"{way}-{at}"
        folder = tmp_path / name
        text = token(hub, name=name)
        line = Line(port, **{way: at})
        first = join(folder, text, "--hub", line.address)
        line.close()
        key = (folder / "identity.key").read_bytes()
        rows = hub.rows("SELECT c.pem FROM certificate c JOIN device d ON d.id = c.device WHERE d.name = ?", name)
        issued_before_the_break += len(rows)
        if first.code != 0:
            assert not (folder / "hub.json").exists()
            assert join(folder, text).code == 0, (name, first)
        assert (folder / "identity.key").read_bytes() == key
        after = hub.rows("SELECT c.pem FROM certificate c JOIN device d ON d.id = c.device WHERE d.name = ?", name)
        assert len(after) == 1 and (not rows or rows == after)
        assert after[0][0].startswith(own_certificate(folder))
    assert len(hub.rows("SELECT 1 FROM device")) == len(places) + 1
    assert 0 < issued_before_the_break < len(places), "no break fell where the hub had issued, or none before"


def test_a_device_that_is_killed_while_it_joins_joins_in_the_end(hub, tmp_path):
    hub.start()
    for attempt in range(8):
        folder = tmp_path / f"device-{attempt}"
        text = token(hub, name=folder.name)
        for pause_ms in range(5, 200, 11):
            child = subprocess.Popen([devices.EBB, "join", text, "--data", folder], env=devices.clean_environment(),
                                     stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
            time.sleep(pause_ms / 1000 + attempt / 700)
            devices.kill_group(child)
            child.wait(devices.PATIENCE)
            if (folder / "hub.json").exists():
                break
        if not (folder / "hub.json").exists():
            assert join(folder, text).code == 0
        pem = hub.rows("SELECT c.pem FROM certificate c JOIN device d ON d.id = c.device WHERE d.name = ?", folder.name)
        assert len(pem) == 1 and pem[0][0].startswith(own_certificate(folder))
        assert join(folder, text).code == CONFLICT  # what lies there is whole
    assert len(hub.rows("SELECT 1 FROM device")) == 8 and hub.rows("SELECT 1 FROM alarm") == []


def test_a_hub_that_was_killed_remembers_whom_it_let_in(hub, tmp_path):
    hub.start("--names", "127.0.0.1")
    text = token(hub)
    assert join(tmp_path / "a", text, "--hub", f"127.0.0.1:{hub.port}").code == 0
    certificate = own_certificate(tmp_path / "a")
    (tmp_path / "a" / "hub.json").unlink()  # the reply was lost with the device's power
    hub.kill()
    hub.start("--names", "127.0.0.1")
    assert join(tmp_path / "a", text, "--hub", f"127.0.0.1:{hub.port}").code == 0
    assert own_certificate(tmp_path / "a") == certificate
    assert join(tmp_path / "b", text, "--hub", f"127.0.0.1:{hub.port}").code == CONFLICT


# --- who should not -----------------------------------------------------------------------------------


def test_a_token_that_comes_again_is_refused_and_told_on_both_sides(hub, tmp_path):
    hub.start()
    text = token(hub)
    assert join(tmp_path / "a", text).code == 0
    answer = join(tmp_path / "b", text)
    assert answer.code == CONFLICT and "TOKEN_REUSE" in answer.err, answer
    alarms = hub.ebb("alarm", "list")
    assert "TOKEN_REUSE" in alarms.out and "127.0.0.1" in alarms.out, alarms
    assert "TOKEN_REUSE" in hub.log()
    assert len(hub.rows("SELECT 1 FROM device")) == 1
    assert speaker(hub, tmp_path, tmp_path / "a").hello()


def test_a_token_expires_and_can_be_withdrawn(hub, tmp_path, clock):
    hub.start(environment=clock.environment)
    text = token(hub, ttl_ms=MINUTE_MS)
    clock.set(MINUTE_MS + 1000)
    answer = join(tmp_path / "a", text)
    assert answer.code == DENIED and "expired" in answer.err, answer
    other = hub.ebb("token", "new", "--ttl", "1h", "--json").lines()[0]
    assert hub.ebb("token", "rm", other["id"]).code == 0
    assert hub.ebb("token", "rm", other["id"]).code == NOT_FOUND
    answer = join(tmp_path / "a", other["token"])
    assert answer.code == DENIED and "withdrawn" in answer.err, answer
    assert hub.rows("SELECT 1 FROM device") == []


def test_what_a_token_cannot_be_is_said_in_the_words_of_the_command(hub):
    hub.start()
    for span in ("900d", "59s", "367d"):
        said = hub.ebb("token", "new", "--ttl", span)
        assert said.code == INVALID and f"--ttl is a span from 1m to 366d, not '{span}'" in said.err, said
    for span in ("366d", "1m"):
        assert hub.ebb("token", "new", "--ttl", span).code == 0
    for name in ("Gw 3", "0" * 32, "3-gw", "g" * 64):
        said = hub.ebb("access", "new", name)
        assert said.code == INVALID and f"'{name}' cannot be the name of a program: names are small letters" in said.err, said


def test_guessing_is_slowed_down(hub, tmp_path):
    hub.start()
    guesser = FakeDevice(hub, tmp_path)
    body = json.dumps({"csr": guesser.make_key(), "token": "00" * 8, "proof": "00" * 32})
    said = [guesser.request("POST", "/v1/enrol", body) for _ in range(12)]
    codes = [code for code, _ in said]
    assert codes == [403] * 10 + [429] * 2, said
    assert len({answer["error"]["text"] for _, answer in said[:10]}) == 1
    answer = join(tmp_path / "a", token(hub))  # a right one from there waits as well
    assert answer.code == BUSY, answer
    assert hub.rows("SELECT 1 FROM device") == []


class Impostor:
    """Another server, with a certificate of its own, and what it is told after the handshake."""

    def __init__(self, folder):
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                        "-keyout", folder / "impostor.key", "-out", folder / "impostor.pem", "-subj", "/CN=hub",
                        "-addext", "extendedKeyUsage=serverAuth", "-addext", "subjectAltName=IP:127.0.0.1"],
                       check=True, capture_output=True)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(folder / "impostor.pem", folder / "impostor.key")
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self.listener.getsockname()[1]}"
        self.connections, self.heard = 0, b""
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        with contextlib.suppress(OSError):
            while True:
                near, _ = self.listener.accept()
                self.connections += 1
                near.settimeout(devices.PATIENCE)
                with contextlib.suppress(OSError), self.context.wrap_socket(near, server_side=True) as line:
                    while part := line.recv(65536):
                        self.heard += part


def test_another_hub_is_told_nothing(hub, tmp_path):
    hub.start()
    impostor = Impostor(tmp_path)
    text = token(hub, addresses=impostor.address)
    answer = join(tmp_path / "a", text)
    assert answer.code == DENIED, answer
    assert impostor.connections >= 1 and impostor.heard == b""
    impostor.listener.close()
    other = Hub(tmp_path, tmp_path / "other")
    try:
        other.start()
        answer = join(tmp_path / "a", text, "--hub", f"127.0.0.1:{other.port}")
        assert answer.code in (OFFLINE, DENIED) and not (tmp_path / "a" / "hub.json").exists(), answer
        assert other.rows("SELECT 1 FROM alarm") == [] and "/v1/enrol" not in other.log()
    finally:
        other.close()
    assert join(tmp_path / "a", text, "--hub", f"127.0.0.1:{hub.port}").code == 0


# --- certificates -------------------------------------------------------------------------------------


def test_a_revoked_device_is_denied_at_its_next_request(hub, tmp_path):
    hub.start()
    folder = tmp_path / "a"
    assert join(folder, token(hub, name="line-3")).code == 0
    one = speaker(hub, tmp_path, folder)
    one.hello()
    assert hub.ebb("revoke", "line-3").code == 0
    stream = Stream().add(3, record({"late": True}))
    code, answer = one.put(stream, 3, stream.frames(3))
    assert code in (401, 403) and "revoked" in answer["error"]["text"], answer
    assert hub.rows("SELECT 1 FROM record") == []
    one.hang_up()
    code, answer = one.request("POST", "/v1/renew", json.dumps({"csr": request_for(folder)}))
    assert code == 403, answer
    assert "REVOKED_USE" in hub.ebb("alarm", "list", "--json").out
    shown = hub.ebb("device", "show", "line-3").out
    assert "revoked" in shown and "CERTIFICATE" in shown and "REVOKED_USE" in shown, shown
    assert hub.ebb("device", "show", "line-3", "--json").lines()[0]["certificates"][0]["state"] == "revoked"
    # Back in good hands: a token for it, and the key that was revoked forgotten.
    text = token(hub, device="line-3")
    assert join(folder, text).code == CONFLICT
    (folder / "hub.json").unlink()
    answer = join(folder, text)
    assert answer.code == DENIED and "ebb leave" in answer.err, answer
    assert devices.ebb("leave", "--data", folder).code == 0
    assert join(folder, text).code == 0 and identity(folder)["name"] == "line-3"
    assert speaker(hub, tmp_path, folder).hello()


def test_a_device_that_the_hub_refuses_is_told_so_and_what_to_do(hub, device):
    hub.start()
    device.workflow("inbox", INBOX)
    device.start()
    assert device.cli("join", token(hub, name="line-3")).code == 0
    devices.until("it is connected", lambda: device.get("/v1/sync")["connected"])

    def found(code):
        answer = device.cli("doctor", "--json")
        assert answer.code == code, answer
        return [one for one in answer.lines()[0]["findings"] if one["what"] in ("hub", "certificate")]

    assert found(0) == []
    assert "refused" not in device.get("/v1/sync")
    assert hub.ebb("revoke", "line-3").code == 0
    device.drop("a.txt", b"after")
    remedy = "`ebb leave`, then `ebb join TOKEN` with a token of `ebb hub token new --device NAME`."
    devices.until("the refusal is known", lambda: "refused" in device.get("/v1/sync"))
    for _ in range(2):
        first = device.cli("sync", "status").out.splitlines()[0]
        assert f":{hub.port} refuses this device: " in first and "revoked" in first and first.endswith(remedy), first
        [one] = found(DENIED)
        assert one["class"] == "denied" and "revoked" in one["text"] and one["remedy"] == remedy, one
        losses = device.get("/v1/sync")["retries"]
        assert device.cli("sync", "now").code == 0
        devices.until("it is tried again", lambda losses=losses: device.get("/v1/sync")["retries"] > losses)
    assert device.cli("leave").code in (0, DENIED)
    assert device.cli("join", token(hub, device="line-3")).code == 0
    devices.until("the result is at the hub", lambda: hub.get("/v1/results")["results"])
    assert "refused" not in device.get("/v1/sync") and found(0) == []
    hub.stop()
    devices.until("the hub is missed", lambda: not device.get("/v1/sync")["connected"])
    [one] = found(0)
    assert one["severity"] == "warning" and "is not reached, last heard of at " in one["text"], one
    assert "is not reached; " in device.cli("sync", "status").out.splitlines()[0]


def request_for(folder):
    """A certificate request for the device's own key."""
    return subprocess.run(["openssl", "req", "-new", "-key", folder / "identity.key", "-subj", "/CN=x"],
                          check=True, capture_output=True, text=True).stdout


def test_an_expired_certificate_renews_and_does_nothing_else(hub, tmp_path, clock):
    hub.start(environment=clock.environment)
    folder = tmp_path / "a"
    assert join(folder, token(hub)).code == 0
    clock.set(91 * DAY_MS)
    one = speaker(hub, tmp_path, folder)
    code, answer = one.request("POST", "/v1/hello", one.hello_text())
    assert code in (401, 403), answer
    one.hang_up()
    body = json.dumps({"csr": request_for(folder)})
    code, answer = one.request("POST", "/v1/renew", body)
    assert code == 200, answer
    assert one.request("POST", "/v1/renew", body)[1]["certificate"] == answer["certificate"]  # its reply was lost
    one.hang_up()
    renewed = FakeDevice(hub, tmp_path).adopt(answer["certificate"].encode(), (folder / "identity.key").read_bytes())
    assert renewed.hello()
    assert answer["device"] == identity(folder)["device"]


@pytest.mark.parametrize("days", [60, 100, 350])
def test_a_daemon_renews_by_itself_and_goes_on_sending(hub, device, clock, days):
    """Past half of the life, past its end, and after most of a year on the shelf; the hub's own lasts a year."""
    hub.start(environment=clock.environment)
    device.workflow("inbox", INBOX)
    device.start(environment=clock.environment)
    assert device.cli("join", token(hub)).code == 0
    device.drop("a.txt", b"before")
    devices.until("the first result is at the hub", lambda: len(hub.get("/v1/results")["results"]) == 1)
    before = own_certificate(device.data)
    device.stop()
    clock.set(days * DAY_MS)
    device.start(environment=clock.environment)
    device.drop("b.txt", b"after")
    devices.until("the certificate is a new one", lambda: own_certificate(device.data) != before)
    devices.until("the second result is at the hub", lambda: len(hub.get("/v1/results")["results"]) == 2)
    assert len(hub.rows("SELECT 1 FROM certificate")) == 2 and len(hub.rows("SELECT 1 FROM device")) == 1


def test_a_certificate_that_is_over_too_long_joins_anew(hub, tmp_path, clock):
    hub.start(environment=clock.environment)
    folder = tmp_path / "a"
    assert join(folder, token(hub)).code == 0
    clock.set((90 + 401) * DAY_MS)
    one = speaker(hub, tmp_path, folder)
    code, answer = one.request("POST", "/v1/renew", json.dumps({"csr": request_for(folder)}))
    assert code == 403 and "400 days" in answer["error"]["text"], answer


def test_without_a_certificate_there_is_nothing_but_joining(hub, tmp_path):
    hub.start()
    stranger = FakeDevice(hub, tmp_path)
    for method, path in (("POST", "/v1/hello"), ("POST", "/v1/renew"), ("POST", "/v1/leave"), ("GET", "/v1/devices"),
                         ("POST", "/v1/tokens"), ("GET", "/v1/status")):
        code, answer = stranger.request(method, path, "{}")
        assert code in (401, 403, 404), (path, code, answer)
    assert stranger.request("GET", "/healthz")[0] == 200


def test_a_device_whose_clock_says_1970_joins(hub, tmp_path):
    hub.start()
    folder = tmp_path / "a"
    wrong = {"EBB_TEST_WALL_OFFSET_MS": str(-int(time.time() * 1000))}
    assert join(folder, token(hub), environment=wrong).code == 0
    assert speaker(hub, tmp_path, folder).hello()


def test_a_new_card_takes_the_place_of_the_old_one(hub, tmp_path):
    hub.start()
    text = token(hub, uses=2, name="line-3")
    assert join(tmp_path / "old", text).code == 0 and join(tmp_path / "new", text).code == 0
    stream = Stream().add(3, record({"n": 1}))
    newer = speaker(hub, tmp_path, tmp_path / "new")
    newer.hello(stream)
    assert newer.put(stream, 3, stream.frames(3))[0] == 200
    answer = hub.ebb("device", "replace", "line-3", "line-3-2")
    assert answer.code == 0, answer
    assert [one["name"] for one in hub.get("/v1/devices")["devices"]] == ["line-3"]
    older = speaker(hub, tmp_path, tmp_path / "old")
    assert older.request("POST", "/v1/hello", older.hello_text())[0] in (401, 403)
    more = Stream(stream.id).add(3, *stream.lanes[3], record({"n": 2}))
    code, said = newer.put(more, 3, more.frames(3, first=2), first=2)  # on the connection of before
    assert code == 503 and "connect again" in said["error"]["text"], said
    newer.hang_up()
    newest = newer.hello(stream)
    assert newest["streams"][0]["verdict"] == "ok"
    row = hub.rows("SELECT d.name FROM stream s JOIN device d ON d.id = s.device")
    assert row == [("line-3",)]


def test_the_pin_in_the_token_is_the_authoritys(hub, tmp_path):
    """What openssl says of the hub's authority is what the token and hub.json hold."""
    hub.start()
    folder = tmp_path / "a"
    assert join(folder, token(hub)).code == 0
    key = subprocess.run(["openssl", "x509", "-in", hub.authority, "-noout", "-pubkey"], check=True,
                         capture_output=True, text=True).stdout
    der = base64.b64decode("".join(key.splitlines()[1:-1]))
    digest = subprocess.run(["openssl", "dgst", "-sha256", "-hex"], input=der, check=True, capture_output=True).stdout
    assert identity(folder)["pin"] in digest.decode()
    (tmp_path / "own.pem").write_text(identity(folder)["certificate"])
    checked = subprocess.run(["openssl", "verify", "-purpose", "sslclient", "-CAfile", hub.authority,
                              tmp_path / "own.pem"], check=False, capture_output=True, text=True)
    assert checked.returncode == 0, checked


def test_an_authority_of_ones_own_signs_devices(hub, tmp_path):
    key, certificate = tmp_path / "own.key", tmp_path / "own.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                    "-keyout", key, "-out", certificate, "-subj", "/CN=works", "-days", "3000",
                    "-addext", "basicConstraints=critical,CA:TRUE,pathlen:0",
                    "-addext", "keyUsage=critical,keyCertSign"],
                   check=True, capture_output=True)
    words = ["--authority", certificate, "--authority-key", key, "--site", "works", "--device-life", "7d"]
    key.chmod(0o644)
    refused = devices.ebb("hub", "serve", "--data", tmp_path / "hub", "--listen", "127.0.0.1:0", *words)
    assert refused.code == DENIED and "chmod 600" in refused.err, refused
    key.chmod(0o600)
    hub.start(*words)
    folder = tmp_path / "a"
    assert join(folder, token(hub)).code == 0
    (tmp_path / "device.pem").write_text(own_certificate(folder) + "-----END CERTIFICATE-----\n")
    checked = subprocess.run(["openssl", "verify", "-purpose", "sslclient", "-CAfile", certificate,
                              tmp_path / "device.pem"], check=False, capture_output=True, text=True)
    assert checked.returncode == 0, checked
    said = subprocess.run(["openssl", "x509", "-in", tmp_path / "device.pem", "-noout", "-ext", "subjectAltName",
                           "-checkend", str(8 * 24 * 3600)], check=False, capture_output=True, text=True)
    assert f"URI:ebb://works/device/{identity(folder)['device']}" in said.stdout and said.returncode == 1, said
    assert not (tmp_path / "hub" / "authority" / "key.pem").exists()
    for wrong in (["--device-life", "1d"], ["--site", "Works!"], ["--authority", certificate]):
        answer = devices.ebb("hub", "serve", "--data", tmp_path / "other", "--listen", "127.0.0.1:0", *wrong)
        assert answer.code == 78, answer
