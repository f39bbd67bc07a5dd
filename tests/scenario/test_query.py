# SPDX-License-Identifier: Apache-2.0
"""Questions in SQL to a real hub: by the command line, over its socket, and whatever people do with that."""
import concurrent.futures
import csv
import http.client
import io
import json
import os
import pathlib
import signal
import socket
import subprocess
import time

import pytest

import device as devices
import people
from hub import FakeDevice, Hub, Stream, record
from test_reports import PNG, begin, drop, on_hub, place  # noqa: F401  a fixture

ENDLESS = "with recursive c(x) as (select 1 union all select x+1 from c) select count(*) from c"
MANY = "with recursive c(x) as (select 1 union all select x+1 from c) select x, 'some words to fill the line' as s from c"
DAY_MS = 24 * 3600 * 1000


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    """A hub with two devices: readings of a cold room and verdicts, some of them of yesterday."""
    folder = tmp_path_factory.mktemp("query")
    hub = Hub(folder)
    hub.start()
    now = int(time.time() * 1000)
    for number, name in enumerate(("line-1", "line-2")):
        line = FakeDevice(hub, folder, name).join(labels={"line": str(number + 1)})
        stream = Stream()
        for seq in range(300):
            stream.add(3, record({"t": -18 - seq % 5 / 10, "ok": seq % 2 == 0, "room": "a,\"1\""},
                                 workflow="cold-room", name="reading", wall_ms=now - DAY_MS * (seq % 3) - seq))
        stream.add(1, record({"code": 7}, workflow="press", name="fault", priority=8))
        stream.add(1, record({"rms": 1.5}, workflow="press", name="vibration", priority=8))
        line.hello(stream)
        line.send(stream, 3)
        line.send(stream, 1)
        line.hang_up()
    yield hub
    hub.close()


@pytest.fixture(autouse=True)
def nothing_left(hub):
    """After each test no process of a question is there any more."""
    yield
    devices.until("the questions have ended", lambda: not children(hub))


