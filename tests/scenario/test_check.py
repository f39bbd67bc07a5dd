# SPDX-License-Identifier: Apache-2.0
"""`ebb check`: every fault at once, each with its place and what would be right."""
import json
import pathlib
import re
import subprocess

import pytest

import device as devices
import onnx_model

HEAD = "ebb: 1\nworkflow: w\ntrigger: { stdin: json }\n"
AGENT = """\
ebb: 1
agent: look
version: 1.2.0
kind: process
command: [cat]
inputs:
  text: { type: string }
  least: { type: number, default: 0.5 }
outputs:
  label: string
  score: number
"""


def place_of(text, needle, nth=0):
    """line:column of the nth time that the needle stands in the text."""
    at = -1
    for _ in range(nth + 1):
        at = text.index(needle, at + 1)
    line = text.count("\n", 0, at) + 1
    return line, at - (text.rfind("\n", 0, at) + 1) + 1


def faults_of(answer, path):
    faults = []
    for line in answer.out.splitlines():
        match = re.fullmatch(re.escape(str(path)) + r":(\d+):(\d+): (.*)", line)
        assert match, line
        faults.append((int(match[1]), int(match[2]), match[3]))
    return faults


def check(ebb, device, text, *more):
    device.agent("look", AGENT)
    path = device.workflow("w", text)
    return path, ebb("check", path, "--agents", device.agents, *more)


def expect(ebb, device, text, needle, *words, nth=0):
    """One fault, at the needle, whose sentence has all the words."""
    path, answer = check(ebb, device, text)
    assert answer.code == 2, answer
    faults = faults_of(answer, path)
    assert len(faults) == 1, answer
    line, column, sentence = faults[0]
    for word in words:
        assert word in sentence, answer
    assert (line, column) == place_of(text, needle, nth), answer


STEP = "steps:\n  - id: one\n    agent: look@^1\n    with:\n      text: ${ .event.data.text }\n"
RESULT = "results:\n  - name: out\n    from:\n      label: ${ .steps.one.label }\n"


def test_a_correct_file_is_silent_on_standard_output(ebb, device):
    path, answer = check(ebb, device, HEAD + STEP + RESULT)
    assert (answer.code, answer.out) == (0, ""), answer
    assert f"{path}: correct" in answer.err


def test_the_examples_are_correct(ebb):
    examples = sorted(devices.ROOT.glob("examples/*/*.yaml"))
    assert len(examples) >= 2
    answer = ebb("check", *examples)
    # The text model of inbox-triage is made by training and need not be there.
    assert answer.code == 0 or "spam.ebtm" in answer.out + answer.err, answer


def test_an_unknown_key_names_the_nearest(ebb, device):
    expect(ebb, device, HEAD + STEP.replace("    with:", "    timout: 2s\n    with:") + RESULT,
           "timout", "timout", "timeout")


def test_a_reserved_key_is_not_in_this_version(ebb, device):
    expect(ebb, device, HEAD + STEP + RESULT + "    window: { every: 1m }\n",
           "window", "`window` is not in this version of ebb")


def test_a_cycle_is_named(ebb, device):
    steps = ("steps:\n"
             "  - id: a\n    needs: [b]\n    agent: look\n    with: { text: x }\n"
             "  - id: b\n    needs: [a]\n    agent: look\n    with: { text: x }\n")
    path, answer = check(ebb, device, HEAD + steps + "results:\n  - name: out\n    from: { a: 1 }\n")
    assert answer.code == 2, answer
    faults = faults_of(answer, path)
    assert any("a" in text and "b" in text for _, _, text in faults), answer


def test_a_missing_agent_names_the_nearest(ebb, device):
    expect(ebb, device, HEAD + STEP.replace("look@^1", "loook@^1") + RESULT, "loook", "loook", "look")


def test_a_version_that_is_not_there_names_those_that_are(ebb, device):
    expect(ebb, device, HEAD + STEP.replace("look@^1", "look@^2") + RESULT, "look@", "1.2.0")


def test_a_wrong_type_says_both(ebb, device):
    expect(ebb, device, HEAD + STEP + "      least: much\n" + RESULT, "much", "number")


