# SPDX-License-Identifier: Apache-2.0
"""Results for others than the hub: files and webhooks, down, slow, killed in the middle, given up."""
import hashlib
import hmac
import json
import sqlite3
import time

import pytest

import device as devices
import service as services

WORKFLOW = """\
ebb: 1
workflow: count
trigger:
  watch: { path: INBOX, glob: "*.in", text: true }
durability: { runs: each, results: each }
results:
  - name: out
    from: { n: "${ .event.name }", text: "${ .event.text }" }
    to: TO
"""
PROXIES = services.PROXIES


@pytest.fixture
def serve():
    """serve(answer) starts a service; all end with the test."""
    running = []

    def start(answer, **more):
        running.append(services.Service(answer, **more))
        return running[-1]

    yield start
    for one in running:
        one.stop()


def begin(device, destinations, to="[desk]", text=WORKFLOW, **environment):
    """Starts the daemon with these destinations and a workflow that sends there."""
    settings = device.folder / "device.yaml"
    settings.write_text("ebb: 1\ndestinations:\n" + "".join(f"  {line}\n" for line in destinations))
    device.workflow("count", text.replace("TO", to))
    device.start("--config", settings, environment={**PROXIES, **environment})


def again(device, **environment):
    device.start("--config", device.folder / "device.yaml", environment={**PROXIES, **environment})


def drop(device, numbers, text="x"):
    for number in numbers:
        device.drop(f"{number:04d}.in", text)


def told(device, name="desk"):
    for row in device.get("/v1/destinations")["destinations"]:
        if row["name"] == name:
            return row
    raise AssertionError(f"no destination {name}")


def names(service):
    return [request.json()["result"]["n"] for request in service.requests]


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


MEASURES = WORKFLOW.replace("""    from: { n: "${ .event.name }", text: "${ .event.text }" }
""", """    from:
      t: { value: "${ .event.text | tonumber }", unit: Cel, digits: 2 }
      name: ${ .event.name }
""") + """\
  - name: plain
    from: { n: 1 }
    to: TO
"""


def test_a_unit_goes_wherever_a_result_goes(device):
    out = device.folder / "out.jsonl"
    begin(device, [f"desk: {{ file: {out} }}"], text=MEASURES)
    drop(device, [1], text="-18.456")
    devices.until("both results lie there", lambda: len(lines(out)) == 2)
    measured, plain = sorted(lines(out), key=lambda line: line["name"])
    assert measured["result"] == {"t": -18.46, "name": "0001.in"} and measured["units"] == {"t": "Cel"}
    assert "units" not in plain
    listed = {line["name"]: line for line in device.get("/v1/results")["results"]}
    assert listed["out"]["units"] == {"t": "Cel"} and "units" not in listed["plain"]
    assert device.get(f"/v1/results/{listed['out']['id']}")["units"] == {"t": "Cel"}
    results = [json.loads(row[0]) for row in device.rows("SELECT result FROM workflow_results")]
    assert {"t": -18.46, "name": "0001.in"} in results and {"n": 1} in results


def test_what_is_private_goes_nowhere(device, serve):
    out = device.folder / "out.jsonl"
    service = serve(lambda request: (204, ""))
    begin(device, [f"files: {{ file: {out} }}", "desk:", f"  webhook: {service.url}"], to="[hub, desk, files]",
          text=WORKFLOW + "    private: { text: drop }\n")
    drop(device, range(3), text="a secret word")
    devices.until("a service and a file have all", lambda: len(service.requests) == 3 and len(lines(out)) == 3)
    assert [set(line["result"]) for line in lines(out)] == [{"n"}] * 3
    assert b"secret word" not in b"".join(request.body for request in service.requests) + out.read_bytes()
    # Here it is shown: beside the result, of the same run and name, in the lane that nobody sends.
    listed = device.get("/v1/results?name=out")["results"]
    private = [row for row in listed if row["lane"] == "local"]
    assert [row["result"] for row in private] == [{"text": "a secret word"}] * 3
    assert {row["run"] for row in private} == {row["run"] for row in listed if row["lane"] == "normal"}


def test_a_webhook_gets_each_result_in_order_and_signed(device, serve):
    service = serve(lambda request: (204, ""))
    secrets = device.folder / "secrets"
    secrets.mkdir(mode=0o700)
    for name, text in (("desk-hmac", "sign-with-me\n"), ("desk-token", "abc-123\n")):
        (secrets / name).write_text(text)
        (secrets / name).chmod(0o600)
    begin(device, ["desk:", f"  webhook: {service.url}/hook", "  sign: secret:desk-hmac",
                   "  headers: { X-Token: secret:desk-token, X-Site: plant-7 }"], EBB__SECRETS__PATH=str(secrets))
    drop(device, range(5))
    devices.until("all have arrived", lambda: len(service.requests) == 5)
    stored = {row["n"] for row in device.results()}
    assert sorted(names(service)) == sorted(stored) and len(stored) == 5
    for request in service.requests:
        line = request.json()
        assert list(line) == ["id", "workflow", "name", "run", "priority", "created_at", "result"]
        assert request.headers["Idempotency-Key"] == line["id"]
        assert request.headers["Content-Type"] == "application/json"
        assert request.headers["X-Token"] == "abc-123" and request.headers["X-Site"] == "plant-7"
        mac = hmac.new(b"sign-with-me", request.body, hashlib.sha256).hexdigest()
        assert request.headers["Ebb-Signature"] == f"sha256={mac}"
    order = [row["seq"] for row in reversed(device.get("/v1/results?limit=10")["results"])]
    ids = [row["id"] for row in reversed(device.get("/v1/results?limit=10")["results"])]
    assert order == sorted(order) and ids == [request.json()["id"] for request in service.requests]
    devices.until("nothing waits", lambda: told(device)["waiting"] == 0)
    assert told(device)["arrived"] == 5 and told(device)["success_at"] and told(device)["failure"] == ""
    assert "abc-123" not in device.log() and "sign-with-me" not in device.log()
    answer = device.cli("status")
    assert "DESTINATION" in answer.out and "desk" in answer.out, answer


