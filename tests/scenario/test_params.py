# SPDX-License-Identifier: Apache-2.0
"""One workflow file serves many boxes: what a device sets, where each value is from, what does not fit."""
import json
import signal

import device as devices

WORKFLOW = """\
ebb: 1
workflow: cold-room
params:
  too_warm: { type: number, unit: Cel, default: -15, min: -40, max: 10, help: above this it is too warm }
  who: { type: string, default: nobody }
trigger: { stdin: json }
results:
  - name: warm
    when: .event.data.t > $params.too_warm
    from:
      t: ${ .event.data.t }
      who: ${ $params.who }
      loud: ${ $params.who | ascii_upcase }
"""
WATCHES = WORKFLOW.replace("trigger: { stdin: json }", "trigger: { watch: { path: INBOX } }").replace(
    "    when: .event.data.t > $params.too_warm\n", "").replace("${ .event.data.t }", "${ $params.too_warm }")


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def run(ebb, folder, *words, environment=None):
    write(folder / "w.yaml", WORKFLOW)
    return ebb("run", folder / "w.yaml", *words, stdin='{"t":-20}\n{"t":-12}\n{"t":5}\n', folder=folder,
               environment=environment)


def warm(answer):
    assert answer.code == 0, answer
    return [(line["result"]["t"], line["result"]["who"], line["result"]["loud"]) for line in answer.lines()]


def test_the_same_file_on_three_boxes(ebb, tmp_path):
    assert warm(run(ebb, tmp_path)) == [(-12, "nobody", "NOBODY"), (5, "nobody", "NOBODY")]
    assert warm(run(ebb, tmp_path, "--set", "too_warm=0", "--set", "cold-room.who=a1")) == [(5, "a1", "A1")]
    config = write(tmp_path / "device.yaml",
                   "ebb: 1\nworkflows: { cold-room: { params: { too_warm: -30, who: gate } } }\n")
    assert [row[0] for row in warm(run(ebb, tmp_path, "--config", config))] == [-20, -12, 5]


def test_who_wins(ebb, tmp_path):
    """--set, the environment, conf.d (the last name), device.yaml, the default."""
    def origin(*words, environment=None):
        answer = ebb("param", "show", write(tmp_path / "w.yaml", WORKFLOW), "--json", *words, environment=environment)
        row = {line["name"]: line for line in answer.lines()}["too_warm"]
        assert (row["unit"], row["range"], row["default"]) == ("Cel", "from -40 to 10", -15), row
        return row["value"], row["origin"]

    variable = {"EBB__WORKFLOWS__COLD_ROOM__PARAMS__TOO_WARM": "-4"}
    config = tmp_path / "device.yaml"
    assert origin() == (-15, "default")
    write(config, "ebb: 1\nworkflows: { cold-room: { params: { too_warm: -1 } } }\n")
    assert origin("--config", config) == (-1, f"{config}:2:47")
    more = write(tmp_path / "conf.d" / "20.yaml", "ebb: 1\nworkflows:\n  cold-room: { params: { too_warm: -2 } }\n")
    write(tmp_path / "conf.d" / "10.yaml", "ebb: 1\nworkflows: { cold-room: { params: { too_warm: -3 } } }\n")
    assert origin("--config", config) == (-2, f"{more}:3:36")
    assert origin("--config", config, environment=variable) == (-4, next(iter(variable)))
    assert origin("--config", config, "--set", "too_warm=-5", environment=variable) == (-5, "--set")