def test_an_input_that_is_missing_is_named(ebb, device):
    path, answer = check(ebb, device, HEAD + STEP.replace("text: ${ .event.data.text }", "least: 0.1")
                         + RESULT)
    assert answer.code == 2, answer
    assert any("text" in text for _, _, text in faults_of(answer, path)), answer


def test_a_misspelt_output_field_names_the_nearest(ebb, device):
    text = HEAD + STEP + RESULT.replace("one.label", "one.lable")
    path, answer = check(ebb, device, text)
    assert answer.code == 2, answer
    ((line, column, sentence),) = faults_of(answer, path)
    assert "lable" in sentence and "label" in sentence
    assert line == place_of(text, "lable")[0]
    assert column >= place_of(text, "${ .steps.one.lable")[1]


def test_an_index_into_an_output_that_is_an_object_is_told(ebb, device):
    device.agent("look", AGENT)
    text = HEAD + ("steps:\n  - id: a\n    agent: look\n    each: ${ .event.data.all }\n    with: { text: x }\n"
                   "  - id: b\n    agent: look\n    with: { text: x }\n"
                   "results:\n  - name: r\n    from:\n      x: ${ AN }\n")
    for an, sentence in ((".steps.a[0].label", "step `a` is an object, which has fields and no [ ]: `.items` is the list"),
                         (".steps.b[0]", "step `b` is an object, which has fields and no [ ]"),
                         (".steps.a.items[0].label", ""), (".steps.b[0]?", ""), (".steps.b.label", "")):
        answer = ebb("check", device.workflow("w", text.replace("AN", an)), "--agents", device.agents)
        assert answer.code == (2 if sentence else 0) and sentence in answer.out, answer


def test_a_step_that_reads_one_it_does_not_need_is_told(ebb, device):
    text = HEAD + STEP + ("  - id: two\n    agent: look\n    with:\n"
                          "      text: ${ .steps.one.label }\n") + RESULT
    path, answer = check(ebb, device, text)
    assert answer.code == 2, answer
    assert any("needs" in sentence for _, _, sentence in faults_of(answer, path)), answer


def test_jq_that_does_not_compile_is_found_before_it_runs(ebb, device):
    text = HEAD + STEP + RESULT.replace("${ .steps.one.label }", "${ .event.data | nosuchfunction(1) }")
    path, answer = check(ebb, device, text)
    assert answer.code == 2, answer
    ((line, column, sentence),) = faults_of(answer, path)
    assert line == place_of(text, "nosuchfunction")[0]
    assert "nosuchfunction" in sentence


def test_jq_that_is_no_jq_is_found(ebb, device):
    for program in ("[1, 2", ".a |", "if .a then 1", "1 +* 2", "\"open"):
        text = HEAD + STEP + "results:\n  - name: out\n    from:\n      x: |-\n        ${ " + program + " }\n"
        path, answer = check(ebb, device, text)
        assert answer.code == 2, (program, answer)
        assert faults_of(answer, path)


def test_functions_beyond_the_fence_are_refused(ebb, device):
    for program in ("env.PATH", "$ENV.PATH", "input", "[inputs]", "debug", "halt", 'include "x"; 1',
                    'import "x" as x; 1', "input_filename", "$__prog_args"):
        text = HEAD + STEP + "results:\n  - name: out\n    from:\n      x: |-\n        ${ " + program + " }\n"
        _, answer = check(ebb, device, text)
        assert answer.code == 2, (program, answer)


def test_two_steps_of_one_name(ebb, device):
    text = HEAD + STEP + STEP.removeprefix("steps:\n") + RESULT
    path, answer = check(ebb, device, text)
    assert answer.code == 2, answer
    faults = faults_of(answer, path)
    assert any("one" in sentence and line == place_of(text, "id: one", 1)[0]
               for line, _, sentence in faults), answer


