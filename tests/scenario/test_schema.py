# SPDX-License-Identifier: Apache-2.0
"""`ebb schema`: editors accept what `ebb check` accepts, refuse misspelt keys, and explain every key."""
import json
import re

import jsonschema
import pytest
import yaml

import device as devices

FORMAT = devices.ROOT / "tests" / "format"
# Correct, perhaps with warnings, by what stands beside it.
GOOD = sorted(path for path in FORMAT.glob("*.yaml")
              if all(": warning: " in line for line in path.with_suffix(".expected").read_text().splitlines()))
WORKFLOWS = GOOD + sorted(devices.ROOT.glob("examples/*/*.yaml"))
AGENTS = sorted(devices.ROOT.glob("examples/*/agents/*/agent.yaml"))
DEVICE = """\
ebb: 1
device: { name: store-0113-door, labels: { region: north, store: "0113" }, time_zone: Europe/Berlin }
store: { path: /var/lib/ebb, budget: 2GiB, commit: 1s }
hub: { proxy: "http://proxy.lan:3128", links: { cellular: { metered: true, hour: 5MiB, day: 50MiB }, wifi: {} } }
workflows: { people-counter: , w: { params: { camera: entrance, line: [[0.1, 0.6], [0.9, 0.6]] } } }
sources:
  inbox: { watch: { path: inbox, glob: "*.eml", text: true, after: keep } }
  orders: { http: json }
destinations:
  desk: { webhook: "https://desk.example/hook", sign: "secret:desk", give_up: 24h, headers: { X-Site: "1" } }
  log: { file: out/log.jsonl }
x-note: ours
"""
VOICE = """\
ebb: 1
agent: silero-vad
version: 1.0.3
kind: onnx
inputs: { audio: { type: audio, rate: 16000, channels: 1, samples: 512 } }
outputs: { speech: { type: number, min: 0, max: 1 } }
model:
  { file: m.onnx, metadata: m.json, set: { sr: 16000, w: [1, 2] }, carry: { stateN: state }, threads: 1, providers: [cuda, cpu] }
before:
  audio: { from: audio, context: 64, scale: 1/32768, to: input }
  numbers: [{ features: [t, rh], mean: [1, 2], std: 3, to: x }, { from: rows, scale: 0.5 }]
after:
  value: { output: output, as: speech }
  values: [{ output: z }]
  classifier: { output: p, labels: labels.txt, top: 3, softmax: no }
  performance: true
"""
MODELINE = "# yaml-language-server: $schema="


class Loader(yaml.SafeLoader):
    """YAML 1.2 as ebb reads it: `on`, `yes` and times are text."""


Loader.yaml_implicit_resolvers = {
    first: [(tag, rule) for tag, rule in rules if not tag.endswith((":bool", ":timestamp"))]
    for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()}
Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("^(true|false)$"), list("tf"))


@pytest.fixture(scope="module")
def judges():
    made = {}
    for kind in ("workflow", "agent", "device"):
        schema = json.loads(devices.ebb("schema", kind, "--json").out)
        jsonschema.Draft202012Validator.check_schema(schema)
        made[kind] = jsonschema.Draft202012Validator(schema)
    return made


def faults(judge, text):
    return [fault.message for fault in judge.iter_errors(yaml.load(text, Loader))]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_every_correct_workflow_is_accepted(judges, path):
    assert faults(judges["workflow"], path.read_text()) == []


@pytest.mark.parametrize("path", AGENTS, ids=lambda path: path.parent.name)
def test_every_agent_of_the_examples_is_accepted(judges, path):
    assert faults(judges["agent"], path.read_text()) == []


def test_a_model_and_what_is_around_it_are_accepted(judges):
    assert faults(judges["agent"], VOICE) == []
    for wrong in ("softmax: maybe", "top: 0", "providers: [cdua]"):
        name = wrong.split(":")[0]
        assert faults(judges["agent"], re.sub(name + r": (\[[^]]*\]|\w+)", wrong, VOICE)), wrong


def test_variants_are_accepted_in_place_of_a_file(judges):
    for right in ("variants: rec", "variants: rec, use: int8", "use: a, variants: [{ name: a, file: a.onnx, cost: "
                  "{ p50: 310us, p95: 2ms, rss: 54MiB } }, { name: b, file: b.onnx }]"):
        assert faults(judges["agent"], VOICE.replace("file: m.onnx", right)) == [], right
    for wrong in ("x-none: 1", "file: m.onnx, variants: rec", "variants: [{ name: a }]",
                  "variants: [{ name: a, file: a.onnx, cost: { p59: 1ms } }]"):
        assert faults(judges["agent"], VOICE.replace("file: m.onnx", wrong)), wrong


