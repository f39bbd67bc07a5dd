# SPDX-License-Identifier: Apache-2.0
"""What a step remembers of a key: counted once through kills, in order, forgotten by time and number."""
import collections
import json
import random
import sqlite3
import time

import device as devices

COUNTER = """\
ebb: 1
agent: counter
version: 1.0.0
kind: process
command: [python3, counter.py]
instances: 4
inputs:
  n: { type: integer, default: 0 }
  state: { type: object, optional: true }
outputs:
  count: { type: integer }
  next: { type: boolean }
  state: { type: object, max: 4KiB }
"""
# Counts, and says whether `n` is the one after that of the event before.
COUNTER_PY = """\
import json, random, sys, time
for line in sys.stdin:
    request = json.loads(line)
    state = request.get("state", {"count": 0, "n": -1})
    time.sleep(random.random() / 100)
    state = {"count": state["count"] + 1, "n": request["n"], "before": state["n"]}
    print(json.dumps({"count": state["count"], "next": request["n"] == state["before"] + 1, "state": state}),
          flush=True)
"""
FILES = """\
ebb: 1
workflow: files
trigger:
  watch: { path: INBOX, glob: "*.in", text: true, after: AFTER }
  queue: { max: 1000 }
concurrency: 4
DURABILITY
steps:
  - id: count
    agent: counter
    state: { by: "${ .event.text }"MORE }
results:
  - name: out
    from:
      key: ${ .event.text }
      count: ${ .steps.count.count }
      output: ${ .steps.count }
"""
DAY_MS = 24 * 3600 * 1000


def write(device, more="", durability="durability: { runs: none }", after="keep"):
    device.agent("counter", COUNTER, counter__py=COUNTER_PY)
    text = FILES.replace("MORE", more).replace("DURABILITY", durability).replace("AFTER", after)
    device.workflow("files", text)


def drop(device, keys):
    for key in keys:
        device.drop(f"{time.monotonic_ns()}.in", key)


def counts_of(device):
    """The counts that the results of each key hold, in the order in which they were written."""
    counts = collections.defaultdict(list)
    for result in device.results("files"):
        counts[result["key"]].append(result["count"])
    return counts


def states(device):
    return {key: json.loads(value) for key, value in device.rows("SELECT key, value FROM state")}


def count_through_kills(device, durability, after):
    """Every file is counted once, whenever the daemon is killed: in the results, and in the state."""
    chance = random.Random(11)
    write(device, durability=durability, after=after)
    dropped = collections.Counter()
    for _ in range(8):
        device.start()
        for _ in range(30):
            key = chance.choice("abc")
            dropped[key] += 1
            drop(device, [key])
            time.sleep(chance.random() / 200)
        time.sleep(chance.random() / 20)
        device.kill()
    device.start()
    device.wait_results(sum(dropped.values()))
    counts = counts_of(device)
    for key, number in dropped.items():
        assert counts[key] == list(range(1, number + 1)), key
        assert states(device)[key]["count"] == number


def test_each_file_is_counted_once_through_kills(device):
    count_through_kills(device, "durability: { runs: none }", "keep")


def test_each_file_is_counted_once_through_kills_where_runs_are_kept(device):
    count_through_kills(device, "durability: { runs: each }", "delete")


def test_the_state_is_no_output(device):
    write(device)
    device.start()
    drop(device, ["a"])
    assert device.wait_results(1)[0]["output"] == {"count": 1, "next": True}


def test_events_of_a_key_are_in_order_and_others_at_once(ebb, tmp_path):
    agent = tmp_path / "agents" / "counter"
    agent.mkdir(parents=True)
    (agent / "agent.yaml").write_text(COUNTER)
    (agent / "counter.py").write_text(COUNTER_PY)
    (tmp_path / "w.yaml").write_text("""\
ebb: 1
workflow: w
trigger: { stdin: json, queue: { max: 300 } }
concurrency: 4
steps:
  - id: count
    agent: counter
    with: { n: "${ .event.data.n }" }
    state: { by: "${ .event.data.k }" }
results:
  - name: out
    from: { k: "${ .event.data.k }", n: "${ .event.data.n }", next: "${ .steps.count.next }" }
""")
    chance = random.Random(5)
    numbers = collections.Counter()
    lines = []
    for _ in range(200):
        key = chance.choice(["a", "b", "c", "d", "e", 6])
        lines.append(json.dumps({"k": key, "n": numbers[key]}) + "\n")
        numbers[key] += 1
    answer = ebb("run", tmp_path / "w.yaml", stdin="".join(lines))
    assert answer.code == 0, answer
    results = [line["result"] for line in answer.lines()]
    assert len(results) == 200
    assert all(result["next"] for result in results)
    given = [(json.loads(line)["k"], json.loads(line)["n"]) for line in lines]
    written = [(result["k"], result["n"]) for result in results]
    assert written != given  # others went on while one was counted


