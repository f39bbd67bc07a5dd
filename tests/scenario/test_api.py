# SPDX-License-Identifier: Apache-2.0
"""The local API and the commands that speak it."""
import contextlib
import json
import os
import pwd
import re
import subprocess
import sys
import time

import pytest

import device as devices

MAIL = """\
ebb: 1
workflow: mail
summary: Looks at mails.
trigger:
  watch: { path: INBOX, glob: "*.eml", text: true }
durability: { runs: each, results: each }
steps:
  - id: look
    agent: look
    with:
      text: ${ .event.text }
results:
  - name: bad
    when: .steps.look.length > 5
    from: { name: "${ .event.name }" }
    priority: urgent
  - name: good
    when: .steps.look.length <= 5
    from: { name: "${ .event.name }" }
"""
LOOK = ("ebb: 1\nagent: look\nversion: 1.2.3\nsummary: Counts letters.\nkind: jq\n"
        "inputs:\n  text: string\noutputs:\n  length: number\nfilter: '{length: (.text | length)}'\n")
OTHER = "ebb: 1\nworkflow: other\ntrigger: { watch: { path: INBOX, glob: '*.other' } }\n" \
        "results:\n  - name: out\n    from: { name: '${ .event.name }' }\n"


@pytest.fixture
def busy(device):
    """A device on which six mails were looked at, two of them bad."""
    device.agent("look", LOOK)
    device.workflow("mail", MAIL)
    device.start()
    for number in range(6):
        device.drop(f"{number}.eml", "long enough" if number < 2 else "short")
    device.wait_results(6)
    return device


def healthy(device):
    with contextlib.suppress(OSError):  # as long as its waiting room is full
        code, text = device.ask("GET", "/healthz")
        return code == 200 and text.strip() == "ok"
    return False


def test_health_readiness_and_metrics(busy):
    assert healthy(busy)
    code, text = busy.ask("GET", "/readyz")
    assert code == 200 and json.loads(text)["ready"] is True
    code, text = busy.ask("GET", "/metrics")
    assert code == 200
    for line in text.splitlines():
        assert re.fullmatch(r"# (HELP|TYPE) \w+ .*|[a-z_]+(\{[^}]*\})? -?[0-9.e+]+", line), line
    names = {re.split(r"[ {]", line)[0] for line in text.splitlines() if not line.startswith("#")}
    assert names and all(name.startswith("ebb_") for name in names)
    assert any(name.endswith("_total") for name in names)


def test_status_has_what_the_contract_says(busy):
    answer = busy.get("/v1/status")
    for name in ("version", "pid", "data", "stream", "uptime_ms", "time_quality", "store", "workflows",
                 "agents", "lanes"):
        assert name in answer, name
    assert answer["pid"] == busy.daemon.pid
    for name in ("commits", "records", "bytes", "full", "failing"):
        assert name in answer["store"], name
    (row,) = answer["workflows"]
    assert {name: row[name] for name in ("name", "queued", "running", "waiting", "events", "results",
                                         "failures", "dropped")} == {
        "name": "mail", "queued": 0, "running": 0, "waiting": 0, "events": 6, "results": 6,
        "failures": 0, "dropped": 0}


def test_results_are_listed_newest_first_and_by_pages(busy):
    rows = busy.get("/v1/results?limit=100")["results"]
    assert len(rows) == 6
    assert {row["lane"] for row in rows} == {"urgent", "normal"}
    for row in rows:
        for name in ("id", "workflow", "name", "run", "priority", "lane", "seq", "kind", "created_at",
                     "state", "result"):
            assert name in row, name
    assert [row["name"] for row in busy.get("/v1/results?lane=urgent")["results"]] == ["bad", "bad"]
    assert len(busy.get("/v1/results?name=good&workflow=mail")["results"]) == 4
    assert busy.get("/v1/results?workflow=none")["results"] == []
    seen, before = [], ""
    while True:
        page = busy.get(f"/v1/results?limit=2{before}")
        seen += [row["id"] for row in page["results"]]
        if not page["next"]:
            break
        before = f"&before={page['next']}"
    assert seen == [row["id"] for row in rows]
    one = busy.get(f"/v1/results/{rows[0]['id']}")
    assert one["id"] == rows[0]["id"] and one["result"] == rows[0]["result"]


