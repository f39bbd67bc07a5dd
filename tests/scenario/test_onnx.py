# SPDX-License-Identifier: Apache-2.0
"""Agents of kind onnx: real models through real runs, and models that are none."""
import json
import pathlib
import re
import wave

import pytest

import device as devices
import onnx_model

HEAD = "ebb: 1\nagent: it\nversion: 1.0.0\nkind: onnx\nmodel: { file: m.onnx }\n"
WORKFLOW = """\
ebb: 1
workflow: it
trigger: { stdin: json }
steps:
  - id: ask
    agent: it
    with:
      x: ${ .event.data.x }
    timeout: TIMEOUT
results:
  - name: answer
    from:
      y: ${ .steps.ask.y }
"""
WATCHING = """\
ebb: 1
workflow: NAME
trigger: { watch: { path: INBOX, glob: "*.NAME", text: true, after: keep } }
steps:
  - id: ask
    agent: NAME
    with:
      x: ${ .event.text | fromjson }
    timeout: 300ms
results:
  - name: answer
    from:
      y: ${ .steps.ask.y }
"""


SPEECH = pathlib.Path("/usr/share/pocketsphinx/test/data/goforward.raw")
VAD = devices.DATA / "silero-vad" / "weights" / "silero_vad_16k_op15.onnx"
FRAME = 512
VOICE = """\
ebb: 1
agent: silero-vad
version: 1.0.3
kind: onnx
inputs:  { audio: { type: audio, rate: 16000, channels: 1, samples: 512 } }
outputs: { speech: { type: number, min: 0, max: 1 } }
model: { file: m.onnx, set: { sr: 16000 }, carry: { stateN: state } }
before: { audio: { context: 64, scale: 1/32768, to: input } }
after: { value: { output: output, as: speech } }
"""
LISTEN = """\
ebb: 1
workflow: listen
trigger: { watch: { path: INBOX, glob: "*.wav", after: keep } }
steps:
  - id: vad
    agent: silero-vad
    with:
      audio: ${ .event.audio }
    state:
      by: ${ .event.source }
results:
  - name: heard
    from:
      frame: ${ .event.name }
      speech: ${ .steps.vad.speech }
"""


@pytest.fixture(params=sorted(devices.LIBRARIES))
def library(request):
    path = devices.LIBRARIES[request.param]
    if not path.exists():
        pytest.skip(f"{path} is not here: tools/fetch-npm fetches it")
    return {"EBB_ONNXRUNTIME": str(path)}


@pytest.fixture
def one_library():
    found = next((path for path in devices.LIBRARIES.values() if path.exists()), None)
    if found is None:
        pytest.skip("no ONNX Runtime is here: tools/fetch-npm fetches one")
    return {"EBB_ONNXRUNTIME": str(found)}


def put_model(device, name, model, manifest=HEAD):
    folder = device.agent(name, manifest.replace("agent: it", f"agent: {name}"))
    (folder / "m.onnx").write_bytes(model)
    return folder


def put_workflow(device, timeout="30s"):
    path = device.folder / "it.yaml"
    path.write_text(WORKFLOW.replace("TIMEOUT", timeout))
    return path


def test_rows_of_numbers_go_through_a_model(device, ebb, library):
    put_model(device, "it", onnx_model.doubler())
    answer = ebb("run", put_workflow(device), stdin='{"x":[1,2]}\n{"x":[[3,4],[0.1,-1]]}\n', environment=library)
    assert answer.code == 0, answer
    assert [line["result"]["y"] for line in answer.lines()] == [[[2, 4]], [[6, 8], [0.2, -2]]]


