# SPDX-License-Identifier: Apache-2.0
"""Results as they come at the people's port: by filters, many tails at once, tails that nobody reads, what devices say."""
import contextlib
import json
import re
import select
import socket

import pytest

import device as devices
import hub as hubs
import people

TAILS_MAX = 128


@pytest.fixture
def hub(tmp_path):
    one = hubs.Hub(tmp_path)
    yield one
    one.close()


@pytest.fixture
def boss(hub):
    return people.admin(hub)


def unchunked(rest):
    """What HTTP's whole chunks hold."""
    text = b""
    while b"\r\n" in rest:
        size, _, rest = rest.partition(b"\r\n")
        count = int(size, 16)
        text, rest = text + rest[:count], rest[count + 2:]
    return text


class Tail:
    """A tail of one socket's own; what came so far."""

    def __init__(self, person, query="", receive_bytes=None, behind=None):
        self.line = socket.socket()
        if receive_bytes:
            self.line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        host, port = person.address.split(":")
        self.line.connect((host, int(port)))
        last = f"Last-Event-ID: {behind}\r\n" if behind is not None else ""
        self.line.sendall(f"GET /v1/tail{query} HTTP/1.1\r\nHost: {person.address}\r\n"
                          f"Cookie: {person.cookie}\r\n{last}\r\n".encode())
        self.line.setblocking(False)
        self.said = b""

    def read(self, patience=0.0):
        while select.select([self.line], [], [], patience)[0]:
            data = self.line.recv(1 << 16)
            if not data:
                break
            self.said += data
        return self.said

    def events(self):
        """The results that came, and how many were told as missed."""
        came, missed = [], 0
        for event in unchunked(self.said.partition(b"\r\n\r\n")[2]).split(b"\n\n"):
            data = b"\n".join(re.findall(rb"^data: (.*)$", event, re.M))
            if b"event: missed" in event:
                missed += int(data)
            elif data:
                came.append(json.loads(data))
        return came, missed

    def code(self):
        """Of its answer; 0 while there is none."""
        said = self.read()
        return int(said.split(b" ", 2)[1]) if b"\r\n" in said else 0


def is_served(person):
    """Whether one more tail is begun."""
    with tails(person, 1) as [one]:
        return devices.until("an answer", one.code) == 200


@contextlib.contextmanager
def tails(person, count, **more):
    all_of_them = []
    try:
        for _ in range(count):
            all_of_them.append(Tail(person, **more))
        yield all_of_them
    finally:
        for one in all_of_them:
            one.line.close()


def test_a_thousand_tails_are_bounded_and_the_hub_goes_on(hub, boss, tmp_path):
    line = hubs.FakeDevice(hub, tmp_path).join()
    stream = hubs.Stream().add(3, hubs.record({"n": 1}))
    line.hello(stream)
    before = hub.memory_bytes()
    with tails(boss, 1000, query="?after=0") as many:
        def answered():
            codes = [one.code() for one in many]
            return codes if codes.count(200) >= TAILS_MAX else None
        codes = devices.until("the tails were answered", answered)
        assert codes.count(200) == TAILS_MAX
        refused = [one for one, code in zip(many, codes) if code == 503]
        assert refused and all(b"tails are open" in one.read() for one in refused)
        line.send(stream)
        served = [one for one, code in zip(many, codes) if code == 200]
        devices.until("each of them saw it", lambda: all(b"data: {" in one.read() for one in served))
        assert hub.ask("GET", "/v1/status")[0] == 200
        assert hub.memory_bytes() - before < 48 << 20, "a tail costs little"
    devices.until("there is room again", lambda: is_served(boss), pause=0.2)


