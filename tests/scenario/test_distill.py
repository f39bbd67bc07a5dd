# SPDX-License-Identifier: Apache-2.0
"""`ebb model distill`: real teachers in ONNX Runtime, pictures and texts on a disk, students that are asked again."""
import json
import random
import signal
import struct
import subprocess
import time

import pytest
from PIL import Image

import device as devices
import onnx_model

RUNTIME = next(iter(devices.LIBRARIES.values()))
HERE = {"EBB_ONNXRUNTIME": str(RUNTIME)}
COLOURS = ("red", "green", "blue")  # the order of the teacher's numbers

pytestmark = pytest.mark.skipif(not RUNTIME.exists(), reason=f"{RUNTIME} is not here: make test fetches it")


def paint(path, colour, dice):
    """A picture in which one colour is a little stronger than the others, pixel by pixel."""
    pixels = bytes(min(255, dice.randrange(200) + (40 if channel == COLOURS.index(colour) else 0))
                   for _ in range(80) for channel in range(3))
    Image.frombytes("RGB", (10, 8), pixels).save(path)


def paint_folder(folder, labelled, unlabelled):
    dice = random.Random(labelled)
    for number in range(labelled + unlabelled):
        colour = COLOURS[number % 3]
        home = folder / (colour if number < labelled else "unlabelled")
        home.mkdir(parents=True, exist_ok=True)
        paint(home / f"{number}.png", colour, dice)


@pytest.fixture
def teacher(tmp_path):
    (tmp_path / "teacher.onnx").write_bytes(onnx_model.colours())
    (tmp_path / "names").write_text("\n".join(COLOURS) + "\n")
    return tmp_path / "teacher.onnx"


def words_for(teacher, kind, *more):
    return ["model", "distill", "--teacher", teacher, "--kind", kind, *more]


def test_a_student_of_pictures_says_what_its_teacher_says(ebb, teacher, tmp_path):
    paint_folder(tmp_path / "pictures", 30, 330)
    words = words_for(teacher, "image", "--data", tmp_path / "pictures", "--labels", tmp_path / "names")
    answer = ebb(*words, "-o", tmp_path / "student.onnx", "--json", environment=HERE)
    assert answer.code == 0, answer
    said = json.loads(answer.out)
    assert (said["examples"], said["labelled"], said["kind"]) == (360, 30, "image")
    assert said["agreement"] > 0.75 and said["teacher_right"] > 0.75, said
    student = (tmp_path / "student.onnx").read_bytes()
    assert len(student) == said["bytes"] <= 100 * 1024
    # the student may teach; its note has the names
    paint_folder(tmp_path / "new", 60, 0)
    answer = ebb(*words_for(tmp_path / "student.onnx", "image", "--data", tmp_path / "new"), "--size", "16KiB",
                 "--passes", "1", "--json", "--out", tmp_path / "other.onnx", environment=HERE)
    assert answer.code == 0, answer
    assert json.loads(answer.out)["teacher_right"] > 0.75
    # the same seed makes the same bytes, another one others; a dry run makes none
    ebb(*words, "--out", tmp_path / "again.onnx", environment=HERE)
    assert (tmp_path / "again.onnx").read_bytes() == student
    ebb(*words, "--out", tmp_path / "again.onnx", "--seed", "2", "--passes", "1", environment=HERE)
    assert (tmp_path / "again.onnx").read_bytes() != student
    answer = ebb(*words, "--out", tmp_path / "dry.onnx", "--dry-run", "--passes", "1", environment=HERE)
    assert answer.code == 0 and "not written" in answer.out and not (tmp_path / "dry.onnx").exists()


def test_classes_in_another_order_than_the_folders_are_noticed(ebb, teacher, tmp_path):
    paint_folder(tmp_path / "pictures", 30, 30)
    answer = ebb(*words_for(teacher, "image", "--data", tmp_path / "pictures"), folder=tmp_path, environment=HERE)
    assert answer.code == 2 and "another order" in answer.err and "--labels" in answer.err, answer


def test_idx_files_are_pictures_too(ebb, tmp_path):
    (tmp_path / "t.onnx").write_bytes(onnx_model.model(
        [onnx_model.node("MaxPool", ["x"], ["m"],
                         onnx_model.field(1, "kernel_shape") + onnx_model.field(8, 8) + onnx_model.field(8, 4) +
                         onnx_model.field(20, 7)),
         onnx_model.node("Flatten", ["m"], ["y"])],
        [onnx_model.port("x", (None, 1, 8, 8))], [onnx_model.port("y", (None, 5))]))
    data = tmp_path / "idx"
    data.mkdir()
    dice = random.Random(1)
    pictures = []
    for number in range(90):  # a bright spot in one of five places
        pixels = bytearray(dice.randrange(120) for _ in range(64))
        pixels[8 * dice.randrange(8) + (number % 2) * 7] = 250
        pictures.append(bytes(pixels))
    (data / "a-images-idx3-ubyte").write_bytes(struct.pack(">IIII", 0x803, 90, 8, 8) + b"".join(pictures))
    words = words_for(tmp_path / "t.onnx", "image", "--data", data, "--passes", "2", "--json", "--out", tmp_path / "s.onnx")
    answer = ebb(*words, environment=HERE)
    assert answer.code == 0, answer
    assert json.loads(answer.out)["labelled"] == 0 and json.loads(answer.out)["teacher_right"] is None
    labels = bytes(number % 5 if number < 20 else 255 for number in range(90))
    (data / "a-labels-idx1-ubyte").write_bytes(struct.pack(">II", 0x801, 90) + labels)
    answer = ebb(*words, "--labels", tmp_path / "five", environment=HERE)
    assert answer.code == 3, answer
    (tmp_path / "five").write_text("a\nb\nc\nd\ne\n")
    answer = ebb(*words, "--labels", tmp_path / "five", environment=HERE)
    assert answer.code == 0 and json.loads(answer.out)["labelled"] == 20, answer
    (data / "b-images-idx3-ubyte").write_bytes(b"")
    answer = ebb(*words, environment=HERE)
    assert answer.code == 2 and "2 files of pictures" in answer.err, answer


