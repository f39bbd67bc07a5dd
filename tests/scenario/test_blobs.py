# SPDX-License-Identifier: Apache-2.0
"""Blobs: watched files that results attach, kept under their hash, through a kill, and given back."""
import hashlib
import io
import os

import pytest
from PIL import Image

import device as devices

PICTURES = """\
ebb: 1
workflow: pictures
trigger: { watch: { path: INBOX, glob: "*.png", after: delete } }
durability: { runs: each, results: each }
results:
  - name: seen
    from: { name: "${ .event.name }" }
    attach:
      picture: { from: "${ .event.image }", as: image/png, max: 1MiB, keep: KEEP }
"""
PNG = b"\x89PNG\r\n\x1a\n"


def blobs(device):
    folder = device.data / "blobs"
    return sorted(os.listdir(folder)) if folder.exists() else []


def hash_of(content):
    return hashlib.blake2b(content, digest_size=16).hexdigest()


def drop_picture(device, name, content):
    (device.inbox / name).write_bytes(content)


def test_an_attachment_outlives_its_file_and_a_kill(device):
    device.workflow("pictures", PICTURES.replace("KEEP", "1h"))
    device.start()
    contents = {f"{number}.png": PNG + os.urandom(5000) for number in range(20)}
    for name, content in contents.items():
        drop_picture(device, name, content)
    device.wait_results(20)
    device.kill()
    device.start()
    assert blobs(device) == sorted(hash_of(content) for content in contents.values())
    devices.until("the files are deleted", lambda: not os.listdir(device.inbox))
    results = device.cli("result", "list", "--all", "--json").lines()
    assert len(results) == 20
    for result in results:
        folder = device.folder / "saved" / result["result"]["name"]
        answer = device.cli("result", "save", result["id"], "--to", folder)
        assert answer.code == 0, answer
        assert (folder / "picture.png").read_bytes() == contents[result["result"]["name"]]


def test_a_picture_becomes_a_jpeg_that_is_small_enough(device):
    device.workflow("pictures", PICTURES.replace("as: image/png, max: 1MiB", "as: image/jpeg, max: 20KiB")
                    .replace("KEEP", "1h"))
    device.start()
    picture = Image.effect_noise((640, 480), 90)
    picture.save(device.inbox / "new.png")
    device.wait_results(1)
    result = device.cli("result", "list", "--json").lines()[0]
    device.cli("result", "save", result["id"], "--to", device.folder)
    saved = (device.folder / "picture.jpg").read_bytes()
    assert len(saved) <= 20 << 10
    assert Image.open(io.BytesIO(saved)).size in ((640, 480), (320, 240), (160, 120))


def test_the_same_picture_is_kept_once(device):
    device.workflow("pictures", PICTURES.replace("KEEP", "1h"))
    device.start()
    for number in range(3):
        drop_picture(device, f"{number}.png", PNG + b"the same")
    device.wait_results(3)
    assert blobs(device) == [hash_of(PNG + b"the same")]


def test_an_attachment_goes_when_its_time_is_over(device):
    device.workflow("pictures", PICTURES.replace("KEEP", "1s"))
    device.start()
    drop_picture(device, "a.png", PNG)
    device.wait_results(1)
    devices.until("the attachment goes", lambda: not blobs(device), patience=90)
    result = device.cli("result", "list", "--json").lines()[0]
    answer = device.cli("result", "save", result["id"])
    assert answer.code != 0
    assert "a blob is gone" in answer.err


def test_a_result_without_attachments_says_so(device):
    device.workflow("plain", "ebb: 1\nworkflow: plain\ntrigger: { watch: { path: INBOX } }\n"
                             "results: [ { name: out, from: { n: 1 } } ]\n")
    device.start()
    drop_picture(device, "a", b"x")
    device.wait_results(1)
    result = device.cli("result", "list", "--json").lines()[0]
    answer = device.cli("result", "save", result["id"])
    assert answer.code != 0
    assert "has no attachment" in answer.err


def test_a_blob_that_is_none_is_refused(device):
    device.start()
    assert device.ask("GET", "/v1/blobs/xyz")[0] == 400
    assert device.ask("GET", "/v1/blobs/" + "0" * 32)[0] == 404
    assert device.ask("GET", "/v1/blobs")[0] == 404


TURN = """\
ebb: 1
agent: turn
version: 1.0.0
summary: Turns the bytes of a file round, after the first eight.
kind: process
command: [./turn]
MODE
inputs: { image: { type: image } }
outputs: { image: { type: image }, bytes: { type: integer } }
"""
LINES = """\
#!/usr/bin/python3
import json, os, sys, time
for line in sys.stdin:
    image = json.loads(line)["image"]
    content = open(image["blob"], "rb").read()
    assert len(content) == image["bytes"] and image["type"] == "image/png", image
    time.sleep(SECONDS)
    folder = os.path.dirname(image["blob"])
    with open(os.path.join(folder, "out.png"), "wb") as out:
        out.write(content[:8] + content[:7:-1])
    print(json.dumps({"image": {"$file": "out.png"}, "bytes": len(content)}), flush=True)
"""
MESSAGES = f"""\
#!/usr/bin/python3
import os, sys
sys.path.insert(0, {str(devices.ROOT / "helpers" / "python")!r})
import ebb_agent

@ebb_agent.agent
def turn(inputs, call):
    content = open(inputs["image"]["blob"], "rb").read()
    with open(os.path.join(call.dir, "out.png"), "wb") as out:
        out.write(content[:8] + content[:7:-1])
    return {{"image": {{"$file": "out.png"}}, "bytes": len(content)}}

ebb_agent.run(threads=4)
"""
ONCE = """\
#!/usr/bin/python3
import json, os, sys
image = json.load(sys.stdin)["image"]
content = open(os.path.basename(image["blob"]), "rb").read()
open("out.png", "wb").write(content[:8] + content[:7:-1])
print(json.dumps({"image": {"$file": "out.png"}, "bytes": len(content)}))
"""
TURNED = """\
ebb: 1
workflow: turned
trigger: { watch: { path: INBOX } }
durability: { runs: each, results: each }
steps:
  - id: turn
    agent: turn
    with: { image: "${ .event.image }" }
  - id: again
    needs: [turn]
    agent: turn
    with: { image: "${ .steps.turn.image }" }
results:
  - name: both
    from: { bytes: "${ .steps.again.bytes }" }
    attach:
      once: { from: "${ .steps.turn.image }" }
      twice: { from: "${ .steps.again.image }" }
"""