def test_a_tail_that_nobody_reads_misses_results_and_costs_little(hub, boss, tmp_path):
    line = hubs.FakeDevice(hub, tmp_path).join()
    stream = hubs.Stream().add(3, *[hubs.record({"n": number, "text": "x" * 2000}) for number in range(3000)])
    line.hello(stream)
    before = hub.memory_bytes()
    with tails(boss, 20, query="?after=0", receive_bytes=4096) as idle, \
            tails(boss, 1, query="?after=0") as [busy]:
        devices.until("the last of them is there", lambda: busy.code() == 200)
        for first in range(1, 3001, 300):
            line.send(stream, first=first, last=first + 299)
            busy.read(0.05)
        grown = hub.memory_bytes() - before
        assert grown < 64 << 20, f"twenty that are not read cost {grown >> 20} MiB"
        for one in (busy, idle[0]):
            devices.until("all that waited is read", lambda one=one: not select.select([one.line], [], [], 0.3)[0] or not one.read())
        line.send(stream.add(3, hubs.record({"n": 3000})), first=3001)
        for one in (busy, idle[0]):
            devices.until("the last is seen", lambda one=one: b'"n": 3000}' in one.read(0.1))
            came, missed = one.events()
            assert len(came) + missed == 3001, "what was missed is told"
        assert missed > 1000, "who does not read misses most"
    assert hub.held(stream, 3) == 3001


def test_what_a_device_says_is_one_line_of_a_tail(hub, boss, tmp_path):
    line = hubs.FakeDevice(hub, tmp_path).join()
    evil = b'{"n": 1,\n\nevent: missed\ndata: 99\n\n"m": 2}'
    bodies = [b'{"n":\n1,\r\n\r\n"text": "a\\nb"}', evil, b'{"last": true}']
    stream = hubs.Stream().add(3, *map(hubs.record, bodies))
    line.hello(stream)
    with tails(boss, 1, query="?after=0") as [one]:
        code, said = line.put(stream, 3, stream.frames(3))
        assert (code, [one["seq"] for one in said["poison"]]) == (422, [2]), "what is no JSON is set aside"
        devices.until("the last is seen", lambda: b'"last"' in one.read())
        came, missed = one.events()
    assert missed == 0 and [result["result"] for result in came] == [{"n": 1, "text": "a\nb"}, {"last": True}]


def test_a_tail_shows_what_its_filter_says(hub, boss, tmp_path):
    line = hubs.FakeDevice(hub, tmp_path, "line-3").join(labels={"site": "graz"})
    stream = hubs.Stream()
    stream.lanes[3] = []
    line.hello(stream)
    queries = {"?workflow=a": True, "?workflow=b": False, "?device=line-3&name=verdict": True, "?device=line-4": False,
               "?label=site%3Dgraz": True, "?label=site%3Dbremen": False, "?lane=normal": True, "?lane=urgent": False}
    opened = {query: Tail(boss, f"{query}&after=0") for query in queries}
    everything = Tail(boss, "?after=0")
    line.send(stream.add(3, hubs.record({"n": 1}, workflow="a")))
    devices.until("it came", lambda: b'"n": 1' in everything.read())
    for query, wanted in queries.items():
        assert (b'"n": 1' in opened[query].read(0.05)) == wanted, query
    for one in [*opened.values(), everything]:
        one.line.close()


def test_a_tail_goes_on_where_it_was(hub, boss, tmp_path):
    line = hubs.FakeDevice(hub, tmp_path).join()
    stream = hubs.Stream().add(3, *[hubs.record({"n": number}) for number in range(1, 6)])
    line.hello(stream)
    line.send(stream)
    last = boss.get("/v1/results")[1]["last"]
    with tails(boss, 1, behind=last - 2) as [one]:
        devices.until("the last two came", lambda: b'"n": 5' in one.read())
        assert [result["result"]["n"] for result in one.events()[0]] == [4, 5]


def test_nothing_is_missed_between_a_list_and_the_tail_after_it(hub, boss, tmp_path):
    line = hubs.FakeDevice(hub, tmp_path).join()
    stream = hubs.Stream().add(3, *[hubs.record({"n": number}) for number in range(1, 4)])
    line.hello(stream)
    line.send(stream, last=2)
    last = boss.get("/v1/results")[1]["last"]
    line.send(stream, first=3)
    with tails(boss, 1, query=f"?after={last}") as [one]:
        devices.until("the one between came", lambda: b'"n": 3' in one.read())
        assert [result["result"]["n"] for result in one.events()[0]] == [3]
