# SPDX-License-Identifier: Apache-2.0
"""`ebb run --watch`: again at each change of the workflow or of an agent, until somebody ends it."""
import itertools
import json
import os
import signal
import subprocess

import pytest

import device as devices

WORKFLOW = """\
ebb: 1
workflow: w
trigger: { stdin: json }
steps:
  - id: look
    agent: look
    with:
      text: ${ .event.data.text }
results:
  - name: out
    from:
      version: 1
      words: ${ .steps.look.words }
"""


class Watching:
    """One `ebb run --watch` with what it says; ended at the end."""

    def __init__(self, folder, file, *words, stdin=""):
        self.out, self.err, events = folder / "out", folder / "err", folder / "events"
        events.write_text(stdin)
        with open(events, "rb") as given, open(self.out, "wb") as out, open(self.err, "wb") as err:
            self.child = subprocess.Popen([str(devices.EBB), "run", str(file), "--watch", *map(str, words)],
                                          stdin=given, stdout=out, stderr=err, cwd=folder,
                                          env=devices.clean_environment(), start_new_session=True)

    def results(self):
        return [json.loads(line)["result"] for line in self.out.read_text().splitlines()]

    def wait(self, text, times=1):
        devices.until(f"'{text}' {times} times", lambda: self.err.read_text().count(text) >= times)

    def end(self, number=signal.SIGINT):
        self.child.send_signal(number)
        return self.child.wait(devices.PATIENCE)


@pytest.fixture
def watching(tmp_path):
    started = []

    def start(*words, **more):
        started.append(Watching(tmp_path, *words, **more))
        return started[-1]

    yield start
    for one in started:
        devices.kill_group(one.child)
        one.child.wait()


def write(path, text):
    """The way an editor does: aside, then renamed."""
    aside = path.with_name(path.name + "~")
    aside.write_text(text)
    aside.rename(path)


@pytest.fixture
def desk(ebb, tmp_path):
    """A workflow and an agent beside it."""
    assert ebb("new", "agent", "look", folder=tmp_path).code == 0
    (tmp_path / "w.yaml").write_text(WORKFLOW)
    return tmp_path


def test_it_runs_again_with_the_same_events_when_the_file_changes(desk, watching):
    run = watching("w.yaml", stdin='{"text":"a b"}\n{"text":"c"}\n')
    run.wait("waiting for a change")
    assert run.results() == [{"version": 1, "words": 2}, {"version": 1, "words": 1}]
    write(desk / "w.yaml", WORKFLOW.replace("version: 1", "version: 2"))
    run.wait("waiting for a change", 2)
    assert run.results()[2:] == [{"version": 2, "words": 2}, {"version": 2, "words": 1}]
    assert run.end() == 130


def test_the_schema_that_the_file_names_counts_and_no_other(desk, watching):
    write(desk / "reading.schema.yaml", "version: integer\nwords: integer\n")
    write(desk / "w.yaml", WORKFLOW.replace("    from:", "    schema: reading.schema.yaml\n    from:"))
    run = watching("w.yaml", "--event", '{"text":"a b"}')
    run.wait("ended with code 0")
    write(desk / "other.schema.yaml", "words: string\n")
    write(desk / "reading.schema.yaml", "version: integer\nwords: { type: integer, max: 1 }\n")
    run.wait("waiting for a change", 2)
    assert run.results() == [{"version": 1, "words": 2}]
    assert "field 'words' is 2: at most 1" in run.err.read_text() and run.err.read_text().count("again") == 1
    assert run.end() == 130


def test_a_fault_is_said_and_its_mending_waited_for(desk, watching):
    run = watching("w.yaml", "--event", '{"text":"a"}')
    run.wait("ended with code 0")
    write(desk / "w.yaml", WORKFLOW.replace("results:", "resluts:"))
    run.wait("ended with code 2")
    assert "`resluts` is no key of a workflow: did you mean `results`?" in run.err.read_text()
    write(desk / "w.yaml", WORKFLOW)
    run.wait("ended with code 0", 2)
    assert len(run.results()) == 2 and run.end() == 130


def test_the_files_of_an_agent_count_and_what_it_writes_does_not(desk, watching):
    folder = desk / "agents" / "look"
    run = watching("w.yaml", "--event", '{"text":"a"}')
    run.wait("waiting for a change")
    (folder / "its-own.log").write_text("x")
    program = (folder / "agent.py").read_text()
    write(folder / "agent.py", program.replace("len(inputs", "10 + len(inputs"))
    run.wait("waiting for a change", 2)
    assert run.results()[1:] == [{"version": 1, "words": 11}]
    write(folder / "agent.yaml", (folder / "agent.yaml").read_text().replace("1.0.0", "1.1.0"))
    run.wait("waiting for a change", 3)
    assert run.err.read_text().count("changed: again") == 2


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_run_under_way_ends_first_and_nothing_outlives_the_watcher(ebb, desk, watching, number):
    (desk / "inbox").mkdir()
    text = WORKFLOW.replace("{ stdin: json }", "{ watch: { path: inbox, text: true } }").replace(
        ".event.data.text", ".event.text")
    write(desk / "w.yaml", text)
    run = watching("w.yaml")
    write(desk / "inbox" / "1.txt", "a b c")
    devices.until("the first result", lambda: len(run.results()) == 1)
    write(desk / "w.yaml", text.replace("version: 1", "version: 2"))
    run.wait("changed: again")
    names = itertools.count(2)

    def newer():
        write(desk / "inbox" / f"{next(names)}.txt", "a")
        return run.results()[-1]["version"] == 2

    devices.until("a result of the changed file", newer, pause=0.1)
    assert run.end(number) == 130
    # Its data folder is free at once: the run is gone.
    assert ebb("run", "w.yaml", "--event", '{"text":"x"}', folder=desk).code != 6


def test_a_killed_watcher_leaves_no_run_behind(ebb, desk, watching):
    (desk / "inbox").mkdir()
    write(desk / "w.yaml", WORKFLOW.replace("{ stdin: json }", "{ watch: { path: inbox, text: true } }").replace(
        ".event.data.text", ".event.text"))
    run = watching("w.yaml")
    write(desk / "inbox" / "1.txt", "a")
    devices.until("a result", lambda: len(run.results()) == 1)
    os.kill(run.child.pid, signal.SIGKILL)
    run.child.wait()
    devices.until("the data folder is free", lambda: ebb("run", "w.yaml", "--event", "{}", folder=desk).code != 6)


def test_too_much_standard_input_is_refused(desk, watching):
    run = watching("w.yaml", stdin="x" * (5 << 20))
    assert run.child.wait(devices.PATIENCE) == 7
    assert "keep standard input for every run" in run.err.read_text()
