# SPDX-License-Identifier: Apache-2.0
"""`ebb model inspect|fold|bind|upgrade|quantize|optimize|report`: on real models, on files that are none, interrupted."""
import contextlib
import html.parser
import json
import os
import pathlib
import random
import shutil
import signal
import struct
import subprocess

import pytest

import device as devices
import onnx_model

FACES = devices.DATA / "blazeface" / "ONNX"
FRONT = FACES / "face_detection_front_128x128_barracuda.onnx"
VOICE = devices.DATA / "silero-vad" / "weights" / "silero_vad_16k_op15.onnx"
READER = devices.DATA / "ocr-models" / "assets" / "ch_PP-OCRv4_rec_infer.onnx"
PHOTOGRAPHS = devices.DATA / "photographs"
PARTS = {"calibration": ["astronaut.png", "chelsea.png"], "selection": ["coffee.png"], "evaluation": ["grace_hopper.jpg"]}
COMMANDS = {"inspect": [], "fold": [], "bind": ["--set", "x=1"], "upgrade": [], "quantize": ["--data", "."],
            "optimize": ["-o", "out"]}
LONG = devices.PATIENCE * 20  # a search runs a model many times, here and elsewhere on the machine
AGENT = """ebb: 1
agent: find-faces
version: 1.0.0
kind: onnx
inputs:  { image: image }
outputs: { objects: { type: list, of: { label: string, score: number, box: box, points: list } } }
model:   { file: model.onnx }
before:  { image: { resize: letterbox, scale: 1/127.5, offset: -1 } }
after:   { detector: { decode: blazeface, score: 0.75 } }
"""


# --- what is worked with ----------------------------------------------------------------------------

def there(path, how="tools/fetch-npm"):
    if not path.exists():
        pytest.skip(f"{path} is not here: {how} fetches it")
    return path


@pytest.fixture
def model(ebb, tmp_path):
    """`ebb model WORDS` in the test's folder, with an ONNX Runtime."""
    found = next((path for path in devices.LIBRARIES.values() if path.exists()), None)
    if found is None:
        pytest.skip("no ONNX Runtime is here: tools/fetch-npm fetches one")

    def run(*words, **more):
        return ebb("model", *words, folder=tmp_path, environment={"EBB_ONNXRUNTIME": str(found)}, **more)
    run.environment = {"EBB_ONNXRUNTIME": str(found)}
    return run


def weights(name, shape, numbers):
    return (b"".join(onnx_model.field(1, size) for size in shape) + onnx_model.field(2, onnx_model.FLOAT) +
            onnx_model.field(8, name) + onnx_model.field(9, struct.pack(f"<{len(numbers)}f", *numbers)))


def with_weights(nodes, inputs, outputs, held, opset=onnx_model.OPSET):
    graph = onnx_model.graph(nodes, inputs, outputs) + b"".join(onnx_model.field(5, one) for one in held)
    return (onnx_model.field(1, 8) + onnx_model.field(8, onnx_model.field(1, "") + onnx_model.field(2, opset)) +
            onnx_model.field(7, graph))


def three_layers():
    """Three convolutions of chance, opset 12."""
    chance = random.Random(1)

    def layer(name, given, taken):
        return weights(name, (given, taken, 3, 3), [chance.gauss(0, (taken * 9) ** -0.5) for _ in range(given * taken * 9)])
    nodes = [onnx_model.node("Conv", ["x", "a"], ["c"]), onnx_model.node("Relu", ["c"], ["d"]),
             onnx_model.node("Conv", ["d", "b"], ["e"]), onnx_model.node("Relu", ["e"], ["f"]),
             onnx_model.node("Conv", ["f", "g"], ["y"])]
    return with_weights(nodes, [onnx_model.port("x", (1, 3, 32, 32))], [onnx_model.port("y", (1, 8, 26, 26))],
                        [layer("a", 32, 3), layer("b", 32, 32), layer("g", 8, 32)], opset=12)


