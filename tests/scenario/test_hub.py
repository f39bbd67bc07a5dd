# SPDX-License-Identifier: Apache-2.0
"""The hub takes what devices send: once, whole, in order; and bears what it is sent besides."""
import contextlib
import csv
import io
import itertools
import json
import os
import random
import re
import socket
import ssl
import struct
import subprocess
import threading
import time

import pytest

import device as devices
from hub import GAP, RESULT, ZERO, FakeDevice, Hub, Stream, chain_after, compress, counted, frame, raw_put, record


@pytest.fixture
def hub(tmp_path):
    one = Hub(tmp_path)
    try:
        yield one
    finally:
        one.close()


@pytest.fixture
def line(hub, tmp_path):
    """A device that has joined a running hub and said hello with a stream of 100 results."""
    hub.start()
    one = FakeDevice(hub, tmp_path).join()
    one.stream = results(100)
    assert one.hello(one.stream)["streams"][0]["verdict"] == "ok"
    return one


def results(count, stream=None, lane=3, **more):
    stream = stream or Stream()
    return stream.add(lane, *(record({"number": number}, **more) for number in range(1, count + 1)))


def held(answer):
    """Of an answer to a PUT, or of a lane in one to hello."""
    return (answer["lane"] if isinstance(answer.get("lane"), dict) else answer)["held"]


def chain(answer):
    return bytes.fromhex(answer["lane"]["chain"])


def test_a_new_hub_offers_a_token_and_an_old_one_does_not(hub, tmp_path):
    hub.start()
    offered = devices.until("a token is offered", lambda: re.search(r"ebb join (EBB1-\w+)", hub.log()))
    assert f"Devices reach this hub as 127.0.0.1:{hub.port}" in hub.log()
    FakeDevice(hub, tmp_path).join(token=offered[1])
    assert hub.stop() == 0
    hub.log_path.unlink()
    hub.start()
    devices.until("it says how", lambda: "`ebb hub token new`" in hub.log())
    assert "EBB1-" not in hub.log()


def test_names_may_have_the_port_of_a_router_before_it(hub):
    hub.start("--names", "hub.example:443,[2001:db8::7]:444,2001:db8::8,192.0.2.7")
    code, token = hub.ask("POST", "/v1/tokens", {"uses": 1})
    assert code in (200, 201)
    assert token["addresses"].split() == ["hub.example:443", "[2001:db8::7]:444", f"[2001:db8::8]:{hub.port}",
                                          f"192.0.2.7:{hub.port}"]


def test_under_a_journal_no_secret_is_said(hub):
    hub.start(environment={"JOURNAL_STREAM": "1:2"})
    devices.until("it says how", lambda: "`ebb hub token new`" in hub.log())
    assert "EBB1-" not in hub.log()


# --- taking -------------------------------------------------------------------------------------------


def test_what_is_sent_is_stored_and_can_be_read(hub, line):
    answer = line.send(line.stream)
    assert held(answer) == [[1, 100]] and chain(answer) == line.stream.chain(3, 100)
    assert answer["grant"]["bytes"] >= 65536 and answer["hub_ms"] > 0
    page = hub.get("/v1/results?limit=2")
    assert [one["result"] for one in page["results"]] == [{"number": 100}, {"number": 99}]
    newest = page["results"][0]
    assert newest["device"] == line.id and newest["device_name"] == "line-3"
    assert newest["workflow"] == "triage" and newest["name"] == "verdict" and newest["lane"] == "normal"
    assert hub.get("/v1/results/" + newest["id"]) == newest
    assert hub.get(f"/v1/results?limit=2&before={page['next']}")["results"][0]["result"] == {"number": 98}
    assert hub.accounts()[bytes.fromhex(line.stream.id), 3] == (100, 0, 0, 100)


def test_what_is_sent_again_changes_nothing(hub, line):
    first = line.send(line.stream)
    for _ in range(3):
        assert held(line.send(line.stream)) == held(first)
        assert held(line.send(line.stream, first=31, each=7)) == held(first)  # cut otherwise
    assert hub.accounts()[bytes.fromhex(line.stream.id), 3] == (100, 0, 0, 100)


def test_a_body_in_chunks_is_taken_too(hub, line):
    code, answer = line.put(line.stream, 3, line.stream.frames(3), chunks=True)
    assert (code, held(answer)) == (200, [[1, 100]])


def test_what_is_acknowledged_is_anchored(hub, line):
    assert line.send(line.stream, last=60)["lane"]["anchored"] == 60
    assert line.hello(line.stream)["streams"][0]["lanes"][0]["anchored"] == 60


def alarms(hub):
    return {one["kind"]: one for one in hub.get("/v1/alarms")["alarms"]}


def test_lanes_and_streams_are_kept_apart(hub, line):
    results(5, line.stream, lane=1)
    other = results(7)
    line.hello(line.stream, other)
    line.send(other)
    line.send(line.stream, lane=1)
    line.send(line.stream)
    accounts = hub.accounts()
    assert accounts[bytes.fromhex(line.stream.id), 1][3] == 5
    assert accounts[bytes.fromhex(line.stream.id), 3][3] == 100
    assert accounts[bytes.fromhex(other.id), 3][3] == 7


