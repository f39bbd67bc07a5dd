# SPDX-License-Identifier: Apache-2.0
"""`ebb run FILE`: no daemon, no configuration; a line of JSON for each result, once it is durable."""
import json
import os
import re
import signal
import sqlite3
import subprocess

import device as devices

TOO_WARM = devices.ROOT / "examples" / "too-warm" / "too-warm.yaml"


def stored(data):
    connection = sqlite3.connect(f"file:{data}/ebb.db?mode=ro", uri=True)
    try:
        return connection.execute("SELECT id, workflow_id, result, created_at, sync_priority "
                                  "FROM workflow_results").fetchall()
    finally:
        connection.close()


def test_readings_on_standard_input_become_results(ebb, tmp_path):
    answer = ebb("run", TOO_WARM, "--data", tmp_path / "data",
                 stdin='{"room":"a1","t":-18}\n{"room":"a2","t":-9.5}\n{"room":"a3","t":-15}\n')
    assert answer.code == 0, answer
    (line,) = answer.lines()
    assert line["result"] == {"text": "room a2 is at -9.5", "t": -9.5}
    assert list(line) == ["id", "workflow", "name", "run", "priority", "created_at", "result"]
    assert (line["workflow"], line["name"], line["priority"]) == ("too-warm", "warm", 1)
    (row,) = stored(tmp_path / "data")
    assert (row[0], row[1], json.loads(row[2]), row[3], row[4]) == (
        line["id"], "too-warm", line["result"], line["created_at"], 1)


def test_numbers_and_letters_come_out_as_they_went_in(ebb, tmp_path):
    reading = '{"room":"Köln \\u00df \\"q\\" 日本","t":9007199254740993}'
    answer = ebb("run", TOO_WARM, "--data", tmp_path / "data", stdin=reading + "\n")
    assert answer.code == 0, answer
    assert '"t":9007199254740993' in answer.out
    assert answer.lines()[0]["result"]["text"] == 'room Köln ß "q" 日本 is at 9007199254740993'


def test_a_result_is_printed_after_it_is_stored(tmp_path):
    """The line is read, the process killed in the same moment: the row must be there."""
    data = tmp_path / "data"
    child = subprocess.Popen([str(devices.EBB), "run", str(TOO_WARM), "--data", str(data)],
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                             env=devices.clean_environment(), start_new_session=True)
    try:
        printed = []
        for number in range(20):
            child.stdin.write(json.dumps({"room": number, "t": number}).encode() + b"\n")
            child.stdin.flush()
            printed.append(json.loads(child.stdout.readline()))
        child.kill()
        child.wait(devices.PATIENCE)
    finally:
        devices.kill_group(child)
        child.wait()
    rows = {row[0]: json.loads(row[2]) for row in stored(data)}
    for line in printed:
        assert rows[line["id"]] == line["result"]
    assert len(rows) == 20


def test_an_event_on_the_command_line_runs_once(ebb, tmp_path):
    answer = ebb("run", TOO_WARM, "--data", tmp_path / "data", "--event", '{"room":"b","t":3}')
    assert answer.code == 0, answer
    assert [line["result"]["t"] for line in answer.lines()] == [3]


def test_trace_shows_every_step_on_standard_error(ebb, device, tmp_path):
    device.agent("double", "ebb: 1\nagent: double\nversion: 1.0.0\nkind: jq\n"
                           "filter: '{twice: (.n * 2)}'\n")
    path = device.workflow("traced", """\
ebb: 1
workflow: traced
trigger: { stdin: json }
steps:
  - id: twice
    agent: double
    with:
      n: ${ .event.data.n }
results:
  - name: out
    from:
      n: ${ .steps.twice.twice }
""")
    answer = ebb("run", path, "--agents", device.agents, "--data", tmp_path / "data",
                 "--event", '{"n":21}', "--trace")
    assert answer.code == 0, answer
    assert [line["result"] for line in answer.lines()] == [{"n": 42}]
    assert "twice" in answer.err and "21" in answer.err and "42" in answer.err
    assert re.search(r"\d\s*(us|ms|s)\b", answer.err), answer


def test_without_data_the_folder_beside_the_file_is_said_once(ebb, device):
    path = device.workflow("too-warm", TOO_WARM.read_text())
    first = ebb("run", path, stdin='{"room":"a","t":1}\n')
    assert first.code == 0, first
    assert (path.parent / ".ebb" / "ebb.db").exists()
    assert first.err.count(".ebb") == 1, first


def test_a_line_that_is_no_json_is_said_and_the_rest_goes_on(ebb, tmp_path):
    answer = ebb("run", TOO_WARM, "--data", tmp_path / "data",
                 stdin='{"room":"a","t":1}\nthis is no JSON\n{"room":"b","t":2}\n')
    assert [line["result"]["t"] for line in answer.lines()] == [1, 2]
    assert "this is no JSON" in answer.err or "line 2" in answer.err, answer