def cancelling():
    """y = (x0 + 1e6) - (x1 + 1e6): what rounding takes away is there again when the million is gone."""
    nodes = [onnx_model.node("Add", ["x", "k"], ["c"]), onnx_model.node("Conv", ["c", "w"], ["y"])]
    return with_weights(nodes, [onnx_model.port("x", (1, 2, 4, 4))], [onnx_model.port("y", (1, 1, 4, 4))],
                        [weights("w", (1, 2, 1, 1), [1, -1]), weights("k", (1, 2, 1, 1), [1e6, 1e6])])


def files_of(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


# --- help and what is typed wrong -------------------------------------------------------------------

@pytest.mark.parametrize("verb", [*COMMANDS, "report"])
def test_the_example_of_the_help_has_options_that_there_are(ebb, verb):
    answer = ebb("model", verb, "--help")
    assert answer.code == 0 and answer.err == "", answer
    said, example = answer.out.split("\nExample\n")
    assert f"ebb model {verb} " in example
    for word in example.split():
        assert not word.startswith("--") or f"  {word}" in said or f" {word} " in said, (word, answer)


@pytest.mark.parametrize("verb", COMMANDS)
def test_a_file_that_is_no_model_is_told_and_nothing_is_written(model, tmp_path, verb):
    (tmp_path / "cut.onnx").write_bytes(three_layers()[:20000])
    (tmp_path / "wrong.onnx").write_bytes(b"no model at all")
    (tmp_path / "empty.onnx").write_bytes(b"")
    (tmp_path / "folder.onnx").mkdir()
    before = files_of(tmp_path)
    cases = {"cut.onnx": (8, "cut.onnx: the file is no ONNX model, or only a part of one"),
             "wrong.onnx": (8, "wrong.onnx: the file is no ONNX model, or only a part of one"),
             "empty.onnx": (8, "empty.onnx: the file is empty"),
             "none.onnx": (3, "'none.onnx': No such file or directory"),
             "folder.onnx": (2, "folder.onnx is no file")}
    for name, (code, sentence) in cases.items():
        answer = model(verb, name, *COMMANDS[verb])
        assert answer.code == code and sentence in answer.err, (name, answer)
        assert answer.out == "" and answer.err.count("\n") == 1, (name, answer)
    assert files_of(tmp_path) == before


def test_what_is_mistyped_is_told_and_nothing_is_written(model, tmp_path):
    (tmp_path / "m.onnx").write_bytes(three_layers())
    (tmp_path / "empty").mkdir()
    before = files_of(tmp_path)
    cases = {
        "fold m.onnx --uot x": (2, "did you mean --out?"),
        "fold m.onnx --out m.onnx": (2, "'m.onnx' is the model itself: --out says where the new one goes"),
        "upgrade m.onnx -o empty/../m.onnx": (2, "is the model itself"),
        "fold m.onnx -o none/x.onnx": (3, "No such file or directory"),
        "bind m.onnx": (2, "nothing is bound: --set INPUT=NUMBER or --dim NAME=SIZE is missing"),
        "bind m.onnx --dim batch": (2, "--dim wants NAME=SIZE, like batch=1, not 'batch'"),
        "bind m.onnx --dim batch=1": (3, "no input of the model has an open size 'batch'"),
        "bind m.onnx --set sr=1": (3, "the model has no input 'sr'"),
        "upgrade m.onnx --opset 99": (2, "--opset wants a whole number from 13 to 17, not '99'"),
        "optimize m.onnx": (2, "--out DIR is missing: where the variants go"),
        "optimize m.onnx -o m.onnx": (2, "'m.onnx' is there and is no folder"),
        "optimize m.onnx -o out --ranges best": (2, "mean-min-max, percentile, mse or entropy, not 'best'"),
        "optimize m.onnx -o out --budget latncy<=5ms": (2, "`latncy` is nothing that is measured: did you mean `latency`?"),
        "optimize m.onnx -o out --agent empty": (2, "--agent says how samples are read: --data DIR is missing"),
        "optimize m.onnx -o out --secnds 1": (2, "did you mean --seconds?"),
        "quantize m.onnx": (2, "--data DIR is missing: numbers by chance have not the ranges of real samples"),
        "report empty": (3, "'empty' is not what `ebb model optimize` has made"),
        "optimize m.onnx -o out --data empty": (3, "'empty' has no samples: files NAME.npy, or folders"),
        "fold m.onnx --data empty": (3, "'empty' has no samples: files NAME.npy, or folders"),
        "fold m.onnx --data none": (3, "'none': No such file or directory"),
    }
    for words, (code, sentence) in cases.items():
        answer = model(*words.split())
        assert answer.code == code and sentence in answer.err and answer.out == "", (words, answer)
    assert files_of(tmp_path) == before


def test_no_library_is_told(ebb, tmp_path):
    (tmp_path / "m.onnx").write_bytes(three_layers())
    for verb in ("fold", "upgrade", "optimize"):
        answer = ebb("model", verb, "m.onnx", *COMMANDS[verb], folder=tmp_path,
                     environment={"EBB_ONNXRUNTIME": "/no/such/library.so"})
        assert answer.code == 3 and "load ONNX Runtime, EBB_ONNXRUNTIME: " in answer.err, answer
    assert list(files_of(tmp_path)) == ["m.onnx"]
    assert ebb("model", "inspect", tmp_path / "m.onnx").code == 0  # runs nothing


# --- inspect ----------------------------------------------------------------------------------------

def test_inspect_says_what_is_in_a_real_model(model):
    answer = model("inspect", there(FRONT), "--json")
    assert answer.code == 0 and answer.err == "", answer
    told = json.loads(answer.out)
    assert (told["file"], told["bytes"], told["opset"]) == (str(FRONT), FRONT.stat().st_size, 12)
    assert told["inputs"] == [{"name": "input:0", "type": "float32", "shape": [1, 128, 128, 3]}]
    assert [port["shape"] for port in told["outputs"]] == [[1, 512, 1], [1, 384, 1], [1, 512, 16], [1, 384, 16]]
    assert told["nodes"] == sum(told["operators"].values()) == 104 and told["bodies"] == 0
    assert told["weight_bytes"] >= told["quantizable_bytes"] > 0 and not told["external_data"]
    sizes = [layer["bytes"] for layer in told["layers"]]
    assert sizes == sorted(sizes, reverse=True) and sum(sizes) <= told["weight_bytes"]
    for words, lines in (((), 10), (("--all",), len(sizes))):
        text = model("inspect", FRONT, *words)
        assert text.code == 0 and text.out.count("% \n") + text.out.count(" %\n") == lines, text


def test_weights_of_more_than_two_gigabytes_lie_beside_the_file(model, tmp_path):
    count = 600_000_000
    held = (b"".join(onnx_model.field(1, size) for size in (count // 1000, 1000)) + onnx_model.field(2, onnx_model.FLOAT) +
            onnx_model.field(8, "w") + onnx_model.field(14, 1) +
            b"".join(onnx_model.field(13, onnx_model.field(1, key) + onnx_model.field(2, value))
                     for key, value in (("location", "w.data"), ("length", str(4 * count)))))
    made = with_weights([onnx_model.node("Gather", ["w", "i"], ["y"])], [onnx_model.port("i", (1,), onnx_model.INT64)],
                        [onnx_model.port("y", (1, 1000))], [held])
    (tmp_path / "m.onnx").write_bytes(made)
    (tmp_path / "w.data").touch()
    os.truncate(tmp_path / "w.data", 4 * count)  # a hole, which takes no place
    told = json.loads(model("inspect", "m.onnx", "--json").out)
    assert told["external_data"] and told["weight_bytes"] == 4 * count and told["bytes"] == len(made)
    os.truncate(tmp_path / "m.onnx", (2 << 30) + 1)
    answer = model("inspect", "m.onnx")
    assert answer.code != 0 and answer.out == "", answer
    assert "the file has more than 2 GiB: its weights belong into external data" in answer.err


def test_every_command_that_inspect_names_is_there(ebb, model):
    for path in (path for path in (FRONT, VOICE, READER) if there(path)):
        for chance in json.loads(model("inspect", path, "--json").out)["chances"]:
            words = chance["command"].split()
            assert words[:2] == ["ebb", "model"] and str(path) in words, chance
            help_text = ebb("model", words[2], "--help")
            assert help_text.code == 0, chance
            assert all(word in help_text.out for word in words if word.startswith("-")), chance


# --- one step ---------------------------------------------------------------------------------------

STEPS = {
    "fold": (FRONT, ["fold"], "fold"),
    "upgrade": (FRONT, ["upgrade", "--opset", "13"], "upgrade"),
    "bind": (VOICE, ["bind", "--set", "sr=16000", "--shape", "input=1x576"], "bind"),
}


@pytest.mark.parametrize("step", STEPS)
def test_a_step_on_a_real_model_loses_nothing(model, tmp_path, step):
    path, words, ending = STEPS[step]
    out = tmp_path / f"{there(path).stem}-{ending}.onnx"
    dry = model(words[0], path, *words[1:], "--dry-run", "--json")
    assert dry.code == 0 and files_of(tmp_path) == {}, dry
    answer = model(words[0], path, *words[1:], "--json")
    assert answer.code == 0 and answer.err == "", answer
    told = json.loads(answer.out)
    assert json.loads(dry.out) == told | {"written": False}
    assert told["file"] == out.name and told["written"] and told["by_chance"] and told["samples"] == 4
    assert told["same"] and told["sqnr_db"] is None and told["argmax"] == 1
    assert told["before"]["bytes"] == path.stat().st_size and told["after"]["bytes"] == out.stat().st_size
    seen = json.loads(model("inspect", out, "--json").out)
    assert seen["nodes"] == told["after"]["nodes"] <= told["before"]["nodes"]
    if step == "bind":
        assert told["branches"] >= 1 and seen["nodes"] < told["before"]["nodes"] // 2
        assert [port["name"] for port in seen["inputs"]] == ["input", "state"]
    if step == "upgrade":
        assert told["opset"] == seen["opset"] == 13


def test_a_reader_of_text_is_folded_for_people(model, tmp_path):
    answer = model("fold", there(READER), "--shape", "x=1x3x48x320", "-o", "small.onnx", patience=LONG)
    assert answer.code == 0 and answer.err == "", answer
    lines = answer.out.splitlines()
    assert lines[0].split() == ["NODES", "WEIGHTS", "FILE"] and lines[-1] == "small.onnx"
    before, after = (int(line.split()[1]) for line in lines[1:3])
    assert after < before and "on 4 samples by chance: " in answer.out
    assert (tmp_path / "small.onnx").stat().st_size <= READER.stat().st_size


def test_a_step_that_would_change_answers_writes_nothing(model, tmp_path):
    (tmp_path / "m.onnx").write_bytes(cancelling())
    (tmp_path / "there.onnx").write_bytes(b"as it was")
    before = files_of(tmp_path)
    for words in (["--out", "there.onnx"], ["--out", "new.onnx"], ["--dry-run"], ["--json"]):
        answer = model("fold", "m.onnx", *words)
        assert answer.code == 6 and "the new model answers otherwise (" in answer.err, answer
        assert answer.err.endswith("nothing was written\n") and answer.out == "", answer
    assert files_of(tmp_path) == before


def tensor(shape, chance):
    """A file of numpy's with numbers from -1 to 1."""
    count = 1
    for size in shape:
        count *= size
    head = str({"descr": "<f4", "fortran_order": False, "shape": shape}).encode()
    head += b" " * (63 - (10 + len(head)) % 64) + b"\n"
    return (b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head +
            struct.pack(f"<{count}f", *[chance.uniform(-1, 1) for _ in range(count)]))


def test_what_is_told_to_be_quantised_is_and_the_rest_stays(model, tmp_path):
    chance = random.Random(2)
    (tmp_path / "m.onnx").write_bytes(three_layers())
    (tmp_path / "data").mkdir()
    for number in range(12):
        (tmp_path / "data" / f"{number}.npy").write_bytes(tensor((1, 3, 32, 32), chance))
    answer = model("quantize", "m.onnx", "--data", "data", "--keep", "c", "--json")
    assert answer.code == 0 and answer.err == "", answer
    told = json.loads(answer.out)
    assert (told["layers"], told["left"], told["by_chance"]) == (2, 1, False)
    assert 0 < told["samples"] < 12  # those that nothing was adapted to
    assert told["file"] == "m-int8.onnx" and not told["same"] and told["sqnr_db"] > 15
    seen = json.loads(model("inspect", "m-int8.onnx", "--json").out)
    assert seen["opset"] == 13 and seen["operators"]["Conv"] == 3
    assert told["after"]["bytes"] == (tmp_path / "m-int8.onnx").stat().st_size < 0.6 * told["before"]["bytes"]


# --- optimize ---------------------------------------------------------------------------------------

class Page(html.parser.HTMLParser):
    """Says whether all that is opened is closed."""
    def __init__(self, text):
        super().__init__()
        self.open, self.said, self.names, self.pictures = [], "", [], 0
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.names.append(tag)
        for name, value in attrs:
            assert name != "href" and (name != "src" or value.startswith("data:image/jpeg;base64,")), "needs only itself"
            assert not name.startswith("on") and tag not in ("script", "link", "iframe")
            self.pictures += name == "src"
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open and self.open.pop() == tag, (tag, self.getpos())

    def handle_data(self, data):
        self.said += data


def check_folder(folder, told):
    """What the command said is what lies there."""
    assert json.loads((folder / "optimize.json").read_text()) == told
    page = Page((folder / "report.html").read_text())
    assert page.open == [] and page.names[0] == "html" and f"Use {told['use']}" in page.said
    shown = [one for variant in told["variants"] if variant["changed"] for one in variant["changed"]["shown"]]
    pictures = [one["picture"] for one in shown if one["picture"]]
    assert page.pictures == len(pictures) and all(one["sample"] in page.said for one in shown)
    assert all((folder / picture).read_bytes().startswith(b"\xff\xd8\xff") for picture in pictures)
    manifest = (folder / "variants.yaml").read_text()
    assert f"\nuse: {told['use']}\n" in manifest
    for variant in told["variants"]:
        assert f"{variant['name']}: {variant['how']}" in page.said
        assert (f"file: {variant['name']}.onnx" in manifest) == variant["offered"]
        if variant["offered"]:
            assert (folder / variant["file"]).stat().st_size == variant["cost"]["size"] > 0
            assert variant["cost"]["latency_p50"] > 0 and variant["cost"]["rss"] > 1 << 20
        else:
            assert variant["why_not"] and f"refused: {variant['why_not']}" in page.said
    assert {path.name for path in folder.glob(".*")} == set()


def photographs(folder):
    for part, names in PARTS.items():
        (folder / part).mkdir(parents=True)
        for name in names:
            shutil.copy(there(PHOTOGRAPHS / name, "tools/fetch-photographs"), folder / part)


def test_faces_with_photographs_get_variants_a_report_and_reasons(model, tmp_path):
    photographs(tmp_path / "data")
    (tmp_path / "agent").mkdir()
    (tmp_path / "agent" / "agent.yaml").write_text(AGENT)
    shutil.copy(there(FRONT), tmp_path / "agent" / "model.onnx")
    answer = model("optimize", "agent/model.onnx", "--data", "data", "--agent", "agent", "--seconds", 1, "--json", "-o",
                   "out", "--budget", "drift.sqnr>=200dB", patience=LONG)  # no whole numbers are as near
    assert answer.code == 0 and answer.err == "", answer
    told = json.loads(answer.out)
    variants = {variant["name"]: variant for variant in told["variants"]}
    blocks = ["blocked"] if os.uname().machine == "x86_64" else []  # of channels; ONNX Runtime has none elsewhere
    assert list(variants) == ["original", "folded", *blocks, "int8", "float16"]
    assert told["samples"] == 1 and told["keeps_budget"]
    assert variants["original"]["changed"]["shown"] == []
    assert all(one["sample"] == "evaluation/grace_hopper.jpg" and one["picture"] == "changed/1.jpg"
               for variant in told["variants"] if variant["changed"] for one in variant["changed"]["shown"])
    assert not variants["int8"]["offered"]
    assert variants["int8"]["why_not"].endswith("models that were tried answers closely enough")
    assert (tmp_path / "out" / "original.onnx").stat().st_size == FRONT.stat().st_size
    check_folder(tmp_path / "out", told)
    page = (tmp_path / "out" / "report.html").read_text()
    (tmp_path / "out" / "report.html").unlink()
    again = model("report", "out")
    assert again.code == 0 and "int8: refused: " in again.out, again
    assert again.out.endswith("out/variants.yaml, out/report.html\n"), again
    assert (tmp_path / "out" / "report.html").read_text() == page
    assert json.loads(model("report", "out", "--json").out) == told
    shutil.rmtree(tmp_path / "data")  # a report needs the samples no more, and no name in it leads elsewhere
    (tmp_path / "out").rename(tmp_path / "moved")
    told["variants"][3]["changed"] = {"samples": 1, "changed": 1, "has_answers": True, "shown": [
        {"sample": "<img src=x>", "rows": 1, "rows_changed": 1, "picture": "../agent/model.onnx"}]}
    (tmp_path / "moved" / "optimize.json").write_text(json.dumps(told))
    assert model("report", "moved").code == 0
    assert "<img src=x>" in Page((tmp_path / "moved" / "report.html").read_text()).said


def test_whole_numbers_are_offered_where_they_are_good(model, tmp_path):
    (tmp_path / "m.onnx").write_bytes(three_layers())
    answer = model("optimize", "m.onnx", "--seconds", 1, "--json", "-o", "out", "--budget",
                   "drift.sqnr>=15dB; minimise size", patience=LONG)
    assert answer.code == 0 and answer.err == "", answer
    told = json.loads(answer.out)
    original, _, small, _ = told["variants"]
    assert told["use"] == "int8" and told["keeps_budget"] and told["samples"] == 4
    assert small["offered"] and small["keeps_budget"] and small["cost"]["size"] < original["cost"]["size"]
    assert small["cost"]["drift.sqnr"] >= 15
    whole, left = (int(part.split()[0]) for part in small["how"].split(", ")[:2])  # which of them, times decide
    assert whole >= 1 and whole + left == 3 and left == sum(layer["stays_float"] for layer in told["layers"]), small
    assert [layer["operator"] for layer in told["layers"]] == ["Conv"] * 3
    assert any(tried["close_enough"] and tried["float_layers"] == 0 for tried in told["tries"])
    check_folder(tmp_path / "out", told)


def test_a_variant_that_would_change_answers_is_refused(model, tmp_path):
    (tmp_path / "m.onnx").write_bytes(cancelling())
    answer = model("optimize", "m.onnx", "--seconds", 1, "-o", "out", patience=LONG)
    assert answer.code == 0 and answer.err == "", answer
    assert "folded: refused: it answers otherwise: " in answer.out
    assert answer.out.splitlines()[-1] == "out/variants.yaml, out/report.html"
    check_folder(tmp_path / "out", json.loads((tmp_path / "out" / "optimize.json").read_text()))
    assert not (tmp_path / "out" / "folded.onnx").exists()


def children_of(pid):
    """Processes called ebb-measure whose parent it is."""
    found = []
    for entry in pathlib.Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            name, rest = (entry / "stat").read_text().split("(", 1)[1].rsplit(")", 1)
            if name == "ebb-measure" and int(rest.split()[1]) == pid:
                found.append(int(entry.name))
    return found


def is_running(pid):
    """False also for one that has ended and that nobody has asked for."""
    with contextlib.suppress(OSError):
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    return False


def test_interrupted_it_leaves_no_child_and_no_half_of_a_file(ebb, model, tmp_path):
    (tmp_path / "m.onnx").write_bytes(three_layers())
    work = subprocess.Popen([devices.EBB, "model", "optimize", "m.onnx", "-o", "out", "--seconds", "600"], cwd=tmp_path,
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            env=devices.clean_environment(model.environment), start_new_session=True)
    try:
        opened = devices.until("a model is measured", lambda: children_of(work.pid), patience=LONG)
        work.send_signal(signal.SIGINT)
        assert work.wait(timeout=devices.PATIENCE) == 130  # as a shell says it
        assert work.stderr.read() == b"ebb: ended; the same command goes on from there\n"
        devices.until("its children have ended", lambda: not any(is_running(pid) for pid in opened))
    finally:
        devices.kill_group(work)
        work.communicate()
    left = sorted(os.listdir(tmp_path / "out"))
    assert "original.onnx" in left and "variants.yaml" not in left and "report.html" not in left
    for name in set(left) - {".search.json", ".ranges.json"}:
        assert not name.startswith(".") and name.endswith(".onnx") and ebb("model", "inspect", tmp_path / "out" / name).code == 0, name


def test_killed_in_the_middle_it_goes_on_where_it_was(model, tmp_path):
    (tmp_path / "m.onnx").write_bytes(three_layers())
    words = [devices.EBB, "model", "optimize", "m.onnx", "-o", "out", "--seconds", "1", "--budget", "drift.sqnr>=15dB",
             "--json"]
    journal = tmp_path / "out" / ".search.json"

    def layers_known():
        return journal.exists() and sum(one is not None for one in json.loads(journal.read_text())["layers"])

    work = subprocess.Popen(words, cwd=tmp_path, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            env=devices.clean_environment(model.environment), start_new_session=True)
    try:
        devices.until("whole models are tried", lambda: layers_known() == 3 and json.loads(journal.read_text())["tries"],
                      patience=LONG)
    finally:
        devices.kill_group(work)
        work.communicate()
    before = json.loads(journal.read_text())
    damaged = tmp_path / "damaged"
    shutil.copytree(tmp_path / "out", damaged)
    again = model(*words[2:], patience=LONG)
    assert again.code == 0, again
    models = len(before["tries"])
    assert again.err == f"ebb: goes on after 3 of 3 layers and {models} whole model{'' if models == 1 else 's'}\n", again
    told = json.loads(again.out)
    assert [layer["sqnr_db"] for layer in told["layers"]] == pytest.approx(before["layers"])
    assert told["tries"][0]["cost"] == pytest.approx(before["tries"][0]["numbers"][1])
    check_folder(tmp_path / "out", told)

    (damaged / ".search.json").write_text(journal_text := json.dumps(before)[:-9])
    for more, said in (([], "ebb: begins anew: what an earlier search has left is damaged\n"), (["--again"], "")):
        (damaged / ".search.json").write_text(journal_text)
        answer = model("optimize", "m.onnx", "-o", "damaged", "--seconds", "1", *more, patience=LONG)
        assert answer.code == 0 and answer.err == said, answer
        assert {path.name for path in damaged.glob(".*")} == set()
