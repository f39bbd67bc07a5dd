# SPDX-License-Identifier: Apache-2.0
"""What measurements of models have together: where models and libraries are, how ebb is run, how a line is printed."""
import json
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("EBB_BUILD", ROOT / "build")).resolve()
DATA = ROOT / "build" / "data"
MACHINE = os.uname().machine
NODE = {"x86_64": "x64", "aarch64": "arm64"}.get(MACHINE, MACHINE)
RUNTIMES = {"1.28": DATA / f"onnxruntime-{MACHINE}" / "libonnxruntime.so",
            "1.30": DATA / "onnxruntime-node" / "bin" / "napi-v6" / "linux" / NODE / "libonnxruntime.so.1"}
NAME = pathlib.Path(sys.argv[0]).name


def complain(sentence):
    """Ends."""
    sys.exit(f"{NAME}: {sentence}")


def say(text):
    """What else there is to know."""
    print(text, file=sys.stderr, flush=True)


def make(tool, *words):
    """What a program of tools/ fetches or makes; quick when it is there."""
    if subprocess.run([ROOT / "tools" / tool, *words], stdout=sys.stderr, check=False).returncode != 0:
        complain(f"tools/{tool} {' '.join(map(str, words))} failed")


def fetch(*what):
    """Packages of tools/fetch-npm."""
    make("fetch-npm", *what)


def run(*words, runtime="1.30"):
    """What a command prints; it ends here when the command fails."""
    done = subprocess.run([str(word) for word in words], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
                          env=dict(os.environ, EBB_ONNXRUNTIME=str(RUNTIMES[runtime])))
    if done.returncode != 0:
        complain(f"{words[0]} {words[1]} ended with {done.returncode}: {done.stderr.strip()}")
    return done.stdout


def ebb_model(*words, runtime="1.30"):
    """The value that `ebb model` answers with."""
    return json.loads(run(BUILD / "ebb", "model", *words, "--json", runtime=runtime))


def side_by_side(changed, original, *words, runtime="1.30", seconds=8):
    """What a model takes, and what the one does that it was made of, measured in turn."""
    rows = ebb_model("bench", changed, "--against", original, "--seconds", seconds, *words, runtime=runtime)["variants"]
    if not rows[1]["usable"]:
        complain(f"{changed} is unusable: {rows[1]['why']}")
    return rows[1], rows[0]


def line(name, ours, peer, good):
    """The one line that counts."""
    print(f"{name} {ours:.4g} {peer:.4g} {ours / peer:.3g}{'' if good else ' missed'}", flush=True)


def line_of_times(name, sides, most):
    """Median latencies in milliseconds. The figure is kept by the ratio of wall times, taken round by round, or where the
    machine is too busy to know that to a tenth, by that of the CPU's times; both are printed."""
    ours, peer = sides
    wall, cpu = ours["ratio"], ours["cpu_ratio"]
    sure = wall["high"] - wall["low"] < 0.1 * wall["middle"]
    print(f"{name} {ours['latency_p50_ms']:.4g} {peer['latency_p50_ms']:.4g} {wall['middle']:.3f}"
          f"{'' if (wall if sure else cpu)['middle'] <= most else ' missed'}", flush=True)
    print(f"{name}_cpu {ours['cpu_ms']:.4g} {peer['cpu_ms']:.4g} {cpu['middle']:.3f}", flush=True)


def main(names, deed):
    """`--names` lists the lines; otherwise all of them are measured."""
    if sys.argv[1:] == ["--names"]:
        print(" ".join(names))
    else:
        deed()
