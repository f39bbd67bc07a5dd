# SPDX-License-Identifier: Apache-2.0
"""What the measurements on Fashion-MNIST have together: its files, the network that learned from all of it, judges.

What is made once is kept in the build folder, in distill/; the network takes some minutes.
"""
import gzip
import pathlib

import measure
from measure import BUILD, say

KEPT = BUILD / "distill"
FOLDER = pathlib.Path("/usr/share/datasets/fashion-mnist")
TEACHER_PASSES = 4


def run(*words):
    """What a command prints; it ends here when the command fails."""
    return measure.run(*words, runtime="1.28").strip()


def bench(*words):
    """The half of the measurement that is C."""
    return run(BUILD / "bench" / "distill_bench", *words)


def ebb(*words):
    """The command line."""
    return run(BUILD / "ebb", *words)


def once(path, make):
    """A file that is made once; half of one never has its name."""
    if not path.exists():
        KEPT.mkdir(parents=True, exist_ok=True)
        started = path.with_suffix(".new" + path.suffix)
        say(f"{path.name}: {make(started)}")
        started.rename(path)
    return path


def unpack(name):
    """A file of the package dataset-fashion-mnist, without its compression."""
    def make(path):
        path.write_bytes(gzip.decompress((FOLDER / f"{name}.gz").read_bytes()))
        return f"{path.stat().st_size:,} bytes"
    return once(KEPT / name, make)


def is_here():
    """Whether the data set is installed."""
    if not FOLDER.exists():
        say(f"{measure.NAME}: the package dataset-fashion-mnist is not installed")
    return FOLDER.exists()


def train():
    """Pictures and labels to learn from."""
    return unpack("train-images-idx3-ubyte"), unpack("train-labels-idx1-ubyte")


def test():
    """Pictures and labels that nothing was chosen by."""
    return unpack("t10k-images-idx3-ubyte"), unpack("t10k-labels-idx1-ubyte")


def network():
    """A network of 313,000 weights, two layers of filters and two of units, that learned from all 60,000 labels."""
    return once(KEPT / "fashion-teacher.onnx", lambda path: bench("teach-image", *train(), TEACHER_PASSES, path))


def judged(line):
    """Of "examples N student A teacher B agreement C": the numbers by name."""
    words = line.split()
    return dict(zip(words[::2], map(float, words[1::2])))


def judge(ours, other):
    """How often both are right about the test pictures, and say the same."""
    return judged(bench("judge-image", ours, other, *test()))
