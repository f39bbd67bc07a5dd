# SPDX-License-Identifier: Apache-2.0
"""Destinations of a hub's own: a webhook and a table of a real PostgreSQL get every result, whatever ends in between."""
import collections
import contextlib
import datetime
import hashlib
import hmac
import json
import pathlib
import random
import sqlite3
import ssl
import subprocess
import threading
import time

import pytest

import device as devices
import service as services
from hub import FakeDevice, Hub, Stream, record
from postgres import postgres  # noqa: F401  a fixture
from weather import LONG

CONFIGURATION = 78
TABLE = "ebb_results"


class Desk:
    """A hub with destinations, a device that sends to it, and a service that answers as it is told."""

    def __init__(self, folder):
        self.folder, self.hub = folder, Hub(folder)
        self.file = folder / "hub.yaml"
        self.answer = lambda request: (204, "")
        self.service = services.Service(lambda request: self.answer(request))
        self.stream, self.line, self.sent = Stream(), None, 0

    def write(self, destinations, more=""):
        lines = "".join(f"  {name}: {text}\n" for name, text in destinations.items())
        self.file.write_text(f"ebb: 1\n{more}destinations:\n{lines}")

    def secret(self, name, text):
        path = self.folder / "secrets" / name
        path.parent.mkdir(mode=0o700, exist_ok=True)
        path.write_text(text)
        path.chmod(0o600)

    def start(self, destinations=None, more="", quick=False, **environment):
        """With a clock that runs thirty times as fast, where waits are long."""
        if destinations is not None:
            self.write(destinations, more)
        quickly = self.hub.quick() if quick else {}
        self.hub.start("--config", self.file, environment={**services.PROXIES, **environment, **quickly})
        if self.line is None:
            self.line = FakeDevice(self.hub, self.folder).join()
        self.line.hang_up()

    def kill(self):
        self.hub.kill()
        self.line.hang_up()

    def bring(self, count=1, lane=3, **more):
        """So many results of {"n": NUMBER}, numbered on and on; a body of their own stands in `body`."""
        body = more.pop("body", None)
        for _ in range(count):
            self.sent += 1
            self.stream.add(lane, record(body if body is not None else {"n": self.sent}, **more))
        self.line.hello(self.stream)
        first = len(self.stream.lanes[lane]) - count + 1
        self.line.send(self.stream, lane, first=first, each=50)

    def told(self, name="plant"):
        return {one["name"]: one for one in self.hub.get("/v1/destinations")["destinations"]}[name]

    def until_failing(self, words, name="plant", patience=devices.PATIENCE):
        return devices.until(f"'{words}' is said of {name}", lambda: words in self.told(name)["failure"] and
                             self.told(name)["failing"], patience)

    def until_done(self, name="plant", patience=60):
        devices.until(f"nothing waits for {name}", lambda: not self.told(name)["failing"] and
                      self.told(name)["waiting"] == 0, patience)

    def close(self):
        self.hub.close()
        self.service.stop()


@pytest.fixture
def desk(tmp_path):
    one = Desk(tmp_path)
    try:
        yield one
    finally:
        one.close()


def plant(postgres, **more):
    words = "".join(f", {key}: {value}" for key, value in {"since": "all", **more}.items())
    return f"{{ postgres: '{postgres.url}'{words} }}"


def count(postgres, table=TABLE):
    return int(postgres.psql(f"SELECT count(*) FROM {table}", check=False) or 0)


def numbers(postgres, table=TABLE):
    return sorted(int(row[0]) for row in postgres.rows(f"SELECT result->>'n' FROM {table}"))


# --- what they get ------------------------------------------------------------------------------------