def test_errors_have_a_class_and_a_sentence(busy):
    cases = [
        ("GET", "/v1/nothing", 404, "not_found"),
        ("GET", "/", 404, "not_found"),
        ("GET", "/v1/workflows/none", 404, "not_found"),
        ("GET", "/v1/agents/none", 404, "not_found"),
        ("GET", "/v1/results/6f1d2c3e-7a81-8b00-8003-000000000001", 404, "not_found"),
        ("GET", "/v1/results/xyz", None, None),
        ("GET", "/v1/results?limit=x", None, "invalid"),
        ("GET", "/v1/results?lane=fast", None, "invalid"),
        ("GET", "/v1/queue/fast", None, None),
        ("GET", "/v1/runs/xyz", None, None),
        ("PUT", "/v1/status", None, None),
        ("DELETE", "/v1/workflows/none", 404, "not_found"),
        ("POST", "/v1/workflows/none/start", 404, "not_found"),
    ]
    for method, path, code, name in cases:
        got, text = busy.ask(method, path)
        error = json.loads(text)["error"]
        assert 400 <= got < 500, (method, path, got, text)
        assert code in (None, got), (method, path, got)
        assert name in (None, error["class"]), (method, path, error)
        assert error["text"] and not error["text"].endswith("."), error
    for body in ("{", "[]", '"x"', '{"file":3}', "{}", '{"file":"relative.yaml"}', '{"file":"/no/such"}'):
        got, text = raw(busy, "POST", "/v1/workflows", body)
        assert 400 <= got < 500 and json.loads(text)["error"]["text"], (body, got, text)
    assert healthy(busy)


def raw(device, method, path, body):
    connection = devices._SocketConnection(str(device.socket), 10)
    connection.request(method, path, body=body)
    answer = connection.getresponse()
    result = answer.status, answer.read().decode()
    connection.close()
    return result


def test_a_body_that_is_too_long_is_refused(busy):
    code, _ = raw(busy, "POST", "/v1/workflows", "x" * (2 << 20))
    assert code in (400, 413)
    assert healthy(busy)


def test_who_may_change_things(busy):
    if os.geteuid() != 0:
        pytest.skip("another user is needed to ask as: not root here")
    nobody = pwd.getpwnam("nobody")
    program = ("import http.client, socket, sys\n"
               "c = http.client.HTTPConnection('x')\n"
               "c.sock = socket.socket(socket.AF_UNIX)\n"
               "c.sock.connect(sys.argv[1])\n"
               "c.request(sys.argv[2], sys.argv[3])\n"
               "a = c.getresponse(); print(a.status, a.read().decode())\n")
    for path in [busy.folder, *busy.folder.parents]:
        if path.stat().st_uid == 0 and str(path) != "/":
            path.chmod(path.stat().st_mode | 0o011)
    assert busy.socket.stat().st_mode & 0o777 == 0o660

    def ask(method, path):
        return subprocess.run([sys.executable, "-c", program, busy.socket, method, path],
                              user=nobody.pw_uid, group=0, extra_groups=[], capture_output=True,
                              text=True, timeout=20, check=False).stdout

    assert ask("GET", "/v1/status").startswith("200 ")
    for method, path in (("POST", "/v1/workflows/mail/stop"), ("DELETE", "/v1/workflows/mail"),
                         ("POST", "/v1/reload")):
        said = ask(method, path)
        assert said.startswith("403 ") and '"denied"' in said, said
    assert busy.counts("mail")["state"] == "running"