def test_whole_frames_of_a_body_that_is_cut_are_held(hub, line):
    frames = line.stream.frames(3)
    body = b"".join(frames)
    for cut in (1, len(frames[0]) - 1, len(frames[0]), len(frames[0]) + 3, len(body) // 2, len(body) - 1):
        with line.dial_greeted(line.stream) as raw:
            raw.sendall(raw_put(line.stream, 3, len(body)) + body[:cut])
        whole = sum(1 for at in range(1, len(frames) + 1) if len(b"".join(frames[:at])) <= cut)
        devices.until(f"{whole} frames are held", lambda: hub.accounts().get(
            (bytes.fromhex(line.stream.id), 3), (0,))[0] >= whole * 10)
        assert hub.accounts().get((bytes.fromhex(line.stream.id), 3), (0,))[0] == whole * 10
    assert held(line.send(line.stream)) == [[1, 100]]


def test_a_body_is_cut_at_every_byte(hub, line):
    """What stands whole before the cut is held, and nothing of what does not; then it is sent again."""
    records = line.stream.lanes[3][:2]
    frames = line.stream.frames(3, last=2, each=1)
    ends = list(itertools.accumulate(map(len, frames)))
    body = b"".join(frames)
    whole = {}  # frames of each stream, as many streams as there are places to cut at
    streams = [Stream().add(3, *records) for _ in body]
    for cut, stream in enumerate(streams):
        whole[bytes.fromhex(stream.id), 3] = sum(end <= cut for end in ends)
        with line.dial_greeted(stream) as raw:
            raw.sendall(raw_put(stream, 3, len(body)) + body[:cut])
    devices.until("whole frames are held", lambda: {
        lane: found[0] for lane, found in hub.accounts().items()} == {lane: count for lane, count in whole.items() if count})
    for stream in streams:
        line.hello(stream)
        assert held(line.send(stream)) == [[1, 2]]
    assert hub.accounts() == {lane: (2, 0, 0, 2) for lane in whole}


def test_a_record_of_a_mebibyte_is_taken(hub, line):
    big = Stream().add(3, record({"text": os.urandom(500 << 10).hex()[:1000 << 10]}))
    line.hello(line.stream, big)
    line.send(big)
    assert len(hub.get("/v1/results?limit=1")["results"][0]["result"]["text"]) == 1000 << 10


# --- what does not fit --------------------------------------------------------------------------------


def test_frames_that_leave_a_hole_are_missing(hub, line):
    frames = line.stream.frames(3)
    code, answer = line.put(line.stream, 3, frames[:2] + frames[5:])
    assert (code, held(answer)) == (409, [[1, 20]])
    assert held(line.send(line.stream, first=21)) == [[1, 100]]


def test_telemetry_comes_newest_first(hub, line):
    stream = results(90, lane=5)
    line.hello(line.stream, stream)
    for first in (61, 31, 1):
        code, answer = line.put(stream, 5, stream.frames(5, first, first + 29), first=first)
        assert code == 200
    assert held(answer) == [[1, 90]]
    assert hub.accounts()[bytes.fromhex(stream.id), 5] == (90, 0, 0, 90)


def test_another_chain_is_a_fork_and_changes_nothing(hub, line):
    line.send(line.stream, last=50)
    clone = line.stream.copy()
    clone.lanes[3][40:] = [record({"clone": number}) for number in range(60)]
    code, answer = line.put(clone, 3, clone.frames(3, 51), first=51)
    assert code == 412 and answer["verdict"] == "new_stream"
    assert held(answer) == [[1, 50]] and chain(answer) == line.stream.chain(3, 50)
    said = line.hello(clone, acked={3: 50}, chain_at=[(3, 40), (3, 41)])["streams"][0]
    assert said["verdict"] == "new_stream"
    assert [bytes.fromhex(place[2]) for place in said["chain_at"]] == [
        line.stream.chain(3, 40), line.stream.chain(3, 41)]
    assert held(line.send(line.stream, first=51)) == [[1, 100]]
    assert "is not the one that the hub knows" in hub.log()
    assert alarms(hub)["STREAM_FORK"]["subject"] == line.id


def test_two_machines_of_one_identity_part_where_their_records_do(hub, line, tmp_path):
    clone = FakeDevice(hub, tmp_path).adopt((line.folder / "certificate.pem").read_bytes(),
                                            (line.folder / "key.pem").read_bytes())
    line.send(line.stream, last=50)
    assert clone.hello(line.stream)["streams"][0]["verdict"] == "ok"
    line.send(line.stream, first=51, last=80)
    clone.send(line.stream, first=51)  # what both have is taken once
    other = line.stream.copy()
    other.lanes[3][80:] = [record({"other": number}) for number in range(20)]
    code, answer = line.put(other, 3, other.frames(3, 81), first=81)
    assert (code, answer["verdict"]) == (412, "new_stream")
    fresh = results(10)
    line.hello(fresh)
    line.send(fresh)
    assert hub.accounts()[bytes.fromhex(line.stream.id), 3] == (100, 0, 0, 100)
    assert "two machines" in hub.log()
    assert alarms(hub)["CLONE_SUSPECTED"]["subject"] == line.id


def test_a_second_connection_of_the_same_boot_is_nothing_strange(hub, line, tmp_path):
    second = FakeDevice(hub, tmp_path).adopt((line.folder / "certificate.pem").read_bytes(),
                                             (line.folder / "key.pem").read_bytes())
    second.boot = line.boot
    assert second.hello(line.stream)["streams"][0]["verdict"] == "ok"
    assert held(line.send(line.stream, last=50)) == [[1, 50]]
    assert held(second.send(line.stream)) == [[1, 100]]


def test_a_stream_belongs_to_the_device_that_brought_it(hub, line, tmp_path):
    line.send(line.stream)
    thief = FakeDevice(hub, tmp_path, "line-4").join(labels={"hall": "b"})
    said = thief.hello(line.stream)["streams"][0]
    assert said["verdict"] == "quarantined" and said["lanes"] == []
    code, answer = thief.put(line.stream, 3, line.stream.frames(3))
    assert (code, answer["verdict"]) == (412, "quarantined")
    assert hub.accounts()[bytes.fromhex(line.stream.id), 3] == (100, 0, 0, 100)
    assert "belongs to another device" in hub.log()
    assert alarms(hub)["STREAM_OF_ANOTHER"]["subject"] == thief.id
    assert len(hub.ebb("alarm", "list", "--json", "-l", "hall=b").lines()) == 1
    assert hub.ebb("alarm", "list", "--json", "-l", "hall=a").lines() == []


def test_poison_is_set_aside_and_held(hub, line):
    stream = results(3).add(3, b"\x01\x01 this is no record").add(3, record({"last": True}))
    line.hello(line.stream, stream)
    code, answer = line.put(stream, 3, stream.frames(3))
    assert code == 422 and held(answer) == [[1, 5]]
    assert [one["seq"] for one in answer["poison"]] == [4] and answer["poison"][0]["reason"]
    assert hub.accounts()[bytes.fromhex(stream.id), 3] == (4, 0, 1, 5)
    assert hub.rows("SELECT bytes FROM quarantine") == [(b"\x01\x01 this is no record",)]
    assert held(line.send(stream)) == [[1, 5]]  # once it is held it is held
    assert alarms(hub)["RECORDS_SET_ASIDE"]["subject"] == line.id


def test_a_kind_of_a_later_release_is_kept_unread(hub, line):
    later = bytes((77, 9)) + record({})[2:36] + b"whatever a later release writes here"
    stream = Stream().add(3, later, record({"after": 1}))
    line.hello(line.stream, stream)
    assert held(line.send(stream)) == [[1, 2]]
    assert hub.rows("SELECT kind, CAST(head || body AS BLOB) FROM record WHERE kind = 77") == [(77, later)]
    assert [one["result"] for one in hub.get("/v1/results")["results"]] == [{"after": 1}]


def test_a_gap_stands_for_what_is_gone(hub, line):
    gone = chain_after(ZERO, b"what is gone")
    gap = record({"reason": "expired", "from": 1, "to": 30, "count": 30, "bytes": 999, "t0": 1, "t1": 2,
                  "chain_before": ZERO.hex(), "chain_end": gone.hex()}, kind=GAP, workflow="", name="")
    after = record({"number": 31})
    plain = struct.pack("<BQQ16s16s", 1, 1, 31, ZERO, chain_after(gone, after))
    plain += b"\x02" + counted(gap) + b"\x1e" + gone + b"\0" + counted(after)
    packed = compress(plain)
    stream = Stream()
    line.hello(line.stream, stream)
    code, answer = line.put(stream, 3, [struct.pack("<I", len(packed)) + packed])
    assert code in (200, 422) and held(answer) == [[1, 31]]
    stored, gapped, quarantined, highest = hub.accounts()[bytes.fromhex(stream.id), 3]
    assert (stored, gapped + quarantined, highest) == (1, 30, 31)


def assert_grew_less(hub, before, most):
    """Sanitizers keep what was given back."""
    assert any(name.endswith("SAN_OPTIONS") for name in os.environ) or memory(hub) - before < most


# --- nonsense -----------------------------------------------------------------------------------------


def damaged(at):
    def make(stream):
        frames = stream.frames(3)
        body = bytearray(frames[4])
        body[at % len(body)] ^= 0x40
        return frames[:4] + [bytes(body)] + frames[5:]
    return make


@pytest.mark.parametrize("at", [9, 40, -3])
def test_a_damaged_frame_counts_for_nothing_and_what_came_before_it_counts(hub, line, at):
    code, answer = line.put(line.stream, 3, damaged(at)(line.stream))
    assert code == 400 and answer["error"]["class"] == "invalid", answer
    assert hub.accounts()[bytes.fromhex(line.stream.id), 3] == (40, 0, 0, 40)
    assert held(line.send(line.stream)) == [[1, 100]]


def test_a_bit_that_flips_anywhere_of_a_body_is_no_fork_and_stores_nothing_wrong(hub, line):
    chance = random.Random(7)
    whole = b"".join(results(30).frames(3))
    for at in range(0, len(whole), 11):
        stream = results(30)
        body = bytearray(b"".join(stream.frames(3)))
        body[at % len(body)] ^= 1 << chance.randrange(8)
        line.hello(stream)
        code, answer = line.put(stream, 3, [bytes(body)])
        assert code in (200, 400, 413), (at, code, answer)
        line.hello(stream)
        assert held(line.send(stream)) == [[1, 30]]
        assert hub.accounts()[bytes.fromhex(stream.id), 3] == (30, 0, 0, 30)
        kept = hub.rows("SELECT r.head, r.body FROM record r JOIN stream s ON s.number = r.stream WHERE s.id = ? "
                        "ORDER BY r.seq", bytes.fromhex(stream.id))
        assert [json.loads(text)["number"] for _, text in kept] == list(range(1, 31))
        assert [head for head, _ in kept] == [data[:36] for data in stream.lanes[3]]


def test_a_frame_that_says_it_is_huge_is_refused_unread(hub, line):
    frames = line.stream.frames(3)
    code, answer = line.put(line.stream, 3, frames[:1] + [struct.pack("<I", 0xFFFFFFFF), b"x" * 1000])
    assert code == 413 and answer["max_bytes"] >= 1 << 20
    assert hub.accounts()[bytes.fromhex(line.stream.id), 3][0] == 10


def test_a_bomb_is_refused(hub, line):
    bomb = compress(bytes(256 << 20))
    assert len(bomb) < 64 << 10
    before = memory(hub)
    code, answer = line.put(line.stream, 3, [struct.pack("<I", len(bomb)) + bomb])
    assert code == 400 and answer["error"]["text"]
    assert_grew_less(hub, before, 32 << 20)
    assert held(line.send(line.stream)) == [[1, 100]]


def test_a_body_that_is_announced_as_ten_gigabytes_is_refused_at_its_head(hub, line):
    with line.dial_greeted(line.stream) as raw:
        raw.sendall(raw_put(line.stream, 3, 10 << 30))
        answer = raw.recv(65536)
    assert b" 413 " in answer.split(b"\r\n")[0]


def test_a_body_without_end_is_dropped_and_cut_off(hub, line):
    frames = b"".join(line.stream.frames(3))
    before = memory(hub)
    sent = 0
    with line.dial_greeted(line.stream) as raw:
        raw.sendall(f"PUT /v1/streams/{line.stream.id}/3/1 HTTP/1.1\r\nHost: hub\r\n"
                    "Transfer-Encoding: chunked\r\n\r\n".encode())
        with pytest.raises(OSError):
            while sent < 512 << 20:
                raw.sendall(b"%x\r\n" % len(frames) + frames + b"\r\n")
                sent += len(frames)
    assert_grew_less(hub, before, 64 << 20)
    assert hub.accounts()[bytes.fromhex(line.stream.id), 3] == (100, 0, 0, 100)


def test_noise_in_place_of_frames_harms_nobody(hub, line):
    noise = random.Random(5)
    for _ in range(60):
        data = noise.randbytes(noise.randrange(1, 4000))
        size = noise.choice([len(data), noise.randrange(1, 5000)])
        try:
            code, _ = line.put(line.stream, 3, [struct.pack("<I", size) + data])
            assert code in (200, 400, 413)
        except OSError:
            pass
        if line.connection is None:
            line.hello(line.stream)
    assert held(line.send(line.stream)) == [[1, 100]]


def test_hello_is_checked(hub, line):
    for text in ("", "[]", "{", '{"protocol":[9,9]}', '{"protocol":[1,1],"streams":7}', "[" * 100000):
        code, answer = line.request("POST", "/v1/hello", text)
        assert code == 400 and answer["error"]["text"], text[:50]
    code, answer = line.request("POST", "/v1/hello", line.hello_text(protocol=(7, 9)))
    assert code == 400
    assert line.hello(line.stream)["protocol"] == 1


def test_a_connection_begins_with_hello(hub, line, tmp_path):
    line.hang_up()
    code, answer = line.put(line.stream, 3, line.stream.frames(3))
    assert code == 400 and "/v1/hello" in answer["error"]["text"]
    assert line.request("GET", "/v1/nothing")[0] == 404
    assert hub.accounts() == {}


# --- who may come in ----------------------------------------------------------------------------------


def test_without_a_certificate_there_is_nothing_but_health(hub, tmp_path):
    hub.start()
    stranger = FakeDevice(hub, tmp_path)
    assert stranger.request("GET", "/healthz") == (200, {"status": "ok"})
    for method, path in (("POST", "/v1/hello"), ("PUT", f"/v1/streams/{Stream().id}/3/1"), ("POST", "/v1/renew"),
                         ("GET", "/v1/results"), ("GET", "/v1/devices"), ("GET", "/metrics")):
        code, answer = stranger.request(method, path, "{}")
        assert code == 401 and answer["error"]["class"] == "denied", path


def test_a_certificate_of_another_authority_is_refused(hub, tmp_path):
    hub.start()
    stranger = FakeDevice(hub, tmp_path)
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                    "-keyout", stranger.folder / "key.pem", "-out", stranger.folder / "certificate.pem",
                    "-subj", "/CN=stranger", "-days", "10"], check=True, capture_output=True)
    with pytest.raises((ssl.SSLError, OSError, AssertionError)):
        code, answer = stranger.request("POST", "/v1/hello", stranger.hello_text())
        assert code == 200, answer