def test_results_become_rows_of_a_table(desk, postgres):
    desk.start({"plant": plant(postgres)})
    desk.bring(3)
    desk.bring(1, lane=1, priority=9, workflow="alarms", name="smoke", run=b"0123456789abcdef", wall_ms=1_700_000_000_123)
    devices.until("all are there", lambda: count(postgres) == 4)
    rows = json.loads(postgres.psql(f"SELECT json_agg(t ORDER BY arrived_at, priority) FROM {TABLE} t"))
    of_hub = {one["id"]: one for one in desk.hub.get("/v1/results?limit=10")["results"]}
    assert {one["id"] for one in rows} == set(of_hub)
    for row in rows:
        there = of_hub[row["id"]]
        for name in ("device", "device_name", "workflow", "name", "lane", "priority", "result"):
            assert row[name] == there[name], name
        for name in ("created_at", "arrived_at"):
            assert datetime.datetime.fromisoformat(row[name]) == datetime.datetime.fromisoformat(there[name] + "+00:00")
    assert rows[-1]["workflow"] == "alarms" and rows[-1]["run"] == "30313233-3435-3637-3839-616263646566"
    types = dict(postgres.rows(f"SELECT column_name, data_type FROM information_schema.columns WHERE table_name = '{TABLE}'"))
    assert (types["id"], types["created_at"], types["result"]) == ("uuid", "timestamp with time zone", "jsonb")
    assert postgres.psql(f"SELECT (result->>'n')::int + 1 FROM {TABLE} WHERE result @> '{{\"n\": 2}}'") == "3"
    told = desk.told()
    assert (told["kind"], told["sent"], told["waiting"], told["failing"]) == ("postgres", 4, 0, False)
    assert "plant" in desk.hub.ebb("status").out and desk.hub.get("/v1/status")["destinations"] == [desk.told()]


def test_a_webhook_gets_the_line_and_where_it_came_from(desk):
    desk.secret("desk-hmac", "sign-with-me\n")
    desk.secret("token", "abc-123\n")
    desk.start({"desk": f"{{ webhook: {desk.service.url}/hook, sign: secret:desk-hmac, since: all, "
                        "headers: { X-Site: north, X-Token: secret:token } }"})
    desk.bring(5)
    devices.until("all came", lambda: len(desk.service.requests) == 5)
    for request in desk.service.requests:
        line = request.json()
        assert list(line) == ["id", "device", "device_name", "workflow", "name", "run", "lane", "priority", "created_at",
                              "arrived_at", "result"]
        assert request.headers["Idempotency-Key"] == line["id"] and line["device_name"] == "line-3"
        assert request.headers["X-Token"] == "abc-123" and request.headers["X-Site"] == "north"
        mac = hmac.new(b"sign-with-me", request.body, hashlib.sha256).hexdigest()
        assert request.headers["Ebb-Signature"] == f"sha256={mac}"
    assert [request.json()["result"]["n"] for request in desk.service.requests] == [1, 2, 3, 4, 5]
    text = desk.hub.log() + json.dumps(desk.hub.get("/v1/destinations"))
    assert "abc-123" not in text and "sign-with-me" not in text


def test_a_webhook_gets_lists_where_it_is_told_to(desk):
    desk.answer = lambda request: (503, "")
    desk.start({"desk": f"{{ webhook: {desk.service.url}/hook, batch: 40, since: all }}"})
    desk.bring(100)
    desk.until_failing("503", "desk")
    desk.service.requests.clear()
    desk.answer = lambda request: (200, {})
    desk.until_done("desk")
    bodies = [request.json() for request in desk.service.requests]
    assert [len(one) for one in bodies] == [40, 40, 20]
    assert [line["result"]["n"] for one in bodies for line in one] == list(range(1, 101))
    assert desk.service.requests[0].headers["Idempotency-Key"] == bodies[0][0]["id"] + "+40"


def test_each_gets_what_it_is_to_have(desk):
    filters = {"work": "workflow: alarms", "both": "workflow: [alarms, triage]", "named": "name: smoke",
               "urgent": "lane: urgent", "important": "priority: high", "east": "label: site=east",
               "west": "label: [site=west, line]", "device": "device: line-3", "nobody": "device: line-4"}
    got = collections.defaultdict(list)

    def answer(request):
        got[request.path[1:]].append(request.json()["result"]["n"])
        return 204, ""

    desk.answer = answer
    desk.start({name: f"{{ webhook: {desk.service.url}/{name}, since: all, {text} }}" for name, text in filters.items()})
    desk.hub.ask("POST", "/v1/devices/line-3/labels", {"site": "east"})
    desk.bring(1)
    desk.bring(1, workflow="alarms", name="smoke")
    desk.bring(1, lane=1, workflow="alarms", priority=9)
    desk.bring(1, lane=2, workflow="other", priority=5)
    for name in filters:
        desk.until_done(name)
    assert dict(got) == {"work": [2, 3], "both": [1, 2, 3], "named": [2], "urgent": [3], "important": [3, 4],
                         "east": [1, 2, 3, 4], "device": [1, 2, 3, 4]}