def write_mails(folder, labelled, unlabelled):
    dice = random.Random(5)
    spam, ham = "win money click prize free now".split(), "meeting report project notes lunch draft".split()
    shared = "the a of and to in we you it for".split()
    for number in range(labelled + unlabelled):
        own = (ham, spam)[number % 2]
        text = " ".join(dice.choice(own if dice.random() < 0.2 else shared) for _ in range(40))
        home = folder / (("ham", "spam")[number % 2] if number < labelled else "unlabelled")
        home.mkdir(parents=True, exist_ok=True)
        (home / f"{number}.eml").write_text(text)


def test_a_student_of_texts_is_small_and_agrees(ebb, device, tmp_path):
    write_mails(tmp_path / "all", 300, 0)
    answer = ebb("train", "text", tmp_path / "all", "--out", tmp_path / "large.onnx")
    assert answer.code == 0, answer
    write_mails(tmp_path / "few", 20, 280)
    words = words_for(tmp_path / "large.onnx", "text", "--data", tmp_path / "few", "--json")
    folder = device.agent("lite", "ebb: 1\nagent: lite\nversion: 1.0.0\nkind: text\ninputs:\n  text: string\n"
                                  "outputs:\n  label: string\n  score: number\nmodel: { file: s.ebtm }\n")
    answer = ebb(*words, "--size", "32KiB", "--out", folder / "s.ebtm", environment=HERE)
    assert answer.code == 0, answer
    said = json.loads(answer.out)
    assert (said["examples"], said["labelled"]) == (300, 20) and said["agreement"] > 0.97, said
    assert (folder / "s.ebtm").stat().st_size == said["bytes"] <= 32 * 1024
    answer = ebb("agent", "run", "lite", "--agents", device.agents, "--with", '{"text":"win a free prize now"}')
    assert json.loads(answer.out)["label"] == "spam", answer
    answer = ebb(*words, "--out", tmp_path / "s.onnx", environment=HERE)
    assert answer.code == 0 and (tmp_path / "s.onnx").stat().st_size == json.loads(answer.out)["bytes"], answer


def test_what_cannot_be_distilled_is_said(ebb, teacher, tmp_path):
    paint_folder(tmp_path / "pictures", 12, 30)
    data = ("--data", tmp_path / "pictures")
    labels = ("--labels", tmp_path / "names")
    (tmp_path / "two").write_text("red\nblue\n")
    cases = [
        (("model", "distill"), 2, "--teacher FILE"),
        (words_for(teacher, "sound", *data), 2, "text or image"),
        (words_for(teacher, "image", *data, "--out", tmp_path / "s.ebtm"), 2, "ends in .onnx"),
        (words_for(teacher, "image", *data, "--mean", "1,x"), 2, "--mean"),
        (words_for(teacher, "image", *data, "--std", "0"), 2, "--std"),
        (words_for(teacher, "image", *data, "--size", "1KiB"), 2, "--size"),
        (words_for(teacher, "image", *data, "--labels", tmp_path / "two"), 2, "names 2 classes, and the teacher has 3"),
        (words_for(teacher, "text", *data), 2, "ebb.classifier"),
        (words_for(tmp_path / "none.onnx", "image", *data), 3, "none.onnx"),
        (words_for(teacher, "image", "--data", tmp_path / "nothing"), 3, "nothing"),
        (words_for(tmp_path / "names", "image", *data), None, "names"),
    ]
    for words, code, sentence in cases:
        answer = ebb(*words, folder=tmp_path, environment=HERE)
        assert answer.code != 0 and code in (None, answer.code) and answer.err.count("\n") == 1, (words, answer)
        assert sentence in answer.err, (words, answer)
    (tmp_path / "pictures" / "red" / "0.png").write_bytes(b"no picture")
    answer = ebb(*words_for(teacher, "image", *data, *labels), folder=tmp_path, environment=HERE)
    assert answer.code == 2 and "red/0.png" in answer.err, answer
    (tmp_path / "pictures" / "red" / "0.png").unlink()
    (tmp_path / "pictures" / "violet").mkdir()
    (tmp_path / "pictures" / "violet" / "v.png").write_bytes((tmp_path / "pictures" / "red" / "3.png").read_bytes())
    answer = ebb(*words_for(teacher, "image", *data, *labels), folder=tmp_path, environment=HERE)
    assert answer.code == 2 and "'violet' is none of the teacher's" in answer.err, answer
    answer = ebb(*words_for(teacher, "image", *data), folder=tmp_path, environment=HERE)
    assert answer.code == 2 and "4 folders" in answer.err, answer
    assert not list(tmp_path.glob("student.*"))


def test_who_ends_it_finds_the_old_student(teacher, tmp_path):
    paint_folder(tmp_path / "pictures", 30, 60)
    (tmp_path / "s.onnx").write_bytes(b"the old one")
    words = words_for(teacher, "image", "--data", tmp_path / "pictures", "--labels", tmp_path / "names", "--passes", "1000",
                      "--out", tmp_path / "s.onnx")
    child = subprocess.Popen([devices.EBB, *words], env=devices.clean_environment(HERE))
    time.sleep(1)
    assert child.poll() is None
    child.send_signal(signal.SIGINT)
    assert child.wait(timeout=devices.PATIENCE) != 0
    assert (tmp_path / "s.onnx").read_bytes() == b"the old one"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["names", "pictures", "s.onnx", "teacher.onnx"]