def test_many_connections_and_half_requests_do_not_stop_it(busy):
    held = []
    for _ in range(80):
        connection = devices.socket.socket(devices.socket.AF_UNIX)
        connection.settimeout(1)
        try:
            connection.connect(str(busy.socket))
            connection.send(b"GET /v1/sta")
        except OSError:
            break
        held.append(connection)
    for connection in held:
        connection.close()
    devices.until("it answers", lambda: healthy(busy), 10)
    for junk in (b"\0\0\0\0\r\n\r\n", b"GET\r\n\r\n", b"G" * 100000, b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n"):
        connection = devices.socket.socket(devices.socket.AF_UNIX)
        connection.settimeout(1)
        connection.connect(str(busy.socket))
        try:
            connection.sendall(junk)
            connection.recv(1000)
        except OSError:
            pass
        connection.close()
    assert healthy(busy)


# --- commands ---------------------------------------------------------------------------------------

def test_every_listing_command_answers_for_people_and_programs(busy):
    for words in (["status"], ["agent", "list"], ["agent", "show", "look"], ["workflow", "list"],
                  ["workflow", "show", "mail"], ["result", "list"], ["runs", "list"], ["queue", "list"],
                  ["queue", "stat"], ["queue", "stat", "urgent"], ["queue", "peek", "urgent"]):
        answer = busy.cli(*words)
        assert answer.code == 0, (words, answer)
        assert answer.out or words == ["runs", "list"], (words, answer)
        assert "\033" not in answer.out + answer.err
        answer = busy.cli(*words, "--json")
        assert answer.code == 0, (words, answer)
        assert answer.lines() or words == ["runs", "list"], (words, answer)


def test_status_reads_like_this(busy):
    lines = busy.cli("status").out.splitlines()
    assert lines[0].startswith("ebb     0.1.0, up ") and f"process {busy.daemon.pid}" in lines[0]
    assert lines[1] == f"data    {busy.data}"
    at = lines.index(next(line for line in lines if line.startswith("WORKFLOW")))
    assert lines[at].split() == ["WORKFLOW", "STATE", "QUEUED", "RUNNING", "WAITING", "RESULTS", "FAILURES",
                                 "DROPPED"]
    assert lines[at + 1].split() == ["mail", "running", "0", "0", "0", "6", "0", "0"]


def test_result_commands(busy):
    listed = busy.cli("result", "list", "--lane", "urgent", "--json").lines()
    assert [line["name"] for line in listed] == ["bad", "bad"]
    shown = busy.cli("result", "show", listed[0]["id"])
    assert json.loads(shown.out)["result"] == listed[0]["result"]
    assert len(busy.cli("result", "list", "--limit", "3").out.splitlines()) == 4
    assert len(busy.cli("result", "list", "--all").out.splitlines()) == 7
    assert busy.cli("result", "show", "6f1d2c3e-7a81-8b00-8003-000000000001").code == 3
    assert busy.cli("result", "show", "zzz").code == 2
    assert busy.cli("result", "list", "--lane", "urgnt").code == 2


def test_a_workflow_can_be_stopped_started_and_taken_away(busy):
    assert busy.cli("workflow", "stop", "mail", "--dry-run").code == 0
    assert busy.counts("mail")["state"] == "running"
    assert busy.cli("workflow", "stop", "mail").code == 0
    assert busy.counts("mail")["state"] == "stopped"
    busy.drop("late.eml", "x")
    time.sleep(0.5)
    assert len(busy.results()) == 6
    assert busy.cli("workflow", "start", "mail").code == 0
    assert len(busy.wait_results(7)) == 7
    assert busy.cli("workflow", "show", "mail", "--text").out == (busy.workflows / "mail.yaml").read_text()
    answer = busy.cli("workflow", "rm", "mail")
    assert answer.code == 9 and str(busy.workflows / "mail.yaml") in answer.err, "its file is a person's"


def test_a_stopped_workflow_is_stopped_after_a_restart(busy):
    assert busy.cli("workflow", "stop", "mail").code == 0
    busy.stop()
    busy.start()
    assert busy.counts("mail")["state"] == "stopped"


def test_a_file_is_added_and_stays(busy, tmp_path):
    folder = tmp_path / "mine"
    folder.mkdir()
    path = folder / "other.yaml"
    path.write_text(OTHER.replace("INBOX", str(busy.inbox)))
    answer = busy.cli("workflow", "start", "./other.yaml", folder=folder)
    assert answer.code == 0, answer
    busy.drop("a.other")
    assert busy.wait_results(1, "other") == [{"name": "a.other"}]
    path.unlink()
    busy.kill()
    busy.start()
    busy.drop("b.other")
    busy.wait_results(2, "other")
    (folder / "bad.yaml").write_text("ebb: 1\nworkflow: bad\nresuts: []\n")
    answer = busy.cli("workflow", "start", folder / "bad.yaml")
    assert answer.code == 2 and "ebb check" in answer.err, answer
    assert busy.cli("workflow", "rm", "other", "--dry-run").code == 0
    assert busy.cli("workflow", "rm", "other").code == 0
    assert busy.counts("other")["state"] == "left"
    assert len(busy.results("other")) == 2, "results stay"
    busy.kill()
    busy.start()
    assert busy.cli("workflow", "show", "other").code == 3


def test_a_file_that_is_correct_but_cannot_run_here_is_told(busy):
    answer = busy.cli("workflow", "start", devices.ROOT / "examples" / "too-warm" / "too-warm.yaml")
    assert answer.code == 2, answer
    assert "standard input" in answer.err and "done" not in answer.err, answer


def test_nobody_listens(ebb, tmp_path):
    for words in (["status"], ["agent", "list"], ["workflow", "stop", "x"], ["queue", "peek", "urgent"]):
        answer = ebb(*words, "--socket", tmp_path / "none.sock")
        assert answer.code == 4, answer
        assert answer.out == ""
        assert str(tmp_path / "none.sock") in answer.err and "`ebb serve`" in answer.err
        assert answer.err.count("\n") == 1
    answer = ebb("status", environment={"EBB_SOCKET": str(tmp_path / "else.sock")})
    assert answer.code == 4 and "else.sock" in answer.err


def test_a_socket_that_is_none(ebb, tmp_path):
    (tmp_path / "file").write_text("x")
    assert ebb("status", "--socket", tmp_path / "file").code == 4
    assert ebb("status", "--socket", "/" + "x" * 300).code in (2, 4)


def test_the_socket_is_found_by_itself(busy, tmp_path):
    state = tmp_path / "state"
    (state / "ebb").mkdir(parents=True)
    os.symlink(busy.socket, state / "ebb" / "ebb.sock")
    if not os.path.exists("/run/ebb/ebb.sock"):
        answer = devices.ebb("status", environment={"XDG_STATE_HOME": str(state)})
        assert answer.code == 0, answer


# --- reload -----------------------------------------------------------------------------------------

def test_a_reload_takes_what_is_new_and_drops_no_event(busy):
    """Mails keep coming while the workflow changes under them: each has one result."""
    count = 6
    for version in range(8):
        for _ in range(40):
            busy.drop(f"{count}.eml", "x")
            count += 1
        busy.workflow("mail", MAIL.replace("from: {", f"from: {{ v: {version},"))
        if version % 2:
            assert busy.ask("POST", "/v1/reload")[0] == 200
        else:
            busy.daemon.send_signal(devices.signal.SIGHUP)
    found = busy.wait_results(count)
    names = [row["name"] for row in found]
    assert len(set(names)) == count == len(names)
    devices.until("the last version runs",
                  lambda: "v: 7" in busy.get("/v1/workflows/mail")["text"])
    busy.drop("last.eml", "x")
    found = busy.wait_results(count + 1)
    assert [row for row in found if row["name"] == "last.eml"] == [{"v": 7, "name": "last.eml"}]


def test_a_reload_of_a_file_with_faults_keeps_the_old_one(busy):
    good = (busy.workflows / "mail.yaml").read_text()
    busy.workflow("mail", good.replace("results:", "resuts:"))
    busy.workflow("other", OTHER)
    busy.ask("POST", "/v1/reload")
    devices.until("the other runs", lambda: any(row["name"] == "other"
                                                for row in busy.get("/v1/workflows")["workflows"]))
    busy.drop("more.eml", "x")
    busy.wait_results(7, "mail")
    assert "resuts" in busy.log()


def test_a_workflow_whose_file_goes_is_gone_after_a_reload(busy):
    (busy.workflows / "mail.yaml").unlink()
    assert busy.ask("POST", "/v1/reload")[0] == 200
    devices.until("it has left", lambda: not [row for row in busy.get("/v1/workflows")["workflows"]
                                              if row["state"] == "running"])
    busy.drop("late.eml", "x")
    time.sleep(0.5)
    assert len(busy.results()) == 6


def test_without_libcurl_its_package_is_named(busy):
    answer = busy.cli("status", environment={"EBB_LIBCURL": "/no/such/libcurl.so"})
    assert answer.code != 0 and "install the package" in answer.err, answer
    assert "no daemon answers" not in answer.err, answer


def test_a_newer_file_with_faults_is_shown_beside_what_runs(device):
    text = "ebb: 1\nworkflow: flow\ntrigger: { watch: { path: INBOX } }\n" \
           "results: [{ name: out, from: { x: 1 } }]\n"
    device.workflow("flow", text)
    device.start()
    assert device.cli("workflow", "list").out.splitlines()[1].split()[1] == "running"
    device.workflow("flow", text + "wrong: 1\n")
    assert device.ask("POST", "/v1/reload")[0] == 200
    assert "running, newer file has faults" in device.cli("workflow", "list").out
    shown = device.cli("workflow", "show", "flow").out
    assert "running, newer file has faults" in shown and "wrong" in shown.split("fault ")[1], shown
    assert json.loads(device.cli("workflow", "show", "flow", "--json").out)["state"] == "running"
    device.workflow("flow", text)
    assert device.ask("POST", "/v1/reload")[0] == 200
    assert "faults" not in device.cli("workflow", "list").out
