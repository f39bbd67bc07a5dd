# SPDX-License-Identifier: Apache-2.0
"""A device whose sync_endpoint is a plain endpoint of the guide's shape: results go there in the place of a hub."""
import datetime
import json
import sqlite3

import pytest

import device as devices
import service as services

TOKEN = "ebba_SECRET"
WORKFLOW = """\
ebb: 1
workflow: count
trigger:
  watch: { path: INBOX, glob: "*.in", text: true }
durability: { runs: each, results: each }
results:
  - { name: normal, when: '.event.name >= "m"', from: { n: "${ .event.name }" }, priority: normal }
  - { name: low, when: '.event.name < "m" and .event.name >= "h"', from: { n: "${ .event.name }" }, priority: low }
  - { name: urgent, when: '.event.name < "h"', from: { n: "${ .event.name }" }, priority: urgent }
"""


@pytest.fixture
def endpoint():
    """endpoint.answers is what it answers, the last one for ever; endpoint.payloads is what came."""

    class Endpoint:
        def __init__(self):
            self.answers, self.payloads = [(200, {"status": "ok"})], []
            self.service = services.Service(self.answer)
            self.url = f"http://127.0.0.1:{self.service.server.server_address[1]}/api/sync?token={TOKEN}"

        def answer(self, request):
            answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
            self.payloads.append(request.json() | {"_path": request.path, "_code": answer and answer[0]})
            return answer

        def results(self):
            return [row for payload in self.payloads if payload["_code"] == 200 for row in payload["results"]]

    one = Endpoint()
    yield one
    one.service.stop()


def begin(device, endpoint, interval=3600):
    settings = device.folder / "edge_config.json"
    settings.write_text(json.dumps({"device_id": "edge-7", "sync_endpoint": endpoint.url,
                                    "sync_interval_seconds": interval}))
    device.workflow("count", WORKFLOW)
    device.start("--config", settings, environment=services.PROXIES)


def synced(device):
    with sqlite3.connect(f"file:{device.data}/ebb.db?mode=ro", uri=True) as database:
        return dict(database.execute("SELECT synced, count(*) FROM workflow_results GROUP BY synced").fetchall())


def stored(device, count):
    devices.until("the results are stored", lambda: sum(synced(device).values()) == count)


def test_results_arrive_in_the_shape_of_the_guide_and_count_as_synced(device, endpoint):
    begin(device, endpoint, interval=1)
    device.drop("x1.in")
    devices.until("it arrives", lambda: len(endpoint.results()) == 1)
    payload = endpoint.payloads[-1]
    assert payload["device_id"] == "edge-7"
    assert payload["_path"] == f"/api/sync?token={TOKEN}"
    datetime.datetime.fromisoformat(payload["timestamp"])
    [result] = payload["results"]
    assert set(result) == {"id", "workflow_id", "result", "created_at"}
    assert result["workflow_id"] == "count" and result["result"] == {"n": "x1.in"}
    datetime.datetime.fromisoformat(result["created_at"])
    devices.until("it is synced", lambda: synced(device) == {1: 1})
    assert device.cli("result", "show", result["id"], "--json").code == 0


def test_what_is_urgent_goes_at_once_and_takes_the_rest_along(device, endpoint):
    begin(device, endpoint)
    devices.until("it waits", lambda: "next_at" in device.get("/v1/sync")["endpoint"])
    for name in ("y1.in", "k1.in", "z1.in"):
        device.drop(name)
    stored(device, 3)
    assert endpoint.payloads == []
    device.drop("a1.in")
    devices.until("all arrive", lambda: len(endpoint.results()) == 4)
    names = [row["result"]["n"] for row in endpoint.results()]
    assert names[0] == "a1.in" and names[-1] == "k1.in"
    assert sorted(names[1:3]) == ["y1.in", "z1.in"]


def test_refusals_are_tried_again_and_nothing_is_lost_across_a_kill(device, endpoint):
    endpoint.answers = [(500, "<html>no</html>"), None, (503, "", {"Retry-After": "1"}), (200, {})]
    begin(device, endpoint, interval=1)
    for number in range(5):
        device.drop(f"x{number}.in")
    stored(device, 5)
    devices.until("it is refused", lambda: len(endpoint.payloads) >= 1)
    device.kill()
    assert synced(device).get(1, 0) == 0
    device.start("--config", device.folder / "edge_config.json", environment=services.PROXIES)
    devices.until("all are synced", lambda: synced(device) == {1: 5})
    names = {row["result"]["n"] for row in endpoint.results()}
    assert names == {f"x{number}.in" for number in range(5)}
    said = device.cli("sync", "status")
    assert said.code == 0 and endpoint.url.replace(TOKEN, "...") in said.out


def test_a_hundred_at_a_time_and_fewer_where_a_body_is_too_large(device, endpoint):
    endpoint.answers = [(413, "too large"), (200, {})]
    begin(device, endpoint)
    for number in range(160):
        device.drop(f"x{number:03d}.in")
    stored(device, 160)
    assert device.cli("sync", "now").code == 0
    devices.until("all arrive", lambda: len(endpoint.results()) == 160)
    sizes = [len(payload["results"]) for payload in endpoint.payloads]
    assert sizes[0] == 100 and max(sizes[1:]) == 50
    assert [row["result"]["n"] for row in endpoint.results()] == [f"x{number:03d}.in" for number in range(160)]


def test_the_token_in_the_address_is_shown_nowhere(device, endpoint):
    endpoint.answers = [(404, f"Cannot POST /api/sync?token={TOKEN} here")]
    begin(device, endpoint, interval=1)
    device.drop("x1.in")
    devices.until("it is refused", lambda: "last_error" in device.get("/v1/sync")["endpoint"])
    assert f"token={TOKEN}" in endpoint.payloads[0]["_path"]
    shown = endpoint.url.replace(TOKEN, "...")
    said = device.cli("sync", "status")
    assert f"Results go to {shown}, which does not take them." in said.out
    assert "it answered 404: Cannot POST /api/sync?token=* here" in said.out
    [told] = device.cli("sync", "status", "--json").lines()
    assert told["endpoint"]["url"] == shown
    settings = devices.ebb("config", "show", "--config", device.folder / "edge_config.json", "--json")
    assert [row["value"] for row in settings.lines() if row["name"] == "sync_endpoint"] == [shown]
    assert "it answered 404" in device.log()
    for text in (said.out, json.dumps(told), settings.out, device.log()):
        assert "SECRET" not in text
