# SPDX-License-Identifier: Apache-2.0
"""Blobs: watched files that results attach, kept under their hash, through a kill, and given back."""
import hashlib
import os

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
