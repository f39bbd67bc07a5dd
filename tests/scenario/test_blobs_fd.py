# SPDX-License-Identifier: Apache-2.0
"""`blobs: fd`: agents in Python and in C read a real photograph through a descriptor that is handed to them, and no path;
the same programs read it under `blobs: path`."""
import json
import os
import pathlib
import re
import shutil
import subprocess
import zlib

import pytest

import device as devices

HELPERS = devices.ROOT / "helpers"
PHOTOGRAPH = devices.DATA / "photographs" / "grace_hopper.jpg"
MANIFEST = """\
ebb: 1
agent: reader
version: 1.0.0
kind: process
command: [COMMAND]
protocol: messages
blobs: BLOBS
inputs: { image: file, again: { type: file, optional: true }, many: { type: list, optional: true } }
"""
WORKFLOW = """\
ebb: 1
workflow: reader
trigger: { watch: { path: INBOX } }
concurrency: 8
steps:
  - id: read
    agent: reader
    with:
      image: ${ .event.file }
      again: ${ .event.file }
    retry: { attempts: 2, backoff: 10ms, on: [crash] }
results:
  - name: out
    from: { name: "${ .event.name }", said: "${ .steps.read }" }
"""
PYTHON = """\
import os, zlib
import ebb_agent

@ebb_agent.agent
def answer(inputs, call):
    with call.open(inputs["image"]) as file:
        whole = file.read()
    if whole == b"crash once" and call.attempt == 1:
        os._exit(3)
    with call.open(inputs.get("again") or inputs["image"]) as file:
        again = file.read()
    with call.open(inputs["image"]) as file:
        start = file.read(3)
    return {"bytes": len(whole), "crc": zlib.crc32(whole), "again": zlib.crc32(again), "start": start.hex(),
            "where": inputs["image"], "open": len(os.listdir("/proc/self/fd")), "pid": os.getpid()}

ebb_agent.run(threads=4)
"""
C = """\
#include "ebb_agent.h"

#include <dirent.h>
#include <stdint.h>

static uint32_t sum(int fd, double *out_bytes, char *first, size_t room) {
    uint32_t crc = 0xffffffffu;
    unsigned char bytes[4096];
    size_t had = 0;
    ssize_t count;
    *out_bytes = 0;
    while ((count = read(fd, bytes, sizeof bytes)) > 0) {
        *out_bytes += (double)count;
        for (ssize_t i = 0; i < count; i++) {
            if (had + 1 < room) {
                first[had++] = (char)bytes[i];
                first[had] = '\\0';
            }
            crc ^= bytes[i];
            for (int bit = 0; bit < 8; bit++) {
                crc = (crc >> 1) ^ (0xedb88320u & (0u - (crc & 1u)));
            }
        }
    }
    return ~crc;
}

static int answer(struct ebb_call *call, void *owner) {
    const char *image = ebb_member(call->inputs, "image");
    const char *again = ebb_member(call->inputs, "again");
    char first[32] = "", hex[8], text[200];
    double bytes = 0, more = 0;
    unsigned char start[3] = {0, 0, 0};
    const int fd = ebb_blob(call, image);
    (void)owner;
    if (fd < 0) {
        return ebb_fail(call, "invalid", "no image in %.40s", call->inputs);
    }
    const uint32_t crc = sum(fd, &bytes, first, sizeof first);
    if (strcmp(first, "crash once") == 0 && call->attempt == 1) {
        _exit(3);
    }
    ebb_out_number(call, "bytes", bytes);
    ebb_out_number(call, "crc", crc);
    ebb_out_number(call, "again", sum(ebb_blob(call, ebb_member(again, "blob") != NULL ? again : image), &more, first, sizeof first));
    (void)read(ebb_blob(call, image), start, sizeof start);
    (void)snprintf(hex, sizeof hex, "%02x%02x%02x", start[0], start[1], start[2]);
    ebb_out_text(call, "start", hex);
    (void)snprintf(text, sizeof text, "%.*s", (int)(ebb_behind(image) - image), image);
    ebb_out_json(call, "where", text);
    int open = -3; /* ., .. and its own */
    DIR *folder = opendir("/proc/self/fd");
    while (folder != NULL && readdir(folder) != NULL) {
        open++;
    }
    (void)closedir(folder);
    ebb_out_number(call, "open", open);
    ebb_out_number(call, "pid", (double)getpid());
    return 0;
}

int main(void) {
    return ebb_run(answer, NULL);
}
"""
# Without a helper, and no more than a byte at a time: what docs/agents.md says of where descriptors come.
RAW = """#!/usr/bin/python3
import array, json, os, socket, sys

stdin = socket.socket(fileno=0)

def line():
    text, came = b"", []
    while not text.endswith(b"\\n"):
        byte, more, flags, _ = stdin.recvmsg(1, socket.CMSG_SPACE(4 * 16))
        for level, kind, data in more:
            if text:
                raise SystemExit("descriptors came in the middle of a line")
            came += array.array("i", data)
        if not byte:
            raise SystemExit(0)
        text += byte
    return json.loads(text), came

hello, none = line()
print(json.dumps({"ebb": 1, "ready": hello["hello"]["blobs"] == "fd" and none == []}), flush=True)
while True:
    request, came = line()
    if "id" not in request:
        break
    if len(came) != request["fds"]:
        raise SystemExit(f"{len(came)} descriptors came, {request['fds']} were said")
    said = [os.read(fd, 100).decode() for fd in came]
    for fd in came:
        os.close(fd)
    print(json.dumps({"id": request["id"], "out": {"said": said, "with": request["with"]}}), flush=True)
"""


