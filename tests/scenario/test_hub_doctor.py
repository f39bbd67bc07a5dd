# SPDX-License-Identifier: Apache-2.0
"""`ebb hub doctor`: what is wrong with a hub, with a remedy, while it runs and while it does not; and its metrics."""
import collections
import contextlib
import json
import os
import re
import sqlite3

import pytest

import device as devices
import service as services
from hub import FakeDevice, Hub, Stream, record

OFFLINE, FULL = 4, 7


@pytest.fixture
def hub(tmp_path):
    one = Hub(tmp_path)
    try:
        yield one
    finally:
        one.close()


def seen(answer):
    """What was found, by what it is about; this machine's own clock is left out."""
    found = collections.defaultdict(list)
    for one in json.loads(answer.out)["findings"]:
        assert one["text"] and bool(one["remedy"]) == (one["severity"] != "good"), one
        if one["what"] != "clock":
            found[one["severity"]].append((one["what"], one["text"]))
    return found


def bring(hub, tmp_path, count=5):
    line = FakeDevice(hub, tmp_path).join()
    stream = Stream().add(3, *[record({"n": number}) for number in range(count)])
    line.hello(stream)
    line.send(stream)
    return line


def test_a_hub_that_is_well(hub, tmp_path):
    hub.start("--names", "localhost")
    bring(hub, tmp_path)
    assert hub.ebb("backup", tmp_path / "copy.ebb").code == 0
    before = sorted(os.listdir(hub.data))
    answer = hub.ebb("doctor", "--json")
    found = seen(answer)
    assert answer.code == 0 and json.loads(answer.out)["well"] is True and not found["fault"] and not found["warning"], answer
    assert {what for what, _ in found["good"]} == {
        "hub", "database", "wal", "ingest", "devices", "backup", "certificate", "files", "disk", "port", "folder", "key",
        "disk speed"}
    assert sorted(os.listdir(hub.data)) == before
    text = hub.ebb("doctor")
    assert "database: good: 5 records" in text.out and text.code == 0


def test_what_is_wrong_with_one_that_runs(hub, tmp_path):
    service = services.Service(lambda request: (503, "closed for today"))
    (tmp_path / "hub.yaml").write_text(
        f"ebb: 1\npeople: {{ overdue: 1s }}\ndestinations:\n  desk: {{ webhook: '{service.url}/x', since: all }}\n")
    try:
        hub.start("--names", "localhost,no.such.host.example:8443", "--config", tmp_path / "hub.yaml",
                  environment=services.PROXIES)
        bring(hub, tmp_path).hang_up()
        found = devices.until("all of it is said", lambda: (lambda found: found if len(found["warning"]) == 4 else None)(
            seen(hub.ebb("doctor", "--json"))))
        said = dict(found["warning"])
        assert "1 of 1 device has not been heard of" in said["devices"] and "never" in said["backup"]
        assert "'desk' does not take results, at most 5 wait: it answered 503: closed for today" in said["destination"]
        assert "no.such.host.example:8443, which is not reached from here" in said["port"]
    finally:
        service.stop()


def test_one_that_does_not_run(hub, tmp_path):
    hub.start()
    bring(hub, tmp_path)
    hub.stop()
    answer = hub.ebb("doctor", "--json")
    found = seen(answer)
    assert answer.code == OFFLINE and [what for what, _ in found["fault"]] == ["hub"]
    assert {what for what, _ in found["good"]} == {"wal", "folder", "key", "disk speed"}
    (hub.data / "authority" / "key.pem").chmod(0o640)
    hub.data.chmod(0o777)
    found = dict(seen(hub.ebb("doctor", "--json"))["fault"])
    assert "mode 640" in found["key"] and "others may write" in found["folder"]
    nowhere = devices.ebb("hub", "doctor", "--json", "--data", tmp_path / "nowhere", "--socket", tmp_path / "no.sock")
    assert dict(seen(nowhere)["fault"])["data"] == f"there is no hub in {tmp_path}/nowhere"


def test_a_disk_that_is_nearly_full(tmp_path, small_disk):
    one = Hub(tmp_path, small_disk("12m") / "hub")
    try:
        one.start()
        answer = one.ebb("doctor", "--json")
        assert answer.code == FULL
        assert "is nearly full" in dict(seen(answer)["fault"])["disk"]
    finally:
        one.close()


def test_how_fast_the_disk_fills_is_known_after_a_while(hub, tmp_path):
    hub.start()
    bring(hub, tmp_path, 500)
    assert hub.get("/v1/health")["growth_day_bytes"] is None
    hub.stop()
    hub.start("--names", "localhost")
    devices.until("they are counted", lambda: hub.get("/v1/status")["workflows"])
    hub.stop()
    with contextlib.closing(sqlite3.connect(hub.data / "hub.db", isolation_level=None)) as base:
        base.execute("UPDATE segment SET began_ms = began_ms - 3600000")
    hub.start()
    health = hub.get("/v1/health")
    used = hub.get("/v1/status")["bytes"] - health["reusable_bytes"]
    assert 20 * used < health["growth_day_bytes"] < 26 * used  # as much in an hour as there is


def test_the_metrics_are_what_prometheus_reads(hub, tmp_path):
    """By its own rules: each name has one HELP and TYPE in front of it, no line comes twice, a histogram rises."""
    hub.start()
    bring(hub, tmp_path)
    text = hub.ask("GET", "/metrics")[1]
    declared, values, current = {}, {}, None
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            _, _, current, kind = line.split(" ")
            assert current not in declared and kind in ("counter", "gauge", "histogram")
            declared[current] = kind
        elif not line.startswith("# HELP "):
            name, value = line.rsplit(" ", 1)
            assert re.fullmatch(r'ebb_hub_[a-z_]+(\{[a-z]+="[^"\\]*"\})?', name) and name not in values, name
            assert re.sub(r"(_bucket|_sum|_count)?(\{.*)?$", "", name) == current or name.split("{")[0] == current
            assert declared[current] != "counter" or current.endswith("_total")
            values[name] = float(value)
    assert values['ebb_hub_stored_records_total{kind="result"}'] == 5 == values["ebb_hub_records"]
    assert values['ebb_hub_devices_known{state="active"}'] == 1 and values["ebb_hub_wal_bytes"] > 0
    assert 0 < values["ebb_hub_disk_free_bytes"] <= values["ebb_hub_disk_size_bytes"]
    buckets = [value for name, value in values.items() if "_bucket" in name]
    assert buckets == sorted(buckets) and buckets[-1] == values["ebb_hub_commit_duration_seconds_count"] > 0
    status = hub.get("/v1/status")
    assert status["ingest"]["records_per_s"] == pytest.approx(5 / 60, abs=0.01) and status["wal_bytes"] > 0
    assert 0 < status["ingest"]["commit_p50_ms"] <= status["ingest"]["commit_p99_ms"]
    assert 0 < status["disk"]["free_bytes"] <= status["disk"]["total_bytes"]