def test_a_webhook_that_was_down_gets_all_of_it_also_through_kills(device, serve):
    port = services.free_port()
    begin(device, ["desk:", f"  webhook: http://127.0.0.1:{port}/"], to="[hub, desk]")
    drop(device, range(10))
    device.wait_results(10)
    devices.until("it fails", lambda: told(device)["failure_at"])
    assert told(device)["waiting"] == 10
    device.kill()
    again(device)
    drop(device, range(10, 20))
    device.wait_results(20)
    device.kill()
    service = serve(lambda request: (200, {}), port=port)
    again(device)
    devices.until("all have arrived", lambda: told(device)["waiting"] == 0)
    assert names(service) == [row["n"] for row in device.results()]
    assert told(device)["missed"] == 0
    device.kill()
    again(device)
    drop(device, [20])
    devices.until("the last one has arrived", lambda: names(service)[-1] == "0020.in")
    assert len(service.requests) == 21


def test_what_was_not_confirmed_is_sent_again_with_its_id(device, serve):
    """Killed while requests are under way: none is lost, the same id is the same result."""
    service = serve(lambda request: (time.sleep(0.03), (200, {}))[1])
    begin(device, ["desk:", f"  webhook: {service.url}"])
    drop(device, range(60))
    device.wait_results(60)
    for wanted in (10, 25, 40):
        devices.until("some have arrived", lambda count=wanted: len(service.requests) >= count)
        device.kill()
        again(device)
    devices.until("all have arrived", lambda: told(device)["waiting"] == 0)
    seen = {}
    for request in service.requests:
        line = request.json()
        assert seen.setdefault(request.headers["Idempotency-Key"], line) == line
    assert sorted(line["result"]["n"] for line in seen.values()) == sorted(row["n"] for row in device.results())
    assert len(seen) == 60


def test_a_webhook_that_refuses_is_tried_again_and_its_words_are_shown(device, serve):
    answers = [(503, "not yet", {"Retry-After": "1"}), (200, {})]
    service = serve(lambda request: answers[min(len(service.requests), 2) - 1])
    begin(device, ["desk:", f"  webhook: {service.url}"])
    drop(device, [1])
    devices.until("it is refused", lambda: told(device)["failure"])
    assert "503" in told(device)["failure"] and "not yet" in told(device)["failure"]
    devices.until("it has arrived", lambda: told(device)["arrived"] == 1)
    assert len({request.headers["Idempotency-Key"] for request in service.requests}) == 1


def test_what_is_too_old_is_given_up_and_counted_also_after_a_restart(device, serve):
    port = services.free_port()
    begin(device, ["desk:", f"  webhook: http://127.0.0.1:{port}/", "  give_up: 1s"], to="[hub, desk]")
    drop(device, range(5))
    device.wait_results(5)
    devices.until("they are given up", lambda: told(device)["missed"] == 5)
    assert told(device)["waiting"] == 0
    (gap,) = told(device)["gaps"]
    assert gap["reason"] == "given_up" and gap["lane"] == "normal" and gap["count"] == 5
    assert gap["from"] <= gap["to"] and device.records(3) == []
    device.kill()
    service = serve(lambda request: (200, {}), port=port)
    again(device)
    assert told(device)["missed"] == 5
    drop(device, [7])
    devices.until("the next one has arrived", lambda: len(service.requests) == 1)
    assert names(service) == ["0007.in"] and len(device.results()) == 6
    answer = device.cli("status")
    assert "given" not in answer.err and " 5 " in answer.out, answer


def test_a_destination_that_is_down_holds_up_no_other(device, serve):
    service = serve(lambda request: (200, {}))
    path = device.folder / "out" / "results.jsonl"
    path.parent.mkdir()
    begin(device, ["desk:", f"  webhook: http://127.0.0.1:{services.free_port()}/", "plant:",
                   f"  webhook: {service.url}", "files:", f"  file: {path}"], to="[desk, plant, files]")
    drop(device, range(5))
    devices.until("plant has all", lambda: len(service.requests) == 5)
    devices.until("the file has all", lambda: len(lines(path)) == 5)
    devices.until("nothing waits for plant", lambda: told(device, "plant")["waiting"] == 0)
    assert told(device, "desk")["waiting"] == 5