def test_a_new_one_begins_where_it_is_told_to(desk, postgres):
    desk.start({"first": plant(postgres, table="first")})
    desk.bring(5)
    devices.until("they are there", lambda: count(postgres, "first") == 5)
    time.sleep(0.01)
    moment = datetime.datetime.now(datetime.timezone.utc).isoformat()
    desk.bring(3)
    devices.until("they are there", lambda: count(postgres, "first") == 8)
    desk.hub.stop()
    desk.start({"first": plant(postgres, table="first"), "all": plant(postgres, table="of_all"),
                "later": plant(postgres, since="now", table="later"), "otherwise": f"{{ postgres: '{postgres.url}', table: x }}",
                "moment": plant(postgres, since=f"'{moment}'", table="of_moment"),
                "day": plant(postgres, since=f"{datetime.date.today()}", table="of_day"),
                "future": plant(postgres, since="2099-01-01", table="of_future")})
    desk.bring(2)
    for name in ("first", "all", "later", "otherwise", "moment", "day", "future"):
        desk.until_done(name)
    assert [numbers(postgres, table) for table in ("first", "of_all", "of_day")] == [list(range(1, 11))] * 3
    assert numbers(postgres, "later") == numbers(postgres, "x") == [9, 10]
    assert numbers(postgres, "of_moment") == [6, 7, 8, 9, 10]
    assert numbers(postgres, "of_future") == [9, 10]  # nothing had arrived by then


# --- what goes wrong at PostgreSQL --------------------------------------------------------------------


def test_a_server_that_is_killed_again_and_again_gets_each_result_once(desk, postgres):
    desk.start({"plant": plant(postgres)}, quick=True)
    chance, over = random.Random(7), threading.Event()

    def bring():
        while not over.is_set() and desk.sent < 20_000:
            desk.bring(200)

    thread = threading.Thread(target=bring)
    thread.start()
    for _ in range(20 if LONG else 4):
        time.sleep(chance.uniform(0.05, 0.6))
        postgres.kill()
        time.sleep(chance.uniform(0.0, 0.3))
        postgres.start()
    over.set()
    thread.join()
    desk.until_done()
    assert numbers(postgres) == list(range(1, desk.sent + 1))
    assert desk.told()["sent"] == desk.sent
    assert desk.hub.log().count("takes results again") >= 1


def test_a_hub_that_is_killed_again_and_again_leaves_none_out_and_doubles_none(desk, postgres):
    chance = random.Random(11)
    seen = collections.Counter()
    desk.answer = lambda request: (seen.update(line["result"]["n"] for line in request.json()), (204, ""))[1]
    destinations = {"plant": plant(postgres), "desk": f"{{ webhook: {desk.service.url}/x, batch: 20, since: all }}"}
    desk.start(destinations)
    for _ in range(40 if LONG else 8):
        desk.bring(500)
        time.sleep(chance.uniform(0.0, 0.2))
        desk.kill()
        desk.start()
    desk.until_done("plant")
    desk.until_done("desk")
    assert numbers(postgres) == list(range(1, desk.sent + 1))
    assert sorted(seen) == list(range(1, desk.sent + 1))
    told = desk.told("plant")
    assert told["sent"] == desk.sent and (told["refused"], told["given_up"], told["removed"]) == (0, 0, 0)