def test_a_key_is_forgotten_when_its_time_is_over_also_while_the_daemon_was_away(device):
    write(device, more=", ttl: 30d")
    device.start()
    drop(device, ["a", "b"])
    device.wait_results(2)
    device.stop()
    device.start(environment={"EBB_TEST_WALL_OFFSET_MS": str(29 * DAY_MS)})
    drop(device, ["a"])
    device.wait_results(3)
    device.stop()
    device.start(environment={"EBB_TEST_WALL_OFFSET_MS": str(31 * DAY_MS)})
    drop(device, ["a", "b"])
    device.wait_results(5)
    assert counts_of(device) == {"a": [1, 2, 3], "b": [1, 1]}


def test_keys_beyond_the_number_are_forgotten_and_counted(device):
    write(device, more=", max_keys: 3")
    device.start()
    for count, key in enumerate("abcdea", 1):
        drop(device, [key])
        device.wait_results(count)
    assert counts_of(device)["a"] == [1, 1]
    devices.until("three rows", lambda: sorted(states(device)) == ["a", "d", "e"])
    metrics = device.ask("GET", "/metrics")[1]
    assert 'ebb_states_forgotten_total{workflow="files"} 3' in metrics


def test_what_is_written_once_in_a_while_is_written_when_the_daemon_ends(device):
    write(device, durability="durability: { state: 1h }")
    device.start()
    drop(device, "aab")
    device.wait_results(3)
    assert states(device) == {}
    device.stop()
    assert {key: state["count"] for key, state in states(device).items()} == {"a": 2, "b": 1}
    device.start()
    drop(device, "a")
    device.wait_results(4)
    assert counts_of(device)["a"] == [1, 2, 3]


def test_a_damaged_state_is_forgotten_and_the_others_stay(device):
    write(device)
    device.start()
    drop(device, "ab")
    device.wait_results(2)
    device.stop()
    database = sqlite3.connect(device.data / "ebb.db")
    database.execute("UPDATE state SET value = '{\"count\": ' WHERE key = 'a'")
    database.commit()
    database.close()
    device.start()
    drop(device, "ab")
    device.wait_results(4)
    assert counts_of(device) == {"a": [1, 1], "b": [1, 2]}
    assert "forget a state of step 'count'" in device.log()


TAPE = """\
ebb: 1
agent: tape
version: 1.0.0
kind: process
command: [python3, tape.py]
mode: once
inputs:
  text: { type: string }
  state: { type: object, optional: true }
outputs:
  all: { type: string }
  cover: { type: file, optional: true }
  state: { type: object }
"""
# Keeps bytes, not JSON: what it was given before, and one zero byte and the text behind it.
TAPE_PY = """\
import json, pathlib, sys
request = json.load(sys.stdin)
tape = pathlib.Path(request["state"]["tape"]["blob"]).read_bytes() if "state" in request else b""
tape += b"\\0" + request["text"].encode()
pathlib.Path("tape.bin").write_bytes(tape)
print(json.dumps({"all": tape.replace(b"\\0", b" ").decode(), "state": {"tape": {"$file": "tape.bin"}}}))
"""


def test_a_state_may_hold_bytes(device):
    device.agent("tape", TAPE, tape__py=TAPE_PY)
    device.workflow("files", """\
ebb: 1
workflow: files
trigger:
  watch: { path: INBOX, glob: "*.in", text: true }
steps:
  - id: tape
    agent: tape
    with: { text: "${ .event.text }" }
    state: { by: all }
results:
  - name: out
    from: { all: "${ .steps.tape.all }" }
""")
    device.start()
    drop(device, ["one", "two"])
    device.wait_results(2)
    device.kill()
    device.start()
    drop(device, ["three"])
    assert [row["all"] for row in device.wait_results(3)] == [" one", " one two", " one two three"]
    assert device.records(2) == []
