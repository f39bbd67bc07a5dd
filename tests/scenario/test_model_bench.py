# SPDX-License-Identifier: Apache-2.0
"""`ebb model bench`: real models side by side, and variants that are planted to be refused."""
import contextlib
import json
import os
import pathlib
import signal
import subprocess
import sys
import time

import pytest

import device as devices
import onnx_model

FACES = devices.DATA / "blazeface" / "ONNX"
FRONT = FACES / "face_detection_front_128x128_barracuda.onnx"
BACK = FACES / "face_detection_back_256x256_barracuda.onnx"
FIGURES = ["latency", "latency p95", "latency least", "CPU time", "load", "first run", "memory", "memory at most",
           "file", "file compressed"]


@pytest.fixture
def library():
    found = next((path for path in devices.LIBRARIES.values() if path.exists()), None)
    if found is None:
        pytest.skip("no ONNX Runtime is here: tools/fetch-npm fetches one")
    return {"EBB_ONNXRUNTIME": str(found)}


@pytest.fixture
def faces(library):
    if not FRONT.exists():
        pytest.skip(f"{FRONT} is not here: tools/fetch-npm fetches it")
    return library


def padded(path, count):
    """The model with a description of so many bytes: larger, and no other."""
    return path.read_bytes() + onnx_model.field(6, os.urandom(count // 2).hex())


def children_of(pid):
    """Processes called ebb-measure whose parent it is."""
    found = []
    for entry in pathlib.Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            name, rest = (entry / "stat").read_text().split("(", 1)[1].rsplit(")", 1)
            if name == "ebb-measure" and int(rest.split()[1]) == pid:
                found.append(int(entry.name))
    return found


def test_real_models_side_by_side_for_people(ebb, faces):
    answer = ebb("model", "bench", BACK, FRONT, "--seconds", 1, environment=faces)
    assert answer.code == 0 and answer.err == "", answer
    lines = answer.out.splitlines()
    assert lines[0].split() == [BACK.name, FRONT.name]
    assert [line[:16].strip() for line in lines[1:11]] == FIGURES
    for line in lines[1:11]:
        first, second = (float(word[:-1]) for word in line.split() if word.endswith("x"))
        assert first == 1 and second > 0
    assert "rounds; latency and its ratios are within" in answer.out


def test_real_models_side_by_side_for_programs(ebb, faces):
    answer = ebb("model", "bench", FRONT, "--against", BACK, "--seconds", 1, "--json", environment=faces)
    assert answer.code == 0 and answer.err == "", answer
    told = json.loads(answer.out)
    assert told["reference"] == str(BACK) and told["taken"] is None
    back, front = told["variants"]
    assert [back["file"], front["file"]] == [str(BACK), str(FRONT)]
    assert back["ratio"] == {"low": 1, "middle": 1, "high": 1}
    assert front["cpu_ratio"]["middle"] < 1  # a quarter of the pixels
    for variant in (back, front):
        assert variant["usable"] and variant["why"] is None and variant["provider"] == "cpu"
        assert variant["rounds"] >= 3 and variant["runs"] >= variant["rounds"]
        assert variant["size_bytes"] == pathlib.Path(variant["file"]).stat().st_size
        assert 0 < variant["size_compressed_bytes"] < variant["size_bytes"]
        assert 0 < variant["latency_min_ms"] <= variant["latency_p50_ms"]
        assert variant["latency_min_ms"] <= variant["latency_p95_ms"]
        assert min(variant[name] for name in ("cpu_ms", "load_ms", "load_cpu_ms", "first_ms")) > 0
        assert variant["rss_bytes"] > 1 << 20 and variant["hwm_bytes"] > 1 << 20
        assert variant["drift_sqnr_db"] is None  # the two take pictures of other sizes


def test_drift_is_how_far_answers_are_from_the_reference(ebb, faces, tmp_path):
    fewer, same = tmp_path / "fewer.onnx", tmp_path / "same.onnx"
    pruned = ebb("model", "prune", FRONT, "--unstructured", "--share", "0.05", "--out", fewer, environment=faces)
    assert pruned.code == 0, pruned
    same.write_bytes(padded(FRONT, 1000))
    words = ["model", "bench", fewer, same, BACK, "--against", FRONT, "--seconds", 1]
    first, near, equal, other = json.loads(ebb(*words, "--json", environment=faces).out)["variants"]
    assert 0 < near["drift_sqnr_db"] < 60 and 0 < near["drift_max"] and 0.9 < near["drift_cosine"] < 1
    for variant in (first, equal):
        assert variant["drift_max"] == 0 and variant["drift_argmax"] == 1 and variant["drift_iou"] is None
    assert other["drift_max"] is None and other["usable"]  # it takes larger pictures
    limited = ebb(*words, "--mask-above", "0", "--budget", "drift.iou>=100%, drift.max<=0; minimise size", environment=faces)
    assert f"{FRONT.name}: taken" in limited.out, limited
    assert "fewer.onnx: overlap of masks" in limited.out, limited


def test_planted_variants_are_refused_for_the_right_reason(ebb, faces, tmp_path):
    (tmp_path / "wrong.onnx").write_bytes(b"no model at all")
    (tmp_path / "large.onnx").write_bytes(padded(FRONT, 2_000_000))
    words = ["model", "bench", FRONT, BACK, tmp_path / "large.onnx", tmp_path / "wrong.onnx", tmp_path / "none.onnx",
             "--seconds", 1, "--budget", "cpu<=1.5x, size<=1MB; minimise cpu"]
    answer = ebb(*words, environment=faces)
    assert answer.code == 8 and answer.err == "", answer
    verdicts = dict(line.split(": ", 1) for line in answer.out.splitlines() if ".onnx: " in line)
    assert verdicts[FRONT.name] == "taken, it keeps the budget with the least CPU time"
    assert verdicts[BACK.name].startswith("CPU time ") and "x the reference's is over 1.5x" in verdicts[BACK.name]
    assert verdicts["large.onnx"] == "size 2.44 MB is over 1 MB"
    assert verdicts["wrong.onnx"].endswith("the file is no ONNX model, or only a part of one")
    assert verdicts["none.onnx"].startswith("unusable: ")
    told = json.loads(ebb(*words, "--json", environment=faces).out)
    assert told["taken"] == str(FRONT)
    assert [variant["keeps"] for variant in told["variants"]] == [True, False, False, False, False]
    assert [variant["usable"] for variant in told["variants"]] == [True, True, True, False, False]


def test_the_same_one_is_taken_each_time_while_the_machine_is_busy(ebb, faces, tmp_path):
    (tmp_path / "padded.onnx").write_bytes(padded(FRONT, 50_000))
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(2)]
    try:
        taken = [json.loads(ebb("model", "bench", BACK, tmp_path / "padded.onnx", FRONT, "--seconds", 1, "--json",
                                "--budget", "size<=10MB; minimise cpu", environment=faces).out)["taken"]
                 for _ in range(5)]
    finally:
        for child in busy:
            child.kill()
            child.wait()
    assert taken == [str(FRONT)] * 5  # as fast as the padded one, and smaller


def test_no_model_keeps_the_budget(ebb, faces):
    answer = ebb("model", "bench", FRONT, "--seconds", 1, "--budget", "size<=1KB", environment=faces)
    assert answer.code == 7 and answer.err == "ebb: no model here keeps the budget\n", answer
    assert f"{FRONT.name}: size 442 KB is over 1 KB" in answer.out


def test_what_is_said_of_inputs_reaches_the_model(ebb, library, tmp_path):
    model = tmp_path / "sum.onnx"
    model.write_bytes(onnx_model.doubler())
    assert ebb("model", "bench", model, "--shape", "x=64x2", "--set", "x=3", "--seconds", 1,
               environment=library).code == 0
    cases = {
        ("--shape", "x=64x3"): "input 'x' has the shape ?x2: it cannot be 64x3",
        ("--shape", "y=64x2"): "no model here has an input `y`; there is `x`",
        ("--shape", "x=64,2"): "is no shape of an input",
        ("--set", "x"): "is no number of an input",
        ("--threads", "0"): "--threads",
        ("--budget", "latncy<=5ms"): "the budget, column 1: `latncy` is nothing that is measured: did you mean",
    }
    for words, sentence in cases.items():
        answer = ebb("model", "bench", model, *words, environment=library)
        assert answer.code == 2 and sentence in answer.err + answer.out, (words, answer)


def test_without_a_library_nothing_is_measured(ebb, tmp_path):
    (tmp_path / "sum.onnx").write_bytes(onnx_model.doubler())
    answer = ebb("model", "bench", tmp_path / "sum.onnx", environment={"EBB_ONNXRUNTIME": "/no/such/library.so"})
    assert answer.code == 3 and answer.out == "", answer
    assert answer.err.startswith("ebb: load ONNX Runtime, EBB_ONNXRUNTIME: ")


def started(words, environment):
    child = subprocess.Popen([devices.EBB, "model", "bench", *map(str, words)], stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                             env=devices.clean_environment(environment), start_new_session=True)
    return child


def kill_second(bench):
    """Kills the second of two, which is the younger, each time that both are open until the measuring ends: each opening is
    another process, and one that has had its rounds is missed by nobody."""
    killed, end = 0, time.monotonic() + devices.PATIENCE
    while bench.poll() is None and time.monotonic() < end:
        opened = children_of(bench.pid)
        if len(opened) == 2 and min(opened) > killed:
            killed = max(opened)
            with contextlib.suppress(ProcessLookupError):
                os.kill(killed, signal.SIGKILL)
        time.sleep(0.02)


def test_one_that_is_killed_is_unusable_and_the_others_are_measured(library, tmp_path):
    for name in ("first", "second"):
        (tmp_path / f"{name}.onnx").write_bytes(onnx_model.doubler())
    bench = started([tmp_path / "first.onnx", tmp_path / "second.onnx", "--json"], library)
    try:
        kill_second(bench)
        out, err = bench.communicate(timeout=devices.PATIENCE * 3)
    finally:
        devices.kill_group(bench)
    first, second = json.loads(out)["variants"]
    assert (bench.returncode, err) == (11, b"")
    assert first["usable"] and first["latency_p50_ms"] > 0
    assert not second["usable"] and "ebb-measure was killed by signal 9 (SIGKILL)" in second["why"]


def test_interrupted_it_leaves_nothing_behind(faces):
    bench = started([BACK, FRONT], faces)
    try:
        opened = devices.until("both are open", lambda: [two for two in [children_of(bench.pid)] if len(two) == 2])[0]
        bench.send_signal(signal.SIGINT)
        assert bench.wait(timeout=devices.PATIENCE) == -signal.SIGINT
        devices.until("its children have ended", lambda: not any(is_running(pid) for pid in opened))
    finally:
        devices.kill_group(bench)


def is_running(pid):
    """False also for one that has ended and that nobody has asked for."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False