def test_everything_at_once(ebb, device):
    text = (HEAD + "durabilty: { runs: each }\n"
            + STEP.replace("look@^1", "lok@^1")
            + "    window: 3\n"
            + "  - id: one\n    agent: look\n    timeout: 5\n    with: { text: x }\n"
            + "  - id: two\n    needs: [nobody]\n    agent: look\n    with: { text: 3 }\n"
            + "results:\n  - name: Out\n    from: { a: 1 }\n    priority: hig\n")
    path, answer = check(ebb, device, text)
    assert answer.code == 2, answer
    faults = faults_of(answer, path)
    for needle, word in (("durabilty", "durability"), ("lok@", "look"), ("window", "not in this version"),
                         ("timeout: 5", "s"), ("nobody", "nobody"), ("3 }", "string"), ("Out", "Out"),
                         ("hig", "high")):
        line = place_of(text, needle)[0]
        assert any(at == line and word in sentence for at, _, sentence in faults), (needle, answer)
    assert [fault[:2] for fault in faults] == sorted(fault[:2] for fault in faults)


def test_repeat_never_without_durable_runs_is_told(ebb, device):
    text = HEAD + STEP + "    repeat: never\n" + RESULT
    path, answer = check(ebb, device, text)
    assert answer.code == 2, answer
    assert any("runs: each" in sentence for _, _, sentence in faults_of(answer, path)), answer


def test_what_is_no_yaml(ebb, device):
    for text in ("ebb: 1\nworkflow: [w\n", "ebb: 1\n\tworkflow: w\n", "ebb: 1\nworkflow: w\nworkflow: v\n",
                 "ebb: 1\nworkflow: \"w\n", "\x00\x01\x02", "- 1\n- 2\n", "", "just text\n"):
        path, answer = check(ebb, device, text)
        assert answer.code == 2, (text, answer)
        assert str(path) in answer.out + answer.err, (text, answer)


def test_a_file_that_is_no_text_is_said_to_be_none(ebb, tmp_path):
    for content, sentence in ((b"\x7fELF\x02\x01\x01\0" + bytes(256), "no text but bytes, a program or data: a file in YAML"),
                              (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "this is no text but image/png"),
                              ("ebb: 1\n".encode("utf-16"), "this is UTF-16: save it as UTF-8"),
                              ("ebb: 1\nsummary: caf\xe9\n".encode("latin-1"), "not UTF-8 (0xE9): save the file as UTF-8")):
        path = tmp_path / "w.yaml"
        path.write_bytes(content)
        for words in (("check", path), ("run", path), ("check", path, "--config", path)):
            answer = ebb(*words, stdin="")
            assert answer.code == 2 and f"{path}:" in answer.out + answer.err and sentence in answer.out + answer.err, answer


def test_yaml_that_grows_is_bounded(ebb, device):
    bomb = "ebb: 1\nx-a: &a [x,x,x,x,x,x,x,x,x,x]\n"
    for index in range(1, 9):
        before, after = "abcdefghij"[index - 1], "abcdefghij"[index]
        bomb += f"x-{after}: &{after} [" + ",".join([f"*{before}"] * 10) + "]\n"
    _, answer = check(ebb, device, bomb + "workflow: w\n")
    assert answer.code == 2, answer


def test_a_file_of_another_version(ebb, device):
    path, answer = check(ebb, device, HEAD.replace("ebb: 1", "ebb: 2") + STEP + RESULT)
    assert answer.code == 2, answer
    assert any("version 1" in sentence or "1" in sentence for _, _, sentence in faults_of(answer, path))


def test_warnings_alone_are_correct(ebb, device):
    path, answer = check(ebb, device, HEAD + STEP + RESULT + "    priority: 12\n")
    assert answer.code == 0, answer
    assert f"{path}:" in answer.out and "warning" in answer.out, answer


def test_several_files_and_json(ebb, device):
    good = device.workflow("good", HEAD + "results:\n  - name: out\n    from: { a: 1 }\n")
    bad = device.workflow("bad", HEAD + "resuts: []\n")
    answer = ebb("check", good, bad, device.folder / "none.yaml")
    assert answer.code == 2
    assert "none.yaml" in answer.err
    answer = ebb("check", good, bad, "--json")
    lines = answer.lines()
    assert [(line["file"], line["correct"]) for line in lines] == [(str(good), True), (str(bad), False)]
    assert [fault["text"] for fault in lines[1]["faults"] if fault["line"] == 4], lines
    assert answer.code == 2