def turner(device, mode, script):
    device.agent("turn", TURN.replace("MODE", mode), turn=script)
    os.chmod(device.agents / "turn" / "turn", 0o755)
    device.workflow("turned", TURNED)


def assert_turned(device, contents):
    results = device.cli("result", "list", "--all", "--json").lines()
    assert len(results) == len(contents)
    seen = []
    for result in results:
        folder = device.folder / "saved" / result["id"]
        answer = device.cli("result", "save", result["id"], "--to", folder)
        assert answer.code == 0, answer
        once, twice = (folder / "once.png").read_bytes(), (folder / "twice.png").read_bytes()
        assert once == twice[:8] + twice[:7:-1]
        seen.append(twice)
    assert sorted(seen) == sorted(contents)


@pytest.mark.parametrize("mode, script", [("protocol: lines", LINES.replace("SECONDS", "0")), ("mode: once", ONCE),
                                          ("protocol: messages", MESSAGES)], ids=["lines", "once", "messages"])
def test_programs_read_and_write_files(device, mode, script):
    turner(device, mode, script)
    device.start()
    contents = [PNG + os.urandom(1000) for _ in range(5)]
    for number, content in enumerate(contents):
        drop_picture(device, f"{number}.png", content)
    device.wait_results(5)
    assert_turned(device, contents)
    devices.until("no run's folder is left", lambda: not os.listdir(device.data / "work"))


@pytest.mark.parametrize("mode, script", [("protocol: lines", LINES.replace("SECONDS", "0")), ("mode: once", ONCE)],
                         ids=["lines", "once"])
def test_an_agent_is_tried_on_a_file(ebb, tmp_path, mode, script):
    agent = tmp_path / "agents" / "turn"
    agent.mkdir(parents=True)
    (agent / "agent.yaml").write_text(TURN.replace("MODE", mode))
    (agent / "turn").write_text(script)
    os.chmod(agent / "turn", 0o755)
    content = PNG + os.urandom(100)
    (tmp_path / "in.png").write_bytes(content)
    answer = ebb("agent", "run", "turn", "--file", "image=in.png", "--save", "out", folder=tmp_path)
    assert answer.code == 0, answer
    assert answer.lines() == [{"image": {"type": "image/png", "bytes": 108}, "bytes": 108}]
    assert answer.err == "ebb: wrote out/image.png\n"
    assert (tmp_path / "out" / "image.png").read_bytes() == content[:8] + content[:7:-1]


@pytest.mark.parametrize("word, sentence", [("image", "--file wants an input and a file"), ("im-age=in.png", "--file wants"),
                                            ("image=none.png", "open 'none.png'"), ("sound=in.png", "no field 'sound'")])
def test_a_file_that_is_no_input_is_refused(ebb, tmp_path, word, sentence):
    agent = tmp_path / "agents" / "turn"
    agent.mkdir(parents=True)
    (agent / "agent.yaml").write_text(TURN.replace("MODE", "mode: once"))
    (agent / "turn").write_text(ONCE)
    os.chmod(agent / "turn", 0o755)
    (tmp_path / "in.png").write_bytes(PNG)
    answer = ebb("agent", "run", "turn", "--file", word, folder=tmp_path)
    assert answer.code in (2, 3) and sentence in answer.err, answer


def test_a_kept_output_has_its_blob_after_a_kill(device):
    """Each step takes longer than what is repeated: the second goes on from the first one's picture."""
    turner(device, "protocol: lines", LINES.replace("SECONDS", "0.3"))
    device.start()
    contents = [PNG + os.urandom(1000) for _ in range(4)]
    for number, content in enumerate(contents):
        drop_picture(device, f"{number}.png", content)
    devices.until("an output is kept", lambda: device.rows("select count(*) from blob where holders > 0")[0][0])
    device.kill()
    assert device.rows("select count(*) from step where output like '%$blob%'")[0][0] > 0
    device.start()
    device.wait_results(4)
    assert_turned(device, contents)
    assert device.rows("select count(*) from blob where holders > 0")[0][0] == 0
    devices.until("no run's folder is left", lambda: not os.listdir(device.data / "work"))


def test_a_program_may_not_hand_out_other_files(device):
    script = LINES.replace("SECONDS", "0").replace('"$file": "out.png"', '"$file": "../../ebb.db"')
    turner(device, "protocol: lines", script)
    device.start()
    drop_picture(device, "a.png", PNG)
    failure = devices.until("the run fails", lambda: device.records(2))[0]
    assert "no plain name of a file" in str(failure)
