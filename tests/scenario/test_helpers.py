# SPDX-License-Identifier: Apache-2.0
"""The one-file helpers: what docs/agents.md shows of them runs as it stands there, and odd input is no harm."""
import json
import re
import shutil
import subprocess

import pytest

import device as devices

DOCS = devices.ROOT / "docs" / "agents.md"
HELPERS = devices.ROOT / "helpers"
STRICT = ["-std=c99", "-O1", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Werror"]


def shown_files(folder, agent):
    """Writes the files that the docs show of an agent, each behind a line that begins with its path."""
    found = re.findall(rf"^`(agents/{agent}/[\w.-]+)`.*?\n\n?```\w+\n(.*?)```", DOCS.read_text(), re.M | re.S)
    for path, text in found:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    return [path.rsplit("/", 1)[1] for path, _ in found]


def compile_c(folder, source, program):
    shutil.copy(HELPERS / "c" / "ebb_agent.h", folder)
    done = subprocess.run(["cc", *STRICT, "-o", folder / program, folder / source, "-lm"], capture_output=True,
                          text=True, check=False)
    assert done.returncode == 0, done.stderr


def ask(ebb, folder, agent, inputs):
    return ebb("agent", "run", agent, "--agents", "agents", "--with", json.dumps(inputs), folder=folder)


def test_the_example_in_python_runs(ebb, tmp_path):
    assert shown_files(tmp_path, "reader") == ["agent.yaml", "reader.py"]
    shutil.copy(HELPERS / "python" / "ebb_agent.py", tmp_path / "agents" / "reader")
    answer = ask(ebb, tmp_path, "reader", {"text": "nothing is lost"})
    assert json.loads(answer.out) == {"words": 3, "parts": ["nothing", "is", "lost"]}, answer
    answer = ask(ebb, tmp_path, "reader", {"text": "an acknowledgement"})
    assert answer.code == 2 and "answered with an error: acknowledgement is too long a word" in answer.err, answer


def test_the_first_example_in_python_runs(ebb, tmp_path):
    assert shown_files(tmp_path, "readability") == ["agent.yaml", "readability.py"]
    answer = ask(ebb, tmp_path, "readability", {"text": "two words"})
    assert json.loads(answer.out) == {"words": 2, "score": 4.0}, answer


@pytest.mark.parametrize("protocol", ["lines", "messages"])
def test_the_example_in_c_runs(ebb, tmp_path, protocol):
    assert shown_files(tmp_path, "dew-point") == ["agent.yaml", "dew-point.c"]
    folder = tmp_path / "agents" / "dew-point"
    compile_c(folder, "dew-point.c", "dew-point")
    (folder / "agent.yaml").write_text((folder / "agent.yaml").read_text() + f"protocol: {protocol}\n")
    answer = ask(ebb, tmp_path, "dew-point", {"t": 20, "rh": 50})
    assert round(json.loads(answer.out)["dew_point"], 2) == 9.26, answer


ECHO = {"py": """\
import ebb_agent

def echo(inputs, call):
    return {"text": inputs["text"], "state": call.state}

ebb_agent.run(echo)
""", "c": """\
#include "ebb_agent.h"

static int echo(struct ebb_call *call, void *owner) {
    static char text[1 << 20];
    (void)owner;
    if (ebb_text(call->inputs, "text", text, sizeof text) < 0) {
        return ebb_fail(call, "invalid", "no text in %.20s", call->inputs);
    }
    ebb_out_text(call, "text", text);
    return 0;
}

int main(void) {
    return ebb_run(echo, NULL);
}
"""}
TEXTS = ["", "a\"b\\c/d\be\ff\ng\rh\ti", "\u0001\u001f", "Grüße, 你好, \U0001f600", "\u2028\uffff", "}]\",{[", "x" * 60000]


def command_of(tmp_path, language):
    if language == "py":
        shutil.copy(HELPERS / "python" / "ebb_agent.py", tmp_path)
        (tmp_path / "echo.py").write_text(ECHO["py"])
        return ["/usr/bin/python3", "echo.py"]
    (tmp_path / "echo.c").write_text(ECHO["c"])
    compile_c(tmp_path, "echo.c", "echo")
    return ["./echo"]


@pytest.mark.parametrize("ascii_only", [True, False])
@pytest.mark.parametrize("language", ECHO)
def test_texts_come_back_as_they_were(tmp_path, language, ascii_only):
    lines = [json.dumps({"ebb": 1, "hello": {"agent": "echo", "version": "1.0.0", "settings": {}}})]
    lines += [json.dumps({"with": {"deep": [{"text": 1}, "text"], "text": text}, "id": number, "deadline_ms": 60000},
                         ensure_ascii=ascii_only) for number, text in enumerate(TEXTS, 1)]
    lines += ['{"drain":true}']
    done = subprocess.run(command_of(tmp_path, language), cwd=tmp_path, input="\n".join(lines) + "\n", timeout=60,
                          capture_output=True, encoding="utf-8", check=True)
    first, *answers = [json.loads(line) for line in done.stdout.split("\n") if line]
    assert first == {"ebb": 1, "ready": True}
    assert [(answer["id"], answer["out"]["text"]) for answer in answers] == list(enumerate(TEXTS, 1))


@pytest.mark.parametrize("language", ECHO)
def test_a_call_that_was_cancelled_before_it_began_is_not_begun(tmp_path, language):
    lines = ['{"ebb":1,"hello":{}}', '{"id":1,"with":{"text":"a"}}', '{"id":2,"with":{"text":"b"}}', '{"cancel":2}',
             '{"later":[1]}', '{"drain":true}']
    done = subprocess.run(command_of(tmp_path, language), cwd=tmp_path, input="\n".join(lines) + "\n", timeout=60,
                          capture_output=True, encoding="utf-8", check=True)
    answers = [json.loads(line) for line in done.stdout.split("\n")[1:] if line]
    assert [answer["id"] for answer in answers] == [1, 2]
    assert "out" in answers[1] or answers[1]["error"]["class"] == "timeout"


def test_what_is_no_utf8_does_not_break_a_line_of_c(tmp_path):
    (tmp_path / "echo.c").write_text("""\
#include "ebb_agent.h"

static int bad(struct ebb_call *call, void *owner) {
    (void)owner;
    return ebb_fail(call, "offline", "%s", "a\\xff\\xc3 \\xed\\xa0\\x80\\xf4\\x90\\x80\\x80\\xc3\\xa9");
}

int main(void) {
    return ebb_run(bad, NULL);
}
""")
    compile_c(tmp_path, "echo.c", "echo")
    done = subprocess.run(["./echo"], cwd=tmp_path, input='{"ebb":1,"hello":{}}\n{"id":1}\n', timeout=60,
                          capture_output=True, encoding="utf-8", check=True)
    answer = json.loads(done.stdout.split("\n")[1])
    assert answer["error"]["class"] == "offline" and answer["error"]["text"] == "a?? " + "?" * 7 + "é"


COUNTING = {"out.py": """\
import ebb_agent

@ebb_agent.agent
def count(inputs, call):
    n = (call.state or {"n": 0})["n"] + 1
    return {"n": n, "state": {"n": n}}

ebb_agent.run()
""", "py": """\
import ebb_agent

@ebb_agent.agent
def count(inputs, call):
    call.state = {"n": (call.state or {"n": 0})["n"] + 1}
    return {"n": call.state["n"]}

ebb_agent.run(threads=4)
""", "c": """\
#include "ebb_agent.h"

static int count(struct ebb_call *call, void *owner) {
    char state[40];
    const double n = ebb_number(call->state, "n", 0) + 1;
    (void)owner;
    (void)snprintf(state, sizeof state, "{\\"n\\":%g}", n);
    ebb_out_number(call, "n", n);
    ebb_out_json(call, "state", state);
    return 0;
}

int main(void) {
    return ebb_run(count, NULL);
}
"""}
COUNTING_WORKFLOW = """\
ebb: 1
workflow: counting
trigger: { stdin: json }
concurrency: 4
steps:
  - id: count
    agent: counting
    state: { by: "${ .event.data.sensor }" }
results:
  - name: count
    from: { sensor: "${ .event.data.sensor }", n: "${ .steps.count.n }" }
"""


@pytest.mark.parametrize("protocol", ["lines", "messages"])
@pytest.mark.parametrize("language", COUNTING)
def test_an_agent_remembers(ebb, tmp_path, language, protocol):
    folder = tmp_path / "agents" / "counting"
    folder.mkdir(parents=True)
    (folder / f"counting.{language}").write_text(COUNTING[language])
    if language == "c":
        compile_c(folder, "counting.c", "counting")
    else:
        shutil.copy(HELPERS / "python" / "ebb_agent.py", folder)
    command = "./counting" if language == "c" else f"/usr/bin/python3, counting.{language}"
    (folder / "agent.yaml").write_text(
        f"ebb: 1\nagent: counting\nversion: 1.0.0\nkind: process\ncommand: [{command}]\nprotocol: {protocol}\n"
        "inputs: { state: { type: object, optional: true } }\noutputs: { n: integer, state: { type: object } }\n")
    (tmp_path / "counting.yaml").write_text(COUNTING_WORKFLOW)
    answer = ebb("run", tmp_path / "counting.yaml", stdin='{"sensor":"a"}\n{"sensor":"b"}\n' * 20)
    assert answer.code == 0, answer
    found = [(line["result"]["sensor"], line["result"]["n"]) for line in answer.lines()]
    assert sorted(found) == sorted((sensor, n) for sensor in "ab" for n in range(1, 21)), answer
