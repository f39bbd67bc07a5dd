# SPDX-License-Identifier: Apache-2.0
"""The device's configuration: what it says applies, what is wrong in it is told apart from what may pass."""
import json

import device as devices

WORKFLOW = """\
ebb: 1
workflow: mail
trigger:
  watch: { path: INBOX, glob: "*.eml" }
results:
  - name: out
    from:
      name: ${ .event.name }
      device: ${ $device.name }
"""


def test_the_device_file_names_the_device_and_its_store(device):
    config = device.folder / "device.yaml"
    elsewhere = device.folder / "elsewhere"
    config.write_text(f"ebb: 1\ndevice: {{ name: gate-7, labels: {{ site: north }} }}\n"
                      f"store: {{ path: {elsewhere}, budget: 64MiB }}\n")
    device.workflow("mail", WORKFLOW)
    device.start("--config", config)
    device.drop("a.eml")
    assert device.wait_results(1) == [{"name": "a.eml", "device": "gate-7"}], "--data wins over store.path"
    assert not elsewhere.exists()


def test_the_environment_wins_over_the_file(device):
    config = device.folder / "device.yaml"
    config.write_text("ebb: 1\ndevice: { name: gate-7 }\n")
    device.workflow("mail", WORKFLOW)
    device.start("--config", config, environment={"EBB__DEVICE__NAME": "gate-8"})
    device.drop("a.eml")
    assert device.wait_results(1)[0]["device"] == "gate-8"


def test_a_wrong_configuration_has_its_own_exit_code_and_every_fault(device):
    config = device.folder / "device.yaml"
    config.write_text("ebb: 1\ndevice: { nam: gate-7 }\nstore: { budget: 64 }\nparams: { a: 1 }\n")
    device.start("--config", config, wait=False)
    assert device.ended() == 78, device.log()
    assert f"{config}:2:11: " in device.log() and "`name`" in device.log()
    assert f"{config}:3:" in device.log()
    assert f"{config}:4:1: `params` is not in this version of ebb" in device.log()


def test_a_configuration_that_is_not_there(ebb, tmp_path):
    answer = ebb("serve", "--config", tmp_path / "none.yaml")
    assert answer.code == 3 and "--config" in answer.err, answer


def test_a_workflow_with_faults_stops_no_other(device):
    device.workflow("bad", "ebb: 1\nworkflow: bad\nresuts: []\n")
    device.workflow("mail", WORKFLOW)
    device.start()
    device.drop("a.eml")
    device.wait_results(1)
    assert f"{device.workflows / 'bad.yaml'}:3:1: " in device.log()


def test_two_files_of_one_workflow_are_told(device):
    device.workflow("one", WORKFLOW)
    device.workflow("two", WORKFLOW)
    device.start()
    device.drop("a.eml")
    device.wait_results(1)
    assert "one.yaml" in device.log() and "two.yaml" in device.log(), device.log()
    assert [row["state"] for row in device.get("/v1/workflows")["workflows"]].count("running") == 1


def test_a_trigger_on_standard_input_is_told_to_belong_to_run(device):
    device.workflow("lines", "ebb: 1\nworkflow: lines\ntrigger: { stdin: json }\n"
                             "results:\n  - name: out\n    from: { a: 1 }\n")
    device.start()
    assert "ebb run" in device.log(), device.log()
    row = device.counts("lines")
    assert row["state"] == "faulty", json.dumps(row)


def test_a_socket_path_that_is_too_long_is_told(device):
    device.socket = device.folder / ("x" * 120)
    device.start(wait=False)
    assert device.ended() == 78, device.log()
    assert "--socket" in device.log()


def test_the_log_can_be_quieter(device):
    device.workflow("mail", WORKFLOW)
    device.start("--log", "error")
    device.drop("a.eml")
    device.wait_results(1)
    assert device.log() == ""
    assert devices.ebb("serve", "--log", "loud").code == 2