def test_a_kill_between_the_answer_and_the_cursor_sends_again(desk, postgres):
    desk.start({"plant": plant(postgres), "desk": f"{{ webhook: {desk.service.url}/x, since: all }}"}, quick=True)
    postgres.stop()
    desk.answer = lambda request: (500, "")
    desk.bring(10)
    desk.until_failing("onnect")
    desk.until_failing("500", "desk")
    with contextlib.closing(sqlite3.connect(desk.hub.data / "hub.db", isolation_level=None, timeout=30)) as base:
        base.execute("BEGIN IMMEDIATE")  # whoever would move a cursor now waits for this
        desk.service.requests.clear()
        desk.answer = lambda request: (204, "")
        postgres.start()
        devices.until("the rows are there", lambda: count(postgres) == 10)
        devices.until("the hook has them", lambda: len(desk.service.requests) == 10)
        time.sleep(0.3)
        desk.kill()
        base.execute("ROLLBACK")
    assert desk.hub.rows("SELECT name, number, sent FROM destination ORDER BY name") == [("desk", 0, 0), ("plant", 0, 0)]
    desk.start()
    desk.until_done()
    desk.until_done("desk")
    assert numbers(postgres) == list(range(1, 11))
    keys = [request.headers["Idempotency-Key"] for request in desk.service.requests]
    assert keys[:10] == keys[10:] and len(set(keys)) == 10


def test_a_hub_out_of_a_backup_sends_again_and_doubles_nothing(desk, postgres):
    desk.start({"plant": plant(postgres)})
    desk.bring(10)
    desk.until_done()
    assert desk.hub.ebb("backup", desk.folder / "copy.ebb").code == 0
    desk.bring(10)
    desk.until_done()
    desk.hub.stop()
    restored = desk.folder / "restored"
    devices.ebb("hub", "restore", desk.folder / "copy.ebb", "--data", restored)
    desk.hub.data = restored
    desk.start()
    desk.line.hello(desk.stream)
    desk.line.send(desk.stream)
    desk.until_done()
    assert numbers(postgres) == list(range(1, 21)) and desk.told()["sent"] == 20


def test_a_server_that_was_started_anew_between_two_results_is_no_failure(desk, postgres):
    desk.start({"plant": plant(postgres)})
    desk.bring(1)
    desk.until_done()
    for _ in range(2):
        postgres.stop()
        postgres.start()
        desk.bring(1)
        desk.until_done()
    assert numbers(postgres) == [1, 2, 3]
    assert desk.told()["failure_at"] is None and "destination=plant" not in desk.hub.log()


def test_locks_that_are_held_stop_nobody_else(desk, postgres):
    desk.start({"plant": plant(postgres), "desk": f"{{ webhook: {desk.service.url}/x, since: all }}"})
    desk.bring(1)
    desk.until_done()
    with postgres.holding(f"BEGIN; LOCK TABLE {TABLE};"):
        desk.bring(10)
        devices.until("the webhook has them", lambda: len(desk.service.requests) == 11)
        assert desk.hub.get("/v1/status")["records"] == 11  # and devices are answered
        desk.until_failing("lock timeout")
        assert desk.told()["waiting"] == 10
        metrics = desk.hub.ask("GET", "/metrics")[1].splitlines()
        assert 'ebb_hub_destination_failing{name="plant"} 1' in metrics
        assert 'ebb_hub_destination_waiting{name="plant"} 10' in metrics
        assert 'ebb_hub_destination_failing{name="desk"} 0' in metrics
    desk.until_done()
    assert numbers(postgres) == list(range(1, 12))


def test_a_server_that_neither_answers_nor_goes_away(desk, postgres):
    desk.start({"plant": plant(postgres)}, quick=True)
    desk.bring(1)
    desk.until_done()
    postgres.freeze()
    desk.bring(5)
    desk.until_failing("PostgreSQL does not answer")
    began = time.monotonic()
    assert desk.hub.stop() == 0 and time.monotonic() - began < 10  # nor does it hold up the hub's end
    postgres.freeze(False)
    desk.start()
    desk.until_done()
    assert numbers(postgres) == list(range(1, 7))


