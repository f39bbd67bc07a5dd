# SPDX-License-Identifier: Apache-2.0
"""The guide's own protocol at the hub: a client written from the guide, without a certificate."""
import concurrent.futures
import json
import pathlib
import sqlite3
import urllib.error
import urllib.request
import uuid
from datetime import datetime

import pytest

import device as devices
import hub as hubs


class GuideManager:
    """The guide's storage and sync manager, as it stands there, but for urllib in the place of requests."""

    def __init__(self, path, endpoint, device_id, headers=None):
        self.path, self.endpoint, self.device_id, self.headers = path, endpoint, device_id, headers or {}
        with sqlite3.connect(path) as connection:
            connection.execute("CREATE TABLE IF NOT EXISTS workflow_results (id TEXT PRIMARY KEY, workflow_id TEXT,"
                               " result TEXT, created_at TEXT, synced INTEGER DEFAULT 0, sync_priority INTEGER DEFAULT 1)")

    def save_result(self, workflow_id, result, sync_priority=1):
        with sqlite3.connect(self.path) as connection:
            connection.execute("INSERT INTO workflow_results (id, workflow_id, result, created_at, sync_priority)"
                               " VALUES (?, ?, ?, ?, ?)", (str(uuid.uuid4()), workflow_id, json.dumps(result),
                                                           datetime.now().isoformat(), sync_priority))

    def unsynced(self, limit=100):
        with sqlite3.connect(self.path) as connection:
            rows = connection.execute("SELECT id, workflow_id, result, created_at FROM workflow_results WHERE synced = 0"
                                      " ORDER BY sync_priority DESC, created_at ASC LIMIT ?", (limit,)).fetchall()
        return [{"id": row[0], "workflow_id": row[1], "result": json.loads(row[2]), "created_at": row[3]} for row in rows]

    def post(self, payload):
        request = urllib.request.Request(self.endpoint, json.dumps(payload).encode(),
                                         {"Content-Type": "application/json", **self.headers})
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=20) as answer:
            return json.loads(answer.read())

    def synchronize(self, forget_the_answer=False):
        results = self.unsynced()
        said = self.post({"device_id": self.device_id, "timestamp": datetime.now().isoformat(), "results": results})
        if not forget_the_answer:
            with sqlite3.connect(self.path) as connection:
                connection.executemany("UPDATE workflow_results SET synced = 1 WHERE id = ?",
                                       [(row["id"],) for row in results])
        return said


@pytest.fixture
def hub(tmp_path):
    one = hubs.Hub(tmp_path)
    one.start("--people", "127.0.0.1:0")
    yield one
    one.close()


def endpoint(hub):
    return f"http://{hub.get('/v1/status')['people']}/api/sync"


def access(hub, name="old-gateway", *more):
    said = hub.ebb("access", "new", name, "--json", *more)
    assert said.code == 0, said
    return said.lines()[0]["token"]


def listed(hub, *words):
    return hub.ebb("result", "list", "--limit", "1000", "--json", *words).lines()


def test_a_client_of_the_guide_works_unchanged(hub, tmp_path):
    manager = GuideManager(tmp_path / "guide.db", f"{endpoint(hub)}?token={access(hub)}", "edge-device")
    for number in range(250):
        manager.save_result("count", {"n": number}, sync_priority=1 + number % 9)
    total = 0
    while manager.unsynced():
        said = manager.synchronize()
        assert said["status"] == "success" and said["stored"] == said["received"]
        total += said["stored"]
    assert total == 250
    rows = listed(hub, "--device", "old-gateway")
    assert sorted(row["result"]["n"] for row in rows) == list(range(250))
    assert {row["workflow"] for row in rows} == {"count"} and {row["name"] for row in rows} == {"edge-device"}
    assert {value[:3] for value in hub.accounts().values()} == {(250, 0, 0)}