def test_older_tls_is_not_spoken(hub, line):
    context = line.context()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises(OSError), socket.create_connection(("127.0.0.1", hub.port)) as raw:
        context.wrap_socket(raw)


def test_plain_http_is_not_spoken(hub, line):
    with socket.create_connection(("127.0.0.1", hub.port), devices.PATIENCE) as raw:
        raw.sendall(b"GET /healthz HTTP/1.1\r\nHost: hub\r\n\r\n")
        assert b"HTTP" not in raw.recv(4096)


def test_who_is_revoked_is_denied_at_the_next_request(hub, line):
    line.send(line.stream, last=50)
    code, answer = hub.ask("POST", f"/v1/devices/{line.id}/revoke", {})
    assert code == 200, answer
    code, answer = line.put(line.stream, 3, line.stream.frames(3, 51), first=51)
    assert code in (401, 403) and answer["error"]["class"] == "denied"
    assert hub.accounts()[bytes.fromhex(line.stream.id), 3][0] == 50


# --- crashes and disks --------------------------------------------------------------------------------


def test_what_was_acknowledged_survives_a_kill(hub, line):
    line.send(line.stream, last=60)
    hub.kill()
    line.hang_up()
    hub.start()
    said = line.hello(line.stream)["streams"][0]
    assert said["verdict"] == "ok" and said["lanes"][0]["held"] == [[1, 60]]
    assert held(line.send(line.stream)) == [[1, 100]]
    assert hub.accounts()[bytes.fromhex(line.stream.id), 3] == (100, 0, 0, 100)