@pytest.mark.parametrize("statements,words", [
    ("CREATE TABLE ebb_results (id uuid PRIMARY KEY, device uuid)", "table 'ebb_results' has no column 'device_name'"),
    ("CREATE TABLE ebb_results (LIKE good)", "table 'ebb_results' has no unique index on `id` alone: make one"),
    ("CREATE TABLE ebb_results (LIKE good INCLUDING ALL); ALTER TABLE ebb_results ALTER result TYPE text",
     "column 'result' of table 'ebb_results' is of type text: it should be jsonb"),
    ("CREATE TABLE ebb_results (LIKE good INCLUDING ALL); GRANT SELECT ON ebb_results TO ebb",
     "permission denied for table ebb_results"),
    ("REVOKE CREATE ON SCHEMA public FROM PUBLIC", "make the table 'ebb_results', which is not there: permission denied"),
])
def test_a_table_that_is_not_as_it_should_be(desk, postgres, statements, words):
    postgres.psql("CREATE TABLE good (id uuid PRIMARY KEY, device uuid, device_name text, workflow text, name text, run uuid,"
                  " lane text, priority integer, created_at timestamptz, arrived_at timestamptz, result jsonb)")
    postgres.psql("CREATE ROLE ebb LOGIN PASSWORD 'of-the-plant'")
    postgres.psql(statements)
    if "GRANT" not in statements and "REVOKE" not in statements:
        postgres.psql("GRANT ALL ON ebb_results TO ebb")
    desk.secret("plant-db", "of-the-plant\n")
    desk.start({"plant": f"{{ postgres: '{postgres.tcp('ebb')}', password: secret:plant-db, since: all }}"})
    desk.bring(3)
    desk.until_failing(words)
    assert f"destination=plant {words}" in desk.hub.log()
    postgres.psql("DROP TABLE IF EXISTS ebb_results; GRANT CREATE ON SCHEMA public TO ebb")
    desk.until_done()
    assert numbers(postgres) == [1, 2, 3]
    assert desk.hub.log().count(words) == 1, "a failure is said once"


def test_a_table_may_have_more_columns_and_a_schema(desk, postgres):
    postgres.psql("CREATE SCHEMA plant; CREATE TABLE plant.results (id uuid PRIMARY KEY, device uuid, device_name text, "
                  "workflow text, name text, run uuid, lane text, priority integer, created_at timestamptz, "
                  "arrived_at timestamptz, result jsonb, seen timestamptz DEFAULT now(), note text)")
    desk.start({"plant": plant(postgres, table="plant.results")})
    desk.bring(3)
    desk.until_done()
    assert numbers(postgres, "plant.results") == [1, 2, 3]


def test_who_may_not_come_in_is_told_why(desk, postgres):
    postgres.psql("CREATE ROLE ebb LOGIN PASSWORD 'of-the-plant'; GRANT CREATE ON SCHEMA public TO ebb")
    desk.start({"plant": f"{{ postgres: '{postgres.tcp('ebb')}', password: secret:plant-db, since: all }}"})
    desk.bring(3)
    desk.until_failing("plant-db")  # there is no such secret
    desk.secret("plant-db", "something else\n")
    desk.until_failing("password authentication failed")
    desk.secret("plant-db", "of-the-plant\n")
    desk.until_done()
    assert numbers(postgres) == [1, 2, 3]
    assert "of-the-plant" not in desk.hub.log() and "something else" not in desk.hub.log()


def test_the_whole_url_may_be_a_secret(desk, postgres):
    postgres.psql("CREATE ROLE ebb LOGIN PASSWORD 'of-the-plant'; GRANT CREATE ON SCHEMA public TO ebb")
    desk.secret("plant-url", f"postgresql://ebb:of-the-plant@127.0.0.1:{postgres.port}/postgres\n")
    desk.start({"plant": "{ postgres: secret:plant-url, since: all }"})
    desk.bring(3)
    desk.until_done()
    assert numbers(postgres) == [1, 2, 3]
    assert desk.told()["place"] == "secret:plant-url"
    assert "of-the-plant" not in desk.hub.log() + desk.hub.ebb("status").out


def test_a_server_without_a_place_left(desk, postgres):
    postgres.stop()
    postgres.start("max_connections=4", "superuser_reserved_connections=0", "max_wal_senders=0")
    with contextlib.ExitStack() as sessions:
        for _ in range(4):
            sessions.enter_context(postgres.holding("SELECT 1;"))
        desk.start({"plant": plant(postgres)})
        desk.bring(3)
        desk.until_failing("too many clients")
    desk.until_done()
    assert numbers(postgres) == [1, 2, 3]