BAD = {
    "no-model": (b"\x89PNG\r\n\x1a\n and so on", HEAD, "is no ONNX model, or only a part of one"),
    "cut-short": (onnx_model.doubler()[:60], HEAD, "is no ONNX model, or only a part of one"),
    "opset": (onnx_model.doubler(opset=999), HEAD, "the model is of opset 999, this ONNX Runtime knows them up to"),
    "empty": (b"", HEAD, "the file is empty"),
    "operator": (onnx_model.model([onnx_model.node("Frobnicate", ["x"], ["y"])], [onnx_model.port("x", (1,))],
                                  [onnx_model.port("y", (1,))]), HEAD, "Frobnicate"),
    "shape": (onnx_model.doubler(), HEAD.replace("m.onnx", "m.onnx, metadata: m.json"),
              "the metadata says tensor/float32; shape=1x3x224x224, the model's input 'x' is"),
    "memory": (onnx_model.doubler() + b"\0" * (2 << 20), HEAD + "limits: { memory: 1MiB }\n", "its file alone has"),
}


def test_what_the_library_says_by_the_way_is_not_talk_of_check(device, ebb, one_library):
    """Of weights that nothing uses it says a line each."""
    weight = onnx_model.field(1, 1) + onnx_model.field(2, onnx_model.FLOAT) + onnx_model.field(8, "spare") + \
        onnx_model.field(9, b"\0\0\0\0")
    add = onnx_model.graph([onnx_model.node("Add", ["x", "x"], ["y"])], [onnx_model.port("x", (2,))],
                           [onnx_model.port("y", (2,))]) + onnx_model.field(5, weight)
    spare = onnx_model.field(1, 8) + onnx_model.field(8, onnx_model.field(2, 15)) + onnx_model.field(7, add)
    folder = put_model(device, "it", spare)
    answer = ebb("check", folder / "agent.yaml", environment=one_library)
    assert answer.code == 0 and answer.err == f"{folder}/agent.yaml: correct (agent it 1.0.0, kind onnx)\n", answer


@pytest.mark.parametrize("name", sorted(BAD))
def test_a_bad_model_is_one_sentence(device, ebb, one_library, name):
    model, manifest, why = BAD[name]
    (put_model(device, "it", model, manifest) / "m.json").write_text("{}")
    path = put_workflow(device)
    for words in (("check", path), ("run", path)):
        answer = ebb(*words, stdin='{"x":[1,2]}\n', environment=one_library)
        assert answer.code not in (0, 1) and answer.code < 128, answer
        said = [line for line in answer.err.splitlines() + answer.out.splitlines() if why in line]
        assert len(said) == 1, answer


def test_what_optimize_writes_is_the_model_of_an_agent(device, ebb, one_library):
    folder = put_model(device, "it", onnx_model.doubler(), HEAD.replace("file: m.onnx", "variants: rec"))
    manifest = folder / "agent.yaml"
    answer = ebb("model", "optimize", folder / "m.onnx", "--shape", "x=4x2", "--seconds", 1, "-o", folder / "rec",
                 environment=one_library)
    assert answer.code == 0, answer
    (folder / "m.onnx").unlink()
    used = re.search("^use: (.*)$", (folder / "rec" / "variants.yaml").read_text(), re.M)[1]
    checked = ebb("check", manifest, environment=one_library)
    assert checked.code == 0, checked
    path = put_workflow(device)
    answer = ebb("run", path, stdin='{"x":[1,2]}\n', environment=one_library)
    assert answer.code == 0 and answer.lines()[0]["result"]["y"] == [[2, 4]], answer
    device.start(environment=one_library)
    shown = json.loads(device.cli("agent", "show", "it", "--json").out)
    costs = {variant["name"]: variant for variant in shown["variants"]}
    assert shown["variant"] == used and "original" in costs
    assert 0 < costs[used]["p50_ms"] <= costs[used]["p95_ms"] and costs[used]["rss_bytes"] > 1 << 20
    assert f"variant {used}" in re.sub(" +", " ", device.cli("agent", "show", "it").out)
    # The model that is used is opened, and no other.
    (folder / "rec" / "original.onnx").write_bytes(b"no model")
    manifest.write_text(HEAD.replace("file: m.onnx", "variants: rec, use: original"))
    checked = ebb("check", manifest, environment=one_library)
    assert checked.code != 0 and "is no ONNX model, or only a part of one" in checked.err + checked.out, checked
    manifest.write_text(HEAD.replace("file: m.onnx", "variants: rec, use: originale"))
    checked = ebb("check", manifest, environment=one_library)
    assert checked.code == 2 and "`use: originale`: did you mean `original`?" in checked.err + checked.out, checked