def test_a_hub_that_was_set_back_is_sent_again_what_it_lacks(hub, line):
    line.send(line.stream, last=40)
    hub.rows("VACUUM INTO ?", str(hub.folder / "copy.db"))
    line.send(line.stream, first=41)
    hub.stop()
    for end in ("", "-wal", "-shm"):
        (hub.data / f"hub.db{end}").unlink(missing_ok=True)
    (hub.folder / "copy.db").rename(hub.data / "hub.db")
    line.hang_up()
    hub.start()
    said = line.hello(line.stream, acked={3: 100})["streams"][0]
    assert said["verdict"] == "rollback" and held(said["lanes"][0]) == [[1, 40]]
    assert held(line.send(line.stream, first=41)) == [[1, 100]]
    assert hub.accounts()[bytes.fromhex(line.stream.id), 3] == (100, 0, 0, 100)
    assert "holds less than it once said" in hub.log()


def test_killed_at_any_moment_it_holds_what_it_acknowledged_once(hub, line):
    dice = random.Random(7)
    stream = results(400)
    acked = 0
    for _ in range(12):
        said = line.hello(stream, acked={3: acked})["streams"][0]
        assert said["verdict"] == "ok", said
        top = held(said["lanes"][0])[0][1] if said["lanes"] else 0
        assert top >= acked, "what was acknowledged is gone"
        ender = threading.Timer(dice.uniform(0, 0.15), hub.daemon.kill)
        ender.start()
        try:
            for first in range(acked + 1, 401, 20):
                answer = line.send(stream, first=first, last=first + 19, each=5)
                acked = held(answer)[0][1]
        except (OSError, AssertionError):
            pass
        except Exception as error:  # whatever http.client makes of a line that ends
            assert "http.client" in type(error).__module__, error
        ender.join()
        hub.daemon.wait(devices.PATIENCE)
        line.hang_up()
        hub.start()
    line.hello(stream)
    assert held(line.send(stream)) == [[1, 400]]
    assert hub.accounts()[bytes.fromhex(stream.id), 3] == (400, 0, 0, 400)


