# SPDX-License-Identifier: Apache-2.0
"""`ebb model prune`: channels that go and weights that become zero, on networks that can lose some and on one that cannot."""
import json
import random
import struct

import onnx_model
import test_model as models

model = models.model
CHANNELS, SIDE = 32, 32


def twins(chance, given, taken, noise):
    """Filters of which each second one is nearly the one before it."""
    rows = []
    for number in range(given):
        fresh = [chance.gauss(0, (taken * 9) ** -0.5) for _ in range(taken * 9)]
        rows.append(fresh if number % 2 == 0 else [weight + noise * other for weight, other in zip(rows[-1], fresh)])
    return [weight for row in rows for weight in row]


def network(noise=0.01):
    """Three convolutions; of the channels between them half say what the others say."""
    chance = random.Random(1)
    nodes = [onnx_model.node("Conv", ["x", "a"], ["c"]), onnx_model.node("Relu", ["c"], ["d"]),
             onnx_model.node("Conv", ["d", "b"], ["e"]), onnx_model.node("Relu", ["e"], ["f"]),
             onnx_model.node("Conv", ["f", "g"], ["y"])]
    held = [models.weights(name, (given, taken, 3, 3), twins(chance, given, taken, noise))
            for name, given, taken in (("a", CHANNELS, 1), ("b", CHANNELS, CHANNELS), ("g", 8, CHANNELS))]
    return models.with_weights(nodes, [onnx_model.port("x", (1, 1, SIDE, SIDE))], [onnx_model.port("y", (1, 8, 26, 26))], held)


def alone():
    """One convolution, whose channels the caller sees."""
    held = [models.weights("w", (8, 1, 3, 3), [random.Random(4).gauss(0, 1) for _ in range(72)])]
    return models.with_weights([onnx_model.node("Conv", ["x", "w"], ["y"])], [onnx_model.port("x", (1, 1, SIDE, SIDE))],
                               [onnx_model.port("y", (1, 8, 30, 30))], held)


def samples(folder, count=6):
    chance = random.Random(2)
    for part in ("calibration", "selection", "evaluation"):
        (folder / part).mkdir(parents=True)
        for number in range(count):
            (folder / part / f"{number}.npy").write_bytes(models.tensor((1, 1, SIDE, SIDE), chance))


def pictures(path, count):
    path.write_bytes(struct.pack(">IIII", 0x803, count, SIDE, SIDE) + random.Random(3).randbytes(count * SIDE * SIDE))


def test_half_of_the_channels_go_and_the_answers_stay_near(model, tmp_path):
    (tmp_path / "m.onnx").write_bytes(network())
    samples(tmp_path / "data")
    dry = model("prune", "m.onnx", "--data", "data", "--json", "--dry-run", patience=models.LONG)
    assert dry.code == 0 and sorted(path.name for path in tmp_path.iterdir()) == ["data", "m.onnx"], dry
    answer = model("prune", "m.onnx", "--data", "data", "--json", patience=models.LONG)
    assert answer.code == 0 and answer.err == "", answer
    told = json.loads(answer.out)
    assert (told["file"], told["written"], told["samples"], told["refit_samples"]) == ("m-pruned.onnx", True, 6, 6)
    assert (told["gone"], told["free"]) == (CHANNELS, 2 * CHANNELS) and told["refitted"] == told["layers"] == 2
    assert told["sqnr_db"] > 20 and told["time_ratio"] < 0.8, told
    assert told["after"]["bytes"] == (tmp_path / "m-pruned.onnx").stat().st_size < 0.5 * told["before"]["bytes"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "m-pruned.onnx", "m.onnx"]
    again = json.loads(dry.out) | {"written": True, "time_ratio": told["time_ratio"]}
    assert again == told


def test_pictures_of_an_idx_file_are_samples(model, tmp_path):
    (tmp_path / "m.onnx").write_bytes(network())
    (tmp_path / "data").mkdir()
    pictures(tmp_path / "data" / "few-images-idx3-ubyte", 40)
    for where in ("data", "data/few-images-idx3-ubyte"):
        answer = model("prune", "m.onnx", "--data", where, "--share", "0.5", "-o", "new.onnx", patience=models.LONG)
        assert answer.code == 0 and answer.err == "", answer
        assert "32 of 72 channels are gone, 64 could; 2 of 2 layers" in answer.out and "the original's time (CPU" in answer.out
    pictures(tmp_path / "data" / "more-images-idx3-ubyte", 40)
    answer = model("fold", "m.onnx", "--data", "data")
    assert answer.code == 2 and "are both pictures: name the file that is meant" in answer.err, answer


def test_what_only_compresses_better_is_said_to(model, tmp_path):
    (tmp_path / "m.onnx").write_bytes(network(noise=0.5))
    answer = model("prune", "m.onnx", "--unstructured", "--share", "0.75", "--json")
    assert answer.code == 0 and answer.err == "", answer
    told = json.loads(answer.out)
    assert told["zeros"] == round(0.75 * told["weights"]) and told["time_ratio"] is None
    assert told["compressed_after"] < 0.6 * told["compressed_before"]
    assert abs(told["after"]["bytes"] - told["before"]["bytes"]) < 256
    text = model("prune", "m.onnx", "--unstructured", "--share", "0.75", "--global")
    assert text.code == 0 and "as fast as before, and as large in memory" in text.out, text


def test_what_gains_nothing_is_refused_and_nothing_is_written(model, tmp_path):
    (tmp_path / "m.onnx").write_bytes(network())
    (tmp_path / "alone.onnx").write_bytes(alone())
    samples(tmp_path / "data")
    (tmp_path / "there.onnx").write_bytes(b"as it was")
    before = models.files_of(tmp_path)
    cases = {
        "m.onnx": (2, "--data DIR is missing: numbers by chance say nothing of what a channel is worth"),
        "m.onnx --data data --share 1": (2, "--share wants a number from 0 up to but not including 1"),
        "m.onnx --data data --share half": (2, "like 0.5, not 'half'"),
        "m.onnx --data data --multiple 0": (2, "--multiple wants a whole number from 1 to 256"),
        "m.onnx --data data --global": (2, "--global is for --unstructured"),
        "m.onnx --unstructured --samples 3": (2, "--multiple and --samples are for whole channels"),
        "m.onnx --data data --share 0": (2, "no channel goes: of 72 channels 64 could"),
        "m.onnx --data data --multiple 32": (2, "in multiples of 32 is none"),
        "alone.onnx --data data": (2, "no channel can go: all 8 reach the model's outputs, or an operator through which they cannot be followed; most end at Conv"),
        "m.onnx --unstructured --share 0": (6, "compressed the new model is not smaller"),
        "m.onnx --data data -o none/x.onnx": (3, "No such file or directory"),
        "m.onnx --data data -o m.onnx": (2, "is the model itself"),
        "none.onnx --unstructured": (3, "'none.onnx': No such file or directory"),
    }
    for words, (code, sentence) in cases.items():
        answer = model("prune", *words.split(), "--out", "there.onnx") if "-o" not in words else model("prune", *words.split())
        assert answer.code == code and sentence in answer.err and answer.out == "", (words, answer)
    assert models.files_of(tmp_path) == before
