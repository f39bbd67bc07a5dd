# SPDX-License-Identifier: Apache-2.0
"""Pictures through real runs: drawn on, cropped, blurred; faces found and none made up; pictures that are none."""
import json
import math
import shutil
import struct
import subprocess
import zlib

import pytest
from PIL import Image

import device as devices
import onnx_model
import png

DATA = devices.DATA
LIBRARY = next(iter(devices.LIBRARIES.values()))
MODEL = DATA / "blazeface" / "ONNX" / "face_detection_front_128x128_barracuda.onnx"
PHOTOGRAPHS = DATA / "photographs"
FRONT_DOOR = devices.ROOT / "examples" / "front-door"
AGENT = """\
ebb: 1
agent: it
version: 1.0.0
kind: image
do: DO
inputs: { image: image, boxes: list }
outputs: { image: { type: image, optional: true }, images: { type: list, optional: true } }
"""
WORKFLOW = """\
ebb: 1
workflow: it
trigger: { watch: { path: INBOX, after: delete } }
steps:
  - id: paint
    agent: it
    with:
      image: ${ .event.file }
      boxes: [[0.25, 0.25, 0.5, 0.5]]
results:
  - name: painted
    from: { name: "${ .event.name }" }
    attach:
      picture: { from: "${ .steps.paint.WHAT }", as: image/jpeg }
"""


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """One of each kind, by Pillow's encoders."""
    folder = tmp_path_factory.mktemp("pictures")
    subprocess.run([devices.ROOT / "tests" / "pictures" / "make", folder], check=True)
    return folder


@pytest.fixture
def door(device):
    """A device that runs examples/front-door with the real model."""
    for path in (LIBRARY, MODEL, PHOTOGRAPHS / "grace_hopper.jpg"):
        if not path.exists():
            pytest.skip(f"{path} is not here: make test fetches it")
    shutil.copytree(FRONT_DOOR, device.folder / "door", ignore=shutil.ignore_patterns("photos", ".ebb"))
    device.workflows = device.folder / "door"
    device.inbox = device.workflows / "photos"
    device.inbox.mkdir()
    shutil.copy(MODEL, device.workflows / "agents" / "find-faces")
    return device


def start_door(door):
    door.start(environment={"EBB_ONNXRUNTIME": str(LIBRARY)})


def ended(run):
    """Whether a row of /v1/runs has nothing left to do."""
    return run["state"] not in ("open", "waiting")


def size_of(path):
    """Width and height of a JPEG, from its frame."""
    data = path.read_bytes()
    assert data.startswith(b"\xff\xd8\xff") and data.endswith(b"\xff\xd9")
    at = 2
    while data[at + 1] not in (0xC0, 0xC2):
        at += 2 + struct.unpack(">H", data[at + 2:at + 4])[0]
    height, width = struct.unpack(">HH", data[at + 5:at + 9])
    return width, height


def saved(device, result):
    folder = device.folder / "saved" / result["id"]
    answer = device.cli("result", "save", result["id"], "--to", folder)
    assert answer.code == 0, answer
    return folder / "picture.jpg"


@pytest.mark.parametrize("do, size", [("draw", (203, 121)), ("blur", (203, 121)), ("crop", (103, 61))])
def test_an_image_agent_gives_an_upright_jpeg(device, pictures, do, size):
    what = "images[0]" if do == "crop" else "image"
    device.agent("it", AGENT.replace("DO", do))
    device.workflow("it", WORKFLOW.replace("WHAT", what))
    device.start()
    for name in ("turned-6.jpg", "progressive.jpg", "cmyk.jpg", "rgba16-interlaced.png", "wrong-name.png"):
        device.drop(name, (pictures / name).read_bytes())
    device.wait_results(5)
    for result in device.cli("result", "list", "--all", "--json").lines():
        assert size_of(saved(device, result)) == size, result


def wide_png(width):
    """The head of a PNG, and no more."""
    head = b"IHDR" + struct.pack(">IIBBBBB", width, 1, 8, 2, 0, 0, 0)
    return (b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + head + struct.pack(">I", zlib.crc32(head)) +
            struct.pack(">I", 9) + b"IDAT" + b"\0" * 13)