def test_a_last_line_without_an_end_counts(ebb, tmp_path):
    answer = ebb("run", TOO_WARM, "--data", tmp_path / "data", stdin='{"room":"a","t":1}')
    assert [line["result"]["t"] for line in answer.lines()] == [1], answer


def test_a_condition_on_nothing_is_a_failure_that_names_its_place(ebb, tmp_path):
    """A sensor that sends no value must not look like a cold room."""
    data = tmp_path / "data"
    answer = ebb("run", TOO_WARM, "--data", data, stdin='{"room":"a"}\n{"room":"b","t":2}\n')
    assert [line["result"]["t"] for line in answer.lines()] == [2]
    assert "too-warm.yaml" in answer.err or "8:" in answer.err or "9:" in answer.err, answer
    connection = sqlite3.connect(f"file:{data}/ebb.db?mode=ro", uri=True)
    failures = connection.execute("SELECT body FROM record WHERE kind & 255 = 2").fetchall()
    connection.close()
    assert len(failures) == 1
    assert "null" in failures[0][0]


def test_what_was_begun_before_a_kill_is_finished_by_the_next_run(ebb, device, tmp_path):
    """`runs: each` and standard input: what was read is kept before it is worked on."""
    data = tmp_path / "data"
    device.agent("slow", "ebb: 1\nagent: slow\nversion: 1.0.0\nkind: process\ncommand: [./slow]\n",
                 slow="#!/bin/sh\nwhile read -r line; do sleep 1; echo '{\"ok\":true}'; done\n")
    path = device.workflow("slow", """\
ebb: 1
workflow: slow
trigger: { stdin: json }
durability: { runs: each, results: each }
steps:
  - id: wait
    agent: slow
    with: {}
results:
  - name: out
    from:
      n: ${ .event.data.n }
""")
    child = subprocess.Popen([str(devices.EBB), "run", str(path), "--data", str(data),
                              "--agents", str(device.agents)],
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                             env=devices.clean_environment(), start_new_session=True)
    try:
        child.stdin.write(b'{"n":1}\n{"n":2}\n')
        child.stdin.flush()

        def kept():
            try:
                connection = sqlite3.connect(f"file:{data}/ebb.db?mode=ro", uri=True)
                count = connection.execute("SELECT count(*) FROM run").fetchone()[0]
                connection.close()
                return count >= 1
            except sqlite3.OperationalError:
                return False

        devices.until("the run is kept", kept)
        os.killpg(child.pid, signal.SIGKILL)
        child.wait(devices.PATIENCE)
    finally:
        devices.kill_group(child)
        child.wait()
    answer = ebb("run", path, "--data", data, "--agents", device.agents, stdin="")
    assert answer.code == 0, answer
    numbers = [json.loads(row[2])["n"] for row in stored(data)]
    assert 1 in numbers
    assert len(numbers) == len(set(numbers)), "a result is there twice"


def test_bad_options_are_refused_by_name(ebb, tmp_path):
    cases = [
        (["run", tmp_path / "none.yaml"], 3, "none.yaml"),
        (["run", tmp_path], 2, "no file"),
        (["run", TOO_WARM, "--event", "{"], 2, "--event"),
        (["run", TOO_WARM, "--agents", tmp_path / "none"], 3, "--agents"),
        (["run", TOO_WARM, "--dta", "x"], 2, "did you mean --data?"),
        (["run"], 2, "wants FILE"),
    ]
    for words, code, sentence in cases:
        answer = ebb(*words)
        assert answer.code == code, (words, answer)
        assert sentence in answer.err, (words, answer)
        assert answer.out == ""
        assert answer.err.count("\n") == 1, (words, answer)


def test_a_workflow_with_faults_does_not_run(ebb, tmp_path):
    path = tmp_path / "bad.yaml"
    path.write_text("ebb: 1\nworkflow: bad\ntrigger: { stdin: json }\nresuts: []\n")
    answer = ebb("run", path, stdin='{"a":1}\n')
    assert answer.code == 2, answer
    assert f"{path}:4:1: " in answer.err, answer
    assert "results" in answer.err
    assert answer.out == ""


def start_run(*words, **more):
    return subprocess.Popen([str(devices.EBB), "run", *map(str, words)], stdin=subprocess.PIPE,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
                            env=devices.clean_environment(), **more)


def end(child):
    devices.kill_group(child)
    child.wait()
    for stream in (child.stdin, child.stdout, child.stderr):
        stream.close()