def test_no_server_and_no_database(desk, postgres):
    desk.start({"plant": f"{{ postgres: 'postgresql://ebb@127.0.0.1:{services.free_port()}/x', since: all }}",
                "other": f"{{ postgres: '{postgres.tcp().replace('/postgres', '/nowhere').replace('//nowhere', '//postgres')}', since: all }}"})
    desk.bring(1)
    desk.until_failing("Connection refused")
    desk.until_failing('database "nowhere" does not exist', "other")


def test_without_libpq_it_says_what_to_install(desk, postgres):
    shim = desk.folder / "no_library.so"
    source = pathlib.Path(__file__).with_name("no_library.c")
    subprocess.run(["cc", "-shared", "-fPIC", "-o", shim, source], check=True)
    desk.start({"plant": plant(postgres)}, LD_PRELOAD=str(shim), NO_LIBRARY="libpq.so.5")
    desk.bring(1)
    desk.until_failing("install the package libpq5")


def test_a_result_that_postgres_does_not_take_stops_no_other(desk, postgres):
    desk.start({"plant": plant(postgres)})
    desk.bring(10)
    desk.bring(1, body=b'{"n": 11, "text": "a\\u0000b"}')
    desk.bring(5)
    desk.bring(1, body=b'{"n": 17, "number": 1e999999}')
    desk.bring(5)
    desk.until_done()
    assert numbers(postgres) == [n for n in range(1, 23) if n not in (11, 17)]
    told = desk.told()
    assert (told["sent"], told["refused"], told["failing"]) == (20, 2, False)
    assert desk.hub.log().count("is refused and passed over") == 2
    assert "unsupported Unicode escape sequence" in desk.hub.log()


# --- what goes wrong at a webhook ---------------------------------------------------------------------


def test_a_webhook_that_is_down_is_tried_again_and_order_is_kept(desk):
    codes = iter([500, 503, None, 404, 204])
    desk.answer = lambda request: (lambda code: (code, "busy" if code else "") if code else None)(next(codes, 204))
    desk.start({"desk": f"{{ webhook: {desk.service.url}/x, since: all }}"}, quick=True)
    desk.bring(5)
    desk.until_done("desk")
    assert [request.json()["result"]["n"] for request in desk.service.requests] == [1, 1, 1, 1, 1, 2, 3, 4, 5]
    assert "it answered 500: busy" in desk.hub.log()


def test_a_webhook_is_not_asked_before_it_says(desk):
    times = []

    def answer(request):
        times.append(time.monotonic())
        return (429, "", {"Retry-After": "3"}) if len(times) == 1 else (204, "")

    desk.answer = answer
    desk.start({"desk": f"{{ webhook: {desk.service.url}/x, since: all }}"})
    desk.bring(2)
    desk.until_done("desk")
    assert len(times) == 3 and times[1] - times[0] >= 2.9


def test_a_webhook_that_hangs_is_given_up_and_tried_again(desk):
    hanging = threading.Event()

    def answer(request):
        if not hanging.is_set():
            hanging.set()
            desk.service.hang()
        return 204, ""

    desk.answer = answer
    desk.start({"desk": f"{{ webhook: {desk.service.url}/x, since: all }}"}, quick=True)
    desk.bring(3)
    desk.until_done("desk")
    assert [request.json()["result"]["n"] for request in desk.service.requests] == [1, 1, 2, 3]
    assert desk.told("desk")["sent"] == 3


@pytest.mark.parametrize("batch", ["", ", batch: 8"])
def test_a_result_that_is_refused_is_passed_over_when_the_next_is_taken(desk, batch):
    taken = []

    def answer(request):
        lines = request.json() if batch else [request.json()]
        bad = [line["result"]["n"] for line in lines if line["result"]["n"] in (3, 4, 20)]
        if not bad:
            taken.extend(line["result"]["n"] for line in lines)
        return (422, f"no {bad[0]} here") if bad else (204, "")

    desk.answer = answer
    desk.start({"desk": f"{{ webhook: {desk.service.url}/x, since: all{batch} }}"}, quick=True)
    desk.bring(20)
    desk.until_failing("it answered 422: no 20 here", "desk")  # nothing behind it was taken: it may be the other side
    devices.until("the cursor has moved up to it", lambda: (desk.told("desk")["waiting"], desk.told("desk")["refused"]) == (1, 2))
    desk.bring(2)
    desk.until_done("desk")
    assert list(dict.fromkeys(taken)) == [n for n in range(1, 23) if n not in (3, 4, 20)]
    told = desk.told("desk")
    assert (told["sent"], told["refused"]) == (19, 3)
    assert desk.hub.log().count("is refused and passed over") == 3 and "no 3 here" in desk.hub.log()