def test_a_picture_that_is_none_fails_its_own_run_with_a_sentence(device, pictures):
    whole = (pictures / "baseline.jpg").read_bytes()
    bad = {"none.jpg": (b"", "no picture: it has no bytes at all"),
           "page.jpg": (b"<html>404</html>", "no picture: it begins like no JPEG and no PNG"),
           "other.jpg": (b"GIF89a" + b"\0" * 50, "this is a GIF: pictures are JPEG or PNG"),
           "wide.png": (wide_png(50000), "a picture of 50000 x 1 pixels is too large"),
           "half.jpg": (whole[:len(whole) // 2], "a damaged JPEG: ")}
    device.agent("it", AGENT.replace("DO", "draw"))
    device.workflow("it", WORKFLOW.replace("WHAT", "image"))
    device.start()
    for name, (content, _) in bad.items():
        device.drop(name, content)
    device.drop("good.jpg", whole)
    device.wait_results(1)
    devices.until("all the others failed", lambda: len(device.records(2)) == len(bad))
    told = json.dumps([body for _, _, body in device.records(2)])
    for _, why in bad.values():
        assert told.count(why) == 1, (why, told)
    assert device.get("/v1/status")


COLOURS = """\
ebb: 1
agent: colour-of
version: 1.0.0
kind: onnx
inputs:  { image: image }
outputs: { label: string, score: { type: number, min: 0, max: 1 }, top: list }
model:   { file: m.onnx }
before:  { image: { resize: stretch, scale: 1/51 } }
after:   { classifier: { labels: colours.txt, top: 2 } }
"""
COLOURED = """\
ebb: 1
workflow: colour
trigger: { watch: { path: INBOX, after: delete } }
steps:
  - id: ask
    agent: colour-of
    with: { image: "${ .event.file }" }
results:
  - name: colour
    from: { name: "${ .event.name }", label: "${ .steps.ask.label }", score: "${ .steps.ask.score }", top: "${ .steps.ask.top }" }
"""


def test_a_classifier_says_what_a_picture_is(device):
    if not LIBRARY.exists():
        pytest.skip(f"{LIBRARY} is not here: make test fetches it")
    device.agent("colour-of", COLOURS, colours__txt="red\ngreen\nblue\n")
    (device.agents / "colour-of" / "m.onnx").write_bytes(onnx_model.colours())
    device.workflow("colour", COLOURED)
    start_door(device)
    colours = {"red.png": (255, 51, 0), "green.png": (0, 204, 102), "blue.png": (102, 0, 255)}
    for name, colour in colours.items():
        device.drop(name, png.plain(colour))
    device.wait_results(len(colours))
    for row in device.results():
        fives = [math.exp(number / 51) for number in colours[row["name"]]]
        assert row["label"] + ".png" == row["name"], row
        assert row["score"] == pytest.approx(max(fives) / sum(fives), abs=1e-5), row
        assert [one["label"] for one in row["top"]][0] == row["label"] and len(row["top"]) == 2, row


def test_a_photograph_cut_anywhere_is_a_sentence_and_the_next_one_is_looked_at(door):
    whole = (PHOTOGRAPHS / "grace_hopper.jpg").read_bytes()
    start_door(door)
    cuts = range(0, len(whole), 1000)
    for bytes_kept in cuts:
        door.drop(f"{bytes_kept:06d}.jpg", whole[:bytes_kept])
    door.drop("whole.jpg", whole)
    devices.until("all runs ended", lambda: sum(ended(run) for run in door.get("/v1/runs?limit=1000")["runs"]) == len(cuts) + 1)
    assert [row["photo"] for row in door.results()] == ["whole.jpg"]
    runs = [run for run in door.get("/v1/runs?limit=1000")["runs"] if run["state"] == "failed"]
    assert len(runs) == len(cuts)
    for run in runs:
        assert "no picture" in run["error"] or "a damaged JPEG" in run["error"], run


def test_the_two_faces_are_found_and_none_where_there_is_none(door):
    start_door(door)
    for path in PHOTOGRAPHS.iterdir():
        if path.suffix in (".jpg", ".png"):
            door.drop(path.name, path.read_bytes())
    devices.until("four runs ended", lambda: sum(ended(run) for run in door.get("/v1/runs")["runs"]) == 4)
    results = {row["result"]["photo"]: row for row in door.cli("result", "list", "--all", "--json").lines()}
    assert sorted(results) == ["astronaut.png", "grace_hopper.jpg"]
    for name, size in (("astronaut.png", (512, 512)), ("grace_hopper.jpg", (512, 600))):
        assert [face["label"] for face in results[name]["result"]["faces"]] == ["face"]
        assert size_of(saved(door, results[name])) == size


def test_a_kill_loses_no_face_and_doubles_none(door):
    start_door(door)
    photograph = (PHOTOGRAPHS / "grace_hopper.jpg").read_bytes()
    for number in range(40):
        door.drop(f"{number}.jpg", photograph)
    door.wait_results(5)
    door.kill()
    start_door(door)
    door.wait_results(40)
    devices.until("all runs ended", lambda: all(ended(run) for run in door.get("/v1/runs")["runs"]))
    assert sorted(row["photo"] for row in door.results()) == sorted(f"{number}.jpg" for number in range(40))


CROPS = """\
ebb: 1
workflow: front-door
trigger: { watch: { path: photos } }
steps:
  - id: find
    agent: find-faces
    with: { image: "${ .event.image }", min_score: 0.75 }
  - id: cut
    needs: [find]
    agent: cut-face
    each: ${ .steps.find.objects }
    with: { image: "${ .event.image }", box: "${ .item.box }" }
results:
  - name: faces
    from: { photo: "${ .event.name }", boxes: "${ [.steps.find.objects[].box] }", errors: "${ .steps.cut.errors }" }
    attach:
      face: { from: "${ .steps.cut.items[0].image }", as: image/jpeg }
"""
CUT = "ebb: 1\nagent: cut-face\nversion: 1.0.0\nkind: image\ndo: crop\ninputs: { image: image, box: box }\n" \
      "outputs: { image: image }\n"


def test_each_face_is_cut_out_of_its_photograph(door):
    (door.workflows / "front-door.yaml").write_text(CROPS)
    (door.workflows / "agents" / "cut-face").mkdir()
    (door.workflows / "agents" / "cut-face" / "agent.yaml").write_text(CUT)
    start_door(door)
    for name in ("astronaut.png", "coffee.png"):
        shutil.copy(PHOTOGRAPHS / name, door.inbox)
    door.wait_results(2)
    results = {line["result"]["photo"]: line for line in door.cli("result", "list", "--json").lines()}
    assert results["coffee.png"]["result"] == {"photo": "coffee.png", "boxes": [], "errors": [], "face": None}
    one = results["astronaut.png"]
    (box,) = one["result"]["boxes"]
    assert one["result"]["errors"] == [None]
    assert door.cli("result", "save", one["id"], "--to", door.folder).code == 0
    whole, face = Image.open(PHOTOGRAPHS / "astronaut.png"), Image.open(door.folder / "face.jpg")
    assert abs(face.width - box[2] * whole.width) <= 2 and abs(face.height - box[3] * whole.height) <= 2