def test_a_full_disk_is_said_and_nothing_acknowledged_is_lost(tmp_path, small_disk):
    disk = small_disk("6m")
    hub = Hub(tmp_path, disk / "hub")
    try:
        hub.start()
        line = FakeDevice(hub, tmp_path).join()
        stream = Stream()
        for number in range(250):
            stream.add(3, record({"number": number, "noise": os.urandom(20000).hex()}))
        line.hello(stream)
        acked, code, answer = 0, 200, None
        while code == 200 and acked < 250:
            code, answer = line.put(stream, 3, stream.frames(3, acked + 1, acked + 5, each=1), first=acked + 1)
            acked = held(answer)[0][1] if code == 200 else acked
        assert code == 507, answer
        assert hub.get("/v1/status")["disk_full"] is True and "its disk is full" in hub.log()
        assert hub.accounts()[bytes.fromhex(stream.id), 3][3] >= acked  # some of the last body may have fitted
        subprocess.run(["mount", "-o", "remount,size=64m", disk], check=True)
        code, answer = line.put(stream, 3, stream.frames(3, acked + 1, each=1), first=acked + 1)
        assert code == 200 and held(answer) == [[1, 250]]
        assert hub.get("/v1/status")["disk_full"] is False and "has room again" in hub.log()
        assert hub.accounts()[bytes.fromhex(stream.id), 3] == (250, 0, 0, 250)
    finally:
        hub.close()


def test_it_ends_when_it_is_told_to_and_answers_first(hub, line):
    line.send(line.stream)
    assert hub.stop() == 0
    assert not hub.socket.exists()
    hub.start()
    assert hub.accounts()[bytes.fromhex(line.stream.id), 3] == (100, 0, 0, 100)


def test_it_ends_cleanly_in_the_middle_of_what_devices_send(hub, line, tmp_path):
    others = [line] + [FakeDevice(hub, tmp_path, f"line-{number}").join() for number in range(10, 13)]
    over = threading.Event()

    def send(one):
        stream = results(300)
        frames = stream.frames(3, each=3)
        while not over.is_set():
            try:
                one.hello(stream)
                while not over.is_set():
                    one.put(stream, 3, frames)
            except Exception:  # the hub is gone, or going
                one.hang_up()
                time.sleep(0.01)

    threads = [threading.Thread(target=send, args=(one,)) for one in others]
    for thread in threads:
        thread.start()
    try:
        for _ in range(4):
            time.sleep(random.uniform(0.1, 0.5))
            assert hub.stop() == 0, hub.log()
            hub.start()
    finally:
        over.set()
        for thread in threads:
            thread.join(devices.PATIENCE)
    hub.accounts()


def test_a_second_hub_of_the_same_folder_is_refused(hub, line):
    second = devices.ebb("hub", "serve", "--data", hub.data, "--listen", "127.0.0.1:0", program=devices.EBB)
    assert second.code != 0 and "is used by process" in second.err, second


# --- many ---------------------------------------------------------------------------------------------


def memory(hub):
    for text in open(f"/proc/{hub.daemon.pid}/status"):
        if text.startswith("VmRSS"):
            return int(text.split()[1]) << 10
    raise AssertionError("no memory is shown")


def test_who_connects_and_says_nothing_keeps_nobody_out(hub, line):
    silent = [socket.create_connection(("127.0.0.1", hub.port)) for _ in range(200)]
    try:
        assert held(line.send(line.stream)) == [[1, 100]]
        assert hub.get("/v1/status")["records"] == 100
    finally:
        for one in silent:
            one.close()


