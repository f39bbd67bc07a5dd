# SPDX-License-Identifier: Apache-2.0
"""The device's own file: what its sources and destinations are, so that a workflow names them alone."""
import json
import signal
import subprocess

import device as devices

MAIL = """\
ebb: 1
workflow: mail
params: { inbox: { type: source, kind: watch, default: mailbox } }
trigger: { source: "${ $params.inbox }" }
results:
  - name: out
    from: { workflow: mail, source: "${ .event.source }", text: "${ .event.text }", name: "${ .event.name }" }
"""


def config(device, text):
    path = device.folder / "device.yaml"
    path.write_text("ebb: 1\n" + text)
    return path


def source(device, more=""):
    return f"sources: {{ mailbox: {{ watch: {{ path: {device.inbox}, glob: \"*.eml\", text: true{more} }} }} }}\n"


def test_a_named_source_is_what_the_device_says(device):
    device.workflow("mail", MAIL)
    device.start("--config", config(device, source(device).replace(str(device.inbox), "inbox")))
    device.drop("a.txt", "no mail")
    device.drop("b.eml", "a mail")
    assert device.wait_results(1) == [{"workflow": "mail", "source": "mailbox", "text": "a mail", "name": "b.eml"}], \
        "a path is relative to the device's file"
    device.kill()
    device.start("--config", device.folder / "device.yaml")
    device.drop("c.eml", "another")
    assert [row["name"] for row in device.wait_results(2)] == ["b.eml", "c.eml"], "what was seen stays seen"


def test_one_source_serves_several_workflows(device):
    device.workflow("mail", MAIL)
    device.workflow("post", MAIL.replace("workflow: mail", "workflow: post"))
    device.start("--config", config(device, source(device)))
    device.drop("a.eml", "one")
    assert sorted(row["workflow"] for row in device.wait_results(2)) == ["mail", "post"]


def test_a_source_that_deletes_serves_one_workflow(device):
    device.workflow("mail", MAIL)
    device.workflow("post", MAIL.replace("workflow: mail", "workflow: post"))
    device.start("--config", config(device, source(device, ", after: delete")))
    rows = {row["name"]: row for row in device.get("/v1/workflows")["workflows"]}
    assert (rows["mail"]["state"], rows["post"]["state"]) == ("running", "faulty")
    assert "workflow 'mail' has it already" in rows["post"]["fault"], rows
    device.drop("a.eml", "one")
    assert [row["workflow"] for row in device.wait_results(1)] == ["mail"]
    devices.until("the file goes", lambda: not (device.inbox / "a.eml").exists())


def test_a_source_that_is_bound_to_nothing_stops_its_workflow_alone(device):
    path = device.workflow("mail", MAIL)
    device.workflow("post", MAIL.replace("workflow: mail", "workflow: post").replace("default: mailbox", "default: letters"))
    device_file = config(device, source(device))
    device.start("--config", device_file)
    rows = {row["name"]: row for row in device.get("/v1/workflows")["workflows"]}
    assert rows["post"]["state"] == "faulty"
    assert f"write `sources: {{ letters: {{ watch: {{ path: ... }} }} }}` in {device_file}" in rows["post"]["fault"], rows
    device.drop("a.eml", "one")
    assert [row["workflow"] for row in device.wait_results(1)] == ["mail"]
    device_file.write_text(device_file.read_text() + "workflows: { post: { params: { inbox: mailbox } } }\n")
    device.daemon.send_signal(signal.SIGHUP)
    assert sorted(row["workflow"] for row in device.wait_results(2)) == ["mail", "post"], "and it runs once it is bound"
    answer = devices.ebb("run", path)
    assert answer.code == 2 and "bound to nothing: write `sources: { mailbox:" in answer.err, answer
    assert "--config" in answer.err, answer


def test_check_looks_where_it_is_told_to(ebb, device):
    path = device.workflow("mail", MAIL)
    answer = ebb("check", path)
    assert answer.code == 0 and "warning: source `mailbox` stands in the device's file: `ebb check --config FILE`" in answer.out
    assert ebb("check", path, "--config", config(device, source(device))).out == ""
    answer = ebb("check", path, "--config", config(device, source(device).replace("mailbox", "mailbx")))
    assert answer.code == 2 and "the device has no source `mailbox`: did you mean `mailbx`?" in answer.out, answer


def test_a_source_may_be_what_is_posted(device):
    device.workflow("mail", MAIL.replace("kind: watch, ", ""))
    device_file = config(device, "sources: { mailbox: { http: text } }\n")
    device.start("--config", device_file)
    assert device.ask("POST", "/v1/workflows/mail/events", body="a mail")[0] == 202
    assert device.wait_results(1) == [{"workflow": "mail", "source": "mailbox", "text": '"a mail"', "name": None}]
    path = device.workflow("mail", MAIL)
    answer = devices.ebb("check", path, "--config", device_file)
    assert answer.code == 2 and "parameter `inbox` wants a source of kind watch: `mailbox`" in answer.out, answer


def test_a_destination_is_one_that_the_device_names(ebb, device):
    path = device.workflow("mail", MAIL + "    to: [desk]\n")
    answer = ebb("run", path, "--config", config(device, source(device)))
    assert answer.code == 2 and "write `destinations: { desk: { webhook: https://... } }` in" in answer.err, answer
    text = source(device) + "destinations: { desk: { webhook: 'https://desk.example/hook', sign: secret:desk } }\n"
    answer = ebb("check", path, "--config", config(device, text))
    assert answer.code == 0, answer