def agent(device, language, blobs="fd"):
    manifest = MANIFEST.replace("BLOBS", blobs)
    if language == "c":
        folder = device.agent("reader", manifest.replace("COMMAND", "./reader"), reader__c=C)
        shutil.copy(HELPERS / "c" / "ebb_agent.h", folder)
        done = subprocess.run(["cc", "-std=c99", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", "-o", folder / "reader",
                               folder / "reader.c", "-lm"], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    elif language == "python":
        folder = device.agent("reader", manifest.replace("COMMAND", "/usr/bin/python3, reader.py"), reader__py=PYTHON)
        shutil.copy(HELPERS / "python" / "ebb_agent.py", folder)
    else:
        folder = device.agent("reader", manifest.replace("COMMAND", "./reader"), reader=RAW)
    return folder


def open_files(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


@pytest.fixture
def photograph():
    if not PHOTOGRAPH.exists():
        pytest.skip(f"{PHOTOGRAPH} is not there: tools/fetch-photographs")
    return PHOTOGRAPH.read_bytes()


@pytest.mark.parametrize("blobs", ["fd", "path"])
@pytest.mark.parametrize("language", ["python", "c"])
def test_a_photograph_is_read_to_its_end_and_again(device, photograph, language, blobs):
    agent(device, language, blobs)
    device.workflow("reader", WORKFLOW)
    device.start()
    for number in range(20):
        device.drop(f"{number}.jpg", photograph)
    rows = device.wait_results(20)
    assert sorted(row["name"] for row in rows) == sorted(f"{number}.jpg" for number in range(20))
    for row in rows:
        said = row["said"]
        assert (said["bytes"], said["crc"], said["again"]) == (len(photograph), zlib.crc32(photograph), zlib.crc32(photograph))
        assert said["start"] == "ffd8ff" and said["where"]["type"] == "image/jpeg"
        assert said["where"]["bytes"] == len(photograph)
        if blobs == "fd":
            assert said["where"]["blob"] == {"fd": 0}
        else:
            assert re.fullmatch(rf"{device.data}/work/.*/in-1\.jpg", said["where"]["blob"])


@pytest.mark.parametrize("language", ["python", "c"])
def test_descriptors_are_closed_on_both_sides_when_a_call_has_ended(device, language):
    agent(device, language)
    device.workflow("reader", WORKFLOW)
    device.start()
    device.drop("first", b"x")
    ours = device.wait_results(1)[0]["said"]["open"]
    devices.until("its folder is gone", lambda: not list((device.data / "work").glob("*")))
    daemon = open_files(device.daemon.pid)
    for number in range(40):
        device.drop(str(number), b"y" * number)
    rows = device.wait_results(41)
    assert len({row["said"]["pid"] for row in rows}) == 1
    # Two of each of the 8 calls under way; and each of the 4 threads reads one more, or lists them.
    assert max(row["said"]["open"] for row in rows) <= ours + 2 * 8 + 4
    device.drop("last", b"x")
    last = [row for row in device.wait_results(42) if row["name"] == "last"]
    assert last[0]["said"]["open"] == ours
    devices.until("nothing stays open", lambda: open_files(device.daemon.pid) <= daemon)


@pytest.mark.parametrize("language", ["python", "c"])
def test_another_attempt_reads_from_the_start(device, language):
    agent(device, language)
    device.workflow("reader", WORKFLOW)
    device.start()
    device.drop("a", b"crash once")
    assert device.wait_results(1)[0]["said"]["bytes"] == 10


def test_descriptors_come_with_the_first_byte_of_their_line(device):
    agent(device, "raw")
    device.workflow("reader", WORKFLOW)
    device.start()
    for number in range(10):
        device.drop(f"{number}", f"this is {number}")
    for row in device.wait_results(10):
        assert row["said"]["said"] == [f"this is {row['name']}"] * 2
        assert row["said"]["with"]["again"]["blob"] == {"fd": 1}


def test_more_than_come_at_once_fail_the_call_and_say_so(device):
    agent(device, "raw")
    many = ", ".join(['"${ .event.file }"'] * 16)
    device.workflow("reader", WORKFLOW.replace("again: ${ .event.file }", f"many: [{many}]"))
    device.start()
    device.drop("a", b"x")
    devices.until("it fails", lambda: device.records(2))
    ((_, _, failure),) = device.records(2)
    assert failure["class"] == "invalid"
    assert "a call has at most 16 pictures, sounds and files under `blobs: fd`" in failure["text"]


@pytest.mark.parametrize("language, said", [("python", "no descriptor 7 came with the call"), ("c", "no image in")])
def test_a_blob_that_was_made_up_is_none(device, language, said):
    """An object of that shape in the data of an event means no descriptor but those of its own call."""
    folder = agent(device, language)
    if language == "python":
        (folder / "reader.py").write_text(PYTHON.replace('call.open(inputs["image"])', 'call.open(inputs["many"][0])'))
    else:
        (folder / "reader.c").write_text(C.replace("ebb_blob(call, image);", 'ebb_blob(call, ebb_item(ebb_member(call->inputs, "many"), 0));'))
        subprocess.run(["cc", "-D_GNU_SOURCE", "-o", folder / "reader", folder / "reader.c", "-lm"], check=True)
    device.workflow("reader", WORKFLOW.replace("again: ${ .event.file }", "many: [{ blob: { fd: 7 }, type: image/jpeg, bytes: 1 }]"))
    device.start()
    device.drop("a", b"x")
    devices.until("it fails", lambda: device.records(2))
    assert device.records(2)[0][2]["class"] == "invalid" and said in device.records(2)[0][2]["text"]


@pytest.mark.parametrize("language", ["python", "c"])
def test_it_is_tried_at_a_desk(ebb, device, photograph, language):
    agent(device, language)
    answer = ebb("agent", "run", "reader", "--agents", device.agents, "--file", f"image={PHOTOGRAPH}")
    said = json.loads(answer.out)
    assert (said["crc"], said["where"]["blob"]) == (zlib.crc32(photograph), {"fd": 0}), answer


@pytest.mark.parametrize("what", ["protocol: lines", "mode: once"])
def test_it_goes_with_messages_alone(ebb, device, what):
    folder = agent(device, "python")
    path = pathlib.Path(folder) / "agent.yaml"
    path.write_text(path.read_text().replace("protocol: messages", what))
    answer = ebb("check", path)
    assert answer.code == 2 and f"`blobs: fd` goes with `protocol: messages`: `{what}` has nothing" in answer.out, answer
