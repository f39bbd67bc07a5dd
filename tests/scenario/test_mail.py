# SPDX-License-Identifier: Apache-2.0
"""Files in a watched folder, whatever is in them and however they came: one event each, no more, no fewer."""
import os
import threading
import time

import device as devices

WORKFLOW = """\
ebb: 1
workflow: mail
trigger:
  watch: { path: INBOX, glob: "*.eml", text: true, after: keep }
durability: { runs: each, results: each }
results:
  - name: seen
    from:
      name: ${ .event.name }
      bytes: ${ .event.bytes }
      start: ${ .event.text | .[0:40] }
      length: ${ .event.text | length }
      cut: ${ .event.cut // false }
      replaced: ${ .event.replaced // 0 }
"""
PLAIN = """\
ebb: 1
workflow: mail
trigger:
  watch: { path: INBOX, glob: "*.eml", text: true, after: AFTER }
  queue: { max: 50, full: block }
durability: { runs: each, results: each }
results:
  - name: seen
    from:
      name: ${ .event.name }
      bytes: ${ .event.bytes }
"""
FLOOD = int(os.environ.get("EBB_FLOOD", "2000"))


def by_name(rows):
    found = {}
    for row in rows:
        assert row["name"] not in found, f"{row['name']} is there twice"
        found[row["name"]] = row
    return found


def test_binary_and_broken_text_are_events_like_others(device):
    device.workflow("mail", WORKFLOW)
    device.start()
    device.drop("binary.eml", bytes(range(256)) * 16)
    device.drop("latin1.eml", "Größe: 3 für 2".encode("latin-1"))
    device.drop("zeros.eml", b"\0" * 5000)
    device.drop("empty.eml", b"")
    device.drop("plain.eml", "Grüße".encode())
    found = by_name(device.wait_results(5))
    assert found["plain.eml"]["start"] == "Grüße" and found["plain.eml"]["replaced"] == 0
    assert found["latin1.eml"]["start"] == "Gr\ufffd\ufffde: 3 f\ufffdr 2"
    assert found["latin1.eml"]["replaced"] == 3
    assert found["binary.eml"]["bytes"] == 4096 and found["binary.eml"]["replaced"] > 0
    assert found["zeros.eml"]["length"] == 5000
    assert found["empty.eml"]["length"] == 0
    assert not device.records(2)


def test_a_hundred_megabytes_are_cut_and_cost_no_memory(device):
    device.workflow("mail", PLAIN.replace("AFTER", "keep") + "      length: ${ .event.cut }\n")
    device.start()
    device.drop("small.eml", "x")
    device.wait_results(1)
    before = device.memory_bytes()
    aside = device.folder / "large.part"
    with open(aside, "wb") as file:
        for _ in range(100):
            file.write(b"Subject: large\n" * 69906)
    aside.rename(device.inbox / "large.eml")
    found = by_name(device.wait_results(2))
    assert found["large.eml"]["bytes"] > 100_000_000
    assert found["large.eml"]["length"] is True, "longer text is marked as cut"
    assert device.memory_bytes() - before < 24 << 20


def test_invalid_text_that_grows_when_it_is_repaired(device):
    device.workflow("mail", PLAIN.replace("AFTER", "keep") + "      replaced: ${ .event.replaced }\n")
    device.start()
    device.drop("worst.eml", b"\xff" * (1 << 20))
    ((_, row),) = by_name(device.wait_results(1)).items()
    assert row["replaced"] == 1 << 20


def test_a_half_written_mail_is_no_event_until_it_is_closed(device):
    device.workflow("mail", WORKFLOW)
    device.start()
    with open(device.inbox / "slow.eml", "wb") as file:
        file.write(b"Subject: fir")
        file.flush()
        device.drop("other.eml", "x")
        device.wait_results(1)
        time.sleep(0.5)
        assert [row["name"] for row in device.results()] == ["other.eml"]
        file.write(b"st half and second half")
    found = by_name(device.wait_results(2))
    assert found["slow.eml"]["start"] == "Subject: first half and second half"


def test_a_mail_that_is_written_again_is_a_new_event(device):
    device.workflow("mail", WORKFLOW)
    device.start()
    device.drop("a.eml", "one")
    device.wait_results(1)
    device.drop("a.eml", "second")
    found = device.wait_results(2)
    assert [row["start"] for row in found] == ["one", "second"]


