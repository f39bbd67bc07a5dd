# SPDX-License-Identifier: Apache-2.0
"""`ebb apply` puts a folder of workflows on a device, whole or not at all; `ebb diff` says beforehand what it would do."""
import os
import shutil

import pytest

import device as devices

ECHO = """ebb: 1
agent: echo
version: VERSION
kind: jq
filter: '{ said: .word }'
inputs: { word: string }
outputs: { said: string }
"""


def workflow(name, word="hello", agent=None):
    step = ("steps:\n  - id: say\n    agent: %s\n    with: { word: %s }\n" % (agent, word)) if agent else ""
    said = "${ .steps.say.said }" if agent else word
    return (f"ebb: 1\nworkflow: {name}\ntrigger: {{ watch: {{ path: inbox }} }}\n{step}"
            f"results:\n  - name: out\n    from:\n      said: {said}\n      file: ${{ .event.name }}\n")


@pytest.fixture
def folder(tmp_path):
    """A folder to apply: two workflows and an agent, which one of them uses."""
    one = tmp_path / "to-apply"
    (one / "agents" / "echo").mkdir(parents=True)
    (one / "agents" / "echo" / "agent.yaml").write_text(ECHO.replace("VERSION", "1.0.0"))
    (one / "plain.yaml").write_text(workflow("plain"))
    (one / "talking").mkdir()
    (one / "talking" / "workflow.yaml").write_text(workflow("talking", agent="echo@^1"))
    shutil.copytree(one / "agents", one / "talking" / "agents")
    shutil.rmtree(one / "agents")
    return one


def state(device, name):
    return device.counts(name)["state"]


def inbox(device, name):
    return device.data / "workflows" / name / "inbox"


def drop(device, name, file):
    aside = device.folder / "aside"
    aside.write_text("x")
    aside.rename(inbox(device, name) / file)


def test_new_workflows_run_and_are_the_same_afterwards(device, folder):
    device.start()
    answer = device.cli("apply", folder)
    assert answer.code == 0, answer
    assert answer.out == "added    plain: running\nadded    talking: running\n", answer
    drop(device, "plain", "a")
    drop(device, "talking", "b")
    assert sorted(row["file"] for row in device.wait_results(2)) == ["a", "b"]
    answer = device.cli("apply", folder)
    assert answer.code == 0 and answer.out == "" and "nothing to change" in answer.err, answer
    answer = device.cli("diff", folder)
    assert answer.code == 0 and answer.out == "" and "has what" in answer.err, answer


def test_dry_run_and_diff_change_nothing(device, folder):
    device.start()
    answer = device.cli("apply", folder, "--dry-run")
    assert answer.code == 0 and "would add workflow 'plain'" in answer.err, answer
    answer = device.cli("diff", folder)
    assert "workflow plain: added\n--- /dev/null\n" in answer.out and "+workflow: plain\n" in answer.out, answer
    assert device.get("/v1/workflows")["workflows"] == []
    assert os.listdir(device.data / "workflows") == []


def test_a_warning_is_talk_and_no_part_of_the_answer(device, folder):
    (folder / "plain.yaml").write_text(workflow("plain") + "    priority: 12\n")
    device.start()
    for words, first in (("diff",), "workflow plain: added\n"), (("apply",), "added    plain: running\n"):
        answer = device.cli(*words, folder)
        assert answer.code == 0 and answer.out.startswith(first) and "plain.yaml:9:15: warning: " in answer.err, answer


def test_a_change_of_text_and_of_an_agent_is_shown_and_taken(device, folder):
    device.start()
    assert device.cli("apply", folder).code == 0
    (folder / "plain.yaml").write_text(workflow("plain", "good-bye"))
    manifest = folder / "talking" / "agents" / "echo" / "agent.yaml"
    manifest.write_text(ECHO.replace("VERSION", "1.1.0").replace(".word }", '(.word + "!") }'))
    answer = device.cli("diff", folder)
    assert "-      said: hello\n+      said: good-bye\n" in answer.out, answer
    assert "workflow talking: changed\n  step say: agent echo 1.0.0 becomes 1.1.0\n" in answer.out, answer
    assert [(row["workflow"], row["change"]) for row in device.cli("diff", folder, "--json").lines()] == \
        [("plain", "changed"), ("talking", "changed")]
    answer = device.cli("apply", folder)
    assert answer.code == 0 and answer.out == "changed  plain: running\nchanged  talking: running\n", answer
    drop(device, "plain", "a")
    drop(device, "talking", "b")
    assert sorted(row["said"] for row in device.wait_results(2)) == ["good-bye", "hello!"]


def test_one_faulty_file_keeps_all_as_it_was(device, folder):
    device.start()
    (folder / "zz-faulty.yaml").write_text(workflow("faulty").replace("trigger:", "triger:"))
    (folder / "yy-jq.yaml").write_text(workflow("jq", '"${ .event.name | nothing }"'))
    answer = device.cli("apply", folder)
    assert answer.code == 2 and "nothing was changed" in answer.err, answer
    assert "zz-faulty.yaml:" in answer.out and "yy-jq.yaml:" in answer.out, answer
    assert device.get("/v1/workflows")["workflows"] == [] and os.listdir(device.data / "workflows") == []