def test_workflows_and_names_of_any_text_are_found(hub, tmp_path):
    manager = GuideManager(tmp_path / "guide.db", f"{endpoint(hub)}?token={access(hub)}", "Gerät 7")
    manager.save_result("Invoice Triage v2", {"n": 1})
    manager.save_result("other", {"n": 2})
    assert manager.synchronize()["stored"] == 2
    assert [row["result"]["n"] for row in listed(hub, "--workflow", "Invoice Triage v2")] == [1]
    assert sorted(row["result"]["n"] for row in listed(hub, "--name", "Gerät 7")) == [1, 2]
    assert listed(hub, "--workflow", "Invoice") == []


def test_a_program_takes_no_device_s_place_nor_a_device_its(hub, tmp_path):
    line = hubs.FakeDevice(hub, tmp_path).join()
    token = access(hub)
    for words in (("line-3", "old-gateway"), ("old-gateway", "line-3")):
        said = hub.ebb("device", "replace", *words)
        assert said.code == 6 and "'old-gateway' is a program with a token" in said.err, said
    assert line.hello(hubs.Stream().add(3, hubs.record({"n": 1})))["streams"][0]["verdict"] == "ok"
    manager = GuideManager(tmp_path / "guide.db", f"{endpoint(hub)}?token={token}", "edge-device")
    manager.save_result("count", {"n": 1})
    assert manager.synchronize()["stored"] == 1


def test_what_is_brought_again_is_stored_once(hub, tmp_path):
    manager = GuideManager(tmp_path / "guide.db", endpoint(hub), "edge-device",
                           {"Authorization": f"Bearer {access(hub)}"})
    for number in range(10):
        manager.save_result("count", {"n": number})
    assert manager.synchronize(forget_the_answer=True)["stored"] == 10
    manager.save_result("count", {"n": 10})
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        said = list(pool.map(lambda _: manager.synchronize(forget_the_answer=True), range(8)))
    assert sum(one["stored"] for one in said) == 1
    assert sorted(row["result"]["n"] for row in listed(hub)) == list(range(11))
    payload = {"device_id": "d", "timestamp": "x", "results": manager.unsynced()[:1] * 3}
    assert manager.post(payload) == {"status": "success", "received": 3, "stored": 0}


def test_one_device_id_on_many_boxes_is_told_apart_by_token(hub, tmp_path):
    for box in ("box-a", "box-b"):
        manager = GuideManager(tmp_path / f"{box}.db", endpoint(hub), "raspberrypi",
                               {"X-Api-Token": access(hub, box, "--label", f"box={box}")})
        manager.save_result("count", {"box": box})
        assert manager.synchronize()["stored"] == 1
    assert [row["result"]["box"] for row in listed(hub, "--device", "box-a")] == ["box-a"]
    assert [row["result"]["box"] for row in listed(hub, "--label", "box=box-b")] == ["box-b"]
    assert hub.get("/v1/alarms")["alarms"] == []


def refusal(manager, payload):
    with pytest.raises(urllib.error.HTTPError) as caught:
        manager.post(payload)
    return caught.value.code, json.loads(caught.value.read())["error"]["text"]


GOOD = {"workflow_id": "w", "result": {}, "created_at": "2026-11-30T06:00:00.123456"}


def test_what_is_no_list_of_results_is_refused_and_stores_nothing(hub, tmp_path):
    manager = GuideManager(tmp_path / "guide.db", f"{endpoint(hub)}?token={access(hub)}", "d")
    for payload, code, word in (
            ({}, 400, "device_id"), ([], 400, "device_id"), ({"device_id": "d"}, 400, "results"),
            ({"device_id": "d", "results": {}}, 400, "results"),
            ({"device_id": "x" * 300, "results": []}, 400, "device_id"),
            ({"device_id": "d", "results": ["x" * (4 << 20)]}, 413, "bytes")):
        assert refusal(manager, payload)[0] == code
        assert word in refusal(manager, payload)[1]
    assert hub.get("/v1/status")["records"] == 0