def test_a_webhook_that_refuses_everything_loses_nothing(desk):
    desk.answer = lambda request: (400, "not yet")
    desk.start({"desk": f"{{ webhook: {desk.service.url}/x, since: all }}"}, quick=True)
    desk.bring(5)
    desk.until_failing("not yet", "desk")
    devices.until("it was tried again", lambda: len(desk.service.requests) > 12)
    assert (desk.told("desk")["sent"], desk.told("desk")["refused"], desk.told("desk")["waiting"]) == (0, 0, 5)
    desk.service.requests.clear()
    desk.answer = lambda request: (204, "")
    desk.until_done("desk")
    assert [request.json()["result"]["n"] for request in desk.service.requests][-5:] == [1, 2, 3, 4, 5]


def test_what_is_too_old_is_given_up_and_counted(desk):
    desk.answer = lambda request: (500, "")
    desk.start({"desk": f"{{ webhook: {desk.service.url}/x, since: all, give_up: 2s }}"})
    desk.bring(2500)
    devices.until("they are given up", lambda: desk.told("desk")["given_up"] == 2500)
    desk.answer = lambda request: (204, "")
    desk.bring(3)
    desk.until_done("desk")
    told = desk.told("desk")
    assert (told["sent"], told["given_up"], told["waiting"]) == (3, 2500, 0)
    assert "gives up" in desk.hub.log()


