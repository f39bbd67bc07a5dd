# SPDX-License-Identifier: Apache-2.0
"""What the build for aarch64 answers under qemu-user is what the build for this machine answers: mails and pictures.

A part of `make aarch64`, which makes the builds that are compared; they are where tools/aarch64 puts them.
"""
import json
import math
import os
import re
import shutil

import pytest

import device as devices

HERE, THERE = devices.ROOT / "build", devices.ROOT / "build-aarch64" / "run"
DATA = devices.ROOT / "build" / "data"
MAILS = DATA / "mails"
INBOX, FRONT_DOOR = devices.ROOT / "examples" / "inbox-triage", devices.ROOT / "examples" / "front-door"
BLAZEFACE = DATA / "blazeface" / "ONNX" / "face_detection_front_128x128_barracuda.onnx"
EVERY = 4  # of the held-out mails
MACHINES = {HERE: os.uname().machine, THERE: "aarch64"}
# Where a picture's numbers were multiplied and added in another order, its boxes differ by so much of the picture.
BOX, SCORE = 1e-3, 1e-3
MAIL_SCORE = 1e-9

pytestmark = pytest.mark.skipif(devices.BUILD != THERE, reason="the answers of two machines: make aarch64 compares them")


def need(*paths):
    for path in paths:
        if not path.exists():
            pytest.skip(f"{path.relative_to(devices.ROOT)} is not here: make aarch64 fetches it")


def results_of(build, folder, example, inbox, files, environment=None):
    """What a device with the programs of `build` says of each file that falls into its folder."""
    device = devices.Device(folder / build.name, build)
    try:
        device.workflows = device.folder / "example"
        shutil.copytree(example, device.workflows, ignore=shutil.ignore_patterns(inbox, ".ebb"))
        device.inbox = device.workflows / inbox
        device.inbox.mkdir()
        device.start(environment=environment)
        for path in files:
            device.drop(path.name, path.read_bytes())
        devices.until("every file has had its run", lambda: all_ended(device, example.name, len(files)))
        assert device.stop() == 0, device.log()
        return [(name, body) for name, _, body in device.records(1)]
    finally:
        device.close()


def all_ended(device, workflow, count):
    row = device.counts(workflow)
    return row["runs"] == count and row["queued"] + row["running"] + row["waiting"] == 0


def train(build, folder, model):
    answer = devices.ebb("train", "text", folder, "--out", model, program=build / "ebb")
    assert answer.code == 0, answer
    return model.read_bytes()


def without_its_date(model):
    """A text model without when it was trained and without its checksum, which is the last 16 bytes."""
    claims = re.search(rb'\{"trained_at":[^}]*\}', model)
    provenance = json.loads(claims[0])
    del provenance["trained_at"]
    return model[:claims.start()], provenance, model[claims.end():-16]


def test_a_text_model_is_the_same_but_for_its_date(tmp_path):
    need(MAILS / "train")
    here, there = (train(build, MAILS / "train", tmp_path / f"{build.name}.ebtm") for build in (HERE, THERE))
    assert without_its_date(here)[1]["texts"] > 1000
    assert without_its_date(here) == without_its_date(there)


def test_mails_get_the_same_labels_and_scores(tmp_path):
    need(MAILS / "held-out")
    example = tmp_path / "inbox-triage"
    shutil.copytree(INBOX, example, ignore=shutil.ignore_patterns("inbox", "*.ebtm", "*.jsonl", ".ebb"))
    train(HERE, MAILS / "train", example / "agents" / "spam-lite" / "spam.ebtm")
    mails = sorted((MAILS / "held-out").glob("*/*.eml"))[::EVERY]
    here, there = (sorted(results_of(build, tmp_path, example, "inbox", mails),
                          key=lambda result: result[1]["file"]) for build in (HERE, THERE))
    assert len(here) == len(mails) > 300
    assert {name for name, _ in here} == {"spam", "verdict"}
    for (name, one), (other_name, other) in zip(here, there, strict=True):
        assert name == other_name
        assert math.isclose(one.pop("score"), other.pop("score"), rel_tol=0, abs_tol=MAIL_SCORE)
        assert one == other


def test_faces_are_found_in_the_same_places(tmp_path):
    need(BLAZEFACE, DATA / "photographs")
    example = tmp_path / "front-door"
    shutil.copytree(FRONT_DOOR, example, ignore=shutil.ignore_patterns("photos", ".ebb"))
    shutil.copy(BLAZEFACE, example / "agents" / "find-faces")
    photographs = sorted((DATA / "photographs").iterdir())
    found = []
    for build in (HERE, THERE):
        library = DATA / f"onnxruntime-{MACHINES[build]}" / "libonnxruntime.so"
        need(library)
        results = results_of(build, tmp_path, example, "photos", photographs,
                             {"EBB_ONNXRUNTIME": str(library)})
        found.append({body["photo"]: body["faces"] for _, body in results})
    here, there = found
    assert sorted(here) == sorted(there) == ["astronaut.png", "grace_hopper.jpg"]
    for photo, faces in here.items():
        assert len(faces) == len(there[photo]) == 1
        for one, other in zip(faces, there[photo]):
            assert one["label"] == other["label"]
            assert one["score"] == pytest.approx(other["score"], abs=SCORE)
            assert one["box"] == pytest.approx(other["box"], abs=BOX)
            for point, other_point in zip(one["points"], other["points"], strict=True):
                assert point == pytest.approx(other_point, abs=BOX)