def test_what_does_not_fit_is_refused_with_the_place_of_the_value(ebb, tmp_path):
    config = write(tmp_path / "device.yaml", "ebb: 1\nworkflows: { cold-room: { params: { too_warm: 40 } } }\n")
    cases = {
        ("--config", config): f"w.yaml:4:3: {config}:2:47 sets the parameter `too_warm`: field 'too_warm' is 40: from -40",
        ("--set", "too_warm=cold"): "w.yaml:4:3: --set sets the parameter `too_warm`: field 'too_warm' is a number, not",
        ("--set", "to_warm=3"): "has no parameter `to_warm`: did you mean `too_warm`?",
        ("--set", "hot-room.who=a"): "this workflow is called `cold-room`",
        ("--set", "who=secret:door"): "a secret stands in sources",
        ("--set", "who"): "PARAM=VALUE",
    }
    for words, sentence in cases.items():
        answer = run(ebb, tmp_path, *words)
        assert answer.code == 2 and answer.out == "", (words, answer)
        assert sentence in answer.err and answer.err.count("\n") == 1, (words, answer)
        shown = ebb("param", "show", tmp_path / "w.yaml", *words)
        assert shown.code == 2 and sentence in shown.err and shown.out == "", (words, shown)
    config.write_text("ebb: 1\nworkflows: 3\n")
    assert ebb("param", "show", tmp_path / "w.yaml", "--config", config).code == 2
    assert not (tmp_path / ".ebb").exists(), "a refused workflow leaves nothing behind"


def test_a_value_that_must_be_said(ebb, tmp_path):
    text = WORKFLOW.replace("type: string, default: nobody", "type: string")
    path = write(tmp_path / "w.yaml", text)
    assert ebb("check", path).code == 0, "a file alone is correct: a device will say it"
    for words in (("run", path), ("check", path, "--set", "too_warm=3")):
        answer = ebb(*words)
        assert answer.code == 2, answer
        assert "w.yaml:5:3: parameter `who` has no value: write `workflows: { cold-room: { params: { who" in \
            answer.out + answer.err, answer
    config = write(tmp_path / "device.yaml", "ebb: 1\nworkflows: { cold-room: { params: { who: me } } }\n")
    assert ebb("check", path, "--config", config).code == 0
    assert ebb("param", "show", path, "--config", config).out.splitlines()[2].split() == \
        ["who", "me", "-", "string", "-", f"{config}:2:42", "-"]


def test_one_workflow_is_refused_and_the_others_run(device):
    config = write(device.folder / "device.yaml",
                   "ebb: 1\nworkflows:\n  cold-room: { params: { too_warm: 99 } }\n  mail: { params: { who: gate } }\n")
    device.workflow("cold-room", WATCHES)
    device.workflow("mail", WATCHES.replace("workflow: cold-room", "workflow: mail"))
    device.start("--config", config)
    device.drop("a.eml")
    assert device.wait_results(1) == [{"t": -15, "who": "gate", "loud": "GATE"}]
    rows = {row["name"]: row for row in device.get("/v1/workflows")["workflows"]}
    assert rows["cold-room"]["state"] == "faulty"
    assert f"{config}:3:36 sets the parameter `too_warm`" in rows["cold-room"]["fault"], rows
    shown = devices.ebb("param", "show", "cold-room", "--socket", device.socket)
    assert shown.code == 2 and f"{config}:3:36" in shown.err, shown
    shown = devices.ebb("param", "show", "mail", "--socket", device.socket, "--json").lines()
    assert [(row["name"], row["value"], row["origin"]) for row in shown] == \
        [("too_warm", -15, "default"), ("who", "gate", f"{config}:4:26")], shown


def test_a_reload_reads_the_devices_files_again(device):
    config = write(device.folder / "device.yaml", "ebb: 1\nworkflows: { cold-room: { params: { who: one } } }\n")
    device.workflow("cold-room", WATCHES)
    device.start("--config", config)
    device.drop("a")
    assert [row["who"] for row in device.wait_results(1)] == ["one"]
    write(device.folder / "conf.d" / "50.yaml", "ebb: 1\nworkflows: { cold-room: { params: { who: two } } }\n")
    device.daemon.send_signal(signal.SIGHUP)

    def values():
        return {row["name"]: row["value"] for row in device.get("/v1/workflows/cold-room").get("params", [])}

    devices.until("the new value", lambda: values().get("who") == "two")
    device.drop("b")
    assert sorted(row["who"] for row in device.wait_results(2)) == ["one", "two"]
    config.write_text("ebb: 1\nworkflows: [no, map]\n")
    device.daemon.send_signal(signal.SIGHUP)
    devices.until("the fault", lambda: f"{config}:2:12" in device.log())
    assert values()["who"] == "two", "with faults in its files the device goes on with what it knew"
    assert json.dumps(device.counts("cold-room")).count("running") == 2