def test_without_a_library_the_sentence_says_what_to_install(device, ebb):
    put_model(device, "it", onnx_model.doubler())
    path = put_workflow(device)
    for words in (("check", path), ("run", path)):
        answer = ebb(*words, stdin="", environment={"EBB_ONNXRUNTIME": "/nowhere/libonnxruntime.so"})
        assert answer.code == 3 or answer.code == 2, answer
        assert "EBB_ONNXRUNTIME: /nowhere/libonnxruntime.so" in answer.err + answer.out, answer


def test_what_a_model_does_wrong_is_a_failed_run_and_nothing_else(device, library):
    put_model(device, "good", onnx_model.doubler())
    put_model(device, "log", onnx_model.logarithm())
    put_model(device, "slow", onnx_model.endless())
    put_model(device, "big", onnx_model.hungry(), HEAD + "limits: { memory: 256MiB, output: 1MiB }\n")
    for name in ("good", "log", "slow", "big"):
        device.workflow(name, WATCHING.replace("NAME", name))
    device.start(environment=library)
    device.drop("a.log", "[-1]")
    device.drop("a.slow", "[1]")
    device.drop("a.big", json.dumps([[1] * 16384]))
    device.drop("a.good", "[1]")

    def ended():
        found = {run["workflow"]: run for run in device.get("/v1/runs")["runs"] if run["state"] not in ("open", "waiting")}
        return found if len(found) == 4 else None
    runs = devices.until("four runs have ended", ended)
    assert "no number (NaN or infinite) at 0 of 1" in json.dumps(runs["log"])
    assert "had not ended when its time was over" in json.dumps(runs["slow"])
    assert "needs more memory than the 256 MiB" in json.dumps(runs["big"])
    assert "it is 1 where the model takes ?x2" in json.dumps(runs["good"])
    device.drop("b.good", "[1,2]")
    device.drop("b.log", "[1]")

    def answers():
        found = [one for one in device.get("/v1/results")["results"] if one["name"] == "answer"]
        return found if len(found) == 2 else None
    results = devices.until("two results", answers)
    assert {"y": [[2.0, 4.0]]} in [one["result"] for one in results]
    shown = device.get("/v1/agents/good")
    assert shown["performance"]["inferences"] == 1 and shown["performance"]["last_inference_time"] > 0
    text = device.ask("GET", "/metrics")[1]
    assert 'ebb_inferences_total{agent="good",version="1.0.0"} 1\n' in text
    assert 'ebb_agent_failures_total{agent="slow",version="1.0.0"} 1\n' in text
    assert device.stop() == 0


def test_a_model_that_computes_does_not_hold_up_the_end(device, one_library):
    put_model(device, "slow", onnx_model.endless())
    device.workflow("slow", WATCHING.replace("NAME", "slow").replace("300ms", "10m"))
    device.start(environment=one_library)
    device.drop("a.slow", "[1]")
    devices.until("the run is under way", lambda: device.counts("slow")["running"])
    assert device.stop() == 0
    assert not device.records(2), "the event was not done with: the next daemon takes it again"


