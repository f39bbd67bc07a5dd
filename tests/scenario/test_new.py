# SPDX-License-Identifier: Apache-2.0
"""`ebb new`: what it writes is correct and runs at once, and nothing is written over."""
import json
import os

import pytest

KINDS = {"process": [], "python": ["--kind", "process", "--language", "python"], "sh": ["--language", "sh"],
         "messages": ["--protocol", "messages"], "c": ["--language", "c"],
         "c-messages": ["--language", "c", "--protocol", "messages"], "jq": ["--kind", "jq"], "text": ["--kind", "text"]}


def test_a_new_workflow_is_correct_and_runs_at_once(ebb, tmp_path):
    answer = ebb("new", "workflow", "cold-room", folder=tmp_path)
    assert answer.code == 0 and "next: ebb run cold-room/cold-room.yaml" in answer.err, answer
    assert sorted(answer.out.split()) == sorted(f"cold-room/{name}" for name in os.listdir(tmp_path / "cold-room"))
    file = tmp_path / "cold-room" / "cold-room.yaml"
    checked = ebb("check", file)
    assert checked.code == 0 and checked.out == "", checked
    answer = ebb("run", file, stdin=(tmp_path / "cold-room" / "events.jsonl").read_text())
    assert answer.code == 0, answer
    assert [line["result"] for line in answer.lines()] == [{"text": "b is at 12", "value": 12}]


@pytest.mark.parametrize("kind", KINDS)
def test_a_new_agent_is_correct_and_answers_at_once(ebb, tmp_path, kind):
    answer = ebb("new", "agent", "look", *KINDS[kind], folder=tmp_path)
    assert answer.code == 0, answer
    checked = ebb("check", tmp_path / "agents" / "look" / "agent.yaml")
    assert checked.code == 0 and checked.out == "", checked
    answer = ebb("agent", "run", "look", "--agents", "agents", "--with", '{"text":"a few words"}', folder=tmp_path)
    assert answer.code == 0, answer
    said = json.loads(answer.out)
    assert said.get("label") in ("praise", "complaint") if kind == "text" else \
        said in ({"words": 3}, {"length": 22}), answer


def test_the_step_that_a_new_workflow_speaks_of_works_with_a_new_agent(ebb, tmp_path):
    assert ebb("new", "workflow", "w", folder=tmp_path).code == 0
    assert ebb("new", "agent", "look", folder=tmp_path / "w").code == 0
    file = tmp_path / "w" / "w.yaml"
    lines = [line.removeprefix("# ") if line.startswith(("# steps", "#   ")) else line
             for line in file.read_text().splitlines()]
    file.write_text("\n".join(lines) + "\n")
    assert "\nsteps:\n  - id: look\n" in file.read_text()
    answer = ebb("run", file, "--event", '{"name":"three little words","value":11}')
    assert answer.code == 0 and len(answer.lines()) == 1, answer


def test_nothing_is_written_over(ebb, tmp_path):
    (tmp_path / "w").mkdir()
    (tmp_path / "agents").mkdir()
    (tmp_path / "agents" / "a").write_text("mine")
    for words, place in (("workflow w", "w"), ("agent a", "agents/a")):
        answer = ebb("new", *words.split(), folder=tmp_path)
        assert answer.code == 6 and f"{place} is there already" in answer.err, answer
    assert os.listdir(tmp_path / "w") == [] and (tmp_path / "agents" / "a").read_text() == "mine"


def test_bad_names_and_kinds_get_a_sentence(ebb, tmp_path):
    for words, sentence in (("workflow Cold_Room", "did you mean 'cold-room'?"),
                            ("workflow ../x", "a name begins with a letter a-z"),
                            ("agent 9", "a name begins with a letter a-z"),
                            ("agent a --kind onnx", "--kind wants process, jq or text"),
                            ("agent a --language perl", "--language wants python, c or sh"),
                            ("agent a --kind jq --language sh", "for a process"),
                            ("agent a --protocol wires", "--protocol wants lines or messages"),
                            ("agent a --language sh --protocol messages", "in python or c")):
        answer = ebb("new", *words.split(), folder=tmp_path)
        assert answer.code == 2 and sentence in answer.err, answer
    assert os.listdir(tmp_path) == []


def test_dry_run_and_json(ebb, tmp_path):
    answer = ebb("new", "workflow", "w", "--dry-run", folder=tmp_path)
    assert answer.code == 0 and "would make workflow 'w'" in answer.err and os.listdir(tmp_path) == [], answer
    answer = json.loads(ebb("new", "workflow", "w", "--json", folder=tmp_path).out)
    assert answer["folder"] == "w" and "w/w.yaml" in answer["files"]
    assert answer["next"].startswith("ebb run w/w.yaml")