def test_a_device_file_is_accepted_as_the_daemon_accepts_it(judges, device):
    assert faults(judges["device"], DEVICE) == []
    (device.folder / "device.yaml").write_text(DEVICE.replace("/var/lib/ebb", str(device.data)))
    device.start("--config", device.folder / "device.yaml")


def misspelt(value, path=()):
    """The same with one key after another misspelt, but for what people name themselves."""
    free = {"with", "from", "let", "use", "env", "labels", "set", "headers", "carry", "private"}
    if isinstance(value, list):
        for index, item in enumerate(value):
            for name, wrong in misspelt(item, path + (index,)):
                yield name, value[:index] + [wrong] + value[index + 1:]
    elif isinstance(value, dict):
        for key, item in value.items():
            if key.startswith("x-"):
                continue
            named = path and path[-1] in ("inputs", "outputs", "of", "workflows", "params", "schema",
                                            "sources", "destinations", "attach")
            if not named:
                yield path + (key,), {(key + "z" if name == key else name): old for name, old in value.items()}
            if key not in free:
                for name, wrong in misspelt(item, path + (key,)):
                    yield name, {**value, key: wrong}


@pytest.mark.parametrize("kind", ["workflow", "agent", "device"])
def test_every_misspelt_key_is_refused(judges, kind):
    texts = {"workflow": [path.read_text() for path in WORKFLOWS], "agent": [path.read_text() for path in AGENTS] + [VOICE],
             "device": [DEVICE]}[kind]
    count = 0
    for text in texts:
        for name, wrong in misspelt(yaml.load(text, Loader)):
            assert not judges[kind].is_valid(wrong), name
            count += 1
    assert count >= 9


def test_reserved_keys_wrong_words_and_wrong_kinds_are_refused(judges):
    head = "ebb: 1\nworkflow: w\ntrigger: { stdin: json }\n"
    for text in ("params: { a: { type: nmber } }\n", "params: { a: {} }\n", "degrade: {}\n", "results:\n  - { name: r, from: { a: 1 }, window: { every: 1m } }\n",
                 "concurrency: 0\n", "deadline: 5\n", "deadline: 5 s\n",
                 "steps:\n  - { id: a, agent: b, retry: { attempts: 3, on: [timout] } }\n",
                 "results:\n  - { name: Out, from: { a: 1 } }\n"):
        assert faults(judges["workflow"], head + text), text
    head = "ebb: 1\nagent: a\nversion: 1.0.0\n"
    for text in ("kind: onnx\n", "kind: process\n", "kind: jq\nfilter: .\ncommand: [cat]\n",
                 "kind: jq\nfilter: .\ninputs: { t: strng }\n", "kind: process\ncommand: [cat]\nprotocol: message\n"):
        assert faults(judges["agent"], head + text), text
    assert faults(judges["agent"], head + "kind: jq\nfilter: .\ninputs: { t: string, u: { type: list, of: box } }\n") == []


def test_every_key_has_a_sentence(judges):
    for judge in judges.values():
        for name, table in judge.schema["$defs"].items():
            for key, place in table["properties"].items():
                assert place.get("description", "").endswith((".", "]")), (name, key)


def test_no_schema_of_anything_else(ebb):
    answer = ebb("schema", "agnt")
    assert answer.code == 2 and "did you mean agent?" in answer.err, answer
    assert "workflow, agent or device" in ebb("schema", "xyzzy").err


def test_what_ebb_new_writes_names_its_schema(ebb, judges, tmp_path):
    for words, kind, path in (("workflow w", "workflow", "w/w.yaml"),
                              ("agent a --kind text", "agent", "agents/a/agent.yaml"),
                              ("agent b", "agent", "agents/b/agent.yaml"),
                              ("agent c --kind jq", "agent", "agents/c/agent.yaml"),
                              ("agent d --language sh", "agent", "agents/d/agent.yaml")):
        assert ebb("new", *words.split(), folder=tmp_path).code == 0
        text = (tmp_path / path).read_text()
        first = text.splitlines()[0]
        assert first.startswith(MODELINE), words
        schema = (tmp_path / path).parent / first.removeprefix(MODELINE)
        assert json.loads(schema.read_text()) == judges[kind].schema
        assert faults(judges[kind], text) == []