def test_a_webhook_is_believed_by_its_certificate_alone(desk):
    services.make_certificates(desk.folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(desk.folder / "good.pem", desk.folder / "good.key")
    secure = services.Service(lambda request: (204, ""), tls=context)
    try:
        desk.start({"desk": f"{{ webhook: {secure.url}/x, since: all }}"})
        desk.bring(1)
        desk.until_failing("certificate", "desk")
        assert secure.requests == []
    finally:
        secure.stop()


# --- the hub's own life -------------------------------------------------------------------------------


def test_what_retention_removes_before_it_was_sent_is_counted_and_said(desk, postgres):
    postgres.stop()
    desk.start({"plant": plant(postgres, workflow="triage"), "other": plant(postgres, workflow="else", table="other")},
               more="retention: { workflows: { triage: { keep: 1s } } }\n")
    desk.bring(30)
    desk.bring(1, workflow="kept")
    devices.until("they are gone", lambda: desk.hub.get("/v1/status")["removed"] == 30)
    postgres.start()
    desk.bring(2)
    devices.until("they are there", lambda: count(postgres) == 2)
    desk.until_done()
    told = desk.told()
    assert (told["sent"], told["removed"]) == (2, 30) and desk.told("other")["removed"] == 0
    assert "30 results were removed before it had them" in desk.hub.log()
    assert "ebb_hub_destination_missed_total{name=\"plant\"} 30" in desk.hub.ask("GET", "/metrics")[1]


def test_a_time_that_turns_out_later_is_mended_in_the_table(desk, postgres):
    desk.start({"plant": plant(postgres), "desk": f"{{ webhook: {desk.service.url}/x, since: all }}"}, quick=True)
    boot = b"a boot of 1970.."
    desk.bring(3, quality=2, wall_ms=60_000, boot=boot, boot_ns=60 * 10**9)
    desk.until_done()
    assert postgres.psql(f"SELECT max(created_at) < '1971-01-01' FROM {TABLE}") == "t"
    desk.line.boot, desk.line.boot_ns = boot.hex(), 600 * 10**9
    desk.line.hello(desk.stream)
    devices.until("they are mended", lambda: postgres.psql(f"SELECT min(created_at) > '2020-01-01' FROM {TABLE}") == "t")
    assert numbers(postgres) == [1, 2, 3]
    assert len(desk.service.requests) == 3  # a webhook would not know what to do with the same id
    created = {one["id"]: one["created_at"] for one in desk.hub.get("/v1/results")["results"]}
    for key, at in postgres.rows(f"SELECT id, to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS') FROM {TABLE}"):
        assert created[key] == at


def test_a_full_disk_of_the_hub_stops_nothing_for_good(tmp_path, small_disk, postgres):
    disk = small_disk("8m")
    desk = Desk(tmp_path)
    desk.hub = Hub(tmp_path, disk / "hub")
    try:
        postgres.stop()
        desk.start({"plant": plant(postgres)})
        desk.bring(20)
        with open(disk / "filler", "wb") as filler, contextlib.suppress(OSError):
            while True:
                filler.write(bytes(65536))
                filler.flush()
        postgres.start()
        devices.until("the rows are there", lambda: count(postgres) == 20)
        time.sleep(1)
        (disk / "filler").unlink()
        desk.until_done()
        desk.bring(5)
        devices.until("the rest too", lambda: count(postgres) == 25)
        assert numbers(postgres) == list(range(1, 26))
    finally:
        desk.close()


@pytest.mark.parametrize("text,words", [
    ("{ webhook: 'ftp://x' }", "a URL begins with http:// or https://"),
    ("{ webhook: 'http://x/', postgres: 'postgresql://x/' }", "one of `webhook` and `postgres`"),
    ("{ give_up: 1d }", "one of `webhook` and `postgres`"),
    ("{ postgres: 'postgresql://u:p@x/' }", "a password stands in no file of settings"),
    ("{ postgres: 'mysql://x/' }", "`postgres` is a URL such as"),
    ("{ postgres: 'postgresql://x/', table: 'a; drop table b' }", "`table` is NAME or SCHEMA.NAME"),
    ("{ postgres: 'postgresql://x/', batch: 3 }", "`batch`: PostgreSQL has none"),
    ("{ webhook: 'http://x/', table: t }", "`table`: a webhook has none"),
    ("{ webhook: 'http://x/', since: yesterday }", "`since` is `now`, `all`"),
    ("{ webhook: 'http://x/', lane: fast }", "no lane is called `fast`"),
    ("{ webhook: 'http://x/', priority: 12 }", "`priority` is urgent, high"),
    ("{ webhook: 'http://x/', batch: 0 }", "batch"),
    ("{ webhook: 'http://x/', sgin: x }", "sign"),
])
def test_a_file_with_faults_keeps_the_hub_from_starting(desk, text, words):
    desk.write({"desk": text})
    hub = desk.hub.start("--config", desk.file, wait=False)
    assert hub.wait(devices.PATIENCE) == CONFIGURATION
    assert words in desk.hub.log() and f"{desk.file}:3:" in desk.hub.log()


def test_rows_a_second(desk, postgres):
    """Printed, not judged: into PostgreSQL by the hub, and the same rows by psql's \\copy."""
    rows = 200_000 if LONG else 40_000
    postgres.stop()
    desk.start({"plant": plant(postgres)})
    for _ in range(rows // 2000):
        desk.stream = Stream()  # of a long one each chain value takes longer
        desk.bring(2000)
    postgres.start()
    devices.until("it begins", lambda: desk.told()["sent"] > 0)
    began = time.monotonic()
    before = desk.told()["sent"]
    devices.until("all are there", lambda: desk.told()["sent"] == rows, 120, 0.01)
    ours = (rows - before) / max(time.monotonic() - began, 1e-9)
    copied = desk.folder / "rows"
    postgres.psql(f"CREATE TABLE peer (LIKE {TABLE} INCLUDING ALL)")
    postgres.psql(f"\\copy {TABLE} TO '{copied}'")
    began = time.monotonic()
    postgres.psql(f"\\copy peer FROM '{copied}'")
    peer = rows / (time.monotonic() - began)
    print(f"postgres_rows_per_s {ours:.0f} {peer:.0f} {ours / peer:.2f}")
    assert numbers(postgres) == list(range(1, rows + 1))