def test_ctrl_c_ends_a_watch_well(device, tmp_path):
    path = device.workflow("watch", """\
ebb: 1
workflow: watch
trigger: { watch: { path: INBOX, glob: "*.in" } }
results:
  - name: out
    from:
      name: ${ .event.name }
""")
    child = start_run(path, "--data", tmp_path / "data")
    try:
        device.drop("a.in")
        assert json.loads(child.stdout.readline())["result"] == {"name": "a.in"}
        child.send_signal(signal.SIGINT)
        assert child.wait(devices.PATIENCE) == 0
    finally:
        end(child)


def test_ctrl_c_while_an_event_is_not_done_with_is_no_success(device, tmp_path):
    begun = tmp_path / "begun"
    device.agent("slow", "ebb: 1\nagent: slow\nversion: 1.0.0\nkind: process\nmode: once\n"
                         f"command: [sh, -c, 'touch {begun}; sleep 600']\n")
    path = device.workflow("slow", "ebb: 1\nworkflow: slow\ntrigger: { stdin: json }\nsteps: [{ id: wait, agent: slow, "
                                   "timeout: 10m }]\nresults: [{ name: out, from: { done: true } }]\n")
    child = start_run(path, "--agents", device.agents, "--data", tmp_path / "data", "--event", "{}")
    try:
        devices.until("the agent is at work", begun.exists)
        child.send_signal(signal.SIGINT)
        child.send_signal(signal.SIGINT)  # waits for no agent
        assert child.wait(devices.PATIENCE) == 130
        assert b"interrupted: 1 event is not done with" in child.stderr.read()
    finally:
        end(child)


def test_two_runs_on_one_data_folder(ebb, tmp_path):
    child = start_run(TOO_WARM, "--data", tmp_path / "data")
    try:
        child.stdin.write(b'{"room":"a","t":1}\n')
        child.stdin.flush()
        assert child.stdout.readline()
        answer = ebb("run", TOO_WARM, "--data", tmp_path / "data", stdin='{"room":"b","t":1}\n')
        assert answer.code == 6 and str(child.pid) in answer.err, answer
    finally:
        end(child)


def test_a_reader_that_goes_away_loses_nothing_that_is_stored(tmp_path):
    child = start_run(TOO_WARM, "--data", tmp_path / "data")
    try:
        child.stdin.write(b'{"room":"a","t":1}\n')
        child.stdin.flush()
        first = json.loads(child.stdout.readline())
        child.stdout.close()
        child.stdin.write(b'{"room":"b","t":2}\n' * 3)
        child.stdin.flush()
        child.wait(devices.PATIENCE)
        assert child.returncode > 0, "it does not pretend that all was said, and is not killed by a signal"
    finally:
        devices.kill_group(child)
        child.wait()
    assert first["id"] in {row[0] for row in stored(tmp_path / "data")}


def test_twenty_thousand_readings_are_all_answered(ebb, tmp_path):
    count = 20_000
    answer = ebb("run", TOO_WARM, "--data", tmp_path / "data", patience=120,
                 stdin="".join(f'{{"room":"r","t":{number}}}\n' for number in range(count)))
    assert answer.code == 0
    assert [line["result"]["t"] for line in answer.lines()] == list(range(count))
    assert len(stored(tmp_path / "data")) == count


def test_a_line_without_end_is_refused_and_costs_no_memory(ebb, tmp_path):
    answer = ebb("run", TOO_WARM, "--data", tmp_path / "data", patience=60,
                 stdin=b'{"room":"' + b"x" * (32 << 20) + b'","t":1}\n{"room":"b","t":2}\n')
    assert [line["result"]["t"] for line in answer.lines()] == [2], answer.err[:2000]
    assert len(answer.err) < 4000


def test_standard_descriptors_that_are_closed_do_no_harm(tmp_path):
    """Without them an epoll would be descriptor 0, and the database would be printed to."""
    for number, closed in enumerate(("<&-", ">&-", "2>&-", "<&- >&- 2>&-")):
        data = tmp_path / f"data{number}"
        line = f"exec '{devices.EBB}' run '{TOO_WARM}' --data '{data}' {closed}"
        child = subprocess.run(["sh", "-c", line], input=b'{"room":"x","t":1}\n', check=False,
                               capture_output=True, timeout=devices.PATIENCE,
                               env=devices.clean_environment())
        assert child.returncode == 0, (closed, child)
        assert len(stored(data)) == (0 if "<" in closed else 1), closed


def test_what_is_no_workflow_leaves_no_folder(ebb, tmp_path):
    (tmp_path / "none.yaml").write_text("ebb: 1\nworkflw: x\n")
    (tmp_path / "noise.yaml").write_text("\x00\x01")
    for name in ("none.yaml", "noise.yaml", "missing.yaml", "."):
        answer = ebb("run", name, folder=tmp_path)
        assert answer.code not in (0, 134) and name in answer.err, answer
        assert ".ebb" not in os.listdir(tmp_path) and "kept in" not in answer.err, answer