class Strangers(threading.Thread):
    """So many connections without a certificate, of three kinds: one says nothing, one begins a handshake, one has ended
    its handshake and asks nothing. Who is cut off comes again at once."""

    def __init__(self, hub, count):
        super().__init__()
        self.port, self.count, self.enough, self.lines, self.came = hub.port, count, threading.Event(), [], 0
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self.context.check_hostname = False
        self.context.load_verify_locations(hub.authority)
        begun, opening = ssl.MemoryBIO(), ssl.MemoryBIO()
        with contextlib.suppress(ssl.SSLWantReadError):
            self.context.wrap_bio(begun, opening).do_handshake()
        self.opening = opening.read()[:100]

    def come(self):
        raw = socket.create_connection(("127.0.0.1", self.port), 5)
        self.came += 1
        if self.came % 3 == 1:
            raw.sendall(self.opening)
        elif self.came % 3 == 2:
            raw = self.context.wrap_socket(raw)
        raw.setblocking(False)
        return raw

    def is_there(self, raw):
        try:
            return raw.recv(1) != b""
        except (BlockingIOError, ssl.SSLWantReadError):
            return True
        except OSError:
            return False

    def run(self):
        while not self.enough.is_set():
            for gone in [raw for raw in self.lines if not self.is_there(raw)]:
                self.lines.remove(gone)
                gone.close()
            while len(self.lines) < self.count and not self.enough.is_set():
                with contextlib.suppress(OSError):
                    self.lines.append(self.come())

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.enough.set()
        self.join()
        for raw in self.lines:
            raw.close()


def test_a_hub_that_may_open_few_files_says_so_and_does_not_start(hub):
    """It would look as if it worked, until connections have taken what its database needs."""
    for files, words in ((100, ()), (200, ("--people", "127.0.0.1:0"))):
        answer = subprocess.run(["sh", "-c", f'ulimit -n {files}; exec "$@"', "sh", devices.EBB, "hub", "serve", "--data",
                                 hub.data, "--listen", "127.0.0.1:0", *words], capture_output=True, text=True, timeout=30,
                                check=False, env=devices.clean_environment())
        assert answer.returncode == 78 and f"may open {files} files, and a hub wants at least" in answer.stderr, answer
        assert not hub.data.exists()


def test_strangers_that_sit_on_every_connection_keep_no_device_out(hub, tmp_path):
    hub.start(prefix=["sh", "-c", 'ulimit -n 256; exec "$@"', "sh"])  # less than half of them have a place
    token = hub.ask("POST", "/v1/tokens", {"uses": 20})[1]["token"]
    line = FakeDevice(hub, tmp_path, "line-0").join(token=token)
    stream = results(1)
    line.hello(stream)
    kept = line.connection
    with Strangers(hub, 500) as strangers:
        devices.until("they have come", lambda: strangers.came > 600)
        for number in range(1, 11):
            line.send(stream, first=number)  # whose connection is kept, though it rests in between
            results(1, stream)
            other = FakeDevice(hub, tmp_path, f"line-{number}").join(token=token)
            other.hello(results(10))
            other.hang_up()
        assert line.connection is kept and hub.get("/v1/status")["records"] == 10
    assert strangers.came > 600


def test_who_trickles_is_cut_off_and_keeps_nobody_waiting(hub, line):
    """A line that says nothing, one that begins a head, one that begins a body: each gets a byte now and then."""
    silent = socket.create_connection(("127.0.0.1", hub.port))
    head = line.dial()
    head.sendall(b"POST /v1/hello HTTP/1.1\r\nHost: hub\r\nX-Trickle: ")
    body = line.dial_greeted(line.stream)
    body.sendall(raw_put(line.stream, 3, 1000000) + line.stream.frames(3)[0])
    open_lines = {"silent": silent, "head": head, "body": body}
    end = time.monotonic() + 3 * devices.PATIENCE
    try:
        while open_lines:
            assert time.monotonic() < end, f"still there: {list(open_lines)}"
            for name, raw in list(open_lines.items()):
                try:
                    if name != "silent":
                        raw.sendall(b"x")
                    raw.settimeout(0.05)
                    if raw.recv(1) == b"":
                        del open_lines[name]
                except TimeoutError:
                    pass
                except OSError:
                    del open_lines[name]
            assert line.request("GET", "/healthz")[0] == 200
    finally:
        for raw in (silent, head, body):
            raw.close()
    assert hub.accounts()[bytes.fromhex(line.stream.id), 3][0] == 10  # its whole frame counts
    assert held(line.send(line.stream)) == [[1, 100]]


def test_half_frames_of_many_do_not_take_its_memory(hub, line):
    half = raw_put(line.stream, 3, 1_100_000) + struct.pack("<I", 1_050_000) + bytes(1_000_000)
    before = memory(hub)
    lines, cut_off = [], 0
    try:
        for _ in range(100):  # more than it holds
            raw = line.dial_greeted(line.stream)
            lines.append(raw)
            try:
                raw.sendall(half)
            except OSError:
                cut_off += 1
        devices.until("some are cut off", lambda: "ebb_hub_cut_off_total 0\n" not in hub.get("/metrics"))
        assert hub.get("/v1/status")["held_bytes"] <= 66 << 20
        assert_grew_less(hub, before, 120 << 20)
        assert held(line.send(line.stream)) == [[1, 100]]
    finally:
        for raw in lines:
            raw.close()
    devices.until("nothing is held", lambda: hub.get("/v1/status")["held_bytes"] == 0)