def test_explain_says_defaults_and_which_evaluator(ebb, device):
    text = HEAD + STEP + RESULT + "      upper: ${ .steps.one.label | ascii_upcase }\n"
    _, answer = check(ebb, device, text, "--explain")
    assert answer.code == 0, answer
    for word in ("30s", "native", "jq", "block", "7d", "normal"):
        assert word in answer.out, (word, answer)
    _, answer = check(ebb, device, text, "--explain", "--json")
    assert "30s" in json.loads(answer.out)["explanation"]


def test_exit_codes_of_files_that_are_not_there(ebb, tmp_path):
    assert ebb("check", tmp_path / "none.yaml").code == 3
    assert ebb("check", tmp_path).code == 2
    large = tmp_path / "large.yaml"
    large.write_bytes(b"# " + b"x" * (2 << 20))
    answer = ebb("check", large)
    assert answer.code in (2, 7), answer


def test_an_agents_manifest_is_checked_as_one(ebb, device):
    folder = device.agent("look", AGENT)
    answer = ebb("check", folder / "agent.yaml")
    assert (answer.code, answer.out) == (0, ""), answer
    assert "agent look 1.2.0, kind process" in answer.err
    device.agent("look", AGENT.replace("version: 1.2.0", "version: one").replace("kind:", "knd:"))
    answer = ebb("check", "agent.yaml", folder=folder)
    assert answer.code == 2
    assert {line for line, _, _ in faults_of(answer, "./agent.yaml")} >= {3, 4}, answer


@pytest.fixture
def without(tmp_path):
    """The environment in which a shared library is not there."""
    shim = tmp_path / "no_library.so"
    source = pathlib.Path(__file__).with_name("no_library.c")
    subprocess.run(["cc", "-shared", "-fPIC", "-D_GNU_SOURCE", "-o", shim, source], check=True)
    return lambda name: {"LD_PRELOAD": str(shim), "NO_LIBRARY": name}


DRAWS = "kind: image\ndo: draw\ninputs: { image: image, objects: list }\noutputs: { image: image }\n"
ASKS = "kind: http\nurl: http://127.0.0.1/\n"
SEES = "kind: onnx\ninputs: { image: image }\nmodel: { file: m.onnx }\nbefore: { image: { scale: 1/255 } }\n"

@pytest.mark.parametrize("kind, library, package", [
    (DRAWS, "libturbojpeg.so.0", "libturbojpeg0"), (DRAWS, "libspng.so.0", "libspng0"),
    (SEES, "libturbojpeg.so.0", "libturbojpeg0"), (ASKS, "libcurl-gnutls.so.4", "libcurl3-gnutls")])
def test_a_library_that_an_agent_needs_and_is_not_there_is_named(ebb, device, without, kind, library, package):
    runtime = next(iter(devices.LIBRARIES.values()))
    if kind == SEES and not runtime.exists():
        pytest.skip(f"{runtime} is not here: make test fetches it")
    folder = device.agent("it", "ebb: 1\nagent: it\nversion: 1.0.0\n" + kind)
    (folder / "m.onnx").write_bytes(onnx_model.colours())
    inputs = {DRAWS: "image: '${ .event.image }', objects: []", SEES: "image: '${ .event.image }'", ASKS: ""}[kind]
    path = device.workflow("w", "ebb: 1\nworkflow: w\ntrigger: { watch: { path: INBOX } }\n"
                                f"steps: [{{ id: a, agent: it, with: {{ {inputs} }} }}]\n"
                                "results: [{ name: r, from: { x: 1 } }]\n")
    here = {"EBB_ONNXRUNTIME": str(runtime)}
    for words, code in (((folder / "agent.yaml",), 3), ((path, "--agents", device.agents), 2)):
        answer = ebb("check", *words, environment=here)
        assert answer.code == 0, answer
        answer = ebb("check", *words, environment=here | without(library))
        assert answer.code == code and package in answer.out + answer.err, answer
