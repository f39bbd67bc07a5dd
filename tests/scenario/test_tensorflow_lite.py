# SPDX-License-Identifier: Apache-2.0
"""Models of TensorFlow Lite as agents: the faces that the same network in ONNX finds, and what is missing or damaged."""
import json
import os
import pathlib
import shutil
import subprocess

import pytest

import device as devices

PLACE = {"x86_64": "linux_amd64", "aarch64": "linux_arm64"}.get(devices.MACHINE, "none")
LIBRARY = pathlib.Path(os.environ.get("EBB_TENSORFLOW_LITE") or
                       devices.DATA / "tensorflow-lite" / "cc_deps" / PLACE / "libtensorflowlite_c.so")
LITE = devices.DATA / "face-detection" / "face_detection_short_range.tflite"
ONNX = devices.DATA / "blazeface" / "ONNX" / "face_detection_front_128x128_barracuda.onnx"
RUNTIME = next(iter(devices.LIBRARIES.values()))
PHOTOGRAPHS = devices.DATA / "photographs"
AGENT = """\
ebb: 1
agent: NAME
version: 1.0.0
kind: onnx
inputs:  { image: image }
outputs: { objects: { type: list, of: { label: string, score: number, box: box, points: list } } }
model:   { file: MODEL }
before:  { image: { resize: letterbox, scale: 1/127.5, offset: -1 } }
after:   { detector: { decode: blazeface, score: 0.75 } }
"""
WATCHING = """\
ebb: 1
workflow: faces
trigger: { watch: { path: INBOX, after: delete } }
steps:
  - id: find
    agent: lite
    with: { image: "${ .event.file }" }
results:
  - name: faces
    from: { name: "${ .event.name }", objects: "${ .steps.find.objects }" }
"""


@pytest.fixture
def here():
    for path, how in ((LIBRARY, "tensorflow-lite"), (LITE, "face-detection"), (RUNTIME, "onnxruntime-x86_64"), (ONNX, "blazeface")):
        if not path.exists():
            pytest.skip(f"{path} is not here: tools/fetch-npm {how} fetches it")
    if not (PHOTOGRAPHS / "astronaut.png").exists():
        pytest.skip("no photographs are here: tools/fetch-photographs fetches them")
    return {"EBB_TENSORFLOW_LITE": str(LIBRARY), "EBB_ONNXRUNTIME": str(RUNTIME)}


def put(device, name, model, more=""):
    folder = device.agent(name, AGENT.replace("NAME", name).replace("MODEL", model.name + more))
    shutil.copy(model, folder)
    return folder


def run(ebb, device, name, photograph, environment):
    answer = ebb("agent", "run", name, "--agents", device.agents, "--file", f"image={PHOTOGRAPHS / photograph}",
                 environment=environment)
    assert answer.code == 0, answer
    return answer


def ask(ebb, device, name, photograph, environment):
    return json.loads(run(ebb, device, name, photograph, environment).out)["objects"]


@pytest.mark.parametrize("providers", ["", ", providers: [xnnpack, cpu]", ", providers: [edgetpu, gpu, delegate, cuda]", ", threads: 2"])
def test_it_finds_the_faces_that_the_same_network_in_onnx_finds(device, ebb, here, providers):
    put(device, "lite", LITE, providers)
    put(device, "onnx", ONNX)
    for photograph, count in (("astronaut.png", 1), ("grace_hopper.jpg", 1), ("chelsea.png", 0)):
        found = ask(ebb, device, "lite", photograph, here)
        expected = ask(ebb, device, "onnx", photograph, here)
        assert len(found) == len(expected) == count, photograph
        for one, other in zip(found, expected):
            assert one["score"] == pytest.approx(other["score"], abs=2e-3), photograph
            assert one["box"] == pytest.approx(other["box"], abs=2e-3), photograph