def test_two_files_of_one_name_and_an_empty_folder_are_refused(device, folder, tmp_path):
    device.start()
    (folder / "again.yaml").write_text(workflow("plain"))
    answer = device.cli("apply", folder)
    assert answer.code == 2 and "'plain' stands in" in answer.err, answer
    (tmp_path / "empty").mkdir()
    answer = device.cli("apply", tmp_path / "empty")
    assert answer.code == 2 and "no workflow in" in answer.err, answer
    assert device.cli("apply", tmp_path / "none").code == 3


def test_what_is_not_what_was_checked_is_refused_and_nothing_is_left(device, folder):
    device.start()
    body = {"workflows": [{"file": str(folder / "plain.yaml"), "digest": "0" * 32}]}
    code, text = device.ask("POST", "/v1/apply", body)
    assert code == 409 and "is not what was checked" in text, text
    assert os.listdir(device.data / "workflows") == []
    for wrong in ({}, {"workflows": {}}, {"workflows": [{"file": "x"}]}, {"remove": [1]}, {"workflows": [], "remove": []}):
        code, text = device.ask("POST", "/v1/apply", wrong)
        assert code == 400 and "the body is" in text, (wrong, text)


def test_a_workflow_that_stands_elsewhere_is_not_taken_over(device, folder):
    device.workflow("plain", workflow("plain", "mine"))
    device.start()
    answer = device.cli("apply", folder)
    assert answer.code != 0 and "change it there" in answer.err, answer
    assert os.listdir(device.data / "workflows") == [], "the other one was not added either"
    answer = device.cli("diff", folder)
    assert "-      said: mine\n+      said: hello\n" in answer.out, answer


def test_files_that_were_not_read_yet_stay_when_the_workflow_changes(device, folder):
    device.start()
    assert device.cli("apply", folder).code == 0
    assert device.cli("workflow", "stop", "plain").code == 0
    for number in range(20):
        drop(device, "plain", f"waits-{number:02}")
    (folder / "plain.yaml").write_text(workflow("plain", "changed"))
    answer = device.cli("apply", folder)
    assert answer.code == 0 and answer.out == "changed  plain: stopped\n", answer
    assert device.cli("workflow", "start", "plain").code == 0
    rows = device.wait_results(20)
    assert sorted(row["file"] for row in rows) == [f"waits-{number:02}" for number in range(20)]
    assert {row["said"] for row in rows} == {"changed"}


def test_prune_removes_what_was_applied_and_is_gone(device, folder):
    device.workflow("elsewhere", workflow("elsewhere").replace("path: inbox", "path: INBOX"))
    device.inbox.mkdir(exist_ok=True)
    device.start()
    assert device.cli("apply", folder).code == 0
    (folder / "plain.yaml").unlink()
    answer = device.cli("diff", folder)
    assert answer.out == f"workflow plain: not in {folder}; `ebb apply --prune` removes it\n", answer
    assert device.cli("apply", folder).code == 0
    assert state(device, "plain") == "running"
    answer = device.cli("apply", folder, "--prune", "--dry-run")
    assert "would remove workflow 'plain'" in answer.err and state(device, "plain") == "running", answer
    answer = device.cli("apply", folder, "--prune")
    assert answer.code == 0 and answer.out == "removed  plain\n", answer
    assert not (device.data / "workflows" / "plain").exists()
    assert state(device, "talking") == "running" and state(device, "elsewhere") == "running"


def test_a_kill_in_the_middle_leaves_each_workflow_whole(device, folder):
    device.start()
    assert device.cli("apply", folder).code == 0
    for number in range(6):
        (folder / "plain.yaml").write_text(workflow("plain", f"w{number}"))
        with devices.subprocess.Popen([devices.EBB, "apply", folder, "--socket", device.socket],
                                      env=devices.clean_environment(), stdin=devices.subprocess.DEVNULL,
                                      stdout=devices.subprocess.DEVNULL, stderr=devices.subprocess.DEVNULL) as child:
            devices.time.sleep(0.003 * number)
            device.kill()
            child.wait(devices.PATIENCE)
        device.start()
        assert state(device, "plain") == state(device, "talking") == "running"
        assert sorted(os.listdir(device.data / "workflows")) == ["plain", "talking"]
        assert device.cli("apply", folder).code == 0
        assert f"said: w{number}" in device.get("/v1/workflows/plain")["text"]


def test_without_a_daemon_it_says_so(folder, tmp_path):
    answer = devices.ebb("apply", folder, "--socket", tmp_path / "none.sock")
    assert answer.code != 0 and "ebb serve" in answer.err, answer


def test_an_agent_that_changed_under_its_old_version_is_told_of(device, folder):
    shutil.copytree(folder / "talking", folder / "also")
    (folder / "also" / "workflow.yaml").write_text(workflow("also", agent="echo@^1"))
    device.start()
    assert device.cli("apply", folder).code == 0
    manifest = folder / "talking" / "agents" / "echo" / "agent.yaml"
    manifest.write_text(manifest.read_text().replace("summary", "x-note") + "x-changed: true\n")
    answer = device.cli("apply", folder)
    assert answer.code != 0 and "'talking' runs, but" in answer.err and "new version" in answer.err, answer


def test_a_parameter_without_a_value_on_this_device_is_refused_before_anything_changes(device, folder):
    device.start()
    text = workflow("plain").replace("trigger:", "params:\n  most: { type: number }\ntrigger:")
    (folder / "plain.yaml").write_text(text)
    answer = device.cli("apply", folder)
    assert answer.code == 2 and "most" in answer.err, answer
    assert os.listdir(device.data / "workflows") == []