def test_without_libcurl_a_webhook_waits_and_all_else_works(device):
    path = device.folder / "results.jsonl"
    begin(device, ["desk:", "  webhook: http://127.0.0.1:1/", "files:", f"  file: {path}"], to="[desk, files]",
          EBB_LIBCURL="libcurl-no-such-thing.so.4")
    drop(device, [1])
    devices.until("the file has it", lambda: len(lines(path)) == 1)
    assert "libcurl3-gnutls" in told(device)["failure"] and told(device)["waiting"] == 1


def test_results_go_where_they_were_made_for_and_urgent_ones_first(device, serve):
    port = services.free_port()
    text = """\
ebb: 1
workflow: count
trigger:
  watch: { path: INBOX, glob: "*.in", text: true }
durability: { runs: each, results: each }
results:
  - { name: note, from: { n: "${ .event.name }" }, priority: low, to: [hub, desk] }
  - { name: alarm, from: { n: "${ .event.name }" }, priority: urgent, to: [desk] }
  - { name: quiet, from: { n: "${ .event.name }" } }
"""
    begin(device, ["desk:", f"  webhook: http://127.0.0.1:{port}/"], text=text)
    drop(device, range(3))
    device.wait_results(9)
    device.stop()
    device.workflow("count", text.replace(", to: [hub, desk]", "").replace(", to: [desk]", ""))
    service = serve(lambda request: (200, {}), port=port)
    again(device)
    devices.until("all have arrived", lambda: told(device)["waiting"] == 0)
    got = [request.json()["name"] for request in service.requests]
    assert sorted(got) == ["alarm"] * 3 + ["note"] * 3
    assert [name for name in got if name == "note"] == got[:3]  # lane low before lane local


def test_a_file_has_each_result_once_whatever_is_killed_when(device):
    path = device.folder / "results.jsonl"
    begin(device, ["desk:", f"  file: {path}"])
    for start in range(0, 60, 12):
        drop(device, range(start, start + 12))
        devices.until("some are there", lambda count=start: len(path.read_bytes()) > 0 if path.exists() else False)
        device.kill()
        again(device)
    device.wait_results(60)
    devices.until("all are there", lambda: told(device)["waiting"] == 0)
    assert [row["result"]["n"] for row in lines(path)] == [row["n"] for row in device.results()]
    assert len(lines(path)) == 60


def test_a_file_goes_on_after_a_line_that_was_cut_and_a_cursor_that_was_not_moved(device):
    path = device.folder / "results.jsonl"
    begin(device, ["desk:", f"  file: {path}"])
    drop(device, range(5))
    devices.until("all are there", lambda: len(lines(path)) == 5 and told(device)["waiting"] == 0)
    device.stop()
    before = path.read_bytes()
    # As after a crash between line and cursor, in the middle of the next line.
    connection = sqlite3.connect(f"{device.data}/ebb.db")
    connection.execute("DELETE FROM cursor WHERE stream > 0")
    connection.commit()
    connection.close()
    path.write_bytes(before + b'{"id":"half a li')
    again(device)
    devices.until("nothing waits", lambda: told(device)["waiting"] == 0)
    assert path.read_bytes() == before
    drop(device, [9])
    devices.until("the next one is there", lambda: len(lines(path)) == 6)
    assert path.read_bytes().startswith(before)


def test_a_file_whose_folder_is_missing_waits_for_it(device):
    folder = device.folder / "stick"
    begin(device, ["desk:", f"  file: {folder}/results.jsonl"])
    drop(device, [1])
    devices.until("it fails", lambda: told(device)["failure"])
    assert "results.jsonl" in told(device)["failure"] and told(device)["waiting"] == 1
    folder.mkdir()
    devices.until("it is there", lambda: len(lines(folder / "results.jsonl")) == 1)


def test_giving_up_goes_through_all_lanes(device):
    text = """\
ebb: 1
workflow: count
params:
  desk: { type: destination, default: desk }
trigger:
  watch: { path: INBOX, glob: "*.in", text: true }
durability: { runs: each, results: each }
results:
  - { name: note, from: { n: "${ .event.name }" }, priority: low, to: [hub, "${ $params.desk }"] }
  - { name: alarm, from: { n: "${ .event.name }" }, priority: urgent, to: [hub, "${ $params.desk }"] }
"""
    begin(device, ["desk:", f"  webhook: http://127.0.0.1:{services.free_port()}/", "  give_up: 2s"], text=text)
    drop(device, range(3))
    device.wait_results(6)
    devices.until("they are given up", lambda: told(device)["missed"] == 6)
    assert {gap["lane"]: gap["count"] for gap in told(device)["gaps"]} == {"low": 3, "urgent": 3}
    assert told(device)["waiting"] == 0 and device.records(3) == []


def test_a_name_that_is_no_destination_is_refused(device):
    begin(device, ["desk:", "  file: /tmp/x"], to="[dsek]")
    assert "dsek" in device.log() and "count" in device.log()