def test_the_device_is_seen_at_a_desk(ebb, device):
    path = device.folder / "w.yaml"
    path.write_text("ebb: 1\nworkflow: w\ntrigger: { stdin: json }\nresults: [ { name: r, from: { d: '${ $device }' } } ]\n")
    answer = ebb("run", path, "--config", config(device, "device: { name: gate-7, labels: { a: b } }\n"), stdin="1\n")
    assert answer.lines()[0]["result"]["d"] == {"name": "gate-7", "labels": {"a": "b"}, "time_zone": None}, answer


# What the guide's own packager writes (its section 4.2).
EDGE_CONFIG = {
    "device_id": "Edge Device #1",
    "sync_endpoint": "https://central-platform.example.com/api/sync",
    "models_dir": "models",
    "agents_dir": "agents",
    "workflows_dir": "workflows",
    "storage_dir": "storage",
    "offline_mode": True,
    "resource_monitoring": True,
    "sync_interval_seconds": 3600,
}
ECHO = """\
ebb: 1
agent: shout
version: 1.0.0
kind: jq
filter: "{loud: (.text | ascii_upcase)}"
"""


def guides_package(folder):
    """A folder as the guide's packager leaves it, but for agents and workflows of ours."""
    (folder / "agents" / "shout").mkdir(parents=True)
    (folder / "workflows").mkdir()
    (folder / "inbox").mkdir()
    (folder / "agents" / "shout" / "agent.yaml").write_text(ECHO)
    (folder / "workflows" / "mail.yaml").write_text(
        "ebb: 1\nworkflow: mail\n"
        f"trigger: {{ watch: {{ path: {folder}/inbox, text: true }} }}\n"
        "steps:\n  - { id: shout, agent: shout, with: { text: '${ .event.text }' } }\n"
        "results:\n  - { name: out, from: { loud: '${ .steps.shout.loud }', device: '${ $device.name }' } }\n")
    (folder / "edge_config.json").write_text(json.dumps(EDGE_CONFIG, indent=2))
    return folder / "edge_config.json"


def test_the_guides_configuration_runs_as_it_stands(tmp_path, ebb):
    path = guides_package(tmp_path)
    log = open(tmp_path / "log", "wb")
    daemon = subprocess.Popen([devices.EBB, "serve", "--config", path], env=devices.clean_environment(), stdin=subprocess.DEVNULL,
                              stdout=log, stderr=log, start_new_session=True, cwd="/")
    try:
        socket = tmp_path / "storage" / "ebb.sock"
        devices.until("the daemon answers", lambda: ebb("status", "--socket", socket).code == 0)
        (tmp_path / "a.part").write_text("a mail")
        (tmp_path / "a.part").rename(tmp_path / "inbox" / "a")

        def results():
            return [json.loads(row["result"]) if isinstance(row["result"], str) else row["result"]
                    for row in ebb("result", "list", "--json", "--socket", socket).lines()]

        devices.until("a result", results)
        assert results() == [{"loud": "A MAIL", "device": "Edge Device #1"}], (tmp_path / "log").read_text()
        assert (tmp_path / "storage" / "ebb.db").exists()
    finally:
        devices.kill_group(daemon)
        daemon.wait()
        log.close()


def test_config_show_says_where_every_setting_is_from(ebb, tmp_path):
    path = guides_package(tmp_path)
    answer = ebb("config", "show", "--config", path, "--json", environment={"EBB__STORE__BUDGET": "2GiB"})
    assert answer.code == 0, answer
    rows = {row["name"]: (row["value"], row["origin"]) for row in answer.lines()}
    assert rows == {
        "device.name": ("Edge Device #1", f"{path}:2:17"),
        "device.labels": (None, "default"),
        "device.time_zone": (None, "default"),
        "store.path": (f"{tmp_path}/storage", f"{path}:7:19"),
        "store.budget": ("2.0 GiB", "EBB__STORE__BUDGET"),
        "store.commit": (None, "default"),
        "hub.proxy": (None, "default"),
        "workflows_dir": (f"{tmp_path}/workflows", f"{path}:6:21"),
        "agents_dir": (f"{tmp_path}/agents", f"{path}:5:18"),
        "models_dir": (f"{tmp_path}/models", f"{path}:4:18"),
        "sync_endpoint": ("https://central-platform.example.com/api/sync", f"{path}:3:21"),
        "sync_interval_seconds": ("1h", f"{path}:10:28"),
        "offline_mode": (True, f"{path}:8:19"),
        "resource_monitoring": (True, f"{path}:9:26"),
        "secrets.path": (f"{tmp_path}/secrets", str(path)),
    }
    assert "Edge Device #1" in ebb("config", "show", "--config", path).out
    more = tmp_path / "conf.d" / "10.yaml"
    more.parent.mkdir()
    more.write_text("ebb: 1\ndevice: { name: gate-7 }\nsources: { inbox: { watch: { path: in } } }\n"
                    "hub: { links: { wifi: { metered: true, hour: 5MiB } } }\n")
    rows = {row["name"]: (row["value"], row["origin"]) for row in ebb("config", "show", "--config", path, "--json").lines()}
    assert rows["device.name"] == ("gate-7", f"{more}:2:17") and rows["sources.inbox"] == ("watch", f"{more}:3:19")
    assert rows["hub.links.wifi.metered"] == (True, f"{more}:4:34") and rows["hub.links.wifi.hour"] == ("5.0 MiB", f"{more}:4:46")


def test_what_is_wrong_in_the_guides_configuration_is_said(ebb, tmp_path):
    path = tmp_path / "edge_config.json"
    path.write_text(json.dumps({**EDGE_CONFIG, "offline_mode": "yes", "fleet": 3}, indent=2))
    for words in (("serve",), ("config", "show")):
        answer = ebb(*words, "--config", path)
        assert answer.code in (2, 78) and f"{path}:8:20: `offline_mode: yes`: true or false" in answer.err, answer
        assert "warning: `fleet` is no key of edge_config.json that ebb knows" in answer.err, answer