def listen(device, environment, frames, kill_after=()):
    """What is heard in each frame; the daemon is killed once so many frames are known."""
    device.agent("silero-vad", VOICE)
    (device.agents / "silero-vad" / "m.onnx").symlink_to(VAD)
    device.workflow("listen", LISTEN)
    device.start(environment=environment)
    for index, frame in enumerate(frames):
        path = device.folder / "frame.part"
        with wave.open(str(path), "wb") as sound:
            sound.setparams((1, 2, 16000, 0, "NONE", ""))
            sound.writeframes(frame)
        path.rename(device.inbox / f"{index:04d}.wav")
        if index in kill_after:
            device.wait_results(index // 2)
            device.kill()
            device.start(environment=environment)
            device.wait_results(index + 1)  # the folder is looked through before new files come
    heard = device.wait_results(len(frames), "listen")
    assert [one["frame"] for one in heard] == [f"{index:04d}.wav" for index in range(len(frames))]
    return [one["speech"] for one in heard]


@pytest.fixture
def frames():
    for path in (SPEECH, VAD):
        if not path.exists():
            pytest.skip(f"{path} is not here: make test fetches it")
    sound = SPEECH.read_bytes()
    return [sound[at:at + 2 * FRAME] for at in range(0, len(sound) - 2 * FRAME + 1, 2 * FRAME)]


def test_speech_is_heard_and_remembered_through_kills(device, frames, one_library, tmp_path):
    whole = listen(device, one_library, frames)
    device.stop()
    assert whole[0] < 0.3 and max(whole) > 0.95
    spoken = [index for index, speech in enumerate(whole) if speech > 0.6]
    assert len(spoken) > len(frames) / 4  # one phrase, with silence in front of it
    assert min(spoken) > 2
    # A frame says little without those before it.
    (tmp_path / "second").mkdir()
    again = devices.Device(tmp_path / "second")
    try:
        assert listen(again, one_library, frames, kill_after=(20, 40)) == whole
    finally:
        again.close()


# --- compiled ---------------------------------------------------------------------------------------

COMPILED = HEAD.replace("file: m.onnx", "file: m.onnx, compiled: true")


def ask(ebb, folder, environment):
    answer = ebb("agent", "run", "it", "--agents", folder.parent, "--with", '{"x":[1,2]}', environment=environment)
    assert answer.code == 0 and json.loads(answer.out)["y"] == [[2, 4]], answer
    return answer


def test_a_compiled_model_is_used_until_it_is_not_true_any_more(device, ebb, one_library):
    folder = put_model(device, "it", onnx_model.doubler(), COMPILED)
    kept = folder / "m.compiled.onnx"
    made = ebb("model", "compile", folder / "m.onnx", "--json", environment=one_library)
    assert made.code == 0, made
    facts = json.loads(made.out)
    assert facts["file"] == str(kept) and facts["compiled_bytes"] == kept.stat().st_size
    assert facts["provider"] == "cpu" and facts["passed_over"] == []
    assert facts["source_load_ms"] > 0 and facts["compiled_load_ms"] > 0
    assert facts["faster"] == (facts["compiled_load_ms"] < facts["source_load_ms"])
    whole = kept.read_bytes()
    assert "compiled anew" not in ask(ebb, folder, one_library).err
    assert kept.read_bytes() == whole
    for change, why in ((b"Add", "it is damaged: its bytes are not those of its stamp"), (b'"graph":"', "its stamp is damaged"),
                        (b'"processor":"', "it was made for another processor ("),
                        (b'"onnxruntime":"', "it was made by ONNX Runtime ?")):
        at = whole.index(change) + len(change)
        kept.write_bytes(whole[:at] + b"?" + whole[at + 1:])
        answer = ask(ebb, folder, one_library)
        assert f"{folder}/m.onnx is compiled anew: {why}" in answer.err, answer
        assert "compiled anew" not in ask(ebb, folder, one_library).err
    (folder / "m.onnx").write_bytes(onnx_model.doubler(opset=14))
    assert "it was made of another model than the file is now" in ask(ebb, folder, one_library).err
    (folder / "agent.yaml").write_text(COMPILED.replace("compiled: true", "compiled: true, providers: [qnn, cpu]"))
    assert "it was made for the providers cpu, asked for are qnn,cpu" in ask(ebb, folder, one_library).err
    assert sorted(path.name for path in folder.iterdir()) == ["agent.yaml", "m.compiled.onnx", "m.onnx"]


@pytest.mark.skipif(len(devices.LIBRARIES) < 2, reason="one ONNX Runtime was named: there is no other to go over to")
def test_another_release_compiles_anew(device, ebb):
    libraries = [{"EBB_ONNXRUNTIME": str(path)} for path in devices.LIBRARIES.values() if path.exists()]
    if len(libraries) < 2:
        pytest.skip("two releases of ONNX Runtime are wanted: tools/fetch-npm fetches them")
    folder = put_model(device, "it", onnx_model.doubler(), COMPILED)
    ask(ebb, folder, libraries[0])
    assert "compiled anew" not in ask(ebb, folder, libraries[0]).err and (folder / "m.compiled.onnx").exists()
    for library in (libraries[1], libraries[0]):  # newer and older
        assert re.search(r"compiled anew: it was made by ONNX Runtime [0-9.]+, here is [0-9.]+", ask(ebb, folder, library).err)
        assert "compiled anew" not in ask(ebb, folder, library).err


def test_where_nothing_can_be_kept_the_source_is_opened(device, ebb, one_library):
    folder = put_model(device, "it", onnx_model.doubler(), COMPILED)
    (folder / "m.compiled.onnx").mkdir()
    assert f"{folder}/m.onnx is opened without being compiled: " in ask(ebb, folder, one_library).err
    assert sorted(path.name for path in folder.iterdir()) == ["agent.yaml", "m.compiled.onnx", "m.onnx"]


def test_who_checks_leaves_no_file_and_who_serves_shows_it(device, ebb, one_library):
    folder = put_model(device, "it", onnx_model.doubler(), COMPILED)
    assert ebb("check", folder / "agent.yaml", environment=one_library).code == 0
    assert not (folder / "m.compiled.onnx").exists()
    put_workflow(device)
    device.workflow("go", WATCHING.replace("NAME", "it"))
    device.start(environment=one_library)
    assert json.loads(device.cli("agent", "show", "it", "--json").out)["compiled"] is True
    assert (folder / "m.compiled.onnx").exists()


def test_a_provider_that_is_not_here_is_said_or_strictly_refused(ebb, tmp_path, one_library):
    model = tmp_path / "m.onnx"
    model.write_bytes(onnx_model.doubler())
    words = ("model", "compile", model, "--providers", "qnn,cpu")
    answer = ebb(*words, "--json", environment=one_library)
    assert answer.code == 0 and answer.err == "", answer
    passed = json.loads(answer.out)["passed_over"]
    assert [each["provider"] for each in passed] == ["qnn"] and "built without it" in passed[0]["reason"]
    answer = ebb(*words, "-o", tmp_path / "other.onnx", environment=one_library)
    assert "qnn is passed over: this ONNX Runtime was built without it\n" in answer.out, answer
    answer = ebb(*words, "--strict", "-o", tmp_path / "strict.onnx", environment=one_library)
    assert answer.code == 3 and "not with provider qnn: " in answer.err, answer
    assert not (tmp_path / "strict.onnx").exists()
    for bad, why in (("tpu", "'tpu' is none; there is cpu"), ("cpu,,cpu", "'' is none")):
        answer = ebb("model", "compile", model, "--providers", bad, environment=one_library)
        assert answer.code == 2 and why in answer.err, answer
    answer = ebb("model", "compile", tmp_path / "m.compiled.onnx", environment=one_library)
    assert answer.code == 2 and "it is compiled already" in answer.err, answer
    answer = ebb("model", "compile", model, "-o", model, environment=one_library)
    assert answer.code == 2 and "is the model itself" in answer.err, answer