def test_a_mail_that_goes_and_comes_back_is_a_new_event(device):
    device.workflow("mail", WORKFLOW)
    device.start()
    device.drop("a.eml", "one")
    device.wait_results(1)
    facts = os.stat(device.inbox / "a.eml")
    (device.inbox / "a.eml").unlink()
    time.sleep(0.3)
    aside = device.folder / "again.part"
    aside.write_text("one")
    os.utime(aside, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    aside.rename(device.inbox / "a.eml")
    assert len(device.wait_results(2)) == 2


def test_mails_that_are_renamed_while_they_are_read(device):
    """Each name that a file had may be an event of its own; whole files only, and the last name always."""
    device.workflow("mail", WORKFLOW)
    device.start()
    content = "x" * 200_000
    done = threading.Event()

    def rename():
        for number in range(60):
            device.drop(f"m{number}.eml", content)
            (device.inbox / f"m{number}.eml").rename(device.inbox / f"final{number}.eml")
        done.set()

    thread = threading.Thread(target=rename)
    thread.start()
    thread.join(devices.PATIENCE)
    assert done.is_set()
    wanted = {f"final{number}.eml" for number in range(60)}
    devices.until("all final names", lambda: wanted <= {row["name"] for row in device.results()})
    for row in by_name(device.results()).values():
        assert (row["bytes"], row["length"]) == (200_000, 200_000), "half a file"


def test_what_came_while_nobody_looked_is_found(device):
    device.workflow("mail", WORKFLOW)
    for number in range(50):
        device.drop(f"{number}.eml", str(number))
    device.start()
    assert len(by_name(device.wait_results(50))) == 50
    device.stop()
    for number in range(50, 70):
        device.drop(f"{number}.eml", str(number))
    device.start()
    assert len(by_name(device.wait_results(70))) == 70
    time.sleep(1.5)
    assert len(device.results()) == 70


def drop_many(device, count):
    for number in range(count):
        (device.inbox / f".{number}").write_bytes(b"Subject: %d\n\ntext\n" % number)
        os.rename(device.inbox / f".{number}", device.inbox / f"{number:06}.eml")


def test_a_flood_is_all_there_and_nothing_twice(device):
    device.workflow("mail", PLAIN.replace("AFTER", "keep"))
    device.start()
    drop_many(device, FLOOD)
    found = by_name(device.wait_results(FLOOD, patience=60 + FLOOD / 100))
    assert set(found) == {f"{number:06}.eml" for number in range(FLOOD)}
    time.sleep(0.5)
    assert len(device.results()) == FLOOD
    counts = device.counts("mail")
    assert (counts["results"], counts["dropped"], counts["failures"]) == (FLOOD, 0, 0)


def test_a_flood_is_deleted_when_its_results_are_durable(device):
    device.workflow("mail", PLAIN.replace("AFTER", "delete"))
    for number in range(FLOOD // 4):
        (device.inbox / f"{number:06}.eml").write_bytes(b"x")
    device.start()
    found = by_name(device.wait_results(FLOOD // 4, patience=60 + FLOOD / 100))
    assert len(found) == FLOOD // 4
    devices.until("the folder is empty", lambda: not os.listdir(device.inbox))
    assert len(device.results()) == FLOOD // 4


def test_folders_pipes_and_links_in_the_inbox_do_no_harm(device):
    device.workflow("mail", WORKFLOW)
    (device.inbox / "folder.eml").mkdir()
    os.mkfifo(device.inbox / "pipe.eml")
    os.symlink("/nowhere/at/all", device.inbox / "dangling.eml")
    os.symlink("loop.eml", device.inbox / "loop.eml")
    device.start()
    device.drop("real.eml", "x")
    assert [row["name"] for row in device.wait_results(1)] == ["real.eml"]
    time.sleep(1.2)
    assert [row["name"] for row in device.results()] == ["real.eml"]


def test_the_folder_itself_goes_and_comes_back(device):
    device.workflow("mail", WORKFLOW)
    device.start()
    device.drop("a.eml", "x")
    device.wait_results(1)
    device.inbox.rename(device.folder / "away")
    time.sleep(1.5)
    assert device.ask("GET", "/healthz")[0] == 200
    device.inbox.mkdir()
    device.drop("b.eml", "y")
    found = device.wait_results(2)
    assert [row["name"] for row in found] == ["a.eml", "b.eml"]