def test_a_delegate_in_a_library_of_its_own_is_given_the_model(device, ebb, here, tmp_path):
    plugin = tmp_path / "outer.so"
    source = pathlib.Path(__file__).with_name("outer_xnnpack.c")
    subprocess.run(["cc", "-shared", "-fPIC", "-D_GNU_SOURCE", "-o", plugin, source], check=True)
    put(device, "lite", LITE, ", providers: [delegate]")
    here["EBB_TENSORFLOW_LITE_DELEGATE"] = str(plugin)
    answer = run(ebb, device, "lite", "astronaut.png", here)
    if "outer delegate begins" not in answer.err:
        assert "would not begin" in answer.err, answer
        pytest.skip("this TensorFlow Lite was built without XNNPACK")
    assert answer.err.count("outer delegate begins") == answer.err.count("outer delegate ends") == 1, answer
    assert len(json.loads(answer.out)["objects"]) == 1
    answer = run(ebb, device, "lite", "astronaut.png", {**here, "OUTER_FAILS": "1"})
    assert "not with provider delegate: the delegate of EBB_TENSORFLOW_LITE_DELEGATE would not begin" in answer.err, answer
    assert "outer delegate" not in answer.err and len(json.loads(answer.out)["objects"]) == 1


def test_several_calls_at_once_share_the_weights(device, here):
    put(device, "lite", LITE)
    device.workflow("faces", WATCHING)
    device.start(environment=here)
    for i in range(8):
        device.drop(f"{i}.png", (PHOTOGRAPHS / "astronaut.png").read_bytes())
    device.wait_results(8)
    found = [row["objects"] for row in device.results()]
    assert all(objects == found[0] and len(objects) == 1 for objects in found)
    shown = json.loads(device.cli("agent", "show", "lite", "--json").out)
    assert shown["state"] == "ready" and shown["calls"] == 8


def test_what_is_missing_or_damaged_is_one_sentence(device, ebb, here):
    folder = put(device, "lite", LITE)
    manifest = folder / "agent.yaml"
    for library, code, why in (("/nowhere/lite.so", 3, "load TensorFlow Lite, EBB_TENSORFLOW_LITE: /nowhere/lite.so"),
                               ("libm.so.6", 2, "libm.so.6 is no TensorFlow Lite from release 2.2 on: it has no TfLiteVersion")):
        answer = ebb("check", manifest, environment={"EBB_TENSORFLOW_LITE": library})
        assert answer.code == code and why in answer.err, answer
    whole = LITE.read_bytes()
    (folder / LITE.name).write_bytes(whole[:len(whole) // 2])
    answer = ebb("check", manifest, environment=here)
    assert answer.code == 8 and "is no TensorFlow Lite model, or only a part of one" in answer.err, answer
    (folder / LITE.name).write_bytes(whole)
    manifest.write_text(manifest.read_text() + "limits: { memory: 2MiB }\n")
    answer = ebb("check", manifest, environment=here)
    assert answer.code == 7 and "more than the 2 MiB of memory that it may have" in answer.err, answer
    answer = ebb("model", "compile", folder / LITE.name, environment=here)
    assert answer.code == 2 and "only those in ONNX are compiled" in answer.err and not (folder / (LITE.name + ".compiled.onnx")).exists(), answer
    assert [path.name for path in folder.iterdir() if "compiled" in path.name] == []


def test_the_name_of_the_file_does_not_matter(device, ebb, here):
    folder = put(device, "lite", LITE)
    (folder / LITE.name).rename(folder / "m.onnx")
    (folder / "agent.yaml").write_text((folder / "agent.yaml").read_text().replace(LITE.name, "m.onnx"))
    assert len(ask(ebb, device, "lite", "astronaut.png", here)) == 1


def test_it_is_measured_beside_one_in_onnx(ebb, here):
    answer = ebb("model", "bench", LITE, "--against", ONNX, "--seconds", 1, "--json", environment=here)
    assert answer.code == 0, answer
    assert "unusable" not in answer.out, answer
