# SPDX-License-Identifier: Apache-2.0
"""`ebb model quantize --dynamic`, and the variant of `ebb model optimize`: large products of matrices, and none."""
import json
import random

import onnx_model
import test_model as models

model = models.model
SIDE, LAYERS = 512, 3


def products(side=SIDE, layers=LAYERS):
    """Products of matrices one after another, each as large as its side."""
    chance = random.Random(1)
    shades = [chance.gauss(0, side ** -0.5) for _ in range(1009)]
    names = ["x", *(f"h{number}" for number in range(1, layers)), "y"]
    nodes = [onnx_model.node("MatMul", [names[number], f"w{number}"], [names[number + 1]]) for number in range(layers)]
    held = [models.weights(f"w{number}", (side, side), (shades * (side * side // 1009 + 1))[number:][:side * side])
            for number in range(layers)]
    return models.with_weights(nodes, [onnx_model.port("x", (1, side))], [onnx_model.port("y", (1, side))], held)


def test_large_products_are_faster_with_ranges_that_each_run_finds(model, tmp_path):
    (tmp_path / "m.onnx").write_bytes(products())
    answer = model("quantize", "--dynamic", "m.onnx", "--json", patience=models.LONG)
    assert answer.code == 0 and answer.err == "", answer
    told = json.loads(answer.out)
    assert (told["file"], told["products"], told["recurrences"], told["left"]) == ("m-dynamic.onnx", LAYERS, 0, 0)
    assert told["time_ratio"] < 0.9 and told["sqnr_db"] > 15 and told["by_chance"], told
    assert told["after"]["bytes"] < 0.3 * told["before"]["bytes"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["m-dynamic.onnx", "m.onnx"]


def test_optimize_tries_it_where_there_is_a_large_product(model, tmp_path):
    (tmp_path / "m.onnx").write_bytes(products())
    answer = model("optimize", "m.onnx", "--seconds", "1", "--json", "-o", "out", patience=models.LONG)
    assert answer.code == 0, answer
    found = {variant["name"]: variant for variant in json.loads(answer.out)["variants"]}
    assert list(found) == ["original", "folded", "int8", "dynamic", "float16"] and found["dynamic"]["offered"], found


def test_what_gains_nothing_is_refused_and_nothing_is_written(model, tmp_path):
    (tmp_path / "m.onnx").write_bytes(products(16, 2))
    before = models.files_of(tmp_path)
    cases = {
        "m.onnx": "no product of matrices has constant weights of 65536 numbers and more, nor an LSTM: 2 smaller ones",
        "m.onnx --ranges mse": "--dynamic finds ranges in each run",
        "m.onnx --keep y": "--ranges, --keep and --plain are not for it",
    }
    for words, sentence in cases.items():
        answer = model("quantize", "--dynamic", *words.split())
        assert answer.code == 2 and sentence in answer.err and answer.out == "", (words, answer)
    assert models.files_of(tmp_path) == before