def test_a_result_that_is_wrong_stops_nothing_behind_it(hub, tmp_path):
    """The guide's client sends its oldest until they are taken (I10)."""
    manager = GuideManager(tmp_path / "guide.db", f"{endpoint(hub)}?token={access(hub)}", "d")
    wrong = ({"id": "x"}, GOOD | {"id": "y", "created_at": "yesterday"}, "nonsense", None,
             GOOD | {"id": "z", "result": "x" * (1 << 20)})
    results = [part for number, one in enumerate(wrong) for part in (one, GOOD | {"id": str(number)})]
    said = manager.post({"device_id": "d", "results": results})
    assert (said["received"], said["stored"], said["set_aside"]) == (10, 5, 5)
    assert said["status"] == "success"
    aside = [bytes.decode("utf-8", "replace") for (bytes,) in hub.rows("SELECT bytes FROM quarantine ORDER BY seq")]
    for text, sentence in zip(aside, ("results[0] needs", "results[2].created_at is no time", "results[4] needs",
                                      "results[6] needs", "more than 1048576 bytes")):
        assert sentence in text
    assert '"yesterday"' in aside[1]  # what came stands beside it
    assert [alarm["kind"] for alarm in hub.get("/v1/alarms")["alarms"]] == ["RECORDS_SET_ASIDE"]
    [(stored, gapped, quarantined, highest)] = hub.accounts().values()
    assert (stored, gapped, quarantined, highest) == (5, 0, 5, 10)


def test_what_python_writes_for_no_number_is_null(hub, tmp_path):
    manager = GuideManager(tmp_path / "guide.db", f"{endpoint(hub)}?token={access(hub)}", "d")
    manager.save_result("w", {"t": float("nan"), "text": 'a "NaN" and \\', "list": [float("inf"), -float("inf"), 1]})
    assert manager.synchronize()["stored"] == 1
    assert hub.get("/v1/results")["results"][0]["result"] == {"t": None, "text": 'a "NaN" and \\', "list": [None, None, 1]}


def test_a_hundred_large_results_come_in_at_once(hub, tmp_path):
    manager = GuideManager(tmp_path / "guide.db", f"{endpoint(hub)}?token={access(hub)}", "d")
    for _ in range(100):
        manager.save_result("w", {"text": "x" * 35_000})
    assert manager.synchronize()["stored"] == 100


def test_without_a_token_or_with_a_withdrawn_one_nothing_comes_in(hub, tmp_path):
    token = access(hub)
    manager = GuideManager(tmp_path / "guide.db", endpoint(hub), "d")
    payload = {"device_id": "d", "results": []}
    assert refusal(manager, payload)[0] == 401
    manager.headers = {"X-Api-Token": token}
    assert manager.post(payload)["received"] == 0
    [row] = hub.ebb("access", "list", "--json").lines()
    assert row["name"] == "old-gateway" and row["used_at"]
    assert hub.ebb("access", "rm", row["id"]).code == 0
    assert refusal(manager, payload)[0] == 401
    manager.headers = {"X-Api-Token": access(hub, "second")}
    assert hub.ebb("revoke", "second").code == 0
    assert refusal(manager, payload)[0] == 403


def test_guessing_is_stopped(hub, tmp_path):
    manager = GuideManager(tmp_path / "guide.db", endpoint(hub), "d", {"X-Api-Token": "ebba_" + 64 * "0"})
    codes = [refusal(manager, {"device_id": "d", "results": []})[0] for _ in range(12)]
    assert codes[:10] == [401] * 10 and codes[10:] == [429, 429]


def test_a_device_of_ours_may_speak_it_too(device, hub, tmp_path):
    """`sync_endpoint` of a device that is joined to no hub leads to a hub: both halves of ours meet."""
    device.workflow("count", "ebb: 1\nworkflow: count\ntrigger:\n  watch: { path: INBOX, glob: '*.in', text: true }\n"
                             "durability: { runs: each, results: each }\nresults:\n"
                             "  - { name: out, from: { n: '${ .event.name }' } }\n")
    settings = pathlib.Path(device.folder / "edge_config.json")
    settings.write_text(json.dumps({"device_id": "edge-7", "sync_interval_seconds": 1,
                                    "sync_endpoint": f"{endpoint(hub)}?token={access(hub)}"}))
    device.start("--config", settings, environment={"no_proxy": "*"})
    for number in range(20):
        device.drop(f"{number}.in")
    devices.until("all arrive", lambda: len(listed(hub)) == 20)
    assert {row[0] for row in device.rows("SELECT id FROM workflow_results")} == {row["id"] for row in listed(hub)}