def test_many_at_once_are_one_hubs_work(hub, line, tmp_path):
    others = [FakeDevice(hub, tmp_path, f"line-{number}").join() for number in range(10, 18)]
    streams = [results(200) for _ in others]
    faults = []

    def send(one, stream):
        try:
            one.hello(stream)
            for first in range(1, 201, 20):
                one.send(stream, first=first, last=first + 19, each=4)
        except Exception as error:  # told below, in the test's own thread
            faults.append(error)

    threads = [threading.Thread(target=send, args=pair) for pair in zip(others, streams)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(devices.PATIENCE)
    assert not faults
    accounts = hub.accounts()
    for stream in streams:
        assert accounts[bytes.fromhex(stream.id), 3] == (200, 0, 0, 200)


# --- commands -----------------------------------------------------------------------------------------


def test_results_are_listed_by_what_one_asks(hub, line, tmp_path):
    other = FakeDevice(hub, tmp_path, "line-4").join(labels={"line": "4"})
    mine = Stream().add(1, record({"n": 1}, priority=9, name="alarm"), record({"n": 2}, priority=9, name="alarm"))
    mine.add(3, record({"n": 3}, workflow="count"))
    other.hello(mine)
    other.send(mine, lane=1)
    other.send(mine)
    line.send(line.stream, last=10)

    def numbers(*words):
        said = hub.ebb("result", "list", "--json", *words)
        assert said.code == 0, said
        return [one["result"].get("n") or -one["result"]["number"] for one in said.lines()]

    assert numbers("--limit", 3) == [-10, -9, -8]
    assert numbers("--device", "line-4") == [3, 2, 1]
    assert numbers("--device", other.id) == [3, 2, 1]
    assert numbers("--label", "line=4", "--all") == numbers("-l", "line=4", "--all") == [3, 2, 1]
    assert numbers("--label", "line", "--all") == [3, 2, 1]
    assert numbers("--workflow", "count") == [3]
    assert numbers("--name", "alarm") == [2, 1]
    assert numbers("--lane", "urgent") == [2, 1]
    assert numbers("--workflow", "triage", "--device", "line-4") == [2, 1]
    assert len(numbers("--all")) == len(numbers("--all", "--since", "1h")) == 13
    assert numbers("--all", "--until", "1h") == numbers("--since", "2999-01-01T00:00:00Z") == []
    refused = hub.ebb("result", "list", "--device", "nobody")
    assert refused.code != 0 and "no device is called 'nobody'" in refused.err
    table = hub.ebb("result", "list", "--limit", 1)
    assert table.code == 0 and "line-3" in table.out and "triage" in table.out
    rows = list(csv.DictReader(io.StringIO(hub.ebb("result", "list", "--csv", "--device", "line-4").out)))
    assert [json.loads(row["result"])["n"] for row in rows] == [3, 2, 1] and rows[0]["device_name"] == "line-4"
    shown = hub.ebb("result", "show", rows[0]["id"], "--json")
    assert shown.code == 0 and shown.lines()[0]["result"] == {"n": 3}
    assert hub.ebb("result", "show", "6f1d2c3e-7a81-8b00-8003-000000000001").code != 0


def test_results_are_listed_by_when_they_were_made(hub, line):
    day_ms, noon_ms = 24 * 3600 * 1000, 1_763_899_200_000  # 2025-11-23T12:00:00Z
    old = Stream().add(3, *(record({"n": n}, wall_ms=noon_ms + n * day_ms) for n in range(5)))
    line.hello(old)
    line.send(old)

    def numbers(*words):
        said = hub.ebb("result", "list", "--json", *words)
        assert said.code == 0, said
        return [one["result"]["n"] for one in said.lines()]

    for more in ((), ("--workflow", "triage"), ("--device", "line-3"), ("--lane", "normal")):
        assert numbers(*more) == [4, 3, 2, 1, 0]
        assert numbers("--since", "2025-11-25", *more) == [4, 3, 2]
        assert numbers("--until", "2025-11-25", *more) == [1, 0]
        assert numbers("--since", "2025-11-24T12:00:00Z", "--until", "2025-11-26T12:00:00+00:00", *more) == [3, 2, 1]
        assert numbers("--until", "2025-11-26", "--limit", 1, *more) == [2]
    assert numbers("--since", "10000d", "--until", "1d") == [4, 3, 2, 1, 0]
    assert hub.get(f"/v1/results?after=0&until={noon_ms}")["results"][0]["result"] == {"n": 0}
    refused = hub.ebb("result", "list", "--since", "yesterday")
    assert refused.code == 2 and "2h" in refused.err


HOUR = 3600


def of_1970(minute, boot):
    """A result of that minute of a boot whose clock began in 1970."""
    return record({"minute": minute}, quality=2, wall_ms=minute * 60_000, boot=boot, boot_ns=minute * 60 * 10**9)


def ages(hub):
    """{minute: how many minutes ago the hub says that it was}"""
    said = hub.ebb("result", "list", "--all", "--json")
    assert said.code == 0, said
    return {row["result"]["minute"]: (time.time() - devices.seconds(row["created_at"])) / 60 for row in said.lines()}


def test_a_boot_that_has_greeted_dates_what_it_made(hub, line):
    """It is cut off before it brings anything, boots again, and the hub starts anew as well."""
    line.boot_ns = HOUR * 10**9
    line.hello(line.stream)
    before = bytes.fromhex(line.boot)
    assert hub.stop() == 0
    hub.start()
    line.hang_up()
    line.boot, line.boot_ns = os.urandom(16).hex(), 10**9
    stream = Stream().add(3, of_1970(10, before), of_1970(20, b"unheard-of boot."))
    line.hello(stream)
    line.send(stream)
    found = ages(hub)
    assert 45 < found[10] < 55 and found[20] > 50 * 365 * 24 * 60
    recent = hub.ebb("result", "list", "--since", "1h", "--json").lines()
    assert [row["result"]["minute"] for row in recent] == [10]
    assert recent[0]["clock"] == {"quality": "bad", "said_at": "1970-01-01T00:10:00.000"}
    shown = json.loads(hub.ebb("result", "list", "--until", "1h", "--json").out)
    assert shown["clock"] == {"quality": "bad"}
    ours = hub.rows("SELECT head FROM record WHERE seq = 1")[0][0]
    assert ours == stream.lanes[3][0][:36], "what it said is kept as it came"


def test_a_clock_that_was_set_while_the_hub_was_away_dates_what_was_before(hub, line):
    boot = b"it never greeted"
    stream = Stream().add(1, of_1970(5, boot)).add(3, of_1970(10, boot), of_1970(11, boot))
    stream.add(3, record({"minute": 12}, boot=boot, boot_ns=12 * 60 * 10**9,
                         wall_ms=int(time.time() - 48 * 60) * 1000))
    line.hello(stream)
    line.send(stream, 1)
    line.send(stream, 3)
    devices.until("they are dated", lambda: all(55 - minute < age < 65 - minute for minute, age in ages(hub).items()))
    assert len(ages(hub)) == 4 and not hub.rows("SELECT * FROM unclear")


def test_tokens_and_access_are_listed_by_label(hub):
    hub.start()
    for hall in "ab":
        assert hub.ebb("token", "new", "--name", f"line-{hall}", "--label", f"hall={hall}").code == 0
        assert hub.ebb("access", "new", f"gate-{hall}", "--label", f"hall={hall}").code == 0
    for noun, prefix in (("token", "line"), ("access", "gate")):
        said = hub.ebb(noun, "list", "--json", "-l", "hall=b").lines()
        assert [one["name"] for one in said] == [f"{prefix}-b"]
        assert len(hub.ebb(noun, "list", "--json", "-l", "hall").lines()) == 2
        assert hub.ebb(noun, "list", "--json", "-l", "hall=c").lines() == []


def test_pages_end_where_the_next_begins(hub, line):
    line.send(line.stream)
    for words in ([], ["--workflow", "triage"], ["--device", "line-3"]):
        seen, key = [], ""
        filters = "".join(f"&{words[0][2:]}={words[1]}" for _ in words[:1])
        while True:
            page = hub.get(f"/v1/results?limit=7{filters}{'&before=' + key if key else ''}")
            seen += [one["result"]["number"] for one in page["results"]]
            if page["next"] is None:
                break
            key = page["next"]
        assert sorted(seen) == list(range(1, 101)), words
        assert seen == sorted(seen, reverse=True) or words[:1] == ["--workflow"]


@pytest.mark.parametrize("words, first", [([], 1), (["--limit", "2"], 2), (["--all"], 1), (["--workflow", "WORKFLOW"], 1)])
def test_the_list_follows_what_arrives(hub, line, words, first):
    """What was there comes the oldest first, as what arrives does."""
    line.send(line.stream, last=3)
    [row] = hub.get("/v1/results?limit=1")["results"]
    words = [row["workflow"] if word == "WORKFLOW" else word for word in words]
    follower = subprocess.Popen([devices.EBB, "hub", "result", "list", "--follow", *words, "--socket", str(hub.socket)],
                                stdout=subprocess.PIPE, text=True, env=devices.clean_environment())
    hub.started.append(follower)
    seen = [json.loads(follower.stdout.readline())["result"]["number"] for _ in range(first, 4)]
    line.send(line.stream, first=4, last=5)
    seen += [json.loads(follower.stdout.readline())["result"]["number"] for _ in range(2)]
    follower.kill()
    assert seen == list(range(first, 6))


def test_who_follows_waits_for_a_hub_that_is_away(hub, line, tmp_path):
    said = tmp_path / "follower.err"
    with open(said, "wb") as words:
        follower = subprocess.Popen([devices.EBB, "hub", "result", "list", "--follow", "--socket", str(hub.socket)],
                                    stdout=subprocess.PIPE, stderr=words, text=True, start_new_session=True,
                                    env=devices.clean_environment())
    hub.started.append(follower)
    line.send(line.stream, last=3)
    seen = [json.loads(follower.stdout.readline())["result"]["number"] for _ in range(3)]
    hub.kill()
    devices.until("the hub is missed", lambda: "the hub is away; waiting for it" in said.read_text())
    hub.start()
    line.hang_up()
    line.hello(line.stream)
    line.send(line.stream, first=4, last=5)
    seen += [json.loads(follower.stdout.readline())["result"]["number"] for _ in range(2)]
    follower.kill()
    assert seen == [1, 2, 3, 4, 5]
    assert said.read_text().count("away") == 1


def test_who_follows_into_a_full_disk_is_told(hub, line):
    line.send(line.stream, last=3)
    with open("/dev/full", "wb") as full:
        ended = subprocess.run([devices.EBB, "hub", "result", "list", "--follow", "--socket", str(hub.socket)],
                               stdout=full, stderr=subprocess.PIPE, text=True, timeout=devices.PATIENCE,
                               env=devices.clean_environment())
    assert ended.returncode == 1 and "could not be written to standard output" in ended.stderr, ended


def test_status_and_metrics_say_what_there_is(hub, line):
    line.send(line.stream)
    status = hub.ebb("status", "--json").lines()[0]
    assert status["records"] == 100 and status["streams"] == 1 and status["devices"] == 1
    assert status["connections"] == 1 and status["disk_full"] is False and len(status["store"]) == 32
    assert "100" in hub.ebb("status").out
    metrics = hub.get("/metrics")
    assert "ebb_hub_frames_total 10\n" in metrics and "# TYPE ebb_hub_connections gauge" in metrics


@pytest.mark.parametrize("words", [[], ["--all"]])
def test_who_follows_does_not_wait_for_a_hub_that_was_never_there(tmp_path, ebb, words):
    said = ebb("hub", "result", "list", "--follow", *words, "--socket", tmp_path / "nobody.sock")
    assert said.code == 4 and "no hub answers on" in said.err, said


def test_without_a_hub_the_commands_say_how_to_start_one(tmp_path, ebb):
    said = ebb("hub", "status", "--socket", tmp_path / "nobody.sock")
    assert said.code == 4 and "no hub answers on" in said.err and "`ebb hub serve` starts one" in said.err