def children(hub):
    """The processes of questions, by their ids."""
    pid = hub.daemon.pid
    return [int(word) for word in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def ask(hub, sql, **words):
    """(code, text) of POST /v1/query."""
    line = devices._SocketConnection(str(hub.socket), devices.PATIENCE)
    try:
        query = "&".join(f"{name}={value}" for name, value in words.items())
        line.request("POST", f"/v1/query?{query}", sql if isinstance(sql, bytes) else sql.encode())
        answer = line.getresponse()
        return answer.status, answer.read().decode()
    finally:
        line.close()


def refused(hub, sql, **words):
    """The class and the sentence of what is refused."""
    code, text = ask(hub, sql, **words)
    assert code == 400, (code, text)
    error = json.loads(text)["error"]
    return error["class"], error["text"]


# --- answers ----------------------------------------------------------------------------------------


def test_an_answer_has_columns_with_types_and_rows(hub):
    code, text = ask(hub, 'select device, count(*) as n, min(t) as t from "cold-room" group by device order by 1')
    assert code == 200
    assert json.loads(text) == {
        "columns": [{"name": "device", "type": "string"}, {"name": "n", "type": "integer"}, {"name": "t", "type": "number"}],
        "rows": [["line-1", 300, -18.4], ["line-2", 300, -18.4]]}


def test_a_question_may_stand_in_the_address(hub):
    assert hub.get("/v1/query?sql=select%201%20as%20a")["rows"] == [[1]]
    assert hub.ask("GET", "/v1/query?sql=select%201%00%20as%20a")[1]["error"]["text"].endswith("without a zero byte")


def test_without_a_question_it_says_what_can_be_asked(hub):
    tables = {table["name"]: [column["name"] for column in table["columns"]] for table in hub.get("/v1/query")["tables"]}
    assert {"results", "failures", "gaps", "devices", "alarms", "workflows", "cold-room", "press.fault",
            "press.vibration"} == set(tables)
    assert {"t", "ok", "room", "created_at", "device"} <= set(tables["cold-room"])


def test_other_shapes_of_an_answer(hub):
    sql = "select t, ok, room from \"cold-room\" where device = 'line-1' order by number limit 1"
    assert ask(hub, sql, format="csv") == (200, 't,ok,room\r\n-18.0,true,"a,""1"""\r\n')
    assert ask(hub, sql, format="jsonl") == (200, '{"t":-18.0,"ok":true,"room":"a,\\"1\\""}\n')
    assert ask(hub, sql, format="table") == (200, 't      ok    room\n-18.0  true  a,"1"\n')
    assert ask(hub, sql, format="xml")[0] == 400
    code, text = ask(hub, "select number from results", rows=2)
    assert code == 200 and len(json.loads(text)["rows"]) == 2 and json.loads(text)["truncated"] is True
    assert ask(hub, "select number from results", rows=0)[0] == 400


def test_a_long_answer_comes_whole(hub):
    code, text = ask(hub, "select a.id, b.result from results a, results b", format="csv")
    rows = list(csv.reader(io.StringIO(text)))
    assert code == 200 and len(rows) == 604 * 604 + 1 and all(len(row) == 2 for row in rows)


# --- the command ------------------------------------------------------------------------------------


def test_the_command_prints_a_table(hub):
    answer = hub.ebb("query", 'select device, count(*) as n from "cold-room" group by 1 order by 1')
    assert answer.code == 0 and answer.out == "device    n\nline-1  300\nline-2  300\n", answer


def test_the_command_prints_csv_and_json(hub):
    sql = 'select device, t from "cold-room" order by number limit 1'
    assert hub.ebb("query", "--csv", sql).out == "device,t\r\nline-1,-18.0\r\n"
    assert hub.ebb("query", "--json", sql).out == '{"device":"line-1","t":-18.0}\n'
    assert hub.ebb("query", "--csv", "--json", sql).code == 2
    assert hub.ebb("query", "--json", "select 1 where 0").out == ""


def test_the_command_reads_standard_input_and_lists_tables(hub):
    assert hub.ebb("query", "-", stdin="select 1 as a").out == "a\n1\n"
    listed = hub.ebb("query")
    assert listed.code == 0 and listed.out == hub.ebb("query", "--tables").out
    assert "cold-room" in listed.out and "created_ms" in listed.out and "token" not in listed.out
    assert json.loads(hub.ebb("query", "--json").out.splitlines()[0])["name"] == "results"


def test_the_command_says_what_is_wrong_and_ends_so(hub):
    wrong = hub.ebb("query", "selct 1")
    assert wrong.code == 2 and 'line 1, column 1: near "selct": syntax error' in wrong.err
    late = hub.ebb("query", "--seconds", "1", ENDLESS)
    assert late.code == 10 and "longer than 1 s: ask for less" in late.err
    many = hub.ebb("query", "--csv", "--seconds", "1", MANY)
    assert many.code == 10 and "longer than 1 s" in many.err and "error" not in many.out[-200:]
    many = hub.ebb("query", "--json", "--seconds", "1", MANY)
    assert many.code == 10 and "longer than 1 s" in many.err and json.loads(many.out.splitlines()[-1])["x"] > 1000
    many = hub.ebb("query", "--seconds", "30", MANY)
    assert many.code == 0 and len(many.out.splitlines()) == 5001 and "first 5000 rows" in many.err


# --- export -----------------------------------------------------------------------------------------


def test_an_export_has_all_results_in_order(hub, tmp_path):
    target = tmp_path / "all.csv"
    answer = hub.ebb("result", "export", "--to", target)
    assert answer.code == 0 and answer.out == "", answer
    rows = list(csv.DictReader(io.StringIO(target.read_text())))
    assert len(rows) == 604 and len({row["id"] for row in rows}) == 604
    assert [row["arrived_at"] for row in rows] == sorted(row["arrived_at"] for row in rows)
    assert json.loads(rows[0]["result"]) == {"t": -18, "ok": True, "room": "a,\"1\""}
    assert json.loads(rows[0]["labels"]) == {"line": "1"}
    assert list(tmp_path.iterdir()) == [target]


def test_an_export_has_filters(hub):
    def export(*words):
        answer = hub.ebb("result", "export", "--format", "jsonl", *words)
        assert answer.code == 0, answer
        return [json.loads(line) for line in answer.out.splitlines()]
    assert len(export("--workflow", "cold-room", "--since", "12h")) == 200
    assert len(export("--until", "36h")) == 200
    assert {row["device_name"] for row in export("--label", "line=2")} == {"line-2"}
    assert {row["device_name"] for row in export("--label", "line")} == {"line-1", "line-2"}
    assert [row["result"] for row in export("--name", "fault", "--device", "line-1")] == [{"code": 7}]
    device = export("--name", "fault", "--device", "line-1")[0]["device"]
    assert len(export("--device", device, "--lane", "urgent")) == 2
    assert export("--workflow", "none'; --") == []
    assert hub.ebb("result", "export", "--since", "never").code == 2


def test_an_export_that_fails_leaves_what_was_there(hub, tmp_path):
    target = tmp_path / "old.csv"
    target.write_text("old")
    assert hub.ebb("result", "export", "--to", target, "--label", "x'y=z", "--format", "xml").code == 2
    away = devices.ebb("hub", "result", "export", "--to", target, "--socket", tmp_path / "nobody.sock")
    assert away.code != 0 and target.read_text() == "old" and list(tmp_path.iterdir()) == [target]
    assert hub.ebb("result", "export", "--to", tmp_path / "no" / "folder.csv").code != 0
    assert hub.ebb("result", "export", "--to", target).code == 0 and len(target.read_text()) > 1000


def test_an_interrupted_export_leaves_what_was_there(hub, tmp_path):
    """Every place is taken, so that it waits; then somebody has enough of it."""
    target = tmp_path / "old.csv"
    target.write_text("old")
    with concurrent.futures.ThreadPoolExecutor(2) as others:
        asked = [others.submit(ask, hub, ENDLESS, seconds=4) for _ in range(2)]
        devices.until("both are answered", lambda: len(children(hub)) == 2)
        with subprocess.Popen([devices.BUILD / "ebb", "hub", "result", "export", "--to", target, "--socket",
                               hub.socket]) as export:
            time.sleep(0.5)
            export.send_signal(signal.SIGINT)
            assert export.wait(devices.PATIENCE) != 0
        assert all(answer.result()[0] == 400 for answer in asked)
    assert target.read_text() == "old" and list(tmp_path.iterdir()) == [target]


# --- bad questions ----------------------------------------------------------------------------------


def test_a_question_that_never_ends_ends(hub):
    began = time.monotonic()
    kind, words = refused(hub, ENDLESS, seconds=1)
    assert kind == "timeout" and "give it more seconds" in words
    assert time.monotonic() - began < devices.PATIENCE / 2


@pytest.mark.parametrize("sql", [
    "select group_concat(a.result || b.result) from results a, results b, results c",
    "select length(replace(hex(zeroblob(4000000)), '0', '0123456789'))",
    "with recursive c(x) as (select hex(randomblob(3000000)) union all select x || 'y' from c limit 300) "
    "select max(length(x)), count(distinct x) from c",
])
def test_a_question_that_eats_memory_is_ended(hub, sql):
    before = rss_kib(hub)
    kind, words = refused(hub, sql, seconds=3)
    assert kind == "timeout" or "MiB" in words, words
    assert rss_kib(hub) < before + 64 * 1024
    assert hub.get("/healthz")


def test_a_question_has_so_much_memory(hub):
    sums = ",".join(f"group_concat(hex(zeroblob({500000 + number})))" for number in range(100))
    kind, words = refused(hub, f"with recursive c(x) as (select 1 union all select x+1 from c limit 7) select {sums} from c")
    assert kind == "no_memory" and "256 MiB" in words


def test_a_question_that_sorts_much_is_ended_or_answered(hub):
    kind, _ = refused(hub, "select * from results a, results b, results c order by a.id || b.id || c.id", seconds=3)
    assert kind in ("timeout", "no_memory")


def rss_kib(hub):
    text = pathlib.Path(f"/proc/{hub.daemon.pid}/status").read_text()
    return next(int(line.split()[1]) for line in text.splitlines() if line.startswith("VmRSS"))


def test_a_question_that_writes_is_refused(hub, tmp_path):
    rows = hub.rows("select count(*) from record")
    for sql in ("delete from results", "insert into devices values (1)", "update results set t = 1", "drop view results",
                "pragma writable_schema = on", f"attach '{tmp_path}/x' as x", f"vacuum into '{tmp_path}/x'",
                "create temp table x as select 1", "begin immediate", "select load_extension('x')",
                "select writefile('x', 'y')", "select * from results; drop table record"):
        assert refused(hub, sql)[0] == "invalid", sql
    assert not list(tmp_path.iterdir()) and hub.rows("select count(*) from record") == rows


def test_secrets_are_no_tables(hub):
    assert hub.rows("select count(*) from certificate")[0][0] == 2
    for table in ("token", "certificate", "access", "person", "session", "deed", "sqlite_schema", "hub", "cursor"):
        assert refused(hub, f"select * from {table}")[0] == "invalid"
        assert refused(hub, f"with results as (select * from main.{table}) select * from results")[0] == "invalid"


def test_text_that_is_none_is_refused(hub):
    assert "64 KiB" in refused(hub, "select 1 -- " + "x" * 70000)[1]
    assert "zero byte" in refused(hub, b"select 1\0, 2")[1]
    assert "UTF-8" in refused(hub, b"select '\xff'")[1]
    assert "empty" in refused(hub, "  ")[1]
    assert "empty" in refused(hub, "")[1]
    assert "second begins at" in refused(hub, "select 1; select 2")[1]
    assert "whole number" in refused(hub, "select 1", seconds=61)[1]
    assert refused(hub, "select " + "(" * 5000 + "1" + ")" * 5000)[0] == "invalid"
    assert refused(hub, "select " + "+".join(["1"] * 5000))[0] == "invalid"


def ask_in_a_crowd(hub, sql):
    """The same, of one among many: the line before the socket has an end as well."""
    while True:
        try:
            return ask(hub, sql)
        except BlockingIOError:
            time.sleep(0.01)


def test_a_hundred_at_once_are_answered_or_told_to_come_again(hub):
    with concurrent.futures.ThreadPoolExecutor(100) as crowd:
        answers = list(crowd.map(
            lambda number: ask_in_a_crowd(hub, f"select {number} as n, count(*) from results a, results b"), range(100)))
    codes = [code for code, _ in answers]
    assert set(codes) <= {200, 503} and codes.count(200) >= 10 and codes.count(503) > 0
    assert all(json.loads(text)["rows"] == [[number, 604 * 604]]
               for number, (code, text) in enumerate(answers) if code == 200)
    assert all("ask again" in json.loads(text)["error"]["text"] for code, text in answers if code == 503)
    assert ask(hub, "select 1")[0] == 200


# --- who leaves and what is killed ------------------------------------------------------------------


def dial(hub, sql, **words):
    """A line on which a question was asked."""
    line = socket.socket(socket.AF_UNIX)
    line.settimeout(devices.PATIENCE)
    line.connect(str(hub.socket))
    query = "&".join(f"{name}={value}" for name, value in words.items())
    line.sendall(f"POST /v1/query?{query} HTTP/1.1\r\nHost: hub\r\nContent-Length: {len(sql)}\r\n\r\n{sql}".encode())
    return line


@pytest.mark.parametrize("sql", [MANY, ENDLESS])
def test_who_leaves_has_the_question_ended(hub, sql):
    with dial(hub, sql, seconds=60, format="csv") as line:
        if sql == MANY:
            assert line.recv(1000)
        devices.until("it is being answered", lambda: children(hub))
    devices.until("it has ended", lambda: not children(hub))  # long before its minute is over


def test_who_waits_and_leaves_is_forgotten(hub):
    lines = [dial(hub, ENDLESS, seconds=60) for _ in range(5)]
    devices.until("two are answered", lambda: len(children(hub)) == 2)
    for line in lines:
        line.close()
    devices.until("none is", lambda: not children(hub))
    assert ask(hub, "select 1")[0] == 200


def test_an_answer_that_nobody_takes_does_not_grow_in_the_hub(hub):
    before = rss_kib(hub)
    with dial(hub, MANY, seconds=4, format="csv") as line:
        time.sleep(2)
        assert len(children(hub)) == 1 and rss_kib(hub) < before + 16 * 1024
        answer = http.client.HTTPResponse(line, method="POST")
        answer.begin()
        with pytest.raises(http.client.IncompleteRead):
            answer.read()


def test_a_process_that_is_killed_is_an_error(hub):
    with concurrent.futures.ThreadPoolExecutor(1) as others:
        asked = others.submit(ask, hub, ENDLESS, seconds=60)
        devices.until("it is being answered", lambda: children(hub))
        time.sleep(0.3)  # ebb-launch has become ebb-query
        os.kill(children(hub)[0], signal.SIGKILL)
        code, text = asked.result(devices.PATIENCE)
    assert code == 500 and json.loads(text)["error"]["class"] == "crash"
    assert "signal 9" in hub.log()


def test_an_answer_whose_process_is_killed_is_cut(hub):
    with dial(hub, MANY, seconds=60, format="json") as line:
        assert line.recv(1000)
        os.kill(children(hub)[0], signal.SIGKILL)
        with pytest.raises(http.client.IncompleteRead):
            answer = http.client.HTTPResponse(Rest(line), method="POST")
            answer.begin()
            answer.read()


class Rest:
    """A line whose answer's head was read already: another one stands in its place."""

    def __init__(self, line):
        self.line = line

    def makefile(self, *_):
        return io.BufferedReader(Joined(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n", self.line))


class Joined(io.RawIOBase):
    def __init__(self, head, line):
        super().__init__()
        self.head, self.line = head, line

    def readable(self):
        return True

    def readinto(self, room):
        part = self.head[:len(room)] or self.line.recv(len(room))
        self.head = self.head[len(part):]
        room[:len(part)] = part
        return len(part)


def test_a_failure_behind_the_first_rows_is_seen(hub):
    late = "with recursive c(x) as (select 1 union all select x+1 from c where x < 20000) " \
           "select x, iif(x = 19999, ms('never'), 'some more text to fill what is held') as s from c"
    code, text = ask(hub, late)
    answer = json.loads(text)
    assert code == 200 and len(answer["rows"]) == 19998 and answer["error"]["class"] == "invalid"
    for shape in ("csv", "jsonl", "table"):
        with pytest.raises(http.client.IncompleteRead) as cut:
            ask(hub, late, format=shape)
        assert b"ms() wants a day" in cut.value.partial.splitlines()[-1]


# --- a hub of its own -------------------------------------------------------------------------------


def test_a_hub_that_stops_ends_its_questions(tmp_path):
    own = Hub(tmp_path)
    own.start()
    try:
        with dial(own, MANY, seconds=60, format="csv") as line:
            assert line.recv(1000)
            asked = children(own)
            assert asked
            own.stop()
            while line.recv(1 << 16):
                pass
            devices.until("its process has ended", lambda: not pathlib.Path(f"/proc/{asked[0]}").exists())
    finally:
        own.close()


def test_fields_have_the_units_that_a_workflow_declares(place):  # noqa: F811
    begin(place)
    drop(place, "one.png", PNG + os.urandom(100))
    on_hub(place, 1)
    devices.until("the hub knows the workflow", lambda: place.hub.rows("select count(*) from workflow_face") == [(1,)])
    answer = place.hub.get("/v1/query?sql=select%20t,%20name,%20picture%20from%20pictures")
    assert answer["columns"] == [{"name": "t", "type": "number", "unit": "Cel"}, {"name": "name", "type": "any"},
                                 {"name": "picture", "type": "image"}]
    picture = answer["rows"][0][2]
    assert answer["rows"] == [[2.5, "one.png", picture]] and picture["type"] == "image/png"
    assert place.hub.ebb("query", "select t from pictures").out == "t (Cel)\n    2.5\n"
    assert place.hub.ebb("query", "--csv", "--units", "select t from pictures").out == "t (Cel)\r\n2.5\r\n"


def test_people_ask_who_may_look(tmp_path):
    own = Hub(tmp_path)
    try:
        admin = people.admin(own)
        viewer = people.person(admin, "vera", "viewer")
        assert viewer.get("/v1/query?sql=select%20state,count(*)%20from%20devices%20group%20by%201")[0] == 200
        assert viewer.get("/v1/query?sql=select%20*%20from%20person")[0] == 400
        assert viewer.get("/v1/query?format=csv&sql=select%201%20as%20a") == (200, "a\r\n1\r\n")
        assert viewer.post("/v1/query", origin="http://elsewhere.example")[0] == 403
        assert people.Visitor(viewer.address).get("/v1/query?sql=select%201")[0] == 401
        code, made = admin.post("/v1/access", {"name": "gateway", "may": "bring"})
        assert code == 200, made
        assert people.Visitor(viewer.address, token=made["token"]).get("/v1/query?sql=select%201")[0] == 403
        code, made = admin.post("/v1/access", {"name": "report", "may": "read"})
        assert code == 200, made
        answer = people.Visitor(viewer.address, token=made["token"]).get("/v1/query?sql=select%201")
        assert answer[0] == 200 and answer[1]["rows"] == [[1]], answer
    finally:
        own.close()


def test_what_devices_bring_is_taken_while_questions_run(tmp_path):
    own = Hub(tmp_path)
    own.start()
    try:
        line = FakeDevice(own, tmp_path).join()
        stream = Stream().add(3, *[record({"n": number}) for number in range(200)])
        with dial(own, ENDLESS, seconds=60), dial(own, ENDLESS, seconds=60):
            devices.until("both are asked", lambda: len(children(own)) == 2)
            line.hello(stream)
            line.send(stream)
            assert own.held(stream, 3) == 200
        devices.until("they have ended", lambda: not children(own))
        assert ask(own, "select count(*) as n from triage", format="csv") == (200, "n\r\n200\r\n")
    finally:
        own.close()
