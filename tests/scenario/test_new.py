# SPDX-License-Identifier: Apache-2.0
"""`ebb new`: what it writes is correct and runs at once, and nothing is written over."""
import json
import os
import re
import socket
import subprocess
import sys

import pytest

import device as devices
import onnx_model
import png

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


SCORES = onnx_model.model([onnx_model.node("ReduceSum", ["x"], ["y"])],
                          [onnx_model.port("x", (1, 2))], [onnx_model.port("y", (1, 1))])
FACES = devices.DATA / "blazeface" / "ONNX" / "face_detection_front_128x128_barracuda.onnx"
MODELS = {None: (onnx_model.doubler, ["--with", '{"x":[1,2]}'], {"y": [[2.0, 4.0]]}),
          "rows of numbers": (lambda: SCORES, ["--with", '{"t":7,"rh":90}'], {"score": 2.0}),
          "what it shows": (onnx_model.colours, ["--file", "image=p.png"], {"label": "red"}),
          "where things are": (lambda: FACES.read_bytes(), ["--file", "image=p.png"], {"objects": []})}


@pytest.mark.parametrize("what", MODELS)
def test_a_new_onnx_agent_is_correct_once_its_model_is_there_as_are_those_of_its_comments(ebb, tmp_path, what):
    here = {"EBB_ONNXRUNTIME": str(next(iter(devices.LIBRARIES.values())))}
    if not os.path.exists(here["EBB_ONNXRUNTIME"]) or not FACES.exists():
        pytest.skip("ONNX Runtime or BlazeFace is not here: make test fetches them")
    answer = ebb("new", "agent", "look", "--kind", "onnx", folder=tmp_path)
    assert answer.code == 0 and "next: cp yours.onnx agents/look/model.onnx && ebb check" in answer.err, answer
    folder = tmp_path / "agents" / "look"
    text = (folder / "agent.yaml").read_text()
    checked = ebb("check", folder / "agent.yaml", environment=here)
    assert checked.code == 2 and "no file `model.onnx`" in checked.out, checked
    model, words, wanted = MODELS[what]
    if what is not None:
        block = re.search(rf"# [^\n]*{what}[^\n]*:\n((# \w+: [^\n]*\n)+)", text).group(1)
        text = text.replace(block, block.replace("# ", "")).replace("yolo8", "blazeface")
    (folder / "agent.yaml").write_text(text)
    (folder / "model.onnx").write_bytes(model())
    (folder / "labels.txt").write_text("red\ngreen\nblue\n" if what == "what it shows" else "face\n")
    (tmp_path / "p.png").write_bytes(png.plain((255, 0, 0)))
    checked = ebb("check", folder / "agent.yaml", environment=here)
    assert checked.code == 0 and checked.out == "", checked
    said = ebb("agent", "run", "look", *words, folder=tmp_path, environment=here)
    assert said.code == 0 and json.loads(said.out).items() >= wanted.items(), said


def test_a_new_image_agent_draws_at_once(ebb, tmp_path):
    answer = ebb("new", "agent", "mark", "--kind", "image", folder=tmp_path)
    assert answer.code == 0 and "--file image=photo.jpg" in answer.err, answer
    checked = ebb("check", tmp_path / "agents" / "mark" / "agent.yaml")
    assert checked.code == 0 and checked.out == "", checked
    (tmp_path / "photo.jpg").write_bytes(png.plain((255, 0, 0)))
    words = answer.err.partition("--with '")[2].partition("'")[0]
    said = ebb("agent", "run", "mark", "--file", "image=photo.jpg", "--save", "out", "--with", words, folder=tmp_path)
    assert said.code == 0 and (tmp_path / "out" / "image.jpg").read_bytes().startswith(b"\xff\xd8"), said


def test_a_new_http_agent_asks_the_service_beside_it(ebb, tmp_path):
    assert ebb("new", "agent", "ask", "--kind", "http", folder=tmp_path).code == 0
    folder = tmp_path / "agents" / "ask"
    checked = ebb("check", folder / "agent.yaml")
    assert checked.code == 0 and checked.out == "", checked
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    for name in ("agent.yaml", "service.py"):
        (folder / name).write_text((folder / name).read_text().replace("8080", port))
    with subprocess.Popen([sys.executable, folder / "service.py"], stderr=subprocess.DEVNULL) as service:
        try:
            devices.until("it answers", lambda: ebb("agent", "run", "ask", "--with", '{"text":"a few words"}',
                                                    folder=tmp_path).out == '{"words":3}\n')
        finally:
            service.kill()


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
                            ("agent a --kind llm", "--kind wants process, jq, text, onnx, image or http"),
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
